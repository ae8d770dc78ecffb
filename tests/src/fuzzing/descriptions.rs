//! Descriptions: what a decoder configuration says, and what a publisher says of its colours.

use sol_core::media::description::ColourInfo;
use sol_core::media::{Codec, Description};

/// Which codec, and its configuration.
pub(super) fn description(bytes: &[u8]) {
    let Some((&codec, record)) = bytes.split_first() else { return };
    let codec = CODECS[usize::from(codec) % CODECS.len()];
    let description = Description::of(codec, record);
    assert_eq!(description.codec, codec);
    drop(description.to_string());
    if let Some(size) = description.size {
        assert!(size.width.min(size.height) > 0 && size.width.max(size.height) <= 65_536, "{size}");
    }
    if let Some(rate) = description.frame_rate {
        assert!(rate.per_second().is_finite() && rate.per_second() > 0.0, "{rate:?}");
    }
    assert!(description.sample_rate != Some(0) && description.channels != Some(0));
    if let Some(name) = &description.codec_string {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        assert!(is_plain && name.len() < 64, "{name}");
    }
    if let Some(info) = ColourInfo::of(record) {
        let with = description.clone().with(&info);
        assert_eq!(with.clone().with(&info), with, "said twice it is the same");
        assert_eq!(description.clone().with(&ColourInfo::default()), description);
    }
}

/// Those whose configurations are read.
pub(super) const CODECS: [Codec; 9] = [
    Codec::H264,
    Codec::Hevc,
    Codec::Vvc,
    Codec::Av1,
    Codec::Vp8,
    Codec::Vp9,
    Codec::Aac,
    Codec::Opus,
    Codec::Flac,
];
