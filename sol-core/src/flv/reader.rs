//! Reader: the media of an FLV file, in whatever pieces the file comes.
//!
//! Invariants: who feeds a piece and then polls until there is nothing has one tag held and one piece, no more. Nothing is
//! allocated by a length that is only declared.

use bytes::{Buf, BytesMut};

use crate::limits;
use crate::media::{Content, Media};

use super::tag::TagHeader;

/// Reads one file.
#[derive(Debug, Default)]
pub struct FlvReader {
    buffer: BytesMut,
    is_past_header: bool,
    /// Once wrong, always wrong.
    error: Option<FlvError>,
}

/// Why bytes are no FLV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlvError {
    /// It begins with something else.
    #[error("the file does not begin with FLV and version 1")]
    NotFlv,
    /// The header is declared longer than any header is.
    #[error("the header of the file is declared {0} bytes long")]
    HeaderLength(u32),
}

impl FlvReader {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the file. Behind an error nothing is kept.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next audio, video or data; `None` when more of the file is needed. Tags of other types, and data without a name,
    /// are passed over. A file that ends inside a tag, as one does whose writer was killed, has just no more to give.
    ///
    /// # Errors
    /// [`FlvError`], from then on each time.
    pub fn poll(&mut self) -> Result<Option<Media>, FlvError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let is_past_header =
            self.is_past_header || self.skip_header().inspect_err(|&error| self.error = Some(error))?;
        if !is_past_header {
            return Ok(None);
        }
        while let Some(header) = self.buffer.first_chunk().map(TagHeader::parse) {
            let end = TagHeader::LEN + header.length;
            if self.buffer.len() < end + TagHeader::BACK_POINTER_LEN {
                return Ok(None);
            }
            self.buffer.advance(TagHeader::LEN);
            let body = self.buffer.split_to(header.length).freeze();
            self.buffer.advance(TagHeader::BACK_POINTER_LEN);
            if let Some(content) = Content::of_tag(header.kind, body) {
                return Ok(Some(Media { timestamp: header.timestamp, content }));
            }
        }
        Ok(None)
    }

    /// Signature, version, flags, offset of the first back pointer, that back pointer (E.2); whether they were there.
    fn skip_header(&mut self) -> Result<bool, FlvError> {
        const SIGNATURE: [u8; 4] = *b"FLV\x01";
        const SHORTEST: u32 = 9;
        let known = SIGNATURE.len().min(self.buffer.len());
        if self.buffer[..known] != SIGNATURE[..known] {
            return Err(FlvError::NotFlv);
        }
        let Some(&[.., a, b, c, d]) = self.buffer.first_chunk::<9>() else { return Ok(false) };
        let offset = u32::from_be_bytes([a, b, c, d]);
        if offset < SHORTEST || offset as usize > limits::FLV_HEADER_BYTES {
            return Err(FlvError::HeaderLength(offset));
        }
        let length = offset as usize + TagHeader::BACK_POINTER_LEN;
        if self.buffer.len() < length {
            return Ok(false);
        }
        self.buffer.advance(length);
        self.is_past_header = true;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use quickcheck_macros::quickcheck;

    use super::*;
    use crate::timestamp::Timestamp;

    const FILE: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0\
        \x08\0\0\x02\0\0\0\0\0\0\0\xAF\x01\0\0\0\x0D\
        \x0C\0\0\x01\0\0\0\0\0\0\0\xEE\0\0\0\x0C\
        \x09\0\0\x03\x34\x56\x78\x12\0\0\0\x17\x01\0\0\0\0\x0E";

    #[quickcheck]
    fn a_file_in_any_cut_gives_the_same_media(cuts: Vec<u8>) -> bool {
        let mut reader = FlvReader::new();
        let (mut rest, mut read) = (FILE, Vec::new());
        for piece in cuts.iter().map(|&cut| usize::from(cut)).chain([FILE.len()]) {
            let (piece, behind) = rest.split_at(piece.min(rest.len()));
            reader.feed(piece);
            rest = behind;
            while let Some(media) = reader.poll().unwrap() {
                read.push(media);
            }
        }
        let media = |millis, content| Media { timestamp: Timestamp::from_millis(millis), content };
        read == [
            media(0, Content::Audio(Bytes::from_static(&[0xAF, 1]))),
            media(0x1234_5678, Content::Video(Bytes::from_static(&[0x17, 1, 0]))),
        ]
    }

    #[test]
    fn a_file_that_ends_inside_a_tag_has_no_more_to_give() {
        let mut reader = FlvReader::new();
        reader.feed(&FILE[..FILE.len() - 1]);
        assert!(reader.poll().unwrap().is_some());
        assert_eq!(reader.poll(), Ok(None));
    }

    #[test]
    fn what_is_no_flv_file_is_refused_as_soon_as_that_shows() {
        for (file, error) in [
            (&b"MP"[..], FlvError::NotFlv),
            (b"FLV\x02", FlvError::NotFlv),
            (b"FLV\x01\x05\0\0\0\x08", FlvError::HeaderLength(8)),
            (b"FLV\x01\x05\xFF\0\0\0", FlvError::HeaderLength(0xFF00_0000)),
        ] {
            let mut reader = FlvReader::new();
            reader.feed(file);
            assert_eq!(reader.poll(), Err(error));
            reader.feed(FILE);
            assert_eq!(reader.poll(), Err(error));
            assert_eq!(reader.buffer.len(), file.len(), "nothing is kept");
        }
    }
}
