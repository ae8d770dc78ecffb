//! What a crowd reads in one piece, and who does not.

use super::*;
use crate::load::Load;
use crate::time::Instant;

#[test]
fn what_is_gathered_for_a_crowd_is_read_in_one_piece_of_the_same_bytes() {
    let mut hall = Hall::full();
    hall.gather();
    let mut frame_by_frame = hall.crowd.pop().unwrap();
    let wires = hall.wires(&mut frame_by_frame);
    assert_eq!(wires.len(), 3);
    for player in &mut hall.crowd {
        let bundle = hall.camera.stream.read_bundle(player, ROOM).expect("there is one");
        assert_eq!((bundle.frames, &bundle.wire[..]), (3, &wires.concat()[..]));
        assert_eq!(hall.camera.stream.read(player), Read::CaughtUp);
    }
}

#[test]
fn a_few_players_are_not_worth_a_copy_and_one_frame_is_none() {
    let mut hall = Hall::of(15);
    hall.gather();
    assert_eq!(hall.camera.stream.read_bundle(&mut hall.crowd[0], ROOM), None);
    let mut hall = Hall::full();
    hall.camera.audio(1_000);
    hall.deliver();
    assert_eq!(hall.camera.stream.read_bundle(&mut hall.crowd[0], ROOM), None);
}

#[test]
fn who_has_other_wishes_or_no_room_reads_frame_by_frame() {
    let mut hall = Hall::full();
    hall.gather();
    let stream = &hall.camera.stream;
    let [paused, filtered, cramped, ..] = &mut hall.crowd[..] else { panic!("it is full") };
    stream.pause(paused);
    stream.select(filtered, Wanted { audio: false, video: true });
    assert_eq!(stream.read_bundle(cramped, 40), None);
    for player in [paused, filtered] {
        assert_eq!(stream.read_bundle(player, ROOM), None);
    }
    assert!(stream.read_bundle(cramped, ROOM).is_some(), "once there is room");
}

#[test]
fn who_has_read_on_beyond_a_delivery_goes_on_amid_the_next_bundle() {
    let mut hall = Hall::full();
    hall.gather();
    hall.camera.audio(hall.millis - 10);
    let [late, frame_by_frame, punctual, ..] = &mut hall.crowd[..] else { panic!("it is full") };
    for player in [&mut *late, frame_by_frame] {
        assert!(hall.camera.stream.read_bundle(player, ROOM).is_some());
        assert_eq!(hall.camera.read_all(player).len(), 1, "what was not delivered yet");
    }
    assert!(hall.camera.stream.read_bundle(punctual, ROOM).is_some());
    hall.gather();
    let mut crowd = std::mem::take(&mut hall.crowd);
    let [late, frame_by_frame, punctual, ..] = &mut crowd[..] else { panic!("it is full") };
    let rest = hall.wires(frame_by_frame).concat();
    let bundle = hall.camera.stream.read_bundle(late, ROOM).expect("there is the rest of one");
    assert_eq!((bundle.frames, &bundle.wire[..]), (3, &rest[..]));
    assert_eq!(hall.camera.stream.read_bundle(punctual, ROOM).map(|bundle| bundle.frames), Some(4));
    assert_eq!(hall.camera.stream.read(late), Read::CaughtUp);
}

#[test]
fn who_listens_to_a_stream_of_audio_alone_awaits_no_picture() {
    let mut camera = Camera::begin_without_configurations();
    camera.send(0, audio_content(&[0xAF, 0, 0x12, 0x10]));
    camera.audio(0);
    let mut hall = Hall::of_players(camera, 20, Instant::EPOCH);
    hall.camera.audio(20);
    hall.camera.audio(40);
    hall.deliver();
    let bundle = hall.camera.stream.read_bundle(&mut hall.crowd[0], ROOM);
    assert_eq!(bundle.map(|bundle| bundle.frames), Some(2));
}

#[test]
fn nothing_is_kept_for_a_crowd_that_has_gone() {
    let mut hall = Hall::full();
    hall.gather();
    hall.crowd.clear();
    for group in 1..100 {
        hall.camera.group(group * 1_000, 25);
        hall.now = hall.now + Duration::from_secs(1);
        hall.camera.stream.deliver(Load::IDLE, hall.now);
    }
    let mut hall = Hall::of_players(hall.camera, 20, hall.now);
    hall.millis = 200_000;
    hall.gather();
    let bundle = hall.camera.stream.read_bundle(&mut hall.crowd[0], ROOM);
    assert_eq!(bundle.map(|bundle| bundle.frames), Some(3));
}

#[test]
fn who_joins_reads_its_preamble_first_and_then_what_others_do() {
    let mut hall = Hall::full();
    let mut late = hall.camera.stream.subscribe_at(Join::Live);
    hall.gather();
    assert_eq!(hall.camera.stream.read_bundle(&mut late, ROOM), None, "a preamble comes first");
    let kinds = hall.camera.read_all(&mut late);
    let kinds: Vec<FrameKind> = kinds.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [FrameKind::Metadata, AUDIO_CONFIG, VIDEO_CONFIG, FrameKind::Audio]);
    hall.gather();
    assert_eq!(hall.camera.stream.read_bundle(&mut late, ROOM), None, "it still waits for a keyframe");
    hall.camera.read_all(&mut late);
    hall.camera.group(9_000, 2);
    hall.camera.read_all(&mut late);
    hall.deliver();
    hall.gather();
    assert!(hall.camera.stream.read_bundle(&mut late, ROOM).is_some());
}

#[test]
fn the_end_of_a_publication_is_in_no_bundle() {
    let mut hall = Hall::full();
    hall.gather();
    let Hall { camera, mut crowd, .. } = hall;
    let stream = camera.end();
    for _ in 0..3 {
        assert_eq!(stream.read_bundle(&mut crowd[0], ROOM), None);
        assert!(matches!(stream.read(&mut crowd[0]), Read::Frame(_)));
    }
    assert_eq!(stream.read(&mut crowd[0]), Read::Ended(Ending::Unpublished));
    assert_eq!(stream.read_bundle(&mut crowd[0], ROOM), None);
}

#[test]
fn bundles_fit_into_an_outbox_and_are_bounded_together() {
    let mut hall = Hall::full();
    let picture = [&INTER[..], &[0; 30_000]].concat();
    for number in 0..60 {
        hall.camera.frame(1_000 + number, &picture);
    }
    hall.deliver();
    let (mut bundled, mut frames) = (0, 0);
    let player = &mut hall.crowd[0];
    loop {
        if let Some(bundle) = hall.camera.stream.read_bundle(player, usize::MAX) {
            assert!(bundle.wire.len() <= limits::OUTBOX_BYTES);
            bundled += bundle.wire.len();
            frames += bundle.frames;
        } else if let Read::Frame(_) = hall.camera.stream.read(player) {
            frames += 1;
        } else {
            break;
        }
    }
    assert_eq!(frames, 60);
    assert!((limits::BUNDLE_BYTES / 2..=limits::BUNDLE_BYTES).contains(&bundled), "{bundled}");
}

#[test]
fn a_gap_is_as_long_for_those_who_read_bundles() {
    let mut hall = Hall::full();
    hall.gather();
    let [quick, slow, ..] = &mut hall.crowd[..] else { panic!("it is full") };
    hall.camera.stream.read_bundle(quick, ROOM).expect("there is one");
    hall.camera.read_all(slow);
    for player in [&mut *quick, slow] {
        player.fall_behind();
    }
    for group in 0..4 {
        hall.camera.group(2_000 + group * 2_000, 50);
    }
    let gaps = [quick, slow].map(|player| hall.camera.stream.read(player));
    assert!(matches!(gaps[0], Read::Gap(_)), "{gaps:?}");
    assert_eq!(gaps[0], gaps[1]);
}

/// A camera, and players that have seen all there was.
struct Hall {
    camera: Camera,
    crowd: Vec<Playhead>,
    now: Instant,
    millis: u32,
}

impl Hall {
    fn full() -> Self {
        Self::of(20)
    }

    fn of(players: usize) -> Self {
        let mut camera = Camera::begin();
        camera.group(0, 5);
        Self::of_players(camera, players, Instant::EPOCH)
    }

    fn of_players(mut camera: Camera, players: usize, now: Instant) -> Self {
        let mut crowd: Vec<Playhead> = (0..players).map(|_| camera.stream.subscribe()).collect();
        for player in &mut crowd {
            camera.read_all(player);
        }
        let mut hall = Self { camera, crowd, now, millis: 200 };
        hall.deliver();
        hall
    }

    /// Three frames come, and are delivered together.
    fn gather(&mut self) {
        self.camera.frame(self.millis, &INTER);
        self.camera.audio(self.millis + 10);
        self.camera.frame(self.millis + 40, &INTER);
        self.millis += 80;
        self.deliver();
    }

    fn deliver(&mut self) {
        self.now = self.now + Duration::from_secs(1);
        assert_eq!(self.camera.stream.deliver(Load::IDLE, self.now), Delivery::Now);
    }

    /// The bytes of what a player reads, frame by frame.
    fn wires(&self, player: &mut Playhead) -> Vec<Bytes> {
        std::iter::from_fn(|| match self.camera.stream.read(player) {
            Read::Frame(frame) => Some(frame.into_wire()),
            _ => None,
        })
        .collect()
    }
}

/// That of an empty outbox.
const ROOM: usize = limits::OUTBOX_BYTES;
