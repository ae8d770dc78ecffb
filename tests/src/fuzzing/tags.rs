//! Tags: whatever bytes come as audio and as video, their header is read within bounds, says one thing, and is written so that it
//! says the same again.

use std::ops::RangeInclusive;

use bytes::Bytes;
use sol_core::limits;
use sol_core::media::{
    Codec, Content, EnhancedTag, FrameKind, FrameType, LegacyPacket, ModEx, MultichannelConfig, PacketType,
    Tag, TagError, TrackId,
};

/// One message, as audio and as video.
pub(super) fn tags(bytes: &[u8]) {
    for content in [Content::Audio, Content::Video] {
        check(&content(Bytes::copy_from_slice(bytes)));
    }
}

fn check(content: &Content) {
    let is_video = matches!(content, Content::Video(_));
    let payload = content.payload();
    let read = read(is_video, payload);
    assert_eq!(Tag::of(content).as_ref(), Some(&read));
    let kind = FrameKind::of(content);
    assert_eq!((kind.is_video(), kind.is_audio()), (is_video, !is_video));
    let tag = match read {
        Ok(tag) => tag,
        Err(_) => {
            let otherwise = if is_video { FrameKind::Interframe } else { FrameKind::Audio };
            assert_eq!((kind, Codec::of(content)), (otherwise, None));
            assert_eq!((content.composition_millis(), content.configuration()), (None, None));
            return;
        }
    };
    assert_eq!((kind, Codec::of(content)), (tag.kind(), tag.main_track()));
    assert_eq!(content.configuration(), tag.configuration());
    assert_eq!(content.composition_millis(), tag.composition_millis(), "audio has none");

    comes_again(is_video, payload);
    says_one_thing(&tag, is_video);
    if let Tag::Enhanced(enhanced) = &tag {
        is_within_bounds(enhanced, payload);
        comes_apart(&tag, enhanced);
        for track in &enhanced.tracks {
            channels(track.body);
        }
    }
}

/// What is written reads the same.
fn comes_again(is_video: bool, payload: &[u8]) {
    let mut written = Vec::new();
    let tag = read(is_video, payload);
    tag.iter().for_each(|tag| tag.write(&mut written));
    assert_eq!(read(is_video, &written), tag);
    // A composition time may have been left out.
    assert!(written.len() <= payload.len() + 3, "no header grows");
}

/// The answers agree with each other.
fn says_one_thing(tag: &Tag<'_>, is_video: bool) {
    let (kind, main) = (tag.kind(), tag.main_track());
    assert_eq!(main.is_none(), matches!(tag, Tag::Silence | Tag::Command(_)));
    let counts_for = track_of(kind).unwrap_or(id_of(main));
    let is_told_by_a_part = || tag.parts().is_some_and(|parts| parts.iter().any(|(part, _)| *part == kind));
    assert!(
        counts_for == id_of(main) || (kind.is_preamble() && is_told_by_a_part()),
        "it counts for its main track"
    );
    let (is_picture, configures) = match tag {
        Tag::Silence | Tag::Command(_) => (false, false),
        Tag::Legacy(tag) => {
            let is_key = tag.frame_type.is_some_and(FrameType::is_key);
            let is_coded = matches!(tag.packet, LegacyPacket::Coded(_) | LegacyPacket::Plain);
            (is_key && is_coded, tag.packet == LegacyPacket::SequenceStart)
        }
        Tag::Enhanced(tag) => {
            let is_key = tag.frame_type.is_some_and(FrameType::is_key);
            let (is_coded, configures) = match tag.packet {
                PacketType::CodedFrames | PacketType::CodedFramesX => (true, false),
                PacketType::SequenceStart | PacketType::MultichannelConfig => (false, true),
                PacketType::Mpeg2TsSequenceStart
                | PacketType::SequenceEnd
                | PacketType::Metadata
                | PacketType::Reserved(_) => (false, false),
            };
            (is_key && is_coded, configures)
        }
    };
    assert_eq!(matches!(kind, FrameKind::Keyframe(_)), is_picture);
    assert_eq!(tag.configuration().is_some(), configures);
    match kind {
        FrameKind::AudioConfig(_) | FrameKind::AudioLayout(_) => assert!(configures),
        FrameKind::VideoConfig(_) => assert!(is_video && !is_picture),
        FrameKind::Audio | FrameKind::AudioEnd | FrameKind::VideoMetadata(_) => assert!(!configures),
        FrameKind::Keyframe(_) | FrameKind::VideoEnd => assert!(!configures),
        // A video configuration without content is none.
        FrameKind::Interframe => assert!(tag.configuration().is_none_or(<[u8]>::is_empty)),
        FrameKind::Metadata | FrameKind::Data => panic!("it is no data"),
    }
    if let Some(composition) = tag.composition_millis() {
        assert!(is_video && COMPOSITION_MILLIS.contains(&composition));
        assert!(kind.is_picture() && !kind.is_preamble());
    }
}

/// There are no more tracks, modifiers and bytes than there may be, and all of these are of the message.
fn is_within_bounds(tag: &EnhancedTag<'_>, payload: &[u8]) {
    assert!((1..=limits::TAG_TRACKS).contains(&tag.tracks.len()));
    assert!(tag.mod_ex.len() <= limits::TAG_MODIFIERS);
    let bodies = tag.tracks.iter().map(|track| track.body);
    let modifiers = tag.mod_ex.iter().map(|mod_ex| mod_ex.data);
    assert!(bodies.chain(modifiers).map(<[u8]>::len).sum::<usize>() <= payload.len());
    for mod_ex in &tag.mod_ex {
        assert!(mod_ex.kind < 16 && (1..=65_536).contains(&mod_ex.data.len()));
    }
    if let Some(nanos) = tag.nanos() {
        assert!(nanos < 1_000_000);
        assert!(tag.mod_ex.iter().any(|mod_ex| mod_ex.kind == ModEx::NANOSECOND_OFFSET));
    }
    for track in &tag.tracks {
        assert_eq!(tag.track(track.id).map(|found| found.id), Some(track.id));
    }
}

/// The tracks of a message of several are messages that say each what the whole one says of it.
fn comes_apart(tag: &Tag<'_>, enhanced: &EnhancedTag<'_>) {
    let Some(parts) = tag.parts() else {
        assert_eq!(enhanced.tracks.len(), 1, "of several there are parts");
        return;
    };
    assert_eq!(parts.len(), enhanced.tracks.len());
    let main = enhanced.tracks.iter().position(|track| Some(track.id) == tag.main_track().map(|(id, _)| id));
    for (index, ((kind, payload), track)) in parts.iter().zip(&enhanced.tracks).enumerate() {
        let part = read(enhanced.frame_type.is_some(), payload).expect("a part is a message");
        assert_eq!((part.kind(), part.main_track()), (*kind, Some((track.id, track.codec()))));
        assert!(part.parts().is_none(), "it has one track");
        let Tag::Enhanced(alone) = &part else { panic!("a part has its form: {part:?}") };
        assert_eq!(alone.tracks[..], [*track]);
        assert_eq!(
            (alone.frame_type, alone.packet, alone.nanos()),
            (enhanced.frame_type, enhanced.packet, enhanced.nanos())
        );
        assert_eq!(alone.mod_ex[..], enhanced.mod_ex[..]);
        if Some(index) == main {
            assert!(*kind == tag.kind() || tag.kind().is_preamble(), "the message counts for it");
            assert_eq!(part.configuration(), tag.configuration());
            assert_eq!(part.composition_millis(), tag.composition_millis());
        }
    }
}

/// Whatever is read as channels is written the same.
fn channels(body: &[u8]) {
    let Ok(config) = MultichannelConfig::read(body) else { return };
    assert_eq!(config.speakers().count(), usize::from(config.count().get()));
    let mut written = Vec::new();
    config.write(&mut written);
    assert!(body.starts_with(&written));
    assert_eq!(MultichannelConfig::read(&written), Ok(config));
}

fn read(is_video: bool, payload: &[u8]) -> Result<Tag<'_>, TagError> {
    if is_video { Tag::of_video(payload) } else { Tag::of_audio(payload) }
}

fn id_of(main: Option<(TrackId, Codec)>) -> TrackId {
    main.map_or(TrackId::DEFAULT, |(id, _)| id)
}

/// Which track it is for, where it says.
fn track_of(kind: FrameKind) -> Option<TrackId> {
    match kind {
        FrameKind::AudioConfig(track)
        | FrameKind::AudioLayout(track)
        | FrameKind::VideoConfig(track)
        | FrameKind::VideoMetadata(track)
        | FrameKind::Keyframe(track) => Some(track),
        FrameKind::Audio
        | FrameKind::AudioEnd
        | FrameKind::Interframe
        | FrameKind::VideoEnd
        | FrameKind::Metadata
        | FrameKind::Data => None,
    }
}

/// A signed number of 24 bits.
const COMPOSITION_MILLIS: RangeInclusive<i32> = -0x0080_0000..=0x007F_FFFF;
