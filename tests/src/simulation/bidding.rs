//! Bidding: with what somebody comes to publish, and whether that wins a place.
//!
//! Written from what `takeover` promises, apart from the core: it knows of each publisher only when it began and when it sent
//! something. Where messages or notices may be on their way, it does not say whether somebody is silent.

use std::time::Duration;

use sol_core::hub::{Bid, PublisherRole, Takeover};
use sol_core::limits;

use super::publication::{Certainty, Publication};

/// With what somebody comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Showing {
    pub role: PublisherRole,
    pub key: Option<&'static str>,
}

impl Showing {
    pub(super) const NOTHING: Showing = Showing { role: PublisherRole::Main, key: None };

    /// What stands behind the name.
    pub(super) fn query(self) -> String {
        let key = self.key.map(|key| format!("key={key}"));
        let role = (self.role == PublisherRole::Backup).then(|| "role=backup".to_owned());
        let pairs: Vec<String> = key.into_iter().chain(role).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    /// The same of a publisher within the process.
    pub(super) fn bid(self) -> Bid {
        Bid::of_query(self.query().trim_start_matches('?'))
    }

    /// Whether it wins its place from whoever holds that, beside the publisher of the other role.
    pub(super) fn wins(
        self,
        takeover: Takeover,
        held: Option<&Publication>,
        other: Option<&Publication>,
        (now, delay): (Duration, Duration),
    ) -> Certainty {
        let is = |holds: bool| if holds { Certainty::Surely } else { Certainty::No };
        if takeover == Takeover::Replace {
            return Certainty::Surely;
        }
        let Some(held) = held else {
            return is(other.and_then(|other| other.showing.key).is_none_or(|other| self.key == Some(other)));
        };
        match takeover {
            Takeover::Refuse => Certainty::No,
            Takeover::Credential if held.showing.key.is_some() && held.showing.key == self.key => {
                Certainty::Surely
            }
            Takeover::Silent | Takeover::Credential | Takeover::Replace => is_silent(held, now, delay),
        }
    }
}

/// Whether nothing has come of a publisher for so long that its place may be taken. Whoever is told of that knows it so much later.
fn is_silent(held: &Publication, now: Duration, delay: Duration) -> Certainty {
    let silence = limits::PUBLISHER_SILENCE;
    let since = held.since().unwrap_or_default();
    let Some(up) = held.delay_max else {
        return if since + silence > now { Certainty::No } else { Certainty::Perhaps };
    };
    let came = held.sent.iter().rev().map(|sent| sent.at).find(|&at| at + up <= now);
    if came.is_some_and(|came| came.max(since) + silence > now + delay) || since + silence > now {
        return Certainty::No;
    }
    let last = held.sent.last().map(|sent| sent.at + up).unwrap_or_default();
    if last.max(since) + silence + delay < now { Certainty::Surely } else { Certainty::Perhaps }
}
