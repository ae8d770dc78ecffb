//! Bundle: frames of one delivery, side by side in memory.
//!
//! Where messages are gathered, a crowd of players reads the same few frames in the same order. One piece of memory costs
//! each of them one slice and one reference, where a slice and a reference for each frame would have the processors contend
//! for as many counters.
//!
//! Who comes late, because a great crowd is served one after the other, has read beyond a delivery already and begins amid the
//! next bundle.
//!
//! Invariants: a bundle is made of two frames at least and of nothing else; a splice or an end is in none. It fits into an
//! empty outbox. Only frames of the last delivery are bundled, and no more than `limits::BUNDLE_BYTES` of them.

use bytes::BytesMut;

use crate::frame::{Bundle, Frame};
use crate::limits;
use crate::timestamp::Timestamp;

use super::tape::{Entry, Position, Tape};

/// What was bundled of the last delivery.
#[derive(Debug, Default)]
pub(super) struct Bundles {
    /// The end of the tape at the last delivery.
    delivered: Option<Position>,
    placed: Vec<Placed>,
}

/// A bundle and the part of the tape that it stands for.
#[derive(Debug)]
pub(super) struct Placed {
    from: Position,
    pub(super) to: Position,
    /// The time of its last coded frame.
    pub(super) reached: Option<Timestamp>,
    /// Whether a player that awaits a keyframe may have to leave something out.
    pub(super) has_picture: bool,
    /// Where each frame begins.
    starts: Vec<usize>,
    whole: Bundle,
}

impl Placed {
    /// The bundle from the frame at a position within it on.
    pub(super) fn rest(&self, position: Position) -> Bundle {
        let index = (position.0 - self.from.0) as usize;
        let Bundle { wire, frames, chunk_size } = &self.whole;
        Bundle {
            wire: wire.slice(self.starts[index]..),
            frames: frames - index as u32,
            chunk_size: *chunk_size,
        }
    }
}

impl Bundles {
    /// All that is on the tape is delivered: what has come since the last time is bundled, where that is more than one
    /// frame and there is a crowd to read it.
    pub(super) fn deliver(&mut self, tape: &Tape, has_players: impl FnOnce(usize) -> bool) {
        self.placed.clear();
        let from = self.delivered.replace(tape.end()).unwrap_or(tape.end()).max(tape.start());
        if tape.end().0 < from.0 + 2 || !has_players(CROWD) {
            return;
        }
        let mut left = limits::BUNDLE_BYTES;
        let mut next = from;
        while let Some(to) = Self::reach(tape, next, left) {
            if to.0 > next.0 + 1 {
                let placed = Self::bundle(tape, next, to);
                left = left.saturating_sub(placed.whole.wire.len());
                self.placed.push(placed);
            }
            next = to;
        }
    }

    #[inline]
    pub(super) fn are_none(&self) -> bool {
        self.placed.is_empty()
    }

    /// The one that a position is in.
    pub(super) fn at(&self, position: Position) -> Option<&Placed> {
        let index = self.placed.partition_point(|placed| placed.to <= position);
        self.placed.get(index).filter(|placed| placed.from <= position)
    }

    /// Nobody is there to be delivered to.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// How far a bundle reaches that begins at `from`: over one frame, or as many as fit. `None` where there is no frame.
    fn reach(tape: &Tape, from: Position, left: usize) -> Option<Position> {
        let mut bytes = 0;
        let mut to = from;
        while let Some(Entry::Frame { frame, .. }) = tape.get(to) {
            bytes += frame.wire().len();
            if to > from && bytes > left.min(limits::OUTBOX_BYTES) {
                break;
            }
            to = Position(to.0 + 1);
        }
        (to > from).then_some(to)
    }

    fn bundle(tape: &Tape, from: Position, to: Position) -> Placed {
        let frames = || {
            (from.0..to.0).filter_map(|position| match tape.get(Position(position)) {
                Some(Entry::Frame { frame, .. }) => Some(frame),
                Some(Entry::Resume { .. } | Entry::Splice { .. } | Entry::End(_)) | None => None,
            })
        };
        let mut wire = BytesMut::with_capacity(frames().map(|frame| frame.wire().len()).sum());
        let mut starts = Vec::with_capacity((to.0 - from.0) as usize);
        for frame in frames() {
            starts.push(wire.len());
            wire.extend_from_slice(frame.wire());
        }
        let coded = frames().filter(|frame| frame.kind().is_coded());
        let chunk_size = frames().next().expect("a bundle has two frames at least").chunk_size();
        let reached = coded.last().map(Frame::timestamp);
        let has_picture = frames().any(|frame| frame.kind().is_picture());
        let whole = Bundle { wire: wire.freeze(), frames: starts.len() as u32, chunk_size };
        Placed { from, to, reached, has_picture, starts, whole }
    }
}

/// Players from which on it pays: below, copying costs more than it saves.
const CROWD: usize = 16;
