//! Messages as the test peer knows them: their ids, what it sends, what it received.
//!
//! Wider than any server may write: a test that breaks a rule builds its message here too.

use std::fmt;

use bytes::Bytes;

use super::amf::Amf;

/// A message to send. Which chunk formats carry it is told apart, by a `Framing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The chunk stream that carries it.
    pub chunk_stream: ChunkStream,
    /// Absolute time in milliseconds modulo 2³².
    pub timestamp_ms: u32,
    /// What the payload is.
    pub type_id: TypeId,
    /// The message stream that it belongs to.
    pub stream: StreamId,
    /// The body.
    pub payload: Bytes,
}

/// A message that arrived whole, with the manner in which it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The chunk stream that carried it.
    pub chunk_stream: ChunkStream,
    /// Bytes of the basic header of its first chunk, 1 to 3.
    pub basic_header_bytes: usize,
    /// Format of its first chunk, 0 to 3.
    pub format: u8,
    /// Absolute time in milliseconds modulo 2³², deltas added up.
    pub timestamp_ms: u32,
    /// The extended timestamp field of its first chunk: an absolute time behind format 0, else a delta.
    pub extended: Option<u32>,
    /// What the payload is.
    pub type_id: TypeId,
    /// The message stream that it belongs to.
    pub stream: StreamId,
    /// The body.
    pub payload: Bytes,
    /// Its chunks after the first, in order.
    pub later: Vec<LaterChunk>,
}

/// A chunk that continued a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaterChunk {
    /// Its format; the strict reader takes none but 3.
    pub format: u8,
    /// Whether it repeated the extended timestamp.
    pub extended_repeated: bool,
}

/// Audio, video or data that arrived on a message stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaReceived {
    /// The message stream that it arrived on.
    pub stream: StreamId,
    /// Audio, video or data.
    pub type_id: TypeId,
    /// Absolute time in milliseconds modulo 2³².
    pub timestamp_ms: u32,
    /// The body: an FLV tag body, or AMF values.
    pub payload: Bytes,
}

/// A command that arrived: `_result`, `_error`, `onStatus` and the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The message stream that it arrived on.
    pub stream: StreamId,
    /// Its first value.
    pub name: String,
    /// Its second value.
    pub transaction: u32,
    /// The name of the peer's own command that this is the answer to.
    pub answers: Option<String>,
    /// The values behind these two.
    pub values: Vec<Amf>,
}

impl Command {
    /// The first property of this name in any object of the command, if it is a string.
    pub fn text(&self, property: &str) -> Option<&str> {
        self.values.iter().find_map(|value| value.property(property)?.as_str())
    }
}

/// An event of a User Control message (RTMP 1.0, 7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserControl {
    /// The stream is ready for use; with 0, the connection.
    StreamBegin(StreamId),
    /// The stream has ended.
    StreamEof(StreamId),
    /// No more media for the moment.
    StreamDry(StreamId),
    /// A client tells how much it buffers.
    SetBufferLength {
        /// Which stream it buffers.
        stream: StreamId,
        /// How much of it.
        length_ms: u32,
    },
    /// The stream is a recorded one.
    StreamIsRecorded(StreamId),
    /// Asks for a response with the same number.
    PingRequest(u32),
    /// Answers a request.
    PingResponse(u32),
}

impl UserControl {
    /// Reads the payload of a User Control message; `None` where event or length is not of the book.
    pub fn read(payload: &[u8]) -> Option<UserControl> {
        let (kind, body) = payload.split_first_chunk::<2>()?;
        let (first, rest) = body.split_first_chunk::<4>()?;
        let first = u32::from_be_bytes(*first);
        let event = match (u16::from_be_bytes(*kind), rest) {
            (0, []) => UserControl::StreamBegin(StreamId(first)),
            (1, []) => UserControl::StreamEof(StreamId(first)),
            (2, []) => UserControl::StreamDry(StreamId(first)),
            (3, rest) => UserControl::SetBufferLength {
                stream: StreamId(first),
                length_ms: u32::from_be_bytes(rest.try_into().ok()?),
            },
            (4, []) => UserControl::StreamIsRecorded(StreamId(first)),
            (6, []) => UserControl::PingRequest(first),
            (7, []) => UserControl::PingResponse(first),
            _ => return None,
        };
        Some(event)
    }

    /// The payload of a User Control message with this event.
    pub fn to_payload(self) -> Bytes {
        let (kind, words) = match self {
            UserControl::StreamBegin(stream) => (0, vec![stream.0]),
            UserControl::StreamEof(stream) => (1, vec![stream.0]),
            UserControl::StreamDry(stream) => (2, vec![stream.0]),
            UserControl::SetBufferLength { stream, length_ms } => (3, vec![stream.0, length_ms]),
            UserControl::StreamIsRecorded(stream) => (4, vec![stream.0]),
            UserControl::PingRequest(time) => (6, vec![time]),
            UserControl::PingResponse(time) => (7, vec![time]),
        };
        let mut payload = u16::to_be_bytes(kind).to_vec();
        for word in words {
            payload.extend(word.to_be_bytes());
        }
        payload.into()
    }
}

/// A message stream: 0 for the connection, others as `createStream` gave them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub u32);

impl StreamId {
    /// The stream of the connection itself.
    pub const CONNECTION: StreamId = StreamId(0);
}

/// A chunk stream, 2 to 65 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChunkStream(pub u32);

impl ChunkStream {
    /// Reserved for protocol control.
    pub const CONTROL: ChunkStream = ChunkStream(2);
    /// Commands of the connection.
    pub const COMMAND: ChunkStream = ChunkStream(3);
    /// Audio, and data as FFmpeg does it.
    pub const AUDIO: ChunkStream = ChunkStream(4);
    /// Video.
    pub const VIDEO: ChunkStream = ChunkStream(6);
    /// Commands of a stream.
    pub const STREAM_COMMAND: ChunkStream = ChunkStream(8);
}

/// What a message is. Any byte can be sent; the constants are those that mean something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeId(pub u8);

impl TypeId {
    /// Set Chunk Size.
    pub const SET_CHUNK_SIZE: TypeId = TypeId(1);
    /// Abort Message.
    pub const ABORT: TypeId = TypeId(2);
    /// Acknowledgement.
    pub const ACKNOWLEDGEMENT: TypeId = TypeId(3);
    /// User Control.
    pub const USER_CONTROL: TypeId = TypeId(4);
    /// Window Acknowledgement Size.
    pub const WINDOW_ACK_SIZE: TypeId = TypeId(5);
    /// Set Peer Bandwidth.
    pub const SET_PEER_BANDWIDTH: TypeId = TypeId(6);
    /// Audio.
    pub const AUDIO: TypeId = TypeId(8);
    /// Video.
    pub const VIDEO: TypeId = TypeId(9);
    /// Data of a connection that speaks AMF3.
    pub const DATA_AMF3: TypeId = TypeId(15);
    /// Shared object of a connection that speaks AMF3.
    pub const SHARED_OBJECT_AMF3: TypeId = TypeId(16);
    /// Command of a connection that speaks AMF3.
    pub const COMMAND_AMF3: TypeId = TypeId(17);
    /// Data.
    pub const DATA_AMF0: TypeId = TypeId(18);
    /// Shared object.
    pub const SHARED_OBJECT_AMF0: TypeId = TypeId(19);
    /// Command.
    pub const COMMAND_AMF0: TypeId = TypeId(20);
    /// Aggregate.
    pub const AGGREGATE: TypeId = TypeId(22);

    /// Whether the specification assigns this id.
    pub fn is_assigned(self) -> bool {
        matches!(self.0, 1..=6 | 8 | 9 | 15..=20 | 22)
    }

    /// Whether the message belongs to the protocol itself, not to a stream.
    pub fn is_control(self) -> bool {
        matches!(self.0, 1..=6)
    }
}

impl fmt::Debug for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            TypeId::SET_CHUNK_SIZE => "SetChunkSize",
            TypeId::ABORT => "Abort",
            TypeId::ACKNOWLEDGEMENT => "Acknowledgement",
            TypeId::USER_CONTROL => "UserControl",
            TypeId::WINDOW_ACK_SIZE => "WindowAckSize",
            TypeId::SET_PEER_BANDWIDTH => "SetPeerBandwidth",
            TypeId::AUDIO => "Audio",
            TypeId::VIDEO => "Video",
            TypeId::DATA_AMF3 => "DataAmf3",
            TypeId::SHARED_OBJECT_AMF3 => "SharedObjectAmf3",
            TypeId::COMMAND_AMF3 => "CommandAmf3",
            TypeId::DATA_AMF0 => "DataAmf0",
            TypeId::SHARED_OBJECT_AMF0 => "SharedObjectAmf0",
            TypeId::COMMAND_AMF0 => "CommandAmf0",
            TypeId::AGGREGATE => "Aggregate",
            TypeId(other) => return write!(f, "type {other}"),
        };
        f.write_str(name)
    }
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ChunkStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_control_event_is_read_as_it_was_written() {
        let stream = StreamId(0x0102_0304);
        for event in [
            UserControl::StreamBegin(stream),
            UserControl::StreamEof(stream),
            UserControl::StreamDry(stream),
            UserControl::SetBufferLength { stream, length_ms: 3_000 },
            UserControl::StreamIsRecorded(stream),
            UserControl::PingRequest(7),
            UserControl::PingResponse(7),
        ] {
            assert_eq!(UserControl::read(&event.to_payload()), Some(event));
        }
    }

    #[test]
    fn user_control_has_its_event_in_two_bytes_and_its_stream_in_four() {
        assert_eq!(&UserControl::StreamEof(StreamId(1)).to_payload()[..], [0, 1, 0, 0, 0, 1]);
        let length = UserControl::SetBufferLength { stream: StreamId(1), length_ms: 3_000 };
        assert_eq!(&length.to_payload()[..], [0, 3, 0, 0, 0, 1, 0, 0, 0x0B, 0xB8]);
    }

    #[test]
    fn user_control_of_another_length_or_event_is_not_of_the_book() {
        assert_eq!(UserControl::read(&[0, 0, 0, 0, 0]), None);
        assert_eq!(UserControl::read(&[0, 0, 0, 0, 0, 1, 0]), None);
        assert_eq!(UserControl::read(&[0, 3, 0, 0, 0, 1]), None);
        assert_eq!(UserControl::read(&[0, 5, 0, 0, 0, 1]), None);
    }
}
