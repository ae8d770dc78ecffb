//! Transports other than sockets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use sol_tests::peer::script::Phase;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::time::pause;

use crate::client::Client;
use crate::house::{House, within_a_minute, within_an_hour_of_the_paused_clock};

#[tokio::test]
async fn a_transport_that_takes_sixteen_bytes_at_a_time_is_served_as_well() {
    within_a_minute(async {
        let house = House::open().await;
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
        let house = House::open().await;
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
        let house = House::open().await;
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

#[tokio::test]
async fn a_transport_whose_peer_takes_nothing_is_given_back() {
    within_an_hour_of_the_paused_clock(async {
        let house = House::open().await;
        let (mine, its) = tokio::io::duplex(1_024);
        let line = tokio::spawn({
            let server = house.server.clone();
            async move { server.serve_connection(its, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await }
        });
        let mut camera = Client::publish(house.address, "cam").await;
        let _player = Client::play_over(mine, "cam").await;
        let mut other = Client::play(house.address, "cam").await;
        camera.stream(Duration::from_secs(1)).await;
        other.watch(camera.script.sent()).await;
        pause();
        assert!(line.await.expect("nothing panics").is_some());
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
