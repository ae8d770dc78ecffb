//! The end of a stream, at all loops: behind the last frame, whatever is under way.

use sol_core::hub::{Join, StreamConfig};
use sol_core::limits;
use sol_core::participant::EndReason;
use sol_core::server::ServerConfig;
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::{AudioPattern, MediaSent, Pattern, VideoPattern};
use sol_tests::world::{Client, World, ms, seed};

use super::{LARGE, SMALL, UNPUBLISH_NOTIFY, WIDE, crossed_once, players_all_round, with_streams};

#[test]
fn the_end_comes_behind_the_last_frame_at_every_loop() {
    for (ends, delay) in [("deleteStream", 0), ("deleteStream", 30), ("FIN", 0), ("FIN", 30)] {
        let stream = StreamConfig { grace: ms(0), ..StreamConfig::default() };
        let mut world = World::with_loops(seed(1), 3, with_streams(stream));
        world.set_parcel_delay(ms(delay));
        let viewers = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(200));
        let camera = world.next_at(0).publisher("live/cam").streaming(Pattern::new());
        world.run_until(ms(4_444));
        match ends {
            "deleteStream" => camera.finish(),
            _ => world.hang_up(&camera),
        }
        world.run_until(ms(5_000));
        for viewer in &viewers {
            assert_eq!(viewer.run_of(&camera).last, camera.sent().len() as u64 - 1, "{ends}");
            assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY], "{ends}");
        }
        assert_eq!(crossed_once(&world, 1).ends, 1);
    }
}

#[test]
fn the_end_comes_though_the_crossing_is_full_and_what_is_lost_by_that_is_told() {
    let mut world = World::with_loops(seed(2), 2, ServerConfig::default());
    world.set_link(WIDE);
    let viewers = players_all_round::<2>(&mut world, "live/cam");
    world.run_until(ms(200));
    let camera = world.next_at(0).publisher("live/cam").streaming(LARGE);
    world.run_until(ms(1_500));
    world.hold_back(1);
    world.run_until(ms(4_500));
    camera.finish();
    world.run_until(ms(5_000));
    let [at_home, elsewhere] = &viewers;
    let last = camera.sent().len() as u64 - 1;
    assert_eq!((at_home.run_of(&camera).last, at_home.notices()), (last, vec![UNPUBLISH_NOTIFY.to_owned()]));
    assert_eq!(elsewhere.notices(), [""; 0]);
    world.let_through(1);
    world.run_until(ms(6_000));

    let run = elsewhere.run_of(&camera);
    assert_eq!(elsewhere.notices(), [UNPUBLISH_NOTIFY]);
    let (why, summary) = elsewhere.endings()[0].clone();
    assert_eq!((why, summary.gaps, summary.lost.frames), (EndReason::StreamEnded, 1, last - run.last));
    assert_eq!(summary.lost.duration, lost_time(&camera.sent(), run.last));
    let crossed = crossed_once(&world, 1);
    assert_eq!((crossed.ends, crossed.gaps.len()), (1, 1));
    assert!(crossed.bytes_peak < limits::CROSSING_BYTES + MESSAGE_MAX, "{}", crossed.bytes_peak);
}

#[test]
fn a_last_message_that_fills_the_crossing_arrives_and_so_does_the_end() {
    for held_back in [false, true] {
        let mut world = World::with_loops(seed(3), 2, ServerConfig::default());
        world.set_link(WIDE);
        let viewers = players_all_round::<2>(&mut world, "live/cam");
        world.run_until(ms(200));
        // Pictures of 5 MB, one each second; the first one is the last.
        let huge = Pattern {
            video: Some(VideoPattern {
                frame_rate: 1,
                keyframe_every_ms: 1_000,
                kilobits_per_second: 40_000,
            }),
            audio: None::<AudioPattern>,
            ..Pattern::new()
        };
        let camera = world.next_at(0).publisher("live/cam").streaming(huge);
        world.run_until(ms(300));
        if held_back {
            world.hold_back(1);
        }
        world.run_until(ms(800));
        camera.finish();
        world.run_until(ms(1_500));
        world.let_through(1);
        world.run_until(ms(2_000));

        let sent = camera.sent();
        let (last, largest) = (sent.len() as u64 - 1, sent.iter().map(|sent| sent.payload.len()).max());
        assert!(largest > Some(limits::CROSSING_BYTES));
        for viewer in &viewers {
            assert_eq!(viewer.run_of(&camera).last, last);
            assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY]);
            assert_eq!(viewer.endings()[0].1.gaps, 0, "nothing is missing");
        }
    }
}

#[test]
fn a_player_that_joined_live_within_the_grace_is_told_the_end() {
    let stream = StreamConfig { join: Join::Live, grace: ms(2_000), ..StreamConfig::default() };
    for delay in [0, 40] {
        let mut world = World::with_loops(seed(4), 3, with_streams(stream.clone()));
        world.set_parcel_delay(ms(delay));
        let camera = world.next_at(0).publisher("live/cam").streaming(SMALL);
        let keeps_it = world.next_at(0).player("live/cam");
        world.run_until(ms(3_000));
        world.cut(&camera);
        world.run_until(ms(4_000));
        let joiners = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(5_500));
        for joiner in joiners.iter().chain([&keeps_it]) {
            assert_eq!(joiner.notices(), [UNPUBLISH_NOTIFY], "{delay} ms");
        }
        let kinds =
            |joiner: &Client<_>| -> Vec<_> { joiner.media().iter().map(|media| media.type_id).collect() };
        assert!(joiners.iter().all(|joiner| kinds(joiner) == kinds(&joiners[0])));
    }
}

#[test]
fn a_publication_that_showed_nothing_ends_without_a_trace_at_every_loop() {
    let stream = StreamConfig { grace: ms(500), ..StreamConfig::default() };
    let mut world = World::with_loops(seed(5), 3, with_streams(stream));
    let viewers = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(200));
    let encoder = world.next_at(1).peer();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    world.run_until(ms(1_000));
    let joiner = world.next_at(2).player("live/cam");
    world.run_until(ms(1_500));
    world.cut(&encoder);
    world.run_until(ms(3_000));
    let camera = world.next_at(0).publisher("live/cam").streaming(SMALL);
    world.run_until(ms(4_000));
    for viewer in viewers.iter().chain([&joiner]) {
        assert_eq!((viewer.notices(), viewer.run_of(&camera).first), (vec![], super::FIRST_FRAME));
    }
}

#[test]
fn players_of_all_loops_wait_no_longer_than_those_at_the_home_of_a_publication_that_showed_nothing() {
    let stream = StreamConfig { grace: ms(500), waiting: ms(3_000), ..StreamConfig::default() };
    let mut world = World::with_loops(seed(6), 3, with_streams(stream));
    let encoder = world.next_at(1).peer();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    world.run_until(ms(500));
    let viewers = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(1_000));
    world.cut(&encoder);
    world.run_until(ms(10_000));
    for viewer in &viewers {
        assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY]);
        let (at, _) = viewer.told()[0];
        // The grace, the waiting, and twice the way.
        assert!(at.abs_diff(ms(1_000 + 500 + 3_000 + 40)) < ms(10), "{at:?}");
    }
}

/// How much of its stream's time somebody lost who got this frame as the last.
fn lost_time(sent: &[MediaSent], last: u64) -> std::time::Duration {
    let end = sent.iter().rfind(|sent| sent.role.is_frame()).expect("a frame");
    ms((end.timestamp_ms - sent[last as usize].timestamp_ms).into())
}

/// More than the largest of [`LARGE`], with its head.
const MESSAGE_MAX: usize = 512 * 1024;
