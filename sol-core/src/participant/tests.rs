use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::hub::{Hub, Lag, Repair, StreamConfig, StreamId};
use crate::ids::{ChunkSize, MessageType};
use crate::load::Load;
use crate::message::Command;
use crate::session::{SessionConfig, SessionTimers};
use crate::timestamp::Timestamp;
use crate::{amf, chunk};

#[test]
fn both_of_two_publications_in_one_read_wake_their_players() {
    let mut streams = Scripted::new();
    let mut camera = participant();
    ask(&mut camera, "publish", &mut streams);
    ask_on(&mut camera, 2, "publish", "second", &mut streams);
    streams.appended.clear();
    let media =
        [message(1, MessageType::AUDIO, &[0xAF, 1]), message(2, MessageType::AUDIO, &[0xAF, 1])].concat();
    camera.handle_input(&media, &mut streams, Instant::EPOCH);
    streams.appended.sort_unstable();
    assert_eq!(streams.appended.len(), 2);
    assert_ne!(streams.appended[0], streams.appended[1]);
}

#[test]
fn a_player_that_is_armed_looks_again_only_when_it_is_woken_or_moves() {
    let mut streams = Scripted::new();
    let (mut camera, mut viewer) = (participant(), participant());
    ask(&mut camera, "publish", &mut streams);
    ask(&mut viewer, "play", &mut streams);
    camera.handle_input(&message(1, MessageType::AUDIO, &[0xAF, 1]), &mut streams, at(1));
    viewer.handle_advanced(&mut streams, at(1));
    streams.looks = 0;
    assert!(!sent_bytes(&mut viewer, &mut streams, at(1)).is_empty());
    viewer.handle_timeout(&mut streams, at(2));
    assert_eq!(streams.looks, 0, "a write and a timeout later there is nothing new");
    viewer.handle_advanced(&mut streams, at(3));
    assert_eq!(streams.looks, 1);
    viewer.handle_input(
        &message(
            1,
            MessageType::COMMAND,
            &Command::new("receiveAudio", 0.0, amf::Value::Null).with(false).body(),
        ),
        &mut streams,
        at(4),
    );
    assert_eq!(streams.looks, 2);
}

#[test]
fn what_says_nothing_new_wakes_nobody() {
    let mut streams = Scripted::new();
    let mut camera = participant();
    ask(&mut camera, "publish", &mut streams);
    let config = message(1, MessageType::AUDIO, &[0xAF, 0, 0x12, 0x10]);
    camera.handle_input(&config, &mut streams, Instant::EPOCH);
    streams.appended.clear();
    camera.handle_input(&config, &mut streams, Instant::EPOCH);
    assert_eq!(streams.appended, []);
}

#[test]
fn a_publication_is_described_as_its_players_get_it() {
    const SETS: &[&[u8]] = &[
        b"\x67\x64\x00\x0D\xAC\xD9\x41\x41\x9F\x9F\x01\x10\x00\x00\x3E\x90\x00\x0E\xA6\x00\xF1\x42\x99\x60",
        b"\x68\xEB\xE3\xCB\x22\xC0",
        b"\x65\x88\x84",
    ];
    let units = SETS.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat());
    let keyframe: Vec<u8> = [0x17, 1, 0, 0, 0].into_iter().chain(units).collect();
    for (repair, expected) in [(Repair::Monotonic, "High, level 1.3, 320x180, 29.97 fps"), (Repair::Off, "")]
    {
        let mut streams = Scripted::of(StreamConfig { repair, ..StreamConfig::default() });
        let mut camera = participant();
        ask(&mut camera, "publish", &mut streams);
        camera.handle_input(&message(1, MessageType::VIDEO, &keyframe), &mut streams, at(1));
        let told = std::iter::from_fn(|| camera.poll_event()).find_map(|event| match event {
            Event::Described { description, .. } => Some(description.to_string()),
            _ => None,
        });
        assert_eq!(told.as_deref(), Some(expected), "{repair:?}");
    }
}

#[test]
fn a_name_in_use_is_refused_whatever_the_application_says() {
    let mut streams = Scripted::new();
    let (mut first, mut second) = (participant(), participant());
    ask(&mut first, "publish", &mut streams);
    ask(&mut second, "publish", &mut streams);
    let refused = std::iter::from_fn(|| second.poll_event())
        .any(|event| matches!(event, Event::Refused { why: Refusal::NameInUse, .. }));
    assert!(refused);
    first.handle_end(PeerEnd::Reset, &mut streams, Instant::EPOCH);
    assert!(streams.hub.is_empty(), "nobody holds the name any more");
}

#[test]
fn a_report_says_what_each_net_stream_does_and_for_how_long() {
    let mut streams = Scripted::new();
    let (mut camera, mut viewer) = (participant(), participant());
    ask(&mut viewer, "play", &mut streams);
    assert_eq!(activities(&viewer, &mut streams, 0), [Activity::Waiting]);
    ask(&mut camera, "publish", &mut streams);
    camera.handle_input(&message(1, MessageType::AUDIO, &[0xAF, 1]), &mut streams, at(1));
    viewer.handle_advanced(&mut streams, at(1));
    assert_eq!(activities(&viewer, &mut streams, 4), [Activity::Playing(Lag::default())]);
    let quiet = Duration::from_secs(3);
    assert_eq!(activities(&camera, &mut streams, 4), [Activity::Publishing { quiet, on_air: true }]);
    let [role] = &camera.report(&mut streams, at(4))[..] else { panic!("one role") };
    assert_eq!((role.name.as_str(), role.stream), ("live/cam", MessageStreamId::new(1)));
    assert_eq!(
        (role.summary.lasted, role.summary.frames, role.summary.bytes),
        (Duration::from_secs(4), 1, 2)
    );
    viewer.handle_input(
        &message(1, MessageType::COMMAND, &Command::new("pause", 0.0, amf::Value::Null).with(true).body()),
        &mut streams,
        at(5),
    );
    assert_eq!(activities(&viewer, &mut streams, 5), [Activity::Paused]);
}

#[test]
fn a_player_that_was_left_alone_for_long_has_the_whole_time_to_take_what_comes() {
    let mut streams = Scripted::new();
    let (mut camera, mut viewer) = (participant(), participant());
    ask(&mut camera, "publish", &mut streams);
    ask(&mut viewer, "play", &mut streams);
    camera.handle_input(&message(1, MessageType::AUDIO, &[0xAF, 1]), &mut streams, at(10));
    viewer.handle_advanced(&mut streams, at(10));
    let SessionTimers { ping, stall, .. } = SessionTimers::default();
    viewer.handle_timeout(&mut streams, Instant::EPOCH + ping);
    let next = viewer.poll_timeout().expect("it is to take something");
    assert!(next.at >= at(10) + stall, "{next:?}");
}

/// In an adapter with threads a stream hears of it from those who play it.
#[test]
fn a_player_that_hears_of_a_drain_waits_for_nobody_neither_before_nor_behind_it() {
    let drain = Stage::Draining(Arc::default());
    let mut streams = Scripted::new();
    let [mut camera, mut viewer, mut waiting, mut late] = [(); 4].map(|()| participant());
    ask(&mut camera, "publish", &mut streams);
    ask(&mut viewer, "play", &mut streams);
    camera.handle_input(&message(1, MessageType::AUDIO, &[0xAF, 1]), &mut streams, at(1));
    viewer.handle_advanced(&mut streams, at(1));
    camera.handle_end(PeerEnd::Reset, &mut streams, at(2));
    viewer.handle_advanced(&mut streams, at(2));
    assert_eq!(endings(&mut viewer), []);
    viewer.handle_stage(&drain, &mut streams, at(3));
    viewer.handle_advanced(&mut streams, at(3));
    assert_eq!(endings(&mut viewer), [EndReason::StreamEnded]);

    ask(&mut waiting, "play", &mut streams);
    waiting.handle_stage(&drain, &mut streams, at(4));
    assert_eq!(endings(&mut waiting), [EndReason::NotFound]);

    say_hello(&mut late, &mut streams);
    request_on(&mut late, 1, "play", "cam", &mut streams);
    late.handle_stage(&drain, &mut streams, at(5));
    let request = late.session().waiting().expect("it asked before").id;
    late.allow(request, &mut streams, at(5)).expect("it waits");
    late.handle_timeout(&mut streams, at(5));
    assert_eq!(endings(&mut late), [EndReason::NotFound]);
}

#[test]
fn a_publisher_that_vanishes_before_it_hears_of_a_drain_ends_its_stream_and_one_that_is_shut_down_does_not() {
    for (is_shut_down, ended) in [(false, vec![EndReason::StreamEnded]), (true, vec![])] {
        let mut streams = Scripted::new();
        let (mut camera, mut viewer) = (participant(), participant());
        ask(&mut camera, "publish", &mut streams);
        ask(&mut viewer, "play", &mut streams);
        camera.handle_input(&message(1, MessageType::AUDIO, &[0xAF, 1]), &mut streams, at(1));
        viewer.handle_advanced(&mut streams, at(1));
        viewer.handle_stage(&Stage::Draining(Arc::default()), &mut streams, at(1));
        match is_shut_down {
            false => camera.handle_end(PeerEnd::Reset, &mut streams, at(2)),
            true => camera.handle_stage(&Stage::ShutDown, &mut streams, at(2)),
        }
        viewer.handle_advanced(&mut streams, at(2));
        assert_eq!(endings(&mut viewer), ended);
    }
}

/// Streams that remember what was asked of them.
struct Scripted {
    hub: Hub,
    appended: Vec<StreamId>,
    /// How often a player has looked for frames.
    looks: usize,
}

impl Scripted {
    fn new() -> Self {
        Self::of(StreamConfig::default())
    }

    fn of(config: StreamConfig) -> Self {
        let hub = Hub::new(config.into(), SessionConfig::default().chunk_size);
        Self { hub, appended: Vec::new(), looks: 0 }
    }
}

impl Streams for Scripted {
    type Handle = StreamId;

    fn hold(&mut self, name: &StreamName, purpose: Purpose) -> Result<StreamId, TooManyStreams> {
        self.hub.hold(name, purpose)
    }

    fn release(&mut self, name: &StreamName, _handle: StreamId) {
        self.hub.release(name);
    }

    fn read<R>(&mut self, handle: &StreamId, look: impl FnOnce(&Stream) -> R) -> R {
        look(self.hub.stream(*handle))
    }

    fn write<R>(&mut self, handle: &StreamId, change: impl FnOnce(&mut Stream) -> R) -> R {
        change(self.hub.stream_mut(*handle))
    }

    fn appended(&mut self, handle: &StreamId, _now: Instant) {
        self.appended.push(*handle);
    }

    fn advanced(&mut self, _handle: &StreamId) {}

    fn schedule(&mut self, _handle: &StreamId) {}

    fn read_or_arm<R>(&mut self, handle: &StreamId, look: impl FnOnce(&Stream) -> ControlFlow<R, R>) -> R {
        self.looks += 1;
        match look(self.hub.stream(*handle)) {
            ControlFlow::Continue(seen) | ControlFlow::Break(seen) => seen,
        }
    }

    fn load(&mut self, _now: Instant) -> Load {
        Load::IDLE
    }
}

fn activities(participant: &Participant<StreamId>, streams: &mut Scripted, seconds: u64) -> Vec<Activity> {
    participant.report(streams, at(seconds)).into_iter().map(|role| role.activity).collect()
}

fn at(seconds: u64) -> Instant {
    Instant::EPOCH + Duration::from_secs(seconds)
}

fn participant() -> Participant<StreamId> {
    let session = Session::accept(Arc::new(SessionConfig::default()), [7; 32], Instant::EPOCH);
    Participant::new(session)
}

/// Connects, asks for `live/cam`, and is allowed to.
fn ask(participant: &mut Participant<StreamId>, command: &str, streams: &mut Scripted) {
    say_hello(participant, streams);
    ask_on(participant, 1, command, "cam", streams);
    sent_bytes(participant, streams, Instant::EPOCH);
}

fn say_hello(participant: &mut Participant<StreamId>, streams: &mut Scripted) {
    let mut hello = vec![3];
    hello.resize(1 + 2 * 1536, 0);
    let object = amf::Properties::new().with("app", "live");
    hello.extend(message(0, MessageType::COMMAND, &Command::new("connect", 1.0, object).body()));
    participant.handle_input(&hello, streams, Instant::EPOCH);
}

/// Why what it played or published has ended.
fn endings(participant: &mut Participant<StreamId>) -> Vec<EndReason> {
    let events = std::iter::from_fn(|| participant.poll_event());
    let whys = events.filter_map(|event| match event {
        Event::Ended { why, .. } => Some(why),
        _ => None,
    });
    whys.collect()
}

fn ask_on(
    participant: &mut Participant<StreamId>,
    on: u32,
    command: &str,
    key: &str,
    streams: &mut Scripted,
) {
    request_on(participant, on, command, key, streams);
    let request = participant.session().waiting().expect("it asks").id;
    participant.allow(request, streams, Instant::EPOCH).expect("it waits");
}

fn request_on(
    participant: &mut Participant<StreamId>,
    on: u32,
    command: &str,
    key: &str,
    streams: &mut Scripted,
) {
    let create = Command::new("createStream", 2.0, amf::Value::Null);
    let ask = Command::new(command, 3.0, amf::Value::Null).with(key);
    let bytes =
        [message(0, MessageType::COMMAND, &create.body()), message(on, MessageType::COMMAND, &ask.body())]
            .concat();
    participant.handle_input(&bytes, streams, Instant::EPOCH);
}

fn message(stream: u32, kind: MessageType, body: &[u8]) -> Vec<u8> {
    let header = chunk::MessageHeader {
        chunk_stream: crate::ids::ChunkStreamId::COMMAND,
        stream: MessageStreamId::new(stream),
        timestamp: Timestamp::ZERO,
        kind,
        length: body.len() as u32,
    };
    let mut bytes = Vec::new();
    chunk::write_message(&header, body, ChunkSize::INITIAL, &mut bytes);
    bytes
}

fn sent_bytes(participant: &mut Participant<StreamId>, streams: &mut Scripted, now: Instant) -> Vec<u8> {
    let mut sent = Vec::new();
    while participant.session().has_output() {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = participant.outbound(&mut slices);
        let taken: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        participant.handle_sent(taken.len(), streams, now);
        sent.extend(taken);
    }
    sent
}
