//! Tape: a stream's frames in a bounded ring, with the points at which players may begin.
//!
//! Each entry has a position that is never used again, so a playhead is a number and falling off the tape is a
//! comparison. The end of a publication is an entry too and cannot overtake the last frame.
//!
//! Invariants: at most the bytes and the time that the operator allows, and `limits::TAPE_FRAMES`, one frame excepted. Two
//! groups of pictures at least, where these bounds allow; more only for a playhead that still needs them, and for those that
//! begin with [`Join::Instant`]. All sync points are on the tape, at most `limits::SYNC_POINTS`; the newest is among them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::frame::Frame;
use crate::limits;
use crate::media::Unfit;
use crate::timestamp::Timestamp;

use super::config::StreamConfig;
use super::playhead::{Gap, Join};
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
    /// From here on, behind what was lost on the way to this tape, or at its beginning where that is amid a publication.
    Resume {
        lost: Gap,
        /// What a player needs before the next frame.
        preamble: Preamble,
        /// The stream's time.
        at: Timestamp,
        /// Bytes of all frames in front of it, since the stream began.
        offset: u64,
    },
    /// The publication is over.
    End(Ending),
}

impl Entry {
    /// Frames that somebody loses who passes over it.
    fn frames(&self) -> u64 {
        match self {
            Entry::Frame { .. } => 1,
            Entry::Resume { lost, .. } => lost.frames,
            Entry::Splice { .. } | Entry::End(_) => 0,
        }
    }

    /// The stream's time when it was appended.
    pub(super) fn time(&self) -> Option<Timestamp> {
        match self {
            Entry::Frame { at, .. } | Entry::Splice { at, .. } | Entry::Resume { at, .. } => Some(*at),
            Entry::End(_) => None,
        }
    }
}

/// Why there is nothing more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The publisher has gone, and none came in its place in time.
    Unpublished,
    /// The stream's own time is used up, after 24 days. Who joins anew finds it begun anew.
    TimelineFull,
    /// The player cannot have what the publisher sends.
    Unfit(Unfit),
}

/// The end of a publication, which may be off the tape.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastEnd {
    pub position: Position,
    pub ending: Ending,
    /// The stream's time.
    pub at: Timestamp,
}

/// A place at which a player may begin.
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

    /// What holds of the publication at this point.
    pub(super) fn configurations(&self) -> Preamble {
        self.preamble.configurations()
    }

    /// Whether a player that begins here has enough to show a picture at once, when the stream has come to `head`.
    fn is_old_enough(&self, head: Timestamp) -> bool {
        self.timestamp.lag_behind(head) >= limits::INSTANT_JOIN_TIME
    }
}

#[derive(Debug)]
pub(super) struct Tape {
    time_max: Duration,
    bytes_max: usize,
    /// Where most will begin.
    join: Join,
    entries: VecDeque<Entry>,
    /// The position of the first entry.
    first: u64,
    bytes: usize,
    /// Bytes of all frames since the stream began.
    offset: u64,
    /// Apart, since it is asked for with every frame that is read.
    newest_sync_point: Option<SyncPoint>,
    /// In front of the newest, those that a player may yet have to begin at: the newest that is old enough for
    /// [`Join::Instant`] and what has come since, each `limits::SYNC_POINT_TIME` at least after the one before.
    earlier_sync_points: VecDeque<SyncPoint>,
    /// The end of the tape when it was last asked what is still needed.
    looked_at: u64,
    last_end: Option<LastEnd>,
    last_splice: Option<Position>,
    /// Entries that are off the tape and were no frames: how many frames were lost with each.
    off_it: VecDeque<(Position, u64)>,
    /// Players have been given something since.
    has_shown: bool,
}

impl Tape {
    pub(super) fn new(config: &StreamConfig) -> Self {
        Self {
            time_max: config.tape_time.min(limits::TAPE_TIME),
            bytes_max: config.tape_bytes.min(limits::TAPE_BYTES),
            join: config.join,
            entries: VecDeque::new(),
            first: 0,
            bytes: 0,
            offset: 0,
            newest_sync_point: None,
            earlier_sync_points: VecDeque::new(),
            looked_at: 0,
            last_end: None,
            last_splice: None,
            off_it: VecDeque::new(),
            has_shown: false,
        }
    }

    /// The next frame begins a group of pictures, and players may begin at it. The stream has come to `head`.
    ///
    /// Frees what nobody needs any more: all but this group, the last one and those that players may be sent back to, or what
    /// comes before the earliest position that somebody still wants to read. `slowest` is asked for that where there is
    /// something to free.
    pub(super) fn begin_group(
        &mut self,
        configurations: &Configurations,
        timestamp: Timestamp,
        head: Timestamp,
        slowest: impl FnOnce(&Tape) -> Option<Position>,
    ) {
        let last = self.newest_sync_point().map(|last| last.position);
        let preamble = configurations.at(timestamp);
        self.add_sync_point(SyncPoint { position: self.end(), timestamp, preamble }, head);
        let instant = match self.join {
            Join::Instant => self.sync_point_for_instant(head).map(|point| point.position),
            Join::Keyframe | Join::Live => None,
        };
        if let Some(last) = last.map(|last| instant.map_or(last, |instant| instant.min(last)))
            && last.0 > self.first + limits::TAPE_SLACK_FRAMES
            && self.end().0 >= self.looked_at + limits::TAPE_SLACK_FRAMES
        {
            self.looked_at = self.end().0;
            let needed = slowest(self).map_or(last, |slowest| slowest.min(last));
            while self.start() < needed {
                self.drop_first();
            }
        }
    }

    fn add_sync_point(&mut self, newest: SyncPoint, head: Timestamp) {
        let earlier = &mut self.earlier_sync_points;
        if let Some(last) = self.newest_sync_point.take() {
            // Whoever sends keyframes only has one each frame.
            let is_too_near =
                |before: &SyncPoint| before.timestamp.lag_behind(last.timestamp) < limits::SYNC_POINT_TIME;
            if !earlier.back().is_some_and(is_too_near) {
                earlier.push_back(last);
            }
        }
        while !earlier.is_empty() && earlier.get(1).unwrap_or(&newest).is_old_enough(head) {
            earlier.pop_front();
        }
        self.newest_sync_point = Some(newest);
    }

    /// Appends a frame, at the stream's time `at`.
    pub(super) fn append(&mut self, frame: Frame, at: Timestamp) {
        let bytes = frame.wire().len();
        self.push(Entry::Frame { frame, at, offset: self.offset });
        self.has_shown = true;
        self.bytes += bytes;
        self.offset += bytes as u64;
        while self.entries.len() > 1 && self.is_over_bounds(at) {
            self.drop_first();
        }
        self.debug_check();
    }

    /// The publication is over, and the stream has come to `at`. Nobody begins at its sync points any more.
    ///
    /// A publication that showed nothing ends without a trace: whoever waited for it goes on waiting.
    pub(super) fn append_end(&mut self, ending: Ending, at: Timestamp) {
        self.forget_sync_points();
        if std::mem::take(&mut self.has_shown) {
            self.last_end = Some(LastEnd { position: self.end(), ending, at });
            self.push(Entry::End(ending));
        }
        self.debug_check();
    }

    /// The same for players that may have got nothing yet, and are told all the same.
    pub(super) fn append_refusal(&mut self, ending: Ending, at: Timestamp) {
        self.has_shown = true;
        self.append_end(ending, at);
    }

    /// Another publisher goes on. Its first frames depend on nothing that came before.
    pub(super) fn append_splice(&mut self, at: Timestamp) {
        if !matches!(self.entries.back(), None | Some(Entry::Splice { .. } | Entry::End(_))) {
            self.last_splice = Some(self.end());
            self.push(Entry::Splice { at, offset: self.offset });
            self.has_shown = true;
        }
        self.debug_check();
    }

    /// What comes next was not there from the beginning, or some of what came before is missing.
    pub(super) fn append_resume(&mut self, lost: Gap, preamble: Preamble, at: Timestamp) {
        self.has_shown |= lost.frames > 0 || !preamble.is_empty();
        if lost.frames > 0 {
            // Whoever began in front of it would lose what it never waited for.
            self.forget_sync_points();
        }
        self.push(Entry::Resume { lost, preamble, at, offset: self.offset });
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

    /// The frames of the newest publication that are on it.
    pub(super) fn frames_of_publication(&self) -> impl Iterator<Item = &Frame> {
        let is_border = |entry: &Entry| matches!(entry, Entry::Splice { .. } | Entry::End(_));
        let border = self.entries.iter().rposition(is_border);
        self.entries.iter().skip(border.map_or(0, |border| border + 1)).filter_map(|entry| match entry {
            Entry::Frame { frame, .. } => Some(frame),
            Entry::Resume { .. } | Entry::Splice { .. } | Entry::End(_) => None,
        })
    }

    /// The newest place at which a player may begin.
    pub(super) fn newest_sync_point(&self) -> Option<&SyncPoint> {
        self.newest_sync_point.as_ref()
    }

    /// The place at a position, if a player may begin there and that is still remembered.
    pub(super) fn sync_point_at(&self, position: Position) -> Option<&SyncPoint> {
        self.sync_points()
            .rev()
            .take_while(|point| point.position >= position)
            .find(|point| point.position == position)
    }

    /// Where [`Join::Instant`] begins, when the stream has come to `head`.
    pub(super) fn sync_point_for_instant(&self, head: Timestamp) -> Option<&SyncPoint> {
        self.sync_points().rfind(|point| point.is_old_enough(head)).or_else(|| self.sync_points().next())
    }

    /// All that are remembered, in order.
    pub(super) fn sync_points(&self) -> impl DoubleEndedIterator<Item = &SyncPoint> {
        self.earlier_sync_points.iter().chain(&self.newest_sync_point)
    }

    /// The newest end of a publication, also if it is off the tape.
    pub(super) fn last_end(&self) -> Option<LastEnd> {
        self.last_end
    }

    /// Where another publisher went on last.
    pub(super) fn last_splice(&self) -> Option<Position> {
        self.last_splice
    }

    /// What somebody loses who goes from one position to another: frames, and what was lost on the way to this tape already. Of
    /// entries that are off the tape and were no frames the last `limits::TAPE_LOSSES` are known; others count as one.
    pub(super) fn count_between(&self, from: Position, to: Position) -> u64 {
        let start = from.max(self.start()).min(to);
        let index =
            |position: Position| (position.0.saturating_sub(self.first) as usize).min(self.entries.len());
        let on_it: u64 = self.entries.range(index(start)..index(to)).map(Entry::frames).sum();
        let others = self.off_it.iter().filter(|(position, _)| (from..start).contains(position));
        let (count, frames) = others.fold((0, 0), |(count, sum), (_, frames)| (count + 1, sum + frames));
        start.0.saturating_sub(from.0) - count + frames + on_it
    }

    /// Bytes of the frames from an entry on.
    pub(super) fn bytes_from(&self, entry: &Entry) -> u64 {
        match entry {
            Entry::Frame { offset, .. } | Entry::Splice { offset, .. } | Entry::Resume { offset, .. } => {
                self.offset - offset
            }
            Entry::End(_) => 0,
        }
    }

    /// Bytes of the frames that are on it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget_sync_points(&mut self) {
        self.newest_sync_point = None;
        self.earlier_sync_points.clear();
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        if self.entries.len() > limits::TAPE_FRAMES {
            self.drop_first();
        }
    }

    fn is_over_bounds(&self, newest: Timestamp) -> bool {
        let is_old = match self.entries.front().map(Entry::time) {
            Some(Some(at)) => at.lag_behind(newest) > self.time_max,
            // An end. Who has not read it by now is told by `last_end`.
            Some(None) => true,
            None => false,
        };
        self.bytes > self.bytes_max || is_old
    }

    fn drop_first(&mut self) {
        match self.entries.pop_front() {
            Some(Entry::Frame { frame, .. }) => self.bytes -= frame.wire().len(),
            Some(other) => {
                if self.off_it.len() == limits::TAPE_LOSSES {
                    self.off_it.pop_front();
                }
                self.off_it.push_back((self.start(), other.frames()));
            }
            None => {}
        }
        self.first += 1;
        let start = self.start();
        if let Some(oldest) = self.earlier_sync_points.front() {
            if oldest.position < start {
                self.earlier_sync_points.pop_front();
            }
        } else if self.newest_sync_point.as_ref().is_some_and(|point| point.position < start) {
            self.newest_sync_point = None;
        }
    }

    fn frames(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry, Entry::Frame { .. })).count()
    }

    /// See [`Server::check`](crate::server::Server::check).
    pub(super) fn check(&self) {
        assert!(
            self.sync_points().all(|point| self.get(point.position).is_some()),
            "1: sync points are on the tape"
        );
        assert!(self.entries.len() <= limits::TAPE_FRAMES, "2: entries are bounded");
        assert!(self.bytes <= self.bytes_max || self.frames() <= 1, "3: bytes are bounded");
        assert!(self.sync_points().count() <= limits::SYNC_POINTS, "4: sync points are bounded");
        let newest = self.entries.iter().rev().find(|entry| matches!(entry, Entry::Frame { .. }));
        let ends = self.entries.front().and_then(Entry::time).zip(newest.and_then(Entry::time));
        let is_bounded = ends.is_none_or(|(oldest, newest)| oldest.lag_behind(newest) <= self.time_max);
        assert!(is_bounded, "5: time is bounded");
    }

    fn debug_check(&self) {
        if cfg!(debug_assertions) {
            self.check();
        }
    }
}
