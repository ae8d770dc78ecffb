//! Preamble: what a player needs before the first frame of a sync point.
//!
//! Metadata at time 0 (with any other, FFmpeg's family sees a phantom track) and the codec configuration of each
//! track, stamped for that point. Made once per sync point, so a join or a gap costs no work per player.
//!
//! Invariant: at most `limits::PREAMBLE_CONFIGS` frames of at most `limits::PREAMBLE_FRAME_BYTES`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::limits;
use crate::media::FrameKind;
use crate::timestamp::Timestamp;

use super::frame::Frame;

/// The frames of one preamble, shared by all who need them.
pub(super) type Preamble = Arc<[Frame]>;

/// The latest metadata and configurations of a publication.
#[derive(Debug, Default)]
pub(super) struct Configurations(BTreeMap<FrameKind, Frame>);

impl Configurations {
    /// Keeps a frame for preambles, in place of an earlier one of its kind. Without effect beyond the bounds: such
    /// a frame reaches only those who are there when it comes.
    pub(super) fn keep(&mut self, frame: &Frame) {
        debug_assert!(frame.kind().is_preamble(), "only what a decoder needs is kept");
        let room = self.0.len() < limits::PREAMBLE_CONFIGS || self.0.contains_key(&frame.kind());
        if room && frame.payload_len() <= limits::PREAMBLE_FRAME_BYTES {
            self.0.insert(frame.kind(), frame.clone());
        } else {
            self.0.remove(&frame.kind());
        }
    }

    /// Whether the frame of that kind says the same already.
    pub(super) fn is_known(&self, kind: FrameKind, payload: &[u8]) -> bool {
        self.0.get(&kind).is_some_and(|known| {
            known.payload_len() == payload.len() && known.payload().flatten().eq(payload)
        })
    }

    pub(super) fn forget_metadata(&mut self) {
        self.0.remove(&FrameKind::Metadata);
    }

    /// The preamble of a sync point at `time`.
    pub(super) fn at(&self, time: Timestamp) -> Preamble {
        let metadata = self.0.get(&FrameKind::Metadata);
        let rest = self.0.values().filter(|frame| frame.kind() != FrameKind::Metadata);
        metadata.cloned().into_iter().chain(rest.map(|frame| frame.at(time))).collect()
    }
}
