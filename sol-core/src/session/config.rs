//! What an operator decides for all sessions.

use std::time::Duration;

use crate::ids::ChunkSize;
use crate::limits;

use super::connect_reply::ConnectReply;

/// Shared by all sessions of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionConfig {
    /// Payload bytes per chunk that we send. One for the whole process, since frames are chunked once for all
    /// players. FFmpeg publishers copy it.
    pub chunk_size: ChunkSize,
    /// Bytes after which peers are asked to acknowledge, and how much they may have unacknowledged.
    pub window_bytes: u32,
    /// How long a peer may leave undone what it should do.
    pub timers: SessionTimers,
    /// Refuse what real encoders get wrong instead of counting it.
    pub strict: bool,
    /// What clients are told of the server when they connect.
    pub connect_reply: ConnectReply,
}

/// How long a session waits for what. Zero means at once, but for [`SessionTimers::ping`]; `Duration::MAX` means never.
///
/// The core takes any values; the ranges are what makes sense. Each default is the row of that name in
/// [`limits`](crate::limits), which says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimers {
    /// For C0, C1 and C2 to arrive; then [`CloseReason::HandshakeTimeout`](super::CloseReason). 2 s to 60 s, default 10 s.
    pub handshake: Duration,
    /// From the handshake to `connect`, from there to the first publish or play, and from the end of the last stream to the
    /// next; then [`CloseReason::CommandTimeout`](super::CloseReason). 2 s to 5 min, default 15 s. Publishers that connect
    /// long before they go live need more.
    pub command: Duration,
    /// For the application to answer a request, which is then refused in its name. 1 s to 5 min, default 30 s. Nothing is
    /// read from the peer meanwhile.
    pub answer: Duration,
    /// Between two pings; to a publisher, only while it is silent. Default 20 s; from [`limits::PING_TIME_MIN`], which shorter ones count as, to a third of `silence`,
    /// so that three pings can be lost or late before a peer that lives is taken for dead.
    pub ping: Duration,
    /// Without one byte received and without media taken; then [`CloseReason::Silent`](super::CloseReason). 10 s to 10 min,
    /// default 60 s. A publisher that vanishes holds its name for so long, unless its connection is reset, or lost by TCP
    /// keep-alive.
    pub silence: Duration,
    /// For the peer to take [`limits::STALL_BYTES`] of the output that waits, or all of it; then
    /// [`CloseReason::Stalled`](super::CloseReason). 5 s to 5 min, default 30 s. Each of the stalled holds what the kernel
    /// keeps for it.
    pub stall: Duration,
    /// For the peer to leave by itself after its last stream ended or was refused. 0 to 30 s, default 2 s. Players that
    /// cannot hang up seem to stand still for so long.
    pub farewell: Duration,
}

impl SessionTimers {
    /// How long a client may try one of a host's addresses, `spent` after it began and with so many addresses untried, this one
    /// among them. Zero: time is up.
    ///
    /// All of them together have as much time as a handshake, in equal shares: one that never answers must leave time for the
    /// others. Who fails before leaves its time to them.
    pub fn attempt(&self, spent: Duration, untried: usize) -> Duration {
        let left = self.handshake.saturating_sub(spent);
        left / u32::try_from(untried).unwrap_or(u32::MAX).max(1)
    }
}

impl Default for SessionTimers {
    fn default() -> Self {
        Self {
            handshake: limits::HANDSHAKE_TIME,
            command: limits::COMMAND_TIME,
            answer: limits::ANSWER_TIME,
            ping: limits::PING_TIME,
            silence: limits::SILENCE_TIME,
            stall: limits::STALL_TIME,
            farewell: limits::FAREWELL_TIME,
        }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            chunk_size: ChunkSize::new(65_536).expect("65 536 is below 16 MiB"),
            window_bytes: 2_500_000,
            timers: SessionTimers::default(),
            strict: false,
            connect_reply: ConnectReply::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMERS: SessionTimers = SessionTimers {
        handshake: Duration::from_secs(12),
        command: Duration::ZERO,
        answer: Duration::ZERO,
        ping: Duration::ZERO,
        silence: Duration::ZERO,
        stall: Duration::ZERO,
        farewell: Duration::ZERO,
    };

    #[test]
    fn addresses_that_never_answer_have_equal_shares_of_the_time_and_all_of_it_together() {
        let mut spent = Duration::ZERO;
        for untried in [3, 2, 1] {
            let share = TIMERS.attempt(spent, untried);
            assert_eq!(share, Duration::from_secs(4));
            spent += share;
        }
        assert_eq!(spent, TIMERS.handshake);
    }

    #[test]
    fn an_address_that_fails_at_once_leaves_its_time_to_the_others() {
        assert_eq!(TIMERS.attempt(Duration::ZERO, 2), Duration::from_secs(6));
        assert_eq!(TIMERS.attempt(Duration::from_secs(1), 1), Duration::from_secs(11));
    }

    #[test]
    fn without_time_there_is_no_attempt_and_time_without_end_is_shared_like_any_other() {
        assert_eq!(TIMERS.attempt(Duration::from_secs(12), 1), Duration::ZERO);
        assert_eq!(TIMERS.attempt(Duration::from_secs(13), 2), Duration::ZERO);
        assert_eq!(TIMERS.attempt(Duration::ZERO, 0), Duration::from_secs(12), "nobody to share it with");
        let endless = SessionTimers { handshake: Duration::MAX, ..TIMERS };
        assert_eq!(
            endless.attempt(Duration::from_secs(3_600), 1),
            Duration::MAX - Duration::from_secs(3_600)
        );
    }
}
