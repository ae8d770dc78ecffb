//! Digest handshake: Adobe's unpublished form, as Flash Player, FFmpeg and librtmp speak it.
//!
//! Behind time and version, C1 and S1 are two blocks of 764 bytes, one with a digest and one with a key.
//! Which comes first is the client's choice, the layout; the server replies in the same. A block's pointer is
//! four bytes whose sum, modulo the room that there is, says where in the block the digest lies.
//!
//! The digest is an HMAC-SHA256 over the rest of the packet. Its key is public, so it proves nothing: it
//! tells a digest client from a simple one, and this server from one that does not know the form. The digest
//! of C1 is also what the signature in S2 is keyed with.
//!
//! Invariants: a digest lies whole within its block and never on its own pointer, whatever the pointer says.
//! Digests are compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{DigestLayout, PACKET_BYTES, Packet, TIME_AT, VERSION_AT, random_packet, set_word};
use crate::entropy::Entropy;
use crate::timestamp::Timestamp;

/// The digest that a packet was found to carry.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    pub(super) layout: DigestLayout,
    pub(super) digest: Digest,
}

pub(super) type Digest = [u8; DIGEST_BYTES];

/// The valid digest of `c1`, if there is one, with digest-first tried before key-first. Costs at most two
/// HMACs.
pub(super) fn find(c1: &Packet) -> Option<Seal> {
    find_under(PLAYER_NAME, c1)
}

/// The same of `s1`.
pub(super) fn find_server(s1: &Packet) -> Option<Seal> {
    find_under(SERVER_NAME, s1)
}

fn find_under(name: &[u8], packet: &Packet) -> Option<Seal> {
    [DigestLayout::DigestFirst, DigestLayout::KeyFirst].into_iter().find_map(|layout| {
        let digest = digest_of(packet, layout, name);
        let claimed = &packet[layout.digest_position(packet)..][..DIGEST_BYTES];
        bool::from(claimed.ct_eq(&digest)).then_some(Seal { layout, digest })
    })
}

/// C1 with a digest, in the layout of FFmpeg and librtmp.
pub(super) fn offer(entropy: &mut Entropy, time: Timestamp) -> Packet {
    sealed(PLAYER_NAME, PLAYER_VERSION, DigestLayout::DigestFirst, entropy, time)
}

/// S1 with a digest in the layout of `seal`, and S2 signed in reply to its digest.
pub(super) fn answer(seal: &Seal, entropy: &mut Entropy, time: Timestamp) -> (Packet, Packet) {
    let s1 = sealed(SERVER_NAME, SERVER_VERSION, seal.layout, entropy, time);
    (s1, signed(SERVER_NAME, seal, entropy))
}

/// C2, signed in reply to the digest of S1.
pub(super) fn sign_c2(seal: &Seal, entropy: &mut Entropy) -> Packet {
    signed(PLAYER_NAME, seal, entropy)
}

/// C1 or S1: random bytes with a digest among them.
fn sealed(
    name: &[u8],
    version: [u8; 4],
    layout: DigestLayout,
    entropy: &mut Entropy,
    time: Timestamp,
) -> Packet {
    let mut packet = random_packet(entropy);
    set_word(&mut packet, TIME_AT, time.millis().to_be_bytes());
    set_word(&mut packet, VERSION_AT, version);
    let digest = digest_of(&packet, layout, name);
    let position = layout.digest_position(&packet);
    packet[position..position + DIGEST_BYTES].copy_from_slice(&digest);
    packet
}

/// C2 or S2: random bytes and a signature.
fn signed(name: &[u8], seal: &Seal, entropy: &mut Entropy) -> Packet {
    let mut packet = random_packet(entropy);
    let (random, signature) = packet.split_at_mut(PACKET_BYTES - DIGEST_BYTES);
    signature.copy_from_slice(&signature_of(random, name, &seal.digest));
    packet
}

fn signature_of(random: &[u8], name: &[u8], digest: &Digest) -> Digest {
    let key = hmac_sha256(&[name, KEY_SUFFIX].concat(), &[digest]);
    hmac_sha256(&key, &[random])
}

/// Whether `c2` is signed in reply to the digest of S1.
pub(super) fn is_signed_by_player(c2: &Packet, seal: &Seal) -> bool {
    is_signed(c2, PLAYER_NAME, seal)
}

/// Whether `s2` is signed in reply to the digest of C1.
pub(super) fn is_signed_by_server(s2: &Packet, seal: &Seal) -> bool {
    is_signed(s2, SERVER_NAME, seal)
}

fn is_signed(second: &Packet, name: &[u8], seal: &Seal) -> bool {
    let (random, signature) = second.split_at(PACKET_BYTES - DIGEST_BYTES);
    signature.ct_eq(&signature_of(random, name, &seal.digest)).into()
}

impl DigestLayout {
    /// Where the digest of `packet` begins.
    fn digest_position(self, packet: &Packet) -> usize {
        let block = match self {
            DigestLayout::DigestFirst => FIRST_BLOCK_AT,
            DigestLayout::KeyFirst => SECOND_BLOCK_AT,
        };
        let pointer = &packet[block..block + POINTER_BYTES];
        let sum: usize = pointer.iter().copied().map(usize::from).sum();
        block + POINTER_BYTES + sum % DIGEST_POSITIONS
    }
}

/// The digest that `packet` has to carry under the key `name`: over all bytes around the place of the digest.
fn digest_of(packet: &Packet, layout: DigestLayout, name: &[u8]) -> Digest {
    let position = layout.digest_position(packet);
    hmac_sha256(name, &[&packet[..position], &packet[position + DIGEST_BYTES..]])
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Digest {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length (RFC 2104, 2)");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Output of HMAC-SHA256.
const DIGEST_BYTES: usize = 32;

const FIRST_BLOCK_AT: usize = 8;
const BLOCK_BYTES: usize = 764;
const SECOND_BLOCK_AT: usize = FIRST_BLOCK_AT + BLOCK_BYTES;

/// The pointer opens the block that holds the digest.
const POINTER_BYTES: usize = 4;

/// What pointers are reduced by: where in a block a digest may begin.
const DIGEST_POSITIONS: usize = BLOCK_BYTES - POINTER_BYTES - DIGEST_BYTES;

/// Key of a client's digest.
const PLAYER_NAME: &[u8] = b"Genuine Adobe Flash Player 001";

/// Key of a server's digest.
const SERVER_NAME: &[u8] = b"Genuine Adobe Flash Media Server 001";

/// What turns a digest's key into the longer one that signatures begin with.
const KEY_SUFFIX: &[u8] = &[
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57, //
    0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
];

/// A Flash Player's, as FFmpeg and librtmp say.
const PLAYER_VERSION: [u8; 4] = [9, 0, 124, 2];

/// A Flash Media Server's. FFmpeg looks for a digest in S1 from major version 3 on.
const SERVER_VERSION: [u8; 4] = [4, 5, 0, 1];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_pointer_says_the_digest_lies_behind_it_and_within_its_block() {
        for (layout, pointer, block) in [
            (DigestLayout::DigestFirst, 8..12, 8..772),
            (DigestLayout::KeyFirst, 772..776, 772..PACKET_BYTES),
        ] {
            let mut positions = Vec::new();
            for sum in 0..=4 * 255 {
                let position = layout.digest_position(&packet_with_pointer(pointer.start, sum));
                assert!(position >= pointer.end, "{layout:?}, sum {sum}");
                assert!(position + DIGEST_BYTES <= block.end, "{layout:?}, sum {sum}");
                positions.push(position - pointer.end);
            }
            assert_eq!(positions[727], 727);
            assert_eq!(positions[728], 0);
            assert_eq!(positions[1_020], 292);
        }
    }

    #[test]
    fn the_digest_of_a_recorded_ffmpeg_is_where_the_capture_says() {
        let c1 = recorded(include_bytes!("ffmpeg51_c0c1.bin"));
        let seal = find(&c1).expect("FFmpeg sends a digest");
        assert_eq!(seal.layout, DigestLayout::DigestFirst);
        assert_eq!(seal.layout.digest_position(&c1), 494);
        assert_eq!(seal.digest, c1[494..526]);
    }

    #[test]
    fn a_packet_of_zeros_carries_no_digest() {
        assert!(find(&[0; PACKET_BYTES]).is_none());
    }

    #[test]
    fn a_bit_changed_before_within_or_behind_the_digest_makes_it_wrong() {
        let c1 = recorded(include_bytes!("ffmpeg51_c0c1.bin"));
        for at in [0, 7, 12, 493, 494, 525, 526, 1_535] {
            let mut damaged = c1;
            damaged[at] ^= 0x10;
            assert!(find(&damaged).is_none(), "bit 4 of byte {at}");
        }
    }

    fn packet_with_pointer(at: usize, sum: usize) -> Packet {
        let mut packet = [0; PACKET_BYTES];
        let mut rest = sum;
        for byte in &mut packet[at..at + POINTER_BYTES] {
            *byte = u8::try_from(rest.min(255)).expect("at most 255");
            rest -= usize::from(*byte);
        }
        packet
    }

    fn recorded(c0_and_c1: &[u8; 1 + PACKET_BYTES]) -> Packet {
        c0_and_c1[1..].try_into().expect("all but the first byte are C1")
    }
}
