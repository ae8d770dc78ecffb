//! The client role: a stream goes from one client to another, on either runtime.

use std::sync::mpsc::channel;
use std::time::Duration;

use bytes::Bytes;
use sol_async_std::{Client, CloseReason, Content, Media, SessionConfig};
use sol_core::message::Data;
use sol_core::session::{Event, Target};
use sol_core::timestamp::Timestamp;
use sol_core::url::RtmpUrl;
use sol_tests::peer::message::TypeId;
use sol_tests::peer::pattern::{MediaSent, Pattern};
use sol_tests::programs::DEADLINE;

use crate::BOTH;
use crate::house::House;

#[test]
fn what_one_client_publishes_another_plays() {
    for runtime in BOTH {
        let house = House::open(runtime);
        let url: RtmpUrl = format!("rtmp://{}/live/cam", house.address).parse().unwrap();
        let (tell, told) = channel();
        let target = Target::play(&url);
        let player_url = url.clone();
        runtime.spawn(async move {
            let player = Client::connect(&player_url, &target, SessionConfig::default()).await;
            let _ = tell.send(watch_to_the_end(player.expect("the server listens")).await);
        });
        house.until_one_plays();

        let sent: Vec<MediaSent> =
            Pattern::new().media().take_while(|media| media.due < Duration::from_secs(2)).collect();
        let has_everything = runtime.block_on(publish(&url, &sent));
        assert!(has_everything, "{runtime:?}");

        let heard = told.recv_timeout(DEADLINE).expect("the player hears of the end");
        let audible = sent.iter().filter(|media| media.type_id != TypeId::DATA_AMF0);
        assert_eq!(heard, audible.map(|media| media.payload.clone()).collect::<Vec<_>>());
    }
}

/// Publishes, and leaves in good order; whether the server has everything.
async fn publish(url: &RtmpUrl, sent: &[MediaSent]) -> bool {
    let mut publisher =
        Client::connect(url, &Target::publish(url), SessionConfig::default()).await.expect("it listens");
    while !matches!(publisher.next().await.expect("it is not over"), Event::Granted(_)) {}
    for media in sent {
        assert!(publisher.room().await, "there is nothing to hear");
        publisher.send(&as_media(media));
    }
    publisher.leave();
    while let Some(event) = publisher.next().await {
        if let Event::Closed { why, .. } = event {
            assert_eq!(why, CloseReason::Left);
        }
    }
    publisher.has_parted()
}

/// What it sees and hears.
async fn watch_to_the_end(mut player: Client) -> Vec<Bytes> {
    let mut heard = Vec::new();
    while let Some(event) = player.next().await {
        if let Event::Media { media, .. } = event
            && !matches!(media.content, Content::Data(_))
        {
            heard.push(media.content.payload().clone());
        }
    }
    heard
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
