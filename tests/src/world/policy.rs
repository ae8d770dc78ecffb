//! Policy: what the application of a world answers when somebody wants to publish or play.

use std::time::Duration;

use sol_core::session::Refusal;

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub(super) verdict: Result<(), Refusal>,
    pub(super) delay: Duration,
}

impl Answer {
    /// Yes, at once.
    pub fn allow() -> Answer {
        Answer { verdict: Ok(()), delay: Duration::ZERO }
    }

    /// No, at once.
    pub fn refuse(why: Refusal) -> Answer {
        Answer { verdict: Err(why), delay: Duration::ZERO }
    }

    /// Not a word.
    pub fn never() -> Answer {
        Answer::allow().after(Duration::MAX)
    }

    /// The same, but later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Answer {
        Answer { delay, ..self }
    }
}
