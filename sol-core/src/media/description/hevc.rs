//! HEVC: its configuration record (ISO/IEC 14496-15, 8.3.3.1) and its sequence parameter set (ITU-T H.265, 7.3.2.2.1).

use crate::limits;

use super::super::units::without_emulation;
use super::bits::Bits;
use super::h264::signal;
use super::{Chroma, Codec, Colour, Description, FrameRate, Size, named};

/// An HEVCDecoderConfigurationRecord.
pub(super) fn describe(record: &[u8]) -> Option<Description> {
    let head: &[u8; HEAD] = record.first_chunk().filter(|head: &&[u8; HEAD]| head[0] == VERSION)?;
    let tier = ProfileTierLevel::read(&mut Bits::of(&head[1..13]))?;
    let set = first_sequence_set(record).and_then(Sequence::read);
    let picture = set.as_ref().map(|set| set.picture).unwrap_or_default();
    Some(Description {
        codec_string: Some(tier.codec_string()),
        profile: Some(tier.profile_name()),
        level: Some(format!("{}.{}", tier.level / 30, tier.level % 30 / 3)),
        size: set.as_ref().map(|set| set.size).filter(|_| !picture.is_field),
        frame_rate: picture.frame_rate.filter(|_| !picture.is_field),
        bit_depth: Some(set.as_ref().map_or(8 + (head[17] & 7), |set| set.depths[0])),
        chroma: set.as_ref().map(|set| set.chroma).or_else(|| Chroma::of_format((head[16] & 3).into())),
        colour: picture.colour,
        ..Description::of_codec(Codec::Hevc)
    })
}

/// A configuration record of parameter sets, for pictures whose lengths have so many bytes. `None` without sets that can be used,
/// and where one is too long for a record.
pub(in super::super) fn record_of(
    videos: &[&[u8]],
    sequences: &[&[u8]],
    pictures: &[&[u8]],
    length_bytes: usize,
) -> Option<Vec<u8>> {
    let set = Sequence::read(sequences.first()?)?;
    videos.first().and(pictures.first())?;
    if set.depths.iter().any(|depth| depth - 8 > 7) {
        // A record has no place for so many bits of a sample.
        return None;
    }
    let mut record = vec![VERSION];
    record.extend_from_slice(&set.tier.bytes);
    // No segments, no word on parallel decoding, nor on the frame rate.
    record.extend_from_slice(&[
        0xF0,
        0,
        0xFC,
        0xFC | set.chroma.format(),
        0xF8 | (set.depths[0] - 8),
        0xF8 | (set.depths[1] - 8),
    ]);
    record.extend_from_slice(&[
        0,
        0,
        set.layers << 3 | u8::from(set.is_nested) << 2 | (length_bytes as u8 - 1),
    ]);
    record.push(3);
    for (kind, units) in [(VIDEO_SET, videos), (SEQUENCE_SET, sequences), (PICTURE_SET, pictures)] {
        // All there are.
        record.push(0x80 | kind);
        record.extend_from_slice(&u16::try_from(units.len()).ok()?.to_be_bytes());
        for unit in units {
            record.extend_from_slice(&u16::try_from(unit.len()).ok()?.to_be_bytes());
            record.extend_from_slice(unit);
        }
    }
    Some(record)
}

fn first_sequence_set(record: &[u8]) -> Option<&[u8]> {
    let mut rest = record.get(HEAD..)?;
    for _ in 0..record[HEAD - 1] {
        let (&[kind, high, low], behind) = rest.split_first_chunk()?;
        rest = behind;
        for _ in 0..u16::from_be_bytes([high, low]) {
            let (&[high, low], behind) = rest.split_first_chunk()?;
            let (unit, behind) = behind.split_at_checked(u16::from_be_bytes([high, low]).into())?;
            if kind & 0x3F == SEQUENCE_SET {
                return Some(unit);
            }
            rest = behind;
        }
    }
    None
}

/// What a decoder must be able to do (7.3.3).
#[derive(Clone, Copy)]
struct ProfileTierLevel {
    /// As they stand in sets and in records.
    bytes: [u8; 12],
    space: u8,
    is_high_tier: bool,
    profile: u8,
    level: u8,
}

impl ProfileTierLevel {
    fn read(bits: &mut Bits<'_>) -> Option<ProfileTierLevel> {
        let mut bytes = [0; 12];
        for byte in &mut bytes {
            *byte = bits.byte(8)?;
        }
        let [first, .., level] = bytes;
        Some(ProfileTierLevel {
            bytes,
            space: first >> 6,
            is_high_tier: first & 0x20 != 0,
            profile: first & 0x1F,
            level,
        })
    }

    /// ISO/IEC 14496-15, E.3.
    fn codec_string(&self) -> String {
        let space = ["", "A", "B", "C"][usize::from(self.space)];
        let [_, a, b, c, d, constraints @ .., _] = &self.bytes;
        // The bit of the first profile is to be the lowest.
        let compatible = u32::from_be_bytes([*a, *b, *c, *d]).reverse_bits();
        let tier = if self.is_high_tier { 'H' } else { 'L' };
        let mut text = format!("hvc1.{space}{}.{compatible:X}.{tier}{}", self.profile, self.level);
        let said = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        for byte in &constraints[..said] {
            text.push_str(&format!(".{byte:X}"));
        }
        text
    }

    fn profile_name(&self) -> String {
        let name = match self.profile {
            1 => Some("Main"),
            2 => Some("Main 10"),
            3 => Some("Main Still Picture"),
            4 => Some("Range Extensions"),
            5 => Some("High Throughput"),
            6 => Some("Multiview Main"),
            7 => Some("Scalable Main"),
            8 => Some("3D Main"),
            9 => Some("Screen Content Coding"),
            10 => Some("Scalable Range Extensions"),
            11 => Some("High Throughput Screen Content Coding"),
            _ => None,
        };
        named(name, self.profile)
    }
}

/// A sequence parameter set, as far as it is asked for.
struct Sequence {
    tier: ProfileTierLevel,
    /// Temporal ones.
    layers: u8,
    is_nested: bool,
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
    /// Each is every other row of a frame, or so it says: with some encoders it is a whole frame all the same. So neither its height
    /// nor its rate says anything of frames.
    is_field: bool,
    frame_rate: Option<FrameRate>,
}

impl Sequence {
    fn read(unit: &[u8]) -> Option<Sequence> {
        let plain = without_emulation(unit, limits::PARAMETER_SET_BYTES);
        let mut bits = Bits::of(&plain);
        // The header of the unit: a bit that is zero, its kind, layers.
        if bits.read(16)? >> 9 & 0x3F != u32::from(SEQUENCE_SET) {
            return None;
        }
        bits.skip(4)?;
        let layers = bits.byte(3).filter(|&more| more < LAYERS)? + 1;
        let is_nested = bits.flag()?;
        let tier = ProfileTierLevel::read(&mut bits)?;
        skip_layers(&mut bits, layers)?;
        bits.golomb()?;
        let chroma = Chroma::of_format(bits.golomb()?)?;
        // Whether its three parts are coded each by itself.
        bits.skip(u32::from(chroma == Chroma::C444))?;
        let mut size = Size::plausible(bits.golomb()?, bits.golomb()?)?;
        if bits.flag()? {
            let sides = [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
            size = size.cropped(sides, chroma.pixels())?;
        }
        let depths = [8 + bits.count(8)? as u8, 8 + bits.count(8)? as u8];
        let mut set = Sequence { tier, layers, is_nested, chroma, depths, size, picture: Picture::default() };
        // What cannot be read to its end has said what it had to say before.
        set.read_on(&mut bits);
        Some(set)
    }

    /// What stands behind the size.
    fn read_on(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let order_bits = bits.count(12)? + 4;
        let described_layers = if bits.flag()? { self.layers } else { 1 };
        for _ in 0..3 * described_layers {
            bits.golomb()?;
        }
        for _ in 0..6 {
            bits.golomb()?;
        }
        if bits.flag()? && bits.flag()? {
            skip_scaling_lists(bits)?;
        }
        bits.skip(2)?;
        if bits.flag()? {
            bits.skip(8)?;
            bits.golomb()?;
            bits.golomb()?;
            bits.skip(1)?;
        }
        skip_reference_sets(bits)?;
        if bits.flag()? {
            let long_term = bits.count(32)?;
            bits.skip(long_term * (order_bits + 1))?;
        }
        bits.skip(2)?;
        if bits.flag()? {
            self.picture.read(bits)?;
        }
        Some(())
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
        bits.skip(1)?;
        self.is_field = bits.flag()?;
        bits.skip(1)?;
        if bits.flag()? {
            for _ in 0..4 {
                bits.golomb()?;
            }
        }
        if bits.flag()? {
            let (ticks, in_a_second) = (bits.read(32)?, bits.read(32)?);
            self.frame_rate = FrameRate::plausible(in_a_second.into(), ticks.into());
        }
        Some(())
    }
}

/// What is said of each temporal layer but the highest.
fn skip_layers(bits: &mut Bits<'_>, layers: u8) -> Option<()> {
    if layers == 1 {
        return Some(());
    }
    // There is room for one more than there may be.
    let present = bits.read(16)?;
    for layer in 0..u32::from(layers) - 1 {
        let [has_profile, has_level] = [15 - 2 * layer, 14 - 2 * layer].map(|bit| present >> bit & 1);
        bits.skip(88 * has_profile + 8 * has_level)?;
    }
    Some(())
}

/// Scaling lists, whose values are not wanted (7.3.4).
fn skip_scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
    for size in 0..4_u32 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.flag()? {
                bits.golomb()?;
                continue;
            }
            if size > 1 {
                bits.golomb()?;
            }
            for _ in 0..64.min(1 << (4 + 2 * size)) {
                bits.golomb()?;
            }
        }
    }
    Some(())
}

/// Which pictures a picture may refer to, for every way there is (7.3.7).
fn skip_reference_sets(bits: &mut Bits<'_>) -> Option<()> {
    const SETS: u32 = 64;
    const PICTURES: u32 = 16;
    let mut pictures = 0;
    for set in 0..bits.count(SETS)? {
        // Whether it is like the one before, but for a few.
        if set > 0 && bits.flag()? {
            bits.skip(1)?;
            bits.golomb()?;
            let mut kept = 0;
            for _ in 0..=pictures {
                let is_used = bits.flag()?;
                kept += u32::from(is_used || bits.flag()?);
            }
            pictures = kept;
        } else {
            pictures = bits.count(PICTURES)? + bits.count(PICTURES)?;
            for _ in 0..pictures {
                bits.golomb()?;
                bits.skip(1)?;
            }
        }
        if pictures > PICTURES {
            return None;
        }
    }
    Some(())
}

/// The only version of a record that there is.
const VERSION: u8 = 1;

/// Temporal ones, at most (H.265, 7.4.3.2.1).
const LAYERS: u8 = 7;

/// Up to and with the number of arrays.
const HEAD: usize = 23;

// Kinds of units (H.265, table 7-1).
const VIDEO_SET: u8 = 32;
const SEQUENCE_SET: u8 = 33;
const PICTURE_SET: u8 = 34;
