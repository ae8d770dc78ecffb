//! Tape: a stream's frames in a bounded ring, with the points at which a player may begin.
//!
//! Each entry has a position that is never used again, so a playhead is a number and falling off the tape is a
//! comparison. The end of a publication is an entry too and cannot overtake the last frame.
//!
//! Invariants: at most `limits::TAPE_BYTES`, `limits::TAPE_MILLIS` and `limits::TAPE_FRAMES`, one frame excepted. Two groups
//! of pictures at least, where these bounds allow; more only for a playhead that still needs them. Every sync
//! point is on the tape.

use std::collections::VecDeque;

use crate::limits;
use crate::timestamp::Timestamp;

use super::frame::Frame;
use super::preamble::Preamble;

/// A place on one tape. Counts entries since the stream began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(pub u64);

#[derive(Debug)]
pub(super) enum Entry {
    Frame(Frame),
    /// The publication is over.
    End,
}

/// A place at which a player may begin.
#[derive(Debug)]
pub(super) struct SyncPoint {
    pub position: Position,
    pub timestamp: Timestamp,
    pub preamble: Preamble,
}

#[derive(Debug, Default)]
pub(super) struct Tape {
    entries: VecDeque<Entry>,
    /// The position of the first entry.
    first: u64,
    bytes: usize,
    sync_points: VecDeque<SyncPoint>,
    last_end: Option<Position>,
}

impl Tape {
    /// The next frame begins a group of pictures, and players may begin at it.
    ///
    /// Frees what nobody needs any more: all but this group and the last one, or what comes before `slowest`, the
    /// earliest position that somebody still wants to read.
    pub(super) fn begin_group(
        &mut self,
        preamble: Preamble,
        timestamp: Timestamp,
        slowest: Option<Position>,
    ) {
        if let Some(last) = self.newest_sync_point().map(|last| last.position) {
            self.drop_before(slowest.map_or(last, |slowest| slowest.min(last)));
        }
        self.sync_points.push_back(SyncPoint { position: self.end(), timestamp, preamble });
        // Older ones serve nobody: whoever falls behind is sent to the newest.
        if self.sync_points.len() > limits::SYNC_POINTS {
            self.sync_points.pop_front();
        }
    }

    /// Appends a frame.
    pub(super) fn append(&mut self, frame: Frame) {
        let timestamp = frame.timestamp();
        self.bytes += frame.wire().len();
        self.entries.push_back(Entry::Frame(frame));
        while self.entries.len() > 1 && self.is_over_bounds(timestamp) {
            self.drop_first();
        }
        self.debug_check();
    }

    /// The publication is over. Nobody begins at its sync points any more.
    pub(super) fn append_end(&mut self) {
        self.last_end = Some(self.end());
        self.entries.push_back(Entry::End);
        self.sync_points.clear();
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

    /// The newest place at which a player may begin.
    pub(super) fn newest_sync_point(&self) -> Option<&SyncPoint> {
        self.sync_points.back()
    }

    /// The newest end of a publication, also if it is off the tape.
    pub(super) fn last_end(&self) -> Option<Position> {
        self.last_end
    }

    /// Bytes of the frames that are on it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn is_over_bounds(&self, newest: Timestamp) -> bool {
        let millis = match self.entries.front() {
            Some(Entry::Frame(oldest)) => oldest.timestamp().lag_behind(newest).as_millis(),
            Some(Entry::End) | None => 0,
        };
        self.bytes > limits::TAPE_BYTES
            || self.entries.len() > limits::TAPE_FRAMES
            || millis > u128::from(limits::TAPE_MILLIS)
    }

    fn drop_before(&mut self, position: Position) {
        while self.start() < position && !self.entries.is_empty() {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(Entry::Frame(frame)) = self.entries.pop_front() {
            self.bytes -= frame.wire().len();
        }
        self.first += 1;
        let start = self.start();
        while self.sync_points.front().is_some_and(|point| point.position < start) {
            self.sync_points.pop_front();
        }
    }

    fn debug_check(&self) {
        debug_assert!(
            self.sync_points.iter().all(|point| self.get(point.position).is_some()),
            "1: every sync point is on the tape"
        );
        debug_assert!(self.entries.len() <= limits::TAPE_FRAMES + 1, "2: entries are bounded");
        debug_assert!(self.bytes <= limits::TAPE_BYTES || self.entries.len() <= 1, "3: bytes are bounded");
    }
}
