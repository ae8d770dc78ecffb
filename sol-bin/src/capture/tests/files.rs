//! Kinds of files, and what is wrong with some.

use std::io::{self, Read};
use std::time::Duration;

use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::making::*;
use crate::capture::{
    BrokenRule, Capture, Compression, CutOff, Event, EventKind, FileError, LinkType, Packet, PacketFile,
    limits,
};

#[test]
fn every_kind_of_pcap_is_read_in_its_byte_order_and_unit_of_time() {
    let at = Duration::new(1_700_000_000, 123_456_789);
    let made = [Made::new(at, b"one".to_vec()), Made::new(at, b"another".to_vec()).cut(4)];
    for (kind, order, nanos) in [
        (PcapKind::Micros, Order::Little, 123_456_000),
        (PcapKind::Micros, Order::Big, 123_456_000),
        (PcapKind::Nanos, Order::Little, 123_456_789),
        (PcapKind::Nanos, Order::Big, 123_456_789),
        (PcapKind::Modified, Order::Little, 123_456_000),
    ] {
        let file = pcap(kind, order, LinkType::LINUX_SLL2, &made);
        let at = Duration::new(1_700_000_000, nanos);
        let link = LinkType::LINUX_SLL2;
        let expected =
            [Packet { at, link, bytes: b"one", length: 3 }, Packet { at, link, bytes: b"anot", length: 7 }];
        expect_packets(&file, &expected, None);
    }
}

#[test]
fn the_length_of_a_frame_check_sequence_is_no_part_of_the_link_type() {
    let mut file =
        pcap(PcapKind::Micros, Order::Little, LinkType::ETHERNET, &[Made::new(ms(1), b"x".to_vec())]);
    file[23] = 0x40 | 0x04;
    let at = Duration::from_millis(1);
    expect_packets(&file, &[Packet { at, link: LinkType::ETHERNET, bytes: b"x", length: 1 }], None);
}

#[test]
fn a_pcapng_file_may_have_sections_with_byte_orders_and_interfaces_of_their_own() {
    let made = |text: &str| Made::new(Duration::ZERO, text.as_bytes().to_vec());
    let (little, big) = (Order::Little, Order::Big);
    let file = [
        section(little),
        interface(little, LinkType::ETHERNET, 0, &[]),
        // In nanoseconds, an hour later.
        interface(little, LinkType::RAW, 4, &[(9, &[9]), (14, &3_600_i64.to_le_bytes())]),
        packet(little, 0, 5_000_001, &made("microseconds")),
        packet(little, 1, 5_000_000_001, &made("nanoseconds")),
        // Name resolution, interface statistics, and what nobody knows, of odd sizes.
        block(little, 4, b"names"),
        block(little, 5, &[0; 12]),
        block(little, 0x0000_0BAD, &[7; 3_000_001]),
        simple_packet(little, &made("at some time")),
        section(big),
        // In units of 2^-10 s.
        interface(big, LinkType::NULL, 6, &[(9, &[0x80 | 10])]),
        packet(big, 0, 3 << 9, &made("half seconds")),
        simple_packet(big, &made("cut at six")),
    ]
    .concat();
    let link = |link, nanos, bytes: &'static str, length| Packet {
        at: Duration::from_nanos(nanos),
        link,
        bytes: bytes.as_bytes(),
        length,
    };
    let expected = [
        link(LinkType::ETHERNET, 5_000_001_000, "microseconds", 12),
        link(LinkType::RAW, 3_605_000_000_001, "nanoseconds", 11),
        link(LinkType::ETHERNET, 3_605_000_000_001, "at some time", 12),
        link(LinkType::NULL, 1_500_000_000, "half seconds", 12),
        link(LinkType::NULL, 1_500_000_000, "cut at", 10),
    ];
    expect_packets(&file, &expected, None);
}

#[test]
fn packets_of_the_kind_that_pcapng_had_before_are_read() {
    let made = Made::new(ms(0), b"odd size".to_vec()).cut(7);
    let (little, big) = (Order::Little, Order::Big);
    let mut file = Vec::new();
    for order in [little, big] {
        file.extend([section(order), interface(order, LinkType::RAW, 0, &[])].concat());
        file.extend(interface(order, LinkType::NULL, 0, &[]));
        file.extend(old_packet(order, 1, 5_000_001, &made));
    }
    let at = Duration::from_micros(5_000_001);
    let expected = Packet { at, link: LinkType::NULL, bytes: b"odd siz", length: 8 };
    expect_packets(&file, &[expected, expected], None);

    let front = [section(little), interface(little, LinkType::RAW, 0, &[])].concat();
    let mut outside = old_packet(little, 0, 0, &made);
    outside[20] = 200;
    assert_eq!(
        error_of(&[front.clone(), outside].concat()),
        format!("byte {}: a packet of 200 bytes does not fit into its block of 52", front.len())
    );
    let stranger = old_packet(little, 1, 0, &made);
    assert_eq!(
        error_of(&[front.clone(), stranger].concat()),
        format!("byte {}: a packet is of interface 1, and 1 are described", front.len())
    );
}

#[test]
fn a_file_that_ends_within_a_packet_gives_those_before_and_tells_where() {
    let made = three_parts(in_ethernet);
    for file in [
        pcap(PcapKind::Micros, Order::Big, LinkType::ETHERNET, &made),
        pcap(PcapKind::Modified, Order::Little, LinkType::ETHERNET, &made),
        pcapng(&made),
    ] {
        let whole: Vec<_> = places_of_packets(&file);
        for length in whole[0].0 as usize..file.len() {
            let (packets, cut_off) = packets_of(&file[..length]).unwrap();
            let ended = whole.iter().filter(|(_, to)| *to <= length as u64).count();
            assert_eq!(packets, ended, "of {length} bytes");
            if let Some(CutOff { at, bytes }) = cut_off {
                assert_eq!(at + bytes, length as u64);
                let before = whole.iter().filter(|(_, to)| *to <= at).count();
                assert_eq!(before, ended, "what is cut off begins behind the last whole packet");
            } else {
                assert!(whole.iter().any(|(from, to)| [*from, *to].contains(&(length as u64))));
            }
        }
    }
}

#[test]
fn errors_name_the_rule_and_the_place() {
    let made = three_parts(in_ethernet);
    let good = pcap(PcapKind::Micros, Order::Little, LinkType::ETHERNET, &made);
    let second = 24 + 16 + made[0].bytes.len();
    let mut too_long = good.clone();
    too_long[second + 8..second + 12].copy_from_slice(&[0, 0, 0x20, 0]);
    assert_eq!(
        error_of(&too_long),
        format!("byte {second}: a packet of 2097152 bytes is longer than any (1048576)")
    );
    let mut version = good.clone();
    version[4] = 7;
    assert_eq!(error_of(&version), "byte 0: the pcap file has version 7.4, and only 2.x is known");
    assert_eq!(error_of(&good[..20]), "ends within its header");

    let order = Order::Little;
    let front = [section(order), interface(order, LinkType::ETHERNET, 0, &[])].concat();
    let at = front.len();
    let behind = |block: Vec<u8>| error_of(&[front.clone(), block].concat());
    let block_of = |kind: usize, length: usize| {
        let mut block = block(order, kind, &[0; 60]);
        block[4..8].copy_from_slice(&order.u32(length));
        block
    };
    assert_eq!(
        behind(packet(order, 1, 0, &made[0])),
        format!("byte {at}: a packet is of interface 1, and 1 are described")
    );
    assert_eq!(
        behind(block_of(6, 28)),
        format!("byte {at}: a block of type 0x00000006 has 28 bytes, and needs 32")
    );
    assert_eq!(
        behind(block_of(0x1234, 8)),
        format!("byte {at}: a block of type 0x00001234 has 8 bytes, and needs 12")
    );
    assert_eq!(
        behind(block_of(6, 30)),
        format!("byte {at}: the length of a block, 30, is no multiple of four")
    );
    assert_eq!(
        behind(block_of(6, 4_000_000)),
        format!("byte {at}: a block of type 0x00000006 has 4000000 bytes, more than 1114112")
    );
    assert_eq!(
        behind(block_of(6, 64)),
        format!("byte {at}: a block begins with the length 64 and ends with the length 0")
    );
    let mut outside = packet(order, 0, 0, &made[0]);
    outside[20..24].copy_from_slice(&order.u32(500));
    assert_eq!(
        behind(outside),
        format!("byte {at}: a packet of 500 bytes does not fit into its block of 104")
    );
    assert_eq!(
        behind(interface(order, LinkType::RAW, 0, &[(9, &[20])])),
        format!("byte {at}: an interface counts time in 10 to the minus 20")
    );
    let mut no_order = section(order);
    no_order[8] = 0;
    assert_eq!(
        behind(no_order),
        format!("byte {at}: a section begins with the byte-order mark 0x003C2B1A, which is none")
    );
    assert_eq!(error_of(&section(order)), "");
    assert_eq!(
        error_of(&[section(order), simple_packet(order, &made[0])].concat()),
        "byte 28: a packet is of interface 0, and 0 are described"
    );
}

#[test]
fn what_is_no_capture_is_named_as_far_as_it_is_known() {
    assert_eq!(error_of(b""), "is empty");
    assert_eq!(error_of(&[0x1F, 0x8B, 8, 0]), "is compressed (gzip); gunzip unpacks it");
    assert_eq!(error_of(&[0x28, 0xB5, 0x2F, 0xFD, 0]), "is compressed (zstd); unzstd unpacks it");
    let error = PacketFile::open(&b"BZh91AY"[..]).unwrap_err();
    assert!(matches!(error, FileError::Compressed { kind: Compression::Bzip2 }));
    assert_eq!(
        error_of(b"FLV\x01\x05"),
        "is no capture: it begins with 46 4c 56 01 as an FLV file does, and neither a pcap nor a pcapng file does"
    );
    assert_eq!(
        error_of(b"<html>"),
        "is no capture: it begins with \"<htm\", and neither a pcap nor a pcapng file does"
    );
    let snoop = error_of(b"snoop\0\0\0");
    assert!(snoop.contains("snoop capture") && snoop.contains("editcap"), "{snoop}");
}

#[test]
fn a_reader_that_fails_is_told_with_how_far_it_came() {
    struct Failing<'a>(&'a [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(io::Error::other("the disk is gone")),
                count => Ok(count),
            }
        }
    }
    let file = pcap(PcapKind::Micros, Order::Little, LinkType::ETHERNET, &three_parts(in_ethernet));
    let mut capture = Capture::open(Failing(&file)).unwrap();
    let mut events = Vec::new();
    let error = loop {
        match capture.next_event() {
            Ok(event) => events.extend(event),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, FileError::Read { at, .. } if at == file.len() as u64), "{error:?}");
    while let Some(event) = capture.next_event().unwrap() {
        events.push(event);
    }
    assert_eq!(events, events_of(&file).unwrap(), "what came before is used, to the end");
}

#[test]
fn an_error_in_the_middle_lets_the_connections_end_there() {
    let made = three_parts(in_ethernet);
    let mut file = pcap(PcapKind::Micros, Order::Little, LinkType::ETHERNET, &made);
    let third = file.len() - made[2].bytes.len() - 16;
    file[third + 8..third + 12].fill(0xFF);
    let mut capture = Capture::open(&file[..]).unwrap();
    let mut kinds = Vec::new();
    let mut errors = 0;
    loop {
        match capture.next_event() {
            Ok(Some(event)) => kinds.push(event.kind),
            Ok(None) => break,
            Err(error) => {
                assert!(matches!(error, FileError::Broken { rule: BrokenRule::PacketTooLong { .. }, .. }));
                errors += 1;
            }
        }
    }
    assert_eq!((errors, bytes_in(&kinds)), (1, b"in three p".to_vec()));
    assert!(matches!(kinds.last(), Some(EventKind::Closed { .. })));
}

#[test]
fn how_much_a_reader_gives_at_a_time_changes_nothing() {
    fn property(Pieces(pieces): Pieces, is_pcapng: bool) -> bool {
        let made = three_parts(in_ethernet);
        let file = if is_pcapng {
            pcapng(&made)
        } else {
            pcap(PcapKind::Nanos, Order::Big, LinkType::ETHERNET, &made)
        };
        let mut capture = Capture::open(Meagre { bytes: &file, pieces: pieces.iter().cycle() }).unwrap();
        let events: Vec<Event> = std::iter::from_fn(|| capture.next_event().unwrap()).collect();
        events == events_of(&file).unwrap()
    }
    QuickCheck::new().tests(200).quickcheck(property as fn(Pieces, bool) -> bool);
}

#[test]
fn nothing_that_a_file_may_hold_makes_the_reader_panic() {
    fn property(damage: Vec<(u16, u8)>, garbage: Vec<u8>, kind: u8) -> bool {
        let made = three_parts(in_ethernet);
        let mut file = match kind % 4 {
            0 => pcap(PcapKind::Micros, Order::Little, LinkType::ETHERNET, &made),
            1 => pcap(PcapKind::Micros, Order::Big, LinkType(u16::from(kind)), &made),
            2 => pcapng(&made),
            _ => [section(Order::Big), garbage.clone()].concat(),
        };
        for (at, byte) in damage {
            let at = usize::from(at) % file.len();
            file[at] = byte;
        }
        file.extend(garbage);
        let Ok(mut capture) = Capture::open(&file[..]) else { return true };
        let mut errors = 0;
        loop {
            match capture.next_event() {
                Ok(Some(_)) => {}
                Ok(None) => return errors <= 1,
                Err(_) => errors += 1,
            }
        }
    }
    QuickCheck::new().tests(5_000).quickcheck(property as fn(Vec<(u16, u8)>, Vec<u8>, u8) -> bool);
}

#[test]
fn a_declared_length_alone_takes_no_memory_of_its_size() {
    let mut file = section(Order::Little);
    file.extend(block(Order::Little, 0x0000_0BAD, &[]));
    let length = file.len();
    file[length - 8..length - 4].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
    let (packets, cut_off) = packets_of(&file).unwrap();
    assert_eq!((packets, cut_off), (0, Some(CutOff { at: 28, bytes: 12 })));
    const { assert!(limits::BLOCK_BYTES < 2 * 1024 * 1024) };
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn pcapng(made: &[Made]) -> Vec<u8> {
    let order = Order::Little;
    let mut file = [section(order), interface(order, LinkType::ETHERNET, 0, &[])].concat();
    for made in made {
        file.extend(packet(order, 0, made.at.as_micros() as u64, made));
    }
    file
}

/// Where in a file its packets are, by how much of it they need.
fn places_of_packets(file: &[u8]) -> Vec<(u64, u64)> {
    let mut reader = PacketFile::open(file).unwrap();
    let mut places = Vec::new();
    while reader.next_packet().unwrap().is_some() {
        places.push(reader.place());
    }
    places
}

/// How many packets a file has, and what is cut off at its end.
fn packets_of(file: &[u8]) -> Result<(usize, Option<CutOff>), FileError> {
    let mut reader = PacketFile::open(file)?;
    let mut count = 0;
    while reader.next_packet()?.is_some() {
        count += 1;
    }
    Ok((count, reader.cut_off()))
}

fn expect_packets(file: &[u8], expected: &[Packet<'_>], cut_off: Option<CutOff>) {
    let mut reader = PacketFile::open(file).unwrap();
    for expected in expected {
        assert_eq!(reader.next_packet().unwrap().as_ref(), Some(expected));
    }
    assert_eq!(reader.next_packet().unwrap(), None);
    assert_eq!(reader.cut_off(), cut_off);
}

/// What is said of a file; nothing if it can be read.
fn error_of(file: &[u8]) -> String {
    packets_of(file).err().map(|error| error.to_string()).unwrap_or_default()
}

fn bytes_in(kinds: &[EventKind]) -> Vec<u8> {
    let bytes = kinds.iter().filter_map(|kind| match kind {
        EventKind::Segment { bytes, .. } => Some(&bytes[..]),
        _ => None,
    });
    bytes.collect::<Vec<_>>().concat()
}

/// How many bytes a reader gives at a time.
#[derive(Clone, Debug)]
struct Pieces(Vec<usize>);

impl Arbitrary for Pieces {
    fn arbitrary(gen_: &mut Gen) -> Pieces {
        let mut sizes = Vec::<u8>::arbitrary(gen_);
        sizes.push(u8::arbitrary(gen_) % 3);
        Pieces(sizes.into_iter().map(|size| 1 + usize::from(size)).collect())
    }
}

struct Meagre<'a, I> {
    bytes: &'a [u8],
    pieces: I,
}

impl<'p, I: Iterator<Item = &'p usize>> Read for Meagre<'_, I> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.pieces.next().copied().unwrap_or(1).min(into.len()).min(self.bytes.len());
        self.bytes.read(&mut into[..count])
    }
}
