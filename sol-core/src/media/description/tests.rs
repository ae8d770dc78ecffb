use quickcheck_macros::quickcheck;

use super::samples::{COMPOSED, ENCODED, RECORDED, Sample};
use super::*;

#[test]
fn encoders_are_read_as_ffprobe_reads_them() {
    check(ENCODED);
}

#[test]
fn recorded_configurations_say_what_was_sent() {
    check(RECORDED);
}

#[test]
fn what_no_encoder_here_makes_is_read_by_the_specifications() {
    check(COMPOSED);
}

#[test]
fn a_configuration_that_is_cut_anywhere_says_no_more_than_the_whole() {
    for &(codec, record, _) in samples() {
        let record = bytes(record);
        let whole = Description::of(codec, &record);
        for length in 0..record.len() {
            let cut = Description::of(codec, &record[..length]);
            for (cut, whole) in [
                (cut.size.is_some(), cut.size == whole.size),
                (cut.colour.is_some(), cut.colour == whole.colour),
            ] {
                assert!(!cut || whole, "{codec:?}, {length}");
            }
        }
    }
}

#[test]
fn a_picture_of_no_size_or_an_absurd_one_has_none() {
    for (width, height) in [(0, 1), (1, 0), (65_537, 1), (1, u32::MAX)] {
        assert_eq!(Size::plausible(width, height), None);
    }
    let size = Size { width: 16, height: 16 };
    assert_eq!(size.cropped([8, 8, 0, 0], (1, 1)), None, "nothing is left");
    assert_eq!(size.cropped([u32::MAX, 1, 0, 0], (2, 2)), None);
}

#[test]
fn a_frame_rate_that_cannot_be_true_is_none() {
    for (frames, seconds) in [(0, 0), (0, 1), (1, 0), (1_001, 1), (1, 101), (u64::MAX, u64::MAX - 1)] {
        assert_eq!(FrameRate::plausible(frames, seconds), None, "{frames} in {seconds}");
    }
    let rate = FrameRate::plausible(60_000, 2_002);
    assert_eq!(rate, Some(FrameRate { frames: 30_000, seconds: 1_001 }));
}

#[test]
fn colours_that_are_said_beside_a_configuration_count() {
    let (codec, record, _) = RECORDED[0];
    let described = Description::of(codec, &bytes(record));
    assert_eq!((described.colour, described.hdr()), (None, None));
    let unknown = Colour::UNSPECIFIED;
    let said = Colour { primaries: 9, transfer: 18, matrix: unknown, is_full_range: None };
    let info = ColourInfo { bit_depth: Some(10), colour: Some(said), ..ColourInfo::default() };
    let with = described.clone().with(&info);
    assert_eq!((with.bit_depth, with.colour, with.hdr()), (Some(10), Some(said), Some(Hdr::Hlg)));
    let own = Colour { primaries: 1, transfer: 1, matrix: 1, is_full_range: Some(true) };
    let with = Description { colour: Some(own), ..described.clone() }.with(&info);
    assert_eq!(with.colour, Some(Colour { primaries: 9, transfer: 18, ..own }));
    assert_eq!(
        described.clone().with(&ColourInfo::default()),
        described,
        "nothing is taken back that was not said"
    );
}

#[test]
fn plain_audio_says_its_rate_in_every_message() {
    let words = |first: u8| Description::of_plain_audio(&[first]).map(|description| description.to_string());
    assert_eq!(words(0x2F).as_deref(), Some("44100 Hz, stereo"));
    assert_eq!(words(0x2A).as_deref(), Some("22050 Hz, mono"));
    assert_eq!(words(0x4E).as_deref(), Some("16000 Hz, mono"));
    assert_eq!(words(0x7F).as_deref(), Some("8000 Hz, stereo"));
    assert_eq!([words(0xAF), words(0x90)], [None, None]);
    assert_eq!(Description::of_plain_audio(&[]), None);
}

#[test]
fn codecs_without_a_configuration_are_known_by_name() {
    let name = |codec| Description::of(codec, &[]).codec_string;
    assert_eq!(name(Codec::Mp3).as_deref(), Some("mp3"));
    assert_eq!(name(Codec::Ac3).as_deref(), Some("ac-3"));
    assert_eq!(name(Codec::Opus).as_deref(), Some("opus"), "its header may be empty");
    assert_eq!(name(Codec::H264), None, "the profile is missing");
}

#[quickcheck]
fn no_bytes_make_anybody_panic(bytes: Vec<u8>, changes: Vec<(usize, u8)>) {
    for codec in CODECS {
        drop(Description::of(codec, &bytes));
    }
    let _ = ColourInfo::of(&bytes);
    // What is nearly right goes further.
    for &(codec, record, _) in samples() {
        let mut record = self::bytes(record);
        for &(at, byte) in &changes {
            let at = at % record.len();
            record[at] = byte;
        }
        drop(Description::of(codec, &record).to_string());
    }
}

const CODECS: [Codec; 9] = [
    Codec::H264,
    Codec::Hevc,
    Codec::Vvc,
    Codec::Av1,
    Codec::Vp8,
    Codec::Vp9,
    Codec::Aac,
    Codec::Opus,
    Codec::Flac,
];

fn samples() -> impl Iterator<Item = &'static Sample> {
    [ENCODED, RECORDED, COMPOSED].into_iter().flatten()
}

fn check(samples: &[Sample]) {
    for &(codec, record, expected) in samples {
        let description = Description::of(codec, &bytes(record));
        let codec_string = description.codec_string.as_deref().unwrap_or_default();
        assert_eq!(format!("{codec_string}: {description}"), expected, "{record}");
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.as_chunks().0.iter().map(|[high, low]| high << 4 | low).collect()
}
