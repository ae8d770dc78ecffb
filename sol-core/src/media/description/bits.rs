//! Bits of a byte string, the highest first.

/// What has not been read yet.
#[derive(Clone, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Bits<'a> {
        Bits { bytes, at: 0 }
    }

    /// So many bits as a number; at most 32.
    pub(super) fn read(&mut self, count: u32) -> Option<u32> {
        debug_assert!(count <= 32, "1: a number has 32 bits at most");
        let mut number = 0;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            number = number << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(number)
    }

    /// At most eight.
    pub(super) fn byte(&mut self, count: u32) -> Option<u8> {
        self.read(count).and_then(|number| u8::try_from(number).ok())
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        self.read(1).map(|bit| bit == 1)
    }

    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        self.at += count as usize;
        (self.at <= 8 * self.bytes.len()).then_some(())
    }

    /// An Exp-Golomb code (ITU-T H.264, 9.1); no longer than the specifications have any.
    pub(super) fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.read(zeros)?)
    }

    /// The same, of a number that may be below zero (9.1.1).
    pub(super) fn signed_golomb(&mut self) -> Option<i64> {
        let code = i64::from(self.golomb()?);
        Some(if code % 2 == 0 { -(code / 2) } else { (code + 1) / 2 })
    }

    /// An Exp-Golomb code that says how often something comes; `None` beyond what the specification allows.
    pub(super) fn count(&mut self, limit: u32) -> Option<u32> {
        self.golomb().filter(|&count| count <= limit)
    }

    /// To the beginning of the next byte.
    pub(super) fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_cross_bytes_and_end_with_them() {
        let mut bits = Bits::of(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        assert_eq!([bits.read(3), bits.golomb(), bits.golomb()], [Some(5), Some(5), Some(1)]);
        assert_eq!(bits.golomb(), Some(9));
        assert_eq!(bits.skip(5), Some(()));
        assert_eq!([bits.read(1), bits.read(1), bits.golomb()], [Some(0), None, None]);
    }

    #[test]
    fn codes_may_be_below_zero_and_none_is_longer_than_32_bits() {
        let mut bits = Bits::of(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        let read: Vec<_> = std::iter::from_fn(|| bits.signed_golomb()).take(4).collect();
        assert_eq!(read, [0, 1, -1, 2]);
        assert_eq!(Bits::of(&[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).golomb(), None);
        assert_eq!(Bits::of(&[0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]).golomb(), Some(u32::MAX - 1));
        assert_eq!(Bits::of(&[0b0010_0000]).count(2), None);
    }

    #[test]
    fn what_is_aligned_goes_on_with_the_next_byte() {
        let mut bits = Bits::of(&[0xFF, 0x01]);
        bits.align();
        assert_eq!(bits.read(3), Some(7));
        bits.align();
        bits.align();
        assert_eq!([bits.byte(8), bits.byte(1)], [Some(1), None]);
    }
}
