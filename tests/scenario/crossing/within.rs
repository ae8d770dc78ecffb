//! A publisher within the process: it is of no loop, and of all of them.

use sol_core::hub::{NameInUse, Parting, StreamConfig};
use sol_core::limits;
use sol_core::server::ServerConfig;
use sol_tests::peer::pattern::MediaSent;
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::Phase;
use sol_tests::world::{World, ms, seed};

use super::{
    FIRST_FRAME, LARGE, SMALL, UNPUBLISH_NOTIFY, WIDE, assert_is_at_the_edge, assert_time_never_steps_back,
    crossed_once, is_live, players_all_round, run_of_mark, with_streams,
};

#[test]
fn a_stream_from_within_is_played_at_all_loops_and_ends_behind_its_last_frame() {
    for delay in [0, 20] {
        let mut world = World::with_loops(seed(1), 3, ServerConfig::default());
        world.set_parcel_delay(ms(delay));
        let early = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(200));
        let camera = world.next_at(1).publish_within("live/cam", SMALL).expect("the name is free");
        world.run_until(ms(3_500));
        let late = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(4_500));
        world.part(&camera, Parting::InGoodOrder);
        world.run_until(ms(5_500));
        let sent = camera.sent();
        for (players, begins_ms) in [(&early, 0), (&late, 3_000)] {
            for player in players {
                let run = check_run(&player.media(), &sent).expect("one run");
                assert_eq!(sent[run.first as usize].timestamp_ms, begins_ms);
                assert_eq!(
                    (run.last, player.notices()),
                    (sent.len() as u64 - 1, vec![UNPUBLISH_NOTIFY.into()])
                );
            }
        }
        assert_eq!(world.inwards_to(1).media, sent.len());
    }
}

#[test]
fn what_is_corrected_of_a_stream_from_within_is_told_to_no_loop() {
    let mut world = World::with_loops(seed(5), 2, ServerConfig::default());
    let viewers = players_all_round::<2>(&mut world, "live/cam");
    let leaping = SMALL.into_iter().map(|media| MediaSent {
        timestamp_ms: media.timestamp_ms + if media.due < ms(1_000) { 0 } else { 50_000_000 },
        ..media
    });
    let camera = world.publish_within("live/cam", leaping).expect("the name is free");
    world.run_until(ms(3_000));
    for viewer in &viewers {
        assert_time_never_steps_back(&viewer.media());
        let latest = viewer.media().last().expect("it sees something").timestamp_ms;
        assert!((2_500..3_000).contains(&latest), "{latest} ms");
    }
    world.part(&camera, Parting::InGoodOrder);
}

#[test]
fn whoever_ends_a_stream_from_within_can_publish_it_again_at_once() {
    let mut world = World::with_loops(seed(2), 3, ServerConfig::default());
    world.set_parcel_delay(ms(30));
    for mark in 0..9 {
        let viewers = players_all_round::<3>(&mut world, "live/cam");
        world.run_for(ms(300));
        let camera = world.publish_within("live/cam", SMALL.marked(mark)).expect("the name is free");
        world.run_for(ms(700));
        world.part(&camera, Parting::InGoodOrder);
        let next =
            world.publish_within("live/cam", SMALL.marked(mark + 100)).expect("the name is free again");
        world.run_for(ms(200));
        let joiners = players_all_round::<3>(&mut world, "live/cam");
        world.run_for(ms(600));
        for viewer in &viewers {
            let run =
                check_run(&viewer.media(), &camera.sent()).expect("one run, and nothing of the next one");
            assert_eq!(run.last, camera.sent().len() as u64 - 1);
            assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY]);
        }
        for joiner in &joiners {
            assert_is_at_the_edge(&check_run(&joiner.media(), &next.sent()).expect("one run"), &next.sent());
        }
        world.part(&next, Parting::InGoodOrder);
    }
}

#[test]
fn a_stream_from_within_that_was_dropped_is_taken_up_by_an_encoder_of_any_loop() {
    for index in 0..3 {
        let mut world = World::with_loops(seed(3), 3, ServerConfig::default());
        let viewers = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(200));
        let within = world.next_at(0).publish_within("live/cam", SMALL.marked(1)).expect("the name is free");
        world.run_until(ms(1_500));
        world.part(&within, Parting::Vanished);
        world.run_until(ms(2_000));
        let encoder = world.next_at(index).publisher("live/cam").streaming(SMALL.marked(2));
        world.run_until(ms(4_000));
        world.cut(&encoder);
        world.run_until(ms(4_100));
        // And by one within again.
        let again = world.publish_within("live/cam", SMALL.marked(3)).expect("the name is free");
        world.run_until(ms(5_000));

        assert!(encoder.closed().is_some());
        for viewer in &viewers {
            let media = viewer.media();
            let [first, second, third] = [(1, within.sent()), (2, encoder.sent()), (3, again.sent())]
                .map(|(mark, sent)| run_of_mark(&media, mark, &sent).expect("one run"));
            assert_eq!([first.first, second.first, third.first], [FIRST_FRAME; 3]);
            assert_is_at_the_edge(&third, &again.sent());
            assert_time_never_steps_back(&media);
            assert_eq!(viewer.notices(), [""; 0]);
        }
        assert_eq!(crossed_once(&world, 1).splices, 2);
    }
}

#[test]
fn a_name_has_one_publisher_within_or_at_a_loop() {
    let mut world = World::with_loops(seed(4), 2, ServerConfig::default());
    let within = world.publish_within("live/one", SMALL).expect("the name is free");
    let encoder = world.next_at(1).publisher("live/two").streaming(SMALL);
    world.run_until(ms(500));
    let refused = world.next_at(1).publisher("live/one").streaming(SMALL);
    assert_eq!(world.publish_within("live/one", SMALL).unwrap_err(), NameInUse.into());
    assert_eq!(world.publish_within("live/two", SMALL).unwrap_err(), NameInUse.into());
    world.run_until(ms(1_000));
    assert_eq!(refused.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));
    assert!(is_live(&encoder));
    world.part(&within, Parting::InGoodOrder);
    let next = world.next_at(1).publisher("live/one").streaming(SMALL);
    world.run_until(ms(1_500));
    assert!(is_live(&next));
}

#[test]
fn a_publisher_within_whose_home_is_slow_waits_and_loses_nothing() {
    let mut world = World::with_loops(seed(5), 2, ServerConfig::default());
    world.set_link(WIDE);
    let viewers = players_all_round::<2>(&mut world, "live/cam");
    world.run_until(ms(200));
    let camera = world.next_at(0).publish_within("live/cam", LARGE).expect("the name is free");
    world.run_until(ms(1_000));
    world.hold_back(0);
    world.run_until(ms(4_500));
    let crossed = world.inwards_to(0);
    let largest = camera.sent().iter().map(|sent| sent.payload.len() + 128).max().unwrap_or_default();
    assert!(
        (limits::CROSSING_BYTES / 4 * 3..limits::CROSSING_BYTES + largest).contains(&crossed.bytes_peak),
        "{crossed:?}"
    );
    let before = camera.sent().len();
    world.let_through(0);
    world.run_until(ms(6_000));
    assert!(camera.sent().len() > before + 100, "it goes on");
    for viewer in &viewers {
        assert_is_at_the_edge(&check_run(&viewer.media(), &camera.sent()).expect("one run"), &camera.sent());
    }
}

#[test]
fn a_stream_from_within_whose_grace_ends_is_free_again_at_every_loop() {
    let stream = StreamConfig { grace: ms(500), ..StreamConfig::default() };
    let mut world = World::with_loops(seed(6), 3, with_streams(stream));
    world.set_parcel_delay(ms(10));
    let viewers = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(200));
    let camera = world.next_at(2).publish_within("live/cam", SMALL).expect("the name is free");
    world.run_until(ms(1_000));
    world.part(&camera, Parting::Vanished);
    world.run_until(ms(4_000));
    assert!(viewers.iter().all(|viewer| viewer.notices() == [UNPUBLISH_NOTIFY]));
    assert_eq!(world.stream_count(), 0);
    let next = world.next_at(0).publisher("live/cam").streaming(SMALL);
    world.run_until(ms(4_500));
    assert_eq!(world.inwards_to(2).media, camera.sent().len());
    assert!(is_live(&next) && world.inwards_to(0).media == 0, "it is at home where it came");
}
