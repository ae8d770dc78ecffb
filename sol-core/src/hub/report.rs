//! Report: what a stream is at one moment, for whoever operates the server.
//!
//! Made when it is asked for, from the frames that are on the tape, so that a frame costs nothing for it. One look costs
//! as much as the tape is long: at most `limits::TAPE_FRAMES` headers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::frame::Frame;
use crate::media::description::KnownTracks;
use crate::media::{Codec, Content, Description, FrameKind, TrackId, TrackKind};
use crate::timestamp::Timestamp;

use super::preamble::Preamble;
use super::tape::Tape;

/// What a stream is at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamReport {
    /// Whether somebody publishes it.
    pub state: StreamState,
    /// What it consists of, as far as it is on the tape: video first, then by id. Of an earlier publisher there is nothing.
    pub tracks: Vec<TrackReport>,
    /// Stream time between the newest two keyframes of the default track; `None` where two are not on the tape.
    pub keyframe_interval: Option<Duration>,
    /// Players: those that read, wait or pause.
    pub players: usize,
    /// How far the slowest player that reads is behind: see [`Lag`].
    pub lag_max: Duration,
    /// Bytes of frames on the tape.
    pub tape_bytes: usize,
}

impl StreamReport {
    /// Adds what is said of the same stream in another place. Its home knows best whether it is published; whoever has more of
    /// it knows best what it consists of; each has players of its own.
    pub fn absorb(&mut self, other: StreamReport) {
        self.state = self.state.max(other.state);
        self.players += other.players;
        self.lag_max = self.lag_max.max(other.lag_max);
        if other.tape_bytes > self.tape_bytes {
            self.tracks = other.tracks;
            self.keyframe_interval = other.keyframe_interval;
            self.tape_bytes = other.tape_bytes;
        }
    }
}

/// Whether somebody publishes a stream. In the order in which one counts more than another: that it waits for its publisher
/// is known at its home alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamState {
    /// Nobody does. Players wait for somebody, or read what is left of what has ended.
    Waiting,
    /// Somebody does.
    Live,
    /// The publisher has vanished and may return.
    Grace,
}

impl StreamState {
    /// The stable name, as it stands in logs.
    pub const fn name(self) -> &'static str {
        match self {
            StreamState::Live => "live",
            StreamState::Grace => "grace",
            StreamState::Waiting => "waiting",
        }
    }
}

/// One track of a stream, measured over what is on the tape of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackReport {
    /// What it is for.
    pub kind: TrackKind,
    /// Which one of its kind.
    pub id: TrackId,
    /// Its codec, as its newest frame has it.
    pub codec: Codec,
    /// What it is, by its newest configuration.
    pub description: Description,
    /// How much comes, in stream time; `None` where there is too little on the tape to tell.
    pub rate: Option<TrackRate>,
}

/// How much comes of a track in each second of the stream's time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackRate {
    /// Bits of payload.
    pub bits_per_second: u64,
    /// Frames.
    pub frames_per_second: f64,
}

/// How far a player is behind, not counting what its socket and its outbox hold; at most as far as the tape is long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// In stream time.
    pub time: Duration,
    /// In bytes of frames.
    pub bytes: u64,
}

/// The tracks of a publication and its keyframe interval, by what is on the tape of it.
pub(super) fn measure(tape: &Tape, preamble: &Preamble) -> (Vec<TrackReport>, Option<Duration>) {
    let known = describe(preamble);
    let mut tallies = BTreeMap::<(TrackKind, TrackId), Tally>::new();
    let mut keyframes = [None, None];
    for frame in tape.frames_of_publication() {
        let kind = frame.kind();
        if kind == FrameKind::Keyframe(TrackId::DEFAULT) {
            keyframes = [keyframes[1], Some(frame.timestamp())];
        }
        let Some((track, codec)) = track_of(frame) else { continue };
        let tally = tallies.entry(track).or_insert(Tally::new(codec));
        if tally.codec != codec {
            *tally = Tally::new(codec);
        }
        if kind.is_coded() {
            tally.count(frame.payload_len(), frame.timestamp());
        }
    }
    let report = |((kind, id), tally): ((TrackKind, TrackId), Tally)| TrackReport {
        kind,
        id,
        codec: tally.codec,
        // There may be none, or that of another codec.
        description: known
            .of(kind, id)
            .filter(|description| description.codec == tally.codec)
            .unwrap_or_else(|| Description::of_codec(tally.codec)),
        rate: tally.rate(),
    };
    let interval = match keyframes {
        [Some(last), Some(newest)] => Some(last.lag_behind(newest)),
        [None, _] | [_, None] => None,
    };
    (tallies.into_iter().map(report).collect(), interval)
}

/// What the configurations say.
fn describe(preamble: &Preamble) -> KnownTracks {
    let mut known = KnownTracks::default();
    for frame in preamble.iter().filter(|frame| frame.kind() != FrameKind::Metadata) {
        let payload = frame.payload().collect::<Vec<_>>().concat().into();
        let content = if frame.kind().is_video() { Content::Video(payload) } else { Content::Audio(payload) };
        known.learn(&content);
    }
    known
}

/// Which track a frame is of, and that track's codec.
fn track_of(frame: &Frame) -> Option<((TrackKind, TrackId), Codec)> {
    let (id, codec) = frame.tag(&frame.whole_payload())?.main_track()?;
    let kind = if frame.kind().is_video() { TrackKind::Video } else { TrackKind::Audio };
    Some(((kind, id), codec))
}

/// Coded frames of one track with one codec.
struct Tally {
    codec: Codec,
    first: Option<Timestamp>,
    last: Timestamp,
    frames: u64,
    bytes: u64,
    last_bytes: u64,
}

impl Tally {
    fn new(codec: Codec) -> Self {
        Self { codec, first: None, last: Timestamp::ZERO, frames: 0, bytes: 0, last_bytes: 0 }
    }

    fn count(&mut self, bytes: usize, at: Timestamp) {
        self.first.get_or_insert(at);
        self.last = at;
        self.frames += 1;
        self.last_bytes = bytes as u64;
        self.bytes += self.last_bytes;
    }

    /// From the first frame to the last, which itself lasts beyond that.
    fn rate(&self) -> Option<TrackRate> {
        let seconds = self.first?.lag_behind(self.last).as_secs_f64();
        (seconds > 0.0).then(|| TrackRate {
            bits_per_second: ((self.bytes - self.last_bytes) as f64 * 8.0 / seconds).round() as u64,
            frames_per_second: (self.frames - 1) as f64 / seconds,
        })
    }
}
