//! What a session tells its application.

use std::sync::Arc;

use crate::handshake::Greeting;
use crate::ids::{MessageStreamId, RequestId};
use crate::media::{Media, TrackKind};
use crate::name::StreamName;

use super::capabilities::Capabilities;
use super::close::{CloseReason, Refusal, ServerWord};
use super::hangup::Hangup;
use super::reconnect::ReconnectRequest;

/// One output of [`Session::poll_event`](super::Session::poll_event). Where a client of an adapter's tells it, it is called
/// `ClientEvent`.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `connect` was accepted.
    Connected(Connected),
    /// To a client: `connect` was accepted.
    Welcomed(Welcome),
    /// To a client: it publishes or plays from here on, on this NetStream.
    Granted(MessageStreamId),
    /// To a client: the server said something that needs no answer.
    Told(ServerWord),
    /// To a client: the server asks it to reconnect, here or elsewhere, and serves it until it has. Only one that stated
    /// [`Extensions::RECONNECT`](super::Extensions::RECONNECT) has to obey.
    Reconnect(ReconnectRequest),
    /// The peer wants to publish or play. Within [`SessionTimers::answer`](super::SessionTimers), answer with [`Session::allow`](super::Session::allow) or
    /// [`Session::refuse`](super::Session::refuse); until then no further input is looked at.
    Requested(Request),
    /// The peer was told that it may not do what it wanted, by the application or by the session itself.
    Refused {
        /// The NetStream it asked for.
        stream: MessageStreamId,
        /// What it wanted to do.
        kind: RequestKind,
        /// With what, as far as that could be understood.
        name: Option<StreamName>,
        /// What it was told.
        why: Refusal,
    },
    /// Audio, video or data of a publication; to a client, of what it plays.
    Media {
        /// The NetStream that publishes, or that a client plays.
        stream: MessageStreamId,
        /// One message.
        media: Media,
    },
    /// The peer ended what it was allowed to do on a NetStream.
    Stopped(MessageStreamId),
    /// A player pauses, or goes on.
    Paused {
        /// The NetStream that plays.
        stream: MessageStreamId,
        /// Which of both.
        paused: bool,
    },
    /// A player wants a kind of track, or no longer.
    Selected {
        /// The NetStream that plays.
        stream: MessageStreamId,
        /// Which kind.
        track: TrackKind,
        /// Whether it wants it.
        wanted: bool,
    },
    /// The session is over. Comes exactly once, and last.
    Closed {
        /// Why.
        why: CloseReason,
        /// How its transport is to be closed.
        hangup: Hangup,
    },
}

/// What the peer said of itself in handshake and `connect`.
#[derive(Clone, Debug, PartialEq)]
pub struct Connected {
    /// The form of the handshake.
    pub greeting: Greeting,
    /// `app`, or the path of `tcUrl` where `app` is missing; query string included.
    pub app: String,
    /// `flashVer`: the client's name for itself; empty if not sent.
    pub flash_ver: String,
    /// `tcUrl`: the address as the client knows it; empty if not sent.
    pub tc_url: String,
    /// What it stated of Enhanced RTMP; [`Session::capabilities`](super::Session::capabilities) has it too.
    pub capabilities: Arc<Capabilities>,
}

/// What a server said of itself in handshake and `connect`.
#[derive(Clone, Debug, PartialEq)]
pub struct Welcome {
    /// The form of the handshake.
    pub greeting: Greeting,
    /// `fmsVer`: the server's name for itself; empty if not sent.
    pub server: String,
    /// For people; empty if not sent.
    pub description: String,
    /// What it stated of Enhanced RTMP, in either object of its answer.
    pub capabilities: Arc<Capabilities>,
}

/// The peer wants to publish or play.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// To be given back with the answer.
    pub id: RequestId,
    /// The NetStream that will carry it.
    pub stream: MessageStreamId,
    /// Which of both.
    pub kind: RequestKind,
    /// What is to be published or played.
    pub name: StreamName,
    /// Query strings of app and stream, joined by `&`; empty if there were none.
    pub query: String,
}

/// What a peer wants to do with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Send it.
    Publish,
    /// Receive it.
    Play,
}

/// The answer came late or twice, or was for another session. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("request {0} does not wait for an answer")]
pub struct StaleRequest(pub RequestId);
