//! What an embedder decides and hears.

use std::future::Future;
use std::net::SocketAddr;

use sol_core::participant::Event;
use sol_core::server::{Peer, TurnedAway};
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
    /// own task, so it should not block; this connection's frames wait meanwhile, and so does whoever asks for a
    /// [`Server::report`](crate::Server::report).
    ///
    /// For anything but such a report the server may be called from here, and so may a [`Publisher`](crate::Publisher): to
    /// publish a stream, to append to it, to end it or let it go, also where it is this peer that plays it.
    fn event(&self, peer: &Peer, event: &Event, session: &Session) {
        let _ = (peer, event, session);
    }

    /// A connection could not be accepted, or was turned away at once. The server goes on.
    fn turned_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        let _ = (peer, why);
    }
}

impl Application for () {}
