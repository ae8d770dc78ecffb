//! Reports, and how long they wait: for that the clock is paused.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, pause};

use crate::client::Client;
use crate::house::{House, Seen, within_a_minute};

#[tokio::test]
async fn a_connection_that_nobody_drives_is_left_out_of_a_report() {
    within_a_minute(async {
        let house = House::open().await;
        let camera = Client::publish(house.address, "cam").await;
        let (_mine, its) = tokio::io::duplex(64);
        let undriven = house.server.serve_connection(its, house.address);
        let mut undriven = std::pin::pin!(undriven);
        let is_waiting = poll_fn(|context| Poll::Ready(undriven.as_mut().poll(context).is_pending())).await;
        assert!(is_waiting, "for the first byte");
        pause();
        let report = house.server.report().await;
        assert_eq!(house.server.connection_count(), 2);
        assert_eq!(report.connections.len(), 1, "the camera answers");
        drop(camera);
    })
    .await;
}

#[tokio::test]
async fn a_report_does_not_wait_for_a_connection_that_is_closing() {
    within_a_minute(async {
        let house = House::open().await;
        let camera = Client::publish(house.address, "cam").await;
        // Whoever is told to leave is waited for, and this client does not leave.
        let mut stranger = TcpStream::connect(house.address).await.expect("the server listens");
        stranger.write_all(b"GET / HTTP/1.1").await.expect("the server takes it");
        house.until(|event| matches!(event, Seen::Closed)).await;
        pause();
        let before = Instant::now();
        let report = house.server.report().await;
        assert_eq!((report.connections.len(), before.elapsed()), (1, Duration::ZERO));
        drop((camera, stranger));
    })
    .await;
}
