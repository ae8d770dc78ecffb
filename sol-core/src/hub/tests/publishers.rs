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
    assert_eq!(stage.stream.corrections(&main).unwrap().total(), 1);
    let second = stage.publish(&Bid::default()).unwrap();
    stage.show(&second, 0, &KEY);
    assert_eq!(stage.stream.corrections(&second).unwrap().total(), 0);
}

#[test]
fn nobody_is_replaced_against_the_policy() {
    let keyed = |key: &str| Bid { credential: Some(Credential::new(key)), ..Bid::default() };
    let mut stream = new_stream();
    let _first = stream.publish(&keyed("a"), Instant::EPOCH).unwrap();
    assert_eq!(stream.publish(&keyed("b"), Instant::EPOCH), Err(NameInUse));
    assert_eq!(stream.publish(&Bid::default(), Instant::EPOCH), Err(NameInUse));
    let silent = Instant::EPOCH + SILENCE;
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
    stage.pass([&backup], SILENCE);
    assert!(!stage.show(&backup, 3_000, &INTER));
    assert!(stage.show(&backup, 3_040, &KEY));
    assert_eq!(stage.times(&mut player), [960 + limits::RESUME_MILLIS]);
    // The main one can be heard again. It has its place from a keyframe on when it has been heard for a while, with the
    // configuration that it had.
    let main = stage.main.duplicate();
    assert!(!stage.show(&main, 4_000, &KEY), "what comes first may be old");
    stage.pass([&main, &backup], SILENCE);
    assert!(!stage.show(&main, 7_000, &INTER), "amid a group");
    stage.read(&mut player);
    assert!(stage.show(&main, 7_040, &KEY));
    let frames = stage.frames(&mut player);
    let kinds: Vec<FrameKind> = frames.iter().map(Frame::kind).collect();
    assert_eq!(kinds, [FrameKind::Metadata, AUDIO_CONFIG, VIDEO_CONFIG, KEYFRAME]);
    assert!(!stage.show(&backup, 7_080, &INTER));
}

#[test]
fn behind_a_stall_of_the_process_nobody_takes_over_from_one_whose_frames_are_next() {
    let (mut stage, _player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    let main = stage.main.duplicate();
    stage.configure(&backup);
    stage.show(&backup, 0, &KEY);
    stage.now = stage.now + Duration::from_secs(30);
    assert!(!stage.show(&backup, 40, &KEY));
    assert!(stage.show(&main, 1_000, &INTER));
    assert_eq!(stage.stream.on_air(), Some(PublisherRole::Main));
}

#[test]
fn a_backup_without_keyframes_takes_over_from_a_silent_one_when_they_were_waited_for() {
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.pass([&backup], SILENCE + limits::RETURN_TIME - Duration::from_millis(1));
    assert!(!stage.show(&backup, 0, &INTER));
    stage.now = stage.now + Duration::from_millis(1);
    stage.show(&backup, 0, &INTER);
    assert_eq!(stage.stream.on_air(), Some(PublisherRole::Backup));
    assert!(stage.stream.append(&backup, &sound(5_001), stage.now).unwrap().grew, "nothing is awaited twice");
    assert_eq!(stage.times(&mut player).len(), 1, "a player's picture waits for a keyframe");
}

#[test]
fn a_backup_that_has_only_sound_is_heard_at_once() {
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    stage.send(&backup, 0, audio_content(&[0xAF, 0, 0x12, 0x10]));
    for millis in [0, 20, 40] {
        stage.stream.append(&backup, &sound(millis), stage.now).unwrap();
    }
    let main = stage.main.duplicate();
    stage.stream.abandon(main, stage.now);
    let resumed = 960 + limits::RESUME_MILLIS;
    assert_eq!(stage.times(&mut player), [resumed, resumed + 20, resumed + 40]);
}

#[test]
fn a_real_pause_is_as_long_as_it_was_also_before_a_group_that_was_kept() {
    let (mut stage, mut player) = Stage::with_main(StreamConfig { pause: Pause::Real, ..at_once() });
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.show(&backup, 0, &INTER);
    stage.now = stage.now + Duration::from_secs(2);
    stage.show(&backup, 2_000, &KEY);
    stage.now = stage.now + Duration::from_millis(1_500);
    stage.show(&backup, 3_500, &INTER);
    assert_eq!(stage.stream.on_air(), Some(PublisherRole::Backup));
    assert_eq!(stage.times(&mut player), [960 + 2_000, 960 + 3_500]);
}

#[test]
fn a_picture_of_a_kept_group_that_came_late_is_due_late() {
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    let main = stage.main.duplicate();
    stage.configure(&backup);
    stage.show(&backup, 0, &KEY);
    for second in 1..=12 {
        stage.now = stage.now + Duration::from_secs(1);
        stage.show(&main, 960 + second * 1_000, &INTER);
    }
    stage.read(&mut player);
    player.keep_up();
    stage.show(&backup, 12_000, &INTER);
    stage.stream.abandon(main, stage.now);
    let resumed = 12_960 + limits::RESUME_MILLIS;
    assert_eq!(stage.times(&mut player), [resumed, resumed + 12_000], "a slide show");
    assert!(stage.stream.corrections(&backup).unwrap().are_none());
}

#[test]
fn where_a_backup_does_not_give_back_the_main_publisher_waits_for_it_to_fail() {
    let (mut stage, _player) = Stage::with_main(StreamConfig { give_back: false, ..at_once() });
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.pass([&backup], SILENCE);
    assert!(stage.show(&backup, 3_000, &KEY));
    let main = stage.main.duplicate();
    stage.pass([&main, &backup], SILENCE);
    assert!(!stage.show(&main, 4_000, &KEY));
    stage.stream.abandon(backup, stage.now);
    assert_eq!(stage.stream.is_on_air(&main), Ok(true));
}

#[test]
fn a_real_pause_lasts_until_something_is_shown() {
    let config = StreamConfig { pause: Pause::Real, grace: Duration::from_secs(10), ..at_once() };
    let (mut stage, mut player) = Stage::with_main(config);
    let main = stage.main.duplicate();
    stage.stream.abandon(main, stage.now);
    stage.now = stage.now + Duration::from_secs(2);
    let again = stage.publish(&Bid::default()).unwrap();
    stage.configure(&again);
    stage.stream.append(&again, &sound(0), stage.now).unwrap();
    stage.now = stage.now + Duration::from_secs(4);
    stage.show(&again, 4_000, &KEY);
    assert_eq!(stage.times(&mut player), [960 + 6_000]);
}

#[test]
fn who_ends_in_good_order_as_the_last_one_ends_the_stream_also_where_it_was_not_on_air() {
    let config = StreamConfig { grace: Duration::from_secs(10), ..at_once() };
    let (mut stage, mut player) = Stage::with_main(config);
    let backup = stage.publish(&BACKUP).unwrap();
    let main = stage.main.duplicate();
    stage.now = stage.now + SILENCE;
    stage.stream.abandon(main, stage.now);
    assert!(stage.stream.is_published(), "within the grace");
    stage.stream.unpublish(backup, stage.now);
    assert_eq!(stage.stream.read(&mut player), Read::Ended(Ending::Unpublished));
    assert!(!stage.stream.is_published());
}

#[test]
fn who_comes_when_a_stream_is_over_gets_nothing_of_it_though_a_silent_backup_is_there() {
    let (mut stage, _player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    let main = stage.main.duplicate();
    stage.now = stage.now + SILENCE;
    stage.stream.abandon(main, stage.now);
    assert!(!stage.stream.is_published() && stage.stream.has_publishers());
    let mut late = stage.stream.subscribe();
    assert_eq!(stage.read(&mut late), []);
    stage.configure(&backup);
    stage.show(&backup, 0, &KEY);
    assert_eq!(stage.read(&mut late).last().map(|&(kind, _)| kind), Some(KEYFRAME));
}

#[test]
fn what_was_corrected_of_a_publisher_is_counted_whenever_it_was_on_air() {
    let (mut stage, _player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    let main = stage.main.duplicate();
    stage.configure(&backup);
    stage.show(&main, 900, &INTER);
    stage.pass([&backup], SILENCE);
    stage.show(&backup, 3_000, &KEY);
    stage.pass([&main, &backup], SILENCE);
    for (millis, payload) in [(7_000, &KEY), (7_040, &INTER), (7_030, &INTER)] {
        stage.show(&main, millis, payload);
    }
    let disorder = |publication| stage.stream.corrections(publication).unwrap().count(Correction::Disorder);
    assert_eq!((disorder(&main), disorder(&backup)), (2, 0));
}

#[test]
fn a_stream_whose_grace_begins_with_the_silence_of_a_backup_says_when_that_is_heard() {
    let config = StreamConfig { grace: Duration::from_secs(10), ..at_once() };
    let (mut stage, _player) = Stage::with_main(config);
    stage.stream.watch_for_silence();
    let backup = stage.publish(&BACKUP).unwrap();
    let main = stage.main.duplicate();
    stage.now = stage.now + SILENCE;
    let silence = stage.now;
    stage.show(&main, 4_000, &INTER);
    // In front of the timer, which is due.
    stage.stream.abandon(main, stage.now);
    assert_eq!(stage.stream.poll_timeout(), Some(silence), "nobody was told of it yet");
    stage.stream.handle_timeout(stage.now);
    assert_eq!(stage.stream.poll_timeout(), Some(silence + Duration::from_secs(10)));
    assert!(!stage.stream.is_on_air(&backup).unwrap());
}

#[test]
fn messages_that_are_kept_are_bounded_in_number_and_hold_on_to_nothing_but_themselves() {
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    let main = stage.main.duplicate();
    let long = Bytes::from(vec![0x17; 100_000]);
    let part = Content::Video(long.slice(..6));
    stage.configure(&backup);
    stage.show(&backup, 0, &KEY);
    stage.send(&backup, 10, part);
    assert!(long.is_unique(), "only the part was copied");
    let clear = crate::amf::amf0::write_all(&["@clearDataFrame".into(), "onMetaData".into()]);
    let clear = Content::Data(Data::parse(clear.into()).unwrap());
    for _ in 0..limits::TAPE_FRAMES {
        stage.send(&backup, 20, clear.clone());
    }
    stage.stream.abandon(main, stage.now);
    stage.read(&mut player);
    assert!(!stage.show(&backup, 40, &INTER), "the group was too long");
}

#[test]
fn a_silent_backup_does_not_take_over_until_it_is_heard() {
    let config = StreamConfig { grace: Duration::from_secs(10), ..at_once() };
    let (mut stage, mut player) = Stage::with_main(config);
    let backup = stage.publish(&BACKUP).unwrap();
    stage.configure(&backup);
    stage.show(&backup, 0, &KEY);
    stage.now = stage.now + SILENCE;
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
    stage.show(&backup, 40, &KEY);
    let main = stage.main.duplicate();
    stage.stream.abandon(main, stage.now);
    let kinds: Vec<FrameKind> = stage.read(&mut player).into_iter().map(|(kind, _)| kind).collect();
    assert!(!kinds.contains(&FrameKind::Metadata), "{kinds:?}");
}

#[test]
fn who_wants_pictures_anew_in_front_of_a_splice_gets_nothing_of_whoever_comes_behind_it() {
    let (mut stage, mut player) = Stage::with_main(at_once());
    let backup = stage.publish(&BACKUP).unwrap();
    let main = stage.main.duplicate();
    stage.configure(&backup);
    stage.show(&backup, 0, &OTHER_CONFIG);
    stage.show(&backup, 0, &KEY);
    stage.stream.append(&main, &sound(1_000), stage.now).unwrap();
    stage.stream.abandon(main, stage.now);
    stage.stream.select(&mut player, Wanted { video: false, ..Wanted::ALL });
    stage.stream.select(&mut player, Wanted::ALL);
    let read = stage.read(&mut player);
    assert_eq!(read[0], (FrameKind::Audio, 1_000), "{read:?}");
    assert_eq!(read.iter().filter(|(kind, _)| *kind == VIDEO_CONFIG).count(), 1);
}

#[test]
fn who_watches_for_silence_is_told_when_it_comes() {
    let mut stage = Stage::new(at_once());
    stage.stream.watch_for_silence();
    let silent_at = stage.now + SILENCE;
    assert_eq!(stage.stream.poll_timeout(), Some(silent_at));
    assert!(!stage.stream.is_silent(PublisherRole::Main, stage.now));
    stage.stream.handle_timeout(silent_at);
    assert!(stage.stream.is_silent(PublisherRole::Main, silent_at));
    assert_eq!(stage.stream.poll_timeout(), None, "told once");
    stage.now = silent_at + Duration::from_secs(1);
    let main = stage.main.duplicate();
    stage.show(&main, 0, &KEY);
    assert_eq!(stage.stream.poll_timeout(), Some(stage.now + SILENCE));
}

const BACKUP: Bid = Bid { role: PublisherRole::Backup, credential: None };
const SILENCE: Duration = limits::PUBLISHER_SILENCE;
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

    /// So much time goes by, in which these are heard.
    fn pass<const N: usize>(&mut self, publications: [&Publication; N], time: Duration) {
        for _ in 0..8 {
            let millis = self.now.since_epoch().as_millis() as u32;
            for publication in publications {
                self.show(publication, millis, &INTER);
            }
            self.now = self.now + time / 8;
        }
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

fn sound(millis: u32) -> Media {
    Media { timestamp: Timestamp::from_millis(millis), content: audio_content(&[0xAF, 1, 0x21]) }
}

fn picture(millis: u32, payload: &[u8]) -> Media {
    Media { timestamp: Timestamp::from_millis(millis), content: video_content(payload) }
}
