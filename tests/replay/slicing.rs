//! However the bytes of a client are cut, its session does and says the same.

use std::iter;
use std::sync::LazyLock;

use quickcheck::{Arbitrary, Gen, QuickCheck};
use sol_core::session::Event;

use crate::half::{Half, half, halves};
use crate::transcript::{Transcript, whole};
use sol_tests::captures::wire::HANDSHAKE_BYTES;

#[test]
fn every_half_byte_by_byte_is_as_in_one_piece() {
    for (half, in_one_piece) in halves().iter().zip(&*IN_ONE_PIECE) {
        let byte_by_byte = Transcript::of(half, iter::repeat(1));
        assert_eq!(byte_by_byte.difference(in_one_piece), None, "{}", half.name);
    }
}

#[test]
fn every_half_in_the_segments_of_its_capture_is_as_in_one_piece() {
    for (half, in_one_piece) in halves().iter().zip(&*IN_ONE_PIECE) {
        let in_segments = Transcript::of(half, half.pieces.iter().copied());
        assert_eq!(in_segments.difference(in_one_piece), None, "{}", half.name);
    }
}

#[test]
fn every_half_in_any_cut_is_as_in_one_piece() {
    fn property(cuts: Cuts) -> Result<(), String> {
        for (half, in_one_piece) in halves().iter().zip(&*IN_ONE_PIECE) {
            let cut = Transcript::of(half, cuts.0.iter().copied().cycle());
            if let Some(difference) = cut.difference(in_one_piece) {
                return Err(format!("{}: {difference}", half.name));
            }
        }
        Ok(())
    }
    QuickCheck::new().tests(CUT_LISTS).quickcheck(property as fn(Cuts) -> Result<(), String>);
}

#[test]
fn every_half_whose_requests_are_answered_late_is_as_if_they_were_answered_at_once() {
    for (half, at_once) in halves().iter().zip(&*IN_ONE_PIECE) {
        for late_by in [1, 3, usize::MAX] {
            let late = Transcript::answered_late(half, half.pieces.iter().copied(), late_by);
            assert_eq!(late.difference(at_once), None, "{}, {late_by} pieces late", half.name);
        }
    }
}

/// No publisher of the captures asks for acknowledgements that come due, so one is made to ask.
/// In pieces of more than a window, those due beyond the first few kilobytes of output are left
/// out, so there is none in one piece to compare with.
#[test]
fn acknowledgements_fall_on_the_same_bytes_in_any_cut() {
    const WINDOW: u32 = 16 * 1_024;
    let half = half("pub-ffmpeg51-rst-midframe");
    let (handshake, chunks) = half.bytes.split_at(HANDSHAKE_BYTES);
    let ask = [&[2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0][..], &WINDOW.to_be_bytes()].concat();
    let bytes = [handshake, &ask, chunks].concat();

    let byte_by_byte = Transcript::of_bytes(&bytes, half, iter::repeat(1));
    let silent = Transcript::of(half, iter::repeat(1));
    let acknowledgements = (byte_by_byte.outbound.len() - silent.outbound.len()) / ACKNOWLEDGEMENT_BYTES;
    assert_eq!(acknowledgements, (bytes.len() - HANDSHAKE_BYTES) / WINDOW as usize);
    for cut in [2, 127, 1_460, 5_003, WINDOW as usize] {
        let in_pieces = Transcript::of_bytes(&bytes, half, iter::repeat(cut));
        assert_eq!(in_pieces.difference(&byte_by_byte), None, "pieces of {cut}");
    }
}

#[test]
fn every_session_closes_once_and_last() {
    for (half, Transcript { events, .. }) in halves().iter().zip(&*IN_ONE_PIECE) {
        let closed = events.iter().position(|event| matches!(event, Event::Closed { .. }));
        assert_eq!(closed, Some(events.len() - 1), "{}", half.name);
    }
}

/// Lengths of pieces, one after the other and then again from the first.
#[derive(Clone, Debug)]
pub(crate) struct Cuts(pub(crate) Vec<usize>);

impl Arbitrary for Cuts {
    fn arbitrary(gen_: &mut Gen) -> Cuts {
        // Within a header, around a chunk, around a segment.
        let scale = *gen_.choose(&[24, 300, 6_000]).expect("there are three");
        let count = usize::arbitrary(gen_) % 24 + 1;
        Cuts((0..count).map(|_| usize::arbitrary(gen_) % scale + 1).collect())
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Cuts>> {
        let cuts = self.0.shrink().filter(|cuts| !cuts.is_empty() && !cuts.contains(&0));
        Box::new(cuts.map(Cuts))
    }
}

static IN_ONE_PIECE: LazyLock<Vec<Transcript>> =
    LazyLock::new(|| halves().iter().map(|half: &Half| Transcript::of(half, whole())).collect());

/// Each goes through all halves.
pub(crate) const CUT_LISTS: u64 = 50;

/// Header and body of an Acknowledgement.
const ACKNOWLEDGEMENT_BYTES: usize = 12 + 4;
