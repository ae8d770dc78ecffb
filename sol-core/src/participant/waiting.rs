//! Waiting: players of a stream that nobody publishes, and for how long they are.

use std::time::Duration;

use crate::hub::{Stream, Streams};
use crate::session::{PlayEnd, Refusal};
use crate::time::Instant;

use super::{EndReason, Part, Participant, Role};

impl<H: std::fmt::Debug> Participant<H> {
    /// The server drains: nobody begins to publish, so that there is nothing to wait for.
    pub(super) fn expect_no_publisher(&mut self, streams: &mut impl Streams<Handle = H>, now: Instant) {
        for role in &mut self.roles {
            if let Part::Player { waits_until, .. } = &mut role.part {
                Self::drain_stream(&role.handle, streams);
                // What is published may show something yet.
                if waits_until.is_some() && !streams.read(&role.handle, Stream::is_published) {
                    *waits_until = Some(now);
                }
            }
        }
        self.stop_waiting(streams, now);
    }

    pub(super) fn drain_stream(handle: &H, streams: &mut impl Streams<Handle = H>) {
        if streams.write(handle, Stream::drain) {
            streams.schedule(handle);
            streams.advanced(handle);
        }
    }

    /// Gives up waiting where the time for that is over.
    pub(super) fn stop_waiting(&mut self, streams: &mut impl Streams<Handle = H>, now: Instant) {
        let is_over = |role: &Role<H>| matches!(role.part, Part::Player { waits_until: Some(until), .. } if until <= now);
        while let Some(role) = self.roles.iter_mut().find(|role| is_over(role)) {
            let stream = role.stream;
            if streams.read(&role.handle, Stream::is_published) {
                let Part::Player { waits_until, .. } = &mut role.part else { return };
                *waits_until = None;
                self.session.start_play(stream, now);
            } else if self.session.has_started_play(stream) {
                // Its publisher has left without showing anything, and none came in its place.
                self.session.end_play(stream, PlayEnd::Unpublished, now);
                self.end(stream, &EndReason::StreamEnded, streams, now);
            } else {
                self.session.refuse_play(stream, Refusal::NotFound, now);
                self.end(stream, &EndReason::NotFound, streams, now);
            }
        }
    }
}

/// How long a player of a stream waits for a publisher, where there is none.
pub(super) fn waiting_time(stream: &Stream) -> Option<Duration> {
    let waiting = if stream.is_draining() { Duration::ZERO } else { stream.config().waiting };
    (!stream.is_published()).then_some(waiting)
}
