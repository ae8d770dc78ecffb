//! Bid: with what somebody comes who wants to publish a stream, and what that is worth where its name is in use.

use std::fmt;
use std::sync::Arc;

/// With what somebody comes who wants to publish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bid {
    /// As what.
    pub role: PublisherRole,
    /// What it has shown to be let in, if anything.
    pub credential: Option<Credential>,
}

impl Bid {
    /// What the query string of a request says: `role=backup` makes a backup publisher, and whatever else stands there is the
    /// credential.
    pub fn of_query(query: &str) -> Self {
        const ROLE: &str = "role=";
        let (roles, rest): (Vec<&str>, Vec<&str>) =
            query.split('&').filter(|pair| !pair.is_empty()).partition(|pair| pair.starts_with(ROLE));
        let is_backup = roles.last().is_some_and(|pair| pair[ROLE.len()..] == *"backup");
        Self {
            role: if is_backup { PublisherRole::Backup } else { PublisherRole::Main },
            credential: (!rest.is_empty()).then(|| Credential::new(&rest.join("&"))),
        }
    }
}

/// As what somebody publishes. A stream has one publisher of each role at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublisherRole {
    /// The one whose stream it is.
    #[default]
    Main,
    /// One that stands by, unseen, and takes over at a keyframe when the other fails or falls silent.
    Backup,
}

impl PublisherRole {
    /// Both.
    pub const ALL: [PublisherRole; 2] = [PublisherRole::Main, PublisherRole::Backup];

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            PublisherRole::Main => PublisherRole::Backup,
            PublisherRole::Backup => PublisherRole::Main,
        }
    }
}

/// What a publisher shows to be let in, such as a stream key. Kept to tell whether another one shows the same; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(Arc<str>);

impl Credential {
    /// Whatever the publisher has shown.
    pub fn new(secret: &str) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// Who may take the place of a publisher that is connected. Each allows what those before it allow. The place of one that has
/// vanished is free for whoever may publish; but beside a publisher of the other role only for whoever shows the same credential
/// as that one, if it has any, and with [`Takeover::Replace`] for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Takeover {
    /// Nobody: whoever comes is refused.
    Refuse,
    /// Whoever comes when the publisher has sent nothing for [`limits::PUBLISHER_SILENCE`](crate::limits::PUBLISHER_SILENCE):
    /// its connection is probably dead.
    Silent,
    /// Whoever shows the same credential, at once: it is the same encoder that has connected anew. Without one, as
    /// [`Takeover::Silent`].
    Credential,
    /// Whoever comes, at once.
    Replace,
}

impl Takeover {
    /// Whether a bid wins its place, from whoever has it and beside the publisher of the other role.
    pub(crate) fn allows(self, bid: &Bid, held: Option<Held<'_>>, other: Option<Held<'_>>) -> bool {
        let shown = bid.credential.as_ref();
        let is_same = |held: Held<'_>| held.credential.is_some() && shown == held.credential;
        match (self, held) {
            (Takeover::Replace, _) => true,
            (_, None) => other.is_none_or(|other| other.credential.is_none() || is_same(other)),
            (Takeover::Refuse, Some(_)) => false,
            (Takeover::Silent, Some(held)) => held.is_silent,
            (Takeover::Credential, Some(held)) => held.is_silent || is_same(held),
        }
    }
}

/// A place that somebody has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held<'a> {
    pub(crate) credential: Option<&'a Credential>,
    pub(crate) is_silent: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_the_role_and_the_rest_is_the_credential() {
        let table = [
            ("", PublisherRole::Main, None),
            ("key=secret", PublisherRole::Main, Some("key=secret")),
            ("role=backup", PublisherRole::Backup, None),
            ("key=secret&role=backup", PublisherRole::Backup, Some("key=secret")),
            ("role=backup&a=1&b=2", PublisherRole::Backup, Some("a=1&b=2")),
            ("role=main&key=secret", PublisherRole::Main, Some("key=secret")),
            ("role=backup&role=main", PublisherRole::Main, None),
            ("role=spare", PublisherRole::Main, None),
            ("&&", PublisherRole::Main, None),
        ];
        for (query, role, credential) in table {
            let bid = Bid { role, credential: credential.map(Credential::new) };
            assert_eq!(Bid::of_query(query), bid, "{query:?}");
        }
    }

    #[test]
    fn each_policy_allows_what_those_before_it_allow() {
        let bid = |key: &str| Bid { credential: Some(Credential::new(key)), ..Bid::default() };
        let (same, other, none) = (bid("a"), bid("b"), Bid::default());
        let held = same.credential.as_ref();
        let all = [Takeover::Refuse, Takeover::Silent, Takeover::Credential, Takeover::Replace];
        let who = |bid: &Bid, credential, is_silent| {
            all.map(|policy| policy.allows(bid, Some(Held { credential, is_silent }), None))
        };
        assert_eq!(who(&same, held, false), [false, false, true, true]);
        assert_eq!(who(&other, held, false), [false, false, false, true]);
        assert_eq!(who(&none, None, false), [false, false, false, true], "nothing is no credential");
        assert_eq!(who(&other, held, true), [false, true, true, true]);
    }

    #[test]
    fn beside_a_publisher_with_a_credential_only_the_same_is_let_in() {
        let bid = |key: &str| Bid { credential: Some(Credential::new(key)), ..Bid::default() };
        let (same, other, none) = (bid("a"), bid("b"), Bid::default());
        let beside = |bid: &Bid, credential: Option<&Credential>| {
            [Takeover::Refuse, Takeover::Credential, Takeover::Replace]
                .map(|policy| policy.allows(bid, None, Some(Held { credential, is_silent: false })))
        };
        let held = same.credential.as_ref();
        assert_eq!(beside(&same, held), [true, true, true]);
        assert_eq!(beside(&other, held), [false, false, true]);
        assert_eq!(beside(&none, held), [false, false, true]);
        assert_eq!(beside(&other, None), [true, true, true]);
    }

    #[test]
    fn a_credential_is_never_printed() {
        let bid = Bid::of_query("key=hunter2");
        assert!(!format!("{bid:?}").contains("hunter2"));
    }
}
