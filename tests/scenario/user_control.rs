//! User control: events that peers send (RTMP 1.0, 7.1.7), and the pings that both ends ask each other with.

use std::time::Duration;

use bytes::Bytes;
use sol_core::limits;
use sol_core::quirk::Quirk;
use sol_core::session::Session;
use sol_tests::peer::message::{StreamId, TypeId, UserControl};
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Script;
use sol_tests::peer::{Peer, PeerOptions};
use sol_tests::world::{Client, LinkOptions, World, ms, seed};

#[test]
fn events_of_every_kind_from_publisher_and_player_disturb_nothing() {
    let mut world = World::new(seed(1));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_for(ms(2_000));
    let bodies: [&[u8]; 6] =
        [&[], &[1], &[0, 0, 0, 1], &[0, 0, 0, 1, 0, 0, 0x0B, 0xB8], &[0xFF; 42], &[0xFF; 5_000]];
    // Those of the specification, those that Flash knew beside them, and one that nobody ever heard of.
    let kinds = (0..=32).chain([0x7FFF, 0xFFFF]).filter(|&kind| kind != PING_REQUEST);
    let events: Vec<Vec<u8>> =
        kinds.flat_map(|kind: u16| bodies.map(|body| [&kind.to_be_bytes()[..], body].concat())).collect();
    for event in &events {
        camera.with(|camera| camera.peer_mut().send_control(TypeId::USER_CONTROL, event));
        viewer.with(|player| player.peer_mut().send_control(TypeId::USER_CONTROL, event));
    }
    world.run_for(ms(2_000));

    assert_eq!((camera.closed(), viewer.closed()), (None, None));
    let run = viewer.run_of(&camera);
    assert!(run.first == 3 && camera.sent().len() as u64 - run.last < 10, "{run:?}");
    for session in [world.session(&camera), world.session(&viewer)] {
        let session = session.expect("it is live");
        // Six events have a field, which two bodies are too short for; one has two of them.
        assert_eq!(session.quirks().get(Quirk::UserControlTooShort), 6 * 2 + 1);
        assert_eq!(session.round_trip(), None, "nobody was asked yet, so nobody answers");
    }
}

#[test]
fn a_ping_request_is_answered_with_its_own_number() {
    let mut world = World::new(seed(2));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_for(ms(2_000));
    let numbers = [0, 77, u32::MAX];
    for number in numbers {
        camera.with(|camera| camera.peer_mut().send_user_control(UserControl::PingRequest(number)));
        viewer.with(|player| player.peer_mut().send_user_control(UserControl::PingRequest(number)));
    }
    world.run_for(ms(200));
    for heard in [camera.with(|camera| pongs(camera.peer())), viewer.with(|player| pongs(player.peer()))] {
        assert_eq!(heard, numbers);
    }
}

#[test]
fn a_ping_measures_the_way_there_and_back_of_whoever_answers_it() {
    let mut world = World::new(seed(3));
    world.publisher("live/cam").streaming(Pattern::new());
    let near = world.player("live/cam");
    world.set_link(LinkOptions { latency: ms(150), ..LinkOptions::default() });
    let far = world.player("live/cam");
    let mute = world.player_with("live/cam", PeerOptions { answers_pings: false, ..PeerOptions::default() });
    world.run_until(limits::PING_TIME + ms(2_000));
    for (client, real) in [(round_trip(&world, &near), ms(40)), (round_trip(&world, &far), ms(300))] {
        let measured = client.expect("it answers");
        assert!(measured.abs_diff(real) < ms(5), "{measured:?} on a way of {real:?}");
    }
    assert_eq!(round_trip(&world, &mute), None);
}

#[test]
fn a_publisher_is_asked_whether_it_lives_only_when_it_has_fallen_silent() {
    let mut world = World::new(seed(5));
    let radio = world.peer();
    radio.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "radio");
    });
    for second in 1..=60 {
        world.run_until(ms(second * 1_000));
        let sound = Bytes::from_static(&[0xAF, 1, 0x21]);
        radio.with(|peer| peer.send_media(StreamId(1), TypeId::AUDIO, second as u32 * 1_000, sound));
    }
    assert_eq!(round_trip(&world, &radio), None, "nobody asked");
    world.run_for(limits::PING_TIME + ms(1_000));
    assert!(round_trip(&world, &radio).is_some());
}

#[test]
fn an_answer_to_no_ping_measures_nothing() {
    let mut world = World::new(seed(4));
    let mute = PeerOptions { answers_pings: false, ..PeerOptions::default() };
    world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player_with("live/cam", mute);
    let answer = |number| {
        viewer.with(|player| player.peer_mut().send_user_control(UserControl::PingResponse(number)));
    };
    world.run_until(ms(10_000));
    answer(9_990);
    world.run_until(ms(30_000));
    let asked = viewer.with(|player| {
        let events = player.peer().user_controls().iter();
        events.clone().find_map(|event| match event {
            UserControl::PingRequest(number) => Some(*number),
            _ => None,
        })
    });
    let asked = asked.expect("it was asked after 20 s");
    answer(asked + 9_000);
    world.run_for(ms(1_000));
    assert_eq!(round_trip(&world, &viewer), None);
    answer(asked);
    world.run_for(ms(1_000));
    let measured = round_trip(&world, &viewer).expect("it has answered");
    assert!(measured > ms(10_000), "late, but to what it was asked: {measured:?}");
    answer(asked);
    world.run_for(ms(1_000));
    assert_eq!(round_trip(&world, &viewer), Some(measured), "and once");
}

fn round_trip<S: Script>(world: &World, client: &Client<S>) -> Option<Duration> {
    world.session(client).and_then(Session::round_trip)
}

/// The numbers of the ping responses that came.
fn pongs(peer: &Peer) -> Vec<u32> {
    let events = peer.user_controls().iter();
    events
        .filter_map(|event| match event {
            UserControl::PingResponse(number) => Some(*number),
            _ => None,
        })
        .collect()
}

/// The one event that is answered.
const PING_REQUEST: u16 = 6;
