//! Timeline: a stream's own time, which begins at 0 and only its publishers' clocks move.
//!
//! A publisher's clock is mapped to it at the first coded frame of a publication, for all tracks alike; configurations never fix
//! it, since FFmpeg sends them at 0 and media hours later. Where timestamps do not make sense ([`Repair`]), the frame is placed
//! where it would be due, and the clock that it speaks of is remembered beside those that were seen before: of those that put a
//! frame where it may be, the one that puts it nearest to where the stream is is believed. So tracks with clocks of their own
//! stay side by side, and of a wild stamp nothing remains.
//!
//! Invariants: no frame is stamped before the first one of its publication, nor behind [`Timeline::END`]. But for
//! [`Repair::Off`], none of the first `limits::TIMELINE_TRACKS` tracks goes back, and none is stamped further behind the
//! stream's time than `limits::CLOCK_BACK_MILLIS`; with [`Repair::Resync`], nor further ahead of it than
//! `limits::CLOCK_AHEAD_MILLIS` and the time that nothing came.

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
    /// and for those who want to see what they send; so keyframes bring no parameter sets along
    /// either, and odd payloads stay as they are.
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
    /// When the latest time was reached.
    advanced: Option<Instant>,
    /// Of the current publication: the one that was believed last, and those before it.
    clocks: SmallVec<[Clock; 1]>,
    /// Of the current publication: the first that were seen.
    tracks: SmallVec<[Track; 2]>,
    /// Of the current publication.
    corrections: Corrections,
}

/// One track, which does not go back.
#[derive(Debug)]
struct Track {
    id: (TrackKind, TrackId),
    /// What its last frame said.
    said: Timestamp,
    /// Where that was put.
    at: u64,
    /// When it went on last, as its clock has it.
    moved: Instant,
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
            advanced: None,
            clocks: SmallVec::new(),
            tracks: SmallVec::new(),
            corrections: Corrections::NONE,
        }
    }

    /// Another publication begins, one frame after whatever was sent last.
    pub(super) fn begin_publication(&mut self) {
        let next = if self.has_begun { self.head + u64::from(limits::RESUME_MILLIS) } else { 0 };
        // Configurations of one that showed nothing more may stand further on, behind a pause.
        self.base = next.max(self.base);
        self.clocks.clear();
        self.tracks.clear();
        self.corrections = Corrections::NONE;
    }

    /// A publication is over, and nobody goes on with it: whoever comes next pauses for nobody.
    pub(super) fn end_publication(&mut self) {
        self.heard = None;
    }

    /// Something comes of a publication that goes on with what another one began: its first message, and its first frame, which
    /// may come long behind that.
    pub(super) fn resume(&mut self, now: Instant) {
        if let (Pause::Real, Some(heard)) = (self.pause, self.heard) {
            let paused = now.saturating_since(heard).as_millis() as u64;
            self.base = self.base.max(self.head.saturating_add(paused)).min(Self::END);
        }
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
    pub(super) fn stamp(&mut self, id: (TrackKind, TrackId), time: Timestamp, now: Instant) -> Timestamp {
        let waited = self.heard.map(|heard| now.saturating_since(heard)).unwrap_or_default();
        self.heard = Some(now);
        if self.clocks.is_empty() {
            self.clocks.push(Clock::first(time, self.base, now));
        }
        let track = self.tracks.iter().position(|track| track.id == id);
        let believed = match self.repair {
            Repair::Off => Some(0),
            Repair::Monotonic | Repair::Resync => self.believe(track, time, waited, now),
        };
        match believed {
            Some(index) => {
                // The next frame asks it first.
                self.clocks[..=index].rotate_right(1);
                if let Some(track) = track {
                    self.tracks[track].race = None;
                }
            }
            None => self.take_up_clock(track, time, waited, now),
        }
        let run = self.clocks[0].at(time);
        self.clocks[0].follow(time);
        let mut at = u64::try_from(run).unwrap_or(0).max(self.base).min(Self::END);
        match track {
            Some(track) => {
                let track = &mut self.tracks[track];
                if self.repair != Repair::Off && at < track.at {
                    at = track.at;
                    self.corrections.add(Correction::Disorder);
                }
                if believed.is_some() && at > track.at {
                    track.moved = now;
                }
                (track.said, track.at) = (time, at);
            }
            None if self.tracks.len() < limits::TIMELINE_TRACKS => {
                self.tracks.push(Track { id, said: time, at, moved: now, race: None });
            }
            None => {}
        }
        if at > self.head || !self.has_begun {
            self.head = at;
            self.advanced = Some(now);
        }
        self.has_begun = true;
        Self::wrapped(at)
    }

    /// Which clock a frame of a track is stamped by, if one that was seen can be.
    #[inline]
    fn believe(
        &self,
        track: Option<usize>,
        time: Timestamp,
        waited: Duration,
        now: Instant,
    ) -> Option<usize> {
        let head = self.head.max(self.base) as i64;
        let track = track.map(|index| &self.tracks[index]);
        // What is in front of the publication's first frame plays with it.
        let earliest = head - limits::CLOCK_BACK_MILLIS as i64;
        let far = match self.repair {
            Repair::Off | Repair::Monotonic => limits::CLOCK_LEAP_MILLIS,
            Repair::Resync => limits::CLOCK_AHEAD_MILLIS,
        };
        let waited = waited.as_millis().min(limits::CLOCK_LEAP_MILLIS.into()) as i64;
        let place = |clock: &Clock| {
            let at = clock.at(time);
            let ahead = match track {
                None => limits::CLOCK_BACK_MILLIS,
                Some(_) if clock.is_proven() => far,
                Some(_) => limits::CLOCK_NEAR_MILLIS.min(far),
            };
            let is_in_place = at >= earliest && at <= head + ahead as i64 + waited;
            let is_out_of_order = track.is_some_and(|track| track.stands_still_with(at, time, now));
            (is_in_place && !is_out_of_order && !clock.is_too_slow(now)).then(|| at.abs_diff(head))
        };
        if let [clock] = &self.clocks[..] {
            return place(clock).map(|_| 0);
        }
        let places = self.clocks.iter().enumerate().filter_map(|(index, clock)| Some((place(clock)?, index)));
        places.min().map(|(_, index)| index)
    }

    /// No clock that was seen puts a frame where it could be: it is due as long after the latest one as it came, up to a frame,
    /// and its clock is another one.
    fn take_up_clock(&mut self, track: Option<usize>, time: Timestamp, waited: Duration, now: Instant) {
        let mut unit = Unit::Millisecond;
        // Between two frames of a clock that stands still, those of other tracks may come and not go on either.
        let since = self.advanced.map(|at| now.saturating_since(at)).unwrap_or_default();
        let mut wait = since.as_millis().clamp(1, limits::RESUME_MILLIS.into()) as u64;
        let correction = match track.map(|track| &mut self.tracks[track]) {
            None => {
                wait = 0;
                Correction::OtherClock
            }
            Some(track) => {
                let step = time.offset_from(track.said);
                if step > limits::TRACK_BACK_MILLIS as i32 {
                    let race = track.race.unwrap_or(Race { since: now - waited, leaps: 0, millis: 0 });
                    let race = race.with(step.unsigned_abs());
                    track.race = Some(race);
                    if race.is_of_microseconds(now) {
                        unit = Unit::Microsecond;
                        Correction::Microseconds
                    } else {
                        Correction::Leap
                    }
                } else {
                    track.race = None;
                    if step.unsigned_abs() <= limits::TRACK_BACK_MILLIS as u32 {
                        Correction::Standstill
                    } else if time.millis() < limits::CLOCK_RESTART_MILLIS {
                        Correction::Restart
                    } else {
                        Correction::StepBack
                    }
                }
            }
        };
        self.corrections.add(correction);
        let clock = Clock::new(time, self.head.max(self.base) + wait, unit, now);
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
        let head = self.head.max(self.base) as i64;
        let window = head - limits::CLOCK_BACK_MILLIS as i64..=head + limits::CLOCK_AHEAD_MILLIS as i64;
        let places = self.clocks.iter().map(|clock| clock.at(time)).filter(|at| window.contains(at));
        let Some(at) = places.min_by_key(|at| at.abs_diff(head)) else { return self.head() };
        let at = u64::try_from(at).unwrap_or(0).max(self.base).min(Self::END);
        Self::wrapped(at)
    }

    /// The place of something without a time of its own: just behind what was sent last.
    pub(super) fn head(&self) -> Timestamp {
        Self::wrapped(self.head.max(self.base).min(Self::END))
    }

    fn wrapped(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis as u32)
    }
}

impl Track {
    /// Whether a frame at `at` would be out of order by more than disorder: its clock has begun anew; or this track has stood
    /// still for too long.
    fn stands_still_with(&self, at: i64, time: Timestamp, now: Instant) -> bool {
        let back = self.at as i64 - at;
        if back < 0 {
            return false;
        }
        let back_max = limits::TRACK_BACK_MILLIS;
        let begins_anew = back > back_max as i64 && time.millis() < limits::CLOCK_RESTART_MILLIS;
        // Behind a wild stamp the others catch up.
        let patience = if time == self.said { back_max } else { back_max + limits::CLOCK_BACK_MILLIS };
        begins_anew || now.saturating_since(self.moved) > Duration::from_millis(patience)
    }
}

impl Race {
    fn with(self, millis: u32) -> Self {
        Self {
            leaps: self.leaps.saturating_add(1),
            millis: self.millis.saturating_add(millis.into()),
            ..self
        }
    }

    /// Whether it is about a thousand times as fast as time is, for long enough to tell.
    fn is_of_microseconds(&self, now: Instant) -> bool {
        let elapsed = now.saturating_since(self.since).as_millis() as u64;
        self.leaps >= limits::RACE_LEAPS
            && elapsed > 0
            && limits::RACE_PACE.contains(&(self.millis / elapsed))
    }
}

#[cfg(test)]
mod tests;
