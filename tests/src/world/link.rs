//! Link: a connection between a client and the server, both directions of it, and what can befall it.

use std::time::Duration;

use sol_core::session::PeerEnd;

use super::dice::Dice;
use super::pipe::Pipe;

/// How a link behaves, the same in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// From the last bit sent to the last bit received.
    pub latency: Duration,
    /// How fast the wire is.
    pub bytes_per_second: u64,
    /// Where bytes are cut.
    pub segments: Segments,
    /// The kernel buffer of the sender.
    pub send_buffer_bytes: usize,
    /// The kernel buffer of the receiver.
    pub receive_buffer_bytes: usize,
}

/// Where bytes are cut on their way. TCP has no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segments {
    /// Anywhere, as the world's dice fall; some in a few bytes.
    Random,
    /// After so many.
    Bytes(usize),
}

impl Default for LinkOptions {
    /// 100 Mbit/s, 20 ms, cut at random, 64 KiB on each side.
    fn default() -> LinkOptions {
        LinkOptions {
            latency: Duration::from_millis(20),
            bytes_per_second: 12_500_000,
            segments: Segments::Random,
            send_buffer_bytes: 64 * 1024,
            receive_buffer_bytes: 64 * 1024,
        }
    }
}

impl LinkOptions {
    /// The default but for small buffers, 16 KiB on each side: what a player does not take, the server feels within a second.
    pub const NARROW: LinkOptions = LinkOptions {
        latency: Duration::from_millis(20),
        bytes_per_second: 12_500_000,
        segments: Segments::Random,
        send_buffer_bytes: 16 * 1024,
        receive_buffer_bytes: 16 * 1024,
    };
}

#[derive(Debug)]
pub(super) struct Link {
    /// From the client to the server.
    pub up: Pipe,
    /// From the server to the client.
    pub down: Pipe,
    latency: Duration,
    is_plugged_in: bool,
    /// How it has ended, and when the server learns that.
    end: Option<(Duration, PeerEnd)>,
}

impl Link {
    pub(super) fn new(options: LinkOptions, dice: &mut Dice) -> Link {
        Link {
            up: Pipe::new(options, dice.fork()),
            down: Pipe::new(options, dice.fork()),
            latency: options.latency,
            is_plugged_in: true,
            end: None,
        }
    }

    /// The client resets the connection. The server learns it after the latency.
    pub(super) fn reset(&mut self, now: Duration) {
        self.end(PeerEnd::Reset, now);
    }

    /// It breaks. The server learns it after the latency.
    pub(super) fn lose(&mut self, now: Duration) {
        self.end(PeerEnd::Lost, now);
    }

    /// It is so fast from here on.
    pub(super) fn set_speed(&mut self, bytes_per_second: u64) {
        self.up.set_speed(bytes_per_second);
        self.down.set_speed(bytes_per_second);
    }

    /// While it is not plugged in nothing moves on the wire, and nobody is told.
    pub(super) fn plug(&mut self, is_plugged_in: bool) {
        self.is_plugged_in = is_plugged_in;
    }

    /// Moves what is due; whether there was anything.
    pub(super) fn advance(&mut self, now: Duration) -> bool {
        if !self.is_plugged_in {
            return false;
        }
        let up = self.up.advance(now);
        self.down.advance(now) || up
    }

    /// How it has ended, where the server learns that just now.
    pub(super) fn take_end(&mut self, now: Duration) -> Option<PeerEnd> {
        if !self.is_plugged_in {
            return None;
        }
        self.end.take_if(|(at, _)| *at <= now).map(|(_, end)| end)
    }

    /// When it can do something next.
    pub(super) fn next_time(&self) -> Option<Duration> {
        let times = [self.up.next_time(), self.down.next_time(), self.end.map(|(at, _)| at)];
        times.into_iter().flatten().min().filter(|_| self.is_plugged_in)
    }

    fn end(&mut self, end: PeerEnd, now: Duration) {
        self.up.die();
        self.down.die();
        self.end = Some((now + self.latency, end));
    }
}
