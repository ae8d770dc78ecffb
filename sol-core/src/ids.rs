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

identifier! {
    /// One connection, unique within a process for as long as the process runs.
    SessionId(u64)
}

identifier! {
    /// A NetStream of one connection (RTMP 1.0, 5.3.1.2). Zero is the connection itself (NetConnection).
    MessageStreamId(u32)
}

identifier! {
    /// A question that a session asked its application; unique within the session, never used twice.
    RequestId(u32)
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
