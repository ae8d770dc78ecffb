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

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
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

/// The units of a byte stream, without the zeros that may stand behind each. Empty ones are left out.
#[derive(Clone, Debug)]
pub(crate) struct StartCodeUnits<'a> {
    /// Behind a start code.
    rest: Option<&'a [u8]>,
}

impl<'a> StartCodeUnits<'a> {
    /// `None` for whatever does not begin with a start code, zeros in front of which do not matter.
    pub(crate) fn new(payload: &'a [u8]) -> Option<Self> {
        let zeros = payload.iter().take_while(|&&byte| byte == 0).count();
        (zeros >= 2 && payload.get(zeros) == Some(&1)).then(|| Self { rest: payload.get(zeros + 1..) })
    }
}

impl<'a> Iterator for StartCodeUnits<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let rest = self.rest?;
            let end = start_code(rest);
            self.rest = end.map(|end| &rest[end + START_CODE.len()..]);
            let unit = &rest[..end.unwrap_or(rest.len())];
            // The last byte of a unit is never zero (H.264, 7.4.1): those zeros belong to what follows.
            let zeros = unit.iter().rev().take_while(|&&byte| byte == 0).count();
            if zeros < unit.len() {
                return Some(&unit[..unit.len() - zeros]);
            }
        }
    }
}

/// Whether there is a start code anywhere.
pub(crate) fn has_start_code(bytes: &[u8]) -> bool {
    start_code(bytes).is_some()
}

/// Where the next start code is.
fn start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(START_CODE.len()).position(|window| window == START_CODE)
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

const START_CODE: [u8; 3] = [0, 0, 1];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_up_to_a_length_that_goes_too_far() {
        let mut units = Units::new(&[0, 2, 7, 8, 0, 0, 0, 3, 1], 2);
        assert_eq!([units.next(), units.next(), units.next()], [Some(&[7, 8][..]), Some(&[]), None]);
        assert_eq!(units.rest(), [0, 3, 1]);
    }

    #[test]
    fn start_codes_are_short_or_long_and_zeros_behind_a_unit_are_none_of_it() {
        let units = |bytes: &'static [u8]| StartCodeUnits::new(bytes).map(Iterator::collect::<Vec<_>>);
        let both = [&[9, 16][..], &[0x65, 0, 3, 1]];
        assert_eq!(units(&[0, 0, 0, 1, 9, 16, 0, 0, 1, 0x65, 0, 3, 1, 0, 0]), Some(both.to_vec()));
        assert_eq!(units(&[0, 0, 1, 9, 16, 0, 0, 0, 0, 1, 0x65, 0, 3, 1]), Some(both.to_vec()));
        assert_eq!(units(&[0, 0, 1, 0, 0, 1, 7, 0, 0, 1]), Some(vec![&[7][..]]), "empty ones are none");
        assert_eq!(units(&[0, 0, 0, 1]), Some(vec![]));
        for none in [&[0, 1, 7][..], &[0, 0, 2, 7], &[7, 0, 0, 1], &[0, 0], &[]] {
            assert_eq!(units(none), None, "{none:?}");
        }
    }

    #[test]
    fn what_keeps_start_codes_out_of_a_unit_is_taken_off_once() {
        assert_eq!(without_emulation(&[1, 0, 0, 3, 0, 0, 3, 3, 3], 9), [1, 0, 0, 0, 0, 3, 3]);
        assert_eq!(without_emulation(&[1, 0, 0, 3, 0], 3), [1, 0, 0]);
    }
}
