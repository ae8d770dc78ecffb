//! Refusing: whoever may not is told why, and it costs nobody else anything.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;

use sol_core::session::Refusal;
use sol_tests::peer::script::Phase;
use sol_tests::peer::{Peer, PeerOptions};

use crate::adapters::Adapter;
use crate::house::House;
use crate::net::MINUTE;
use crate::patience::{ms, patient};
use crate::porter::{Rules, What};
use crate::visitor::{Visitor, name_in_use};

pub(crate) fn a_second_publisher_is_refused_and_the_first_goes_on(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = house.publisher("cam");
    let mut player = house.player("cam");
    // Several, so that some of them come in other threads.
    for _ in 0..8 {
        let second = house.publisher("cam");
        assert_eq!(*second.phase(), name_in_use());
        let seen = house.until(|seen| seen.who == Some(second.address) && seen.what != What::Asked);
        assert_eq!(seen.what, What::Refused("name-in-use"));
    }
    camera.stream(ms(2_000));
    player.watch(camera.sent());
}

pub(crate) fn whom_the_policy_refuses_hears_why(adapter: &dyn Adapter) {
    let refused = vec![
        ("secret", Refusal::Denied("Wrong key.".into())),
        ("full", Refusal::Rejected("Come back later.".into())),
    ];
    let house = House::ruled(adapter, patient(), Rules { refused, ..Rules::default() });
    let codes = [("secret", "NetStream.Publish.Denied"), ("full", "NetStream.Publish.Rejected")];
    for ((name, code), words) in codes.into_iter().zip(["Wrong key.", "Come back later."]) {
        let camera = house.publisher(name);
        assert_eq!(*camera.phase(), Phase::Refused(code.to_owned()));
        let statuses = camera.script().peer().statuses_in_full();
        assert!(statuses.iter().any(|status| status.description.contains(words)), "{statuses:?}");
        let player = house.player(name);
        assert!(matches!(player.phase(), Phase::Refused(_)), "{:?}", player.phase());
        let address = player.address;
        drop((camera, player));
        assert_eq!(house.until_closed(address), "refused");
    }
    house.until_empty();
}

pub(crate) fn a_refusal_is_read_before_the_connection_closes_whatever_the_peer_still_sends(
    adapter: &dyn Adapter,
) {
    let house = House::open(adapter);
    let mut peer = Peer::new(PeerOptions::default());
    // Too long for a name, so it is refused and the connection closed at once. What comes behind it is never looked
    // at; unread, it would turn the close into a reset, and a reset voids what the peer has not read.
    peer.connect(&"x".repeat(1_000));
    peer.send_raw_bytes(&[0; 300_000]);
    let mut visitor = Visitor::at(house.address, peer);
    visitor.run_until(|peer| peer.answer_to("connect").is_some());
    // The answer has been read. One whose machine stood still for longer than the server lingers may see a reset now.
    let end = visitor.run_to_the_end().map_err(|error| error.kind());
    assert!(matches!(end, Ok(()) | Err(ErrorKind::ConnectionReset)), "{end:?}");
    let answer = visitor.script().answer_to("connect");
    assert_eq!(answer.and_then(|answer| answer.text("code")), Some("NetConnection.Connect.Rejected"));
    assert_eq!(house.until_closed(visitor.address), "connect-refused");
    drop(visitor);
    house.until_empty();
}

pub(crate) fn connections_beyond_the_maximum_are_turned_away_and_the_others_undisturbed(
    adapter: &dyn Adapter,
) {
    let mut config = patient();
    config.connections_max = 2;
    let house = House::with(adapter, config);
    let mut camera = house.publisher("cam");
    let mut player = house.player("cam");
    for _ in 0..4 {
        let mut third = TcpStream::connect(house.address).expect("the server listens");
        third.set_read_timeout(Some(MINUTE)).expect("it is open");
        assert!(matches!(third.read(&mut [0; 16]), Ok(0) | Err(_)));
        house.until(|seen| seen.what == What::TurnedAway("too-many-connections"));
    }
    camera.stream(ms(1_000));
    player.watch(camera.sent());
    drop(player);
    house.until_counts(1, 1);
    house.player("cam").watch(camera.sent());
}
