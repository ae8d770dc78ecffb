//! Tasks: as many as there are connections, and none that outlives its reason.

use std::time::Duration;

use sol_tests::peer::pattern::Pattern;
use sol_tokio::RequestKind;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::client::Client;
use crate::house::{House, Seen, within_a_minute};

#[tokio::test]
async fn a_hundred_publishers_that_take_each_others_place_leave_no_tasks_behind() {
    within_a_minute(async {
        let house = House::open().await;
        let mut camera = Client::publish(house.address, "cam").await;
        let mut player = Client::play(house.address, "cam").await;
        for round in 1..=100 {
            camera.stream(Duration::from_millis(40)).await;
            let last = camera.script.sent().last().expect("something was sent").payload.clone();
            player.run_until(|player| player.media().iter().rev().any(|media| media.payload == last)).await;
            // The stream's timer is set for its grace, time and again.
            drop(camera);
            house.until(|event| matches!(event, Seen::Ended(RequestKind::Publish))).await;
            camera = Client::publish_pattern(house.address, "cam", Pattern::new().marked(round)).await;
        }
        drop(camera);
        drop(player);
        house.until_connections(0).await;
        // The server's own task that accepts connections.
        until_tasks(1).await;
        assert_eq!(house.server.stream_count(), 0);
    })
    .await;
}

/// Nothing tells when the last task has gone, so this looks again and again.
async fn until_tasks(expected: usize) {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let gone = async {
        while tasks() != expected {
            tokio::task::yield_now().await;
        }
    };
    let in_time = timeout(Duration::from_secs(10), gone).await;
    assert!(in_time.is_ok(), "{} tasks, not {expected}", tasks());
}
