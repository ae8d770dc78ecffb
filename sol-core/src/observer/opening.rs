//! Opening: what the first bytes of a direction are.
//!
//! A handshake begins with version 3 (RTMP 1.0, 5.2.2), but so may a chunk on chunk stream 3 in the middle of a connection, and
//! any payload. Others have openings of their own, which are known here as far as they would be mistaken for RTMP on its port.

use super::direction::Scene;
use super::ground::{Ground, NeedsMore};
use super::observation::Foreign;
use super::searching;
use crate::handshake::{First, HandshakeError, PACKET_BYTES, PeerVersion, VERSION, judge_version};
use crate::limits;

/// Version byte and first packet.
pub(super) const HELLO_BYTES: usize = 1 + PACKET_BYTES;

/// The same, and second packet.
const HANDSHAKE_BYTES: usize = HELLO_BYTES + PACKET_BYTES;

/// What a direction begins with.
pub(super) enum Opening {
    /// A handshake, with its first packet whole.
    Hello(Box<First>),
    /// A handshake of which no more came than so many bytes.
    Cut {
        bytes: usize,
    },
    Foreign(Foreign),
    /// Something in the middle of a connection, perhaps. Its first byte is this.
    Elsewhere {
        first_byte: u8,
    },
}

/// Decides by the bytes in front, of which there is at least one.
pub(super) fn judge(ground: Ground<'_>, scene: &mut Scene) -> Result<Opening, NeedsMore> {
    let first_byte = ground.bytes()[0];
    let elsewhere = Opening::Elsewhere { first_byte };
    if searching::footing_at(ground, None, scene)?.is_some() {
        return Ok(elsewhere);
    }
    if first_byte == VERSION {
        return hello(ground, scene);
    }
    if let Err(HandshakeError::Rtmpe(version)) = judge_version(first_byte) {
        if !ground.reaches(HELLO_BYTES)? {
            return Ok(elsewhere);
        }
        // The digest is the same in RTMPE; only what follows the handshake is encrypted.
        let layout = first_packet(ground, scene).layout();
        return Ok(match layout {
            Some(_) => Opening::Foreign(Foreign::Rtmpe { version, layout }),
            None => elsewhere,
        });
    }
    Ok(match foreign(ground)? {
        Some(foreign) => Opening::Foreign(foreign),
        None => elsewhere,
    })
}

/// Decides whether version 3 begins a handshake.
fn hello(ground: Ground<'_>, scene: &mut Scene) -> Result<Opening, NeedsMore> {
    let first = ground.reaches(HELLO_BYTES)?.then(|| first_packet(ground, scene));
    let is_certain = first
        .as_ref()
        .is_some_and(|first| first.layout().is_some() || first.greeting().peer_version == PeerVersion::ZERO);
    if !is_certain {
        // Neither a digest nor the zero word of the specification. Then these are random bytes, or else chunks begin somewhere.
        let ground = ground.up_to(HANDSHAKE_BYTES + limits::OBSERVER_BEHIND_HANDSHAKE_BYTES)?;
        for at in 1..ground.bytes().len().min(HANDSHAKE_BYTES) {
            if searching::footing_at(ground.behind(at), None, scene)?.is_some() {
                return Ok(Opening::Elsewhere { first_byte: VERSION });
            }
        }
    }
    Ok(match first {
        Some(first) => Opening::Hello(Box::new(first)),
        None => Opening::Cut { bytes: ground.bytes().len() },
    })
}

fn first_packet(ground: Ground<'_>, scene: &Scene) -> First {
    let packet = ground.bytes()[1..HELLO_BYTES].try_into().expect("it is as long as a packet");
    First::of(packet, scene.party)
}

/// What else it may be, by more than one byte.
fn foreign(ground: Ground<'_>) -> Result<Option<Foreign>, NeedsMore> {
    let first_byte = ground.bytes()[0];
    if TLS_RECORDS.contains(&first_byte) {
        let is_tls = ground.reaches(3)? && matches!(ground.bytes(), [_, 3, 0..=4, ..]);
        return Ok(is_tls.then_some(Foreign::Tls));
    }
    for (text, foreign) in TEXTS {
        // One byte after the other, so that nobody waits for the rest of a word that this is not.
        let mut matched = 0;
        while matched < text.len() && ground.reaches(matched + 1)? && ground.bytes()[matched] == text[matched]
        {
            matched += 1;
        }
        if matched == text.len() {
            return Ok(Some(*foreign));
        }
    }
    Ok(None)
}

/// Content types of TLS records (RFC 8446, 5.1). A version with major number 3 follows.
const TLS_RECORDS: std::ops::RangeInclusive<u8> = 0x14..=0x17;

/// Beginnings of requests and answers of HTTP; longer ones first.
const TEXTS: &[(&[u8], Foreign)] = &[
    (b"POST /open/", Foreign::Rtmpt),
    (b"POST /fcs/", Foreign::Rtmpt),
    (b"POST /idle/", Foreign::Rtmpt),
    (b"POST /send/", Foreign::Rtmpt),
    (b"POST /close/", Foreign::Rtmpt),
    (b"POST ", Foreign::Http),
    (b"GET ", Foreign::Http),
    (b"HEAD ", Foreign::Http),
    (b"PUT ", Foreign::Http),
    (b"OPTIONS ", Foreign::Http),
    (b"CONNECT ", Foreign::Http),
    (b"HTTP/1.", Foreign::Http),
];
