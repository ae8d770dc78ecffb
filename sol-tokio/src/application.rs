//! What an embedder decides and hears.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;

use sol_core::ids::SessionId;
use sol_core::participant::Event;
use sol_core::session::{Refusal, Request, Session};

/// The embedder's side of a server: a policy, and a listener for what happens.
///
/// Every method has a default: a server with `()` for an application allows everything and tells nobody.
pub trait Application: Send + Sync + 'static {
    /// May this peer publish or play? Called once per request, in the connection's own task. No other connection
    /// waits for the answer. Nothing is read from the peer meanwhile, so one that leaves is noticed with the answer;
    /// after [`SessionTimers::answer`](sol_core::session::SessionTimers) the request is refused and the future dropped.
    ///
    /// # Errors
    /// The [`Refusal`] that the peer is told.
    fn authorize(&self, peer: &Peer, request: &Request) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = (peer, request);
        async { Ok(()) }
    }

    /// Something happened on a connection. `session` answers questions: bytes, quirks. Called in the connection's
    /// own task, so it should not block; this connection's frames wait meanwhile.
    fn event(&self, peer: &Peer, event: &Event, session: &Session) {
        let _ = (peer, event, session);
    }

    /// A connection could not be accepted, or was turned away at once. The server goes on.
    fn turned_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        let _ = (peer, why);
    }
}

impl Application for () {}

/// Why a connection was not served.
#[derive(Debug)]
pub enum TurnedAway {
    /// As many are open as may be.
    TooManyConnections {
        /// How many that is.
        max: usize,
    },
    /// The server is shutting down.
    Shutdown,
    /// The system could not accept it: no file descriptors or memory left, or it broke before it was accepted.
    Accept(io::Error),
    /// The system has no entropy to seed its session with.
    Entropy(io::Error),
}

impl TurnedAway {
    /// The stable code, as it stands in logs.
    pub const fn code(&self) -> &'static str {
        match self {
            TurnedAway::TooManyConnections { .. } => "too-many-connections",
            TurnedAway::Shutdown => "shutdown",
            TurnedAway::Accept(_) => "accept-failed",
            TurnedAway::Entropy(_) => "no-entropy",
        }
    }
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TurnedAway::TooManyConnections { max } => write!(f, "{max} connections are open already"),
            TurnedAway::Shutdown => write!(f, "the server shuts down"),
            TurnedAway::Accept(error) => write!(f, "cannot accept a connection: {error}"),
            TurnedAway::Entropy(error) => write!(f, "cannot have entropy: {error}"),
        }
    }
}

impl std::error::Error for TurnedAway {}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The connection, unique within the server.
    pub id: SessionId,
    /// Its address.
    pub address: SocketAddr,
}
