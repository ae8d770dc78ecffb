//! Event: what a listener beside the wire would have noticed of a connection.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// On which.
    pub connection: ConnectionId,
    /// When, since 1970 (UTC): for bytes, when they and all before them had been captured. Never goes back on one
    /// connection, though the times in its file may.
    pub at: Duration,
    /// What.
    pub kind: EventKind,
}

/// Which connection; numbered in the order of their first packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was seen for the first time; always first.
    Opened {
        /// Both ends, by [`Side`].
        ends: [SocketAddr; 2],
        /// Who opened it; `None` where the capture begins in the middle, and only the bytes can tell.
        opener: Option<Side>,
    },
    /// Bytes, the next of their direction.
    Segment {
        /// Who sent them.
        from: Side,
        /// The bytes.
        bytes: Bytes,
    },
    /// Bytes that are not in the capture; what follows comes behind them.
    Missing {
        /// Who sent them.
        from: Side,
        /// How many.
        count: u64,
    },
    /// One side has sent all that it had to send (FIN).
    Finished {
        /// Which.
        by: Side,
    },
    /// It is over; always last.
    Closed {
        /// How that came.
        how: Ending,
        /// What each side sent, by [`Side`].
        tallies: [DirectionTally; 2],
    },
}

/// One of the two ends of a connection. Which of them is the client, an [`EventKind::Opened`] may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The one that sent the first packet in the capture.
    First,
    /// The other one.
    Second,
}

impl Side {
    /// Both, in the order in which things stand that are kept for each.
    pub const BOTH: [Side; 2] = [Side::First, Side::Second];

    /// The other one.
    pub fn peer(self) -> Side {
        match self {
            Side::First => Side::Second,
            Side::Second => Side::First,
        }
    }

    /// Its place where something is kept for each.
    pub fn index(self) -> usize {
        match self {
            Side::First => 0,
            Side::Second => 1,
        }
    }
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both sides had sent all.
    Finished {
        /// Which of them said so first, by what the other one acknowledged with its own end: a capture may have them in
        /// another order.
        first: Side,
    },
    /// One side tore it down (RST).
    Reset {
        /// Which.
        by: Side,
    },
    /// Its addresses and ports were used for another connection.
    PortsReused,
    /// More connections were open than are followed, and it was silent for longest.
    CrowdedOut,
    /// The capture ended before.
    EndOfCapture,
}

/// What one side sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectionTally {
    /// Bytes that were given.
    pub bytes: u64,
    /// Bytes that came again.
    pub repeated: u64,
    /// Bytes that are not in the capture.
    pub missing: u64,
    /// Segments whose bytes were others than those that came before in their place. The first ones were given.
    pub contradictions: u64,
    /// Keep-alive probes with a byte.
    pub keep_alives: u64,
    /// Segments that were nowhere near what was expected, or came when all was over.
    pub astray: u64,
}
