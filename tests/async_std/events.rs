//! Events: what an application may do while it is told of one.

use std::sync::{Arc, Mutex, OnceLock};

use sol_async_std::{
    Application, Bytes, Content, Event, Media, Peer, Publisher, Server, ServerConfig, Session, Timestamp,
};

use crate::house::Runtime;
use crate::{BOTH, listener, play};

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

#[test]
fn an_application_may_publish_append_and_let_go_while_it_is_told_of_something() {
    for runtime in BOTH {
        let studio = Studio::default();
        let door = Arc::clone(&studio.server);
        let server = Server::new(ServerConfig::default(), studio);
        assert!(door.set(server.clone()).is_ok());
        let (listener, serving) = (listener(), server.clone());
        let address = listener.local_addr().expect("it is bound");
        runtime.spawn(async move {
            match runtime {
                Runtime::AsyncStd => serving.serve(listener.into()).await,
                Runtime::Smol => {
                    let listener = smol::net::TcpListener::try_from(listener).expect("it can be polled");
                    let spawn = |connection| smol::spawn(connection).detach();
                    serving.serve_incoming(listener.incoming(), spawn).await;
                }
            }
        });
        let mut player = play(address, "cam");
        player.run_until(|player| player.media().len() == 2).expect("they come");
        assert!(server.publish("live/cam".parse().expect("it is a name")).is_err(), "it is published");
        drop(player);
        while server.connection_count() > 0 {
            std::thread::yield_now();
        }
        assert!(server.publish("live/cam".parse().expect("it is a name")).is_ok(), "it was let go");
    }
}
