//! Clock: how the timestamps of a publisher become times of its stream.
//!
//! An encoder has one clock; some have one for each track, some take another when they begin anew, some count in another unit.
//! Each that was seen is remembered by what it last said, so a time is always near one that came before, and wrapping is
//! nothing special.

use std::time::Duration;

use crate::limits;
use crate::time::Instant;
use crate::timestamp::Timestamp;

#[derive(Clone, Debug)]
pub(super) struct Clock {
    last: Timestamp,
    /// How far it has run since it was first seen, in its own unit.
    run: i64,
    /// The stream's time when it was first seen.
    from: u64,
    unit: Unit,
    /// When it was first seen.
    since: Instant,
    /// Whether another frame has been of it since.
    is_proven: bool,
}

/// What a clock counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Millisecond,
    Microsecond,
}

impl Unit {
    const fn per_millisecond(self) -> i64 {
        match self {
            Unit::Millisecond => 1,
            Unit::Microsecond => 1_000,
        }
    }
}

impl Clock {
    /// A clock that says `time` at `now`, when the stream has come to `at`.
    pub(super) fn new(time: Timestamp, at: u64, unit: Unit, now: Instant) -> Self {
        Self { last: time, run: 0, from: at, unit, since: now, is_proven: false }
    }

    /// The clock of a publication's first frame, which nothing speaks against.
    pub(super) fn first(time: Timestamp, at: u64, now: Instant) -> Self {
        Self { is_proven: true, ..Self::new(time, at, Unit::Millisecond, now) }
    }

    /// Whether more than one frame has been of it. A single one may have been wild.
    pub(super) fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// Whether it was taken for one of microseconds and is none: it hardly runs.
    pub(super) fn is_too_slow(&self, now: Instant) -> bool {
        let age = now.saturating_since(self.since);
        let ran = Duration::from_micros(self.run.unsigned_abs());
        self.unit == Unit::Microsecond && age > limits::RACE_DOUBT_TIME && ran < age / 10
    }

    /// What the stream's time is when it says `time`. It may be before the stream began.
    pub(super) fn at(&self, time: Timestamp) -> i64 {
        self.from as i64 + self.run_at(time).div_euclid(self.unit.per_millisecond())
    }

    /// It has said `time`.
    pub(super) fn follow(&mut self, time: Timestamp) {
        self.is_proven |= time != self.last;
        self.run = self.run_at(time);
        self.last = time;
    }

    fn run_at(&self, time: Timestamp) -> i64 {
        self.run + i64::from(time.offset_from(self.last))
    }
}
