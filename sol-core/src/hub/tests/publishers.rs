//! Several publishers of one stream: who has whose place, what is kept of one that stands by, and what players get when it
//! takes over.

use super::*;
use crate::frame::Frame;

#[test]
fn one_that_is_replaced_moves_nothing_any_more() {
    let (mut stage, mut player) = Stage::with_main(StreamConfig { takeover: Takeover::Replace, ..at_once() });
    let second = stage.publish(&Bid::default()).unwrap();
    let first = std::mem::replace(&mut stage.main, second);
    assert_eq!(stage.stream.append(&first, &picture(1_000, &KEY), stage.now), Err(Replaced));
    assert_eq!(stage.stream.is_on_air(&first), Err(Replaced));
    stage.stream.unpublish(first, stage.now);
    assert!(stage.stream.is_published(), "the second goes on");
    let second = stage.main.duplicate();
    stage.show(&second, 70_000, &KEY);
    assert_eq!(stage.times(&mut player), [960 + limits::RESUME_MILLIS]);
}

#[test]
fn what_a_replaced_publisher_had_corrected_is_not_its_successors() {
    let (mut stage, _player) = Stage::with_main(StreamConfig { takeover: Takeover::Replace, ..at_once() });
    let main = stage.main.duplicate();
    stage.show(&main, 900, &INTER);
    assert_eq!(stage.stream.corrections().total(), 1);
    let second = stage.publish(&Bid::default()).unwrap();
    stage.show(&second, 0, &KEY);
    assert_eq!(stage.stream.corrections().total(), 0);
}

#[test]
fn nobody_is_replaced_against_the_policy() {
    let keyed = |key: &str| Bid { credential: Some(Credential::new(key)), ..Bid::default() };
    let mut stream = new_stream();
    let _first = stream.publish(&keyed("a"), Instant::EPOCH).unwrap();
    assert_eq!(stream.publish(&keyed("b"), Instant::EPOCH), Err(NameInUse));
    assert_eq!(stream.publish(&Bid::default(), Instant::EPOCH), Err(NameInUse));
    let silent = Instant::EPOCH + limits::PUBLISHER_SILENCE;
    let early = silent - Duration::from_nanos(1);
    assert_eq!(stream.publish(&keyed("b"), early), Err(NameInUse));
    assert!(stream.publish(&keyed("b"), silent).is_ok());
    assert!(stream.publish(&keyed("b"), silent).is_ok(), "the same credential");
}

#[test]
fn a_backup_takes_over_with_its_configurations_and_newest_group_one_frame_behind() {
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    assert_eq!(stage.stream.is_on_air(&backup), Ok(false));
    stage.configure(&backup);
    for (millis, payload) in [(0, &KEY), (40, &INTER), (80, &INTER), (120, &KEY), (160, &INTER)] {
        assert!(!stage.show(&backup, 500_000 + millis, payload));
    }
    assert_eq!(stage.times(&mut player), [0; 0], "unseen");
    let main = stage.main.duplicate();
    stage.stream.abandon(main, stage.now);
    assert_eq!(stage.stream.on_air(), Some(PublisherRole::Backup));
    let resumed = 960 + limits::RESUME_MILLIS;
    let read = stage.read(&mut player);
    let (preamble, group) = read.split_at(3);
    assert!(preamble.iter().all(|(kind, _)| kind.is_preamble()), "{read:?}");
    assert_eq!(group, [(KEYFRAME, resumed), (FrameKind::Interframe, resumed + 40)]);
    assert!(stage.show(&backup, 500_200, &INTER));
    assert_eq!(stage.times(&mut player), [resumed + 80]);
}

#[test]
fn a_configuration_that_changes_amid_the_group_comes_where_it_stood() {
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.show(&backup, 0, &KEY);
    stage.show(&backup, 40, &OTHER_CONFIG);
    stage.show(&backup, 40, &INTER);
    let main = stage.main.duplicate();
    stage.stream.abandon(main, stage.now);
    let kinds: Vec<FrameKind> = stage.read(&mut player).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds[3..], [KEYFRAME, VIDEO_CONFIG, FrameKind::Interframe]);

    // In front of the next group it is the one that counts.
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.show(&backup, 0, &KEY);
    stage.show(&backup, 40, &OTHER_CONFIG);
    stage.show(&backup, 80, &KEY);
    let main = stage.main.duplicate();
    stage.stream.abandon(main, stage.now);
    let frames = stage.frames(&mut player);
    let config = frames.iter().find(|frame| frame.kind() == VIDEO_CONFIG).expect("one");
    assert!(config.has_payload(&OTHER_CONFIG));
}

#[test]
fn a_backup_without_a_keyframe_is_on_air_from_its_next_one_on() {
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.show(&backup, 0, &INTER);
    let main = stage.main.duplicate();
    stage.stream.abandon(main, stage.now);
    assert!(stage.stream.is_published(), "without any grace: a publisher is there");
    stage.show(&backup, 40, &INTER);
    assert_eq!(stage.times(&mut player), [0; 0]);
    stage.show(&backup, 80, &KEY);
    assert_eq!(stage.times(&mut player), [960 + limits::RESUME_MILLIS]);
}

#[test]
fn a_group_that_is_longer_than_the_tape_is_not_kept() {
    let long: fn(&mut Stage, &Publication) = |stage, backup| {
        stage.now = stage.now + Duration::from_secs(5);
        let main = stage.main.duplicate();
        stage.show(&main, 5_000, &INTER);
        stage.show(backup, 5_000, &INTER);
        stage.now = stage.now + Duration::from_millis(1);
        stage.show(backup, 5_001, &INTER);
    };
    let heavy: fn(&mut Stage, &Publication) = |stage, backup| {
        let mut payload = vec![0; 100_000];
        payload[..2].copy_from_slice(&INTER[..2]);
        for index in 0..10 {
            stage.show(backup, index, &payload);
        }
    };
    for too_much in [long, heavy] {
        let config = StreamConfig { tape_time: Duration::from_secs(5), tape_bytes: 1_000_000, ..at_once() };
        let (mut stage, mut player) = Stage::with_main(config);
        let backup = stage.publish(&BACKUP).unwrap();
        stage.configure(&backup);
        stage.show(&backup, 0, &KEY);
        too_much(&mut stage, &backup);
        let main = stage.main.duplicate();
        stage.stream.abandon(main, stage.now);
        stage.read(&mut player);
        assert_eq!(stage.stream.is_on_air(&backup), Ok(true));
        let interframe = stage.show(&backup, 6_000, &INTER);
        let keyframe = stage.show(&backup, 6_040, &KEY);
        assert_eq!((interframe, keyframe), (false, true), "nothing of the group can be built on");
    }
}

#[test]
fn a_backup_takes_over_from_one_that_is_silent_and_only_when_it_has_a_keyframe() {
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.show(&backup, 0, &INTER);
    stage.now = stage.now + limits::PUBLISHER_SILENCE;
    assert!(!stage.show(&backup, 3_000, &INTER));
    assert!(stage.show(&backup, 3_040, &KEY));
    assert_eq!(stage.times(&mut player), [960 + limits::RESUME_MILLIS]);
    // The main one can be heard again, and has its place from its keyframe on, with the configuration that it had.
    let main = stage.main.duplicate();
    assert!(!stage.show(&main, 4_000, &INTER));
    assert!(stage.show(&main, 4_040, &KEY));
    let frames = stage.frames(&mut player);
    let kinds: Vec<FrameKind> = frames.iter().map(Frame::kind).collect();
    assert_eq!(kinds, [FrameKind::Metadata, AUDIO_CONFIG, VIDEO_CONFIG, KEYFRAME]);
    assert_eq!(frames[3].timestamp().millis(), 960 + 2 * limits::RESUME_MILLIS);
    assert!(!stage.show(&backup, 3_080, &INTER));
}

#[test]
fn where_a_backup_does_not_give_back_the_main_publisher_waits_for_it_to_fail() {
    let (mut stage, _player) = Stage::with_main(StreamConfig { give_back: false, ..at_once() });
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.show(&backup, 0, &KEY);
    stage.now = stage.now + limits::PUBLISHER_SILENCE;
    assert!(stage.show(&backup, 3_000, &KEY));
    let main = stage.main.duplicate();
    assert!(!stage.show(&main, 4_000, &KEY));
    stage.stream.abandon(backup, stage.now);
    assert_eq!(stage.stream.is_on_air(&main), Ok(true));
}

#[test]
fn a_silent_backup_does_not_take_over_until_it_is_heard() {
    let config = StreamConfig { grace: Duration::from_secs(10), ..at_once() };
    let (mut stage, mut player) = Stage::with_main(config);
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.show(&backup, 0, &KEY);
    stage.now = stage.now + limits::PUBLISHER_SILENCE;
    let main = stage.main.duplicate();
    stage.show(&main, 4_000, &INTER);
    stage.read(&mut player);
    stage.stream.unpublish(main, stage.now);
    assert_eq!((stage.stream.on_air(), stage.times(&mut player)), (None, vec![]));
    stage.show(&backup, 3_040, &INTER);
    assert_eq!(stage.stream.on_air(), Some(PublisherRole::Backup));
    assert_eq!(stage.times(&mut player).len(), 2, "with the group that it had");
}

#[test]
fn metadata_that_is_cleared_does_not_come_back() {
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.show(&backup, 0, &KEY);
    stage.send(&backup, 0, metadata());
    let clear = crate::amf::amf0::write_all(&["@clearDataFrame".into(), "onMetaData".into()]);
    stage.send(&backup, 0, Content::Data(Data::parse(clear.into()).unwrap()));
    let main = stage.main.duplicate();
    stage.stream.abandon(main, stage.now);
    let kinds: Vec<FrameKind> = stage.read(&mut player).into_iter().map(|(kind, _)| kind).collect();
    assert!(!kinds.contains(&FrameKind::Metadata), "{kinds:?}");
}

#[test]
fn who_watches_for_silence_is_told_when_it_comes() {
    let mut stage = Stage::new(at_once());
    stage.stream.watch_for_silence();
    let silent_at = stage.now + limits::PUBLISHER_SILENCE;
    assert_eq!(stage.stream.poll_timeout(), Some(silent_at));
    assert!(!stage.stream.is_silent(PublisherRole::Main, stage.now));
    stage.stream.handle_timeout(silent_at);
    assert!(stage.stream.is_silent(PublisherRole::Main, silent_at));
    assert_eq!(stage.stream.poll_timeout(), None, "told once");
    stage.now = silent_at + Duration::from_secs(1);
    let main = stage.main.duplicate();
    stage.show(&main, 0, &KEY);
    assert_eq!(stage.stream.poll_timeout(), Some(stage.now + limits::PUBLISHER_SILENCE));
}

const BACKUP: Bid = Bid { role: PublisherRole::Backup, credential: None };
const OTHER_CONFIG: [u8; 7] = [0x17, 0, 0, 0, 0, 1, 0x42];

/// A stream with a main publisher, and who else comes.
struct Stage {
    stream: Stream,
    main: Publication,
    now: Instant,
}

impl Stage {
    fn new(config: StreamConfig) -> Self {
        let mut stream = Stream::new(Arc::new(config), chunk_size());
        let main = stream.publish(&Bid::default(), Instant::EPOCH).expect("nobody publishes");
        Self { stream, main, now: Instant::EPOCH }
    }

    /// The main publisher has shown a second, and a player has seen it.
    fn with_main(config: StreamConfig) -> (Self, Playhead) {
        let mut stage = Self::new(config);
        let main = stage.main.duplicate();
        stage.configure(&main);
        stage.show(&main, 0, &KEY);
        for index in 1..25 {
            stage.show(&main, index * 40, &INTER);
        }
        let mut player = stage.stream.subscribe();
        stage.read(&mut player);
        (stage, player)
    }

    fn publish(&mut self, bid: &Bid) -> Result<Publication, NameInUse> {
        self.stream.publish(bid, self.now)
    }

    fn configure(&mut self, publication: &Publication) {
        self.send(publication, 0, metadata());
        self.send(publication, 0, video_content(&AVC_CONFIG));
        self.send(publication, 0, audio_content(&[0xAF, 0, 0x12, 0x10]));
    }

    /// Whether players get it.
    fn show(&mut self, publication: &Publication, millis: u32, payload: &[u8]) -> bool {
        self.send(publication, millis, video_content(payload))
    }

    fn send(&mut self, publication: &Publication, millis: u32, content: Content) -> bool {
        let media = Media { timestamp: Timestamp::from_millis(millis), content };
        self.stream.append(publication, &media, self.now).expect("the publication lasts").grew
    }

    fn frames(&self, player: &mut Playhead) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Read::Frame(frame) = self.stream.read(player) {
            frames.push(frame);
        }
        frames
    }

    fn read(&self, player: &mut Playhead) -> Vec<(FrameKind, u32)> {
        let frames = self.frames(player);
        frames.iter().map(|frame| (frame.kind(), frame.timestamp().millis())).collect()
    }

    /// When the pictures are due that a player gets.
    fn times(&self, player: &mut Playhead) -> Vec<u32> {
        let pictures = self.read(player).into_iter().filter(|(kind, _)| kind.is_coded());
        pictures.map(|(_, millis)| millis).collect()
    }
}

fn picture(millis: u32, payload: &[u8]) -> Media {
    Media { timestamp: Timestamp::from_millis(millis), content: video_content(payload) }
}
