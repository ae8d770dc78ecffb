//! Reassembly of anything against the plain bytes.

use std::net::SocketAddr;
use std::time::Duration;

use quickcheck::{Arbitrary, Gen, QuickCheck};

use crate::capture::limits::DISORDER_SEGMENTS;
use crate::capture::{Connections, Ending, EventKind, Segment, Side};

#[test]
fn segments_in_any_order_twice_and_overlapping_give_the_bytes_and_name_what_is_missing() {
    fn property(Traffic { bytes, first, mut parts }: Traffic, lost: Vec<u8>, seed: u64) -> bool {
        for index in lost {
            if !parts.is_empty() {
                parts.swap_remove(usize::from(index) % parts.len());
            }
        }
        shuffle(&mut parts, seed, usize::MAX);
        let mut connections = Connections::new();
        let syn = Segment { syn: true, sequence: first.wrapping_sub(1), ..segment(true) };
        connections.handle_segment(&syn, Duration::ZERO);
        for &(from, to) in &parts {
            let sequence = first.wrapping_add(from as u32);
            let part = Segment { sequence, payload: &bytes[from..to], ..segment(true) };
            connections.handle_segment(&part, Duration::ZERO);
        }
        connections.handle_end();
        let given = given(&mut connections, Side::First);

        let end = parts.iter().map(|part| part.1).max().unwrap_or(0);
        let has_come = |at: usize| parts.iter().any(|&(from, to)| (from..to).contains(&at));
        let expected: Vec<_> = (0..end).map(|at| has_come(at).then(|| bytes[at])).collect();
        given == expected
    }
    QuickCheck::new().tests(2_000).quickcheck(property as fn(Traffic, Vec<u8>, u64) -> bool);
}

#[test]
fn what_belongs_to_nothing_takes_nothing_away() {
    fn property(Traffic { bytes, first, parts }: Traffic, strays: Vec<(u8, u8)>, seed: u64) -> bool {
        let mut wire: Vec<_> = parts
            .iter()
            .chain(&parts)
            .map(|&(from, to)| Segment {
                sequence: first.wrapping_add(from as u32),
                payload: &bytes[from..to],
                ..segment(true)
            })
            .collect();
        wire.extend(strays.into_iter().map(|(kind, place)| {
            // Far from the stream, and from each other.
            let sequence = first.wrapping_add(0x0200_0000 * (1 + u32::from(place % 126)));
            match kind % 4 {
                0 => Segment { sequence, payload: b"stray", ..segment(true) },
                1 => Segment { sequence, rst: true, ..segment(true) },
                2 => Segment { acknowledged: Some(sequence), ..segment(false) },
                _ => Segment { sequence, fin: true, ..segment(true) },
            }
        }));
        shuffle(&mut wire, seed, usize::MAX);
        let mut connections = Connections::new();
        let syn = Segment { syn: true, sequence: first.wrapping_sub(1), ..segment(true) };
        connections.handle_segment(&syn, Duration::ZERO);
        for segment in &wire {
            connections.handle_segment(segment, Duration::ZERO);
        }
        connections.handle_end();
        given(&mut connections, Side::First) == bytes.into_iter().map(Some).collect::<Vec<_>>()
    }
    QuickCheck::new().tests(2_000).quickcheck(property as fn(Traffic, Vec<(u8, u8)>, u64) -> bool);
}

#[test]
fn a_dialogue_with_acknowledgements_loses_nothing_by_what_a_capture_mixes_up() {
    fn property(question: Traffic, answer: Traffic, seed: u64) -> bool {
        let mut wire = vec![
            Segment { syn: true, sequence: question.first.wrapping_sub(1), ..segment(true) },
            Segment {
                syn: true,
                sequence: answer.first.wrapping_sub(1),
                acknowledged: Some(question.first),
                ..segment(false)
            },
        ];
        let mut acknowledged = [answer.first, question.first];
        for index in 0..question.parts.len().max(answer.parts.len()) {
            for (is_client, traffic) in [(true, &question), (false, &answer)] {
                let Some(&(from, to)) = traffic.parts.get(index) else { continue };
                let end = traffic.first.wrapping_add(to as u32);
                wire.push(Segment {
                    sequence: traffic.first.wrapping_add(from as u32),
                    payload: &traffic.bytes[from..to],
                    acknowledged: Some(acknowledged[usize::from(!is_client)]),
                    ..segment(is_client)
                });
                // A part that comes again acknowledges nothing anew.
                let latest = &mut acknowledged[usize::from(is_client)];
                if end.wrapping_sub(*latest).cast_signed() > 0 {
                    *latest = end;
                }
                wire.push(Segment { acknowledged: Some(*latest), ..segment(!is_client) });
            }
        }
        for (is_client, traffic) in [(true, &question), (false, &answer)] {
            let sequence = traffic.first.wrapping_add(traffic.bytes.len() as u32);
            wire.push(Segment { fin: true, sequence, ..segment(is_client) });
        }
        let again: Vec<_> = wire.iter().step_by(3).copied().collect();
        wire.extend(again.iter().filter(|again| !again.syn && !again.payload.is_empty()).take(3));
        shuffle(&mut wire, seed, DISORDER_SEGMENTS as usize / 2);
        // Acknowledgements and FINs alone begin nothing.
        let begins = wire.iter().position(|segment| segment.syn || !segment.payload.is_empty());
        wire.swap(0, begins.unwrap());

        let mut connections = Connections::new();
        for segment in &wire {
            connections.handle_segment(segment, Duration::ZERO);
        }
        connections.handle_end();
        let events: Vec<_> = std::iter::from_fn(|| connections.poll()).collect();
        let said = |side: SocketAddr| {
            let mut said = Vec::<u8>::new();
            let mut ends = None;
            for event in &events {
                match &event.kind {
                    EventKind::Opened { ends: both, opener } => {
                        assert_eq!(opener.map(|opener| both[opener.index()]), Some(CLIENT.parse().unwrap()));
                        ends = Some(*both);
                    }
                    EventKind::Segment { from, bytes } if ends.unwrap()[from.index()] == side => {
                        said.extend(bytes);
                    }
                    EventKind::Missing { .. } => panic!("{event:?}"),
                    _ => {}
                }
            }
            said
        };
        let closed = events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Closed { how: Ending::Finished { .. }, .. }));
        said(CLIENT.parse().unwrap()) == question.bytes
            && said(SERVER.parse().unwrap()) == answer.bytes
            && closed.count() == 1
            && matches!(events.last().unwrap().kind, EventKind::Closed { .. })
    }
    QuickCheck::new().tests(5_000).quickcheck(property as fn(Traffic, Traffic, u64) -> bool);
}

#[test]
fn bytes_beyond_a_snap_length_are_missing_and_the_others_are_in_their_place() {
    fn property(Traffic { bytes, first, parts }: Traffic, snap_length: u8, seed: u64) -> bool {
        let mut parts = parts;
        shuffle(&mut parts, seed, usize::MAX);
        let mut connections = Connections::new();
        let syn = Segment { syn: true, sequence: first.wrapping_sub(1), ..segment(true) };
        connections.handle_segment(&syn, Duration::ZERO);
        for &(from, to) in &parts {
            let cut = (from + usize::from(snap_length) % 12).min(to);
            let (payload, missing) = (&bytes[from..cut], to - cut);
            let sequence = first.wrapping_add(from as u32);
            connections
                .handle_segment(&Segment { sequence, payload, missing, ..segment(true) }, Duration::ZERO);
        }
        connections.handle_end();
        let given = given(&mut connections, Side::First);
        given.len() == bytes.len()
            && given.iter().zip(&bytes).all(|(given, byte)| given.is_none_or(|given| given == *byte))
    }
    QuickCheck::new().tests(1_000).quickcheck(property as fn(Traffic, u8, u64) -> bool);
}

#[test]
fn no_segments_of_any_kind_make_it_panic_and_every_connection_is_opened_and_closed_once() {
    fn property(wire: Vec<(bool, u32, Option<u32>, u8, u8, u8)>, is_near: bool) -> bool {
        let mut connections = Connections::new();
        let mut open = std::collections::BTreeSet::new();
        let mut next = 0;
        for (index, (is_client, sequence, acknowledged, flags, length, missing)) in
            wire.into_iter().enumerate()
        {
            let near = |number: u32| if is_near { (number % 64).wrapping_sub(32) } else { number };
            let flag = |bit: u8| flags & bit != 0 && flags & 0x80 != 0;
            connections.handle_segment(
                &Segment {
                    sequence: near(sequence),
                    acknowledged: acknowledged.map(near),
                    syn: flag(1),
                    fin: flag(2),
                    rst: flag(4),
                    payload: &[7; 256][..length.into()],
                    missing: if flags & 8 == 0 { 0 } else { missing.into() },
                    ..segment(is_client)
                },
                Duration::from_millis(10 * index as u64),
            );
            while let Some(event) = connections.poll() {
                match event.kind {
                    EventKind::Opened { .. } => {
                        assert_eq!(event.connection.0, next);
                        next += 1;
                        assert!(open.insert(event.connection));
                    }
                    EventKind::Closed { .. } => assert!(open.remove(&event.connection)),
                    _ => assert!(open.contains(&event.connection)),
                }
            }
        }
        connections.handle_end();
        let ended = std::iter::from_fn(|| connections.poll());
        let closed = ended.filter(|event| matches!(event.kind, EventKind::Closed { .. })).count();
        closed >= open.len() && connections.open_count() == 0
    }
    type Wire = Vec<(bool, u32, Option<u32>, u8, u8, u8)>;
    QuickCheck::new().tests(5_000).quickcheck(property as fn(Wire, bool) -> bool);
}

/// Bytes, the sequence number of the first, and parts that cover them all, some of them more than once.
#[derive(Clone, Debug)]
struct Traffic {
    bytes: Vec<u8>,
    first: u32,
    parts: Vec<(usize, usize)>,
}

impl Arbitrary for Traffic {
    fn arbitrary(gen_: &mut Gen) -> Traffic {
        let bytes = Vec::<u8>::arbitrary(gen_);
        // Most of the time the sequence wraps within the bytes, or changes its sign.
        let edge = *gen_.choose(&[0_u32, 0x8000_0000]).unwrap();
        let first = edge.wrapping_sub(u32::from(u8::arbitrary(gen_)) / 2);
        let mut parts = Vec::new();
        let mut covered = 0;
        while covered < bytes.len() {
            let from = covered - usize::arbitrary(gen_) % (covered.min(20) + 1);
            let to = bytes.len().min(covered + 1 + usize::arbitrary(gen_) % 20);
            parts.push((from, to));
            covered = to;
        }
        Traffic { bytes, first, parts }
    }
}

/// What a side was seen to send; `None` where that is missing.
fn given(connections: &mut Connections, side: Side) -> Vec<Option<u8>> {
    let mut given = Vec::new();
    while let Some(event) = connections.poll() {
        match event.kind {
            EventKind::Segment { from, bytes } if from == side => {
                given.extend(bytes.iter().copied().map(Some));
            }
            EventKind::Missing { from, count } if from == side => {
                given.extend(std::iter::repeat_n(None, count as usize));
            }
            _ => {}
        }
    }
    given
}

/// Another order, in which nothing is farther from its place than that.
fn shuffle<T>(items: &mut Vec<T>, seed: u64, distance: usize) {
    let mut state = seed | 1;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let span = distance.min(items.len() + 1);
    let mut keyed: Vec<_> =
        items.drain(..).enumerate().map(|(at, item)| (at + draw() % span, item)).collect();
    keyed.sort_by_key(|(key, _)| *key);
    items.extend(keyed.into_iter().map(|(_, item)| item));
}

fn segment(is_client: bool) -> Segment<'static> {
    let (from, to) = if is_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    Segment {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        sequence: 0,
        acknowledged: None,
        syn: false,
        fin: false,
        rst: false,
        payload: b"",
        missing: 0,
    }
}

const CLIENT: &str = "[fd00::1]:40000";
const SERVER: &str = "[fd00::2]:1935";
