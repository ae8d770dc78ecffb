//! Names: who comes and goes at several loops, also at once and while parcels are under way.

use sol_core::hub::StreamConfig;
use sol_core::limits;
use sol_core::server::ServerConfig;
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::MediaSent;
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::Phase;
use sol_tests::world::{Answer, LinkOptions, World, ms, seed};

use super::{
    FIRST_FRAME, SMALL, UNPUBLISH_NOTIFY, WIDE, assert_is_at_the_edge, is_live, players_all_round,
    run_of_mark, with_streams,
};

const STREAM_NOT_FOUND: &str = "NetStream.Play.StreamNotFound";

#[test]
fn a_name_is_published_ended_and_published_anew_at_loop_after_loop() {
    for delay in [0, 5, 40] {
        let mut world = World::with_loops(seed(delay), 3, ServerConfig::default());
        world.set_parcel_delay(ms(delay));
        for round in 0..12 {
            let viewers = players_all_round::<3>(&mut world, "live/cam");
            world.run_for(ms(150));
            let camera =
                world.next_at(round as usize % 3).publisher("live/cam").streaming(SMALL.marked(round));
            world.run_for(ms(500));
            camera.finish();
            world.run_for(ms(60 + delay));
            let all = camera.sent().len() as u64;
            for viewer in &viewers {
                let run = viewer.run_of(&camera);
                assert_eq!((run.first, run.last), (FIRST_FRAME, all - 1), "round {round}, {delay} ms");
                world.run_for(ms(20));
                assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY]);
            }
        }
        world.run_for(ms(2_000));
        assert_eq!(world.stream_count(), 0);
    }
}

#[test]
fn a_loop_whose_last_player_leaves_may_have_another_at_once() {
    for number in 0..24 {
        let mut world = World::with_loops(seed(number), 2, ServerConfig::default());
        world.set_parcel_delay(ms(40));
        let camera = world.next_at(0).publisher("live/cam").streaming(SMALL);
        world.run_until(ms(1_000));
        let mut last = world.next_at(1).player("live/cam");
        for _ in 0..3 {
            world.run_for(ms(700));
            // Its `play` is there some 140 ms later, and the end of the other one within 30 ms of that.
            let next = world.next_at(1).player("live/cam");
            world.run_for(ms(105 + 2 * number));
            world.hang_up(&last);
            world.run_for(ms(400));
            assert_is_at_the_edge(&next.run_of(&camera), &camera.sent());
            last = next;
        }
        world.hang_up(&last);
        world.run_for(ms(200));
        let before = world.crossings_to(1);
        world.run_for(ms(500));
        assert_eq!(world.crossings_to(1), before, "seed {number}: nothing crosses any more");
    }
}

#[test]
fn a_player_that_asks_in_the_moment_in_which_a_home_lets_go_gets_the_end_or_the_next_publication() {
    for (grace, number) in [0, 400].into_iter().flat_map(|grace| (0..24).map(move |number| (grace, number))) {
        let stream = StreamConfig { grace: ms(grace), ..StreamConfig::default() };
        let mut world = World::with_loops(seed(number), 3, with_streams(stream));
        world.set_parcel_delay(ms(25));
        let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
        let keeps_it = world.next_at(0).player("live/cam");
        world.run_until(ms(1_000));
        world.cut(&first);
        // The home lets go at 1,020 ms or the grace later; `play` is there after some 140 ms.
        world.run_until(ms(1_020 + grace).saturating_sub(ms(185)).max(ms(1_000)) + ms(3 * number));
        let joiners = [world.next_at(1).player("live/cam"), world.next_at(2).player("live/cam")];
        world.run_until(ms(1_700));
        let second = world.next_at((number as usize) % 3).publisher("live/cam").streaming(SMALL.marked(2));
        world.run_until(ms(2_600));
        assert!(is_live(&second), "seed {number}");
        assert_eq!(keeps_it.notices(), [UNPUBLISH_NOTIFY]);
        for joiner in &joiners {
            match &joiner.notices()[..] {
                [] => assert_eq!(joiner.run_of(&second).first, FIRST_FRAME, "seed {number}"),
                [told] => {
                    assert_eq!((told.as_str(), joiner.run_of(&first).frames > 0), (UNPUBLISH_NOTIFY, true));
                }
                more => panic!("seed {number}: {more:?}"),
            }
        }
    }
}

#[test]
fn a_player_that_finds_no_home_where_its_publisher_is_on_the_way_gets_the_stream() {
    for number in 0..16 {
        let stream = StreamConfig { grace: ms(1_000), ..StreamConfig::default() };
        let mut world = World::with_loops(seed(number), 3, with_streams(stream));
        world.set_link(WIDE);
        let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
        let keeps_it = world.next_at(0).player("live/cam");
        world.run_until(ms(1_000));
        world.cut(&first);
        // Both are answered in one moment, in which the publisher is first at the directory, and not always first at the home.
        world.set_policy(|_| Answer::allow().after(ms(300)));
        world.run_until(ms(1_200));
        let second = world.next_at(1).publisher("live/cam").streaming(SMALL.marked(2));
        let joiner = world.next_at(2).player("live/cam");
        world.hold_back(0);
        world.run_until(ms(2_500));
        assert_eq!(keeps_it.notices(), [UNPUBLISH_NOTIFY], "the grace is over");
        world.let_through(0);
        world.run_until(ms(3_500));
        assert!(is_live(&second) && joiner.notices().is_empty(), "seed {number}");
        assert_is_at_the_edge(&joiner.run_of(&second), &second.sent());
    }
}

#[test]
fn a_publisher_that_comes_where_a_player_still_asks_the_last_home_is_at_home_there() {
    for within in [false, true] {
        let stream = StreamConfig { grace: ms(500), ..StreamConfig::default() };
        let mut world = World::with_loops(seed(8), 3, with_streams(stream));
        let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
        let keeps_it = world.next_at(0).player("live/cam");
        world.run_until(ms(1_000));
        world.cut(&first);
        world.hold_back(0);
        let asks = world.next_at(1).player("live/cam");
        world.run_until(ms(2_000));
        assert_eq!(
            keeps_it.notices(),
            [UNPUBLISH_NOTIFY],
            "the grace is over, and nobody has read what the other one asks"
        );
        let watched = |world: &mut World, sent: &dyn Fn() -> Vec<MediaSent>| {
            let elsewhere = world.next_at(2).player("live/cam");
            world.run_for(ms(500));
            world.let_through(0);
            world.run_for(ms(500));
            for player in [&asks, &elsewhere] {
                assert_eq!(player.notices(), [""; 0]);
                assert_is_at_the_edge(&check_run(&player.media(), &sent()).expect("one run"), &sent());
            }
        };
        world.next_at(1);
        if within {
            let second = world.publish_within("live/cam", SMALL.marked(2)).expect("the name is free");
            watched(&mut world, &|| second.sent());
        } else {
            let second = world.publisher("live/cam").streaming(SMALL.marked(2));
            watched(&mut world, &|| second.sent());
        }
    }
}

#[test]
fn a_loop_whose_player_goes_and_comes_while_a_publisher_returns_elsewhere_is_not_forgotten() {
    for number in 0..16 {
        let mut world = World::with_loops(seed(number), 3, ServerConfig::default());
        world.set_link(WIDE);
        let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
        let keeps_it = world.next_at(0).player("live/cam");
        // The world attends to them in this order.
        let encoder = world.next_at(1).peer();
        let goes = world.next_at(2).player("live/cam");
        let comes = world.next_at(2).peer();
        for peer in [&encoder, &comes] {
            peer.with(|peer| {
                peer.connect("live");
                peer.create_stream();
            });
        }
        world.run_until(ms(1_000));
        goes.run_of(&first);
        world.cut(&first);
        world.run_until(ms(1_500));
        // All of it is there in one moment, in which the directory is asked for the publisher first.
        encoder.with(|peer| peer.publish(StreamId(1), "cam"));
        world.hang_up(&goes);
        comes.with(|peer| peer.play(StreamId(1), "cam"));
        world.run_until(ms(2_000));
        let sent: Vec<_> = SMALL.marked(2).media().take(60).collect();
        for media in &sent {
            let (type_id, payload) = (media.type_id, media.payload.clone());
            encoder.with(|peer| peer.send_media(StreamId(1), type_id, media.timestamp_ms, payload));
        }
        world.run_until(ms(3_000));
        for media in [keeps_it.media(), comes.with(|peer| peer.media().to_vec())] {
            let run = run_of_mark(&media, 2, &sent).unwrap_or_else(|what| panic!("seed {number}: {what}"));
            assert_eq!((run.first, run.last), (FIRST_FRAME, 59), "seed {number}");
        }
    }
}

#[test]
fn players_and_publishers_that_are_allowed_in_one_moment_find_each_other() {
    for number in 0..30 {
        let stream = StreamConfig { grace: ms(300), ..StreamConfig::default() };
        let mut world = World::with_loops(seed(number), 4, with_streams(stream));
        world.set_link(WIDE);
        world.set_parcel_delay(ms(number % 3 * 10));
        world.set_policy(|_| Answer::allow().after(ms(100)));
        let mut before = Vec::new();
        for round in 0..4 {
            let early = [world.player("live/cam"), world.player("live/cam")];
            let camera = world.publisher("live/cam").streaming(SMALL.marked(round));
            let late = [world.player("live/cam"), world.player("live/cam")];
            world.run_for(ms(700));
            assert!(is_live(&camera), "seed {number}: {:?}", camera.phase());
            for viewer in early.iter().chain(&late) {
                assert_is_at_the_edge(&viewer.run_of(&camera), &camera.sent());
            }
            camera.finish();
            before.extend(early.into_iter().chain(late));
            // The next ones are answered while the end of this one is under way, or just behind that.
            world.run_for(ms(u64::from(round) * 7));
        }
        world.run_for(ms(200));
        assert!(before.iter().all(|viewer| viewer.notices() == [UNPUBLISH_NOTIFY]), "seed {number}");
    }
}

#[test]
fn a_player_of_a_name_that_nobody_publishes_at_any_loop_is_told_so_and_no_loop_remembers_it() {
    let mut world = World::with_loops(seed(6), 3, ServerConfig::default());
    let viewers = players_all_round::<3>(&mut world, "live/nobody");
    world.run_until(ms(9_000));
    assert_eq!(world.stream_count(), 1);
    world.run_until(ms(30_000));
    for viewer in &viewers {
        assert_eq!(viewer.phase(), Phase::Refused(STREAM_NOT_FOUND.to_owned()));
    }
    assert_eq!(world.stream_count(), 0);
}

#[test]
fn names_that_are_waited_for_at_one_loop_do_not_keep_a_publisher_of_another_out() {
    let mut world = World::with_loops(seed(7), 2, ServerConfig::default());
    // All at once, so that the world has few moments.
    world.set_link(LinkOptions { latency: ms(0), ..WIDE });
    let peers = NAMES.div_ceil(limits::NET_STREAMS);
    let waiting: Vec<_> = (0..peers).map(|_| world.next_at(1).peer()).collect();
    for (number, peer) in waiting.iter().enumerate() {
        peer.with(|peer| {
            peer.connect("live");
            for stream in 1..=limits::NET_STREAMS {
                peer.create_stream();
                peer.play(StreamId(stream as u32), &format!("{number}/{stream}"));
            }
        });
    }
    world.run_until(ms(100));
    assert_eq!(world.stream_count(), peers * limits::NET_STREAMS);
    let camera = world.next_at(0).publisher("live/cam").streaming(SMALL);
    let within = world.publish_within("live/within", SMALL);
    world.run_until(ms(300));
    assert!(is_live(&camera) && within.is_ok());
    let viewer = world.next_at(0).player("live/cam");
    world.run_until(ms(500));
    viewer.run_of(&camera);
    // That nothing is left is seen the sooner for it.
    for peer in &waiting {
        world.hang_up(peer);
    }
}

/// So many that one loop waits for.
const NAMES: usize = 5_000;
