//! Links, IP and TCP headers, down to the bytes of the stream.

use std::time::Duration;

use etherparse::{IpFragOffset, IpNumber, Ipv4Header, Ipv6FragmentHeader};

use super::making::*;
use crate::capture::{EventKind, LinkType, Packet, PacketTally, SegmentFinder, limits};

#[test]
fn a_stream_is_the_same_through_every_link() {
    let cooked = |ip: &[u8]| [&[0xEE; 14][..], &[0x08, 0x00], ip].concat();
    let cooked2 = |ip: &[u8]| [&[0x08, 0x00][..], &[0xEE; 18], ip].concat();
    let tagged = |ip: &[u8]| [&[0xEE; 12][..], &[0x81, 0x00, 0, 7, 0x08, 0x00], ip].concat();
    let family = |family: [u8; 4]| move |ip: &[u8]| [&family[..], ip].concat();
    let padded = |ip: &[u8]| [in_ethernet(ip), vec![0; 9]].concat();
    expect_three_parts(LinkType::ETHERNET, in_ethernet);
    expect_three_parts(LinkType::ETHERNET, padded);
    expect_three_parts(LinkType::ETHERNET, tagged);
    expect_three_parts(LinkType::LINUX_SLL, cooked);
    expect_three_parts(LinkType::LINUX_SLL2, cooked2);
    expect_three_parts(LinkType::NULL, family([2, 0, 0, 0]));
    expect_three_parts(LinkType::NULL, family([0, 0, 0, 2]));
    expect_three_parts(LinkType::LOOP, family([0, 0, 0, 2]));
    for link in [LinkType::RAW, LinkType(12), LinkType(14), LinkType::IPV4] {
        expect_three_parts(link, <[u8]>::to_vec);
    }
}

#[test]
fn ipv6_is_read_through_its_extension_headers() {
    let plain = ipv6(0, b"bytes");
    let mut extended = plain.clone();
    // Hop by hop: one option that pads.
    extended.splice(40..40, [6, 0, 1, 4, 0, 0, 0, 0]);
    (extended[5], extended[6]) = (plain[5] + 8, 0);
    for packet in [plain, extended] {
        let [from, to] = ["[fd00::1]:40000", "[fd00::2]:1935"].map(|end| end.parse().unwrap());
        let (segment, _) = found(LinkType::IPV6, &[&packet], usize::MAX);
        let (ends, payload, missing) = segment.unwrap();
        assert_eq!((ends, &payload[..], missing), ([from, to], &b"bytes"[..], 0));
    }
}

#[test]
fn fragments_are_put_together_in_any_order() {
    let whole = ipv4(0, b"put together from three fragments");
    let (mut header, _) = Ipv4Header::from_slice(&whole).unwrap();
    let body = &whole[header.header_len()..];
    let mut fragment = |from: usize, to: usize| {
        header.identification = 77;
        header.more_fragments = to < body.len();
        header.fragment_offset = IpFragOffset::try_new((from / 8) as u16).unwrap();
        header.total_len = (header.header_len() + to - from) as u16;
        let mut packet = Vec::new();
        header.write(&mut packet).unwrap();
        packet.extend(&body[from..to]);
        packet
    };
    let fragments = [fragment(16, 32), fragment(32, body.len()), fragment(0, 16)];
    let fragments: Vec<_> = fragments.iter().map(|fragment| &fragment[..]).collect();
    let (segment, tally) = found(LinkType::RAW, &fragments, usize::MAX);
    assert_eq!(segment.unwrap().1, b"put together from three fragments");
    assert_eq!((tally.fragments, tally.not_joined, tally.segments), (3, 0, 1));

    // One that is cut by a snap length does not count.
    let (segment, _) = found(LinkType::RAW, &fragments, 35);
    assert_eq!(segment, None);
    let (segment, tally) = found(LinkType::RAW, &fragments[..2], usize::MAX);
    assert_eq!((segment, tally.fragments, tally.not_joined), (None, 2, 1));
}

#[test]
fn fragments_of_ipv6_are_put_together_too() {
    let whole = ipv6(0, b"two fragments");
    let body = &whole[40..];
    let fragment = |from: usize, to: usize| {
        let offset = IpFragOffset::try_new((from / 8) as u16).unwrap();
        let header = Ipv6FragmentHeader::new(IpNumber::TCP, offset, to < body.len(), 5);
        let mut packet = whole[..40].to_vec();
        packet[5] = (8 + to - from) as u8;
        packet[6] = IpNumber::IPV6_FRAGMENTATION_HEADER.0;
        header.write(&mut packet).unwrap();
        packet.extend(&body[from..to]);
        packet
    };
    let (segment, _) = found(LinkType::IPV6, &[&fragment(24, body.len()), &fragment(0, 24)], usize::MAX);
    assert_eq!(segment.unwrap().1, b"two fragments");
}

#[test]
fn an_ip_length_of_zero_means_all_that_was_captured() {
    let text = vec![7; 70_000];
    let mut jumbo = ipv4(0, &text[..60_000]);
    jumbo.extend(&text[60_000..]);
    jumbo[2..4].fill(0);
    let (segment, _) = found(LinkType::RAW, &[&jumbo], usize::MAX);
    let (_, payload, missing) = segment.unwrap();
    assert_eq!((payload.len(), missing), (70_000, 0));
    let (segment, _) = found(LinkType::RAW, &[&jumbo], 100);
    let (_, payload, missing) = segment.unwrap();
    assert_eq!((payload.len(), missing), (60, 69_940));
}

#[test]
fn a_packet_that_was_cut_counts_what_is_missing() {
    for (link, packet, headers) in [
        (LinkType::ETHERNET, in_ethernet(&ipv4(0, &[1; 500])), 54),
        (LinkType::ETHERNET, in_ethernet(&ipv6(0, &[1; 500])), 74),
        // What pads a frame is no part of it.
        (LinkType::ETHERNET, [in_ethernet(&ipv4(0, &[1; 500])), vec![0; 20]].concat(), 54),
    ] {
        let (segment, tally) = found(link, &[&packet], 96);
        let (_, payload, missing) = segment.unwrap();
        assert_eq!((payload.len(), missing), (96 - headers, 500 - (96 - headers)));
        assert_eq!(tally.cut, 1);
    }
    let (segment, tally) = found(LinkType::ETHERNET, &[&in_ethernet(&ipv4(0, b"bytes"))], 50);
    assert_eq!((segment, tally.unreadable), (None, 1), "a header that is cut tells nothing");
}

#[test]
fn no_more_is_missing_than_a_packet_has() {
    let mut bytes = ipv4(0, b"a few");
    bytes[2..4].fill(0);
    let mut finder = SegmentFinder::default();
    let packet = Packet { at: Duration::ZERO, link: LinkType::RAW, bytes: &bytes, length: 0xFFFF_FFFF };
    assert_eq!(finder.find(&packet).unwrap().missing, limits::PACKET_BYTES);
}

#[test]
fn a_snap_length_makes_holes_of_known_size_in_the_stream() {
    let made = three_parts(in_ethernet).into_iter().map(|made| made.cut(57)).collect::<Vec<_>>();
    let file = pcap(PcapKind::Micros, Order::Little, LinkType::ETHERNET, &made);
    let told: Vec<_> = events_of(&file)
        .unwrap()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Segment { bytes, .. } => Some(String::from_utf8(bytes.to_vec()).unwrap()),
            EventKind::Missing { count, .. } => Some(format!("({count})")),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["in ", "(2)", "ree", "(2)", "art", "(1)"]);
}

#[test]
fn what_is_not_tcp_is_counted_by_what_it_is() {
    let udp = {
        let mut packet = ipv4(0, b"?");
        packet[9] = 17;
        packet
    };
    let arp = [&[0xEE; 12][..], &[0x08, 0x06], &[0; 28]].concat();
    let mut finder = SegmentFinder::default();
    for (link, bytes) in [
        (LinkType::ETHERNET, in_ethernet(&udp)),
        (LinkType::ETHERNET, arp),
        (LinkType(127), vec![0; 90]),
        (LinkType(127), vec![0; 90]),
        (LinkType::ETHERNET, vec![0; 13]),
        (LinkType::RAW, vec![0x50; 40]),
        (LinkType::RAW, ipv4(0, b"it")),
    ] {
        finder.find(&Packet { at: Duration::ZERO, link, bytes: &bytes, length: bytes.len() });
    }
    let expected = PacketTally {
        packets: 7,
        segments: 1,
        unknown_links: [(LinkType(127), 2)].into(),
        no_ip: 1,
        no_tcp: 1,
        unreadable: 2,
        ..PacketTally::default()
    };
    assert_eq!(finder.tally(), expected);
}

type Found = ([std::net::SocketAddr; 2], Vec<u8>, usize);

/// The segment that is found in the last of some packets: its ends, bytes, and how many are missing.
fn found(link: LinkType, packets: &[&[u8]], snap_length: usize) -> (Option<Found>, PacketTally) {
    let mut finder = SegmentFinder::default();
    let mut last = None;
    for packet in packets {
        let (bytes, length) = (&packet[..packet.len().min(snap_length)], packet.len());
        let segment = finder.find(&Packet { at: Duration::ZERO, link, bytes, length });
        last = segment.map(|found| ([found.from, found.to], found.payload.to_vec(), found.missing));
    }
    (last, finder.tally())
}

fn expect_three_parts(link: LinkType, wrap: impl Fn(&[u8]) -> Vec<u8>) {
    let file = pcap(PcapKind::Micros, Order::Little, link, &three_parts(wrap));
    let bytes: Vec<_> = events_of(&file)
        .unwrap()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Segment { bytes, .. } => Some(bytes),
            _ => None,
        })
        .collect();
    assert_eq!(bytes.concat(), b"in three parts", "{link}");
}
