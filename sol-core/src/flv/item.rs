//! Item: what a file has from place to place, its media and its damage.

use crate::media::Media;

/// What a reader finds in a file, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlvItem {
    /// Audio, video or data.
    Media(Media),
    /// A place that is not as it should be, or that cannot be read.
    Damage(Damage),
}

impl FlvItem {
    /// The media, for whom damage is nothing.
    pub fn into_media(self) -> Option<Media> {
        match self {
            FlvItem::Media(media) => Some(media),
            FlvItem::Damage(_) => None,
        }
    }
}

/// What is wrong with a place of a file. Offsets count bytes from the beginning of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Bytes that belong to no tag, or to one that was damaged. They are passed over, up to the next place where a tag of
    /// a known type stands with the right back pointer behind it, or to the end of the file.
    #[error("{length} bytes from offset {offset} on are no tag")]
    Garbage {
        /// Where they begin.
        offset: u64,
        /// How many they are.
        length: u64,
    },
    /// A back pointer, the four bytes that say how long the tag before them was, says something else. What it should have
    /// been is used. It comes behind the tag before it; some programs write only such.
    #[error("the back pointer at offset {offset} is {found} and should be {expected}")]
    WrongBackPointer {
        /// Where it stands.
        offset: u64,
        /// What it says.
        found: u32,
        /// What it should say.
        expected: u32,
    },
    /// A tag that is whole, but encrypted, of a type that is not known, or with data that has no name. It is passed over.
    #[error("the tag of type {kind} at offset {offset} is skipped")]
    Skipped {
        /// Where it begins.
        offset: u64,
        /// Its type. Encrypted tags have bit 5 set.
        kind: u8,
        /// Bytes of its message.
        length: u32,
    },
    /// The file ends inside a tag, or inside its header. Where only the back pointer is missing, or a part of it, the
    /// media of the tag came before this. It is the last item.
    #[error("the file ends inside what begins at offset {offset}, after {length} bytes of it")]
    Truncated {
        /// Where that begins.
        offset: u64,
        /// How many bytes of it there are.
        length: u64,
    },
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
