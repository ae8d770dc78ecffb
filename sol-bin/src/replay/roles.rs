//! Roles: which end of a connection is the client.
//!
//! A SYN tells. In a recording that begins later, ports tell, which may be wrong; then what is said tells, since some things
//! only clients say and others only servers.

use std::net::SocketAddr;

use crate::capture::Side;
use sol_tokio::sol_core::observer::Party;

/// Who is who on one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Roles {
    client: Side,
    is_certain: bool,
}

impl Roles {
    /// By who opened the connection, or by its ports.
    pub(super) fn of(ends: [SocketAddr; 2], opener: Option<Side>) -> Roles {
        let [first, second] = ends.map(|end| end.port());
        let guess = match (is_likely(first), is_likely(second)) {
            (true, false) => Side::Second,
            (false, true) => Side::First,
            // Clients have high ports, which their system chose.
            _ if first < second => Side::Second,
            _ => Side::First,
        };
        Roles { client: opener.unwrap_or(guess), is_certain: opener.is_some() }
    }

    pub(super) fn party_of(self, side: Side) -> Party {
        if side == self.client { Party::Client } else { Party::Server }
    }

    pub(super) fn side_of(self, party: Party) -> Side {
        match party {
            Party::Client => self.client,
            Party::Server => self.client.peer(),
        }
    }

    /// Somebody said a command of this name. Whether that shows that it was the other way round; the roles are then
    /// exchanged.
    pub(super) fn hear(&mut self, from: Party, command: &str) -> bool {
        let said_by = match command {
            "connect" | "createStream" | "publish" | "play" | "releaseStream" | "FCPublish"
            | "FCUnpublish" | "FCSubscribe" | "deleteStream" | "closeStream" | "getStreamLength" => {
                Party::Client
            }
            "_result" | "_error" | "onStatus" | "onFCPublish" | "onFCUnpublish" | "onBWDone" => Party::Server,
            _ => return false,
        };
        let is_exchanged = !self.is_certain && from != said_by;
        if is_exchanged {
            self.client = self.client.peer();
        }
        self.is_certain = true;
        is_exchanged
    }
}

/// Whether RTMP is to be expected on a port: its own, and those that stand beside it in the manuals of servers.
pub(super) fn is_likely(port: u16) -> bool {
    matches!(port, 1_935..=1_937 | 2_935)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_tells_and_otherwise_the_likely_or_the_lower_port() {
        for (ports, opener, client) in [
            ([40_000, 1_935], Some(Side::Second), Side::Second),
            ([40_000, 1_935], None, Side::First),
            ([1_935, 80], None, Side::Second),
            ([50_000, 8_080], None, Side::First),
            ([8_080, 50_000], None, Side::Second),
        ] {
            let ends = ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
            let roles = Roles::of(ends, opener);
            assert_eq!(roles.side_of(Party::Client), client, "{ports:?}");
            assert_eq!(roles.party_of(client), Party::Client);
        }
    }

    #[test]
    fn what_only_a_server_says_exchanges_roles_that_were_guessed() {
        let ends = [40_000, 1_935].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let mut roles = Roles::of(ends, None);
        assert!(!roles.hear(Party::Client, "pause"), "nothing is said by it");
        assert!(roles.hear(Party::Client, "onStatus"));
        assert_eq!(roles.side_of(Party::Client), Side::Second);
        assert!(!roles.hear(Party::Client, "_result"), "once is enough");
        let mut roles = Roles::of(ends, Some(Side::First));
        assert!(!roles.hear(Party::Client, "onStatus"), "the SYN knows better");
    }
}
