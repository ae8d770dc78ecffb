//! What an operator decides for all sessions.

use std::time::Duration;

use crate::ids::ChunkSize;

/// Shared by all sessions of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Payload bytes per chunk that we send. One for the whole process, since frames are chunked once for all
    /// players. FFmpeg publishers copy it.
    pub chunk_size: ChunkSize,
    /// Bytes after which peers are asked to acknowledge, and how much they may have unacknowledged.
    pub window_bytes: u32,
    /// How long a player waits for a stream that nobody publishes, before it is told that there is none.
    pub waiting: Duration,
    /// Refuse what real encoders get wrong instead of counting it.
    pub strict: bool,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            chunk_size: ChunkSize::new(65_536).expect("65 536 is below 16 MiB"),
            window_bytes: 2_500_000,
            waiting: Duration::from_secs(10),
            strict: false,
        }
    }
}
