//! Stage: what a server is about, and what a session does at each.

use std::sync::Arc;

use crate::time::Instant;

use super::Session;
use super::close::CloseReason;
use super::reconnect::ReconnectRequest;
use super::timers::Timer;

/// What a server is about. It only goes on, from one to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It serves whoever comes.
    #[default]
    Serving,
    /// It takes nobody any more, and asks those who are there to leave.
    Draining(Arc<ReconnectRequest>),
    /// It closes all connections.
    ShutDown,
}

impl Stage {
    /// Goes on to the next stage; whether that was the next. Two requests to reconnect would be one too many.
    pub fn go_on_to(&mut self, next: Stage) -> bool {
        let goes_on = match (&*self, &next) {
            (Stage::Serving, Stage::Draining(_) | Stage::ShutDown)
            | (Stage::Draining(_), Stage::ShutDown) => true,
            (_, Stage::Serving) | (Stage::Draining(_) | Stage::ShutDown, Stage::Draining(_)) => false,
            (Stage::ShutDown, Stage::ShutDown) => false,
        };
        if goes_on {
            *self = next;
        }
        goes_on
    }
}

impl Session {
    /// The server has gone on to another stage, or this one's application would have it close.
    ///
    /// [`Stage::Draining`]: whoever asks to publish or to play from here on is refused as
    /// [`Refusal::Draining`](super::Refusal::Draining). What goes on goes on, and a client that stated that it obeys is asked once to
    /// reconnect, as soon as it is connected. One that does nothing has [`SessionTimers::farewell`](super::SessionTimers::farewell) to
    /// leave. Without effect in the client's role, and the second time.
    ///
    /// [`Stage::ShutDown`]: publishers, players or the server are told, then the session closes as [`CloseReason::Shutdown`]. What
    /// waits is flushed, for at most `limits::FLUSH_TIME`.
    pub fn handle_stage(&mut self, stage: &Stage, now: Instant) {
        self.touch(now);
        if self.phase.is_open() {
            match stage {
                Stage::Serving => {}
                Stage::Draining(request) => self.drain(request),
                Stage::ShutDown => self.shut_down(),
            }
        }
        self.debug_check();
    }

    /// Whether nothing new is taken up here.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_some()
    }

    fn drain(&mut self, request: &Arc<ReconnectRequest>) {
        if self.client.is_none() && self.draining.is_none() {
            self.draining = Some(Arc::clone(request));
            self.say_reconnect();
            if self.phase.is_connected() && self.timers.is_set(Timer::Command) {
                self.settle(None);
            }
        }
    }

    fn shut_down(&mut self) {
        match self.client {
            Some(_) => self.say_goodbye(),
            None => self.say_shutdown(),
        }
        self.close_for(CloseReason::Shutdown);
    }
}
