//! What an observer sees. Messages are told from the first byte on here; the other files have what is harder.

mod anything;
mod beginning;
mod harm;
mod middle;

use std::iter;

use super::*;
use crate::chunk::{ChunkError, MessageHeader, UnfinishedMessage, write_message};
use crate::entropy::Entropy;
use crate::handshake::{ClientHandshake, DigestLayout, HandshakeKind, Offer, ServerHandshake};
use crate::ids::{ChunkStreamId, MessageStreamId, MessageType};
use crate::limits;
use crate::message::{Command, Message, MessageError};
use crate::quirk::Quirk;
use crate::time::Instant;
use crate::timestamp::Timestamp;

#[test]
fn every_message_is_told_with_its_bytes_and_its_meaning() {
    let connect = Command::new("connect", 1.0, crate::amf::Properties::new().with("app", "live"));
    let tag = [8, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xAF, 1, 0, 0, 0, 13];
    let chunks = [
        full(3, 0, 0, 20, &connect.body()),
        full(6, 1, 40, 9, PICTURE),
        full(4, 1, 41, 22, &tag),
        full(4, 1, 42, 18, &[0xEE]),
        full(4, 1, 43, 99, b"what"),
    ];
    let mut observer = beyond_the_handshake();
    observer.handle_bytes(Party::Client, &chunks.concat());
    let observations = drain(&mut observer);
    let seen = whats(&observations);
    let messages = messages_in(&seen);
    assert_eq!(messages.len(), 5, "an aggregate is one message");
    let ends: Vec<u64> = chunks
        .iter()
        .scan(3_073, |at, chunk| {
            *at += chunk.len() as u64;
            Some(*at)
        })
        .collect();
    assert_eq!(observations.iter().map(|seen| seen.at).collect::<Vec<_>>(), ends);

    let ObservedMessage { chunk_stream, stream, time, kind, body, meaning } = messages[0];
    assert_eq!(
        (chunk_stream.get(), *stream, *kind),
        (3, Some(MessageStreamId::CONNECTION), MessageType::COMMAND)
    );
    assert_eq!((body, meaning), (&connect.body(), &Message::Command(connect.clone())));
    assert_eq!(*time, ObservedTime::Absolute(Timestamp::ZERO));
    assert_eq!(messages[1].time.absolute(), Some(Timestamp::from_millis(40)));
    assert!(matches!(&messages[2].meaning, Message::Aggregate(parts) if parts.clone().count() == 1));
    assert!(matches!(&messages[3].meaning, Message::Unreadable { why: MessageError::Amf(_), .. }));
    assert!(matches!(&messages[4].meaning, Message::Unknown { kind, .. } if kind.get() == 99));
}

#[test]
fn departures_from_the_specification_are_counted_for_their_party() {
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, &handshake(Offer::Simple)[0]);
    observer.handle_bytes(Party::Client, &[0x42, 0, 0, 7, 0, 0, 4, 3, 0, 0, 0, 9]);
    observer.handle_bytes(Party::Client, &full(3, 0, 0, 99, &[1]));
    let quirks: Vec<_> = observer.quirks(Party::Client).seen().collect();
    assert_eq!(quirks, [(Quirk::FirstHeaderWithoutStream, 1), (Quirk::UnknownMessageType, 1)]);
    assert_eq!(observer.quirks(Party::Server).seen().count(), 0);
}

#[test]
fn departures_within_an_aggregate_are_counted_up_to_as_many_parts_as_may_be() {
    let strange_tag = [77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];
    let mut observer = beyond_the_handshake();
    let mut counted = |parts: &[u8]| {
        observer.handle_bytes(Party::Client, &chunked(4, 1, 0, 22, parts, 128));
        [Quirk::UnknownMessageType, Quirk::UnreadableMessage, Quirk::AggregateTooLong]
            .map(|quirk| observer.quirks(Party::Client).get(quirk))
    };
    let parts = limits::AGGREGATE_PARTS as u32;
    assert_eq!(counted(&[&strange_tag[..], &[9, 0]].concat()), [1, 1, 0]);
    assert_eq!(counted(&strange_tag.repeat(limits::AGGREGATE_PARTS)), [1 + parts, 1, 0]);
    assert_eq!(counted(&strange_tag.repeat(limits::AGGREGATE_PARTS + 3)), [1 + 2 * parts, 1, 1]);
}

#[test]
fn a_message_that_never_becomes_whole_says_why() {
    let chunks = [begun(6), full(6, 1, 40, 9, PICTURE), begun(7), full(2, 0, 0, 2, &[0, 0, 0, 7]), begun(8)];
    let seen = see_behind_handshake(&chunks.concat());
    let why: Vec<_> = seen
        .iter()
        .filter_map(|seen| match seen {
            Observed::Unfinished(message, why) => Some((*message, *why)),
            _ => None,
        })
        .collect();
    assert_eq!(
        why,
        [
            (unfinished(6), WhyUnfinished::Interrupted),
            (unfinished(7), WhyUnfinished::Aborted),
            (unfinished(8), WhyUnfinished::Ended),
        ]
    );
}

#[test]
fn a_message_is_interrupted_where_the_header_of_the_next_ends() {
    let chunks = [begun(6), chunked(6, 1, 40, 9, &picture(100), 128)].concat();
    for piece in [usize::MAX, 1] {
        let at = 3_073 + 12 + 128 + 12;
        let interrupted = (at, Observed::Unfinished(unfinished(6), WhyUnfinished::Interrupted));
        let seen = see_in_pieces(&chunks, piece);
        assert_eq!((seen[0].at, seen[0].what.clone()), interrupted);
        assert_eq!((seen.len(), seen[1].at), (2, at + 100));
    }
}

#[test]
fn an_abort_may_interrupt_a_message_of_its_own_lane_and_abort_one_of_another() {
    use WhyUnfinished::{Aborted, Interrupted};
    let abort = full(2, 0, 0, 2, &[0, 0, 0, 7]);
    let longer = full(2, 0, 0, 2, &[0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8]);
    let of_itself = full(2, 0, 0, 2, &[0, 0, 0, 2]);
    let nothing = full(2, 0, 0, 2, &[]);
    let idle = full(7, 1, 0, 9, PICTURE);
    let table = [
        ([idle.clone(), begun(2), abort.clone()].concat(), vec![(2, Interrupted)]),
        ([idle.clone(), begun(2), longer.clone()].concat(), vec![(2, Interrupted)]),
        ([begun(7), begun(2), abort].concat(), vec![(2, Interrupted), (7, Aborted)]),
        ([begun(7), begun(2), longer].concat(), vec![(2, Interrupted), (7, Aborted)]),
        ([idle.clone(), begun(2), of_itself].concat(), vec![(2, Interrupted)]),
        ([idle, begun(2), nothing].concat(), vec![(2, Interrupted)]),
    ];
    for (chunks, given_up) in table {
        for piece in [usize::MAX, 1] {
            let told: Vec<_> = see_in_pieces(&chunks, piece)
                .into_iter()
                .filter_map(|seen| match seen.what {
                    Observed::Unfinished(message, why) => Some((message, why)),
                    _ => None,
                })
                .collect();
            let given_up: Vec<_> = given_up.iter().map(|&(lane, why)| (unfinished(lane), why)).collect();
            assert_eq!(told, given_up);
        }
    }
}

#[test]
fn bytes_behind_the_end_are_not_looked_at() {
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Server, &frames(128, 3));
    observer.handle_end(Party::Server);
    drain(&mut observer);
    observer.handle_bytes(Party::Server, &frames(128, 3));
    observer.handle_missing(Party::Server, 9);
    observer.handle_end(Party::Server);
    assert_eq!(drain(&mut observer), []);
}

fn see(bytes: &[u8]) -> Vec<Observed> {
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, bytes);
    observer.handle_end(Party::Client);
    whats(&drain(&mut observer))
}

fn see_behind_handshake(bytes: &[u8]) -> Vec<Observed> {
    let mut observer = beyond_the_handshake();
    observer.handle_bytes(Party::Client, bytes);
    observer.handle_end(Party::Client);
    whats(&drain(&mut observer))
}

/// The same in pieces of so many bytes.
fn see_in_pieces(bytes: &[u8], piece: usize) -> Vec<Observation> {
    let mut observer = beyond_the_handshake();
    for piece in bytes.chunks(piece) {
        observer.handle_bytes(Party::Client, piece);
    }
    observer.handle_end(Party::Client);
    drain(&mut observer)
}

fn beyond_the_handshake() -> Observer {
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, &handshake(Offer::Simple)[0]);
    drain(&mut observer);
    observer
}

fn drain(observer: &mut Observer) -> Vec<Observation> {
    iter::from_fn(|| observer.poll()).collect()
}

fn whats(seen: &[Observation]) -> Vec<Observed> {
    seen.iter().map(|seen| seen.what.clone()).collect()
}

/// What both sides say before the first chunk.
fn handshake(offer: Offer) -> [Vec<u8>; 2] {
    let (mut ours, mut theirs) = (Entropy::new([1; 32]), Entropy::new([2; 32]));
    let (mut client, hello) = ClientHandshake::begin(offer, &mut ours, Instant::EPOCH);
    let said =
        ServerHandshake::new().read(&mut &hello[..], &mut theirs, Instant::EPOCH).unwrap().reply.unwrap();
    let c2 = client.read(&mut &said[..], &mut ours, Instant::EPOCH).unwrap().reply.unwrap();
    [[hello, c2].concat(), said.to_vec()]
}

/// The first chunk of a message of 300 bytes.
fn begun(lane: u32) -> Vec<u8> {
    let mut bytes = full_header(lane, 1, 0, 9, 300);
    bytes.extend([7; 128]);
    bytes
}

/// What is told of it if no more comes.
fn unfinished(lane: u32) -> UnfinishedMessage {
    let kind = MessageType::VIDEO;
    UnfinishedMessage { chunk_stream: lane_id(lane), kind, length: 300, received: 128, lost: 0 }
}

/// So many pictures and sounds in turn, every one with a full header.
fn frames(chunk_bytes: usize, count: u32) -> Vec<u8> {
    let frame = |index: u32| match index % 2 {
        0 => chunked(6, 1, index * 20, 9, &picture(60 + index as usize * 13 % 400), chunk_bytes),
        _ => chunked(4, 1, index * 20, 8, SOUND, chunk_bytes),
    };
    (0..count).flat_map(frame).collect()
}

/// A picture of so many bytes, at least those of its tag header.
fn picture(bytes: usize) -> Vec<u8> {
    let mut payload = PICTURE[..5].to_vec();
    let mut random = vec![0; bytes.saturating_sub(5)];
    Entropy::new([3; 32]).fill(&mut random);
    payload.extend(random);
    payload
}

fn lane_id(lane: u32) -> ChunkStreamId {
    ChunkStreamId::new(lane).unwrap()
}

fn size(bytes: usize) -> Option<ChunkSize> {
    ChunkSize::new(bytes as u32)
}

fn header(lane: u32, stream: u32, time: u32, kind: u8, length: usize) -> MessageHeader {
    MessageHeader {
        chunk_stream: lane_id(lane),
        stream: MessageStreamId::new(stream),
        timestamp: Timestamp::from_millis(time),
        kind: MessageType::new(kind),
        length: length as u32,
    }
}

fn full_header(lane: u32, stream: u32, time: u32, kind: u8, length: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    header(lane, stream, time, kind, length as usize).write(&mut bytes);
    bytes
}

fn full(lane: u32, stream: u32, time: u32, kind: u8, body: &[u8]) -> Vec<u8> {
    chunked(lane, stream, time, kind, body, 128)
}

fn chunked(lane: u32, stream: u32, time: u32, kind: u8, body: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = header(lane, stream, time, kind, body.len());
    write_message(&header, body, size(chunk_bytes).unwrap(), &mut bytes);
    bytes
}

/// A message of one chunk with a format-1 header.
fn delta(lane: u8, delta: u32, kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = delta.min(0x00FF_FFFE).to_be_bytes();
    [&[0x40 | lane, a, b, c, 0, 0, body.len() as u8, kind][..], body].concat()
}

/// A message just like the last one of its lane.
fn same(lane: u8, body: &[u8]) -> Vec<u8> {
    [&[0xC0 | lane][..], body].concat()
}

/// The messages among observations.
fn messages_in(seen: &[Observed]) -> Vec<&ObservedMessage> {
    seen.iter()
        .filter_map(|seen| match seen {
            Observed::Message(message) => Some(message),
            _ => None,
        })
        .collect()
}

const PICTURE: &[u8] = &[0x27, 1, 0, 0, 40, 0, 0, 0, 30, 0x41, 0x9A, 0x24, 0x6C, 0x41, 0x7F, 0xFE];
const SOUND: &[u8] = &[0xAF, 1, 0x21, 0x10, 0x04, 0x60, 0x8C, 0x1C, 0x11, 0x22, 0x33];
