//! Seeds: what fuzzing begins with, cut out of the recorded traffic, so that it need not find out by itself what a handshake is.
//! The headers of media that no traffic has are those of the vectors.
//!
//! Invariant: the same captures and vectors give the same seeds.

use std::collections::BTreeSet;

use bytes::Bytes;
use sol_bin::config::{Configuration, Layer};
use sol_core::amf::amf3;
use sol_core::flv::FlvWriter;
use sol_core::media::{Codec, Content, Media, TrackKind};
use sol_core::message::Data;
use sol_core::timestamp::Timestamp;

use super::descriptions::CODECS;
use crate::captures::{self, Capture};
use crate::peer::amf::{self, Amf};
use crate::peer::codec::ChunkReader;
use crate::peer::filler::Filler;
use crate::peer::message::{Received, TypeId};
use crate::vectors::{oddities, vectors};

/// One seed: of which target, and its bytes.
pub type Seed = (&'static str, Vec<u8>);

/// All of them, each once.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = BTreeSet::new();
    for capture in captures::all() {
        for connection in &capture.connections {
            let (client, server) = (&connection.client.bytes, &connection.server.bytes);
            of_a_conversation(client, server, capture.meta.role == "publish", &mut seeds);
            for half in [client, server] {
                of_messages(&messages(half), &mut seeds);
            }
        }
        of_names(&capture, &mut seeds);
        of_a_file(&capture, &mut seeds);
    }
    of_configurations(&mut seeds);
    of_vectors(&mut seeds);
    made_up(&mut seeds);
    seeds.into_iter().collect()
}

/// The beginnings of both halves, as they are.
fn of_a_conversation(client: &[u8], server: &[u8], publishes: bool, seeds: &mut BTreeSet<Seed>) {
    let beginning = |bytes: &[u8], count: usize| bytes[..count.min(bytes.len())].to_vec();
    seeds.insert(("handshake_server", [&[0, 0, 0][..], &beginning(client, HANDSHAKE_BYTES + 3)].concat()));
    seeds.insert((
        "handshake_client",
        [&[1, 0, 0, 0, 0][..], &beginning(server, HANDSHAKE_BYTES + 3)].concat(),
    ));
    for half in [client, server] {
        if let Some(chunks) = half.get(HANDSHAKE_BYTES..) {
            seeds.insert(("chunks", [&[0][..], &beginning(chunks, SEED_BYTES)].concat()));
        }
    }
    let said = |bytes: &[u8]| {
        let bytes = beginning(bytes, HANDSHAKE_BYTES + SEED_BYTES);
        [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat()
    };
    let (heard, answered) = (said(client), said(server));
    seeds.insert(("observer", [&[0, 18, 0][..], &heard, &[18, 1], &answered].concat()));
    // As it comes, and then whatever waits is allowed.
    seeds.insert(("session", [&[0, 0, 0, 22][..], &said(client), &[22, 22]].concat()));
    seeds.insert(("client", [&[0, u8::from(!publishes), 0, 0, 0, 18][..], &said(server)].concat()));
    // Of somebody who was there before, and of one who has just come.
    seeds.insert(("server", [&[0, 0, 0, 0, 0, 22][..], &said(client)].concat()));
    seeds.insert(("loops", [&[0, 0, 0, 0, 0, 0, 22][..], &said(client)].concat()));
}

/// One of each kind of message.
fn of_messages(messages: &[Received], seeds: &mut BTreeSet<Seed>) {
    let mut kinds = BTreeSet::new();
    let mut media = Vec::new();
    for message in messages {
        let body = &message.payload;
        let is_media = matches!(message.type_id, TypeId::AUDIO | TypeId::VIDEO);
        if !kinds.insert((message.type_id, body.slice(..body.len().min(if is_media { 6 } else { 16 })))) {
            continue;
        }
        let short = &body[..body.len().min(SEED_BYTES)];
        let time = message.timestamp_ms.to_be_bytes();
        let cut = if is_media { &short[..short.len().min(64)] } else { short };
        seeds.insert(("messages", [&[message.type_id.0][..], &time, cut].concat()));
        match message.type_id {
            TypeId::COMMAND_AMF0 | TypeId::DATA_AMF0 => drop(seeds.insert(("amf0", short.to_vec()))),
            _ => {}
        }
        if is_media {
            seeds.insert(("tags", cut.to_vec()));
        }
        let content = match message.type_id {
            TypeId::AUDIO => Some(Content::Audio(Bytes::copy_from_slice(cut))),
            TypeId::VIDEO => Some(Content::Video(Bytes::copy_from_slice(cut))),
            TypeId::DATA_AMF0 => Data::parse(body.clone()).map(Content::Data),
            _ => None,
        };
        let timestamp = Timestamp::from_millis(message.timestamp_ms);
        if let Some((_, codec)) = content.as_ref().and_then(Codec::of)
            && let Some(index) = CODECS.iter().position(|&read| read == codec)
            && let Some(record) = content.as_ref().and_then(Content::configuration)
        {
            seeds.insert(("description", [&[index as u8][..], record].concat()));
        }
        media.extend(content.map(|content| Media { timestamp, content }));
    }
    if !media.is_empty() {
        let mut writer = FlvWriter::streaming(&[TrackKind::Audio, TrackKind::Video]);
        let pieces = media.iter().map(|media| writer.write(media).expect("it is short").slices().concat());
        seeds.insert(("flv", std::iter::once(vec![0]).chain(pieces).flatten().collect()));
    }
}

/// The first packets of a file.
fn of_a_file(capture: &Capture, seeds: &mut BTreeSet<Seed>) {
    let path = captures::directory().join(format!("{}.pcap", capture.stem));
    let file = std::fs::read(&path).expect("it was loaded");
    seeds.insert(("pcap", [&[0][..], &file[..file.len().min(2 * SEED_BYTES)]].concat()));
}

fn of_names(capture: &Capture, seeds: &mut BTreeSet<Seed>) {
    let text = |text: &str| [&[text.len() as u8][..], text.as_bytes()].concat();
    let (app, key) = (&capture.meta.app, &capture.meta.key);
    let tc_url = format!("rtmp://127.0.0.1:{}/{app}", capture.meta.port);
    let whole = format!("{tc_url}/{key}");
    seeds.insert(("names", [text(app), text(&tc_url), text(key), whole.into_bytes()].concat()));
}

/// The mistakes that people make, and the files that the program prints.
fn of_configurations(seeds: &mut BTreeSet<Seed>) {
    for case in include_str!("../../../sol-bin/src/config/mistakes.txt").split("=== ").skip(1) {
        let written = case.split_once('\n').and_then(|(_, rest)| rest.split_once("---\n"));
        let (written, _) = written.expect("a case is named and has a message");
        seeds.insert(("configuration", [&[0, 0, 0][..], written.as_bytes()].concat()));
    }
    let shown = Configuration::of(Vec::new(), [], Layer::default()).expect("the defaults hold").shown();
    for file in [shown, sol_bin::config::sample()] {
        seeds.insert(("configuration", [&[0, 0, 0][..], file.as_bytes()].concat()));
    }
    // Two variables, two flags, a section and two keys.
    seeds.insert(("configuration", vec![2, 2, 22, 1, 3, 24, 5, 2, 0, 12, 1, 6, 1, 0, 2, 4, 22, 3, 4, 26, 2]));
}

/// The headers of audio and video that the specification has. Long ones say nothing that short ones do not.
fn of_vectors(seeds: &mut BTreeSet<Seed>) {
    let whole = vectors().into_iter().map(|vector| vector.bytes);
    let odd = oddities().into_iter().map(|oddity| oddity.bytes);
    seeds.extend(whole.chain(odd).filter(|bytes| bytes.len() <= SEED_BYTES).map(|bytes| ("tags", bytes)));
}

/// What no capture has.
fn made_up(seeds: &mut BTreeSet<Seed>) {
    let values = [
        amf3::Value::Integer(-7),
        amf3::Value::String("größe".into()),
        amf3::Value::Array {
            named: vec![("a".into(), true.into())],
            dense: vec![0.5.into(), "größe".into()],
        },
        amf3::Value::Object(amf3::Object {
            class: "C".into(),
            sealed: vec![("a".into(), amf3::Value::Null)],
            dynamic: Some(vec![("b".into(), amf3::Value::Date(7.0))]),
        }),
        amf3::Value::ArrayCollection(Box::new(amf3::Value::Reference(1))),
        amf3::Value::ByteArray(Bytes::from_static(b"\xAF\x01")),
        amf3::Value::IntVector { fixed: true, items: vec![-1] },
        amf3::Value::UintVector { fixed: false, items: vec![1] },
        amf3::Value::DoubleVector { fixed: false, items: vec![0.5] },
        amf3::Value::ObjectVector { fixed: false, class: "C".into(), items: vec![amf3::Value::Undefined] },
        amf3::Value::Dictionary {
            weak: false,
            entries: vec![("key".into(), amf3::Value::Xml("<x/>".into()))],
        },
        amf3::Value::XmlDocument("<x/>".into()),
    ];
    for value in &values {
        let mut written = Vec::new();
        amf3::Writer::new(&mut written).write_value(value);
        seeds.insert(("amf3", written.clone()));
        seeds.insert(("amf0", [&[0x11][..], &written].concat()));
    }
    let mut all = Vec::new();
    let mut writer = amf3::Writer::new(&mut all);
    values.iter().for_each(|value| writer.write_value(value));
    seeds.insert(("amf3", all));

    let oddities = [
        Amf::StrictArray(vec![Amf::Undefined, Amf::Date { unix_ms: 7.0, zone: 0 }]),
        Amf::LongString("x".to_owned()),
    ];
    seeds.insert(("amf0", amf::write_all(&oddities)));
    for number in 0..4 {
        let mut bytes = vec![0; 400];
        Filler::new(number).fill(&mut bytes);
        seeds.insert(("framing", bytes));
    }
    for tags in [
        &b"\x01\x08\0\x28\x02\xAF\x01\x09\0\x28\x03\x17\x01\0"[..],
        b"\x01\x18\0\0\x02\xAF\x01\0\x07\x08\0\0\0",
    ] {
        seeds.insert(("flv", tags.to_vec()));
    }
    // Start codes, bare parameter sets, empty units, a configuration that is empty.
    let sets =
        b"\0\0\0\x01\x67\x64\0\x0D\xAC\xD9\x41\x41\x9F\x9F\x01\x10\0\0\x3E\x90\0\x0E\xA6\0\xF1\x42\x99\x60\
                 \0\0\x01\x68\xEB\xE3\xCB\x22\xC0";
    let keyframe = [&sets[..], b"\0\0\x01\x65\x88\x84"].concat();
    let message = |head: u8, body: &[u8]| [&[body.len() as u8, head][..], body].concat();
    let empty_unit = message(2, b"\0\0\0\0\0\0\0\x02\x41\x9A");
    for first in [message(0, sets), message(0, b""), message(3, sets)] {
        let seed =
            [vec![0], first, message(1, &keyframe), message(4, &keyframe), empty_unit.clone()].concat();
        seeds.insert(("odd_video", seed));
    }
    // One publishes a keyframe and what needs it, one plays it, both in few choices.
    let publish = [1, 0, 0, 0, 5, 0, 0, 5, 1, 0, 5, 3];
    let play = [16, 1, 0, 0x20, 5, 0, 0x20, 5, 1, 25, 4, 27, 17, 0x20, 5, 0, 24, 0, 25, 6];
    for prefix in [&[0, 0, 0][..], &[0, 1, 3, 0, 0, 1, 3, 3, 3, 0, 3, 0, 0], &[2, 0, 0]] {
        let steps = [&publish[..], &play].concat();
        seeds.insert(("server", [prefix, &steps].concat()));
        seeds.insert(("loops", [&[0], prefix, &steps, &[30, 2, 14, 29, 0]].concat()));
    }
    let in_disorder = [
        &[1, 0, 0, 0, 9, 0, 0, 0, 7][..],
        &[0x18, 0, 100, 0, 0, 100, 0x18, 0, 0, 0, 0, 100],
        &[0x1D, 0, 0, 0, 200, 50, 0x08, 0, 0, 0, 0, 0, 0x09, 0, 0, 0, 0, 0],
    ];
    seeds.insert(("tcp", in_disorder.concat()));
    for number in 0..4 {
        let mut bytes = vec![0; 1_200];
        Filler::new(number).fill(&mut bytes);
        // With a beginning, without an end, and honest.
        bytes[0] = 0x81;
        seeds.insert(("tcp", bytes));
    }
    let of_a_publisher = [0, 0, 0, 12, 0, 22, 0, 5, 0, 0, 5, 1, 0, 9, 0, 0];
    let of_a_player = [0, 0, 0, 13, 0, 22, 31, 0, 0, 29, 0, 0, 38];
    seeds.extend([("session", of_a_publisher.to_vec()), ("session", of_a_player.to_vec())]);
    seeds.insert(("client", vec![0, 0, 1, 0, 0, 8, 0, 32, 0, 0, 0, 0, 0, 9, 33]));
    seeds.insert(("client", vec![0, 1, 1, 0, 0, 8, 1, 0, 5, 0, 0, 9, 0]));
}

/// The messages of one direction, up to the first that is not by the book.
fn messages(bytes: &[u8]) -> Vec<Received> {
    let mut reader = ChunkReader::new();
    reader.feed(bytes.get(HANDSHAKE_BYTES..).unwrap_or_default());
    std::iter::from_fn(|| reader.poll().ok().flatten()).collect()
}

/// C0, C1 and C2, or S0, S1 and S2.
const HANDSHAKE_BYTES: usize = 1 + 2 * 1_536;

/// So much of what comes behind a handshake: the commands, and some media.
const SEED_BYTES: usize = 2_048;
