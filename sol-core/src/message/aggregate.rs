//! Aggregate messages (RTMP 1.0, 7.1.6): several messages in one, in the shape of FLV tags.

use bytes::Bytes;

use super::data::Data;
use crate::ids::MessageType;
use crate::media::{Content, Media};
use crate::timestamp::Timestamp;

/// The payload of a type 22 message; iterates over the media inside.
///
/// Times: the first part has the time of the aggregate; the others keep their distance to the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    timestamp: Timestamp,
    first: Option<Timestamp>,
    rest: Bytes,
    lacks_back_pointer: bool,
}

/// One step through an aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Audio, video or data.
    Media(Media),
    /// A tag of another type, or a data tag without a name; skipped.
    Unknown(u8),
    /// The back pointer of the last part is missing, and nothing else.
    NoBackPointer,
    /// The tag reaches beyond the message. Nothing can be read behind it.
    Truncated,
}

impl Aggregate {
    const HEADER_LEN: usize = 11;
    const BACK_POINTER_LEN: usize = 4;

    pub(super) fn new(timestamp: Timestamp, body: Bytes) -> Self {
        Self { timestamp, first: None, rest: body, lacks_back_pointer: false }
    }
}

impl Iterator for Aggregate {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        if std::mem::take(&mut self.lacks_back_pointer) {
            return Some(Part::NoBackPointer);
        }
        if self.rest.is_empty() {
            return None;
        }
        let header: Option<&[u8; Self::HEADER_LEN]> = self.rest.first_chunk();
        let Some(&[tag, l0, l1, l2, t0, t1, t2, t3, ..]) = header else {
            self.rest.clear();
            return Some(Part::Truncated);
        };
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let time = Timestamp::from_millis(u32::from_be_bytes([t3, t0, t1, t2]));
        if self.rest.len() < Self::HEADER_LEN + length {
            self.rest.clear();
            return Some(Part::Truncated);
        }
        let body = self.rest.slice(Self::HEADER_LEN..Self::HEADER_LEN + length);
        let end = Self::HEADER_LEN + length + Self::BACK_POINTER_LEN;
        self.lacks_back_pointer = end > self.rest.len();
        self.rest = self.rest.slice(end.min(self.rest.len())..);
        let first = *self.first.get_or_insert(time);
        let timestamp = self.timestamp.advanced_by(time.offset_from(first) as u32);
        let content = match MessageType::new(tag) {
            MessageType::AUDIO => Some(Content::Audio(body)),
            MessageType::VIDEO => Some(Content::Video(body)),
            MessageType::DATA => Data::parse(body).map(Content::Data),
            _ => None,
        };
        Some(match content {
            Some(content) => Part::Media(Media { timestamp, content }),
            None => Part::Unknown(tag),
        })
    }
}
