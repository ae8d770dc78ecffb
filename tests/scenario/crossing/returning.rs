//! Returning on another loop: a publisher crosses inwards, and players everywhere go on.

use sol_core::hub::StreamConfig;
use sol_core::server::ServerConfig;
use sol_tests::peer::Peer;
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::{MediaRole, MediaSent, Pattern};
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::{Phase, Publisher};
use sol_tests::world::{Client, World, ms, seed};

use super::{
    FIRST_FRAME, SMALL, UNPUBLISH_NOTIFY, assert_is_at_the_edge, assert_time_never_steps_back, crossed_once,
    is_live, media_of_mark, players_all_round, run_of_mark, with_streams,
};

#[test]
fn a_publisher_that_goes_round_the_loops_keeps_all_its_players() {
    for delay in [0, 15] {
        let mut world = World::with_loops(seed(1), 3, ServerConfig::default());
        world.set_parcel_delay(ms(delay));
        let viewers = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(200));
        let mut cameras = Vec::new();
        for round in 0..7 {
            let pattern = SMALL.marked(round).starting_at_ms(round * 1_000_000);
            let camera = world.next_at(round as usize % 3).publisher("live/cam").streaming(pattern);
            world.run_for(ms(1_700));
            assert!(is_live(&camera), "{:?}", camera.phase());
            world.cut(&camera);
            world.run_for(ms(300));
            cameras.push(camera);
        }
        for viewer in &viewers {
            let media = viewer.media();
            for (mark, camera) in (0..).zip(&cameras) {
                let run = run_of_mark(&media, mark, &camera.sent()).expect("one run");
                assert_eq!(run.first, FIRST_FRAME, "behind its own configurations");
                assert_is_at_the_edge(&run, &camera.sent());
            }
            assert_time_never_steps_back(&media);
            assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
        }
        // The home is where it was first.
        for elsewhere in [1, 2] {
            let crossed = crossed_once(&world, elsewhere);
            assert_eq!((crossed.beginnings, crossed.splices, crossed.ends), (1, 6, 0));
        }
        let inwards: usize = cameras.iter().skip(1).map(|camera| camera.sent().len()).sum();
        let at_home: usize = cameras.iter().skip(3).step_by(3).map(|camera| camera.sent().len()).sum();
        let lost_with_the_cuts = (inwards - at_home).abs_diff(world.inwards_to(0).media);
        assert!(lost_with_the_cuts < 4 * 10, "{lost_with_the_cuts}");
        assert_eq!(world.crossings_to(0), []);
    }
}

#[test]
fn a_publisher_that_returns_with_other_configurations_is_decoded_with_them_everywhere() {
    let mut world = World::with_loops(seed(2), 3, ServerConfig::default());
    let viewers = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(200));
    let first = world.next_at(0).publisher("live/cam").streaming(Pattern::new().marked(1));
    world.run_until(ms(3_000));
    world.cut(&first);
    let encoder = encoder_at(&mut world, 1);
    world.run_until(ms(3_500));
    let media = Pattern::new().marked(2).media().take_while(|media| media.due < ms(3_000));
    let sent: Vec<_> = media.map(at_another_level).collect();
    send(&mut world, &encoder, &sent);
    let joiners = players_all_round::<3>(&mut world, "live/cam");
    world.run_for(ms(500));

    for viewer in &viewers {
        let media = viewer.media();
        run_of_mark(&media, 1, &first.sent()).expect("one run");
        let run = run_of_mark(&media, 2, &sent).expect("one run, with its own configurations");
        assert_eq!((run.first, run.last), (FIRST_FRAME, sent.len() as u64 - 1));
    }
    for joiner in &joiners {
        let run = check_run(&joiner.media(), &sent).expect("one run, with the latest configurations");
        assert_eq!(sent[run.first as usize].timestamp_ms, 2_000);
    }
}

#[test]
fn of_publishers_that_come_to_all_loops_at_once_one_has_the_name() {
    for number in 0..12 {
        let mut world = World::with_loops(seed(number), 3, ServerConfig::default());
        world.set_parcel_delay(ms(number));
        let viewers = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(200));
        let mut marks = Vec::new();
        for round in 0..3 {
            let at_once: Vec<_> = (0..3)
                .map(|index| {
                    let pattern = SMALL.marked(round * 3 + index);
                    world.next_at(index as usize).publisher("live/cam").streaming(pattern)
                })
                .collect();
            world.run_for(ms(800));
            let owners: Vec<_> = at_once.iter().filter(|camera| is_live(camera)).collect();
            assert_eq!(owners.len(), 1, "seed {number}");
            let refused = at_once.iter().filter(|camera| !is_live(camera));
            for camera in refused {
                assert_eq!(camera.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));
            }
            let mark = at_once.iter().position(is_live).unwrap_or_default() as u32 + round * 3;
            marks.push((mark, owners[0].sent()));
            // The next ones come within its grace.
            world.cut(owners[0]);
            world.run_for(ms(100));
        }
        for viewer in &viewers {
            for (mark, sent) in &marks {
                run_of_mark(&viewer.media(), *mark, sent).expect("one run");
            }
            assert_eq!(viewer.notices(), [""; 0], "seed {number}");
        }
    }
}

#[test]
fn a_publisher_whose_return_is_under_way_when_the_grace_ends_has_a_stream_that_begins_anew() {
    let stream = StreamConfig { grace: ms(1_000), ..StreamConfig::default() };
    let mut world = World::with_loops(seed(4), 3, with_streams(stream));
    let viewers = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(200));
    let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
    world.run_until(ms(2_000));
    world.cut(&first);
    world.run_until(ms(2_500));
    world.hold_back(0);
    let second = world.next_at(1).publisher("live/cam").streaming(SMALL.marked(2));
    let joiners = [world.next_at(2).player("live/cam"), world.next_at(1).player("live/cam")];
    world.run_until(ms(4_000));
    assert!(is_live(&second), "it has the name");
    for viewer in &viewers {
        assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY]);
        assert!(media_of_mark(&viewer.media(), 2).is_empty());
    }
    let late = world.next_at(2).player("live/cam");
    world.run_until(ms(4_500));
    world.let_through(0);
    world.run_until(ms(6_000));
    assert_is_at_the_edge(&late.run_of(&second), &second.sent());
    for joiner in &joiners {
        assert_eq!(
            joiner.notices(),
            [UNPUBLISH_NOTIFY],
            "it saw the last group of the first one, and its end"
        );
    }
    second.finish();
    world.run_until(ms(8_000));
    assert_eq!((late.notices(), world.stream_count()), (vec![UNPUBLISH_NOTIFY.to_owned()], 0));
    let third = world.next_at(2).publisher("live/cam").streaming(SMALL.marked(3));
    let viewer = world.next_at(0).player("live/cam");
    world.run_until(ms(9_000));
    assert_is_at_the_edge(&viewer.run_of(&third), &third.sent());
}

#[test]
fn a_publisher_that_returns_just_before_or_after_the_grace_ends_is_seen_and_leaves_nothing_behind() {
    for late in (0..=80).step_by(4) {
        let stream = StreamConfig { grace: ms(1_000), ..StreamConfig::default() };
        let mut world = World::with_loops(seed(late), 3, with_streams(stream));
        world.set_parcel_delay(ms(30));
        let viewers = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(200));
        let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
        world.run_until(ms(1_500));
        world.cut(&first);
        // What it asks for is there after some 180 ms.
        world.run_until(ms(1_500 + 1_000 - 200 + late));
        let second = world.next_at(1).publisher("live/cam").streaming(SMALL.marked(2));
        world.run_until(ms(3_500));
        assert!(is_live(&second), "{late} ms: {:?}", second.phase());
        let told: Vec<_> = viewers.iter().map(Client::notices).collect();
        assert!(told.iter().all(|notices| *notices == told[0]), "{late} ms: {told:?}");
        for viewer in &viewers {
            match &viewer.notices()[..] {
                [] => drop(run_of_mark(&viewer.media(), 2, &second.sent()).expect("one run")),
                [one] => assert_eq!(one, UNPUBLISH_NOTIFY),
                more => panic!("{more:?}"),
            }
        }
        let joiners = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(4_500));
        for joiner in &joiners {
            assert_is_at_the_edge(&joiner.run_of(&second), &second.sent());
        }
    }
}

#[test]
fn a_home_whose_grace_ends_while_another_publisher_comes_and_goes_is_the_only_one() {
    let plots = [(false, 3_300), (true, 3_300), (false, 4_300), (true, 4_300)];
    // Of what has waited for the home, whose comes first is up to the dice.
    for ((is_cut, third_comes_ms), number) in
        plots.into_iter().flat_map(|plot| (0..4).map(move |n| (plot, n)))
    {
        let stream = StreamConfig { grace: ms(1_000), ..StreamConfig::default() };
        let mut world = World::with_loops(seed(number), 3, with_streams(stream));
        // It takes nothing, so that it does not hear of the end, and its loop wants the stream all the time.
        let stalled = world.next_at(1).player("live/cam");
        world.run_until(ms(200));
        let first = world.next_at(0).publisher("live/cam").streaming(SMALL.video_kilobits(8_000).marked(1));
        world.run_until(ms(600));
        world.stall(&stalled);
        world.run_until(ms(2_000));
        world.cut(&first);
        world.hold_back(0);
        let second = world.next_at(1).publisher("live/cam").streaming(SMALL.marked(2));
        world.run_until(ms(2_500));
        assert!(is_live(&second), "{:?}", second.phase());
        if is_cut {
            world.cut(&second);
        } else {
            second.finish();
        }
        // The grace that the home knows of has ended.
        world.run_until(ms(3_150));
        let waiting = players_all_round::<3>(&mut world, "live/cam");
        // It hears of the second publisher, behind the third or before it.
        let (early, late) = (ms(third_comes_ms.min(4_000)), ms(third_comes_ms.max(4_000)));
        world.run_until(early);
        let come = |world: &mut World| world.next_at(2).publisher("live/cam").streaming(SMALL.marked(3));
        let third = if early < ms(4_000) {
            let third = come(&mut world);
            world.run_until(late);
            world.let_through(0);
            third
        } else {
            world.let_through(0);
            world.run_until(late);
            come(&mut world)
        };
        world.run_until(ms(7_000));
        assert!(is_live(&third), "{:?}", third.phase());
        let joiners = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(8_000));
        for joiner in &joiners {
            assert_is_at_the_edge(&joiner.run_of(&third), &third.sent());
        }
        for player in &waiting {
            // It has seen all of the second one, or the third one goes on.
            match &player.notices()[..] {
                [] => drop(run_of_mark(&player.media(), 3, &third.sent()).expect("one run")),
                [_] => assert!(media_of_mark(&player.media(), 3).is_empty(), "the third one goes on"),
                more => panic!("{more:?}"),
            }
        }
        third.finish();
        world.hang_up(&stalled);
        world.run_until(ms(14_000));
        assert_eq!(world.stream_count(), 0);
    }
}

#[test]
fn the_name_of_a_publisher_that_has_left_is_free_at_once_though_its_home_is_slow() {
    let finishes: fn(&mut World, &Client<Publisher>) = |_, camera| camera.finish();
    let is_cut: fn(&mut World, &Client<Publisher>) = |world, camera| world.cut(camera);
    for leaves in [finishes, is_cut] {
        let mut world = World::with_loops(seed(6), 3, ServerConfig::default());
        let viewers = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(200));
        let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
        world.run_until(ms(1_000));
        world.cut(&first);
        world.run_until(ms(1_100));
        let second = world.next_at(1).publisher("live/cam").streaming(SMALL.marked(2));
        world.run_until(ms(2_000));
        world.hold_back(0);
        leaves(&mut world, &second);
        // The news of it and what the next one asks for need 200 ms together.
        let third = world.next_at(2).publisher("live/cam").streaming(SMALL.marked(3));
        world.run_until(ms(3_000));
        assert!(is_live(&third), "{:?}", third.phase());
        world.let_through(0);
        world.run_until(ms(4_000));
        for viewer in &viewers {
            run_of_mark(&viewer.media(), 2, &second.sent()).expect("one run");
        }
        let joiner = world.next_at(1).player("live/cam");
        world.run_until(ms(5_000));
        assert_is_at_the_edge(&joiner.run_of(&third), &third.sent());
    }
}

/// The same configuration but for a level that no other pattern says.
fn at_another_level(media: MediaSent) -> MediaSent {
    if media.role != MediaRole::VideoConfig {
        return media;
    }
    let mut payload = media.payload.to_vec();
    payload[8] = 0x28;
    MediaSent { payload: payload.into(), ..media }
}

fn encoder_at(world: &mut World, index: usize) -> Client<Peer> {
    let encoder = world.next_at(index).peer();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    encoder
}

fn send(world: &mut World, encoder: &Client<Peer>, sent: &[MediaSent]) {
    let began = world.now();
    for media in sent {
        world.run_until(began + media.due);
        let (type_id, payload) = (media.type_id, media.payload.clone());
        encoder.with(|peer| peer.send_media(StreamId(1), type_id, media.timestamp_ms, payload));
    }
}
