//! Clock: the core's time, counted from when the server was made, and the timers that go by it.
//!
//! The timers are those of async-io, which is beneath async-std and smol alike and wakes from a thread of its own: they go
//! off on any executor, and start none.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Context;

use async_io::Timer;
use futures_util::future::{Either, select};
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

    /// Goes off then. Never, where that is beyond what the system can count.
    fn timer(self, at: Instant) -> Timer {
        self.epoch.checked_add(at.since_epoch()).map_or_else(Timer::never, Timer::at)
    }

    /// What comes of a future, unless the time is over before.
    pub(crate) async fn until<F: Future>(self, at: Instant, future: F) -> Option<F::Output> {
        match select(pin!(future), self.timer(at)).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }
}

/// Waits for a deadline that moves. One that has moved back is found out when the old one is over: that costs less than
/// moving the timer with every byte that comes.
#[derive(Debug)]
pub(crate) struct Alarm {
    clock: Clock,
    timer: Timer,
    /// When the timer goes off, if it is set.
    at: Option<Instant>,
}

impl Alarm {
    /// One that is not set.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, timer: Timer::never(), at: None }
    }

    /// Whether the deadline has come. Where it has not, `context` is woken by then.
    pub(crate) fn poll(&mut self, deadline: Option<Instant>, context: &mut Context<'_>) -> bool {
        let Some(deadline) = deadline else { return false };
        while self.clock.now() < deadline {
            if self.at.is_none_or(|at| deadline < at) {
                self.timer = self.clock.timer(deadline);
                self.at = Some(deadline);
            }
            if Pin::new(&mut self.timer).poll(context).is_pending() {
                return false;
            }
            self.at = None;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_deadline_that_moves_is_met_whichever_way_it_goes() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock);
        let mut noop = Context::from_waker(std::task::Waker::noop());
        assert!(!alarm.poll(None, &mut noop), "there is none");
        assert!(!alarm.poll(Some(clock.now() + Duration::from_secs(3_600)), &mut noop));
        let earlier = clock.now() + Duration::from_millis(5);
        assert!(!alarm.poll(Some(earlier), &mut noop));
        let later = earlier + Duration::from_millis(5);
        smol::block_on(poll_fn(|context| match alarm.poll(Some(later), context) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }));
        assert!(clock.now() >= later);
    }

    #[test]
    fn a_deadline_beyond_all_counting_never_comes() {
        let mut alarm = Alarm::new(Clock::start());
        let end_of_time = Instant::from_epoch(Duration::MAX);
        assert!(!alarm.poll(Some(end_of_time), &mut Context::from_waker(std::task::Waker::noop())));
    }
}
