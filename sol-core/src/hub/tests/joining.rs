//! Where players begin.

use super::*;

#[test]
fn an_instant_join_begins_at_the_newest_keyframe_that_is_old_enough() {
    let mut camera = Camera::begin_on(stream_with(Join::Instant));
    for second in 0..5 {
        camera.group(second * 1_000, 25);
    }
    camera.group(5_000, 1);
    for (head, begins_at) in [(5_000, 3_000), (5_960, 3_000), (6_000, 4_000)] {
        camera.frame(head, &INTER);
        let mut player = camera.stream.subscribe();
        let read = camera.read_all(&mut player);
        assert_eq!(
            read[..4],
            [
                (FrameKind::Metadata, 0),
                (AUDIO_CONFIG, begins_at),
                (VIDEO_CONFIG, begins_at),
                (KEYFRAME, begins_at),
            ]
        );
        assert_eq!(read.last(), Some(&(FrameKind::Interframe, head)), "and everything since");
    }
}

#[test]
fn a_clock_that_steps_back_makes_nobody_late_who_begins_in_front_of_that() {
    let config = StreamConfig { join: Join::Instant, lag_max: Duration::from_millis(500), ..at_once() };
    let mut camera = Camera::begin_on(Stream::new(Arc::new(config), chunk_size()));
    camera.group(0, 25);
    camera.group(1_000, 58);
    for millis in (400..1_400).step_by(40) {
        camera.frame(millis, &INTER);
    }
    camera.group(1_400, 5);
    let mut player = camera.stream.subscribe();
    let mut frames = 0;
    loop {
        match camera.stream.read(&mut player) {
            Read::Frame(frame) => frames += usize::from(frame.kind().is_picture()),
            other => break assert_eq!(other, Read::CaughtUp),
        }
    }
    assert_eq!(frames, 58 + 25 + 5);
}

#[test]
fn an_instant_join_begins_at_the_oldest_keyframe_where_none_is_old_enough() {
    let mut camera = Camera::begin_on(stream_with(Join::Instant));
    for half_second in 0..4 {
        camera.group(half_second * 500, 12);
    }
    let mut player = camera.stream.subscribe();
    assert_eq!(camera.first_picture(&mut player), (KEYFRAME, 0));
}

#[test]
fn the_tape_is_kept_for_instant_joins_and_no_longer_than_that() {
    let kept = |join| {
        let mut camera = Camera::begin_on(stream_with(join));
        let mut kept = Duration::ZERO;
        for index in 0..200 {
            camera.group(index * 200, 5);
            let (start, end) = camera.stream.tape_bounds();
            kept = kept.max(Duration::from_millis((end - start) * 40));
        }
        kept
    };
    let slack = Duration::from_millis(40 * limits::TAPE_SLACK_FRAMES);
    let longest = |age: u64| Duration::from_millis(age + 2 * 200 + 250) + 2 * slack;
    assert!(kept(Join::Instant) >= limits::INSTANT_JOIN_TIME);
    assert!(kept(Join::Instant) < longest(2_000), "{:?}", kept(Join::Instant));
    for join in [Join::Keyframe, Join::Live] {
        assert!(kept(join) < longest(0), "{:?}", kept(join));
    }
}

#[test]
fn of_nothing_but_keyframes_few_are_remembered_and_joins_are_as_near_as_that() {
    let mut camera = Camera::begin_on(stream_with(Join::Instant));
    for millis in (0..30_000).step_by(16) {
        camera.frame(millis, &KEY);
        assert!(camera.stream.sync_points() <= limits::SYNC_POINTS);
        let mut player = camera.stream.subscribe_at(Join::Keyframe);
        assert_eq!(camera.first_picture(&mut player).1, millis, "the newest is always known");
        let mut player = camera.stream.subscribe();
        let age = millis - camera.first_picture(&mut player).1;
        assert!((2_000..2_300).contains(&age) || age == millis, "{age} ms old");
    }
    assert!(camera.stream.sync_points() > 5, "they are remembered at all");
}

#[test]
fn whatever_times_a_publisher_sends_few_keyframes_are_remembered() {
    let patterns: [fn(u32) -> u32; 5] = [
        |_| 0,
        |index| index % 2 * 2_900,
        |index| (index * 7_919) % 3_000,
        |index| index * 250,
        |index| 100_000 - index * 249 % 3_000,
    ];
    for pattern in patterns {
        let mut camera = Camera::begin_on(stream_with(Join::Instant));
        for index in 0..2_000 {
            camera.frame(pattern(index), &KEY[..2]);
            assert!(camera.stream.sync_points() <= limits::SYNC_POINTS);
        }
    }
}

#[test]
fn an_instant_join_in_long_groups_is_not_late_from_the_start() {
    let gap_max = Duration::from_secs(60);
    let config = StreamConfig { join: Join::Instant, gap_max, ..StreamConfig::default() };
    let mut camera = Camera::begin_on(Stream::new(Arc::new(config), chunk_size()));
    camera.group(0, 250);
    camera.group(10_000, 25);
    let mut player = camera.stream.subscribe();
    player.fall_behind();
    assert_eq!(camera.first_picture(&mut player), (KEYFRAME, 0), "10 s behind");
    // As much again as a player may be behind, and a little.
    for millis in (11_000..16_900).step_by(40) {
        camera.frame(millis, &INTER);
    }
    assert!(matches!(camera.stream.read(&mut player), Read::Frame(_)));
    camera.frame(17_100, &INTER);
    let Read::Gap(gap) = camera.stream.read(&mut player) else { panic!("it has not come any nearer") };
    assert!(gap.duration > Duration::from_secs(9), "{gap:?}");
    assert_eq!(camera.first_picture(&mut player), (KEYFRAME, 10_000));
}

#[test]
fn an_instant_join_that_has_caught_up_is_late_like_any_other() {
    let mut camera = Camera::begin_on(stream_with(Join::Instant));
    camera.group(0, 250);
    camera.group(10_000, 25);
    let mut player = camera.stream.subscribe();
    camera.read_all(&mut player);
    assert_eq!(camera.stream.read(&mut player), Read::CaughtUp);
    player.fall_behind();
    for millis in (11_000..18_000).step_by(40) {
        camera.frame(millis, &INTER);
    }
    camera.group(18_000, 2);
    assert!(matches!(camera.stream.read(&mut player), Read::Gap(_)));
    assert_eq!(camera.first_picture(&mut player), (KEYFRAME, 18_000), "the newest after a gap");
}

#[test]
fn the_tape_is_kept_for_an_instant_join_that_is_under_way() {
    let mut camera = Camera::begin_on(stream_with(Join::Instant));
    camera.group(0, 250);
    camera.group(10_000, 25);
    let mut player = camera.stream.subscribe();
    player.fall_behind();
    for second in 11..14 {
        camera.group(second * 1_000, 25);
    }
    assert_eq!(camera.first_picture(&mut player), (KEYFRAME, 0));
    camera.read_all(&mut player);
    assert_eq!(camera.stream.read(&mut player), Read::CaughtUp, "nothing is missing");
}

#[test]
fn a_player_that_paused_goes_on_where_it_would_join_by_the_streams_choice_or_its_own() {
    let table = [(Join::Keyframe, Some(9_000)), (Join::Instant, Some(7_000)), (Join::Live, None)];
    for (join, begins_at) in table {
        for others in [join, Join::Instant] {
            let mut camera = Camera::begin_on(stream_with(others));
            camera.group(0, 25);
            let subscribe = |stream: &mut Stream| {
                if others == join { stream.subscribe() } else { stream.subscribe_at(join) }
            };
            let mut player = subscribe(&mut camera.stream);
            camera.stream.pause(&mut player);
            for second in 1..10 {
                camera.group(second * 1_000, 25);
            }
            camera.stream.resume(&mut player);
            for mut player in [player, subscribe(&mut camera.stream)] {
                let read = camera.read_all(&mut player);
                let first = read.iter().find(|(kind, _)| kind.is_picture()).map(|&(_, time)| time);
                assert_eq!(first, begins_at, "{join:?} among {others:?}");
            }
        }
    }
}

#[test]
fn a_live_join_hears_at_once_and_sees_from_the_next_keyframe_on_whatever_has_come_before() {
    let mut camera = Camera::begin_on(stream_with(Join::Live));
    camera.group(0, 25);
    let mut player = camera.stream.subscribe();
    camera.frame(1_000, &INTER);
    camera.audio(1_010);
    camera.group(1_040, 1);
    let read = camera.read_all(&mut player);
    assert_eq!(read[3..], [(FrameKind::Audio, 1_010), (KEYFRAME, 1_040)]);
}

#[test]
fn an_instant_join_behind_a_splice_begins_in_front_of_it_and_crosses_it() {
    let config = StreamConfig { join: Join::Instant, ..StreamConfig::default() };
    let mut camera = Camera::begin_on(Stream::new(Arc::new(config), chunk_size()));
    for second in 0..4 {
        camera.group(second * 1_000, 25);
    }
    let mut stream = camera.stream;
    stream.abandon(camera.publication, Instant::EPOCH);
    let mut camera = Camera::begin_on(stream);
    camera.group(70_000, 25);
    // 3 960 ms and one frame; the tape has come to 4 960 ms.
    let mut player = camera.stream.subscribe();
    let read = camera.read_all(&mut player);
    let keyframes: Vec<u32> =
        read.iter().filter(|(kind, _)| *kind == KEYFRAME).map(|&(_, time)| time).collect();
    assert_eq!(keyframes, [2_000, 3_000, 4_000]);
    let pictures = read.iter().filter(|(kind, _)| kind.is_picture()).count();
    assert_eq!(pictures, 75, "and all that belongs to them");
}

#[test]
fn nobody_begins_in_a_publication_that_has_ended() {
    let mut camera = Camera::begin_on(stream_with(Join::Instant));
    for second in 0..4 {
        camera.group(second * 1_000, 25);
    }
    let mut camera = Camera::begin_on(camera.end());
    camera.group(0, 10);
    let mut player = camera.stream.subscribe();
    assert_eq!(camera.first_picture(&mut player), (KEYFRAME, 3_960 + limits::RESUME_MILLIS));
}

#[test]
fn a_tape_is_as_short_as_the_operator_says_in_time_and_in_bytes() {
    let lengths_with = |payload_bytes: usize, config: StreamConfig| {
        let mut payload = INTER.to_vec();
        payload.resize(payload_bytes, 0);
        let mut camera = Camera::begin_on(Stream::new(Arc::new(config), chunk_size()));
        camera.group(0, 1);
        for millis in (40..30_000).step_by(40) {
            camera.frame(millis, &payload);
        }
        let (start, end) = camera.stream.tape_bounds();
        (end - start, camera.stream.tape_bytes())
    };
    let lengths = |config| lengths_with(10_000, config);
    let default = StreamConfig::default;
    let (frames, bytes) = lengths(default());
    assert_eq!(frames, 501);
    assert_eq!(lengths(StreamConfig { tape_time: Duration::from_secs(3), ..default() }).0, 76);
    let (_, short) = lengths(StreamConfig { tape_bytes: 1_000_000, ..default() });
    assert!((980_000..=1_000_000).contains(&short), "{short}");
    let huge = StreamConfig { tape_time: Duration::MAX, tape_bytes: usize::MAX, ..default() };
    assert_eq!(lengths(huge.clone()), (frames, bytes), "there is a bound for all");
    let (_, bytes) = lengths_with(100_000, huge);
    assert!((limits::TAPE_BYTES - 100_000..=limits::TAPE_BYTES).contains(&bytes), "{bytes}");
}

#[test]
fn amid_a_group_longer_than_the_tape_all_joins_wait_for_the_next_keyframe() {
    for join in [Join::Keyframe, Join::Instant, Join::Live] {
        let config = StreamConfig { join, tape_time: Duration::from_secs(3), ..StreamConfig::default() };
        let mut camera = Camera::begin_on(Stream::new(Arc::new(config), chunk_size()));
        camera.group(0, 50);
        let mut early = camera.stream.subscribe();
        let begins_at = camera.read_all(&mut early).get(3).copied();
        assert_eq!(begins_at.is_some(), join != Join::Live, "it is on the tape still");
        for millis in (2_000..5_000).step_by(40) {
            camera.frame(millis, &INTER);
        }
        let mut player = camera.stream.subscribe();
        camera.audio(5_000);
        camera.frame(5_010, &INTER);
        camera.group(5_040, 2);
        let read = camera.read_all(&mut player);
        assert_eq!(
            read[3..],
            [(FrameKind::Audio, 5_000), (KEYFRAME, 5_040), (FrameKind::Interframe, 5_080)],
            "{join:?}"
        );
    }
}

fn stream_with(join: Join) -> Stream {
    Stream::new(Arc::new(StreamConfig { join, ..at_once() }), chunk_size())
}

impl Camera {
    /// Reads up to it and no further.
    fn first_picture(&self, player: &mut Playhead) -> (FrameKind, u32) {
        loop {
            match self.stream.read(player) {
                Read::Frame(frame) if frame.kind().is_picture() => {
                    return (frame.kind(), frame.timestamp().millis());
                }
                Read::Frame(_) => {}
                other => panic!("{other:?} before a picture"),
            }
        }
    }
}
