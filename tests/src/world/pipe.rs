//! Pipe: one direction of a connection, from the sender's kernel buffer over the wire into the receiver's.
//!
//! What the receiver does not read fills its buffer, then the sender's, and then the sender can write no more: the
//! back-pressure of TCP. An opened window is known to the sender at once; real ones learn it a latency later.
//!
//! Invariants: bytes arrive in order, once each, cut anywhere. What is on the wire has room where it arrives.

use std::collections::VecDeque;
use std::time::Duration;

use super::dice::Dice;
use super::link::{LinkOptions, Segments};

#[derive(Debug)]
pub(super) struct Pipe {
    options: LinkOptions,
    dice: Dice,
    /// The sender's kernel buffer.
    unsent: VecDeque<u8>,
    on_wire: VecDeque<Segment>,
    bytes_on_wire: usize,
    /// The receiver's kernel buffer, as it came.
    unread: VecDeque<Vec<u8>>,
    bytes_unread: usize,
    /// When the last bit of the segment before has left.
    wire_free_at: Duration,
    end: End,
    is_dead: bool,
}

/// Bytes on their way; none for FIN.
#[derive(Debug)]
struct Segment {
    arrives_at: Duration,
    bytes: Vec<u8>,
}

/// How far the sender's FIN has come.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Open,
    /// Behind what is unsent.
    Queued,
    OnWire,
    Arrived,
}

impl Pipe {
    pub(super) fn new(options: LinkOptions, dice: Dice) -> Pipe {
        Pipe {
            options,
            dice,
            unsent: VecDeque::new(),
            on_wire: VecDeque::new(),
            bytes_on_wire: 0,
            unread: VecDeque::new(),
            bytes_unread: 0,
            wire_free_at: Duration::ZERO,
            end: End::Open,
            is_dead: false,
        }
    }

    /// Takes as much as has room; how much that was.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        if self.is_dead {
            return bytes.len();
        }
        assert_eq!(self.end, End::Open, "nothing is written behind FIN");
        let taken = bytes.len().min(self.room());
        self.unsent.extend(&bytes[..taken]);
        taken
    }

    /// Sends FIN behind what was written.
    pub(super) fn finish(&mut self) {
        if self.end == End::Open {
            self.end = End::Queued;
        }
    }

    /// The wire is so fast from here on.
    pub(super) fn set_speed(&mut self, bytes_per_second: u64) {
        self.options.bytes_per_second = bytes_per_second;
    }

    /// All that is under way is lost, and whatever is written.
    pub(super) fn die(&mut self) {
        self.unsent.clear();
        self.on_wire.clear();
        self.bytes_on_wire = 0;
        self.unread.clear();
        self.bytes_unread = 0;
        self.is_dead = true;
    }

    /// Sends and delivers what is due; whether there was anything.
    pub(super) fn advance(&mut self, now: Duration) -> bool {
        let mut moved = false;
        while self.wire_free_at <= now && self.can_send() {
            self.send_segment(now);
            moved = true;
        }
        while let Some(segment) = self.on_wire.pop_front_if(|segment| segment.arrives_at <= now) {
            let count = segment.bytes.len();
            self.bytes_on_wire -= count;
            self.bytes_unread += count;
            match count {
                0 => self.end = End::Arrived,
                _ => self.unread.push_back(segment.bytes),
            }
            moved = true;
        }
        moved
    }

    /// The segment that has arrived first, at most so much of it; nothing where none has.
    pub(super) fn read(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = self.unread.pop_front().unwrap_or_default();
        if bytes.len() > most {
            self.unread.push_front(bytes.split_off(most));
        }
        self.bytes_unread -= bytes.len();
        bytes
    }

    /// Throws away what has arrived.
    pub(super) fn discard(&mut self) {
        self.unread.clear();
        self.bytes_unread = 0;
    }

    /// When it can do something next.
    pub(super) fn next_time(&self) -> Option<Duration> {
        let sends = Some(self.wire_free_at).filter(|_| self.can_send());
        let arrives = self.on_wire.front().map(|segment| segment.arrives_at);
        sends.into_iter().chain(arrives).min()
    }

    pub(super) fn room(&self) -> usize {
        match self.is_dead {
            true => usize::MAX,
            false => self.options.send_buffer_bytes - self.unsent.len(),
        }
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Whether FIN has come and everything before it was read.
    pub(super) fn is_over(&self) -> bool {
        self.end == End::Arrived && self.unread.is_empty()
    }

    fn can_send(&self) -> bool {
        match self.unsent.is_empty() {
            true => self.end == End::Queued,
            false => self.window() > 0,
        }
    }

    fn window(&self) -> usize {
        self.options.receive_buffer_bytes - self.bytes_unread - self.bytes_on_wire
    }

    fn send_segment(&mut self, now: Duration) {
        let wanted = match self.options.segments {
            Segments::Bytes(count) => count,
            // Now and then a handful of bytes, so that headers are cut too.
            Segments::Random if self.dice.up_to(4) == 1 => self.dice.up_to(16),
            Segments::Random => self.dice.up_to(FULL_SEGMENT_BYTES),
        };
        let count = wanted.min(self.unsent.len()).min(self.window());
        let (front, back) = self.unsent.as_slices();
        let from_front = count.min(front.len());
        let bytes = [&front[..from_front], &back[..count - from_front]].concat();
        self.unsent.drain(..count);
        if bytes.is_empty() {
            self.end = End::OnWire;
        }
        let nanos = count as u64 * 1_000_000_000 / self.options.bytes_per_second;
        self.wire_free_at = now + Duration::from_nanos(nanos);
        self.bytes_on_wire += count;
        self.on_wire.push_back(Segment { arrives_at: self.wire_free_at + self.options.latency, bytes });
    }
}

/// What Ethernet leaves to TCP.
const FULL_SEGMENT_BYTES: usize = 1_448;

#[cfg(test)]
mod tests {
    use super::super::dice::seed;
    use super::*;

    #[test]
    fn bytes_arrive_in_order_after_the_latency_however_they_are_cut() {
        let bytes: Vec<u8> = (0..=255).cycle().take(5_000).collect();
        for segments in [Segments::Random, Segments::Bytes(1), Segments::Bytes(1_000)] {
            let mut pipe = pipe(LinkOptions { segments, ..LinkOptions::default() });
            assert_eq!(pipe.write(&bytes), 5_000);
            pipe.finish();
            let mut read = Vec::new();
            let mut first = None;
            while !pipe.is_over() {
                let now = pipe.next_time().expect("it moves until it is over");
                pipe.advance(now);
                while pipe.has_unread() {
                    read.extend(pipe.read(700));
                }
                first = first.or(Some(now).filter(|_| !read.is_empty()));
            }
            assert_eq!(read, bytes);
            assert!(first.is_some_and(|first| first >= LinkOptions::default().latency));
        }
    }

    #[test]
    fn a_receiver_that_does_not_read_fills_both_buffers_and_no_more() {
        let options =
            LinkOptions { send_buffer_bytes: 300, receive_buffer_bytes: 200, ..LinkOptions::default() };
        let mut pipe = pipe(options);
        let mut taken = 0;
        for second in 0..10 {
            taken += pipe.write(&[7; 100]);
            while pipe.advance(Duration::from_secs(second)) {}
        }
        assert_eq!((taken, pipe.room(), pipe.next_time()), (500, 0, None));
        while pipe.has_unread() {
            assert!(pipe.read(50).len() <= 50);
        }
        while pipe.advance(Duration::from_secs(10)) {}
        assert_eq!(pipe.room(), 200);
    }

    #[test]
    fn the_wire_takes_its_time() {
        let options =
            LinkOptions { bytes_per_second: 1_000, latency: Duration::ZERO, ..LinkOptions::default() };
        let mut pipe = pipe(options);
        pipe.write(&[7; 500]);
        let mut at = Duration::ZERO;
        while let Some(next) = pipe.next_time() {
            at = next;
            pipe.advance(at);
        }
        assert!((Duration::from_millis(499)..=Duration::from_millis(500)).contains(&at), "{at:?}");
    }

    fn pipe(options: LinkOptions) -> Pipe {
        Pipe::new(options, Dice::new(seed(1)))
    }
}
