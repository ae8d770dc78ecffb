//! Desk: what all connections of a replay share.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::extraction::Extraction;
use super::note::{Note, count_of};
use super::story::Telling;
use super::totals::Totals;

#[derive(Debug)]
pub(super) struct Desk {
    /// What is to be told next.
    pub(super) notes: Vec<Note>,
    pub(super) extraction: Option<Extraction>,
    /// Each message is told.
    pub(super) tells_all: bool,
    /// Clients are served once more.
    pub(super) serves: bool,
    pub(super) left_out: LeftOutCounts,
    /// Those that spoke RTMP.
    pub(super) rtmp_servers: BTreeSet<SocketAddr>,
    /// Connections that are searched for RTMP, and have gone on for a while without any.
    searched: usize,
    numbered: u64,
    pub(super) connections: Vec<Totals>,
    /// What the names of their commands take.
    command_bytes: usize,
    /// Connections beyond those that are kept for the summary.
    pub(super) not_kept: u64,
}

/// Why nothing is told of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LeftOut {
    Tls,
    Http,
    /// To a port of RTMP, and the server would not have it.
    Refused,
    /// To a port of RTMP, and nothing was said.
    Silent,
    /// Nothing was said.
    Empty,
    Unknown,
}

/// How many connections nothing is told of.
#[derive(Clone, Debug, Default)]
pub(super) struct LeftOutCounts(BTreeMap<LeftOut, u64>);

impl Desk {
    pub(super) fn new(extraction: Option<Extraction>, tells_all: bool, serves: bool) -> Desk {
        Desk {
            notes: Vec::new(),
            extraction,
            tells_all,
            serves,
            left_out: LeftOutCounts::default(),
            rtmp_servers: BTreeSet::new(),
            searched: 0,
            numbered: 0,
            connections: Vec::new(),
            command_bytes: 0,
            not_kept: 0,
        }
    }

    pub(super) fn telling(&mut self) -> Telling<'_> {
        Telling { notes: &mut self.notes, extraction: self.extraction.as_mut() }
    }

    /// The number of the next connection, which is to this server.
    pub(super) fn number(&mut self, server: SocketAddr) -> u64 {
        self.rtmp_servers.insert(server);
        self.numbered += 1;
        self.numbered
    }

    /// Whether one more connection may be searched on. Each holds up to two megabytes meanwhile.
    pub(super) fn begin_search(&mut self) -> bool {
        let may = self.searched < SEARCHED;
        self.searched += usize::from(may);
        may
    }

    /// One of them is recognised, or given up.
    pub(super) fn end_search(&mut self) {
        self.searched -= 1;
    }

    /// A connection is over.
    pub(super) fn close(&mut self, mut totals: Totals) {
        self.command_bytes += totals.command_bytes();
        if self.command_bytes > COMMAND_BYTES_IN_ALL {
            self.command_bytes -= totals.command_bytes();
            totals.forget_commands();
        }
        if self.connections.len() < CONNECTIONS {
            let place = self.connections.partition_point(|other| other.number < totals.number);
            self.connections.insert(place, totals);
        } else {
            self.not_kept += 1;
        }
    }
}

impl LeftOut {
    /// A stable word.
    pub(super) fn word(self) -> &'static str {
        match self {
            LeftOut::Tls => "tls",
            LeftOut::Http => "http",
            LeftOut::Refused => "refused",
            LeftOut::Silent => "silent",
            LeftOut::Empty => "empty",
            LeftOut::Unknown => "unknown",
        }
    }
}

impl LeftOutCounts {
    pub(super) fn count(&mut self, what: LeftOut) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (LeftOut, u64)> {
        self.0.iter().map(|(what, count)| (*what, *count))
    }

    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// In a line.
    pub(super) fn words(&self) -> String {
        let words = self.iter().map(|(what, count)| match what {
            LeftOut::Tls => count_of(count, "with TLS", "with TLS"),
            LeftOut::Http => count_of(count, "with HTTP", "with HTTP"),
            LeftOut::Refused => count_of(
                count,
                "that a server refused at a port of RTMP",
                "that a server refused at a port of RTMP",
            ),
            LeftOut::Silent => count_of(
                count,
                "to a port of RTMP on which nothing was said",
                "to a port of RTMP on which nothing was said",
            ),
            LeftOut::Empty => count_of(count, "on which nothing was said", "on which nothing was said"),
            LeftOut::Unknown => count_of(count, "with something else", "with something else"),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Connections that are searched at once. A recording of a server begins in the middle of those that were open.
const SEARCHED: usize = 512;

/// Names of commands that are kept for the summary, of all connections. A hundred thousand that are as usual take ten megabytes.
const COMMAND_BYTES_IN_ALL: usize = 64 * 1_024 * 1_024;

/// Connections that are kept for the summary: each takes some hundred bytes.
const CONNECTIONS: usize = 100_000;
