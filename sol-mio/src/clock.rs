//! Clock: the core's time, counted from when the server was made, and the same on all loops.

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
