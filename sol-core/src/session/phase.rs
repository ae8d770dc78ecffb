//! Phase: where a session is in its life. All transitions are here; everything else asks.
//!
//! ```text
//! Handshake ──greeted──▶ Greeted ──connected──▶ Connected
//!     │                     │                      │
//!     └──────────┬──────────┴──────────────────────┘
//!              closing ──▶ Closing ──closed──▶ Closed
//! ```
//!
//! Invariants: a session never goes back. The first reason to close is the one that is reported.

use crate::handshake::Greeting;

use super::close::CloseReason;

#[derive(Debug)]
pub(super) enum Phase {
    /// C0, C1, C2.
    Handshake,
    /// The peer may send chunks, and has not said `connect`.
    Greeted(Greeting),
    /// `connect` was accepted.
    Connected,
    /// Nothing is read any more; what is in the outbox may leave.
    Closing(CloseReason),
    /// Nothing happens any more.
    Closed,
}

impl Phase {
    pub(super) fn greeted(&mut self, greeting: Greeting) {
        debug_assert!(matches!(self, Phase::Handshake), "only a handshake ends in a greeting");
        *self = Phase::Greeted(greeting);
    }

    pub(super) fn connected(&mut self) {
        debug_assert!(matches!(self, Phase::Greeted(_)), "a session connects once, after its handshake");
        *self = Phase::Connected;
    }

    /// What the peer said in its handshake, until it connects.
    pub(super) fn greeting(&self) -> Option<Greeting> {
        match self {
            Phase::Greeted(greeting) => Some(*greeting),
            Phase::Handshake | Phase::Connected | Phase::Closing(_) | Phase::Closed => None,
        }
    }

    /// Whether this is the first reason to close.
    pub(super) fn closing(&mut self, reason: CloseReason) -> bool {
        let open = self.is_open();
        if open {
            *self = Phase::Closing(reason);
        }
        open
    }

    /// The reason to report, `otherwise` if none was given before; `None` if it was reported.
    pub(super) fn closed(&mut self, otherwise: CloseReason) -> Option<CloseReason> {
        match std::mem::replace(self, Phase::Closed) {
            Phase::Handshake | Phase::Greeted(_) | Phase::Connected => Some(otherwise),
            Phase::Closing(reason) => Some(reason),
            Phase::Closed => None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        match self {
            Phase::Handshake | Phase::Greeted(_) | Phase::Connected => true,
            Phase::Closing(_) | Phase::Closed => false,
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self, Phase::Connected)
    }

    pub(super) fn is_handshake(&self) -> bool {
        matches!(self, Phase::Handshake)
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Phase::Closed)
    }

    pub(super) fn closing_for(&self) -> Option<&CloseReason> {
        match self {
            Phase::Closing(reason) => Some(reason),
            Phase::Handshake | Phase::Greeted(_) | Phase::Connected | Phase::Closed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_to_close_is_the_one_reported_and_only_once() {
        let mut phase = Phase::Connected;
        assert!(phase.closing(CloseReason::Silent));
        assert!(!phase.closing(CloseReason::Shutdown));
        assert_eq!(phase.closed(CloseReason::PeerLeft), Some(CloseReason::Silent));
        assert_eq!(phase.closed(CloseReason::PeerLeft), None);
        assert!(!phase.closing(CloseReason::Shutdown));
    }

    #[test]
    fn a_peer_that_leaves_from_an_open_phase_is_the_reason_itself() {
        for mut phase in [Phase::Handshake, Phase::Connected] {
            assert!(phase.is_open());
            assert_eq!(phase.closed(CloseReason::PeerLeft), Some(CloseReason::PeerLeft));
            assert!(!phase.is_open());
        }
    }
}
