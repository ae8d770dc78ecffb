//! Observer: understands what both sides of a connection say, without being either.
//!
//! A session judges what its peer does; an observer only says what it sees. It has no phases and no rules of its own, so it
//! understands any client's and any server's bytes, from the first one or from somewhere in the middle, and goes on behind holes
//! and broken rules. It is what recordings are looked at with.
//!
//! ```
//! use sol_core::observer::{Observed, Observer, Party};
//!
//! let mut observer = Observer::new();
//! observer.handle_bytes(Party::Server, &[2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0x26, 0x25, 0xA0]); // from somewhere …
//! observer.handle_bytes(Party::Server, &[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0x10, 0]); // … and on
//! observer.handle_end(Party::Server);
//! while let Some(observation) = observer.poll() {
//!     if let Observed::Message(message) = observation.what {
//!         println!("byte {}: {:?}", observation.at, message.meaning); // a window of 2 500 000 bytes, then chunks of 4096
//!     }
//! }
//! assert_eq!(observer.chunk_size(Party::Server).map(|size| size.get()), Some(4_096));
//! ```
//!
//! Where the beginning was not seen, or something in the middle, places are tried until chunks that follow each other bear
//! one out: that is the *footing*. What the lost headers said is then missing: times count from an unknown beginning, message
//! streams have no number, and chunks that lean on a lost header are passed over. Each observation says so.
//!
//! Invariants: how the bytes of a party are cut changes nothing, and how those of both are interleaved only the order of
//! observations of different parties. Memory is bounded by what [`limits`] lists under "Observer", besides the
//! observations that nobody has taken yet; work is proportional to the bytes.
//!
//! Not done: RTMPE and RTMPT are named but not read.

mod direction;
mod evidence;
mod following;
mod ground;
mod observation;
mod opening;
mod searching;
mod sizing;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use self::observation::{
    BrokenRule, Foreign, Observation, Observed, ObservedMessage, ObservedTime, WhyUnfinished,
};
pub use crate::handshake::{Party, Second};

use self::direction::Direction;
use crate::ids::ChunkSize;
use crate::limits;
use crate::quirk::QuirkCounts;

/// Looks on at one connection.
#[derive(Debug)]
pub struct Observer {
    client: Direction,
    server: Direction,
    observations: VecDeque<Observation>,
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer {
    /// Nothing was seen yet. What comes first may be the beginning of the connection or any part of it.
    pub fn new() -> Self {
        Self {
            client: Direction::new(Party::Client),
            server: Direction::new(Party::Server),
            observations: VecDeque::new(),
        }
    }

    /// With so many looks for chunk sizes to begin with.
    #[cfg(test)]
    fn with_looks(looks: usize) -> Self {
        let mut observer = Self::new();
        observer.client.start_with_looks(looks);
        observer.server.start_with_looks(looks);
        observer
    }

    /// `from` sent these bytes, behind those that came before.
    ///
    /// There may be an observation for each byte of them, and of those that are held: the caller bounds what waits to be polled by
    /// how many it gives at once, some ten thousand say, and by polling behind each call. Work is proportional to the bytes. Most
    /// of it is where no chunks are found: noise takes some forty times what media takes, and the worst that is known some three
    /// hundred times.
    pub fn handle_bytes(&mut self, from: Party, bytes: &[u8]) {
        self.observe(from, |direction| direction.handle_bytes(bytes));
    }

    /// `from` sent `bytes` bytes here that nobody saw; 0 where it is not known how many.
    ///
    /// If all of them are payload of one chunk, only its message is lost. Otherwise footing has to be found again, and what
    /// was known of chunk streams is forgotten. What is held is decided first, for which observations and work are as with
    /// [`Observer::handle_bytes`]. Places behind the byte [`u64::MAX`] are told as that one.
    pub fn handle_missing(&mut self, from: Party, bytes: u64) {
        self.observe(from, |direction| direction.handle_missing(bytes));
    }

    /// Nothing more comes from `from`: what was undecided for want of bytes is decided. Bytes that come all the same are not
    /// looked at.
    pub fn handle_end(&mut self, from: Party) {
        self.observe(from, Direction::handle_end);
    }

    /// What was seen, in the order of the bytes for each party.
    pub fn poll(&mut self) -> Option<Observation> {
        let observation = self.observations.pop_front();
        if self.observations.is_empty() {
            self.observations.shrink_to(limits::OBSERVATIONS_IDLE);
        }
        observation
    }

    /// Departures from the specification that were met.
    pub fn quirks(&self, of: Party) -> &QuirkCounts {
        self.of(of).quirks()
    }

    /// The chunk size that `of` sends with, as far as it is known.
    pub fn chunk_size(&self, of: Party) -> Option<ChunkSize> {
        self.of(of).chunk_size()
    }

    /// Bytes of `of` that came, and those that are known to be missing.
    pub fn bytes(&self, of: Party) -> u64 {
        self.of(of).bytes()
    }

    /// Bytes of `of` that are kept: those that are not understood yet, at most
    /// [`OBSERVER_AHEAD_BYTES`](crate::limits::OBSERVER_AHEAD_BYTES), and payload of messages that are not whole, at most
    /// [`MESSAGE_BYTES`](crate::limits::MESSAGE_BYTES) and [`PARTIAL_SLACK_BYTES`](crate::limits::PARTIAL_SLACK_BYTES).
    pub fn held_bytes(&self, of: Party) -> usize {
        self.of(of).held_bytes()
    }

    fn of(&self, party: Party) -> &Direction {
        match party {
            Party::Client => &self.client,
            Party::Server => &self.server,
        }
    }

    /// Lets one direction see something, and judges second packets whose first one is known.
    fn observe(&mut self, from: Party, touch: impl FnOnce(&mut Direction)) {
        let Self { client, server, observations } = self;
        let touched = match from {
            Party::Client => &mut *client,
            Party::Server => &mut *server,
        };
        touched.swap_seen(observations);
        touch(touched);
        touched.swap_seen(observations);
        let judged =
            [(Party::Client, client.judge_second(server)), (Party::Server, server.judge_second(client))];
        for (from, judged) in judged {
            let Some((at, second)) = judged else { continue };
            observations.push_back(Observation { from, at, what: Observed::SecondPacket(second) });
        }
    }
}
