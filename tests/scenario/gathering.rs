//! Gathering: messages that leave together cost less; none is held longer than was asked for.

use std::time::Duration;

use sol_core::hub::{Coalesce, StreamConfig};
use sol_core::load::Load;
use sol_core::server::ServerConfig;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Player;
use sol_tests::world::{Client, World, ms, seed};

#[test]
fn what_comes_within_the_interval_arrives_together_and_nothing_is_missing() {
    let mut world = world(Coalesce::Fixed(ms(100)));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(6_000));
    let deliveries = deliveries(&viewer, ms(2_000), ms(5_000));
    assert!((28..=31).contains(&deliveries), "{deliveries} in 3 s");
    let (run, sent) = (viewer.run_of(&camera), camera.sent().len() as u64);
    assert!(sent - run.last < 15, "{run:?} of {sent}");
}

#[test]
fn without_an_interval_each_message_leaves_at_once() {
    let mut world = world(Coalesce::NONE);
    world.set_load(Load::of(1.0));
    world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(6_000));
    let deliveries = deliveries(&viewer, ms(2_000), ms(5_000));
    assert!(deliveries > 3 * 25, "{deliveries} in 3 s: one for each picture at least");
}

#[test]
fn auto_gathers_while_the_server_is_busy_and_not_before_or_afterwards() {
    let mut world = world(Coalesce::AUTO);
    world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(4_000));
    world.set_load(Load::of(1.0));
    world.run_until(ms(7_000));
    world.set_load(Load::IDLE);
    world.run_until(ms(10_000));
    let each_second = |from| deliveries(&viewer, ms(from), ms(from + 2_000)) / 2;
    assert!(each_second(2_000) > 25);
    assert!((9..=11).contains(&each_second(4_500)), "{}", each_second(4_500));
    assert!(each_second(7_500) > 25);
}

#[test]
fn who_joins_amid_an_interval_waits_for_nothing() {
    let begins_after = |coalesce| {
        let mut world = world(coalesce);
        world.publisher("live/cam").streaming(Pattern::new());
        // Others are there, so that the stream has a rhythm.
        let _before = world.player("live/cam");
        world.run_until(ms(3_010));
        let viewer = world.player("live/cam");
        world.run_until(ms(6_000));
        viewer.arrivals()[0].0
    };
    assert_eq!(begins_after(Coalesce::Fixed(ms(350))), begins_after(Coalesce::NONE));
}

#[test]
fn the_end_of_a_stream_waits_for_nothing_and_comes_behind_its_last_frame() {
    let mut world = world(Coalesce::Fixed(ms(350)));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    camera.finish();
    world.run_until(ms(8_000));
    assert_eq!(viewer.run_of(&camera).last + 1, camera.sent().len() as u64);
    let told_at = viewer.told().last().expect("it is told").0;
    assert!(told_at < ms(5_200), "{told_at:?}");
}

#[test]
fn a_crowd_gets_every_message_in_order_and_is_counted_as_a_few_are() {
    let mut world = world(Coalesce::Fixed(ms(100)));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let mut crowd: Vec<_> = (0..20).map(|_| world.player("live/cam")).collect();
    world.run_until(ms(5_000));
    // Amid an interval and a group.
    crowd.push(world.player("live/cam"));
    world.run_until(ms(10_000));
    camera.finish();
    world.run_until(ms(14_000));
    for viewer in &crowd {
        assert_eq!(viewer.run_of(&camera).last + 1, camera.sent().len() as u64);
        let [(_, summary)] = viewer.endings()[..] else { panic!("{:?}", viewer.endings()) };
        assert_eq!(summary.frames, viewer.media().len() as u64);
        assert_eq!(summary.gaps, 0);
    }
}

/// At how many moments something arrived: what arrives within 15 ms left together.
fn deliveries(viewer: &Client<Player>, from: Duration, until: Duration) -> usize {
    let all = viewer.arrivals();
    let within: Vec<Duration> =
        all.into_iter().map(|(at, _)| at).filter(|at| (from..until).contains(at)).collect();
    within.windows(2).filter(|pair| pair[1] - pair[0] > ms(15)).count() + 1
}

fn world(coalesce: Coalesce) -> World {
    let stream = StreamConfig { coalesce, grace: Duration::ZERO, ..StreamConfig::default() };
    World::with_config(seed(1), ServerConfig { stream: stream.into(), ..ServerConfig::default() })
}
