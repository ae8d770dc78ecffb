//! Audio tags: the first bytes of a type 8 message (FLV 10.1, E.4.2; Enhanced RTMP v2, "Enhanced Audio").

use super::enhanced::Header;
use super::{FrameKind, TrackId};

pub(super) const ENHANCED: u8 = 9;
const AAC: u8 = 10;

/// What an audio payload is to a player that joins.
pub(super) fn classify(payload: &[u8]) -> FrameKind {
    let Some((&first, rest)) = payload.split_first() else { return FrameKind::Audio };
    match first >> 4 {
        ENHANCED => enhanced(first & 0x0F, rest).unwrap_or(FrameKind::Audio),
        AAC if rest.first() == Some(&0) => FrameKind::AudioConfig(TrackId::DEFAULT),
        _ => FrameKind::Audio,
    }
}

fn enhanced(packet_type: u8, rest: &[u8]) -> Option<FrameKind> {
    const SEQUENCE_START: u8 = 0;
    const SEQUENCE_END: u8 = 2;
    const MULTICHANNEL_CONFIG: u8 = 4;
    let Header { packet_type, track, .. } = enhanced_header(packet_type, rest)?;
    Some(match packet_type {
        SEQUENCE_START => FrameKind::AudioConfig(track),
        SEQUENCE_END => FrameKind::AudioEnd,
        MULTICHANNEL_CONFIG => FrameKind::AudioLayout(track),
        _ => FrameKind::Audio,
    })
}

/// The decoder configuration, or the layout of the channels, in a payload that has one.
pub(super) fn configuration(payload: &[u8]) -> Option<&[u8]> {
    let (FrameKind::AudioConfig(_) | FrameKind::AudioLayout(_)) = classify(payload) else { return None };
    let (&first, rest) = payload.split_first()?;
    match first >> 4 {
        ENHANCED => Some(enhanced_header(first & 0x0F, rest)?.body),
        // Packet type.
        _ => rest.get(1..),
    }
}

/// The header of an enhanced tag behind its first byte.
pub(super) fn enhanced_header(packet_type: u8, rest: &[u8]) -> Option<Header<'_>> {
    const MULTITRACK: u8 = 5;
    Header::parse(packet_type, MULTITRACK, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_aac_specific_config_configures_a_legacy_track() {
        assert_eq!(classify(&[0xAF, 0, 0x12, 0x10]), FrameKind::AudioConfig(TrackId::DEFAULT));
        assert_eq!(classify(&[0xAF, 1, 0x21]), FrameKind::Audio);
        assert_eq!(classify(&[0x2F, 0, 0]), FrameKind::Audio, "MP3 has no configuration");
        assert_eq!(classify(&[]), FrameKind::Audio, "silence");
        assert_eq!(classify(&[0xAF]), FrameKind::Audio);
    }

    #[test]
    fn enhanced_tags_configure_their_own_track() {
        let sequence_start = [b"\x90".as_slice(), b"Opus", &[1, 2]].concat();
        assert_eq!(classify(&sequence_start), FrameKind::AudioConfig(TrackId::DEFAULT));
        let coded = [b"\x91".as_slice(), b"Opus", &[1]].concat();
        assert_eq!(classify(&coded), FrameKind::Audio);
        let layout = [b"\x94".as_slice(), b"Opus", &[1, 2, 0, 0, 0, 3]].concat();
        assert_eq!(classify(&layout), FrameKind::AudioLayout(TrackId::DEFAULT));
        let track_1 = [b"\x95\x00".as_slice(), b"mp4a", &[1, 0x12, 0x10]].concat();
        assert_eq!(classify(&track_1), FrameKind::AudioConfig(TrackId(1)));
    }

    #[test]
    fn configurations_and_layouts_are_found_behind_every_kind_of_header() {
        for payload in [&b"\xAF\0abc"[..], b"\x90Opusabc", b"\x95\x00mp4a\x01abc", b"\x94Opusabc"] {
            assert_eq!(configuration(payload), Some(&b"abc"[..]), "{payload:?}");
        }
        for payload in [&b"\xAF\x01abc"[..], b"\x2Fabc", b"\x91Opusabc", b""] {
            assert_eq!(configuration(payload), None, "{payload:?}");
        }
    }

    #[test]
    fn a_tag_that_ends_inside_its_header_is_no_configuration() {
        for payload in [&b"\x95"[..], b"\x95\x00mp4", b"\x97", b"\x97\xFF\x00", b"\x97\x02\x00\x00"] {
            assert_eq!(classify(payload), FrameKind::Audio);
        }
    }
}
