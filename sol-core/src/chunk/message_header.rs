//! Message header: what a chunk says of its message (RTMP 1.0, 5.3.1.2), and the extended timestamp behind it
//! (5.3.1.3).

use bytes::BufMut;

use super::basic_header::{BasicHeader, Format};
use crate::ids::{ChunkStreamId, MessageStreamId, MessageType};
use crate::timestamp::Timestamp;

/// The value of the 24-bit time field which says that four bytes with the real value follow the header.
pub const EXTENDED_FIELD: u32 = 0x00FF_FFFF;

/// Everything that a format-0 chunk says: enough to begin a message without any earlier header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageHeader {
    /// The lane.
    pub chunk_stream: ChunkStreamId,
    /// The NetStream.
    pub stream: MessageStreamId,
    /// Absolute time.
    pub timestamp: Timestamp,
    /// What the message is.
    pub kind: MessageType,
    /// Payload bytes; at most `0x00FF_FFFF`.
    pub length: u32,
}

impl MessageHeader {
    /// The extended timestamp, where the 24-bit field cannot hold the time.
    pub fn extended(&self) -> Option<u32> {
        let millis = self.timestamp.millis();
        (millis >= EXTENDED_FIELD).then_some(millis)
    }

    /// Writes basic header, message header and, where needed, extended timestamp.
    pub fn write(&self, out: &mut impl BufMut) {
        BasicHeader { format: Format::Full, chunk_stream: self.chunk_stream }.write(out);
        out.put_uint(u64::from(self.timestamp.millis().min(EXTENDED_FIELD)), 3);
        out.put_uint(u64::from(self.length), 3);
        out.put_u8(self.kind.get());
        // The one little-endian field of the protocol.
        out.put_u32_le(self.stream.get());
        if let Some(extended) = self.extended() {
            out.put_u32(extended);
        }
    }

    /// Writes the header of a chunk that continues this message. The extended timestamp is repeated: FFmpeg's and
    /// librtmp's families read no media without it.
    pub fn write_continuation(&self, out: &mut impl BufMut) {
        BasicHeader { format: Format::Same, chunk_stream: self.chunk_stream }.write(out);
        if let Some(extended) = self.extended() {
            out.put_u32(extended);
        }
    }

    /// Bytes that [`MessageHeader::write`] writes.
    pub fn wire_len(&self) -> usize {
        self.continuation_len() + Format::Full.header_len()
    }

    /// Bytes that [`MessageHeader::write_continuation`] writes.
    pub fn continuation_len(&self) -> usize {
        let basic = BasicHeader { format: Format::Same, chunk_stream: self.chunk_stream };
        basic.wire_len() + if self.extended().is_some() { 4 } else { 0 }
    }
}

/// The fields of one chunk's header as they stand on the wire, for whatever format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkHeader {
    pub basic: BasicHeader,
    /// Absolute for format 0, else a delta; the extended value where there is one. Zero for format 3.
    pub time: u32,
    pub extended: bool,
    pub length: u32,
    pub kind: MessageType,
    pub stream: u32,
}

impl ChunkHeader {
    /// Longest header: three bytes basic, eleven message, four extended timestamp.
    pub(crate) const MAX_LEN: usize = 3 + 11 + 4;

    /// How many bytes the header that begins with `bytes` has, as far as `bytes` tells; at least 1.
    pub(crate) fn len_known(bytes: &[u8]) -> usize {
        let Some(&first) = bytes.first() else { return 1 };
        let (width, format) = BasicHeader::shape(first);
        let plain = width + format.header_len();
        match bytes.get(width..width + 3) {
            Some([0xFF, 0xFF, 0xFF]) if format != Format::Same => plain + 4,
            _ => plain,
        }
    }

    /// Parses a header of which `len_known` bytes have come.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        debug_assert_eq!(bytes.len(), Self::len_known(bytes), "the header is whole and nothing follows it");
        let basic = BasicHeader::parse(bytes).expect("the basic header is whole");
        let (width, format) = BasicHeader::shape(bytes[0]);
        let fields = &bytes[width..];
        let field24 = |at: usize| u32::from_be_bytes([0, fields[at], fields[at + 1], fields[at + 2]]);
        let mut header =
            ChunkHeader { basic, time: 0, extended: false, length: 0, kind: MessageType::new(0), stream: 0 };
        if format != Format::Same {
            header.time = field24(0);
            header.extended = header.time == EXTENDED_FIELD;
        }
        if matches!(format, Format::Full | Format::SameStream) {
            header.length = field24(3);
            header.kind = MessageType::new(fields[6]);
        }
        if format == Format::Full {
            header.stream = u32::from_le_bytes([fields[7], fields[8], fields[9], fields[10]]);
        }
        if header.extended {
            let at = format.header_len();
            header.time = u32::from_be_bytes([fields[at], fields[at + 1], fields[at + 2], fields[at + 3]]);
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(timestamp: u32) -> MessageHeader {
        MessageHeader {
            chunk_stream: ChunkStreamId::VIDEO,
            stream: MessageStreamId::new(0x0102_0304),
            timestamp: Timestamp::from_millis(timestamp),
            kind: MessageType::VIDEO,
            length: 0x0A_0B0C,
        }
    }

    #[test]
    fn message_stream_id_is_little_endian_and_the_rest_big_endian() {
        let mut bytes = Vec::new();
        header(0x01_0203).write(&mut bytes);
        assert_eq!(bytes, [0x06, 1, 2, 3, 0x0A, 0x0B, 0x0C, 9, 4, 3, 2, 1]);
        assert_eq!(bytes.len(), header(0x01_0203).wire_len());
    }

    #[test]
    fn time_from_0x00ff_ffff_on_moves_into_the_extended_field() {
        for (time, extended) in [(0x00FF_FFFE, false), (0x00FF_FFFF, true), (0x0100_0000, true)] {
            let mut bytes = Vec::new();
            header(time).write(&mut bytes);
            assert_eq!(bytes.len(), header(time).wire_len());
            assert_eq!(ChunkHeader::len_known(&bytes), bytes.len());
            let parsed = ChunkHeader::parse(&bytes);
            assert_eq!((parsed.time, parsed.extended), (time, extended));
            assert_eq!(
                (parsed.length, parsed.kind, parsed.stream),
                (0x0A_0B0C, MessageType::VIDEO, 0x0102_0304)
            );
        }
    }

    #[test]
    fn the_length_of_a_header_is_known_as_soon_as_its_time_field_is() {
        assert_eq!(ChunkHeader::len_known(&[]), 1);
        assert_eq!(ChunkHeader::len_known(&[0xC4]), 1);
        assert_eq!(ChunkHeader::len_known(&[0x84]), 4);
        assert_eq!(ChunkHeader::len_known(&[0x84, 0xFF, 0xFF, 0xFF]), 8);
        assert_eq!(ChunkHeader::len_known(&[0x41, 0, 0, 0xFF, 0xFF, 0xFF]), 14);
    }
}
