//! Checks: what is always true of a session between two calls.

use super::Session;
use super::net_stream::Doing;
use super::timers::Timer;

impl Session {
    pub(super) fn debug_check(&self) {
        if cfg!(debug_assertions) {
            self.check();
        }
    }

    /// See [`Server::check`](crate::server::Server::check).
    pub(crate) fn check(&self) {
        let waiting = self.streams.iter().filter(|(_, doing)| matches!(doing, Doing::Waiting(..))).count();
        if self.phase.is_open() {
            assert!(waiting <= 1, "1: one request waits, or none");
            assert!(self.held.is_empty() || waiting == 1, "2: input is held only behind a request");
            assert_eq!(self.timers.is_set(Timer::Answer), waiting == 1, "2a: and its answer has a deadline");
            assert!(self.timers.next().is_some(), "3: an open session has a deadline");
        }
        if self.client.is_some() {
            assert_eq!(
                self.timers.is_set(Timer::Reply) && self.phase.is_open(),
                self.asked().is_some() && self.phase.is_open(),
                "4a: what a client has asked has a deadline to be answered"
            );
        } else if self.phase.is_connected() {
            let idle = self.timers.is_set(Timer::Command) || self.timers.is_set(Timer::Farewell);
            assert_ne!(
                idle,
                self.streams.any_busy(),
                "4: a session that does nothing has a deadline to do so"
            );
        }
        if !self.phase.is_open() {
            assert!(self.held.is_empty(), "5: a session that closes holds no input");
        }
        assert_eq!(
            self.timers.is_set(Timer::Stall) && self.phase.is_open(),
            self.outbox.expects_progress() && self.phase.is_open(),
            "6: the peer must take what waits, chatter excepted, and owes nothing otherwise"
        );
    }
}
