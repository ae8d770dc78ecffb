//! VVC: its configuration record (ISO/IEC 14496-15, 11.2.4.2). Its parameter sets are not read: the record says what is asked for.

use super::bits::Bits;
use super::{Chroma, Codec, Description, Size, named};

/// A VvcDecoderConfigurationRecord.
pub(super) fn describe(record: &[u8]) -> Option<Description> {
    const RESERVED: u32 = 0x1F;
    let mut bits = Bits::of(record);
    if bits.read(5)? != RESERVED {
        return None;
    }
    bits.skip(2)?;
    if !bits.flag()? {
        return None;
    }
    bits.skip(9)?;
    let layers = bits.read(3)?;
    bits.skip(2)?;
    let chroma = Chroma::of_format(bits.read(2)?);
    let bit_depth = bits.byte(3)? + 8;
    bits.skip(5 + 2)?;
    let constraint_bytes = bits.read(6)?;
    let profile = bits.byte(7)?;
    let is_high_tier = bits.flag()?;
    let level = bits.byte(8)?;
    bits.skip(8 * constraint_bytes.max(1))?;
    let mut levels = 0;
    for _ in 1..layers {
        levels += u32::from(bits.flag()?);
    }
    bits.align();
    bits.skip(8 * levels)?;
    let sub_profiles = bits.read(8)?;
    bits.skip(32 * sub_profiles)?;
    let size = Size::plausible(bits.read(16)?, bits.read(16)?);
    let name = match profile {
        1 => Some("Main 10"),
        2 => Some("Main 12"),
        17 => Some("Multilayer Main 10"),
        33 => Some("Main 10 4:4:4"),
        34 => Some("Main 12 4:4:4"),
        65 => Some("Main 10 Still Picture"),
        97 => Some("Main 10 4:4:4 Still Picture"),
        _ => None,
    };
    let tier = if is_high_tier { 'H' } else { 'L' };
    Some(Description {
        codec_string: Some(format!("vvc1.{profile}.{tier}{level}")),
        profile: Some(named(name, profile)),
        level: Some(format!("{}.{}", level / 16, level % 16 / 3)),
        size,
        bit_depth: Some(bit_depth),
        chroma,
        ..Description::of_codec(Codec::Vvc)
    })
}
