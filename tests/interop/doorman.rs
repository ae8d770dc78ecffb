//! Doorman: a server in the test's own process that refuses what the program `sol` would allow.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use sol_tests::programs::DEADLINE;
use sol_tokio::{
    Application, CloseReason, Event, Peer, Refusal, Request, Server, ServerConfig, Session, StreamConfig,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A server whose policy goes by the name: `live/denied` and `live/rejected` are refused so.
#[derive(Debug)]
pub(crate) struct Doorman {
    address: SocketAddr,
    started: mpsc::Receiver<()>,
    refused: Arc<Mutex<Vec<&'static str>>>,
    /// Serves until it is dropped.
    _runtime: Runtime,
}

impl Doorman {
    /// Starts one. Its players do not wait for publishers.
    pub(crate) fn start() -> Self {
        let stream = StreamConfig { waiting: Duration::ZERO, ..StreamConfig::default() };
        let (tell_started, started) = mpsc::channel();
        let refused = Arc::<Mutex<Vec<&'static str>>>::default();
        let runtime = Runtime::new().expect("there are threads");
        let listening: io::Result<_> = runtime.block_on(async {
            let config = ServerConfig { stream: stream.into(), ..ServerConfig::default() };
            let server = Server::new(config, Policy { tell_started, refused: Arc::clone(&refused) });
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = listener.local_addr()?;
            tokio::spawn(async move { server.serve(listener).await });
            Ok(address)
        });
        Self { address: listening.expect("there is a port"), started, refused, _runtime: runtime }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often something was refused with this code so far.
    pub(crate) fn refused(&self, code: &str) -> usize {
        let refused = self.refused.lock().expect("nobody panics with it");
        refused.iter().filter(|refused| **refused == code).count()
    }

    /// Waits until somebody may publish or play.
    pub(crate) fn wait_for_start(&self) {
        self.started.recv_timeout(DEADLINE).expect("nobody may publish or play in time");
    }
}

#[derive(Debug)]
struct Policy {
    tell_started: mpsc::Sender<()>,
    refused: Arc<Mutex<Vec<&'static str>>>,
}

impl Application for Policy {
    async fn authorize(&self, _peer: &Peer, request: &Request) -> Result<(), Refusal> {
        match request.name.as_str() {
            "live/denied" => Err(Refusal::Denied(DENIED.into())),
            "live/rejected" => Err(Refusal::Rejected(REJECTED.into())),
            _ => Ok(()),
        }
    }

    fn event(&self, _peer: &Peer, event: &Event, _session: &Session) {
        let code = match event {
            // A test that is over listens no longer.
            Event::Started { .. } => return self.tell_started.send(()).unwrap_or_default(),
            Event::Refused { why, .. } => why.code(),
            Event::Closed { why: why @ CloseReason::ConnectRefused(_), .. } => why.code(),
            Event::Connected(_)
            | Event::Requested(_)
            | Event::OnAir { .. }
            | Event::Described { .. }
            | Event::Ended { .. }
            | Event::Closed { .. } => return,
        };
        self.refused.lock().expect("nobody panics with it").push(code);
    }
}

/// What whoever is denied is told.
pub(crate) const DENIED: &str = "the key is not that of this stream";
/// What whoever is rejected is told.
pub(crate) const REJECTED: &str = "no more streams for this account";
