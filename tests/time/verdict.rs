//! Verdict: whether the four bytes behind a format-3 header are the extended timestamp again, or payload.
//!
//! RTMP 1.0, 5.3.1.3 has it repeated; OBS omitted it until 2024. It is decided byte by byte, for each chunk stream, and a payload
//! that happens to look like the timestamp is not to lose any of it.

use sol_core::quirk::Quirk;
use sol_tests::peer::codec::Framing;
use sol_tests::peer::message::{ChunkStream, Message, TypeId};
use sol_tests::world::{LinkOptions, Segments, World, ms, seed};

use crate::camera::{EVEN, STREAM, camera};

#[test]
fn payload_that_begins_like_the_timestamp_is_payload_to_the_byte_in_every_habit_and_cut() {
    for segments in [Segments::Bytes(1), Segments::Bytes(7), Segments::Bytes(64 * 1024), Segments::Random] {
        for omits in [false, true] {
            // Where it is omitted, payload that begins with all of it cannot be told from it at first.
            let alike_max = if omits { 3 } else { 4 };
            let tails =
                (1..=6).flat_map(|length| (0..=alike_max.min(length)).map(move |alike| (length, alike)));
            let tails: Vec<_> = tails.collect();
            // On one chunk stream the first message shows the habit; on one for each, nothing is known of any.
            check(segments, omits, Lanes::One, &tails);
            check(segments, omits, Lanes::Each, &tails);
        }
    }
}

#[test]
fn an_encoder_that_is_known_to_omit_it_loses_nothing_where_payload_begins_with_all_of_it() {
    for segments in [Segments::Bytes(1), Segments::Bytes(64 * 1024)] {
        check(segments, true, Lanes::One, &[(100, 0), (100, 4), (100, 3), (100, 4), (4, 0), (4, 4)]);
    }
}

#[test]
fn a_message_that_may_end_with_a_part_of_the_timestamp_is_whole_as_soon_as_the_next_begins() {
    for segments in [Segments::Bytes(1), Segments::Bytes(64 * 1024)] {
        for length in 1..=3 {
            check(segments, true, Lanes::One, &[(length, length), (50, 0), (length, length)]);
        }
    }
}

#[test]
fn each_chunk_stream_has_a_habit_of_its_own() {
    let mut world = World::new(seed(1));
    let (camera, viewer) = (camera(&mut world), world.player("live/cam"));
    world.run_for(ms(500));
    let mut sent = Vec::new();
    for index in 0..20 {
        for (lane, framing) in [(4, Framing::FULL), (7, Framing::FULL.omitting_extended())] {
            let message = sound(ChunkStream(lane), index, 100, 0);
            camera.with(|peer| peer.send_raw_message(&message, framing));
            sent.push(message.payload);
        }
        world.run_for(ms(20));
    }
    world.run_for(ms(500));
    let media = viewer.media();
    assert_eq!(media.iter().map(|media| &media.payload).collect::<Vec<_>>(), sent.iter().collect::<Vec<_>>());
    let session = world.session(&camera).expect("it is live");
    assert_eq!(session.quirks().seen().collect::<Vec<_>>(), [(Quirk::ExtendedTimestampOmitted, 1)]);
}

#[test]
fn an_encoder_that_repeats_it_no_more_loses_nothing() {
    for segments in [Segments::Bytes(1), Segments::Bytes(64 * 1024)] {
        let mut world = World::new(seed(1));
        world.set_link(LinkOptions { segments, ..EVEN });
        let (camera, viewer) = (camera(&mut world), world.player("live/cam"));
        world.run_for(ms(500));
        let framings = [[Framing::FULL; 5], [Framing::FULL.omitting_extended(); 5]];
        let sent: Vec<Message> = (0..10).map(|index| sound(ChunkStream::AUDIO, index, 300, 2)).collect();
        for (message, framing) in sent.iter().zip(framings.as_flattened()) {
            camera.with(|peer| peer.send_raw_message(message, *framing));
            world.run_for(ms(20));
        }
        world.run_for(ms(500));
        let media = viewer.media();
        let payloads = |index: usize| (&media[index].payload, &sent[index].payload);
        assert_eq!(media.len(), sent.len());
        assert!((0..10).map(payloads).all(|(played, sent)| played == sent));
        let session = world.session(&camera).expect("it is live");
        // Once against what it did, and once to know what it does.
        assert_eq!(session.quirks().get(Quirk::ExtendedTimestampOmitted), 2);
    }
}

/// On which chunk streams messages are sent.
#[derive(Clone, Copy)]
enum Lanes {
    One,
    Each,
}

/// Sends messages whose second and last chunk has so many bytes, and the first so many of these like the timestamp.
fn check(segments: Segments, omits: bool, lanes: Lanes, tails: &[(usize, usize)]) {
    let mut world = World::new(seed(1));
    world.set_link(LinkOptions { segments, ..EVEN });
    let (camera, viewer) = (camera(&mut world), world.player("live/cam"));
    world.run_for(ms(500));
    let framing = if omits { Framing::FULL.omitting_extended() } else { Framing::FULL };
    let mut sent = Vec::new();
    for (index, &(length, alike)) in tails.iter().enumerate() {
        let (lane, is_known) = match lanes {
            Lanes::One => (ChunkStream::AUDIO, index > 0),
            Lanes::Each => (ChunkStream(10 + index as u32), false),
        };
        let message = sound(lane, index as u32, length, alike);
        sent.push(message.payload.clone());
        camera.with(|peer| peer.send_raw_message(&message, framing));
        world.run_for(ms(100));
        // While nothing is known and all that has come is like the timestamp, it may be that.
        let waits = omits && !is_known && length == alike;
        assert_eq!(
            viewer.media().len(),
            sent.len() - usize::from(waits),
            "{length} {alike} {segments:?} {omits}"
        );
    }
    // What is at the end of one message is decided by the next.
    let last = sound(ChunkStream::VIDEO, tails.len() as u32, 10, 0);
    sent.push(last.payload.clone());
    camera.with(|peer| peer.send_raw_message(&last, framing));
    world.run_for(ms(100));
    let media = viewer.media();
    assert_eq!(media.len(), sent.len(), "{segments:?} {omits}");
    for ((media, sent), tail) in media.iter().zip(&sent).zip(tails.iter().chain(&[(10, 0)])) {
        assert_eq!(&media.payload, sent, "{tail:?} {segments:?} {omits}");
    }
    let session = world.session(&camera).expect("it is live");
    let counted = session.quirks().seen().map(|(quirk, _)| quirk).collect::<Vec<_>>();
    let expected: &[_] = if omits { &[Quirk::ExtendedTimestampOmitted] } else { &[] };
    assert_eq!(counted, expected);
}

/// MP3 of one full chunk and so many bytes, of which so many are like the timestamp.
fn sound(chunk_stream: ChunkStream, index: u32, length: usize, alike: usize) -> Message {
    let timestamp_ms = 0x0102_0310 + index * 20;
    let mut payload = vec![0x2F; CHUNK];
    payload.extend(&timestamp_ms.to_be_bytes()[..alike]);
    payload.resize(CHUNK + length, 0xEE);
    let payload = payload.into();
    Message { chunk_stream, timestamp_ms, type_id: TypeId::AUDIO, stream: STREAM, payload }
}

/// That of a camera.
const CHUNK: usize = 128;
