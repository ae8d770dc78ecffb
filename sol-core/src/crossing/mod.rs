//! Crossing: how streams are shared by several servers, the loops of one process.
//!
//! Each loop drives a [`Server`](crate::server::Server) of its own and shares nothing with the others. A name has its *home*
//! on the loop of its first publisher, until its grace ends: timeline, policy and tape are there. A loop with players of it has
//! a mirror, to which whatever the home appends crosses once, however many players wait there. A publisher that returns on
//! another loop crosses inwards. Who is at home where, and who wants what, is known by the [`Directory`], which all loops
//! ask.
//!
//! Loops exchange [`Parcel`]s, each of which its driver passes to another loop in the order in which they were made; those that
//! are passed with the directory locked come in the order of the lock. What one server wants to be done comes out of it as
//! [`Output::Dispatch`](crate::server::Output::Dispatch).
//!
//! Invariants: what is under way from one loop to another, and was not taken, is bounded by `limits::CROSSING_BYTES` for each
//! ticket or publication, but for what one read brings. That of one that is over counts no more, though it may still lie
//! there: a loop that stands still while others come and go is behind by as much for each. An outward crossing that is full
//! ends as for any player that lags: in a gap. An inward one that is full has its publisher's connection wait. No end
//! overtakes the last frame.

mod directory;

use std::fmt;

use crate::hub::{Bid, Corrections, Parting, Passage};
use crate::media::Media;
use crate::name::StreamName;

pub use directory::{Claim, Directory, Standing, Want};

/// One of several servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoopId(u32);

impl LoopId {
    /// No loop: a publisher within the process, which publishes across the loops like one of them.
    pub const WITHIN: LoopId = LoopId(u32::MAX);

    /// The loop of that index.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// Which one.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for LoopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// That a loop wants a stream: from its first player to its last. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// That somebody publishes a stream, at its home or across. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimId(u64);

/// What one loop passes to another.
#[derive(Debug)]
pub enum Parcel {
    /// To a stream's home: a loop wants it, or wants it anew.
    Want {
        /// Which stream.
        name: StreamName,
        /// Since when.
        ticket: Ticket,
    },
    /// To a stream's home: a loop does not want it any more.
    Unwant {
        /// Which stream.
        name: StreamName,
        /// Since when it did.
        ticket: Ticket,
    },
    /// To whoever wants a stream: it has a home, and what it appends will come.
    Open {
        /// Which stream.
        name: StreamName,
        /// Since when it is wanted.
        ticket: Ticket,
    },
    /// To whoever wants a stream: what was appended.
    Carry {
        /// Since when it is wanted.
        ticket: Ticket,
        /// How many passages went before.
        sequence: u64,
        /// The passages, in the order of the tape.
        passages: Vec<Passage>,
    },
    /// To a stream's home: so much has been taken of what it carried.
    Taken {
        /// Which stream.
        name: StreamName,
        /// Since when it is wanted.
        ticket: Ticket,
        /// See [`Passage::cost`].
        cost: usize,
    },
    /// To whoever wants a stream: its home is none any more, or was none.
    Close {
        /// Which stream.
        name: StreamName,
        /// Since when it is wanted.
        ticket: Ticket,
    },
    /// To a stream's home: its publisher has returned, or another has come, on another loop. Passed before the directory's lock
    /// is let go, so that these come in the order of their claims: see [`Standing::parcel`].
    Publish {
        /// Which stream.
        name: StreamName,
        /// The claim that the directory gave, by which it is called from here on.
        claim: ClaimId,
        /// With what it came.
        bid: Bid,
        /// Who wants the stream.
        wanted: Vec<(LoopId, Ticket)>,
    },
    /// To a stream's home: what its publisher sent.
    Media {
        /// Of which publication.
        claim: ClaimId,
        /// What was sent, in order.
        media: Vec<Media>,
    },
    /// To whoever publishes inwards: so much has been taken of it.
    MediaTaken {
        /// Of which publication.
        claim: ClaimId,
        /// See [`media_cost`].
        cost: usize,
    },
    /// To whoever publishes inwards: so much was corrected of its timestamps, in all.
    Corrected {
        /// Of which publication.
        claim: ClaimId,
        /// What.
        corrections: Corrections,
    },
    /// To whoever publishes inwards: whether players get what it sends. Told where that has changed, and where it does not from
    /// the beginning.
    OnAir {
        /// Of which publication.
        claim: ClaimId,
        /// Which of both.
        on_air: bool,
    },
    /// To whoever publishes inwards: another publisher has taken its place.
    Replaced {
        /// Of which publication.
        claim: ClaimId,
    },
    /// To a stream's home: its publisher goes.
    Unpublish {
        /// Of which publication.
        claim: ClaimId,
        /// How.
        parting: Parting,
    },
}

/// Something that a server wants to be done, in order.
#[derive(Debug)]
pub enum Dispatch {
    /// To be passed to another loop, see [`Server::handle_parcel`](crate::server::Server::handle_parcel).
    ToLoop(LoopId, Parcel),
    /// For the directory, see [`Directory::handle_notice`].
    ToDirectory(Notice),
    /// A stream's publisher has gone. To be passed and then told with the directory locked all the while, so that whoever hears
    /// of the end finds the name free, and whoever claims it comes behind the end.
    Parting {
        /// What crosses last.
        parcels: Vec<(LoopId, Parcel)>,
        /// What the directory has to know. Nothing is to be passed on for these.
        notices: Vec<Notice>,
    },
}

/// What the directory has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A publisher has gone, and its stream's home knows that, or is about to. The home stays, for the stream's grace.
    Parted {
        /// Of which stream.
        name: StreamName,
        /// Which one.
        claim: ClaimId,
    },
    /// A publisher has sent nothing for [`limits::PUBLISHER_SILENCE`](crate::limits::PUBLISHER_SILENCE), or does again.
    Silent {
        /// Of which stream.
        name: StreamName,
        /// Which one.
        claim: ClaimId,
        /// Which of both.
        is_silent: bool,
    },
    /// A stream is not at home any more: it has ended, its grace is over, or nothing came of a claim.
    Released {
        /// Which stream.
        name: StreamName,
        /// The latest publisher that its home knows of. Of a later one the home is about to hear, and stays.
        claim: ClaimId,
    },
    /// Nobody here plays the stream any more.
    Unwanted(StreamName),
    /// A stream that is played here has no home where it was, or was said to be. It may have another.
    Unserved {
        /// Which stream.
        name: StreamName,
        /// Since when it is wanted.
        ticket: Ticket,
    },
}

/// Bytes of memory that a message keeps, about.
pub fn media_cost(media: &Media) -> usize {
    /// The message itself, and its place in a ring.
    const ITSELF: usize = 128;
    ITSELF + media.content.payload().len()
}
