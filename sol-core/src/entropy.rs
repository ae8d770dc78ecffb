//! Entropy: a session's random bytes, as a function of one seed.
//!
//! The core asks no operating system for randomness. The driver hands each session 32 random bytes, and
//! HMAC-SHA256 in counter mode expands them: block `i` is `HMAC-SHA256(seed, i as eight big-endian bytes)`,
//! with `i` from 0; the output is the blocks one after the other. A trace that holds the seed replays the
//! session byte for byte.
//!
//! Invariants: the output depends on the seed alone, not on how it is cut into calls. No byte is given out
//! twice; hence there is no `Clone`.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The random bytes of one session, drawn in order from its seed.
///
/// As unpredictable as the seed: two sessions with the same seed say the same. There is no reseeding.
pub struct Entropy {
    seed: [u8; 32],
    /// Number of the block that follows `block`.
    next: u64,
    block: [u8; BLOCK_BYTES],
    /// Bytes of `block` already given out.
    used: usize,
}

impl Entropy {
    /// Starts at the first byte that `seed` expands to.
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed, next: 0, block: [0; BLOCK_BYTES], used: BLOCK_BYTES }
    }

    /// Overwrites all of `target` with the bytes that come next. Costs one HMAC per 32 bytes.
    pub fn fill(&mut self, target: &mut [u8]) {
        for byte in target {
            if self.used == BLOCK_BYTES {
                self.refill();
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
    }

    fn refill(&mut self) {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.seed).expect("HMAC takes a key of any length (RFC 2104, 2)");
        mac.update(&self.next.to_be_bytes());
        self.block = mac.finalize().into_bytes().into();
        self.next += 1;
        self.used = 0;
    }
}

impl fmt::Debug for Entropy {
    /// Leaves the seed out: who reads it in a log knows every byte to come.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entropy").field("next", &self.next).field("used", &self.used).finish_non_exhaustive()
    }
}

/// Output of SHA-256.
const BLOCK_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use quickcheck_macros::quickcheck;

    use super::*;

    #[test]
    fn the_expansion_of_a_seed_is_stable() {
        // Computed apart from this code, with Python's hmac module.
        let expected = "9f0cd9b94097fe4929918d2b8942b34439574261a35dc50163f06c67d4e48899\
                        c432e059c378eef7fe2f1181a4050836f51e0856fd74937be81784fa0efa7a1c\
                        f92ad613cd014c7449fcc5d4ce98ad02";
        assert_eq!(hex(&drawn(COUNTING_SEED, 80)), expected);
    }

    #[test]
    fn seeds_that_differ_in_one_bit_expand_to_different_bytes() {
        let mut neighbour = COUNTING_SEED;
        neighbour[31] ^= 1;
        let (ours, theirs) = (drawn(COUNTING_SEED, 1_024), drawn(neighbour, 1_024));
        assert!(ours.chunks(16).zip(theirs.chunks(16)).all(|(a, b)| a != b));
    }

    #[test]
    fn no_block_repeats() {
        let bytes = drawn([0; 32], 32 * 300);
        let mut blocks: Vec<&[u8]> = bytes.chunks(32).collect();
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), 300);
    }

    #[test]
    fn debug_output_does_not_reveal_the_seed() {
        let entropy = Entropy::new([0xAB; 32]);
        assert_eq!(format!("{entropy:?}"), "Entropy { next: 0, used: 32, .. }");
    }

    #[quickcheck]
    fn any_cut_into_calls_gives_the_same_bytes(lengths: Vec<u8>) -> bool {
        let mut entropy = Entropy::new(COUNTING_SEED);
        let mut pieces = Vec::new();
        for length in lengths {
            let mut piece = vec![0; usize::from(length)];
            entropy.fill(&mut piece);
            pieces.extend(piece);
        }
        pieces == drawn(COUNTING_SEED, pieces.len())
    }

    fn drawn(seed: [u8; 32], count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        Entropy::new(seed).fill(&mut bytes);
        bytes
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// 00 01 02 … 1f.
    const COUNTING_SEED: [u8; 32] = {
        let mut seed = [0; 32];
        let mut i = 0;
        while i < seed.len() {
            seed[i] = i as u8;
            i += 1;
        }
        seed
    };
}
