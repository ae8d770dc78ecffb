//! Agenda: which seats have something to do at this moment, and which at a later one.
//!
//! Most seats wait at any moment; who looks at them all spends its time on that.
//!
//! Invariant: a seat whose time has come, or that was touched since, is called before time goes on.

use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Agenda {
    by_time: BTreeSet<(Duration, usize)>,
    entries: Vec<Entry>,
    /// Those that have something to do at this moment, each once.
    called: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    at: Option<Duration>,
    is_called: bool,
}

impl Agenda {
    /// A seat has something to do.
    pub(super) fn call(&mut self, seat: usize) {
        if seat >= self.entries.len() {
            self.entries.resize(seat + 1, Entry::default());
        }
        if !std::mem::replace(&mut self.entries[seat].is_called, true) {
            self.called.push(seat);
        }
    }

    /// Anything may have happened to anybody.
    pub(super) fn call_all(&mut self, seats: usize) {
        (0..seats).for_each(|seat| self.call(seat));
    }

    /// Those whose time has come have something to do.
    pub(super) fn call_due(&mut self, now: Duration) {
        while let Some(&(_, seat)) = self.by_time.first().filter(|&&(at, _)| at <= now) {
            self.set(seat, None);
            self.call(seat);
        }
    }

    /// Takes those who are called, in their order.
    pub(super) fn take_called(&mut self) -> Vec<usize> {
        let mut called = std::mem::take(&mut self.called);
        called.sort_unstable();
        called.iter().for_each(|&seat| self.entries[seat].is_called = false);
        called
    }

    /// When a seat that is not called has something to do by itself.
    pub(super) fn set(&mut self, seat: usize, at: Option<Duration>) {
        let before = std::mem::replace(&mut self.entries[seat].at, at);
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, seat));
        }
        if let Some(at) = at {
            self.by_time.insert((at, seat));
        }
    }

    /// When somebody has something to do next.
    pub(super) fn next_time(&self) -> Option<Duration> {
        self.by_time.first().map(|&(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ms;
    use super::*;

    #[test]
    fn each_is_called_once_and_in_order_whatever_called_it() {
        let mut agenda = Agenda::default();
        for seat in [3, 1, 3, 0] {
            agenda.call(seat);
        }
        assert_eq!(agenda.take_called(), [0, 1, 3]);
        assert!(agenda.take_called().is_empty());
        agenda.set(1, Some(ms(5)));
        agenda.set(3, Some(ms(7)));
        agenda.set(1, Some(ms(9)));
        assert_eq!(agenda.next_time(), Some(ms(7)));
        agenda.call_due(ms(9));
        assert_eq!((agenda.take_called(), agenda.next_time()), (vec![1, 3], None));
    }
}
