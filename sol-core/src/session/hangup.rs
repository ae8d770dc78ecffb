//! Hangup: how a transport is closed once its session is over.
//!
//! Invariant: whoever lingers does so for a bounded time and a bounded number of bytes.

use std::time::Duration;

use crate::limits;

use super::close::CloseReason;

/// How a transport is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// At once: the peer has gone.
    Close,
    /// Gently, for the peer may still be reading: say that nothing more comes, then read and throw away. A socket that is
    /// closed with input unread is reset, and a reset voids what the peer has not read yet.
    Linger(Linger),
    /// With a reset (SO_LINGER of zero seconds), for the peer has not taken what it should, or is silent. Behind an ordinary
    /// close the kernel would keep what it could not send for minutes.
    Reset,
}

impl Hangup {
    /// What a session that ends so does, with or without output that its transport has not taken.
    pub(super) fn of(why: &CloseReason, has_output: bool) -> Self {
        match why {
            CloseReason::PeerLeft | CloseReason::PeerReset | CloseReason::ConnectionLost => Hangup::Close,
            CloseReason::Silent | CloseReason::Stalled => Hangup::Reset,
            CloseReason::Handshake(_)
            | CloseReason::Chunk(_)
            | CloseReason::NotTolerated(_)
            | CloseReason::HandshakeTimeout
            | CloseReason::CommandTimeout
            | CloseReason::AnswersUnread
            | CloseReason::TooMuchHeld
            | CloseReason::ConnectRefused(_)
            | CloseReason::Refused
            | CloseReason::StreamEnded
            | CloseReason::TimelineFull
            | CloseReason::Unfit(_)
            | CloseReason::TooSlow
            | CloseReason::Replaced
            | CloseReason::ClosedByPeer
            | CloseReason::Shutdown
            | CloseReason::Left
            | CloseReason::RefusedByServer(..)
            | CloseReason::Redirected { .. }
            | CloseReason::Dismissed(_)
            | CloseReason::NoReply(_) => {
                if has_output {
                    Hangup::Reset
                } else {
                    Hangup::Linger(Linger::behind(why))
                }
            }
        }
    }
}

/// How long a transport is still read from, and how much, until its peer closes in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linger {
    patience: Duration,
    bytes_left: usize,
}

impl Linger {
    fn behind(why: &CloseReason) -> Self {
        let patience = match why {
            CloseReason::Left => limits::LEAVE_TIME,
            _ => limits::LINGER_TIME,
        };
        Self::new(patience, limits::LINGER_BYTES)
    }

    /// For so long, and for so many bytes.
    pub const fn new(patience: Duration, bytes: usize) -> Self {
        Self { patience, bytes_left: bytes }
    }

    /// How long to wait for the peer to close, and then to close all the same: [`limits::LINGER_TIME`], or
    /// [`limits::LEAVE_TIME`] behind a session that has left by itself.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// So many bytes were read and thrown away. Whether to go on: the peer has not closed, which reads as none, and has not
    /// sent more than it may: [`limits::LINGER_BYTES`].
    #[must_use = "a flood is not read for ever"]
    pub fn take(&mut self, count: usize) -> bool {
        let goes_on = 0 < count && count <= self.bytes_left;
        self.bytes_left = self.bytes_left.saturating_sub(count);
        goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_waits_longer_than_whoever_closes() {
        assert_eq!(Linger::behind(&CloseReason::Left).patience(), limits::LEAVE_TIME);
        assert_eq!(Linger::behind(&CloseReason::Refused).patience(), limits::LINGER_TIME);
    }

    #[test]
    fn a_flood_and_a_close_end_it() {
        let mut linger = Linger::behind(&CloseReason::Refused);
        assert!(linger.take(limits::LINGER_BYTES - 1));
        assert!(linger.take(1));
        assert!(!linger.take(1));
        assert!(!Linger::behind(&CloseReason::Refused).take(0));
    }
}
