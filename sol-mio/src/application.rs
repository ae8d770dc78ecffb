//! What an embedder decides and hears.

use std::net::SocketAddr;
use std::sync::Arc;

use sol_core::ids::{RequestId, SessionId};
use sol_core::participant::Event;
use sol_core::server::{Peer, TurnedAway};
use sol_core::session::{Refusal, Request, Session};

use crate::inbox::{Inbox, Letter};

/// The embedder's side of a server: a policy, and a listener for what happens.
///
/// Every method has a default: a server with `()` for an application allows everything and tells nobody. All of them are
/// called on the loops' own threads, and everybody on that loop waits meanwhile: none should block. But for `turned_away` of a
/// connection that was given to [`Server::serve`](crate::Server::serve), which its caller's thread hears. One that panics ends
/// the connection that it was called for, and no other.
///
/// It belongs to the loops, which run for as long as somebody has the server: one that keeps a [`Server`](crate::Server) or a
/// [`Publisher`](crate::Publisher) keeps them, and itself, for ever.
pub trait Application: Send + Sync + 'static {
    /// May this peer publish or play? Called once per request. The answer can be given at once, or kept and given later
    /// from any thread. Nothing is read from the peer meanwhile, so one that leaves is noticed with the answer; after
    /// [`SessionTimers::answer`](sol_core::session::SessionTimers) the request is refused, and the answer has no effect.
    fn authorize(&self, peer: &Peer, request: &Request, answer: Answer) {
        let _ = (peer, request);
        answer.allow();
    }

    /// Something happened on a connection. `session` answers questions: bytes, quirks.
    ///
    /// Of what the server and a [`Publisher`](crate::Publisher) can do, that may be called from here which does not wait: to
    /// publish, to end a stream or let it go, to begin a shutdown. Not [`Publisher::append`](crate::Publisher::append).
    fn event(&self, peer: &Peer, event: &Event, session: &Session) {
        let _ = (peer, event, session);
    }

    /// A connection could not be accepted, or was turned away at once. The server goes on.
    fn turned_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        let _ = (peer, why);
    }
}

impl Application for () {}

/// Where the answer to one request goes. Dropped without one, it refuses: whoever forgets must not keep a peer waiting.
#[derive(Debug)]
pub struct Answer {
    to: Arc<Inbox>,
    session: SessionId,
    request: RequestId,
    is_given: bool,
}

impl Answer {
    pub(crate) fn new(to: Arc<Inbox>, session: SessionId, request: RequestId) -> Self {
        Self { to, session, request, is_given: false }
    }

    /// The peer may. The name may be in use all the same, of which [`Event::Refused`] tells.
    pub fn allow(mut self) {
        self.give(Ok(()));
    }

    /// The peer may not.
    pub fn refuse(mut self, why: Refusal) {
        self.give(Err(why));
    }

    fn give(&mut self, verdict: Result<(), Refusal>) {
        self.is_given = true;
        self.to.post(Letter::Answer { session: self.session, request: self.request, verdict });
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.is_given {
            self.give(Err(Refusal::Rejected("the application gave no answer".into())));
        }
    }
}
