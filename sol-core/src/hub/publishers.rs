//! Publishers: who publishes a stream, and which of them is on air.
//!
//! Invariants: one publisher of each role at most; one of them at most is on air, and nothing is kept of that one. Numbers of
//! publications begin at 1 and are never used twice.

use crate::limits;
use crate::time::Instant;

use super::bid::{Bid, Credential, PublisherRole};
use super::standby::Standby;

#[derive(Debug, Default)]
pub(super) struct Publishers {
    places: [Option<Publisher>; PublisherRole::ALL.len()],
    on_air: Option<PublisherRole>,
    so_far: u64,
}

/// One publisher.
#[derive(Debug)]
pub(super) struct Publisher {
    /// The number of its publication.
    number: u64,
    credential: Option<Credential>,
    /// When something came last.
    heard: Instant,
    /// Empty while it is on air.
    pub(super) standby: Standby,
}

impl Publisher {
    pub(super) fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }

    /// Whether it has sent nothing for so long that its connection is probably dead.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.falls_silent_at() <= now
    }

    pub(super) fn falls_silent_at(&self) -> Instant {
        self.heard + limits::PUBLISHER_SILENCE
    }
}

impl Publishers {
    /// Gives the place to whoever bids for it, and takes it from whoever had it. The number of the publication.
    pub(super) fn admit(&mut self, bid: &Bid, now: Instant) -> u64 {
        self.so_far += 1;
        let credential = bid.credential.clone();
        let publisher =
            Publisher { number: self.so_far, credential, heard: now, standby: Standby::default() };
        self.places[bid.role as usize] = Some(publisher);
        self.so_far
    }

    /// Takes a publisher's place; as what, and whether it was on air. `None`: it had none any more.
    pub(super) fn dismiss(&mut self, number: u64) -> Option<(PublisherRole, bool)> {
        let role = self.role_of(number)?;
        self.places[role as usize] = None;
        let was_on_air = self.on_air == Some(role);
        if was_on_air {
            self.on_air = None;
        }
        Some((role, was_on_air))
    }

    /// A publisher has sent something; as what it publishes. `None`: it does no longer.
    #[inline]
    pub(super) fn hear(&mut self, number: u64, now: Instant) -> Option<PublisherRole> {
        let role = self.role_of(number)?;
        if let Some(publisher) = &mut self.places[role as usize] {
            publisher.heard = now;
        }
        Some(role)
    }

    #[inline]
    pub(super) fn role_of(&self, number: u64) -> Option<PublisherRole> {
        let is_its =
            |role: &PublisherRole| self.at(*role).is_some_and(|publisher| publisher.number == number);
        PublisherRole::ALL.into_iter().find(is_its)
    }

    pub(super) fn at(&self, role: PublisherRole) -> Option<&Publisher> {
        self.places[role as usize].as_ref()
    }

    pub(super) fn at_mut(&mut self, role: PublisherRole) -> Option<&mut Publisher> {
        self.places[role as usize].as_mut()
    }

    /// Whose frames players get.
    pub(super) fn on_air(&self) -> Option<PublisherRole> {
        self.on_air
    }

    /// Puts a publisher on air. What was kept of it.
    pub(super) fn put_on_air(&mut self, role: PublisherRole) -> Standby {
        debug_assert!(self.at(role).is_some(), "1: who is on air publishes");
        self.on_air = Some(role);
        self.at_mut(role).map(|publisher| std::mem::take(&mut publisher.standby)).unwrap_or_default()
    }

    /// Whether anybody publishes, on air or not.
    pub(super) fn are_any(&self) -> bool {
        self.places.iter().any(Option::is_some)
    }

    /// Whether a publisher that is not on air is to be, from what it has sent last on.
    pub(super) fn takes_over(&self, role: PublisherRole, gives_back: bool, now: Instant) -> bool {
        let Some(publisher) = self.at(role).filter(|_| self.on_air != Some(role)) else { return false };
        match self.on_air.and_then(|on_air| self.at(on_air)) {
            None => true,
            Some(other) => {
                let is_preferred = gives_back && role == PublisherRole::Main;
                publisher.standby.is_ready() && (is_preferred || other.is_silent(now))
            }
        }
    }

    /// Who can take over from one that has just left.
    pub(super) fn successor(&self, now: Instant) -> Option<PublisherRole> {
        let is_there =
            |role: &PublisherRole| self.at(*role).is_some_and(|publisher| !publisher.is_silent(now));
        PublisherRole::ALL.into_iter().find(is_there)
    }

    /// When the next publisher falls silent that has not yet.
    pub(super) fn next_silence(&self, now: Instant) -> Option<Instant> {
        let publishers = self.places.iter().flatten();
        publishers.map(Publisher::falls_silent_at).filter(|&at| at > now).min()
    }
}
