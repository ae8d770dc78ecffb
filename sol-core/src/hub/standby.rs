//! Standby: what is kept of a publisher that is not on air, so that it can take over at once.
//!
//! That is its newest group of pictures, behind the metadata and configurations that it needs; of a publisher without video
//! the last second or two of sound.
//!
//! Invariants: what is kept begins with a keyframe, or with sound where no video has come. It is bounded by the stream's
//! `tape_bytes` and `tape_time`: of a longer group nothing is kept. What prepares for it is bounded as a preamble is.

use crate::crossing::media_cost;
use crate::frame::Frame;
use crate::ids::ChunkSize;
use crate::limits;
use crate::media::{FrameKind, Media, TrackId};
use crate::time::Instant;
use crate::timestamp::Timestamp;

use super::config::StreamConfig;
use super::preamble::Configurations;

#[derive(Debug, Default)]
pub(super) struct Standby {
    /// The newest metadata and configurations in front of the group.
    pub(super) configurations: Configurations,
    /// The group, in order.
    pub(super) group: Vec<Media>,
    /// When it began.
    since: Option<Instant>,
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
        if media.content.is_clear() {
            self.configurations.forget_metadata();
            self.group.retain(|media| FrameKind::of(&media.content) != FrameKind::Metadata);
            return;
        }
        let kind = FrameKind::of(&media.content);
        if media.content.payload().is_empty() && kind != FrameKind::Audio {
            return;
        }
        if kind.is_video() && !std::mem::replace(&mut self.has_video, true) {
            // What was heard before it cannot be shown.
            self.leave_group(chunk_size);
        }
        if self.begins_group(kind, now) {
            self.leave_group(chunk_size);
            self.since = Some(now);
        }
        let Some(since) = self.since else {
            if kind.is_preamble() {
                self.prepare(kind, media, chunk_size);
            }
            return;
        };
        self.cost += media_cost(media);
        self.group.push(media.clone());
        if self.cost > config.tape_bytes || now.saturating_since(since) > config.tape_time {
            self.leave_group(chunk_size);
        }
    }

    /// Whether somebody could take over with it.
    pub(super) fn is_ready(&self) -> bool {
        self.since.is_some()
    }

    fn begins_group(&self, kind: FrameKind, now: Instant) -> bool {
        if self.has_video {
            return kind == FrameKind::Keyframe(TrackId::DEFAULT);
        }
        let is_due = |since| now.saturating_since(since) >= limits::AUDIO_SYNC_TIME;
        kind == FrameKind::Audio && self.since.is_none_or(is_due)
    }

    /// Only what prepares for the next group remains.
    fn leave_group(&mut self, chunk_size: ChunkSize) {
        for media in std::mem::take(&mut self.group) {
            let kind = FrameKind::of(&media.content);
            if kind.is_preamble() {
                self.prepare(kind, &media, chunk_size);
            }
        }
        self.since = None;
        self.cost = 0;
    }

    fn prepare(&mut self, kind: FrameKind, media: &Media, chunk_size: ChunkSize) {
        // When it is due is decided when it is shown.
        self.configurations.keep(&Frame::new(kind, Timestamp::ZERO, media.content.payload(), chunk_size));
    }
}
