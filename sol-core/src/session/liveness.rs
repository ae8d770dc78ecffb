//! Liveness: what a session takes for a sign of life, and what its peer owes.

use crate::limits;

use super::Session;
use super::timers::Timer;

impl Session {
    /// The peer gave a sign of life. While a request waits nothing is read, and it owes none.
    pub(super) fn heard(&mut self) {
        if !self.phase.is_open() || self.phase.is_handshake() || self.waiting().is_some() {
            return;
        }
        if self.client.is_some() {
            self.timers.set(Timer::Silence, self.now + limits::SERVER_SILENCE_TIME);
        } else {
            self.timers.set(Timer::Silence, self.now + self.config.timers.silence);
            // A publisher is asked only when it is silent. Nothing else is on the way to it, or rarely, so that TCP keep-alive
            // finds out when its host has vanished: while anything is, the kernel sends that again and again instead.
            if !self.timers.is_set(Timer::Ping) || self.streams.any_publishing() {
                self.expect_ping();
            }
        }
    }

    /// The next ping has its time.
    pub(super) fn expect_ping(&mut self) {
        let interval = self.config.timers.ping.max(limits::PING_TIME_MIN);
        self.timers.set(Timer::Ping, self.now + interval);
    }

    /// Something is about to be queued: from now on the peer must take it.
    pub(super) fn expect_progress(&mut self) {
        if !self.outbox.expects_progress() {
            self.outbox.mark();
            self.timers.set(Timer::Stall, self.now + self.config.timers.stall);
        }
    }

    /// Whether this is a client that publishes, and has sent all that it had.
    pub(super) fn is_resting_publisher(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.is_publishing()) && self.outbox.is_empty()
    }
}
