//! Clock: the time that goes by in a capture, by the stamps of its packets.
//!
//! Packets of several queues or processors have stamps that go back a little: that is disorder, and no time goes by. A
//! stamp that goes back by more shows that one before it was wrong, or that the machine's clock was set; from there on it
//! is as if nothing had been.
//!
//! Invariants: the time that has gone by never becomes less, whatever stamps say.

use std::time::Duration;

use super::limits;

#[derive(Debug, Default)]
pub(super) struct Clock {
    now: Now,
}

/// When a segment was captured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Now {
    /// Since 1970 (UTC), as the file says.
    pub(super) at: Duration,
    /// How long that is after the first.
    pub(super) elapsed: Duration,
    /// How many there have been, with this one.
    pub(super) order: u64,
}

/// A moment of a connection, by the time that has gone by and by its count of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) elapsed: Duration,
    pub(super) segments: u64,
    /// Which of all segments of the capture it was.
    pub(super) order: u64,
}

impl Clock {
    /// The next segment was captured.
    pub(super) fn handle_stamp(&mut self, at: Duration) -> Now {
        let before = self.now.at;
        if at < before && before - at <= limits::DISORDER_TIME {
            self.now.order += 1;
            return self.now;
        }
        if self.now.order > 0 {
            // What waits does not wait longer than this, and a wrong stamp may be far away.
            self.now.elapsed += at.saturating_sub(before).min(limits::UNHEARD_TIME);
        }
        self.now = Now { at, order: self.now.order + 1, ..self.now };
        self.now
    }

    /// When the last one was captured.
    pub(super) fn now(&self) -> Now {
        self.now
    }
}

impl Moment {
    /// Whether packets that were captured in another order must have come since.
    pub(super) fn is_long_ago(self, now: Moment) -> bool {
        now.segments.saturating_sub(self.segments) >= limits::DISORDER_SEGMENTS
            || now.elapsed.saturating_sub(self.elapsed) >= limits::DISORDER_TIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_behind_stamps_that_are_wrong() {
        let mut clock = Clock::default();
        let times = [100_000, 100_400, 100_300, 100_500, u64::MAX, 100_600, 0, 100_700, 101_000];
        let elapsed =
            times.map(|millis| clock.handle_stamp(Duration::from_millis(millis)).elapsed.as_millis());
        let wrong = limits::UNHEARD_TIME.as_millis();
        let expected =
            [0, 400, 400, 500, 500 + wrong, 500 + wrong, 500 + wrong, 500 + 2 * wrong, 800 + 2 * wrong];
        assert_eq!(elapsed, expected);
        assert_eq!((clock.now().at, clock.now().order), (Duration::from_millis(101_000), 9));
    }
}
