//! Timeline: a stream's own time, which begins at 0 and only its publishers' clocks move.
//!
//! One offset for all tracks maps a publisher's clock to it, fixed at the first coded frame of a publication; configurations
//! never fix it, since FFmpeg sends them at 0 and media hours later. Where timestamps do not make sense ([`Repair`]), the
//! frame is placed where it would be due, and the clock that it speaks of is remembered beside those that were seen before:
//! whichever puts a frame nearest to where the stream is, is believed. So tracks with clocks of their own stay side by side,
//! and one wild stamp costs nobody anything.
//!
//! Invariants: no frame is stamped before the first one of its publication. But for [`Repair::Off`], a track never goes back,
//! and none is stamped further behind the stream's time than `limits::CLOCK_BACK_MILLIS`; with [`Repair::Resync`], nor
//! further ahead of it than `limits::CLOCK_AHEAD_MILLIS`. No clock is believed that leaps by more than
//! `limits::CLOCK_LEAP_MILLIS`.

use std::time::Duration;

use smallvec::SmallVec;

use crate::limits;
use crate::media::{TrackId, TrackKind};
use crate::time::Instant;
use crate::timestamp::Timestamp;

use super::clock::{Clock, Unit};
use super::correction::{Correction, Corrections};

/// What is done about a publisher's timestamps that make no sense. Each correction is counted by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Nothing: they are taken as they come, but for the stream's own beginning. For publishers that are known to be right,
    /// and for those who want to see what they send.
    Off,
    /// A track never goes back. Leaps ahead are taken as they come: they may be true.
    Monotonic,
    /// A track never goes back, and goes on one frame later where its publisher's clock leaps, begins anew, or counts
    /// microseconds; tracks with clocks of their own stay side by side.
    Resync,
}

/// What players see of the time between two publications of a stream that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Nothing: the next frame is due one frame after the last. mpegts.js stands still for good at a hole of 100 ms.
    Cut,
    /// It lasts as long as it lasted.
    Real,
}

#[derive(Debug)]
pub(super) struct Timeline {
    repair: Repair,
    pause: Pause,
    /// Where the current publication begins.
    base: u64,
    /// The latest time that was stamped.
    head: u64,
    /// Whether any was.
    has_begun: bool,
    /// When something was stamped last.
    heard: Option<Instant>,
    /// Of the current publication: the one that was believed last, and those before it.
    clocks: SmallVec<[Clock; 1]>,
    /// Of the current publication: its tracks, the first that were seen.
    lanes: SmallVec<[Lane; 2]>,
    /// Of the current publication.
    corrections: Corrections,
}

/// One track, which does not go back.
#[derive(Debug)]
struct Lane {
    track: (TrackKind, TrackId),
    /// What its last frame said.
    said: Timestamp,
    /// Where that was put.
    at: u64,
    race: Option<Race>,
}

/// Leaps in a row: they may be the steps of a clock that counts something shorter.
#[derive(Clone, Copy, Debug)]
struct Race {
    since: Instant,
    leaps: u32,
    millis: u64,
}

impl Timeline {
    /// Where times would have another sign: only what leaps by hours in front of the end gets here.
    const END: u64 = i32::MAX as u64;

    pub(super) fn new(repair: Repair, pause: Pause) -> Self {
        Self {
            repair,
            pause,
            base: 0,
            head: 0,
            has_begun: false,
            heard: None,
            clocks: SmallVec::new(),
            lanes: SmallVec::new(),
            corrections: Corrections::NONE,
        }
    }

    /// Another publication begins, one frame after whatever was sent last.
    pub(super) fn begin_publication(&mut self) {
        self.base = if self.has_begun { self.head + u64::from(limits::RESUME_MILLIS) } else { 0 };
        self.clocks.clear();
        self.lanes.clear();
        self.corrections = Corrections::NONE;
    }

    /// The stream's own time begins anew, for players that join from here on.
    pub(super) fn restart(&mut self) {
        let corrections = self.corrections;
        *self = Self { corrections, ..Self::new(self.repair, self.pause) };
    }

    /// Whether the end of the stream's own time is near.
    pub(super) fn is_full(&self) -> bool {
        self.head >= limits::TIMELINE_TIME.as_millis() as u64
    }

    /// What was corrected of the current publication.
    pub(super) fn corrections(&self) -> Corrections {
        self.corrections
    }

    /// A frame of the publisher is left out.
    pub(super) fn leave_out(&mut self, why: Correction) {
        self.corrections.add(why);
    }

    /// The place of a coded frame of a track that the publisher stamped with `time`, and that has come at `now`.
    pub(super) fn stamp(&mut self, track: (TrackKind, TrackId), time: Timestamp, now: Instant) -> Timestamp {
        let waited = self.heard.map(|heard| now.saturating_since(heard));
        self.heard = Some(now);
        if self.clocks.is_empty() {
            self.begin_at(time, waited);
        }
        let lane = self.lanes.iter().position(|lane| lane.track == track);
        let believed = match self.repair {
            Repair::Off => Some(0),
            Repair::Monotonic | Repair::Resync => self.believe(lane, time),
        };
        match believed {
            Some(index) => {
                // The next frame asks it first.
                self.clocks[..=index].rotate_right(1);
                if let Some(lane) = lane {
                    self.lanes[lane].race = None;
                }
            }
            None => self.take_up_clock(lane, time, waited.unwrap_or_default(), now),
        }
        let run = self.clocks[0].at(time);
        self.clocks[0].follow(time);
        let mut at = u64::try_from(run).unwrap_or(0).max(self.base).min(Self::END);
        match lane {
            Some(lane) => {
                let lane = &mut self.lanes[lane];
                if self.repair != Repair::Off && at < lane.at {
                    at = lane.at;
                    self.corrections.add(Correction::Disorder);
                }
                (lane.said, lane.at) = (time, at);
            }
            None if self.lanes.len() < limits::TIMELINE_TRACKS => {
                self.lanes.push(Lane { track, said: time, at, race: None });
            }
            None => {}
        }
        self.head = self.head.max(at);
        self.has_begun = true;
        Self::wrapped(at)
    }

    /// The first coded frame of a publication fixes where it is.
    fn begin_at(&mut self, time: Timestamp, waited: Option<Duration>) {
        if let (Pause::Real, Some(waited), true) = (self.pause, waited, self.has_begun) {
            self.base = self.base.max(self.head + waited.as_millis() as u64);
        }
        self.clocks.push(Clock::new(time, self.base, Unit::Millisecond));
    }

    /// Which clock a frame of a track is stamped by: the one that puts it nearest to where the stream is.
    #[inline]
    fn believe(&self, lane: Option<usize>, time: Timestamp) -> Option<usize> {
        let head = self.head.max(self.base) as i64;
        // What is in front of the publication's first frame plays with it.
        let of_stream = head - limits::CLOCK_BACK_MILLIS as i64;
        let of_lane = lane.map(|lane| self.lanes[lane].at as i64 - limits::TRACK_BACK_MILLIS as i64);
        let earliest = of_lane.map_or(of_stream, |of_lane| of_lane.max(of_stream));
        let ahead = match self.repair {
            Repair::Off | Repair::Monotonic => limits::CLOCK_LEAP_MILLIS,
            // Where a track leaps, the others are likely to do the same, if not as far.
            Repair::Resync if self.lanes.iter().any(|lane| lane.race.is_some()) => limits::CLOCK_NEAR_MILLIS,
            Repair::Resync => limits::CLOCK_AHEAD_MILLIS,
        };
        let latest = head + ahead as i64;
        let place = |index: usize| {
            let at = self.clocks[index].at(time);
            (earliest..=latest).contains(&at).then(|| at.abs_diff(head))
        };
        match place(0) {
            Some(distance) if distance <= limits::CLOCK_NEAR_MILLIS => Some(0),
            first => {
                let others = (1..self.clocks.len()).filter_map(|index| Some((place(index)?, index)));
                first.map(|distance| (distance, 0)).into_iter().chain(others).min().map(|(_, index)| index)
            }
        }
    }

    /// No clock that was seen puts a frame where it could be: it is due as long after the last one as it came, up to a frame,
    /// and its clock is another one.
    fn take_up_clock(&mut self, lane: Option<usize>, time: Timestamp, waited: Duration, now: Instant) {
        let mut unit = Unit::Millisecond;
        let mut wait = waited.as_millis().clamp(1, limits::RESUME_MILLIS.into()) as u64;
        let correction = match lane.map(|lane| &mut self.lanes[lane]) {
            None => {
                wait = 0;
                Correction::OtherClock
            }
            Some(lane) => {
                let step = time.offset_from(lane.said);
                if step > 0 {
                    let since = lane.race.unwrap_or(Race { since: now - waited, leaps: 0, millis: 0 });
                    let millis = since.millis + u64::from(step.unsigned_abs());
                    let race = Race { leaps: since.leaps + 1, millis, ..since };
                    lane.race = Some(race);
                    if race.is_of_microseconds(now) {
                        unit = Unit::Microsecond;
                        Correction::Microseconds
                    } else {
                        Correction::Leap
                    }
                } else {
                    lane.race = None;
                    let is_beginning = time.millis() < limits::CLOCK_RESTART_MILLIS;
                    if is_beginning { Correction::Restart } else { Correction::StepBack }
                }
            }
        };
        self.corrections.add(correction);
        let clock = Clock::new(time, self.head.max(self.base) + wait, unit);
        self.clocks.truncate(limits::TIMELINE_CLOCKS - 1);
        self.clocks.insert(0, clock);
    }

    /// The stream's time is kept elsewhere, and has come to `at`.
    pub(super) fn follow(&mut self, at: Timestamp) {
        let head = Self::wrapped(self.head);
        if !self.has_begun || at.is_after(head) {
            self.head += u64::from(at.millis().wrapping_sub(head.millis()));
            self.has_begun = true;
        }
    }

    /// The place of a data message that the publisher stamped with `time`. It moves nothing, since a text may come long
    /// before its picture; and where its time is of another clock, as in publishers that stamp all data with 0, it has
    /// none.
    pub(super) fn stamp_aside(&self, time: Timestamp) -> Timestamp {
        let Some(clock) = self.clocks.first() else { return self.head() };
        let earliest = self.head.saturating_sub(limits::CLOCK_BACK_MILLIS).max(self.base);
        let at = clock.at(time);
        let is_near = at >= self.head as i64 - limits::CLOCK_BACK_MILLIS as i64
            && at <= (self.head + limits::CLOCK_AHEAD_MILLIS) as i64;
        if is_near { Self::wrapped(u64::try_from(at).unwrap_or(0).max(earliest)) } else { self.head() }
    }

    /// The place of something without a time of its own: just behind what was sent last.
    pub(super) fn head(&self) -> Timestamp {
        Self::wrapped(self.head.max(self.base))
    }

    fn wrapped(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis as u32)
    }
}

impl Race {
    /// Whether it is about a thousand times as fast as time is, for long enough to tell.
    fn is_of_microseconds(&self, now: Instant) -> bool {
        let elapsed = now.saturating_since(self.since).as_millis() as u64;
        self.leaps >= limits::RACE_LEAPS && elapsed > 0 && (300..=3_000).contains(&(self.millis / elapsed))
    }
}

#[cfg(test)]
mod tests;
