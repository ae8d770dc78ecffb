//! Joining at a loop where the stream is not at home: the same as at its home.

use sol_core::hub::{Join, StreamConfig};
use sol_tests::peer::message::TypeId;
use sol_tests::peer::pattern::{MediaRole, Pattern};
use sol_tests::peer::run::check_run;
use sol_tests::world::{World, ms, seed};

use super::{WIDE, players_all_round, with_streams};

#[test]
fn a_player_of_another_loop_begins_at_the_newest_keyframe_behind_its_preamble() {
    let mut world = World::with_loops(seed(1), 3, with_streams(StreamConfig::default()));
    let camera = world.next_at(0).publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(5_300));
    // The first of its loop, and one that finds the stream there.
    let first = world.next_at(1).player("live/cam");
    world.run_until(ms(9_700));
    let second = world.next_at(1).player("live/cam");
    world.run_until(ms(12_000));

    for (player, begins_at) in [(first, 4_000), (second, 8_000)] {
        let kinds: Vec<_> = player.media().iter().take(4).map(|media| media.type_id).collect();
        assert_eq!(kinds, [TypeId::DATA_AMF0, TypeId::AUDIO, TypeId::VIDEO, TypeId::VIDEO]);
        let keyframe = &camera.sent()[player.run_of(&camera).first as usize];
        assert_eq!((keyframe.role, keyframe.timestamp_ms), (MediaRole::Keyframe, begins_at));
    }
}

#[test]
fn wherever_players_join_those_of_all_loops_begin_with_the_same_frame() {
    for join in [Join::Keyframe, Join::Instant, Join::Live] {
        for pattern in [Pattern::new().keyframe_every_ms(1_500), Pattern::new().audio_only()] {
            let stream = StreamConfig { join, ..StreamConfig::default() };
            let mut world = World::with_loops(seed(2), 3, with_streams(stream));
            world.set_link(WIDE);
            // Loop 1 has the stream all the time, loop 2 has not.
            let early = world.next_at(1).player("live/cam");
            world.run_until(ms(500));
            let camera = world.next_at(0).publisher("live/cam").streaming(pattern);
            world.run_until(ms(6_503));
            let joiners = players_all_round::<3>(&mut world, "live/cam");
            world.run_until(ms(9_000));

            let at_home = joiners[0].media();
            for other in &joiners[1..] {
                assert_eq!(other.media(), at_home, "{join:?}");
            }
            let run = joiners[2].run_of(&camera);
            let begins_ms = camera.sent()[run.first as usize].timestamp_ms;
            let expected = match join {
                Join::Keyframe => 4_500..=6_100,
                Join::Instant => 2_900..=4_200,
                Join::Live => 5_900..=6_200,
            };
            assert!(expected.contains(&begins_ms), "{join:?}: {begins_ms} ms");
            early.run_of(&camera);
        }
    }
}

#[test]
fn a_player_that_joins_live_hears_at_once_and_sees_from_the_next_keyframe_on() {
    let stream = StreamConfig { join: Join::Live, ..StreamConfig::default() };
    let mut world = World::with_loops(seed(3), 2, with_streams(stream));
    let camera = world.next_at(0).publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(2_900));
    let viewer = world.next_at(1).player("live/cam");
    world.run_until(ms(6_000));

    let media = viewer.media();
    let run = check_run(&media, &camera.sent()).expect("one run");
    let sent = camera.sent();
    assert_eq!(sent[run.first as usize].role, MediaRole::AudioFrame);
    let mut pictures = media.iter().filter(|media| media.type_id == TypeId::VIDEO);
    let picture = pictures.nth(1).expect("behind its configuration");
    assert_eq!(picture.timestamp_ms, 4_000);
}

#[test]
fn players_of_all_loops_who_wait_get_a_stream_from_its_first_frame() {
    let mut world = World::with_loops(seed(4), 4, with_streams(StreamConfig::default()));
    let waiting = players_all_round::<4>(&mut world, "live/cam");
    world.run_until(ms(9_000));
    let camera = world.next_at(3).publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(12_000));
    for player in &waiting {
        assert_eq!(player.run_of(&camera).first, super::FIRST_FRAME);
        assert_eq!(player.notices(), [""; 0]);
    }
}
