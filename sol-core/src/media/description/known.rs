//! Known: what is known of the tracks of a publication, and when there is news of one.
//!
//! A configuration is news once a frame comes that needs it: what is said of its colours has come by then.
//!
//! Invariants: no more than [`limits::DESCRIBED_TRACKS`] tracks are known. Of each there is news no more often than once in
//! [`limits::DESCRIPTION_TIME`], and only where it says something else than before.

use crate::limits;
use crate::time::Instant;

use super::super::{Codec, Content, FrameKind, NormalForm, Normalised, Tag, TrackId, TrackKind};
use super::{ColourInfo, Description};

/// The tracks of a publication.
#[derive(Debug, Default)]
pub(crate) struct KnownTracks {
    tracks: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    kind: TrackKind,
    id: TrackId,
    description: Description,
    colours: ColourInfo,
    /// Something has come that may say something else.
    may_be_news: bool,
    /// Whether a configuration has come, or a keyframe with what belongs into one.
    is_configured: bool,
    told: Option<(Description, Instant)>,
}

impl KnownTracks {
    /// A message comes: what is news of its track.
    pub(crate) fn hear(
        &mut self,
        content: &Content,
        now: Instant,
    ) -> Option<(TrackKind, TrackId, Description)> {
        let kind = FrameKind::of(content);
        if !kind.is_coded() {
            self.learn(content);
            return None;
        }
        let (id, codec) = Codec::of(content)?;
        let known = self.known(track_kind(kind), id, codec)?;
        if !known.is_configured {
            known.learn_from_a_frame(kind, content);
        }
        known.news(now)
    }

    /// Takes what a configuration says.
    pub(crate) fn learn(&mut self, content: &Content) {
        let kind = FrameKind::of(content);
        match kind {
            FrameKind::AudioConfig(_) | FrameKind::VideoConfig(_) => {
                let Some((id, codec)) = Codec::of(content) else { return };
                let Some(known) = self.known(track_kind(kind), id, codec) else { return };
                known.configure(content);
            }
            FrameKind::VideoMetadata(_) => {
                let Some((info, (id, codec))) = colours(content).zip(Codec::of(content)) else { return };
                let Some(known) = self.known(TrackKind::Video, id, codec) else { return };
                known.colours = info;
                known.may_be_news = true;
            }
            FrameKind::AudioLayout(_)
            | FrameKind::Audio
            | FrameKind::AudioEnd
            | FrameKind::Keyframe(_)
            | FrameKind::Interframe
            | FrameKind::VideoEnd
            | FrameKind::Metadata
            | FrameKind::Data => {}
        }
    }

    /// What is known of a track.
    pub(crate) fn of(&self, kind: TrackKind, id: TrackId) -> Option<Description> {
        let known = self.tracks.iter().find(|known| (known.kind, known.id) == (kind, id))?;
        Some(known.description.clone().with(&known.colours))
    }

    /// The track; `None` where there are too many. Another codec makes it another one.
    fn known(&mut self, kind: TrackKind, id: TrackId, codec: Codec) -> Option<&mut Known> {
        let index = match self.tracks.iter().position(|known| (known.kind, known.id) == (kind, id)) {
            Some(index) => index,
            None if self.tracks.len() < limits::DESCRIBED_TRACKS => {
                self.tracks.push(Known::new(kind, id, codec));
                self.tracks.len() - 1
            }
            None => return None,
        };
        let known = &mut self.tracks[index];
        if known.description.codec != codec {
            *known = Known { told: known.told.take(), ..Known::new(kind, id, codec) };
        }
        Some(known)
    }
}

impl Known {
    fn new(kind: TrackKind, id: TrackId, codec: Codec) -> Self {
        Self {
            kind,
            id,
            description: Description::of_codec(codec),
            colours: ColourInfo::default(),
            may_be_news: true,
            is_configured: false,
            told: None,
        }
    }

    /// A configuration comes.
    fn configure(&mut self, content: &Content) {
        let normal = in_normal_form(content);
        let Some(record) = normal.as_ref().unwrap_or(content).configuration() else { return };
        self.description = Description::of(self.description.codec, record);
        self.is_configured = !record.is_empty();
        self.may_be_news = true;
    }

    /// A frame comes of a track without a configuration.
    fn learn_from_a_frame(&mut self, kind: FrameKind, content: &Content) {
        let has_sets = matches!(self.description.codec, Codec::H264 | Codec::Hevc);
        match kind {
            FrameKind::Keyframe(_) if has_sets => {
                if let Some(configuration) = in_normal_form(content) {
                    self.configure(&configuration);
                }
            }
            FrameKind::Audio => {
                if let Some(description) = Description::of_plain_audio(content.payload()) {
                    self.description = description;
                    self.is_configured = true;
                }
            }
            _ => {}
        }
    }

    /// What is to be told of it with a frame.
    #[inline]
    fn news(&mut self, now: Instant) -> Option<(TrackKind, TrackId, Description)> {
        if !self.may_be_news {
            return None;
        }
        let is_early = |at: &Instant| now.saturating_since(*at) < limits::DESCRIPTION_TIME;
        if self.told.as_ref().is_some_and(|(_, at)| is_early(at)) {
            return None;
        }
        self.may_be_news = false;
        let description = self.description.clone().with(&self.colours);
        if self.told.as_ref().is_some_and(|(told, _)| *told == description) {
            return None;
        }
        self.told = Some((description.clone(), now));
        Some((self.kind, self.id, description))
    }
}

/// The configuration that players get of a payload that is odd; `None` where that is the payload itself, or there is none.
fn in_normal_form(content: &Content) -> Option<Content> {
    let Content::Video(payload) = content else { return None };
    match NormalForm::default().apply(payload) {
        Normalised::Instead(payloads, _) => {
            let first = Content::Video(payloads.into_iter().next()?);
            matches!(FrameKind::of(&first), FrameKind::VideoConfig(_)).then_some(first)
        }
        Normalised::AsItIs => None,
    }
}

/// What a metadata packet says.
fn colours(content: &Content) -> Option<ColourInfo> {
    match Tag::of(content)?.ok()? {
        Tag::Enhanced(tag) => ColourInfo::of(tag.main_track().body),
        Tag::Silence | Tag::Command(_) | Tag::Legacy(_) => None,
    }
}

fn track_kind(kind: FrameKind) -> TrackKind {
    if kind.is_video() { TrackKind::Video } else { TrackKind::Audio }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::super::Hdr;
    use super::*;
    use crate::amf::{Properties, Value, amf0};

    const LATER: Duration = limits::DESCRIPTION_TIME;
    const H264_KEYFRAME: &[u8] = &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88];
    /// Main, level 3, without parameter sets.
    const H264: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x4D, 0x40, 0x1E, 0xFF, 0xE0, 0];
    const H264_HIGH: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1F, 0xFF, 0xE0, 0];

    #[derive(Default)]
    struct Ear {
        tracks: KnownTracks,
        now: Instant,
    }

    impl Ear {
        fn video(&mut self, payload: &[u8]) -> Option<String> {
            self.hear(&Content::Video(Bytes::copy_from_slice(payload)))
        }

        fn audio(&mut self, payload: &[u8]) -> Option<String> {
            self.hear(&Content::Audio(Bytes::copy_from_slice(payload)))
        }

        fn hear(&mut self, content: &Content) -> Option<String> {
            let (kind, TrackId(id), description) = self.tracks.hear(content, self.now)?;
            let name = description.codec_string.clone().unwrap_or_else(|| description.codec.to_string());
            Some(format!("{kind:?} {id}: {name} {description}"))
        }
    }

    #[test]
    fn a_configuration_is_news_once_a_frame_needs_it() {
        let mut ear = Ear::default();
        assert_eq!(ear.video(H264), None);
        assert_eq!(ear.audio(&[0xAF, 0, 0x12, 0x10]), None);
        let main = Some("Video 0: avc1.4D401E Main, level 3.0".to_owned());
        assert_eq!(ear.video(H264_KEYFRAME), main);
        assert_eq!(ear.audio(&[0xAF, 1, 7]).as_deref(), Some("Audio 0: mp4a.40.2 LC, 44100 Hz, stereo"));
        assert_eq!([ear.video(H264_KEYFRAME), ear.audio(&[0xAF, 1, 7])], [None, None], "it is known");
        assert_eq!([ear.video(H264), ear.video(H264_KEYFRAME)], [None, None], "it says the same");
    }

    #[test]
    fn news_of_a_track_come_once_in_a_while_and_the_newest_is_told() {
        let mut ear = Ear::default();
        let send = |ear: &mut Ear, configuration: &[u8]| {
            ear.video(configuration);
            ear.video(H264_KEYFRAME)
        };
        assert!(send(&mut ear, H264).is_some());
        assert_eq!(
            [send(&mut ear, H264_HIGH), send(&mut ear, H264), send(&mut ear, H264_HIGH)],
            [None, None, None]
        );
        ear.now = ear.now + LATER;
        let high = Some("Video 0: avc1.64001F High, level 3.1".to_owned());
        assert_eq!([ear.video(H264_KEYFRAME), ear.video(H264_KEYFRAME)], [high, None]);
        assert_eq!([send(&mut ear, H264), send(&mut ear, H264_HIGH)], [None, None]);
        ear.now = ear.now + LATER;
        assert_eq!(ear.video(H264_KEYFRAME), None, "it was that before");
    }

    #[test]
    fn colours_that_are_said_beside_a_configuration_are_told_with_it() {
        let config = Properties::new().with("transferCharacteristics", 16.0);
        let info = Properties::new().with("colorConfig", Value::Object(config));
        let metadata =
            |value| [&b"\xD4av01"[..], &amf0::write_all(&[Value::from("colorInfo"), value])].concat();
        let mut ear = Ear::default();
        ear.video(b"\x90av01\x81\x00\x0C\x00");
        ear.video(&metadata(Value::Object(info)));
        let told = ear.video(b"\x91av01\x12\x00");
        assert_eq!(told.as_deref(), Some("Video 0: av01.0.00M.08 Main, level 2.0, HDR10"));
        assert_eq!(ear.tracks.of(TrackKind::Video, TrackId(0)).and_then(|known| known.hdr()), Some(Hdr::Pq));
        ear.now = ear.now + LATER;
        ear.video(&metadata(Value::Undefined));
        let told = ear.video(b"\xA1av01\x12\x00");
        assert_eq!(told.as_deref(), Some("Video 0: av01.0.00M.08 Main, level 2.0"), "it is taken back");
    }

    #[test]
    fn what_has_no_configuration_is_told_with_its_first_frame() {
        let mut ear = Ear::default();
        assert_eq!(ear.audio(&[0x2F, 1]).as_deref(), Some("Audio 0: mp3 44100 Hz, stereo"));
        assert_eq!(ear.video(&[0x12, 0]).as_deref(), Some("Video 0: Sorenson H.263 "));
        let track_1 = [&b"\x95\x01"[..], b"ac-3\x01\x0B"].concat();
        assert_eq!(ear.audio(&track_1).as_deref(), Some("Audio 1: ac-3 "));
        assert_eq!(ear.audio(&[0x2F, 1]), None);
        ear.now = ear.now + LATER;
        assert_eq!(
            ear.audio(&[0x7F, 1]).as_deref(),
            Some("Audio 0: G.711 A-law 8000 Hz, stereo"),
            "another codec"
        );
    }

    #[test]
    fn a_configuration_out_of_a_keyframe_is_told_too() {
        let sets = b"\x67\x64\x00\x0D\xAC\xD9\x41\x41\x9F\x9F\x01\x10\x00\x00\x3E\x90\x00\x0E\xA6\x00\xF1\x42\x99\x60\
                     \0\0\0\x01\x68\xEB\xE3\xCB\x22\xC0";
        let keyframe = [&[0x17, 1, 0, 0, 0, 0, 0, 0, 1][..], sets, &[0, 0, 0, 1, 0x65, 0x88]].concat();
        let mut ear = Ear::default();
        let told = ear.video(&keyframe);
        assert_eq!(told.as_deref(), Some("Video 0: avc1.64000D High, level 1.3, 320x180, 29.97 fps"));
    }

    #[test]
    fn no_more_tracks_are_known_than_there_may_be() {
        let mut ear = Ear::default();
        let told = (0..=255).filter_map(|id| ear.audio(&[&b"\x95\x01ac-3"[..], &[id]].concat()));
        assert_eq!(told.count(), limits::DESCRIBED_TRACKS);
    }
}
