//! Handshake of a client: simple (RTMP 1.0, 5.2) or with digests, and a full check of what comes back.
//!
//! Digests are Adobe's unpublished addition: a version word that is not zero, an HMAC-SHA256 at a
//! place that four bytes of the packet choose, and S2 and C2 signed with what the other side's
//! digest is the key to.
//!
//! Invariant: the same kind and seed write the same C1 and C2.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::filler::Filler;

/// A client's handshake.
#[derive(Clone, Debug)]
pub struct Handshake {
    kind: HandshakeKind,
    c1: Packet,
    c2: Option<Packet>,
    filler: Filler,
    received: Vec<u8>,
}

impl Handshake {
    /// A handshake whose random bytes come of `seed`.
    pub fn new(kind: HandshakeKind, seed: u64) -> Handshake {
        let mut filler = Filler::new(seed);
        let mut c1: Packet = filler.bytes();
        c1[..4].copy_from_slice(&CLIENT_TIME_MS.to_be_bytes());
        c1[4..8].copy_from_slice(&[0; 4]);
        if let Some(layout) = kind.layout() {
            c1[4..8].copy_from_slice(&CLIENT_VERSION);
            let at = layout.digest_at(&c1);
            let digest = layout.digest(&c1, PLAYER_KEY);
            c1[at..at + DIGEST].copy_from_slice(&digest);
        }
        Handshake { kind, c1, c2: None, filler, received: Vec::new() }
    }

    /// C0 and C1.
    pub fn opening(&self) -> Vec<u8> {
        [&[VERSION][..], &self.c1].concat()
    }

    /// Takes bytes as they came and gives back those behind the handshake, once it is over.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, HandshakeOddity> {
        self.received.extend(bytes);
        let Some((&s0, packets)) = self.received.split_first() else { return Ok(None) };
        if s0 != VERSION {
            return Err(HandshakeOddity::Version(s0));
        }
        let Some((s1, packets)) = packets.split_first_chunk::<PACKET>() else { return Ok(None) };
        if self.c2.is_none() {
            self.c2 = Some(answer(self.kind, s1, &mut self.filler)?);
        }
        let Some((s2, rest)) = packets.split_first_chunk::<PACKET>() else { return Ok(None) };
        self.check_s2(s2)?;
        Ok(Some(rest.to_vec()))
    }

    /// C2, as soon as S1 has come and stood the test.
    pub fn c2(&self) -> Option<&[u8; PACKET]> {
        self.c2.as_ref()
    }

    fn check_s2(&self, s2: &Packet) -> Result<(), HandshakeOddity> {
        let Some(layout) = self.kind.layout() else {
            // Bytes 4 to 7 are the time at which the server read C1: any.
            let echoed = s2[..4] == self.c1[..4] && s2[8..] == self.c1[8..];
            return if echoed { Ok(()) } else { Err(HandshakeOddity::S2IsNoEcho) };
        };
        let c1_digest = layout.digest_in(&self.c1);
        if s2[PACKET - DIGEST..] != signature(s2, c1_digest, SERVER_KEY_TEXT) {
            return Err(HandshakeOddity::S2Signature);
        }
        Ok(())
    }
}

/// Which handshake a client makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeKind {
    /// By the specification: echoes.
    Simple,
    /// Digest in the first half of C1, as FFmpeg and librtmp do it.
    DigestFirst,
    /// Digest in the second half of C1.
    KeyFirst,
}

impl HandshakeKind {
    fn layout(self) -> Option<Layout> {
        match self {
            HandshakeKind::Simple => None,
            HandshakeKind::DigestFirst => Some(Layout { pointer: 8 }),
            HandshakeKind::KeyFirst => Some(Layout { pointer: 772 }),
        }
    }
}

/// A rule of the handshake that the server broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeOddity {
    /// S0 is not 3.
    Version(u8),
    /// The four bytes behind the time of a simple S1 must be zero.
    S1NotZero,
    /// S1 has no digest where C1 had it.
    S1Digest,
    /// S1 has a digest and yet the version of a simple handshake.
    S1Version,
    /// A simple S2 is C1 but for the time of reading.
    S2IsNoEcho,
    /// S2 does not end with the signature to the digest of C1.
    S2Signature,
}

impl fmt::Display for HandshakeOddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandshakeOddity::Version(version) => write!(f, "S0 is {version:#04x}, not 3"),
            HandshakeOddity::S1NotZero => f.write_str("S1 of a simple handshake has no zero behind its time"),
            HandshakeOddity::S1Digest => f.write_str("S1 has no valid digest in the layout of C1"),
            HandshakeOddity::S1Version => f.write_str("S1 has a digest but version 0"),
            HandshakeOddity::S2IsNoEcho => f.write_str("S2 does not echo C1"),
            HandshakeOddity::S2Signature => f.write_str("S2 is not signed with the digest of C1"),
        }
    }
}

impl std::error::Error for HandshakeOddity {}

/// Checks S1 and writes C2.
fn answer(kind: HandshakeKind, s1: &Packet, filler: &mut Filler) -> Result<Packet, HandshakeOddity> {
    let Some(layout) = kind.layout() else {
        if s1[4..8] != [0; 4] {
            return Err(HandshakeOddity::S1NotZero);
        }
        let mut c2 = *s1;
        c2[4..8].copy_from_slice(&CLIENT_TIME_MS.to_be_bytes());
        return Ok(c2);
    };
    if layout.digest_in(s1) != layout.digest(s1, SERVER_KEY_TEXT) {
        return Err(HandshakeOddity::S1Digest);
    }
    if s1[4..8] == [0; 4] {
        return Err(HandshakeOddity::S1Version);
    }
    let mut c2: Packet = filler.bytes();
    let signature = signature(&c2, layout.digest_in(s1), PLAYER_KEY);
    c2[PACKET - DIGEST..].copy_from_slice(&signature);
    Ok(c2)
}

/// Where a packet has its digest: behind a pointer of four bytes, as far as their sum says.
#[derive(Clone, Copy, Debug)]
struct Layout {
    pointer: usize,
}

impl Layout {
    fn digest_at(self, packet: &Packet) -> usize {
        let pointer = &packet[self.pointer..self.pointer + 4];
        let sum: usize = pointer.iter().copied().map(usize::from).sum();
        self.pointer + 4 + sum % 728
    }

    fn digest_in(self, packet: &Packet) -> &[u8] {
        let at = self.digest_at(packet);
        &packet[at..at + DIGEST]
    }

    /// What the digest has to be: over all bytes but its own.
    fn digest(self, packet: &Packet, key: &[u8]) -> [u8; DIGEST] {
        let at = self.digest_at(packet);
        hmac_sha256(key, &[&packet[..at], &packet[at + DIGEST..]])
    }
}

/// The last bytes of S2 or C2, over those before them.
fn signature(packet: &Packet, other_digest: &[u8], own_key_text: &[u8]) -> [u8; DIGEST] {
    let key = hmac_sha256(&[own_key_text, KEY_SUFFIX].concat(), &[other_digest]);
    hmac_sha256(&key, &[&packet[..PACKET - DIGEST]])
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// S0, S1 and S2 of a server that answers by the book.
#[cfg(test)]
pub(super) fn server_answer(kind: HandshakeKind, c1: &Packet) -> Vec<u8> {
    let mut filler = Filler::new(99);
    let (mut s1, mut s2): (Packet, Packet) = (filler.bytes(), filler.bytes());
    match kind.layout() {
        None => {
            s1[4..8].copy_from_slice(&[0; 4]);
            s2 = *c1;
            s2[4..8].copy_from_slice(&[0, 0, 0, 5]);
        }
        Some(layout) => {
            let at = layout.digest_at(&s1);
            let digest = layout.digest(&s1, SERVER_KEY_TEXT);
            s1[at..at + DIGEST].copy_from_slice(&digest);
            let signature = signature(&s2, layout.digest_in(c1), SERVER_KEY_TEXT);
            s2[PACKET - DIGEST..].copy_from_slice(&signature);
        }
    }
    [&[VERSION][..], &s1, &s2].concat()
}

type Packet = [u8; PACKET];

const VERSION: u8 = 3;
const PACKET: usize = 1_536;
const DIGEST: usize = 32;
const CLIENT_TIME_MS: u32 = 1_000;
const CLIENT_VERSION: [u8; 4] = [0x80, 0, 7, 2];
const PLAYER_KEY: &[u8] = b"Genuine Adobe Flash Player 001";
const SERVER_KEY_TEXT: &[u8] = b"Genuine Adobe Flash Media Server 001";
const KEY_SUFFIX: &[u8] = &[
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57, 0x6E,
    0xEC, 0x5D, 0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captures;

    #[test]
    fn a_simple_c1_has_zero_behind_its_time() {
        let opening = Handshake::new(HandshakeKind::Simple, 1).opening();
        assert_eq!(opening.len(), 1 + PACKET);
        assert_eq!(opening[0], 3);
        assert_eq!(opening[5..9], [0; 4]);
    }

    #[test]
    fn every_kind_comes_to_its_end_with_a_server_by_the_book_in_any_cut() {
        for kind in KINDS {
            for cut in [1, 1_537, 4_000] {
                let mut handshake = Handshake::new(kind, 7);
                let server = [&server_answer(kind, &handshake.c1)[..], b"rest"].concat();
                let mut behind = None;
                for piece in server.chunks(cut) {
                    match &mut behind {
                        None => behind = handshake.feed(piece).unwrap(),
                        Some(rest) => rest.extend(piece),
                    }
                }
                assert_eq!(behind.as_deref(), Some(&b"rest"[..]), "{kind:?} in pieces of {cut}");
            }
        }
    }

    #[test]
    fn c2_is_there_as_soon_as_s1_is() {
        let mut handshake = Handshake::new(HandshakeKind::Simple, 1);
        let server = server_answer(HandshakeKind::Simple, &handshake.c1);
        assert_eq!(handshake.feed(&server[..PACKET]), Ok(None));
        assert!(handshake.c2().is_none());
        assert_eq!(handshake.feed(&server[PACKET..=PACKET]), Ok(None));
        let c2 = handshake.c2().expect("S1 is whole");
        assert_eq!(c2[..4], server[1..5]);
        assert_eq!(c2[8..], server[9..=PACKET]);
    }

    #[test]
    fn a_digest_c1_holds_its_digest_in_its_own_layout_only() {
        for (kind, other) in [
            (HandshakeKind::DigestFirst, HandshakeKind::KeyFirst),
            (HandshakeKind::KeyFirst, HandshakeKind::DigestFirst),
        ] {
            let c1 = Handshake::new(kind, 7).c1;
            let valid = |kind: HandshakeKind| {
                kind.layout().is_some_and(|layout| layout.digest_in(&c1) == layout.digest(&c1, PLAYER_KEY))
            };
            assert!(valid(kind));
            assert!(!valid(other));
        }
    }

    #[test]
    fn the_digest_is_where_four_bytes_point() {
        let mut packet = [0; PACKET];
        for (pointer, kind, unmoved) in
            [(8, HandshakeKind::DigestFirst, 12), (772, HandshakeKind::KeyFirst, 776)]
        {
            let layout = kind.layout().unwrap();
            assert_eq!(layout.digest_at(&packet), unmoved);
            packet[pointer..pointer + 4].copy_from_slice(&[0xFF; 4]);
            assert_eq!(layout.digest_at(&packet), unmoved + 4 * 255 - 728);
        }
    }

    #[test]
    fn one_wrong_bit_of_an_answer_is_noticed() {
        let last = 2 * PACKET;
        for (kind, at, oddity) in [
            (HandshakeKind::Simple, 0, HandshakeOddity::Version(2)),
            (HandshakeKind::Simple, 8, HandshakeOddity::S1NotZero),
            (HandshakeKind::Simple, 1 + PACKET, HandshakeOddity::S2IsNoEcho),
            (HandshakeKind::Simple, last, HandshakeOddity::S2IsNoEcho),
            (HandshakeKind::DigestFirst, PACKET, HandshakeOddity::S1Digest),
            (HandshakeKind::DigestFirst, 1 + PACKET, HandshakeOddity::S2Signature),
            (HandshakeKind::KeyFirst, 1, HandshakeOddity::S1Digest),
            (HandshakeKind::KeyFirst, last, HandshakeOddity::S2Signature),
        ] {
            let mut handshake = Handshake::new(kind, 7);
            let mut server = server_answer(kind, &handshake.c1);
            server[at] ^= 1;
            assert_eq!(handshake.feed(&server), Err(oddity), "{kind:?}, byte {at}");
        }
    }

    #[test]
    fn a_server_in_the_other_layout_or_without_digest_is_noticed() {
        let mut handshake = Handshake::new(HandshakeKind::DigestFirst, 7);
        let server = server_answer(HandshakeKind::KeyFirst, &handshake.c1);
        assert_eq!(handshake.feed(&server), Err(HandshakeOddity::S1Digest));

        let mut handshake = Handshake::new(HandshakeKind::DigestFirst, 7);
        let server = server_answer(HandshakeKind::Simple, &handshake.c1);
        assert_eq!(handshake.feed(&server), Err(HandshakeOddity::S1Digest));
    }

    /// FFmpeg wrote this C1, nginx this S1 and S2: keys, places and chaining are those of the world.
    #[test]
    fn recorded_digests_and_signatures_of_others_are_valid() {
        let capture = captures::load(&captures::directory(), "play-ffprobe51").unwrap();
        let connection = &capture.connections[0];
        let packet = |bytes: &[u8], index: usize| -> Packet {
            bytes[1 + index * PACKET..1 + (index + 1) * PACKET].try_into().unwrap()
        };
        let (c1, c2) = (packet(&connection.client.bytes, 0), packet(&connection.client.bytes, 1));
        let (s1, s2) = (packet(&connection.server.bytes, 0), packet(&connection.server.bytes, 1));

        let layout = HandshakeKind::DigestFirst.layout().unwrap();
        assert_eq!(layout.digest_in(&c1), layout.digest(&c1, PLAYER_KEY));
        assert_eq!(layout.digest_in(&s1), layout.digest(&s1, SERVER_KEY_TEXT));
        assert_eq!(s2[PACKET - DIGEST..], signature(&s2, layout.digest_in(&c1), SERVER_KEY_TEXT));
        assert_eq!(c2[PACKET - DIGEST..], signature(&c2, layout.digest_in(&s1), PLAYER_KEY));
    }

    const KINDS: [HandshakeKind; 3] =
        [HandshakeKind::Simple, HandshakeKind::DigestFirst, HandshakeKind::KeyFirst];
}
