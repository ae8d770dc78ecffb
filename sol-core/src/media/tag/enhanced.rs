//! Enhanced tags: codecs by FourCC, several tracks in a message, and modifiers (Enhanced RTMP v2, "Enhanced Video", "Enhanced
//! Audio", "ModEx", "Multitrack").
//!
//! Invariant: a tag has one track at least.

use smallvec::SmallVec;

use crate::limits;
use crate::media::{FourCc, FrameKind, TrackId, TrackKind};

use super::{Codec, FrameType, Tag, TagError, composition_bytes, composition_of, picture, take};

/// A tag of Enhanced RTMP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnhancedTag<'a> {
    /// Of video, what kind of picture it is; of metadata it means nothing.
    pub frame_type: Option<FrameType>,
    /// Modifiers, in order.
    pub mod_ex: SmallVec<[ModEx<'a>; 1]>,
    /// What each track's body is.
    pub packet: PacketType,
    /// How the tracks stand in it.
    pub wrapping: Wrapping,
    /// One, or as many as there are.
    pub tracks: SmallVec<[Track<'a>; 1]>,
}

/// What the bodies of an enhanced tag are. Numbers differ between audio and video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketType {
    /// A decoder configuration.
    SequenceStart,
    /// A picture or a piece of audio.
    CodedFrames,
    /// Nothing more comes of the track.
    SequenceEnd,
    /// A picture that is shown at the time of its message.
    CodedFramesX,
    /// Video that is no picture but holds for what follows, in AMF: a name and a value.
    Metadata,
    /// A decoder configuration as MPEG-2 TS has it: a descriptor.
    Mpeg2TsSequenceStart,
    /// Which channels an audio track has.
    MultichannelConfig,
    /// A number that no specification assigns.
    Reserved(u8),
}

/// How tracks stand in an enhanced tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// One track, the default one, which needs no id.
    Plain,
    /// One track with its id.
    OneTrack,
    /// Several tracks of one codec.
    ManyTracks,
    /// Several tracks of several codecs.
    ManyTracksManyCodecs,
}

/// What an enhanced tag says of one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Track<'a> {
    /// Which track it is.
    pub id: TrackId,
    /// Its codec's FourCC.
    pub four_cc: FourCc,
    /// How much later than its message the picture is to be shown, in milliseconds, where the tag says.
    pub composition: Option<i32>,
    /// What stands behind all that.
    pub body: &'a [u8],
}

impl Track<'_> {
    /// Its codec.
    pub fn codec(&self) -> Codec {
        Codec::of_four_cc(self.four_cc)
    }
}

/// A modifier of a message. What is not understood is passed over by its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModEx<'a> {
    /// What it modifies: 0 is the offset in nanoseconds, nothing else is assigned. At most 15.
    pub kind: u8,
    /// 1 to 65,536 bytes.
    pub data: &'a [u8],
}

impl<'a> EnhancedTag<'a> {
    /// The sound format that announces one.
    pub(super) const SOUND_FORMAT: u8 = 9;
    /// The bit of a video message's first byte that announces one.
    pub(super) const VIDEO_FLAG: u8 = 0x80;

    /// Reads an audio message of [`EnhancedTag::SOUND_FORMAT`].
    pub(super) fn of_audio(payload: &'a [u8]) -> Result<Tag<'a>, TagError> {
        let mut rest = payload;
        let &[first] = take(&mut rest)?;
        let (mod_ex, number) = take_mod_ex(&mut rest, first & 0x0F)?;
        Self::of_tracks(TrackKind::Audio, None, mod_ex, number, rest).map(Tag::Enhanced)
    }

    /// Reads a video message with [`EnhancedTag::VIDEO_FLAG`].
    pub(super) fn of_video(payload: &'a [u8]) -> Result<Tag<'a>, TagError> {
        let mut rest = payload;
        let &[first] = take(&mut rest)?;
        let frame_type = FrameType::of(first >> 4 & 0x07);
        let (mod_ex, number) = take_mod_ex(&mut rest, first & 0x0F)?;
        if frame_type == FrameType::Command
            && PacketType::of(TrackKind::Video, number) != PacketType::Metadata
        {
            let &[command] = take(&mut rest)?;
            return Ok(Tag::Command(command));
        }
        Self::of_tracks(TrackKind::Video, Some(frame_type), mod_ex, number, rest).map(Tag::Enhanced)
    }

    fn of_tracks(
        kind: TrackKind,
        frame_type: Option<FrameType>,
        mod_ex: SmallVec<[ModEx<'a>; 1]>,
        number: u8,
        mut rest: &'a [u8],
    ) -> Result<Self, TagError> {
        let mut tracks = SmallVec::new();
        if number != multitrack(kind) {
            let packet = PacketType::of(kind, number);
            let four_cc = FourCc::new(*take(&mut rest)?);
            tracks.push(Track::read(kind, TrackId::DEFAULT, four_cc, packet, rest)?);
            return Ok(Self { frame_type, mod_ex, packet, wrapping: Wrapping::Plain, tracks });
        }
        let &[shape] = take(&mut rest)?;
        let (wrapping, number) = (Wrapping::of(shape >> 4)?, shape & 0x0F);
        if number == multitrack(kind) {
            return Err(TagError::NestedMultitrack);
        } else if number == MOD_EX {
            return Err(TagError::ModExInMultitrack);
        }
        let packet = PacketType::of(kind, number);
        let common = match wrapping {
            Wrapping::Plain | Wrapping::OneTrack | Wrapping::ManyTracks => {
                Some(FourCc::new(*take(&mut rest)?))
            }
            Wrapping::ManyTracksManyCodecs => None,
        };
        if wrapping == Wrapping::OneTrack {
            let &[id] = take(&mut rest)?;
            let four_cc = common.expect("its FourCC was read");
            tracks.push(Track::read(kind, TrackId(id), four_cc, packet, rest)?);
            return Ok(Self { frame_type, mod_ex, packet, wrapping, tracks });
        }
        while !rest.is_empty() {
            if tracks.len() == limits::TAG_TRACKS {
                return Err(TagError::TooManyTracks);
            }
            let four_cc = match common {
                Some(four_cc) => four_cc,
                None => FourCc::new(*take(&mut rest)?),
            };
            let &[id, a, b, c] = take(&mut rest)?;
            let declared = u32::from_be_bytes([0, a, b, c]);
            let too_long = TagError::TrackTooLong { declared, left: rest.len() };
            let (body, behind) = rest.split_at_checked(declared as usize).ok_or(too_long)?;
            rest = behind;
            tracks.push(Track::read(kind, TrackId(id), four_cc, packet, body)?);
        }
        if tracks.is_empty() {
            return Err(TagError::NoTracks);
        }
        Ok(Self { frame_type, mod_ex, packet, wrapping, tracks })
    }

    /// Nanoseconds that belong to the presentation time of this message alone: 0 to 999,999. Of several the last counts.
    pub fn nanos(&self) -> Option<u32> {
        let offset = self.mod_ex.iter().rfind(|mod_ex| mod_ex.kind == ModEx::NANOSECOND_OFFSET)?;
        let &[a, b, c] = offset.data.first_chunk()?;
        Some(u32::from_be_bytes([0, a, b, c])).filter(|&nanos| nanos <= ModEx::NANOS_MAX)
    }

    /// Whether it holds pictures or audio proper.
    pub fn is_coded(&self) -> bool {
        matches!(self.packet, PacketType::CodedFrames | PacketType::CodedFramesX)
    }

    /// What the message says of a track.
    pub fn track(&self, id: TrackId) -> Option<&Track<'a>> {
        self.tracks.iter().find(|track| track.id == id)
    }

    /// The track that the message counts for where one has to be named: the default one, or else the first.
    ///
    /// # Panics
    /// If it has no tracks, as none has that was read.
    pub fn main_track(&self) -> &Track<'a> {
        self.track(TrackId::DEFAULT).unwrap_or(&self.tracks[0])
    }

    /// Each of its tracks by itself.
    pub(super) fn parts(&self) -> impl Iterator<Item = Self> {
        self.tracks.iter().map(|track| Self {
            wrapping: if track.id == TrackId::DEFAULT { Wrapping::Plain } else { Wrapping::OneTrack },
            tracks: SmallVec::from_slice(&[*track]),
            ..self.clone()
        })
    }

    pub(super) fn kind(&self) -> FrameKind {
        let Some(frame_type) = self.frame_type else {
            let id = self.main_track().id;
            return match self.packet {
                PacketType::SequenceStart => FrameKind::AudioConfig(id),
                PacketType::MultichannelConfig => FrameKind::AudioLayout(id),
                PacketType::SequenceEnd => FrameKind::AudioEnd,
                PacketType::CodedFrames
                | PacketType::CodedFramesX
                | PacketType::Metadata
                | PacketType::Mpeg2TsSequenceStart
                | PacketType::Reserved(_) => FrameKind::Audio,
            };
        };
        // What configures one of its tracks does so whatever it says of the others.
        let kinds = || self.tracks.iter().map(|track| self.kind_of(frame_type, track));
        let main = self.kind_of(frame_type, self.main_track());
        if main.is_preamble() || self.is_coded() {
            main
        } else {
            kinds().find(|kind| kind.is_preamble()).unwrap_or(main)
        }
    }

    /// What it is with just this track of video.
    fn kind_of(&self, frame_type: FrameType, track: &Track<'_>) -> FrameKind {
        let &Track { id, body, .. } = track;
        match self.packet {
            // FFmpeg has nothing to say of AV1; of these codecs an empty record would make players forget one that was not.
            PacketType::SequenceStart if !body.is_empty() || !track.codec().has_composition_time() => {
                FrameKind::VideoConfig(id)
            }
            // Defined for this codec alone. Of another it would stand in front of players in place of the configuration.
            PacketType::Mpeg2TsSequenceStart if track.codec() == Codec::Av1 && !body.is_empty() => {
                FrameKind::VideoConfig(id)
            }
            PacketType::CodedFrames | PacketType::CodedFramesX => picture(frame_type, id),
            PacketType::SequenceEnd => FrameKind::VideoEnd,
            PacketType::Metadata if has_color_info(body) => FrameKind::VideoMetadata(id),
            PacketType::SequenceStart
            | PacketType::Mpeg2TsSequenceStart
            | PacketType::Metadata
            | PacketType::MultichannelConfig
            | PacketType::Reserved(_) => FrameKind::Interframe,
        }
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        let kind = if self.frame_type.is_some() { TrackKind::Video } else { TrackKind::Audio };
        let first = match self.frame_type {
            Some(frame_type) => Self::VIDEO_FLAG | frame_type.number() << 4,
            None => Self::SOUND_FORMAT << 4,
        };
        let real = self.packet.number();
        let number = if self.wrapping == Wrapping::Plain { real } else { multitrack(kind) };
        into.push(first | if self.mod_ex.is_empty() { number } else { MOD_EX });
        for (index, mod_ex) in self.mod_ex.iter().enumerate() {
            let next = if index + 1 < self.mod_ex.len() { MOD_EX } else { number };
            mod_ex.write(next, into);
        }
        if let Some(wrapping) = self.wrapping.number() {
            into.push(wrapping << 4 | real);
        }
        if self.wrapping != Wrapping::ManyTracksManyCodecs {
            into.extend_from_slice(&self.main_track().four_cc.get());
        }
        for track in &self.tracks {
            track.write(self.wrapping, into);
        }
    }
}

impl<'a> Track<'a> {
    fn read(
        kind: TrackKind,
        id: TrackId,
        four_cc: FourCc,
        packet: PacketType,
        mut body: &'a [u8],
    ) -> Result<Self, TagError> {
        let has_composition_time = kind == TrackKind::Video
            && packet == PacketType::CodedFrames
            && Codec::of_four_cc(four_cc).has_composition_time();
        let composition = match has_composition_time {
            true => Some(composition_of(*take(&mut body)?)),
            false => None,
        };
        Ok(Self { id, four_cc, composition, body })
    }

    fn write(&self, wrapping: Wrapping, into: &mut Vec<u8>) {
        let composition = self.composition.map(composition_bytes);
        let composition = composition.as_ref().map_or(&[][..], |bytes| bytes);
        if wrapping == Wrapping::ManyTracksManyCodecs {
            into.extend_from_slice(&self.four_cc.get());
        }
        if wrapping != Wrapping::Plain {
            into.push(self.id.0);
        }
        if matches!(wrapping, Wrapping::ManyTracks | Wrapping::ManyTracksManyCodecs) {
            let length = (composition.len() + self.body.len()) as u32;
            into.extend_from_slice(&length.to_be_bytes()[1..]);
        }
        into.extend_from_slice(composition);
        into.extend_from_slice(self.body);
    }
}

impl ModEx<'_> {
    /// Three bytes of nanoseconds; more may follow.
    pub const NANOSECOND_OFFSET: u8 = 0;
    const NANOS_MAX: u32 = 999_999;

    fn write(&self, next: u8, into: &mut Vec<u8>) {
        let size = self.data.len().wrapping_sub(1);
        match u8::try_from(size) {
            Ok(size) if size < WIDE_SIZE => into.push(size),
            _ => {
                into.push(WIDE_SIZE);
                into.extend_from_slice(&(size as u16).to_be_bytes());
            }
        }
        into.extend_from_slice(self.data);
        into.push(self.kind << 4 | next);
    }
}

impl PacketType {
    const fn of(kind: TrackKind, number: u8) -> Self {
        match (number, kind) {
            (0, _) => PacketType::SequenceStart,
            (1, _) => PacketType::CodedFrames,
            (2, _) => PacketType::SequenceEnd,
            (3, TrackKind::Video) => PacketType::CodedFramesX,
            (4, TrackKind::Video) => PacketType::Metadata,
            (4, TrackKind::Audio) => PacketType::MultichannelConfig,
            (5, TrackKind::Video) => PacketType::Mpeg2TsSequenceStart,
            (number, _) => PacketType::Reserved(number),
        }
    }

    const fn number(self) -> u8 {
        match self {
            PacketType::SequenceStart => 0,
            PacketType::CodedFrames => 1,
            PacketType::SequenceEnd => 2,
            PacketType::CodedFramesX => 3,
            PacketType::Metadata | PacketType::MultichannelConfig => 4,
            PacketType::Mpeg2TsSequenceStart => 5,
            PacketType::Reserved(number) => number,
        }
    }
}

impl Wrapping {
    const fn of(number: u8) -> Result<Self, TagError> {
        match number {
            0 => Ok(Wrapping::OneTrack),
            1 => Ok(Wrapping::ManyTracks),
            2 => Ok(Wrapping::ManyTracksManyCodecs),
            number => Err(TagError::UnknownWrapping(number)),
        }
    }

    const fn number(self) -> Option<u8> {
        match self {
            Wrapping::Plain => None,
            Wrapping::OneTrack => Some(0),
            Wrapping::ManyTracks => Some(1),
            Wrapping::ManyTracksManyCodecs => Some(2),
        }
    }
}

/// Reads the modifiers in front of a packet of type `number`, and the type of the packet behind them.
fn take_mod_ex<'a>(rest: &mut &'a [u8], mut number: u8) -> Result<(SmallVec<[ModEx<'a>; 1]>, u8), TagError> {
    let mut all = SmallVec::new();
    while number == MOD_EX {
        let size = match *take(rest)? {
            [WIDE_SIZE] => usize::from(u16::from_be_bytes(*take(rest)?)) + 1,
            [size] => usize::from(size) + 1,
        };
        let (data, behind) = rest.split_at_checked(size).ok_or(TagError::EndsInHeader)?;
        *rest = behind;
        let &[kind_and_next] = take(rest)?;
        if all.len() == limits::TAG_MODIFIERS {
            return Err(TagError::TooManyModifiers);
        }
        all.push(ModEx { kind: kind_and_next >> 4, data });
        number = kind_and_next & 0x0F;
    }
    Ok((all, number))
}

/// Whether metadata tells of colours, and so of all pictures that follow. No other name is assigned.
fn has_color_info(metadata: &[u8]) -> bool {
    const NAME: &[u8] = b"\x02\x00\x09colorInfo";
    metadata.windows(NAME.len()).any(|window| window == NAME)
}

/// The packet type behind which tracks stand.
const fn multitrack(kind: TrackKind) -> u8 {
    match kind {
        TrackKind::Video => 6,
        TrackKind::Audio => 5,
    }
}

const MOD_EX: u8 = 7;
/// A size of modifiers that stands for one of two bytes behind it.
const WIDE_SIZE: u8 = 0xFF;
