//! AV1: its configuration record (AV1-ISOBMFF, 2.3.3) and its sequence header (AV1 Bitstream & Decoding Process, 5.5).

use super::bits::Bits;
use super::{Chroma, Codec, Colour, Description, FrameRate, Size, named};

/// An AV1CodecConfigurationRecord.
pub(super) fn describe(record: &[u8]) -> Option<Description> {
    let &[0x81, profile_and_level, depths, _] = record.first_chunk()? else { return None };
    let (profile, level) = (profile_and_level >> 5, profile_and_level & 0x1F);
    let [is_high_tier, is_deep, is_12_bit, is_monochrome, halves_width, halves_height] =
        [7, 6, 5, 4, 3, 2].map(|bit| depths >> bit & 1 == 1);
    let bit_depth = depth(profile, is_deep, is_12_bit);
    let chroma = chroma(is_monochrome, halves_width, halves_height);
    let header = sequence_header(&record[4..]).and_then(SequenceHeader::read);
    let name = ["Main", "High", "Professional"].get(usize::from(profile)).copied();
    let tier = if is_high_tier { 'H' } else { 'M' };
    let mut codec_string = format!("av01.{profile}.{level:02}{tier}.{bit_depth:02}");
    let colour = header.as_ref().and_then(|header| header.colour);
    if let Some(colour) = colour.filter(|colour| chroma != Chroma::C420 || !colour.is_common()) {
        // All of these, or none (AV1-ISOBMFF, 5): none stands for 4:2:0. The two bits of chroma, and where its samples are.
        let [mono, x, y] = [is_monochrome, halves_width, halves_height].map(u8::from);
        let Colour { primaries, transfer, matrix, is_full_range } = colour;
        let range = u8::from(is_full_range == Some(true));
        let place = if chroma == Chroma::C420 { depths & 3 } else { 0 };
        codec_string
            .push_str(&format!(".{mono}.{x}{y}{place}.{primaries:02}.{transfer:02}.{matrix:02}.{range}"));
    }
    Some(Description {
        codec_string: (colour.is_some() || chroma == Chroma::C420).then_some(codec_string),
        profile: Some(named(name, profile)),
        // The highest stands for "whatever it takes".
        level: (level < 31).then(|| format!("{}.{}", 2 + level / 4, level % 4)),
        size: header.as_ref().and_then(|header| header.size),
        frame_rate: header.as_ref().and_then(|header| header.frame_rate),
        bit_depth: Some(bit_depth),
        chroma: Some(chroma),
        colour,
        ..Description::of_codec(Codec::Av1)
    })
}

fn depth(profile: u8, is_deep: bool, is_12_bit: bool) -> u8 {
    match (is_deep, is_12_bit) {
        (true, true) if profile == 2 => 12,
        (true, _) => 10,
        (false, _) => 8,
    }
}

fn chroma(is_monochrome: bool, halves_width: bool, halves_height: bool) -> Chroma {
    match (is_monochrome, halves_width, halves_height) {
        (true, _, _) => Chroma::Monochrome,
        (false, true, true) => Chroma::C420,
        (false, true, false) => Chroma::C422,
        (false, false, _) => Chroma::C444,
    }
}

/// The body of the first unit, if that is a sequence header; no other may be the first (2.3.4).
fn sequence_header(units: &[u8]) -> Option<&[u8]> {
    const SEQUENCE_HEADER: u8 = 1;
    let (&header, mut unit) = units.split_first()?;
    if header & 0x04 != 0 {
        unit = unit.get(1..)?;
    }
    if header & 0x02 != 0 {
        // Its size, in bytes of seven bits.
        let length = unit.iter().position(|byte| byte & 0x80 == 0)?;
        unit = unit.get(length + 1..)?;
    }
    (header >> 3 & 0x0F == SEQUENCE_HEADER).then_some(unit)
}

/// A sequence header, as far as it is asked for.
#[derive(Default)]
struct SequenceHeader {
    frame_rate: Option<FrameRate>,
    size: Option<Size>,
    colour: Option<Colour>,
}

impl SequenceHeader {
    /// Up to where it can be read.
    fn read(header: &[u8]) -> Option<SequenceHeader> {
        let mut all = SequenceHeader::default();
        all.read_on(&mut Bits::of(header));
        Some(all)
    }

    fn read_on(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let profile = bits.read(3)?;
        bits.skip(1)?;
        let is_reduced = bits.flag()?;
        if is_reduced {
            bits.skip(5)?;
        } else {
            self.read_operating_points(bits)?;
        }
        let (width_bits, height_bits) = (bits.read(4)? + 1, bits.read(4)? + 1);
        self.size = Size::plausible(bits.read(width_bits)? + 1, bits.read(height_bits)? + 1);
        if !is_reduced && bits.flag()? {
            bits.skip(4 + 3)?;
        }
        bits.skip(3)?;
        if !is_reduced {
            skip_tools(bits)?;
        }
        bits.skip(3)?;
        self.colour = Some(read_colour(bits, profile)?);
        Some(())
    }

    fn read_operating_points(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let mut delay_bits = None;
        if bits.flag()? {
            let (ticks, in_a_second) = (bits.read(32)?, bits.read(32)?);
            if bits.flag()? {
                let each = u64::from(bits.golomb()?) + 1;
                let seconds = u64::from(ticks) * each;
                self.frame_rate = FrameRate::plausible(in_a_second.into(), seconds);
            }
            if bits.flag()? {
                delay_bits = Some(bits.read(5)? + 1);
                bits.skip(32 + 10)?;
            }
        }
        let has_display_delay = bits.flag()?;
        for _ in 0..=bits.read(5)? {
            bits.skip(12)?;
            if bits.read(5)? > 7 {
                bits.skip(1)?;
            }
            if let Some(delay_bits) = delay_bits
                && bits.flag()?
            {
                bits.skip(2 * delay_bits + 1)?;
            }
            if has_display_delay && bits.flag()? {
                bits.skip(4)?;
            }
        }
        Some(())
    }
}

/// Which tools of coding are in use.
fn skip_tools(bits: &mut Bits<'_>) -> Option<()> {
    bits.skip(4)?;
    let has_order = bits.flag()?;
    if has_order {
        bits.skip(2)?;
    }
    // Tools for screen content: up to each picture, or said here.
    let may_be_screen = bits.flag()? || bits.flag()?;
    if may_be_screen && !bits.flag()? {
        bits.skip(1)?;
    }
    bits.skip(if has_order { 3 } else { 0 })
}

/// 5.5.2.
fn read_colour(bits: &mut Bits<'_>, profile: u32) -> Option<Colour> {
    let is_deep = bits.flag()?;
    if profile == 2 && is_deep {
        bits.skip(1)?;
    }
    let is_monochrome = profile != 1 && bits.flag()?;
    let unknown = Colour::UNSPECIFIED;
    let mut colour = Colour { primaries: unknown, transfer: unknown, matrix: unknown, is_full_range: None };
    if bits.flag()? {
        colour = Colour::read(bits, None)?;
    }
    let is_rgb = !is_monochrome && [colour.primaries, colour.transfer, colour.matrix] == [1, 13, 0];
    colour.is_full_range = Some(is_rgb || bits.flag()?);
    Some(colour)
}
