//! Units: what a picture of H.264, HEVC or VVC consists of (NAL units), and how one is told from the next.
//!
//! In FLV each stands behind its length (ISO/IEC 14496-15); in a byte stream, behind a start code (ITU-T H.264 and H.265, annex B).
//!
//! Invariants: nothing is copied but by [`without_emulation`]. Each byte is looked at a bounded number of times.

/// The units of a payload, each behind its length, up to where they cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Units<'a> {
    rest: &'a [u8],
    length_bytes: usize,
}

impl<'a> Units<'a> {
    /// Lengths have one to four bytes.
    pub(crate) fn new(payload: &'a [u8], length_bytes: usize) -> Self {
        debug_assert!((1..=4).contains(&length_bytes), "1: a length has one to four bytes");
        Self { rest: payload, length_bytes }
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, behind) = self.rest.split_at_checked(self.length_bytes)?;
        let length = length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        let (unit, rest) = behind.split_at_checked(length)?;
        self.rest = rest;
        Some(unit)
    }
}

/// A unit, or its beginning, without the bytes that keep start codes out of it (H.264, 7.4.1). Of a longer one only the first
/// `limit` bytes are taken.
pub(crate) fn without_emulation(unit: &[u8], limit: usize) -> Vec<u8> {
    let mut plain = Vec::with_capacity(unit.len().min(limit));
    let mut zeros = 0;
    for &byte in unit.iter().take(limit) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_up_to_a_length_that_goes_too_far() {
        let mut units = Units::new(&[0, 2, 7, 8, 0, 0, 0, 3, 1], 2);
        assert_eq!([units.next(), units.next(), units.next()], [Some(&[7, 8][..]), Some(&[]), None]);
    }

    #[test]
    fn what_keeps_start_codes_out_of_a_unit_is_taken_off_once() {
        assert_eq!(without_emulation(&[1, 0, 0, 3, 0, 0, 3, 3, 3], 9), [1, 0, 0, 0, 0, 3, 3]);
        assert_eq!(without_emulation(&[1, 0, 0, 3, 0], 3), [1, 0, 0]);
    }
}
