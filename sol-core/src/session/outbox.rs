//! Outbox: the bytes that wait for one peer's socket.
//!
//! Small: answers and notices, and at most one frame beyond `limits::OUTBOX_BYTES`. Frames are
//! shared slices; nothing is copied into the outbox.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

/// Bytes on their way out, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    segments: VecDeque<Segment>,
    /// How much of the first segment has left.
    front_sent: usize,
    bytes: usize,
    /// Those of them that are no frames: what the peer made us say.
    answer_bytes: usize,
    /// Those of these that a peer may leave unread for ever.
    chatter_bytes: usize,
    taken_since_mark: usize,
}

#[derive(Debug)]
struct Segment {
    bytes: Bytes,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Answer,
    Chatter,
    Frame,
}

impl Outbox {
    pub(super) fn push_answer(&mut self, bytes: Bytes) {
        self.push(Segment { bytes, kind: Kind::Answer });
    }

    /// Acknowledgements and pings: publishers that never read leave them where they are.
    pub(super) fn push_chatter(&mut self, bytes: Bytes) {
        self.push(Segment { bytes, kind: Kind::Chatter });
    }

    pub(super) fn push_frame(&mut self, bytes: Bytes) {
        self.push(Segment { bytes, kind: Kind::Frame });
    }

    /// Forgets `count` bytes that have left; whether any of them were a frame's.
    #[inline]
    pub(super) fn advance(&mut self, mut count: usize) -> bool {
        assert!(count <= self.bytes, "the driver reports only bytes that `outbound` showed");
        self.bytes -= count;
        self.taken_since_mark += count;
        let mut any_frame = false;
        while count > 0 {
            let front = self.segments.front().expect("as many bytes are queued as were counted");
            let taken = count.min(front.bytes.len() - self.front_sent);
            match front.kind {
                Kind::Frame => any_frame = true,
                Kind::Answer => self.answer_bytes -= taken,
                Kind::Chatter => {
                    self.answer_bytes -= taken;
                    self.chatter_bytes -= taken;
                }
            }
            count -= taken;
            self.front_sent += taken;
            if self.front_sent == front.bytes.len() {
                self.front_sent = 0;
                self.segments.pop_front();
            }
        }
        if self.segments.is_empty() && self.segments.capacity() > 64 {
            self.segments = VecDeque::new();
        }
        any_frame
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Fills `slices` from the front; how many were filled.
    pub(super) fn peek<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        let mut skip = self.front_sent;
        for (slot, segment) in slices.iter_mut().zip(&self.segments) {
            *slot = IoSlice::new(&segment.bytes[skip..]);
            skip = 0;
            filled += 1;
        }
        filled
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn answer_bytes(&self) -> usize {
        self.answer_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Counts from zero what is taken from here on.
    pub(super) fn mark(&mut self) {
        self.taken_since_mark = 0;
    }

    pub(super) fn taken_since_mark(&self) -> usize {
        self.taken_since_mark
    }

    /// Whether anything waits that the peer must take to be alive.
    pub(super) fn expects_progress(&self) -> bool {
        self.bytes > self.chatter_bytes
    }

    #[inline]
    fn push(&mut self, segment: Segment) {
        if !segment.bytes.is_empty() {
            let length = segment.bytes.len();
            self.bytes += length;
            match segment.kind {
                Kind::Frame => {}
                Kind::Answer => self.answer_bytes += length,
                Kind::Chatter => {
                    self.answer_bytes += length;
                    self.chatter_bytes += length;
                }
            }
            self.segments.push_back(segment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_whatever_the_socket_takes() {
        for step in 1..=9 {
            let mut outbox = Outbox::default();
            for segment in ["abc", "", "d", "efghi"] {
                outbox.push_frame(Bytes::from_static(segment.as_bytes()));
            }
            let mut sent: Vec<u8> = Vec::new();
            while !outbox.is_empty() {
                let mut slices = [IoSlice::new(&[]); 2];
                let count = outbox.peek(&mut slices);
                let shown: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
                let taken = shown.len().min(step);
                sent.extend(&shown[..taken]);
                outbox.advance(taken);
            }
            assert_eq!(sent, b"abcdefghi", "{step} bytes at a time");
        }
    }

    #[test]
    fn answers_are_counted_apart_from_frames() {
        let mut outbox = Outbox::default();
        outbox.push_answer(Bytes::from_static(b"abc"));
        outbox.push_frame(Bytes::from_static(b"defg"));
        assert_eq!((outbox.bytes(), outbox.answer_bytes()), (7, 3));
        assert!(!outbox.advance(2), "part of the answer");
        assert_eq!((outbox.bytes(), outbox.answer_bytes()), (5, 1));
        assert!(outbox.advance(2), "and one byte of the frame");
        assert_eq!((outbox.bytes(), outbox.answer_bytes()), (3, 0));
    }

    #[test]
    fn chatter_alone_obliges_nobody() {
        let mut outbox = Outbox::default();
        outbox.push_chatter(Bytes::from_static(b"abc"));
        assert!(!outbox.expects_progress() && !outbox.is_empty());
        outbox.push_answer(Bytes::from_static(b"de"));
        outbox.push_chatter(Bytes::from_static(b"f"));
        outbox.advance(4);
        assert!(outbox.expects_progress());
        outbox.advance(1);
        assert!(!outbox.expects_progress());
        assert_eq!((outbox.bytes(), outbox.answer_bytes()), (1, 1));
    }

    #[test]
    #[should_panic(expected = "the driver reports only bytes that `outbound` showed")]
    fn more_bytes_than_there_were_cannot_have_left() {
        let mut outbox = Outbox::default();
        outbox.push_answer(Bytes::from_static(b"abc"));
        outbox.advance(4);
    }
}
