//! Basic header: the first one to three bytes of every chunk (RTMP 1.0, 5.3.1.1).
//!
//! Carries the header format and the chunk stream id. Ids 2–63 fit in one byte, 64–319 in two, 64–65 599 in
//! three; readers accept any width, we write the shortest.
//!
//! Invariants: an id is never below 2. Parsing consumes nothing until the header is whole.

use bytes::BufMut;

use crate::ids::ChunkStreamId;

/// How much of the message header follows the basic header (RTMP 1.0, 5.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Absolute time, length, type, message stream id: 11 bytes.
    Full,
    /// Delta, length, type: 7 bytes.
    SameStream,
    /// Delta: 3 bytes.
    SameShape,
    /// Nothing: a continuation, or a message just like the last one.
    Same,
}

impl Format {
    /// Bytes of the message header, without an extended timestamp.
    pub const fn header_len(self) -> usize {
        match self {
            Format::Full => 11,
            Format::SameStream => 7,
            Format::SameShape => 3,
            Format::Same => 0,
        }
    }

    const fn from_bits(first: u8) -> Self {
        match first >> 6 {
            0 => Format::Full,
            1 => Format::SameStream,
            2 => Format::SameShape,
            _ => Format::Same,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Format::Full => 0x00,
            Format::SameStream => 0x40,
            Format::SameShape => 0x80,
            Format::Same => 0xC0,
        }
    }
}

/// Header format and chunk stream of one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicHeader {
    /// How much of the message header follows.
    pub format: Format,
    /// The lane.
    pub chunk_stream: ChunkStreamId,
}

impl BasicHeader {
    /// Width in bytes that the first byte announces, and the format.
    pub const fn shape(first: u8) -> (usize, Format) {
        let width = match first & 0x3F {
            0 => 2,
            1 => 3,
            _ => 1,
        };
        (width, Format::from_bits(first))
    }

    /// Parses the header at the start of `bytes`; `None` while it is not whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let (width, format) = Self::shape(first);
        let raw = match width {
            1 => u32::from(first & 0x3F),
            2 => 64 + u32::from(*bytes.get(1)?),
            _ => 64 + u32::from(*bytes.get(1)?) + 256 * u32::from(*bytes.get(2)?),
        };
        let chunk_stream = ChunkStreamId::new(raw).expect("every width carries ids from 2 to 65 599 only");
        Some(Self { format, chunk_stream })
    }

    /// Writes the shortest form.
    pub fn write(self, out: &mut impl BufMut) {
        let bits = self.format.bits();
        let id = self.chunk_stream.get();
        match id {
            2..=63 => out.put_u8(bits | id as u8),
            64..=319 => {
                out.put_u8(bits);
                out.put_u8((id - 64) as u8);
            }
            _ => {
                out.put_u8(bits | 1);
                out.put_u16_le((id - 64) as u16);
            }
        }
    }

    /// Bytes that [`BasicHeader::write`] writes.
    pub const fn wire_len(self) -> usize {
        match self.chunk_stream.get() {
            2..=63 => 1,
            64..=319 => 2,
            _ => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_survives_the_shortest_form() {
        for raw in [2, 3, 63, 64, 319, 320, 65_598, 65_599] {
            for format in [Format::Full, Format::SameStream, Format::SameShape, Format::Same] {
                let header = BasicHeader { format, chunk_stream: ChunkStreamId::new(raw).unwrap() };
                let mut bytes = Vec::new();
                header.write(&mut bytes);
                assert_eq!(bytes.len(), header.wire_len());
                assert_eq!(BasicHeader::parse(&bytes), Some(header));
            }
        }
    }

    #[test]
    fn a_wider_form_than_needed_names_the_same_stream() {
        let narrow = BasicHeader::parse(&[0x00, 0x02]).unwrap();
        let wide = BasicHeader::parse(&[0x01, 0x02, 0x00]).unwrap();
        assert_eq!(narrow, wide);
        assert_eq!(narrow.chunk_stream.get(), 66);
    }

    #[test]
    fn nothing_is_parsed_until_the_header_is_whole() {
        assert_eq!(BasicHeader::parse(&[]), None);
        assert_eq!(BasicHeader::parse(&[0x40]), None);
        assert_eq!(BasicHeader::parse(&[0x41, 0x00]), None);
    }
}
