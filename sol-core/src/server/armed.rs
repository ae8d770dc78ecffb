//! Armed: who is to be served when a tape grows.
//!
//! Filled anew with every delivery, in the order in which players catch up, but that one who comes may take the place of one who
//! left; and taken whole.
//!
//! Invariant: each spot is on the list once or not at all.

use std::cell::Cell;

use crate::ids::SessionId;

/// The list of one stream.
#[derive(Debug, Default)]
pub(super) struct Armed {
    /// How often it was taken so far.
    generation: u64,
    entries: Vec<Option<SessionId>>,
    /// Entries of those who have left since, to be used again.
    free: Vec<u32>,
}

/// Where a player stands on the list of its stream, if at all.
#[derive(Debug, Default)]
pub(super) struct Spot(Cell<Option<(u64, u32)>>);

impl Spot {
    fn index_on(&self, list: &Armed) -> Option<u32> {
        self.0.get().filter(|&(generation, _)| generation == list.generation).map(|(_, index)| index)
    }
}

impl Armed {
    /// Puts somebody on the list who may be there already.
    pub(super) fn add(&mut self, spot: &Spot, who: SessionId) {
        if spot.index_on(self).is_some() {
            return;
        }
        let index = match self.free.pop() {
            Some(index) => {
                self.entries[index as usize] = Some(who);
                index
            }
            None => {
                self.entries.push(Some(who));
                self.entries.len() as u32 - 1
            }
        };
        spot.0.set(Some((self.generation, index)));
    }

    /// Takes somebody off the list who may not be there any more.
    pub(super) fn remove(&mut self, spot: &Spot) {
        if let Some(index) = spot.index_on(self) {
            self.entries[index as usize] = None;
            self.free.push(index);
            spot.0.set(None);
        }
    }

    /// Takes everybody.
    pub(super) fn take(&mut self) -> Vec<Option<SessionId>> {
        self.generation += 1;
        self.free.clear();
        // The list keeps its room: it fills up again with this delivery.
        let room = Vec::with_capacity(self.entries.len());
        std::mem::replace(&mut self.entries, room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_on_the_list_once_until_it_is_taken() {
        let (mut armed, spot) = (Armed::default(), Spot::default());
        for _ in 0..2 {
            armed.add(&spot, SessionId::new(1));
            armed.add(&spot, SessionId::new(1));
            assert_eq!(armed.take(), [Some(SessionId::new(1))]);
            assert_eq!(armed.take(), []);
        }
    }

    #[test]
    fn who_leaves_makes_room_and_takes_nobody_else_along() {
        let (mut armed, stays) = (Armed::default(), Spot::default());
        armed.add(&stays, SessionId::new(1));
        for guest in 2..1_000 {
            let spot = Spot::default();
            armed.add(&spot, SessionId::new(guest));
            armed.remove(&spot);
            armed.remove(&spot);
        }
        assert_eq!(armed.take(), [Some(SessionId::new(1)), None]);
        armed.remove(&stays);
        assert_eq!(armed.take(), [], "it was on another list");
    }
}
