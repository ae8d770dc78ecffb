//! Transcript: everything that a world's server said, in one number.

use std::time::Duration;

/// A running hash: two runs that said the same at the same times have the same. In which pieces the bytes came does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transcript {
    hash: u64,
    /// Bytes that make no whole word yet, and how many.
    rest: u64,
    rest_bytes: u32,
}

impl Transcript {
    pub(super) fn add_time(&mut self, now: Duration) {
        self.add(&now.as_nanos().to_be_bytes());
    }

    /// All that another one has.
    pub(super) fn add_state_of(&mut self, other: &Transcript) {
        for word in [other.hash, other.rest, u64::from(other.rest_bytes)] {
            self.add(&word.to_be_bytes());
        }
    }

    pub(super) fn add(&mut self, mut bytes: &[u8]) {
        while self.rest_bytes > 0
            && let Some((&byte, behind)) = bytes.split_first()
        {
            self.add_byte(byte);
            bytes = behind;
        }
        // A word at a time: a large world says hundreds of megabytes.
        let (words, behind) = bytes.as_chunks();
        words.iter().for_each(|word| self.mix(u64::from_be_bytes(*word)));
        behind.iter().for_each(|&byte| self.add_byte(byte));
    }

    fn add_byte(&mut self, byte: u8) {
        self.rest = (self.rest << 8) | u64::from(byte);
        self.rest_bytes += 1;
        if self.rest_bytes == u64::BITS / 8 {
            let word = std::mem::take(&mut self.rest);
            self.rest_bytes = 0;
            self.mix(word);
        }
    }

    /// A multiplication carries each bit upwards, the turn brings it down again.
    fn mix(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(29) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

impl Default for Transcript {
    fn default() -> Transcript {
        Transcript { hash: 0xCBF2_9CE4_8422_2325, rest: 0, rest_bytes: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_do_not_matter_and_each_byte_does() {
        let bytes: Vec<u8> = (0..100).collect();
        let in_pieces = |size: usize, bytes: &[u8]| {
            let mut transcript = Transcript::default();
            bytes.chunks(size).for_each(|piece| transcript.add(piece));
            transcript
        };
        let whole = in_pieces(100, &bytes);
        for size in 1..20 {
            assert_eq!(in_pieces(size, &bytes), whole);
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_ne!(in_pieces(100, &other), whole);
            assert_ne!(in_pieces(100, &bytes[..at]), whole);
        }
    }
}
