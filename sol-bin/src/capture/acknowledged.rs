//! Acknowledged: how far the peer of a direction says that it has it (RFC 9293, 3.10.7.4).
//!
//! A number that is not beyond what has come does no harm. One that is tells of bytes that were not captured, or is an
//! older connection's with the same ports, whose end the peer has not noticed. It counts until the peer names a lower
//! one, and if it is far ahead only once the peer goes on from there: an older connection stands still.
//!
//! Invariants: what counts is never below what was acknowledged of that which had come.

use super::limits;

#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    /// The highest position of those that were not beyond what had come.
    known: u64,
    ahead: Option<Ahead>,
}

/// A position beyond what had come.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    position: u64,
    counts: bool,
}

impl Acknowledged {
    /// The peer has all before this position, it says; bytes have come up to `reached`.
    pub(super) fn note(&mut self, position: u64, reached: u64) {
        if position <= reached {
            self.known = self.known.max(position);
            self.ahead = self.ahead.filter(|ahead| ahead.position <= position);
            return;
        }
        let goes_on = self.ahead.is_some_and(|ahead| {
            let step = position.checked_sub(ahead.position);
            step.is_some_and(|step| (ahead.counts || step > 0) && step <= limits::WAITING_BYTES as u64)
        });
        let is_near = position - reached <= limits::WAITING_BYTES as u64;
        self.ahead = Some(Ahead { position, counts: is_near || goes_on });
    }

    /// Positions are other ones from here on.
    pub(super) fn shift(&mut self, shifted: impl Fn(u64) -> u64) {
        self.known = if self.known == 0 { 0 } else { shifted(self.known) };
        self.ahead = self.ahead.map(|ahead| Ahead { position: shifted(ahead.position), ..ahead });
    }

    /// Up to where the peer has everything, as far as that is to be believed.
    pub(super) fn position(&self) -> u64 {
        let ahead = self.ahead.filter(|ahead| ahead.counts).map_or(0, |ahead| ahead.position);
        self.known.max(ahead)
    }
}
