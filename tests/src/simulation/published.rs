//! Published: all that was published in a world, as a player's account is held against it, and what holds of all players.

use std::time::Duration;

use sol_core::hub::{AfterGrace, Join, Pause, Repair};

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
                !self.rules.waits() && self.now >= at + self.rules.grace
            }
            Stage::Live { .. } | Stage::Asked | Stage::Refused => false,
        })
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
