//! Clock: what a film's clock says of its messages, and where they are in its stream's time.
//!
//! A film knows when each of its messages is due, whatever its clock says. So it knows their places without reading a
//! timestamp: nothing here is told from what the core makes of one.

use std::time::Duration;

use sol_core::hub::Repair;
use sol_core::limits;

use super::publication::AUDIO;

/// How a film's clock runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    pub start_ms: u32,
    pub counts: Counts,
    /// It steps behind so long, by so much.
    pub steps: Vec<(Duration, i32)>,
    /// It is so much away for a moment.
    pub wild: Option<(Duration, i32)>,
}

/// What a clock counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Counts {
    #[default]
    Milliseconds,
    Microseconds,
    /// Milliseconds, and there is another one for sound, which begins at 0.
    Apart,
    /// Nothing: it stands still.
    Nothing,
    /// Nothing that anybody knows.
    Chance,
}

/// Where a message is in its stream's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// By which of its clocks, each of which begins somewhere.
    pub clock: i64,
    /// How far that had run.
    pub run_ms: i64,
}

impl Clock {
    /// What it says.
    pub(super) fn timestamp(&self, kind: usize, sequence: u64, due: Duration) -> u32 {
        let due_ms = due.as_millis() as u32;
        let ticks = match (self.counts, kind) {
            (Counts::Milliseconds, _) => due_ms,
            (Counts::Microseconds, _) => due_ms.wrapping_mul(1_000),
            (Counts::Apart, AUDIO) => return due_ms,
            (Counts::Apart, _) => due_ms.wrapping_add(APART_MS as u32),
            (Counts::Nothing, _) => 0,
            // A multiplicative hash.
            (Counts::Chance, _) => {
                (sequence as u32).wrapping_add(self.start_ms | 1).wrapping_mul(0x9E37_79B1)
            }
        };
        let stepped = self.steps_at(due).fold(self.wild_at(due), i32::wrapping_add);
        self.start_ms.wrapping_add(ticks).wrapping_add(stepped as u32)
    }

    /// Where a message is, if that can be said: where no more than one thing is wrong with a clock, and that behind its
    /// beginning.
    pub(super) fn place(&self, kind: usize, due: Duration, repair: Repair, is_smooth: bool) -> Option<Place> {
        let due_ms = due.as_millis() as i64;
        if repair == Repair::Off {
            let run_ms = match (self.counts, kind) {
                (Counts::Apart, AUDIO) => due_ms,
                (Counts::Apart, _) => {
                    due_ms + APART_MS + i64::from(self.start_ms as i32) + self.stepped_ms(due)
                }
                (Counts::Milliseconds, _) => due_ms + self.stepped_ms(due),
                (Counts::Microseconds | Counts::Nothing | Counts::Chance, _) => return None,
            };
            return Some(Place { clock: 0, run_ms });
        }
        if self.is_intricate() {
            return None;
        }
        match self.counts {
            Counts::Milliseconds => {}
            Counts::Microseconds if repair == Repair::Monotonic => {
                return Some(Place { clock: 0, run_ms: due_ms * 1_000 });
            }
            Counts::Microseconds => {
                let is_settled = is_smooth && due >= SETTLED_TIME;
                return is_settled.then_some(Place { clock: SETTLED, run_ms: due_ms });
            }
            Counts::Apart => return Some(Place { clock: kind as i64, run_ms: due_ms }),
            Counts::Nothing | Counts::Chance => return None,
        }
        if self.steps_back() && (!is_smooth || self.wraps()) {
            return None;
        }
        let (believed, others): (Vec<i32>, Vec<i32>) =
            self.steps_at(due).partition(|&by| is_believed(by, repair));
        let clock = others.into_iter().map(i64::from).sum::<i64>() + i64::from(self.wild_at(due));
        Some(Place { clock, run_ms: due_ms + believed.into_iter().map(i64::from).sum::<i64>() })
    }

    /// About how far a stream's time has come with a message, from the beginning of its publication.
    pub(super) fn about_ms(&self, due: Duration, repair: Repair) -> i64 {
        let pace = match (self.counts, repair) {
            (Counts::Microseconds, Repair::Monotonic) => 1_000,
            // At whatever pace: days go by.
            (Counts::Chance, Repair::Monotonic) => 1_000_000,
            (_, Repair::Monotonic) if self.is_intricate() => 1_000_000,
            _ => 1,
        };
        let steps = self.steps_at(due).chain([self.wild_at(due)]);
        let believed = steps.filter(|&by| is_believed(by, repair)).map(i64::from);
        due.as_millis() as i64 * pace + believed.sum::<i64>()
    }

    /// The farthest that it leaps ahead and is believed.
    pub(super) fn leap_max(&self, repair: Repair) -> Duration {
        let is_unknown = self.is_intricate()
            || matches!(self.counts, Counts::Microseconds | Counts::Nothing | Counts::Chance);
        let most = match repair {
            Repair::Off if self.counts == Counts::Apart => APART_MS,
            Repair::Monotonic if is_unknown => limits::CLOCK_LEAP_MILLIS as i64,
            Repair::Resync if is_unknown => limits::CLOCK_AHEAD_MILLIS as i64,
            Repair::Off | Repair::Monotonic | Repair::Resync => 0,
        };
        let leaps =
            self.steps.iter().chain(&self.wild).map(|&(_, by)| by).filter(|&by| is_believed(by, repair));
        Duration::from_millis(leaps.map(i64::from).fold(most, i64::max) as u64)
    }

    /// How much is wrong with it. That it wraps is no fault.
    pub(super) fn faults(&self) -> usize {
        self.steps.len() + usize::from(self.wild.is_some()) + usize::from(self.counts != Counts::Milliseconds)
    }

    /// Whether each frame is as far behind the one before as it is due, or further.
    pub(super) fn only_goes_on(&self) -> bool {
        let is_of_milliseconds = self.counts == Counts::Milliseconds && self.wild.is_none();
        is_of_milliseconds && self.steps.iter().all(|&(_, by)| is_believed(by, Repair::Resync) && by >= 0)
    }

    fn steps_at(&self, due: Duration) -> impl Iterator<Item = i32> {
        self.steps.iter().filter(move |&&(at, _)| at <= due).map(|&(_, by)| by)
    }

    fn stepped_ms(&self, due: Duration) -> i64 {
        self.steps_at(due).chain([self.wild_at(due)]).map(i64::from).sum()
    }

    fn wild_at(&self, due: Duration) -> i32 {
        match self.wild {
            Some((at, by)) if at <= due && due < at + WILD_TIME => by,
            _ => 0,
        }
    }

    /// Whether more than one thing is wrong, or one before each track has begun, for sure.
    fn is_intricate(&self) -> bool {
        self.faults() > 1 || self.steps.iter().chain(&self.wild).any(|&(at, _)| at < Clock::BEGUN_TIME)
    }

    /// Whether it goes back by so little that it is believed.
    fn steps_back(&self) -> bool {
        let back = -(limits::CLOCK_BACK_MILLIS as i32)..0;
        self.steps.iter().any(|(_, by)| back.contains(by))
    }

    /// Whether it comes to 0 within a world: to have gone back to there is to have begun anew.
    fn wraps(&self) -> bool {
        self.start_ms > u32::MAX / 2
    }

    /// Behind that each track of a film has begun, also where what is in front of its first keyframe is left out.
    pub(super) const BEGUN_TIME: Duration = Duration::from_secs(12);
}

/// Whether the stream's time follows such a step.
fn is_believed(by: i32, repair: Repair) -> bool {
    let ahead = match repair {
        Repair::Off => return true,
        Repair::Monotonic => limits::CLOCK_LEAP_MILLIS as i32,
        Repair::Resync => limits::CLOCK_AHEAD_MILLIS as i32,
    };
    (-(limits::CLOCK_BACK_MILLIS as i32)..=ahead).contains(&by)
}

/// So far pictures begin from sound.
const APART_MS: i64 = 5 * 3_600_000;

/// One or two messages are due within that.
const WILD_TIME: Duration = Duration::from_millis(60);

/// Behind that a clock of microseconds is found out, where nothing is held up.
const SETTLED_TIME: Duration = Duration::from_secs(10);
const SETTLED: i64 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::publication::VIDEO;

    #[test]
    fn places_are_those_of_due_times_whatever_the_clock_says() {
        let clock = Clock { start_ms: 0xFFFF_FFF0, ..Clock::default() };
        let due = Duration::from_millis(20_040);
        assert_eq!(clock.timestamp(VIDEO, 9, due), 20_024);
        assert_eq!(clock.place(VIDEO, due, Repair::Resync, false), Some(Place { clock: 0, run_ms: 20_040 }));
    }

    #[test]
    fn a_step_is_another_clock_where_it_is_not_believed() {
        let leap = 50_000_000;
        let clock = Clock { steps: vec![(Duration::from_secs(13), leap)], ..Clock::default() };
        let due = Duration::from_secs(13);
        let place = |repair| clock.place(AUDIO, due, repair, true);
        assert_eq!(place(Repair::Resync), Some(Place { clock: leap.into(), run_ms: 13_000 }));
        let followed = Some(Place { clock: 0, run_ms: 13_000 + i64::from(leap) });
        assert_eq!((place(Repair::Monotonic), place(Repair::Off)), (followed, followed));
    }
}
