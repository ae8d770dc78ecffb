//! H.264: its configuration record (ISO/IEC 14496-15, 5.3.3.1) and its sequence parameter set (ITU-T H.264, 7.3.2.1.1).

use crate::limits;

use super::super::units::without_emulation;
use super::bits::Bits;
use super::{Chroma, Codec, Colour, Description, FrameRate, Size, named};

/// An AVCDecoderConfigurationRecord.
pub(super) fn describe(record: &[u8]) -> Option<Description> {
    let &[VERSION, profile, constraints, level] = record.first_chunk()? else { return None };
    let set = first_set(record).and_then(Sequence::read);
    let picture = set.map(|set| set.picture).unwrap_or_default();
    Some(Description {
        codec_string: Some(format!("avc1.{profile:02X}{constraints:02X}{level:02X}")),
        profile: Some(profile_name(profile, constraints)),
        level: Some(level_name(profile, constraints, level)),
        size: set.map(|set| set.size),
        frame_rate: picture.frame_rate,
        bit_depth: set.map(|set| set.depths[0]),
        chroma: set.map(|set| set.chroma),
        colour: picture.colour,
        ..Description::of_codec(Codec::H264)
    })
}

/// A configuration record of parameter sets, for pictures whose lengths have so many bytes. `None` without sets that can be used,
/// and where one is too long for a record.
pub(in super::super) fn record_of(
    sequences: &[&[u8]],
    pictures: &[&[u8]],
    length_bytes: usize,
) -> Option<Vec<u8>> {
    let (sequences, pictures) =
        (sequences.get(..sequences.len().min(31))?, pictures.get(..pictures.len().min(255))?);
    let first = sequences.first()?;
    let set = Sequence::read(first)?;
    pictures.first()?;
    let &[_, profile, constraints, level] = first.first_chunk()?;
    let mut record = vec![
        VERSION,
        profile,
        constraints,
        level,
        0xFC | (length_bytes as u8 - 1),
        0xE0 | sequences.len() as u8,
    ];
    for (index, set) in sequences.iter().chain(pictures).enumerate() {
        if index == sequences.len() {
            record.push(pictures.len() as u8);
        }
        record.extend_from_slice(&u16::try_from(set.len()).ok()?.to_be_bytes());
        record.extend_from_slice(set);
    }
    if has_chroma(profile) {
        let [luma, chroma] = set.depths;
        record.extend_from_slice(&[0xFC | set.chroma.format(), 0xF8 | (luma - 8), 0xF8 | (chroma - 8), 0]);
    }
    Some(record)
}

fn first_set(record: &[u8]) -> Option<&[u8]> {
    let &[_, _, _, _, _, sets, high, low] = record.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    record.get(8..)?.get(..length).filter(|_| sets & 0x1F > 0)
}

/// A sequence parameter set, as far as it is asked for.
#[derive(Clone, Copy)]
struct Sequence {
    chroma: Chroma,
    /// Of luma and of chroma.
    depths: [u8; 2],
    size: Size,
    picture: Picture,
}

/// What may be said of pictures beside how they are coded (annex E).
#[derive(Clone, Copy, Default)]
struct Picture {
    colour: Option<Colour>,
    frame_rate: Option<FrameRate>,
}

impl Sequence {
    fn read(unit: &[u8]) -> Option<Sequence> {
        let plain = without_emulation(unit, limits::PARAMETER_SET_BYTES);
        let mut bits = Bits::of(&plain);
        // The header of the unit.
        if bits.read(8)? & 0x1F != SEQUENCE_SET {
            return None;
        }
        let profile = bits.byte(8)?;
        bits.skip(16)?;
        bits.golomb()?;
        let mut chroma = Chroma::C420;
        let mut depths = [8, 8];
        if has_chroma(profile) {
            chroma = Chroma::of_format(bits.golomb()?)?;
            // Whether its three parts are coded each by itself.
            bits.skip(u32::from(chroma == Chroma::C444))?;
            depths = [8 + bits.count(6)? as u8, 8 + bits.count(6)? as u8];
            bits.skip(1)?;
            if bits.flag()? {
                skip_scaling_lists(&mut bits, if chroma == Chroma::C444 { 12 } else { 8 })?;
            }
        }
        skip_order(&mut bits)?;
        bits.golomb()?;
        bits.skip(1)?;
        let width = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
        let map_units = bits.golomb()?.checked_add(1)?;
        let frames_only = bits.flag()?;
        let fields = if frames_only { 1 } else { 2 };
        let size = Size::plausible(width, map_units.checked_mul(16 * fields)?)?;
        bits.skip(if frames_only { 1 } else { 2 })?;
        let size = if bits.flag()? {
            let sides = [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
            let (across, down) = chroma.pixels();
            size.cropped(sides, (across, fields * down))?
        } else {
            size
        };
        let mut picture = Picture::default();
        if bits.flag() == Some(true) {
            // What cannot be read to its end has said what it had to say before.
            picture.read(&mut bits);
        }
        Some(Sequence { chroma, depths, size, picture })
    }
}

impl Picture {
    fn read(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        const OWN_ASPECT: u32 = 255;
        if bits.flag()? && bits.read(8)? == OWN_ASPECT {
            bits.skip(32)?;
        }
        if bits.flag()? {
            bits.skip(1)?;
        }
        self.colour = signal(bits)?;
        if bits.flag()? {
            bits.golomb()?;
            bits.golomb()?;
        }
        if bits.flag()? {
            // A tick is that of a field.
            let (ticks, in_a_second) = (bits.read(32)?, bits.read(32)?);
            self.frame_rate = FrameRate::plausible(in_a_second.into(), 2 * u64::from(ticks));
        }
        Some(())
    }
}

/// The type of the video signal, which HEVC has as well (E.1.1).
pub(super) fn signal(bits: &mut Bits<'_>) -> Option<Option<Colour>> {
    if !bits.flag()? {
        return Some(None);
    }
    bits.skip(3)?;
    let is_full_range = Some(bits.flag()?);
    if bits.flag()? {
        return Colour::read(bits, is_full_range).map(Some);
    }
    let unknown = Colour::UNSPECIFIED;
    Some(Some(Colour { primaries: unknown, transfer: unknown, matrix: unknown, is_full_range }))
}

/// The order in which pictures are shown.
fn skip_order(bits: &mut Bits<'_>) -> Option<()> {
    bits.golomb()?;
    match bits.golomb()? {
        0 => drop(bits.golomb()?),
        1 => {
            bits.skip(1)?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.count(255)? {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    Some(())
}

/// Scaling lists, whose values are not wanted (7.3.2.1.1.1).
fn skip_scaling_lists(bits: &mut Bits<'_>, lists: u32) -> Option<()> {
    for list in 0..lists {
        if !bits.flag()? {
            continue;
        }
        let (mut last, mut next) = (8_i64, 8_i64);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + bits.signed_golomb()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Some(())
}

/// Whether sets of that profile say where there is colour and how many bits a sample has.
fn has_chroma(profile: u8) -> bool {
    matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

fn profile_name(profile: u8, constraints: u8) -> String {
    let [is_constrained, is_intra] = [0x40, 0x10].map(|bit| constraints & bit != 0);
    let name = match profile {
        44 => Some("CAVLC 4:4:4 Intra"),
        66 if is_constrained => Some("Constrained Baseline"),
        66 => Some("Baseline"),
        77 => Some("Main"),
        88 => Some("Extended"),
        100 => Some("High"),
        110 if is_intra => Some("High 10 Intra"),
        110 => Some("High 10"),
        122 if is_intra => Some("High 4:2:2 Intra"),
        122 => Some("High 4:2:2"),
        244 if is_intra => Some("High 4:4:4 Intra"),
        244 => Some("High 4:4:4 Predictive"),
        83 => Some("Scalable Baseline"),
        86 => Some("Scalable High"),
        118 => Some("Multiview High"),
        128 => Some("Stereo High"),
        _ => None,
    };
    named(name, profile)
}

fn level_name(profile: u8, constraints: u8, level: u8) -> String {
    let is_1b = level == 9 || (level == 11 && constraints & 0x10 != 0 && matches!(profile, 66 | 77 | 88));
    if is_1b { "1b".to_owned() } else { format!("{}.{}", level / 10, level % 10) }
}

const VERSION: u8 = 1;

/// Kind of unit (H.264, table 7-1).
const SEQUENCE_SET: u32 = 7;
