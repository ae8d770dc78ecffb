//! Deadlines: what a peer leaves undone has an end. Only the time that is to run out is short.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use sol_core::session::{Refusal, SessionTimers};
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::{Phase, Player, Publisher};
use sol_tests::peer::{Peer, PeerOptions};

use crate::adapters::Adapter;
use crate::house::House;
use crate::net::MINUTE;
use crate::patience::{ms, streaming, timed};
use crate::porter::Rules;
use crate::visitor::Visitor;

pub(crate) fn a_handshake_that_stands_still_is_closed_in_time(adapter: &dyn Adapter) {
    let house = House::with(adapter, timed(|timers| timers.handshake = SHORT));
    assert_eq!(reason_of_one_who_says(&house, &[], SHORT), "handshake-timeout");
    assert_eq!(reason_of_one_who_says(&house, &[3; 1_000], SHORT), "handshake-timeout");
    house.until_empty();
}

pub(crate) fn a_hundred_who_stand_still_are_each_closed_in_time(adapter: &dyn Adapter) {
    let house = House::with(adapter, timed(|timers| timers.handshake = SHORT));
    let came = Instant::now();
    let all: Vec<_> = (0..100).map(|_| connect(&house)).collect();
    for (_, address) in &all {
        assert_eq!(house.until_closed(*address), "handshake-timeout");
        assert!(came.elapsed() >= SHORT);
    }
    drop(all);
    house.until_empty();
}

pub(crate) fn a_client_that_talks_without_end_is_closed_in_time(adapter: &dyn Adapter) {
    let house = House::with(adapter, timed(|timers| timers.command = SHORT));
    let came = Instant::now();
    let (mut socket, address) = connect(&house);
    socket.write_all(&[3; 1 + 2 * 1_536]).expect("the server takes it");
    let mut talking = socket.try_clone().expect("there are descriptors");
    thread::scope(|scope| {
        scope.spawn(move || {
            // Acknowledgements, which nobody asked for, as fast as they can be sent.
            let words = [2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0].repeat(1_024);
            while talking.write_all(&words).is_ok() {}
        });
        assert_eq!(house.until_closed(address), "command-timeout");
        assert!(came.elapsed() >= SHORT);
        socket.shutdown(Shutdown::Both).ok();
    });
}

pub(crate) fn a_client_that_asks_for_nothing_is_closed_in_time(adapter: &dyn Adapter) {
    let house = House::with(adapter, timed(|timers| timers.command = SHORT));
    assert_eq!(reason_of_one_who_says(&house, &[3; 1 + 2 * 1_536], SHORT), "command-timeout");
    let came = Instant::now();
    let mut peer = Peer::new(PeerOptions::default());
    peer.connect("live");
    let mut visitor = Visitor::at(house.address, peer);
    visitor.flush();
    visitor.run_to_the_end().expect("it is said goodbye");
    assert_eq!(house.until_closed(visitor.address), "command-timeout");
    assert!(came.elapsed() >= SHORT);
}

pub(crate) fn a_connection_that_falls_silent_is_closed_in_time(adapter: &dyn Adapter) {
    let house = House::with(adapter, timed(|timers| timers.silence = ms(200)));
    assert_eq!(reason_of_one_who_says(&house, &[3; 1 + 2 * 1_536], ms(200)), "silent");
}

pub(crate) fn a_player_whose_stream_never_comes_is_told_in_time(adapter: &dyn Adapter) {
    let house = House::with(adapter, streaming(|stream| stream.waiting = SHORT));
    let came = Instant::now();
    let mut player = Visitor::at(house.address, Player::new("live", "nobody"));
    player.run_until(|player| matches!(player.phase(), Phase::Refused(_) | Phase::EndedByServer(_)));
    assert_eq!(*player.phase(), Phase::Refused("NetStream.Play.StreamNotFound".to_owned()));
    assert_eq!(house.until_ended(player.address).0, "not-found");
    assert!(came.elapsed() >= SHORT);
}

pub(crate) fn one_who_is_refused_and_stays_is_closed_in_time(adapter: &dyn Adapter) {
    let rules = Rules { refused: vec![("no", Refusal::NotFound)], ..Rules::default() };
    let config = timed(|timers: &mut SessionTimers| timers.farewell = SHORT);
    let house = House::ruled(adapter, config, rules);
    let came = Instant::now();
    let mut camera = Visitor::at(house.address, Publisher::new("live", "no", Pattern::new()));
    camera.flush();
    camera.run_to_the_end().expect("it is said goodbye");
    assert!(matches!(camera.phase(), Phase::Refused(_)), "{:?}", camera.phase());
    assert_eq!(house.until_closed(camera.address), "refused");
    assert!(came.elapsed() >= SHORT);
}

/// Says this and nothing more, but listens; why the server has enough of it, which it may not have any sooner.
fn reason_of_one_who_says(house: &House<'_>, words: &[u8], patience: Duration) -> &'static str {
    let came = Instant::now();
    let (mut socket, address) = connect(house);
    socket.write_all(words).expect("the server takes it");
    let mut heard = [0; 8 * 1_024];
    // However it ends: a reset is an end as well.
    while socket.read(&mut heard).is_ok_and(|count| count > 0) {}
    let why = house.until_closed(address);
    assert!(came.elapsed() >= patience);
    why
}

fn connect(house: &House<'_>) -> (TcpStream, SocketAddr) {
    let socket = TcpStream::connect(house.address).expect("the server listens");
    socket.set_read_timeout(Some(MINUTE)).expect("it is open");
    let address = socket.local_addr().expect("it is connected");
    (socket, address)
}

const SHORT: Duration = ms(100);
