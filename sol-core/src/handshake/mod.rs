//! Handshake: what both sides say before the first chunk (RTMP 1.0, 5.2).
//!
//! ```text
//! client  C0 C1 ─────────────▶            ─────────▶ C2, commands …
//! server         ◀───────────── S0 S1 S2
//! ```
//!
//! C0 and S0 are one byte, the version; the other four are packets of 1536 bytes. The simple form is in the
//! specification. The digest form is in Flash Player and everything that imitates it, FFmpeg included: a
//! client that hides a digest in C1 wants one in S1 and a signature in S2.
//!
//! Invariants: S0, S1 and S2 leave together, once C1 is whole and not before. Not one byte behind C2 or S2 is
//! consumed. What C2 and S2 say is not judged: real peers echo, sign, or do neither.
//!
//! Not done: RTMPE.

use std::fmt;

use bytes::Bytes;

use crate::entropy::Entropy;
use crate::time::Instant;
use crate::timestamp::Timestamp;

mod client;
mod digest;
mod simple;
mod witness;

pub use client::{ClientHandshake, Offer};
pub(crate) use witness::First;
pub use witness::{Party, Second};

#[cfg(test)]
mod tests;

/// The server's side of one handshake: bytes in, one reply out.
#[derive(Debug)]
pub struct ServerHandshake {
    stage: Stage,
}

/// What one [`ServerHandshake::read`] or [`ClientHandshake::read`] led to. Both may come at once: nothing keeps a client
/// from sending C2 blindly, and servers send S2 behind S1.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// S0, S1 and S2, or C2, to be sent at once. Comes exactly once, with the last byte of C1 or S1.
    pub reply: Option<Bytes>,
    /// The handshake is over; what is left of the input are chunks. Comes exactly once, with the last byte of
    /// C2 or S2.
    pub finished: Option<Greeting>,
}

/// What a finished handshake tells about the peer, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The form that the peer spoke and was answered in.
    pub kind: HandshakeKind,
    /// The peer's clock in C1 or S1. Its zero is the peer's choice.
    pub peer_time: Timestamp,
    /// The version word of C1 or S1. Of a client, other than zero with [`HandshakeKind::Simple`], it promised a digest that was
    /// not found.
    pub peer_version: PeerVersion,
}

/// The form of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeKind {
    /// By the specification: each side echoes the other's random bytes.
    Simple,
    /// With a digest in C1 and S1, both in this layout, and a signature in S2.
    Digest(DigestLayout),
}

/// Which half of C1 and S1 holds the digest. The other half holds a key that only RTMPE uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestLayout {
    /// Digest in the first half: FFmpeg and librtmp.
    DigestFirst,
    /// Digest in the second half: FFmpeg when it is to speak RTMPE.
    KeyFirst,
}

/// The version word of C1 or S1: four numbers such as 9.0.124.2 from a digest client, zero from a simple one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerVersion([u8; 4]);

/// The peer's first byte is not RTMP's. Every variant names what the peer seems to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The encrypted handshake (6), or one of its further ciphers (8 and 9).
    #[error("the peer speaks RTMPE (version byte {0}), which is not supported; RTMP has version byte 3")]
    Rtmpe(u8),
    /// The first letter of a request line, most often of RTMPT's `POST /open/1`.
    #[error("the peer speaks HTTP or a relative such as RTMPT (first byte '{0}'), not plain RTMP")]
    Http(char),
    /// A TLS handshake record: RTMPS sent to a plain port.
    #[error("the peer speaks TLS (first byte 0x16), so probably RTMPS, not plain RTMP")]
    Tls,
    /// Versions 0 to 31 are RTMP's own, but only 3 is in use (RTMP 1.0, 5.2.2).
    #[error("the peer speaks RTMP with version byte {0}; only version 3 is known")]
    UnknownVersion(u8),
    /// Versions from 32 on are not allowed, to tell RTMP from protocols made of text (RTMP 1.0, 5.2.2).
    #[error("the peer does not speak RTMP (first byte 0x{0:02X}); RTMP has version byte 3")]
    NotRtmp(u8),
}

impl ServerHandshake {
    /// Waits for C0. Holds no memory until bytes arrive.
    pub const fn new() -> Self {
        Self { stage: Stage::Version }
    }

    /// Takes from the front of `input` what belongs to the handshake, in any cut, and leaves the rest to the
    /// caller.
    ///
    /// All of `input` is consumed until the handshake is finished; then nothing is, ever. `entropy` is drawn
    /// from only when C1 becomes whole. `now`, in milliseconds, is the time in S1 and S2.
    ///
    /// # Errors
    ///
    /// When the very first byte is not version 3. That byte is not consumed; the connection can only be
    /// closed.
    pub fn read(
        &mut self,
        input: &mut &[u8],
        entropy: &mut Entropy,
        now: Instant,
    ) -> Result<Progress, HandshakeError> {
        self.stage.read(input, |c1| answer(c1, entropy, now))
    }
}

impl Default for ServerHandshake {
    fn default() -> Self {
        Self::new()
    }
}

impl Greeting {
    fn of(first: &Packet, kind: HandshakeKind) -> Self {
        Self {
            kind,
            peer_time: Timestamp::from_millis(u32::from_be_bytes(word(first, TIME_AT))),
            peer_version: PeerVersion(word(first, VERSION_AT)),
        }
    }
}

impl fmt::Display for HandshakeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HandshakeKind::Simple => "simple",
            HandshakeKind::Digest(DigestLayout::DigestFirst) => "digest (digest first)",
            HandshakeKind::Digest(DigestLayout::KeyFirst) => "digest (key first)",
        })
    }
}

impl PeerVersion {
    /// The word that a client sends who offers no digest.
    pub const ZERO: PeerVersion = PeerVersion([0; 4]);

    /// The word with these four bytes, in the order of the wire.
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes, in the order of the wire.
    pub const fn get(self) -> [u8; 4] {
        self.0
    }
}

impl fmt::Display for PeerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch, build] = self.0;
        write!(f, "{major}.{minor}.{patch}.{build}")
    }
}

/// What is awaited of the peer.
#[derive(Debug)]
enum Stage {
    Version,
    /// C1 or S1.
    First {
        received: Vec<u8>,
    },
    /// C2 or S2.
    Second {
        greeting: Greeting,
        received: usize,
    },
    Finished,
}

impl Stage {
    /// Goes on with what has come. `answer` says what the first packet says of the peer, and what is sent for it.
    fn read(
        &mut self,
        input: &mut &[u8],
        answer: impl FnOnce(&Packet) -> (Greeting, Bytes),
    ) -> Result<Progress, HandshakeError> {
        let mut progress = Progress::default();
        let mut answer = Some(answer);
        loop {
            match self {
                Stage::Version => {
                    let Some((&version, rest)) = input.split_first() else { break };
                    judge_version(version)?;
                    *input = rest;
                    *self = Stage::First { received: Vec::new() };
                }
                Stage::First { received } => {
                    received.extend_from_slice(take_up_to(PACKET_BYTES - received.len(), input));
                    let Ok(first) = <&Packet>::try_from(received.as_slice()) else { break };
                    let answer = answer.take().expect("there is one first packet");
                    let (greeting, reply) = answer(first);
                    progress.reply = Some(reply);
                    *self = Stage::Second { greeting, received: 0 };
                }
                Stage::Second { greeting, received } => {
                    *received += take_up_to(PACKET_BYTES - *received, input).len();
                    if *received < PACKET_BYTES {
                        break;
                    }
                    progress.finished = Some(*greeting);
                    *self = Stage::Finished;
                }
                Stage::Finished => break,
            }
        }
        self.debug_check(input);
        Ok(progress)
    }

    fn debug_check(&self, rest: &[u8]) {
        match self {
            Stage::Version => {
                debug_assert!(rest.is_empty(), "1: a version byte is judged at once");
            }
            Stage::First { received } => {
                debug_assert!(received.len() < PACKET_BYTES, "2: a whole first packet is answered at once");
                debug_assert!(rest.is_empty(), "3: an unfinished first packet takes all input");
            }
            Stage::Second { received, .. } => {
                debug_assert!(
                    *received < PACKET_BYTES,
                    "4: a whole second packet finishes the handshake at once"
                );
                debug_assert!(rest.is_empty(), "5: an unfinished second packet takes all input");
            }
            Stage::Finished => {}
        }
    }
}

/// C1, S1, C2 or S2: a time, a word, and 1528 bytes that are random where they are not a digest.
pub(crate) type Packet = [u8; PACKET_BYTES];

pub(crate) fn judge_version(version: u8) -> Result<(), HandshakeError> {
    // 5.2.2 would answer any version with 3 and leave the choice to the peer. No peer in use takes that
    // offer, and a reason in the log helps more.
    match version {
        VERSION => Ok(()),
        6 | 8 | 9 => Err(HandshakeError::Rtmpe(version)),
        TLS_HANDSHAKE => Err(HandshakeError::Tls),
        b'G' | b'P' | b'H' | b'O' | b'D' | b'C' | b'T' => Err(HandshakeError::Http(char::from(version))),
        0..=31 => Err(HandshakeError::UnknownVersion(version)),
        32..=255 => Err(HandshakeError::NotRtmp(version)),
    }
}

fn answer(c1: &Packet, entropy: &mut Entropy, now: Instant) -> (Greeting, Bytes) {
    // Milliseconds modulo 2³², like every time on the wire.
    let time = Timestamp::from_millis(now.since_epoch().as_millis() as u32);
    let (kind, s1, s2) = match offered_seal(c1) {
        Some(seal) => {
            let (s1, s2) = digest::answer(&seal, entropy, time);
            (HandshakeKind::Digest(seal.layout), s1, s2)
        }
        None => {
            let (s1, s2) = simple::answer(c1, entropy, time);
            (HandshakeKind::Simple, s1, s2)
        }
    };

    let mut reply = Vec::with_capacity(REPLY_BYTES);
    reply.push(VERSION);
    reply.extend_from_slice(&s1);
    reply.extend_from_slice(&s2);
    (Greeting::of(c1, kind), Bytes::from(reply))
}

/// The digest of a client that offers one. Whose version word is zero does not.
fn offered_seal(c1: &Packet) -> Option<digest::Seal> {
    if PeerVersion(word(c1, VERSION_AT)) == PeerVersion::ZERO { None } else { digest::find(c1) }
}

fn random_packet(entropy: &mut Entropy) -> Packet {
    let mut packet = [0; PACKET_BYTES];
    entropy.fill(&mut packet);
    packet
}

fn word(packet: &Packet, at: usize) -> [u8; 4] {
    [packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]
}

fn set_word(packet: &mut Packet, at: usize, bytes: [u8; 4]) {
    packet[at..at + 4].copy_from_slice(&bytes);
}

/// The first `count` bytes of `input`, or all if there are fewer; `input` moves behind them.
fn take_up_to<'a>(count: usize, input: &mut &'a [u8]) -> &'a [u8] {
    let (taken, rest) = input.split_at(count.min(input.len()));
    *input = rest;
    taken
}

/// The one version of RTMP in use (RTMP 1.0, 5.2.2).
pub(crate) const VERSION: u8 = 3;

/// Content type of the record that opens a TLS connection (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

pub(crate) const PACKET_BYTES: usize = 1_536;
const REPLY_BYTES: usize = 1 + 2 * PACKET_BYTES;

/// Where every packet has its sender's time.
const TIME_AT: usize = 0;

/// Where C1 and S1 have a version, or zero, and where C2 and S2 have the time of reading.
const VERSION_AT: usize = 4;
