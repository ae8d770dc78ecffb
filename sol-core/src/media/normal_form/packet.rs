//! Packet: a video payload as far as its normal form depends on it.

use super::super::{Codec, TrackId};

/// A picture or configuration of one track, or the end of one.
///
/// Left out is what stays as it is in any case: commands, metadata, codecs without units that have a FourCC, payloads of several
/// tracks, and those behind ModEx, which no encoder sends that has anything to be put right.
#[derive(Clone, Debug)]
pub(super) struct Packet<'a> {
    pub(super) kind: PacketKind,
    pub(super) codec: Codec,
    pub(super) track: TrackId,
    /// Where the payload says which codec it is.
    shape: Shape,
    frame_type: u8,
    /// Up to the body.
    head: &'a [u8],
    /// What a decoder gets.
    pub(super) body: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketKind {
    Configuration,
    Coded,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// AVC (FLV 10.1, E.4.3).
    Legacy,
    /// The same, with an id that no specification assigns.
    Unofficial { four_cc: [u8; 4], composition: [u8; 3] },
    /// Enhanced RTMP.
    Enhanced([u8; 4]),
    /// The same, with the number of its track (Enhanced RTMP v2, "Multitrack").
    OneTrack([u8; 4]),
}

impl<'a> Packet<'a> {
    pub(super) fn parse(payload: &'a [u8]) -> Option<Self> {
        let (&first, rest) = payload.split_first()?;
        let (frame_type, low) = (first >> 4 & 0x07, first & 0x0F);
        if frame_type == COMMAND {
            return None;
        }
        if first & ENHANCED == 0 {
            return Self::legacy(payload, first >> 4, low, *rest.first()?);
        }
        let (shape, packet_type, track, mut head_bytes) = if low == MULTITRACK {
            let &[tracks, a, b, c, d, track] = rest.first_chunk()?;
            if tracks >> 4 != ONE_TRACK {
                return None;
            }
            (Shape::OneTrack([a, b, c, d]), tracks & 0x0F, TrackId(track), 7)
        } else {
            (Shape::Enhanced(*rest.first_chunk()?), low, TrackId::DEFAULT, 5)
        };
        let codec = match &shape {
            Shape::Enhanced(four_cc) | Shape::OneTrack(four_cc) if four_cc == b"avc1" => Codec::H264,
            Shape::Enhanced(four_cc) | Shape::OneTrack(four_cc) if four_cc == b"hvc1" => Codec::Hevc,
            _ => return None,
        };
        let kind = match packet_type {
            SEQUENCE_START => PacketKind::Configuration,
            CODED_FRAMES => {
                head_bytes += COMPOSITION_BYTES;
                PacketKind::Coded
            }
            CODED_FRAMES_X => PacketKind::Coded,
            _ => return None,
        };
        let (head, body) = payload.split_at_checked(head_bytes)?;
        Some(Self { kind, codec, track, shape, frame_type, head, body })
    }

    fn legacy(payload: &'a [u8], frame_type: u8, id: u8, packet_type: u8) -> Option<Self> {
        let (codec, four_cc) = match id {
            7 => (Codec::H264, None),
            12 => (Codec::Hevc, Some(*b"hvc1")),
            13 => (Codec::Av1, Some(*b"av01")),
            14 => (Codec::Vp8, Some(*b"vp08")),
            _ => return None,
        };
        let kind = match packet_type {
            0 => PacketKind::Configuration,
            1 => PacketKind::Coded,
            2 => PacketKind::End,
            _ => return None,
        };
        let (head, body) = match payload.split_at_checked(LEGACY_HEAD_BYTES) {
            Some(split) => split,
            // Some end in front of the composition time, which says nothing there.
            None if kind != PacketKind::Coded => (payload, &payload[payload.len()..]),
            None => return None,
        };
        let composition = head.get(2..5).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or_default();
        let shape = four_cc.map_or(Shape::Legacy, |four_cc| Shape::Unofficial { four_cc, composition });
        Some(Self { kind, codec, track: TrackId::DEFAULT, shape, frame_type, head, body })
    }

    pub(super) fn is_unofficial(&self) -> bool {
        matches!(self.shape, Shape::Unofficial { .. })
    }

    pub(super) fn is_keyframe(&self) -> bool {
        self.kind == PacketKind::Coded && matches!(self.frame_type, KEY | GENERATED_KEY)
    }

    /// The same with another body, in normal form.
    pub(super) fn with_body(&self, body: &[u8]) -> Vec<u8> {
        let Shape::Unofficial { four_cc, composition } = self.shape else {
            return [self.head, body].concat();
        };
        let has_composition = self.codec == Codec::Hevc && composition != [0; 3];
        let packet_type = match self.kind {
            PacketKind::Configuration => SEQUENCE_START,
            PacketKind::Coded if has_composition => CODED_FRAMES,
            // The same without a composition time, of codecs that have one; with those that have none, the only form of old.
            PacketKind::Coded if self.codec == Codec::Hevc => CODED_FRAMES_X,
            PacketKind::Coded => CODED_FRAMES,
            PacketKind::End => SEQUENCE_END,
        };
        let first = ENHANCED | self.frame_type << 4 | packet_type;
        let composition =
            if self.kind == PacketKind::Coded && has_composition { &composition[..] } else { &[] };
        [&[first], &four_cc[..], composition, body].concat()
    }

    /// A configuration of the same track.
    pub(super) fn configuration(&self, record: &[u8]) -> Vec<u8> {
        let first = ENHANCED | KEY << 4;
        match self.shape {
            Shape::Legacy => [&[KEY << 4 | 7, 0, 0, 0, 0], record].concat(),
            Shape::Unofficial { four_cc, .. } | Shape::Enhanced(four_cc) => {
                [&[first | SEQUENCE_START], &four_cc[..], record].concat()
            }
            Shape::OneTrack(four_cc) => {
                let tracks = ONE_TRACK << 4 | SEQUENCE_START;
                [&[first | MULTITRACK, tracks], &four_cc[..], &[self.track.0], record].concat()
            }
        }
    }
}

const ENHANCED: u8 = 0x80;

// Frame types (FLV 10.1, E.4.3.1).
const KEY: u8 = 1;
const GENERATED_KEY: u8 = 4;
const COMMAND: u8 = 5;

// Packet types (Enhanced RTMP v2, "Enhanced Video").
const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const SEQUENCE_END: u8 = 2;
const CODED_FRAMES_X: u8 = 3;
const MULTITRACK: u8 = 6;

const ONE_TRACK: u8 = 0;
const COMPOSITION_BYTES: usize = 3;

/// First byte, packet type and composition time.
const LEGACY_HEAD_BYTES: usize = 5;
