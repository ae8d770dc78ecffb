//! Chunk reader: chunks in any cut become messages (RTMP 1.0, 5.3).
//!
//! Interleaved chunk streams, chunk sizes that change at any moment, aborted messages and extended timestamps in
//! either habit are understood. Set Chunk Size (5.4.1) and Abort (5.4.2) act inside the reader, on the very next
//! chunk, and are returned like any other message.
//!
//! Invariants: how the bytes are cut never changes the messages. Memory grows as payload arrives, never as a
//! header declares it. Each input byte is looked at a bounded number of times.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use super::basic_header::{BasicHeader, Format};
use super::message_header::ChunkHeader;
use super::{RawMessage, UnfinishedMessage};
use crate::ids::{ChunkSize, ChunkStreamId, MessageStreamId, MessageType};
use crate::limits;
use crate::quirk::{NotTolerated, Quirk, Tolerance};
use crate::timestamp::Timestamp;

/// Puts one direction of a connection's messages together.
#[derive(Debug)]
pub struct ChunkReader {
    lanes: SmallVec<[Lane; 4]>,
    place: Place,
    chunk_size: ChunkSize,
    message_bytes_max: usize,
    partial_bytes: usize,
    whole: VecDeque<RawMessage>,
    /// The unfinished message that was given up last.
    dropped: Option<UnfinishedMessage>,
}

/// The peer broke the chunk protocol. Every variant is one rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Nothing says how long the message is.
    #[error("chunk stream {0} began with format {1}, which needs an earlier header")]
    NoPreviousHeader(ChunkStreamId, u8),
    /// The declared length is over the bound that holds for this peer.
    #[error("message of {declared} bytes exceeds the limit of {limit}")]
    MessageTooLong {
        /// What the header says.
        declared: usize,
        /// [`limits::MESSAGE_BYTES`], or less before a publication is granted.
        limit: usize,
    },
    /// Too many messages begun and not finished.
    #[error("unfinished messages hold more than {limit} bytes")]
    TooMuchUnfinished {
        /// The longest message and [`limits::PARTIAL_SLACK_BYTES`].
        limit: usize,
    },
    /// Too many lanes.
    #[error("more than {} chunk streams", limits::CHUNK_STREAMS)]
    TooManyChunkStreams,
    /// A quirk, in strict mode.
    #[error(transparent)]
    NotTolerated(#[from] NotTolerated),
}

impl Default for ChunkReader {
    fn default() -> Self {
        Self::new()
    }
}

impl ChunkReader {
    /// A reader at the first byte behind the handshake.
    pub fn new() -> Self {
        Self {
            lanes: SmallVec::new(),
            place: Place::Header(PartialHeader::default()),
            chunk_size: ChunkSize::INITIAL,
            message_bytes_max: limits::MESSAGE_BYTES,
            partial_bytes: 0,
            whole: VecDeque::new(),
            dropped: None,
        }
    }

    /// Bounds the length of messages that begin from here on, and with it what unfinished ones may hold;
    /// [`limits::MESSAGE_BYTES`] unless called.
    pub fn set_message_bytes_max(&mut self, bytes: usize) {
        self.message_bytes_max = bytes.min(limits::MESSAGE_BYTES);
    }

    /// Takes bytes from the front of `input` until a message is whole or `input` is used up.
    ///
    /// Call again while it returns a message: `None` means that more bytes are needed. Departures from the
    /// specification are counted in `tolerance`.
    ///
    /// # Errors
    /// The first broken rule. The connection cannot be understood any further; drop the reader.
    pub fn read(
        &mut self,
        input: &mut &[u8],
        tolerance: &mut Tolerance,
    ) -> Result<Option<RawMessage>, ChunkError> {
        self.read_until(input, tolerance, |_| false)
    }

    /// As [`ChunkReader::read`], but stops where it is told to as well.
    fn read_until(
        &mut self,
        input: &mut &[u8],
        tolerance: &mut Tolerance,
        stops: impl Fn(&Self) -> bool,
    ) -> Result<Option<RawMessage>, ChunkError> {
        loop {
            if let Some(message) = self.whole.pop_front() {
                return Ok(Some(message));
            }
            if input.is_empty() {
                return Ok(None);
            }
            self.advance(input, tolerance)?;
            if stops(self) {
                return Ok(None);
            }
        }
    }

    /// The peer's chunk size as last announced.
    pub fn chunk_size(&self) -> ChunkSize {
        self.chunk_size
    }

    /// Takes at least one byte from `input`, which is not empty, and does what can be done with it.
    fn advance(&mut self, input: &mut &[u8], tolerance: &mut Tolerance) -> Result<(), ChunkError> {
        match &mut self.place {
            Place::Header(partial) => match partial.take_from(input) {
                Some(header) => self.begin_chunk(header, tolerance),
                None => Ok(()),
            },
            Place::RepeatedTimestamp { lane, expected, matched } => {
                let (lane, expected) = (*lane, *expected);
                if input[0] == expected[*matched] {
                    *input = &input[1..];
                    *matched += 1;
                    if *matched < expected.len() {
                        return Ok(());
                    }
                    self.lanes[lane].habit = Habit::Repeats;
                    return self.begin_payload(lane, None, tolerance);
                }
                // The first mismatch makes it payload, and what matched so far with it.
                let mut taken = &expected[..*matched];
                self.lanes[lane].habit = match self.lanes[lane].habit {
                    Habit::Unknown | Habit::Omits => Habit::Omits,
                    Habit::Repeats => Habit::Unknown,
                };
                tolerance.tolerate(Quirk::ExtendedTimestampOmitted)?;
                self.begin_payload(lane, None, tolerance)?;
                while !taken.is_empty() {
                    self.advance(&mut taken, tolerance)?;
                }
                Ok(())
            }
            Place::Payload { lane, left, suspect } => {
                let lane = *lane;
                let limit = self.message_bytes_max + limits::PARTIAL_SLACK_BYTES;
                // One byte more than may be is enough to know, and the same byte in every cut.
                let room = limit + 1 - self.partial_bytes;
                let (payload, rest) = input.split_at(input.len().min(*left).min(room));
                *input = rest;
                *left -= payload.len();
                let chunk_ended = *left == 0;
                if suspect.as_mut().is_some_and(|suspect| suspect.is_confirmed_by(payload)) {
                    self.lanes[lane].habit = Habit::Unknown;
                }
                self.partial_bytes += payload.len();
                if self.partial_bytes > limit {
                    return Err(ChunkError::TooMuchUnfinished { limit });
                }
                self.lanes[lane].partial.extend_from_slice(payload);
                if chunk_ended { self.end_chunk(lane, tolerance) } else { Ok(()) }
            }
        }
    }

    /// Acts on a whole chunk header: begins or continues the message of its lane.
    fn begin_chunk(&mut self, header: ChunkHeader, tolerance: &mut Tolerance) -> Result<(), ChunkError> {
        let BasicHeader { format, chunk_stream } = header.basic;
        let index = self.lane(chunk_stream, format, tolerance)?;
        if !(self.lanes[index].unfinished && format == Format::Same) {
            if self.lanes[index].unfinished {
                self.drop_unfinished(index);
                tolerance.tolerate(Quirk::MessageInterrupted)?;
            }
            if format == Format::Same && self.lanes[index].delta_disbelieved {
                tolerance.tolerate(Quirk::Format3KeepsTime)?;
            }
            self.lanes[index].begin_message(&header);
            let (declared, limit) = (self.lanes[index].length, self.message_bytes_max);
            if declared > limit {
                return Err(ChunkError::MessageTooLong { declared, limit });
            }
        }
        match self.lanes[index].extended {
            Some(extended) if format == Format::Same => {
                let expected = extended.to_be_bytes();
                if self.lanes[index].habit == Habit::Omits {
                    return self.begin_payload(index, Some(Suspect { expected, matched: 0 }), tolerance);
                }
                self.place = Place::RepeatedTimestamp { lane: index, expected, matched: 0 };
                Ok(())
            }
            _ => self.begin_payload(index, None, tolerance),
        }
    }

    /// The payload of the current chunk is next; an empty message is whole already.
    fn begin_payload(
        &mut self,
        lane: usize,
        suspect: Option<Suspect>,
        tolerance: &mut Tolerance,
    ) -> Result<(), ChunkError> {
        let left = self.lanes[lane].missing().min(self.chunk_size.bytes());
        if left == 0 {
            return self.end_chunk(lane, tolerance);
        }
        self.place = Place::Payload { lane, left, suspect };
        Ok(())
    }

    /// A chunk is over, and perhaps its message with it.
    fn end_chunk(&mut self, lane: usize, tolerance: &mut Tolerance) -> Result<(), ChunkError> {
        self.place = Place::Header(PartialHeader::default());
        if self.lanes[lane].missing() == 0 {
            if self.lanes[lane].lost > 0 {
                self.drop_unfinished(lane);
                return Ok(());
            }
            let message = self.lanes[lane].finish();
            self.partial_bytes -= message.body.len();
            self.obey(&message, tolerance)?;
            self.whole.push_back(message);
        }
        Ok(())
    }

    /// Messages that act on the chunk layer itself.
    fn obey(&mut self, message: &RawMessage, tolerance: &mut Tolerance) -> Result<(), ChunkError> {
        if !matches!(message.kind, MessageType::SET_CHUNK_SIZE | MessageType::ABORT) {
            return Ok(());
        }
        let Some(&[a, b, c, d]) = message.body.first_chunk() else {
            return Ok(tolerance.tolerate(Quirk::ControlTooShort)?);
        };
        let value = u32::from_be_bytes([a, b, c, d]);
        if message.kind == MessageType::ABORT {
            if let Some(lane) = self.lanes.iter().position(|lane| lane.id.get() == value) {
                self.drop_unfinished(lane);
            }
            return Ok(());
        }
        let Some(chunk_size) = ChunkSize::announced(value) else {
            return Ok(tolerance.tolerate(Quirk::ChunkSizeZero)?);
        };
        if chunk_size.get() != value {
            tolerance.tolerate(Quirk::ChunkSizeClamped)?;
        }
        self.chunk_size = chunk_size;
        Ok(())
    }

    fn drop_unfinished(&mut self, lane: usize) {
        let dropped = &mut self.lanes[lane];
        // Abort may name a lane in which nothing is under way.
        self.dropped = dropped.unfinished().or(self.dropped);
        self.partial_bytes -= dropped.partial.len();
        dropped.partial = BytesMut::new();
        dropped.lost = 0;
        dropped.unfinished = false;
    }

    /// The lane's index; opens it where the header says enough to begin a message.
    fn lane(
        &mut self,
        id: ChunkStreamId,
        format: Format,
        tolerance: &mut Tolerance,
    ) -> Result<usize, ChunkError> {
        if let Some(index) = self.lanes.iter().position(|lane| lane.id == id) {
            return Ok(index);
        }
        match format {
            Format::Full => {}
            Format::SameStream => tolerance.tolerate(Quirk::FirstHeaderWithoutStream)?,
            Format::SameShape => return Err(ChunkError::NoPreviousHeader(id, 2)),
            Format::Same => return Err(ChunkError::NoPreviousHeader(id, 3)),
        }
        if self.lanes.len() == limits::CHUNK_STREAMS {
            return Err(ChunkError::TooManyChunkStreams);
        }
        self.lanes.push(Lane::new(id));
        Ok(self.lanes.len() - 1)
    }
}

/// What the next byte is.
#[derive(Debug)]
enum Place {
    /// Part of a chunk header.
    Header(PartialHeader),
    /// Either the extended timestamp again, or payload: decided byte by byte.
    RepeatedTimestamp { lane: usize, expected: [u8; 4], matched: usize },
    /// Payload; `left` bytes of it in this chunk, never none.
    Payload { lane: usize, left: usize, suspect: Option<Suspect> },
}

/// A chunk header of which not all bytes have come.
#[derive(Debug, Default)]
struct PartialHeader {
    bytes: [u8; ChunkHeader::MAX_LEN],
    len: usize,
}

impl PartialHeader {
    /// Takes what is missing; the header, once it is whole.
    fn take_from(&mut self, input: &mut &[u8]) -> Option<ChunkHeader> {
        loop {
            let missing = ChunkHeader::len_known(&self.bytes[..self.len]) - self.len;
            if missing == 0 {
                return Some(ChunkHeader::parse(&self.bytes[..self.len]));
            }
            let (taken, rest) = input.split_at(missing.min(input.len()));
            if taken.is_empty() {
                return None;
            }
            self.bytes[self.len..][..taken.len()].copy_from_slice(taken);
            self.len += taken.len();
            *input = rest;
        }
    }
}

/// One chunk stream: its last header and the message that is under way.
#[derive(Debug)]
struct Lane {
    id: ChunkStreamId,
    timestamp: Timestamp,
    /// What format 3 adds when it begins a message.
    delta: u32,
    /// The last header was absolute and too late to be a delta as well.
    delta_disbelieved: bool,
    length: usize,
    kind: MessageType,
    stream: MessageStreamId,
    /// The extended field of the last header that had a time.
    extended: Option<u32>,
    habit: Habit,
    /// An absolute header came: time and message stream are more than sums of deltas and a guess.
    rooted: bool,
    unfinished: bool,
    partial: BytesMut,
    /// Payload of the message under way that a recording lost. A peer loses none.
    lost: usize,
}

impl Lane {
    fn new(id: ChunkStreamId) -> Self {
        Self {
            id,
            timestamp: Timestamp::ZERO,
            delta: 0,
            delta_disbelieved: false,
            length: 0,
            kind: MessageType::new(0),
            stream: MessageStreamId::CONNECTION,
            extended: None,
            habit: Habit::Unknown,
            rooted: false,
            unfinished: false,
            partial: BytesMut::new(),
            lost: 0,
        }
    }

    /// Payload bytes that are still to come.
    fn missing(&self) -> usize {
        self.length - self.partial.len() - self.lost
    }

    /// The message under way.
    fn unfinished(&self) -> Option<UnfinishedMessage> {
        self.unfinished.then(|| UnfinishedMessage {
            chunk_stream: self.id,
            kind: self.kind,
            length: self.length,
            received: self.partial.len(),
            lost: self.lost,
        })
    }

    fn begin_message(&mut self, header: &ChunkHeader) {
        debug_assert!(self.partial.is_empty(), "the last message of the lane is gone");
        self.unfinished = true;
        match header.basic.format {
            Format::Full => {
                self.timestamp = Timestamp::from_millis(header.time);
                // 5.3.1.2.4: a format-3 message behind this one repeats the time as its delta.
                self.delta_disbelieved = header.time > limits::FORMAT3_DELTA_MILLIS;
                self.delta = if self.delta_disbelieved { 0 } else { header.time };
                self.stream = MessageStreamId::new(header.stream);
                self.rooted = true;
            }
            Format::SameStream | Format::SameShape => {
                self.delta = header.time;
                self.delta_disbelieved = false;
                self.timestamp = self.timestamp.advanced_by(self.delta);
            }
            Format::Same => {
                self.timestamp = self.timestamp.advanced_by(self.delta);
                return;
            }
        }
        self.extended = header.extended.then_some(header.time);
        if matches!(header.basic.format, Format::Full | Format::SameStream) {
            self.length = header.length as usize;
            self.kind = header.kind;
        }
    }

    fn finish(&mut self) -> RawMessage {
        self.unfinished = false;
        let body: Bytes = std::mem::take(&mut self.partial).freeze();
        RawMessage {
            chunk_stream: self.id,
            stream: self.stream,
            timestamp: self.timestamp,
            kind: self.kind,
            body,
        }
    }
}

/// Whether the peer repeats the extended timestamp on format-3 chunks of one chunk stream (5.3.1.3), as far as
/// seen. One contradiction clears the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    Unknown,
    Repeats,
    Omits,
}

/// Watches the first four bytes of a payload that, by the peer's habit, does not begin with the timestamp.
#[derive(Debug)]
struct Suspect {
    expected: [u8; 4],
    matched: usize,
}

impl Suspect {
    /// Whether the payload turns out to begin with the timestamp after all; says so once.
    fn is_confirmed_by(&mut self, payload: &[u8]) -> bool {
        if self.matched >= self.expected.len() {
            return false;
        }
        for byte in payload {
            if *byte != self.expected[self.matched] {
                self.matched = usize::MAX;
                return false;
            }
            self.matched += 1;
            if self.matched == self.expected.len() {
                return true;
            }
        }
        false
    }
}

mod watched;

pub(crate) use watched::LaneState;

#[cfg(test)]
mod tests;
