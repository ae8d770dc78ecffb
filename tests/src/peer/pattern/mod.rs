//! Pattern: media made from nothing but time, so that every byte of it can be told again.
//!
//! H.264 with B-frames, AAC, onMetaData: grey pictures and silence, but real ones, which every
//! decoder takes. Every frame says in plain text whose it is and the how-manieth, where decoders
//! do not look, so a player's bytes tell what it got; filler makes up the bit rate.
//!
//! Invariants: the same pattern makes the same media. Due times never go back.

mod picture;
mod sound;
mod tags;
mod text;

use std::iter::Peekable;
use std::time::Duration;

use bytes::Bytes;

use super::amf::Amf;
use super::filler::Filler;
use super::message::TypeId;
use picture::{AVC_CONFIG, Picture, PictureKind};
use sound::{AAC_CONFIG, FRAME_SAMPLES, SAMPLE_RATE};

pub use tags::{Tags, is_config};
pub use text::FrameText;

/// Which media to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Told in every frame: whose it is.
    pub mark: u32,
    /// Video, unless there is none.
    pub video: Option<VideoPattern>,
    /// Audio, unless there is none.
    pub audio: Option<AudioPattern>,
    /// Whether onMetaData comes first.
    pub metadata: bool,
    /// Timestamp of the first frame.
    pub start_timestamp_ms: u32,
    /// In which tags it comes.
    pub tags: Tags,
}

/// Video of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoPattern {
    /// Frames per second.
    pub frame_rate: u32,
    /// Time between keyframes; rounded down to whole frames, at least one.
    pub keyframe_every_ms: u32,
    /// Bit rate on average; a keyframe is four times as large as another.
    pub kilobits_per_second: u32,
}

/// Audio of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioPattern {
    /// Bit rate.
    pub kilobits_per_second: u32,
}

/// One message of a pattern, as a publisher sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSent {
    /// What it is for.
    pub role: MediaRole,
    /// Its number within the pattern, which frames also carry.
    pub sequence: u64,
    /// Audio, video or data.
    pub type_id: TypeId,
    /// Absolute time in milliseconds modulo 2³².
    pub timestamp_ms: u32,
    /// The body.
    pub payload: Bytes,
    /// When to send it, counted from the start of the pattern.
    pub due: Duration,
}

/// What a message of a pattern is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaRole {
    /// onMetaData.
    Metadata,
    /// AVC sequence header.
    VideoConfig,
    /// AAC sequence header.
    AudioConfig,
    /// Video that begins anew.
    Keyframe,
    /// Video that needs others.
    Interframe,
    /// Audio.
    AudioFrame,
    /// A text beside them, which a pattern does not make.
    Text,
}

impl Pattern {
    /// Video at 25 frames per second and 400 kbit/s with a keyframe every 2 s; audio at 64 kbit/s.
    pub const fn new() -> Pattern {
        Pattern {
            mark: 0,
            video: Some(VideoPattern { frame_rate: 25, keyframe_every_ms: 2_000, kilobits_per_second: 400 }),
            audio: Some(AudioPattern { kilobits_per_second: 64 }),
            metadata: true,
            start_timestamp_ms: 0,
            tags: Tags::Legacy,
        }
    }

    /// The same without video.
    pub const fn audio_only(self) -> Pattern {
        Pattern { video: None, ..self }
    }

    /// The same without audio.
    pub const fn video_only(self) -> Pattern {
        Pattern { audio: None, ..self }
    }

    /// The same without onMetaData.
    pub const fn without_metadata(self) -> Pattern {
        Pattern { metadata: false, ..self }
    }

    /// The same with another mark.
    pub const fn marked(self, mark: u32) -> Pattern {
        Pattern { mark, ..self }
    }

    /// The same with another keyframe interval, if there is video.
    pub const fn keyframe_every_ms(self, keyframe_every_ms: u32) -> Pattern {
        match self.video {
            Some(video) => Pattern { video: Some(VideoPattern { keyframe_every_ms, ..video }), ..self },
            None => self,
        }
    }

    /// The same with another bit rate of video, if there is video.
    pub const fn video_kilobits(self, kilobits_per_second: u32) -> Pattern {
        match self.video {
            Some(video) => Pattern { video: Some(VideoPattern { kilobits_per_second, ..video }), ..self },
            None => self,
        }
    }

    /// The same with other timestamps.
    pub const fn starting_at_ms(self, start_timestamp_ms: u32) -> Pattern {
        Pattern { start_timestamp_ms, ..self }
    }

    /// The same in other tags.
    pub const fn in_tags(self, tags: Tags) -> Pattern {
        Pattern { tags, ..self }
    }

    /// What is of one track of it, as who knows nothing of tracks and FourCCs publishes that.
    pub const fn track(self, id: u8) -> Pattern {
        Pattern { mark: self.mark + id as u32, tags: Tags::Legacy, ..self }
    }

    /// All that it makes, in order and without end, if there is video or audio.
    pub fn media(self) -> PatternMedia {
        let video = self.video.map(|video| Ticks::new(video.frame_rate.into(), 1));
        let audio = self.audio.map(|_| Ticks::new(SAMPLE_RATE, FRAME_SAMPLES));
        let mut preamble = Vec::new();
        if self.metadata {
            preamble.push((MediaRole::Metadata, self.metadata_payload()));
        }
        if self.video.is_some() {
            preamble.push((MediaRole::VideoConfig, self.config(TypeId::VIDEO, AVC_CONFIG)));
        }
        if self.audio.is_some() {
            preamble.push((MediaRole::AudioConfig, self.config(TypeId::AUDIO, AAC_CONFIG)));
        }
        PatternMedia {
            pattern: self,
            preamble: preamble.into_iter(),
            video: video.map(Iterator::peekable),
            audio: audio.map(Iterator::peekable),
            sequence: 0,
        }
    }

    /// What onMetaData says.
    pub fn metadata_values(&self) -> Amf {
        let mut properties =
            vec![("encoder".to_owned(), Amf::from(format!("pattern {:08x}", self.mark).as_str()))];
        let mut number = |name: &str, value: u32| properties.push((name.to_owned(), f64::from(value).into()));
        let [video_codec, audio_codec] = self.tags.codec_ids();
        if let Some(video) = self.video {
            number("width", 160);
            number("height", 128);
            number("framerate", video.frame_rate);
            number("videodatarate", video.kilobits_per_second);
            number("videocodecid", video_codec);
        }
        if let Some(audio) = self.audio {
            number("audiosamplerate", 44_100);
            number("audiodatarate", audio.kilobits_per_second);
            number("audiocodecid", audio_codec);
        }
        if self.tags.tracks() > 1 {
            let differs =
                |id: u8| (id.to_string(), Amf::object([("width", f64::from(160 + u32::from(id)).into())]));
            let tracks = (1..self.tags.tracks()).map(differs).collect();
            properties.push(("videoTrackIdInfoMap".to_owned(), Amf::Object(tracks)));
        }
        Amf::EcmaArray(properties)
    }

    fn config(&self, type_id: TypeId, legacy: &'static [u8]) -> Bytes {
        self.tags.wrap(type_id, &vec![Bytes::from_static(legacy); self.tags.tracks().into()])
    }

    fn metadata_payload(&self) -> Bytes {
        let values = ["@setDataFrame".into(), "onMetaData".into(), self.metadata_values()];
        super::amf::write_all(&values).into()
    }
}

/// All that it makes.
impl IntoIterator for Pattern {
    type Item = MediaSent;
    type IntoIter = PatternMedia;

    fn into_iter(self) -> PatternMedia {
        self.media()
    }
}

impl Default for Pattern {
    fn default() -> Pattern {
        Pattern::new()
    }
}

impl VideoPattern {
    fn group_frames(&self) -> u64 {
        (u64::from(self.keyframe_every_ms) * u64::from(self.frame_rate) / 1_000).max(1)
    }

    fn frame_bytes(&self, keyframe: bool) -> usize {
        let group_bytes =
            u64::from(self.kilobits_per_second) * 125 * self.group_frames() / u64::from(self.frame_rate);
        let share = group_bytes / (self.group_frames() + KEYFRAME_WEIGHT - 1);
        (if keyframe { share * KEYFRAME_WEIGHT } else { share }) as usize
    }
}

/// The media of a pattern, one message at a time.
#[derive(Clone, Debug)]
pub struct PatternMedia {
    pattern: Pattern,
    preamble: std::vec::IntoIter<(MediaRole, Bytes)>,
    video: Option<Peekable<Ticks>>,
    audio: Option<Peekable<Ticks>>,
    sequence: u64,
}

impl Iterator for PatternMedia {
    type Item = MediaSent;

    fn next(&mut self) -> Option<MediaSent> {
        let (role, at_ms, payload) = match self.preamble.next() {
            Some((role, payload)) => (role, 0, payload),
            None => self.next_frame()?,
        };
        let sequence = self.sequence;
        self.sequence += 1;
        Some(MediaSent {
            role,
            sequence,
            type_id: role.type_id(),
            // Media time wraps.
            timestamp_ms: self.pattern.start_timestamp_ms.wrapping_add(at_ms as u32),
            payload,
            due: Duration::from_millis(at_ms),
        })
    }
}

impl PatternMedia {
    fn next_frame(&mut self) -> Option<(MediaRole, u64, Bytes)> {
        let next_ms = |ticks: &mut Option<Peekable<Ticks>>| {
            ticks.as_mut().and_then(|ticks| ticks.peek()).map(|&(_, at_ms)| at_ms)
        };
        let video_first = match (next_ms(&mut self.video), next_ms(&mut self.audio)) {
            (Some(video), Some(audio)) => video <= audio,
            (video, _) => video.is_some(),
        };
        if video_first {
            let (index, at_ms) = self.video.as_mut()?.next()?;
            let video = self.pattern.video?;
            let group_size = video.group_frames();
            let (group, in_group) = (index / group_size, index % group_size);
            let picture = Picture { group, in_group, group_size };
            let role = match picture.kind() {
                PictureKind::Keyframe => MediaRole::Keyframe,
                PictureKind::Predicted | PictureKind::Between => MediaRole::Interframe,
            };
            let payload = self.of_each_track(TypeId::VIDEO, |mark| self.video_payload(mark, &video, picture));
            return Some((role, at_ms, payload));
        }
        let (_, at_ms) = self.audio.as_mut()?.next()?;
        let audio = self.pattern.audio?;
        let payload = self.of_each_track(TypeId::AUDIO, |mark| self.audio_payload(mark, &audio));
        Some((MediaRole::AudioFrame, at_ms, payload))
    }

    fn of_each_track(&self, type_id: TypeId, payload: impl Fn(u32) -> Bytes) -> Bytes {
        let Pattern { mark, tags, .. } = self.pattern;
        let tracks: Vec<Bytes> = (0..tags.tracks()).map(|id| payload(mark + u32::from(id))).collect();
        tags.wrap(type_id, &tracks)
    }

    fn audio_payload(&self, mark: u32, audio: &AudioPattern) -> Bytes {
        let bytes = u64::from(audio.kilobits_per_second) * 125 * FRAME_SAMPLES / SAMPLE_RATE;
        let bare = sound::frame(&self.text(mark), &[]).len();
        sound::frame(&self.text(mark), &self.filler(mark, (bytes as usize).saturating_sub(bare))).into()
    }

    fn video_payload(&self, mark: u32, video: &VideoPattern, picture: Picture) -> Bytes {
        let keyframe = picture.kind() == PictureKind::Keyframe;
        // Shown one frame later than decoded, so that no picture is shown before that.
        let frames_later = picture.shown() + 1 - picture.in_group;
        let composition_ms = frames_later as u32 * 1_000 / video.frame_rate;
        let [_, composition @ ..] = composition_ms.to_be_bytes();

        let mut nals = vec![picture::sei(&self.text(mark)), picture.slice()];
        let bare = TAG_HEADER + nals.iter().map(|nal| NAL_LENGTH + nal.len()).sum::<usize>();
        let filler = self.filler(mark, video.frame_bytes(keyframe).saturating_sub(bare));
        nals[0] = picture::sei(&[self.text(mark), filler].concat());

        let mut payload = vec![if keyframe { 0x17 } else { 0x27 }, 1];
        payload.extend(composition);
        for nal in nals {
            let length = u32::try_from(nal.len()).expect("a frame is smaller than 4 GiB");
            payload.extend(length.to_be_bytes());
            payload.extend(nal);
        }
        payload.into()
    }

    fn text(&self, mark: u32) -> Vec<u8> {
        FrameText { mark, sequence: self.sequence }.write()
    }

    /// Bytes that differ from frame to frame, none of them zero.
    fn filler(&self, mark: u32, length: usize) -> Vec<u8> {
        let seed = (u64::from(mark) << 32) ^ self.sequence;
        let mut bytes = vec![0; length];
        Filler::new(seed).fill(&mut bytes);
        for byte in &mut bytes {
            *byte |= 0x40;
        }
        bytes
    }
}

impl MediaRole {
    /// The message type that carries it.
    pub fn type_id(self) -> TypeId {
        match self {
            MediaRole::Metadata | MediaRole::Text => TypeId::DATA_AMF0,
            MediaRole::VideoConfig | MediaRole::Keyframe | MediaRole::Interframe => TypeId::VIDEO,
            MediaRole::AudioConfig | MediaRole::AudioFrame => TypeId::AUDIO,
        }
    }

    /// Whether it is a frame, not a preparation for frames.
    pub fn is_frame(self) -> bool {
        matches!(self, MediaRole::Keyframe | MediaRole::Interframe | MediaRole::AudioFrame)
    }
}

/// Frames at a steady rate: their index and their time in whole milliseconds.
#[derive(Clone, Debug)]
struct Ticks {
    rate: u64,
    step: u64,
    index: u64,
}

impl Ticks {
    fn new(rate: u64, step: u64) -> Ticks {
        assert!(rate > 0, "a frame rate of 0 is no video");
        Ticks { rate, step, index: 0 }
    }
}

impl Iterator for Ticks {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        let index = self.index;
        self.index += 1;
        Some((index, index * self.step * 1_000 / self.rate))
    }
}

const KEYFRAME_WEIGHT: u64 = 4;
/// Frame type and codec, packet type, composition time.
const TAG_HEADER: usize = 5;
const NAL_LENGTH: usize = 4;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn metadata_and_configurations_come_first_and_then_a_keyframe() {
        let roles: Vec<_> = Pattern::new().media().take(5).map(|media| media.role).collect();
        assert_eq!(
            roles,
            [
                MediaRole::Metadata,
                MediaRole::VideoConfig,
                MediaRole::AudioConfig,
                MediaRole::Keyframe,
                MediaRole::AudioFrame
            ]
        );
    }

    #[test]
    fn the_same_pattern_makes_the_same_media_and_another_mark_makes_others() {
        let media = |mark| Pattern::new().marked(mark).media().take(100).collect::<Vec<_>>();
        assert_eq!(media(1), media(1));
        assert_ne!(media(1), media(2));
    }

    #[test]
    fn keyframes_come_in_their_interval() {
        let times: Vec<_> = ten_seconds(Pattern::new().keyframe_every_ms(1_000))
            .filter(|media| media.role == MediaRole::Keyframe)
            .map(|media| media.timestamp_ms)
            .collect();
        assert_eq!(times, (0..10).map(|second| second * 1_000).collect::<Vec<_>>());
    }

    #[test]
    fn media_is_due_in_order_and_stamped_from_the_start_across_the_wrap() {
        let mut latest = Duration::ZERO;
        for media in ten_seconds(Pattern::new().starting_at_ms(0xFFFF_FF00)) {
            assert!(media.due >= latest);
            latest = media.due;
            assert_eq!(media.timestamp_ms, 0xFFFF_FF00_u32.wrapping_add(media.due.as_millis() as u32));
        }
    }

    #[test]
    fn every_frame_tells_its_mark_and_number() {
        for media in ten_seconds(Pattern::new().marked(0xABCD)).filter(|media| media.role.is_frame()) {
            let text = FrameText::read(media.type_id, &media.payload);
            assert_eq!(text, Some(FrameText { mark: 0xABCD, sequence: media.sequence }));
        }
    }

    #[test]
    fn sizes_follow_the_bit_rate() {
        for (pattern, kilobits) in
            [(Pattern::new().video_only().video_kilobits(2_000), 2_000), (Pattern::new().audio_only(), 64)]
        {
            let bytes: usize = ten_seconds(pattern.without_metadata()).map(|media| media.payload.len()).sum();
            let wanted = kilobits * 125 * 10;
            assert!(bytes.abs_diff(wanted) < wanted / 50, "{bytes} bytes, not {wanted}");
        }
    }

    #[test]
    fn a_bit_rate_of_nothing_leaves_room_for_the_text() {
        for media in ten_seconds(Pattern::new().video_kilobits(0)).filter(|media| media.role.is_frame()) {
            assert!(FrameText::read(media.type_id, &media.payload).is_some());
        }
    }

    #[test]
    fn two_nal_units_fill_their_tag() {
        for media in ten_seconds(Pattern::new().video_only().without_metadata()).skip(1) {
            let mut rest = &media.payload[TAG_HEADER..];
            let mut kinds = Vec::new();
            while let Some((length, nal)) = rest.split_first_chunk() {
                kinds.push(nal[0]);
                rest = &nal[u32::from_be_bytes(*length) as usize..];
            }
            assert_eq!(kinds[0], 0x06, "SEI");
            assert_eq!(kinds[1..] == [0x65], media.role == MediaRole::Keyframe);
            assert_eq!((kinds.len(), rest.len()), (2, 0));
        }
    }

    #[test]
    fn every_picture_is_shown_at_a_time_of_its_own_and_some_not_in_order_of_decoding() {
        for keyframe_every_ms in [40, 80, 120, 1_000, 1_040] {
            let pattern = Pattern::new().video_only().without_metadata().keyframe_every_ms(keyframe_every_ms);
            let shown: Vec<_> = ten_seconds(pattern).skip(1).map(|media| shown_at_ms(&media)).collect();
            let times: BTreeSet<_> = shown.iter().copied().collect();
            assert_eq!(times.len(), shown.len(), "keyframe every {keyframe_every_ms} ms");
            assert_eq!(shown.is_sorted(), keyframe_every_ms < 120);
        }
    }

    fn shown_at_ms(media: &MediaSent) -> u32 {
        let composition = u32::from_be_bytes([0, media.payload[2], media.payload[3], media.payload[4]]);
        media.timestamp_ms + composition
    }

    fn ten_seconds(pattern: Pattern) -> impl Iterator<Item = MediaSent> {
        pattern.media().take_while(|media| media.due < Duration::from_secs(10))
    }
}
