//! Clock: the core's time is tokio's, counted from when the server was made.

use sol_core::time::Instant;

/// Where the core's time begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: tokio::time::Instant,
}

impl Clock {
    /// The core's time begins now.
    pub(crate) fn start() -> Self {
        Self { epoch: tokio::time::Instant::now() }
    }

    /// The time as the core is told.
    pub(crate) fn now(self) -> Instant {
        Instant::from_epoch(self.epoch.elapsed())
    }

    /// The core's time as the runtime's timers know it.
    pub(crate) fn timer_at(self, at: Instant) -> tokio::time::Instant {
        self.epoch + at.since_epoch()
    }
}
