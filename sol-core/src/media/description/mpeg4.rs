//! MPEG-4 audio: the AudioSpecificConfig of AAC (ISO/IEC 14496-3, 1.6.2.1).

use super::bits::Bits;
use super::{Codec, Description};

/// An AudioSpecificConfig.
pub(super) fn describe(config: &[u8]) -> Option<Description> {
    let mut bits = Bits::of(config);
    let mut kind = object_type(&mut bits)?;
    let mut sample_rate = rate(&mut bits)?;
    let layout = bits.read(4)?;
    let mut outer = None;
    if matches!(kind, SPECTRAL_BANDS | PARAMETRIC_STEREO) {
        // Said in front of what it is built on.
        outer = Some(kind);
        sample_rate = rate(&mut bits)?;
        kind = object_type(&mut bits)?;
    }
    let mut channels = channels_of(layout);
    if matches!(kind, MAIN..=LTP) {
        // Read as far as it goes: what cannot be read to its end has said what it had to say before.
        let named = channels_of_general(&mut bits, layout);
        channels = channels.or(named.flatten());
        if outer.is_none()
            && named.is_some()
            && let Some((extension, extended_rate)) = extension(&mut bits)
        {
            outer = Some(extension);
            sample_rate = extended_rate;
        }
    }
    if outer == Some(PARAMETRIC_STEREO) && channels == Some(1) {
        channels = Some(2);
    }
    let kind = outer.unwrap_or(kind);
    let name = match kind {
        MAIN => "Main",
        2 => "LC",
        3 => "SSR",
        LTP => "LTP",
        SPECTRAL_BANDS => "HE-AAC",
        23 => "LD",
        PARAMETRIC_STEREO => "HE-AAC v2",
        39 => "ELD",
        42 => "xHE-AAC",
        _ => "",
    };
    Some(Description {
        codec_string: Some(format!("mp4a.40.{kind}")),
        profile: Some(if name.is_empty() { format!("object type {kind}") } else { name.to_owned() }),
        channels: channels.filter(|&channels| channels > 0),
        sample_rate: Some(sample_rate).filter(|&rate| rate > 0),
        ..Description::of_codec(Codec::Aac)
    })
}

fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.read(5)? {
        31 => Some(32 + bits.read(6)?),
        short => Some(short),
    }
}

fn rate(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.read(4)? {
        15 => bits.read(24),
        index => RATES.get(index as usize).copied(),
    }
}

/// By the number of a layout (table 1.19); `None` where it is told apart.
fn channels_of(layout: u32) -> Option<u8> {
    match layout {
        1..=6 => Some(layout as u8),
        7 | 12 | 14 => Some(8),
        11 => Some(7),
        13 => Some(24),
        _ => None,
    }
}

/// Behind the beginning of a GASpecificConfig (4.4.1), in which layout 0 is told.
fn channels_of_general(bits: &mut Bits<'_>, layout: u32) -> Option<Option<u8>> {
    bits.skip(1)?;
    if bits.flag()? {
        bits.skip(14)?;
    }
    bits.skip(1)?;
    if layout != 0 {
        return Some(None);
    }
    // A program_config_element (4.4.1.1).
    bits.skip(4 + 2 + 4)?;
    let [front, side, back] = [bits.read(4)?, bits.read(4)?, bits.read(4)?];
    let low = bits.read(2)?;
    let (associated, coupled) = (bits.read(3)?, bits.read(4)?);
    for mixdown_bits in [4, 4, 3] {
        if bits.flag()? {
            bits.skip(mixdown_bits)?;
        }
    }
    let mut channels = low as u8;
    for _ in 0..front + side + back {
        channels += if bits.flag()? { 2 } else { 1 };
        bits.skip(4)?;
    }
    bits.skip(4 * (low + associated) + 5 * coupled)?;
    bits.align();
    let comment_bytes = bits.read(8)?;
    bits.skip(8 * comment_bytes)?;
    Some(Some(channels))
}

/// What decoders that know nothing of it pass over: the object type around this one, and its rate (1.6.2.1).
fn extension(bits: &mut Bits<'_>) -> Option<(u32, u32)> {
    const SYNC: u32 = 0x2B7;
    const SYNC_STEREO: u32 = 0x548;
    if bits.read(11)? != SYNC || object_type(bits)? != SPECTRAL_BANDS || !bits.flag()? {
        return None;
    }
    let rate = rate(bits)?;
    let has_stereo = bits.read(11) == Some(SYNC_STEREO) && bits.flag() == Some(true);
    Some((if has_stereo { PARAMETRIC_STEREO } else { SPECTRAL_BANDS }, rate))
}

// Object types (table 1.17).
const MAIN: u32 = 1;
const LTP: u32 = 4;
const SPECTRAL_BANDS: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
