//! Parameter sets: what an H.264 decoder has to know before a keyframe (ISO/IEC 14496-15, 5.3.3.1), put into the keyframe itself.
//!
//! Players are told of another configuration by a message of its own, as FLV has it. VLC looks at the first one alone, and shows
//! garbage from the next on; its decoder does take what stands in a picture. So once a stream's parameter sets have changed each
//! keyframe brings them along: a player that lags, pauses or has turned video off may miss the first.
//!
//! Invariants: what is put in stands between the units of a payload, none of which changes. A payload that cannot be read, that has
//! parameter sets already, or that would become too long, stays as it is.

use crate::limits;

use super::units::Units;
use super::{FrameKind, TrackId};

/// The configuration that players of a stream know last.
#[derive(Debug, Default)]
pub(crate) struct ParameterSets {
    known: Option<Vec<u8>>,
    /// Whether it is another one than at first.
    has_changed: bool,
}

impl ParameterSets {
    /// A frame is to be sent: what to send in its place, if it is to bring parameter sets along.
    pub(crate) fn complete(&mut self, kind: FrameKind, payload: &[u8]) -> Option<Vec<u8>> {
        match kind {
            FrameKind::VideoConfig(TrackId::DEFAULT) => {
                let is_read =
                    payload.starts_with(&CONFIGURATION) && payload.len() <= limits::PARAMETER_SETS_BYTES;
                let known = std::mem::replace(&mut self.known, is_read.then(|| payload.to_vec()));
                let [before, after] = [&known, &self.known].map(|one| one.as_deref().and_then(sets));
                self.has_changed |= before.is_some() && after.is_some() && before != after;
                None
            }
            FrameKind::Keyframe(TrackId::DEFAULT) if self.has_changed => {
                completed(payload, self.known.as_deref()?)
            }
            _ => None,
        }
    }
}

/// A keyframe with the parameter sets of a configuration.
fn completed(keyframe: &[u8], configuration: &[u8]) -> Option<Vec<u8>> {
    let (head, units) = keyframe.split_at_checked(HEAD)?;
    if !head.starts_with(&KEYFRAME) {
        return None;
    }
    let length_bytes = usize::from(configuration.get(HEAD + 4)? & 3) + 1;
    let kinds = Units::new(units, length_bytes).map(|unit| unit.first().map_or(0, |first| first & 0x1F));
    let kinds: Vec<u8> = kinds.take_while(|&kind| kind != SLICE_OF_KEYFRAME).collect();
    if kinds.contains(&SEQUENCE_PARAMETER_SET) {
        return None;
    }
    // A delimiter is the first in its picture (H.264, 7.4.1.2.3).
    let behind = match kinds.first() {
        Some(&DELIMITER) => length_bytes + Units::new(units, length_bytes).next()?.len(),
        _ => 0,
    };
    let (before, after) = units.split_at(behind);
    let mut completed = [head, before].concat();
    for set in sets(configuration)? {
        let length = (set.len() as u32).to_be_bytes();
        if length[..length.len() - length_bytes].iter().any(|&byte| byte != 0) {
            return None;
        }
        completed.extend_from_slice(&length[length.len() - length_bytes..]);
        completed.extend_from_slice(set);
    }
    completed.extend_from_slice(after);
    (completed.len() <= limits::MESSAGE_BYTES).then_some(completed)
}

/// The sets in a configuration, an AVCDecoderConfigurationRecord: those of sequences, and then those of pictures.
fn sets(configuration: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = configuration.get(HEAD + 5..)?;
    let mut sets = Vec::new();
    for mask in [0x1F, 0xFF] {
        let (&count, behind) = rest.split_first()?;
        rest = behind;
        for _ in 0..count & mask {
            let (&[high, low], behind) = rest.split_first_chunk()?;
            let (set, behind) = behind.split_at_checked(u16::from_be_bytes([high, low]).into())?;
            sets.push(set);
            rest = behind;
        }
    }
    Some(sets)
}

/// Frame type and codec, packet type, and composition time.
const HEAD: usize = 5;
const CONFIGURATION: [u8; 2] = [0x17, 0];
const KEYFRAME: [u8; 2] = [0x17, 1];

// Kinds of units (H.264, table 7-1).
const SLICE_OF_KEYFRAME: u8 = 5;
const SEQUENCE_PARAMETER_SET: u8 = 7;
const DELIMITER: u8 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: FrameKind = FrameKind::VideoConfig(TrackId::DEFAULT);
    const KEY: FrameKind = FrameKind::Keyframe(TrackId::DEFAULT);

    /// Lengths of four bytes, one set of each kind.
    const SMALL: [u8; 19] = [0x17, 0, 0, 0, 0, 1, 100, 0, 13, 0xFF, 0xE1, 0, 2, 0x67, 1, 1, 0, 1, 0x68];
    const LARGE: [u8; 19] = [0x17, 0, 0, 0, 0, 1, 100, 0, 13, 0xFF, 0xE1, 0, 2, 0x67, 2, 1, 0, 1, 0x68];
    const SETS: [u8; 11] = [0, 0, 0, 2, 0x67, 2, 0, 0, 0, 1, 0x68];
    const HEADER: [u8; 5] = [0x17, 1, 0, 0, 80];
    const SLICE: [u8; 6] = [0, 0, 0, 2, 0x65, 9];

    #[test]
    fn keyframes_behind_another_configuration_bring_it_along() {
        let keyframe = [&HEADER[..], &SLICE].concat();
        let mut sets = ParameterSets::default();
        let mut send = |kind, payload: &[u8]| sets.complete(kind, payload);
        assert_eq!(send(CONFIG, &SMALL), None);
        assert_eq!(send(KEY, &keyframe), None, "it is the first that players know");
        assert_eq!(send(CONFIG, &SMALL), None);
        assert_eq!(send(KEY, &keyframe), None, "it is the same");
        let another_level = SMALL.map(|byte| if byte == 13 { 40 } else { byte });
        assert_eq!(send(CONFIG, &another_level), None);
        assert_eq!(send(KEY, &keyframe), None, "its sets are the same");
        assert_eq!(send(CONFIG, &LARGE), None);
        assert_eq!(send(FrameKind::Interframe, &keyframe), None);
        assert_eq!(send(KEY, &keyframe), Some([&HEADER[..], &SETS, &SLICE].concat()));
        assert_eq!(
            send(KEY, &keyframe),
            Some([&HEADER[..], &SETS, &SLICE].concat()),
            "the first may be missed"
        );
    }

    #[test]
    fn they_stand_behind_a_delimiter_and_in_front_of_all_else() {
        let delimiter = [0, 0, 0, 2, 9, 0x10];
        let message = [0, 0, 0, 1, 6];
        let keyframe = [&HEADER[..], &delimiter, &message, &SLICE].concat();
        let expected = [&HEADER[..], &delimiter, &SETS, &message, &SLICE].concat();
        assert_eq!(completed(&keyframe, &LARGE), Some(expected));
    }

    #[test]
    fn a_keyframe_that_has_its_own_stays_as_it_is() {
        let keyframe = [&HEADER[..], &SETS, &SLICE].concat();
        assert_eq!(completed(&keyframe, &LARGE), None);
    }

    #[test]
    fn lengths_of_other_widths_are_written_as_the_picture_has_them() {
        let mut configuration = LARGE;
        configuration[9] = 0xFD;
        let keyframe = [&HEADER[..], &[0, 2, 0x65, 9]].concat();
        let expected = [&HEADER[..], &[0, 2, 0x67, 2, 0, 1, 0x68], &[0, 2, 0x65, 9]].concat();
        assert_eq!(completed(&keyframe, &configuration), Some(expected));
    }

    #[test]
    fn sets_that_are_too_long_for_the_lengths_of_the_picture_are_left_out() {
        let configuration =
            [&[0x17, 0, 0, 0, 0, 1, 100, 0, 13, 0xFC, 0xE1, 1, 0][..], &[0x67; 256], &[0]].concat();
        let keyframe = [&HEADER[..], &[2, 0x65, 9]].concat();
        assert!(sets(&configuration).is_some());
        assert_eq!(completed(&keyframe, &configuration), None);
    }

    #[test]
    fn whatever_is_cut_off_or_no_h264_changes_nothing() {
        let keyframe = [&HEADER[..], &SLICE].concat();
        for length in 0..LARGE.len() {
            assert_eq!(completed(&keyframe, &LARGE[..length]), None, "{length}");
        }
        for length in 0..HEADER.len() {
            assert_eq!(completed(&keyframe[..length], &LARGE), None, "{length}");
        }
        let hevc = [&[0x1C, 1, 0, 0, 0][..], &SLICE].concat();
        assert_eq!(completed(&hevc, &LARGE), None);
    }
}
