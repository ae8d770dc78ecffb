//! House: a server that listens, and the application that watches its door.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sol_tokio::{Application, Event, Peer, RequestKind, Server, ServerConfig, Session};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What a test's application saw.
#[derive(Debug)]
pub(crate) enum Seen {
    Ended(RequestKind),
    Closed,
    Other,
}

pub(crate) struct Porter(mpsc::UnboundedSender<Seen>);

impl Application for Porter {
    fn event(&self, _peer: &Peer, event: &Event, _session: &Session) {
        let seen = match event {
            Event::Ended { kind, .. } => Seen::Ended(*kind),
            Event::Closed { .. } => Seen::Closed,
            Event::Connected(_)
            | Event::Requested(_)
            | Event::Refused { .. }
            | Event::OnAir { .. }
            | Event::Described { .. }
            | Event::Started { .. } => Seen::Other,
        };
        // A test that is over listens no longer.
        self.0.send(seen).ok();
    }
}

/// A server that listens.
pub(crate) struct House {
    pub(crate) server: Server<Porter>,
    pub(crate) address: SocketAddr,
    seen: tokio::sync::Mutex<mpsc::UnboundedReceiver<Seen>>,
}

impl House {
    pub(crate) async fn open() -> Self {
        let (seen_by, seen) = mpsc::unbounded_channel();
        let server = Server::new(ServerConfig::default(), Porter(seen_by));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn({
            let server = server.clone();
            async move { server.serve(listener).await }
        });
        Self { server, address, seen: tokio::sync::Mutex::new(seen) }
    }

    /// Waits for something to be seen; what was seen before counts unless it was waited past.
    pub(crate) async fn until(&self, wanted: impl Fn(&Seen) -> bool) {
        let mut seen = self.seen.lock().await;
        while let Some(event) = seen.recv().await {
            if wanted(&event) {
                return;
            }
        }
        panic!("the server is gone");
    }

    /// Waits until so many connections are open.
    pub(crate) async fn until_connections(&self, count: usize) {
        while self.server.connection_count() != count {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) async fn within_a_minute<R>(test: impl Future<Output = R>) -> R {
    timeout(Duration::from_secs(60), test).await.expect("the test hangs")
}

/// The same for a test that pauses the clock, which then jumps from timer to timer.
pub(crate) async fn within_an_hour_of_the_paused_clock<R>(test: impl Future<Output = R>) -> R {
    timeout(Duration::from_secs(3_600), test).await.expect("the test hangs")
}
