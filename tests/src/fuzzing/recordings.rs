//! Recordings: capture files and the TCP streams in them, whatever a file says and in whatever order segments came.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sol_bin::capture::{Capture, ConnectionId, Connections, Event, EventKind, Segment, Side};

use super::choices::Choices;

/// A capture file.
pub(super) fn pcap(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let cuts = choices.below(8);
    let cuts = choices.take(cuts);
    let file = choices.rest();
    let whole = events_of(InPieces { bytes: file, cuts: &[], next: 0 });
    let cut = events_of(InPieces { bytes: file, cuts, next: 0 });
    assert_eq!(whole, cut, "read in pieces of {cuts:?}");
    let mut ledger = Ledger::default();
    whole.events.iter().for_each(|event| ledger.note(event));
    ledger.check_end();
    assert!(ledger.bytes <= file.len(), "no byte is made of nothing");
}

/// Segments of one connection, some of them several times, late, cut short or never.
pub(super) fn tcp(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let first = choices.byte();
    let has_syn = !first.is_multiple_of(4);
    let mut line = Line::new([choices.u32(), choices.u32()]);
    // Nothing ends it, and what is acknowledged was sent: then all that came has to be given.
    line.is_honest = has_syn && first & 0x80 != 0;
    if has_syn {
        line.open();
    }
    while !choices.are_over() {
        line.step(&mut choices);
    }
    line.connections.handle_end();
    line.drain();
    line.ledger.check_end();
    assert_eq!(line.connections.open_count(), 0);
    if has_syn {
        line.compare();
    }
}

// --- Files ----------------------------------------------------------------------------------------------------

/// All that came of a file, up to its end and to the first rule that it breaks.
#[derive(Debug, PartialEq)]
struct Heard {
    events: Vec<Event>,
    error: Option<String>,
}

fn events_of(file: InPieces<'_>) -> Heard {
    let mut heard = Heard { events: Vec::new(), error: None };
    let mut capture = match Capture::open(file) {
        Ok(capture) => capture,
        Err(error) => return Heard { error: Some(error.to_string()), ..heard },
    };
    loop {
        match capture.next_event() {
            Ok(Some(event)) => heard.events.push(event),
            Ok(None) => return heard,
            Err(error) => {
                let before = heard.error.replace(error.to_string());
                assert_eq!(before, None, "a broken rule is told once");
            }
        }
    }
}

/// A file whose reader gives so much at a time, which goes round; everything, where nothing is said.
struct InPieces<'a> {
    bytes: &'a [u8],
    cuts: &'a [u8],
    next: usize,
}

impl Read for InPieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let cut = self.cuts.get(self.next % self.cuts.len().max(1));
        self.next += 1;
        let most = cut.map_or(usize::MAX, |&cut| usize::from(cut).max(1));
        let count = self.bytes.len().min(buffer.len()).min(most);
        let (given, rest) = self.bytes.split_at(count);
        buffer[..count].copy_from_slice(given);
        self.bytes = rest;
        Ok(count)
    }
}

// --- Segments ---------------------------------------------------------------------------------------------------

/// Two ends that send each other made-up bytes.
struct Line {
    is_honest: bool,
    /// Behind the last byte that each has sent, captured or not.
    sent: [u32; 2],
    /// The bytes that came when they were not late.
    came: [BTreeSet<u64>; 2],
    connections: Connections,
    /// Sequence numbers of the SYNs.
    begins: [u32; 2],
    now: Duration,
    ledger: Ledger,
    /// What was given of the first connection, each piece with its position.
    given: [Vec<(u64, Vec<u8>)>; 2],
    positions: [u64; 2],
}

impl Line {
    fn new(begins: [u32; 2]) -> Self {
        Self {
            is_honest: false,
            sent: [0; 2],
            came: Default::default(),
            connections: Connections::new(),
            begins,
            now: Duration::ZERO,
            ledger: Ledger::default(),
            given: Default::default(),
            positions: [0; 2],
        }
    }

    fn open(&mut self) {
        for side in [0, 1] {
            let (sequence, acknowledged) =
                (self.begins[side], (side == 1).then_some(self.begins[0].wrapping_add(1)));
            self.send(Segment { syn: true, acknowledged, ..segment(side, sequence) });
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let what = choices.byte();
        let side = usize::from(what & 1);
        let kind = if self.is_honest { 7 } else { what >> 3 & 7 };
        let position = match kind {
            // Of nobody knows which connection.
            2 => choices.u32(),
            _ => u32::from(choices.u16()) % STREAM_BYTES,
        };
        let peer_has = match kind {
            3 => choices.u32(),
            _ if self.is_honest => u32::from(choices.u16()) % (self.sent[1 - side] + 1),
            _ => u32::from(choices.u16()) % STREAM_BYTES,
        };
        let peer_has = self.begins[1 - side].wrapping_add(1).wrapping_add(peer_has);
        let payload = bytes_at(position, choices.byte().into());
        let missing = if what & 2 == 0 { 0 } else { payload.len() / 2 };
        let acknowledged = (what & 4 != 0).then_some(peer_has);
        let sequence = self.begins[side].wrapping_add(1).wrapping_add(position);
        let plain = Segment { acknowledged, ..segment(side, sequence) };
        self.now += Duration::from_millis(u64::from(what >> 6) * 300);
        if self.is_honest {
            let end = u64::from(position) + (payload.len() - missing) as u64;
            self.came[side].extend(self.positions[side].max(position.into())..end);
            self.sent[side] = self.sent[side].max(position + payload.len() as u32);
        }
        self.send(match kind {
            0 => Segment { rst: true, ..plain },
            1 => Segment { fin: true, payload: &payload, ..plain },
            _ => Segment { payload: &payload[..payload.len() - missing], missing, ..plain },
        });
    }

    fn send(&mut self, segment: Segment<'_>) {
        self.connections.handle_segment(&segment, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.connections.poll() {
            self.ledger.note(&event);
            if event.connection == ConnectionId(0) {
                match &event.kind {
                    EventKind::Segment { from, bytes } => {
                        let position = &mut self.positions[from.index()];
                        self.given[from.index()].push((*position, bytes.to_vec()));
                        *position += bytes.len() as u64;
                    }
                    EventKind::Missing { from, count } => self.positions[from.index()] += count,
                    EventKind::Opened { .. } | EventKind::Finished { .. } | EventKind::Closed { .. } => {}
                }
            }
        }
    }

    /// What was given stands where it was given, and what came in time was given.
    fn compare(&self) {
        for (came, given) in self.came.iter().zip(&self.given) {
            let pieces = given.iter().map(|(position, bytes)| *position..position + bytes.len() as u64);
            let given: BTreeSet<u64> = pieces.flatten().collect();
            assert_eq!(came.difference(&given).collect::<Vec<_>>(), [] as [&u64; 0], "came and is not given");
        }
        for (position, bytes) in self.given.iter().flatten() {
            let expected = bytes_at(*position as u32, bytes.len());
            assert_eq!(*bytes, expected, "at {position}");
        }
    }
}

fn segment(side: usize, sequence: u32) -> Segment<'static> {
    let ends = [40_000, 1_935].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    Segment {
        from: ends[side],
        to: ends[1 - side],
        sequence,
        acknowledged: None,
        syn: false,
        fin: false,
        rst: false,
        payload: &[],
        missing: 0,
    }
}

/// The bytes that stand from a position on, each as far as may be unlike its neighbours.
fn bytes_at(position: u32, count: usize) -> Vec<u8> {
    let byte_at = |index| {
        let position = position.wrapping_add(index as u32);
        (position ^ (position >> 8).wrapping_mul(37)) as u8
    };
    (0..count).map(byte_at).collect()
}

/// Where each side has most of its bytes.
const STREAM_BYTES: u32 = 4_096;

// --- What must hold -----------------------------------------------------------------------------------------------

/// What was told of connections.
#[derive(Default)]
struct Ledger {
    known: BTreeMap<ConnectionId, Told>,
    bytes: usize,
}

#[derive(Default)]
struct Told {
    at: Duration,
    bytes: [u64; 2],
    missing: [u64; 2],
    is_finished: [bool; 2],
    is_closed: bool,
}

impl Ledger {
    fn note(&mut self, event: &Event) {
        let Event { connection, at, kind } = event;
        if let EventKind::Opened { .. } = kind {
            let before = self.known.insert(*connection, Told { at: *at, ..Told::default() });
            assert!(before.is_none(), "a connection is opened once");
            return;
        }
        let told = self.known.get_mut(connection).expect("a connection is opened first");
        assert!(!told.is_closed, "{event:?} behind the end");
        assert!(*at >= told.at, "time goes back");
        told.at = *at;
        match kind {
            EventKind::Opened { .. } => {}
            EventKind::Segment { from, bytes } => {
                assert!(!bytes.is_empty() && !told.is_finished[from.index()], "nothing comes behind the end");
                told.bytes[from.index()] += bytes.len() as u64;
                self.bytes += bytes.len();
            }
            EventKind::Missing { from, count } => {
                assert!(*count > 0 && !told.is_finished[from.index()], "nothing comes behind the end");
                told.missing[from.index()] += count;
            }
            EventKind::Finished { by } => {
                assert!(!std::mem::replace(&mut told.is_finished[by.index()], true), "a side ends once");
            }
            EventKind::Closed { tallies, .. } => {
                told.is_closed = true;
                for side in Side::BOTH.map(Side::index) {
                    let tally = tallies[side];
                    assert_eq!((tally.bytes, tally.missing), (told.bytes[side], told.missing[side]));
                }
            }
        }
    }

    fn check_end(&self) {
        assert!(self.known.values().all(|told| told.is_closed), "all are closed at the end");
    }
}
