//! The media of a publisher comes out of its session as it was on the wire.

use std::fmt::Write as _;

use md5::{Digest, Md5};
use sol_core::media::Content;
use sol_core::session::Event;
use sol_tests::peer::message::TypeId;

use crate::half::{Half, halves};
use crate::transcript::{Transcript, whole};
use sol_tests::captures::wire::{body_for_players, media_in};

#[test]
fn every_session_of_a_publisher_has_the_media_that_the_kit_reads() {
    for half in publishers() {
        let told: Vec<Told> = media_in(&half.bytes)
            .iter()
            .map(|message| Told {
                type_id: message.type_id,
                timestamp_ms: message.timestamp_ms,
                body_md5: md5(&body_for_players(message)),
            })
            .collect();
        let seen = media_by_the_session(half);
        assert_eq!(seen.len(), told.len(), "{}", half.name);
        for (index, (seen, told)) in seen.iter().zip(&told).enumerate() {
            assert_eq!(seen, told, "{}, message {index}", half.name);
        }
    }
}

#[test]
fn nothing_but_publishers_has_media() {
    for half in halves().iter().filter(|half| !half.publishes()) {
        assert_eq!(media_by_the_session(half), [], "{}", half.name);
    }
}

/// The kit's reader is held to tshark once more here, body by body: it is the measure of the
/// other tests.
#[test]
fn the_kit_reads_the_media_that_tshark_saw() {
    let mut seen = String::new();
    for half in publishers() {
        let mut all = String::new();
        let media = media_in(&half.bytes);
        for message in &media {
            let (type_id, timestamp_ms) = (message.type_id.0, message.timestamp_ms);
            writeln!(all, "{type_id} {timestamp_ms} {}", md5(&message.payload)).expect("a string takes all");
        }
        writeln!(seen, "{} {} {}", half.name, media.len(), md5(all.as_bytes())).expect("a string takes all");
    }
    let told: String = MEDIA_BY_TSHARK
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.to_owned() + "\n")
        .collect();
    assert_eq!(seen, told);
}

/// One message of media.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    type_id: TypeId,
    timestamp_ms: u32,
    body_md5: String,
}

fn publishers() -> impl Iterator<Item = &'static Half> {
    halves().iter().filter(|half| half.publishes())
}

fn media_by_the_session(half: &Half) -> Vec<Told> {
    let events = Transcript::of(half, whole()).events.into_iter();
    let media = events.filter_map(|event| match event {
        Event::Media { media, .. } => Some(media),
        _ => None,
    });
    media
        .map(|media| Told {
            type_id: match media.content {
                Content::Audio(_) => TypeId::AUDIO,
                Content::Video(_) => TypeId::VIDEO,
                Content::Data(_) => TypeId::DATA_AMF0,
            },
            timestamp_ms: media.timestamp.millis(),
            body_md5: md5(media.content.payload()),
        })
        .collect()
}

fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file itself says how it was made.
const MEDIA_BY_TSHARK: &str = include_str!("media-by-tshark.txt");
