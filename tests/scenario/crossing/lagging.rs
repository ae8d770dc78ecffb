//! Slow loops: what they cost themselves, and that they cost nobody else anything but bounded memory.

use std::time::Duration;

use sol_core::hub::{Join, StreamConfig};
use sol_core::limits;
use sol_core::server::ServerConfig;
use sol_tests::peer::message::{MediaReceived, StreamId, TypeId};
use sol_tests::peer::pattern::FrameText;
use sol_tests::peer::script::{Player, Publisher};
use sol_tests::world::{Client, LinkOptions, World, ms, seed};

use super::{
    FIRST_FRAME, LARGE, SMALL, WIDE, assert_is_at_the_edge, crossed_once, gaps_of, is_live,
    players_all_round, run_of_mark, with_streams,
};

#[test]
fn more_than_a_crossing_holds_passes_without_a_gap_where_it_is_taken() {
    for delay in [0, 20] {
        let mut world = World::with_loops(seed(1), 2, ServerConfig::default());
        world.set_parcel_delay(ms(delay));
        world.set_link(WIDE);
        let [_, elsewhere] = players_all_round(&mut world, "live/cam");
        world.run_until(ms(200));
        let camera = world.next_at(0).publisher("live/cam").streaming(LARGE);
        world.run_until(ms(4_500));
        let run = elsewhere.run_of(&camera);
        assert_eq!(run.first, FIRST_FRAME);
        assert_is_at_the_edge(&run, &camera.sent());
        let sent: usize = camera.sent().iter().map(|sent| sent.payload.len()).sum();
        let crossed = crossed_once(&world, 1);
        assert!(sent > 2 * limits::CROSSING_BYTES && crossed.bytes_peak < LARGEST * 4, "{crossed:?}");
    }
}

#[test]
fn a_slow_loop_costs_its_home_bounded_memory_its_players_a_gap_and_others_nothing() {
    let stream = StreamConfig { lag_max: ms(1_000), gap_max: ms(60_000), ..StreamConfig::default() };
    let mut world = World::with_loops(seed(2), 3, with_streams(stream));
    // What comes at once to the slow loop has room, so that its player is not late by itself.
    world.set_link(LinkOptions { send_buffer_bytes: 2 * limits::CROSSING_BYTES, ..WIDE });
    let [at_home, slow, other] = players_all_round(&mut world, "live/cam");
    world.run_until(ms(200));
    let camera = world.next_at(0).publisher("live/cam").streaming(LARGE);
    world.run_until(ms(1_700));
    world.hold_back(1);
    let mut tape_peak = 0;
    while world.now() < ms(6_300) {
        world.run_for(ms(100));
        tape_peak = tape_peak.max(world.tape_bytes());
    }
    let crossed = crossed_once(&world, 1);
    assert!((ALL_BUT_UNTOLD..=limits::CROSSING_BYTES + LARGEST).contains(&crossed.bytes_peak), "{crossed:?}");
    // Its lag, which began when there was no more room; the group in which that was over, and the one before.
    assert!(tape_peak < LARGE_BYTES_PER_SECOND * (1 + 2 + 2), "{tape_peak}");
    world.let_through(1);
    world.run_until(ms(8_000));

    for player in [&at_home, &other] {
        let run = player.run_of(&camera);
        assert_eq!(run.first, FIRST_FRAME);
        assert_is_at_the_edge(&run, &camera.sent());
        assert_eq!(jitter(player, &camera), ms(0));
    }
    let sent = camera.sent();
    let [before, behind] = slow.runs_of(&camera).try_into().expect("two runs");
    assert_eq!(before.first, FIRST_FRAME);
    let again = &sent[behind.first as usize];
    assert!(again.is_keyframe());
    assert_eq!(types_behind(&slow, before.last), [TypeId::DATA_AMF0, TypeId::AUDIO, TypeId::VIDEO]);
    assert_is_at_the_edge(&behind, &sent);
    assert_eq!(slow.notices(), [""; 0]);

    let [lost] = crossed_once(&world, 1).gaps.try_into().expect("one gap");
    let missing_ms = again.timestamp_ms - sent[before.last as usize].timestamp_ms;
    assert_eq!((lost.frames, lost.duration), (behind.first - before.last - 1, ms(missing_ms.into())));
    assert_eq!(gaps_of(&mut world, &slow), (1, lost.frames, lost.duration));
    assert_eq!(gaps_of(&mut world, &at_home), (0, 0, Duration::ZERO));
}

#[test]
fn a_player_that_is_late_itself_is_told_of_what_its_slow_loop_lost_too() {
    let stream = StreamConfig { lag_max: ms(1_000), gap_max: ms(60_000), ..StreamConfig::default() };
    let mut world = World::with_loops(seed(7), 2, with_streams(stream));
    world.set_link(WIDE);
    let [_, slow] = players_all_round(&mut world, "live/cam");
    world.run_until(ms(200));
    let camera = world.next_at(0).publisher("live/cam").streaming(LARGE);
    world.run_until(ms(1_700));
    world.hold_back(1);
    world.run_until(ms(6_300));
    // There is no room for all that comes at once: the player goes on at the newest keyframe, behind the loop's own gap.
    world.let_through(1);
    world.run_until(ms(8_000));
    let sent = camera.sent();
    let [before, behind] = slow.runs_of(&camera).try_into().expect("two runs");
    let [lost] = crossed_once(&world, 1).gaps.try_into().expect("one gap");
    let missing = behind.first - before.last - 1;
    assert!(missing > lost.frames + 10, "{missing} of which {}", lost.frames);
    let missing_ms = sent[behind.first as usize].timestamp_ms - sent[before.last as usize].timestamp_ms;
    assert_eq!(gaps_of(&mut world, &slow), (1, missing, ms(missing_ms.into())));
}

#[test]
fn whoever_joins_behind_what_a_slow_loop_has_lost_begins_behind_it() {
    for join in [Join::Keyframe, Join::Instant] {
        let stream = StreamConfig { join, lag_max: ms(1_000), gap_max: ms(1_500), ..StreamConfig::default() };
        let mut world = World::with_loops(seed(8), 2, with_streams(stream));
        world.set_link(WIDE);
        // It is paused, so that the loop wants the stream all the time, whatever is lost.
        let paused = world.next_at(1).peer();
        paused.with(|peer| {
            peer.connect("live");
            peer.create_stream();
            peer.play(StreamId(1), "cam");
            peer.pause(StreamId(1), true, 0);
        });
        world.run_until(ms(200));
        let camera = world.next_at(0).publisher("live/cam").streaming(LARGE);
        world.run_until(ms(3_700));
        world.hold_back(1);
        world.run_until(ms(8_300));
        world.let_through(1);
        world.run_for(ms(60));
        let joiner = world.next_at(1).player("live/cam");
        world.run_until(ms(11_000));
        assert_is_at_the_edge(&joiner.run_of(&camera), &camera.sent());
        assert_eq!(gaps_of(&mut world, &joiner), (0, 0, Duration::ZERO), "{join:?}");
        let [lost] = crossed_once(&world, 1).gaps.try_into().expect("one gap");
        assert!(lost.duration > ms(1_500), "{lost:?}");
    }
}

#[test]
fn a_loop_that_is_slow_for_a_second_loses_nothing() {
    let mut world = World::with_loops(seed(3), 2, ServerConfig::default());
    world.set_link(WIDE);
    let [_, slow] = players_all_round(&mut world, "live/cam");
    world.run_until(ms(200));
    let camera = world.next_at(0).publisher("live/cam").streaming(LARGE);
    for second in 1..4 {
        world.run_until(ms(second * 1_000));
        world.hold_back(1);
        world.run_for(ms(900));
        world.let_through(1);
    }
    world.run_until(ms(4_500));
    assert_is_at_the_edge(&slow.run_of(&camera), &camera.sent());
    assert_eq!(gaps_of(&mut world, &slow), (0, 0, Duration::ZERO));
}

#[test]
fn players_of_a_loop_that_loses_more_than_they_can_bear_are_given_up() {
    let stream = StreamConfig { lag_max: ms(500), gap_max: ms(1_000), ..StreamConfig::default() };
    let mut world = World::with_loops(seed(4), 2, with_streams(stream));
    world.set_link(WIDE);
    let [at_home, slow] = players_all_round(&mut world, "live/cam");
    world.run_until(ms(200));
    let camera = world.next_at(0).publisher("live/cam").streaming(LARGE);
    world.run_until(ms(1_000));
    world.hold_back(1);
    world.run_until(ms(5_000));
    world.let_through(1);
    world.run_until(ms(5_500));
    slow.run_of(&camera);
    assert_eq!(slow.notices(), ["NetStream.Play.InsufficientBW", "NetStream.Play.UnpublishNotify"]);
    let joiner = world.next_at(1).player("live/cam");
    world.run_until(ms(7_000));
    for player in [&at_home, &joiner] {
        assert_is_at_the_edge(&player.run_of(&camera), &camera.sent());
    }
}

#[test]
fn a_publisher_whose_home_is_slow_is_not_read_from_and_loses_nothing() {
    let mut world = World::with_loops(seed(5), 3, ServerConfig::default());
    world.set_link(WIDE);
    let viewers = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(200));
    let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
    world.run_until(ms(1_000));
    world.cut(&first);
    world.run_until(ms(1_100));
    let second = world.next_at(1).publisher("live/cam").streaming(LARGE.marked(2));
    let bystander = world.next_at(1).publisher("live/other").streaming(SMALL.marked(3));
    let watcher = world.next_at(2).player("live/other");
    world.run_until(ms(2_000));
    assert!(is_live(&second));
    world.hold_back(0);
    world.run_until(ms(5_000));
    let crossed = world.inwards_to(0);
    // A read can hold the last part of one message and several small ones.
    let one_read = 64 * 1024 + LARGEST;
    assert!(
        (ALL_BUT_UNTOLD..=limits::CROSSING_BYTES + one_read).contains(&crossed.bytes_peak),
        "{crossed:?}"
    );
    assert_is_at_the_edge(&watcher.run_of(&bystander), &bystander.sent());
    world.let_through(0);
    world.run_until(ms(6_000));

    assert_eq!(second.closed(), None);
    for viewer in &viewers {
        let run = run_of_mark(&viewer.media(), 2, &second.sent()).expect("one run");
        assert_eq!(run.first, FIRST_FRAME);
        assert_is_at_the_edge(&run, &second.sent());
        assert_eq!(viewer.notices(), [""; 0]);
    }
}

#[test]
fn a_publisher_that_leaves_while_its_home_is_slow_has_all_of_it_shown() {
    let mut world = World::with_loops(seed(6), 2, ServerConfig::default());
    world.set_link(WIDE);
    let viewers = players_all_round::<2>(&mut world, "live/cam");
    world.run_until(ms(200));
    let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
    world.run_until(ms(1_000));
    world.cut(&first);
    world.run_until(ms(1_100));
    let second = world.next_at(1).publisher("live/cam").streaming(LARGE.marked(2));
    world.run_until(ms(2_000));
    world.hold_back(0);
    world.run_until(ms(4_500));
    second.finish();
    world.run_until(ms(5_000));
    world.let_through(0);
    world.run_until(ms(5_500));
    for viewer in &viewers {
        let run = run_of_mark(&viewer.media(), 2, &second.sent()).expect("one run");
        assert_eq!(run.last, second.sent().len() as u64 - 1);
        assert_eq!(viewer.notices(), ["NetStream.Play.UnpublishNotify"]);
    }
}

/// How much the delay from publisher to player varies over all frames.
fn jitter(viewer: &Client<Player>, camera: &Client<Publisher>) -> Duration {
    let sent = camera.sent();
    let frames = viewer.arrivals().into_iter().filter_map(|(at, media)| {
        let text = FrameText::read(media.type_id, &media.payload)?;
        Some(at - sent[text.sequence as usize].due)
    });
    let delays: Vec<_> = frames.collect();
    delays.iter().max().zip(delays.iter().min()).map_or(Duration::MAX, |(most, least)| *most - *least)
}

/// Types of the messages between this frame and the next one.
fn types_behind(viewer: &Client<Player>, sequence: u64) -> Vec<TypeId> {
    let media = viewer.media();
    let text = |media: &MediaReceived| FrameText::read(media.type_id, &media.payload);
    let rest = media.iter().skip_while(|media| text(media).is_none_or(|text| text.sequence != sequence));
    let preamble = rest.skip(1).take_while(|media| text(media).is_none());
    preamble.map(|media| media.type_id).collect()
}

const LARGE_BYTES_PER_SECOND: usize = 2_500_000;

/// The largest message of [`LARGE`] with its head: a keyframe is four times as large as another picture.
const LARGEST: usize = LARGE_BYTES_PER_SECOND / 25 * 4;

/// What a full crossing has under way at least: of what was taken a quarter of it may not be told yet.
const ALL_BUT_UNTOLD: usize = limits::CROSSING_BYTES / 4 * 3;
