//! Codec set: some of the codecs that have a FourCC in Enhanced RTMP v2.

use super::{Codec, FourCc};

/// Some of the codecs that have a FourCC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodecSet(u16);

impl CodecSet {
    /// None of them.
    pub const NONE: CodecSet = CodecSet(0);

    /// These codecs, as far as they are known.
    pub fn of(four_ccs: impl IntoIterator<Item = FourCc>) -> Self {
        let bits = four_ccs.into_iter().filter_map(|four_cc| Self::bit(Codec::of_four_cc(four_cc)));
        Self(bits.fold(0, |all, bit| all | bit))
    }

    /// Whether the codec is among them.
    pub fn has(self, codec: Codec) -> bool {
        Self::bit(codec).is_some_and(|bit| self.0 & bit != 0)
    }

    /// Whether it is none of them.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn bit(codec: Codec) -> Option<u16> {
        let mut all = FourCc::VIDEO.into_iter().chain(FourCc::AUDIO);
        let index = all.position(|four_cc| Codec::of_four_cc(four_cc) == codec)?;
        Some(1 << index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_codec_has_a_place_of_its_own() {
        for four_cc in FourCc::VIDEO.into_iter().chain(FourCc::AUDIO) {
            let set = CodecSet::of([four_cc]);
            assert!(set.has(Codec::of_four_cc(four_cc)) && !set.is_empty(), "{four_cc}");
            assert_eq!(set.0.count_ones(), 1, "{four_cc}");
        }
        assert_eq!(CodecSet::of(FourCc::VIDEO).0.count_ones(), 6);
        assert!(!CodecSet::of(FourCc::VIDEO).has(Codec::Aac));
        assert_eq!(CodecSet::of([FourCc::new(*b"abcd")]), CodecSet::NONE);
        assert!(!CodecSet::of(FourCc::VIDEO).has(Codec::Sorenson), "it has no FourCC");
    }
}
