//! Standby: what is kept of a publisher that is not on air, so that it can take over at once.
//!
//! That is its newest group of pictures, behind the metadata and configurations that it needs; of a publisher without video
//! the last second of sound, at most. Each message is kept with the time at which it came, by which the timeline places it.
//!
//! Invariants: what is kept begins with a keyframe, or with sound where no video has come. It is bounded as the stream's tape
//! is: of a longer group nothing is kept. What prepares for it is bounded as a preamble is. Nothing of a message is kept but
//! its own bytes.

use std::time::Duration;

use crate::crossing::media_cost;
use crate::frame::Frame;
use crate::ids::ChunkSize;
use crate::limits;
use crate::media::{FrameKind, Media, Tag, TrackId};
use crate::time::Instant;
use crate::timestamp::Timestamp;

use super::config::StreamConfig;
use super::preamble::Configurations;

#[derive(Debug, Default)]
pub(super) struct Standby {
    /// The newest metadata and configurations in front of the group.
    pub(super) configurations: Configurations,
    /// The group, in order, and when each message of it came.
    pub(super) group: Vec<(Instant, Media)>,
    cost: usize,
    has_video: bool,
}

impl Standby {
    /// Of a publisher that was on air, of which this is known.
    pub(super) fn knowing(configurations: Configurations, has_video: bool) -> Self {
        Self { configurations, has_video, ..Self::default() }
    }

    /// Keeps a message that belongs to the newest group, or begins another.
    pub(super) fn keep(&mut self, media: &Media, config: &StreamConfig, chunk_size: ChunkSize, now: Instant) {
        let kind = FrameKind::of(&media.content);
        if media.content.payload().is_empty() && kind != FrameKind::Audio {
            return;
        }
        if kind.is_video() && !std::mem::replace(&mut self.has_video, true) {
            // What was heard before it cannot be shown.
            self.leave_group(chunk_size);
        }
        let begins = self.begins_group(kind, now);
        if begins {
            self.leave_group(chunk_size);
        } else if !self.is_ready() {
            return self.prepare(media, chunk_size);
        }
        self.cost += media_cost(media);
        // It may be a part of something much longer.
        self.group.push((now, Media { content: media.content.detached(), ..media.clone() }));
        let is_too_long = self.group.len() > limits::TAPE_FRAMES
            || self.cost > config.tape_bytes.min(limits::TAPE_BYTES)
            || self.lasts_at(now) > config.tape_time.min(limits::TAPE_TIME);
        if is_too_long && !begins {
            self.leave_group(chunk_size);
        }
    }

    /// Whether somebody could take over with it.
    pub(super) fn is_ready(&self) -> bool {
        !self.group.is_empty()
    }

    /// Whether what came last begins the group.
    pub(super) fn has_just_begun(&self) -> bool {
        self.group.len() == 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.group.is_empty() && self.configurations.are_none()
    }

    pub(super) fn check(&self) {
        let cost: usize = self.group.iter().map(|(_, media)| media_cost(media)).sum();
        assert_eq!(self.cost, cost, "1: what the group costs is counted");
        assert!(self.group.len() <= limits::TAPE_FRAMES, "2: messages are bounded");
        let begins = self.group.first().map(|(_, media)| FrameKind::of(&media.content));
        let is_right = match begins {
            None => true,
            Some(kind) if self.has_video => kind == FrameKind::Keyframe(TrackId::DEFAULT),
            Some(kind) => kind == FrameKind::Audio,
        };
        assert!(is_right, "3: a group begins with a keyframe, or with sound: {begins:?}");
    }

    fn lasts_at(&self, now: Instant) -> Duration {
        self.group.first().map(|(since, _)| now.saturating_since(*since)).unwrap_or_default()
    }

    fn begins_group(&self, kind: FrameKind, now: Instant) -> bool {
        if self.has_video {
            return kind == FrameKind::Keyframe(TrackId::DEFAULT);
        }
        kind == FrameKind::Audio && (!self.is_ready() || self.lasts_at(now) >= limits::AUDIO_SYNC_TIME)
    }

    /// Only what prepares for the next group remains.
    fn leave_group(&mut self, chunk_size: ChunkSize) {
        for (_, media) in std::mem::take(&mut self.group) {
            self.prepare(&media, chunk_size);
        }
        self.cost = 0;
    }

    /// Takes from a message in front of a group what that will need.
    fn prepare(&mut self, media: &Media, chunk_size: ChunkSize) {
        if media.content.is_clear() {
            return self.configurations.forget_metadata();
        }
        let (kind, payload) = (FrameKind::of(&media.content), media.content.payload());
        let tag = Tag::of(&media.content).and_then(Result::ok);
        if kind.is_preamble() && !self.configurations.is_known(kind, tag.as_ref(), payload) {
            // When it is due is decided when it is shown.
            self.configurations.keep(&Frame::new(kind, Timestamp::ZERO, payload, chunk_size));
        }
    }
}
