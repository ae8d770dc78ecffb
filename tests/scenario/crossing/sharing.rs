//! What crosses: each frame once to each loop where somebody plays, and everything as it is at the home.

use sol_core::server::ServerConfig;
use sol_tests::peer::pattern::Pattern;
use sol_tests::world::{World, ms, seed};

use super::{FIRST_FRAME, UNPUBLISH_NOTIFY, WIDE, crossed_once, players_all_round};

#[test]
fn a_frame_crosses_once_to_each_loop_with_players_and_to_none_without() {
    let mut world = World::with_loops(seed(1), 4, ServerConfig::default());
    let camera = world.next_at(0).publisher("live/cam").streaming(Pattern::new());
    let at_home = world.next_at(0).player("live/cam");
    let crowd: Vec<_> = (0..5).map(|_| world.next_at(1).player("live/cam")).collect();
    let alone = world.next_at(2).player("live/cam");
    world.run_until(ms(4_000));
    camera.finish();
    world.run_until(ms(5_000));

    let all = camera.sent().len();
    for player in crowd.iter().chain([&at_home, &alone]) {
        assert_eq!(player.run_of(&camera).last, all as u64 - 1);
    }
    for loop_with_players in [1, 2] {
        let crossed = crossed_once(&world, loop_with_players);
        assert_eq!((crossed.frames, crossed.beginnings, crossed.ends), (all, 1, 1));
        assert_eq!((crossed.gaps, crossed.splices), (vec![], 0));
    }
    for loop_without in [0, 3] {
        assert_eq!(world.crossings_to(loop_without), []);
    }
}

#[test]
fn a_loop_gets_a_stream_until_its_last_player_leaves_and_nothing_more() {
    let mut world = World::with_loops(seed(2), 2, ServerConfig::default());
    let camera = world.next_at(0).publisher("live/cam").streaming(Pattern::new());
    let first = world.next_at(1).player("live/cam");
    let second = world.next_at(1).player("live/cam");
    world.run_until(ms(3_000));
    world.hang_up(&first);
    world.run_until(ms(6_000));
    assert!(camera.sent().len() as u64 - second.run_of(&camera).last < 10);
    world.hang_up(&second);
    world.run_until(ms(6_100));
    let before = world.crossings_to(1);
    assert_eq!(before.len(), 1, "it wanted the stream once");
    world.run_until(ms(9_000));
    assert_eq!(world.crossings_to(1), before);

    let third = world.next_at(1).player("live/cam");
    world.run_until(ms(10_000));
    let again = world.crossings_to(1).pop().unwrap_or_default();
    assert!(again.beginnings == 1 && again.frames > 0, "{again:?}");
    assert_eq!(camera.sent()[third.run_of(&camera).first as usize].timestamp_ms, 8_000);
}

#[test]
fn players_of_all_loops_get_what_those_at_the_home_get_when_they_get_it() {
    let mut world = World::with_loops(seed(3), 3, ServerConfig::default());
    world.set_link(WIDE);
    let early = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(500));
    let camera = world.next_at(1).publisher("live/cam").streaming(Pattern::new().starting_at_ms(7_654_321));
    world.run_until(ms(3_777));
    let late = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(6_000));
    camera.finish();
    world.run_until(ms(7_000));

    for [first, others @ ..] in [&early, &late] {
        let arrivals = first.arrivals();
        assert!(!arrivals.is_empty());
        for other in others {
            assert_eq!(other.arrivals(), arrivals);
        }
    }
    for player in &early {
        assert_eq!(player.run_of(&camera).first, FIRST_FRAME);
        assert_eq!(player.notices(), [UNPUBLISH_NOTIFY]);
    }
}

#[test]
fn nothing_crosses_where_publisher_and_players_are_at_one_loop() {
    let mut world = World::with_loops(seed(4), 3, ServerConfig::default());
    let camera = world.next_at(2).publisher("live/cam").streaming(Pattern::new());
    let viewer = world.next_at(2).player("live/cam");
    world.run_until(ms(2_000));
    viewer.run_of(&camera);
    for index in 0..3 {
        assert_eq!((world.crossings_to(index), world.inwards_to(index)), (vec![], Default::default()));
    }
}
