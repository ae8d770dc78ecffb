//! What an onlooker can tell of both sides' packets: the keys of digests and signatures are public, so nobody needs to have
//! sent a packet to judge the answer to it.

use super::{DigestLayout, Greeting, HandshakeKind, Packet, VERSION_AT, digest, offered_seal};

/// One of the two at a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// Who connected, and speaks first.
    Client,
    /// Who listens.
    Server,
}

impl Party {
    /// The one at the other end.
    #[must_use]
    pub const fn other(self) -> Party {
        match self {
            Party::Client => Party::Server,
            Party::Server => Party::Client,
        }
    }
}

/// C1 or S1, and what is needed of it to judge the other side's second packet.
#[derive(Clone, Debug)]
pub(crate) struct First {
    packet: Box<Packet>,
    seal: Option<digest::Seal>,
}

/// C2 or S2: what it is to the other side's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// Its random bytes again, as the specification has it (RTMP 1.0, 5.2.4). Some give back its time as well.
    Echo,
    /// Signed in reply to its digest.
    Signed,
    /// Neither.
    Unrelated,
}

impl First {
    /// Understands C1 or S1. Costs at most two HMACs.
    pub(crate) fn of(packet: &Packet, sender: Party) -> Self {
        let seal = match sender {
            Party::Client => offered_seal(packet),
            Party::Server => digest::find_server(packet),
        };
        Self { packet: Box::new(*packet), seal }
    }

    /// What it says of its sender.
    pub(crate) fn greeting(&self) -> Greeting {
        let kind = match &self.seal {
            Some(seal) => HandshakeKind::Digest(seal.layout),
            None => HandshakeKind::Simple,
        };
        Greeting::of(&self.packet, kind)
    }

    /// Where its digest is, if there is one.
    pub(crate) fn layout(&self) -> Option<DigestLayout> {
        self.seal.as_ref().map(|seal| seal.layout)
    }

    /// What a second packet of the other side, `sender`, is to this one.
    pub(crate) fn judge(&self, second: &Packet, sender: Party) -> Second {
        let behind_words = VERSION_AT + 4;
        if second[behind_words..] == self.packet[behind_words..] {
            return Second::Echo;
        }
        let is_signed = self.seal.as_ref().is_some_and(|seal| match sender {
            Party::Client => digest::is_signed_by_player(second, seal),
            Party::Server => digest::is_signed_by_server(second, seal),
        });
        if is_signed { Second::Signed } else { Second::Unrelated }
    }
}
