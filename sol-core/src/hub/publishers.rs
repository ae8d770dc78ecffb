//! Publishers: who publishes a stream, and which of them is on air.
//!
//! Invariants: one publisher of each role at most; one of them at most is on air, and nothing is kept of that one. Numbers of
//! publications begin at 1 and are never used twice.

use crate::limits;
use crate::media::NormalForm;
use crate::time::Instant;

use super::bid::{Bid, Credential, Held, PublisherRole, Takeover};
use super::correction::Corrections;
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
    /// Since when it has never been silent.
    steady_since: Instant,
    /// Empty while it is on air.
    pub(super) standby: Standby,
    /// What was corrected of it whenever it was on air before, and of its payloads whenever.
    pub(super) corrections: Corrections,
    /// What is known of its video, to put it into normal form.
    pub(super) normal_form: NormalForm,
}

impl Publisher {
    /// Whether it has sent nothing for so long that its connection is probably dead.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.falls_silent_at() <= now
    }

    pub(super) fn falls_silent_at(&self) -> Instant {
        self.heard + limits::PUBLISHER_SILENCE
    }

    /// Whether it has been heard for long enough to be trusted with the air. Behind a stall of the process, or of its network,
    /// nobody has: what comes first may be old.
    fn is_steady(&self, now: Instant) -> bool {
        now.saturating_since(self.steady_since) >= limits::PUBLISHER_SILENCE
    }
}

impl Publishers {
    /// Whether a bid wins its place.
    pub(super) fn allow(&self, bid: &Bid, takeover: Takeover, now: Instant) -> bool {
        let held = |role| {
            let publisher = self.at(role)?;
            Some(Held { credential: publisher.credential.as_ref(), is_silent: publisher.is_silent(now) })
        };
        takeover.allows(bid, held(bid.role), held(bid.role.other()))
    }

    /// Gives the place to whoever bids for it, and takes it from whoever had it. The number of the publication.
    pub(super) fn admit(&mut self, bid: &Bid, now: Instant) -> u64 {
        self.so_far += 1;
        let publisher = Publisher {
            number: self.so_far,
            credential: bid.credential.clone(),
            heard: now,
            steady_since: now,
            standby: Standby::default(),
            corrections: Corrections::NONE,
            normal_form: NormalForm::default(),
        };
        self.places[bid.role as usize] = Some(publisher);
        self.so_far
    }

    /// Takes a publisher's place; whether it was on air. `None`: it had none any more.
    pub(super) fn dismiss(&mut self, number: u64) -> Option<bool> {
        let role = self.role_of(number)?;
        self.places[role as usize] = None;
        let was_on_air = self.on_air == Some(role);
        if was_on_air {
            self.on_air = None;
        }
        Some(was_on_air)
    }

    /// A publisher has sent something; as what it publishes. `None`: it does no longer.
    #[inline]
    pub(super) fn hear(&mut self, number: u64, now: Instant) -> Option<PublisherRole> {
        let role = self.role_of(number)?;
        if let Some(publisher) = &mut self.places[role as usize] {
            if publisher.is_silent(now) {
                publisher.steady_since = now;
            }
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
        let Some(other) = self.on_air.and_then(|on_air| self.at(on_air)) else { return true };
        let is_preferred = gives_back && role == PublisherRole::Main && publisher.standby.has_just_begun();
        // Without a keyframe it is better than nothing, once one has been waited for.
        let is_needed = other.is_silent(now)
            && (publisher.standby.is_ready()
                || now.saturating_since(other.falls_silent_at()) >= limits::RETURN_TIME);
        publisher.is_steady(now) && (is_preferred || is_needed)
    }

    /// Who can take over from one that has just left.
    pub(super) fn successor(&self, now: Instant) -> Option<PublisherRole> {
        let is_there =
            |role: &PublisherRole| self.at(*role).is_some_and(|publisher| !publisher.is_silent(now));
        PublisherRole::ALL.into_iter().find(is_there)
    }

    /// When the next publisher falls silent that had not by then.
    pub(super) fn next_silence(&self, after: Instant) -> Option<Instant> {
        let publishers = self.places.iter().flatten();
        publishers.map(Publisher::falls_silent_at).filter(|&at| at > after).min()
    }

    pub(super) fn check(&self) {
        if let Some(role) = self.on_air {
            let publisher = self.at(role).expect("1: who is on air publishes");
            assert!(publisher.standby.is_empty(), "2: nothing is kept of one that is on air");
        }
        self.places.iter().flatten().for_each(|publisher| publisher.standby.check());
        let numbers = self.places.each_ref().map(|place| place.as_ref().map(|publisher| publisher.number));
        assert!(numbers.iter().flatten().all(|&number| (1..=self.so_far).contains(&number)), "3: numbers");
    }
}
