//! Standby: what is kept of a publisher that is not on air, so that it can take over at once.
//!
//! That is its newest group of pictures, behind the metadata and configurations that it needs; of a publisher without video
//! the last second or two of sound.
//!
//! Invariants: what is kept begins with a keyframe, or with sound where no video has come. It is bounded by the stream's
//! `tape_bytes` and `tape_time`: of a longer group nothing is kept. The preparations are bounded as a preamble is.

use std::collections::BTreeMap;

use crate::crossing::media_cost;
use crate::limits;
use crate::media::{FrameKind, Media, TrackId};
use crate::time::Instant;

use super::config::StreamConfig;

#[derive(Debug, Default)]
pub(super) struct Standby {
    /// The newest metadata and configurations in front of the group.
    preparations: BTreeMap<FrameKind, Media>,
    group: Vec<Media>,
    /// When the group began.
    since: Option<Instant>,
    cost: usize,
    has_video: bool,
}

impl Standby {
    /// Keeps a message that belongs to the newest group, or begins another.
    pub(super) fn keep(&mut self, media: &Media, config: &StreamConfig, now: Instant) {
        if media.content.is_clear() {
            self.preparations.remove(&FrameKind::Metadata);
            self.group.retain(|media| FrameKind::of(&media.content) != FrameKind::Metadata);
            return;
        }
        let kind = FrameKind::of(&media.content);
        if media.content.payload().is_empty() && kind != FrameKind::Audio {
            return;
        }
        if kind.is_video() && !std::mem::replace(&mut self.has_video, true) {
            // What was heard before it cannot be shown.
            self.leave_group();
        }
        if self.begins_group(kind, now) {
            self.leave_group();
            self.since = Some(now);
        }
        let Some(since) = self.since else {
            if kind.is_preamble() {
                self.prepare(kind, media.clone());
            }
            return;
        };
        self.cost += media_cost(media);
        self.group.push(media.clone());
        if self.cost > config.tape_bytes || now.saturating_since(since) > config.tape_time {
            self.leave_group();
        }
    }

    /// Whether somebody could take over with it.
    pub(super) fn is_ready(&self) -> bool {
        self.since.is_some()
    }

    /// All of it, in order.
    pub(super) fn take(&mut self) -> Vec<Media> {
        let Standby { mut preparations, group, .. } = std::mem::take(self);
        let metadata = preparations.remove(&FrameKind::Metadata);
        metadata.into_iter().chain(preparations.into_values()).chain(group).collect()
    }

    fn begins_group(&self, kind: FrameKind, now: Instant) -> bool {
        if self.has_video {
            return kind == FrameKind::Keyframe(TrackId::DEFAULT);
        }
        let is_due = |since| now.saturating_since(since) >= limits::AUDIO_SYNC_TIME;
        kind == FrameKind::Audio && self.since.is_none_or(is_due)
    }

    /// Only what prepares for the next group remains.
    fn leave_group(&mut self) {
        for media in std::mem::take(&mut self.group) {
            let kind = FrameKind::of(&media.content);
            if kind.is_preamble() {
                self.prepare(kind, media);
            }
        }
        self.since = None;
        self.cost = 0;
    }

    fn prepare(&mut self, kind: FrameKind, media: Media) {
        self.preparations.remove(&kind);
        let bytes: usize = self.preparations.values().map(|media| media.content.payload().len()).sum();
        if self.preparations.len() < limits::PREAMBLE_CONFIGS
            && bytes + media.content.payload().len() <= limits::PREAMBLE_BYTES
        {
            self.preparations.insert(kind, media);
        }
    }
}
