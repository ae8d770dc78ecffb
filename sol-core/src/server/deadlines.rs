//! Deadlines: when to look after whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Instant;

/// The next deadline of each of many.
#[derive(Debug)]
pub(super) struct Deadlines<K> {
    by_time: BTreeSet<(Instant, K)>,
    by_key: BTreeMap<K, Instant>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_key: BTreeMap::new() }
    }
}

impl<K: Copy + Ord> Deadlines<K> {
    pub(super) fn set(&mut self, key: K, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.by_key.insert(key, at),
            None => self.by_key.remove(&key),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, key));
        }
        if let Some(at) = at {
            self.by_time.insert((at, key));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|&(at, _)| at)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = K> {
        self.by_key.keys().copied()
    }

    /// When it is due.
    pub(super) fn time_of(&self, key: K) -> Option<Instant> {
        self.by_key.get(&key).copied().filter(|&at| self.by_time.contains(&(at, key)))
    }

    /// Takes one whose time has come.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<K> {
        let &(_, key) = self.by_time.first().filter(|&&(at, _)| at <= now)?;
        self.set(key, None);
        Some(key)
    }
}
