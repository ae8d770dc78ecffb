//! What an operator decides for all streams.

use std::time::Duration;

use super::pace::Coalesce;

/// Shared by all streams of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// How long a stream waits for its publisher to return before its players are told that it ended. Zero: they
    /// are told at once.
    pub grace: Duration,
    /// How long messages are gathered before they go to the players together.
    pub coalesce: Coalesce,
    /// A player that is further behind than this goes on at the newest keyframe, if that is nearer. More than
    /// `limits::TAPE_TIME` has no effect.
    pub lag_max: Duration,
    /// The same in bytes of frames. More than `limits::TAPE_BYTES` has no effect.
    pub lag_bytes_max: u64,
    /// A player that would lose more than this is given up instead: VLC and GStreamer stand still after such a gap.
    pub gap_max: Duration,
    /// Gaps that a player may have in a row without ever catching up in between; one more, and it is given up.
    pub patience: u32,
}

impl Default for StreamConfig {
    /// Grace 10 s; gathered only under load, for 100 ms at most; lag 6 s or 16 MiB; gaps up to 8 s, three in a row.
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(10),
            coalesce: Coalesce::AUTO,
            lag_max: Duration::from_secs(6),
            lag_bytes_max: 16 * 1024 * 1024,
            gap_max: Duration::from_secs(8),
            patience: 3,
        }
    }
}
