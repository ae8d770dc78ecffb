//! Sizing: what is known of the size of chunks, and what gives an unknown one away.
//!
//! A message that is longer than a chunk goes on behind a header of its own lane, so its chunks begin at equal distances.

use bytes::BufMut;
use smallvec::SmallVec;

use super::ground::{Ground, NeedsMore};
use crate::chunk::{BasicHeader, Format};
use crate::ids::{ChunkSize, ChunkStreamId};
use crate::limits;

/// What is known of the chunk size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sizing {
    /// This it is.
    Known(ChunkSize),
    /// A chunk with `least` bytes of payload came. Before something was missed, `hint` was the size.
    Unknown { least: usize, hint: Option<ChunkSize> },
}

impl Sizing {
    /// Nothing came yet.
    pub(super) const fn unknown(hint: Option<ChunkSize>) -> Self {
        Sizing::Unknown { least: 0, hint }
    }

    /// The size, if it is known.
    pub(super) const fn known(self) -> Option<ChunkSize> {
        match self {
            Sizing::Known(size) => Some(size),
            Sizing::Unknown { .. } => None,
        }
    }

    /// The size that holds or held.
    pub(super) const fn hint(self) -> Option<ChunkSize> {
        match self {
            Sizing::Known(size) => Some(size),
            Sizing::Unknown { hint, .. } => hint,
        }
    }

    /// How many of `missing` bytes the next chunk has, while none ends before its message unless the size is known.
    pub(super) fn chunk_of(self, missing: usize) -> usize {
        self.known().map_or(missing, |size| missing.min(size.bytes()))
    }
}

/// What may still be spent on looking for chunk sizes that nobody would guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Credit(usize);

impl Credit {
    /// What is there from the beginning.
    pub(super) const INITIAL: Credit = Credit::new(limits::OBSERVER_SIZE_LOOKS_FIRST);

    /// So many looks.
    pub(super) const fn new(looks: usize) -> Self {
        Credit(looks)
    }

    /// Earned with every byte that is left behind.
    pub(super) fn earn(&mut self, bytes: usize) {
        let looks = bytes.saturating_mul(limits::OBSERVER_SIZE_LOOKS_PER_BYTE);
        self.0 = self.0.saturating_add(looks).min(limits::OBSERVER_SIZE_LOOKS_MAX);
    }

    /// Whether there is enough, which is then gone.
    pub(super) fn spend(&mut self, looks: usize) -> bool {
        let left = self.0.checked_sub(looks);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

/// The header that continues a message.
pub(super) struct Continuation {
    bytes: SmallVec<[u8; 8]>,
}

impl Continuation {
    pub(super) fn new(chunk_stream: ChunkStreamId, extended: Option<u32>) -> Self {
        let mut bytes = Vec::with_capacity(8);
        BasicHeader { format: Format::Same, chunk_stream }.write(&mut bytes);
        if let Some(extended) = extended {
            bytes.put_u32(extended);
        }
        Self { bytes: bytes.into() }
    }

    /// Its first byte.
    pub(super) fn first(&self) -> u8 {
        self.bytes[0]
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it stands wherever a message at `payload_at` would be continued in chunks of `size` bytes, as far as can be
    /// seen, and some times more than is needed: if so, how often.
    pub(super) fn verify(
        &self,
        ground: &Ground<'_>,
        payload_at: usize,
        length: usize,
        size: usize,
    ) -> Result<Option<usize>, NeedsMore> {
        let count = ((length - 1) / size).min(limits::OBSERVER_CONTINUATIONS);
        let mut verified = 0;
        for index in 0..count {
            let at = payload_at + (index + 1) * size + index * self.len();
            if !ground.reaches(at + self.len())? {
                break;
            }
            if !ground.bytes()[at..].starts_with(&self.bytes) {
                return Ok(None);
            }
            verified += 1;
        }
        Ok((verified > 0).then_some(verified))
    }
}

/// Chunk sizes that servers and encoders announce, and where they begin.
pub(super) const USUAL_SIZES: [usize; 16] = [
    128, 256, 512, 1_024, 2_048, 4_000, 4_096, 5_000, 8_192, 10_000, 16_384, 32_768, 60_000, 65_535, 65_536,
    131_072,
];
