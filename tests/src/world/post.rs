//! Post: parcels that are under way from one loop to another.
//!
//! They take no time, unless a test wants otherwise: then each takes as many milliseconds as the dice say. Which of those that
//! have come is next is up to the dice as well, so that loops are as far apart as they can be within a moment.
//!
//! Invariant: what goes to one loop comes there in the order in which it left, whoever sent it.

use std::collections::VecDeque;
use std::time::Duration;

use sol_core::crossing::{LoopId, Parcel};

use super::crossed::{Crossed, CrossedInwards, Ledger};
use super::dice::Dice;

#[derive(Debug)]
pub(super) struct Post {
    inboxes: Vec<Inbox>,
    delay_max: Duration,
    dice: Dice,
    ledger: Ledger,
}

/// What is under way to one loop.
#[derive(Debug, Default)]
struct Inbox {
    letters: VecDeque<Letter>,
    /// Nothing comes there for now.
    is_held: bool,
}

#[derive(Debug)]
struct Letter {
    arrives_at: Duration,
    from: LoopId,
    parcel: Parcel,
}

impl Inbox {
    fn has_come(&self, now: Duration) -> bool {
        !self.is_held && self.letters.front().is_some_and(|letter| letter.arrives_at <= now)
    }
}

impl Post {
    pub(super) fn new(loops: usize, dice: Dice) -> Post {
        let inboxes = (0..loops).map(|_| Inbox::default()).collect();
        Post { inboxes, delay_max: Duration::ZERO, dice, ledger: Ledger::default() }
    }

    pub(super) fn set_delay(&mut self, longest: Duration) {
        self.delay_max = longest;
    }

    /// Nothing comes to a loop until it is let through.
    pub(super) fn hold_back(&mut self, to: usize) {
        self.inboxes[to].is_held = true;
    }

    pub(super) fn let_through(&mut self, to: usize) {
        self.inboxes[to].is_held = false;
    }

    pub(super) fn let_all_through(&mut self) {
        self.inboxes.iter_mut().for_each(|inbox| inbox.is_held = false);
    }

    pub(super) fn send(&mut self, from: LoopId, to: LoopId, parcel: Parcel, now: Duration) {
        self.ledger.has_left(to, &parcel);
        let delay = match self.delay_max.as_micros() as usize {
            0 => Duration::ZERO,
            longest => Duration::from_micros(self.dice.up_to(longest) as u64),
        };
        let letters = &mut self.inboxes[to.index()].letters;
        let before = letters.back().map_or(now, |last| last.arrives_at);
        letters.push_back(Letter { arrives_at: before.max(now + delay), from, parcel });
    }

    /// One parcel, whichever the dice say, and to which loop it goes, which is none of those that are busy.
    pub(super) fn deliver(&mut self, busy: &[usize], now: Duration) -> Option<(usize, LoopId, Parcel)> {
        let waits = |index: &usize| !busy.contains(index) && self.inboxes[*index].has_come(now);
        let waiting: Vec<usize> = (0..self.inboxes.len()).filter(waits).collect();
        if waiting.is_empty() {
            return None;
        }
        let to = waiting[self.dice.up_to(waiting.len()) - 1];
        let Letter { from, parcel, .. } = self.inboxes[to].letters.pop_front()?;
        self.ledger.has_arrived(LoopId::new(to as u32), &parcel);
        Some((to, from, parcel))
    }

    /// All that is under way to a loop, held back or not: who empties an inbox empties all of it.
    pub(super) fn take(&mut self, to: usize) -> Vec<(LoopId, Parcel)> {
        let letters = std::mem::take(&mut self.inboxes[to].letters);
        for Letter { parcel, .. } in &letters {
            self.ledger.has_arrived(LoopId::new(to as u32), parcel);
        }
        letters.into_iter().map(|Letter { from, parcel, .. }| (from, parcel)).collect()
    }

    /// When the next one comes.
    pub(super) fn next_time(&self) -> Option<Duration> {
        let those = self.inboxes.iter().filter(|inbox| !inbox.is_held);
        those.filter_map(|inbox| inbox.letters.front()).map(|letter| letter.arrives_at).min()
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.inboxes.iter().all(|inbox| inbox.letters.is_empty())
    }

    /// No more was ever under way than that, for a ticket and for a publisher elsewhere.
    pub(super) fn check(&self, outward_max: usize, inward_max: usize) {
        self.ledger.check(outward_max, inward_max);
    }

    pub(super) fn crossings_to(&self, to: usize) -> Vec<Crossed> {
        self.ledger.crossings_to(LoopId::new(to as u32))
    }

    pub(super) fn inwards_to(&self, to: usize) -> CrossedInwards {
        self.ledger.inwards_to(LoopId::new(to as u32))
    }

    /// Heads or tails.
    pub(super) fn toss(&mut self) -> bool {
        self.dice.up_to(2) == 1
    }
}
