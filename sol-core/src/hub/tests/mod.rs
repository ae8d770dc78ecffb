//! A camera and its players on one stream.

mod bundling;
mod forms;
mod joining;
mod playing;
mod publishers;
mod reporting;
mod returning;
mod tracks;

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::limits;
use crate::media::{Content, FrameKind, Media, TrackId, TrackKind};
use crate::message::Data;
use crate::name::App;
use crate::timestamp::Timestamp;

const KEYFRAME: FrameKind = FrameKind::Keyframe(TrackId::DEFAULT);
const VIDEO_CONFIG: FrameKind = FrameKind::VideoConfig(TrackId::DEFAULT);
const AUDIO_CONFIG: FrameKind = FrameKind::AudioConfig(TrackId::DEFAULT);

#[test]
fn a_player_that_joins_amid_a_group_begins_at_its_keyframe_behind_the_preamble() {
    let mut camera = Camera::begin();
    camera.group(1_000, 10);
    camera.group(1_400, 5);
    let mut player = camera.stream.subscribe();
    assert_eq!(
        camera.read_all(&mut player)[..5],
        [
            (FrameKind::Metadata, 0),
            (AUDIO_CONFIG, 400),
            (VIDEO_CONFIG, 400),
            (KEYFRAME, 400),
            (FrameKind::Interframe, 440),
        ]
    );
    camera.frame(1_600, &INTER);
    assert_eq!(camera.read_all(&mut player), [(FrameKind::Interframe, 600)]);
}

#[test]
fn a_player_that_waits_gets_the_stream_from_its_first_frame() {
    let mut stream = new_stream();
    let mut player = stream.subscribe();
    assert_eq!(stream.read(&mut player), Read::CaughtUp);
    let mut camera = Camera::begin_on(stream);
    camera.group(0, 2);
    let kinds: Vec<FrameKind> = camera.read_all(&mut player).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [FrameKind::Metadata, VIDEO_CONFIG, AUDIO_CONFIG, KEYFRAME, FrameKind::Interframe]);
}

#[test]
fn at_the_live_edge_audio_comes_at_once_and_video_from_its_next_keyframe() {
    let mut camera = Camera::begin();
    camera.group(0, 5);
    let mut player = camera.stream.subscribe_at(Join::Live);
    camera.frame(200, &INTER);
    camera.audio(210);
    camera.group(240, 2);
    assert_eq!(
        camera.read_all(&mut player),
        [
            (FrameKind::Metadata, 0),
            (AUDIO_CONFIG, 160),
            (VIDEO_CONFIG, 160),
            (FrameKind::Audio, 210),
            (KEYFRAME, 240),
            (FrameKind::Interframe, 280),
        ]
    );
}

#[test]
fn a_stream_of_audio_alone_has_a_sync_point_each_second() {
    let mut camera = Camera::begin_without_configurations();
    camera.send(0, audio_content(&[0xAF, 0, 0x12, 0x10]));
    for millis in (0..=2_500).step_by(20) {
        camera.audio(millis);
    }
    let mut player = camera.stream.subscribe();
    let read = camera.read_all(&mut player);
    assert_eq!(read[..2], [(AUDIO_CONFIG, 2_000), (FrameKind::Audio, 2_000)]);
    assert_eq!(read.len(), 1 + 26);
}

#[test]
fn a_stream_of_video_alone_needs_no_audio() {
    let mut camera = Camera::begin_without_configurations();
    camera.send(0, video_content(&AVC_CONFIG));
    camera.group(0, 3);
    let mut player = camera.stream.subscribe();
    assert_eq!(camera.read_all(&mut player)[..2], [(VIDEO_CONFIG, 0), (KEYFRAME, 0)]);
}

#[test]
fn a_second_publisher_is_refused_while_the_first_lives() {
    let mut stream = new_stream();
    let first = stream.publish(&Bid::default(), Instant::EPOCH).unwrap();
    assert_eq!(stream.publish(&Bid::default(), Instant::EPOCH), Err(NameInUse));
    stream.unpublish(first, Instant::EPOCH);
    assert!(stream.publish(&Bid::default(), Instant::EPOCH).is_ok());
}

#[test]
fn the_token_of_an_earlier_publication_moves_nothing() {
    let mut stream = new_stream();
    let first = stream.publish(&Bid::default(), Instant::EPOCH).unwrap();
    let copy_of_first = first.duplicate();
    stream.unpublish(first, Instant::EPOCH);
    let _second = stream.publish(&Bid::default(), Instant::EPOCH).unwrap();
    let media = Media { timestamp: Timestamp::ZERO, content: video_content(&KEY) };
    assert_eq!(stream.append(&copy_of_first, &media, Instant::EPOCH), Err(Replaced));
    stream.unpublish(copy_of_first, Instant::EPOCH);
    assert!(stream.is_published(), "the second goes on");
}

#[test]
fn the_end_is_read_behind_the_last_frame_and_once() {
    let mut camera = Camera::begin();
    camera.group(0, 2);
    let mut player = camera.stream.subscribe();
    let mut stream = camera.end();
    let mut last = None;
    loop {
        match stream.read(&mut player) {
            Read::Frame(frame) => last = Some(frame.timestamp().millis()),
            Read::Ended(_) => break,
            other => panic!("{other:?} before the end"),
        }
    }
    assert_eq!(last, Some(40));
    assert_eq!(stream.read(&mut player), Read::CaughtUp);
    let mut late = stream.subscribe();
    assert_eq!(
        stream.read(&mut late),
        Read::CaughtUp,
        "who comes after the end waits for the next publisher"
    );
}

#[test]
fn a_group_longer_than_the_tape_leaves_a_tape_without_a_sync_point() {
    let mut camera = Camera::begin();
    camera.group(0, 1);
    let millis = limits::TAPE_TIME.as_millis() as u32 + 1_000;
    for time in (40..millis).step_by(40) {
        camera.frame(time, &INTER);
    }
    let mut player = camera.stream.subscribe();
    camera.frame(millis, &INTER);
    camera.audio(millis);
    let kinds: Vec<FrameKind> = camera.read_all(&mut player).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [FrameKind::Metadata, AUDIO_CONFIG, VIDEO_CONFIG, FrameKind::Audio]);
    camera.frame(millis + 40, &KEY);
    assert_eq!(camera.read_all(&mut player), [(KEYFRAME, millis + 40)]);
}

#[test]
fn publications_without_end_leave_no_trail() {
    let mut stream = new_stream();
    let mut player = stream.subscribe();
    let content = || Media { timestamp: Timestamp::ZERO, content: audio_content(&[0xAF, 1]) };
    for round in 0..3 * limits::TAPE_FRAMES {
        let publication = stream.publish(&Bid::default(), Instant::EPOCH).unwrap();
        if round % 2 == 0 {
            stream.append(&publication, &content(), Instant::EPOCH).unwrap();
        }
        stream.unpublish(publication, Instant::EPOCH);
    }
    let (start, end) = stream.tape_bounds();
    assert!((end - start) as usize <= limits::TAPE_FRAMES);
    assert!(matches!(stream.read(&mut player), Read::Ended(_) | Read::Gap(_)));
}

#[test]
fn a_publication_that_showed_nothing_ends_nothing() {
    let mut stream = new_stream();
    let mut player = stream.subscribe();
    let publication = stream.publish(&Bid::default(), Instant::EPOCH).unwrap();
    stream.unpublish(publication, Instant::EPOCH);
    assert_eq!(stream.read(&mut player), Read::CaughtUp, "whoever waited goes on waiting");
}

#[test]
fn one_wild_stamp_makes_nobody_late() {
    let mut camera = Camera::begin();
    let mut player = camera.stream.subscribe();
    camera.group(0, 25);
    camera.audio(100_000_000);
    for second in 1..20 {
        camera.group(second * 1_000, 25);
        camera.read_all(&mut player);
        assert_eq!(camera.stream.read(&mut player), Read::CaughtUp);
    }
}

#[test]
fn bytes_on_the_tape_are_bounded_whatever_the_times_say() {
    let mut camera = Camera::begin();
    let slow = camera.stream.subscribe();
    let mut payload = INTER.to_vec();
    payload.resize(1024 * 1024, 0);
    for _ in 0..100 {
        camera.frame(0, &payload);
    }
    let (start, end) = camera.stream.tape_bounds();
    assert!((end - start) as usize <= limits::TAPE_BYTES / payload.len());
    for _ in 0..2 * limits::TAPE_FRAMES {
        camera.audio(0);
    }
    let (start, end) = camera.stream.tape_bounds();
    assert!((end - start) as usize <= limits::TAPE_FRAMES);
    drop(slow);
}

#[test]
fn a_frame_that_is_longer_than_the_tape_stands_alone_and_its_publication_can_go_on_and_end() {
    let short = StreamConfig { tape_bytes: 1_000, ..StreamConfig::default() };
    let mut camera = Camera::without_configurations_on(Stream::new(Arc::new(short), chunk_size()));
    let long = [&KEY[..], &[0; 2_000]].concat();
    camera.frame(0, &long);
    camera.stream.abandon(camera.publication, Instant::EPOCH);
    let mut camera = Camera::without_configurations_on(camera.stream);
    camera.frame(0, &long);
    let stream = camera.end();
    assert!((2_000..2_100).contains(&stream.tape_bytes()), "only the last one is left");
}

#[test]
fn configurations_that_repeat_themselves_are_not_passed_on() {
    let mut camera = Camera::begin();
    camera.group(0, 1);
    let mut player = camera.stream.subscribe();
    camera.read_all(&mut player);
    camera.send(100, video_content(&AVC_CONFIG));
    camera.send(100, metadata());
    assert_eq!(camera.read_all(&mut player), []);
    let changed = [&AVC_CONFIG[..], &[9]].concat();
    camera.send(100, video_content(&changed));
    assert_eq!(camera.read_all(&mut player), [(VIDEO_CONFIG, 0)]);
}

#[test]
fn a_changed_configuration_is_in_the_next_preamble() {
    let mut camera = Camera::begin();
    camera.group(0, 2);
    let changed = [&AVC_CONFIG[..], &[9]].concat();
    camera.send(80, video_content(&changed));
    camera.group(120, 1);
    let mut player = camera.stream.subscribe();
    let mut configs = Vec::new();
    while let Read::Frame(frame) = camera.stream.read(&mut player) {
        if frame.kind() == VIDEO_CONFIG {
            configs.push(frame.payload().flatten().copied().collect::<Vec<u8>>());
        }
    }
    assert_eq!(configs, [changed]);
}

#[test]
fn video_without_payload_is_not_passed_on_and_audio_without_is_silence() {
    let mut camera = Camera::begin();
    camera.group(0, 1);
    let mut player = camera.stream.subscribe();
    camera.read_all(&mut player);
    camera.frame(40, &[]);
    camera.send(50, audio_content(&[]));
    assert_eq!(camera.read_all(&mut player), [(FrameKind::Audio, 50)]);
}

#[test]
fn preambles_are_bounded() {
    let mut camera = Camera::begin();
    for track in 0..100 {
        let config = [&[0x95, 0x00], &b"mp4a"[..], &[track, 0x12, 0x10]].concat();
        camera.send(0, audio_content(&config));
    }
    let mut huge = AVC_CONFIG.to_vec();
    huge.resize(limits::PREAMBLE_BYTES + 1, 0);
    camera.send(0, video_content(&huge));
    camera.group(0, 1);
    let mut player = camera.stream.subscribe();
    let read = camera.read_all(&mut player);
    let preamble = read.iter().take_while(|(kind, _)| *kind != KEYFRAME).count();
    assert!(preamble <= limits::PREAMBLE_CONFIGS);
    assert!(!read.iter().any(|(kind, _)| *kind == VIDEO_CONFIG), "a stale configuration is worse than none");
}

#[test]
fn metadata_makes_room_for_configurations_and_never_the_other_way() {
    let long = |bytes: usize| {
        let text = "x".repeat(bytes);
        let body = crate::amf::amf0::write_all(&["onMetaData".into(), text.into()]);
        Content::Data(Data::parse(body.into()).unwrap())
    };
    for metadata_first in [true, false] {
        let mut camera = Camera::begin_without_configurations();
        let contents = [long(limits::PREAMBLE_BYTES - 20), video_content(&AVC_CONFIG)];
        if metadata_first {
            contents.into_iter().for_each(|content| camera.send(0, content));
        } else {
            contents.into_iter().rev().for_each(|content| camera.send(0, content));
        }
        camera.group(0, 1);
        let mut player = camera.stream.subscribe();
        assert_eq!(camera.read_all(&mut player), [(VIDEO_CONFIG, 0), (KEYFRAME, 0)]);
    }
}

#[test]
fn a_looped_clip_of_audio_keeps_its_sync_points() {
    let mut camera = Camera::begin_without_configurations();
    for _ in 0..20 {
        for millis in (0..2_900).step_by(20) {
            camera.audio(millis);
        }
    }
    let mut player = camera.stream.subscribe();
    assert!(camera.read_all(&mut player).len() <= 60, "about a second");
}

#[test]
fn the_end_of_an_earlier_publication_keeps_nothing_on_the_tape() {
    let mut camera = Camera::begin();
    camera.group(0, 2);
    let mut camera = Camera::begin_on(camera.end());
    for millis in (0..60_000).step_by(40) {
        camera.frame(millis, &INTER);
    }
    let (start, end) = camera.stream.tape_bounds();
    assert!(end - start <= 20 * 25 + 10, "no more than the tape's time");
}

#[test]
fn a_channel_layout_stands_in_the_preamble_beside_its_configuration() {
    let mut camera = Camera::begin_without_configurations();
    let opus = |head: u8, rest: &[u8]| audio_content(&[&[head], &b"Opus"[..], rest].concat());
    camera.send(0, opus(0x90, b"OpusHead"));
    camera.send(0, opus(0x94, &[1, 2, 0, 0, 0, 3]));
    camera.send(0, opus(0x91, &[1]));
    let mut player = camera.stream.subscribe();
    let kinds: Vec<FrameKind> = camera.read_all(&mut player).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [AUDIO_CONFIG, FrameKind::AudioLayout(TrackId::DEFAULT), FrameKind::Audio]);
}

#[test]
fn a_preamble_is_stamped_once_for_all_who_begin_there() {
    let mut camera = Camera::begin();
    camera.group(0, 5);
    let players: Vec<Playhead> = (0..2).map(|_| camera.stream.subscribe()).collect();
    let mut wires = players.into_iter().map(|mut player| {
        let frames = std::iter::from_fn(|| match camera.stream.read(&mut player) {
            Read::Frame(frame) if frame.kind() != KEYFRAME => Some(frame.wire().as_ptr()),
            _ => None,
        });
        frames.collect::<Vec<_>>()
    });
    let first = wires.next().unwrap();
    assert_eq!(first.len(), 3);
    assert_eq!(Some(first), wires.next());
}

#[test]
fn a_hub_forgets_a_stream_with_its_last_holder() {
    let mut hub = Hub::new(at_once().into(), chunk_size());
    let (name, _) = StreamName::join(&App::new("live").unwrap(), "cam").unwrap();
    let id = hub.hold(&name, Purpose::Play).unwrap();
    assert_eq!(hub.hold(&name, Purpose::Play), Ok(id));
    assert!(!hub.release(&name));
    assert!(hub.release(&name));
    assert!(hub.is_empty());
    assert_ne!(hub.hold(&name, Purpose::Play), Ok(id), "an id is never used twice");
}

const AVC_CONFIG: [u8; 7] = [0x17, 0, 0, 0, 0, 1, 0x64];
const KEY: [u8; 6] = [0x17, 1, 0, 0, 0, 0xAA];
const INTER: [u8; 6] = [0x27, 1, 0, 0, 0, 0xBB];

/// A publisher on a stream of its own.
struct Camera {
    stream: Stream,
    publication: Publication,
    now: Instant,
}

impl Camera {
    fn begin() -> Self {
        Self::begin_on(new_stream())
    }

    fn begin_on(stream: Stream) -> Self {
        let mut camera = Self::without_configurations_on(stream);
        camera.send(0, metadata());
        camera.send(0, video_content(&AVC_CONFIG));
        camera.send(0, audio_content(&[0xAF, 0, 0x12, 0x10]));
        camera
    }

    /// A camera with one second on the tape, and a player that has read it.
    fn watched() -> (Self, Playhead) {
        let mut camera = Self::begin();
        camera.group(0, 25);
        let mut player = camera.stream.subscribe();
        camera.read_all(&mut player);
        (camera, player)
    }

    fn begin_without_configurations() -> Self {
        Self::without_configurations_on(new_stream())
    }

    fn without_configurations_on(mut stream: Stream) -> Self {
        let publication = stream.publish(&Bid::default(), Instant::EPOCH).expect("nobody publishes");
        Self { stream, publication, now: Instant::EPOCH }
    }

    fn send(&mut self, millis: u32, content: Content) {
        let media = Media { timestamp: Timestamp::from_millis(millis), content };
        self.stream.append(&self.publication, &media, self.now).expect("the publication lasts");
    }

    fn frame(&mut self, millis: u32, payload: &[u8]) {
        self.send(millis, video_content(payload));
    }

    fn audio(&mut self, millis: u32) {
        self.send(millis, audio_content(&[0xAF, 1, 0x21]));
    }

    /// A keyframe and interframes at 25 a second.
    fn group(&mut self, millis: u32, frames: u32) {
        self.frame(millis, &KEY);
        for index in 1..frames {
            self.frame(millis + index * 40, &INTER);
        }
    }

    fn end(mut self) -> Stream {
        self.stream.unpublish(self.publication, self.now);
        self.stream
    }

    fn corrections(&self) -> Corrections {
        self.stream.corrections(&self.publication).expect("the publication lasts")
    }

    fn read_all(&self, player: &mut Playhead) -> Vec<(FrameKind, u32)> {
        let mut read = Vec::new();
        while let Read::Frame(frame) = self.stream.read(player) {
            read.push((frame.kind(), frame.timestamp().millis()));
        }
        read
    }
}

impl Stream {
    fn read_past_preamble(&self, player: &mut Playhead) -> Read {
        loop {
            match self.read(player) {
                Read::Frame(_) => {}
                other => return other,
            }
        }
    }
}

/// Without grace: who leaves ends the stream.
fn at_once() -> StreamConfig {
    StreamConfig { grace: Duration::ZERO, ..StreamConfig::default() }
}

fn new_stream() -> Stream {
    Stream::new(Arc::new(at_once()), chunk_size())
}

fn metadata() -> Content {
    let body = crate::amf::amf0::write_all(&["onMetaData".into(), crate::amf::Properties::new().into()]);
    Content::Data(Data::parse(body.into()).unwrap())
}

fn video_content(payload: &[u8]) -> Content {
    Content::Video(Bytes::copy_from_slice(payload))
}

fn audio_content(payload: &[u8]) -> Content {
    Content::Audio(Bytes::copy_from_slice(payload))
}

fn chunk_size() -> ChunkSize {
    ChunkSize::new(65_536).unwrap()
}
