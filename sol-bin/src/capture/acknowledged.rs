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
    claim: Option<Claim>,
}

/// A position beyond what had come.
#[derive(Clone, Copy, Debug)]
struct Claim {
    position: u64,
    counts: bool,
}

impl Acknowledged {
    /// The peer has all before this position, it says; bytes have come up to `reached`.
    pub(super) fn note(&mut self, position: u64, reached: u64) {
        if position <= reached {
            self.known = self.known.max(position);
            self.claim = self.claim.filter(|claim| claim.position <= position);
            return;
        }
        let goes_on = self.claim.is_some_and(|claim| {
            let step = position.checked_sub(claim.position);
            step.is_some_and(|step| (claim.counts || step > 0) && step <= limits::WAITING_BYTES as u64)
        });
        let is_near = position - reached <= limits::WAITING_BYTES as u64;
        self.claim = Some(Claim { position, counts: is_near || goes_on });
    }

    /// Positions are other ones from here on.
    pub(super) fn shift(&mut self, shifted: impl Fn(u64) -> u64) {
        self.known = if self.known == 0 { 0 } else { shifted(self.known) };
        self.claim = self.claim.map(|claim| Claim { position: shifted(claim.position), ..claim });
    }

    /// Up to where the peer has everything, as far as that is to be believed.
    pub(super) fn position(&self) -> u64 {
        let claimed = self.claim.filter(|claim| claim.counts).map_or(0, |claim| claim.position);
        self.known.max(claimed)
    }
}
