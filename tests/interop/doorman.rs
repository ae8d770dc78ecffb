//! Doorman: a server in the test's own process that refuses what the program `sol` would allow.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

use sol_tokio::{Application, Event, Peer, Refusal, Request, Server, ServerConfig, Session, SessionConfig};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A server whose policy goes by the name: `live/denied` and `live/rejected` are refused so.
#[derive(Debug)]
pub(crate) struct Doorman {
    address: SocketAddr,
    started: mpsc::Receiver<()>,
    /// Serves until it is dropped.
    _runtime: Runtime,
}

impl Doorman {
    /// Starts one. Its players do not wait for publishers.
    pub(crate) fn start() -> Self {
        let session = SessionConfig { waiting: Duration::ZERO, ..SessionConfig::default() };
        let (tell_started, started) = mpsc::channel();
        let runtime = Runtime::new().expect("there are threads");
        let listening: io::Result<_> = runtime.block_on(async {
            let config = ServerConfig { session, ..ServerConfig::default() };
            let server = Server::new(config, Policy { tell_started });
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = listener.local_addr()?;
            tokio::spawn(async move { server.serve(listener).await });
            Ok(address)
        });
        Self { address: listening.expect("there is a port"), started, _runtime: runtime }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until somebody may publish or play.
    pub(crate) fn wait_for_start(&self) {
        self.started.recv().expect("the server lives");
    }
}

#[derive(Debug)]
struct Policy {
    tell_started: mpsc::Sender<()>,
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
        if let Event::Started { .. } = event {
            // A test that is over listens no longer.
            self.tell_started.send(()).ok();
        }
    }
}

/// What whoever is denied is told.
pub(crate) const DENIED: &str = "the key is not that of this stream";
/// What whoever is rejected is told.
pub(crate) const REJECTED: &str = "no more streams for this account";
