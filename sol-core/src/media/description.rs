//! Description: what a decoder configuration says of its track, in numbers that people and programs ask for.
//!
//! Read from the record that stands behind a tag's header: H.264 (ISO/IEC 14496-15, 5.3.3), HEVC (8.3.3), VVC (11.2.4), AV1
//! (AV1-ISOBMFF, 2.3), VP8 and VP9 (VP Codec ISO Media File Format Binding), AAC (ISO/IEC 14496-3, 1.6.2.1), Opus (RFC 7845, 5.1),
//! FLAC (RFC 9639, 8.2). Readers of our own, since the core has few dependencies and none of them a decoder's.
//!
//! Invariants: whatever the bytes, reading does not panic, takes time in proportion to them, and takes no memory for what they
//! declare. What cannot be read, or cannot be true, is not said.

mod av1;
mod bits;
mod colour;
mod h264;
mod hevc;
mod known;
mod mpeg4;
mod vp;
mod vvc;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use colour::{Chroma, Colour, ColourInfo, ContentLight, Hdr, MasteringDisplay, Primary};

pub(crate) use known::KnownTracks;

pub(super) use h264::record_of as h264_record_of;
pub(super) use hevc::record_of as hevc_record_of;

use std::fmt;

use bits::Bits;

use super::Codec;

/// What is known of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its codec.
    pub codec: Codec,
    /// Codec with profile and level, as browsers and playlists want it (RFC 6381): `avc1.64001F`.
    pub codec_string: Option<String>,
    /// Name of the profile as its specification has it.
    pub profile: Option<String>,
    /// The level: `3.1`, or `1b`.
    pub level: Option<String>,
    /// Of the picture that is shown, not of the larger one that is coded.
    pub size: Option<Size>,
    /// How many pictures there are in a second, where the encoder has said it.
    pub frame_rate: Option<FrameRate>,
    /// Bits of a sample: of luma, or of sound that is kept without loss.
    pub bit_depth: Option<u8>,
    /// Where the picture has colour.
    pub chroma: Option<Chroma>,
    /// What its colours mean.
    pub colour: Option<Colour>,
    /// Channels of sound.
    pub channels: Option<u8>,
    /// Samples of sound in a second, for each channel.
    pub sample_rate: Option<u32>,
}

/// Width and height in pixels. Neither is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// So many frames in so many seconds: 30 000 in 1 001. Neither is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRate {
    /// How many.
    pub frames: u32,
    /// In which time.
    pub seconds: u32,
}

impl Description {
    /// What is known by the codec alone.
    pub fn of_codec(codec: Codec) -> Description {
        let codec_string = match codec {
            Codec::Mp3 => Some("mp3"),
            Codec::Opus => Some("opus"),
            Codec::Flac => Some("fLaC"),
            Codec::Ac3 => Some("ac-3"),
            Codec::Eac3 => Some("ec-3"),
            Codec::Vp8 => Some("vp8"),
            Codec::H264
            | Codec::Hevc
            | Codec::Vvc
            | Codec::Av1
            | Codec::Vp9
            | Codec::Sorenson
            | Codec::Vp6
            | Codec::ScreenVideo
            | Codec::Aac
            | Codec::Speex
            | Codec::Nellymoser
            | Codec::Pcm
            | Codec::Adpcm
            | Codec::G711ALaw
            | Codec::G711MuLaw
            | Codec::UnknownVideo(_)
            | Codec::UnknownAudio(_)
            | Codec::UnknownFourCc(_) => None,
        };
        Description {
            codec,
            codec_string: codec_string.map(str::to_owned),
            profile: None,
            level: None,
            size: None,
            frame_rate: None,
            bit_depth: None,
            chroma: None,
            colour: None,
            channels: None,
            sample_rate: None,
        }
    }

    /// What a configuration says, as [`Content::configuration`](super::Content::configuration) has it; as far as it can be read.
    /// Costs time in proportion to its length.
    pub fn of(codec: Codec, record: &[u8]) -> Description {
        let described = match codec {
            Codec::H264 => h264::describe(record),
            Codec::Hevc => hevc::describe(record),
            Codec::Vvc => vvc::describe(record),
            Codec::Av1 => av1::describe(record),
            Codec::Vp8 | Codec::Vp9 => vp::describe(codec, record),
            Codec::Aac => mpeg4::describe(record),
            Codec::Opus => opus(record),
            Codec::Flac => flac(record),
            Codec::Sorenson
            | Codec::Vp6
            | Codec::ScreenVideo
            | Codec::Mp3
            | Codec::Ac3
            | Codec::Eac3
            | Codec::Speex
            | Codec::Nellymoser
            | Codec::Pcm
            | Codec::Adpcm
            | Codec::G711ALaw
            | Codec::G711MuLaw
            | Codec::UnknownVideo(_)
            | Codec::UnknownAudio(_)
            | Codec::UnknownFourCc(_) => None,
        };
        described.unwrap_or_else(|| Description::of_codec(codec))
    }

    /// What the first byte of a legacy audio payload says of sound that needs no configuration (FLV 10.1, E.4.2.1). `None` for
    /// enhanced tags and for AAC, which say nothing there.
    pub fn of_plain_audio(payload: &[u8]) -> Option<Description> {
        let &first = payload.first()?;
        let (_, codec) = Codec::of_audio(&[first])?;
        let channels = (first & 1) + 1;
        let (sample_rate, channels) = match codec {
            Codec::Aac => return None,
            Codec::G711ALaw | Codec::G711MuLaw => (8_000, channels),
            // Mono, whatever stands there.
            Codec::Speex => (16_000, 1),
            // Ids of their own: Nellymoser at 16 and at 8 kHz, both mono, and MP3 at 8 kHz.
            Codec::Nellymoser if first >> 4 == 4 => (16_000, 1),
            Codec::Nellymoser if first >> 4 == 5 => (8_000, 1),
            Codec::Mp3 if first >> 4 == 14 => (8_000, channels),
            _ => ([5_512, 11_025, 22_050, 44_100][usize::from(first >> 2 & 3)], channels),
        };
        Some(Description {
            channels: Some(channels),
            sample_rate: Some(sample_rate),
            ..Description::of_codec(codec)
        })
    }

    /// The same, where the publisher says what its colours mean beside the configuration (Enhanced RTMP v2, colorInfo). What it
    /// leaves open is as the configuration has it.
    #[must_use]
    pub fn with(mut self, info: &ColourInfo) -> Description {
        self.bit_depth = info.bit_depth.or(self.bit_depth);
        self.colour = match (self.colour, info.colour) {
            (Some(own), Some(said)) => Some(own.with(said)),
            (own, said) => said.or(own),
        };
        self
    }

    /// Which kind of high dynamic range the picture has; `None` where it has none, or nobody says so.
    pub fn hdr(&self) -> Option<Hdr> {
        self.colour.and_then(|colour| colour.hdr(self.bit_depth))
    }
}

/// In words, but for the codec: `High, level 3.1, 1280x720, 30 fps`. Eight bits and colour for every fourth pixel go without saying.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.profile.clone());
        words.extend(self.level.as_ref().map(|level| format!("level {level}")));
        words.extend(self.size.map(|size| size.to_string()));
        words.extend(self.frame_rate.map(|rate| format!("{rate} fps")));
        words.extend(self.bit_depth.filter(|&bits| bits != 8).map(|bits| format!("{bits} bit")));
        words.extend(self.chroma.filter(|&chroma| chroma != Chroma::C420).map(|chroma| chroma.to_string()));
        words.extend(self.hdr().map(|hdr| hdr.to_string()));
        words.extend(self.sample_rate.map(|rate| format!("{rate} Hz")));
        words.extend(self.channels.map(|channels| match channels {
            1 => "mono".to_owned(),
            2 => "stereo".to_owned(),
            channels => format!("{channels} channels"),
        }));
        f.write_str(&words.join(", "))
    }
}

impl Size {
    /// `None` where it cannot be true.
    fn plausible(width: u32, height: u32) -> Option<Size> {
        let is_true = |length: u32| (1..=LONGEST_SIDE).contains(&length);
        (is_true(width) && is_true(height)).then_some(Size { width, height })
    }

    /// Without the parts that are not shown: left, right, top and bottom, in units of so many pixels.
    fn cropped(self, sides: [u32; 4], unit: (u32, u32)) -> Option<Size> {
        let [left, right, top, bottom] = sides;
        let width = self.width.checked_sub(left.checked_add(right)?.checked_mul(unit.0)?)?;
        let height = self.height.checked_sub(top.checked_add(bottom)?.checked_mul(unit.1)?)?;
        Size::plausible(width, height)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FrameRate {
    /// `None` where it cannot be true.
    fn plausible(frames: u64, seconds: u64) -> Option<FrameRate> {
        let divisor = common_divisor(frames, seconds);
        let rate = FrameRate {
            frames: u32::try_from(frames.checked_div(divisor)?).ok()?,
            seconds: u32::try_from(seconds.checked_div(divisor)?).ok()?,
        };
        (LOWEST_RATE..=HIGHEST_RATE).contains(&rate.per_second()).then_some(rate)
    }

    /// How many frames in one second.
    pub fn per_second(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds)
    }
}

/// `30`, or `29.97`.
impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", (self.per_second() * 100.0).round() / 100.0)
    }
}

fn common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// A known name, or the number.
fn named(name: Option<&str>, number: u8) -> String {
    name.map_or_else(|| format!("profile {number}"), str::to_owned)
}

fn opus(record: &[u8]) -> Option<Description> {
    let described = Description::of_codec(Codec::Opus);
    let &channels = record.strip_prefix(b"OpusHead")?.get(1)?;
    // Whatever the input had, Opus is decoded at 48 kHz.
    Some(Description {
        channels: Some(channels).filter(|&channels| channels > 0),
        sample_rate: Some(48_000),
        ..described
    })
}

fn flac(record: &[u8]) -> Option<Description> {
    // FFmpeg leaves out the marker and the header of the block (seen from 9.0). Sizes of blocks and frames stand before what is
    // asked for.
    let info = record.strip_prefix(b"fLaC").map_or(Some(record), |behind| behind.get(4..))?;
    let mut bits = Bits::of(info.get(10..)?);
    let sample_rate = bits.read(20)?;
    let channels = bits.byte(3)? + 1;
    let bit_depth = bits.byte(5)? + 1;
    Some(Description {
        sample_rate: Some(sample_rate).filter(|&rate| rate > 0),
        channels: Some(channels),
        bit_depth: Some(bit_depth),
        ..Description::of_codec(Codec::Flac)
    })
}

/// Of a picture; what AV1 can code at most.
const LONGEST_SIDE: u32 = 65_536;

/// Frames in a second: a time lapse, and a camera for slow motion.
const LOWEST_RATE: f64 = 0.01;
const HIGHEST_RATE: f64 = 1_000.0;
