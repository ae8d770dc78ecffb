//! Lagging: a slow player costs itself frames, and nobody else anything but bounded memory.

use std::time::Duration;

use sol_core::hub::StreamConfig;
use sol_core::limits;
use sol_core::participant::EndReason;
use sol_core::server::ServerConfig;
use sol_core::session::CloseReason;
use sol_tests::peer::message::{StreamId, TypeId, UserControl};
use sol_tests::peer::pattern::{FrameText, Pattern};
use sol_tests::peer::run::check_runs;
use sol_tests::peer::script::{Player, Publisher};
use sol_tests::world::{Client, LinkOptions, Segments, World, ms, seed};

#[test]
fn a_stalled_player_costs_bounded_memory_and_others_lose_nothing() {
    let mut world = World::new(seed(1));
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let stalled = world.player("live/cam");
    let healthy = world.player("live/cam");
    world.run_until(ms(5_000));
    world.stall(&stalled);
    let mut tape_peak = 0;
    for quarter in 1..=80 {
        world.run_until(ms(5_000 + quarter * 250));
        tape_peak = tape_peak.max(world.tape_bytes());
    }

    let largest = camera.sent().iter().map(|sent| sent.payload.len()).max().unwrap_or_default();
    let outbox = stalled.outbox_peak();
    assert!(
        (limits::OUTBOX_BYTES..=limits::OUTBOX_BYTES + largest + HEAD_BYTES).contains(&outbox),
        "{outbox}"
    );
    let per_second = sent_bytes(&camera, ms(0), ms(20_000)) / 20;
    // Its lag as long as that may last, the group in which it ends, and the one before.
    let lag_seconds = StreamConfig::default().lag_max.as_secs() as usize;
    assert!(tape_peak > per_second * lag_seconds, "the tape was kept for it: {tape_peak}");
    assert!(tape_peak < per_second * (lag_seconds + 2 + 2), "{tape_peak} bytes at {per_second} a second");
    let tape = world.tape_bytes();
    assert!(tape < per_second * 5, "two groups, once it is given up: {tape} bytes at {per_second} a second");

    let run = healthy.run_of(&camera);
    assert!(camera.sent().len() as u64 - run.last < 10);
    assert_eq!((run.first, healthy.outbox_peak()), (3, 0));
    assert!(jitter(&healthy, &camera) < ms(2), "nor did it wait for anything");
}

#[test]
fn a_player_that_lags_restarts_at_a_keyframe_with_its_configurations() {
    let mut world = World::new(seed(2));
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    world.stall(&viewer);
    world.run_until(ms(12_900));
    world.resume(&viewer);
    world.run_until(ms(25_000));

    let runs = viewer.runs_of(&camera);
    assert_eq!(runs.len(), 2, "{runs:#?}");
    let sent = camera.sent();
    let again = &sent[runs[1].first as usize];
    assert!(again.is_keyframe());
    assert_eq!(again.timestamp_ms, 12_000, "the newest one when it read again");
    assert!(sent.len() as u64 - runs[1].last < 10, "and it has caught up");
    let before = behind_frame(&viewer, runs[0].last);
    assert_eq!(before, [TypeId::DATA_AMF0, TypeId::AUDIO, TypeId::VIDEO], "the preamble again");
    assert_eq!(viewer.notices(), [""; 0]);

    world.hang_up(&viewer);
    world.run_until(ms(26_000));
    let (_, summary) = viewer.endings()[0].clone();
    let missing = sent[runs[0].last as usize + 1..runs[1].first as usize].iter();
    let missing_ms = again.timestamp_ms - sent[runs[0].last as usize].timestamp_ms;
    assert_eq!((summary.gaps, summary.lost.frames), (1, missing.count() as u64));
    assert_eq!(summary.lost.duration, ms(missing_ms.into()));
}

#[test]
fn a_player_that_is_behind_by_less_than_the_lag_limit_loses_nothing() {
    let mut world = World::new(seed(3));
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    world.stall(&viewer);
    world.run_until(ms(5_000 + StreamConfig::default().lag_max.as_millis() as u64));
    world.resume(&viewer);
    world.run_until(ms(20_000));
    let run = viewer.run_of(&camera);
    assert!(camera.sent().len() as u64 - run.last < 10);
}

#[test]
fn a_publisher_that_was_cut_off_makes_no_player_late_however_much_of_it_comes_in_one_read() {
    // Some 8 s of these are as long as one read.
    for pattern in [Pattern::new().audio_only(), Pattern::new().video_kilobits(0).keyframe_every_ms(1_000)] {
        let mut world = World::new(seed(11));
        let in_one = LinkOptions { segments: Segments::Bytes(65_536), ..LinkOptions::default() };
        world.set_link(LinkOptions { bytes_per_second: u64::MAX, ..in_one });
        let camera = world.publisher("live/cam").streaming(pattern);
        let viewer = world.player("live/cam");
        world.run_until(ms(5_000));
        world.unplug(&camera);
        world.run_until(ms(17_000));
        world.plug_in(&camera);
        world.run_until(ms(20_000));
        let run = viewer.run_of(&camera);
        assert!(camera.sent().len() as u64 - run.last < 10, "{run:?}");
    }
}

#[test]
fn a_player_that_is_too_late_goes_to_the_newest_keyframe_though_the_tape_has_what_it_missed() {
    let mut world = World::new(seed(9));
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new().keyframe_every_ms(10_000));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    world.stall(&viewer);
    world.run_until(ms(11_000));
    world.resume(&viewer);
    world.run_until(ms(14_000));
    let runs = viewer.runs_of(&camera);
    assert_eq!(runs.len(), 2, "{runs:#?}");
    assert_eq!(camera.sent()[runs[1].first as usize].timestamp_ms, 10_000);
}

#[test]
fn a_player_that_is_too_late_loses_nothing_where_no_keyframe_has_come_since() {
    let mut world = World::new(seed(10));
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new().keyframe_every_ms(19_000));
    let viewer = world.player("live/cam");
    world.run_until(ms(2_000));
    world.stall(&viewer);
    world.run_until(ms(15_000));
    world.resume(&viewer);
    world.run_until(ms(18_000));
    let run = viewer.run_of(&camera);
    assert!(camera.sent().len() as u64 - run.last < 10);
}

#[test]
fn a_player_that_is_given_up_takes_nothing_from_one_that_is_only_slow() {
    let mut world = World::new(seed(8));
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let stalled = world.player("live/cam");
    let slow = world.player("live/cam");
    world.run_until(ms(2_000));
    world.stall(&stalled);
    world.run_until(ms(5_000));
    world.stall(&slow);
    // The keyframe at 10 s finds the one more than 6 s behind, and the other one less.
    world.run_until(ms(11_500));
    world.resume(&slow);
    world.run_until(ms(16_000));
    let run = slow.run_of(&camera);
    assert!(camera.sent().len() as u64 - run.last < 10);
}

#[test]
fn a_line_that_is_too_slow_for_the_stream_gets_piece_after_piece_of_it_from_a_patient_server() {
    let stream = StreamConfig { patience: u32::MAX, ..StreamConfig::default() };
    let config = ServerConfig { stream: stream.into(), ..ServerConfig::default() };
    let mut world = World::with_config(seed(4), config);
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let half = camera_bytes_per_second() / 2;
    world.set_link(LinkOptions { bytes_per_second: half, ..LinkOptions::NARROW });
    let viewer = world.player("live/cam");
    world.run_until(ms(90_000));

    let runs = viewer.runs_of(&camera);
    assert!(runs.len() >= 4, "{runs:#?}");
    for run in &runs[1..] {
        assert!(camera.sent()[run.first as usize].is_keyframe());
    }
    assert_eq!(viewer.closed(), None, "it takes what it can");
}

#[test]
fn a_player_of_audio_alone_that_lags_goes_on_in_the_last_second() {
    let mut world = World::new(seed(5));
    let tiny = LinkOptions { send_buffer_bytes: 2_048, receive_buffer_bytes: 2_048, ..LinkOptions::NARROW };
    world.set_link(tiny);
    let radio = world.publisher("live/radio").streaming(Pattern::new().audio_only());
    let listener = world.player("live/radio");
    world.run_until(ms(5_000));
    world.stall(&listener);
    world.run_until(ms(21_000));
    world.resume(&listener);
    world.run_until(ms(26_000));

    let runs = listener.runs_of(&radio);
    assert_eq!(runs.len(), 2, "{runs:#?}");
    let again = radio.sent()[runs[1].first as usize].timestamp_ms;
    assert!((19_800..21_000).contains(&again), "{again} ms");
}

#[test]
fn a_line_that_is_too_slow_for_the_stream_is_given_up_when_it_never_catches_up() {
    let mut world = World::new(seed(4));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let healthy = world.player("live/cam");
    let half = camera_bytes_per_second() / 2;
    world.set_link(LinkOptions { bytes_per_second: half, ..LinkOptions::NARROW });
    let viewer = world.player("live/cam");
    world.run_until(ms(90_000));

    let patience = StreamConfig::default().patience;
    assert_eq!(viewer.runs_of(&camera).len(), 1 + patience as usize);
    assert_eq!(viewer.notices(), GIVEN_UP);
    assert_eq!(viewer.closed(), Some(CloseReason::TooSlow));
    let (why, summary) = viewer.endings()[0].clone();
    assert_eq!((why, summary.gaps), (EndReason::TooSlow, u64::from(patience) + 1));
    assert!(camera.sent().len() as u64 - healthy.run_of(&camera).last < 10);
}

#[test]
fn a_player_that_would_lose_more_than_a_player_can_bear_is_given_up() {
    let mut world = World::new(seed(11));
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let healthy = world.player("live/cam");
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    world.stall(&viewer);
    world.run_until(ms(25_000));
    assert_eq!(viewer.closed(), None, "it may have taken something that the server does not know of yet");
    world.resume(&viewer);
    world.run_until(ms(30_000));

    let run = viewer.run_of(&camera);
    let last_ms = camera.sent()[run.last as usize].timestamp_ms;
    assert!((5_000..8_000).contains(&last_ms), "what was under way, and nothing behind it: {last_ms} ms");
    assert_eq!(viewer.notices(), GIVEN_UP);
    assert!(
        viewer
            .with(|player| { player.peer().user_controls().contains(&UserControl::StreamEof(StreamId(1))) })
    );
    assert_eq!(viewer.closed(), Some(CloseReason::TooSlow));
    let (told_at, _) = viewer.told()[0];
    let farewell = viewer.ended_at().map(|at| at - told_at).unwrap_or_default();
    // Behind what was under way, the news is a little later at the player.
    assert!(farewell.abs_diff(limits::FAREWELL_TIME) < ms(250), "{farewell:?}");
    let (why, summary) = viewer.endings()[0].clone();
    assert_eq!((why, summary.gaps), (EndReason::TooSlow, 1));
    assert!(summary.lost.duration > StreamConfig::default().gap_max);

    let run = healthy.run_of(&camera);
    assert_eq!(run.first, 3);
    assert!(camera.sent().len() as u64 - run.last < 10);
    assert_eq!((healthy.notices(), healthy.closed()), (vec![], None));
}

#[test]
fn what_a_player_lost_is_counted_also_where_the_end_of_its_publication_is_off_the_tape() {
    let mut world = World::new(seed(11));
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new().marked(1));
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    world.stall(&viewer);
    world.run_until(ms(8_000));
    camera.finish();
    world.run_until(ms(9_000));
    // Another one of that name needs the tape for itself.
    world.publisher("live/cam").streaming(Pattern::new().marked(2));
    world.run_until(ms(25_000));
    world.resume(&viewer);
    world.run_until(ms(27_000));

    let run = viewer.run_of(&camera);
    let missing = camera.sent().len() as u64 - 1 - run.last;
    assert!(missing > 50, "{missing}");
    let (why, summary) = viewer.endings()[0].clone();
    assert_eq!((why, summary.gaps, summary.lost.frames), (EndReason::StreamEnded, 1, missing));
}

#[test]
fn a_player_that_takes_nothing_at_all_is_closed_as_stalled() {
    let mut world = World::new(seed(6));
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let stalled = world.player("live/cam");
    let healthy = world.player("live/cam");
    world.run_until(ms(5_000));
    world.stall(&stalled);
    world.run_until(ms(50_000));

    assert_eq!(stalled.closed(), Some(CloseReason::Stalled));
    let after = stalled.closed_at().map(|at| at - ms(5_000)).unwrap_or_default();
    let sooner = after.saturating_sub(limits::STALL_TIME);
    assert!(after >= limits::STALL_TIME && sooner < ms(1_500), "{after:?} after its last read");
    assert_eq!(healthy.run_of(&camera).first, 3);
}

#[test]
fn of_two_streams_on_one_slow_connection_neither_is_starved() {
    let mut world = World::new(seed(7));
    let one = world.publisher("live/one").streaming(Pattern::new().marked(1));
    let two = world.publisher("live/two").streaming(Pattern::new().marked(2));
    world.set_link(LinkOptions { bytes_per_second: camera_bytes_per_second(), ..LinkOptions::NARROW });
    let viewer = world.peer();
    viewer.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.create_stream();
        peer.play(StreamId(1), "one");
        peer.play(StreamId(2), "two");
    });
    world.run_until(ms(60_000));
    let frames = [(1, &one), (2, &two)].map(|(stream, camera)| {
        let media = viewer.with(|peer| peer.media_of(StreamId(stream)));
        let runs = check_runs(&media, &camera.sent()).unwrap();
        runs.iter().map(|run| run.frames).sum::<usize>()
    });
    assert!(frames.iter().all(|&count| count > 60 * 68 / 5), "{frames:?} of {}", 60 * 68);
}

/// How much the delay from publisher to player varies over all frames.
fn jitter(viewer: &Client<Player>, camera: &Client<Publisher>) -> Duration {
    let sent = camera.sent();
    let delays: Vec<Duration> = viewer
        .arrivals()
        .iter()
        .filter_map(|(at, media)| Some((at, FrameText::read(media.type_id, &media.payload)?)))
        .map(|(at, text)| *at - sent[text.sequence as usize].due)
        .collect();
    delays.iter().max().zip(delays.iter().min()).map_or(Duration::MAX, |(most, least)| *most - *least)
}

/// Types of the messages between this frame and the next one.
fn behind_frame(viewer: &Client<Player>, sequence: u64) -> Vec<TypeId> {
    let media = viewer.media();
    let mut rest = media.iter().skip_while(|media| {
        FrameText::read(media.type_id, &media.payload).is_none_or(|text| text.sequence != sequence)
    });
    rest.next();
    let preamble = rest.take_while(|media| FrameText::read(media.type_id, &media.payload).is_none());
    preamble.map(|media| media.type_id).collect()
}

fn sent_bytes(camera: &Client<Publisher>, from: Duration, to: Duration) -> usize {
    let sent = camera.sent().into_iter();
    sent.filter(|sent| (from..to).contains(&sent.due)).map(|sent| sent.payload.len()).sum()
}

fn camera_bytes_per_second() -> u64 {
    (400_000 + 64_000) / 8
}

/// What a player is told that gets nothing more because it is too slow.
const GIVEN_UP: [&str; 2] = ["NetStream.Play.InsufficientBW", "NetStream.Play.UnpublishNotify"];

/// The longest head of a frame.
const HEAD_BYTES: usize = 16;
