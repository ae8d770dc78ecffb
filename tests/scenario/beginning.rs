//! Beginning: where a player joins is the operator's choice.

use std::time::Duration;

use sol_core::hub::{Join, StreamConfig};
use sol_core::limits;
use sol_core::server::ServerConfig;
use sol_tests::peer::message::{MediaReceived, StreamId, TypeId};
use sol_tests::peer::pattern::{FrameText, MediaRole, MediaSent, Pattern};
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::{Player, Publisher};
use sol_tests::world::{Client, LinkOptions, World, ms, seed};

#[test]
fn an_instant_join_begins_two_seconds_ago_or_more_and_has_everything_since_at_once() {
    // Groups shorter than that age, as long, longer, and longer than a player may otherwise be behind.
    for group_ms in [500, 2_000, 4_000, 10_000] {
        // At every place of a group.
        for tenth in 0..10 {
            let mut world = beginning(1, Join::Instant);
            let camera = world.publisher("live/cam").streaming(Pattern::new().keyframe_every_ms(group_ms));
            world.run_until(ms(u64::from(24_000 + group_ms / 10 * tenth)));
            let viewer = world.player("live/cam");
            world.run_for(JOINING);

            let sent = camera.sent();
            let run = viewer.run_of(&camera);
            let first = &sent[run.first as usize];
            assert!(first.is_keyframe(), "{first:?}");
            let behind = viewer.arrivals()[0].0 - first.due;
            let longest = limits::INSTANT_JOIN_TIME + ms(group_ms.into()) + limits::SYNC_POINT_TIME;
            assert!(
                (limits::INSTANT_JOIN_TIME..longest).contains(&behind),
                "{behind:?} in groups of {group_ms} ms"
            );
            assert!(sent.len() as u64 - run.last < 10, "and all that has come since");
            world.hang_up(&viewer);
            world.run_for(ms(100));
            assert_eq!(viewer.endings()[0].1.gaps, 0);
        }
    }
}

#[test]
fn an_instant_join_over_a_line_that_takes_its_time_loses_nothing() {
    let mut world = beginning(2, Join::Instant);
    let camera = world.publisher("live/cam").streaming(Pattern::new().keyframe_every_ms(10_000));
    world.run_until(ms(21_500));
    let twice = sent_bytes(&camera) * 2 / 21;
    world.set_link(LinkOptions { bytes_per_second: twice, ..LinkOptions::NARROW });
    let viewer = world.player("live/cam");
    world.run_until(ms(45_000));
    let sent = camera.sent();
    let run = viewer.run_of(&camera);
    assert_eq!(sent[run.first as usize].timestamp_ms, 10_000, "over 11 s behind");
    assert!(sent.len() as u64 - run.last < 10, "it has caught up");
}

#[test]
fn an_instant_join_of_a_young_stream_begins_with_it() {
    let mut world = beginning(3, Join::Instant);
    let camera = world.publisher("live/cam").streaming(Pattern::new().keyframe_every_ms(500));
    world.run_until(ms(1_700));
    let viewer = world.player("live/cam");
    world.run_for(JOINING);
    assert_eq!(camera.sent()[viewer.run_of(&camera).first as usize].timestamp_ms, 0);
}

#[test]
fn an_instant_join_behind_a_publishers_restart_begins_in_front_of_it() {
    let mut world = beginning(4, Join::Instant);
    let first = world.publisher("live/cam").streaming(Pattern::new().marked(1).keyframe_every_ms(1_000));
    // A name that nobody holds has nothing to go on with.
    world.player("live/cam");
    world.run_until(ms(6_500));
    world.cut(&first);
    world.run_until(ms(9_000));
    let second = world.publisher("live/cam").streaming(Pattern::new().marked(2).keyframe_every_ms(1_000));
    world.run_until(ms(10_500));
    let viewer = world.player("live/cam");
    world.run_until(ms(14_000));

    let media = viewer.media();
    let splice = media.iter().position(|media| mark(media) == Some(2)).expect("it crosses the restart");
    let splice =
        media[..splice].iter().rposition(|media| mark(media) == Some(1)).expect("frames of the first");
    let (before, after) = media.split_at(splice + 1);
    let run = check_run(before, &first.sent()).expect("one run of the first");
    assert!(first.sent()[run.first as usize].is_keyframe());
    let run = check_run(after, &second.sent()).expect("one run of the second");
    assert_eq!(run.first, 3, "from its first frame on");
    assert!(second.sent().len() as u64 - run.last < 10);
    assert_eq!(viewer.notices(), [""; 0]);

    // When the new publication is old enough, nobody needs the last one.
    let late = world.player("live/cam");
    world.run_for(JOINING);
    late.run_of(&second);
}

#[test]
fn an_instant_join_of_sound_alone_begins_two_seconds_ago() {
    let mut world = beginning(5, Join::Instant);
    let radio = world.publisher("live/radio").streaming(Pattern::new().audio_only());
    world.run_until(ms(20_000));
    let listener = world.player("live/radio");
    world.run_for(JOINING);
    let sent = radio.sent();
    let run = listener.run_of(&radio);
    let behind = listener.arrivals()[0].0 - sent[run.first as usize].due;
    assert!((ms(2_000)..ms(3_300)).contains(&behind), "{behind:?}");
    assert!(sent.len() as u64 - run.last < 10);
}

#[test]
fn a_live_join_hears_the_present_and_sees_from_the_next_keyframe_on() {
    let mut world = beginning(6, Join::Live);
    let camera = world.publisher("live/cam").streaming(Pattern::new().keyframe_every_ms(4_000));
    world.run_until(ms(9_000));
    let viewer = world.player("live/cam");
    world.run_until(ms(15_000));

    let frames = frames_of(&viewer, &camera);
    assert_eq!(frames[0].role, MediaRole::AudioFrame);
    // It came to the server some 100 ms later than that.
    assert!(frames[0].due >= ms(8_900), "nothing of the past: {:?}", frames[0].due);
    let picture = frames.iter().find(|sent| sent.type_id == TypeId::VIDEO).expect("a picture");
    assert_eq!((picture.role, picture.timestamp_ms), (MediaRole::Keyframe, 12_000));
    let kinds: Vec<TypeId> = viewer.media().iter().take(3).map(|media| media.type_id).collect();
    assert_eq!(kinds, [TypeId::DATA_AMF0, TypeId::AUDIO, TypeId::VIDEO], "metadata and configurations");
}

#[test]
fn after_a_pause_a_player_goes_on_where_it_would_join() {
    for (join, age) in [(Join::Keyframe, ms(0)..ms(1_100)), (Join::Instant, ms(2_000)..ms(3_100))] {
        let mut world = beginning(7, join);
        let camera = world.publisher("live/cam").streaming(Pattern::new().keyframe_every_ms(1_000));
        let viewer = world.player("live/cam");
        world.run_until(ms(5_000));
        viewer.with(|player| player.peer_mut().pause(StreamId(1), true, 0));
        world.run_until(ms(15_500));
        viewer.with(|player| player.peer_mut().take_media());
        viewer.with(|player| player.peer_mut().pause(StreamId(1), false, 0));
        let resumed_at = world.now();
        world.run_for(ms(500));
        let frames = frames_of(&viewer, &camera);
        assert!(frames[0].is_keyframe());
        // The request needs 20 ms.
        let behind = resumed_at + ms(25) - frames[0].due;
        assert!(age.contains(&behind), "{join:?}: {behind:?}");
    }
}

#[test]
fn after_a_gap_a_player_goes_on_at_the_newest_keyframe_wherever_it_joined() {
    for join in [Join::Keyframe, Join::Instant, Join::Live] {
        let mut world = beginning(8, join);
        world.set_link(LinkOptions::NARROW);
        let camera = world.publisher("live/cam").streaming(Pattern::new());
        let viewer = world.player("live/cam");
        world.run_until(ms(5_000));
        world.stall(&viewer);
        world.run_until(ms(12_900));
        world.resume(&viewer);
        world.run_until(ms(25_000));
        let runs = viewer.runs_of(&camera);
        assert_eq!(runs.len(), 2, "{join:?}: {runs:#?}");
        assert_eq!(camera.sent()[runs[1].first as usize].timestamp_ms, 12_000, "{join:?}");
    }
}

fn beginning(number: u64, join: Join) -> World {
    let stream = StreamConfig { join, ..StreamConfig::default() };
    World::with_config(seed(number), ServerConfig { stream: stream.into(), ..ServerConfig::default() })
}

fn frames_of(viewer: &Client<Player>, camera: &Client<Publisher>) -> Vec<MediaSent> {
    let sent = camera.sent();
    let texts = viewer.media().into_iter().filter_map(|media| FrameText::read(media.type_id, &media.payload));
    texts.map(|text| sent[text.sequence as usize].clone()).collect()
}

fn mark(media: &MediaReceived) -> Option<u32> {
    FrameText::read(media.type_id, &media.payload).map(|text| text.mark)
}

fn sent_bytes(camera: &Client<Publisher>) -> u64 {
    camera.sent().iter().map(|sent| sent.payload.len() as u64).sum()
}

/// Handshake, connect, createStream, play: four round trips of 40 ms, and what the link needs for some seconds of media.
const JOINING: Duration = ms(600);
