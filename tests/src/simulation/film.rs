//! Film: cheap media, of which every byte can be told again.
//!
//! What [`Pattern`](crate::peer::pattern::Pattern) makes is real, and costs what real pictures cost. A film has the heads that a
//! server looks at, and behind them whose frame it is, the how-manieth, and filler. It has what else a publisher can do to its
//! players: clocks that step, configurations that change, groups that begin in the middle.
//!
//! Invariants: the same film makes the same media. Due times never go back.

use std::time::Duration;

use bytes::Bytes;

use crate::peer::message::TypeId;
use crate::peer::pattern::{MediaRole, MediaSent};

use super::clock::Clock;
use super::publication::kind_of;

/// Which media to make.
#[derive(Clone, Debug)]
pub(super) struct Film {
    /// Told in every frame: whose it is.
    pub mark: u32,
    pub video: Option<Video>,
    pub audio: Option<Audio>,
    pub metadata: Metadata,
    /// Whether a text comes now and then.
    pub has_texts: bool,
    /// What configurations say: those of two films with the same look are the same.
    pub look: u8,
    pub clock: Clock,
    /// Other configurations come in front of the first keyframe behind that.
    pub changes_after: Option<Duration>,
    /// Configurations come again in front of every keyframe.
    pub repeats_itself: bool,
    /// It begins so many frames behind a keyframe.
    pub begins_behind: u32,
    /// So many audio frames come first, each so much later than the one before.
    pub leaps: Option<Leaps>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Video {
    pub codec: VideoCodec,
    pub frame_ms: u32,
    /// Frames from one keyframe to the next; none comes behind the first where it is `u32::MAX`.
    pub group: u32,
    pub keyframe_bytes: usize,
    pub frame_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Audio {
    pub codec: AudioCodec,
    pub frame_ms: u32,
    pub frame_bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VideoCodec {
    Avc,
    /// In an enhanced tag.
    Hevc,
    /// Of the codecs that need no configuration.
    Sorenson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AudioCodec {
    Aac,
    /// In an enhanced tag.
    Opus,
    /// Of the codecs that need no configuration.
    Mp3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metadata {
    None,
    /// Behind `@setDataFrame`, as encoders have it.
    Wrapped,
    Bare,
    /// So long that no preamble keeps it.
    Verbose,
}

/// How a clock comes to the end of a stream's time within a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaps {
    pub count: u32,
    pub each_ms: u32,
}

impl Film {
    /// All that it makes, in order and without end.
    pub(super) fn reel(self) -> Reel {
        let picture = self.video.map_or(0, |video| self.begins_behind % video.group);
        let leaps_left = self.leaps.map_or(0, |leaps| leaps.count);
        Reel {
            stage: Stage::Metadata,
            sequence: 0,
            frames: 0,
            sounds: 0,
            picture,
            texts: 0,
            leaps_left,
            has_changed: false,
            is_prepared: true,
            film: self,
        }
    }

    /// Time from one keyframe to the next; `None` where there is only one, or no video.
    pub(super) fn group_time(&self) -> Option<Duration> {
        let video = self.video.filter(|video| video.group != u32::MAX)?;
        Some(Duration::from_millis(u64::from(video.frame_ms) * u64::from(video.group)))
    }

    pub(super) fn metadata_bytes(&self) -> u64 {
        match self.metadata {
            Metadata::None => 0,
            Metadata::Wrapped | Metadata::Bare => 100,
            Metadata::Verbose => Film::METADATA_BYTES_MAX,
        }
    }

    /// The same of whoever publishes under that name.
    pub(super) const METADATA_BYTES_MAX: u64 = VERBOSE_BYTES as u64 + 100;

    /// Bytes from one keyframe to the next, about.
    pub(super) fn group_bytes(&self) -> u64 {
        let Some(video) = self.video else { return 0 };
        let frames = u64::from(video.group.min(1_000));
        let audio = self.audio.map_or(0, |audio| {
            frames * u64::from(video.frame_ms) / u64::from(audio.frame_ms) * (audio.frame_bytes as u64 + 16)
        });
        video.keyframe_bytes as u64 + frames * (video.frame_bytes as u64 + 16) + audio
    }
}

/// The media of a film, one message at a time.
#[derive(Clone, Debug)]
pub(super) struct Reel {
    film: Film,
    stage: Stage,
    sequence: u64,
    /// Pictures and sounds so far.
    frames: u32,
    sounds: u32,
    /// The place of the next picture in its group.
    picture: u32,
    texts: u32,
    leaps_left: u32,
    has_changed: bool,
    /// Whether what comes before a keyframe has come.
    is_prepared: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Metadata,
    VideoConfig,
    AudioConfig,
    Frames,
}

impl Iterator for Reel {
    type Item = MediaSent;

    fn next(&mut self) -> Option<MediaSent> {
        let (role, due_ms, payload) = self.next_message();
        let sequence = self.sequence;
        self.sequence += 1;
        let due = Duration::from_millis(due_ms);
        Some(MediaSent {
            role,
            sequence,
            type_id: role.type_id(),
            timestamp_ms: self.timestamp(role, sequence, due),
            payload,
            due,
        })
    }
}

impl Reel {
    fn next_message(&mut self) -> (MediaRole, u64, Bytes) {
        loop {
            match self.stage {
                Stage::Metadata => {
                    self.stage = Stage::VideoConfig;
                    if let Some(payload) = self.metadata() {
                        return (MediaRole::Metadata, self.due_ms(), payload);
                    }
                }
                Stage::VideoConfig => {
                    self.stage = Stage::AudioConfig;
                    if let Some(payload) = self.video_config() {
                        return (MediaRole::VideoConfig, self.due_ms(), payload);
                    }
                }
                Stage::AudioConfig => {
                    self.stage = Stage::Frames;
                    if let Some(payload) = self.audio_config() {
                        return (MediaRole::AudioConfig, self.due_ms(), payload);
                    }
                }
                Stage::Frames => {
                    if let Some(frame) = self.next_frame() {
                        return frame;
                    }
                }
            }
        }
    }

    /// `None` where the configurations come first.
    fn next_frame(&mut self) -> Option<(MediaRole, u64, Bytes)> {
        if self.leaps_left > 0 {
            self.leaps_left -= 1;
            return Some((MediaRole::AudioFrame, 0, self.coded(&AudioCodec::Mp3.head(), 0)));
        }
        let (video_ms, audio_ms) = (self.video_ms(), self.audio_ms());
        if self.film.has_texts && self.due_ms() >= u64::from(self.texts) * TEXT_EVERY_MS {
            self.texts += 1;
            return Some((MediaRole::Text, self.due_ms(), self.text()));
        }
        let is_video = video_ms.is_some_and(|video| audio_ms.is_none_or(|audio| video <= audio));
        if let Some(video) = self.film.video.filter(|_| is_video) {
            let is_keyframe = self.picture == 0;
            let due_ms = video_ms.unwrap_or_default();
            if is_keyframe && !std::mem::replace(&mut self.is_prepared, true) && self.prepares(due_ms) {
                self.stage = if self.film.repeats_itself { Stage::Metadata } else { Stage::VideoConfig };
                return None;
            }
            self.is_prepared = false;
            self.frames += 1;
            self.picture = if self.picture.saturating_add(1) >= video.group { 0 } else { self.picture + 1 };
            let (role, bytes) = match is_keyframe {
                true => (MediaRole::Keyframe, video.keyframe_bytes),
                false => (MediaRole::Interframe, video.frame_bytes),
            };
            return Some((role, due_ms, self.coded(&video.codec.head(is_keyframe), bytes)));
        }
        let audio = self.film.audio.expect("a film has video or audio");
        let due_ms = audio_ms.unwrap_or_default();
        self.sounds += 1;
        Some((MediaRole::AudioFrame, due_ms, self.coded(&audio.codec.head(), audio.frame_bytes)))
    }

    /// Whether configurations come in front of a keyframe.
    fn prepares(&mut self, due_ms: u64) -> bool {
        let changes = !self.has_changed
            && self.film.changes_after.is_some_and(|after| after <= Duration::from_millis(due_ms));
        self.has_changed |= changes;
        changes || self.film.repeats_itself
    }

    fn video_ms(&self) -> Option<u64> {
        self.film.video.map(|video| u64::from(video.frame_ms) * u64::from(self.frames))
    }

    fn audio_ms(&self) -> Option<u64> {
        self.film.audio.map(|audio| u64::from(audio.frame_ms) * u64::from(self.sounds))
    }

    /// When the next frame comes.
    fn due_ms(&self) -> u64 {
        self.video_ms().into_iter().chain(self.audio_ms()).min().unwrap_or_default()
    }

    fn timestamp(&self, role: MediaRole, sequence: u64, due: Duration) -> u32 {
        let leapt = self.film.leaps.map_or(0, |leaps| (leaps.count - self.leaps_left) * leaps.each_ms);
        self.film.clock.timestamp(kind_of(role), sequence, due).wrapping_add(leapt)
    }

    fn metadata(&self) -> Option<Bytes> {
        let mut payload = Vec::new();
        let filler = match self.film.metadata {
            Metadata::None => return None,
            Metadata::Wrapped => {
                payload.extend_from_slice(SET_DATA_FRAME);
                40
            }
            Metadata::Bare => 40,
            Metadata::Verbose => VERBOSE_BYTES,
        };
        payload.extend_from_slice(ON_METADATA);
        // An ECMA array with one long string, and its end.
        payload.extend_from_slice(b"\x08\x00\x00\x00\x01\x00\x04film\x0C");
        let text = format!("{:08x}{:02x}{}", self.film.mark, self.look(), "-".repeat(filler));
        payload.extend_from_slice(&(text.len() as u32).to_be_bytes());
        payload.extend_from_slice(text.as_bytes());
        payload.extend_from_slice(b"\x00\x00\x09");
        Some(payload.into())
    }

    fn video_config(&self) -> Option<Bytes> {
        let head: &[u8] = match self.film.video?.codec {
            VideoCodec::Avc => b"\x17\x00\x00\x00\x00",
            VideoCodec::Hevc => b"\x90hvc1",
            VideoCodec::Sorenson => return None,
        };
        Some([head, &[1, self.look()], &[0x55; 20]].concat().into())
    }

    fn audio_config(&self) -> Option<Bytes> {
        let head: &[u8] = match self.film.audio?.codec {
            AudioCodec::Aac => b"\xAF\x00",
            AudioCodec::Opus => b"\x90Opus",
            AudioCodec::Mp3 => return None,
        };
        Some([head, &[2, self.look()]].concat().into())
    }

    fn look(&self) -> u8 {
        self.film.look.wrapping_add(u8::from(self.has_changed))
    }

    fn text(&self) -> Bytes {
        let text = format!("{:08x}{:08x}", self.film.mark, self.sequence);
        [ON_TEXT_DATA, &[2, 0, text.len() as u8], text.as_bytes()].concat().into()
    }

    fn coded(&self, head: &[u8], bytes: usize) -> Bytes {
        let mut payload = Vec::with_capacity(head.len() + TEXT_BYTES + bytes);
        payload.extend_from_slice(head);
        payload.extend_from_slice(&(NO_START_CODE | self.film.mark).to_be_bytes());
        payload.extend_from_slice(&(self.sequence as u32).to_be_bytes());
        // Bytes that differ from frame to frame and from place to place.
        let first =
            (self.film.mark as u8).wrapping_mul(31).wrapping_add((self.sequence as u8).wrapping_mul(17));
        payload
            .extend((0..bytes).map(|index| first.wrapping_add(index as u8).wrapping_add((index >> 8) as u8)));
        payload.into()
    }
}

/// What a message of a film is, as far as it says so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Metadata,
    VideoConfig,
    AudioConfig,
    /// A frame or text: whose, and the how-manieth.
    Frame {
        mark: u32,
        sequence: usize,
    },
}

/// Set in each mark, which at the beginning of a picture would be a start code otherwise, or a length.
const NO_START_CODE: u32 = 0x8000_0000;

/// Reads it from a message; `None` where it is none of a film's.
pub(super) fn told(type_id: TypeId, payload: &[u8]) -> Option<Told> {
    let head = match (type_id, payload.first()?) {
        (TypeId::VIDEO, 0x17 | 0x27) if payload.get(1) == Some(&0) => return Some(Told::VideoConfig),
        (TypeId::VIDEO, 0x90) => return Some(Told::VideoConfig),
        (TypeId::VIDEO, 0x17 | 0x27) => 5,
        (TypeId::VIDEO, 0x91 | 0xA1) => 8,
        (TypeId::VIDEO, 0x12 | 0x22) => 1,
        (TypeId::AUDIO, 0xAF) if payload.get(1) == Some(&0) => return Some(Told::AudioConfig),
        (TypeId::AUDIO, 0x90) => return Some(Told::AudioConfig),
        (TypeId::AUDIO, 0xAF) => 2,
        (TypeId::AUDIO, 0x91) => 5,
        (TypeId::AUDIO, 0x2F) => 1,
        (TypeId::DATA_AMF0, _) if payload.starts_with(ON_METADATA) => return Some(Told::Metadata),
        (TypeId::DATA_AMF0, _) => {
            let text = payload.strip_prefix(ON_TEXT_DATA)?.get(3..)?;
            let text = std::str::from_utf8(text).ok().filter(|text| text.len() == 16)?;
            let (mark, sequence) = text.split_at(8);
            let mark = u32::from_str_radix(mark, 16).ok()?;
            let sequence = u32::from_str_radix(sequence, 16).ok()? as usize;
            return Some(Told::Frame { mark, sequence });
        }
        _ => return None,
    };
    let (mark, rest) = payload.get(head..)?.split_first_chunk()?;
    let (sequence, _) = rest.split_first_chunk()?;
    let (mark, sequence) =
        (u32::from_be_bytes(*mark) & !NO_START_CODE, u32::from_be_bytes(*sequence) as usize);
    Some(Told::Frame { mark, sequence })
}

/// What players get of what a publisher sent.
pub(super) fn as_players_see_it(payload: &Bytes) -> Bytes {
    match payload.starts_with(SET_DATA_FRAME) {
        true => payload.slice(SET_DATA_FRAME.len()..),
        false => payload.clone(),
    }
}

impl VideoCodec {
    fn head(self, is_keyframe: bool) -> Vec<u8> {
        let frame_type = if is_keyframe { 0x10 } else { 0x20 };
        match self {
            VideoCodec::Avc => vec![frame_type | 7, 1, 0, 0, 0],
            VideoCodec::Hevc => [&[0x80 | frame_type | 1][..], b"hvc1", &[0, 0, 0]].concat(),
            VideoCodec::Sorenson => vec![frame_type | 2],
        }
    }
}

impl AudioCodec {
    fn head(self) -> Vec<u8> {
        match self {
            AudioCodec::Aac => vec![0xAF, 1],
            AudioCodec::Opus => b"\x91Opus".to_vec(),
            AudioCodec::Mp3 => vec![0x2F],
        }
    }
}

const SET_DATA_FRAME: &[u8] = b"\x02\x00\x0D@setDataFrame";
const ON_METADATA: &[u8] = b"\x02\x00\x0AonMetaData";
const ON_TEXT_DATA: &[u8] = b"\x02\x00\x0AonTextData";

/// More than preambles keep.
const VERBOSE_BYTES: usize = 70_000;

/// Mark and number.
const TEXT_BYTES: usize = 8;
const TEXT_EVERY_MS: u64 = 700;

#[cfg(test)]
mod tests {
    use sol_core::ids::MessageType;
    use sol_core::media::{Content, FrameKind, TrackId};

    use super::*;

    #[test]
    fn the_server_takes_each_message_for_what_it_is_and_players_can_tell_it_again() {
        for (video, audio) in [
            (VideoCodec::Avc, AudioCodec::Aac),
            (VideoCodec::Hevc, AudioCodec::Opus),
            (VideoCodec::Sorenson, AudioCodec::Mp3),
        ] {
            let film = film(video, audio);
            let mut roles = Vec::new();
            for media in film.reel().take(200) {
                let payload = as_players_see_it(&media.payload);
                let content = Content::of_tag(MessageType::new(media.type_id.0), media.payload.clone());
                let content = content.expect("a media message");
                assert_eq!(content.payload(), &payload);
                let kind = match media.role {
                    MediaRole::Metadata => FrameKind::Metadata,
                    MediaRole::VideoConfig => FrameKind::VideoConfig(TrackId::DEFAULT),
                    MediaRole::AudioConfig => FrameKind::AudioConfig(TrackId::DEFAULT),
                    MediaRole::Keyframe => FrameKind::Keyframe(TrackId::DEFAULT),
                    MediaRole::Interframe => FrameKind::Interframe,
                    MediaRole::AudioFrame => FrameKind::Audio,
                    MediaRole::Text => FrameKind::Data,
                };
                assert_eq!(FrameKind::of(&content), kind);
                let expected = match media.role {
                    MediaRole::Metadata => Told::Metadata,
                    MediaRole::VideoConfig => Told::VideoConfig,
                    MediaRole::AudioConfig => Told::AudioConfig,
                    _ => Told::Frame { mark: 77, sequence: media.sequence as usize },
                };
                assert_eq!(told(media.type_id, &payload), Some(expected));
                roles.push(media.role);
            }
            assert!(roles.contains(&MediaRole::Text) && roles.contains(&MediaRole::Interframe));
        }
    }

    #[test]
    fn due_times_never_go_back_and_clocks_step_where_they_are_told_to() {
        let mut film = film(VideoCodec::Avc, AudioCodec::Aac);
        film.clock.steps = vec![(Duration::from_secs(2), -1_500)];
        film.clock.start_ms = 0xFFFF_FFF0;
        let mut latest = Duration::ZERO;
        for media in film.reel().take(300) {
            assert!(media.due >= latest);
            latest = media.due;
            let stepped = if media.due >= Duration::from_secs(2) { -1_500_i32 as u32 } else { 0 };
            let time = 0xFFFF_FFF0_u32.wrapping_add(media.due.as_millis() as u32);
            assert_eq!(media.timestamp_ms, time.wrapping_add(stepped));
        }
    }

    #[test]
    fn configurations_change_in_front_of_a_keyframe() {
        let mut film = film(VideoCodec::Avc, AudioCodec::Aac);
        film.changes_after = Some(Duration::from_secs(3));
        let media: Vec<_> = film.reel().take(200).collect();
        let configs = media.iter().filter(|media| media.role == MediaRole::VideoConfig);
        let configs: Vec<_> = configs.map(|media| (media.due, media.payload.clone())).collect();
        assert_eq!(configs.len(), 2);
        assert!(configs[1].0 >= Duration::from_secs(3) && configs[0].1 != configs[1].1);
        let at = media.iter().rposition(|media| media.role == MediaRole::AudioConfig).expect("two");
        assert_eq!(media[at + 1].role, MediaRole::Keyframe);
    }

    fn film(video: VideoCodec, audio: AudioCodec) -> Film {
        Film {
            mark: 77,
            video: Some(Video {
                codec: video,
                frame_ms: 100,
                group: 10,
                keyframe_bytes: 300,
                frame_bytes: 50,
            }),
            audio: Some(Audio { codec: audio, frame_ms: 130, frame_bytes: 10 }),
            metadata: Metadata::Wrapped,
            has_texts: true,
            look: 1,
            clock: Clock::default(),
            changes_after: None,
            repeats_itself: false,
            begins_behind: 0,
            leaps: None,
        }
    }
}
