//! Packet: a video payload as far as its normal form depends on it.

use smallvec::smallvec;

use super::super::{
    Codec, EnhancedTag, FourCc, FrameType, LegacyPacket, LegacyTag, PacketType, Tag, Track, TrackId, Wrapping,
};

/// A picture or configuration of one track, or the end of one.
///
/// Left out is what stays as it is in any case: commands, metadata, codecs without units that have a FourCC, and payloads of several
/// tracks, which no encoder sends that has anything to be put right.
#[derive(Clone, Debug)]
pub(super) struct Packet<'a> {
    pub(super) kind: PacketKind,
    pub(super) codec: Codec,
    pub(super) track: TrackId,
    header: Header<'a>,
    /// What a decoder gets.
    pub(super) body: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketKind {
    Configuration,
    Coded,
    End,
}

#[derive(Clone, Debug)]
enum Header<'a> {
    /// AVC.
    Legacy(LegacyTag<'a>),
    /// The same, with an id that no specification assigns.
    Unofficial(EnhancedTag<'a>),
    Enhanced(EnhancedTag<'a>),
}

impl<'a> Packet<'a> {
    pub(super) fn of(tag: &Tag<'a>) -> Option<Self> {
        match tag {
            Tag::Legacy(tag) => Self::legacy(tag),
            Tag::Enhanced(tag) => Self::enhanced(tag),
            Tag::Silence | Tag::Command(_) => None,
        }
    }

    fn legacy(tag: &LegacyTag<'a>) -> Option<Self> {
        tag.frame_type?;
        let (kind, composition) = match tag.packet {
            LegacyPacket::SequenceStart => (PacketKind::Configuration, 0),
            LegacyPacket::Coded(composition) => (PacketKind::Coded, composition),
            LegacyPacket::SequenceEnd => (PacketKind::End, 0),
            LegacyPacket::Reserved(_) | LegacyPacket::Plain => return None,
        };
        let (codec, body) = (tag.codec, tag.body);
        let header = match tag.codec {
            Codec::Hevc => Header::Unofficial(official(tag, *b"hvc1", kind, Some(composition))),
            Codec::Av1 => Header::Unofficial(official(tag, *b"av01", kind, None)),
            Codec::Vp8 => Header::Unofficial(official(tag, *b"vp08", kind, None)),
            _ => Header::Legacy(tag.clone()),
        };
        Some(Self { kind, codec, track: TrackId::DEFAULT, header, body })
    }

    fn enhanced(tag: &EnhancedTag<'a>) -> Option<Self> {
        let [Track { id, body, .. }] = tag.tracks[..] else { return None };
        let codec = tag.tracks[0].codec();
        if !matches!(codec, Codec::H264 | Codec::Hevc) {
            return None;
        }
        let kind = match tag.packet {
            PacketType::SequenceStart => PacketKind::Configuration,
            PacketType::CodedFrames | PacketType::CodedFramesX => PacketKind::Coded,
            PacketType::SequenceEnd
            | PacketType::Metadata
            | PacketType::Mpeg2TsSequenceStart
            | PacketType::MultichannelConfig
            | PacketType::Reserved(_) => return None,
        };
        Some(Self { kind, codec, track: id, header: Header::Enhanced(tag.clone()), body })
    }

    pub(super) fn is_unofficial(&self) -> bool {
        matches!(self.header, Header::Unofficial(_))
    }

    pub(super) fn is_keyframe(&self) -> bool {
        let frame_type = match &self.header {
            Header::Legacy(tag) => tag.frame_type,
            Header::Unofficial(tag) | Header::Enhanced(tag) => tag.frame_type,
        };
        self.kind == PacketKind::Coded && frame_type.is_some_and(FrameType::is_key)
    }

    /// The same with another body, in normal form.
    pub(super) fn with_body(&self, body: &[u8]) -> Vec<u8> {
        written(match &self.header {
            Header::Legacy(tag) => Tag::Legacy(LegacyTag { body, ..tag.clone() }),
            Header::Unofficial(tag) | Header::Enhanced(tag) => Tag::Enhanced(EnhancedTag {
                frame_type: tag.frame_type,
                mod_ex: tag.mod_ex.iter().copied().collect(),
                packet: tag.packet,
                wrapping: tag.wrapping,
                tracks: smallvec![Track { body, ..tag.tracks[0] }],
            }),
        })
    }

    /// A configuration of the same track.
    pub(super) fn configuration(&self, record: &[u8]) -> Vec<u8> {
        written(match &self.header {
            Header::Legacy(_) => {
                Tag::Legacy(LegacyTag::h264(FrameType::Key, LegacyPacket::SequenceStart, record))
            }
            Header::Unofficial(tag) | Header::Enhanced(tag) => Tag::Enhanced(EnhancedTag {
                frame_type: Some(FrameType::Key),
                mod_ex: smallvec![],
                packet: PacketType::SequenceStart,
                wrapping: tag.wrapping,
                tracks: smallvec![Track { composition: None, body: record, ..tag.tracks[0] }],
            }),
        })
    }
}

/// What a legacy tag says whose codec has a FourCC and no number.
fn official<'a>(
    tag: &LegacyTag<'a>,
    four_cc: [u8; 4],
    kind: PacketKind,
    composition: Option<i32>,
) -> EnhancedTag<'a> {
    let (packet, composition) = match (kind, composition) {
        (PacketKind::Configuration, _) => (PacketType::SequenceStart, None),
        // Of codecs that have a composition time, the form without one.
        (PacketKind::Coded, Some(0)) => (PacketType::CodedFramesX, None),
        (PacketKind::Coded, composition) => (PacketType::CodedFrames, composition),
        (PacketKind::End, _) => (PacketType::SequenceEnd, None),
    };
    let four_cc = FourCc::new(four_cc);
    EnhancedTag {
        frame_type: tag.frame_type,
        mod_ex: smallvec![],
        packet,
        wrapping: Wrapping::Plain,
        tracks: smallvec![Track { id: TrackId::DEFAULT, four_cc, composition, body: tag.body }],
    }
}

fn written(tag: Tag<'_>) -> Vec<u8> {
    let mut payload = Vec::new();
    tag.write(&mut payload);
    payload
}
