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

/// Whole chunks, of messages that are finished or not, aborted, interrupted, or no messages at all.
#[derive(Clone, Debug)]
struct Bricks(Vec<Vec<u8>>);

impl quickcheck::Arbitrary for Bricks {
    fn arbitrary(gen_: &mut quickcheck::Gen) -> Self {
        let mut bricks = Vec::new();
        if bool::arbitrary(gen_) {
            bricks.push(handshake(Offer::Simple)[0].clone());
        }
        for _ in 0..u8::arbitrary(gen_) % 24 {
            let lane: u32 = *gen_.choose(&[2, 4, 6, 7]).expect("there are four");
            let other: u32 = *gen_.choose(&[2, 4, 6, 7]).expect("there are four");
            let length = usize::arbitrary(gen_) % 3_000;
            let time = *gen_.choose(&[0, 40, 0x0200_0009]).expect("there are three");
            bricks.push(match u8::arbitrary(gen_) % 12 {
                0 | 1 => begun(lane),
                2 => same(lane as u8, &[7; 128]),
                3 => same(lane as u8, &[7; 44]),
                4 => full(lane, 0, 0, 2, &other.to_be_bytes()),
                5 => full(lane, 0, 0, 2, &[0, 0, 0, other as u8, 0, 0, 0, 0, 0, 0, 0, 0]),
                6 => delta(lane as u8, 23, 8, SOUND),
                7 => full(lane, 1, time, 9, &picture(length)),
                // What costs a look at all of its bytes, and is in vain.
                8 | 9 => [&chunked(6, 1, 40, 9, &picture(length), 3_000)[..], &[5; 7], &[0xFF; 20]].concat(),
                // What is found by looking alone.
                10 => chunked(6, 1, time, 9, &picture(length), 333),
                _ => full(2, 0, 0, 1, &[0, 0, 0, u8::arbitrary(gen_) % 4 * 64]),
            });
        }
        Bricks(bricks)
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Bricks))
    }
}

#[quickcheck]
fn any_cut_of_any_bytes_gives_the_same_observations(
    rubble: Rubble,
    cuts: Vec<u8>,
    hole: Option<u16>,
) -> bool {
    is_the_same_in_any_cut(&rubble.0, &cuts, hole, limits::OBSERVER_SIZE_LOOKS_FIRST)
}

#[quickcheck]
fn any_cut_of_whole_chunks_gives_the_same_observations_however_soon_looks_run_out(
    bricks: Bricks,
    cuts: Vec<u8>,
    hole: Option<u16>,
    looks: u16,
) -> bool {
    is_the_same_in_any_cut(&bricks.0.concat(), &cuts, hole, usize::from(looks % 4_096))
}

/// With a hole in the middle, perhaps, and so many looks for chunk sizes to begin with.
fn is_the_same_in_any_cut(bytes: &[u8], cuts: &[u8], hole: Option<u16>, looks: usize) -> bool {
    let (front, back) = bytes.split_at(bytes.len() / 2);
    let observe = |cuts: &mut dyn Iterator<Item = usize>| {
        let mut observer = Observer::with_looks(looks);
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
    assert!(seen.len() <= rubble.0.len() + 2, "one for each byte, and what there is to say of none");
    is_ordered && is_within && observer.bytes(Party::Server) == rubble.0.len() as u64
}

#[test]
fn room_that_many_observations_needed_is_given_back() {
    let mut observer = beyond_the_handshake();
    let empty_messages = [full(4, 1, 0, 8, &[]), vec![0xC4; 100_000]].concat();
    observer.handle_bytes(Party::Client, &empty_messages);
    assert_eq!(iter::from_fn(|| observer.poll()).count(), 100_001);
    assert!(observer.observations.capacity() <= limits::OBSERVATIONS_IDLE);
    observer.handle_bytes(Party::Client, &[0xC4]);
    observer.handle_end(Party::Server);
    assert_eq!(drain(&mut observer).len(), 2, "the message, and a second packet without a first one");
}

#[test]
fn holes_of_any_length_are_told_to_the_last_byte_that_has_a_number() {
    for bytes in [handshake(Offer::Simple)[0].clone(), frames(128, 4), vec![0xEE; 40]] {
        for hole in [u64::MAX, u64::MAX - 10] {
            let mut observer = Observer::new();
            for party in [Party::Client, Party::Server] {
                observer.handle_missing(party, hole);
                observer.handle_bytes(party, &bytes);
                observer.handle_missing(party, hole);
                observer.handle_bytes(party, &bytes);
                observer.handle_end(party);
                assert_eq!(observer.bytes(party), u64::MAX);
            }
            let seen = drain(&mut observer);
            assert!(seen.iter().all(|seen| seen.at >= hole));
            assert_eq!(seen.iter().filter(|seen| seen.what == Observed::Missing { bytes: hole }).count(), 4);
        }
        // A handshake that ends where numbers do.
        let mut observer = Observer::new();
        observer.handle_bytes(Party::Client, &handshake(Offer::Simple)[0]);
        observer.handle_bytes(Party::Client, &begun(6)[..20]);
        observer.handle_missing(Party::Client, u64::MAX);
        observer.handle_bytes(Party::Client, &bytes);
        observer.handle_end(Party::Client);
        assert!(drain(&mut observer).is_sorted_by(|a, b| a.at <= b.at));
    }
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
