//! What a server wants to be done.

use crate::crossing::Dispatch;
use crate::ids::SessionId;
use crate::participant::Event;

/// One output of [`Server::poll`](super::Server::poll).
#[derive(Debug)]
pub enum Output {
    /// The application should know something. Behind [`Event::Closed`] nothing follows for a session; its transport is to
    /// be closed, in the way that the event says. Until the next poll its session can still be asked.
    Event(SessionId, Event),
    /// A session may have something to write, see [`Server::outbound`](super::Server::outbound); told once until it is touched
    /// again. The driver remembers those whose transport takes nothing at present.
    Writable(SessionId),
    /// Input of a session is wanted again, see [`Server::wants_input`](super::Server::wants_input). What has come meanwhile
    /// is to be read: no transport tells that twice. Input of a session that was just opened is wanted and not told.
    Readable(SessionId),
    /// Only of one of several servers: something to be passed on. Comes before everything else.
    Dispatch(Dispatch),
}
