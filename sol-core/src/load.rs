//! Load: how busy the driver is, so that delivery can be gathered when it must be.
//!
//! The core cannot know; a driver that can tell how long it has been busy in all has it averaged here.

use std::time::Duration;

use crate::time::Instant;

/// The share of its time that a driver is busy, of all its workers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Load(f64);

impl Load {
    /// Nothing to do.
    pub const IDLE: Load = Load(0.0);

    /// A share between 0 and 1; what lies beyond counts as either, and what is no number as 0.
    pub fn of(share: f64) -> Self {
        if share.is_nan() { Self::IDLE } else { Self(share.clamp(0.0, 1.0)) }
    }

    /// Between 0 and 1.
    pub fn share(self) -> f64 {
        self.0
    }
}

/// Averages a driver's load, over about half a second.
#[derive(Debug, Default)]
pub struct LoadMeter {
    last: Option<(Instant, Duration)>,
    load: Load,
}

impl LoadMeter {
    /// Samples that are closer together than this change nothing.
    pub const PERIOD: Duration = Duration::from_millis(100);

    /// The driver has been busy for so long in all, by the average of its workers. The load at this moment.
    pub fn sample(&mut self, busy: Duration, now: Instant) -> Load {
        let Some((then, busy_then)) = self.last else {
            self.last = Some((now, busy));
            return self.load;
        };
        let elapsed = now.saturating_since(then);
        if elapsed >= Self::PERIOD {
            self.last = Some((now, busy));
            let share = busy.saturating_sub(busy_then).div_duration_f64(elapsed).min(1.0);
            // A long rest is as good as many samples.
            let periods = elapsed.div_duration_f64(Self::PERIOD);
            let kept = (1.0 - WEIGHT).powf(periods);
            self.load = Load::of(self.load.0 * kept + share * (1.0 - kept));
        }
        self.load
    }
}

/// What one period's sample counts.
const WEIGHT: f64 = 0.2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_load_is_told_as_it_is() {
        let mut meter = LoadMeter::default();
        let mut load = Load::IDLE;
        for step in 0..50 {
            load = meter.sample(Duration::from_millis(step * 70), at(step * 100));
        }
        assert!((load.share() - 0.7).abs() < 0.01, "{load:?}");
    }

    #[test]
    fn a_burst_counts_little_and_a_long_rest_much() {
        let mut meter = LoadMeter::default();
        meter.sample(Duration::ZERO, at(0));
        let burst = meter.sample(Duration::from_millis(100), at(100));
        assert!(burst.share() < 0.3, "{burst:?}");
        let rested = meter.sample(Duration::from_millis(100), at(10_000));
        assert!(rested.share() < 0.01, "{rested:?}");
    }

    #[test]
    fn what_comes_too_often_changes_nothing() {
        let mut meter = LoadMeter::default();
        meter.sample(Duration::ZERO, at(0));
        let load = meter.sample(Duration::from_millis(100), at(100));
        assert_eq!(meter.sample(Duration::from_millis(150), at(150)), load);
    }

    #[test]
    fn a_share_is_between_none_and_all() {
        assert_eq!([-1.0, 0.5, 7.0, f64::NAN].map(|share| Load::of(share).share()), [0.0, 0.5, 1.0, 0.0]);
    }

    fn at(millis: u64) -> Instant {
        Instant::EPOCH + Duration::from_millis(millis)
    }
}
