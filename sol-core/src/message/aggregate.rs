//! Aggregate messages (RTMP 1.0, 7.1.6): several messages in one, in the shape of FLV tags.

use bytes::Bytes;

use crate::flv::TagHeader;
use crate::limits;
use crate::media::{Content, Media};
use crate::quirk::Quirk;
use crate::timestamp::Timestamp;

/// The payload of a type 22 message; iterates over the media inside.
///
/// Times: the first part has the time of the aggregate; the others keep their distance to the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    timestamp: Timestamp,
    first: Option<Timestamp>,
    rest: Bytes,
    parts_left: usize,
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
    /// There are more than [`limits::AGGREGATE_PARTS`]. Nothing is read behind those.
    TooMany,
}

impl Aggregate {
    pub(super) fn new(timestamp: Timestamp, body: Bytes) -> Self {
        Self {
            timestamp,
            first: None,
            rest: body,
            parts_left: limits::AGGREGATE_PARTS,
            lacks_back_pointer: false,
        }
    }
}

impl Part {
    /// The departure from the specification that this is.
    pub const fn quirk(&self) -> Option<Quirk> {
        match self {
            Part::Media(_) => None,
            Part::Unknown(_) => Some(Quirk::UnknownMessageType),
            Part::NoBackPointer => Some(Quirk::BackPointerMissing),
            Part::Truncated => Some(Quirk::UnreadableMessage),
            Part::TooMany => Some(Quirk::AggregateTooLong),
        }
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
        let Some(parts_left) = self.parts_left.checked_sub(1) else {
            self.rest.clear();
            return Some(Part::TooMany);
        };
        self.parts_left = parts_left;
        let header = self.rest.first_chunk().map(TagHeader::parse);
        let Some(header) = header.filter(|header| self.rest.len() >= TagHeader::LEN + header.length) else {
            self.rest.clear();
            return Some(Part::Truncated);
        };
        let body = self.rest.slice(TagHeader::LEN..TagHeader::LEN + header.length);
        let end = TagHeader::LEN + header.length + TagHeader::BACK_POINTER_LEN;
        self.lacks_back_pointer = end > self.rest.len();
        self.rest = self.rest.slice(end.min(self.rest.len())..);
        let first = *self.first.get_or_insert(header.timestamp);
        let timestamp = self.timestamp.advanced_by(header.timestamp.offset_from(first) as u32);
        Some(match Content::of_tag(header.kind, body) {
            Some(content) => Part::Media(Media { timestamp, content }),
            None => Part::Unknown(header.kind.get()),
        })
    }
}
