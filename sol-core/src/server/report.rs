//! Report: what a server does at one moment, for whoever operates it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use crate::crossing::LoopId;
use crate::hub::{Gap, StreamReport};
use crate::ids::SessionId;
use crate::name::StreamName;
use crate::participant::RoleReport;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The connection, unique within the server.
    pub id: SessionId,
    /// Its address.
    pub address: SocketAddr,
}

/// The names that a process publishes itself. One counts for as long as anybody has it: a main and a backup publisher, or one
/// that was replaced and does not know yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamesWithin(BTreeMap<StreamName, usize>);

impl NamesWithin {
    /// None.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Somebody begins to publish.
    pub fn add(&mut self, name: &StreamName) {
        *self.0.entry(name.clone()).or_default() += 1;
    }

    /// Somebody does no longer.
    pub fn remove(&mut self, name: &StreamName) {
        if let Some(count) = self.0.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(name);
            }
        }
    }

    /// Each once.
    pub fn names(&self) -> BTreeSet<StreamName> {
        self.0.keys().cloned().collect()
    }
}

/// What a server does at one moment. Where connections are asked one by one, what they say may be some milliseconds apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The streams that somebody publishes or plays, by name.
    pub streams: Vec<(StreamName, StreamReport)>,
    /// Those of them that the process itself publishes.
    pub from_within: BTreeSet<StreamName>,
    /// How streams cross from one loop to another, where there are several.
    pub crossings: Vec<CrossingReport>,
    /// The connections, by number. One that is closing has nothing to report any more, and where each is asked in its own
    /// task, one that nobody drives is left out.
    pub connections: Vec<ConnectionReport>,
}

impl Report {
    /// Adds what another loop says. Of a stream that both have, the one at its home knows more; players are counted on
    /// both.
    pub fn absorb(&mut self, other: Report) {
        self.from_within.extend(other.from_within);
        self.crossings.extend(other.crossings);
        self.crossings.sort_by(|one, other| (&one.name, one.to).cmp(&(&other.name, other.to)));
        self.connections.extend(other.connections);
        self.connections.sort_by_key(|connection| connection.peer.id);
        for (name, stream) in other.streams {
            match self.streams.binary_search_by(|(known, _)| known.cmp(&name)) {
                Ok(index) => self.streams[index].1.absorb(stream),
                Err(index) => self.streams.insert(index, (name, stream)),
            }
        }
    }
}

/// The way of a stream from its home to another loop at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossingReport {
    /// Which stream.
    pub name: StreamName,
    /// Where it is at home.
    pub from: LoopId,
    /// Where it is played.
    pub to: LoopId,
    /// Frames that have crossed, each for all players there.
    pub frames: u64,
    /// What was lost because the other loop did not keep up.
    pub lost: Gap,
}

/// What a connection does at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionReport {
    /// Whose it is.
    pub peer: Peer,
    /// What it publishes and plays.
    pub roles: Vec<RoleReport>,
    /// How long its last answered ping took; `None` where none was.
    pub round_trip: Option<Duration>,
}
