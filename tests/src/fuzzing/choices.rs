//! Choices: what a structured target decides, read from the bytes that it was given.
//!
//! Each choice takes one byte or a few, so that a changed byte changes one decision and those behind it stay where they are.
//!
//! Invariant: where the bytes are used up, each choice is the first one or zero.

/// Decisions, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all bytes are used up.
    pub(super) fn are_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Below `end`, which is at most 256.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// One of these; the first where the bytes are used up.
    pub(super) fn pick<T: Copy>(&mut self, those: &[T]) -> T {
        those[self.below(those.len())]
    }

    /// So many bytes as they are, or all that are left.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// As many bytes as the next one says.
    pub(super) fn some(&mut self) -> &'a [u8] {
        let count = self.byte();
        self.take(count.into())
    }

    /// As many bytes as the next two say.
    pub(super) fn many(&mut self) -> &'a [u8] {
        let count = self.u16();
        self.take(count.into())
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }
}

/// Bytes in pieces, whose lengths go round: what a transport makes of them. Behind many pieces the rest comes in one.
pub(super) fn pieces<'a>(mut bytes: &'a [u8], cuts: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut lengths = cuts.iter().cycle().take(PIECES_MAX);
    std::iter::from_fn(move || {
        let length = lengths.next().map_or(bytes.len(), |&cut| usize::from(cut).max(1));
        let (piece, rest) = bytes.split_at(length.min(bytes.len()));
        bytes = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A handshake in single bytes, and some messages. In single bytes, a long one costs more than it finds.
const PIECES_MAX: usize = 4_096;
