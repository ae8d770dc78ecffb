//! Wire: the segments of two or four hosts in short words, and what is told of them.

use std::net::SocketAddr;
use std::time::Duration;

use crate::capture::{Connections, DirectionTally, Event, EventKind, Segment, Side};

/// Connections, and a clock that stands still.
pub(super) struct Wire {
    pub(super) connections: Connections,
    now: Duration,
}

impl Wire {
    pub(super) fn new() -> Wire {
        Wire { connections: Connections::new(), now: Duration::from_secs(1) }
    }

    /// One connection, whose client begins with 100 and whose server with 500.
    pub(super) fn opened() -> Wire {
        let mut wire = Wire::new();
        wire.send(CLIENT.syn(99));
        wire.send(SERVER.syn(499).ack(100));
        wire.told();
        wire
    }

    pub(super) fn send(&mut self, segment: Sent<'_>) {
        self.connections.handle_segment(&segment.0, self.now);
    }

    pub(super) fn send_at(&mut self, at: Duration, segment: Sent<'_>) {
        self.connections.handle_segment(&segment.0, at);
    }

    /// So many segments of `PAYLOAD` one after the other, each of which the peer acknowledges.
    pub(super) fn send_many(&mut self, host: Host, first: u32, count: u32) {
        let peer = Host { number: host.peer, peer: host.number };
        for index in 0..count {
            let sequence = first + index * PAYLOAD.len() as u32;
            self.send(host.bytes(sequence, &PAYLOAD));
            self.send(
                peer.nothing(if peer.number == SERVER.number { 500 } else { 100 })
                    .ack(sequence + PAYLOAD.len() as u32),
            );
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    pub(super) fn told(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.connections.poll()).map(|event| told(&event)).collect()
    }

    pub(super) fn end(&mut self) -> Vec<String> {
        self.connections.handle_end();
        self.told()
    }

    /// All that a side said; nothing of it may be missing.
    pub(super) fn said(&mut self, side: Side) -> String {
        let mut said = Vec::new();
        while let Some(event) = self.connections.poll() {
            match event.kind {
                EventKind::Segment { from, bytes } if from == side => said.extend(bytes),
                EventKind::Missing { .. } => panic!("{event:?}"),
                _ => {}
            }
        }
        String::from_utf8(said).unwrap()
    }

    pub(super) fn tallies(&mut self) -> [DirectionTally; 2] {
        self.connections.handle_end();
        let events = std::iter::from_fn(|| self.connections.poll());
        let tallies = events.filter_map(|event| match event.kind {
            EventKind::Closed { tallies, .. } => Some(tallies),
            _ => None,
        });
        tallies.last().unwrap()
    }
}

pub(super) fn told(Event { connection, kind, .. }: &Event) -> String {
    let what = match kind {
        EventKind::Opened { opener: None, .. } => "opened by nobody".to_owned(),
        EventKind::Opened { opener: Some(side), .. } => format!("opened by {side:?}"),
        EventKind::Segment { from, bytes } if bytes.len() > 20 => format!("{from:?}: {} bytes", bytes.len()),
        EventKind::Segment { from, bytes } => format!("{from:?}: {}", bytes.escape_ascii()),
        EventKind::Missing { from, count } => format!("{from:?}: {count} missing"),
        EventKind::Finished { by } => format!("{by:?} finished"),
        EventKind::Closed { how, .. } => format!("closed: {how:?}"),
    };
    format!("#{} {what}", connection.0)
}

#[derive(Clone, Copy)]
pub(super) struct Host {
    number: u8,
    peer: u8,
}

pub(super) struct Sent<'a>(pub(super) Segment<'a>);

impl Host {
    pub(super) fn ip(self) -> std::net::IpAddr {
        [10, 0, 0, self.number].into()
    }

    pub(super) fn bytes(self, sequence: u32, payload: &[u8]) -> Sent<'_> {
        let end = |number: u8| SocketAddr::new([10, 0, 0, number].into(), 1_000 + u16::from(number));
        Sent(Segment {
            from: end(self.number),
            to: end(self.peer),
            sequence,
            acknowledged: None,
            syn: false,
            fin: false,
            rst: false,
            payload,
            missing: 0,
        })
    }

    pub(super) fn nothing(self, sequence: u32) -> Sent<'static> {
        self.bytes(sequence, b"")
    }

    pub(super) fn syn(self, sequence: u32) -> Sent<'static> {
        Sent(Segment { syn: true, ..self.nothing(sequence).0 })
    }

    pub(super) fn fin(self, sequence: u32) -> Sent<'static> {
        Sent(Segment { fin: true, ..self.nothing(sequence).0 })
    }

    pub(super) fn rst(self, sequence: u32) -> Sent<'static> {
        Sent(Segment { rst: true, ..self.nothing(sequence).0 })
    }
}

impl Sent<'_> {
    pub(super) fn ack(mut self, sequence: u32) -> Self {
        self.0.acknowledged = Some(sequence);
        self
    }
}

pub(super) const CLIENT: Host = Host { number: 1, peer: 2 };
pub(super) const SERVER: Host = Host { number: 2, peer: 1 };
pub(super) const OTHER: Host = Host { number: 3, peer: 4 };

/// A payload that is cut at whole thousands.
pub(super) const PAYLOAD: [u8; 1_000] = [7; 1_000];
