//! Captures: the TCP connections in a file of recorded packets.
//!
//! ```text
//! bytes ─► PacketFile ─► packets ─► SegmentFinder ─► segments ─► Connections ─► events
//! ```
//!
//! [`Capture`] is all of it. A file is read from its front to its end, once, so that it may come through a pipe and
//! be of any size: [`limits`] says what is held of it. Nothing is known here of what the connections carry.
//!
//! ```no_run
//! # use sol_bin::capture::{Capture, EventKind};
//! # fn main() -> Result<(), sol_bin::capture::FileError> {
//! # let file = std::io::empty();
//! let mut capture = Capture::open(file)?;
//! while let Some(event) = capture.next_event()? {
//!     if let EventKind::Segment { from, bytes } = event.kind {
//!         println!("{:?}, {from:?}: {} bytes", event.connection, bytes.len());
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod acknowledged;
mod clock;
mod connection;
mod connections;
mod direction;
mod event;
mod file;
mod fragments;
mod input;
pub mod limits;
mod link;
mod pcap;
mod pcapng;
mod segment;
#[cfg(test)]
mod tests;
mod waiting;

use std::io::Read;
use std::time::Duration;

pub use connections::Connections;
pub use event::{ConnectionId, DirectionTally, Ending, Event, EventKind, Side};
pub use file::{BrokenRule, Compression, CutOff, FileError, Front, Known, Packet, PacketFile};
pub use link::LinkType;
pub use segment::{PacketTally, Segment, SegmentFinder};

/// The connections of a capture file.
#[derive(Debug)]
pub struct Capture<R> {
    file: PacketFile<R>,
    finder: SegmentFinder,
    connections: Connections,
    began: Option<Duration>,
    is_over: bool,
}

impl<R: Read> Capture<R> {
    /// Looks at the first bytes of a file.
    ///
    /// # Errors
    /// The reader fails, or what it gives is no capture.
    pub fn open(reader: R) -> Result<Capture<R>, FileError> {
        Ok(Capture {
            file: PacketFile::open(reader)?,
            finder: SegmentFinder::default(),
            connections: Connections::new(),
            began: None,
            is_over: false,
        })
    }

    /// What happened next on some connection; `None` at the end of the file.
    ///
    /// # Errors
    /// The reader fails, or the file breaks a rule of its format. It is told once, and what came before can still be
    /// had: the next calls give how the connections end there.
    pub fn next_event(&mut self) -> Result<Option<Event>, FileError> {
        loop {
            if let Some(event) = self.connections.poll() {
                return Ok(Some(event));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.file.next_packet() {
                Ok(Some(packet)) => {
                    self.began.get_or_insert(packet.at);
                    if let Some(segment) = self.finder.find(&packet) {
                        self.connections.handle_segment(&segment, packet.at);
                    }
                }
                Ok(None) => self.end(),
                Err(error) => {
                    self.end();
                    return Err(error);
                }
            }
        }
    }

    /// When the first packet was captured, since 1970 (UTC), as soon as it was seen.
    pub fn began(&self) -> Option<Duration> {
        self.began
    }

    /// What the packets were that have been seen.
    pub fn tally(&self) -> PacketTally {
        self.finder.tally()
    }

    /// Where the file ends in the middle of something, once that is known.
    pub fn cut_off(&self) -> Option<CutOff> {
        self.file.cut_off()
    }

    fn end(&mut self) {
        self.is_over = true;
        self.connections.handle_end();
    }
}
