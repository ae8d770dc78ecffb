use quickcheck::{Arbitrary, Gen};
use quickcheck_macros::quickcheck;

use super::*;
use crate::amf::{Properties, Value, amf0};
use crate::flv::{FlvItem, FlvReader};
use crate::media::Content;
use crate::message::Data;

const CONFIGURATION: &[u8] = b"\x17\0\0\0\0\x01\x64";
const KEYFRAME: &[u8] = b"\x17\x01\0\0\0\xEE";
const INTERFRAME: &[u8] = b"\x27\x01\0\0\0";
const SOUND: &[u8] = b"\xAF\x01\x21";

#[test]
fn a_pipe_gets_what_comes_by_the_book() {
    let mut writer = FlvWriter::streaming(&[TrackKind::Audio]);
    let first = writer.write(&audio(0x1234_5678, SOUND)).unwrap();
    assert_eq!(
        first.slices().concat(),
        b"FLV\x01\x04\0\0\0\x09\0\0\0\0\x08\0\0\x03\x34\x56\x78\x12\0\0\0\xAF\x01\x21\0\0\0\x0E"
    );
    let second = writer.write(&video(0, KEYFRAME)).unwrap();
    assert_eq!(second.slices().concat(), b"\x09\0\0\x06\0\0\0\0\0\0\0\x17\x01\0\0\0\xEE\0\0\0\x11");
    assert_eq!(writer.position(), 31 + 21);
    assert_eq!(writer.finish(), []);
}

#[test]
fn a_payload_is_shared_and_not_copied() {
    let media = audio(0, SOUND);
    let piece = FlvWriter::seekable().write(&media).unwrap();
    assert_eq!(piece.slices()[1].as_ptr(), media.content.payload().as_ptr());
}

#[quickcheck]
fn a_reader_gets_back_what_a_pipe_got(list: Vec<AnyMedia>) -> bool {
    let list: Vec<Media> = list.into_iter().map(|any| any.0).collect();
    let file = written(FlvWriter::streaming(&[]), &list);
    list.is_empty() || read(&file) == list
}

#[quickcheck]
fn a_reader_gets_back_what_a_seekable_file_got_behind_metadata(list: Vec<AnyMedia>) -> bool {
    let mut list: Vec<Media> = list.into_iter().map(|any| any.0).collect();
    list.insert(0, audio(7, SOUND));
    let mut read = read(&written(FlvWriter::seekable(), &list));
    FrameKind::of(&read.remove(0).content) == FrameKind::Metadata && read == list
}

#[test]
fn a_finished_file_tells_duration_size_tracks_and_where_its_keyframes_are() {
    let list = [
        video(0, CONFIGURATION),
        video(0, KEYFRAME),
        audio(10, SOUND),
        video(40, INTERFRAME),
        video(2_000, KEYFRAME),
        video(2_040, INTERFRAME),
    ];
    let file = written(FlvWriter::seekable(), &list);
    let said = metadata(&read(&file)[0]);
    for (name, value) in [
        ("duration", Value::Number(2.04)),
        ("lasttimestamp", Value::Number(2.04)),
        ("filesize", Value::Number(file.len() as f64)),
        ("hasVideo", true.into()),
        ("hasAudio", true.into()),
        ("hasKeyframes", true.into()),
        ("canSeekToEnd", false.into()),
    ] {
        assert_eq!(said.get(name), Some(&value), "{name}");
    }
    let index = said.get("keyframes").and_then(Value::properties).unwrap();
    let numbers = |name| match index.get(name) {
        Some(Value::StrictArray(elements)) => elements.iter().filter_map(Value::as_number).collect(),
        other => panic!("{other:?}"),
    };
    let (times, positions): (Vec<f64>, Vec<f64>) = (numbers("times"), numbers("filepositions"));
    assert_eq!(times, [0.0, 0.0, 2.0]);
    let tags = positions.iter().map(|&position| &file[position as usize..]);
    let found: Vec<&[u8]> =
        tags.map(|tag| &tag[11..][..TagHeader::parse(tag.first_chunk().unwrap()).length]).collect();
    assert_eq!(found, [CONFIGURATION, KEYFRAME, KEYFRAME]);
}

#[test]
fn a_finished_file_announces_the_tracks_that_it_has() {
    for (list, flags) in [
        (&[audio(0, SOUND)][..], 0x04),
        (&[video(0, KEYFRAME)], 0x01),
        (&[video(0, KEYFRAME), audio(0, SOUND)], 0x05),
        (&[text()], 0x00),
    ] {
        assert_eq!(written(FlvWriter::seekable(), list)[4], flags);
        assert_eq!(unfinished(list)[4], 0x05, "nobody knows yet");
    }
}

#[test]
fn patches_take_the_place_of_as_many_bytes_of_the_first_tag() {
    let list = [video(0, KEYFRAME), audio(0, SOUND)];
    let (before, after) = (unfinished(&list), written(FlvWriter::seekable(), &list));
    assert_eq!(before.len(), after.len());
    let tag_end = before.len() - (11 + KEYFRAME.len() + 4) - (11 + SOUND.len() + 4);
    assert_ne!(before[..tag_end], after[..tag_end]);
    assert_eq!(before[tag_end - 4..], after[tag_end - 4..]);
}

#[test]
fn a_file_whose_writer_was_killed_is_whole_and_claims_nothing() {
    let list = [video(0, KEYFRAME), audio(40, SOUND)];
    let read = read(&unfinished(&list));
    assert_eq!(read[1..], list);
    assert!(metadata(&read[0]).iter().all(|(name, _)| name.starts_with("padding")));
}

#[test]
fn metadata_that_come_first_become_part_of_the_files_own() {
    let said = Properties::new().with("width", 320.0).with("duration", 3_600.0);
    let first = on_metadata("@setDataFrame", 5, said.clone());
    let later = on_metadata("@setDataFrame", 50, said);
    let list = [first, audio(100, SOUND), later.clone()];
    for file in [unfinished(&list), written(FlvWriter::seekable(), &list)] {
        let read = read(&file);
        assert_eq!(read.len(), 3);
        assert_eq!(read[0].timestamp, Timestamp::ZERO);
        assert_eq!(metadata(&read[0]).get("width"), Some(&Value::Number(320.0)));
        assert_ne!(metadata(&read[0]).get("duration"), Some(&Value::Number(3_600.0)));
        assert_eq!(read[2], later, "later ones are written as they are, but for @setDataFrame");
    }
    assert!(!written(FlvWriter::seekable(), &list).windows(13).any(|text| text == b"@setDataFrame"));
}

#[test]
fn metadata_that_cannot_be_taken_apart_come_behind_the_files_own() {
    let broken = [&amf0::write_all(&["onMetaData".into()])[..], &[0xFF]].concat();
    let broken =
        Media { timestamp: Timestamp::ZERO, content: Content::Data(Data::parse(broken.into()).unwrap()) };
    let read = read(&written(FlvWriter::seekable(), std::slice::from_ref(&broken)));
    assert_eq!(read.len(), 2);
    assert!(metadata(&read[0]).get("filesize").is_some());
    assert_eq!(read[1], broken);
}

#[test]
fn what_no_tag_can_hold_is_not_written_and_the_rest_is() {
    let mut writer = FlvWriter::streaming(&[TrackKind::Video]);
    let longest = Bytes::from(vec![0; limits::MESSAGE_BYTES]);
    let too_long = Bytes::from(vec![0; limits::MESSAGE_BYTES + 1]);
    let media = |payload| Media { timestamp: Timestamp::ZERO, content: Content::Video(payload) };
    assert_eq!(writer.write(&media(too_long)), Err(PayloadTooLong(0x0100_0000)));
    assert_eq!(writer.position(), 0);
    let media = media(longest);
    assert_eq!(read(&writer.write(&media).unwrap().slices().concat()), [media]);
}

#[test]
fn a_file_to_which_nothing_was_written_has_nothing_to_patch() {
    assert_eq!(FlvWriter::seekable().finish(), []);
}

fn audio(millis: u32, payload: &'static [u8]) -> Media {
    Media { timestamp: Timestamp::from_millis(millis), content: Content::Audio(Bytes::from_static(payload)) }
}

fn video(millis: u32, payload: &'static [u8]) -> Media {
    Media { timestamp: Timestamp::from_millis(millis), content: Content::Video(Bytes::from_static(payload)) }
}

fn text() -> Media {
    let text = amf0::write_all(&["onTextData".into(), "text".into()]);
    Media { timestamp: Timestamp::ZERO, content: Content::Data(Data::parse(text.into()).unwrap()) }
}

fn on_metadata(command: &str, millis: u32, said: Properties) -> Media {
    let body = amf0::write_all(&[command.into(), "onMetaData".into(), Value::EcmaArray(said)]);
    let content = Content::Data(Data::parse(body.into()).unwrap());
    Media { timestamp: Timestamp::from_millis(millis), content }
}

fn metadata(media: &Media) -> Properties {
    let values = amf0::read_all(media.content.payload()).unwrap();
    assert_eq!(values[0].as_str(), Some("onMetaData"));
    values[1].properties().unwrap().clone()
}

fn unfinished(list: &[Media]) -> Vec<u8> {
    let mut writer = FlvWriter::seekable();
    list.iter().flat_map(|media| writer.write(media).unwrap().slices().concat()).collect()
}

/// The file as it is at its end.
fn written(mut writer: FlvWriter, list: &[Media]) -> Vec<u8> {
    let mut file = Vec::new();
    for media in list {
        file.extend(writer.write(media).unwrap().slices().concat());
        assert_eq!(writer.position(), file.len() as u64);
    }
    for patch in writer.finish() {
        file[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
    file
}

/// All media of a file that has no damage.
fn read(file: &[u8]) -> Vec<Media> {
    let mut reader = FlvReader::new();
    reader.feed(file);
    reader.finish();
    let items = std::iter::from_fn(|| reader.poll().unwrap());
    items
        .map(|item| match item {
            FlvItem::Media(media) => media,
            FlvItem::Damage(damage) => panic!("{damage}"),
        })
        .collect()
}

/// At any time, so that times jump far both ways.
#[derive(Clone, Debug)]
struct AnyMedia(Media);

impl Arbitrary for AnyMedia {
    fn arbitrary(g: &mut Gen) -> Self {
        let payload = Bytes::from(Vec::arbitrary(g));
        let content = match u8::arbitrary(g) % 4 {
            0 => Content::Audio(payload),
            1 => Content::Video(payload),
            2 => text().content,
            _ => on_metadata("@setDataFrame", 0, Properties::new().with("width", 320.0)).content,
        };
        Self(Media { timestamp: Timestamp::from_millis(u32::arbitrary(g)), content })
    }
}
