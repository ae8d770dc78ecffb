//! Timers: the deadlines of one session, each with its meaning.

use std::time::Duration;

use crate::time::Instant;

/// What a deadline is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The handshake must be finished.
    Handshake,
    /// Something must be published or played.
    Command,
    /// The application must have answered a request.
    Answer,
    /// The peer is silent: ask whether it lives.
    Ping,
    /// The peer is silent: it is dead.
    Silence,
    /// The peer takes too little of the output that waits.
    Stall,
    /// Nothing is left to do; the peer should have left by itself.
    Farewell,
    /// The last bytes of a closing session should have left.
    Flush,
    /// Somebody must have published what a participant waits for.
    Waiting,
    /// The server must have answered a client.
    Reply,
    /// Somebody may have taken the place of a participant that publishes.
    Successor,
}

impl Timer {
    const ALL: [Timer; 11] = [
        Timer::Handshake,
        Timer::Command,
        Timer::Answer,
        Timer::Ping,
        Timer::Silence,
        Timer::Stall,
        Timer::Farewell,
        Timer::Flush,
        Timer::Waiting,
        Timer::Reply,
        Timer::Successor,
    ];
}

/// When to call `handle_timeout`, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The time at which, or soon after which, to call.
    pub at: Instant,
    /// What it is about, for logs and tests.
    pub timer: Timer,
}

/// At most one deadline per [`Timer`]. In nanoseconds since the driver's epoch: the earliest is asked for with every frame.
#[derive(Debug)]
pub(super) struct Timers([u64; Timer::ALL.len()]);

/// Not set: a time that never comes.
const NEVER: u64 = u64::MAX;

impl Default for Timers {
    fn default() -> Self {
        Self([NEVER; Timer::ALL.len()])
    }
}

impl Timers {
    /// Sets or moves a deadline.
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = u64::try_from(at.since_epoch().as_nanos()).unwrap_or(NEVER - 1);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = NEVER;
    }

    pub(super) fn stop_all(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize] != NEVER
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Deadline> {
        let earliest = self.0.iter().copied().min().filter(|&nanos| nanos != NEVER)?;
        let index = self.0.iter().position(|&nanos| nanos == earliest)?;
        Some(Deadline { at: Instant::from_epoch(Duration::from_nanos(earliest)), timer: Timer::ALL[index] })
    }

    /// Takes out one deadline that has passed; the earliest first.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Timer> {
        let due = self.next().filter(|deadline| deadline.at <= now)?;
        self.stop(due.timer);
        Some(due.timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_expire_in_order_and_once() {
        let at = |seconds| Instant::from_epoch(Duration::from_secs(seconds));
        let mut timers = Timers::default();
        timers.set(Timer::Silence, at(9));
        timers.set(Timer::Ping, at(3));
        timers.set(Timer::Stall, at(5));
        timers.set(Timer::Ping, at(4));
        assert_eq!(timers.next(), Some(Deadline { at: at(4), timer: Timer::Ping }));
        assert_eq!(timers.expire(at(3)), None);
        assert_eq!(timers.expire(at(6)), Some(Timer::Ping));
        assert_eq!(timers.expire(at(6)), Some(Timer::Stall));
        assert_eq!(timers.expire(at(6)), None);
        assert!(timers.is_set(Timer::Silence));
    }

    #[test]
    fn every_timer_has_a_place_of_its_own() {
        for (index, timer) in Timer::ALL.iter().enumerate() {
            assert_eq!(*timer as usize, index);
        }
    }
}
