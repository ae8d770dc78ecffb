//! Why a session or a stream of it ended: reasons with stable codes, for logs, events and metrics.

use std::borrow::Cow;

use crate::chunk::ChunkError;
use crate::handshake::HandshakeError;
use crate::limits;
use crate::quirk::NotTolerated;

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
    Chunk(#[from] ChunkError),
    /// A quirk, in strict mode.
    #[error(transparent)]
    NotTolerated(#[from] NotTolerated),
    /// The handshake was not finished in time.
    #[error("no handshake within {} s", limits::HANDSHAKE_TIME.as_secs())]
    HandshakeTimeout,
    /// Nothing was published or played for too long.
    #[error("nothing to do for {} s", limits::COMMAND_TIME.as_secs())]
    CommandTimeout,
    /// Not one byte went either way for too long.
    #[error("silent for {} s", limits::SILENCE_TIME.as_secs())]
    Silent,
    /// Output waited and the peer took none of it.
    #[error("took nothing for {} s while output waited", limits::STALL_TIME.as_secs())]
    Stalled,
    /// The peer sends commands and does not read the answers.
    #[error("more than {} bytes of answers unread", limits::OUTBOX_BYTES_CLOSE)]
    AnswersUnread,
    /// The driver went on feeding input while none was wanted.
    #[error("more than {} bytes behind an unanswered request", limits::HELD_INPUT_BYTES)]
    TooMuchHeld,
    /// The last thing that the peer asked for was refused. It left thereupon, or was made to after
    /// `limits::FAREWELL_TIME`.
    #[error("what it asked for was refused")]
    Refused,
    /// The last stream that was played ended. The player left thereupon, or was made to after
    /// `limits::FAREWELL_TIME`.
    #[error("the stream ended")]
    StreamEnded,
    /// The server shuts down.
    #[error("the server shuts down")]
    Shutdown,
}

impl CloseReason {
    /// The stable code, as it stands in logs.
    pub const fn code(&self) -> &'static str {
        match self {
            CloseReason::PeerLeft => "peer-left",
            CloseReason::PeerReset => "peer-reset",
            CloseReason::ConnectionLost => "connection-lost",
            CloseReason::Handshake(_) => "not-rtmp",
            CloseReason::Chunk(_) => "chunk-protocol",
            CloseReason::NotTolerated(_) => "not-tolerated",
            CloseReason::HandshakeTimeout => "handshake-timeout",
            CloseReason::CommandTimeout => "command-timeout",
            CloseReason::Silent => "silent",
            CloseReason::Stalled => "stalled",
            CloseReason::AnswersUnread => "answers-unread",
            CloseReason::TooMuchHeld => "too-much-held",
            CloseReason::Refused => "refused",
            CloseReason::StreamEnded => "stream-ended",
            CloseReason::Shutdown => "shutdown",
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
}

impl Refusal {
    /// The stable code, as it stands in logs.
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::NameInUse => "name-in-use",
            Refusal::Denied(_) => "denied",
            Refusal::Rejected(_) => "rejected",
            Refusal::NotFound => "not-found",
        }
    }
}
