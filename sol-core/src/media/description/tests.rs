use quickcheck_macros::quickcheck;

use super::super::hex::bytes;
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
        // AAC says behind all else that there is more to it, and then that there is more to that (ISO/IEC 14496-3, 1.6.5.2).
        let simpler = match codec {
            Codec::Aac => &[2, 5][..],
            _ => &[],
        };
        let simpler =
            simpler.iter().map(|&length| Description::of(codec, &record[..record.len().min(length)]));
        let possible: Vec<Description> = simpler.chain([whole]).collect();
        for length in 0..record.len() {
            let cut = Description::of(codec, &record[..length]);
            let parts = possible.iter().map(|possible| parts_of(&cut, possible));
            let is_true =
                parts.fold([false; 10], |all, part| std::array::from_fn(|field| all[field] || part[field]));
            assert_eq!(is_true, [true; 10], "{codec:?} up to {length}: {cut:?} is none of {possible:?}");
        }
    }
}

/// Of each field, whether one says the same as another, or nothing. A codec string may be a shorter one.
fn parts_of(one: &Description, other: &Description) -> [bool; 10] {
    fn is_part<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
        one.is_none() || one == other
    }
    let by_codec = Description::of_codec(one.codec).codec_string;
    let begins = other.codec_string.as_deref().unwrap_or_default();
    [
        one.codec_string == by_codec || one.codec_string.as_ref().is_some_and(|one| begins.starts_with(one)),
        is_part(&one.profile, &other.profile),
        is_part(&one.level, &other.level),
        is_part(&one.size, &other.size),
        is_part(&one.frame_rate, &other.frame_rate),
        is_part(&one.bit_depth, &other.bit_depth),
        is_part(&one.chroma, &other.chroma),
        is_part(&one.colour, &other.colour),
        is_part(&one.channels, &other.channels),
        is_part(&one.sample_rate, &other.sample_rate),
    ]
}

#[test]
fn a_record_that_cannot_be_true_says_nothing() {
    for record in [
        "040a820202020000", // a profile
        "000a620202020000", // bits
        "000a8a0202020000", // chroma
    ] {
        let described = Description::of(Codec::Vp9, &bytes(record));
        assert_eq!(described, Description::of_codec(Codec::Vp9), "{record}");
    }
    let (codec, record, _) = *samples().find(|&&(codec, _, _)| codec == Codec::Hevc).unwrap();
    let mut record = bytes(record);
    record[0] = 0;
    assert_eq!(Description::of(codec, &record), Description::of_codec(codec), "its version");
}

#[test]
fn no_codec_string_leaves_out_what_it_cannot_leave_out() {
    let words = |codec, record| {
        let described = Description::of(codec, &bytes(record));
        (described.codec_string, described.chroma)
    };
    assert_eq!(words(Codec::Av1, "81200000"), (None, Some(Chroma::C444)));
    assert_eq!(words(Codec::Av1, "81001c00"), (None, Some(Chroma::Monochrome)));
    assert_eq!(words(Codec::Av1, "81000c00"), (Some("av01.0.00M.08".to_owned()), Some(Chroma::C420)));
    assert_eq!(words(Codec::Vp9, "0000820202020000"), (None, Some(Chroma::C420)), "its level");
    assert_eq!(words(Codec::Vp8, "0000820202020000"), (Some("vp8".to_owned()), Some(Chroma::C420)));
}

#[test]
fn no_record_is_made_of_sets_that_it_has_no_room_for() {
    let sps = |more_layers: u8, depth: &str| {
        let profile = "0".repeat(88);
        let of_layers = if more_layers == 0 { "" } else { "0000000000000000" };
        // A picture of 16x16, of which nothing is cut off.
        let size = "000010001";
        let digits = format!(
            "01000010 00000001 0000 {more_layers:03b} 1 {profile} 00001111 {of_layers} 1 010 {size} {size} 0 {depth} {depth} 1"
        );
        let digits: Vec<u8> =
            digits.bytes().filter(|&digit| digit != b' ').map(|digit| digit - b'0').collect();
        let octet =
            |octet: &[u8]| octet.iter().fold(0, |octet, digit| octet << 1 | digit) << (8 - octet.len());
        digits.chunks(8).map(octet).collect::<Vec<u8>>()
    };
    let record = |layers, depth| hevc_record_of(&[&[0x40]], &[&sps(layers, depth)], &[&[0x44]], 4);
    assert!(record(0, "1").is_some());
    assert!(record(6, "0001000").is_some(), "15 bits");
    assert_eq!([record(0, "0001001"), record(7, "1")], [None, None], "16 bits, and eight layers");
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
    assert_eq!(words(0x4F).as_deref(), Some("16000 Hz, mono"));
    assert_eq!(words(0x5F).as_deref(), Some("8000 Hz, mono"));
    assert_eq!(words(0x6F).as_deref(), Some("44100 Hz, stereo"));
    assert_eq!(words(0xBF).as_deref(), Some("16000 Hz, mono"));
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
fn no_bytes_make_anybody_panic(payload: Vec<u8>, changes: Vec<(usize, u8)>) {
    for codec in CODECS {
        drop(Description::of(codec, &payload));
    }
    let _ = ColourInfo::of(&payload);
    // What is nearly right goes further.
    for &(codec, record, _) in samples() {
        let mut record = bytes(record);
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
