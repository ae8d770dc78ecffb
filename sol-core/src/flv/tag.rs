//! Tag header: the eleven bytes in front of each message in an FLV file (FLV 10.1, E.4.1) and in an aggregate message
//! (RTMP 1.0, 7.1.6). Behind the message stand four more, its size with the header.

use crate::ids::MessageType;
use crate::timestamp::Timestamp;

/// What a tag says of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagHeader {
    /// The number of the tag's type, which is that of the message: 8, 9 or 18, and 15 in Enhanced RTMP. Encrypted tags
    /// have bit 5 set, and so a number that means nothing.
    pub kind: MessageType,
    /// Bytes of the message, at most [`limits::MESSAGE_BYTES`](crate::limits::MESSAGE_BYTES).
    pub length: usize,
    /// Its time. In a file it counts from the first tag.
    pub timestamp: Timestamp,
}

impl TagHeader {
    /// Bytes of a header.
    pub const LEN: usize = 11;

    /// Bytes behind the message.
    pub const BACK_POINTER_LEN: usize = 4;

    /// Understands a header. Its last three bytes, a stream id that is always zero, are ignored.
    pub const fn parse(bytes: &[u8; Self::LEN]) -> Self {
        let &[kind, l0, l1, l2, t0, t1, t2, t3, ..] = bytes;
        Self {
            kind: MessageType::new(kind),
            length: u32::from_be_bytes([0, l0, l1, l2]) as usize,
            // The high byte comes last.
            timestamp: Timestamp::from_millis(u32::from_be_bytes([t3, t0, t1, t2])),
        }
    }

    /// The bytes of a header.
    pub(super) const fn bytes(self) -> [u8; Self::LEN] {
        let [_, l0, l1, l2] = (self.length as u32).to_be_bytes();
        let [t3, t0, t1, t2] = self.timestamp.millis().to_be_bytes();
        [self.kind.get(), l0, l1, l2, t0, t1, t2, t3, 0, 0, 0]
    }

    /// What stands behind the message.
    pub(super) const fn back_pointer(self) -> u32 {
        (Self::LEN + self.length) as u32
    }

    /// Whether bytes that may be cut off begin, as far as they go, with a type that is known. Encrypted tags have known
    /// types (E.4.1, Filter).
    pub(super) fn has_known_kind(bytes: &[u8]) -> bool {
        const FILTER: u8 = 0x20;
        bytes.first().is_none_or(|kind| {
            let kind = MessageType::new(kind & !FILTER);
            let known = [MessageType::AUDIO, MessageType::VIDEO, MessageType::AMF3_DATA, MessageType::DATA];
            known.contains(&kind)
        })
    }

    /// Whether bytes that may be cut off have, as far as they go, the stream id of all tags.
    pub(super) fn has_stream_zero(bytes: &[u8]) -> bool {
        bytes.get(8..).unwrap_or_default().iter().take(3).all(|&byte| byte == 0)
    }
}
