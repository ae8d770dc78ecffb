//! Pictures: the smallest H.264 that every decoder takes, grey from edge to edge.
//!
//! 160 × 128, Main profile, one slice a picture. A keyframe is an IDR slice of macroblocks
//! without residual; all others skip every macroblock. Decoding order is I P b P b …, and a `b`
//! is shown before the P in front of it. Clauses are those of ITU-T H.264.
//!
//! Invariant: no NAL unit contains two zero bytes in a row, so none needs emulation prevention.

/// AVC sequence header: one SPS, one PPS.
pub(super) const AVC_CONFIG: &[u8] = &[
    0x17, 0, 0, 0, 0, // keyframe, sequence header, composition time 0
    1, 0x4D, 0x40, 0x1E, 0xFF, // Main profile, level 3, lengths of four bytes
    0xE1, 0, 8, 0x67, 0x4D, 0x40, 0x1E, 0xED, 0x85, 0x08, 0xC8, // SPS
    1, 0, 4, 0x68, 0xCE, 0x3C, 0x80, // PPS
];

/// A picture's place in its group of pictures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture {
    /// Which group, counted from the start.
    pub(super) group: u64,
    /// Which picture of the group, in decoding order; 0 is the keyframe.
    pub(super) in_group: u64,
    /// How many pictures the group has.
    pub(super) group_size: u64,
}

impl Picture {
    pub(super) fn kind(self) -> PictureKind {
        match self.in_group {
            0 => PictureKind::Keyframe,
            odd if odd % 2 == 1 => PictureKind::Predicted,
            _ => PictureKind::Between,
        }
    }

    /// Its place in the order of showing, within the group.
    pub(super) fn shown(self) -> u64 {
        let is_last = self.in_group + 1 == self.group_size;
        match self.kind() {
            PictureKind::Keyframe => 0,
            // No picture comes behind that could be shown before it.
            PictureKind::Predicted if is_last => self.in_group,
            PictureKind::Predicted => self.in_group + 1,
            PictureKind::Between => self.in_group - 1,
        }
    }

    /// The NAL unit of its slice.
    pub(super) fn slice(self) -> Vec<u8> {
        let (nal_header, slice_type) = match self.kind() {
            PictureKind::Keyframe => (0x65, 7),
            PictureKind::Predicted => (0x41, 5),
            PictureKind::Between => (0x01, 6),
        };
        // 7.3.3, for the SPS and PPS above.
        let mut bits = Bits::default();
        bits.unsigned(0); // first_mb_in_slice
        bits.unsigned(slice_type);
        bits.unsigned(0); // pic_parameter_set_id
        bits.fixed(self.references_before() % 16, 4); // frame_num
        if self.kind() == PictureKind::Keyframe {
            bits.unsigned(self.group % 2); // idr_pic_id: differs from that of the IDR before
        }
        bits.fixed(2 * self.shown() % 64, 6); // pic_order_cnt_lsb
        match self.kind() {
            PictureKind::Keyframe => bits.fixed(0b00, 2), // no_output_of_prior_pics, long_term_reference
            PictureKind::Predicted => bits.fixed(0b000, 3), // override, modification, adaptive marking: none
            PictureKind::Between => bits.fixed(0b1000, 4), // spatial direct; override, modifications: none
        }
        bits.fixed(1, 1); // slice_qp_delta 0
        bits.unsigned(1); // disable_deblocking_filter_idc
        match self.kind() {
            PictureKind::Keyframe => {
                for _ in 0..MACROBLOCKS {
                    bits.unsigned(3); // Intra 16×16, predicted by the mean, no coefficients
                    bits.fixed(0b111, 3); // chroma by the mean, mb_qp_delta 0, no coefficients
                }
            }
            PictureKind::Predicted | PictureKind::Between => bits.unsigned(MACROBLOCKS), // mb_skip_run
        }
        let mut nal = vec![nal_header];
        nal.extend(bits.finish());
        nal
    }

    /// How many pictures of the group that others refer to come before it in decoding order.
    fn references_before(self) -> u64 {
        self.in_group / 2 + u64::from(self.in_group > 0)
    }
}

/// What other pictures a picture needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PictureKind {
    /// None.
    Keyframe,
    /// Those before it.
    Predicted,
    /// One before it, one behind it; no picture needs it.
    Between,
}

/// An SEI NAL unit that carries bytes for whoever knows what they are (D.1.6).
pub(super) fn sei(content: &[u8]) -> Vec<u8> {
    let length = SEI_UUID.len() + content.len();
    let mut nal = vec![SEI_HEADER, SEI_UNREGISTERED];
    nal.resize(nal.len() + length / 255, 0xFF);
    nal.push((length % 255) as u8);
    nal.extend(SEI_UUID);
    nal.extend(content);
    nal.push(0x80);
    nal
}

/// The bytes that an SEI NAL unit carries, and what follows them.
pub(super) fn sei_content(nal: &[u8]) -> Option<&[u8]> {
    let sizes = nal.strip_prefix(&[SEI_HEADER, SEI_UNREGISTERED])?;
    let full = sizes.iter().take_while(|&&byte| byte == 0xFF).count();
    sizes.get(full + 1..)?.strip_prefix(SEI_UUID)
}

/// Bits, most significant first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn fixed(&mut self, value: u64, width: usize) {
        for shift in (0..width).rev() {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (value >> shift) as u8 & 1;
            *self.bytes.last_mut().expect("a byte was begun") |= bit << (7 - self.count % 8);
            self.count += 1;
        }
    }

    /// Exp-Golomb code (9.1).
    fn unsigned(&mut self, value: u64) {
        let width = (value + 1).ilog2() as usize;
        self.fixed(0, width);
        self.fixed(value + 1, width + 1);
    }

    /// Ends with the stop bit (7.3.2.11).
    fn finish(mut self) -> Vec<u8> {
        self.fixed(1, 1);
        self.bytes
    }
}

const MACROBLOCKS: u64 = 10 * 8;
const SEI_HEADER: u8 = 0x06;
const SEI_UNREGISTERED: u8 = 5;
const SEI_UUID: &[u8; 16] = b"sol-tests-frame!";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_are_those_of_the_standard() {
        for (value, code) in
            [(0, "1"), (1, "010"), (2, "011"), (3, "00100"), (7, "0001000"), (80, "0000001010001")]
        {
            let mut bits = Bits::default();
            bits.unsigned(value);
            assert_eq!(bits.count, code.len());
            let mut expected = Bits::default();
            expected.fixed(u64::from_str_radix(code, 2).unwrap(), code.len());
            assert_eq!(bits.bytes, expected.bytes);
        }
    }

    #[test]
    fn an_idr_slice_is_a_header_and_eight_bits_for_each_macroblock() {
        let slice = Picture { group: 0, in_group: 0, group_size: 50 }.slice();
        assert_eq!(slice[..4], [0x65, 0x88, 0x84, 0x02]);
        assert_eq!(slice.len(), 1 + (26 + 80 * 8 + 1_usize).div_ceil(8));
    }

    #[test]
    fn an_idr_slice_differs_from_the_one_before() {
        let keyframe = |group| Picture { group, in_group: 0, group_size: 1 }.slice();
        assert_ne!(keyframe(0), keyframe(1));
    }

    #[test]
    fn pictures_are_shown_once_each_and_reference_numbers_count_up() {
        for group_size in 1..60 {
            let pictures = (0..group_size).map(|in_group| Picture { group: 0, in_group, group_size });
            let mut shown: Vec<_> = pictures.clone().map(Picture::shown).collect();
            shown.sort_unstable();
            assert!(shown.into_iter().eq(0..group_size), "group of {group_size}");
            let mut references = 0;
            for picture in pictures {
                assert_eq!(picture.references_before(), references);
                references += u64::from(picture.kind() != PictureKind::Between);
            }
        }
    }

    #[test]
    fn no_nal_unit_has_two_zero_bytes_in_a_row() {
        for in_group in 0..300 {
            let slice = Picture { group: 1, in_group, group_size: 300 }.slice();
            let sei = sei(&vec![0x55; in_group as usize]);
            assert!(!slice.windows(2).chain(sei.windows(2)).any(|bytes| bytes == [0, 0]));
        }
    }

    #[test]
    fn sei_content_of_every_length_is_found_again() {
        for length in [0, 1, 238, 239, 240, 500, 1_000] {
            let content = vec![7; length];
            let nal = sei(&content);
            assert_eq!(sei_content(&nal), Some(&[&content[..], &[0x80]].concat()[..]));
        }
        assert_eq!(sei_content(&[0x06, 5, 1, 0]), None);
    }
}
