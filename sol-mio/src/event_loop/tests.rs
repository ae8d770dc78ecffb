use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use sol_core::session::Stage;

use super::*;
use crate::clock::Clock;
use crate::server::Loops;

#[test]
fn who_was_admitted_before_a_drain_and_comes_to_its_loop_behind_it_is_turned_away_and_counts_no_more() {
    let (shared, mut event_loop) = loop_of(Door::default());
    let (mut client, socket, address) = connected();
    let admitted = shared.admit(address).expect("it serves");
    let inbox = Arc::clone(shared.loops.inbox(LoopId::new(0)));
    shared.loops.enter(&Stage::Draining(Arc::default()));
    inbox.post(Letter::Serve(socket, address, admitted));
    event_loop.look_into_inbox();
    assert_eq!(*shared.application.0.lock().unwrap(), ["draining"]);
    assert_eq!(shared.loops.census.wait_for(Duration::MAX), 0);
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "its connection is closed");
}

#[test]
fn a_loop_that_fails_ends_a_drain_and_says_so() {
    let (shared, event_loop) = loop_of(Door::default());
    shared.loops.enter(&Stage::Draining(Arc::default()));
    let failed = std::thread::spawn(move || {
        let _failing = event_loop;
        panic!("for the test");
    });
    assert!(failed.join().is_err());
    assert!(shared.loops.census.has_failed() && shared.loops.census.is_shut_down());
    shared.loops.census.wait();
}

#[test]
fn a_loop_that_ends_as_it_is_told_has_not_failed() {
    let (shared, mut event_loop) = loop_of(Door::default());
    shared.loops.enter(&Stage::ShutDown);
    shared.loops.inbox(LoopId::new(0)).post(Letter::Stop);
    event_loop.run();
    drop(event_loop);
    shared.loops.census.wait();
    assert!(!shared.loops.census.has_failed());
}

/// Remembers whom it turned away.
#[derive(Default)]
struct Door(Mutex<Vec<&'static str>>);

impl Application for Door {
    fn turned_away(&self, _peer: Option<SocketAddr>, why: &TurnedAway) {
        self.0.lock().unwrap().push(why.code());
    }
}

/// The only loop of a server, which no thread runs.
fn loop_of<A: Application>(application: A) -> (Arc<Shared<A>>, EventLoop<A>) {
    let (config, poll) = (ServerConfig::default(), Poll::new().unwrap());
    let loops = Arc::new(Loops::new(std::slice::from_ref(&poll), &config).unwrap());
    let shared = Arc::new(Shared { application, loops, clock: Clock::start(), socket: config.socket });
    let event_loop = EventLoop::new(Arc::clone(&shared), &config, LoopId::new(0), NonZeroU32::MIN, poll);
    (shared, event_loop)
}

fn connected() -> (std::net::TcpStream, std::net::TcpStream, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, address) = listener.accept().unwrap();
    prepare(&socket, ServerConfig::default().socket).unwrap();
    (client, socket, address)
}
