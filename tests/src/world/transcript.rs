//! Transcript: everything that a world's server said, in one number.

use std::time::Duration;

/// A running hash (FNV-1a): two runs that said the same at the same times have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transcript(u64);

impl Transcript {
    pub(super) fn add_time(&mut self, now: Duration) {
        self.add(&now.as_nanos().to_be_bytes());
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}

impl Default for Transcript {
    fn default() -> Transcript {
        Transcript(0xCBF2_9CE4_8422_2325)
    }
}
