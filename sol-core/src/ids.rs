//! Identifiers and sizes that would otherwise be bare integers.

use std::fmt;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// Wraps the raw number.
            pub const fn new(raw: $inner) -> Self {
                Self(raw)
            }

            /// The raw number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// One connection, unique within its server for as long as that runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    number: u64,
    slot: u32,
}

impl SessionId {
    /// An id for whoever numbers sessions itself. A [`Server`](crate::server::Server) knows its sessions only by the ids that it
    /// gave: one made of the same number is another.
    pub const fn new(number: u64) -> Self {
        Self { number, slot: 0 }
    }

    /// The same, and where its server keeps it.
    pub(crate) const fn in_slot(number: u64, slot: u32) -> Self {
        Self { number, slot }
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.number
    }

    /// Where its [`Server`](crate::server::Server) keeps it: an index that is below the greatest number of connections that were
    /// ever open at once, and belongs to another when this one is over. A driver may keep what is its own by it.
    pub const fn slot(self) -> usize {
        self.slot as usize
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.number)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

identifier! {
    /// A NetStream of one connection (RTMP 1.0, 5.3.1.2). Zero is the connection itself (NetConnection).
    MessageStreamId(u32)
}

identifier! {
    /// A question that a session asked its application; unique within the session, never used twice.
    RequestId(u32)
}

identifier! {
    /// What a message is (RTMP 1.0, 5.4, 6.2 and 7.1). Any number can come; those that mean something have names.
    MessageType(u8)
}

impl MessageType {
    /// Set Chunk Size (5.4.1).
    pub const SET_CHUNK_SIZE: MessageType = MessageType::new(1);
    /// Abort Message (5.4.2).
    pub const ABORT: MessageType = MessageType::new(2);
    /// Acknowledgement (5.4.3).
    pub const ACKNOWLEDGEMENT: MessageType = MessageType::new(3);
    /// User Control (6.2).
    pub const USER_CONTROL: MessageType = MessageType::new(4);
    /// Window Acknowledgement Size (5.4.4).
    pub const WINDOW_ACKNOWLEDGEMENT_SIZE: MessageType = MessageType::new(5);
    /// Set Peer Bandwidth (5.4.5).
    pub const SET_PEER_BANDWIDTH: MessageType = MessageType::new(6);
    /// Audio (7.1.4).
    pub const AUDIO: MessageType = MessageType::new(8);
    /// Video (7.1.5).
    pub const VIDEO: MessageType = MessageType::new(9);
    /// Data with AMF3 (7.1.2).
    pub const AMF3_DATA: MessageType = MessageType::new(15);
    /// Shared object with AMF3 (7.1.3).
    pub const AMF3_SHARED_OBJECT: MessageType = MessageType::new(16);
    /// Command with AMF3 (7.1.1).
    pub const AMF3_COMMAND: MessageType = MessageType::new(17);
    /// Data with AMF0 (7.1.2).
    pub const DATA: MessageType = MessageType::new(18);
    /// Shared object with AMF0 (7.1.3).
    pub const SHARED_OBJECT: MessageType = MessageType::new(19);
    /// Command with AMF0 (7.1.1).
    pub const COMMAND: MessageType = MessageType::new(20);
    /// Aggregate (7.1.6).
    pub const AGGREGATE: MessageType = MessageType::new(22);
}

impl MessageStreamId {
    /// The connection itself, on which `connect` and `createStream` travel.
    pub const CONNECTION: MessageStreamId = MessageStreamId::new(0);
}

/// A chunk stream: the lane that a message's chunks travel in (RTMP 1.0, 5.3.1.1). At least 2, at most 65 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkStreamId(u32);

impl ChunkStreamId {
    /// Protocol control and user control messages (RTMP 1.0, 5.4).
    pub const CONTROL: ChunkStreamId = ChunkStreamId(2);
    /// Commands of the connection.
    pub const COMMAND: ChunkStreamId = ChunkStreamId(3);
    /// Audio, and data messages beside it.
    pub const AUDIO: ChunkStreamId = ChunkStreamId(4);
    /// Status of a NetStream.
    pub const STATUS: ChunkStreamId = ChunkStreamId(5);
    /// Video.
    pub const VIDEO: ChunkStreamId = ChunkStreamId(6);

    /// The lowest id that a chunk can name; lower values choose the width of the basic header.
    pub const MIN: u32 = 2;
    /// The highest id that the three-byte basic header can carry.
    pub const MAX: u32 = 65_599;

    /// The id `raw`, if a basic header can carry it.
    pub const fn new(raw: u32) -> Option<Self> {
        if raw >= Self::MIN && raw <= Self::MAX { Some(Self(raw)) } else { None }
    }

    /// The raw number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ChunkStreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Payload bytes per chunk (RTMP 1.0, 5.4.1), from 1 to `0x00FF_FFFF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkSize(u32);

impl ChunkSize {
    /// What both sides use until they announce another size.
    pub const INITIAL: ChunkSize = ChunkSize(128);
    /// No message is longer than this, so no larger chunk makes sense.
    pub const MAX: ChunkSize = ChunkSize(0x00FF_FFFF);

    /// `raw` bytes, if at least 1 and at most [`ChunkSize::MAX`].
    pub const fn new(raw: u32) -> Option<Self> {
        if raw >= 1 && raw <= Self::MAX.0 { Some(Self(raw)) } else { None }
    }

    /// What a peer means by the word of a Set Chunk Size: the top bit does not count, and what is larger than
    /// [`ChunkSize::MAX`] is that. `None` for zero, which means nothing.
    pub const fn announced(word: u32) -> Option<Self> {
        match word & 0x7FFF_FFFF {
            0 => None,
            bytes if bytes > Self::MAX.0 => Some(Self::MAX),
            bytes => Some(Self(bytes)),
        }
    }

    /// The raw number of bytes.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The size as a length in memory.
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ChunkSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}
