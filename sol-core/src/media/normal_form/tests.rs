use quickcheck_macros::quickcheck;

use super::super::description::Description;
use super::super::hex::bytes;
use super::*;

// Of x264 and x265 in FFmpeg: 320x180, 29.97 pictures a second.
const SPS: &str = "6764000dacd941419f9f011000003e90000ea600f14299";
const PPS: &str = "68ebe3cb22c0";
const AVCC: &str = "0164000dffe100176764000dacd941419f9f011000003e90000ea600f1429901000668ebe3cb22c0fdf8f800";
const HEVC_VPS: &str = "40010c01ffff01600000030090000003000003003c959409";
const HEVC_SPS: &str = "42010101600000030090000003000003003ca00a080c1f3e595952930bc05a02000007d20000ea6010";
const HEVC_PPS: &str = "4401c073c189";
const HVCC: &str = "0101600000009000000000003cf000fcfdf8f800000f03\
                    a00001001840010c01ffff01600000030090000003000003003c959409\
                    a10001002942010101600000030090000003000003003ca00a080c1f3e595952930bc05a02000007d20000ea6010\
                    a2000100064401c073c189";

const START: &[u8] = &[0, 0, 0, 1];
const SHORT_START: &[u8] = &[0, 0, 1];
const SLICE: &[u8] = &[0x65, 0x88, 0x84];
const LENGTH_AND_SLICE: &[u8] = &[0, 0, 0, 3, 0x65, 0x88, 0x84];
const KEY_HEAD: &[u8] = &[0x17, 1, 0, 0, 80];

#[test]
fn start_codes_become_lengths_in_every_kind_of_tag() {
    let heads: [&[u8]; 5] =
        [KEY_HEAD, &[0x27, 1, 0, 0, 0], b"\x91avc1\0\0\x50", b"\xA3avc1", b"\x96\x03avc1\x02"];
    for head in heads {
        let mut form = knowing_a_configuration();
        // The track of its own has none.
        form.tracks.push(Track { id: TrackId(2), ..Track::new(&packet(head)) });
        form.tracks.iter_mut().for_each(|track| track.configuration = Configuration::Sent);
        let sent = [head, START, &[9, 0xF0], SHORT_START, SLICE, &[0, 0]].concat();
        let expected = [head, &[0, 0, 0, 2, 9, 0xF0], LENGTH_AND_SLICE].concat();
        assert_eq!(form.apply_to(&sent.into()), instead(&[&expected], &[Oddity::StartCodes]), "{head:x?}");
    }
}

#[test]
fn hevc_behind_start_codes_gets_lengths_as_well() {
    let mut form = NormalForm::default();
    let sent = [&b"\xA1hvc1\0\0\x28"[..], SHORT_START, &[0x02, 0x01, 0xD0]].concat();
    let expected = [&b"\xA1hvc1\0\0\x28"[..], &[0, 0, 0, 3, 0x02, 0x01, 0xD0]].concat();
    assert_eq!(form.apply_to(&sent.into()), instead(&[&expected], &[Oddity::StartCodes]));
}

#[test]
fn lengths_that_look_like_a_start_code_are_lengths() {
    let one_byte = [KEY_HEAD, &[0, 0, 0, 1, 9], LENGTH_AND_SLICE].concat();
    let mut long = vec![0x65; 300];
    long[1] = 0x88;
    let of_300_bytes = [KEY_HEAD, &[0, 0, 1, 44], &long].concat();
    for payload in [one_byte, of_300_bytes] {
        assert_eq!(knowing_a_configuration().apply_to(&payload.into()), Normalised::AsItIs);
    }
}

#[test]
fn a_long_unit_that_is_cut_off_is_not_taken_for_a_start_code() {
    // 0x012C bytes were announced: type 12 is no beginning of a picture.
    let payload = [KEY_HEAD, &[0, 0, 1, 44], &[0x65; 200]].concat();
    assert_eq!(knowing_a_configuration().apply_to(&payload.into()), Normalised::AsItIs);
}

#[test]
fn stray_bytes_behind_units_make_no_length_a_start_code() {
    for stray in [&[1, 2, 3][..], &[0, 0, 9, 9, 9], &[0xFF; 40]] {
        for length in 0x100..=0x1FF_u32 {
            for first in [0x65, 0x41, 0x01, 0x67, 0x06, 0x09] {
                let unit = [&[first, 0x88][..], &vec![0xA5; length as usize - 2]].concat();
                let payload = [KEY_HEAD, &length.to_be_bytes(), &unit, LENGTH_AND_SLICE, stray].concat();
                let behind_an_empty_one = [&payload[..5], &[0; 4], &payload[5..]].concat();
                for payload in [payload, behind_an_empty_one] {
                    let sent = knowing_a_configuration().apply_to(&payload.into());
                    assert_eq!(sent, Normalised::AsItIs, "{length:#x}, {first:#x}");
                }
            }
            for first in [0x26, 0x02, 0x40, 0x4E] {
                let unit = [&[first, 0x01][..], &vec![0xA5; length as usize - 2]].concat();
                let payload = [&b"\xA3hvc1"[..], &length.to_be_bytes(), &unit, stray].concat();
                let sent = NormalForm::default().apply_to(&payload.into());
                assert_eq!(sent, Normalised::AsItIs, "{length:#x}, {first:#x}");
            }
        }
    }
}

#[test]
fn short_start_codes_are_recognised_whatever_they_would_mean_as_a_length() {
    let (sps, pps) = (bytes(SPS), bytes(PPS));
    let baseline = bytes("6742c00dda05067e7c04400000fa40003a9803c50aa80");
    let slice = [&[0x65, 0x88][..], &[0xA5; 2_000]].concat();
    let message = [&[6, 5, 0xFF, 0xFF, 0x90][..], &[0x77; 700], &[0x80]].concat();
    let delimiter = [9, 0x10];
    let streams: [&[&[u8]]; 7] = [
        &[&sps, &pps, &slice],
        &[&baseline, &pps, &slice],
        &[&delimiter, &sps, &pps, &slice],
        &[&message, &slice],
        &[&pps, &slice],
        &[&slice, &slice],
        &[&[0x41, 0x9A, 0x21], &slice],
    ];
    for units in streams {
        let body: Vec<u8> = units.iter().flat_map(|unit| [SHORT_START, unit].concat()).collect();
        let expected: Vec<u8> = units.iter().flat_map(|unit| [&length(unit), *unit].concat()).collect();
        let sent = [&[0x27, 1, 0, 0, 0][..], &body].concat();
        let expected = [&[0x27, 1, 0, 0, 0][..], &expected].concat();
        let mut form = knowing_a_configuration();
        assert_eq!(form.apply_to(&sent.into()), instead(&[&expected], &[Oddity::StartCodes]));
    }
    let (vps, sps, pps) = (bytes(HEVC_VPS), bytes(HEVC_SPS), bytes(HEVC_PPS));
    let [key, inter, of_layer_1] =
        [[0x26, 1, 0xAF], [2, 1, 0xD0], [0, 2, 0xE0]].map(|head| [&head[..], &[0xA5; 2_000]].concat());
    let streams: [&[&[u8]]; 6] = [
        &[&vps, &sps, &pps, &key],
        &[&[0x46, 1, 0x50], &inter],
        &[&[0x46, 2, 0x50], &of_layer_1],
        &[&key],
        &[&inter],
        &[&of_layer_1],
    ];
    for units in streams {
        let body: Vec<u8> = units.iter().flat_map(|unit| [SHORT_START, unit].concat()).collect();
        let expected: Vec<u8> = units.iter().flat_map(|unit| [&length(unit), *unit].concat()).collect();
        let sent = [&b"\xA3hvc1"[..], &body].concat();
        let expected = [&b"\xA3hvc1"[..], &expected].concat();
        let sent = NormalForm::default().apply_to(&sent.into());
        assert_eq!(sent, instead(&[&expected], &[Oddity::StartCodes]));
    }
}

#[test]
fn parameter_sets_in_place_of_a_record_become_one() {
    let mut form = NormalForm::default();
    let sets = [START, &bytes(SPS), START, &bytes(PPS)].concat();
    for head in [&[0x17, 0, 0, 0, 0][..], b"\x90avc1"] {
        let expected = [head, &bytes(AVCC)].concat();
        let sent = [head, &sets].concat();
        assert_eq!(form.apply_to(&sent.into()), instead(&[&expected], &[Oddity::StartCodes]));
    }
    let sets =
        [START, &bytes(HEVC_VPS), SHORT_START, &bytes(HEVC_SPS), SHORT_START, &bytes(HEVC_PPS)].concat();
    let sent = [&b"\x90hvc1"[..], &sets].concat();
    let expected = [&b"\x90hvc1"[..], &bytes(HVCC)].concat();
    assert_eq!(form.apply_to(&sent.into()), instead(&[&expected], &[Oddity::StartCodes]));
    let described = [Description::of(Codec::H264, &bytes(AVCC)), Description::of(Codec::Hevc, &bytes(HVCC))];
    let words = described.map(|description| description.to_string());
    assert_eq!(words, ["High, level 1.3, 320x180, 29.97 fps", "Main, level 2.0, 320x180, 29.97 fps"]);
}

#[test]
fn parameter_sets_of_which_no_record_can_be_made_are_not_sent_and_one_is_made_of_a_keyframe() {
    let (sps, pps) = (bytes(SPS), bytes(PPS));
    let keyframe =
        Bytes::from([KEY_HEAD, &length(&sps), &sps, &length(&pps), &pps, LENGTH_AND_SLICE].concat());
    let configuration = [&[0x17, 0, 0, 0, 0][..], &bytes(AVCC)].concat();
    let unreadable = [0x67, 0x64, 0, 0x0D, 0, 0, 0x01, 0x01, 0xFD, 0x27, 0xFE, 0xFF, 0xFF];
    for sets in
        [[START, &sps].concat(), [SHORT_START, &pps].concat(), [START, &unreadable, START, &pps].concat()]
    {
        let mut form = NormalForm::default();
        let sent = [&[0x17, 0, 0, 0, 0][..], &sets].concat();
        assert_eq!(form.apply_to(&sent.into()), instead(&[], &[Oddity::StartCodes]));
        assert_eq!(form.tracks[0].length_bytes, LENGTH_BYTES);
        let both = instead(&[&configuration, &keyframe], &[Oddity::NoConfiguration]);
        assert_eq!(form.apply_to(&keyframe), both);
    }
    let without_vps = [START, &bytes(HEVC_SPS), START, &bytes(HEVC_PPS)].concat();
    let sent = [&b"\x90hvc1"[..], &without_vps].concat();
    assert_eq!(NormalForm::default().apply_to(&sent.into()), instead(&[], &[Oddity::StartCodes]));
}

#[test]
fn parameter_sets_that_come_one_by_one_become_a_record_once_they_are_all_there() {
    let units = [bytes(HEVC_VPS), bytes(HEVC_SPS), bytes(HEVC_PPS)];
    let mut form = NormalForm::default();
    for _ in 0..2 {
        let sent = units.iter().map(|unit| form.apply_to(&[b"\x90hvc1", START, unit].concat().into()));
        let none = instead(&[], &[Oddity::StartCodes]);
        let record = [&b"\x90hvc1"[..], &bytes(HVCC)].concat();
        let expected = [none.clone(), none, instead(&[&record], &[Oddity::StartCodes])];
        assert_eq!(sent.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_is_gathered_of_parameter_sets_is_bounded() {
    let mut form = NormalForm::default();
    for _ in 0..100 {
        let sent = [&[0x17, 0, 0, 0, 0][..], START, &[0x68; 1_000]].concat();
        assert_eq!(form.apply_to(&sent.into()), instead(&[], &[Oddity::StartCodes]));
        assert!(form.tracks[0].gathered.len() <= limits::PARAMETER_SETS_BYTES);
    }
}

#[test]
fn a_configuration_that_is_no_record_stays_and_says_nothing_of_lengths() {
    let (sps, pps) = (bytes(SPS), bytes(PPS));
    let mut form = NormalForm::default();
    let garbage = [&[0x17, 0, 0, 0, 0][..], &[7, 1, 2, 3, 0, 1, 2]].concat();
    assert_eq!(form.apply_to(&garbage.into()), Normalised::AsItIs);
    let keyframe =
        Bytes::from([KEY_HEAD, &length(&sps), &sps, &length(&pps), &pps, LENGTH_AND_SLICE].concat());
    let configuration = [&[0x17, 0, 0, 0, 0][..], &bytes(AVCC)].concat();
    assert_eq!(form.apply_to(&keyframe), instead(&[&configuration, &keyframe], &[Oddity::NoConfiguration]));
}

#[test]
fn what_is_in_normal_form_stays() {
    let mut form = NormalForm::default();
    let configuration = [&[0x17, 0, 0, 0, 0][..], &bytes(AVCC)].concat();
    let whole = [KEY_HEAD, LENGTH_AND_SLICE].concat();
    let payloads: [&[u8]; 10] = [
        &configuration,
        &whole,
        &[0x17, 2, 0, 0, 0],
        &[0x57, 0],
        &[0x12, 0, 0, 1],
        b"\x91av01\0\0\x01\x65",
        b"\xD4avc1\0\0\x01\x65",
        b"\x96\x11avc1\0\0\0\x04\0\0\x01\x65",
        b"\x91av",
        b"",
    ];
    for payload in payloads {
        assert_eq!(form.apply_to(&Bytes::copy_from_slice(payload)), Normalised::AsItIs, "{payload:x?}");
    }
}

#[test]
fn lengths_are_written_as_the_configuration_has_them() {
    let mut form = NormalForm::default();
    let mut record = bytes(AVCC);
    record[4] = 0xFD;
    let configuration = [&[0x17, 0, 0, 0, 0][..], &record].concat();
    assert_eq!(form.apply_to(&configuration.into()), Normalised::AsItIs);
    let sent = [KEY_HEAD, START, SLICE].concat();
    let expected = [KEY_HEAD, &[0, 3], SLICE].concat();
    assert_eq!(form.apply_to(&sent.into()), instead(&[&expected], &[Oddity::StartCodes]));
    let too_long = [KEY_HEAD, START, &[0x65; 65_536]].concat();
    assert_eq!(form.apply_to(&too_long.into()), Normalised::AsItIs);
}

#[test]
fn empty_units_are_left_out_and_a_picture_of_nothing_else_is_none() {
    let empty = [0; 4];
    let sent = [KEY_HEAD, &empty, LENGTH_AND_SLICE, &empty].concat();
    let expected = [KEY_HEAD, LENGTH_AND_SLICE].concat();
    let mut form = knowing_a_configuration();
    assert_eq!(form.apply_to(&sent.into()), instead(&[&expected], &[Oddity::EmptyUnits]));
    let sent = [KEY_HEAD, &empty, &empty].concat();
    assert_eq!(form.apply_to(&sent.into()), instead(&[], &[Oddity::EmptyUnits]));
    let sent = [KEY_HEAD, START, START].concat();
    assert_eq!(form.apply_to(&sent.into()), Normalised::AsItIs, "nothing shows that these are start codes");
}

#[test]
fn a_configuration_that_is_missing_is_made_of_the_first_keyframe() {
    let (sps, pps) = (bytes(SPS), bytes(PPS));
    let keyframe = [KEY_HEAD, &length(&sps), &sps, &length(&pps), &pps, LENGTH_AND_SLICE].concat();
    let configuration = [&[0x17, 0, 0, 0, 0][..], &bytes(AVCC)].concat();
    for header in [&[0x17, 0, 0, 0, 0][..], &[0x17, 0], &[]] {
        let mut form = NormalForm::default();
        if !header.is_empty() {
            let nothing = instead(&[], &[Oddity::NoConfiguration]);
            assert_eq!(form.apply_to(&Bytes::copy_from_slice(header)), nothing, "nobody needs an empty one");
        }
        let inter = [&[0x27, 1, 0, 0, 0][..], &[0, 0, 0, 2, 0x41, 0x9A]].concat();
        assert_eq!(form.apply_to(&inter.into()), Normalised::AsItIs);
        let keyframe = Bytes::from(keyframe.clone());
        let both = instead(&[&configuration, &keyframe], &[Oddity::NoConfiguration]);
        assert_eq!(form.apply_to(&keyframe), both);
        assert_eq!(form.apply_to(&keyframe), Normalised::AsItIs, "it is known");
    }
}

#[test]
fn a_picture_without_a_byte_is_none() {
    let heads: [&[u8]; 5] =
        [KEY_HEAD, &[0x27, 1, 0, 0, 0], b"\xA1hvc1\0\0\0", b"\xA3avc1", &[0x1C, 1, 0, 0, 0]];
    for head in heads {
        let Normalised::Instead(payloads, oddities) =
            NormalForm::default().apply_to(&Bytes::copy_from_slice(head))
        else {
            panic!("it is nothing: {head:x?}");
        };
        assert!(payloads.is_empty() && oddities.contains(&Oddity::EmptyUnits), "{head:x?}");
    }
    for head in [&b"\x91av01"[..], b"\x91vp09", &[0x1E, 1, 0, 0, 0]] {
        let sent = NormalForm::default().apply_to(&Bytes::copy_from_slice(head));
        assert!(!matches!(&sent, Normalised::Instead(payloads, _) if payloads.is_empty()), "{head:x?}");
    }
}

#[test]
fn a_record_out_of_a_keyframe_that_is_too_long_to_be_sent_is_sent_with_the_next() {
    let sets = [KEY_HEAD, START, &bytes(SPS), START, &bytes(PPS), SHORT_START, SLICE].concat();
    let mut long = sets.clone();
    long.resize(limits::MESSAGE_BYTES, 0x77);
    let mut form = NormalForm::default();
    assert_eq!(form.apply_to(&long.into()), Normalised::AsItIs, "with a length it has one byte more");
    let Normalised::Instead(payloads, _) = form.apply_to(&sets.into()) else { panic!("it has start codes") };
    assert_eq!(payloads.len(), 2);
}

#[test]
fn it_is_made_again_when_the_parameter_sets_change_and_never_of_a_stream_that_has_one() {
    let (sps, pps, other) = (bytes(SPS), bytes(PPS), bytes("68ebe3cb22c1"));
    let keyframe = |pps: &[u8]| Bytes::from([KEY_HEAD, START, &sps, START, pps, START, SLICE].concat());
    let mut form = NormalForm::default();
    let configurations = |form: &mut NormalForm, pps: &[u8]| match form.apply_to(&keyframe(pps)) {
        Normalised::Instead(payloads, _) => payloads.len() - 1,
        Normalised::AsItIs => panic!("it has start codes"),
    };
    let sent = [&pps, &pps, &other, &other].map(|pps| configurations(&mut form, pps));
    assert_eq!(sent, [1, 0, 1, 0]);
    assert_eq!(configurations(&mut knowing_a_configuration(), &other), 0);
}

#[test]
fn it_stands_in_a_tag_like_that_of_its_keyframe() {
    let sets = [START, &bytes(HEVC_VPS), START, &bytes(HEVC_SPS), START, &bytes(HEVC_PPS)].concat();
    let heads: [(&[u8], &[u8]); 3] = [
        (b"\x91hvc1\0\0\x01", b"\x90hvc1"),
        (b"\xB6\x03hvc1\x01", b""),
        (b"\x96\x03hvc1\x01", b"\x96\x00hvc1\x01"),
    ];
    for (head, expected) in heads {
        let payload = [head, &sets, START, &[0x26, 1, 0xAF]].concat();
        let Normalised::Instead(payloads, _) = NormalForm::default().apply_to(&payload.into()) else {
            panic!("it has start codes");
        };
        if expected.is_empty() {
            assert_eq!(payloads.len(), 1, "only a keyframe needs one");
            continue;
        }
        assert_eq!(payloads[0], [expected, &bytes(HVCC)].concat());
        assert!(payloads[1].starts_with(head));
    }
}

#[test]
fn unofficial_ids_become_four_ccs() {
    let mut form = NormalForm::default();
    let record = bytes(HVCC);
    let unit: &[u8] = &[0, 0, 0, 3, 0x02, 0x01, 0xD0];
    let table: [(&[u8], &[u8], &[u8]); 9] = [
        (&[0x1C, 0, 0, 0, 0], b"\x90hvc1", &record),
        (&[0x1C, 1, 0, 0, 80], b"\x91hvc1\0\0\x50", unit),
        (&[0x2C, 1, 0, 0, 0], b"\xA3hvc1", unit),
        (&[0x2C, 1, 0xFF, 0xFF, 0xD8], b"\xA1hvc1\xFF\xFF\xD8", unit),
        (&[0x1C, 2, 0, 0, 0], b"\x92hvc1", b""),
        (&[0x1D, 0, 0, 0, 0], b"\x90av01", &[0x81, 0, 0x0C, 0]),
        (&[0x2D, 1, 0, 0, 80], b"\xA1av01", &[0x32, 1, 7]),
        (&[0x1E, 1, 0, 0, 0], b"\x91vp08", &[0x10, 2, 0]),
        (&[0x1E, 2, 0, 0, 0], b"\x92vp08", b""),
    ];
    for (sent, expected, body) in table {
        let (sent, expected) = ([sent, body].concat(), [expected, body].concat());
        assert_eq!(form.apply_to(&sent.into()), instead(&[&expected], &[Oddity::UnofficialId]));
    }
}

#[test]
fn an_unofficial_id_with_start_codes_and_no_configuration_is_put_right_at_once() {
    let sets = [START, &bytes(HEVC_VPS), START, &bytes(HEVC_SPS), START, &bytes(HEVC_PPS)].concat();
    let payload = [&[0x1C, 1, 0, 0, 0][..], &sets, START, &[0x26, 1, 0xAF]].concat();
    let Normalised::Instead(payloads, oddities) = NormalForm::default().apply_to(&payload.into()) else {
        panic!("it is odd");
    };
    assert_eq!(oddities, [Oddity::UnofficialId, Oddity::StartCodes, Oddity::NoConfiguration]);
    assert_eq!(payloads[0], [&b"\x90hvc1"[..], &bytes(HVCC)].concat());
    assert!(payloads[1].starts_with(b"\x93hvc1\0\0\0\x18\x40\x01"));
}

#[test]
fn no_more_tracks_are_known_than_there_may_be() {
    let mut form = NormalForm::default();
    for track in 0..=255 {
        let payload = [&b"\x96\x03avc1"[..], &[track], START, SLICE].concat();
        form.apply_to(&payload.into());
    }
    assert_eq!(form.tracks.len(), limits::NORMAL_FORM_TRACKS);
}

#[quickcheck]
fn whatever_is_put_into_normal_form_is_in_it(head: usize, body: Vec<u8>, starts: Vec<usize>) {
    let heads: [&[u8]; 6] = [
        KEY_HEAD,
        &[0x1C, 1, 0, 0, 0],
        &[0x17, 0, 0, 0, 0],
        b"\x91hvc1\0\0\0",
        b"\x90hvc1",
        b"\x96\x03avc1\x01",
    ];
    let mut payload = [heads[head % heads.len()], &body].concat();
    for start in starts {
        let at = heads[head % heads.len()].len() + start % (body.len() + 1);
        payload.splice(at..at, START.iter().copied());
    }
    let mut form = NormalForm::default();
    if let Normalised::Instead(payloads, oddities) = form.apply_to(&payload.into()) {
        assert!(!oddities.is_empty());
        for payload in payloads {
            assert_eq!(form.apply_to(&payload), Normalised::AsItIs, "{payload:x?}");
        }
    }
}

#[quickcheck]
fn no_bytes_make_anybody_panic(payload: Vec<u8>) {
    NormalForm::default().apply_to(&payload.into());
}

fn knowing_a_configuration() -> NormalForm {
    let mut form = NormalForm::default();
    let configuration = [&[0x17, 0, 0, 0, 0][..], &bytes(AVCC)].concat();
    assert_eq!(form.apply_to(&configuration.into()), Normalised::AsItIs);
    form
}

fn packet(head: &[u8]) -> Packet<'_> {
    Packet::of(&Tag::of_video(head).unwrap()).unwrap()
}

fn length(unit: &[u8]) -> [u8; 4] {
    (unit.len() as u32).to_be_bytes()
}

fn instead(payloads: &[&[u8]], oddities: &[Oddity]) -> Normalised {
    let payloads = payloads.iter().map(|payload| Bytes::copy_from_slice(payload)).collect();
    Normalised::Instead(payloads, oddities.to_vec())
}
