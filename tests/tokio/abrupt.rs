//! Publishers that are cut off in the middle of a frame, players that take nothing any more.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::{Phase, Publisher};
use sol_tokio::{RequestKind, ServerConfig, StreamConfig};
use tokio::runtime::Handle;
use tokio::time::{pause, resume, timeout};

use crate::client::Client;
use crate::house::{House, Rules, Seen, within_a_minute, within_an_hour_of_the_paused_clock};

#[tokio::test]
async fn a_hundred_publishers_cut_off_amid_a_frame_leave_nothing_behind_and_disturb_nobody() {
    within_a_minute(async {
        let house = patient_house().await;
        let mut bystander = Client::publish(house.address, "bystander").await;
        let mut its_player = Client::play(house.address, "bystander").await;
        bystander.stream(Duration::from_secs(1)).await;
        its_player.watch(bystander.script.sent()).await;
        let before = census(&house);

        for round in 0..CUTS {
            let camera = Client::publish(house.address, "cam").await;
            cut_amid_a_frame(camera, round).await;
            house.until(|event| matches!(event, Seen::Ended(RequestKind::Publish))).await;
            bystander.stream(Duration::from_millis(1_000 + 40 * round)).await;
        }
        house.until_connections(2).await;

        its_player.watch(bystander.script.sent()).await;
        until_census(&house, before).await;
    })
    .await;
}

#[tokio::test]
async fn a_player_sees_every_one_of_a_hundred_publishers_that_take_each_others_place() {
    within_a_minute(async {
        let house = patient_house().await;
        let mut player = Client::ask_to_play(house.address, "cam").await;
        house.until_one_plays().await;
        for round in 0..CUTS {
            let pattern = Pattern::new().marked(round as u32);
            let mut camera = Client::publish_pattern(house.address, "cam", pattern).await;
            camera.stream(Duration::from_millis(200)).await;
            let last = camera.script.sent().last().expect("something was sent").payload.clone();
            player.run_until(|player| player.media().iter().any(|media| media.payload == last)).await;
            cut_amid_a_frame(camera, round).await;
            house.until(|event| matches!(event, Seen::Ended(RequestKind::Publish))).await;
        }
        assert!(matches!(player.script.phase(), Phase::Live(_)), "it was told nothing");
        drop(player);
        house.until_empty().await;
        // The server's own task that accepts connections.
        until_census(&house, (1, 0, 0)).await;
    })
    .await;
}

#[tokio::test]
async fn without_grace_players_of_a_publisher_that_is_cut_off_are_told_that_it_is_over() {
    within_a_minute(async {
        let stream = StreamConfig { grace: Duration::ZERO, ..StreamConfig::default() };
        let house =
            House::with(ServerConfig { stream: stream.into(), ..ServerConfig::default() }, Rules::default())
                .await;
        let mut camera = Client::publish(house.address, "cam").await;
        let mut player = Client::play(house.address, "cam").await;
        camera.stream(Duration::from_secs(1)).await;
        player.watch(camera.script.sent()).await;
        cut_amid_a_frame(camera, 0).await;
        player.run_to_the_end().await.unwrap();
        assert_eq!(*player.script.phase(), Phase::EndedByServer("NetStream.Play.UnpublishNotify".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_player_that_takes_nothing_is_reset_so_that_the_kernel_keeps_nothing_for_it() {
    within_an_hour_of_the_paused_clock(async {
        let house = House::open(Rules::default()).await;
        let pattern = Pattern::new().video_kilobits(8_000);
        let mut camera = Client::publish_pattern(house.address, "cam", pattern).await;
        let mut stalled = Client::play(house.address, "cam").await;
        let mut other = Client::play(house.address, "cam").await;
        camera.stream(Duration::from_secs(4)).await;
        other.watch(camera.script.sent()).await;

        // From here on the runtime's clock jumps to whatever timer is next.
        pause();
        house.until(|event| matches!(event, Seen::Closed("stalled"))).await;
        resume();

        let end = stalled.run_to_the_end().await.map_err(|error| error.kind());
        assert_eq!(end, Err(io::ErrorKind::ConnectionReset));
    })
    .await;
}

#[tokio::test]
async fn a_transport_whose_peer_takes_nothing_is_given_back() {
    within_an_hour_of_the_paused_clock(async {
        let house = House::open(Rules::default()).await;
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

/// A server whose streams wait longer for their publishers than any test: what is to be gone must go by itself.
async fn patient_house() -> House {
    let stream = StreamConfig { grace: Duration::from_secs(3_600), ..StreamConfig::default() };
    House::with(ServerConfig { stream: stream.into(), ..ServerConfig::default() }, Rules::default()).await
}

/// Sends half a keyframe and is gone: by a reset, or as a program that is killed leaves.
async fn cut_amid_a_frame(mut camera: Client<Publisher>, round: u64) {
    camera.send_half_a_frame().await;
    if round.is_multiple_of(2) {
        // Lingering for no time at all is how a close becomes a reset.
        camera.transport().set_zero_linger().expect("the socket is open");
    }
}

/// Nothing tells when the last task has gone, so this looks again and again.
async fn until_census(house: &House, expected: (usize, usize, usize)) {
    let gone = async {
        while census(house) != expected {
            tokio::task::yield_now().await;
        }
    };
    let in_time = timeout(Duration::from_secs(10), gone).await;
    assert!(in_time.is_ok(), "tasks, connections and streams: {:?}, not {expected:?}", census(house));
}

/// Tasks of the runtime, connections, streams.
fn census(house: &House) -> (usize, usize, usize) {
    let tasks = Handle::current().metrics().num_alive_tasks();
    (tasks, house.server.connection_count(), house.server.stream_count())
}

const CUTS: u64 = 100;
