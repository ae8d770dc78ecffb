//! What a server says of itself, and streams that it publishes itself.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use sol_core::media::{Content, Media, TrackKind};
use sol_core::message::Data;
use sol_core::timestamp::Timestamp;
use sol_tests::peer::message::TypeId;
use sol_tests::peer::pattern::{MediaSent, Pattern};
use sol_tests::peer::script::Phase;
use sol_tokio::{Activity, PublishRefused, StreamName, StreamState};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, pause};

use crate::client::Client;
use crate::house::{House, Rules, Seen, within_a_minute};

#[tokio::test]
async fn a_report_says_who_publishes_and_plays_what_from_where_and_how_well() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let mut camera = Client::publish(house.address, "cam").await;
        let mut player = Client::play(house.address, "cam").await;
        house.until_one_plays().await;
        let waiting = Client::ask_to_play(house.address, "nobody").await;
        house.until_one_plays().await;
        camera.stream(Duration::from_secs(5)).await;
        player.watch(camera.script.sent()).await;

        let report = house.server.report().await;

        let [(name, cam), (other, nobody)] = &report.streams[..] else { panic!("{report:?}") };
        assert_eq!((name.as_str(), other.as_str()), ("live/cam", "live/nobody"));
        assert_eq!((cam.state, cam.players), (StreamState::Live, 1));
        assert_eq!((nobody.state, nobody.players), (StreamState::Waiting, 1));
        assert_eq!(cam.keyframe_interval, Some(Duration::from_secs(2)));
        let tracks: Vec<_> = cam.tracks.iter().map(|track| (track.kind, track.codec.to_string())).collect();
        assert_eq!(tracks, [(TrackKind::Video, "H.264".to_owned()), (TrackKind::Audio, "AAC".to_owned())]);
        let frames = cam.tracks[0].rate.map(|rate| rate.frames_per_second.round());
        assert_eq!(frames, Some(25.0));

        let seen: Vec<_> = report
            .connections
            .iter()
            .map(|connection| {
                let [role] = &connection.roles[..] else { panic!("{connection:?}") };
                (connection.peer.address, role.name.to_string(), role.activity)
            })
            .collect();
        let [publishes, plays, waits] = &seen[..] else { panic!("{seen:?}") };
        assert!(matches!(publishes.2, Activity::Publishing { .. }) && publishes.1 == "live/cam");
        assert!(matches!(plays.2, Activity::Playing(lag) if lag.time.is_zero()) && plays.1 == "live/cam");
        assert!(waits.2 == Activity::Waiting && waits.1 == "live/nobody");
        assert_eq!(
            [publishes.0, plays.0, waits.0],
            [camera.local_address(), player.local_address(), waiting.local_address()]
        );
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_nobody_drives_is_left_out_of_a_report() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
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
async fn everybody_who_asks_for_a_report_at_the_same_time_gets_the_whole_of_it() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let cameras =
            [Client::publish(house.address, "one").await, Client::publish(house.address, "two").await];
        let server = &house.server;
        let reports = tokio::join!(server.report(), server.report(), server.report());
        for report in [reports.0, reports.1, reports.2] {
            assert_eq!((report.streams.len(), report.connections.len()), (2, cameras.len()));
        }
    })
    .await;
}

#[tokio::test]
async fn a_report_does_not_wait_for_a_connection_that_is_closing() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let camera = Client::publish(house.address, "cam").await;
        // Whoever is told to leave is waited for, and this client does not leave.
        let mut stranger = TcpStream::connect(house.address).await.expect("the server listens");
        stranger.write_all(b"GET / HTTP/1.1").await.expect("the server takes it");
        house.until(|event| matches!(event, Seen::Closed(_))).await;
        pause();
        let before = Instant::now();
        let report = house.server.report().await;
        assert_eq!((report.connections.len(), before.elapsed()), (1, Duration::ZERO));
        drop((camera, stranger));
    })
    .await;
}

#[tokio::test]
async fn a_stream_from_within_the_process_is_played_like_any_other() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let name = "live/cam".parse::<StreamName>().unwrap();
        let mut player = Client::ask_to_play(house.address, "cam").await;
        house.until_one_plays().await;
        let mut inside = house.server.publish(name.clone()).unwrap();
        assert!(matches!(house.server.publish(name.clone()), Err(PublishRefused::NameInUse(_))));
        let sent: Vec<MediaSent> =
            Pattern::new().media().take_while(|media| media.due < Duration::from_secs(3)).collect();
        for media in &sent {
            inside.append(&as_media(media));
        }
        player.watch(&sent).await;
        assert!(house.server.report().await.from_within.contains(&name));
        let outside = Client::publish(house.address, "cam").await;
        assert_eq!(*outside.script.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));

        inside.finish();
        assert!(house.server.report().await.from_within.is_empty());
        player.run_to_the_end().await.unwrap();
        assert_eq!(*player.script.phase(), Phase::EndedByServer("NetStream.Play.UnpublishNotify".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_stream_from_within_the_process_that_is_dropped_may_be_taken_up_by_another_publisher() {
    within_a_minute(async {
        let house = House::open(Rules::default()).await;
        let inside = house.server.publish("live/cam".parse().unwrap()).unwrap();
        let mut player = Client::play(house.address, "cam").await;
        drop(inside);
        let mut camera = Client::publish(house.address, "cam").await;
        camera.stream(Duration::from_secs(1)).await;
        player.watch(camera.script.sent()).await;
    })
    .await;
}

fn as_media(sent: &MediaSent) -> Media {
    let payload = sent.payload.clone();
    let content = match sent.type_id {
        TypeId::AUDIO => Content::Audio(payload),
        TypeId::VIDEO => Content::Video(payload),
        _ => Content::Data(Data::parse(payload).expect("metadata has a name")),
    };
    Media { timestamp: Timestamp::from_millis(sent.timestamp_ms), content }
}
