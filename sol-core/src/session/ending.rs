//! Ending: how a session comes to its end. Where it does nothing, it is given time to do something or to leave; once it closes, what
//! waits is flushed; and then it is over.

use bytes::BytesMut;

use crate::limits;

use super::Session;
use super::close::{CloseReason, Farewell};
use super::event::Event;
use super::hangup::Hangup;
use super::timers::Timer;

impl Session {
    /// What the NetStreams do has changed. A connection that does nothing is given time to do something; after a
    /// `farewell` it is the short time in which a client leaves by itself.
    pub(super) fn settle(&mut self, farewell: Option<Farewell>) {
        self.timers.stop(Timer::Farewell);
        self.timers.stop(Timer::Command);
        self.farewell = None;
        if !self.phase.is_connected() || self.streams.any_busy() {
            return;
        }
        self.farewell = farewell;
        match farewell {
            Some(_) => self.timers.set(Timer::Farewell, self.now + self.config.timers.farewell),
            None => {
                let timers = &self.config.timers;
                // Whatever else it could ask for would be refused.
                let time = if self.is_draining() { timers.farewell } else { timers.command };
                self.timers.set(Timer::Command, self.now + time);
            }
        }
    }

    /// The first reason to close: what waits is flushed.
    pub(super) fn close_for(&mut self, reason: CloseReason) {
        // Whoever leaves has the end of a file on its way, for which only progress counts.
        let is_patient = reason == CloseReason::Left;
        if self.phase.closing(reason) {
            self.timers.stop_all();
            if is_patient {
                self.outbox.mark();
                self.timers.set(Timer::Stall, self.now + self.config.timers.stall);
            } else {
                self.timers.set(Timer::Flush, self.now + limits::FLUSH_TIME);
            }
            self.held = BytesMut::new();
            self.farewell = None;
            if self.outbox.is_empty() {
                self.finish_closing();
            }
        }
    }

    /// A session that is closing is over.
    pub(super) fn finish_closing(&mut self) {
        if let Some(reason) = self.phase.closing_for().cloned() {
            self.finish(reason);
        }
    }

    /// The session is over, for the first reason to close or else for `otherwise`.
    pub(super) fn finish(&mut self, otherwise: CloseReason) {
        if let Some(why) = self.phase.closed(otherwise) {
            let hangup = Hangup::of(&why, !self.outbox.is_empty());
            self.timers.stop_all();
            self.outbox.clear();
            self.held = BytesMut::new();
            self.farewell = None;
            self.events.push_back(Event::Closed { why, hangup });
        }
        self.debug_check();
    }
}
