//! Traffic: what went through a session, and when the peer is owed an acknowledgement (RTMP 1.0, 5.4.3).

use crate::ids::MessageType;
use crate::limits;

/// Bytes and messages of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    received_bytes: u64,
    sent_bytes: u64,
    received_messages: [u64; Traffic::KINDS],
    acknowledge_every: Option<u64>,
    acknowledge_at: u64,
    acknowledged_bytes: Option<u64>,
}

impl Traffic {
    /// Types 0 to 22, and one place for all others.
    const KINDS: usize = 24;

    /// Bytes that were looked at, handshake included.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Bytes that the transport took.
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// Bytes that the peer says it has received; `None` where it has not said so yet. Many never do, and some leave out the
    /// handshake.
    pub fn acknowledged_bytes(&self) -> Option<u64> {
        self.acknowledged_bytes
    }

    /// Whole messages that came, by type; an aggregate counts once. All types above 22 share a count.
    pub fn received_messages(&self, kind: MessageType) -> u64 {
        self.received_messages[Self::place(kind)]
    }

    pub(super) fn count_sent(&mut self, bytes: usize) {
        self.sent_bytes += bytes as u64;
    }

    /// The peer has received so many bytes, modulo 2³².
    pub(super) fn hear_acknowledged(&mut self, total: u32) {
        // The nearest such number that is no more than was sent.
        let behind = (self.sent_bytes as u32).wrapping_sub(total);
        self.acknowledged_bytes = self.sent_bytes.checked_sub(u64::from(behind)).or(self.acknowledged_bytes);
    }

    pub(super) fn count_message(&mut self, kind: MessageType) {
        self.received_messages[Self::place(kind)] += 1;
    }

    /// The peer wants an acknowledgement every `window` bytes. Saying so again puts off none that is on its way.
    pub(super) fn acknowledge_every(&mut self, window: u32) {
        let every = u64::from(window.max(limits::ACKNOWLEDGEMENT_BYTES));
        if self.acknowledge_every != Some(every) {
            self.acknowledge_every = Some(every);
            self.acknowledge_at = self.received_bytes + every;
        }
    }

    /// How many of `available` bytes may be looked at before an acknowledgement is due.
    pub(super) fn before_acknowledgement(&self, available: usize) -> usize {
        match self.acknowledge_every {
            Some(_) => {
                let left = self.acknowledge_at - self.received_bytes;
                usize::try_from(left).map_or(available, |left| left.min(available))
            }
            None => available,
        }
    }

    /// Counts bytes that were looked at; the running total to acknowledge, if that is due.
    pub(super) fn count_received(&mut self, bytes: usize) -> Option<u32> {
        self.received_bytes += bytes as u64;
        let every = self.acknowledge_every.filter(|_| self.received_bytes >= self.acknowledge_at)?;
        self.acknowledge_at = self.received_bytes + every;
        // 5.4.3: the sequence number wraps with its 32 bits.
        Some(self.received_bytes as u32)
    }

    fn place(kind: MessageType) -> usize {
        usize::from(kind.get()).min(Self::KINDS - 1)
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            received_bytes: 0,
            sent_bytes: 0,
            received_messages: [0; Self::KINDS],
            acknowledge_every: None,
            acknowledge_at: 0,
            acknowledged_bytes: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_acknowledged_until_the_peer_asks() {
        let mut traffic = Traffic::default();
        assert_eq!(traffic.before_acknowledgement(1 << 30), 1 << 30);
        assert_eq!(traffic.count_received(1 << 30), None);
    }

    #[test]
    fn acknowledgements_fall_on_the_same_byte_however_input_is_cut() {
        for cut in [1, 7, 100_000, 1 << 20] {
            let mut traffic = Traffic::default();
            traffic.count_received(3_073);
            traffic.acknowledge_every(50_000);
            let mut left = 200_000;
            let mut totals = Vec::new();
            while left > 0 {
                let taken = traffic.before_acknowledgement(left.min(cut));
                totals.extend(traffic.count_received(taken));
                left -= taken;
            }
            assert_eq!(totals, [53_073, 103_073, 153_073, 203_073], "pieces of {cut}");
        }
    }

    #[test]
    fn the_running_total_wraps_with_its_32_bits() {
        let mut traffic = Traffic::default();
        traffic.count_received(0xFFFF_FF00);
        traffic.acknowledge_every(0x1_0000);
        let due = traffic.before_acknowledgement(usize::MAX);
        assert_eq!(traffic.count_received(due), Some(0xFF00));
    }

    #[test]
    fn what_the_peer_has_received_is_counted_beyond_32_bits_and_never_more_than_was_sent() {
        let mut traffic = Traffic::default();
        traffic.count_sent(1_000);
        for (total, known) in [(2_000, None), (600, Some(600)), (1_000, Some(1_000)), (1_001, Some(1_000))] {
            traffic.hear_acknowledged(total);
            assert_eq!(traffic.acknowledged_bytes(), known);
        }
        traffic.count_sent(0x1_0000_0000);
        traffic.hear_acknowledged(900);
        assert_eq!(traffic.acknowledged_bytes(), Some(0x1_0000_0000 + 900));
    }

    #[test]
    fn a_peer_that_wants_one_per_byte_gets_one_per_16_kib() {
        let mut traffic = Traffic::default();
        traffic.acknowledge_every(1);
        assert_eq!(traffic.before_acknowledgement(usize::MAX), 16 * 1024);
    }
}
