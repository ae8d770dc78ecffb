//! Video tags: the first bytes of a type 9 message (FLV 10.1, E.4.3; Enhanced RTMP v2, "Enhanced Video").

use super::enhanced::Header;
use super::{FrameKind, TrackId};

const FRAME_TYPE_KEY: u8 = 1;
const FRAME_TYPE_GENERATED_KEY: u8 = 4;
pub(super) const FRAME_TYPE_COMMAND: u8 = 5;
const SEQUENCE_START: u8 = 0;
const METADATA: u8 = 4;
const CODED_FRAMES: u8 = 1;
const CODED_FRAMES_X: u8 = 3;

// 7 is AVC; 12, 13 and 14 are the unofficial HEVC, AV1 and VP8, in the same shape.
const WITH_PACKET_TYPE: [u8; 4] = [7, 12, 13, 14];
const NALU: u8 = 1;

/// What a video payload is to a player that joins.
pub(super) fn classify(payload: &[u8]) -> FrameKind {
    let Some((&first, rest)) = payload.split_first() else { return FrameKind::Interframe };
    if first & 0x80 != 0 {
        return enhanced(first >> 4 & 0x07, first & 0x0F, rest).unwrap_or(FrameKind::Interframe);
    }
    legacy(first >> 4, first & 0x0F, rest)
}

fn legacy(frame_type: u8, codec: u8, rest: &[u8]) -> FrameKind {
    const SEQUENCE_HEADER: u8 = 0;
    const END_OF_SEQUENCE: u8 = 2;
    if frame_type == FRAME_TYPE_COMMAND {
        return FrameKind::Interframe;
    }
    if WITH_PACKET_TYPE.contains(&codec) {
        match rest.first() {
            // Behind the packet type stand three bytes of composition time. Without a record behind them the
            // header is the kind that some encoders send first and then send again with its content.
            Some(&SEQUENCE_HEADER) if rest.len() > 4 => return FrameKind::VideoConfig(TrackId::DEFAULT),
            Some(&NALU) => {}
            Some(&END_OF_SEQUENCE) => return FrameKind::VideoEnd,
            _ => return FrameKind::Interframe,
        }
    }
    picture(frame_type, TrackId::DEFAULT)
}

fn enhanced(frame_type: u8, packet_type: u8, rest: &[u8]) -> Option<FrameKind> {
    const SEQUENCE_END: u8 = 2;
    const MPEG2TS_SEQUENCE_START: u8 = 5;
    let Header { packet_type, track, .. } = enhanced_header(frame_type, packet_type, rest)?;
    Some(match packet_type {
        SEQUENCE_START | MPEG2TS_SEQUENCE_START => FrameKind::VideoConfig(track),
        SEQUENCE_END => FrameKind::VideoEnd,
        CODED_FRAMES | CODED_FRAMES_X => picture(frame_type, track),
        METADATA if track == TrackId::DEFAULT => FrameKind::VideoMetadata,
        _ => FrameKind::Interframe,
    })
}

/// The header of an enhanced tag behind the two fields of its first byte; `None` if there is none, as in commands to a
/// player. The frame type of metadata is ignored.
pub(super) fn enhanced_header(frame_type: u8, packet_type: u8, rest: &[u8]) -> Option<Header<'_>> {
    const MULTITRACK: u8 = 6;
    let header = Header::parse(packet_type, MULTITRACK, rest)?;
    (frame_type != FRAME_TYPE_COMMAND || header.packet_type == METADATA).then_some(header)
}

/// How much later than its message a picture is to be shown, in milliseconds; `None` where the payload does not say.
pub(super) fn composition_millis(payload: &[u8]) -> Option<i32> {
    let (&first, rest) = payload.split_first()?;
    let (frame_type, low) = (first >> 4 & 0x07, first & 0x0F);
    let field = if first & 0x80 == 0 {
        let (&packet_type, field) = rest.split_first()?;
        (WITH_PACKET_TYPE.contains(&low) && packet_type == NALU).then_some(field)?
    } else {
        let header = enhanced_header(frame_type, low, rest)?;
        match (header.packet_type, &header.four_cc) {
            (CODED_FRAMES_X, b"avc1" | b"hvc1" | b"vvc1") => return Some(0),
            (CODED_FRAMES, b"avc1" | b"hvc1" | b"vvc1") => header.body,
            _ => return None,
        }
    };
    // Signed, of 24 bits.
    let &[a, b, c] = field.first_chunk()?;
    Some(i32::from_be_bytes([a, b, c, 0]) >> 8)
}

/// The decoder configuration in a payload that has one; `None` for the descriptors of MPEG-2 TS, which are another thing.
pub(super) fn configuration(payload: &[u8]) -> Option<&[u8]> {
    let FrameKind::VideoConfig(_) = classify(payload) else { return None };
    let (&first, rest) = payload.split_first()?;
    if first & 0x80 == 0 {
        // Packet type and composition time.
        return rest.get(4..);
    }
    let header = enhanced_header(first >> 4 & 0x07, first & 0x0F, rest)?;
    (header.packet_type == SEQUENCE_START).then_some(header.body)
}

fn picture(frame_type: u8, track: TrackId) -> FrameKind {
    match frame_type {
        FRAME_TYPE_KEY | FRAME_TYPE_GENERATED_KEY => FrameKind::Keyframe(track),
        _ => FrameKind::Interframe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: TrackId = TrackId::DEFAULT;

    #[test]
    fn avc_tells_configuration_keyframe_and_interframe_apart() {
        assert_eq!(classify(&[0x17, 0, 0, 0, 0, 1, 0x64]), FrameKind::VideoConfig(MAIN));
        assert_eq!(classify(&[0x17, 1, 0, 0, 0, 0]), FrameKind::Keyframe(MAIN));
        assert_eq!(classify(&[0x27, 1, 0, 0, 40, 0]), FrameKind::Interframe);
        assert_eq!(classify(&[0x17, 2, 0, 0, 0]), FrameKind::VideoEnd);
    }

    #[test]
    fn configurations_are_found_behind_every_kind_of_header() {
        let found = [
            &b"\x17\0\0\0\0abc"[..],
            b"\x90hvc1abc",
            b"\x97\x02\0\0\x01\x00hvc1abc",
            b"\x96\x00hvc1\x01abc",
            b"\x96\x10hvc1\x01\0\0\x03abc",
        ];
        for payload in found {
            assert_eq!(configuration(payload), Some(&b"abc"[..]), "{payload:?}");
        }
        for payload in [&b"\x95av01abc"[..], b"\x17\x01\0\0\0abc", b"\x91hvc1\0\0\0abc", b"\x90hvc"] {
            assert_eq!(configuration(payload), None, "{payload:?}");
        }
    }

    #[test]
    fn a_configuration_without_content_does_not_count() {
        assert_eq!(classify(&[0x17]), FrameKind::Interframe);
        assert_eq!(classify(&[0x17, 0]), FrameKind::Interframe);
        assert_eq!(classify(&[0x17, 0, 0, 0, 0]), FrameKind::Interframe);
    }

    #[test]
    fn codecs_without_configuration_go_by_the_frame_type() {
        assert_eq!(classify(&[0x12, 0, 0]), FrameKind::Keyframe(MAIN));
        assert_eq!(classify(&[0x22, 0, 0]), FrameKind::Interframe);
        assert_eq!(classify(&[0x32, 0, 0]), FrameKind::Interframe);
        assert_eq!(classify(&[0x52, 0]), FrameKind::Interframe, "a seek command is no picture");
    }

    #[test]
    fn enhanced_tags_are_read_through_mod_ex_and_multitrack() {
        let tag = |head: &[u8], tail: &[u8]| classify(&[head, b"hvc1", tail].concat());
        assert_eq!(tag(&[0x90], &[1]), FrameKind::VideoConfig(MAIN));
        assert_eq!(tag(&[0x91], &[0, 0, 0, 1]), FrameKind::Keyframe(MAIN));
        assert_eq!(tag(&[0xA3], &[1]), FrameKind::Interframe);
        assert_eq!(tag(&[0xA2], &[]), FrameKind::VideoEnd);
        assert_eq!(tag(&[0xD4], &[2]), FrameKind::VideoMetadata, "the frame type of metadata is ignored");
        assert_eq!(tag(&[0xD7, 2, 0, 0, 1, 0x04], &[2]), FrameKind::VideoMetadata, "behind ModEx as well");
        assert_eq!(tag(&[0x96, 0x00], &[1, 9]), FrameKind::VideoConfig(TrackId(1)));
        assert_eq!(tag(&[0x96, 0x01], &[1, 9]), FrameKind::Keyframe(TrackId(1)));
        // ModEx with three bytes of nanoseconds, then CodedFramesX.
        assert_eq!(tag(&[0x97, 2, 0, 0, 1, 0x03], &[1]), FrameKind::Keyframe(MAIN));
        // ModEx whose size needs the wide form.
        let wide = [&[0x97, 0xFF, 0x00, 0xFF][..], &[0; 256], &[0x00], b"av01", &[1]].concat();
        assert_eq!(classify(&wide), FrameKind::VideoConfig(MAIN));
    }

    #[test]
    fn composition_time_is_signed_and_stands_behind_the_header_of_its_track() {
        assert_eq!(composition_millis(&[0x27, 1, 0, 0, 40, 9]), Some(40));
        assert_eq!(composition_millis(&[0x27, 1, 0xFF, 0xFF, 0xD8, 9]), Some(-40));
        assert_eq!(composition_millis(b"\x91hvc1\x00\x00\x42"), Some(0x42));
        assert_eq!(composition_millis(b"\x93hvc1\x01"), Some(0), "the short form has none to say");
        assert_eq!(composition_millis(b"\x96\x01avc1\x01\x00\x01\x02"), Some(0x0102), "one track");
        assert_eq!(
            composition_millis(b"\x96\x11avc1\x01\x00\x00\x09\x00\x01\x02"),
            Some(0x0102),
            "the first of several"
        );
    }

    #[test]
    fn what_has_no_composition_time_says_none() {
        for payload in [
            &b""[..],
            &[0x17],
            &[0x17, 0, 0, 0, 0, 1],
            &[0x12, 0, 0],
            &[0x27, 1, 0, 0],
            b"\x91av01\x00\x00\x42",
        ] {
            assert_eq!(composition_millis(payload), None, "{payload:?}");
        }
    }

    #[test]
    fn what_cannot_be_understood_needs_what_came_before() {
        for payload in [&b""[..], b"\x96", b"\x96\x00hv", b"\x97", b"\x97\xFF", b"\x9Fhvc1"] {
            assert_eq!(classify(payload), FrameKind::Interframe);
        }
    }
}
