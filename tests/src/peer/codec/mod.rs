//! Chunks (RTMP 1.0, 5.3): a writer that can do everything on purpose, a reader that forgives nothing.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{ChunkOddity, ChunkReader};
pub use writer::{ChunkWriter, Extended, Format, Framing, Headers, Unfinished, Width, interleave};

/// Chunk size of both directions until somebody announces another.
pub const FIRST_CHUNK_SIZE: u32 = 128;

/// A timestamp field of this value says that the extended field follows.
const EXTENDED_MARK: u32 = 0x00FF_FFFF;
