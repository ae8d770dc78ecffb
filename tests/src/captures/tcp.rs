//! TCP reassembly of a finished recording.
//!
//! All segments of a direction are collected first and put in order afterwards, so arrival order
//! does not matter. A byte that came twice must be the same byte both times; a hole is an error.
//!
//! Invariants: the pieces of a flow are its bytes. A direction is shorter than 2³¹ bytes, so
//! sequence numbers order themselves across their wrap.

use std::fmt;
use std::time::Duration;

use super::Connection;

/// The bytes of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// All of them.
    pub bytes: Vec<u8>,
    /// How they were cut into segments: what each one added.
    pub pieces: Vec<Piece>,
    /// Bytes that came again: what tshark counts besides.
    pub bytes_again: usize,
    /// The direction was closed in good order.
    pub fin: bool,
    /// The connection was torn down from this side.
    pub rst: bool,
}

/// What a segment added to its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How many bytes.
    pub len: usize,
    /// When the bytes and all before them had come, since the first frame of the capture.
    pub at: Duration,
}

/// A segment as it was captured.
#[derive(Clone, Debug)]
pub struct TcpSegment {
    /// Since the first frame of the capture.
    pub at: Duration,
    /// Source port.
    pub from_port: u16,
    /// Destination port.
    pub to_port: u16,
    /// Sequence number of the SYN or of the first byte of the payload.
    pub sequence: u32,
    /// Opens its direction.
    pub syn: bool,
    /// Acknowledges; a SYN without it begins a connection.
    pub ack: bool,
    /// Closes its direction.
    pub fin: bool,
    /// Tears the connection down.
    pub rst: bool,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// Collects the segments of all connections to one server port.
#[derive(Debug)]
pub struct Reassembly {
    server_port: u16,
    connections: Vec<Collected>,
}

impl Reassembly {
    /// Nothing collected yet.
    pub fn new(server_port: u16) -> Reassembly {
        Reassembly { server_port, connections: Vec::new() }
    }

    /// Takes a segment in the order of capture; one of other ports is ignored.
    pub fn take(&mut self, segment: TcpSegment) {
        let from_client = segment.to_port == self.server_port;
        if !from_client && segment.from_port != self.server_port {
            return;
        }
        let client_port = if from_client { segment.from_port } else { segment.to_port };
        let opens = from_client && segment.syn && !segment.ack;
        // A port is used again when it opens with another sequence number than the last time.
        let latest = self.connections.iter().rposition(|connection| {
            let reopens = opens && connection.client.syn.is_some_and(|syn| syn != segment.sequence);
            connection.client_port == client_port && !reopens
        });
        let index = latest.unwrap_or_else(|| {
            self.connections.push(Collected { client_port, ..Collected::default() });
            self.connections.len() - 1
        });
        let connection = &mut self.connections[index];
        if from_client { connection.client.take(segment) } else { connection.server.take(segment) }
    }

    /// The connections in the order in which they began.
    pub fn connections(self) -> Result<Vec<Connection>, TcpOddity> {
        self.connections
            .into_iter()
            .map(|Collected { client_port, client, server }| {
                Ok(Connection { client_port, client: client.flow()?, server: server.flow()? })
            })
            .collect()
    }
}

/// Why the segments of a direction make no sequence of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOddity {
    /// Bytes are missing.
    Hole {
        /// Behind so many bytes.
        at: usize,
        /// So many.
        len: usize,
    },
    /// A byte came twice and differed.
    Disagreement {
        /// Behind so many bytes.
        at: usize,
    },
}

impl fmt::Display for TcpOddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TcpOddity::Hole { at, len } => write!(f, "{len} bytes are missing behind byte {at}"),
            TcpOddity::Disagreement { at } => write!(f, "byte {at} was sent twice and differed"),
        }
    }
}

impl std::error::Error for TcpOddity {}

#[derive(Debug, Default)]
struct Collected {
    client_port: u16,
    client: Half,
    server: Half,
}

/// The segments of one direction.
#[derive(Debug, Default)]
struct Half {
    syn: Option<u32>,
    fin: bool,
    rst: bool,
    segments: Vec<(u32, Duration, Vec<u8>)>,
}

impl Half {
    fn take(&mut self, segment: TcpSegment) {
        let mut sequence = segment.sequence;
        if segment.syn {
            self.syn = Some(sequence);
            sequence = sequence.wrapping_add(1);
        }
        self.fin |= segment.fin;
        self.rst |= segment.rst;
        if !segment.payload.is_empty() {
            self.segments.push((sequence, segment.at, segment.payload));
        }
    }

    fn flow(self) -> Result<Flow, TcpOddity> {
        let mut flow = Flow { fin: self.fin, rst: self.rst, ..Flow::default() };
        let Some(&(some, ..)) = self.segments.first() else { return Ok(flow) };
        let distance = |from: u32, to: u32| to.wrapping_sub(from) as i32;
        let earliest = self.segments.iter().map(|&(sequence, ..)| distance(some, sequence)).min();
        let first = match self.syn {
            Some(syn) => syn.wrapping_add(1),
            None => some.wrapping_add_signed(earliest.expect("there is a segment")),
        };

        let mut ordered: Vec<_> = self
            .segments
            .into_iter()
            .map(|(sequence, at, payload)| (distance(first, sequence), at, payload))
            .collect();
        ordered.sort_by_key(|&(offset, at, _)| (offset, at));
        let mut latest = Duration::ZERO;
        for (offset, at, payload) in ordered {
            // A keep-alive repeats the byte before the first one, which is none of ours.
            let before = usize::try_from(-offset).unwrap_or(0).min(payload.len());
            let start = usize::try_from(offset).unwrap_or(0);
            latest = latest.max(at);
            flow.append(start, &payload[before..], latest)?;
        }
        Ok(flow)
    }
}

impl Flow {
    fn append(&mut self, start: usize, payload: &[u8], at: Duration) -> Result<(), TcpOddity> {
        let end = self.bytes.len();
        if start > end {
            return Err(TcpOddity::Hole { at: end, len: start - end });
        }
        let (again, added) = payload.split_at((end - start).min(payload.len()));
        if let Some(index) = (0..again.len()).find(|&index| again[index] != self.bytes[start + index]) {
            return Err(TcpOddity::Disagreement { at: start + index });
        }
        self.bytes_again += again.len();
        if !added.is_empty() {
            self.bytes.extend(added);
            self.pieces.push(Piece { len: added.len(), at });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use quickcheck::{Arbitrary, Gen, QuickCheck};

    use super::*;

    #[test]
    fn segments_in_any_order_twice_and_overlapping_give_the_bytes_across_the_wrap() {
        fn property(Traffic { bytes, first, segments }: Traffic) -> bool {
            let flow = reassembled(first.wrapping_sub(1), &segments).expect("nothing is missing");
            let pieces: usize = flow.pieces.iter().map(|piece| piece.len).sum();
            flow.bytes == bytes && pieces == bytes.len()
        }
        QuickCheck::new().tests(500).quickcheck(property as fn(Traffic) -> bool);
    }

    #[test]
    fn sequence_numbers_go_on_behind_their_largest() {
        let flow = reassembled(0xFFFF_FFFD, &[(0, b"cd".to_vec()), (0xFFFF_FFFE, b"ab".to_vec())]);
        assert_eq!(flow.unwrap().bytes, b"abcd");
    }

    #[test]
    fn a_retransmission_adds_what_is_new_in_it() {
        let flow = reassembled(9, &[(10, b"abc".to_vec()), (10, b"abcde".to_vec())]).unwrap();
        assert_eq!((&flow.bytes[..], flow.bytes_again), (&b"abcde"[..], 3));
        assert_eq!(flow.pieces.iter().map(|piece| piece.len).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn a_hole_is_named() {
        let flow = reassembled(9, &[(10, b"abc".to_vec()), (15, b"f".to_vec())]);
        assert_eq!(flow, Err(TcpOddity::Hole { at: 3, len: 2 }));
        let flow = reassembled(9, &[(11, b"b".to_vec())]);
        assert_eq!(flow, Err(TcpOddity::Hole { at: 0, len: 1 }), "the SYN says where the bytes begin");
    }

    #[test]
    fn a_byte_that_differs_the_second_time_is_named() {
        let flow = reassembled(9, &[(10, b"abc".to_vec()), (11, b"x".to_vec())]);
        assert_eq!(flow, Err(TcpOddity::Disagreement { at: 1 }));
    }

    #[test]
    fn a_keep_alive_before_the_first_byte_adds_nothing() {
        let flow = reassembled(9, &[(9, b"?".to_vec()), (10, b"abc".to_vec())]).unwrap();
        assert_eq!(flow.bytes, b"abc");
    }

    #[test]
    fn without_a_syn_the_earliest_byte_is_the_first() {
        let mut reassembly = Reassembly::new(SERVER);
        reassembly.take(TcpSegment { sequence: 12, payload: b"c".to_vec(), ..segment() });
        reassembly.take(TcpSegment { sequence: 10, payload: b"ab".to_vec(), ..segment() });
        assert_eq!(reassembly.connections().unwrap()[0].client.bytes, b"abc");
    }

    #[test]
    fn directions_and_ends_are_kept_apart() {
        let mut reassembly = Reassembly::new(SERVER);
        let server = TcpSegment { from_port: SERVER, to_port: CLIENT, ..segment() };
        reassembly.take(TcpSegment { syn: true, ack: false, sequence: 9, ..segment() });
        reassembly.take(TcpSegment { syn: true, sequence: 99, ..server.clone() });
        reassembly.take(TcpSegment { sequence: 10, payload: b"question".to_vec(), ..segment() });
        reassembly.take(TcpSegment { sequence: 100, payload: b"answer".to_vec(), fin: true, ..server });
        reassembly.take(TcpSegment { sequence: 18, rst: true, ..segment() });
        reassembly.take(TcpSegment { from_port: 1, to_port: 2, payload: b"other".to_vec(), ..segment() });

        let [Connection { client, server, .. }] = &reassembly.connections().unwrap()[..] else {
            panic!("one connection")
        };
        assert_eq!((&client.bytes[..], client.fin, client.rst), (&b"question"[..], false, true));
        assert_eq!((&server.bytes[..], server.fin, server.rst), (&b"answer"[..], true, false));
    }

    #[test]
    fn a_port_used_again_is_another_connection_and_a_repeated_syn_is_not() {
        let mut reassembly = Reassembly::new(SERVER);
        for (sequence, payload) in [(10, "a"), (10, "a"), (500, "b")] {
            reassembly.take(TcpSegment { syn: true, ack: false, sequence, ..segment() });
            let payload = payload.as_bytes().to_vec();
            reassembly.take(TcpSegment { sequence: sequence + 1, payload, ..segment() });
        }
        let connections = reassembly.connections().unwrap();
        let bytes: Vec<_> = connections.iter().map(|connection| &connection.client.bytes[..]).collect();
        assert_eq!(bytes, [b"a", b"b"]);
    }

    /// Bytes and segments that cover them all, somehow.
    #[derive(Clone, Debug)]
    struct Traffic {
        bytes: Vec<u8>,
        first: u32,
        segments: Vec<(u32, Vec<u8>)>,
    }

    impl Arbitrary for Traffic {
        fn arbitrary(gen_: &mut Gen) -> Traffic {
            let bytes = Vec::<u8>::arbitrary(gen_);
            // Most of the time the sequence wraps within the bytes, or changes its sign.
            let edge = *gen_.choose(&[0_u32, 0x8000_0000]).expect("there are two");
            let first = edge.wrapping_sub(u32::from(u8::arbitrary(gen_)) / 2);
            let mut segments = Vec::new();
            let mut covered = 0;
            while covered < bytes.len() {
                let start = covered - usize::arbitrary(gen_) % (covered.min(20) + 1);
                let end = bytes.len().min(covered + 1 + usize::arbitrary(gen_) % 20);
                segments.push((first.wrapping_add(start as u32), bytes[start..end].to_vec()));
                covered = end;
            }
            for _ in 0..segments.len() / 2 {
                let again = gen_.choose(&segments).expect("there are some").clone();
                segments.push(again);
            }
            for index in (1..segments.len()).rev() {
                segments.swap(index, usize::arbitrary(gen_) % (index + 1));
            }
            Traffic { bytes, first, segments }
        }
    }

    fn reassembled(syn: u32, segments: &[(u32, Vec<u8>)]) -> Result<Flow, TcpOddity> {
        let mut reassembly = Reassembly::new(SERVER);
        reassembly.take(TcpSegment { syn: true, ack: false, sequence: syn, ..segment() });
        for (sequence, payload) in segments {
            let payload = payload.clone();
            reassembly.take(TcpSegment { sequence: *sequence, payload, ..segment() });
        }
        Ok(reassembly.connections()?.remove(0).client)
    }

    fn segment() -> TcpSegment {
        TcpSegment {
            at: Duration::ZERO,
            from_port: CLIENT,
            to_port: SERVER,
            sequence: 0,
            syn: false,
            ack: true,
            fin: false,
            rst: false,
            payload: Vec::new(),
        }
    }

    const SERVER: u16 = 1_935;
    const CLIENT: u16 = 40_000;
}
