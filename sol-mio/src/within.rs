//! Within: the publishers within the process, which cross to the loop where their stream is at home.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use sol_core::crossing::ClaimId;
use sol_core::hub::Replaced;
use sol_core::limits;
use sol_core::name::StreamName;
use sol_core::server::NamesWithin;

/// What is known of all of them.
#[derive(Debug, Default)]
pub(crate) struct Within {
    state: Mutex<State>,
    /// Notified when something was taken, or nothing will be any more.
    taken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    names: NamesWithin,
    /// What each has under way that has not been replaced.
    under_way: BTreeMap<ClaimId, usize>,
    /// A loop has failed: nothing is waited for any more.
    is_closed: bool,
}

impl Within {
    pub(crate) fn enter(&self, id: ClaimId, name: &StreamName) {
        let mut state = self.state();
        state.names.add(name);
        state.under_way.insert(id, 0);
    }

    pub(crate) fn leave(&self, id: ClaimId, name: &StreamName) {
        let mut state = self.state();
        state.names.remove(name);
        state.under_way.remove(&id);
    }

    /// So much is about to go. Waits until there is room for it.
    pub(crate) fn send(&self, id: ClaimId, cost: usize) -> Result<(), Replaced> {
        let is_full = |state: &mut State| {
            !state.is_closed
                && state.under_way.get(&id).is_some_and(|&under_way| under_way >= limits::CROSSING_BYTES)
        };
        let mut state = self.taken.wait_while(self.state(), is_full).unwrap_or_else(PoisonError::into_inner);
        let under_way = state.under_way.get_mut(&id).ok_or(Replaced)?;
        *under_way += cost;
        Ok(())
    }

    /// Another publisher has taken the place of one.
    pub(crate) fn replaced(&self, id: ClaimId) {
        self.state().under_way.remove(&id);
        self.taken.notify_all();
    }

    pub(crate) fn has_taken(&self, id: ClaimId, cost: usize) {
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
        self.state().names.names()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
