//! Tape: a stream's frames in a bounded ring, with the point at which players may begin.
//!
//! Each entry has a position that is never used again, so a playhead is a number and falling off the tape is a
//! comparison. The end of a publication is an entry too and cannot overtake the last frame.
//!
//! Invariants: at most `limits::TAPE_BYTES`, `limits::TAPE_TIME` and `limits::TAPE_FRAMES`, one frame excepted. Two groups
//! of pictures at least, where these bounds allow; more only for a playhead that still needs them. The sync point is
//! on the tape.

use std::collections::VecDeque;

use crate::frame::Frame;
use crate::limits;
use crate::timestamp::Timestamp;

use super::preamble::{Configurations, Preamble, PreambleAt};

/// A place on one tape. Counts entries since the stream began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(pub u64);

#[derive(Debug)]
pub(super) enum Entry {
    Frame {
        frame: Frame,
        /// The stream's time when it was appended; metadata itself says 0.
        at: Timestamp,
        /// Bytes of all frames in front of it, since the stream began.
        offset: u64,
    },
    /// Another publisher goes on where the last one stopped.
    Splice {
        /// The stream's time when it did.
        at: Timestamp,
        /// Bytes of all frames in front of it, since the stream began.
        offset: u64,
    },
    /// The publication is over.
    End(Ending),
}

/// Why there is nothing more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The publisher has gone, and none came in its place in time.
    Unpublished,
    /// The stream's own time is used up, after 24 days. Who joins anew finds it begun anew.
    TimelineFull,
}

/// The newest place at which a player may begin.
#[derive(Debug)]
pub(super) struct SyncPoint {
    pub position: Position,
    pub timestamp: Timestamp,
    preamble: PreambleAt,
}

impl SyncPoint {
    /// What a player needs before the frame at this point.
    pub(super) fn preamble(&self) -> Preamble {
        self.preamble.frames()
    }
}

#[derive(Debug, Default)]
pub(super) struct Tape {
    entries: VecDeque<Entry>,
    /// The position of the first entry.
    first: u64,
    bytes: usize,
    /// Bytes of all frames since the stream began.
    offset: u64,
    sync_point: Option<SyncPoint>,
    /// The end of the tape when it was last asked what is still needed.
    looked_at: u64,
    last_end: Option<(Position, Ending)>,
}

impl Tape {
    /// The next frame begins a group of pictures, and players may begin at it.
    ///
    /// Frees what nobody needs any more: all but this group and the last one, or what comes before the earliest
    /// position that somebody still wants to read. `slowest` is asked for that where there is something to free.
    pub(super) fn begin_group(
        &mut self,
        configurations: &Configurations,
        timestamp: Timestamp,
        slowest: impl FnOnce(&Tape) -> Option<Position>,
    ) {
        if let Some(last) = self.sync_point.as_ref().map(|last| last.position)
            && last.0 > self.first + limits::TAPE_SLACK_FRAMES
            && self.end().0 >= self.looked_at + limits::TAPE_SLACK_FRAMES
        {
            self.looked_at = self.end().0;
            let needed = slowest(self).map_or(last, |slowest| slowest.min(last));
            while self.start() < needed {
                self.drop_first();
            }
        }
        let preamble = configurations.at(timestamp);
        self.sync_point = Some(SyncPoint { position: self.end(), timestamp, preamble });
    }

    /// Appends a frame, at the stream's time `at`.
    pub(super) fn append(&mut self, frame: Frame, at: Timestamp) {
        let bytes = frame.wire().len();
        self.push(Entry::Frame { frame, at, offset: self.offset });
        self.bytes += bytes;
        self.offset += bytes as u64;
        while self.entries.len() > 1 && self.is_over_bounds(at) {
            self.drop_first();
        }
        self.debug_check();
    }

    /// The publication is over. Nobody begins at its sync point any more.
    ///
    /// A publication that showed nothing ends without a trace: whoever waited for it goes on waiting.
    pub(super) fn append_end(&mut self, ending: Ending) {
        self.sync_point = None;
        if !matches!(self.entries.back(), None | Some(Entry::End(_))) {
            self.last_end = Some((self.end(), ending));
            self.push(Entry::End(ending));
        }
        self.debug_check();
    }

    /// Another publisher goes on. Its first frames depend on nothing that came before.
    pub(super) fn append_splice(&mut self, at: Timestamp) {
        if !matches!(self.entries.back(), None | Some(Entry::Splice { .. } | Entry::End(_))) {
            self.push(Entry::Splice { at, offset: self.offset });
        }
        self.debug_check();
    }

    /// Behind the last entry.
    pub(super) fn end(&self) -> Position {
        Position(self.first + self.entries.len() as u64)
    }

    /// The first entry that is still there.
    pub(super) fn start(&self) -> Position {
        Position(self.first)
    }

    /// The entry at `position`, unless that is off the tape at either end.
    pub(super) fn get(&self, position: Position) -> Option<&Entry> {
        let index = position.0.checked_sub(self.first)?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// The frames of the newest publication that are on it, with the stream's time when they were appended.
    pub(super) fn frames_of_publication(&self) -> impl Iterator<Item = (&Frame, Timestamp)> {
        let border = self.entries.iter().rposition(|entry| !matches!(entry, Entry::Frame { .. }));
        self.entries.iter().skip(border.map_or(0, |border| border + 1)).filter_map(|entry| match entry {
            Entry::Frame { frame, at, .. } => Some((frame, *at)),
            Entry::Splice { .. } | Entry::End(_) => None,
        })
    }

    /// The newest place at which a player may begin.
    pub(super) fn sync_point(&self) -> Option<&SyncPoint> {
        self.sync_point.as_ref()
    }

    /// The newest end of a publication, also if it is off the tape.
    pub(super) fn last_end(&self) -> Option<(Position, Ending)> {
        self.last_end
    }

    /// Bytes of the frames from an entry on.
    pub(super) fn bytes_from(&self, entry: &Entry) -> u64 {
        match entry {
            Entry::Frame { offset, .. } | Entry::Splice { offset, .. } => self.offset - offset,
            Entry::End(_) => 0,
        }
    }

    /// Bytes of the frames that are on it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        if self.entries.len() > limits::TAPE_FRAMES {
            self.drop_first();
        }
    }

    fn is_over_bounds(&self, newest: Timestamp) -> bool {
        let is_old = match self.entries.front() {
            Some(Entry::Frame { at, .. } | Entry::Splice { at, .. }) => {
                at.lag_behind(newest) > limits::TAPE_TIME
            }
            // Who has not read it by now is told by `last_end`.
            Some(Entry::End(_)) => true,
            None => false,
        };
        self.bytes > limits::TAPE_BYTES || is_old
    }

    fn drop_first(&mut self) {
        if let Some(Entry::Frame { frame, .. }) = self.entries.pop_front() {
            self.bytes -= frame.wire().len();
        }
        self.first += 1;
        if self.sync_point.as_ref().is_some_and(|point| point.position < self.start()) {
            self.sync_point = None;
        }
    }

    fn debug_check(&self) {
        debug_assert!(
            self.sync_point.as_ref().is_none_or(|point| self.get(point.position).is_some()),
            "1: the sync point is on the tape"
        );
        debug_assert!(self.entries.len() <= limits::TAPE_FRAMES, "2: entries are bounded");
        debug_assert!(self.bytes <= limits::TAPE_BYTES || self.entries.len() <= 1, "3: bytes are bounded");
    }
}
