//! Serving: what the NetStreams of a session are given, and what they are told when there is nothing more.

use crate::frame::{Bundle, Frame};
use crate::ids::MessageStreamId;
use crate::time::Instant;

use super::close::{Farewell, PlayEnd, Refusal};
use super::event::RequestKind;
use super::net_stream::Doing;
use super::{Session, reply};

impl Session {
    /// What the NetStream may play is published: the player is told that it starts, unless it has been told.
    pub fn start_play(&mut self, stream: MessageStreamId, now: Instant) {
        self.touch(now);
        self.say_play_start(stream);
        self.debug_check();
    }

    /// Queues a frame for the NetStream that plays, or that this client publishes. Without effect on others.
    ///
    /// Call while [`Session::media_room`] is not zero. Costs no copy and, on stream 1, no allocation.
    ///
    /// # Panics
    /// If the frame was chunked with another size than this session's configuration has: the peer could not read on.
    pub fn send_frame(&mut self, stream: MessageStreamId, frame: Frame) {
        assert_eq!(frame.chunk_size(), self.config.chunk_size, "the peer was told of this chunk size");
        if !self.takes_frames(stream) {
            return;
        }
        self.say_play_start(stream);
        self.expect_progress();
        if stream == Frame::WIRE_STREAM {
            self.outbox.push_frame(frame.into_wire());
        } else {
            self.outbox.push_frame(frame.head_for(stream));
            self.outbox.push_frame(frame.body());
        }
    }

    /// Queues frames that lie side by side for the NetStream that plays, as [`Session::send_frame`] does.
    ///
    /// # Panics
    /// If they were chunked with another size than this session's configuration has, or written for another stream.
    pub fn send_bundle(&mut self, stream: MessageStreamId, bundle: Bundle) {
        assert_eq!(bundle.chunk_size, self.config.chunk_size, "the peer was told of this chunk size");
        assert_eq!(stream, Frame::WIRE_STREAM, "a bundle is written for one stream");
        if self.takes_frames(stream) {
            self.say_play_start(stream);
            self.expect_progress();
            self.outbox.push_frame(bundle.wire);
        }
    }

    /// There is nothing more to come for the NetStream that plays: the player is told, behind the last frame that was
    /// queued. If nothing else is going on it gets [`SessionTimers::farewell`](super::SessionTimers::farewell) to leave.
    pub fn end_play(&mut self, stream: MessageStreamId, why: PlayEnd, now: Instant) {
        self.touch(now);
        if let Some(name) = self.streams.played(stream)
            && self.phase.is_connected()
        {
            let name = name.clone();
            self.say_play_start(stream);
            match why {
                PlayEnd::TooSlow => {
                    self.send_status(stream, &reply::insufficient_bandwidth(name.as_str()));
                }
                PlayEnd::Unfit(unfit) => {
                    self.send_status(stream, &reply::refused(RequestKind::Play, &unfit.into()));
                }
                PlayEnd::Unpublished | PlayEnd::TimelineFull => {}
            }
            self.send_play_end(stream, name.as_str());
            self.streams.set(stream, Doing::Nothing);
            self.settle(Some(Farewell::Ended(why)));
        }
        self.debug_check();
    }

    /// Another publisher has taken the place of what the NetStream publishes: this one is told, and gets
    /// [`SessionTimers::farewell`](super::SessionTimers::farewell) to leave if nothing else is going on.
    pub fn end_publish(&mut self, stream: MessageStreamId, now: Instant) {
        self.touch(now);
        if let Some(Doing::Publishing(name)) = self.streams.get(stream)
            && self.phase.is_connected()
        {
            let status = reply::replaced(name.as_str());
            self.streams.set(stream, Doing::Replaced);
            self.send_status(stream, &status);
            self.settle(Some(Farewell::Replaced));
        }
        self.debug_check();
    }

    /// Whether the NetStream plays and has been told so.
    pub fn has_started_play(&self, stream: MessageStreamId) -> bool {
        self.streams.has_started(stream)
    }

    /// What the NetStream was allowed to play cannot be played after all, for one that nobody publishes it: the player is told as
    /// if it had been refused. For those that have been told that it starts, [`Session::end_play`] is clearer.
    pub fn refuse_play(&mut self, stream: MessageStreamId, why: Refusal, now: Instant) {
        self.touch(now);
        if let Some(name) = self.streams.played(stream)
            && self.phase.is_connected()
        {
            let name = name.clone();
            self.streams.set(stream, Doing::Nothing);
            self.refuse_request(stream, RequestKind::Play, Some(name), why);
        }
        self.debug_check();
    }

    /// Whether frames are sent there.
    fn takes_frames(&self, stream: MessageStreamId) -> bool {
        self.phase.is_connected()
            && (self.streams.played(stream).is_some()
                || self.client.as_ref().is_some_and(|client| client.publishes(stream)))
    }
}
