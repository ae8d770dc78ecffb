use bytes::Bytes;
use quickcheck::{Arbitrary, Gen};
use quickcheck_macros::quickcheck;

use super::*;
use crate::ids::MessageType;
use crate::timestamp::Timestamp;

const FILE: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0\
    \x08\0\0\x02\0\0\0\0\0\0\0\xAF\x01\0\0\0\x0D\
    \x0C\0\0\x01\0\0\0\0\0\0\0\xEE\0\0\0\x0C\
    \x09\0\0\x03\x34\x56\x78\x12\0\0\0\x17\x01\0\0\0\0\x0E";

#[test]
fn a_whole_file_gives_its_media_and_no_damage() {
    let file = file(&[tag(8, 0, b"\xAF\x01"), tag(9, 0x1234_5678, b"\x17\x01\0")]);
    assert_eq!(read(&file), Ok(vec![audio(0, b"\xAF\x01"), video(0x1234_5678, b"\x17\x01\0")]));
    assert_eq!(read(HEADER), Ok(vec![]), "a file without a tag is whole as well");
}

#[quickcheck]
fn a_file_in_any_cut_gives_the_same_items(cuts: Vec<u8>) -> bool {
    let skipped = damage(Damage::Skipped { offset: 30, kind: 12, length: 1 });
    read_in_cuts(FILE, &cuts) == Ok(vec![audio(0, &[0xAF, 1]), skipped, video(0x1234_5678, &[0x17, 1, 0])])
}

#[quickcheck]
fn a_damaged_file_in_any_cut_gives_the_same_items(file: Damaged, cuts: Vec<u8>) {
    assert_eq!(read_in_cuts(&file.0, &cuts), read(&file.0), "{:?}", file.0);
}

/// Each place at which a decision could be taken too early.
#[test]
fn a_damaged_file_in_any_two_pieces_gives_the_same_items() {
    let mut wrong = tag(9, 0, b"\x17\x01");
    *wrong.last_mut().unwrap() = 0;
    let of_another_stream = b"\x09\0\0\x02\0\0\0\0\0\0\x07\x17\x01";
    let sound = tag(8, 0, b"\xAF\x01");
    for middle in
        [&b"garbage"[..], &wrong, &wrong[..15], &[&wrong, &of_another_stream[..]].concat(), b"\x08\0\0\x01"]
    {
        let bytes = [&file(std::slice::from_ref(&sound)), middle, &sound].concat();
        let whole = read(&bytes).unwrap();
        assert!(whole.iter().any(|item| matches!(item, FlvItem::Damage(_))));
        for cut in 0..bytes.len() {
            let cuts = [vec![255; cut / 255], vec![(cut % 255) as u8]].concat();
            assert_eq!(read_in_cuts(&bytes, &cuts).as_ref(), Ok(&whole), "{middle:02X?} cut at {cut}");
        }
    }
}

#[quickcheck]
fn every_byte_of_a_damaged_file_is_accounted_for(file: Damaged) {
    let mut place = HEADER.len() as u64;
    for item in read(&file.0).unwrap() {
        match item {
            FlvItem::Media(media) => place += 15 + media.content.payload().len() as u64,
            FlvItem::Damage(Damage::Skipped { offset, length, .. }) => {
                assert_eq!(offset, place);
                place += 15 + u64::from(length);
            }
            FlvItem::Damage(Damage::Garbage { offset, length }) => {
                assert_eq!(offset, place);
                place += length;
            }
            FlvItem::Damage(Damage::WrongBackPointer { offset, .. }) => assert_eq!(offset, place - 4),
            FlvItem::Damage(Damage::Truncated { offset, length }) => {
                let lacks_back_pointer = offset < place;
                let missing = place.saturating_sub(offset + length);
                assert!(if lacks_back_pointer { (1..=4).contains(&missing) } else { offset == place });
                place = offset + length;
            }
        }
    }
    assert_eq!(place, file.0.len() as u64);
}

#[test]
fn a_file_that_ends_inside_a_tag_plays_up_to_its_last_whole_one() {
    let tags = [tag(8, 0, b"\xAF\x01"), tag(9, 40, b"\x17\x01\0")];
    let (first, second) = (HEADER.len(), HEADER.len() + tags[0].len());
    let whole = file(&tags);
    for length in first..whole.len() {
        let begun = if length < second { first } else { second };
        let truncated = Damage::Truncated { offset: begun as u64, length: (length - begun) as u64 };
        let mut expected = Vec::new();
        // The back pointer may be missing.
        expected.extend((length >= second - 4).then(|| audio(0, b"\xAF\x01")));
        expected.extend((length >= whole.len() - 4).then(|| video(40, b"\x17\x01\0")));
        expected.extend((length != begun).then_some(damage(truncated)));
        assert_eq!(read(&whole[..length]), Ok(expected), "{length} bytes");
    }
}

#[test]
fn a_file_that_ends_inside_its_header_is_truncated() {
    for length in 0..HEADER.len() {
        let truncated = damage(Damage::Truncated { offset: 0, length: length as u64 });
        assert_eq!(read(&HEADER[..length]), Ok(vec![truncated]));
    }
}

#[test]
fn a_file_that_may_go_on_is_not_truncated() {
    let mut reader = FlvReader::new();
    reader.feed(&FILE[..FILE.len() - 1]);
    assert!(reader.poll().unwrap().is_some());
    assert!(reader.poll().unwrap().is_some());
    assert_eq!(reader.poll(), Ok(None));
    assert_eq!(reader.poll(), Ok(None));
    reader.feed(&FILE[FILE.len() - 1..]);
    assert!(reader.poll().unwrap().is_some());
    reader.finish();
    assert_eq!(reader.poll(), Ok(None));
}

#[test]
fn what_is_no_flv_file_is_refused_as_soon_as_that_shows() {
    for (file, error) in [
        (&b"MP"[..], FlvError::NotFlv),
        (b"FLV\x02", FlvError::NotFlv),
        (b"FLV\x01\x05\0\0\0\x08", FlvError::HeaderLength(8)),
        (b"FLV\x01\x05\xFF\0\0\0", FlvError::HeaderLength(0xFF00_0000)),
    ] {
        let mut reader = FlvReader::new();
        reader.feed(file);
        assert_eq!(reader.poll(), Err(error));
        reader.feed(FILE);
        reader.finish();
        assert_eq!(reader.poll(), Err(error));
        assert_eq!(reader.buffer.len(), file.len(), "nothing is kept");
    }
}

#[test]
fn a_longer_header_is_passed_over() {
    let bytes = [&b"FLV\x01\x05\0\0\0\x0Bxy\0\0\0\0"[..], &tag(8, 0, b"\xAF")].concat();
    assert_eq!(read(&bytes), Ok(vec![audio(0, b"\xAF")]));
}

#[test]
fn garbage_between_tags_is_passed_over_and_reported() {
    // Text; a short piece of it; what looks like a tag of 16 MiB; a type that nobody knows, and another stream's.
    let false_header = b"\x09\xFF\xFF\xFF\0\0\0\0\0\0\0";
    let unknown = b"\x07\0\0\x01\0\0\0\0\0\0\0\xEE\0\0\0\0";
    for garbage in [&b"HTTP/1.1 200 OK\r\n\r\n"[..], b"x", b"\x08", b"\0\0\0", false_header, unknown] {
        let before = file(&[tag(8, 0, b"\xAF\x01")]);
        let offset = before.len() as u64;
        let bytes = [&before[..], garbage, &tag(9, 40, b"\x17\x01"), &tag(8, 40, b"\xAF")].concat();
        let found = damage(Damage::Garbage { offset, length: garbage.len() as u64 });
        let expected = vec![audio(0, b"\xAF\x01"), found, video(40, b"\x17\x01"), audio(40, b"\xAF")];
        assert_eq!(read(&bytes), Ok(expected), "{garbage:02X?}");
    }
}

#[test]
fn garbage_at_the_end_is_no_tag_that_was_cut_off() {
    let bytes = [&file(&[tag(8, 0, b"\xAF")])[..], b"garbage, and much of it"].concat();
    let garbage = damage(Damage::Garbage { offset: 29, length: 23 });
    assert_eq!(read(&bytes), Ok(vec![audio(0, b"\xAF"), garbage]));
}

#[test]
fn text_between_tags_is_passed_over_before_as_much_has_come_as_it_seems_to_declare() {
    let mut reader = FlvReader::new();
    reader.feed(&[HEADER, b"HTTP/1.1 200 OK\r\n\r\n", &tag(8, 0, b"\xAF")].concat());
    assert_eq!(reader.poll(), Ok(Some(damage(Damage::Garbage { offset: 13, length: 19 }))));
    assert_eq!(reader.poll(), Ok(Some(audio(0, b"\xAF"))));
}

#[test]
fn files_whose_back_pointers_are_all_wrong_are_read_right_through() {
    let mut bytes = file(&[tag(8, 0, b"\xAF\x01"), tag(9, 0, b"\x17"), tag(8, 23, b"\xAF")]);
    let ends = [HEADER.len() + 17, HEADER.len() + 33, HEADER.len() + 49];
    for end in ends {
        bytes[end - 4..end].fill(0);
    }
    let wrong = |end: usize, expected| {
        damage(Damage::WrongBackPointer { offset: end as u64 - 4, found: 0, expected })
    };
    let expected = vec![
        audio(0, b"\xAF\x01"),
        wrong(ends[0], 13),
        video(0, b"\x17"),
        wrong(ends[1], 12),
        audio(23, b"\xAF"),
        wrong(ends[2], 12),
    ];
    assert_eq!(read(&bytes), Ok(expected));
}

#[test]
fn a_wrong_back_pointer_is_tolerated_only_where_another_tag_begins_right_behind() {
    let mut wrong = tag(9, 0, b"\x17\x01");
    *wrong.last_mut().unwrap() = 0;
    let sound = tag(8, 0, b"\xAF");
    let encrypted = tag(0x28, 0, b"secret");
    let pointer = damage(Damage::WrongBackPointer { offset: 26, found: 0, expected: 13 });
    let skipped = damage(Damage::Skipped { offset: 30, kind: 0x28, length: 6 });
    let tolerated = vec![video(0, b"\x17\x01"), pointer, skipped, audio(0, b"\xAF")];
    assert_eq!(read(&file(&[wrong.clone(), encrypted, sound.clone()])), Ok(tolerated));

    let mut of_another_stream = tag(9, 0, b"\x17\x01");
    of_another_stream[10] = 7;
    for behind in [&b"garbage, and much of it"[..], &of_another_stream[..16]] {
        let garbage = damage(Damage::Garbage { offset: 13, length: 17 + behind.len() as u64 });
        let bytes = file(&[wrong.clone(), behind.to_vec(), sound.clone()]);
        assert_eq!(read(&bytes), Ok(vec![garbage, audio(0, b"\xAF")]), "{behind:02X?}");
    }
}

#[test]
fn nothing_is_kept_of_what_comes_behind_the_end() {
    let mut reader = FlvReader::new();
    reader.feed(HEADER);
    reader.finish();
    reader.feed(&tag(8, 0, b"\xAF"));
    assert_eq!(reader.poll(), Ok(None));
    assert!(reader.buffer.is_empty());
}

#[test]
fn a_wrong_back_pointer_behind_the_header_is_reported_too() {
    let bytes = [&b"FLV\x01\x05\0\0\0\x09\0\0\0\x07"[..], &tag(8, 0, b"\xAF")].concat();
    let wrong = damage(Damage::WrongBackPointer { offset: 9, found: 7, expected: 0 });
    assert_eq!(read(&bytes), Ok(vec![wrong, audio(0, b"\xAF")]));
}

#[test]
fn a_tag_whose_length_is_wrong_takes_no_other_with_it() {
    for length in [0_u32, 1, 3, 20, 41, 0x00FF_FFFF] {
        let mut bytes = file(&[tag(8, 0, b"\xAF\x01"), tag(9, 0, b"\x17\x01"), tag(8, 23, b"\xAF\x01")]);
        bytes[HEADER.len() + 1..][..3].copy_from_slice(&length.to_be_bytes()[1..]);
        let garbage = damage(Damage::Garbage { offset: 13, length: 17 });
        let expected = vec![garbage, video(0, b"\x17\x01"), audio(23, b"\xAF\x01")];
        assert_eq!(read(&bytes), Ok(expected), "{length}");
    }
}

#[test]
fn encrypted_and_unknown_tags_are_skipped_and_named() {
    let nameless = tag(18, 0, b"\x05");
    let bytes = file(&[tag(0x29, 0, b"secret"), tag(7, 0, b""), nameless, tag(8, 0, b"\xAF")]);
    let skipped = |offset, kind, length| damage(Damage::Skipped { offset, kind, length });
    let expected = vec![skipped(13, 0x29, 6), skipped(34, 7, 0), skipped(49, 18, 1), audio(0, b"\xAF")];
    assert_eq!(read(&bytes), Ok(expected));
}

#[test]
fn a_stream_id_that_is_not_zero_is_ignored_where_the_back_pointer_fits() {
    let mut strange = tag(8, 0, b"\xAF");
    strange[10] = 1;
    assert_eq!(read(&file(&[strange])), Ok(vec![audio(0, b"\xAF")]));
}

#[test]
fn script_data_are_media_also_with_amf3() {
    let amf0 = b"\x02\0\x0AonMetaData\x05";
    let set_data_frame = [&b"\x02\0\x0D@setDataFrame"[..], amf0].concat();
    let amf3 = [&b"\0"[..], amf0].concat();
    let bytes = file(&[tag(18, 0, amf0), tag(18, 0, &set_data_frame), tag(15, 7, &amf3), tag(15, 7, amf0)]);
    let items = read(&bytes).unwrap();
    let payloads = items.into_iter().map(|item| item.into_media().unwrap().content.payload().clone());
    assert_eq!(payloads.collect::<Vec<_>>(), [&amf0[..]; 4]);
}

#[test]
fn a_length_that_is_only_declared_takes_no_memory() {
    let mut reader = FlvReader::new();
    reader.feed(&[HEADER, b"\x09\xFF\xFF\xFF\0\0\0\0\0\0\0"].concat());
    assert_eq!(reader.poll(), Ok(None));
    assert!(reader.buffer.capacity() < 1_024, "{} bytes", reader.buffer.capacity());
}

/// If each piece, or each false beginning, cost another look at all that came, this took hours.
#[test]
fn megabytes_of_false_beginnings_are_looked_at_once() {
    const NEAR: &[u8] = b"\x09\0\x10\0\0\0\0\0\0\0\0\x09";
    const FAR: &[u8] = b"\x09\x7F\xFF\xFF\0\0\0\0\0\0\0\x09";
    const TIMES: usize = 150_000;
    let mut reader = FlvReader::new();
    // Not plausible, so that a tag is looked for.
    reader.feed(&[HEADER, b"garbage garbage"].concat());
    for beginning in [NEAR, FAR] {
        for _ in 0..TIMES {
            reader.feed(beginning);
            assert_eq!(reader.poll(), Ok(None));
        }
    }
    reader.feed(&tag(8, 0, b"\xAF"));
    reader.finish();
    let length = (15 + (NEAR.len() + FAR.len()) * TIMES) as u64;
    assert_eq!(reader.poll(), Ok(Some(damage(Damage::Garbage { offset: 13, length }))));
    assert_eq!(reader.poll(), Ok(Some(audio(0, b"\xAF"))));
    assert_eq!(reader.poll(), Ok(None));
}

const HEADER: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0";

fn tag(kind: u8, millis: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    let time = millis.to_be_bytes();
    let size = (body.len() as u32 + 11).to_be_bytes();
    let head = [kind, length[1], length[2], length[3], time[1], time[2], time[3], time[0], 0, 0, 0];
    [&head, body, &size].concat()
}

fn file(tags: &[Vec<u8>]) -> Vec<u8> {
    [HEADER, &tags.concat()].concat()
}

fn audio(millis: u32, body: &'static [u8]) -> FlvItem {
    media(millis, Content::of_tag(MessageType::AUDIO, Bytes::from_static(body)))
}

fn video(millis: u32, body: &'static [u8]) -> FlvItem {
    media(millis, Content::of_tag(MessageType::VIDEO, Bytes::from_static(body)))
}

fn media(millis: u32, content: Option<Content>) -> FlvItem {
    FlvItem::Media(Media { timestamp: Timestamp::from_millis(millis), content: content.unwrap() })
}

fn damage(damage: Damage) -> FlvItem {
    FlvItem::Damage(damage)
}

fn read(file: &[u8]) -> Result<Vec<FlvItem>, FlvError> {
    read_in_cuts(file, &[])
}

fn read_in_cuts(file: &[u8], cuts: &[u8]) -> Result<Vec<FlvItem>, FlvError> {
    let mut reader = FlvReader::new();
    let (mut rest, mut items) = (file, Vec::new());
    for piece in cuts.iter().map(|&cut| usize::from(cut)).chain([file.len()]) {
        let (piece, behind) = rest.split_at(piece.min(rest.len()));
        reader.feed(piece);
        rest = behind;
        while let Some(item) = reader.poll()? {
            items.push(item);
        }
    }
    reader.finish();
    while let Some(item) = reader.poll()? {
        items.push(item);
    }
    Ok(items)
}

/// A file of tags, of broken tags, and of bytes of which tags are made.
#[derive(Clone, Debug)]
struct Damaged(Vec<u8>);

impl Arbitrary for Damaged {
    fn arbitrary(g: &mut Gen) -> Self {
        // None of them begins a string, so that no data has a name.
        const BYTES: [u8; 8] = [0, 0, 0, 1, 8, 9, 11, 18];
        let mut bytes = HEADER.to_vec();
        for _ in 0..usize::arbitrary(g) % 8 {
            let body: Vec<u8> = (0..u8::arbitrary(g) % 24).map(|_| *g.choose(&BYTES).unwrap()).collect();
            let mut tag = tag(*g.choose(&[8, 9, 15, 18, 0x28, 7]).unwrap(), u32::arbitrary(g), &body);
            match u8::arbitrary(g) % 8 {
                0 => bytes.extend(&body),
                1 => tag.truncate(usize::arbitrary(g) % tag.len()),
                2 => {
                    let at = usize::arbitrary(g) % tag.len();
                    tag[at] = *g.choose(&BYTES).unwrap();
                }
                3 => {
                    let end = tag.len();
                    tag[end - 4..].fill(0);
                }
                _ => {}
            }
            bytes.extend(tag);
        }
        Self(bytes)
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let tags = self.0[HEADER.len()..].to_vec();
        Box::new(tags.shrink().map(|tags| Self([HEADER, &tags].concat())))
    }
}
