//! Outbox of a peer: bytes in writes, and held back until the handshake is over.

use std::collections::VecDeque;

/// What waits to be sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Each is what one `write` of a real client would send.
    writes: VecDeque<Vec<u8>>,
    /// Whether more bytes may join the last write, if it still waits.
    joined: bool,
    /// What was queued before the handshake was over.
    held: Vec<u8>,
    open: bool,
    bytes_taken: u64,
}

impl Outbox {
    /// Queues bytes of the handshake, which nothing holds back.
    pub(super) fn push_handshake(&mut self, bytes: &[u8]) {
        match self.writes.back_mut().filter(|_| self.joined) {
            Some(write) => write.extend(bytes),
            None => self.writes.push_back(bytes.to_vec()),
        }
        self.joined = true;
    }

    /// Queues bytes of messages.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.open {
            self.push_handshake(bytes);
        } else {
            self.held.extend(bytes);
        }
    }

    /// Ends the write that bytes are joining.
    pub(super) fn cut(&mut self) {
        self.joined = false;
    }

    /// The handshake is over: what was held back may go.
    pub(super) fn open(&mut self) {
        self.open = true;
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.push(&held);
        }
    }

    /// The next write, or nothing.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let write = self.writes.pop_front().unwrap_or_default();
        self.bytes_taken += write.len() as u64;
        write
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn bytes_taken(&self) -> u64 {
        self.bytes_taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wait_for_the_handshake_and_join_its_last_write() {
        let mut outbox = Outbox::default();
        outbox.push(b"connect");
        outbox.push_handshake(b"c2,");
        assert!(!outbox.is_open());
        outbox.open();
        assert_eq!(outbox.take(), b"c2,connect");
        assert_eq!(outbox.take(), b"");
        assert_eq!(outbox.bytes_taken(), 10);
    }

    #[test]
    fn a_cut_begins_another_write() {
        let mut outbox = Outbox::default();
        outbox.push_handshake(b"c2");
        outbox.cut();
        outbox.push(b"connect");
        outbox.open();
        assert_eq!([outbox.take(), outbox.take(), outbox.take()], [&b"c2"[..], b"connect", b""]);
    }

    #[test]
    fn bytes_do_not_join_a_write_that_was_taken() {
        let mut outbox = Outbox::default();
        outbox.open();
        outbox.push(b"a");
        assert_eq!(outbox.take(), b"a");
        outbox.push(b"b");
        assert_eq!(outbox.take(), b"b");
    }
}
