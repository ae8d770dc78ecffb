//! Captures: what real programs send where a time does not fit into the field of a header.
//!
//! A rule finds them: somewhere in them is a message with an extended timestamp, or at a time that needs one. The kit's own
//! reader, which the replay tests hold to tshark in every body and time, says what is in them.

use std::io::IoSlice;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use sol_core::ids::ChunkSize;
use sol_core::media::Content;
use sol_core::quirk::Quirk;
use sol_core::session::{Event, Session, SessionConfig, Target};
use sol_core::time::Instant;
use sol_tests::captures::wire::{body_for_players, media_in, read_by_the_book};
use sol_tests::captures::{self, Capture, ConnectionTruth};
use sol_tests::peer::message::{MediaReceived, Received, TypeId};
use sol_tests::peer::pattern::{MediaRole, MediaSent};
use sol_tests::world::{LinkOptions, Segments, World, ms, seed};

use crate::camera::{EVEN, camera, corrected, due_from, send, without_pings};

#[test]
fn the_rule_finds_every_capture_that_was_made_for_extended_timestamps() {
    let found: Vec<_> = RECORDED.iter().map(|recorded| recorded.stem.as_str()).collect();
    let made_for_it: Vec<_> = captures::stems(&captures::directory())
        .expect("the captures are there")
        .into_iter()
        .filter(|stem| stem.contains("extts"))
        .collect();
    assert_eq!(made_for_it.len(), 4);
    assert!(made_for_it.iter().all(|stem| found.contains(&stem.as_str())), "{found:?}");
    // Both habits of crossing: without any field, and with it in headers and on format 3.
    let fields = |recorded: &&Recorded| recorded.messages.iter().any(|message| message.extended.is_some());
    let repeated = RECORDED.iter().flat_map(|recorded| &recorded.messages).flat_map(|message| &message.later);
    assert!(RECORDED.iter().any(|recorded| !fields(&recorded)) && RECORDED.iter().filter(fields).count() > 2);
    assert!(repeated.filter(|chunk| chunk.extended_repeated).count() > 10);
}

#[test]
fn what_a_recorded_publisher_sends_is_what_a_player_gets_in_any_cut() {
    let mut publishers = 0;
    for recorded in RECORDED.iter().filter(|recorded| recorded.role == "publish") {
        let sent = media_in(&recorded.client);
        let told: usize = recorded.truth.messages.client.iter().filter(is_media).map(|told| told.count).sum();
        for segments in [1, 7, 1_460, recorded.client.len()] {
            let what = format!("{} in pieces of {segments}", recorded.stem);
            let mut world = World::new(seed(1));
            world.set_link(LinkOptions { segments: Segments::Bytes(segments), ..EVEN });
            world.set_read_bytes(EVEN.receive_buffer_bytes);
            let viewer = world.player(&recorded.stream);
            world.run_for(ms(500));
            let publisher = world.stranger(&recorded.client);
            world.run_for(ms(5_000));

            let played = viewer.media();
            let bodies = |media: &[MediaReceived]| media.iter().map(|media| media.payload.clone()).collect();
            let expected: Vec<Bytes> = sent.iter().map(body_for_players).collect();
            let got: Vec<Bytes> = bodies(&played);
            assert_eq!(got.len(), expected.len(), "{what}");
            assert!(got == expected, "{what}: other bodies");
            let count_of_media = played.iter().filter(|media| media.type_id != TypeId::DATA_AMF0).count();
            assert_eq!(count_of_media, told, "{what}: as tshark counted");

            let mut frames =
                sent.iter().zip(&played).filter(|(sent, _)| is_coded(sent.type_id, &sent.payload));
            let first_ms = frames.clone().next().expect("it has frames").0.timestamp_ms;
            assert!(first_ms == 0 || first_ms > 16_000_000, "{what}");
            assert!(
                frames.all(|(sent, played)| played.timestamp_ms == sent.timestamp_ms - first_ms),
                "{what}: other times"
            );

            let session = world.session(&publisher).expect("nothing was wrong");
            let quirks = [Quirk::ExtendedTimestampOmitted, Quirk::Format3KeepsTime];
            assert_eq!(quirks.map(|quirk| session.quirks().get(quirk)), [0, 0], "{what}");
            assert_eq!(publisher.endings()[0].1.corrections.to_string(), "", "{what}");
        }
        publishers += 1;
    }
    assert!(publishers >= 2);
}

#[test]
fn what_a_recorded_server_sends_is_read_at_its_times_in_any_cut() {
    let mut players = 0;
    for recorded in RECORDED.iter().filter(|recorded| recorded.role == "play") {
        let expected: Vec<_> = media_in(&recorded.server)
            .iter()
            .filter(|message| message.type_id != TypeId::DATA_AMF0)
            .map(|message| (message.type_id, message.timestamp_ms, message.payload.clone()))
            .collect();
        assert!(expected.iter().any(|&(_, at_ms, _)| at_ms >= EXTENDED_FROM_MS), "{}", recorded.stem);
        for size in [1, 7, 1_460, recorded.server.len()] {
            let (read, omitted) = read_as_client(recorded, size);
            assert!(read == expected, "{} in pieces of {size}", recorded.stem);
            assert_eq!(omitted, 0);
        }
        players += 1;
    }
    assert!(players >= 2);
}

#[test]
fn where_recorded_servers_need_the_extended_timestamp_sol_repeats_it_on_every_chunk() {
    for recorded in RECORDED.iter().filter(|recorded| recorded.role == "play") {
        let mut config = without_pings();
        config.session.chunk_size = ChunkSize::new(128).expect("within bounds");
        let mut world = World::with_config(seed(1), config);
        world.set_link(EVEN);
        let (camera, early) = (camera(&mut world), world.player("live/cam"));
        world.run_for(ms(500));
        // The stream begins at 0, and hours later it is where the recorded one is.
        let began = world.now();
        let sent: Vec<_> = media_in(&recorded.server)
            .into_iter()
            .filter(|message| message.type_id != TypeId::DATA_AMF0)
            .enumerate()
            .map(|(index, message)| as_sent(index, message))
            .collect();
        let configurations = sent.iter().filter(|media| !is_coded(media.type_id, &media.payload));
        let keyframe = sent.iter().filter(|media| media.role == MediaRole::Keyframe);
        let first: Vec<_> = configurations.take(2).chain(keyframe.take(1)).cloned().map(at_zero).collect();
        send(&mut world, &camera, &first);
        let due = sent[0].due;
        world.run_until(began + due);
        let (begin, rest) = sent.split_at(sent.len() / 2);
        send(&mut world, &camera, &due_from(begin, due));
        let late = world.player("live/cam");
        world.run_for(ms(500));
        send(&mut world, &camera, &due_from(rest, rest[0].due));

        let frames: Vec<_> = sent.iter().filter(|media| is_coded(media.type_id, &media.payload)).collect();
        for (player, is_early) in [(&early, true), (&late, false)] {
            player.with(|player| {
                let received = player.peer().received();
                let got = received.iter().filter(|message| is_coded(message.type_id, &message.payload));
                let got: Vec<_> = got.skip(usize::from(is_early)).collect();
                assert!(is_early == (got.len() == frames.len()) && got.len() > 20, "{}", got.len());
                for (got, sent) in got.iter().rev().zip(frames.iter().rev()) {
                    assert_eq!((got.timestamp_ms, &got.payload), (sent.timestamp_ms, &sent.payload));
                }
                let beyond = got.iter().filter(|message| message.timestamp_ms >= EXTENDED_FROM_MS);
                assert!(beyond.clone().all(|message| message.extended == Some(message.timestamp_ms)));
                let later: Vec<_> = beyond.flat_map(|message| &message.later).collect();
                assert!(
                    later.len() > 20 && later.iter().all(|chunk| chunk.extended_repeated),
                    "{}",
                    later.len()
                );
            });
        }
        assert_eq!(corrected(&mut world, &camera), "", "{}", recorded.stem);
    }
}

/// One connection of a capture in which times are beyond 24 bits.
struct Recorded {
    stem: String,
    role: String,
    /// As a server knows it.
    stream: String,
    client: Vec<u8>,
    server: Vec<u8>,
    /// All that both sides sent.
    messages: Vec<Received>,
    truth: ConnectionTruth,
}

static RECORDED: LazyLock<Vec<Recorded>> =
    LazyLock::new(|| captures::all().into_iter().flat_map(Recorded::all_of).collect());

impl Recorded {
    fn all_of(capture: Capture) -> Vec<Recorded> {
        let Capture { stem, meta, connections, truth } = capture;
        let key = meta.key.split('?').next().unwrap_or_default();
        let stream = format!("{}/{key}", meta.app);
        let recorded = connections.into_iter().zip(truth.connections).map(|(connection, truth)| {
            let (client, server) = (connection.client.bytes, connection.server.bytes);
            let sides = [&client, &server];
            let messages = sides.into_iter().filter(|bytes| bytes.first() == Some(&3));
            let messages = messages.flat_map(|bytes| read_by_the_book(bytes).0).collect();
            let (stem, role, stream) = (stem.clone(), meta.role.clone(), stream.clone());
            Recorded { stem, role, stream, client, server, messages, truth }
        });
        recorded.filter(Recorded::has_late_times).collect()
    }

    fn has_late_times(&self) -> bool {
        let is_late =
            |message: &Received| message.extended.is_some() || message.timestamp_ms >= EXTENDED_FROM_MS;
        self.messages.iter().any(is_late)
    }
}

/// The audio and video that a client session reads, and how often it believed an extended timestamp to be omitted.
fn read_as_client(recorded: &Recorded, size: usize) -> (Vec<(TypeId, u32, Bytes)>, u32) {
    let url = format!("rtmp://host/{}", recorded.stream).parse().expect("it has an app and a key");
    let now = Instant::EPOCH;
    let mut client = Session::connect(Arc::new(SessionConfig::default()), &Target::play(&url), [7; 32], now);
    let mut read = Vec::new();
    for piece in recorded.server.chunks(size) {
        client.handle_input(piece, now);
        let mut slices = [IoSlice::new(&[]); 64];
        let count = client.outbound(&mut slices);
        let waiting = slices[..count].iter().map(|slice| slice.len()).sum();
        client.handle_sent(waiting, now);
        while let Some(event) = client.poll_event() {
            let Event::Media { media, .. } = event else { continue };
            let type_id = match media.content {
                Content::Audio(_) => TypeId::AUDIO,
                Content::Video(_) => TypeId::VIDEO,
                Content::Data(_) => continue,
            };
            read.push((type_id, media.timestamp.millis(), media.content.payload().clone()));
        }
    }
    (read, client.quirks().get(Quirk::ExtendedTimestampOmitted))
}

fn is_media(told: &&captures::MessageCount) -> bool {
    [TypeId::AUDIO, TypeId::VIDEO].contains(&told.name.type_id)
}

/// Whether it is a frame of H.264 or AAC, which all of these captures have: no configuration, and no end of a sequence.
fn is_coded(type_id: TypeId, body: &[u8]) -> bool {
    matches!((type_id, body), (TypeId::AUDIO, [0xAF, 1, ..]) | (TypeId::VIDEO, [0x17 | 0x27, 1, ..]))
}

/// What a camera sends that has the clock of a recorded server.
fn as_sent(index: usize, message: Received) -> MediaSent {
    let Received { type_id, timestamp_ms, payload, .. } = message;
    let role = match (type_id, &payload[..2]) {
        (TypeId::VIDEO, [0x17, 1]) => MediaRole::Keyframe,
        (TypeId::VIDEO, _) => MediaRole::Interframe,
        _ => MediaRole::AudioFrame,
    };
    let due = ms(timestamp_ms.into());
    MediaSent { role, sequence: index as u64, type_id, timestamp_ms, payload, due }
}

fn at_zero(media: MediaSent) -> MediaSent {
    MediaSent { timestamp_ms: 0, due: ms(0), ..media }
}

/// The first value that does not fit into the field of a message header.
const EXTENDED_FROM_MS: u32 = 0x00FF_FFFF;
