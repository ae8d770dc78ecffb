//! Bytes that look random and are always the same for a seed.

/// An additive sequence, well mixed: enough that no two payloads agree by chance.
#[derive(Clone, Debug)]
pub(crate) struct Filler(u64);

impl Filler {
    pub(crate) fn new(seed: u64) -> Filler {
        Filler(seed)
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for eight in bytes.chunks_mut(8) {
            eight.copy_from_slice(&self.word().to_be_bytes()[..eight.len()]);
        }
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(STEP);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(STEP);
        mixed ^ (mixed >> 32)
    }
}

/// Odd, so that the sequence has the full period; its bits are those of the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_bytes_and_another_seed_gives_others() {
        let bytes = |seed| Filler::new(seed).bytes::<33>();
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }

    #[test]
    fn bytes_do_not_repeat_soon() {
        let mut filler = Filler::new(0);
        let mut words: Vec<_> = (0..10_000).map(|_| filler.bytes::<8>()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 10_000);
    }
}
