//! Making: packets, and files of them, as capture programs write them.

use std::time::Duration;

use etherparse::PacketBuilder;

use crate::capture::{Capture, Event, FileError, LinkType};

/// A packet to be written.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) at: Duration,
    pub(super) bytes: Vec<u8>,
    /// How many bytes it had on the wire.
    pub(super) length: usize,
}

impl Made {
    pub(super) fn new(at: Duration, bytes: Vec<u8>) -> Made {
        Made { at, length: bytes.len(), bytes }
    }

    /// Cut to so many bytes.
    pub(super) fn cut(mut self, snap_length: usize) -> Made {
        self.bytes.truncate(snap_length);
        self
    }
}

/// An IPv4 packet of one byte stream, from client to server: these bytes at this offset.
pub(super) fn ipv4(offset: u32, payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ipv4(CLIENT, SERVER, 64).tcp(
        CLIENT_PORT,
        SERVER_PORT,
        FIRST.wrapping_add(offset),
        512,
    );
    let builder = if offset == 0 { builder } else { builder.ack(1) };
    let mut packet = Vec::new();
    builder.write(&mut packet, payload).unwrap();
    packet
}

/// The same in IPv6.
pub(super) fn ipv6(offset: u32, payload: &[u8]) -> Vec<u8> {
    let [from, to] = [1, 2].map(|host| [0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    let builder = PacketBuilder::ipv6(from, to, 64);
    let builder = builder.tcp(CLIENT_PORT, SERVER_PORT, FIRST.wrapping_add(offset), 512);
    let mut packet = Vec::new();
    builder.write(&mut packet, payload).unwrap();
    packet
}

/// An Ethernet header and this behind it.
pub(super) fn in_ethernet(ip: &[u8]) -> Vec<u8> {
    let ether_type = if ip[0] >> 4 == 6 { [0x86, 0xDD] } else { [0x08, 0x00] };
    [&[0xEE; 12][..], &ether_type, ip].concat()
}

/// Three packets of a stream that says "in three parts", a second apart, beginning a second after the epoch.
pub(super) fn three_parts(wrap: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Made> {
    let parts = [(0, "in th"), (5, "ree p"), (10, "arts")];
    let packets = (1..).zip(parts).map(|(second, (offset, text))| {
        Made::new(Duration::from_secs(second), wrap(&ipv4(offset, text.as_bytes())))
    });
    packets.collect()
}

/// In what order numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn u16(self, number: u16) -> Vec<u8> {
        if self == Order::Little { number.to_le_bytes().to_vec() } else { number.to_be_bytes().to_vec() }
    }

    pub(super) fn u32(self, number: usize) -> Vec<u8> {
        let number = u32::try_from(number).unwrap();
        if self == Order::Little { number.to_le_bytes().to_vec() } else { number.to_be_bytes().to_vec() }
    }
}

/// The kinds of pcap files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PcapKind {
    Micros,
    Nanos,
    Modified,
}

pub(super) fn pcap(kind: PcapKind, order: Order, link: LinkType, packets: &[Made]) -> Vec<u8> {
    let magic = match kind {
        PcapKind::Micros => 0xA1B2_C3D4,
        PcapKind::Nanos => 0xA1B2_3C4D,
        PcapKind::Modified => 0xA1B2_CD34,
    };
    let u32 = |number| order.u32(number);
    let mut file =
        [u32(magic), order.u16(2), order.u16(4), u32(0), u32(0), u32(65_535), u32(link.0.into())].concat();
    for Made { at, bytes, length } in packets {
        let nanos = at.subsec_nanos() as usize;
        let fraction = if kind == PcapKind::Nanos { nanos } else { nanos / 1_000 };
        let seconds = usize::try_from(at.as_secs()).unwrap();
        file.extend([u32(seconds), u32(fraction), u32(bytes.len()), u32(*length)].concat());
        if kind == PcapKind::Modified {
            file.extend([0xCC; 8]);
        }
        file.extend(bytes);
    }
    file
}

/// A block of a pcapng file.
pub(super) fn block(order: Order, kind: usize, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let length = order.u32(12 + body.len() + padding.len());
    [&order.u32(kind), &length, body, &padding, &length].concat()
}

pub(super) fn section(order: Order) -> Vec<u8> {
    let body = [order.u32(0x1A2B_3C4D), order.u16(1), order.u16(0), vec![0xFF; 8]].concat();
    block(order, 0x0A0D_0D0A, &body)
}

/// Options are codes with values.
pub(super) fn interface(
    order: Order,
    link: LinkType,
    snap_length: usize,
    options: &[(u16, &[u8])],
) -> Vec<u8> {
    let mut body = [order.u16(link.0), order.u16(0), order.u32(snap_length)].concat();
    for (code, value) in options {
        body.extend([order.u16(*code), order.u16(value.len() as u16), value.to_vec()].concat());
        body.resize(body.len().next_multiple_of(4), 0);
    }
    block(order, 1, &body)
}

/// An enhanced packet, with its time in units of its interface.
pub(super) fn packet(order: Order, interface: usize, units: u64, packet: &Made) -> Vec<u8> {
    let [high, low] = [units >> 32, units & 0xFFFF_FFFF].map(|half| order.u32(half as usize));
    let lengths = [order.u32(packet.bytes.len()), order.u32(packet.length)].concat();
    let mut body = [order.u32(interface), high, low, lengths, packet.bytes.clone()].concat();
    body.resize(body.len().next_multiple_of(4), 0);
    // A comment.
    body.extend([order.u16(1), order.u16(5), b"hello\0\0\0".to_vec()].concat());
    block(order, 6, &body)
}

/// A packet of the kind before that, of which seven were lost.
pub(super) fn old_packet(order: Order, interface: u16, units: u64, packet: &Made) -> Vec<u8> {
    let [high, low] = [units >> 32, units & 0xFFFF_FFFF].map(|half| order.u32(half as usize));
    let lengths = [order.u32(packet.bytes.len()), order.u32(packet.length)].concat();
    let numbers = [order.u16(interface), order.u16(7)].concat();
    let mut body = [numbers, high, low, lengths, packet.bytes.clone()].concat();
    body.resize(body.len().next_multiple_of(4), 0);
    // The end of the options.
    body.extend([0; 4]);
    body.extend([0; 8]);
    block(order, 2, &body)
}

pub(super) fn simple_packet(order: Order, packet: &Made) -> Vec<u8> {
    block(order, 3, &[order.u32(packet.length), packet.bytes.clone()].concat())
}

/// All events of a file.
pub(super) fn events_of(file: &[u8]) -> Result<Vec<Event>, FileError> {
    let mut capture = Capture::open(file)?;
    let mut events = Vec::new();
    while let Some(event) = capture.next_event()? {
        events.push(event);
    }
    Ok(events)
}

pub(super) const CLIENT: [u8; 4] = [10, 0, 0, 1];
pub(super) const SERVER: [u8; 4] = [10, 0, 0, 2];
pub(super) const CLIENT_PORT: u16 = 40_000;
pub(super) const SERVER_PORT: u16 = 1_935;

/// Sequence number of the first byte.
const FIRST: u32 = 1_000;
