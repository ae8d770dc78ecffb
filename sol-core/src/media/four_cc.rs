//! FourCC: how Enhanced RTMP names a codec.

use std::fmt;

/// Four bytes that name a codec, mostly letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FourCc([u8; 4]);

impl FourCc {
    /// Those of video in Enhanced RTMP v2.
    pub const VIDEO: [FourCc; 6] = [
        FourCc(*b"avc1"),
        FourCc(*b"hvc1"),
        FourCc(*b"vvc1"),
        FourCc(*b"av01"),
        FourCc(*b"vp08"),
        FourCc(*b"vp09"),
    ];

    /// Those of audio in Enhanced RTMP v2.
    pub const AUDIO: [FourCc; 6] = [
        FourCc(*b"mp4a"),
        FourCc(*b"Opus"),
        FourCc(*b"fLaC"),
        FourCc(*b"ac-3"),
        FourCc(*b"ec-3"),
        FourCc(*b".mp3"),
    ];

    /// The FourCC of these bytes.
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn get(self) -> [u8; 4] {
        self.0
    }

    /// The FourCC that a text is; `None` where it has not four bytes.
    pub fn of_text(text: &str) -> Option<Self> {
        text.as_bytes().try_into().ok().map(Self)
    }
}

/// It may have come from a peer, and control characters would forge log lines.
impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Codec;

    #[test]
    fn each_names_a_codec_that_is_known() {
        for four_cc in FourCc::VIDEO.into_iter().chain(FourCc::AUDIO) {
            let codec = Codec::of_four_cc(four_cc);
            assert!(!matches!(codec, Codec::UnknownFourCc(_)), "{four_cc}");
        }
    }

    #[test]
    fn text_of_any_other_length_is_none() {
        assert_eq!(FourCc::of_text("hvc1"), Some(FourCc::new(*b"hvc1")));
        for text in ["", "*", "hev", "hevc1", "äöü"] {
            assert_eq!(FourCc::of_text(text), None, "{text}");
        }
    }
}
