//! Why a session or a stream of it ended: reasons with stable codes, for logs, events and metrics.

use std::borrow::Cow;
use std::fmt;
use std::io;

use crate::amf::Value;
use crate::chunk::ChunkError;
use crate::handshake::HandshakeError;
use crate::limits;
use crate::media::{TrackId, Unfit};
use crate::message::Command;
use crate::name::NameError;
use crate::quirk::NotTolerated;

use super::client::Call;
use super::commands::cut;

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The peer closed the connection.
    #[error("the peer left")]
    PeerLeft,
    /// The peer reset the connection. Programs that are killed do, and players that are closed with media unread.
    #[error("the peer reset the connection")]
    PeerReset,
    /// The transport failed: timed out, unreachable, or dropped by the embedder.
    #[error("the connection was lost")]
    ConnectionLost,
    /// The first byte was not RTMP's.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The peer broke the chunk protocol.
    #[error(transparent)]
    Chunk(ChunkError),
    /// A quirk, in strict mode.
    #[error(transparent)]
    NotTolerated(#[from] NotTolerated),
    /// The handshake was not finished in time.
    #[error("no handshake in time")]
    HandshakeTimeout,
    /// Nothing was published or played for too long, at first or after the last stream was closed.
    #[error("nothing to do for too long")]
    CommandTimeout,
    /// For too long no byte came, and no media was taken either.
    #[error("silent for too long")]
    Silent,
    /// Output waited, and the peer took too little of it.
    #[error("took less than {} bytes of what waited in time", limits::STALL_BYTES)]
    Stalled,
    /// The peer sends commands and does not read the answers.
    #[error("more than {} bytes of answers unread", limits::OUTBOX_BYTES_CLOSE)]
    AnswersUnread,
    /// The driver went on feeding input while none was wanted.
    #[error("more than {} bytes behind an unanswered request", limits::HELD_INPUT_BYTES)]
    TooMuchHeld,
    /// `connect` named an app that no stream name can begin with.
    #[error("connect was refused: {0}")]
    ConnectRefused(NameError),
    /// The last thing that the peer asked for was refused. It left thereupon, or was made to after
    /// [`SessionTimers::farewell`](super::SessionTimers); or it was refused `limits::REFUSALS` times.
    #[error("what it asked for was refused")]
    Refused,
    /// The last stream that was played ended. The player left thereupon, or was made to after
    /// [`SessionTimers::farewell`](super::SessionTimers).
    #[error("the stream ended")]
    StreamEnded,
    /// The stream's own time was used up, after 24 days. The player left thereupon, or was made to; it may join anew.
    #[error("the stream's time is used up; join anew")]
    TimelineFull,
    /// The player cannot have what came of the stream. It left thereupon, or was made to.
    #[error(transparent)]
    Unfit(Unfit),
    /// The player lost too much to lag, or lost something too often without ever catching up.
    #[error("too slow for the stream")]
    TooSlow,
    /// Another publisher has taken the place of this one. It left thereupon, or was made to after
    /// [`SessionTimers::farewell`](super::SessionTimers).
    #[error("another publisher took its place")]
    Replaced,
    /// The client said `close`.
    #[error("the client asked for it")]
    ClosedByPeer,
    /// The server shuts down.
    #[error("the server shuts down")]
    Shutdown,
    /// This client has ended what it did, as it was told to.
    #[error("left, as it was told to")]
    Left,
    /// The server does not let this client do what it asked for.
    #[error("the server refused {0}: {1}")]
    RefusedByServer(Call, ServerWord),
    /// The server sends this client elsewhere.
    #[error("the server sends its clients to {to}")]
    Redirected {
        /// The URL, as the server wrote it.
        to: String,
    },
    /// The server ended what it had let this client do.
    #[error("the server ended it: {0}")]
    Dismissed(ServerWord),
    /// The server did not answer this client.
    #[error("no answer to {0} within {seconds} s", seconds = limits::REPLY_TIME.as_secs())]
    NoReply(Call),
}

/// What a server says to a client, in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerWord {
    /// `status`, `warning` or `error`; empty where the server left it out, as all of these may be.
    pub level: String,
    /// Such as `NetStream.Publish.BadName`.
    pub code: String,
    /// For people.
    pub description: String,
}

impl ServerWord {
    /// Reads the object of an `onStatus` or an `_error`, wherever it stands.
    pub(super) fn of(command: &Command) -> Self {
        let mut objects = command.arguments.iter().chain([&command.object]).filter_map(Value::properties);
        let said = objects.find(|properties| properties.get("code").is_some());
        let text = |name: &str| {
            let value = said.and_then(|properties| properties.get(name)).and_then(Value::as_str);
            spoken(value.unwrap_or_default())
        };
        Self { level: text("level"), code: text("code"), description: text("description") }
    }
}

/// What a server says, as it may be shown: it could move a terminal's cursor, or forge lines of a log.
pub(super) fn spoken(text: &str) -> String {
    cut(text, limits::SERVER_WORD_BYTES).replace(char::is_control, "\u{FFFD}")
}

impl fmt::Display for ServerWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.description.as_str()) {
            ("", "") => f.write_str("it gave no reason"),
            (code, "") => f.write_str(code),
            ("", description) => f.write_str(description),
            (code, description) => write!(f, "{description} ({code})"),
        }
    }
}

impl From<ChunkError> for CloseReason {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::NotTolerated(quirk) => CloseReason::NotTolerated(quirk),
            ChunkError::NoPreviousHeader(..)
            | ChunkError::MessageTooLong { .. }
            | ChunkError::TooMuchUnfinished { .. }
            | ChunkError::TooManyChunkStreams => CloseReason::Chunk(error),
        }
    }
}

impl CloseReason {
    /// The stable code, as it stands in logs.
    pub const fn code(&self) -> &'static str {
        match self {
            CloseReason::PeerLeft => "peer-left",
            CloseReason::PeerReset => "peer-reset",
            CloseReason::ConnectionLost => "connection-lost",
            CloseReason::Handshake(HandshakeError::Rtmpe(_)) => "rtmpe",
            CloseReason::Handshake(HandshakeError::Http(_)) => "http",
            CloseReason::Handshake(HandshakeError::Tls) => "tls",
            CloseReason::Handshake(HandshakeError::UnknownVersion(_) | HandshakeError::NotRtmp(_)) => {
                "not-rtmp"
            }
            CloseReason::Chunk(_) => "chunk-protocol",
            CloseReason::NotTolerated(_) => "not-tolerated",
            CloseReason::HandshakeTimeout => "handshake-timeout",
            CloseReason::CommandTimeout => "command-timeout",
            CloseReason::Silent => "silent",
            CloseReason::Stalled => "stalled",
            CloseReason::AnswersUnread => "answers-unread",
            CloseReason::TooMuchHeld => "too-much-held",
            CloseReason::ConnectRefused(_) => "connect-refused",
            CloseReason::Refused => "refused",
            CloseReason::StreamEnded => "stream-ended",
            CloseReason::TimelineFull => "timeline-full",
            CloseReason::Unfit(_) => "unfit",
            CloseReason::TooSlow => "too-slow",
            CloseReason::Replaced => "replaced",
            CloseReason::ClosedByPeer => "closed-by-peer",
            CloseReason::Shutdown => "shutdown",
            CloseReason::Left => "left",
            CloseReason::RefusedByServer(..) => "refused-by-server",
            CloseReason::Redirected { .. } => "redirected",
            CloseReason::Dismissed(_) => "dismissed",
            CloseReason::NoReply(_) => "no-reply",
        }
    }
}

/// Why a player gets nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayEnd {
    /// The publisher has gone.
    Unpublished,
    /// The stream's own time is used up; who joins anew finds it begun anew.
    TimelineFull,
    /// The player is given up.
    TooSlow,
    /// It cannot have what comes.
    Unfit(Unfit),
}

/// Why a peer should leave by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    Refused,
    Replaced,
    Ended(PlayEnd),
}

impl From<Farewell> for CloseReason {
    fn from(farewell: Farewell) -> Self {
        match farewell {
            Farewell::Refused => CloseReason::Refused,
            Farewell::Replaced => CloseReason::Replaced,
            Farewell::Ended(PlayEnd::Unpublished) => CloseReason::StreamEnded,
            Farewell::Ended(PlayEnd::TimelineFull) => CloseReason::TimelineFull,
            Farewell::Ended(PlayEnd::TooSlow) => CloseReason::TooSlow,
            Farewell::Ended(PlayEnd::Unfit(unfit)) => CloseReason::Unfit(unfit),
        }
    }
}

/// How the transport ended, as the driver saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerEnd {
    /// The peer will send nothing more (FIN).
    Finished,
    /// The peer wants no more to do with the connection (RST).
    Reset,
    /// Any other error of the transport.
    Lost,
}

impl PeerEnd {
    /// What an error of the transport says about the peer.
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            // A TLS stream that ends without its closing message.
            io::ErrorKind::UnexpectedEof => PeerEnd::Finished,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                PeerEnd::Reset
            }
            _ => PeerEnd::Lost,
        }
    }
}

/// Why publishing or playing is refused. The description reaches the person at the encoder or player.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another publisher has the name.
    #[error("the stream name is in use")]
    NameInUse,
    /// The credentials do not allow it.
    #[error("{0}")]
    Denied(Cow<'static, str>),
    /// A policy or a limit does not allow it now.
    #[error("{0}")]
    Rejected(Cow<'static, str>),
    /// There is no such stream.
    #[error("there is no such stream")]
    NotFound,
    /// The stream has no such track.
    #[error("the stream has no track {}", .0.0)]
    NoSuchTrack(TrackId),
    /// The player cannot have what the stream consists of.
    #[error(transparent)]
    Unfit(Unfit),
    /// The server is about to go, and takes up nothing new.
    #[error("the server is about to stop; come again, or try another one")]
    Draining,
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::NoSuchTrack(track) => Refusal::NoSuchTrack(track),
            Unfit::ForForm { .. } | Unfit::ForPlayer(_) => Refusal::Unfit(unfit),
        }
    }
}

impl Refusal {
    /// The stable code, as it stands in logs.
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::NameInUse => "name-in-use",
            Refusal::Denied(_) => "denied",
            Refusal::Rejected(_) => "rejected",
            Refusal::NotFound => "not-found",
            Refusal::NoSuchTrack(_) => "no-such-track",
            Refusal::Unfit(_) => "unfit",
            Refusal::Draining => "draining",
        }
    }
}
