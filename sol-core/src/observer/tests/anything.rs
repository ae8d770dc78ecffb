//! Whatever comes.

use quickcheck_macros::quickcheck;

use super::*;

/// Bytes among which are chunks, in whole or in part.
#[derive(Clone, Debug)]
struct Rubble(Vec<u8>);

impl quickcheck::Arbitrary for Rubble {
    fn arbitrary(gen_: &mut quickcheck::Gen) -> Self {
        let mut bytes = Vec::new();
        for _ in 0..usize::arbitrary(gen_) % 12 {
            let chunk_bytes = *gen_.choose(&[128, 100, 4_096]).expect("there are three");
            let length = usize::arbitrary(gen_) % 700;
            let time = u32::arbitrary(gen_);
            let part = match u8::arbitrary(gen_) % 9 {
                0 => Vec::<u8>::arbitrary(gen_),
                1 => handshake(Offer::Simple)[0].clone(),
                2 => delta(4, 23, 8, SOUND),
                3 => same(4, SOUND),
                4 => delta(6, time, 9, PICTURE),
                5 => full(2, 0, 0, 1, &u32::arbitrary(gen_).to_be_bytes()),
                6 => full_header(6, 1, time, 9, u32::arbitrary(gen_) & 0x00FF_FFFF),
                7 => chunked(4, 1, time, 8, &[SOUND, &vec![1; length]].concat(), chunk_bytes),
                _ => chunked(6, 1, time, 9, &picture(length), chunk_bytes),
            };
            let cut =
                if bool::arbitrary(gen_) { part.len() } else { usize::arbitrary(gen_) % (part.len() + 1) };
            bytes.extend(&part[..cut]);
        }
        Rubble(bytes)
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Rubble))
    }
}

#[quickcheck]
fn any_cut_of_any_bytes_gives_the_same_observations(
    rubble: Rubble,
    cuts: Vec<u8>,
    hole: Option<u16>,
) -> bool {
    let bytes = &rubble.0;
    let (front, back) = bytes.split_at(bytes.len() / 2);
    let observe = |cuts: &mut dyn Iterator<Item = usize>| {
        let mut observer = Observer::new();
        for (index, mut rest) in [front, back].into_iter().enumerate() {
            if let (1, Some(hole)) = (index, hole) {
                observer.handle_missing(Party::Client, hole.into());
            }
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(cuts.next().unwrap_or(usize::MAX)));
                observer.handle_bytes(Party::Client, piece);
                rest = behind;
            }
        }
        observer.handle_end(Party::Client);
        drain(&mut observer)
    };
    let in_one_piece = observe(&mut iter::empty());
    let cut = observe(&mut cuts.iter().map(|&cut| usize::from(cut) + 1));
    let byte_by_byte = observe(&mut iter::repeat(1));
    in_one_piece == cut && in_one_piece == byte_by_byte
}

#[quickcheck]
fn all_bytes_are_accounted_for_and_memory_is_bounded(rubble: Rubble) -> bool {
    let mut observer = Observer::new();
    for piece in rubble.0.chunks(100) {
        observer.handle_bytes(Party::Server, piece);
        let held = observer.held_bytes(Party::Server);
        assert!(held <= limits::OBSERVER_AHEAD_BYTES + limits::MESSAGE_BYTES + limits::PARTIAL_SLACK_BYTES);
        assert!(held <= rubble.0.len(), "no more is held than came");
    }
    observer.handle_end(Party::Server);
    let seen = drain(&mut observer);
    let is_ordered = seen.is_sorted_by(|a, b| a.at <= b.at);
    let is_within = seen.iter().all(|seen| seen.at <= rubble.0.len() as u64);
    is_ordered && is_within && observer.bytes(Party::Server) == rubble.0.len() as u64
}

#[test]
fn no_more_waits_than_may_be_looked_at() {
    // Each of these headers is plausible, and promises more than will ever come into sight.
    let mut observer = Observer::new();
    let header = delta(6, 40, 9, PICTURE);
    let promise = [&[0x46, 0, 0, 40, 0x0F, 0xFF, 0xFF, 9][..], PICTURE].concat();
    for piece in header
        .iter()
        .chain(promise.iter().cycle().take(3 * limits::OBSERVER_AHEAD_BYTES))
        .collect::<Vec<_>>()
        .chunks(9_999)
    {
        let piece: Vec<u8> = piece.iter().map(|byte| **byte).collect();
        observer.handle_bytes(Party::Client, &piece);
        assert!(observer.held_bytes(Party::Client) <= limits::OBSERVER_AHEAD_BYTES + limits::MESSAGE_BYTES);
    }
    observer.handle_end(Party::Client);
    assert!(!drain(&mut observer).is_empty());
}
