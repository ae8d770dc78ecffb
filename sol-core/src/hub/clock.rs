//! Clock: how the timestamps of a publisher become times of its stream.
//!
//! An encoder has one clock; some have one for each track, some take another when they begin anew, some count in another unit.
//! Each that was seen is remembered by what it last said, so a time is always near one that came before, and wrapping is
//! nothing special.

use crate::timestamp::Timestamp;

#[derive(Clone, Debug)]
pub(super) struct Clock {
    last: Timestamp,
    /// How far it has run since it was first seen, in its own unit.
    run: i64,
    /// The stream's time when it was first seen.
    from: u64,
    unit: Unit,
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
    /// A clock that says `time` when the stream has come to `at`.
    pub(super) fn new(time: Timestamp, at: u64, unit: Unit) -> Self {
        Self { last: time, run: 0, from: at, unit }
    }

    /// What the stream's time is when it says `time`. It may be before the stream began.
    pub(super) fn at(&self, time: Timestamp) -> i64 {
        self.from as i64 + self.run_at(time).div_euclid(self.unit.per_millisecond())
    }

    /// It has said `time`.
    pub(super) fn follow(&mut self, time: Timestamp) {
        self.run = self.run_at(time);
        self.last = time;
    }

    fn run_at(&self, time: Timestamp) -> i64 {
        self.run + i64::from(time.offset_from(self.last))
    }
}
