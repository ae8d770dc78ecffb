//! Handshake: TCP has no messages, so a client's first bytes may be cut anywhere, or come all at once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use sol_tests::peer::handshake::HandshakeKind;
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Publisher;
use sol_tests::peer::{Peer, PeerOptions};
use sol_tests::strangers::{STRANGERS, StrangersEnd, Visit};

use crate::adapters::Adapter;
use crate::house::House;
use crate::net::MINUTE;
use crate::patience::ms;
use crate::visitor::Visitor;

pub(crate) fn an_opening_is_understood_in_any_cut(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    for kind in [HandshakeKind::Simple, HandshakeKind::DigestFirst, HandshakeKind::KeyFirst] {
        let opening = opening(&house, kind);
        let whole = opening.len();
        let by_byte: Vec<usize> = (1..whole).collect();
        let by_seven: Vec<usize> = (1..whole).step_by(7).collect();
        let mut cuts = vec![vec![], by_byte, by_seven, vec![1, C0C1, C0C1 + 1, C0C1C2 - 1, C0C1C2 + 1]];
        let places = [1, 2, C0C1 - 1, C0C1, C0C1 + 1, C0C1C2 - 1, C0C1C2, C0C1C2 + 1, whole - 1];
        cuts.extend(places.map(|place| vec![place]));
        for cuts in cuts {
            say_again(&house, kind, &opening, &cuts);
        }
    }
}

pub(crate) fn connect_glued_to_c2_is_answered(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let options = PeerOptions { glue_connect_to_c2: true, ..PeerOptions::default() };
    let script = Publisher::with_options("live", "cam", Pattern::new(), options);
    let mut camera = Visitor::at(house.address, script);
    camera.run_until(|script| script.phase().is_decided());
    let mut player = house.player("cam");
    camera.stream(ms(500));
    player.watch(camera.sent());
}

pub(crate) fn what_is_no_rtmp_is_closed_with_its_reason(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let at_once = STRANGERS.iter().filter(|stranger| stranger.end == StrangersEnd::AtOnce);
    for (number, stranger) in at_once.enumerate() {
        let (stream, length) = ("cam".to_owned(), MINUTE);
        let visit = Visit { server: house.address, number, stream, length, patience: MINUTE };
        let address = stranger.visit(&visit).expect("it ends");
        assert_eq!(house.until_closed(address), stranger.reason, "{}", stranger.what);
    }
    house.until_empty();
}

/// All that a publisher says until it may: C0, C1, C2, and its commands, one behind the other.
fn opening(house: &House<'_>, kind: HandshakeKind) -> Vec<u8> {
    let mut socket = connect(house);
    let mut peer = publisher(kind);
    let mut said = Vec::new();
    while !may_publish(&peer) {
        for bytes in std::iter::from_fn(|| Some(peer.take_output()).filter(|bytes| !bytes.is_empty())) {
            socket.write_all(&bytes).expect("the server takes it");
            said.extend(bytes);
        }
        hear(&mut socket, &mut peer);
    }
    leave(house, socket);
    said
}

/// Says it once more, in answer to another S1, at which no server looks, and without waiting for anything.
fn say_again(house: &House<'_>, kind: HandshakeKind, opening: &[u8], cuts: &[usize]) {
    let mut socket = connect(house);
    let mut said = 0;
    for &cut in cuts.iter().chain([&opening.len()]) {
        socket.write_all(&opening[said..cut]).expect("the server takes it");
        said = cut;
        // So that the server may see the cut.
        thread::yield_now();
    }
    let mut peer = publisher(kind);
    while !may_publish(&peer) {
        hear(&mut socket, &mut peer);
    }
    leave(house, socket);
}

fn hear(socket: &mut TcpStream, peer: &mut Peer) {
    let mut heard = [0; 8 * 1_024];
    let count = socket.read(&mut heard).expect("the server answers");
    assert!(count > 0, "the server left");
    peer.feed(&heard[..count]).expect("the server writes by the book");
}

fn may_publish(peer: &Peer) -> bool {
    peer.statuses().iter().any(|(_, code)| *code == "NetStream.Publish.Start")
}

/// So that the name is free for the next.
fn leave(house: &House<'_>, socket: TcpStream) {
    let address = socket.local_addr().expect("it is connected");
    drop(socket);
    house.until_ended(address);
}

fn connect(house: &House<'_>) -> TcpStream {
    let socket = TcpStream::connect(house.address).expect("the server listens");
    socket.set_nodelay(true).expect("it is open");
    socket.set_read_timeout(Some(MINUTE)).expect("it is open");
    socket
}

fn publisher(handshake: HandshakeKind) -> Peer {
    let mut peer = Peer::new(PeerOptions { handshake, ..PeerOptions::default() });
    peer.connect("live");
    peer.create_stream();
    peer.publish(StreamId(1), "cam");
    peer
}

const C0C1: usize = 1 + 1_536;
const C0C1C2: usize = C0C1 + 1_536;
