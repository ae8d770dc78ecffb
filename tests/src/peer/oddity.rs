//! What a server did that is not by the book: the first such thing ends a peer's patience.

use std::fmt;

use super::amf::AmfOddity;
use super::codec::ChunkOddity;
use super::handshake::HandshakeOddity;
use super::message::{StreamId, TypeId};

/// A rule that the server broke, from the handshake up to the meaning of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// In the handshake.
    Handshake(HandshakeOddity),
    /// In chunks and the control messages that govern them.
    Chunk(ChunkOddity),
    /// In the values of a command.
    Amf(AmfOddity),
    /// A control message of a length or content that it cannot have.
    Control {
        /// Which one.
        type_id: TypeId,
        /// Its payload.
        payload: Vec<u8>,
    },
    /// The server acknowledged what it cannot have received.
    AcknowledgedTooMuch {
        /// The number that it sent.
        sequence: u32,
        /// Bytes that left this peer.
        sent: u64,
    },
    /// An acknowledgement of less than one before it.
    AcknowledgedBackwards {
        /// The number that it sent.
        sequence: u32,
        /// The number before.
        before: u32,
    },
    /// A command begins with its name and a transaction number.
    CommandShape(StreamId),
    /// An answer to a transaction that this peer never began, or that was answered before.
    AnswerToNothing(u32),
    /// The answer to createStream is a stream id of at least 1.
    NoStreamId,
    /// onStatus has transaction 0, null, and an object with level and code.
    StatusShape(StreamId),
    /// A message on a stream that this peer neither was given nor used.
    UnknownStream {
        /// Which message.
        type_id: TypeId,
        /// Which stream.
        stream: StreamId,
    },
    /// Messages of types 15 to 17 on a connection that did not ask for AMF3.
    Amf3NotAgreed(TypeId),
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Oddity::Handshake(oddity) => oddity.fmt(f),
            Oddity::Chunk(oddity) => oddity.fmt(f),
            Oddity::Amf(oddity) => oddity.fmt(f),
            Oddity::Control { type_id, payload } => write!(f, "{type_id} with payload {payload:02x?}"),
            Oddity::AcknowledgedTooMuch { sequence, sent } => {
                write!(f, "{sequence} bytes were acknowledged when {sent} had been sent")
            }
            Oddity::AcknowledgedBackwards { sequence, before } => {
                write!(f, "{sequence} bytes were acknowledged behind {before}")
            }
            Oddity::CommandShape(stream) => {
                write!(f, "a command on stream {stream} does not begin with name and transaction")
            }
            Oddity::AnswerToNothing(transaction) => {
                write!(f, "transaction {transaction} was answered but is not open")
            }
            Oddity::NoStreamId => f.write_str("createStream was answered without a stream id of at least 1"),
            Oddity::StatusShape(stream) => {
                write!(f, "onStatus on stream {stream} is not 0, null, object with level and code")
            }
            Oddity::UnknownStream { type_id, stream } => write!(f, "{type_id} on unknown stream {stream}"),
            Oddity::Amf3NotAgreed(type_id) => write!(f, "{type_id} on a connection without AMF3"),
        }
    }
}

impl std::error::Error for Oddity {}

impl From<HandshakeOddity> for Oddity {
    fn from(oddity: HandshakeOddity) -> Oddity {
        Oddity::Handshake(oddity)
    }
}

impl From<ChunkOddity> for Oddity {
    fn from(oddity: ChunkOddity) -> Oddity {
        Oddity::Chunk(oddity)
    }
}

impl From<AmfOddity> for Oddity {
    fn from(oddity: AmfOddity) -> Oddity {
        Oddity::Amf(oddity)
    }
}
