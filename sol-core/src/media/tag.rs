//! Tag: the header of an audio or video message, understood whole, and written again.
//!
//! Legacy FLV tags (FLV 10.1, E.4.2 and E.4.3) and those of Enhanced RTMP v2. What a header says is read here and nowhere else; but
//! `parameter_sets` knows the five bytes in front of H.264 in a legacy tag, the only ones that it puts anything behind.
//!
//! Invariants: reading allocates nothing for a message of one track. What was read and is written reads the same again.

mod enhanced;
mod legacy;

use crate::limits;

use super::{Codec, Content, FrameKind, TrackId};

pub use enhanced::{EnhancedTag, ModEx, PacketType, Track, Wrapping};
pub use legacy::{LegacyPacket, LegacyTag};

/// What kind of picture a video message holds: the upper bits of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// A picture that needs no other.
    Key,
    /// A picture that needs earlier ones.
    Inter,
    /// A picture that no other needs.
    Disposable,
    /// A keyframe that a server made.
    GeneratedKey,
    /// No picture, but a command to a player.
    Command,
    /// A number that no specification assigns: 0, 6 or 7.
    Reserved(u8),
}

impl FrameType {
    const fn of(number: u8) -> Self {
        match number {
            1 => FrameType::Key,
            2 => FrameType::Inter,
            3 => FrameType::Disposable,
            4 => FrameType::GeneratedKey,
            5 => FrameType::Command,
            number => FrameType::Reserved(number),
        }
    }

    const fn number(self) -> u8 {
        match self {
            FrameType::Key => 1,
            FrameType::Inter => 2,
            FrameType::Disposable => 3,
            FrameType::GeneratedKey => 4,
            FrameType::Command => 5,
            FrameType::Reserved(number) => number,
        }
    }

    /// Whether a decoder can begin with such a picture.
    pub const fn is_key(self) -> bool {
        matches!(self, FrameType::Key | FrameType::GeneratedKey)
    }
}

/// An audio or video message, as far as its header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tag<'a> {
    /// An audio message without a byte: play what there is, then nothing (Enhanced RTMP v2, "Enhanced Audio").
    Silence,
    /// A video message that is no picture but tells a player to seek: 0 begins that, 1 ends it.
    Command(u8),
    /// A tag in the form that FLV has always had.
    Legacy(LegacyTag<'a>),
    /// A tag of Enhanced RTMP.
    Enhanced(EnhancedTag<'a>),
}

/// A header that breaks a rule of its format. Nothing can be done with its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// It ends inside its header, or has none.
    #[error("the message ends inside its header")]
    EndsInHeader,
    /// A multitrack packet within another.
    #[error("a multitrack packet within a multitrack packet")]
    NestedMultitrack,
    /// ModEx behind multitrack, where none can be.
    #[error("a ModEx packet within a multitrack packet")]
    ModExInMultitrack,
    /// A number that stands for no wrapping of tracks.
    #[error("multitrack kind {0}, which no specification assigns")]
    UnknownWrapping(u8),
    /// A track is longer than what is left of its message.
    #[error("a track of {declared} bytes in {left} bytes of message")]
    TrackTooLong {
        /// As it says itself.
        declared: u32,
        /// As there are.
        left: usize,
    },
    /// A message of several tracks without any.
    #[error("a multitrack packet without a track")]
    NoTracks,
    /// More tracks than [`limits::TAG_TRACKS`](crate::limits::TAG_TRACKS).
    #[error("more than {} tracks in a message", limits::TAG_TRACKS)]
    TooManyTracks,
    /// More modifiers than [`limits::TAG_MODIFIERS`](crate::limits::TAG_MODIFIERS).
    #[error("more than {} ModEx packets in a message", limits::TAG_MODIFIERS)]
    TooManyModifiers,
}

impl<'a> Tag<'a> {
    /// Reads an audio or a video message; `None` for data.
    pub fn of(content: &'a Content) -> Option<Result<Self, TagError>> {
        match content {
            Content::Audio(payload) => Some(Self::of_audio(payload)),
            Content::Video(payload) => Some(Self::of_video(payload)),
            Content::Data(_) => None,
        }
    }

    /// Reads the payload of what is audio or video by its kind; `None` for data, and for what breaks a rule.
    pub(crate) fn of_kind(kind: FrameKind, payload: &'a [u8]) -> Option<Self> {
        if kind.is_video() {
            Self::of_video(payload).ok()
        } else if kind.is_audio() {
            Self::of_audio(payload).ok()
        } else {
            None
        }
    }

    /// Reads an audio message.
    ///
    /// # Errors
    /// [`TagError`].
    pub fn of_audio(payload: &'a [u8]) -> Result<Self, TagError> {
        match payload.first() {
            None => Ok(Tag::Silence),
            Some(first) if first >> 4 == EnhancedTag::SOUND_FORMAT => EnhancedTag::of_audio(payload),
            Some(_) => LegacyTag::of_audio(payload).map(Tag::Legacy),
        }
    }

    /// Reads a video message.
    ///
    /// # Errors
    /// [`TagError`].
    pub fn of_video(payload: &'a [u8]) -> Result<Self, TagError> {
        match payload.first() {
            None => Err(TagError::EndsInHeader),
            Some(first) if first & EnhancedTag::VIDEO_FLAG != 0 => EnhancedTag::of_video(payload),
            Some(_) => LegacyTag::of_video(payload),
        }
    }

    /// Each track of a message of several as a message of its own, in the order in which they stand in it; `None` of any other
    /// message. Copies each body.
    pub fn parts(&self) -> Option<Vec<(FrameKind, Vec<u8>)>> {
        match self {
            Tag::Enhanced(tag) if tag.tracks.len() > 1 => Some(
                tag.parts()
                    .map(Tag::Enhanced)
                    .map(|part| {
                        let mut payload = Vec::new();
                        part.write(&mut payload);
                        (part.kind(), payload)
                    })
                    .collect(),
            ),
            Tag::Silence | Tag::Command(_) | Tag::Legacy(_) | Tag::Enhanced(_) => None,
        }
    }

    /// Writes the message.
    pub fn write(&self, into: &mut Vec<u8>) {
        match self {
            Tag::Silence => {}
            Tag::Command(command) => {
                into.extend_from_slice(&[FrameType::Command.number() << 4, *command]);
            }
            Tag::Legacy(tag) => tag.write(into),
            Tag::Enhanced(tag) => tag.write(into),
        }
    }
}

impl<'a> Tag<'a> {
    /// What the message is to a player that joins.
    pub fn kind(&self) -> FrameKind {
        match self {
            Tag::Silence => FrameKind::Audio,
            Tag::Command(_) => FrameKind::Interframe,
            Tag::Legacy(tag) => tag.kind(),
            Tag::Enhanced(tag) => tag.kind(),
        }
    }

    /// The track that the message counts for where one has to be named, and its codec; `None` where there is neither.
    pub fn main_track(&self) -> Option<(TrackId, Codec)> {
        match self {
            Tag::Silence | Tag::Command(_) => None,
            Tag::Legacy(tag) => Some((TrackId::DEFAULT, tag.codec)),
            Tag::Enhanced(tag) => Some((tag.main_track().id, tag.main_track().codec())),
        }
    }

    /// Whether it has something of a track.
    pub(crate) fn has_track(&self, track: TrackId) -> bool {
        match self {
            Tag::Silence | Tag::Command(_) => false,
            Tag::Legacy(_) => track == TrackId::DEFAULT,
            Tag::Enhanced(tag) => tag.track(track).is_some(),
        }
    }

    /// Whether it has one track at most, by its very form: its header then ends where the body begins, which goes to the end of the
    /// message.
    pub(crate) fn is_of_one_track(&self) -> bool {
        match self {
            Tag::Silence | Tag::Command(_) | Tag::Legacy(_) => true,
            Tag::Enhanced(tag) => matches!(tag.wrapping, Wrapping::Plain | Wrapping::OneTrack),
        }
    }

    /// How much later than its message a picture is to be shown, in milliseconds; `None` where the message does not say.
    pub fn composition_millis(&self) -> Option<i32> {
        match self {
            Tag::Legacy(LegacyTag {
                packet: LegacyPacket::Coded(composition), frame_type: Some(_), ..
            }) => Some(*composition),
            Tag::Silence | Tag::Command(_) | Tag::Legacy(_) => None,
            Tag::Enhanced(tag) => {
                let track = tag.main_track();
                let is_shown_at_once =
                    tag.packet == PacketType::CodedFramesX && track.codec().has_composition_time();
                track.composition.or(is_shown_at_once.then_some(0))
            }
        }
    }

    /// The decoder configuration of its main track, as its codec has it, or the layout of its channels.
    pub fn configuration(&self) -> Option<&'a [u8]> {
        match self {
            Tag::Legacy(tag) => (tag.packet == LegacyPacket::SequenceStart).then_some(tag.body),
            Tag::Enhanced(tag) => match tag.packet {
                PacketType::SequenceStart | PacketType::MultichannelConfig => Some(tag.main_track().body),
                // A descriptor is another thing.
                PacketType::Mpeg2TsSequenceStart
                | PacketType::CodedFrames
                | PacketType::SequenceEnd
                | PacketType::CodedFramesX
                | PacketType::Metadata
                | PacketType::Reserved(_) => None,
            },
            Tag::Silence | Tag::Command(_) => None,
        }
    }
}

/// What a picture is to a player that joins.
fn picture(frame_type: FrameType, track: TrackId) -> FrameKind {
    if frame_type.is_key() { FrameKind::Keyframe(track) } else { FrameKind::Interframe }
}

/// Reads from the front of a message.
fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], TagError> {
    let (front, behind) = rest.split_first_chunk().ok_or(TagError::EndsInHeader)?;
    *rest = behind;
    Ok(front)
}

/// How much later than its message a picture is shown: a signed number of 24 bits.
fn composition_of([a, b, c]: [u8; 3]) -> i32 {
    i32::from_be_bytes([a, b, c, 0]) >> 8
}

/// The same, written.
fn composition_bytes(millis: i32) -> [u8; 3] {
    let [_, a, b, c] = millis.to_be_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests;
