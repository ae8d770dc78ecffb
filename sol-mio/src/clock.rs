//! Clock: the core's time, counted from when the server was made, and the same on all loops.

use std::time::Duration;

use sol_core::time::Instant;

/// Where the core's time begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: std::time::Instant,
}

impl Clock {
    /// The core's time begins now.
    pub(crate) fn start() -> Self {
        Self { epoch: std::time::Instant::now() }
    }

    /// The time as the core is told.
    pub(crate) fn now(self) -> Instant {
        Instant::from_epoch(self.epoch.elapsed())
    }
}

/// How long a poll may wait for something that is due. Rounded up: epoll counts in milliseconds, and one that returns a little
/// too early would be asked again at once, over and over.
pub(crate) fn until(due: Instant, now: Instant) -> Duration {
    let left = due.saturating_since(now);
    Duration::from_millis(left.as_millis() as u64 + u64::from(!left.subsec_nanos().is_multiple_of(1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_never_ends_before_what_it_waits_for() {
        let at = |micros: u64| Instant::EPOCH + Duration::from_micros(micros);
        let waits = |due: u64, now: u64| until(at(due), at(now));
        assert_eq!(waits(5_000, 5_000), Duration::ZERO);
        assert_eq!(waits(5_001, 5_000), Duration::from_millis(1));
        assert_eq!(waits(7_000, 5_000), Duration::from_millis(2));
        assert_eq!(waits(4_000, 5_000), Duration::ZERO, "it is late");
    }
}
