//! Publication: what one publisher sent under one name, and what its players are to see of it.
//!
//! The stream's own time is told from the publisher's clock a second time here, written apart from the core's.
//!
//! Invariant: what was taken by the server is a prefix of what was sent.

use std::time::Duration;

use bytes::Bytes;
use sol_core::limits;
use sol_core::participant::EndReason;

use crate::peer::pattern::{MediaRole, MediaSent};

use super::film::{Film, Metadata, as_players_see_it};

/// One publication. Its number is the mark of its frames.
#[derive(Debug)]
pub(super) struct Publication {
    pub name: String,
    pub sent: Vec<Sent>,
    pub stage: Stage,
    /// Whether a tape holds more than a group of it.
    pub fits_tape: bool,
    /// Something of it is so long that a player with a small window may fall behind with that alone; or it sends before it may, and
    /// more comes at once than a small tape holds.
    pub is_bulky: bool,
    /// In which time somebody who joins finds a place to begin at, where that can be said.
    pub group_time: Option<Duration>,
    /// How late it comes to the server at most; nothing where it may be held up.
    pub delay_max: Option<Duration>,
    /// Where its time begins in the stream's, once somebody has seen it; anew where that time was used up.
    pub bases: Vec<Option<u32>>,
    clock: Clock,
    /// The newest of each kind that preambles have.
    newest: [Option<usize>; 3],
    /// All metadata and configurations.
    preparations: Vec<usize>,
}

/// How far a publication is, as the server told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stage {
    /// The server has not said yes.
    Asked,
    /// It began then, as the how-manieth of its name.
    Live { order: usize, since: Duration },
    /// It is over.
    Over { order: usize, since: Duration, at: Duration, taken: usize, parting: Parting },
    /// The server said no.
    Refused,
}

/// Whether another may go on where a publication stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parting {
    InGoodOrder,
    Vanished,
}

/// One message.
#[derive(Debug)]
pub(super) struct Sent {
    pub media: MediaSent,
    pub at: Duration,
    /// The payload as players get it.
    pub seen: Bytes,
    /// Its time, counted from the base of its life.
    pub run_ms: u32,
    /// How often the stream's time was used up before it.
    pub life: usize,
    /// Whether it says anything that the server does not know.
    pub is_new: bool,
    /// The newest metadata and configurations at or in front of it that preambles have.
    pub newest: [Option<usize>; 3],
}

impl Publication {
    pub(super) fn new(name: &str, film: &Film, fits_tape: bool, delay_max: Option<Duration>) -> Self {
        Self {
            name: name.to_owned(),
            sent: Vec::new(),
            stage: Stage::Asked,
            fits_tape,
            is_bulky: film.metadata == Metadata::Verbose,
            group_time: match film.video {
                _ if !fits_tape => None,
                Some(_) => film.group_time(),
                None => Some(limits::AUDIO_SYNC_TIME),
            },
            delay_max,
            bases: vec![if film.leaps.is_some() { Some(0) } else { None }],
            clock: Clock::default(),
            newest: [None; 3],
            preparations: Vec::new(),
        }
    }

    /// Nobody published the name before: the stream's time begins with it.
    pub(super) fn begins_its_stream(&mut self) {
        self.bases[0] = Some(0);
    }

    /// The next message is on its way.
    pub(super) fn send(&mut self, media: MediaSent, now: Duration) {
        let index = self.sent.len();
        let seen = as_players_see_it(&media.payload);
        let mut is_new = true;
        if let Some(kind) = kept_kind(media.role) {
            self.preparations.push(index);
            is_new = self.newest[kind].is_none_or(|known| self.sent[known].seen != seen);
            // Whatever is too long for preambles reaches only those who are there.
            self.newest[kind] = Some(index).filter(|_| seen.len() < limits::PREAMBLE_BYTES);
        }
        let is_coded =
            matches!(media.role, MediaRole::Keyframe | MediaRole::Interframe | MediaRole::AudioFrame);
        if media.role == MediaRole::Keyframe && self.is_full() {
            self.bases.push(Some(0));
            self.clock = Clock::default();
        }
        let run_ms = match media.role {
            MediaRole::Text => self.clock.stamp_aside(media.timestamp_ms),
            _ if is_coded => self.clock.stamp(media.timestamp_ms),
            _ => self.clock.head,
        };
        let (life, newest) = (self.bases.len() - 1, self.newest);
        self.sent.push(Sent { media, at: now, seen, run_ms, life, is_new, newest });
    }

    /// How many messages came to the server: all, as far as is known.
    pub(super) fn taken(&self) -> usize {
        match self.stage {
            Stage::Over { taken, .. } => taken,
            Stage::Live { .. } => self.sent.len(),
            Stage::Asked | Stage::Refused => 0,
        }
    }

    /// Whether it ever sent such metadata or such a configuration.
    pub(super) fn has_prepared(&self, kind: usize, payload: &Bytes) -> bool {
        let of_kind = |sent: &Sent| kept_kind(sent.media.role) == Some(kind) && sent.seen == *payload;
        self.preparations.iter().any(|&index| of_kind(&self.sent[index]))
    }

    pub(super) fn order(&self) -> Option<usize> {
        match self.stage {
            Stage::Live { order, .. } | Stage::Over { order, .. } => Some(order),
            Stage::Asked | Stage::Refused => None,
        }
    }

    /// Since when the server takes it.
    pub(super) fn since(&self) -> Option<Duration> {
        match self.stage {
            Stage::Live { since, .. } | Stage::Over { since, .. } => Some(since),
            Stage::Asked | Stage::Refused => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over { .. })
    }

    /// Whether no keyframe came for so long before a message that none may be waited for. The server asks when it reads it.
    pub(super) fn has_no_keyframes_at(&self, index: usize) -> bool {
        let last = self.sent[..index].iter().rev().find(|sent| sent.media.role == MediaRole::Keyframe);
        let first = self.sent.iter().find(|sent| sent.media.role == MediaRole::Interframe);
        let since = last.or(first).map_or(0, |sent| sent.run_ms);
        u128::from(self.latest_ms(self.sent.len()).saturating_sub(since)) > limits::KEYFRAME_TIME.as_millis()
    }

    /// The latest time of the messages in front of one.
    pub(super) fn latest_ms(&self, index: usize) -> u32 {
        self.sent[..index].iter().map(|sent| sent.run_ms).max().unwrap_or_default()
    }

    /// Where its time ended in the stream's, if it had any.
    fn ended_at_ms(&self) -> Option<u32> {
        let taken = &self.sent[..self.taken()];
        let life = taken.last()?.life;
        let coded = taken.iter().filter(|sent| sent.life == life && sent.media.role.is_frame());
        Some(self.bases[life]?.wrapping_add(coded.map(|sent| sent.run_ms).max()?))
    }

    /// Where its time begins, if that is known.
    fn began_at_ms(&self) -> Option<u32> {
        self.bases[0].filter(|_| !self.sent.is_empty())
    }

    /// It went on where another one stopped, and so did the stream's time.
    pub(super) fn check_border(&self, before: &Publication) {
        let (Some(ended), Some(began)) = (before.ended_at_ms(), self.began_at_ms()) else { return };
        let pause = began.wrapping_sub(ended);
        // Where no time has passed, none has begun.
        let expected = if ended == 0 { 0 } else { limits::RESUME_MILLIS };
        assert!(
            pause == expected,
            "the time of {} went on {} ms behind the last frame of the publisher before",
            self.name,
            pause as i32
        );
    }

    /// A message arrived at a player with this time, of which it has one of its own.
    pub(super) fn check_time(&mut self, index: usize, timestamp_ms: u32) {
        let sent = &self.sent[index];
        let base = timestamp_ms.wrapping_sub(sent.run_ms);
        let known = *self.bases[sent.life].get_or_insert(base);
        assert!(
            known == base,
            "message {index} ({:?}) of the publisher of {} came with time {timestamp_ms}, which is {} beyond the beginning \
             of its time, and is to be {} beyond it",
            sent.media.role,
            self.name,
            timestamp_ms.wrapping_sub(known) as i32,
            sent.run_ms
        );
    }

    fn is_full(&self) -> bool {
        let base = self.bases.last().copied().flatten();
        base.is_some_and(|base| {
            u128::from(base) + u128::from(self.clock.head) >= limits::TIMELINE_TIME.as_millis()
        })
    }
}

/// A publisher's clock, as the stream's time follows it.
#[derive(Debug, Default)]
struct Clock {
    /// What it said last, and how far it has run.
    last: Option<(u32, i64)>,
    head: u32,
}

impl Clock {
    fn stamp(&mut self, time_ms: u32) -> u32 {
        let run = match self.last {
            None => 0,
            Some((last_ms, run)) => match believable(last_ms, time_ms) {
                Some(step) => run + step,
                None => i64::from(self.head) + i64::from(limits::RESUME_MILLIS),
            },
        };
        self.last = Some((time_ms, run));
        let at = self.place(run);
        self.head = self.head.max(at);
        at
    }

    fn stamp_aside(&self, time_ms: u32) -> u32 {
        let stepped = self.last.and_then(|(last_ms, run)| Some(run + believable(last_ms, time_ms)?));
        stepped.map_or(self.head, |run| self.place(run))
    }

    /// Not before the first, and no further back than a clock may step.
    fn place(&self, run: i64) -> u32 {
        let earliest = i64::from(self.head) - (limits::CLOCK_BACK_MILLIS as i64);
        run.max(earliest).max(0) as u32
    }
}

/// The step of a clock that is still the same one.
fn believable(last_ms: u32, time_ms: u32) -> Option<i64> {
    let step = time_ms.wrapping_sub(last_ms) as i32;
    (-(limits::CLOCK_BACK_MILLIS as i32)..=limits::CLOCK_AHEAD_MILLIS as i32)
        .contains(&step)
        .then_some(i64::from(step))
}

/// Which of the three kinds that preambles have.
pub(super) fn kept_kind(role: MediaRole) -> Option<usize> {
    match role {
        MediaRole::Metadata => Some(METADATA),
        MediaRole::VideoConfig => Some(VIDEO),
        MediaRole::AudioConfig => Some(AUDIO),
        MediaRole::Keyframe | MediaRole::Interframe | MediaRole::AudioFrame | MediaRole::Text => None,
    }
}

pub(super) const METADATA: usize = 0;
pub(super) const VIDEO: usize = 1;
pub(super) const AUDIO: usize = 2;

impl From<&EndReason> for Parting {
    fn from(why: &EndReason) -> Parting {
        match why {
            EndReason::Closed(sol_core::session::CloseReason::ClosedByPeer) | EndReason::Stopped => {
                Parting::InGoodOrder
            }
            EndReason::StreamEnded
            | EndReason::NotFound
            | EndReason::TimelineFull
            | EndReason::TooSlow
            | EndReason::Replaced
            | EndReason::Closed(_) => Parting::Vanished,
        }
    }
}
