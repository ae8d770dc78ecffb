//! Time as the driver tells it.
//!
//! The core reads no clock. Each call that may depend on time takes `now: Instant`, a point on a monotonic
//! line whose zero the driver chose: process start, the first packet of a capture, the start of a simulation.
//!
//! Invariant: within one session or server, `now` never goes back. Debug builds assert it.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in time: how long after the driver's epoch it lies. Monotonic, never wall-clock time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// The driver's epoch itself.
    pub const EPOCH: Instant = Instant(Duration::ZERO);

    /// The point `elapsed` after the driver's epoch.
    pub const fn from_epoch(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// How long after the driver's epoch this point lies.
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this point lies; zero when it does not.
    pub fn saturating_since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// Saturates at the end of the representable line, some 584 thousand million years on.
    fn add(self, by: Duration) -> Instant {
        Instant(self.0.saturating_add(by))
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// Saturates at the epoch.
    fn sub(self, by: Duration) -> Instant {
        Instant(self.0.saturating_sub(by))
    }
}
