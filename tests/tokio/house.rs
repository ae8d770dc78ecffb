//! House: a server that listens, and the application that watches its door.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sol_tokio::{
    Application, Event, Peer, Refusal, Request, RequestKind, Server, ServerConfig, Session, TurnedAway,
};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// What a test's application does.
#[derive(Default)]
pub(crate) struct Rules {
    /// This name is decided upon when there is a permit.
    pub(crate) slow: Option<(&'static str, Arc<Semaphore>)>,
}

/// What it saw.
#[derive(Debug)]
pub(crate) enum Seen {
    Asked(String),
    Started(RequestKind),
    Ended(RequestKind),
    Closed(&'static str),
    TurnedAway(&'static str),
    Other,
}

pub(crate) struct Porter {
    rules: Rules,
    seen: mpsc::UnboundedSender<Seen>,
    closed: Mutex<BTreeSet<u64>>,
}

impl Application for Porter {
    async fn authorize(&self, _peer: &Peer, request: &Request) -> Result<(), Refusal> {
        let name = request.name.as_str();
        if let Some((_, gate)) = self.rules.slow.as_ref().filter(|(slow, _)| *slow == name) {
            gate.acquire().await.expect("the gate stays").forget();
        }
        Ok(())
    }

    fn event(&self, peer: &Peer, event: &Event, _session: &Session) {
        let mut closed = self.closed.lock().expect("no test panics while it holds it");
        assert!(!closed.contains(&peer.id.get()), "{event:?} behind Closed");
        let seen = match event {
            Event::Requested(request) => Seen::Asked(request.name.to_string()),
            Event::Ended { kind, .. } => Seen::Ended(*kind),
            Event::Closed { why, .. } => {
                closed.insert(peer.id.get());
                Seen::Closed(why.code())
            }
            Event::Started { kind, .. } => Seen::Started(*kind),
            Event::Connected(_) | Event::Refused { .. } => Seen::Other,
        };
        // A test that is over listens no longer.
        self.seen.send(seen).ok();
    }

    fn turned_away(&self, _peer: Option<SocketAddr>, why: &TurnedAway) {
        self.seen.send(Seen::TurnedAway(why.code())).ok();
    }
}

/// A server that listens.
pub(crate) struct House {
    pub(crate) server: Server<Porter>,
    pub(crate) address: SocketAddr,
    seen: tokio::sync::Mutex<mpsc::UnboundedReceiver<Seen>>,
    pub(crate) serving: tokio::task::JoinHandle<()>,
}

impl House {
    pub(crate) async fn open(rules: Rules) -> Self {
        Self::with(ServerConfig::default(), rules).await
    }

    pub(crate) async fn with(config: ServerConfig, rules: Rules) -> Self {
        let (seen_by, seen) = mpsc::unbounded_channel();
        let server = Server::new(config, Porter { rules, seen: seen_by, closed: Mutex::default() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        let serving = tokio::spawn({
            let server = server.clone();
            async move { server.serve(listener).await }
        });
        Self { server, address, seen: tokio::sync::Mutex::new(seen), serving }
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

    /// Waits until one more player may play, or waits for its publisher.
    pub(crate) async fn until_one_plays(&self) {
        self.until(|event| matches!(event, Seen::Started(RequestKind::Play))).await;
    }

    /// Waits until so many connections are open.
    pub(crate) async fn until_connections(&self, count: usize) {
        while self.server.connection_count() != count {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn until_empty(&self) {
        self.until_connections(0).await;
    }
}

pub(crate) async fn within_a_minute<R>(test: impl Future<Output = R>) -> R {
    timeout(Duration::from_secs(60), test).await.expect("the test hangs")
}

/// The same for a test that pauses the clock, which then jumps from timer to timer.
pub(crate) async fn within_an_hour_of_the_paused_clock<R>(test: impl Future<Output = R>) -> R {
    timeout(Duration::from_secs(3_600), test).await.expect("the test hangs")
}
