//! Fragments: IP packets that came in parts, put together (RFC 791, 3.2; RFC 8200, 4.5).
//!
//! Fragments that contradict each other, by their bytes or by where they end, make no packet.
//!
//! Invariants: no more packets are under way than `limits::FRAGMENTED_PACKETS`; the one that was begun first is given up
//! for another.

use std::collections::VecDeque;
use std::net::IpAddr;

use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber};

use super::limits::FRAGMENTED_PACKETS;

#[derive(Debug, Default)]
pub(super) struct Fragments {
    under_way: VecDeque<(Whole, IpDefragBuf)>,
    given_up: u64,
}

/// Which packet a fragment is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    pub(super) identification: u32,
    pub(super) protocol: IpNumber,
}

/// Where in its packet a fragment belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) offset: IpFragOffset,
    pub(super) more_follow: bool,
}

impl Fragments {
    /// Takes a fragment; the payload of its packet, if that is whole with it.
    pub(super) fn take(&mut self, whole: Whole, place: Place, payload: &[u8]) -> Option<Vec<u8>> {
        let index = self.under_way.iter().position(|(other, _)| *other == whole).unwrap_or_else(|| {
            if self.under_way.len() == FRAGMENTED_PACKETS {
                self.under_way.pop_front();
                self.given_up += 1;
            }
            self.under_way.push_back((whole, IpDefragBuf::new(whole.protocol, Vec::new(), Vec::new())));
            self.under_way.len() - 1
        });
        let (_, parts) = &mut self.under_way[index];
        let is_fit =
            agrees(parts, place, payload) && parts.add(place.offset, place.more_follow, payload).is_ok();
        let is_whole = parts.is_complete();
        if is_fit && !is_whole {
            return None;
        }
        self.given_up += u64::from(!is_fit);
        let (_, parts) = self.under_way.remove(index)?;
        is_fit.then(|| parts.take_bufs().0)
    }

    /// Packets whose fragments did not come together, with those that still might.
    pub(super) fn not_whole(&self) -> u64 {
        self.given_up + self.under_way.len() as u64
    }
}

/// Whether a fragment says the same as those that came before, where it says anything of the same bytes, and none of
/// them is behind its end. Which of two is right, nobody can tell; RFC 8200, 4.5, has the packet dropped.
fn agrees(parts: &IpDefragBuf, place: Place, payload: &[u8]) -> bool {
    let start = usize::from(place.offset.byte_offset());
    let end = start + payload.len();
    parts.sections().iter().all(|section| {
        let (from, to) = (usize::from(section.start), usize::from(section.end));
        let common = start.max(from)..end.min(to);
        let is_same = common.is_empty()
            || parts.data()[common.clone()] == payload[common.start - start..common.end - start];
        is_same && (place.more_follow || to <= end)
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_packet_is_whole_with_its_last_fragment_in_any_order() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.take(whole(1), place(2, false), b"the end"), None);
        assert_eq!(fragments.take(whole(2), place(0, true), b"another-"), None);
        assert_eq!(fragments.take(whole(1), place(0, true), b"one, and"), None);
        let packet = fragments.take(whole(1), place(1, true), b" more...");
        assert_eq!(packet.unwrap(), b"one, and more...the end");
        assert_eq!(fragments.not_whole(), 1);
    }

    #[test]
    fn the_oldest_packet_is_given_up_for_one_too_many() {
        let mut fragments = Fragments::default();
        for number in 0..=FRAGMENTED_PACKETS as u32 {
            fragments.take(whole(number), place(0, true), b"8 bytes.");
        }
        assert_eq!(fragments.under_way.len(), FRAGMENTED_PACKETS);
        assert_eq!(fragments.not_whole(), FRAGMENTED_PACKETS as u64 + 1);
        assert_eq!(fragments.take(whole(0), place(1, false), b"late"), None);
        assert!(fragments.take(whole(9), place(1, false), b"in time").is_some());
    }

    #[test]
    fn fragments_that_contradict_each_other_are_no_packet() {
        let mut fragments = Fragments::default();
        fragments.take(whole(1), place(1, false), b"end");
        assert_eq!(fragments.take(whole(1), place(2, true), b"8 bytes."), None);
        assert_eq!((fragments.under_way.len(), fragments.not_whole()), (0, 1));
        // The same, the other way round.
        fragments.take(whole(2), place(2, true), b"8 bytes.");
        assert_eq!(fragments.take(whole(2), place(1, false), b"end"), None);
        assert_eq!((fragments.under_way.len(), fragments.not_whole()), (0, 2));
    }

    #[test]
    fn fragments_that_overlap_are_a_packet_if_they_say_the_same() {
        for (again, packet) in [(&b"same....+"[..], Some(&b"the same....+"[..])), (b"other...+", None)] {
            let mut fragments = Fragments::default();
            fragments.take(whole(1), place(0, true), b"the same");
            fragments.take(whole(1), place(0, true), b"the same");
            let again = [b"the ", again].concat();
            assert_eq!(fragments.take(whole(1), place(0, false), &again).as_deref(), packet);
            assert_eq!(fragments.not_whole(), u64::from(packet.is_none()));
        }
    }

    fn whole(identification: u32) -> Whole {
        let [from, to] = [1, 2].map(|host| IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)));
        Whole { from, to, identification, protocol: IpNumber::TCP }
    }

    fn place(eighths: u16, more_follow: bool) -> Place {
        Place { offset: IpFragOffset::try_new(eighths).unwrap(), more_follow }
    }
}
