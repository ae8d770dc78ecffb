//! Forms: the same traffic in other files, on other links, and as captures mix it up.

use std::path::Path;
use std::time::Duration;

use sol_bin::capture::{LinkType, PacketFile};

/// A frame of Ethernet, as it was captured.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    at: Duration,
    bytes: Vec<u8>,
}

/// What becomes of a recording.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Pcapng,
    BigEndianNanoseconds,
    LinuxCooked,
    LinuxCooked2,
    Loopback,
    RawIp,
    Vlan,
    Ipv6,
    /// In another order, within what several queues of a network card do.
    Shuffled,
    /// Each third one again, a little later.
    Repeated,
}

impl Form {
    pub(super) const ALL: [Form; 10] = [
        Form::Pcapng,
        Form::BigEndianNanoseconds,
        Form::LinuxCooked,
        Form::LinuxCooked2,
        Form::Loopback,
        Form::RawIp,
        Form::Vlan,
        Form::Ipv6,
        Form::Shuffled,
        Form::Repeated,
    ];

    /// The file.
    pub(super) fn file(self, frames: &[Frame]) -> Vec<u8> {
        let wrapped = |link, wrap: &dyn Fn(&[u8]) -> Vec<u8>| {
            pcap(link, frames.iter().map(|frame| (frame.at, wrap(&frame.bytes[ETHERNET_BYTES..]))))
        };
        let as_they_are = |frames: &[Frame]| {
            pcap(LinkType::ETHERNET, frames.iter().map(|frame| (frame.at, frame.bytes.clone())))
        };
        match self {
            Form::Pcapng => pcapng(frames),
            Form::BigEndianNanoseconds => big_endian_nanoseconds(frames),
            Form::LinuxCooked => {
                wrapped(LinkType::LINUX_SLL, &|ip| [&[0; 14][..], &[0x08, 0x00], ip].concat())
            }
            Form::LinuxCooked2 => {
                wrapped(LinkType::LINUX_SLL2, &|ip| [&[0x08, 0x00][..], &[0; 18], ip].concat())
            }
            Form::Loopback => wrapped(LinkType::NULL, &|ip| [&[2, 0, 0, 0][..], ip].concat()),
            Form::RawIp => wrapped(LinkType::RAW, &<[u8]>::to_vec),
            Form::Vlan => wrapped(LinkType::ETHERNET, &|ip| {
                [&[0; 12][..], &[0x81, 0x00, 0, 7, 0x08, 0x00], ip].concat()
            }),
            Form::Ipv6 => wrapped(LinkType::IPV6, &as_ipv6),
            Form::Shuffled => as_they_are(&shuffled(frames)),
            Form::Repeated => as_they_are(&repeated(frames)),
        }
    }
}

/// The frames of a capture.
pub(super) fn packets_of(path: &Path) -> Vec<Frame> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut file = PacketFile::open(&bytes[..]).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut frames = Vec::new();
    while let Some(packet) = file.next_packet().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    {
        assert_eq!((packet.link, packet.bytes.len()), (LinkType::ETHERNET, packet.length));
        assert_eq!(packet.bytes[12..14], [0x08, 0x00], "they are all IPv4");
        frames.push(Frame { at: packet.at, bytes: packet.bytes.to_vec() });
    }
    frames
}

/// The same in IPv6, between addresses with the old ones at their end.
fn as_ipv6(ip: &[u8]) -> Vec<u8> {
    let header_bytes = usize::from(ip[0] & 0x0F) * 4;
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let body = &ip[header_bytes..total];
    let address = |ipv4: &[u8]| [&[0xFD][..], &[0; 11], ipv4].concat();
    let length = u16::try_from(body.len()).expect("it fitted into IPv4");
    [
        &[0x60, 0, 0, 0][..],
        &length.to_be_bytes(),
        &[ip[9], 64],
        &address(&ip[12..16]),
        &address(&ip[16..20]),
        body,
    ]
    .concat()
}

fn shuffled(frames: &[Frame]) -> Vec<Frame> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut keyed: Vec<_> = frames
        .iter()
        .enumerate()
        .map(|(place, frame)| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (place as u64 + state % 8, frame.clone())
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, frame)| frame).collect()
}

fn repeated(frames: &[Frame]) -> Vec<Frame> {
    let mut all = Vec::new();
    for (place, frame) in frames.iter().enumerate() {
        all.push(frame.clone());
        if let Some(again) = place.checked_sub(2).filter(|place| place % 3 == 0) {
            all.push(Frame { at: frame.at, bytes: frames[again].bytes.clone() });
        }
    }
    all
}

fn pcap(link: LinkType, packets: impl Iterator<Item = (Duration, Vec<u8>)>) -> Vec<u8> {
    let u32 = |number: usize| u32::try_from(number).expect("it fits").to_le_bytes();
    let header = [u32(0xA1B2_C3D4), [2, 0, 4, 0], u32(0), u32(0), u32(262_144), u32(link.0.into())];
    let mut file = header.concat();
    for (at, bytes) in packets {
        let seconds = usize::try_from(at.as_secs()).expect("it fits");
        let header = [seconds, at.subsec_micros() as usize, bytes.len(), bytes.len()].map(u32);
        file.extend(header.concat());
        file.extend(bytes);
    }
    file
}

fn big_endian_nanoseconds(frames: &[Frame]) -> Vec<u8> {
    let u32 = |number: usize| u32::try_from(number).expect("it fits").to_be_bytes();
    let mut file = [u32(0xA1B2_3C4D), [0, 2, 0, 4], u32(0), u32(0), u32(262_144), u32(1)].concat();
    for Frame { at, bytes } in frames {
        let seconds = usize::try_from(at.as_secs()).expect("it fits");
        let header = [seconds, at.subsec_nanos() as usize, bytes.len(), bytes.len()].map(u32);
        file.extend(header.concat());
        file.extend(bytes);
    }
    file
}

/// Two sections, as two files that were put behind each other have, with times in nanoseconds.
fn pcapng(frames: &[Frame]) -> Vec<u8> {
    let u32 = |number: usize| u32::try_from(number).expect("it fits").to_le_bytes();
    let block = |kind: usize, body: &[u8]| {
        let length = u32(12 + body.len());
        [&u32(kind)[..], &length, body, &length].concat()
    };
    let mut file = Vec::new();
    let (first, second) = frames.split_at(frames.len() / 2);
    for frames in [first, second] {
        let section = [&u32(0x1A2B_3C4D)[..], &[1, 0, 0, 0], &[0xFF; 8]].concat();
        file.extend(block(0x0A0D_0D0A, &section));
        let resolution = [9, 0, 1, 0, 9, 0, 0, 0];
        file.extend(block(1, &[&[1, 0, 0, 0][..], &u32(0), &resolution].concat()));
        for Frame { at, bytes } in frames {
            let nanos = at.as_nanos() as u64;
            let [high, low] = [nanos >> 32, nanos & 0xFFFF_FFFF].map(|half| u32(half as usize));
            let length = u32(bytes.len());
            let mut body = [&u32(0)[..], &high, &low, &length, &length, bytes].concat();
            body.resize(body.len().next_multiple_of(4), 0);
            file.extend(block(6, &body));
        }
    }
    file
}

const ETHERNET_BYTES: usize = 14;
