//! Index: where in a file its keyframes are, so that players can seek (`keyframes` in the metadata; no specification has it,
//! every player knows it).
//!
//! Invariants: times only grow. At most [`limits::FLV_KEYFRAMES`] are kept, evenly spread: each one of so many.

use crate::amf::{Properties, Value};
use crate::limits;
use crate::timestamp::Timestamp;

/// The keyframes of one file.
#[derive(Debug)]
pub(super) struct KeyframeIndex {
    /// The codec configuration that came before all keyframes.
    configuration: Option<Entry>,
    keyframes: Vec<Entry>,
    /// Keyframes that came, whether kept or not.
    came: u64,
    /// One of so many is kept.
    spacing: u64,
}

/// A tag of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The time in its header.
    pub(super) timestamp: Timestamp,
    /// Where the header begins, in bytes from the beginning of the file.
    pub(super) position: u64,
}

impl KeyframeIndex {
    pub(super) const fn new() -> Self {
        Self { configuration: None, keyframes: Vec::new(), came: 0, spacing: 1 }
    }

    /// The longest index there can be.
    pub(super) fn longest() -> Self {
        let keyframes = vec![Entry::default(); limits::FLV_KEYFRAMES];
        Self { configuration: Some(Entry::default()), keyframes, ..Self::new() }
    }

    /// A codec configuration of the track that is indexed.
    pub(super) fn note_configuration(&mut self, entry: Entry) {
        if self.keyframes.is_empty() {
            self.configuration.get_or_insert(entry);
        }
    }

    /// A keyframe. One that is not later than those before it is left out: players search by time.
    pub(super) fn note_keyframe(&mut self, entry: Entry) {
        let millis = entry.timestamp.millis();
        if self.keyframes.last().is_some_and(|last| last.timestamp.millis() >= millis) {
            return;
        }
        let number = self.came;
        self.came += 1;
        if !number.is_multiple_of(self.spacing) {
            return;
        }
        if self.keyframes.len() == limits::FLV_KEYFRAMES {
            let mut is_kept = false;
            self.keyframes.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.spacing *= 2;
        }
        self.keyframes.push(entry);
    }

    /// Whether there is no keyframe.
    pub(super) const fn is_empty(&self) -> bool {
        self.keyframes.is_empty()
    }

    /// Times in seconds and positions in bytes.
    pub(super) fn properties(&self) -> Properties {
        // flv.js takes the first entry for a codec configuration, which other writers put there, and leaves it out.
        let entries = || self.configuration.iter().chain(&self.keyframes);
        let seconds = |entry: &Entry| Value::Number(f64::from(entry.timestamp.millis()) / 1_000.0);
        let position = |entry: &Entry| Value::Number(entry.position as f64);
        Properties::new()
            .with("times", Value::StrictArray(entries().map(seconds).collect()))
            .with("filepositions", Value::StrictArray(entries().map(position).collect()))
    }
}

// Every other one of an even number is left out, so that the next to come is one to keep.
const _: () = assert!(limits::FLV_KEYFRAMES.is_multiple_of(2));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_keyframes_than_fit_are_thinned_evenly() {
        let mut index = KeyframeIndex::new();
        for number in 0..limits::FLV_KEYFRAMES as u32 {
            index.note_keyframe(entry(number * 1_000));
        }
        assert_eq!(index.keyframes.len(), limits::FLV_KEYFRAMES, "an hour is kept whole");
        for number in limits::FLV_KEYFRAMES as u32..50_000 {
            index.note_keyframe(entry(number * 1_000));
            assert!(index.keyframes.len() <= limits::FLV_KEYFRAMES);
        }
        assert_eq!(index.spacing, 32, "1 800 times 32 is more than 50 000");
        let kept: Vec<_> = (0..50_000).step_by(32).map(|number| entry(number * 1_000)).collect();
        assert_eq!(index.keyframes, kept);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_put_the_index_out_of_order() {
        let mut index = KeyframeIndex::new();
        for millis in [0, 2_000, 2_000, 500, 4_000] {
            index.note_keyframe(entry(millis));
        }
        assert_eq!(index.keyframes, [0, 2_000, 4_000].map(entry));
    }

    #[test]
    fn the_configuration_before_all_keyframes_is_the_first_entry() {
        let mut index = KeyframeIndex::new();
        for configuration in [entry(1), entry(2)] {
            index.note_configuration(configuration);
        }
        index.note_keyframe(entry(2_500));
        index.note_configuration(entry(3_000));
        let numbers = |numbers: [f64; 2]| Value::StrictArray(numbers.map(Value::Number).to_vec());
        let expected = Properties::new()
            .with("times", numbers([0.001, 2.5]))
            .with("filepositions", numbers([101.0, 2_600.0]));
        assert_eq!(index.properties(), expected);
    }

    fn entry(millis: u32) -> Entry {
        Entry { timestamp: Timestamp::from_millis(millis), position: u64::from(millis) + 100 }
    }
}
