//! The chunk protocol (RTMP 1.0, 5.3): messages cut into chunks, chunks of several messages interleaved.
//!
//! [`ChunkReader`] puts the peer's messages together; [`write_message`] cuts ours.

mod basic_header;
mod message_header;
mod reader;
mod writer;

pub use basic_header::{BasicHeader, Format};
pub use message_header::{EXTENDED_FIELD, MessageHeader};
pub use reader::{ChunkError, ChunkReader};
pub use writer::{chunked_len, write_message};

pub(crate) use message_header::ChunkHeader;
pub(crate) use reader::LaneState;

use bytes::Bytes;

use crate::ids::{ChunkStreamId, MessageStreamId, MessageType};
use crate::timestamp::Timestamp;

/// A whole message as the chunks carried it; its payload is not yet understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// The lane it came in.
    pub chunk_stream: ChunkStreamId,
    /// The NetStream it belongs to.
    pub stream: MessageStreamId,
    /// The sender's time.
    pub timestamp: Timestamp,
    /// What it is.
    pub kind: MessageType,
    /// The payload.
    pub body: Bytes,
}

/// A message that began and was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfinishedMessage {
    /// The lane it came in.
    pub chunk_stream: ChunkStreamId,
    /// What it would have been.
    pub kind: MessageType,
    /// Bytes of payload that its header promised.
    pub length: usize,
    /// Bytes of payload that came.
    pub received: usize,
    /// Bytes of payload that a recording lost.
    pub lost: usize,
}
