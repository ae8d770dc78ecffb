//! Chunk reader: takes a server's bytes by the book and names the first thing that is odd.
//!
//! Any cut of the same bytes gives the same messages. It obeys Set Chunk Size and Abort itself,
//! since they change how the next chunk is read; all other messages it only delivers.
//!
//! Invariants: a chunk stream has at most one message in the making. Behind the first oddity
//! nothing more is read. Memory grows with the bytes that came, not with lengths declared.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use super::super::message::{ChunkStream, LaterChunk, Received, StreamId, TypeId};
use super::{EXTENDED_MARK, FIRST_CHUNK_SIZE};

/// The reading end of a connection.
#[derive(Debug)]
pub struct ChunkReader {
    chunk_size: usize,
    streams: BTreeMap<ChunkStream, Stream>,
    /// The chunk whose payload is being read, and how much of it is to come.
    open: Option<(ChunkStream, usize)>,
    buffer: Vec<u8>,
    taken: usize,
    oddity: Option<ChunkOddity>,
}

impl ChunkReader {
    /// A reader at the first byte behind the handshake.
    pub fn new() -> ChunkReader {
        ChunkReader {
            chunk_size: FIRST_CHUNK_SIZE as usize,
            streams: BTreeMap::new(),
            open: None,
            buffer: Vec::new(),
            taken: 0,
            oddity: None,
        }
    }

    /// Takes bytes as they came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend(bytes);
    }

    /// The next message that is whole. An oddity is final.
    pub fn poll(&mut self) -> Result<Option<Received>, ChunkOddity> {
        if let Some(oddity) = &self.oddity {
            return Err(oddity.clone());
        }
        let result = self.next_message();
        self.oddity = result.as_ref().err().cloned();
        result
    }

    /// The chunk size in force.
    pub fn chunk_size(&self) -> u32 {
        u32::try_from(self.chunk_size).expect("it was announced in 31 bits")
    }

    fn next_message(&mut self) -> Result<Option<Received>, ChunkOddity> {
        loop {
            let Some((chunk_stream, missing)) = self.open else {
                if !self.open_chunk()? {
                    return Ok(None);
                }
                continue;
            };
            let rest = &self.buffer[self.taken..];
            let count = rest.len().min(missing);
            let stream = self.streams.get_mut(&chunk_stream).expect("an open chunk has a stream");
            let partial = stream.partial.as_mut().expect("an open chunk has a message in the making");
            partial.payload.extend(&rest[..count]);
            self.taken += count;
            if count < missing {
                self.open = Some((chunk_stream, missing - count));
                return Ok(None);
            }

            self.open = None;
            if partial.payload.len() == stream.header.length {
                let partial = stream.partial.take().expect("looked at one line above");
                let message = stream.header.received(chunk_stream, partial);
                self.obey(&message)?;
                return Ok(Some(message));
            }
        }
    }

    /// Reads a chunk header; false where it is not whole yet.
    fn open_chunk(&mut self) -> Result<bool, ChunkOddity> {
        let mut cursor = Cursor { bytes: &self.buffer, at: self.taken };
        let Some((format, chunk_stream)) = cursor.basic_header() else { return Ok(false) };
        let basic_header_bytes = cursor.at - self.taken;

        let stream = self.streams.get(&chunk_stream);
        let header = match (format, stream) {
            (0, _) => cursor.full_header(),
            (_, None) => return Err(ChunkOddity::NoPreviousHeader { chunk_stream, format }),
            (1, Some(stream)) => cursor.header_of_delta_and_kind(&stream.header),
            (2, Some(stream)) => cursor.header_of_delta(&stream.header),
            (_, Some(stream)) => Some(stream.header),
        };
        let in_the_making = stream.is_some_and(|stream| stream.partial.is_some());
        if format != 3 && in_the_making {
            return Err(ChunkOddity::HeaderInsideMessage { chunk_stream, format });
        }
        let Some(mut header) = header else { return Ok(false) };

        let mut extended = None;
        if header.has_extended {
            let Some(field) = cursor.array().map(u32::from_be_bytes) else { return Ok(false) };
            if format == 3 && field != header.field {
                let expected = header.field;
                return Err(ChunkOddity::ExtendedNotRepeated { chunk_stream, expected, found: field });
            }
            if field < EXTENDED_MARK {
                return Err(ChunkOddity::NeedlessExtended { chunk_stream, field });
            }
            header.field = field;
            extended = Some(field);
        }

        let size = self.chunk_size;
        let stream = self.streams.entry(chunk_stream).or_insert(Stream { header, partial: None });
        match &mut stream.partial {
            Some(partial) => {
                partial.later.push(LaterChunk { format, extended_repeated: extended.is_some() });
                self.open = Some((chunk_stream, size.min(header.length - partial.payload.len())));
            }
            None => {
                // 5.3.1.2.4: behind a format 0, the delta of a format 3 is that header's timestamp.
                header.timestamp_ms = match format {
                    0 => header.field,
                    _ => stream.header.timestamp_ms.wrapping_add(header.field),
                };
                if !header.type_id.is_assigned() {
                    return Err(ChunkOddity::UnassignedType(header.type_id));
                }
                let partial =
                    Partial { basic_header_bytes, format, extended, payload: Vec::new(), later: Vec::new() };
                *stream = Stream { header, partial: Some(partial) };
                self.open = Some((chunk_stream, size.min(header.length)));
            }
        }
        self.taken = cursor.at;
        Ok(true)
    }

    /// Checks where control messages are (5.4, 6.2) and does what two of them ask.
    fn obey(&mut self, message: &Received) -> Result<(), ChunkOddity> {
        let &Received { type_id, chunk_stream, stream, .. } = message;
        let at_home = chunk_stream == ChunkStream::CONTROL && stream == StreamId::CONNECTION;
        if type_id.is_control() && !at_home {
            return Err(ChunkOddity::ControlElsewhere { type_id, chunk_stream, stream });
        }
        if !type_id.is_control() && chunk_stream == ChunkStream::CONTROL {
            return Err(ChunkOddity::NotControl(type_id));
        }

        match type_id {
            TypeId::SET_CHUNK_SIZE => {
                let size = control_word(message)?;
                if size == 0 || size > i32::MAX as u32 {
                    return Err(ChunkOddity::ChunkSize(size));
                }
                self.chunk_size = size as usize;
            }
            TypeId::ABORT => {
                let target = ChunkStream(control_word(message)?);
                let partial = self.streams.get_mut(&target).and_then(|stream| stream.partial.take());
                if partial.is_none() {
                    return Err(ChunkOddity::AbortOfNothing(target));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Default for ChunkReader {
    fn default() -> ChunkReader {
        ChunkReader::new()
    }
}

/// A rule of the chunk protocol that the server broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkOddity {
    /// Formats 1 to 3 leave out what nobody has said yet.
    NoPreviousHeader {
        /// Where.
        chunk_stream: ChunkStream,
        /// The format that came first.
        format: u8,
    },
    /// A message goes on with format 3 only.
    HeaderInsideMessage {
        /// Where.
        chunk_stream: ChunkStream,
        /// The format that came.
        format: u8,
    },
    /// Format 3 behind an extended timestamp repeats it.
    ExtendedNotRepeated {
        /// Where.
        chunk_stream: ChunkStream,
        /// The value to repeat.
        expected: u32,
        /// The four bytes in its place.
        found: u32,
    },
    /// An extended timestamp that would have fitted into three bytes.
    NeedlessExtended {
        /// Where.
        chunk_stream: ChunkStream,
        /// Its value.
        field: u32,
    },
    /// A message type that the specification does not assign.
    UnassignedType(TypeId),
    /// Control belongs to chunk stream 2 and message stream 0.
    ControlElsewhere {
        /// Which control.
        type_id: TypeId,
        /// Where it came.
        chunk_stream: ChunkStream,
        /// What it claimed to belong to.
        stream: StreamId,
    },
    /// Chunk stream 2 is for control only.
    NotControl(TypeId),
    /// A control message of a length that it cannot have.
    ControlLength {
        /// Which control.
        type_id: TypeId,
        /// Its length.
        length: usize,
    },
    /// A chunk size of 0, or with the bit that must be 0.
    ChunkSize(u32),
    /// An Abort for a chunk stream on which no message was in the making.
    AbortOfNothing(ChunkStream),
}

impl fmt::Display for ChunkOddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChunkOddity::NoPreviousHeader { chunk_stream, format } => {
                write!(f, "chunk stream {chunk_stream} began with format {format}")
            }
            ChunkOddity::HeaderInsideMessage { chunk_stream, format } => {
                write!(f, "format {format} inside a message of chunk stream {chunk_stream}")
            }
            ChunkOddity::ExtendedNotRepeated { chunk_stream, expected, found } => write!(
                f,
                "format 3 of chunk stream {chunk_stream} has {found:#010x} where the extended timestamp \
                 {expected:#010x} is to be repeated"
            ),
            ChunkOddity::NeedlessExtended { chunk_stream, field } => {
                write!(f, "chunk stream {chunk_stream} has an extended timestamp of only {field:#x}")
            }
            ChunkOddity::UnassignedType(type_id) => write!(f, "unassigned message {type_id}"),
            ChunkOddity::ControlElsewhere { type_id, chunk_stream, stream } => {
                write!(f, "{type_id} on chunk stream {chunk_stream}, message stream {stream}")
            }
            ChunkOddity::NotControl(type_id) => write!(f, "{type_id} on the chunk stream of control"),
            ChunkOddity::ControlLength { type_id, length } => write!(f, "{type_id} of {length} bytes"),
            ChunkOddity::ChunkSize(size) => write!(f, "chunk size {size:#x} was announced"),
            ChunkOddity::AbortOfNothing(chunk_stream) => {
                write!(f, "abort for chunk stream {chunk_stream}, where no message was in the making")
            }
        }
    }
}

impl std::error::Error for ChunkOddity {}

#[derive(Debug)]
struct Stream {
    header: Header,
    partial: Option<Partial>,
}

/// What the last header of a chunk stream said.
#[derive(Clone, Copy, Debug)]
struct Header {
    timestamp_ms: u32,
    /// Timestamp or delta.
    field: u32,
    has_extended: bool,
    length: usize,
    type_id: TypeId,
    stream: StreamId,
}

impl Header {
    fn received(&self, chunk_stream: ChunkStream, partial: Partial) -> Received {
        Received {
            chunk_stream,
            basic_header_bytes: partial.basic_header_bytes,
            format: partial.format,
            timestamp_ms: self.timestamp_ms,
            extended: partial.extended,
            type_id: self.type_id,
            stream: self.stream,
            payload: Bytes::from(partial.payload),
            later: partial.later,
        }
    }
}

/// A message in the making.
#[derive(Debug)]
struct Partial {
    basic_header_bytes: usize,
    format: u8,
    extended: Option<u32>,
    payload: Vec<u8>,
    later: Vec<LaterChunk>,
}

/// Looks ahead; `None` everywhere means that more bytes are needed.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn basic_header(&mut self) -> Option<(u8, ChunkStream)> {
        let [first] = self.array()?;
        let id = match first & 0x3F {
            0 => 64 + u32::from(self.array::<1>()?[0]),
            1 => 64 + u32::from(u16::from_le_bytes(self.array()?)),
            id => u32::from(id),
        };
        Some((first >> 6, ChunkStream(id)))
    }

    fn full_header(&mut self) -> Option<Header> {
        let blank = Header {
            timestamp_ms: 0,
            field: 0,
            has_extended: false,
            length: 0,
            type_id: TypeId(0),
            stream: StreamId::CONNECTION,
        };
        let header = self.header_of_delta_and_kind(&blank)?;
        Some(Header { stream: StreamId(u32::from_le_bytes(self.array()?)), ..header })
    }

    fn header_of_delta_and_kind(&mut self, previous: &Header) -> Option<Header> {
        let header = self.header_of_delta(previous)?;
        let length = self.u24()? as usize;
        let [type_id] = self.array()?;
        Some(Header { length, type_id: TypeId(type_id), ..header })
    }

    fn header_of_delta(&mut self, previous: &Header) -> Option<Header> {
        let field = self.u24()?;
        Some(Header { field, has_extended: field == EXTENDED_MARK, ..*previous })
    }

    fn u24(&mut self) -> Option<u32> {
        let [high, middle, low] = self.array()?;
        Some(u32::from_be_bytes([0, high, middle, low]))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.bytes.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(array)
    }
}

/// The one number of a control message.
fn control_word(message: &Received) -> Result<u32, ChunkOddity> {
    match <[u8; 4]>::try_from(&message.payload[..]) {
        Ok(word) => Ok(u32::from_be_bytes(word)),
        Err(_) => {
            let (type_id, length) = (message.type_id, message.payload.len());
            Err(ChunkOddity::ControlLength { type_id, length })
        }
    }
}
