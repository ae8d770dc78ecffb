//! Preamble: what a player needs before the first frame of a sync point.
//!
//! Metadata at time 0 (with any other, FFmpeg's family sees a phantom track) and the codec configuration of each
//! track, stamped for that point. A sync point costs a reference and a time; its preamble is stamped for the first player
//! that begins there, and shared by all that follow.
//!
//! Invariant: at most `limits::PREAMBLE_CONFIGS` frames, with at most `limits::PREAMBLE_BYTES` of payload together.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::frame::Frame;
use crate::limits;
use crate::media::{Codec, CodecSet, FrameKind, Tag, TrackId, TrackKind};
use crate::timestamp::Timestamp;

/// The frames of one preamble, shared by all who need them.
pub type Preamble = Arc<[Frame]>;

/// The latest metadata and configurations of a publication.
#[derive(Debug, Default)]
pub(super) struct Configurations {
    latest: BTreeMap<FrameKind, Frame>,
    /// The same in the order of a preamble, shared until something changes.
    shared: Preamble,
}

impl Configurations {
    /// Those that a preamble has.
    pub(super) fn of(preamble: &Preamble) -> Self {
        let latest = preamble.iter().map(|frame| (frame.kind(), frame.clone())).collect();
        Self { latest, shared: Arc::clone(preamble) }
    }

    /// Whether they are of this very preamble.
    pub(super) fn are(&self, preamble: &Preamble) -> bool {
        Arc::ptr_eq(&self.shared, preamble)
    }

    /// Keeps a frame for preambles, in place of an earlier one of its kind. Beyond the bounds it is forgotten, and so is the
    /// earlier one: a stale configuration is worse than none.
    ///
    /// Of a message of several tracks each is kept by itself, so that what one of them changes later replaces nothing else.
    pub(super) fn keep(&mut self, frame: &Frame) {
        debug_assert!(frame.kind().is_preamble(), "only what a decoder needs is kept");
        match frame.parts() {
            Some(parts) => {
                parts.iter().filter(|part| part.kind().is_preamble()).for_each(|part| self.keep_one(part));
            }
            None => self.keep_one(frame),
        }
        self.share();
    }

    fn keep_one(&mut self, frame: &Frame) {
        self.latest.remove(&frame.kind());
        if !self.has_room_for(frame) && frame.kind() != FrameKind::Metadata {
            // Without its metadata a stream plays, without a configuration it does not.
            self.latest.remove(&FrameKind::Metadata);
        }
        if self.has_room_for(frame) {
            self.latest.insert(frame.kind(), frame.clone());
        }
    }

    /// All of them, in the order of a preamble.
    pub(super) fn all(&self) -> &Preamble {
        &self.shared
    }

    pub(super) fn are_none(&self) -> bool {
        self.latest.is_empty()
    }

    /// Whether a message of that kind says nothing that is not kept already.
    pub(super) fn is_known(&self, kind: FrameKind, tag: Option<&Tag<'_>>, payload: &[u8]) -> bool {
        let is_kept =
            |kind, payload: &[u8]| self.latest.get(&kind).is_some_and(|known| known.has_payload(payload));
        match tag.and_then(Tag::parts) {
            Some(parts) => {
                let mut those = parts.iter().filter(|(kind, _)| kind.is_preamble());
                those.all(|(kind, payload)| is_kept(*kind, payload))
            }
            None => is_kept(kind, payload),
        }
    }

    /// The codec of a default track, if it is one of those.
    pub(super) fn any_of(&self, codecs: CodecSet) -> Option<Codec> {
        if codecs.is_empty() {
            return None;
        }
        self.latest.values().find_map(|frame| frame.main_codec_of(codecs))
    }

    /// Whether any of them is of a track.
    pub(super) fn have_track(&self, track: TrackId) -> bool {
        self.latest.values().any(|frame| frame.has_track(track))
    }

    /// The default track of a kind is another one from here on.
    pub(super) fn forget_track(&mut self, kind: TrackKind) {
        let those = match kind {
            TrackKind::Video => {
                [FrameKind::VideoConfig(TrackId::DEFAULT), FrameKind::VideoMetadata(TrackId::DEFAULT)]
            }
            TrackKind::Audio => {
                [FrameKind::AudioConfig(TrackId::DEFAULT), FrameKind::AudioLayout(TrackId::DEFAULT)]
            }
        };
        those.iter().for_each(|kind| drop(self.latest.remove(kind)));
        self.share();
    }

    pub(super) fn forget_metadata(&mut self) {
        if self.latest.remove(&FrameKind::Metadata).is_some() {
            self.share();
        }
    }

    /// The preamble of a sync point at `time`.
    pub(super) fn at(&self, time: Timestamp) -> PreambleAt {
        PreambleAt { configurations: Arc::clone(&self.shared), time, stamped: Cache::default() }
    }

    fn has_room_for(&self, frame: &Frame) -> bool {
        let bytes: usize = self.latest.values().map(Frame::payload_len).sum();
        self.latest.len() < limits::PREAMBLE_CONFIGS && bytes + frame.payload_len() <= limits::PREAMBLE_BYTES
    }

    fn share(&mut self) {
        let metadata = self.latest.get(&FrameKind::Metadata);
        let rest = self.latest.values().filter(|frame| frame.kind() != FrameKind::Metadata);
        self.shared = metadata.into_iter().chain(rest).cloned().collect();
    }
}

/// Filled from the value that it is part of, so it is no input of its own.
#[expect(clippy::disallowed_types, reason = "what is disallowed is the process-wide value")]
type Cache = std::sync::OnceLock<Preamble>;

/// The preamble of one point in time.
#[derive(Debug)]
pub(super) struct PreambleAt {
    configurations: Preamble,
    time: Timestamp,
    stamped: Cache,
}

impl PreambleAt {
    /// The same, not yet stamped.
    pub(super) fn configurations(&self) -> Preamble {
        Arc::clone(&self.configurations)
    }

    /// Its frames. The first call stamps them.
    pub(super) fn frames(&self) -> Preamble {
        let stamp = |frame: &Frame| {
            if frame.kind().is_timeless() { frame.clone() } else { frame.at(self.time) }
        };
        Arc::clone(self.stamped.get_or_init(|| self.configurations.iter().map(stamp).collect()))
    }
}
