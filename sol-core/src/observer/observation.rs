//! Observations: what an observer says of what it saw.

use std::fmt;

use bytes::Bytes;

use crate::chunk::{ChunkError, UnfinishedMessage};
use crate::handshake::{DigestLayout, Greeting, Party, Second};
use crate::ids::{ChunkSize, ChunkStreamId, MessageStreamId, MessageType};
use crate::message::Message;
use crate::timestamp::Timestamp;

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Who sent it.
    pub from: Party,
    /// How many bytes of that party had come with the last byte of it, those that are known to be missing included; for what
    /// never came, with the byte that says so. An observation may come later than its bytes, where what follows had to decide.
    pub at: u64,
    /// What it is.
    pub what: Observed,
}

/// What can be seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// C0 and C1, or S0 and S1.
    FirstPacket(Greeting),
    /// C2 or S2, and what it is to the other side's first packet; `None` where that was not seen. Comes once that is known.
    SecondPacket(Option<Second>),
    /// The handshake ends within a packet.
    HandshakeCut {
        /// What there is of the handshake, in bytes.
        bytes: usize,
    },
    /// This is no RTMP that can be read; nothing more is said of this party.
    Foreign(Foreign),
    /// A whole message.
    Message(ObservedMessage),
    /// A message that began and never became whole.
    Unfinished(UnfinishedMessage, WhyUnfinished),
    /// A rule was broken, and nothing can be understood until a place is found from where on it can.
    Broken(BrokenRule),
    /// The recording has a hole.
    Missing {
        /// Bytes; 0 where nobody knows.
        bytes: u64,
    },
    /// A chunk was passed over: its header leans on an earlier one that was not seen.
    Skipped {
        /// Its lane.
        chunk_stream: ChunkStreamId,
        /// With its header.
        bytes: u64,
    },
    /// From here on chunks are understood, by what they look like: the first ones, in a connection whose beginning was not
    /// seen, or others, behind a hole or a broken rule.
    Footing {
        /// Bytes before it that were not understood.
        skipped: u64,
        /// What the chunk size was found to be, if that had to be known yet.
        chunk_size: Option<ChunkSize>,
    },
    /// Bytes that were not understood to the end of the stream.
    NotUnderstood {
        /// How many.
        bytes: u64,
    },
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedMessage {
    /// The lane it came in.
    pub chunk_stream: ChunkStreamId,
    /// The NetStream; `None` where the header that named it was not seen.
    pub stream: Option<MessageStreamId>,
    /// The sender's time.
    pub time: ObservedTime,
    /// What it is.
    pub kind: MessageType,
    /// The payload as it came.
    pub body: Bytes,
    /// What it says. Times within are as good as `time`; an aggregate is one message.
    pub meaning: Message,
}

/// The time of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservedTime {
    /// The sender's clock.
    Absolute(Timestamp),
    /// The header with the absolute time was not seen. This is the time since then, as the first one that was seen counts from
    /// it; only the distance of two in the same lane means anything.
    Relative(Timestamp),
}

/// Why a message never became whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyUnfinished {
    /// Another one began in its lane.
    Interrupted,
    /// Its sender aborted it (RTMP 1.0, 5.4.2).
    Aborted,
    /// The recording has a hole in it; the other bytes came.
    Damaged,
    /// Chunks could not be understood any more.
    FootingLost,
    /// The stream is over.
    Ended,
}

/// What a party speaks if it is not RTMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// RTMP with its own encryption.
    Rtmpe {
        /// The first byte: 6, 8 or 9.
        version: u8,
        /// Where the digest is; `None` if there is none, and the version alone speaks for it.
        layout: Option<DigestLayout>,
    },
    /// RTMP in HTTP requests.
    Rtmpt,
    /// Any other HTTP, and the answers of RTMPT.
    Http,
    /// TLS: RTMPS, most likely.
    Tls,
    /// Nothing that is known, or too little of it.
    Unknown {
        /// The first byte.
        first: u8,
    },
}

/// Which rule was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenRule {
    /// One of the chunk protocol.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// Anything can be a chunk header, but neither is this one likely nor does what follows bear it out.
    #[error(
        "no believable chunk header where one must be: chunk stream {chunk_stream}, type {kind}, {length} bytes"
    )]
    Unbelievable {
        /// What the lane would be.
        chunk_stream: ChunkStreamId,
        /// What the type would be.
        kind: MessageType,
        /// What the length would be, in bytes.
        length: usize,
    },
    /// The chunk size was announced where nobody listened, and what follows does not give it away.
    #[error("no chunk size fits a message of {length} bytes on chunk stream {chunk_stream}")]
    NoChunkSizeFits {
        /// Its lane.
        chunk_stream: ChunkStreamId,
        /// Its length in bytes.
        length: usize,
    },
}

impl ObservedTime {
    /// The sender's clock, where it is known.
    pub const fn absolute(self) -> Option<Timestamp> {
        match self {
            ObservedTime::Absolute(time) => Some(time),
            ObservedTime::Relative(_) => None,
        }
    }
}

impl fmt::Display for WhyUnfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WhyUnfinished::Interrupted => "another message began in its place",
            WhyUnfinished::Aborted => "its sender aborted it",
            WhyUnfinished::Damaged => "the recording has a hole in it",
            WhyUnfinished::FootingLost => "chunks could not be understood any more",
            WhyUnfinished::Ended => "the stream is over",
        })
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Foreign::Rtmpe { version, .. } => write!(f, "RTMPE (version {version})"),
            Foreign::Rtmpt => f.write_str("RTMPT"),
            Foreign::Http => f.write_str("HTTP"),
            Foreign::Tls => f.write_str("TLS"),
            Foreign::Unknown { first } => write!(f, "not RTMP (first byte {first:#04x})"),
        }
    }
}
