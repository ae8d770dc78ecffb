//! Chunk writer: cuts messages into chunks, in any permissible form and some impermissible ones.
//!
//! Every message says how it is framed, so a test decides about formats, widths and the
//! extended timestamp. What no header can express (a format 1 on another message stream) panics,
//! for then the test is wrong; a header that refers to nothing is written, as real encoders do.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::message::{ChunkStream, Message, StreamId, TypeId};
use super::{EXTENDED_MARK, FIRST_CHUNK_SIZE};

/// The writing end of a connection.
#[derive(Clone, Debug)]
pub struct ChunkWriter {
    chunk_size: usize,
    streams: BTreeMap<ChunkStream, Written>,
}

impl ChunkWriter {
    /// A writer at the beginning of a connection.
    pub fn new() -> ChunkWriter {
        ChunkWriter { chunk_size: FIRST_CHUNK_SIZE as usize, streams: BTreeMap::new() }
    }

    /// Cuts later messages at this size. Announcing it is the caller's business.
    pub fn set_chunk_size(&mut self, chunk_size: u32) {
        assert!(chunk_size > 0, "a chunk size of 0 can be announced but not written with");
        self.chunk_size = chunk_size as usize;
    }

    /// Appends the message, its chunks one behind the other.
    pub fn write(&mut self, message: &Message, framing: Framing, out: &mut Vec<u8>) {
        let mut unfinished = self.begin(message, framing);
        while self.write_chunk(&mut unfinished, out) {}
    }

    /// The chunks of the message, to be interleaved with those of other chunk streams.
    pub fn chunks(&mut self, message: &Message, framing: Framing) -> Vec<Vec<u8>> {
        let mut unfinished = self.begin(message, framing);
        std::iter::from_fn(|| self.next_chunk(&mut unfinished)).collect()
    }

    /// Begins a message, whose chunks are then taken one by one.
    pub fn begin(&mut self, message: &Message, framing: Framing) -> Unfinished {
        let length = message.payload.len();
        assert!(length < 1 << 24, "a message of {length} bytes does not fit into the length field");
        let previous = self.streams.get(&message.chunk_stream).copied();
        let header = Written::behind(previous, message, framing.format);
        self.streams.insert(message.chunk_stream, header);
        let (chunk_stream, payload) = (message.chunk_stream, message.payload.clone());
        Unfinished { chunk_stream, header, framing, payload, has_begun: false }
    }

    /// The next chunk of a message, as long as the size in force allows; `None` once it is whole.
    pub fn next_chunk(&self, unfinished: &mut Unfinished) -> Option<Vec<u8>> {
        let mut chunk = Vec::new();
        self.write_chunk(unfinished, &mut chunk).then_some(chunk)
    }

    fn write_chunk(&self, unfinished: &mut Unfinished, out: &mut Vec<u8>) -> bool {
        let Unfinished { chunk_stream, header, framing, payload, has_begun } = unfinished;
        if *has_begun && payload.is_empty() {
            return false;
        }
        if std::mem::replace(has_begun, true) {
            framing.width.write(Format::Three, *chunk_stream, out);
            if framing.extended == Extended::Repeated {
                out.extend(header.extended_field());
            }
        } else {
            framing.width.write(framing.format, *chunk_stream, out);
            header.write_message_header(*framing, out);
        }
        out.extend_from_slice(&payload.split_to(payload.len().min(self.chunk_size)));
        true
    }

    /// The size at which messages are cut.
    pub fn chunk_size(&self) -> u32 {
        u32::try_from(self.chunk_size).expect("it was given as 32 bits")
    }

    /// The framing of an encoder with this habit, for this message, here and now.
    pub fn framing_for(&self, message: &Message, habit: Headers) -> Framing {
        let Some(previous) = self.streams.get(&message.chunk_stream) else { return Framing::FULL };
        let delta = message.timestamp_ms.wrapping_sub(previous.timestamp_ms);
        let backwards = delta > i32::MAX as u32;
        if habit == Headers::Full || previous.stream != message.stream || backwards {
            return Framing::FULL;
        }
        let same_kind = previous.type_id == message.type_id && previous.length == message.payload.len();
        // Behind a format 0 the delta of a format 3 has two readings (the timestamp, or 0): not here.
        let same_delta = previous.format != Format::Zero && previous.field == delta;
        Framing::of(match (same_kind, same_delta) {
            (false, _) => Format::One,
            (true, false) => Format::Two,
            (true, true) => Format::Three,
        })
    }
}

impl Default for ChunkWriter {
    fn default() -> ChunkWriter {
        ChunkWriter::new()
    }
}

/// A message of which not all chunks are written.
#[derive(Clone, Debug)]
pub struct Unfinished {
    chunk_stream: ChunkStream,
    header: Written,
    framing: Framing,
    payload: Bytes,
    has_begun: bool,
}

impl Unfinished {
    /// Whether a chunk is still to come.
    pub fn goes_on(&self) -> bool {
        !self.has_begun || !self.payload.is_empty()
    }
}

/// How one message becomes chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Format of the first chunk; the others are of format 3.
    pub format: Format,
    /// Form of the basic header of every chunk.
    pub width: Width,
    /// What format 3 does about an extended timestamp.
    pub extended: Extended,
}

impl Framing {
    /// Format 0, and for the rest as the book says.
    pub const FULL: Framing = Framing::of(Format::Zero);

    /// This format, and for the rest as the book says.
    pub const fn of(format: Format) -> Framing {
        Framing { format, width: Width::Shortest, extended: Extended::Repeated }
    }

    /// The same in another width.
    pub const fn in_width(self, width: Width) -> Framing {
        Framing { width, ..self }
    }

    /// The same without the extended timestamp on format 3, as OBS did before 2024.
    pub const fn omitting_extended(self) -> Framing {
        Framing { extended: Extended::Omitted, ..self }
    }
}

/// Which message header a chunk has (5.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Everything, with an absolute timestamp.
    Zero,
    /// Without the message stream; the timestamp is a delta.
    One,
    /// Only the delta.
    Two,
    /// Nothing. A message that begins so has the delta of the header before it, whatever its `Message` claims.
    Three,
}

/// What format 3 does when the header before it had an extended timestamp (5.3.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extended {
    /// Repeats it, by the book.
    Repeated,
    /// Leaves it out.
    Omitted,
}

/// The form of a basic header (5.3.1.1). Panics where the form cannot hold the chunk stream id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The shortest that holds the id.
    Shortest,
    /// One byte: 2 to 63.
    One,
    /// Two bytes: 64 to 319.
    Two,
    /// Three bytes: 64 to 65 599.
    Three,
}

impl Width {
    fn write(self, format: Format, chunk_stream: ChunkStream, out: &mut Vec<u8>) {
        let top = (format as u8) << 6;
        let id = chunk_stream.0;
        match (self, id) {
            (Width::Shortest | Width::One, 2..=63) => out.push(top | id as u8),
            (Width::Shortest | Width::Two, 64..=319) => out.extend([top, (id - 64) as u8]),
            (Width::Shortest | Width::Three, 64..=65_599) => {
                let [_, _, high, low] = (id - 64).to_be_bytes();
                out.extend([top | 1, low, high]);
            }
            _ => panic!("a basic header in form {self:?} cannot hold chunk stream {id}"),
        }
    }
}

/// An encoder's habit with headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// Format 0 for every message.
    Full,
    /// The shortest header that says the message without doubt.
    Compact,
}

/// One chunk of each message in turn until all are written.
pub fn interleave(messages: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let most = messages.iter().map(Vec::len).max().unwrap_or(0);
    let mut out = Vec::new();
    for round in 0..most {
        for chunk in messages.iter().filter_map(|chunks| chunks.get(round)) {
            out.extend(chunk);
        }
    }
    out
}

/// The header that a chunk stream had last: what the next one may leave out.
#[derive(Clone, Copy, Debug)]
struct Written {
    format: Format,
    timestamp_ms: u32,
    /// Timestamp or delta, as the last header with a timestamp field had it.
    field: u32,
    length: usize,
    type_id: TypeId,
    stream: StreamId,
}

impl Written {
    fn behind(previous: Option<Written>, message: &Message, format: Format) -> Written {
        let whole = Written {
            format,
            timestamp_ms: message.timestamp_ms,
            field: message.timestamp_ms,
            length: message.payload.len(),
            type_id: message.type_id,
            stream: message.stream,
        };
        let Some(previous) = previous.filter(|_| format != Format::Zero) else { return whole };

        assert_eq!(previous.stream, whole.stream, "format {format:?} cannot change the message stream");
        if matches!(format, Format::Two | Format::Three) {
            let kind = (previous.type_id, previous.length);
            assert_eq!(
                kind,
                (whole.type_id, whole.length),
                "format {format:?} cannot change type and length"
            );
        }
        let delta = whole.timestamp_ms.wrapping_sub(previous.timestamp_ms);
        Written { field: if format == Format::Three { previous.field } else { delta }, ..whole }
    }

    fn write_message_header(&self, framing: Framing, out: &mut Vec<u8>) {
        let [_, field @ ..] = self.field.min(EXTENDED_MARK).to_be_bytes();
        let length = u32::try_from(self.length).expect("checked against the length field");
        let [_, length @ ..] = length.to_be_bytes();
        if self.format != Format::Three {
            out.extend(field);
        }
        if matches!(self.format, Format::Zero | Format::One) {
            out.extend(length);
            out.push(self.type_id.0);
        }
        if self.format == Format::Zero {
            // The one little-endian field of the protocol.
            out.extend(self.stream.0.to_le_bytes());
        }
        if self.format != Format::Three || framing.extended == Extended::Repeated {
            out.extend(self.extended_field());
        }
    }

    fn extended_field(&self) -> impl Iterator<Item = u8> {
        Some(self.field.to_be_bytes()).filter(|_| self.field >= EXTENDED_MARK).into_iter().flatten()
    }
}
