//! Events: what an application may do while it is told of one.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, OnceLock};

use sol_tokio::{
    Application, Bytes, Content, Event, Media, Peer, Publisher, Server, ServerConfig, Session, Timestamp,
};
use tokio::net::TcpListener;

use crate::client::Client;
use crate::house::within_a_minute;

/// Publishes from within for as long as somebody plays.
#[derive(Default)]
struct Studio {
    server: Arc<OnceLock<Server<Studio>>>,
    stream: Mutex<Option<Publisher>>,
}

impl Application for Studio {
    fn event(&self, _peer: &Peer, event: &Event, _session: &Session) {
        let mut stream = self.stream.lock().expect("nothing panics while it holds it");
        match event {
            Event::Started { name, .. } => {
                let server = self.server.get().expect("it is told before anybody connects");
                let mut publisher = server.publish(name.clone()).expect("nobody else does");
                for (millis, payload) in [(0, &[0xAF, 0, 0x12, 0x10][..]), (23, &[0xAF, 1, 0x21])] {
                    let content = Content::Audio(Bytes::from_static(payload));
                    let media = Media { timestamp: Timestamp::from_millis(millis), content };
                    publisher.append(&media).expect("nobody takes its place");
                }
                *stream = Some(publisher);
            }
            Event::Ended { .. } => *stream = None,
            Event::Connected(_)
            | Event::Requested(_)
            | Event::Refused { .. }
            | Event::OnAir { .. }
            | Event::Described { .. }
            | Event::Closed { .. } => {}
        }
    }
}

#[tokio::test]
async fn an_application_may_publish_append_and_let_go_while_it_is_told_of_something() {
    within_a_minute(async {
        let studio = Studio::default();
        let door = Arc::clone(&studio.server);
        let server = Server::new(ServerConfig::default(), studio);
        assert!(door.set(server.clone()).is_ok());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn({
            let server = server.clone();
            async move { server.serve(listener).await }
        });
        let mut player = Client::play(address, "cam").await;
        player.run_until(|player| player.media().len() == 2).await;
        assert!(server.publish("live/cam".parse().expect("it is a name")).is_err(), "it is published");
        drop(player);
        while server.connection_count() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(server.publish("live/cam".parse().expect("it is a name")).is_ok(), "it was let go");
    })
    .await;
}
