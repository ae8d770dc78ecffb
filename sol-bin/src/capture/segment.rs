//! Segment: what TCP says in one packet, and how it is found there.
//!
//! Lengths that lie are met in good captures: an offloading card is handed packets whose IPv4 length is zero, and a snap
//! length cuts packets short. The first is taken from the capture, the second are bytes that are [`Segment::missing`]; no
//! more than the longest packet has.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use etherparse::{IpNumber, Ipv6ExtensionSlice, LaxIpSlice, TcpSlice};

use super::file::Packet;
use super::fragments::{Fragments, Place, Whole};
use super::limits::PACKET_BYTES;
use super::link::{LinkType, NoIp};

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// The sequence number of the SYN or of the first byte of the payload.
    pub sequence: u32,
    /// What the sender expects next, if it says so.
    pub acknowledged: Option<u32>,
    /// It opens its direction.
    pub syn: bool,
    /// It ends its direction.
    pub fin: bool,
    /// It tears the connection down.
    pub rst: bool,
    /// The bytes that were captured.
    pub payload: &'a [u8],
    /// How many bytes behind them the segment had on the wire.
    pub missing: usize,
}

/// Finds the segments in packets.
#[derive(Debug, Default)]
pub struct SegmentFinder {
    fragments: Fragments,
    /// The payload of a packet that came in fragments.
    joined: Vec<u8>,
    tally: PacketTally,
}

/// What the packets of a capture were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketTally {
    /// All of them.
    pub packets: u64,
    /// Those with TCP, where whole.
    pub segments: u64,
    /// Those of links that are not known, by type.
    pub unknown_links: BTreeMap<LinkType, u64>,
    /// Those of other protocols than IP.
    pub no_ip: u64,
    /// Those of other protocols than TCP.
    pub no_tcp: u64,
    /// Those whose headers are cut off or make no sense.
    pub unreadable: u64,
    /// Those that were captured in part.
    pub cut: u64,
    /// IP fragments of TCP.
    pub fragments: u64,
    /// Packets whose fragments are not all there, or contradict each other.
    pub not_joined: u64,
}

impl SegmentFinder {
    /// The segment in a packet, if there is one.
    pub fn find<'a>(&'a mut self, packet: &Packet<'a>) -> Option<Segment<'a>> {
        self.tally.packets += 1;
        self.tally.cut += u64::from(packet.bytes.len() < packet.length);
        let (ip, before) = match packet.link.ip_of(packet.bytes) {
            Ok(found) => found,
            Err(why) => {
                match why {
                    NoIp::UnknownLink => *self.tally.unknown_links.entry(packet.link).or_default() += 1,
                    NoIp::OtherProtocol => self.tally.no_ip += 1,
                    NoIp::TooShort => self.tally.unreadable += 1,
                }
                return None;
            }
        };
        let Ok((slice, _)) = LaxIpSlice::from_slice(ip) else {
            self.tally.unreadable += 1;
            return None;
        };
        if slice.payload_ip_number() != IpNumber::TCP {
            self.tally.no_tcp += 1;
            return None;
        }
        let declared = match &slice {
            LaxIpSlice::Ipv4(ip) => {
                let total = usize::from(ip.header().total_len());
                (total >= ip.header().slice().len()).then_some(total)
            }
            LaxIpSlice::Ipv6(ip) => match ip.header().payload_length() {
                0 => None,
                length => Some(IPV6_HEADER_BYTES + usize::from(length)),
            },
        };
        let missing = declared
            .unwrap_or(packet.length.saturating_sub(before))
            .saturating_sub(ip.len())
            .min(PACKET_BYTES);
        let payload = slice.payload().payload;
        let payload = if slice.is_fragmenting_payload() {
            self.tally.fragments += 1;
            let (whole, place) = fragment_of(&slice)?;
            // A fragment that is cut can never make its packet whole.
            let joined = (missing == 0).then(|| self.fragments.take(whole, place, payload)).flatten();
            self.joined = joined?;
            &self.joined[..]
        } else {
            payload
        };
        let Ok(tcp) = TcpSlice::from_slice(payload) else {
            self.tally.unreadable += 1;
            return None;
        };
        self.tally.segments += 1;
        Some(Segment {
            from: SocketAddr::new(slice.source_addr(), tcp.source_port()),
            to: SocketAddr::new(slice.destination_addr(), tcp.destination_port()),
            sequence: tcp.sequence_number(),
            acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
            syn: tcp.syn(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            payload: tcp.payload(),
            missing,
        })
    }

    /// What the packets were that have been seen.
    pub fn tally(&self) -> PacketTally {
        PacketTally { not_joined: self.fragments.not_whole(), ..self.tally.clone() }
    }
}

/// Which packet a fragment belongs to, and where.
fn fragment_of(slice: &LaxIpSlice<'_>) -> Option<(Whole, Place)> {
    let (identification, offset, more_follow) = match slice {
        LaxIpSlice::Ipv4(ip) => {
            let header = ip.header();
            (header.identification().into(), header.fragments_offset(), header.more_fragments())
        }
        LaxIpSlice::Ipv6(ip) => {
            let header = ip.extensions().clone().into_iter().find_map(|extension| match extension {
                Ipv6ExtensionSlice::Fragment(header) => Some(header),
                _ => None,
            })?;
            (header.identification(), header.fragment_offset(), header.more_fragments())
        }
    };
    let (from, to) = (slice.source_addr(), slice.destination_addr());
    let whole = Whole { from, to, identification, protocol: slice.payload_ip_number() };
    Some((whole, Place { offset, more_follow }))
}

const IPV6_HEADER_BYTES: usize = 40;
