//! The adapter for async-std and smol over real sockets: what it adds to the core, on either runtime.
//!
//! Each test has a server of its own on a port that the system chose. Its peers are threads that may wait.

mod events;
mod house;
mod role;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use house::{Answers, House, Runtime, Seen};
use smol::io::{AsyncRead, AsyncWrite};
use socket2::SockRef;
use sol_async_std::{ServerConfig, SessionConfig, SessionTimers};
use sol_tests::peer::pattern::{MediaSent, Pattern};
use sol_tests::peer::script::{Phase, Player, Publisher};
use sol_tests::wire::Wire;

#[test]
fn a_transport_that_panics_takes_nobody_along() {
    for runtime in BOTH {
        let house = House::open(runtime);
        let is_rotten = Arc::new(AtomicBool::new(false));
        let mut camera = publish(house.address, "cam");
        let mut healthy = play(house.address, "cam");
        let mut unlucky = play(serve_one(&house, Arc::clone(&is_rotten)), "cam");
        stream(&mut camera, Duration::from_secs(1));
        watch(&mut unlucky, camera.script.sent());
        is_rotten.store(true, Ordering::Relaxed);
        stream(&mut camera, Duration::from_secs(2));
        watch(&mut healthy, camera.script.sent());
        house.until_closed(1);
        assert_eq!(house.runtime.block_on(house.server.report()).streams[0].1.players, 1);
    }
}

/// Serves one connection by hand, with a fault that shows when it is told to. Where to connect to.
fn serve_one(house: &House, is_rotten: Arc<AtomicBool>) -> SocketAddr {
    let listener = smol::net::TcpListener::try_from(listener()).expect("it can be polled");
    let at = listener.local_addr().expect("it is bound");
    let server = house.server.clone();
    house.runtime.spawn(async move {
        let (inner, address) = listener.accept().await.expect("somebody connects");
        let _ = server.serve_connection(Fragile { inner, is_rotten }, address).await;
    });
    at
}

struct Fragile {
    inner: smol::net::TcpStream,
    is_rotten: Arc<AtomicBool>,
}

impl AsyncRead for Fragile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Fragile {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        assert!(!self.is_rotten.load(Ordering::Relaxed), "the transport is rotten");
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(context)
    }
}

#[test]
fn a_connection_whose_future_is_dropped_gives_its_name_back() {
    let house = House::open(Runtime::Smol);
    let listener = smol::net::TcpListener::try_from(listener()).expect("it can be polled");
    let at = listener.local_addr().expect("it is bound");
    let server = house.server.clone();
    let task = smol::spawn(async move {
        let (socket, address) = listener.accept().await.expect("somebody connects");
        server.serve_connection(socket, address).await
    });
    let _camera = publish(at, "cam");
    assert_eq!(house.server.stream_count(), 1);
    smol::block_on(task.cancel());
    house.until(|event| matches!(event, Seen::Closed("connection-lost")));
    assert_eq!((house.server.connection_count(), house.server.stream_count()), (0, 0));
    assert!(matches!(publish(house.address, "cam").script.phase(), Phase::Live(_)));
}

#[test]
fn a_policy_that_never_answers_is_given_up() {
    for runtime in BOTH {
        // Nobody closes the connection meanwhile.
        let (answer, farewell) = (Duration::from_millis(20), Duration::MAX);
        let timers = SessionTimers { answer, farewell, ..SessionTimers::default() };
        let house = House::with(runtime, with_timers(timers), Answers::Never);
        let _slow = publish(house.address, "slow");
        house.until(|event| matches!(event, Seen::GaveUp));
    }
}

#[test]
fn an_application_may_ask_for_a_report_before_it_answers() {
    for runtime in BOTH {
        let house = House::with(runtime, ServerConfig::default(), Answers::AfterAReport);
        let _camera = publish(house.address, "cam");
        let slow = publish(house.address, "slow");
        assert!(matches!(slow.script.phase(), Phase::Live(_)));
        let Seen::LookedUp(report) = house.until(|event| matches!(event, Seen::LookedUp(_))) else {
            panic!("it was waited for");
        };
        assert_eq!((report.streams.len(), report.connections.len()), (1, 2));
        assert_eq!(report.connections[0].roles[0].name.as_str(), "live/cam");
    }
}

#[test]
fn who_is_gone_before_it_is_accepted_holds_up_nobody() {
    for runtime in BOTH {
        let listener = listener();
        let gone = TcpStream::connect(listener.local_addr().expect("it is bound")).unwrap();
        reset(gone);
        let house = House::behind(listener, runtime, ServerConfig::default(), Answers::default());
        assert!(matches!(publish(house.address, "cam").script.phase(), Phase::Live(_)));
        house.until(|event| matches!(event, Seen::TurnedAway("accept-failed")));
    }
}

/// Closes a connection as a program that is killed does with what it has not read.
fn reset(socket: TcpStream) {
    SockRef::from(&socket).set_linger(Some(Duration::ZERO)).expect("the socket is open");
}

const BOTH: [Runtime; 2] = [Runtime::AsyncStd, Runtime::Smol];

fn with_timers(timers: SessionTimers) -> ServerConfig {
    let session = SessionConfig { timers, ..SessionConfig::default() };
    ServerConfig { session, ..ServerConfig::default() }
}

fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port")
}

/// Connects and publishes; returns when it may, or may not.
fn publish(server: SocketAddr, name: &str) -> Wire<Publisher> {
    let mut wire = Wire::connect(server, Publisher::new("live", name, Pattern::new())).expect("it listens");
    wire.decide().expect("the server decides");
    wire
}

/// Connects and plays; returns when it may, or may not.
fn play(server: SocketAddr, name: &str) -> Wire<Player> {
    let mut wire = Wire::connect(server, Player::new("live", name)).expect("it listens");
    wire.decide().expect("the server decides");
    wire
}

/// Sends all media up to `until` of the pattern's time, as fast as the server takes it.
fn stream(camera: &mut Wire<Publisher>, until: Duration) {
    camera.script.advance(until);
    camera.flush().expect("the server takes it");
}

/// Reads until what was sent last has come; checks that all of it is one run.
fn watch(player: &mut Wire<Player>, sent: &[MediaSent]) {
    let last = &sent.last().expect("something was sent").payload;
    player
        .run_until(|player| player.media().iter().any(|media| media.payload == *last))
        .expect("the server sends it");
    player.script.check_run(sent).expect("a contiguous run that begins at a keyframe");
}
