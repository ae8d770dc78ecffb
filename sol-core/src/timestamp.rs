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
    use quickcheck::TestResult;
    use quickcheck_macros::quickcheck;

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

    // --- Laws of serial order -----------------------------------------------------------------------------

    #[quickcheck]
    fn of_two_times_one_comes_after_the_other_unless_they_are_half_the_range_apart(a: u32, b: u32) -> bool {
        let (a, b) = (Timestamp::from_millis(a), Timestamp::from_millis(b));
        let has_no_order = a == b || a.offset_from(b) == i32::MIN;
        (a.is_after(b) || b.is_after(a)) != has_no_order && !(a.is_after(b) && b.is_after(a))
    }

    #[quickcheck]
    fn what_is_counted_forward_by_less_than_half_the_range_comes_after(from: u32, millis: u32) -> bool {
        let (from, millis) = (Timestamp::from_millis(from), millis % 0x8000_0000);
        let to = from.advanced_by(millis);
        to.is_after(from) == (millis > 0)
            && to.offset_from(from).unsigned_abs() == millis
            && from.lag_behind(to) == Duration::from_millis(millis.into())
            && to.lag_behind(from) == Duration::ZERO
    }

    #[quickcheck]
    fn order_and_distance_do_not_depend_on_where_the_clock_stands(a: u32, b: u32, shift: u32) -> bool {
        let (a, b) = (Timestamp::from_millis(a), Timestamp::from_millis(b));
        let (shifted_a, shifted_b) = (a.advanced_by(shift), b.advanced_by(shift));
        shifted_a.is_after(shifted_b) == a.is_after(b)
            && shifted_a.offset_from(shifted_b) == a.offset_from(b)
            && shifted_a.lag_behind(shifted_b) == a.lag_behind(b)
    }

    /// Beyond half the range serial order goes round in a circle, and nothing else may be built on it.
    #[quickcheck]
    fn order_is_transitive_within_half_the_range(from: u32, first: u32, second: u32) -> TestResult {
        let (first, second) = (first % 0x4000_0000, second % 0x4000_0000);
        if first == 0 || second == 0 {
            return TestResult::discard();
        }
        let a = Timestamp::from_millis(from);
        let b = a.advanced_by(first);
        let c = b.advanced_by(second);
        TestResult::from_bool(b.is_after(a) && c.is_after(b) && c.is_after(a))
    }
}
