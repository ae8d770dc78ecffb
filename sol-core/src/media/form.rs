//! Form: in which shape a player gets a stream, and how each message of it comes into that shape.
//!
//! A publisher sends what it likes: several tracks in a message, FourCCs, modifiers. Not every player understands all of that. Those
//! that do not say what they understand are given what the operator decides, or what they ask for by name.
//!
//! Invariants: a message keeps its time, its codec and every bit of its media, or is left out. Nothing is made of a message that
//! the form cannot carry: the codec is named instead.

use std::fmt;

use smallvec::smallvec;

use super::{
    Codec, EnhancedTag, FrameKind, FrameType, LegacyPacket, LegacyTag, PacketType, Tag, Track, TrackId,
    TrackKind, Wrapping, metadata,
};

/// In which shape a player gets a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// As it was published: all tracks, with all that Enhanced RTMP knows.
    #[default]
    Full,
    /// One video and one audio track, as a publisher would send them that knows nothing of tracks and modifiers: H.264, AAC and
    /// MP3 in legacy tags, all else by FourCC. For players of Enhanced RTMP's first version, and for whoever wants a certain track.
    OneTrack(TrackId),
    /// The same in legacy tags only. What they cannot carry is refused, and its codec named. For players that were made before
    /// Enhanced RTMP.
    Legacy(TrackId),
}

/// A player cannot have a stream, or what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The form that it asked for, or gets, cannot carry this codec.
    #[error("{codec} cannot be carried in the {form} form of a stream")]
    ForForm {
        /// The form.
        form: Form,
        /// What it cannot carry.
        codec: Codec,
    },
    /// The stream has no such track.
    #[error("the stream has no track {}", .0.0)]
    NoSuchTrack(TrackId),
    /// It has said that it can do nothing with this codec.
    #[error("the stream has {0}, which is not among the codecs that the player names")]
    ForPlayer(Codec),
}

/// A form that a player asks for cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// No form has that name.
    #[error("there is no form \"{0}\"; choose full, one-track or legacy")]
    UnknownForm(String),
    /// A track has a number.
    #[error("\"{0}\" is no track; a track is a number from 0 to 255")]
    NoTrack(String),
}

impl Form {
    /// What the query string of a request asks for, where `default` is what somebody gets who asks for nothing: `form=full`,
    /// `form=one-track` or `form=legacy`, and `track=N`, which is never the full form.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn of_query(query: &str, default: Form) -> Result<Form, FormError> {
        let asked = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back()
        };
        let form = match asked("form") {
            None => default,
            Some("full") => Form::Full,
            Some("one-track") => Form::OneTrack(TrackId::DEFAULT),
            Some("legacy") => Form::Legacy(TrackId::DEFAULT),
            Some(other) => return Err(FormError::UnknownForm(shown(other))),
        };
        let Some(track) = asked("track") else { return Ok(form) };
        let track = TrackId(track.parse().map_err(|_| FormError::NoTrack(shown(track)))?);
        Ok(match form {
            Form::Full | Form::OneTrack(_) => Form::OneTrack(track),
            Form::Legacy(_) => Form::Legacy(track),
        })
    }

    /// Which track it shows where a stream has several; `None` if it shows all.
    pub const fn track(self) -> Option<TrackId> {
        match self {
            Form::Full => None,
            Form::OneTrack(track) | Form::Legacy(track) => Some(track),
        }
    }

    /// The stable name, as it stands in queries, configuration and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Form::Full => "full",
            Form::OneTrack(_) => "one-track",
            Form::Legacy(_) => "legacy",
        }
    }

    fn carries(self, codec: Codec) -> bool {
        match self {
            Form::Full | Form::OneTrack(_) => true,
            Form::Legacy(_) => codec.has_legacy_tag(),
        }
    }
}

/// `legacy`, `one-track 2`.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.track() {
            None | Some(TrackId::DEFAULT) => f.write_str(self.name()),
            Some(TrackId(id)) => write!(f, "{} {id}", self.name()),
        }
    }
}

/// What becomes of a message in a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reformed {
    /// It goes as it is.
    Same,
    /// It goes like this.
    Other(FrameKind, Vec<u8>),
    /// The form has nothing of it.
    Nothing,
    /// The form cannot carry this codec.
    Unfit(Codec),
}

/// Brings the messages of one publication into a form, in their order.
#[derive(Debug)]
pub(crate) struct Reformer {
    form: Form,
    track: TrackId,
    /// Whether the track has been seen, of video and of audio. Until then the default track stands in for it.
    has_video: bool,
    has_audio: bool,
    /// The kind whose track has just been seen, and is shown from here on.
    changed: Option<TrackKind>,
}

impl Reformer {
    pub(crate) fn new(form: Form) -> Self {
        let track = form.track().unwrap_or_default();
        let is_default = track == TrackId::DEFAULT;
        Self { form, track, has_video: is_default, has_audio: is_default, changed: None }
    }

    /// Whether the publication has shown the track, as video or as audio.
    pub(crate) fn has_track(&self) -> bool {
        self.has_video || self.has_audio
    }

    /// Whether another video track than the default one is shown, whose keyframes come when they come.
    pub(crate) fn shows_other_video(&self) -> bool {
        self.has_video && self.track != TrackId::DEFAULT
    }

    /// The kind of which another track is shown from the last message on, if it is.
    pub(crate) fn take_change(&mut self) -> Option<TrackKind> {
        self.changed.take()
    }

    /// Looks whether a message is of the track, and nothing else.
    pub(crate) fn look_for_track(&mut self, kind: FrameKind, payload: &[u8]) {
        let track_kind = if kind.is_video() { TrackKind::Video } else { TrackKind::Audio };
        if let Some(Tag::Enhanced(tag)) = Tag::of_kind(kind, payload) {
            self.see(track_kind, &tag);
        }
    }

    /// What becomes of a frame.
    pub(crate) fn reform(&mut self, kind: FrameKind, payload: &[u8]) -> Reformed {
        if kind == FrameKind::Metadata {
            return match metadata::for_one_track(payload, self.track) {
                Some(payload) => Reformed::Other(kind, payload),
                None => Reformed::Same,
            };
        } else if kind == FrameKind::Data {
            return Reformed::Same;
        }
        let track_kind = if kind.is_video() { TrackKind::Video } else { TrackKind::Audio };
        match Tag::of_kind(kind, payload) {
            Some(Tag::Silence) => Reformed::Same,
            Some(Tag::Legacy(tag)) => self.reform_legacy(track_kind, &tag),
            Some(Tag::Enhanced(tag)) => self.reform_enhanced(track_kind, &tag),
            // Whoever is told to seek sees live pictures as before.
            Some(Tag::Command(_)) | None => Reformed::Nothing,
        }
    }

    fn reform_legacy(&self, kind: TrackKind, tag: &LegacyTag<'_>) -> Reformed {
        if self.shown(kind) != TrackId::DEFAULT {
            Reformed::Nothing
        } else if self.form.carries(tag.codec) {
            Reformed::Same
        } else {
            Reformed::Unfit(tag.codec)
        }
    }

    fn reform_enhanced(&mut self, kind: TrackKind, tag: &EnhancedTag<'_>) -> Reformed {
        self.see(kind, tag);
        let Some(track) = tag.track(self.shown(kind)) else { return Reformed::Nothing };
        let codec = track.codec();
        if !self.form.carries(codec) {
            // Where it stands in for the other track, that one may be about to come.
            let is_about_to_go = track.id != self.track && !tag.is_coded();
            return if is_about_to_go { Reformed::Nothing } else { Reformed::Unfit(codec) };
        }
        let plain = if codec.has_legacy_tag() {
            match legacy(tag, codec, track.composition, track.body) {
                Some(tag) => Tag::Legacy(tag),
                None => return Reformed::Nothing,
            }
        } else if let PacketType::Reserved(_) = tag.packet {
            return Reformed::Nothing;
        } else if tag.wrapping == Wrapping::Plain && tag.mod_ex.is_empty() {
            return Reformed::Same;
        } else {
            let track = Track { id: TrackId::DEFAULT, ..*track };
            Tag::Enhanced(EnhancedTag {
                frame_type: tag.frame_type,
                mod_ex: smallvec![],
                packet: tag.packet,
                wrapping: Wrapping::Plain,
                tracks: smallvec![track],
            })
        };
        let mut payload = Vec::new();
        plain.write(&mut payload);
        Reformed::Other(plain.kind(), payload)
    }

    /// A track is there once something of it can be shown, or is announced.
    fn see(&mut self, kind: TrackKind, tag: &EnhancedTag<'_>) {
        let shows = |track: &Track<'_>| {
            tag.is_coded() || (tag.packet == PacketType::SequenceStart && !track.body.is_empty())
        };
        let has_it = tag.track(self.track).is_some_and(shows);
        let is_seen = match kind {
            TrackKind::Video => &mut self.has_video,
            TrackKind::Audio => &mut self.has_audio,
        };
        if has_it && !std::mem::replace(is_seen, true) {
            self.changed = Some(kind);
        }
    }

    /// The track that is shown at present.
    fn shown(&self, kind: TrackKind) -> TrackId {
        let is_seen = match kind {
            TrackKind::Video => self.has_video,
            TrackKind::Audio => self.has_audio,
        };
        if is_seen { self.track } else { TrackId::DEFAULT }
    }
}

/// What an enhanced message says in a legacy tag of its codec; `None` for what has no place there: colours, channels, and the end of
/// an audio track.
fn legacy<'a>(
    tag: &EnhancedTag<'_>,
    codec: Codec,
    composition: Option<i32>,
    body: &'a [u8],
) -> Option<LegacyTag<'a>> {
    let packet = match tag.packet {
        PacketType::SequenceStart => LegacyPacket::SequenceStart,
        PacketType::CodedFrames | PacketType::CodedFramesX => {
            LegacyPacket::Coded(composition.unwrap_or_default())
        }
        PacketType::SequenceEnd => LegacyPacket::SequenceEnd,
        PacketType::Metadata
        | PacketType::Mpeg2TsSequenceStart
        | PacketType::MultichannelConfig
        | PacketType::Reserved(_) => return None,
    };
    match (codec, packet) {
        (Codec::H264, _) => {
            // A disposable picture is one of H.263 there (FLV 10.1, E.4.3.1), and what begins or ends a sequence is marked as key.
            let is_key = !tag.is_coded() || tag.frame_type.is_some_and(FrameType::is_key);
            let frame_type = if is_key { FrameType::Key } else { FrameType::Inter };
            Some(LegacyTag::h264(frame_type, packet, body))
        }
        (Codec::Aac, LegacyPacket::SequenceStart | LegacyPacket::Coded(_)) => {
            Some(LegacyTag::aac(packet, body))
        }
        (Codec::Mp3, LegacyPacket::Coded(_)) => Some(LegacyTag::mp3(body)),
        (_, _) => None,
    }
}

/// What a peer wrote, as it may be shown: short, and without what forges lines of a log.
fn shown(text: &str) -> String {
    const SHOWN: usize = 32;
    let cut = &text[..text.floor_char_boundary(SHOWN)];
    cut.replace(char::is_control, "\u{FFFD}")
}

#[cfg(test)]
mod tests;
