//! Armed: who is to be served when a tape grows.
//!
//! Filled anew with every delivery, in the order in which players catch up, and taken whole. Nobody's memory is touched for
//! that but that of the list: a crowd is far larger than what a processor keeps at hand.
//!
//! Invariant: each place is on the list once or not at all.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::line::Deliver;

/// The list of one stream.
#[derive(Default)]
pub(crate) struct Armed(Mutex<List>);

#[derive(Default)]
struct List {
    /// How often it was taken so far.
    generation: u64,
    entries: Vec<Option<Arc<dyn Deliver>>>,
    /// Entries of those who have left since, to be used again.
    free: Vec<u32>,
}

/// Where somebody stands on the list, if at all. Changed only under the list's lock.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// Of which generation its index is, plus one.
    generation: AtomicU64,
    index: AtomicU32,
}

impl Place {
    fn index_on(&self, list: &List) -> Option<u32> {
        let is_there = self.generation.load(Ordering::Relaxed) == list.generation + 1;
        is_there.then(|| self.index.load(Ordering::Relaxed))
    }
}

impl Armed {
    /// Puts somebody on the list who may be there already.
    pub(crate) fn add(&self, place: &Place, link: Arc<dyn Deliver>) {
        let mut list = self.list();
        if place.index_on(&list).is_none() {
            let index = match list.free.pop() {
                Some(index) => {
                    list.entries[index as usize] = Some(link);
                    index
                }
                None => {
                    list.entries.push(Some(link));
                    list.entries.len() as u32 - 1
                }
            };
            place.index.store(index, Ordering::Relaxed);
            place.generation.store(list.generation + 1, Ordering::Relaxed);
        }
    }

    /// Takes somebody off the list who may not be there any more.
    pub(crate) fn remove(&self, place: &Place) {
        let mut list = self.list();
        if let Some(index) = place.index_on(&list) {
            let entry = list.entries[index as usize].take();
            list.free.push(index);
            place.generation.store(0, Ordering::Relaxed);
            drop(list);
            // Where this was the last one to know it, it goes without the lock.
            drop(entry);
        }
    }

    /// Takes everybody.
    pub(crate) fn take(&self) -> Vec<Option<Arc<dyn Deliver>>> {
        let mut list = self.list();
        list.generation += 1;
        list.free.clear();
        // The list keeps its room: it fills up again with this delivery.
        let room = Vec::with_capacity(list.entries.len());
        std::mem::replace(&mut list.entries, room)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.list().entries.iter().flatten().count()
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Armed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Armed").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Deliver for Nobody {
        fn approach(&self) {}

        fn read(&self) {}

        fn write(&self) {}
    }

    #[test]
    fn each_is_on_the_list_once_until_it_is_taken() {
        let (armed, place) = (Armed::default(), Place::default());
        armed.add(&place, Arc::new(Nobody));
        armed.add(&place, Arc::new(Nobody));
        assert_eq!(armed.take().len(), 1);
        assert_eq!(armed.take().len(), 0);
        armed.add(&place, Arc::new(Nobody));
        assert_eq!(armed.take().len(), 1);
    }

    #[test]
    fn who_leaves_makes_room_and_takes_nobody_else_along() {
        let (armed, places) = (Armed::default(), [(); 3].map(|()| Place::default()));
        let links = [(); 3].map(|()| Arc::new(Nobody));
        for (place, link) in places.iter().zip(&links) {
            let link: Arc<Nobody> = Arc::clone(link);
            armed.add(place, link);
        }
        armed.remove(&places[1]);
        armed.remove(&places[1]);
        let alive = |links: &[Arc<Nobody>; 3]| links.each_ref().map(|link| Arc::strong_count(link) > 1);
        assert_eq!(alive(&links), [true, false, true]);
        for _ in 0..1_000 {
            let guest = Place::default();
            armed.add(&guest, Arc::new(Nobody));
            armed.remove(&guest);
        }
        assert_eq!(armed.take().len(), 3, "no more entries than there were people at once");
    }

    #[test]
    fn who_was_taken_cannot_be_removed_in_place_of_another() {
        let (armed, before, after) = (Armed::default(), Place::default(), Place::default());
        armed.add(&before, Arc::new(Nobody));
        armed.take();
        armed.add(&after, Arc::new(Nobody));
        armed.remove(&before);
        assert_eq!(armed.len(), 1);
    }
}
