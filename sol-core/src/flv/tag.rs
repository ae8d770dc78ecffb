//! Tag header: the eleven bytes in front of each message in an FLV file (FLV 10.1, E.4.1) and in an aggregate message
//! (RTMP 1.0, 7.1.6). Behind the message stand four more, its size with the header.

use crate::ids::MessageType;
use crate::timestamp::Timestamp;

/// What a tag says of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagHeader {
    /// The number of the tag's type, which is that of the message: 8, 9 or 18. Encrypted tags have bit 5 set, and so a
    /// number that means nothing.
    pub kind: MessageType,
    /// Bytes of the message.
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
}
