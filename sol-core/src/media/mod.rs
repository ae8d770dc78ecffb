//! Media as it comes from a publisher, and what the first bytes of a payload say about it.
//!
//! The one classifier of frames: [`FrameKind::of`] decides for each message whether it configures a decoder, can
//! begin playback, or needs what came before, by what its header says ([`Tag`]: legacy FLV, and Enhanced RTMP v2 whole). What a
//! configuration says beyond that is a [`Description`], and in which shape a player gets a message its [`Form`].

mod channels;
mod codec;
mod codec_set;
pub mod description;
mod form;
mod four_cc;
#[cfg(test)]
mod hex;
mod metadata;
mod normal_form;
mod parameter_sets;
mod tag;
mod units;

pub use channels::{ChannelsError, MultichannelConfig, Speaker, SpeakerMask, Speakers};
pub use codec::Codec;
pub use codec_set::CodecSet;
pub use description::Description;
pub use form::{Form, FormError, Unfit};
pub(crate) use form::{Reformed, Reformer};
pub use four_cc::FourCc;
pub(crate) use normal_form::{NormalForm, Normalised, Oddity};
pub(crate) use parameter_sets::ParameterSets;
pub use tag::{
    EnhancedTag, FrameType, LegacyPacket, LegacyTag, ModEx, PacketType, Tag, TagError, Track, Wrapping,
};

use bytes::Bytes;

use crate::ids::MessageType;
use crate::message::Data;
use crate::timestamp::Timestamp;

/// One audio, video or data message of a publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// The publisher's time.
    pub timestamp: Timestamp,
    /// What it is.
    pub content: Content,
}

/// The payload of a media message. Audio and video are FLV tag bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Type 8.
    Audio(Bytes),
    /// Type 9.
    Video(Bytes),
    /// Types 15 and 18.
    Data(Data),
}

impl Content {
    /// The message of an FLV tag; `None` for a tag of another type, and for data without a name.
    pub fn of_tag(kind: MessageType, body: Bytes) -> Option<Content> {
        match kind {
            MessageType::AUDIO => Some(Content::Audio(body)),
            MessageType::VIDEO => Some(Content::Video(body)),
            MessageType::DATA => Data::parse(body).map(Content::Data),
            MessageType::AMF3_DATA => {
                // A format byte of zero, then AMF0 in which single values switch to AMF3.
                let has_format_byte = body.first() == Some(&0);
                Data::parse(body.slice(usize::from(has_format_byte)..)).map(Content::Data)
            }
            _ => None,
        }
    }

    /// The type of its message, and of its tag in a file. Data that came with AMF3 goes as type 18: what is AMF3 in it says
    /// so itself.
    pub const fn kind(&self) -> MessageType {
        match self {
            Content::Audio(_) => MessageType::AUDIO,
            Content::Video(_) => MessageType::VIDEO,
            Content::Data(_) => MessageType::DATA,
        }
    }

    /// The same in memory of its own: a payload may be a part of something much longer, and keeps all of that.
    pub(crate) fn detached(&self) -> Content {
        match self {
            Content::Audio(payload) => Content::Audio(Bytes::copy_from_slice(payload)),
            Content::Video(payload) => Content::Video(Bytes::copy_from_slice(payload)),
            Content::Data(data) => Content::Data(data.detached()),
        }
    }

    /// The bytes that a player gets.
    pub fn payload(&self) -> &Bytes {
        match self {
            Content::Audio(payload) | Content::Video(payload) => payload,
            Content::Data(data) => data.payload(),
        }
    }

    /// How much later than its message a picture is to be shown, in milliseconds from −2²³ to 2²³−1: with B-frames, pictures are
    /// not sent in the order in which they are shown. `None` for whatever does not say.
    pub fn composition_millis(&self) -> Option<i32> {
        match self {
            Content::Video(payload) => Tag::of_video(payload).ok()?.composition_millis(),
            Content::Audio(_) | Content::Data(_) => None,
        }
    }

    /// The decoder configuration of a message that configures a track, as its codec has it (AVCDecoderConfigurationRecord,
    /// AudioSpecificConfig and so on), or the layout of its channels: what stands behind the tag's header, of the first track
    /// where there are several. `None` for whatever has neither.
    pub fn configuration(&self) -> Option<&[u8]> {
        Tag::of(self)?.ok()?.configuration()
    }

    /// Whether this asks to forget metadata, and is nothing for players.
    pub fn is_clear(&self) -> bool {
        matches!(self, Content::Data(data) if data.is_clear())
    }
}

/// Video or audio; a player can turn either off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrackKind {
    /// Whatever goes to a video decoder.
    Video,
    /// Whatever goes to an audio decoder.
    Audio,
}

/// One of several tracks of a kind in a stream (Enhanced RTMP v2, multitrack). Zero is the default track, and the
/// only one of a publisher that knows nothing of tracks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u8);

impl TrackId {
    /// The track that every player shows.
    pub const DEFAULT: TrackId = TrackId(0);
}

/// What a frame is to a player that joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameKind {
    /// Codec configuration of an audio track.
    AudioConfig(TrackId),
    /// Which channels an audio track has, beside its configuration (Enhanced RTMP v2, MultichannelConfig).
    AudioLayout(TrackId),
    /// Audio that can be decoded once its configuration is known; also silence.
    Audio,
    /// Nothing more comes of an audio track. Encoders stamp it as they like; OBS with 0.
    AudioEnd,
    /// Codec configuration of a video track.
    VideoConfig(TrackId),
    /// Video that holds for what follows but is no picture: HDR and colour information.
    VideoMetadata(TrackId),
    /// A picture that needs no earlier one.
    Keyframe(TrackId),
    /// Video that needs an earlier picture.
    Interframe,
    /// Nothing more comes of a video track.
    VideoEnd,
    /// The stream's description, `onMetaData`.
    Metadata,
    /// Any other data message.
    Data,
}

impl FrameKind {
    /// Decides by the header of the payload. What breaks a rule there counts as needing what came before.
    pub fn of(content: &Content) -> FrameKind {
        match (content, Tag::of(content).transpose()) {
            (content, Ok(tag)) => Self::read(content, tag.as_ref()),
            (Content::Audio(_), Err(_)) => FrameKind::Audio,
            (Content::Video(_) | Content::Data(_), Err(_)) => FrameKind::Interframe,
        }
    }

    /// The same where the header of audio or video is read already.
    pub(crate) fn read(content: &Content, tag: Option<&Tag<'_>>) -> FrameKind {
        match (tag, content) {
            (Some(tag), _) => tag.kind(),
            (None, Content::Data(data)) if data.is_metadata() => FrameKind::Metadata,
            (None, _) => FrameKind::Data,
        }
    }

    /// Whether it goes to a video decoder.
    pub const fn is_video(self) -> bool {
        match self {
            FrameKind::VideoConfig(_)
            | FrameKind::VideoMetadata(_)
            | FrameKind::Keyframe(_)
            | FrameKind::Interframe
            | FrameKind::VideoEnd => true,
            FrameKind::AudioConfig(_)
            | FrameKind::AudioLayout(_)
            | FrameKind::Audio
            | FrameKind::AudioEnd
            | FrameKind::Metadata
            | FrameKind::Data => false,
        }
    }

    /// Whether it goes to an audio decoder.
    pub const fn is_audio(self) -> bool {
        match self {
            FrameKind::AudioConfig(_)
            | FrameKind::AudioLayout(_)
            | FrameKind::Audio
            | FrameKind::AudioEnd => true,
            FrameKind::VideoConfig(_)
            | FrameKind::VideoMetadata(_)
            | FrameKind::Keyframe(_)
            | FrameKind::Interframe
            | FrameKind::VideoEnd
            | FrameKind::Metadata
            | FrameKind::Data => false,
        }
    }

    /// Whether it is always sent with time 0: with any other, players of FFmpeg's family see a phantom track.
    pub const fn is_timeless(self) -> bool {
        matches!(self, FrameKind::Metadata)
    }

    /// Whether it is one picture of a video track.
    pub const fn is_picture(self) -> bool {
        matches!(self, FrameKind::Keyframe(_) | FrameKind::Interframe)
    }

    /// Whether it is audio or video proper, with a place on the stream's timeline of its own.
    pub const fn is_coded(self) -> bool {
        match self {
            FrameKind::Audio | FrameKind::Keyframe(_) | FrameKind::Interframe => true,
            FrameKind::AudioConfig(_)
            | FrameKind::AudioLayout(_)
            | FrameKind::AudioEnd
            | FrameKind::VideoConfig(_)
            | FrameKind::VideoMetadata(_)
            | FrameKind::VideoEnd
            | FrameKind::Metadata
            | FrameKind::Data => false,
        }
    }

    /// Whether a decoder needs it before anything that comes later, so that it belongs into preambles.
    pub const fn is_preamble(self) -> bool {
        match self {
            FrameKind::AudioConfig(_)
            | FrameKind::AudioLayout(_)
            | FrameKind::VideoConfig(_)
            | FrameKind::VideoMetadata(_)
            | FrameKind::Metadata => true,
            FrameKind::Audio
            | FrameKind::AudioEnd
            | FrameKind::Keyframe(_)
            | FrameKind::Interframe
            | FrameKind::VideoEnd
            | FrameKind::Data => false,
        }
    }
}
