//! Connections: segments of all of them, as a capture mixes them, become what each of them was.
//!
//! Touch, then drain: after a `handle_*`, [`Connections::poll`] until there is nothing more. What is not taken is held.
//!
//! A connection is its two addresses and ports until they are used for another one. One that is over is let go; the last
//! few are known a while longer, for what comes late. A segment that opens nothing and carries nothing begins no
//! connection.
//!
//! Invariants: what is held is bounded by `limits`. Of each connection, [`EventKind::Opened`] comes first and
//! [`EventKind::Closed`] last.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::clock::Clock;
use super::connection::{Belonging, Connection};
use super::direction::{Fit, Piece};
use super::event::{ConnectionId, Ending, Event, EventKind, Side};
use super::limits;
use super::segment::Segment;

/// All connections of a capture.
///
/// A call gives few events as a rule. All that waited may come at once when a hole is given up or a connection is over:
/// as much as [`limits::WAITING_BYTES_TOTAL`] holds with [`limits::WAITING_OVERHEAD`] for each piece, and a hole before
/// each; of one direction, what [`limits::WAITING_BYTES`] holds, some 65,000 pieces of one byte.
#[derive(Debug, Default)]
pub struct Connections {
    known: BTreeMap<ConnectionId, Connection>,
    /// Never iterated: its order is not the same on every run.
    by_ends: HashMap<[SocketAddr; 2], ConnectionId>,
    /// Those that are open, by the segment that each of them had last.
    by_silence: BTreeMap<u64, ConnectionId>,
    /// Those that were reset and may yet get something that was captured in another order, by when that was.
    reset: BTreeSet<(Duration, ConnectionId)>,
    /// Those that are over and still known, the oldest first.
    closed: VecDeque<ConnectionId>,
    /// Those in which bytes wait, by the segment since which they do.
    waiting: BTreeSet<(u64, ConnectionId)>,
    waiting_bytes: usize,
    opened: u64,
    clock: Clock,
    events: VecDeque<Event>,
}

impl Connections {
    /// None yet.
    pub fn new() -> Connections {
        Connections::default()
    }

    /// Takes the next segment of the capture, and when it was captured. A time a little before the last one is that.
    pub fn handle_segment(&mut self, segment: &Segment<'_>, at: Duration) {
        let now = self.clock.handle_stamp(at);
        // What a reset carries says why, and is no part of the stream (RFC 9293, 3.5.3).
        let bare = Segment { syn: false, fin: false, payload: &[], missing: 0, ..*segment };
        let segment = if segment.rst { &bare } else { segment };
        self.close_reset();
        let ends = ordered([segment.from, segment.to]);
        let mut found = self.by_ends.get(&ends).copied();
        if let Some(id) = found {
            let connection = self.known.get_mut(&id).expect("a connection is known by its ends");
            if let Some(by) = connection.reset_that_is_due(now) {
                self.close(id, Ending::Reset { by });
            }
            let connection = self.known.get_mut(&id).expect("one that was reset is known for a while");
            match connection.receive_syn(segment) {
                Belonging::Its => {}
                Belonging::Late => return connection.count_late(segment),
                Belonging::Another => found = None,
            }
        }
        if let Some(id) = found
            && self.pass_to(id, segment) == Fit::Fits
        {
            return;
        }
        if self.may_begin(segment) {
            let id = self.open(segment, ends);
            let _ = self.pass_to(id, segment);
        }
    }

    /// The capture is over.
    pub fn handle_end(&mut self) {
        let mut open: Vec<_> = self.by_silence.values().copied().collect();
        open.sort_unstable();
        for id in open {
            self.close(id, Ending::EndOfCapture);
        }
    }

    /// What happened next.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How many connections are open.
    pub fn open_count(&self) -> usize {
        self.by_silence.len()
    }

    /// How many connections are open, or over and still known.
    #[cfg(test)]
    pub(super) fn known_count(&self) -> usize {
        self.known.len()
    }

    /// A connection does not begin with an acknowledgement alone: that is the rest of one.
    fn may_begin(&self, segment: &Segment<'_>) -> bool {
        segment.syn || !segment.payload.is_empty() || segment.missing > 0
    }

    /// Begins a connection; one with the same ends is over.
    fn open(&mut self, segment: &Segment<'_>, ends: [SocketAddr; 2]) -> ConnectionId {
        if let Some(&id) = self.by_ends.get(&ends) {
            self.close(id, Ending::PortsReused);
        }
        if self.by_silence.len() == limits::CONNECTIONS {
            let (_, id) = self.by_silence.first_key_value().expect("there are many");
            self.close(*id, Ending::CrowdedOut);
        }
        let id = ConnectionId(self.opened);
        self.opened += 1;
        let mut connection = Connection::new(segment);
        let its = connection.receive_syn(segment);
        debug_assert_eq!(its, Belonging::Its, "nothing contradicts a first segment");
        connection.stamp = self.clock.now().order;
        self.by_silence.insert(connection.stamp, id);
        self.known.insert(id, connection);
        self.by_ends.insert(ends, id);
        id
    }

    /// Lets a connection have one of its segments.
    fn pass_to(&mut self, id: ConnectionId, segment: &Segment<'_>) -> Fit {
        let (now, events) = (self.clock.now(), &mut self.events);
        let connection = self.known.get_mut(&id).expect("it is known");
        self.by_silence.remove(&connection.stamp);
        connection.stamp = now.order;
        self.by_silence.insert(now.order, id);
        let at = now.at.max(connection.latest);
        if connection.opener.is_some() && !connection.is_told {
            connection.is_told = true;
            events.push_back(opened(id, connection, at));
        }
        let before = connection.waiting_bytes();
        let mut is_told = connection.is_told;
        let fit = connection.handle_segment(segment, now, |connection, from, piece| {
            give(id, connection, from, piece, at, &mut is_told, events);
        });
        connection.is_told = is_told;
        self.waiting_bytes = self.waiting_bytes - before + connection.waiting_bytes();
        self.note_reset(id);
        self.note_waiting(id);
        if fit == Fit::Fits {
            self.close_finished(id);
        }
        self.give_up_waiting();
        fit
    }

    /// While more waits than is held, whoever has waited for longest waits no longer.
    fn give_up_waiting(&mut self) {
        while self.waiting_bytes > limits::WAITING_BYTES_TOTAL
            && let Some(&(_, id)) = self.waiting.first()
        {
            let events = &mut self.events;
            let connection = self.known.get_mut(&id).expect("one that waits is known");
            let (before, at) = (connection.waiting_bytes(), connection.latest);
            let mut is_told = connection.is_told;
            connection.give_up_waiting(|connection, from, piece| {
                give(id, connection, from, piece, at, &mut is_told, events);
            });
            connection.is_told = is_told;
            self.waiting_bytes = self.waiting_bytes - before + connection.waiting_bytes();
            self.note_waiting(id);
            self.close_finished(id);
        }
    }

    /// Closes it if both sides have sent all. One that was reset may yet turn out to go on.
    fn close_finished(&mut self, id: ConnectionId) {
        let connection = &self.known[&id];
        if connection.is_finished() && connection.reset_at().is_none() {
            let first = connection.finished_first();
            self.close(id, Ending::Finished { first });
        }
    }

    /// Has it down as one in which bytes wait, since when they do, or no longer.
    fn note_waiting(&mut self, id: ConnectionId) {
        let connection = self.known.get_mut(&id).expect("it is known");
        let since = connection.waiting_since();
        let before = std::mem::replace(&mut connection.waiting_noted, since);
        if before != since {
            if let Some(before) = before {
                self.waiting.remove(&(before, id));
            }
            self.waiting.extend(since.map(|since| (since, id)));
        }
    }

    /// Has it down as reset, or no longer.
    fn note_reset(&mut self, id: ConnectionId) {
        let connection = self.known.get_mut(&id).expect("it is known");
        let at = connection.reset_at().filter(|_| !connection.is_closed);
        let before = std::mem::replace(&mut connection.reset_noted, at);
        if before != at {
            if let Some(before) = before {
                self.reset.remove(&(before, id));
            }
            self.reset.extend(at.map(|at| (at, id)));
        }
    }

    /// Closes those that were reset long enough ago, and had nothing since.
    fn close_reset(&mut self) {
        let now = self.clock.now();
        while let Some(&(_, id)) = self.reset.first() {
            match self.known.get(&id).and_then(|connection| connection.reset_that_is_due(now)) {
                Some(by) => self.close(id, Ending::Reset { by }),
                None => return,
            }
        }
    }

    /// It is over: gives what waits. A reset that came counts for more than the reason.
    fn close(&mut self, id: ConnectionId, why: Ending) {
        let Some(connection) = self.known.get_mut(&id).filter(|connection| !connection.is_closed) else {
            return;
        };
        let events = &mut self.events;
        let at = connection.latest;
        let mut is_told = connection.is_told;
        self.waiting_bytes -= connection.waiting_bytes();
        connection.handle_end(|connection, from, piece| {
            give(id, connection, from, piece, at, &mut is_told, events);
        });
        if !is_told {
            events.push_back(opened(id, connection, at));
        }
        let how = connection.ending(why);
        events.push_back(Event {
            connection: id,
            at,
            kind: EventKind::Closed { how, tallies: connection.tallies() },
        });
        connection.is_closed = true;
        self.by_silence.remove(&connection.stamp);
        self.note_reset(id);
        self.note_waiting(id);
        match how {
            Ending::Finished { .. } | Ending::Reset { .. } => {
                self.closed.push_back(id);
                if self.closed.len() > limits::CLOSED_CONNECTIONS
                    && let Some(oldest) = self.closed.pop_front()
                {
                    self.forget(oldest);
                }
            }
            Ending::PortsReused | Ending::CrowdedOut | Ending::EndOfCapture => self.forget(id),
        }
    }

    fn forget(&mut self, id: ConnectionId) {
        if let Some(connection) = self.known.remove(&id) {
            let ends = ordered(connection.ends);
            if self.by_ends.get(&ends) == Some(&id) {
                self.by_ends.remove(&ends);
            }
        }
    }
}

/// What a connection gives becomes an event; before the first one it is told that the connection is there.
fn give(
    id: ConnectionId,
    connection: &Connection,
    from: Side,
    piece: Piece,
    at: Duration,
    is_told: &mut bool,
    events: &mut VecDeque<Event>,
) {
    if !std::mem::replace(is_told, true) {
        events.push_back(opened(id, connection, at));
    }
    let kind = match piece {
        Piece::Bytes(bytes) => EventKind::Segment { from, bytes },
        Piece::Missing(count) => EventKind::Missing { from, count },
        Piece::End => EventKind::Finished { by: from },
    };
    events.push_back(Event { connection: id, at, kind });
}

fn opened(id: ConnectionId, connection: &Connection, at: Duration) -> Event {
    Event { connection: id, at, kind: EventKind::Opened { ends: connection.ends, opener: connection.opener } }
}

/// The same two ends, whoever sends.
fn ordered(mut ends: [SocketAddr; 2]) -> [SocketAddr; 2] {
    ends.sort_unstable();
    ends
}
