//! What an embedder decides and hears.

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
    /// after [`limits::ANSWER_TIME`](sol_core::limits::ANSWER_TIME) the request is refused and the future dropped.
    ///
    /// # Errors
    /// The [`Refusal`] that the peer is told.
    fn authorize(&self, peer: &Peer, request: &Request) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = (peer, request);
        async { Ok(()) }
    }

    /// Something happened on a connection. `session` answers questions: bytes, quirks. Called in the connection's
    /// own task, so it should not block.
    fn event(&self, peer: &Peer, event: &Event, session: &Session) {
        let _ = (peer, event, session);
    }

    /// A connection could not be accepted, or was turned away at once: too many are open, no file descriptors are
    /// left, or no entropy can be had. The server goes on.
    fn turned_away(&self, peer: Option<SocketAddr>, why: &io::Error) {
        let _ = (peer, why);
    }
}

impl Application for () {}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The connection, unique within the server.
    pub id: SessionId,
    /// Its address.
    pub address: SocketAddr,
}
