//! The tokio adapter over real sockets: what it adds to the core, and that it loses nothing.
//!
//! Each test has a server of its own on a port that the system chose. The limit on a whole test is a safety net
//! against one that hangs; nothing is measured.

mod abrupt;
mod client;
mod house;
mod reasons;
mod reporting;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use client::Client;
use house::{House, Rules, Seen, within_a_minute};
use sol_tests::peer::script::Phase;
use sol_tests::peer::{Peer as RtmpPeer, PeerOptions};
use sol_tokio::{RequestKind, ServerConfig, StreamConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_reaches_its_players_on_a_runtime_of_several_threads() {
    within_a_minute(publish_and_play()).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_stream_reaches_its_players_on_a_runtime_of_one_thread() {
    within_a_minute(publish_and_play()).await;
}

async fn publish_and_play() {
    let house = House::open(Rules::default()).await;
    let mut early = Client::ask_to_play(house.address, "cam").await;
    house.until_one_plays().await;
    let mut camera = Client::publish(house.address, "cam").await;
    camera.stream(Duration::from_secs(2)).await;
    early.watch(camera.script.sent()).await;
    let mut late = Client::play(house.address, "cam").await;
    camera.stream(Duration::from_secs(4)).await;
    late.watch(camera.script.sent()).await;
    early.watch(camera.script.sent()).await;
    assert_eq!((house.server.connection_count(), house.server.stream_count()), (3, 1));
}

#[tokio::test]
async fn a_transport_that_takes_sixteen_bytes_at_a_time_is_served_as_well() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (mine, its) = tokio::io::duplex(16);
        let camera_line = tokio::spawn({
            let server = house.server.clone();
            async move { server.serve_connection(its, nowhere).await }
        });
        let mut camera = Client::publish_over(mine, "cam").await;
        let mut player = Client::play(house.address, "cam").await;
        camera.stream(Duration::from_secs(1)).await;
        player.watch(camera.script.sent()).await;
        drop(camera);
        camera_line.await.expect("the connection ends with its transport");
    })
    .await;
}

#[tokio::test]
async fn a_transport_with_a_buffer_of_its_own_is_flushed() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let (mine, its) = tokio::io::duplex(16);
        // Larger than all that the server says to a publisher.
        let buffered = tokio::io::BufStream::with_capacity(64, 64 * 1024, its);
        let line = tokio::spawn({
            let server = house.server.clone();
            async move { server.serve_connection(buffered, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await }
        });
        let camera = Client::publish_over(mine, "cam").await;
        assert!(matches!(camera.script.phase(), Phase::Live(_)));
        drop(camera);
        line.await.expect("the connection ends with its transport");
    })
    .await;
}

#[tokio::test]
async fn a_transport_that_panics_takes_nobody_along() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let (mine, its) = tokio::io::duplex(64 * 1024);
        let is_rotten = Arc::new(AtomicBool::new(false));
        let fragile = Fragile { inner: its, is_rotten: Arc::clone(&is_rotten) };
        let line = tokio::spawn({
            let server = house.server.clone();
            async move { server.serve_connection(fragile, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await }
        });
        let mut camera = Client::publish(house.address, "cam").await;
        let mut healthy = Client::play(house.address, "cam").await;
        let mut unlucky = Client::play_over(mine, "cam").await;
        camera.stream(Duration::from_secs(1)).await;
        unlucky.watch(camera.script.sent()).await;
        is_rotten.store(true, Ordering::Relaxed);
        camera.stream(Duration::from_secs(2)).await;
        healthy.watch(camera.script.sent()).await;
        // The panic is its own task's, or was caught where a frame was delivered to it; either way it is over.
        assert!(!matches!(line.await, Ok(Some(_))), "nothing is left to be reset");
        assert_eq!(house.server.connection_count(), 2);
    })
    .await;
}

/// A transport with a fault that shows when it is told to.
struct Fragile {
    inner: DuplexStream,
    is_rotten: Arc<AtomicBool>,
}

impl AsyncRead for Fragile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
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

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[tokio::test]
async fn a_policy_that_takes_its_time_keeps_only_its_own_client_waiting() {
    within_a_minute(async {
        let gate = Arc::new(Semaphore::new(0));
        let house = House::open(Rules { slow: Some(("live/slow", Arc::clone(&gate))) }).await;
        let waiting = tokio::spawn(Client::publish(house.address, "slow"));
        house.until(|event| matches!(event, Seen::Asked(name) if name == "live/slow")).await;
        let mut camera = Client::publish(house.address, "cam").await;
        let mut player = Client::play(house.address, "cam").await;
        camera.stream(Duration::from_secs(1)).await;
        player.watch(camera.script.sent()).await;
        assert!(!waiting.is_finished());
        gate.add_permits(1);
        let mut slow = waiting.await.unwrap();
        assert!(matches!(slow.script.phase(), Phase::Live(_)));
        slow.stream(Duration::from_secs(1)).await;
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_leaves_before_the_policy_answers_leaves_nothing_behind() {
    within_a_minute(async {
        let gate = Arc::new(Semaphore::new(0));
        let house = House::open(Rules { slow: Some(("live/slow", Arc::clone(&gate))) }).await;
        let waiting = tokio::spawn(Client::publish(house.address, "slow"));
        house.until(|event| matches!(event, Seen::Asked(name) if name == "live/slow")).await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        // While the application decides nothing is read, so that the peer is gone shows with the answer.
        gate.add_permits(1);
        house.until(|event| matches!(event, Seen::Closed(_))).await;
        house.until_empty().await;
        assert_eq!(house.server.stream_count(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_read_before_the_connection_closes_whatever_the_peer_still_sends() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let mut transport = TcpStream::connect(house.address).await.unwrap();
        let mut peer = RtmpPeer::new(PeerOptions::default());
        // Too long for a name, so it is refused and the connection closed at once. What comes behind it is never looked
        // at; unread, it would turn the close into a reset, and a reset voids what the peer has not read.
        peer.connect(&"x".repeat(1_000));
        peer.send_raw_bytes(&[0; 300_000]);
        let mut buffer = [0; 4_096];
        loop {
            for bytes in std::iter::from_fn(|| Some(peer.take_output()).filter(|bytes| !bytes.is_empty())) {
                transport.write_all(&bytes).await.expect("the server reads to the end");
            }
            match transport.read(&mut buffer).await.expect("no reset") {
                0 => break,
                count => peer.feed(&buffer[..count]).expect("by the book"),
            }
        }
        assert_eq!(
            peer.answer_to("connect").and_then(|answer| answer.text("code")),
            Some("NetConnection.Connect.Rejected")
        );
        drop(transport);
        house.until_empty().await;
    })
    .await;
}

#[tokio::test]
async fn a_second_publisher_is_refused_and_the_first_goes_on() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let mut camera = Client::publish(house.address, "cam").await;
        let mut player = Client::play(house.address, "cam").await;
        let second = Client::publish(house.address, "cam").await;
        assert_eq!(*second.script.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));
        camera.stream(Duration::from_secs(2)).await;
        player.watch(camera.script.sent()).await;
    })
    .await;
}

#[test]
fn a_connection_that_is_dropped_outside_of_the_runtime_gives_its_name_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (house, line, camera) = runtime.block_on(within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let (mine, its) = tokio::io::duplex(64 * 1024);
        let server = house.server.clone();
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut line = Box::pin(async move { server.serve_connection(its, nowhere).await });
        let camera = tokio::select! {
            _ = &mut line => panic!("the connection lasts"),
            camera = Client::publish_over(mine, "cam") => camera,
        };
        (house, line, camera)
    }));
    assert!(matches!(camera.script.phase(), Phase::Live(_)));
    assert_eq!(house.server.stream_count(), 1);
    drop(line);
    assert_eq!((house.server.connection_count(), house.server.stream_count()), (0, 0));
}

#[tokio::test]
async fn players_of_a_publisher_that_vanished_are_told_when_the_grace_is_over() {
    within_a_minute(async {
        let stream = StreamConfig { grace: Duration::from_millis(50), ..StreamConfig::default() };
        let house =
            House::with(ServerConfig { stream: stream.into(), ..ServerConfig::default() }, Rules::default())
                .await;
        let mut camera = Client::publish(house.address, "cam").await;
        let mut player = Client::play(house.address, "cam").await;
        camera.stream(Duration::from_secs(1)).await;
        player.watch(camera.script.sent()).await;
        drop(camera);
        player.run_to_the_end().await.unwrap();
        assert_eq!(*player.script.phase(), Phase::EndedByServer("NetStream.Play.UnpublishNotify".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_publisher_that_vanished_may_return_to_its_players() {
    within_a_minute(async {
        let stream = StreamConfig { grace: Duration::from_secs(3_600), ..StreamConfig::default() };
        let house =
            House::with(ServerConfig { stream: stream.into(), ..ServerConfig::default() }, Rules::default())
                .await;
        let first = Client::publish(house.address, "cam").await;
        let mut player = Client::play(house.address, "cam").await;
        drop(first);
        house.until(|event| matches!(event, Seen::Ended(RequestKind::Publish))).await;
        let mut second = Client::publish(house.address, "cam").await;
        second.stream(Duration::from_secs(1)).await;
        let last = second.script.sent().last().unwrap().payload.clone();
        player.run_until(|player| player.media().iter().any(|media| media.payload == last)).await;
        assert!(matches!(player.script.phase(), Phase::Live(_)), "it was told nothing");
    })
    .await;
}

#[tokio::test]
async fn a_connection_whose_future_is_dropped_gives_its_name_back() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let (mine, its) = tokio::io::duplex(64 * 1024);
        let line = tokio::spawn({
            let server = house.server.clone();
            async move { server.serve_connection(its, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await }
        });
        let camera = Client::publish_over(mine, "cam").await;
        assert!(matches!(camera.script.phase(), Phase::Live(_)));
        line.abort();
        house.until(|event| matches!(event, Seen::Ended(RequestKind::Publish))).await;
        house.until(|event| matches!(event, Seen::Closed(_))).await;
        let next = Client::publish(house.address, "cam").await;
        assert!(matches!(next.script.phase(), Phase::Live(_)), "{:?}", next.script.phase());
    })
    .await;
}

#[tokio::test]
async fn shutdown_tells_everybody_and_leaves_nothing() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let mut camera = Client::publish(house.address, "cam").await;
        let mut player = Client::play(house.address, "cam").await;
        let mut silent = TcpStream::connect(house.address).await.unwrap();
        silent.write_all(&[3]).await.unwrap();
        house.until_connections(3).await;
        let server = house.server.clone();
        let down = tokio::spawn(async move { server.shutdown().await });
        player.run_to_the_end().await.unwrap();
        camera.run_to_the_end().await.unwrap();
        assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
        drop((camera.transport().shutdown().await, player.transport().shutdown().await, silent));
        down.await.unwrap();
        assert_eq!(*player.script.phase(), Phase::EndedByServer("NetStream.Play.UnpublishNotify".to_owned()));
        assert_eq!(
            camera.script.peer().statuses().last().map(|(_, code)| *code),
            Some("NetConnection.Connect.AppShutdown")
        );
        assert_eq!((house.server.connection_count(), house.server.stream_count()), (0, 0));
        house.serving.await.expect("serve returns");
        assert!(TcpStream::connect(house.address).await.is_err(), "nobody listens any more");
    })
    .await;
}

#[tokio::test]
async fn connections_beyond_the_maximum_are_turned_away_and_the_others_undisturbed() {
    within_a_minute(async {
        let config = ServerConfig { connections_max: 2, ..ServerConfig::default() };
        let house = House::with(config, Rules::default()).await;
        let mut camera = Client::publish(house.address, "cam").await;
        let mut player = Client::play(house.address, "cam").await;
        let mut third = TcpStream::connect(house.address).await.unwrap();
        assert!(matches!(third.read(&mut [0; 16]).await, Ok(0) | Err(_)));
        house.until(|event| matches!(event, Seen::TurnedAway("too-many-connections"))).await;
        camera.stream(Duration::from_secs(1)).await;
        player.watch(camera.script.sent()).await;
        drop(player);
        house.until_connections(1).await;
        Client::play(house.address, "cam").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_connections_come_and_go_and_leave_nothing() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        for _ in 0..10 {
            let crowd: Vec<_> = (0..30)
                .map(|index| {
                    let address = house.address;
                    tokio::spawn(async move {
                        let name = format!("cam{}", index % 7);
                        match index % 3 {
                            0 => drop(Client::publish(address, &name).await),
                            1 => drop(Client::ask_to_play(address, &name).await),
                            _ => drop(TcpStream::connect(address).await),
                        }
                    })
                })
                .collect();
            for visitor in crowd {
                visitor.await.unwrap();
            }
        }
        house.until_empty().await;
        assert_eq!(house.server.stream_count(), 0);
    })
    .await;
}
