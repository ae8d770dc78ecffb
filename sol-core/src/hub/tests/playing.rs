//! Players that lag, pause, choose, and outlive their publisher.

use std::iter;

use super::*;

#[test]
fn while_nobody_lags_the_tape_holds_two_groups() {
    let mut camera = Camera::begin();
    let mut player = camera.stream.subscribe();
    for second in 0..30 {
        camera.group(second * 1_000, 25);
        camera.read_all(&mut player);
    }
    let (start, end) = camera.stream.tape_bounds();
    assert_eq!(end - start, 50);
}

#[test]
fn a_player_that_is_a_little_late_loses_nothing() {
    let mut camera = Camera::begin();
    let mut player = camera.stream.subscribe();
    for group in 0..6 {
        camera.group(group * 1_000, 25);
    }
    let read = camera.read_all(&mut player);
    assert_eq!(read.len(), 3 + 6 * 25, "all frames, though the tape would hold two groups otherwise");
}

#[test]
fn a_player_that_lags_goes_on_at_the_newest_keyframe_with_its_preamble() {
    let (mut camera, mut player) = Camera::watched();
    for second in 1..=7 {
        camera.group(second * 1_000, 25);
    }
    let Read::Gap(gap) = camera.stream.read(&mut player) else { panic!("a gap") };
    assert_eq!(gap, Gap { frames: 6 * 25, duration: Duration::from_millis(7_000 - 960) });
    let read = camera.read_all(&mut player);
    assert_eq!(
        read[..4],
        [(FrameKind::Metadata, 0), (AUDIO_CONFIG, 7_000), (VIDEO_CONFIG, 7_000), (KEYFRAME, 7_000)]
    );
    assert_eq!(read.len(), 3 + 25);
}

#[test]
fn a_player_that_keeps_up_is_not_late_however_much_comes_at_once() {
    let (mut camera, mut player) = Camera::watched();
    player.keep_up();
    for second in 1..=10 {
        camera.group(second * 1_000, 25);
    }
    assert_eq!(camera.read_all(&mut player).len(), 10 * 25, "all that the tape has kept for it");
    for second in 11..=17 {
        camera.group(second * 1_000, 25);
    }
    player.fall_behind();
    assert!(matches!(camera.stream.read(&mut player), Read::Gap(_)), "it had no room meanwhile");
}

#[test]
fn a_player_that_would_lose_more_than_a_gap_may_be_is_given_up() {
    let (mut camera, mut player) = Camera::watched();
    for second in 1..=9 {
        camera.group(second * 1_000, 25);
    }
    let Read::TooSlow(gap) = camera.stream.read(&mut player) else { panic!("given up") };
    assert_eq!(gap.duration, Duration::from_millis(9_000 - 960));
}

#[test]
fn a_player_that_lags_in_bytes_goes_on_at_the_newest_keyframe() {
    let (mut camera, mut player) = Camera::watched();
    let mut payload = INTER.to_vec();
    payload.resize(1024 * 1024, 0);
    for index in 0..17 {
        camera.frame(1_000 + index, &payload);
    }
    camera.frame(1_100, &KEY);
    assert!(matches!(camera.stream.read(&mut player), Read::Gap(_)));
    assert_eq!(camera.read_all(&mut player).last(), Some(&(KEYFRAME, 1_100)));
}

#[test]
fn gaps_without_ever_catching_up_in_between_exhaust_patience() {
    for catches_up in [false, true] {
        let (mut camera, mut player) = Camera::watched();
        let mut reads = Vec::new();
        for round in 0..4 {
            for second in 1..=7 {
                camera.group((round * 7 + second) * 1_000, 25);
            }
            reads.push(camera.stream.read(&mut player));
            // A few frames of the preamble and the group, and no more.
            for _ in 0..5 {
                camera.stream.read(&mut player);
            }
            if catches_up {
                camera.read_all(&mut player);
            }
        }
        let given_up = reads.iter().filter(|read| matches!(read, Read::TooSlow(_))).count();
        assert_eq!(given_up, usize::from(!catches_up), "{reads:?}");
    }
}

#[test]
fn within_its_grace_a_publisher_goes_on_and_its_players_are_told_nothing() {
    let mut camera = Camera::begin_on(Stream::new(Arc::new(StreamConfig::default()), chunk_size()));
    camera.group(0, 25);
    let mut player = camera.stream.subscribe();
    camera.read_all(&mut player);
    let mut stream = camera.stream;
    stream.abandon(camera.publication, Instant::EPOCH);
    let until = Instant::EPOCH + StreamConfig::default().grace;
    assert_eq!(stream.poll_timeout(), Some(until));
    assert_eq!(stream.read(&mut player), Read::CaughtUp);
    let mut camera = Camera::begin_on(stream);
    assert_eq!(camera.stream.poll_timeout(), None);
    camera.frame(5_000, &INTER);
    camera.group(5_040, 2);
    let resumed = 960 + limits::RESUME_MILLIS;
    let read = camera.read_all(&mut player);
    assert_eq!(
        read[read.len() - 2..],
        [(KEYFRAME, resumed), (FrameKind::Interframe, resumed + 40)],
        "what the new encoder sends in front of its keyframe is nobody's"
    );
}

#[test]
fn when_the_grace_is_over_players_read_the_end_once() {
    let (camera, mut player) = Camera::watched();
    let (mut stream, publication) = (camera.stream, camera.publication);
    stream.config_for_test(StreamConfig::default());
    stream.abandon(publication, Instant::EPOCH);
    let until = stream.poll_timeout().unwrap();
    assert!(!stream.handle_timeout(Instant::EPOCH), "not yet");
    assert!(stream.handle_timeout(until));
    assert!(!stream.handle_timeout(until), "once");
    assert_eq!(stream.read(&mut player), Read::Ended(Ending::Unpublished));
    assert!(!stream.is_published());
}

#[test]
fn a_player_that_pauses_pins_nothing_and_goes_on_at_the_newest_keyframe() {
    let (mut camera, mut player) = Camera::watched();
    camera.stream.pause(&mut player);
    for second in 1..=30 {
        camera.group(second * 1_000, 25);
        assert_eq!(camera.stream.read(&mut player), Read::CaughtUp);
    }
    let (start, end) = camera.stream.tape_bounds();
    assert!(end - start <= 75, "two groups and some slack");
    camera.stream.resume(&mut player);
    assert_eq!(camera.read_all(&mut player)[3], (KEYFRAME, 30_000), "behind the preamble, and no gap");
}

#[test]
fn a_player_that_pauses_is_told_of_the_end() {
    let (camera, mut player) = Camera::watched();
    camera.stream.pause(&mut player);
    let stream = camera.end();
    assert_eq!(stream.read(&mut player), Read::Ended(Ending::Unpublished));
    assert_eq!(stream.read(&mut player), Read::CaughtUp);
}

#[test]
fn a_player_gets_the_tracks_that_it_wants_and_video_again_from_a_keyframe() {
    let (mut camera, mut player) = Camera::watched();
    camera.stream.select(&mut player, Wanted { audio: true, video: false });
    camera.group(1_000, 2);
    camera.audio(1_050);
    assert_eq!(camera.read_all(&mut player), [(FrameKind::Audio, 1_050)]);
    camera.stream.select(&mut player, Wanted { audio: false, video: true });
    camera.audio(1_070);
    camera.frame(1_080, &INTER);
    camera.group(1_120, 2);
    let kinds: Vec<FrameKind> = camera.read_all(&mut player).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [FrameKind::Metadata, VIDEO_CONFIG, KEYFRAME, FrameKind::Interframe]);
}

#[test]
fn an_encoder_that_sends_no_more_keyframes_is_not_waited_for() {
    let (mut camera, _) = Camera::watched();
    for millis in (1_000..=limits::KEYFRAME_TIME.as_millis() as u32 + 1_000).step_by(40) {
        camera.frame(millis, &INTER);
    }
    let mut player = camera.stream.subscribe();
    camera.frame(62_000, &INTER);
    assert_eq!(camera.read_all(&mut player).last(), Some(&(FrameKind::Interframe, 62_000)));
}

#[test]
fn a_stream_whose_time_is_used_up_ends_and_begins_anew_for_those_who_join() {
    let (mut camera, mut player) = Camera::watched();
    let almost = limits::TIMELINE_TIME.as_millis() as u32;
    for millis in (1_000..almost).step_by(9_000) {
        camera.frame(millis, &INTER);
    }
    camera.frame(almost, &INTER);
    while !matches!(camera.stream.read(&mut player), Read::CaughtUp) {}
    camera.group(almost + 40, 2);
    assert_eq!(camera.stream.read(&mut player), Read::Ended(Ending::TimelineFull));
    let mut joins_anew = camera.stream.subscribe();
    let read = camera.read_all(&mut joins_anew);
    assert_eq!(read[read.len() - 2..], [(KEYFRAME, 0), (FrameKind::Interframe, 40)]);
}

#[test]
fn a_player_that_lags_over_the_end_is_told_what_it_lost_and_of_the_end() {
    let mut camera = Camera::begin();
    camera.group(0, 25);
    let mut player = camera.stream.subscribe();
    let mut camera = Camera::begin_on(camera.end());
    for second in 0..30 {
        camera.group(second * 1_000, 25);
    }
    let Read::Gap(lost) = camera.stream.read_past_preamble(&mut player) else {
        panic!("a gap up to the end")
    };
    assert_eq!(lost.frames, 25);
    assert_eq!(camera.stream.read(&mut player), Read::Ended(Ending::Unpublished));
    assert!(matches!(camera.stream.read(&mut player), Read::Gap(_)), "what came afterwards is long gone");
    assert_eq!(camera.read_all(&mut player)[3], (KEYFRAME, 29_000 + 960 + limits::RESUME_MILLIS));
}

#[test]
fn a_player_that_goes_on_after_the_end_is_told_of_it_also_where_another_publisher_has_come() {
    for returns in [false, true] {
        let (camera, mut player) = Camera::watched();
        camera.stream.pause(&mut player);
        let mut stream = camera.end();
        if returns {
            let mut camera = Camera::begin_on(stream);
            camera.group(0, 5);
            stream = camera.stream;
        }
        stream.resume(&mut player);
        assert_eq!(stream.read(&mut player), Read::Ended(Ending::Unpublished));
    }
}

#[test]
fn a_player_that_lags_when_its_stream_ends_is_told_of_the_end_and_not_given_up() {
    let (mut camera, mut player) = Camera::watched();
    for second in 1..=15 {
        camera.group(second * 1_000, 25);
    }
    let mut camera = Camera::begin_on(camera.end());
    camera.group(0, 1);
    let Read::Gap(gap) = camera.stream.read(&mut player) else { panic!("a gap up to the end") };
    assert!(gap.duration > StreamConfig::default().gap_max);
    assert_eq!(camera.stream.read(&mut player), Read::Ended(Ending::Unpublished));
}

#[test]
fn a_stream_without_keyframes_is_seen_to_its_end_also_where_another_publisher_has_come() {
    let mut camera = Camera::begin();
    camera.group(0, 61_000 / 40);
    let mut player = camera.stream.subscribe();
    camera.read_all(&mut player);
    for millis in [61_000, 61_040, 61_080] {
        camera.frame(millis, &INTER);
        if millis == 61_000 {
            assert_eq!(camera.read_all(&mut player), [(FrameKind::Interframe, millis)]);
        }
    }
    let camera = Camera::begin_on(camera.end());
    let rest = [(FrameKind::Interframe, 61_040), (FrameKind::Interframe, 61_080)];
    assert_eq!(camera.read_all(&mut player), rest);
}

#[test]
fn a_full_timeline_ends_also_where_the_video_has_stopped() {
    let (mut camera, mut player) = Camera::watched();
    let almost = limits::TIMELINE_TIME.as_millis() as u32;
    for millis in (1_000..almost).step_by(9_000) {
        camera.audio(millis);
    }
    camera.audio(almost + 10);
    while !matches!(camera.stream.read(&mut player), Read::CaughtUp) {}
    camera.audio(almost + 30);
    assert_eq!(camera.stream.read(&mut player), Read::Ended(Ending::TimelineFull));
}

#[test]
fn a_full_timeline_of_audio_alone_ends() {
    let mut camera = Camera::begin_without_configurations();
    let mut player = camera.stream.subscribe();
    let almost = limits::TIMELINE_TIME.as_millis() as u32;
    for millis in (0..almost).step_by(9_000) {
        camera.audio(millis);
    }
    camera.audio(almost + 10);
    while !matches!(camera.stream.read(&mut player), Read::CaughtUp) {}
    camera.audio(almost + 30);
    assert_eq!(camera.stream.read(&mut player), Read::Ended(Ending::TimelineFull));
    assert_eq!(camera.read_all(&mut player), [(FrameKind::Audio, 0)]);
}

#[test]
fn what_was_lost_on_the_way_to_a_mirror_is_told_also_when_it_is_off_its_tape() {
    let config = StreamConfig {
        tape_time: Duration::from_secs(1),
        gap_max: Duration::from_secs(60),
        patience: 60,
        ..at_once()
    };
    let mut camera = Camera::begin_on(Stream::new(Arc::new(config.clone()), chunk_size()));
    let mut mirror = Stream::new(Arc::new(config), chunk_size());
    let publication = mirror.mirror().expect("nobody publishes it here");
    let mut relay = camera.stream.relay();
    let carry_all = |camera: &Camera, mirror: &mut Stream, relay: &mut Relay| {
        while let Some(passage) = camera.stream.carry(relay) {
            mirror.append_ready(&publication, passage).expect("it lasts");
        }
    };
    camera.group(0, 25);
    carry_all(&camera, &mut mirror, &mut relay);
    let mut player = mirror.subscribe();
    while let Read::Frame(_) = mirror.read(&mut player) {}
    // Twice more comes at once than a tape holds, so that it is lost on the way.
    let mut sent = 0;
    for begin in [1_000, 4_000] {
        relay.fall_behind();
        camera.group(begin, 50);
        camera.group(begin + 2_000, 20);
        sent += 70;
        carry_all(&camera, &mut mirror, &mut relay);
    }
    player.fall_behind();
    let (mut read, mut lost) = (0, 0);
    loop {
        match mirror.read(&mut player) {
            Read::Frame(frame) if frame.kind().is_picture() => read += 1,
            Read::Frame(_) => {}
            Read::Gap(gap) => lost += gap.frames,
            Read::CaughtUp => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((read, lost), (20, sent - 20));
}

#[test]
fn who_turns_audio_on_in_what_is_left_of_an_ended_publication_gets_its_configuration() {
    let (mut camera, mut player) = Camera::watched();
    camera.stream.select(&mut player, Wanted { audio: false, ..Wanted::ALL });
    camera.audio(1_000);
    camera.frame(1_000, &INTER);
    let stream = camera.end();
    stream.select(&mut player, Wanted::ALL);
    let kinds: Vec<FrameKind> = iter::from_fn(|| match stream.read(&mut player) {
        Read::Frame(frame) => Some(frame.kind()),
        _ => None,
    })
    .collect();
    let audio_config = kinds.iter().position(|&kind| kind == AUDIO_CONFIG);
    let audio = kinds.iter().position(|&kind| kind == FrameKind::Audio);
    assert!(audio_config.is_some() && audio_config < audio, "{kinds:?}");

    stream.select(&mut player, Wanted { audio: false, ..Wanted::ALL });
    stream.select(&mut player, Wanted::ALL);
    assert_eq!(stream.read(&mut player), Read::CaughtUp, "nothing is left that needs it");
}

#[test]
fn what_is_lost_in_front_of_an_end_does_not_last_beyond_it() {
    let config = StreamConfig { tape_time: Duration::from_secs(1), ..at_once() };
    let mut camera = Camera::begin_on(Stream::new(Arc::new(config), chunk_size()));
    camera.group(0, 25);
    let mut player = camera.stream.subscribe();
    camera.read_all(&mut player);
    player.fall_behind();
    camera.group(1_000, 25);
    let mut camera = Camera::begin_on(camera.end());
    for second in 0..30 {
        camera.group(second * 1_000, 25);
    }
    let Read::Gap(gap) = camera.stream.read(&mut player) else { panic!("all of it is off the tape") };
    assert_eq!((gap.frames, gap.duration), (25, Duration::from_millis(1_000)));
}
