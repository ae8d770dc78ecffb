//! Feed: the media that one side sends on one NetStream, told by what changes: configurations, first frames, jumps, pauses,
//! and rates by the interval.

mod interval;
mod packets;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use sol_tokio::sol_core::amf::amf0;
use sol_tokio::sol_core::media::description::{FrameRate, Hdr};
use sol_tokio::sol_core::media::{Codec, Content, Description, FrameKind, Media, Tag, TrackId, TrackKind};
use sol_tokio::sol_core::message::Data;
use sol_tokio::sol_core::observer::ObservedTime;
use sol_tokio::sol_core::timestamp::Timestamp;

use interval::Interval;
use packets::Packets;

use super::note::{Said, bytes_of, count_of, kept, millis_of, say, shown, time_of};
use crate::recording::Recording;

#[derive(Debug)]
pub(super) struct Feed {
    /// What the other side asked for, and when; nobody knows where that was not recorded.
    pub(super) asked: Option<Asked>,
    /// The file that it is written into.
    pub(super) recording: Option<Recording>,
    /// It has no file, or no more of it is written.
    pub(super) has_no_file: bool,
    tracks: BTreeMap<(TrackKind, TrackId), Track>,
    packets: Packets,
    /// Of video and of the rest, since each is a lane of its own.
    clocks: [Clock; 2],
    first_at: Option<Duration>,
    /// Names of data messages that were told.
    data_names: Vec<String>,
    interval: Option<Interval>,
    has_told_rates: bool,
    latest: Option<Duration>,
    /// It was ended. What comes all the same was on its way, or is a mistake.
    is_over: bool,
    is_late_told: bool,
    /// A hash of the last.
    metadata: Option<u64>,
    /// How often it came again as it was.
    metadata_again: u64,
}

/// A `publish` or `play`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) verb: &'static str,
    pub(super) name: String,
    pub(super) at: Duration,
}

/// The times of one lane.
#[derive(Debug, Default)]
struct Clock {
    last: Option<(Timestamp, Duration)>,
    /// What is to be added, while headers with times are missing.
    shift: Option<u32>,
}

#[derive(Debug, Default)]
struct Track {
    codec: Option<Codec>,
    /// Hashes of what came last, which may be long.
    configuration: Option<u64>,
    layout: Option<u64>,
    has_colour: bool,
    frames: u64,
    bytes: u64,
    last: Option<Timestamp>,
    /// The longest distance of two frames that was no jump.
    step: Duration,
    jumps: u64,
    /// Frames before the first keyframe; `None` once that has come.
    waits_for_keyframe: Option<u64>,
    keyframe: Option<Timestamp>,
}

impl Feed {
    pub(super) fn new(asked: Option<Asked>) -> Feed {
        Feed {
            asked,
            recording: None,
            has_no_file: false,
            tracks: BTreeMap::new(),
            packets: Packets::default(),
            clocks: Default::default(),
            first_at: None,
            data_names: Vec::new(),
            interval: None,
            has_told_rates: false,
            latest: None,
            is_over: false,
            is_late_told: false,
            metadata: None,
            metadata_again: 0,
        }
    }

    /// The same message with a time on the clock of this feed. Where the header was not recorded that had the time, it is
    /// known from the last one that was, and from when it came, or counts from the first message.
    pub(super) fn in_time(&mut self, media: &Media, time: ObservedTime, at: Duration) -> Media {
        let first_at = *self.first_at.get_or_insert(at);
        let kind = FrameKind::of(&media.content);
        let track = if kind.is_video() { 0 } else { 1 };
        let clock = &mut self.clocks[track];
        let timestamp = match time {
            ObservedTime::Absolute(_) => {
                clock.shift = None;
                media.timestamp
            }
            ObservedTime::Relative(_) => {
                let shift = *clock.shift.get_or_insert_with(|| {
                    let (from, since) = clock.last.unwrap_or((Timestamp::ZERO, first_at));
                    let now = from.advanced_by(at.saturating_sub(since).as_millis() as u32);
                    now.millis().wrapping_sub(media.timestamp.millis())
                });
                media.timestamp.advanced_by(shift)
            }
        };
        if kind.is_coded() {
            clock.last = Some((timestamp, at));
        }
        Media { timestamp, content: media.content.clone() }
    }

    /// A message that has come.
    pub(super) fn take(&mut self, media: &Media, at: Duration, said: &mut Vec<Said>) {
        if self.is_over {
            if !std::mem::replace(&mut self.is_late_told, true) {
                said.push(say("late", "media that come behind the end of their stream"));
            }
            return;
        }
        if let Some(latest) = self.latest.replace(at) {
            let silence = at.saturating_sub(latest);
            if silence >= QUIET {
                said.push(
                    say("pause", format!("no media for {}", time_of(silence)))
                        .with_seconds("seconds", silence),
                );
            }
        }
        self.tell_rates(at, RATE_INTERVAL, said);
        match &media.content {
            Content::Data(data) => self.take_data(data, said),
            Content::Audio(payload) if payload.is_empty() => {}
            Content::Audio(_) | Content::Video(_) => self.take_tracks(media, at, said),
        }
    }

    /// Whether it was ended.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// It was ended, or no more media can come.
    pub(super) fn end(&mut self, said: &mut Vec<Said>) {
        self.is_over = true;
        let least = if self.has_told_rates { REST_INTERVAL } else { LEAST_INTERVAL };
        // Time without media behind the last of them would make the rates less than they were.
        if let Some(latest) = self.latest {
            self.tell_rates(latest, least, said);
        }
        self.interval = None;
        let again = std::mem::take(&mut self.metadata_again).saturating_sub(1);
        if again > 0 {
            let times = count_of(again, "more time", "more times");
            said.push(say("metadata", format!("onMetaData {times}, the same")).with("count", again));
        }
        for ((kind, id), track) in &mut self.tracks {
            if let Some(more) = track.jumps.checked_sub(JUMPS_TOLD).filter(|more| *more > 0) {
                let track = track_name(*kind, *id);
                let count = count_of(more, "further jump", "further jumps");
                let words = format!("{count} of {track} times");
                said.push(say("jumps", words).with("track", track).with("count", more));
            }
            track.jumps = 0;
        }
        said.extend(self.packets.said());
    }

    fn take_data(&mut self, data: &Data, said: &mut Vec<Said>) {
        let name = data.name();
        if data.is_metadata() {
            let hash = hash_of(data.payload());
            let is_same = self.metadata.replace(hash) == Some(hash);
            if is_same {
                self.metadata_again += 1;
                if self.metadata_again == 1 {
                    said.push(say("metadata", "onMetaData again, the same").with("name", name));
                }
            } else {
                said.push(say("metadata", described(data)).with("name", name));
            }
        } else if self.data_names.len() < DATA_NAMES_TOLD
            && !self.data_names.iter().any(|it| *it == kept(name))
        {
            self.data_names.push(kept(name));
            said.push(say("data", format!("first {}", described(data))).with("name", name));
        }
    }

    /// Takes each track of a message by itself.
    fn take_tracks(&mut self, media: &Media, at: Duration, said: &mut Vec<Said>) {
        self.packets.count(&media.content);
        let tag = Tag::of(&media.content).and_then(Result::ok);
        let Some(parts) = tag.and_then(|tag| tag.parts()) else { return self.take_coded(media, at, said) };
        for (kind, payload) in parts {
            let payload = payload.into();
            let content = if kind.is_video() { Content::Video(payload) } else { Content::Audio(payload) };
            self.take_coded(&Media { timestamp: media.timestamp, content }, at, said);
        }
    }

    fn take_coded(&mut self, media: &Media, at: Duration, said: &mut Vec<Said>) {
        let Media { timestamp, content } = media;
        let kind = FrameKind::of(content);
        let track_kind = if kind.is_video() { TrackKind::Video } else { TrackKind::Audio };
        let (id, codec) = match Codec::of(content) {
            Some((id, codec)) => (id, Some(codec)),
            None => (TrackId::DEFAULT, None),
        };
        let name = track_name(track_kind, id);
        let bytes = content.payload().len() as u64;
        let asked = self.asked.as_ref();
        let track = self.tracks.entry((track_kind, id)).or_default();
        track.bytes += bytes;
        let codec_before = track.codec;
        if codec.is_some() {
            track.codec = codec;
        }
        match kind {
            FrameKind::AudioLayout(_) => {
                let hash = hash_of(content.payload());
                if track.layout.replace(hash) != Some(hash) {
                    let channels = layout_channels(content);
                    let words = match channels {
                        Some(channels) => {
                            let count = count_of(channels.into(), "channel", "channels");
                            format!("{name} is laid out for {count}")
                        }
                        None => format!("{name} says how its channels are laid out"),
                    };
                    said.push(say("layout", words).with("track", name).with_known("channels", channels));
                }
            }
            FrameKind::VideoConfig(_) | FrameKind::AudioConfig(_) => {
                let hash = hash_of(content.payload());
                let before = track.configuration.replace(hash);
                if before == Some(hash) {
                    return;
                }
                let again = if before.is_some() { "another " } else { "" };
                let record = content.configuration().unwrap_or_default();
                let description = codec.map(|codec| Description::of(codec, record));
                said.push(configuration_said(again, &name, description.as_ref()));
            }
            FrameKind::VideoMetadata(_) => {
                if !std::mem::replace(&mut track.has_colour, true) {
                    let words = format!("{name} says what its colours mean");
                    said.push(say("colour", words).with("track", name));
                }
            }
            FrameKind::VideoEnd | FrameKind::AudioEnd => {
                said.push(say("track-end", format!("{name} ends")).with("track", name));
            }
            FrameKind::Audio | FrameKind::Keyframe(_) | FrameKind::Interframe => {
                let is_key = matches!(kind, FrameKind::Keyframe(_));
                if track.frames == 0 {
                    said.push(first_said(track_kind, &name, media, codec, is_key, asked, at));
                    track.waits_for_keyframe = (track_kind == TrackKind::Video && !is_key).then_some(0);
                } else if codec_before.is_some() && codec.is_some() && codec_before != codec {
                    let codec = codec.map(|codec| codec.to_string()).unwrap_or_default();
                    said.push(
                        say("codec", format!("{name} changes to {codec}"))
                            .with("track", &*name)
                            .with("codec", codec),
                    );
                }
                if let Some(missed) = &mut track.waits_for_keyframe {
                    if is_key {
                        let count = count_of(*missed, "other frame", "other frames");
                        let words = format!("first keyframe of {name}, behind {count}");
                        said.push(
                            say("first-keyframe", words).with("track", &*name).with("frames_before", *missed),
                        );
                        track.waits_for_keyframe = None;
                    } else {
                        *missed += 1;
                    }
                }
                track.frames += 1;
                let step = track.go_on(*timestamp);
                if let Some(Step::Jump(jump)) = &step {
                    said.extend(jump.said(&name, track.jumps));
                }
                self.count(media, track_kind, id, is_key, at);
                if let (Some(Step::On(distance)), Some(interval)) = (step, &mut self.interval)
                    && (track_kind, id) == (TrackKind::Video, TrackId::DEFAULT)
                {
                    interval.pictures_after += 1;
                    interval.pictures_span += distance;
                }
            }
            FrameKind::Metadata | FrameKind::Data => {}
        }
    }

    /// Counts a frame for the rates.
    fn count(&mut self, media: &Media, kind: TrackKind, id: TrackId, is_key: bool, at: Duration) {
        let time = media.timestamp;
        let interval = self.interval.get_or_insert_with(|| Interval::beginning(at));
        let amount = match kind {
            TrackKind::Video => &mut interval.video,
            TrackKind::Audio => &mut interval.audio,
        };
        amount.bytes += media.content.payload().len() as u64;
        amount.frames += u64::from(id == TrackId::DEFAULT);
        interval.first = interval.first.or(Some(time));
        if interval.last.is_none_or(|last| time.is_after(last)) {
            interval.last = Some(time);
        }
        if is_key && id == TrackId::DEFAULT {
            interval.keyframes += 1;
            let track = self.tracks.entry((kind, id)).or_default();
            if let Some(before) = track.keyframe.replace(time) {
                let distance = before.lag_behind(time);
                let (least, most) = interval.between_keyframes.unwrap_or((distance, distance));
                interval.between_keyframes = Some((least.min(distance), most.max(distance)));
            }
        }
    }

    /// Tells rates, if the interval has become so long.
    fn tell_rates(&mut self, at: Duration, least: Duration, said: &mut Vec<Said>) {
        let Some(interval) = &self.interval else { return };
        let (took, came) = (at.saturating_sub(interval.began), interval.amount());
        if took < least || took.is_zero() || came == 0 {
            return;
        }
        said.push(interval.said(took));
        self.interval =
            Some(Interval { first: interval.last, last: interval.last, ..Interval::beginning(at) });
        self.has_told_rates = true;
    }
}

impl Track {
    /// A frame has come. How far it is behind the one before it, if there was one.
    fn go_on(&mut self, time: Timestamp) -> Option<Step> {
        let last = self.last.replace(time)?;
        let offset = time.offset_from(last);
        let distance = Duration::from_millis(offset.unsigned_abs().into());
        // The first distance says what is usual here, which may be a picture every few seconds.
        let says_what_is_usual = self.step.is_zero() && self.jumps == 0 && distance <= USUAL_STEP;
        let is_long = distance >= JUMP_LEAST && distance > 3 * self.step && !says_what_is_usual;
        if offset >= 0 && !is_long {
            self.step = self.step.max(distance);
            return Some(Step::On(distance));
        }
        self.jumps += 1;
        Some(Step::Jump(Jump { from: last, to: time, offset }))
    }
}

/// From one frame of a track to the next.
enum Step {
    On(Duration),
    Jump(Jump),
}

/// Times do not go on as they did.
struct Jump {
    from: Timestamp,
    to: Timestamp,
    offset: i32,
}

impl Jump {
    /// Words for it, unless there were many.
    fn said(&self, track: &str, count: u64) -> Option<Said> {
        let way = if self.offset < 0 { "back" } else { "ahead" };
        let distance = time_of(Duration::from_millis(self.offset.unsigned_abs().into()));
        let words = format!(
            "{track} time jumps {way} by {distance}, from {} to {}",
            millis_of(self.from),
            millis_of(self.to)
        );
        let said = say("jump", words)
            .with("track", track)
            .with("from_ms", self.from.millis())
            .with("to_ms", self.to.millis())
            .with("by_ms", self.offset);
        (count <= JUMPS_TOLD).then_some(said)
    }
}

/// How many channels a MultichannelConfig names (Enhanced RTMP v2).
fn layout_channels(content: &Content) -> Option<u8> {
    content.configuration()?.get(1).copied()
}

fn configuration_said(again: &str, track: &str, description: Option<&Description>) -> Said {
    let said = say("configuration", String::new()).with("track", track);
    let Some(known) = description else {
        return said.in_words(format!("{again}{track} configuration: of no known codec"));
    };
    let mut words = format!("{again}{track} configuration: {}", known.codec);
    let more = known.to_string();
    if !more.is_empty() {
        words.push(' ');
        words.push_str(&more);
    }
    said.in_words(words)
        .with("codec", known.codec.to_string())
        .with_known("codec_string", known.codec_string.clone())
        .with_known("profile", known.profile.clone())
        .with_known("level", known.level.clone())
        .with_known("width", known.size.map(|size| size.width))
        .with_known("height", known.size.map(|size| size.height))
        .with_known("frame_rate", known.frame_rate.map(FrameRate::per_second))
        .with_known("bit_depth", known.bit_depth)
        .with_known("chroma", known.chroma.map(|chroma| chroma.to_string()))
        .with_known("hdr", known.hdr().map(Hdr::name))
        .with_known("sample_rate", known.sample_rate)
        .with_known("channels", known.channels)
}

fn first_said(
    kind: TrackKind,
    track: &str,
    media: &Media,
    codec: Option<Codec>,
    is_key: bool,
    asked: Option<&Asked>,
    at: Duration,
) -> Said {
    let mut words = format!("first {track}: ");
    let codec = codec.map(|codec| codec.to_string());
    words.push_str(codec.as_deref().unwrap_or("of no known codec"));
    let plain = match (&media.content, kind) {
        (Content::Audio(payload), TrackKind::Audio) => Description::of_plain_audio(payload),
        _ => None,
    };
    let plain = plain.map(|description| description.to_string()).unwrap_or_default();
    if !plain.is_empty() {
        words.push(' ');
        words.push_str(&plain);
    }
    if kind == TrackKind::Video {
        words.push_str(if is_key { ", a keyframe" } else { ", no keyframe" });
    }
    let bytes = media.content.payload().len() as u64;
    words.push_str(&format!(", {}, time {}", bytes_of(bytes), millis_of(media.timestamp)));
    let after = asked.map(|asked| at.saturating_sub(asked.at));
    if let (Some(after), Some(asked)) = (after, asked) {
        words.push_str(&format!(", {} after {}", time_of(after), asked.verb));
    }
    say("first-frame", words)
        .with("track", track)
        .with_known("codec", codec)
        .with("is_keyframe", is_key)
        .with("bytes", bytes)
        .with("time_ms", media.timestamp.millis())
        .with_seconds("seconds_after_request", after)
}

/// A data message with its values.
fn described(data: &Data) -> String {
    let mut words = shown(data.name());
    match amf0::read_all(data.payload()) {
        Ok(values) => {
            for value in values.iter().skip(1) {
                words.push(' ');
                words.push_str(&unbraced(value));
            }
        }
        Err(error) => words.push_str(&format!(" (its values cannot be read: {error})")),
    }
    words
}

/// A value; the properties of an object without the braces around them, as long as it has any.
pub(super) fn unbraced(value: &sol_tokio::sol_core::amf::Value) -> String {
    let whole = value.to_string();
    let inner = whole.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inner.filter(|inner| !inner.is_empty()).map_or(whole.clone(), str::to_owned)
}

/// How a track is called.
fn track_name(kind: TrackKind, id: TrackId) -> String {
    let kind = match kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
    };
    if id == TrackId::DEFAULT { kind.to_owned() } else { format!("{kind} track {}", id.0) }
}

/// What tells a payload from another, with nobody who would forge it.
fn hash_of(payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.hash(&mut hasher);
    hasher.finish()
}

/// Silence that a viewer notices: players hold one or two seconds.
const QUIET: Duration = Duration::from_secs(2);

/// Between two lines of rates.
const RATE_INTERVAL: Duration = Duration::from_secs(10);

/// Rates of less than this mean nothing.
const LEAST_INTERVAL: Duration = Duration::from_millis(500);

/// Rates of less at the end of a stream tell nothing that the last ones did not.
const REST_INTERVAL: Duration = Duration::from_secs(2);

/// Slow encoders send a picture each 200 ms, and audio of a codec without sound now and then.
const JUMP_LEAST: Duration = Duration::from_millis(500);

/// The longest first distance of two frames that is taken for usual. Cameras that save send a picture every few seconds.
const USUAL_STEP: Duration = Duration::from_secs(10);

/// Of each track. Encoders whose clock is broken jump with each frame.
const JUMPS_TOLD: u64 = 3;

/// Of each feed. Applications have a handful of them.
const DATA_NAMES_TOLD: usize = 16;

#[cfg(test)]
mod tests;
