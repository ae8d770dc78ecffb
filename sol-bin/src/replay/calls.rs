//! Calls: which command an answer is for.

use std::collections::VecDeque;
use std::time::Duration;

use sol_tokio::sol_core::observer::Party;

/// Commands that may yet be answered.
#[derive(Debug, Default)]
pub(super) struct Calls {
    waiting: VecDeque<Call>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) from: Party,
    pub(super) transaction: f64,
    pub(super) name: String,
    pub(super) at: Duration,
}

impl Calls {
    /// A command that wants an answer. Of many that get none, the oldest is forgotten.
    pub(super) fn note(&mut self, call: Call) {
        if self.waiting.len() == CALLS {
            self.waiting.pop_front();
        }
        self.waiting.push_back(call);
    }

    /// The client turned out to be the server.
    pub(super) fn exchange(&mut self) {
        self.waiting.iter_mut().for_each(|call| call.from = call.from.other());
    }

    /// The call that an answer of `from` is for.
    pub(super) fn answered(&mut self, from: Party, transaction: f64) -> Option<Call> {
        let is_it = |call: &Call| call.from != from && call.transaction == transaction;
        let index = self.waiting.iter().position(is_it)?;
        self.waiting.remove(index)
    }
}

/// Clients await a handful; FCPublish and its like are never answered by some servers.
const CALLS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_the_others_call_of_its_number() {
        let mut calls = Calls::default();
        let call = |from, transaction, name: &str| Call {
            from,
            transaction,
            name: name.to_owned(),
            at: Duration::ZERO,
        };
        calls.note(call(Party::Client, 4.0, "createStream"));
        calls.note(call(Party::Server, 4.0, "onBWCheck"));
        let name = |call: Option<Call>| call.map(|call| call.name);
        assert_eq!(name(calls.answered(Party::Client, 4.0)).as_deref(), Some("onBWCheck"));
        assert_eq!(name(calls.answered(Party::Server, 4.0)).as_deref(), Some("createStream"));
        assert_eq!(calls.answered(Party::Server, 4.0), None);
    }

    #[test]
    fn a_call_stays_its_callers_when_the_roles_are_exchanged() {
        let mut calls = Calls::default();
        let (name, at) = ("checkBandwidth".to_owned(), Duration::ZERO);
        calls.note(Call { from: Party::Server, transaction: 3.0, name, at });
        calls.exchange();
        assert_eq!(calls.answered(Party::Client, 3.0), None);
        assert!(calls.answered(Party::Server, 3.0).is_some_and(|call| call.from == Party::Client));
    }
}
