//! Pace: how often the players of one stream are woken for what was appended.
//!
//! One write that carries the messages of 50 ms costs about half of what a write for each message does, and the picture is
//! as much later. Whoever publishes sets the rhythm: the first message after a rest goes at once, and only what follows
//! within the interval waits for its end.

use std::time::Duration;

use crate::limits;
use crate::load::Load;
use crate::time::Instant;

/// How long messages are gathered before they go to the players together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coalesce {
    /// So long; zero: each message goes at once. More than [`limits::COALESCE_TIME`] has no effect.
    Fixed(Duration),
    /// Not at all while the server has time to spare, and the longer the busier it is: from nothing at a load of 60 % up to
    /// this at 95 %, and never more than [`limits::COALESCE_TIME`].
    Auto(Duration),
}

impl Coalesce {
    /// Each message goes at once.
    pub const NONE: Coalesce = Coalesce::Fixed(Duration::ZERO);

    /// Up to 100 ms, beyond which hardly anything is saved any more.
    pub const AUTO: Coalesce = Coalesce::Auto(Duration::from_millis(100));

    /// The time between two deliveries under a load.
    pub fn interval(self, load: Load) -> Duration {
        match self {
            Coalesce::Fixed(interval) => interval.min(limits::COALESCE_TIME),
            Coalesce::Auto(longest) => {
                let pressure = (load.share() - SPARE) / (FULL - SPARE);
                longest.min(limits::COALESCE_TIME).mul_f64(pressure.clamp(0.0, 1.0))
            }
        }
    }
}

/// When players are woken for what was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// At once: wake them.
    Now,
    /// Not before the stream's deadline, which has changed: set its timer.
    Later,
    /// No need to do anything: their time will come, or there are none.
    Settled,
}

/// The rhythm of one stream.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Pace {
    /// Something was appended.
    pub(super) fn appended(&mut self, interval: Duration, now: Instant) -> Delivery {
        let earliest = self.last.map_or(now, |last| last + interval);
        match self.due {
            Some(due) if due > now => Delivery::Settled,
            // The driver is late with its timer, which then finds nothing to do.
            Some(_) => self.deliver(now),
            None if earliest > now => {
                self.due = Some(earliest);
                Delivery::Later
            }
            None => self.deliver(now),
        }
    }

    /// When what waits is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether players are to be woken by now.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            self.deliver(now);
        }
        is_due
    }

    /// Players are woken for another reason.
    pub(super) fn settle(&mut self) {
        self.due = None;
    }

    fn deliver(&mut self, now: Instant) -> Delivery {
        *self = Self { last: Some(now), due: None };
        Delivery::Now
    }
}

/// Up to this share of its time a server is busy with time to spare.
const SPARE: f64 = 0.6;

/// From this share on it is as good as full.
const FULL: f64 = 0.95;

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(50);

    #[test]
    fn the_first_goes_at_once_and_what_follows_waits_for_the_end_of_the_interval() {
        let mut pace = Pace::default();
        assert_eq!(pace.appended(INTERVAL, at(1_000)), Delivery::Now);
        assert_eq!((pace.appended(INTERVAL, at(1_010)), pace.due()), (Delivery::Later, Some(at(1_050))));
        assert_eq!(pace.appended(INTERVAL, at(1_020)), Delivery::Settled);
        assert!(!pace.expire(at(1_049)));
        assert!(pace.expire(at(1_050)));
        assert!(!pace.expire(at(1_051)), "once");
        assert_eq!((pace.appended(INTERVAL, at(1_060)), pace.due()), (Delivery::Later, Some(at(1_100))));
    }

    #[test]
    fn after_a_rest_nothing_waits() {
        let mut pace = Pace::default();
        pace.appended(INTERVAL, at(0));
        assert_eq!(pace.appended(INTERVAL, at(50)), Delivery::Now);
    }

    #[test]
    fn without_an_interval_each_goes_at_once() {
        let mut pace = Pace::default();
        for _ in 0..3 {
            assert_eq!(pace.appended(Duration::ZERO, at(7)), Delivery::Now);
        }
        assert_eq!(pace.due(), None);
    }

    #[test]
    fn a_late_timer_holds_nothing_up() {
        let mut pace = Pace::default();
        pace.appended(INTERVAL, at(0));
        pace.appended(INTERVAL, at(10));
        assert_eq!(pace.appended(INTERVAL, at(70)), Delivery::Now);
        assert!(!pace.expire(at(71)));
    }

    #[test]
    fn auto_gathers_nothing_with_time_to_spare_and_never_more_than_its_bound() {
        let longest = Duration::from_millis(100);
        let interval = |busy| Coalesce::Auto(longest).interval(Load::of(busy));
        assert_eq!((interval(0.0), interval(SPARE)), (Duration::ZERO, Duration::ZERO));
        assert!(interval(0.7) > Duration::ZERO && interval(0.7) < interval(0.9));
        assert_eq!((interval(FULL), interval(1.0)), (longest, longest));
    }

    #[test]
    fn no_interval_is_longer_than_the_limit() {
        let long = Duration::from_secs(9);
        for coalesce in [Coalesce::Fixed(long), Coalesce::Auto(long)] {
            assert_eq!(coalesce.interval(Load::of(1.0)), limits::COALESCE_TIME);
        }
    }

    /// A server whose cost falls with the interval as it was measured: 1.0 at once, 0.87, 0.52, 0.38 and 0.35 at 20, 50, 100
    /// and 350 ms. Whatever its load would be without gathering, it comes to rest.
    #[test]
    fn auto_comes_to_rest_under_any_load() {
        let cost = |millis: f64| 0.35 + 0.65 / (1.0 + (millis / 45.0).powi(2));
        for demand in [0.3, 0.7, 0.8, 0.9, 1.0, 1.3, 2.0] {
            let mut meter = crate::load::LoadMeter::default();
            let (mut busy, mut intervals) = (Duration::ZERO, Vec::new());
            for step in 0..300 {
                let load = meter.sample(busy, at(step * 100));
                let interval = Coalesce::AUTO.interval(load);
                intervals.push(interval);
                busy +=
                    Duration::from_millis(100).mul_f64((demand * cost(interval.as_millis() as f64)).min(1.0));
            }
            let rest = &intervals[200..];
            let swing = *rest.iter().max().unwrap() - *rest.iter().min().unwrap();
            assert!(swing < Duration::from_millis(10), "{demand}: swings by {swing:?}");
        }
    }

    fn at(millis: u64) -> Instant {
        Instant::EPOCH + Duration::from_millis(millis)
    }
}
