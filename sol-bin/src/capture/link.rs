//! Link types: what a packet begins with, and where in it IP begins (tcpdump.org/linktypes.html).

use std::fmt;

/// The kind of a packet's first header, as capture files number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a protocol family in the order of the machine that captured it.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet, with or without VLAN tags.
    pub const ETHERNET: LinkType = LinkType(1);
    /// IP at once.
    pub const RAW: LinkType = LinkType(101);
    /// OpenBSD loopback: a protocol family in network order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux "cooked", as `tcpdump -i any` writes it.
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// IPv4 at once.
    pub const IPV4: LinkType = LinkType(228);
    /// IPv6 at once.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux "cooked", second version.
    pub const LINUX_SLL2: LinkType = LinkType(276);

    /// What IP is in such a packet, and how many bytes are before it; the error says why none is.
    pub(super) fn ip_of(self, packet: &[u8]) -> Result<(&[u8], usize), NoIp> {
        let ip = match self {
            LinkType::ETHERNET => behind_ether_type(packet, 12),
            LinkType::LINUX_SLL => behind_ether_type(packet, 14),
            LinkType::LINUX_SLL2 => match packet.first_chunk() {
                Some([high, low]) if is_vlan_tag(u16::from_be_bytes([*high, *low])) => {
                    behind_ether_type(packet, SLL2_BYTES + 2)
                }
                Some([high, low]) if is_ip(u16::from_be_bytes([*high, *low])) => {
                    packet.get(SLL2_BYTES..).ok_or(NoIp::TooShort)
                }
                Some(_) => Err(NoIp::OtherProtocol),
                None => Err(NoIp::TooShort),
            },
            LinkType::NULL | LinkType::LOOP => match packet.split_first_chunk() {
                Some((family, ip)) if is_ip_family(*family) => Ok(ip),
                Some(_) => Err(NoIp::OtherProtocol),
                None => Err(NoIp::TooShort),
            },
            LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | RAW_BSD | RAW_OPENBSD => Ok(packet),
            LinkType(_) => Err(NoIp::UnknownLink),
        }?;
        Ok((ip, packet.len() - ip.len()))
    }

    /// What it is called, if it is met now and then.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            LinkType::NULL => "BSD loopback",
            LinkType::ETHERNET => "Ethernet",
            LinkType::RAW | RAW_BSD | RAW_OPENBSD => "raw IP",
            LinkType::LOOP => "OpenBSD loopback",
            LinkType::LINUX_SLL => "Linux cooked v1",
            LinkType::IPV4 => "raw IPv4",
            LinkType::IPV6 => "raw IPv6",
            LinkType::LINUX_SLL2 => "Linux cooked v2",
            LinkType(6) => "Token Ring",
            LinkType(9 | 50) => "PPP",
            LinkType(51) => "PPPoE",
            LinkType(105) => "802.11",
            LinkType(127) => "802.11 with radiotap",
            LinkType(192) => "PPI",
            LinkType(239) => "NFLOG",
            LinkType(249 | 189 | 220) => "USB",
            LinkType(252) => "exported PDUs of Wireshark",
            LinkType(_) => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "link type {} ({name})", self.0),
            None => write!(f, "link type {}", self.0),
        }
    }
}

/// Why a packet has no IP in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoIp {
    UnknownLink,
    OtherProtocol,
    TooShort,
}

/// What is behind an EtherType at this place and the VLAN tags behind it.
fn behind_ether_type(packet: &[u8], mut at: usize) -> Result<&[u8], NoIp> {
    loop {
        let behind = packet.get(at..).ok_or(NoIp::TooShort)?;
        let (&[high, low], ip) = behind.split_first_chunk().ok_or(NoIp::TooShort)?;
        match u16::from_be_bytes([high, low]) {
            tag if is_vlan_tag(tag) => at += VLAN_TAG_BYTES,
            ether_type if is_ip(ether_type) => return Ok(ip),
            _ => return Err(NoIp::OtherProtocol),
        }
    }
}

fn is_ip(ether_type: u16) -> bool {
    matches!(ether_type, 0x0800 | 0x86DD)
}

/// IEEE 802.1Q, 802.1ad, and what was used for the outer one before.
fn is_vlan_tag(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88A8 | 0x9100)
}

/// `AF_INET`, which is 2 everywhere, and `AF_INET6`, which every system numbered by itself; in either order.
fn is_ip_family(bytes: [u8; 4]) -> bool {
    [u32::from_le_bytes(bytes), u32::from_be_bytes(bytes)]
        .iter()
        .any(|family| matches!(family, 2 | 10 | 24 | 28 | 30))
}

/// What `DLT_RAW` is on most BSDs, and on OpenBSD.
const RAW_BSD: LinkType = LinkType(12);
const RAW_OPENBSD: LinkType = LinkType(14);

const SLL2_BYTES: usize = 20;
const VLAN_TAG_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vlan_tags_are_passed_wherever_an_ether_type_stands() {
        let tags = [0x88, 0xA8, 0, 7, 0x81, 0x00, 0, 9, 0x08, 0x00, 0x45];
        let ethernet = [&[0xEE; 12][..], &tags].concat();
        assert_eq!(LinkType::ETHERNET.ip_of(&ethernet), Ok((&[0x45][..], 22)));
        let cooked = [&[0xEE; 14][..], &tags].concat();
        assert_eq!(LinkType::LINUX_SLL.ip_of(&cooked), Ok((&[0x45][..], 24)));
        let cooked = [&[0x81, 0x00][..], &[0xEE; 18], &[0, 7, 0x86, 0xDD, 0x60]].concat();
        assert_eq!(LinkType::LINUX_SLL2.ip_of(&cooked), Ok((&[0x60][..], 24)));
    }

    #[test]
    fn loopback_families_are_read_in_both_orders() {
        for (family, is_ip) in [
            ([2, 0, 0, 0], true),
            ([0, 0, 0, 2], true),
            ([30, 0, 0, 0], true),
            ([0, 0, 0, 24], true),
            ([0, 0, 0, 7], false),
        ] {
            let packet = [&family[..], &[0x45]].concat();
            for link in [LinkType::NULL, LinkType::LOOP] {
                let expected = if is_ip { Ok((&[0x45][..], 4)) } else { Err(NoIp::OtherProtocol) };
                assert_eq!(link.ip_of(&packet), expected, "{family:?}");
            }
        }
    }

    #[test]
    fn what_is_not_ip_is_told_from_what_is_cut_and_from_what_is_not_known() {
        let arp = [&[0xEE; 12][..], &[0x08, 0x06, 0]].concat();
        assert_eq!(LinkType::ETHERNET.ip_of(&arp), Err(NoIp::OtherProtocol));
        assert_eq!(LinkType::ETHERNET.ip_of(&arp[..13]), Err(NoIp::TooShort));
        assert_eq!(LinkType(127).ip_of(&arp), Err(NoIp::UnknownLink));
        assert_eq!(LinkType(127).to_string(), "link type 127 (802.11 with radiotap)");
    }
}
