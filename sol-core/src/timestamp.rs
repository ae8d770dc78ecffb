//! Media time as RTMP carries it (RTMP 1.0, 3 and 5.1): milliseconds modulo 2³².
//!
//! Invariant: ordering is serial (RFC 1982). Of two timestamps less than 2³¹ ms (24.8 days) apart, the later
//! is the one that is reached by counting forward. Hence there is no `Ord`.

use std::fmt;
use std::time::Duration;

/// Media time in milliseconds modulo 2³². Ordering is serial: 5 follows `0xFFFF_FFFF`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timestamp(u32);

impl Timestamp {
    /// Where every stream's own timeline begins.
    pub const ZERO: Timestamp = Timestamp(0);

    /// The time `millis` milliseconds after zero.
    pub const fn from_millis(millis: u32) -> Self {
        Self(millis)
    }

    /// Milliseconds, modulo 2³².
    pub const fn millis(self) -> u32 {
        self.0
    }

    /// This time moved forward by `millis`, with wrap-around.
    #[must_use]
    pub const fn advanced_by(self, millis: u32) -> Self {
        Self(self.0.wrapping_add(millis))
    }

    /// Signed distance from `origin` to `self` in milliseconds: positive when `self` is the later one.
    ///
    /// Two timestamps exactly 2³¹ ms apart have no order; the distance is then negative.
    pub const fn offset_from(self, origin: Timestamp) -> i32 {
        self.0.wrapping_sub(origin.0) as i32
    }

    /// Whether `self` comes after `other`.
    pub const fn is_after(self, other: Timestamp) -> bool {
        self.offset_from(other) > 0
    }

    /// How far `self` trails `head`; zero when it does not.
    pub fn lag_behind(self, head: Timestamp) -> Duration {
        Duration::from_millis(head.offset_from(self).max(0).unsigned_abs().into())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_serial_across_the_wrap() {
        let before = Timestamp::from_millis(0xFFFF_FFFF);
        let after = Timestamp::from_millis(5);
        assert!(after.is_after(before));
        assert!(!before.is_after(after));
        assert_eq!(after.offset_from(before), 6);
    }

    #[test]
    fn lag_is_zero_for_the_one_in_front() {
        let behind = Timestamp::from_millis(1_000);
        let ahead = Timestamp::from_millis(1_250);
        assert_eq!(behind.lag_behind(ahead), Duration::from_millis(250));
        assert_eq!(ahead.lag_behind(behind), Duration::ZERO);
    }

    #[test]
    fn times_exactly_half_the_range_apart_have_no_order() {
        let a = Timestamp::from_millis(0);
        let b = Timestamp::from_millis(0x8000_0000);
        assert!(!a.is_after(b));
        assert!(!b.is_after(a));
        assert_eq!(a.lag_behind(b), Duration::ZERO);
    }
}
