//! Connections whose futures are dropped early.

use std::net::{Ipv4Addr, SocketAddr};

use sol_tests::peer::script::Phase;
use sol_tokio::RequestKind;

use crate::client::Client;
use crate::house::{House, Seen, within_a_minute};

#[tokio::test]
async fn a_connection_whose_future_is_dropped_gives_its_name_back() {
    within_a_minute(async {
        let house = House::open().await;
        let (mine, its) = tokio::io::duplex(64 * 1024);
        let line = tokio::spawn({
            let server = house.server.clone();
            async move { server.serve_connection(its, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await }
        });
        let camera = Client::publish_over(mine, "cam").await;
        assert!(matches!(camera.script.phase(), Phase::Live(_)));
        line.abort();
        house.until(|event| matches!(event, Seen::Ended(RequestKind::Publish))).await;
        house.until(|event| matches!(event, Seen::Closed)).await;
        let next = Client::publish(house.address, "cam").await;
        assert!(matches!(next.script.phase(), Phase::Live(_)), "{:?}", next.script.phase());
    })
    .await;
}

#[test]
fn a_connection_that_is_dropped_outside_of_the_runtime_gives_its_name_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (house, line, camera) = runtime.block_on(within_a_minute(async {
        let house = House::open().await;
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
