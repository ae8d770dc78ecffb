//! A publisher that returns, or another in its place: what of it reaches players, and when it is due.

use super::*;

#[test]
fn what_a_returning_publisher_sends_in_front_of_its_keyframe_is_left_out() {
    let (mut camera, mut player) = Camera::watched();
    camera.audio(990);
    let mut camera = camera.returned();
    camera.audio(70_000);
    camera.frame(70_010, &INTER);
    camera.audio(70_021);
    camera.frame(70_040, &KEY);
    camera.audio(70_035);
    camera.audio(70_056);
    let resumed = 990 + limits::RESUME_MILLIS;
    assert_eq!(
        camera.coded(&mut player),
        [
            (FrameKind::Audio, 990),
            (KEYFRAME, resumed),
            (FrameKind::Audio, resumed),
            (FrameKind::Audio, resumed + 16)
        ]
    );
    assert_eq!(camera.corrections().iter().collect::<Vec<_>>(), [(Correction::BeforePicture, 3)]);
}

#[test]
fn players_stay_through_a_real_pause_that_is_longer_than_the_tape() {
    let config =
        StreamConfig { pause: Pause::Real, grace: Duration::from_secs(60), ..StreamConfig::default() };
    let (mut camera, mut player) = Camera::watched();
    camera.stream = Stream::new(Arc::new(config.clone()), chunk_size());
    let mut camera = Camera::begin_on(camera.stream);
    camera.group(0, 25);
    player = {
        drop(player);
        camera.stream.subscribe()
    };
    camera.read_all(&mut player);
    let Camera { mut stream, publication, now } = camera;
    stream.abandon(publication, now);
    let mut camera =
        Camera { now: now + Duration::from_secs(30), ..Camera::without_configurations_on(stream) };
    camera.send(0, metadata());
    camera.send(0, video_content(&AVC_CONFIG));
    camera.frame(0, &KEY);
    assert_eq!(camera.coded(&mut player), [(KEYFRAME, 960 + 30_000)]);
    assert_eq!(camera.stream.read(&mut player), Read::CaughtUp);
}

#[test]
fn configurations_of_a_returning_publisher_do_not_fix_its_clock() {
    let (camera, mut player) = Camera::watched();
    let mut camera = camera.returned();
    camera.send(0, video_content(&AVC_CONFIG));
    camera.send(0, audio_content(&[0xAF, 0, 0x12, 0x10]));
    camera.frame(20_000_000, &KEY);
    camera.audio(20_000_003);
    let resumed = 960 + limits::RESUME_MILLIS;
    let read = camera.read_all(&mut player);
    let times: Vec<u32> = read.iter().map(|&(_, millis)| millis).collect();
    assert_eq!(times, [resumed, resumed, resumed, resumed + 3], "{read:?}");
}

#[test]
fn a_returning_publisher_without_pictures_is_heard_after_a_while() {
    let (camera, mut player) = Camera::watched();
    let mut camera = camera.returned();
    camera.audio(0);
    camera.now = camera.now + limits::RETURN_TIME - Duration::from_millis(1);
    camera.audio(4_980);
    assert_eq!(camera.coded(&mut player), []);
    camera.now = camera.now + Duration::from_millis(1);
    camera.audio(5_000);
    let resumed = 960 + limits::RESUME_MILLIS;
    assert_eq!(camera.coded(&mut player), [(FrameKind::Audio, resumed)]);
    camera.audio(5_020);
    assert_eq!(camera.coded(&mut player), [(FrameKind::Audio, resumed + 20)]);
}

#[test]
fn a_publisher_that_returns_twice_without_a_picture_is_still_waited_for() {
    let (camera, mut player) = Camera::watched();
    let mut camera = camera.returned();
    camera.audio(0);
    let mut camera = camera.returned();
    camera.audio(0);
    assert_eq!(camera.coded(&mut player), []);
    camera.frame(40, &KEY);
    assert_eq!(camera.coded(&mut player), [(KEYFRAME, 960 + limits::RESUME_MILLIS)]);
}

#[test]
fn sound_of_a_returning_publisher_is_heard_at_once_where_there_never_was_a_picture() {
    let mut radio = Camera::begin_without_configurations();
    radio.audio(0);
    let mut player = radio.stream.subscribe();
    assert_eq!(radio.coded(&mut player), [(FrameKind::Audio, 0)]);
    let mut radio = radio.returned();
    radio.audio(700);
    assert_eq!(radio.coded(&mut player), [(FrameKind::Audio, limits::RESUME_MILLIS)]);
    assert!(radio.corrections().are_none());
}

#[test]
fn a_publisher_that_comes_after_the_end_is_another_one_and_heard_at_once() {
    let (camera, mut player) = Camera::watched();
    let stream = camera.end();
    assert_eq!(stream.read(&mut player), Read::Ended(Ending::Unpublished));
    let mut camera = Camera::without_configurations_on(stream);
    camera.audio(0);
    assert_eq!(camera.coded(&mut player), [(FrameKind::Audio, 960 + limits::RESUME_MILLIS)]);
}

#[test]
fn players_that_are_to_wait_stay_until_somebody_publishes_again_or_they_leave() {
    let (mut camera, mut player) = Camera::watched();
    camera.stream.config_for_test(StreamConfig { after_grace: AfterGrace::Wait, ..StreamConfig::default() });
    let Camera { mut stream, publication, mut now } = camera;
    stream.abandon(publication, now);
    for _ in 0..5 {
        now = stream.poll_timeout().expect("it looks whether anybody waits");
        assert!(!stream.handle_timeout(now));
        assert_eq!(stream.read(&mut player), Read::CaughtUp);
    }
    assert!(stream.is_published(), "who joins waits as well");
    let mut camera = Camera { now, ..Camera::without_configurations_on(stream) };
    camera.frame(0, &KEY);
    assert_eq!(camera.coded(&mut player), [(KEYFRAME, 960 + limits::RESUME_MILLIS)]);

    let Camera { mut stream, publication, now } = camera;
    stream.abandon(publication, now);
    drop(player);
    let now = stream.poll_timeout().unwrap();
    assert!(stream.handle_timeout(now));
    assert!(!stream.is_published(), "nobody waits");
    assert_eq!(stream.poll_timeout(), None);
}

#[test]
fn players_at_another_loop_wait_as_those_at_home_do() {
    let (mut camera, player) = Camera::watched();
    camera.stream.config_for_test(StreamConfig { after_grace: AfterGrace::Wait, ..StreamConfig::default() });
    let relay = camera.stream.relay();
    drop(player);
    let Camera { mut stream, publication, now } = camera;
    stream.abandon(publication, now);
    let now = stream.poll_timeout().unwrap();
    assert!(!stream.handle_timeout(now));
    drop(relay);
    let now = stream.poll_timeout().unwrap();
    assert!(stream.handle_timeout(now));
}

#[test]
fn keyframes_of_a_publisher_that_returns_with_another_configuration_bring_its_parameter_sets() {
    let keyframe = [0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65];
    let [small, large] =
        [1, 2].map(|size| [0x17, 0, 0, 0, 0, 1, 100, 0, 13, 0xFF, 0xE1, 0, 2, 0x67, size, 1, 0, 1, 0x68]);
    let completed = [&keyframe[..5], &[0, 0, 0, 2, 0x67, 2, 0, 0, 0, 1, 0x68], &keyframe[5..]].concat();
    for (repair, expected) in [(Repair::Resync, &completed[..]), (Repair::Off, &keyframe)] {
        let config = StreamConfig { repair, grace: Duration::from_secs(5), ..StreamConfig::default() };
        let mut camera = Camera::without_configurations_on(Stream::new(Arc::new(config), chunk_size()));
        camera.send(0, video_content(&small));
        camera.frame(0, &keyframe);
        let mut player = camera.stream.subscribe();
        camera.read_all(&mut player);
        let Camera { mut stream, publication, now } = camera;
        stream.abandon(publication, now);
        let mut camera = Camera::without_configurations_on(stream);
        camera.send(0, video_content(&large));
        camera.frame(0, &keyframe);
        camera.frame(1_000, &keyframe);
        assert_eq!(camera.keyframes(&mut player), [expected, expected], "{repair:?}");

        // After the end it is another stream.
        let mut camera = Camera::without_configurations_on(camera.end());
        camera.send(0, video_content(&small));
        camera.frame(0, &keyframe);
        let mut player = camera.stream.subscribe();
        assert_eq!(camera.keyframes(&mut player), [&keyframe]);
    }
}

impl Camera {
    /// Vanished and come back within the grace.
    fn returned(self) -> Self {
        let Camera { mut stream, publication, now } = self;
        stream.config_for_test(StreamConfig::default());
        stream.abandon(publication, now);
        Camera { now, ..Camera::without_configurations_on(stream) }
    }

    /// The payloads of keyframes that a player reads.
    fn keyframes(&self, player: &mut Playhead) -> Vec<Vec<u8>> {
        let mut keyframes = Vec::new();
        while let Read::Frame(frame) = self.stream.read(player) {
            if frame.kind() == KEYFRAME {
                keyframes.push(frame.payload().collect::<Vec<_>>().concat());
            }
        }
        keyframes
    }

    /// What a player reads of audio and pictures.
    fn coded(&self, player: &mut Playhead) -> Vec<(FrameKind, u32)> {
        let mut read = self.read_all(player);
        read.retain(|(kind, _)| kind.is_coded());
        read
    }
}
