//! FLV: media messages in a file (Adobe FLV 10.1, annex E). The bodies of its tags are those of RTMP messages.

mod item;
mod reader;
mod tag;

pub use item::{Damage, FlvError, FlvItem};
pub use reader::FlvReader;
pub use tag::TagHeader;
