//! Published: all that was published in a world, as a player's account is held against it, and what holds of all players.

use std::time::Duration;

use sol_core::hub::{AfterGrace, Join, Pause, Repair, Takeover};

use sol_core::limits;

use super::film::Film;
use super::publication::{Certainty, Parting, Publication, Stage};

/// All that was published in a world.
pub(super) struct Published<'a> {
    pub publications: &'a mut [Publication],
    /// Those of the player's name, in their order.
    pub orders: &'a [usize],
    pub rules: &'a Rules,
    pub now: Duration,
}

/// What holds of all players of a world.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// What a tape holds.
    pub tape_time: Duration,
    pub tape_bytes: u64,
    /// Where players of an app begin, of which the last holds that fits.
    pub joins: Vec<(&'static str, Join)>,
    pub grace: Duration,
    pub after_grace: AfterGrace,
    pub takeover: Takeover,
    pub give_back: bool,
    /// Names that may have two publishers at once.
    pub with_backups: Vec<String>,
    pub repair: Repair,
    pub pause: Pause,
    /// How long a session may do nothing.
    pub command: Duration,
    /// How much later one loop may learn of something than another.
    pub delay_between_loops: Duration,
}

impl Published<'_> {
    pub(super) fn order(&self, publication: usize) -> usize {
        self.publications[publication].order().expect("it has begun")
    }

    pub(super) fn next_of(&self, publication: usize) -> Option<usize> {
        self.orders.get(self.order(publication) + 1).copied()
    }

    /// Those of the player's name, also where they never began.
    pub(super) fn of_name(&self, name: &str) -> impl Iterator<Item = &Publication> {
        self.publications.iter().filter(move |publication| *publication.name == *name)
    }

    /// Messages that were sent from one on, and the borders between publications.
    pub(super) fn sent_from(&self, publication: usize, index: usize) -> u64 {
        let from = &self.orders[self.order(publication)..];
        let sent: usize = from.iter().map(|&later| self.publications[later].sent.len() + 2).sum();
        (sent - index) as u64
    }

    /// Whether the next one began within the grace of a publication, for sure.
    pub(super) fn surely_goes_on(&self, publication: usize, next: usize) -> bool {
        let since = self.publications[next].since();
        let goes_on = |since| self.rules.goes_on(&self.publications[publication].stage, since);
        since.map(goes_on) == Some(Certainty::Surely)
    }

    /// A player has come from one publication to the next, and nobody told it of an end between them.
    pub(super) fn goes_on(&mut self, from: usize, to: usize) {
        let (mut publication, to) = (from, self.order(to));
        while self.order(publication) < to {
            let Some(next) = self.next_of(publication) else { return };
            let Ok([before, behind]) = self.publications.get_disjoint_mut([publication, next]) else {
                return;
            };
            behind.go_on_with(before);
            publication = next;
        }
    }

    /// Nobody who saw something of a publication is told of an end by its fault, or that of those who went on with it, while
    /// somebody may yet return.
    pub(super) fn may_tell_of_an_end(&self, publication: usize) -> bool {
        let from = &self.orders[self.order(publication)..];
        from.iter().any(|&each| match self.publications[each].stage {
            Stage::Over { parting: Parting::InGoodOrder, .. } => true,
            Stage::Over { at, parting: Parting::Vanished, .. } => {
                // The place of one that was replaced was never free.
                (self.publications[each].replaced.is_none()
                    || self.rules.delay_between_loops > Duration::ZERO)
                    && !self.rules.waits()
                    && self.now >= at + self.rules.grace
            }
            Stage::Live { .. } | Stage::Asked | Stage::Refused => false,
        })
    }
}

impl Published<'_> {
    /// Whether nobody else published the name while somebody did, nor for a while before.
    pub(super) fn is_alone(&self, publication: &Publication) -> bool {
        let span = |publication: &Publication| match publication.stage {
            Stage::Live { since, .. } => Some((since, self.now)),
            Stage::Over { since, at, .. } => Some((since, at)),
            Stage::Asked | Stage::Refused => None,
        };
        let Some((since, until)) = span(publication) else { return false };
        let slack = self.rules.delay_between_loops;
        self.orders.iter().map(|&each| &self.publications[each]).filter_map(span).all(
            |(other, other_until)| {
                (other, other_until) == (since, until) || other_until + slack < since || other > until + slack
            },
        )
    }

    /// Whether nobody else published the name since then.
    pub(super) fn was_alone(&self, publication: usize, since: Duration) -> bool {
        let slack = self.rules.delay_between_loops;
        let others = self.orders.iter().filter(|&&other| other != publication);
        others.map(|&other| &self.publications[other]).all(|other| {
            other.ended().is_some_and(|at| at + slack < since)
                && other.replaced.is_none_or(|replaced| replaced.at + slack < since)
        })
    }

    /// The same where there may be a backup. Nobody is told of an end while a publisher is there that can be heard, nor within the
    /// grace of the one that was on air.
    pub(super) fn may_both_have_failed(&self) -> bool {
        let of_name = || self.orders.iter().map(|&each| &self.publications[each]);
        let Rules { grace, delay_between_loops: delay, .. } = *self.rules;
        let can_be_heard = |publication: &Publication| {
            let Some(up) = publication.delay_max.map(|up| up + delay) else { return false };
            let came = publication.sent.iter().rev().map(|sent| sent.at).find(|&at| at + up <= self.now);
            let is_heard = came.is_some_and(|at| at + limits::PUBLISHER_SILENCE > self.now);
            publication.is_live()
                && is_heard
                && publication.since().is_some_and(|since| since + up <= self.now)
        };
        if of_name().any(can_be_heard) {
            return false;
        }
        let left = |publication: &Publication| match publication.stage {
            Stage::Over { .. } if publication.replaced.is_some() && delay.is_zero() => None,
            Stage::Over { at, parting, .. } => Some((at, parting)),
            Stage::Asked | Stage::Refused | Stage::Live { .. } => None,
        };
        // One that has fallen silent is not told that another has taken over.
        let last = of_name()
            .filter(|publication| publication.on_air.0)
            .max_by_key(|publication| publication.on_air.1);
        let last = last.and_then(left).map(|(at, _)| at);
        // What was told last of whoever left behind that may not be true any more.
        of_name().filter_map(left).filter(|&(at, _)| last.is_none_or(|last| at >= last)).any(
            |(at, parting)| {
                parting == Parting::InGoodOrder || (!self.rules.waits() && self.now + delay >= at + grace)
            },
        )
    }
}

impl Rules {
    /// Whether players stay when nobody returned within the grace.
    pub(super) fn waits(&self) -> bool {
        self.after_grace == AfterGrace::Wait && !self.grace.is_zero()
    }

    /// Whether a publication goes on with one that came so far, as far as the times of both say.
    pub(super) fn goes_on(&self, before: &Stage, since: Duration) -> Certainty {
        let &Stage::Over { at, parting: Parting::Vanished, .. } = before else { return Certainty::No };
        let (grace, delay) = (self.grace, self.delay_between_loops);
        if since + delay < at + grace {
            Certainty::Surely
        } else if !self.waits() && since > at + grace + 2 * delay {
            Certainty::No
        } else {
            Certainty::Perhaps
        }
    }

    /// Whether a stream and all who publish and play it are at one loop.
    pub(super) fn is_of_one_loop(&self) -> bool {
        self.delay_between_loops.is_zero()
    }

    pub(super) fn has_backups(&self, name: &str) -> bool {
        self.with_backups.iter().any(|known| known == name)
    }

    pub(super) fn join_of(&self, name: &str) -> Join {
        let fits = self.joins.iter().rev().find(|(app, _)| name.starts_with(app));
        fits.expect("the first fits all").1
    }

    /// Whether a publisher can send more than a tape holds before its server has answered.
    pub(super) fn has_small_tape(&self) -> bool {
        self.tape_time < Duration::from_secs(10) || self.tape_bytes < 4 << 20
    }

    /// Whether a tape holds the newest group and one before it: whoever joins or loses something goes on at a keyframe.
    pub(super) fn fits_tape(&self, film: &Film) -> bool {
        let time = match (film.video, film.group_time()) {
            (None, _) => Duration::ZERO,
            (Some(_), group) => group.unwrap_or(Duration::MAX),
        };
        let time = time.saturating_mul(2).saturating_add(film.clock.leap_max(self.repair));
        time < self.tape_time && 2 * film.group_bytes() + film.metadata_bytes() < self.tape_bytes
    }
}
