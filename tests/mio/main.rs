//! What only the mio adapter has: loops, between which connections go round and streams cross; answers that are values; an
//! application that is called on the loops' own threads.
//!
//! Each test has a server of its own on a port that the system chose.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a failure of these is a failure of the test")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use sol_core::media::{Content, Media};
use sol_core::timestamp::Timestamp;
use sol_mio::{
    Answer, Application, Client, ClientEvent, CrossingReport, Event, Peer, Request, RequestKind, Server,
    ServerConfig, Session, SessionConfig, Target,
};
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::{Phase, Player, Publisher};
use sol_tests::programs::DEADLINE;
use sol_tests::wire::Wire;

#[test]
fn connections_go_round_the_loops() {
    let house = House::open(4);
    let _players: Vec<_> = (0..8).map(|_| house.player("cam")).collect();
    let sessions: Vec<u64> =
        house.server.report().connections.iter().map(|connection| connection.peer.id.get()).collect();
    // Each loop counts in steps of four.
    let mut on_each = [0; 4];
    sessions.iter().for_each(|session| on_each[(session - 1) as usize % 4] += 1);
    assert_eq!(on_each, [2; 4], "{sessions:?}");
}

#[test]
fn a_frame_crosses_once_to_each_other_loop_that_has_players() {
    let house = House::open(4);
    // They come first, so that all that is sent crosses for them.
    let mut players: Vec<_> = (0..15).map(|_| house.player("cam")).collect();
    let mut camera = house.publisher("cam");
    camera.script.advance(Duration::from_secs(3));
    camera.flush().unwrap();
    for player in &mut players {
        watch(player, &camera);
    }
    let got = players[0].script.media().len() as u64;
    let crossings = house.until_crossings(3);
    assert_eq!(crossings.len(), 3, "{crossings:?}");
    for crossing in &crossings {
        assert_eq!(crossing.frames, got, "{crossing:?}");
        assert_eq!((crossing.lost.frames, crossing.name.as_str()), (0, "live/cam"));
    }
}

#[test]
fn nothing_crosses_to_a_loop_whose_players_have_left() {
    let house = House::open(2);
    let mut camera = house.publisher("cam");
    let (first, second) = (house.player("cam"), house.player("cam"));
    assert_eq!(house.until_crossings(1).len(), 1);
    drop((first, second));
    for _ in 0..2 {
        house.until(|seen| seen == Seen::Closed);
    }
    camera.script.advance(Duration::from_secs(1));
    camera.flush().unwrap();
    let (crossings, streams) = (house.until_crossings(0), house.server.stream_count());
    assert_eq!((crossings, streams), (vec![], 1));
}

#[test]
fn an_answer_that_is_dropped_is_a_refusal() {
    let house = House::open(1);
    let mut forgotten =
        Wire::connect(house.address, Publisher::new("live", "forget", Pattern::new())).unwrap();
    forgotten.decide().unwrap();
    assert!(matches!(forgotten.script.phase(), Phase::Refused(_)), "{:?}", forgotten.script.phase());
}

#[test]
fn an_application_that_panics_ends_the_connection_that_it_was_called_for() {
    for name in ["panic", "panic-later"] {
        let house = House::open(1);
        let mut camera = house.publisher("cam");
        let mut player = house.player("cam");
        let mut unlucky = Wire::connect(house.address, Publisher::new("live", name, Pattern::new())).unwrap();
        // It is closed without a word.
        let end = unlucky.run_until(|_| false).unwrap_err().kind();
        assert!(matches!(end, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset), "{end}");
        camera.script.advance(Duration::from_secs(1));
        camera.flush().unwrap();
        watch(&mut player, &camera);
        house.until(|seen| seen == Seen::Closed);
        assert_eq!((house.server.connection_count(), house.server.stream_count()), (2, 1), "{name}");
    }
}

#[test]
fn the_loops_end_with_the_last_handle_and_a_publisher_from_within_is_one() {
    let House { server, address, seen: _seen } = House::open(2);
    let mut within = server.publish("live/within".parse().unwrap()).unwrap();
    drop(server);
    let mut player = Wire::connect(address, Player::new("live", "within")).unwrap();
    player.decide().unwrap();
    let content = Content::Audio([0x2F, 1, 2, 3].to_vec().into());
    within.append(&Media { timestamp: Timestamp::ZERO, content }).expect("nobody takes its place");
    player.run_until(|player| !player.media().is_empty()).unwrap();
    within.finish();
    // Sockets close with their loop.
    let end = player.run_to_the_end();
    assert!(end.is_ok() || end.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset));
}

#[test]
fn what_is_appended_faster_than_its_loop_takes_it_is_not_lost() {
    let house = House::open(2);
    let mut within = house.server.publish("live/cam".parse().unwrap()).unwrap();
    let mut player = house.player("cam");
    let frame = |number: u32| {
        let payload = [&[0x2F][..], &number.to_be_bytes(), &[7; 400_000]].concat();
        Media { timestamp: Timestamp::from_millis(number), content: Content::Audio(payload.into()) }
    };
    // Six times what may be under way, and less than a tape holds.
    let appended = std::thread::spawn(move || {
        (0..60).for_each(|number| within.append(&frame(number)).expect("nobody takes its place"));
        within
    });
    player.run_until(|player| player.media().len() == 60).unwrap();
    let numbers: Vec<u8> = player.script.media().iter().map(|media| media.payload[4]).collect();
    assert_eq!(numbers, (0..60).collect::<Vec<u8>>());
    appended.join().unwrap().finish();
}

#[test]
fn what_a_client_sends_leaves_when_it_rests_though_it_has_no_time_to() {
    let house = House::open(1);
    let mut player = house.player("cam");
    let url = format!("rtmp://{}/live/cam", house.address).parse().unwrap();
    let mut client = Client::connect(&url, &Target::publish(&url), SessionConfig::default()).unwrap();
    while !client.room() {
        let event = client.next_event().expect("it is let in");
        assert!(!matches!(event, ClientEvent::Closed { .. }), "{event:?}");
    }
    for number in 0..10 {
        let content = Content::Audio(vec![0x2F, number].into());
        client.send(&Media { timestamp: Timestamp::from_millis(number.into()), content });
        assert!(client.rest(Duration::ZERO), "there is nothing to hear");
    }
    player.run_until(|player| player.media().len() == 10).unwrap();
    house.server.begin_shutdown();
    assert!(!client.rest(DEADLINE), "the server has said something");
}

struct House {
    server: Server<Porter>,
    address: SocketAddr,
    seen: Receiver<Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Played,
    Closed,
}

/// Tells what it sees, and does what the stream's name says.
struct Porter(Mutex<Sender<Seen>>);

impl House {
    fn open(loops: u32) -> Self {
        let (told, seen) = mpsc::channel();
        let loops = NonZeroU32::new(loops).unwrap();
        let server = Server::start(ServerConfig::default(), loops, Porter(Mutex::new(told))).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        server.listen(listener).unwrap();
        Self { server, address, seen }
    }

    fn publisher(&self, name: &str) -> Wire<Publisher> {
        let mut wire = Wire::connect(self.address, Publisher::new("live", name, Pattern::new())).unwrap();
        assert!(matches!(wire.decide().unwrap(), Phase::Live(_)));
        wire
    }

    /// One who plays, or waits for it.
    fn player(&self, name: &str) -> Wire<Player> {
        let mut wire = Wire::connect(self.address, Player::new("live", name)).unwrap();
        wire.run_until(|player| matches!(player.phase(), Phase::Starting(_)) || player.phase().is_decided())
            .unwrap();
        self.until(|seen| seen == Seen::Played);
        wire
    }

    fn until(&self, wanted: impl Fn(Seen) -> bool) {
        while !wanted(self.seen.recv_timeout(DEADLINE).expect("it happens")) {}
    }

    /// What crosses, as soon as there are so many crossings: nothing tells when they change.
    fn until_crossings(&self, count: usize) -> Vec<CrossingReport> {
        let deadline = std::time::Instant::now() + DEADLINE;
        loop {
            let crossings = self.server.report().crossings;
            if crossings.len() == count || std::time::Instant::now() > deadline {
                return crossings;
            }
            std::thread::yield_now();
        }
    }
}

impl Application for Porter {
    fn authorize(&self, _peer: &Peer, request: &Request, answer: Answer) {
        match request.name.as_str() {
            "live/forget" => drop(answer),
            "live/panic" => panic!("the application has a fault"),
            _ => answer.allow(),
        }
    }

    fn event(&self, _peer: &Peer, event: &Event, _session: &Session) {
        let seen = match event {
            Event::Started { name, .. } if name.as_str() == "live/panic-later" => {
                panic!("the application has another fault")
            }
            Event::Started { kind: RequestKind::Play, .. } => Seen::Played,
            Event::Closed { .. } => Seen::Closed,
            _ => return,
        };
        // A test that is over listens no longer.
        self.0.lock().unwrap().send(seen).ok();
    }
}

/// Reads until what was sent last has come; all of it must be one run.
fn watch(player: &mut Wire<Player>, camera: &Wire<Publisher>) {
    let sent = camera.script.sent();
    let last = &sent.last().expect("something was sent").payload;
    player.run_until(|player| player.media().iter().rev().any(|media| media.payload == *last)).unwrap();
    player.script.check_run(sent).expect("a contiguous run that begins at a keyframe");
}
