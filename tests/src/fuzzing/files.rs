//! FLV files: the pieces in which one comes change nothing, each byte is accounted for, and what was read can be written
//! and is the same again.

use sol_core::flv::{Damage, FlvError, FlvItem, FlvReader, FlvWriter, TagHeader};
use sol_core::limits;
use sol_core::media::{FrameKind, Media, TrackKind};

use super::choices::{Choices, pieces};

/// A file.
pub(super) fn flv(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let how = choices.byte();
    let cuts = choices.take(usize::from(how >> 1) % 8);
    let file = match how & 1 {
        0 => choices.rest().to_vec(),
        _ => assembled(&mut choices),
    };
    let whole = read([&file[..]].into_iter());
    assert_eq!(whole, read(pieces(&file, cuts)), "cut in pieces of {cuts:?}");
    let Ok(items) = whole else { return };
    account(&file, &items);
    let media: Vec<Media> = items.into_iter().filter_map(FlvItem::into_media).collect();
    write(&media);
}

/// A file with one tag after the other, of whose fields any may be wrong.
fn assembled(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    while !choices.are_over() {
        let what = choices.byte();
        let kind = [8, 9, 18, 15, 0x28, 12, 9, 8][usize::from(what % 8)];
        let time = choices.u16().to_be_bytes();
        let body = choices.some();
        let mut length = body.len() as u32;
        if what & 0x10 != 0 {
            length ^= u32::from(choices.u16());
        }
        file.push(kind);
        file.extend_from_slice(&length.to_be_bytes()[1..]);
        file.extend_from_slice(&[0, time[0], time[1], 0, 0, 0, u8::from(what & 0x20 != 0)]);
        file.extend_from_slice(body);
        let back = body.len() as u32 + if what & 0x40 == 0 { TagHeader::LEN as u32 } else { 0 };
        file.extend_from_slice(&back.to_be_bytes());
        if what & 0x80 != 0 {
            file.extend_from_slice(choices.some());
        }
    }
    file
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<FlvItem>, FlvError> {
    let mut reader = FlvReader::new();
    let mut items = Vec::new();
    for piece in pieces {
        reader.feed(piece);
        while let Some(item) = reader.poll()? {
            items.push(item);
        }
    }
    reader.finish();
    while let Some(item) = reader.poll()? {
        items.push(item);
    }
    assert_eq!(reader.poll(), Ok(None), "the end is the end");
    Ok(items)
}

/// Media and damage stand one behind the other and make up the file.
fn account(file: &[u8], items: &[FlvItem]) {
    const AROUND: u64 = (TagHeader::LEN + TagHeader::BACK_POINTER_LEN) as u64;
    let Some(&[a, b, c, d]) = file.get(5..9).and_then(|bytes| bytes.first_chunk()) else { return };
    let mut place = u64::from(u32::from_be_bytes([a, b, c, d])) + TagHeader::BACK_POINTER_LEN as u64;
    if place > file.len() as u64 {
        assert!(matches!(items, [FlvItem::Damage(Damage::Truncated { .. })]), "{items:?}");
        return;
    }
    for (index, item) in items.iter().enumerate() {
        match *item {
            FlvItem::Media(ref media) => {
                place += AROUND + media.content.payload().len() as u64 + taken_off(file, place, media);
            }
            FlvItem::Damage(Damage::Skipped { offset, length, .. }) => {
                assert_eq!(offset, place);
                place += AROUND + u64::from(length);
            }
            FlvItem::Damage(Damage::Garbage { offset, length }) => {
                assert_eq!(offset, place);
                place += length;
            }
            FlvItem::Damage(Damage::WrongBackPointer { offset, .. }) => assert_eq!(offset, place - 4),
            FlvItem::Damage(Damage::Truncated { offset, length }) => {
                assert_eq!(index, items.len() - 1, "nothing comes behind the end");
                // A tag whose back pointer alone is missing was given already.
                assert!(offset == place || (1..=4).contains(&place.saturating_sub(offset + length)));
                place = offset + length;
            }
        }
    }
    assert!(place == file.len() as u64, "accounted for {place} of {} bytes: {items:?}", file.len());
}

/// Bytes that the message of a tag has beyond what a player gets of it: a format byte, `@setDataFrame`.
fn taken_off(file: &[u8], place: u64, media: &Media) -> u64 {
    let tag = file[place as usize..].first_chunk().map(TagHeader::parse).expect("a tag was read there");
    tag.length as u64 - media.content.payload().len() as u64
}

/// A pipe gets what came; a seekable file has metadata of its own in front of it.
fn write(media: &[Media]) {
    let mut pipe = FlvWriter::streaming(&[TrackKind::Audio, TrackKind::Video]);
    let bytes = written(&mut pipe, media);
    assert_eq!(pipe.finish(), []);
    if !media.is_empty() {
        assert_eq!(media_of(&bytes), media);
    }

    let mut writer = FlvWriter::seekable();
    let mut file = written(&mut writer, media);
    for unfinished in [true, false] {
        let read = media_of(&file);
        let is_merged = read.len() == media.len();
        if let Some(first) = media.first() {
            assert_eq!(FrameKind::of(&read[0].content), FrameKind::Metadata);
            assert!(!is_merged || FrameKind::of(&first.content) == FrameKind::Metadata);
            assert_eq!(read[1..], media[usize::from(is_merged)..]);
        }
        if unfinished {
            let writer = std::mem::replace(&mut writer, FlvWriter::seekable());
            for patch in writer.finish() {
                file[patch.offset as usize..][..patch.bytes.len()].copy_from_slice(&patch.bytes);
            }
        }
    }
}

fn written(writer: &mut FlvWriter, media: &[Media]) -> Vec<u8> {
    let mut file = Vec::new();
    for media in media {
        let piece = writer.write(media).expect("a tag held it");
        piece.slices().iter().for_each(|slice| file.extend_from_slice(slice));
        assert_eq!(writer.position(), file.len() as u64);
    }
    file
}

/// All media of a file without damage.
fn media_of(file: &[u8]) -> Vec<Media> {
    if file.is_empty() {
        return Vec::new();
    }
    let items = read([file].into_iter()).expect("it was written here");
    let no_damage = |item: FlvItem| match item {
        FlvItem::Media(media) => media,
        FlvItem::Damage(damage) => panic!("{damage}"),
    };
    let media: Vec<Media> = items.into_iter().map(no_damage).collect();
    assert!(media.iter().all(|media| media.content.payload().len() <= limits::MESSAGE_BYTES));
    media
}
