//! FLV: media messages in a file (Adobe FLV 10.1, annex E). The bodies of its tags are those of RTMP messages.

mod reader;
mod tag;

pub use reader::{FlvError, FlvReader};
pub use tag::TagHeader;
