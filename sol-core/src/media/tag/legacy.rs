//! Legacy tags: the form that FLV has always had (FLV 10.1, E.4.2 and E.4.3).
//!
//! H.264 and AAC have a packet type behind the first byte; so have HEVC, AV1 and VP8 under the numbers 12, 13 and 14, which no
//! specification assigns and some encoders send.

use crate::media::{FrameKind, TrackId};

use super::{Codec, FrameType, Tag, TagError, composition_bytes, composition_of, picture, take};

/// A tag in the form that FLV has always had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyTag<'a> {
    /// The first byte: for video the frame type and the codec, for audio the codec and what the oldest codecs need to know.
    pub first: u8,
    /// The codec that it names.
    pub codec: Codec,
    /// Of video, what kind of picture it is.
    pub frame_type: Option<FrameType>,
    /// What the body is.
    pub packet: LegacyPacket,
    /// What stands behind the header.
    pub body: &'a [u8],
}

/// What the body of a legacy tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyPacket {
    /// A decoder configuration.
    SequenceStart,
    /// A picture to be shown so many milliseconds after its message's time, or audio (with 0).
    Coded(i32),
    /// Nothing more comes of the track.
    SequenceEnd,
    /// A packet type that no specification assigns.
    Reserved(u8),
    /// A codec that has no packet types: whatever it is, it is to be decoded.
    Plain,
}

impl<'a> LegacyTag<'a> {
    /// Reads a video message whose first byte has no enhanced flag.
    pub(super) fn of_video(payload: &'a [u8]) -> Result<Tag<'a>, TagError> {
        let mut rest = payload;
        let &[first] = take(&mut rest)?;
        let frame_type = FrameType::of(first >> 4);
        if frame_type == FrameType::Command {
            let &[command] = take(&mut rest)?;
            return Ok(Tag::Command(command));
        }
        let codec = Codec::of_legacy_video(first & 0x0F);
        let packet = if has_packet_type(codec) {
            let &[number] = take(&mut rest)?;
            // Encoders leave it out where nothing follows; of a picture something does.
            let is_left_out = rest.is_empty() && number != CODED;
            let composition = if is_left_out { [0; 3] } else { *take(&mut rest)? };
            match number {
                SEQUENCE_START => LegacyPacket::SequenceStart,
                CODED => LegacyPacket::Coded(composition_of(composition)),
                SEQUENCE_END => LegacyPacket::SequenceEnd,
                number => LegacyPacket::Reserved(number),
            }
        } else {
            LegacyPacket::Plain
        };
        Ok(Tag::Legacy(Self { first, codec, frame_type: Some(frame_type), packet, body: rest }))
    }

    /// Reads an audio message that is not empty.
    pub(super) fn of_audio(payload: &'a [u8]) -> Result<Self, TagError> {
        let mut rest = payload;
        let &[first] = take(&mut rest)?;
        let codec = Codec::of_legacy_audio(first >> 4);
        let packet = match codec {
            Codec::Aac => match *take(&mut rest)? {
                [SEQUENCE_START] => LegacyPacket::SequenceStart,
                [CODED] => LegacyPacket::Coded(0),
                [number] => LegacyPacket::Reserved(number),
            },
            _ => LegacyPacket::Plain,
        };
        Ok(Self { first, codec, frame_type: None, packet, body: rest })
    }

    /// A video tag of H.264.
    pub(crate) fn h264(frame_type: FrameType, packet: LegacyPacket, body: &'a [u8]) -> Self {
        const H264: u8 = 7;
        let first = frame_type.number() << 4 | H264;
        Self { first, codec: Codec::H264, frame_type: Some(frame_type), packet, body }
    }

    /// An audio tag of AAC.
    pub(crate) fn aac(packet: LegacyPacket, body: &'a [u8]) -> Self {
        // What it says beside the codec is fixed, whatever the sound is.
        Self { first: 0xAF, codec: Codec::Aac, frame_type: None, packet, body }
    }

    /// An audio tag of MP3: a frame that says itself what it is, in its header (ISO/IEC 11172-3, 2.4.2.3).
    pub(crate) fn mp3(body: &'a [u8]) -> Self {
        const MP3: u8 = 2;
        const MP3_8K: u8 = 14;
        const SAMPLES_OF_16_BITS: u8 = 2;
        let header: [u8; 4] = body.first_chunk().copied().unwrap_or_default();
        // MPEG 2.5, 2 and 1: a quarter, half and all of 44,100, 48,000 or 32,000 Hz, of which FLV knows the first.
        let (format, rate) = match (header[1] >> 3 & 3, header[2] >> 2 & 3) {
            (0, 2) => (MP3_8K, 0),
            (0, _) => (MP3, 1),
            (2, _) => (MP3, 2),
            (_, _) => (MP3, 3),
        };
        let is_stereo = u8::from(header[3] >> 6 != 3);
        let first = format << 4 | rate << 2 | SAMPLES_OF_16_BITS | is_stereo;
        Self { first, codec: Codec::Mp3, frame_type: None, packet: LegacyPacket::Plain, body }
    }

    pub(super) fn kind(&self) -> FrameKind {
        match (self.frame_type, self.packet) {
            (None, LegacyPacket::SequenceStart) => FrameKind::AudioConfig(TrackId::DEFAULT),
            (None, _) => FrameKind::Audio,
            // Without a record it is the kind that some encoders send first and then send again with its content.
            (Some(_), LegacyPacket::SequenceStart) if self.body.is_empty() => FrameKind::Interframe,
            (Some(_), LegacyPacket::SequenceStart) => FrameKind::VideoConfig(TrackId::DEFAULT),
            (Some(frame_type), LegacyPacket::Coded(_) | LegacyPacket::Plain) => {
                picture(frame_type, TrackId::DEFAULT)
            }
            (Some(_), LegacyPacket::SequenceEnd) => FrameKind::VideoEnd,
            (Some(_), LegacyPacket::Reserved(_)) => FrameKind::Interframe,
        }
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        into.push(self.first);
        let (number, composition) = match self.packet {
            LegacyPacket::SequenceStart => (SEQUENCE_START, 0),
            LegacyPacket::Coded(composition) => (CODED, composition),
            LegacyPacket::SequenceEnd => (SEQUENCE_END, 0),
            LegacyPacket::Reserved(number) => (number, 0),
            LegacyPacket::Plain => {
                into.extend_from_slice(self.body);
                return;
            }
        };
        into.push(number);
        if self.frame_type.is_some() {
            into.extend_from_slice(&composition_bytes(composition));
        }
        into.extend_from_slice(self.body);
    }
}

/// Whether a byte behind the first one says what a legacy video tag is, and three more when its picture is shown.
const fn has_packet_type(codec: Codec) -> bool {
    matches!(codec, Codec::H264 | Codec::Hevc | Codec::Av1 | Codec::Vp8)
}

const SEQUENCE_START: u8 = 0;
const CODED: u8 = 1;
const SEQUENCE_END: u8 = 2;
