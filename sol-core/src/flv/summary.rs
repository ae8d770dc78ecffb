//! Summary: what is known of a file only at its end.

use super::index::{Entry, KeyframeIndex};
use crate::amf::Properties;
use crate::media::{FrameKind, TrackId, TrackKind};
use crate::timestamp::Timestamp;

/// What was written so far.
#[derive(Debug)]
pub(super) struct Summary {
    /// Of the coded frame that is furthest ahead.
    latest: Option<Timestamp>,
    /// From the first coded frame to that one. Timestamps wrap; this does not.
    length_millis: u64,
    has_video: bool,
    has_audio: bool,
    ends_in_keyframe: bool,
    index: KeyframeIndex,
}

impl Summary {
    /// Nothing was written.
    pub(super) const fn new() -> Self {
        Self::with_index(KeyframeIndex::new())
    }

    /// As many properties as there can be.
    pub(super) fn longest() -> Self {
        Self::with_index(KeyframeIndex::longest())
    }

    const fn with_index(index: KeyframeIndex) -> Self {
        Self {
            latest: None,
            length_millis: 0,
            has_video: false,
            has_audio: false,
            ends_in_keyframe: true,
            index,
        }
    }

    /// A tag whose header begins at `position`.
    pub(super) fn note(&mut self, kind: FrameKind, timestamp: Timestamp, position: u64) {
        self.has_video |= kind.is_video();
        self.has_audio |= kind.is_audio();
        if kind.is_coded() {
            self.note_time(timestamp);
        }
        if kind.is_picture() {
            self.ends_in_keyframe = matches!(kind, FrameKind::Keyframe(_));
        }
        let entry = Entry { timestamp, position };
        match kind {
            FrameKind::VideoConfig(TrackId::DEFAULT) => self.index.note_configuration(entry),
            FrameKind::Keyframe(TrackId::DEFAULT) => self.index.note_keyframe(entry),
            _ => {}
        }
    }

    pub(super) const fn has(&self, kind: TrackKind) -> bool {
        match kind {
            TrackKind::Video => self.has_video,
            TrackKind::Audio => self.has_audio,
        }
    }

    /// Times in seconds, sizes in bytes.
    pub(super) fn properties(&self, filesize: u64) -> Properties {
        let last = self.latest.unwrap_or_default();
        let properties = Properties::new()
            .with("duration", self.length_millis as f64 / 1_000.0)
            .with("lasttimestamp", f64::from(last.millis()) / 1_000.0)
            .with("filesize", filesize as f64)
            .with("hasVideo", self.has_video)
            .with("hasAudio", self.has_audio)
            .with("hasMetadata", true)
            .with("hasKeyframes", !self.index.is_empty())
            .with("canSeekToEnd", self.ends_in_keyframe);
        if self.index.is_empty() {
            // FFmpeg complains of an index without entries.
            return properties;
        }
        properties.with("keyframes", self.index.properties())
    }

    fn note_time(&mut self, timestamp: Timestamp) {
        let latest = *self.latest.get_or_insert(timestamp);
        if timestamp.is_after(latest) {
            self.length_millis += u64::from(timestamp.offset_from(latest).unsigned_abs());
            self.latest = Some(timestamp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amf::Value;

    const PICTURE: FrameKind = FrameKind::Keyframe(TrackId::DEFAULT);

    #[test]
    fn the_duration_goes_on_where_timestamps_wrap_or_jump_back() {
        let mut summary = Summary::new();
        for millis in [0xFFFF_FC18, 500, 400, 1_000] {
            summary.note(FrameKind::Audio, Timestamp::from_millis(millis), 0);
        }
        let properties = summary.properties(0);
        assert_eq!(properties.get("duration"), Some(&Value::Number(2.0)));
        assert_eq!(properties.get("lasttimestamp"), Some(&Value::Number(1.0)));
    }

    #[test]
    fn configurations_and_data_have_no_part_in_the_duration() {
        let mut summary = Summary::new();
        summary.note(PICTURE, Timestamp::from_millis(1_000), 0);
        let others = [FrameKind::Data, FrameKind::AudioEnd, FrameKind::VideoConfig(TrackId::DEFAULT)];
        for kind in others {
            summary.note(kind, Timestamp::from_millis(9_000), 0);
        }
        assert_eq!(summary.properties(0).get("duration"), Some(&Value::Number(0.0)));
    }

    #[test]
    fn the_end_can_be_sought_where_the_last_picture_needs_no_other() {
        let can_seek_to_end = |kinds: &[FrameKind]| {
            let mut summary = Summary::new();
            for &kind in kinds {
                summary.note(kind, Timestamp::ZERO, 0);
            }
            summary.properties(0).get("canSeekToEnd").and_then(Value::as_bool).unwrap()
        };
        assert!(can_seek_to_end(&[FrameKind::Audio]));
        assert!(can_seek_to_end(&[FrameKind::Interframe, PICTURE, FrameKind::Audio, FrameKind::VideoEnd]));
        assert!(!can_seek_to_end(&[PICTURE, FrameKind::Interframe]));
    }
}
