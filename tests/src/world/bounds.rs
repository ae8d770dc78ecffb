//! Bounds: what a world looks at between two moments, beside what it asserts as it happens.

use std::time::Duration;

use sol_core::ids::SessionId;
use sol_core::limits;
use sol_core::participant::Activity;
use sol_core::session::Session;

use super::World;

impl World {
    /// Looks at everything.
    pub(super) fn check(&mut self) {
        self.check_at = self.now + if self.server.hub_sizes() > MANY_STREAMS { RARELY } else { OFTEN };
        self.check_that_all_was_said();
        self.server.check(self.frame_bytes_max(self.message_bytes_max));
        // One passage goes beyond it: a frame, or a preamble.
        let passage = self.frame_bytes_max(self.message_bytes_max.max(limits::PREAMBLE_BYTES));
        let outward = limits::CROSSING_BYTES + passage;
        let inward = limits::CROSSING_BYTES + self.message_bytes_max + COST_OF_READ * self.read_bytes;
        self.server.post.check(outward, inward);
    }

    /// What a message takes on the wire at most.
    fn frame_bytes_max(&self, message_bytes: usize) -> usize {
        message_bytes + message_bytes / self.chunk_bytes * CHUNK_HEADER_MAX + MESSAGE_HEADER_MAX
    }

    fn check_that_all_was_said(&self) {
        for seat in self.seats.iter().map(|seat| seat.borrow()).filter(|seat| !seat.is_blocked) {
            let session = self.server.session(seat.session);
            let waits = session.is_some_and(Session::has_output);
            assert!(!waits, "session {} has output that was not told of", seat.session);
        }
    }

    /// So much waits in the outbox of a session behind its full socket.
    pub(super) fn check_outbox(&self, session: SessionId, waiting: usize, is_inquisitive: bool) {
        let answers = if is_inquisitive { limits::OUTBOX_BYTES_CLOSE } else { 0 } + ANSWERS_MAX;
        let most = limits::OUTBOX_BYTES + self.frame_bytes_max(self.message_bytes_max) + answers;
        assert!(
            waiting <= most,
            "{waiting} bytes wait in the outbox of session {session}, which is to hold {most}"
        );
    }

    /// A publication of that name is over. Whoever is behind its end has no keyframe to go on at, and may be late until it has
    /// come there.
    pub(super) fn ends_for_those_behind(&mut self, name: &str) {
        for seat in &self.seats {
            seat.borrow_mut().may_have_end_ahead.insert(name.to_owned());
        }
    }

    /// Frames may just have been read for a session.
    pub(super) fn check_lag(&mut self, session: SessionId) {
        let seat = &mut *self.seats[self.seat_of[&session]].borrow_mut();
        if seat.lag_max.is_empty() {
            return;
        }
        for role in self.server.roles(session, sol_core::time::Instant::from_epoch(self.now)) {
            let before = seat.frames_seen.insert(role.stream, role.summary.frames);
            let has_read = before.is_some_and(|before| before < role.summary.frames);
            let Activity::Playing(lag) = role.activity else { continue };
            if lag.time.is_zero() {
                seat.may_have_end_ahead.remove(role.name.as_str());
            }
            if has_read
                && !seat.may_have_end_ahead.contains(role.name.as_str())
                && let Some(most) = seat.lag_max.get(role.name.as_str())
            {
                assert!(
                    lag.time <= most.time && lag.bytes <= most.bytes,
                    "a player of {} that has just read, session {session}, is {lag:?} behind, more than {most:?}",
                    role.name
                );
            }
        }
    }
}

/// Answers of a client that does what others do.
const ANSWERS_MAX: usize = 16 * 1024;

/// A format-3 header of a low chunk stream, and its extended timestamp.
const CHUNK_HEADER_MAX: usize = 5;

/// A full header with all that can belong to it.
const MESSAGE_HEADER_MAX: usize = 18;

/// What a read brings costs so many times its bytes at most: the shortest messages have a dozen of them, and cost 128 more.
const COST_OF_READ: usize = 12;

/// A look costs as much as there are streams.
const MANY_STREAMS: usize = 100;

const OFTEN: Duration = Duration::from_millis(50);
const RARELY: Duration = Duration::from_secs(2);
