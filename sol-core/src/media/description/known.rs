//! Known: what is known of the tracks of a publication, and when there is news of one.
//!
//! A configuration is news once a frame comes that needs it: what is said of its colours has come by then.
//!
//! Invariants: no more than [`limits::DESCRIBED_TRACKS`] tracks are known. Of each there is news no more often than once in
//! [`limits::DESCRIPTION_TIME`], and only where it says something else than before.

use bytes::Bytes;

use crate::limits;
use crate::time::Instant;

use super::super::{
    Codec, Content, EnhancedTag, LegacyPacket, LegacyTag, PacketType, Tag, TagError, Track, TrackId,
    TrackKind,
};
use super::{ColourInfo, Description};

/// The tracks of a publication.
#[derive(Debug, Default)]
pub(crate) struct KnownTracks {
    tracks: Vec<Known>,
}

/// What a track is, where that was not known or is something else than before.
pub(crate) type News = (TrackKind, TrackId, Description);

#[derive(Debug)]
struct Known {
    kind: TrackKind,
    id: TrackId,
    description: Description,
    colours: ColourInfo,
    /// Something has come that may say something else.
    may_be_news: bool,
    /// Of sound that says in each message what it is: whether that was read.
    is_read: bool,
    told: Option<(Description, Instant)>,
}

impl KnownTracks {
    /// A message comes: what is news of its tracks. Where players get other video payloads in its place, it is those that count.
    pub(crate) fn hear(&mut self, content: &Content, instead: Option<&[Bytes]>, now: Instant) -> Vec<News> {
        let mut news = Vec::new();
        let mut tell = |known: &mut Known| news.extend(known.news(now));
        match instead {
            None => self.take(Tag::of(content), &mut tell),
            Some(payloads) => {
                payloads.iter().for_each(|payload| self.take(Some(Tag::of_video(payload)), &mut tell));
            }
        }
        news
    }

    /// Takes what a configuration says.
    pub(crate) fn learn(&mut self, content: &Content) {
        self.take(Tag::of(content), &mut |_| {});
    }

    fn take(&mut self, tag: Option<Result<Tag<'_>, TagError>>, on_frame: &mut impl FnMut(&mut Known)) {
        match tag {
            Some(Ok(Tag::Legacy(tag))) => {
                let kind = track_kind(tag.frame_type.is_some());
                if let Some(said) = Said::by_legacy(&tag)
                    && let Some(known) = self.known(kind, TrackId::DEFAULT, tag.codec)
                {
                    known.take(said, on_frame);
                }
            }
            Some(Ok(Tag::Enhanced(tag))) => {
                let kind = track_kind(tag.frame_type.is_some());
                for track in &tag.tracks {
                    if let Some(said) = Said::by_enhanced(&tag, track)
                        && let Some(known) = self.known(kind, track.id, track.codec())
                    {
                        known.take(said, on_frame);
                    }
                }
            }
            Some(Ok(Tag::Silence | Tag::Command(_)) | Err(_)) | None => {}
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
            is_read: false,
            told: None,
        }
    }

    /// Something comes of the track.
    fn take(&mut self, said: Said<'_>, on_frame: &mut impl FnMut(&mut Known)) {
        match said {
            Said::Configuration(record) => {
                self.description = Description::of(self.description.codec, record);
                self.may_be_news = true;
            }
            Said::Colours(info) => {
                self.colours = info;
                self.may_be_news = true;
            }
            Said::Frame => on_frame(self),
            Said::PlainAudio(first) => {
                if !std::mem::replace(&mut self.is_read, true)
                    && let Some(description) = Description::of_plain_audio(&[first])
                {
                    self.description = description;
                }
                on_frame(self);
            }
        }
    }

    /// What is to be told of it with a frame.
    #[inline]
    fn news(&mut self, now: Instant) -> Option<News> {
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

/// What a message says of a track.
enum Said<'a> {
    Configuration(&'a [u8]),
    Colours(ColourInfo),
    /// Whatever was said before is needed.
    Frame,
    /// The same, of sound whose first byte says what it is.
    PlainAudio(u8),
}

impl<'a> Said<'a> {
    fn by_legacy(tag: &LegacyTag<'a>) -> Option<Said<'a>> {
        match (tag.packet, tag.frame_type) {
            // It says nothing, and players do not keep it.
            (LegacyPacket::SequenceStart, Some(_)) if tag.body.is_empty() => None,
            (LegacyPacket::SequenceStart, _) => Some(Said::Configuration(tag.body)),
            (LegacyPacket::Plain, None) => Some(Said::PlainAudio(tag.first)),
            (LegacyPacket::Coded(_), _) | (LegacyPacket::Plain, Some(_)) => Some(Said::Frame),
            (LegacyPacket::SequenceEnd | LegacyPacket::Reserved(_), _) => None,
        }
    }

    fn by_enhanced(tag: &EnhancedTag<'a>, track: &Track<'a>) -> Option<Said<'a>> {
        match tag.packet {
            PacketType::SequenceStart if tag.frame_type.is_some() && track.body.is_empty() => None,
            PacketType::SequenceStart => Some(Said::Configuration(track.body)),
            PacketType::Metadata => ColourInfo::of(track.body).map(Said::Colours),
            PacketType::CodedFrames | PacketType::CodedFramesX => Some(Said::Frame),
            // A descriptor, and the places of speakers, say nothing of what is asked for.
            PacketType::Mpeg2TsSequenceStart
            | PacketType::MultichannelConfig
            | PacketType::SequenceEnd
            | PacketType::Reserved(_) => None,
        }
    }
}

fn track_kind(is_video: bool) -> TrackKind {
    if is_video { TrackKind::Video } else { TrackKind::Audio }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::{NormalForm, Normalised};
    use super::super::Hdr;
    use super::*;
    use crate::amf::{Properties, Value, amf0};

    const LATER: Duration = limits::DESCRIPTION_TIME;
    const H264_KEYFRAME: &[u8] = &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88];
    /// Main, level 3, without parameter sets.
    const H264: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x4D, 0x40, 0x1E, 0xFF, 0xE0, 0];
    const H264_HIGH: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1F, 0xFF, 0xE0, 0];

    /// Parameter sets of 320x180 and of 160x120 pixels.
    const SETS: &[u8] =
        b"\x67\x64\x00\x0D\xAC\xD9\x41\x41\x9F\x9F\x01\x10\x00\x00\x3E\x90\x00\x0E\xA6\x00\xF1\x42\x99\x60";
    const SMALL_SETS: &[u8] =
        b"\x67\x64\x00\x09\xAC\xD9\x42\x84\x7E\x5C\x04\x40\x00\x00\x03\x00\x40\x00\x00\x07\x83\xC4\x89\x65\x80";
    const PICTURE_SET: &[u8] = b"\x68\xEB\xE3\xCB\x22\xC0";

    #[derive(Default)]
    struct Ear {
        tracks: KnownTracks,
        form: NormalForm,
        now: Instant,
    }

    impl Ear {
        fn video(&mut self, payload: &[u8]) -> Option<String> {
            self.hear(&Content::Video(Bytes::copy_from_slice(payload)))
        }

        fn audio(&mut self, payload: &[u8]) -> Option<String> {
            self.hear(&Content::Audio(Bytes::copy_from_slice(payload)))
        }

        /// Where what players get is in normal form.
        fn normal(&mut self, payload: &[u8]) -> Option<String> {
            let payload = Bytes::copy_from_slice(payload);
            let instead = match self.form.apply_to(&payload) {
                Normalised::AsItIs => None,
                Normalised::Instead(payloads, _) => Some(payloads),
            };
            self.told(&Content::Video(payload), instead.as_deref()).pop()
        }

        fn hear(&mut self, content: &Content) -> Option<String> {
            self.told(content, None).pop()
        }

        fn told(&mut self, content: &Content, instead: Option<&[Bytes]>) -> Vec<String> {
            let news = self.tracks.hear(content, instead, self.now).into_iter();
            let words = |(kind, TrackId(id), description): News| {
                let name = description.codec_string.clone().unwrap_or_else(|| description.codec.to_string());
                format!("{kind:?} {id}: {name} {description}")
            };
            news.map(words).collect()
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
        assert_eq!(told.as_deref(), Some("Video 0: av01.0.00M.08 Main, level 2.0, PQ"));
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

    fn keyframe(sequence: &[u8]) -> Vec<u8> {
        let units = [sequence, PICTURE_SET, &[0x65, 0x88]];
        let behind_lengths = units.iter().flat_map(|unit| [&[0, 0, 0, unit.len() as u8], *unit].concat());
        [0x17, 1, 0, 0, 0].into_iter().chain(behind_lengths).collect()
    }

    #[test]
    fn a_configuration_out_of_a_keyframe_is_told_and_told_again_when_it_changes() {
        let without_sets = H264;
        for configuration in [&[][..], &[0x17, 0, 0, 0, 0], without_sets] {
            let mut ear = Ear::default();
            if !configuration.is_empty() {
                assert_eq!(ear.normal(configuration), None);
            }
            let told = ear.normal(&keyframe(SETS));
            assert_eq!(told.as_deref(), Some("Video 0: avc1.64000D High, level 1.3, 320x180, 29.97 fps"));
            ear.now = ear.now + LATER;
            assert_eq!(ear.normal(&keyframe(SETS)), None);
            let told = ear.normal(&keyframe(SMALL_SETS));
            assert_eq!(told.as_deref(), Some("Video 0: avc1.640009 High, level 1b, 160x120, 15 fps"));
        }
    }

    #[test]
    fn what_nobody_puts_right_is_described_as_players_get_it() {
        let mut ear = Ear::default();
        let start_codes = [&[0x17, 0, 0, 0, 0, 0, 0, 0, 1][..], SETS, &[0, 0, 0, 1], PICTURE_SET].concat();
        assert_eq!(ear.video(&start_codes), None);
        assert_eq!(ear.video(&keyframe(SETS)).as_deref(), Some("Video 0: H.264 "));
    }

    #[test]
    fn what_is_no_frame_needs_no_configuration_and_changes_none() {
        let sent: [(&[u8], &[&[u8]]); 2] = [
            (H264, &[&[0x17, 0, 0, 0, 0], &[0x17, 2, 0, 0, 0], &[0x17, 9, 0, 0, 0, 1], &[0x57, 0]]),
            (
                b"\x90av01\x81\x00\x0C\x00",
                &[
                    b"\x90av01",
                    b"\xD4av01\x02\x00\x05other\x05",
                    b"\x98av01\x01",
                    b"\x92av01",
                    b"\x95av01\x80",
                ],
            ),
        ];
        let frames = [H264_KEYFRAME, b"\x91av01\x12\x00"];
        let expected = ["Video 0: avc1.4D401E Main, level 3.0", "Video 0: av01.0.00M.08 Main, level 2.0"];
        for (((configuration, others), frame), expected) in sent.into_iter().zip(frames).zip(expected) {
            let mut ear = Ear::default();
            ear.video(configuration);
            for other in others {
                assert_eq!(ear.video(other), None, "{other:x?}");
            }
            assert_eq!(ear.video(frame).as_deref(), Some(expected));
        }
    }

    #[test]
    fn each_track_of_a_message_of_several_is_told() {
        let mut ear = Ear::default();
        let of_two = |packet: u8, [one, other]: [&[u8]; 2]| {
            let track = |id, body: &[u8]| [&[id, 0, 0, body.len() as u8], body].concat();
            let payload = [&[0x96, 0x10 | packet][..], b"av01", &track(0, one), &track(3, other)].concat();
            Content::Video(payload.into())
        };
        let [main, high]: [&[u8]; 2] = [b"\x81\x00\x0C\x00", b"\x81\x09\x0C\x00"];
        assert_eq!(ear.told(&of_two(0, [main, high]), None), Vec::<String>::new());
        let told = ear.told(&of_two(1, [b"\x12", b"\x13"]), None);
        let expected = ["Video 0: av01.0.00M.08 Main, level 2.0", "Video 3: av01.0.09M.08 Main, level 4.1"];
        assert_eq!(told, expected);
    }

    #[test]
    fn no_more_tracks_are_known_than_there_may_be() {
        let mut ear = Ear::default();
        let told = (0..=255).filter_map(|id| ear.audio(&[&b"\x95\x01ac-3"[..], &[id]].concat()));
        assert_eq!(told.count(), limits::DESCRIBED_TRACKS);
    }
}
