//! Late answers: the application may take its time, and answer from another thread.

use std::thread;

use sol_core::session::{Refusal, RequestKind};
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::{MediaSent, Pattern};
use sol_tests::peer::script::{Phase, Player, Publisher};
use sol_tests::peer::{Peer, PeerOptions};

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::{ms, patient, timed};
use crate::porter::{Rules, What};
use crate::visitor::Visitor;

pub(crate) fn a_policy_that_takes_its_time_keeps_only_its_own_client_waiting(adapter: &dyn Adapter) {
    let house = House::ruled(adapter, patient(), held());
    let mut slow = asks(&house);
    let mut camera = house.publisher("cam");
    let mut player = house.player("cam");
    camera.stream(ms(1_000));
    player.watch(camera.sent());
    assert!(matches!(slow.phase(), Phase::Starting(_)), "{:?}", slow.phase());
    house.answer("slow", Ok(()));
    slow.run_until(|script| script.phase().is_decided());
    let mut its_player = asks_to_play(&house);
    house.answer("slow", Ok(()));
    slow.stream(ms(1_000));
    its_player.watch(slow.sent());
}

pub(crate) fn many_answers_at_once_reach_those_who_asked(adapter: &dyn Adapter) {
    let house = House::ruled(adapter, patient(), held());
    let mut all: Vec<_> = (0..20).map(|_| asks(&house)).collect();
    thread::scope(|scope| {
        for number in 0..all.len() {
            let verdict = if number == 7 { Ok(()) } else { Err(Refusal::Denied("no".into())) };
            let house = &house;
            scope.spawn(move || house.answer("slow", verdict));
        }
    });
    for camera in &mut all {
        camera.run_until(|script| script.phase().is_decided());
    }
    let allowed = all.iter().filter(|camera| matches!(camera.phase(), Phase::Live(_))).count();
    assert_eq!(allowed, 1, "who was allowed is the only one to publish");
}

pub(crate) fn a_peer_that_leaves_before_the_answer_leaves_nothing_behind(adapter: &dyn Adapter) {
    let house = House::ruled(adapter, patient(), held());
    for round in 0..4 {
        let address = asks(&house).vanish(round);
        house.answer("slow", Ok(()));
        house.until_closed(address);
    }
    house.until_empty();
}

pub(crate) fn a_request_that_is_never_answered_is_refused_in_time_and_the_answer_then_is_harmless(
    adapter: &dyn Adapter,
) {
    let house = House::ruled(adapter, timed(|timers| timers.answer = ms(100)), held());
    let mut slow = asks(&house);
    slow.run_until(|script| script.phase().is_decided());
    assert_eq!(*slow.phase(), Phase::Refused("NetStream.Publish.Rejected".to_owned()));
    house.answer("slow", Ok(()));
    // Nothing but being asked has an end in this server, and it goes on.
    let mut next = asks(&house);
    next.run_until(|script| script.phase().is_decided());
    assert_eq!(next.phase(), slow.phase());
    slow.close_its_side();
    slow.run_to_the_end().expect("it is still said goodbye");
    assert_eq!(house.until_closed(slow.address), "refused");
    let seen = house.seen_besides();
    assert!(!seen.iter().any(|seen| seen.who == Some(slow.address)
        && matches!(seen.what, What::Started(_) | What::Ended(RequestKind::Publish, ..))));
}

pub(crate) fn what_an_eager_encoder_sent_behind_its_request_is_not_lost(adapter: &dyn Adapter) {
    let house = House::ruled(adapter, patient(), held());
    let mut player = asks_to_play(&house);
    house.answer("slow", Ok(()));
    house.until_started(player.address);
    let (encoder, sent) = eager_encoder(&house);
    house.answer("slow", Ok(()));
    player.watch(&sent);
    assert!(player.is_live());
    drop(encoder);
}

pub(crate) fn what_was_sent_behind_a_request_that_is_refused_late_goes_nowhere(adapter: &dyn Adapter) {
    let house = House::ruled(adapter, patient(), held());
    let mut player = asks_to_play(&house);
    house.answer("slow", Ok(()));
    house.until_started(player.address);
    let (mut encoder, _) = eager_encoder(&house);
    house.answer("slow", Err(Refusal::Denied("no".into())));
    let denied = |peer: &Peer| peer.statuses().iter().any(|(_, code)| *code == "NetStream.Publish.Denied");
    encoder.run_until(denied);

    let mut camera = asks(&house);
    house.answer("slow", Ok(()));
    camera.run_until(|script| script.phase().is_decided());
    camera.stream(ms(300));
    assert_eq!(player.watch(camera.sent()).first, 3, "it came from this one");
}

/// `slow` waits for the test.
fn held() -> Rules {
    Rules { held: vec!["slow"], ..Rules::default() }
}

/// A publisher whose request the application has.
fn asks(house: &House<'_>) -> Visitor<Publisher> {
    let mut visitor = Visitor::at(house.address, Publisher::new("live", "slow", Pattern::new()));
    visitor.poise();
    visitor.flush();
    house.until_asked(visitor.address);
    visitor
}

/// The same of a player.
fn asks_to_play(house: &House<'_>) -> Visitor<Player> {
    let mut visitor = Visitor::at(house.address, Player::new("live", "slow"));
    visitor.poise();
    visitor.flush();
    house.until_asked(visitor.address);
    visitor
}

/// An encoder that waits for nothing: its commands and its media are one row of bytes. The application has its request.
fn eager_encoder(house: &House<'_>) -> (Visitor<Peer>, Vec<MediaSent>) {
    // With a mark of its own.
    let pattern = Pattern::new().marked(9);
    let sent: Vec<_> = pattern.media().take_while(|media| media.due < ms(2_000)).collect();
    let mut peer = Peer::new(PeerOptions { glue_connect_to_c2: true, ..PeerOptions::default() });
    peer.connect("live");
    peer.create_stream();
    peer.publish(StreamId(1), "slow");
    for media in &sent {
        peer.send_media(StreamId(1), media.type_id, media.timestamp_ms, media.payload.clone());
    }
    let mut encoder = Visitor::at(house.address, peer);
    encoder.run_until(|peer| peer.answer_to("createStream").is_some());
    house.until_asked(encoder.address);
    (encoder, sent)
}
