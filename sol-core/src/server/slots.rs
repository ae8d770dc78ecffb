//! Slots: the sessions of one server, each in a slot that is used again once it is over.

use crate::ids::SessionId;
use crate::participant::Participant;
use crate::time::Instant;

use super::local::Seat;

/// One session and what its server keeps with it.
#[derive(Debug)]
pub(super) struct Occupant {
    pub(super) id: SessionId,
    pub(super) participant: Participant<Seat>,
    /// When to look after it. Its own deadline may be later.
    pub(super) scheduled: Option<Instant>,
    /// It is on the list of those who may have something to write.
    pub(super) is_listed: bool,
    /// Its driver knows that input is wanted.
    pub(super) is_read: bool,
}

impl Occupant {
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.participant.poll_timeout().is_some_and(|deadline| deadline.at <= now)
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Slots {
    // Each on its own: a table that grows should not move them.
    slots: Vec<Option<Box<Occupant>>>,
    free: Vec<u32>,
    numbers: SessionNumbers,
}

/// How sessions are numbered, so that no two of several servers give the same number.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionNumbers {
    pub(super) first: u64,
    pub(super) step: u64,
}

impl SessionNumbers {
    pub(super) const ALL: SessionNumbers = SessionNumbers { first: 1, step: 1 };
}

impl Slots {
    pub(super) fn new(numbers: SessionNumbers) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), numbers }
    }

    /// Somebody moves in.
    pub(super) fn take(&mut self, participant: Participant<Seat>) -> SessionId {
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        let id = SessionId::in_slot(self.numbers.first, slot);
        self.numbers.first += self.numbers.step;
        let occupant =
            Some(Box::new(Occupant { id, participant, scheduled: None, is_listed: false, is_read: true }));
        match self.slots.get_mut(slot as usize) {
            Some(empty) => *empty = occupant,
            None => self.slots.push(occupant),
        }
        id
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Occupant> {
        self.slots.get(id.slot())?.as_deref().filter(|occupant| occupant.id == id)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Occupant> {
        self.slots.get_mut(id.slot())?.as_deref_mut().filter(|occupant| occupant.id == id)
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Box<Occupant>> {
        let occupant = self.slots.get_mut(id.slot())?.take_if(|occupant| occupant.id == id)?;
        self.free.push(id.slot() as u32);
        Some(occupant)
    }

    /// All of them, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Occupant> {
        let mut all: Vec<&Occupant> = self.slots.iter().flatten().map(AsRef::as_ref).collect();
        all.sort_unstable_by_key(|occupant| occupant.id);
        all.into_iter()
    }

    pub(super) fn ids(&self) -> Vec<SessionId> {
        self.iter().map(|occupant| occupant.id).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
