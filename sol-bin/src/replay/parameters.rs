//! Parameters: what a codec configuration says, in words: profile, picture size, sample rate, channels.
//!
//! Read as far as people ask for it: H.264 (ISO 14496-15, 5.3.3), HEVC (8.3.3), AV1 (AV1-ISOBMFF, 2.3), VP9, AAC
//! (ISO 14496-3, 1.6.2.1), Opus (RFC 7845, 5.1), FLAC. What cannot be read says nothing.

mod bits;
mod picture;

use sol_tokio::sol_core::media::{Codec, Content};

use bits::Bits;

/// What is known of a track by its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Profile and level, or what else there is to say.
    pub(super) profile: Option<String>,
    /// Width and height of the picture.
    pub(super) size: Option<(u32, u32)>,
    pub(super) sample_rate: Option<u32>,
    pub(super) channels: Option<u32>,
}

impl Parameters {
    /// What the configuration in a message says of its codec.
    pub(super) fn of(codec: Codec, content: &Content) -> Parameters {
        content.configuration().and_then(|record| read(codec, record)).unwrap_or_default()
    }

    /// What the first byte of a legacy audio message says (FLV 10.1, E.4.2.1). AAC says nothing there.
    pub(super) fn of_plain_audio(payload: &[u8]) -> Parameters {
        let Some(&first) = payload.first() else { return Parameters::default() };
        let rate = match first >> 4 {
            // Enhanced, and AAC.
            9 | 10 => return Parameters::default(),
            5 | 7 | 8 => 8_000,
            4 | 11 => 16_000,
            14 => 8_000,
            _ => [5_512, 11_025, 22_050, 44_100][usize::from(first >> 2 & 3)],
        };
        let channels = u32::from(first & 1) + 1;
        Parameters { sample_rate: Some(rate), channels: Some(channels), ..Parameters::default() }
    }

    /// All of it, in words.
    pub(super) fn words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.profile.clone());
        words.extend(self.size.map(|(width, height)| format!("{width}x{height}")));
        words.extend(self.sample_rate.map(|rate| format!("{rate} Hz")));
        words.extend(self.channels.map(|channels| match channels {
            1 => "mono".to_owned(),
            2 => "stereo".to_owned(),
            channels => format!("{channels} channels"),
        }));
        words.join(", ")
    }
}

/// How many channels a MultichannelConfig names (Enhanced RTMP v2).
pub(super) fn layout_channels(content: &Content) -> Option<u8> {
    content.configuration()?.get(1).copied()
}

fn read(codec: Codec, record: &[u8]) -> Option<Parameters> {
    match codec {
        Codec::H264 => picture::h264(record),
        Codec::Hevc => picture::hevc(record),
        Codec::Av1 => picture::av1(record),
        Codec::Vp9 | Codec::Vp8 => {
            // Version and flags, profile, level.
            let &[_, _, _, _, profile, level] = record.first_chunk()?;
            let level = format!("profile {profile}, level {}.{}", level / 10, level % 10);
            Some(Parameters { profile: Some(level), ..Parameters::default() })
        }
        Codec::Aac => aac(record),
        Codec::Opus => {
            let &channels = record.strip_prefix(b"OpusHead")?.get(1)?;
            // Whatever the input had, Opus is decoded at 48 kHz.
            let rate = Some(48_000);
            Some(Parameters { sample_rate: rate, channels: Some(channels.into()), ..Parameters::default() })
        }
        Codec::Flac => {
            // FFmpeg leaves out the marker and the header of the block (seen from 9.0). Sizes of blocks and frames stand
            // before what is asked for.
            let info = record.strip_prefix(b"fLaC").map_or(Some(record), |behind| behind.get(4..))?;
            let mut bits = Bits::of(info.get(10..)?);
            let rate = bits.read(20)?;
            let channels = bits.read(3)? + 1;
            Some(Parameters { sample_rate: Some(rate), channels: Some(channels), ..Parameters::default() })
        }
        _ => None,
    }
}

fn aac(config: &[u8]) -> Option<Parameters> {
    let mut bits = Bits::of(config);
    let object_type = |bits: &mut Bits<'_>| -> Option<u32> {
        let short = bits.read(5)?;
        if short == 31 { Some(32 + bits.read(6)?) } else { Some(short) }
    };
    let rate = |bits: &mut Bits<'_>| -> Option<u32> {
        match bits.read(4)? {
            15 => bits.read(24),
            index => AAC_RATES.get(index as usize).copied(),
        }
    };
    let kind = object_type(&mut bits)?;
    let mut sample_rate = rate(&mut bits)?;
    let channels = match bits.read(4)? {
        // The program configuration says it, further on.
        0 => None,
        7 => Some(8),
        11 => Some(7),
        12 | 14 => Some(8),
        channels => Some(channels),
    };
    let profile = match kind {
        1 => "Main",
        2 => "LC",
        3 => "SSR",
        4 => "LTP",
        5 | 29 => {
            sample_rate = rate(&mut bits)?;
            if kind == 5 { "HE-AAC" } else { "HE-AAC v2" }
        }
        23 => "LD",
        39 => "ELD",
        42 => "xHE-AAC",
        _ => "",
    };
    let profile = if profile.is_empty() { format!("object type {kind}") } else { profile.to_owned() };
    Some(Parameters { profile: Some(profile), size: None, sample_rate: Some(sample_rate), channels })
}

const AAC_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aac_says_its_rate_behind_a_short_and_a_long_index() {
        for (config, words) in [
            (&[0x12, 0x10][..], "LC, 44100 Hz, stereo"),
            (&[0x11, 0x88], "LC, 48000 Hz, mono"),
            (&[0x13, 0x90, 0x56, 0xE5, 0xA0], "LC, 22050 Hz, stereo"),
            // 24 bits of rate: 5 for the type, 4 that say so.
            (&[0x17, 0x80, 0x5D, 0xC0, 0x10], "LC, 48000 Hz, stereo"),
            (&[0x2B, 0x92, 0x08, 0x00], "HE-AAC, 44100 Hz, stereo"),
        ] {
            let payload = [&[0xAF, 0][..], config].concat();
            let parameters = Parameters::of(Codec::Aac, &Content::Audio(payload.into()));
            assert_eq!(parameters.words(), words, "{config:x?}");
        }
    }

    #[test]
    fn what_is_cut_says_nothing() {
        for codec in [Codec::H264, Codec::Hevc, Codec::Av1, Codec::Vp9, Codec::Aac, Codec::Opus, Codec::Flac]
        {
            for length in 0..20 {
                let payload = vec![0x17; length];
                let video = Parameters::of(codec, &Content::Video(payload.clone().into())).words();
                let audio = Parameters::of(codec, &Content::Audio(payload.into())).words();
                // Behind the headers there is nothing in these.
                assert!(length > 5 || video.is_empty(), "{codec:?}, {length}: {video}");
                assert!(length > 2 || audio.is_empty(), "{codec:?}, {length}: {audio}");
            }
        }
        assert_eq!(Parameters::of(Codec::Aac, &Content::Audio([0xAF, 0][..].into())).words(), "");
    }

    #[test]
    fn flac_is_read_with_and_without_its_marker() {
        let info = b"\x04\0\x04\0\0\0\0\0\x08\x15\x0b\xb8\x00\xf0";
        for front in [&b"\x90fLaC"[..], b"\x90fLaCfLaC\x80\0\0\x22"] {
            let payload = [front, info].concat();
            let parameters = Parameters::of(Codec::Flac, &Content::Audio(payload.into()));
            assert_eq!(parameters.words(), "48000 Hz, mono");
        }
    }

    #[test]
    fn a_layout_says_how_many_channels_there_are() {
        let layout = |payload: &'static [u8]| layout_channels(&Content::Audio(payload.into()));
        assert_eq!(layout(b"\x94fLaC\x01\x06\0\0\0\x3F"), Some(6));
        assert_eq!(layout(b"\x94fLaC\x01"), None);
    }

    #[test]
    fn plain_audio_says_its_rate_in_every_message() {
        assert_eq!(Parameters::of_plain_audio(&[0x2F]).words(), "44100 Hz, stereo");
        assert_eq!(Parameters::of_plain_audio(&[0x2A]).words(), "22050 Hz, mono");
        assert_eq!(Parameters::of_plain_audio(&[0xAF, 1]).words(), "");
    }
}
