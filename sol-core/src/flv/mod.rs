//! FLV: media messages in a file (Adobe FLV 10.1, annex E). The bodies of its tags are those of RTMP messages.

mod index;
mod item;
mod metadata;
mod reader;
mod summary;
mod tag;
mod writer;

pub use item::{Damage, FlvError, FlvItem};
pub use reader::FlvReader;
pub use tag::TagHeader;
pub use writer::{FlvWriter, Patch, PayloadTooLong, Piece};
