//! Times: those of one publication, as they come to its players, held against where its film says that its messages are.
//!
//! Where that can be said, frames of one clock keep their distances to the millisecond, and a clock that was never seen goes on
//! a frame behind the last. Of any clock holds what the head of the core's `timeline.rs` promises: a message has one time for
//! everybody, no track goes back, nothing is in front of the publication's first frame, and no frame is further from the
//! stream's time than a clock may be.
//!
//! Invariant: nothing here is told from a timestamp that was sent.

use std::time::Duration;

use sol_core::hub::Repair;
use sol_core::limits;

use super::clock::{Clock, Counts, Place};
use super::film::{Film, Leaps};
use super::publication::AUDIO;

/// Of one publication.
#[derive(Debug)]
pub(super) struct Times {
    repair: Repair,
    clock: Clock,
    leaps: Option<Leaps>,
    lives: Vec<Life>,
    marks: Vec<Mark>,
    /// Of each kind.
    furthest_ms: [i64; 3],
    sounds: u32,
}

/// What is known of a message's time.
#[derive(Clone, Copy, Debug)]
struct Mark {
    kind: usize,
    is_coded: bool,
    /// How often the stream's time was used up before it.
    life: usize,
    at: Duration,
    place: Option<Place>,
    /// About how far the stream's time had come.
    head_ms: i64,
    /// As players got it.
    told_ms: Option<u32>,
}

/// What is known of the time between two beginnings of the stream's.
#[derive(Debug, Default)]
struct Life {
    begins_at_zero: bool,
    /// Where each clock begins in the stream's time, if anybody saw something of it.
    clocks: Vec<(i64, i64)>,
    /// The last message of those that were seen, and the latest time.
    seen: Option<(usize, i64)>,
}

impl Times {
    pub(super) fn new(film: &Film, repair: Repair) -> Times {
        Times {
            repair,
            clock: film.clock.clone(),
            leaps: film.leaps,
            lives: vec![Life { begins_at_zero: film.leaps.is_some(), ..Life::default() }],
            marks: Vec::new(),
            furthest_ms: [i64::MIN; 3],
            sounds: 0,
        }
    }

    /// Nobody published the name before: the stream's time begins with it.
    pub(super) fn begin_their_stream(&mut self) {
        self.lives[0].begins_at_zero = true;
    }

    /// The next message is on its way.
    pub(super) fn send(
        &mut self,
        kind: usize,
        is_coded: bool,
        due: Duration,
        now: Duration,
        is_smooth: bool,
    ) {
        self.sounds += u32::from(is_coded && kind == AUDIO);
        let leapt =
            self.leaps.map_or(0, |leaps| i64::from(leaps.count.min(self.sounds)) * i64::from(leaps.each_ms));
        let mut place = self.clock.place(kind, due, self.repair, is_smooth);
        if let Some(place) = &mut place {
            place.run_ms += leapt;
            if is_coded && self.repair != Repair::Off {
                // A track that steps back has the time of its last frame.
                let furthest = &mut self.furthest_ms[kind];
                *furthest = place.run_ms.max(*furthest);
                place.run_ms = *furthest;
            }
        }
        let about_ms = self.clock.about_ms(due, self.repair) + leapt;
        let head_ms = self.marks.last().map_or(about_ms, |last| last.head_ms.max(about_ms));
        let life = self.lives.len() - 1;
        self.marks.push(Mark { kind, is_coded, life, at: now, place, head_ms, told_ms: None });
    }

    /// What was sent since then may come late: where the steps of a clock are believed is not known of that.
    pub(super) fn may_be_late(&mut self, since: Duration) {
        if !self.are_plain() {
            let late = self.marks.iter_mut().rev().take_while(|mark| mark.at >= since);
            late.for_each(|mark| mark.place = None);
        }
    }

    /// The stream's time is used up, and begins anew.
    pub(super) fn begin_anew(&mut self) {
        self.lives.push(Life { begins_at_zero: true, ..Life::default() });
    }

    /// Whether the stream's time is used up by what was sent.
    pub(super) fn are_used_up(&self) -> bool {
        let life = self.lives.len() - 1;
        let of_life = |mark: &&Mark| mark.life == life && mark.is_coded;
        let Some(first) = self.marks.iter().find(of_life).and_then(|mark| mark.place) else { return false };
        let base = match (self.lives[life].begins_at_zero, self.lives[life].offset(first.clock)) {
            (true, _) => Some(-first.run_ms),
            (false, offset) => offset,
        };
        let last = self.marks.iter().rev().find(of_life).and_then(|mark| mark.place);
        let at = base.zip(last).map(|(base, last)| base + last.run_ms);
        at.is_some_and(|at| at >= limits::TIMELINE_TIME.as_millis() as i64)
    }

    pub(super) fn life(&self) -> usize {
        self.lives.len() - 1
    }

    /// How far the stream's time had come with a message, and with the last one, from another one on.
    pub(super) fn passed_since(&self, index: usize) -> Duration {
        let (Some(from), Some(last)) = (self.marks.get(index), self.marks.last()) else {
            return Duration::ZERO;
        };
        Duration::from_millis((last.head_ms - from.head_ms).max(0) as u64)
    }

    /// How much later a message may be stamped than a frame behind it.
    pub(super) fn disorder_max_ms(&self) -> u32 {
        match (self.clock.only_goes_on(), self.repair) {
            (true, _) => 0,
            (false, Repair::Monotonic | Repair::Resync) => limits::CLOCK_BACK_MILLIS as u32,
            (false, Repair::Off) => i32::MAX as u32,
        }
    }

    /// Whether nothing is wrong with the clock.
    pub(super) fn are_plain(&self) -> bool {
        self.clock.faults() == 0
    }

    /// A message came with this time to somebody. The publication's time begins at `origin`, where that is known.
    pub(super) fn check(
        &mut self,
        index: usize,
        time_ms: u32,
        origin: Option<usize>,
        now: Duration,
    ) -> Result<(), String> {
        match self.marks[index].told_ms.replace(time_ms) {
            Some(told) if told == time_ms => return Ok(()),
            Some(told) => return Err(format!("{told} for somebody else")),
            None => {}
        }
        let (time, mark) = (i64::from(time_ms), self.marks[index]);
        if !mark.is_coded {
            return self.check_aside(&mark, time, origin);
        }
        // What counts too fast may seem to be another clock with each track that begins behind the first: behind what is left out.
        let is_whole = origin.is_some_and(|origin| self.marks[..origin].iter().all(|mark| !mark.is_coded));
        let races = self.clock.counts == Counts::Microseconds && self.repair == Repair::Monotonic;
        if let Some(place) = mark.place.filter(|_| is_whole || !races) {
            self.check_place(index, place, time, origin)?;
        }
        if self.repair != Repair::Off {
            self.check_order(index, time)?;
            self.check_head(index, time, now)?;
        }
        self.check_beginning(time, mark.life, origin)?;
        let seen = &mut self.lives[mark.life].seen;
        *seen = Some(seen.map_or((index, time), |(last, head)| (last.max(index), head.max(time))));
        Ok(())
    }

    /// A text has the time of a frame that is due with it.
    fn check_aside(&self, mark: &Mark, time: i64, origin: Option<usize>) -> Result<(), String> {
        let origin = origin.and_then(|origin| self.marks[origin].place);
        let (Some(place), Some(origin), true) = (mark.place, origin, self.are_plain()) else { return Ok(()) };
        let expected = self.lives[mark.life].offset(place.clock).map(|offset| match mark.life {
            0 => offset + place.run_ms.max(origin.run_ms),
            _ => offset + place.run_ms,
        });
        is_or(expected.is_none_or(|expected| expected == time), || {
            format!("{}", expected.unwrap_or_default())
        })
    }

    /// Frames of one clock keep their distances.
    fn check_place(
        &mut self,
        index: usize,
        place: Place,
        time: i64,
        origin: Option<usize>,
    ) -> Result<(), String> {
        let life = self.marks[index].life;
        let mut run_ms = place.run_ms;
        if self.repair == Repair::Off && life == 0 && !self.clock.only_goes_on() {
            // Nothing is in front of the first one.
            let Some(origin) = origin.and_then(|origin| self.marks[origin].place) else { return Ok(()) };
            run_ms = run_ms.max(origin.run_ms);
        }
        if let Some(offset) = self.lives[life].offset(place.clock) {
            return is_or(offset + run_ms == time, || {
                format!("{} like others of its clock", offset + run_ms)
            });
        }
        self.lives[life].clocks.push((place.clock, time - run_ms));
        if life > 0 || origin.is_some() {
            self.check_clocks(life, origin.unwrap_or_default())?;
        }
        Ok(())
    }

    /// The first clock of a stream begins at 0, and each other one a frame behind what was before it; or with it, where a track
    /// has one of its own.
    fn check_clocks(&self, life: usize, origin: usize) -> Result<(), String> {
        let known = &self.lives[life];
        let coded = self.marks.iter().skip(origin).filter(|mark| mark.life == life && mark.is_coded);
        let mut clocks: Vec<i64> = Vec::new();
        let mut head: Option<i64> = None;
        for mark in coded {
            let Some(place) = mark.place else { return Ok(()) };
            let Some(offset) = known.offset(place.clock) else { return Ok(()) };
            let at = offset + place.run_ms;
            if !clocks.contains(&place.clock) {
                let follows = match (self.clock.counts, head) {
                    (_, None) if known.begins_at_zero => 0..=0,
                    (_, None) => i64::MIN..=i64::MAX,
                    (Counts::Apart, Some(head)) => head..=head,
                    (_, Some(head)) => head + 1..=head + i64::from(limits::RESUME_MILLIS),
                };
                is_or(follows.contains(&at), || {
                    format!("of another clock in {follows:?}, which began at {at}")
                })?;
                clocks.push(place.clock);
            }
            head = Some(head.map_or(at, |head| head.max(at)));
            if clocks.len() == known.clocks.len() {
                break;
            }
        }
        Ok(())
    }

    /// No track goes back.
    fn check_order(&self, index: usize, time: i64) -> Result<(), String> {
        let Mark { kind, life, .. } = self.marks[index];
        let told =
            |mark: &Mark| (mark.kind == kind && mark.is_coded && mark.life == life).then_some(mark.told_ms?);
        let before = self.marks[..index].iter().rev().take(NEAR).find_map(told);
        let behind = self.marks[index + 1..].iter().take(NEAR).find_map(told);
        let is_in_order = before.is_none_or(|before| i64::from(before) <= time)
            && behind.is_none_or(|behind| time <= i64::from(behind));
        is_or(is_in_order, || {
            format!("between {before:?} and {behind:?}, which the others of its track have")
        })
    }

    /// It is not far from the stream's time.
    fn check_head(&self, index: usize, time: i64, now: Duration) -> Result<(), String> {
        let Some((last, head)) = self.lives[self.marks[index].life].seen.filter(|&(last, _)| last < index)
        else {
            return Ok(());
        };
        let back = limits::CLOCK_BACK_MILLIS as i64;
        is_or(time >= head - back, || format!("{} at least, when others had {head}", head - back))?;
        if self.repair == Repair::Monotonic {
            return Ok(());
        }
        let ahead = limits::CLOCK_AHEAD_MILLIS as i64;
        let most = match self.clock.counts {
            // Each that was not seen went on so far at most, and as much as the time in which nothing came.
            Counts::Milliseconds | Counts::Apart | Counts::Microseconds => {
                head + back + (index - last) as i64 * ahead + self.passed_ms(last, now)
            }
            // No frame goes on by more than the time that it took, or 1 ms; once in a long while chance says something likely.
            Counts::Nothing | Counts::Chance => {
                let told = |mark: &Mark| mark.told_ms.filter(|_| mark.is_coded);
                let first = self.marks.iter().position(|mark| told(mark).is_some()).unwrap_or(index);
                let began = self.marks[first].told_ms.map_or(time, i64::from);
                began + back + (index - first) as i64 + self.passed_ms(first, now) + ahead
            }
        };
        is_or(time <= most, || format!("{most} at most, when others had {head}"))
    }

    fn passed_ms(&self, since: usize, now: Duration) -> i64 {
        now.saturating_sub(self.marks[since].at).as_millis() as i64
    }

    /// Nothing is in front of a publication's first frame, with which a stream begins at 0.
    fn check_beginning(&self, time: i64, life: usize, origin: Option<usize>) -> Result<(), String> {
        let first = origin.filter(|_| life == 0).and_then(|origin| self.marks[origin].told_ms).map(i64::from);
        let is_begun = first.is_none_or(|first| first == 0) || !self.lives[life].begins_at_zero;
        is_or(is_begun, || "at the beginning of the stream 0".to_owned())?;
        is_or(first.is_none_or(|first| first <= time), || {
            format!("{} at least, like the first of its publication", first.unwrap_or_default())
        })
    }

    /// The time of the publication's first frame, if it is known.
    pub(super) fn began_at(&self, origin: Option<usize>) -> Option<i64> {
        let first = self.marks.get(origin?)?;
        let placed = first.place.and_then(|place| Some(self.lives[0].offset(place.clock)? + place.run_ms));
        first.told_ms.map(i64::from).or(placed)
    }

    /// The latest time of the messages in front of one, if it is known; and the latest of those that somebody saw.
    pub(super) fn ended_at(&self, origin: Option<usize>, taken: usize) -> (Option<i64>, Option<i64>) {
        let marks = &self.marks[..taken];
        let Some(life) = marks.last().map(|last| last.life) else { return (None, None) };
        let coded = || marks.iter().enumerate().filter(|(_, mark)| mark.is_coded && mark.life == life);
        let seen = coded().filter_map(|(_, mark)| mark.told_ms.map(i64::from)).max();
        let place = |mark: &Mark| {
            let place = mark.place?;
            Some(self.lives[life].offset(place.clock)? + place.run_ms)
        };
        let taken = coded().filter(|&(index, _)| life > 0 || origin.is_none_or(|origin| index >= origin));
        let places: Option<Vec<i64>> = taken.map(|(_, mark)| place(mark)).collect();
        (places.and_then(|places| places.into_iter().max()), seen)
    }

    /// All messages up to the last one that somebody saw.
    pub(super) fn seen(&self) -> usize {
        self.marks.iter().rposition(|mark| mark.told_ms.is_some()).map_or(0, |last| last + 1)
    }

    /// Whether a message has the same time for everybody; the first who asks says which.
    pub(super) fn is_same_for_all(&mut self, index: usize, time_ms: u32) -> bool {
        self.marks[index].told_ms.replace(time_ms).is_none_or(|told| told == time_ms)
    }

    /// How far two messages of a plain clock are from each other.
    pub(super) fn distance_ms(&self, from: usize, to: usize) -> Option<i64> {
        let [from, to] = [from, to].map(|index| self.marks.get(index).filter(|mark| mark.is_coded));
        let (from, to) = (from?.place?, to?.place?);
        (self.are_plain() && from.clock == to.clock).then_some(to.run_ms - from.run_ms)
    }

    /// When the last audio or picture in front of a message was sent.
    pub(super) fn last_sent(&self, taken: usize) -> Option<Duration> {
        self.marks[..taken].iter().rev().find(|mark| mark.is_coded).map(|mark| mark.at)
    }
}

impl Life {
    fn offset(&self, clock: i64) -> Option<i64> {
        self.clocks.iter().find(|(known, _)| *known == clock).map(|&(_, offset)| offset)
    }
}

fn is_or(holds: bool, words: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(words()) }
}

/// So far it is looked for others of a track.
const NEAR: usize = 64;
