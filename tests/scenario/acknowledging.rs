//! Acknowledging: how the two ends tell each other what has arrived (RTMP 1.0, 5.4.3 to 5.4.5).

use sol_core::limits;
use sol_tests::peer::PeerOptions;
use sol_tests::peer::message::TypeId;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Publisher;
use sol_tests::world::{Client, World, ms, seed};

#[test]
fn a_publisher_is_told_the_running_total_as_often_as_it_asks_but_no_more_than_each_16_kib() {
    for (asked, expected) in [(1, limits::ACKNOWLEDGEMENT_BYTES), (16_384, 16_384), (100_000, 100_000)] {
        let mut world = World::new(seed(1));
        let camera = world.publisher("live/cam").streaming(Pattern::new());
        world.run_for(ms(500));
        camera.with(|camera| camera.peer_mut().set_window_ack_bytes(asked));
        world.run_for(ms(20_000));

        let totals = words_of(&camera, TypeId::ACKNOWLEDGEMENT);
        assert!(totals.len() > 5, "{totals:?}");
        assert!(totals.windows(2).all(|pair| pair[1] - pair[0] == expected), "each {asked}: {totals:?}");
        let sent = camera.with(|camera| camera.peer().bytes_sent()) as u32;
        let last = totals[totals.len() - 1];
        assert!((sent - expected * 2..=sent).contains(&last), "{last} of {sent}");
    }
}

#[test]
fn a_publisher_that_asks_again_and_again_is_told_as_often_as_one_that_asks_once() {
    let mut world = World::new(seed(5));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_for(ms(500));
    for _ in 0..200 {
        camera.with(|camera| camera.peer_mut().set_window_ack_bytes(50_000));
        world.run_for(ms(100));
    }
    let totals = words_of(&camera, TypeId::ACKNOWLEDGEMENT);
    assert!(totals.len() > 20, "{totals:?}");
    assert!(totals.windows(2).all(|pair| pair[1] - pair[0] == 50_000), "{totals:?}");
}

#[test]
fn a_publisher_that_never_asks_is_told_nothing() {
    let mut world = World::new(seed(2));
    let never = PeerOptions { answers_bandwidth: false, ..PeerOptions::default() };
    let camera = world.publisher("live/cam").with(never).streaming(Pattern::new());
    world.run_for(ms(60_000));
    let sent = camera.with(|camera| camera.peer().bytes_sent());
    assert!(sent > 3_000_000, "more than any window that it was told: {sent}");
    assert_eq!(words_of(&camera, TypeId::ACKNOWLEDGEMENT), [0; 0]);
}

#[test]
fn set_peer_bandwidth_of_any_limit_type_is_answered_with_a_window_of_that_size() {
    let mut world = World::new(seed(3));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_for(ms(500));
    let before = words_of(&camera, TypeId::WINDOW_ACK_SIZE).len();
    let windows: [u32; 3] = [500_000, 600_000, 700_000];
    for (limit, window) in (0..).zip(windows) {
        set_peer_bandwidth(&camera, window, limit);
    }
    world.run_for(ms(500));
    assert_eq!(words_of(&camera, TypeId::WINDOW_ACK_SIZE)[before..], windows);
}

#[test]
fn set_peer_bandwidth_is_answered_only_where_it_changes_the_window() {
    let mut world = World::new(seed(4));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_for(ms(500));
    let [at_first] = words_of(&camera, TypeId::WINDOW_ACK_SIZE)[..] else { panic!("one, with connect") };
    for window in [at_first, 500_000, 500_000, 500_000, at_first, at_first] {
        set_peer_bandwidth(&camera, window, 2);
    }
    world.run_for(ms(500));
    assert_eq!(words_of(&camera, TypeId::WINDOW_ACK_SIZE), [at_first, 500_000, at_first]);
}

fn set_peer_bandwidth(camera: &Client<Publisher>, window: u32, limit: u8) {
    let payload = [&window.to_be_bytes()[..], &[limit]].concat();
    camera.with(|camera| camera.peer_mut().send_control(TypeId::SET_PEER_BANDWIDTH, &payload));
}

/// The first four bytes of all messages of a type.
fn words_of(camera: &Client<Publisher>, type_id: TypeId) -> Vec<u32> {
    let word = |payload: &[u8]| u32::from_be_bytes(payload[..4].try_into().expect("four bytes"));
    camera.with(|camera| {
        let received = camera.peer().received().iter();
        received.filter(|message| message.type_id == type_id).map(|message| word(&message.payload)).collect()
    })
}
