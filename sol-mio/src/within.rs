//! Within: the publishers within the process, which cross to the loop where their stream is at home.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use sol_core::crossing::InwardId;
use sol_core::limits;
use sol_core::name::StreamName;

/// What is known of all of them.
#[derive(Debug, Default)]
pub(crate) struct Within {
    state: Mutex<State>,
    /// Notified when something was taken.
    taken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    so_far: u64,
    names: BTreeSet<StreamName>,
    /// What each has under way.
    under_way: BTreeMap<InwardId, usize>,
    /// A loop has failed: nothing is waited for any more.
    is_closed: bool,
}

impl Within {
    pub(crate) fn enter(&self, name: &StreamName) -> InwardId {
        let mut state = self.state();
        state.so_far += 1;
        let id = InwardId::new(state.so_far);
        state.names.insert(name.clone());
        state.under_way.insert(id, 0);
        id
    }

    pub(crate) fn leave(&self, id: InwardId, name: &StreamName) {
        let mut state = self.state();
        state.names.remove(name);
        state.under_way.remove(&id);
    }

    /// So much is about to go. Waits until there is room for it.
    pub(crate) fn send(&self, id: InwardId, cost: usize) {
        let is_full = |state: &mut State| {
            !state.is_closed
                && state.under_way.get(&id).is_some_and(|&under_way| under_way >= limits::CROSSING_BYTES)
        };
        let mut state = self.taken.wait_while(self.state(), is_full).unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = state.under_way.get_mut(&id) {
            *under_way += cost;
        }
    }

    pub(crate) fn has_taken(&self, id: InwardId, cost: usize) {
        if let Some(under_way) = self.state().under_way.get_mut(&id) {
            *under_way = under_way.saturating_sub(cost);
        }
        self.taken.notify_all();
    }

    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.taken.notify_all();
    }

    pub(crate) fn names(&self) -> BTreeSet<StreamName> {
        self.state().names.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
