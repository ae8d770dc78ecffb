//! Waiting: what came of a direction and is ahead of its turn.
//!
//! That is bytes, and places whose bytes a snap length cut off, for which nobody needs to wait. Where bytes come for such
//! a place after all, they count.
//!
//! Invariants: no two ranges of bytes overlap. A segment makes no more work than bytes of it were captured, however many
//! it says that it had.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::clock::Moment;
use super::limits;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    bytes: BTreeMap<u64, (Bytes, Moment)>,
    /// Places of bytes that were cut off, by where they begin, with where they end. They do not touch each other, and
    /// bytes may wait within them.
    absent: BTreeMap<u64, (u64, Moment)>,
    held_bytes: usize,
}

/// What is there for the next position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Bytes(Bytes),
    /// So many were cut off.
    Absent(u64),
}

/// Bytes that wait already.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) count: u64,
    /// They were others before.
    pub(super) contradicts: bool,
}

impl Waiting {
    /// Keeps bytes from this position on, as far as none wait there.
    pub(super) fn keep(&mut self, start: u64, bytes: &[u8], now: Moment) -> Again {
        let mut again = Again::default();
        let mut free = Vec::new();
        let (mut at, end) = (start, start + bytes.len() as u64);
        // What waits at or before the beginning, and then each that the bytes reach.
        let first = self.bytes.range(..=start).next_back().map_or(start, |(&from, _)| from);
        for (&from, (theirs, _)) in self.bytes.range(first..end.max(first)) {
            let to = from + theirs.len() as u64;
            if to <= at {
                continue;
            }
            if from > at {
                free.push(at..from);
                at = from;
            }
            let common = at..to.min(end);
            let (ours, theirs) = (&bytes[slice(&common, start)], &theirs[slice(&common, from)]);
            again.count += ours.len() as u64;
            again.contradicts |= ours != theirs;
            at = common.end;
        }
        free.push(at..end);
        for place in free.into_iter().filter(|place| !place.is_empty()) {
            let bytes = Bytes::copy_from_slice(&bytes[slice(&place, start)]);
            self.held_bytes += bytes.len() + limits::WAITING_OVERHEAD;
            self.bytes.insert(place.start, (bytes, now));
        }
        again
    }

    /// Of these positions the bytes were cut off.
    pub(super) fn keep_absent(&mut self, from: u64, to: u64, now: Moment) {
        if from >= to {
            return;
        }
        let (mut from, mut to, mut since) = (from, to, now);
        if let Some((&before, &(end, _))) = self.absent.range(..=from).next_back()
            && end >= from
        {
            from = before;
        }
        while let Some((&next, &(end, earlier))) = self.absent.range(from..=to).next() {
            self.absent.remove(&next);
            self.held_bytes -= limits::WAITING_OVERHEAD;
            to = to.max(end);
            since = if earlier.order < since.order { earlier } else { since };
        }
        self.held_bytes += limits::WAITING_OVERHEAD;
        self.absent.insert(from, (to, since));
    }

    /// What is there for this position. All before it is forgotten.
    pub(super) fn take_at(&mut self, position: u64) -> Option<Due> {
        if let Some((bytes, _)) = self.bytes.remove(&position) {
            self.held_bytes -= bytes.len() + limits::WAITING_OVERHEAD;
            return Some(Due::Bytes(bytes));
        }
        while let Some(entry) = self.absent.first_entry().filter(|entry| entry.get().0 <= position) {
            entry.remove();
            self.held_bytes -= limits::WAITING_OVERHEAD;
        }
        let (_, &(to, _)) = self.absent.range(..=position).next_back()?;
        let next = self.bytes.first_key_value().map_or(to, |(&next, _)| next.min(to));
        Some(Due::Absent(next - position))
    }

    /// Positions are other ones from here on.
    pub(super) fn shift(&mut self, shifted: impl Fn(u64) -> u64) {
        let bytes = std::mem::take(&mut self.bytes).into_iter();
        self.bytes = bytes.map(|(from, bytes)| (shifted(from), bytes)).collect();
        let absent = std::mem::take(&mut self.absent).into_iter();
        self.absent = absent.map(|(from, (to, since))| (shifted(from), (shifted(to), since))).collect();
    }

    /// Where the first of it is, and since when.
    pub(super) fn first(&self) -> Option<(u64, Moment)> {
        let bytes = self.bytes.first_key_value().map(|(&from, &(_, since))| (from, since));
        let absent = self.absent.first_key_value().map(|(&from, &(_, since))| (from, since));
        [bytes, absent].into_iter().flatten().min_by_key(|(from, _)| *from)
    }

    /// How many bytes there are in a row at this position, within one range.
    pub(super) fn length_at(&self, position: u64) -> usize {
        self.bytes.get(&position).map_or(0, |(bytes, _)| bytes.len())
    }

    /// Behind the last of it.
    pub(super) fn end(&self) -> Option<u64> {
        let bytes = self.bytes.last_key_value().map(|(from, (bytes, _))| from + bytes.len() as u64);
        let absent = self.absent.last_key_value().map(|(_, &(to, _))| to);
        bytes.max(absent)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.absent.is_empty()
    }

    /// Whether none of the bytes are before this position.
    pub(super) fn is_ahead_of(&self, position: u64) -> bool {
        self.bytes.first_key_value().is_none_or(|(&first, _)| first >= position)
    }

    /// What it costs: its bytes, and `limits::WAITING_OVERHEAD` for each range.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }
}

/// The indices of a range of positions in bytes that begin at one.
fn slice(range: &std::ops::Range<u64>, from: u64) -> std::ops::Range<usize> {
    let index = |position: u64| usize::try_from(position - from).expect("what is in memory fits");
    index(range.start)..index(range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_where_none_wait_and_the_first_count() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.keep(2, b"cd", NOW), Again::default());
        assert_eq!(waiting.keep(6, b"gh", NOW), Again::default());
        assert_eq!(waiting.keep(1, b"bcXefgh", NOW), Again { count: 4, contradicts: true });
        let mut given = Vec::new();
        while let Some(Due::Bytes(bytes)) = waiting.take_at(1 + given.len() as u64) {
            given.extend(bytes);
        }
        assert_eq!(given, b"bcdefgh");
        assert_eq!((waiting.held_bytes(), waiting.is_empty()), (0, true));
    }

    #[test]
    fn bytes_within_a_place_that_was_cut_off_are_given_before_and_after_it() {
        for is_first in [false, true] {
            let mut waiting = Waiting::default();
            if is_first {
                waiting.keep(4, b"ef", NOW);
            }
            waiting.keep_absent(1, 9, NOW);
            if !is_first {
                waiting.keep(4, b"ef", NOW);
            }
            assert_eq!((waiting.first(), waiting.end()), (Some((1, NOW)), Some(9)));
            assert_eq!(waiting.take_at(0), None);
            assert_eq!(waiting.take_at(1), Some(Due::Absent(3)));
            assert_eq!(waiting.take_at(4), Some(Due::Bytes(Bytes::from_static(b"ef"))));
            assert_eq!(waiting.take_at(6), Some(Due::Absent(3)));
            assert_eq!(waiting.take_at(9), None);
            assert_eq!((waiting.held_bytes(), waiting.is_empty()), (0, true));
        }
    }

    #[test]
    fn places_that_were_cut_off_again_and_again_are_one() {
        let mut waiting = Waiting::default();
        for single in 0..1_000 {
            waiting.keep(10 + 2 * single, b"x", NOW);
        }
        let held = waiting.held_bytes();
        for from in 0..500 {
            waiting.keep_absent(from * 3, from * 3 + 2_000, NOW);
        }
        assert_eq!(waiting.absent.len(), 1);
        assert_eq!(waiting.bytes.len(), 1_000, "bytes stay in one piece");
        assert_eq!(waiting.held_bytes(), held + limits::WAITING_OVERHEAD);
    }

    const NOW: Moment = Moment { elapsed: std::time::Duration::ZERO, segments: 1, order: 1 };
}
