//! The unread bytes of one message, with the budget that both AMF readers draw on.
//!
//! An AMF3 value inside AMF0 shares the budget of its message, so switching buys a peer nothing.
//!
//! Invariant: a failed read consumes nothing.

use std::borrow::Cow;

use super::AmfError;
use crate::limits;

/// Departures from the specification that a reader accepted, by kind. A strict caller refuses the message
/// unless [`Tolerated::is_none`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerated {
    /// Objects and ECMA arrays that the end of the message cut off behind a whole property.
    pub missing_ends: usize,
    /// Strings and names that are not UTF-8; the broken parts were replaced by U+FFFD.
    pub malformed_strings: usize,
}

impl Tolerated {
    /// Whether everything was by the book.
    pub fn is_none(self) -> bool {
        self == Tolerated::default()
    }
}

#[derive(Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    values: usize,
    depth: usize,
    tolerated: Tolerated,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, values: 0, depth: 0, tolerated: Tolerated::default() }
    }

    /// Takes one value from the budget.
    pub(super) fn count_value(&mut self) -> Result<(), AmfError> {
        if self.values == limits::AMF_VALUES {
            return Err(AmfError::TooManyValues { limit: limits::AMF_VALUES });
        }
        self.values += 1;
        Ok(())
    }

    /// Fails if `count` more values would not fit the budget.
    pub(super) fn expect_values(&self, count: usize) -> Result<(), AmfError> {
        if count > limits::AMF_VALUES - self.values {
            return Err(AmfError::TooManyValues { limit: limits::AMF_VALUES });
        }
        Ok(())
    }

    /// Enters a container. A container that fails is not left: its message is lost, so the depth is, too.
    pub(super) fn enter(&mut self) -> Result<(), AmfError> {
        if self.depth == limits::AMF_DEPTH {
            return Err(AmfError::TooDeep { limit: limits::AMF_DEPTH });
        }
        self.depth += 1;
        Ok(())
    }

    /// Leaves the container entered last.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], AmfError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or(AmfError::Truncated { needed: count, left: self.bytes.len() })?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn take_array<const N: usize>(&mut self) -> Result<[u8; N], AmfError> {
        let (taken, rest) = self
            .bytes
            .split_first_chunk()
            .ok_or(AmfError::Truncated { needed: N, left: self.bytes.len() })?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub(super) fn take_u8(&mut self) -> Result<u8, AmfError> {
        self.take_array().map(u8::from_be_bytes)
    }

    pub(super) fn take_u16(&mut self) -> Result<u16, AmfError> {
        self.take_array().map(u16::from_be_bytes)
    }

    pub(super) fn take_u32(&mut self) -> Result<u32, AmfError> {
        self.take_array().map(u32::from_be_bytes)
    }

    pub(super) fn take_i16(&mut self) -> Result<i16, AmfError> {
        self.take_array().map(i16::from_be_bytes)
    }

    pub(super) fn take_f64(&mut self) -> Result<f64, AmfError> {
        self.take_array().map(f64::from_be_bytes)
    }

    /// The text in the next `count` bytes. What is not UTF-8 is replaced, which makes it three times as long
    /// at most: metadata in a legacy code page is no reason to lose a stream.
    pub(super) fn take_text(&mut self, count: usize) -> Result<Cow<'a, str>, AmfError> {
        let text = String::from_utf8_lossy(self.take(count)?);
        if matches!(text, Cow::Owned(_)) {
            self.tolerated.malformed_strings += 1;
        }
        Ok(text)
    }

    /// `count` numbers of `N` bytes each. All of them must have arrived before memory is taken.
    pub(super) fn take_numbers<const N: usize, T>(
        &mut self,
        count: usize,
        decode: fn([u8; N]) -> T,
    ) -> Result<Vec<T>, AmfError> {
        let (numbers, _) = self.take(count.saturating_mul(N))?.as_chunks();
        Ok(numbers.iter().copied().map(decode).collect())
    }

    /// Takes the next byte if it is `expected`.
    pub(super) fn take_if(&mut self, expected: u8) -> bool {
        let found = self.bytes.first() == Some(&expected);
        if found {
            self.bytes = &self.bytes[1..];
        }
        found
    }

    /// Records that the message ended before the container did.
    pub(super) fn tolerate_missing_end(&mut self) {
        self.tolerated.missing_ends += 1;
    }

    pub(super) fn tolerated(&self) -> Tolerated {
        self.tolerated
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn remaining(&self) -> &'a [u8] {
        self.bytes
    }
}

/// The longest part of `text` that starts at its beginning, ends between two characters, and fits
/// `bytes_max`.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_read_consumes_nothing() {
        let mut input = Input::new(&[1, 2, 3]);
        assert_eq!(input.take_u32(), Err(AmfError::Truncated { needed: 4, left: 3 }));
        assert_eq!(input.take(4), Err(AmfError::Truncated { needed: 4, left: 3 }));
        assert_eq!(input.remaining(), [1, 2, 3]);
        assert_eq!(input.take_u16(), Ok(0x0102));
    }

    #[test]
    fn numbers_that_have_not_arrived_take_no_memory() {
        let mut input = Input::new(&[0; 7]);
        let refused = input.take_numbers(usize::MAX, u64::from_be_bytes);
        assert_eq!(refused, Err(AmfError::Truncated { needed: usize::MAX, left: 7 }));
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("aé", 99), "aé");
    }
}
