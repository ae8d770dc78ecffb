//! The client's side of a handshake: C0 and C1 at once, C2 when S1 is whole.
//!
//! A client that offers a digest speaks the digest form where S1 carries one too, and the simple form otherwise. S2 is not
//! judged: its echo or signature proves nothing that matters here, and some servers do neither.

use bytes::Bytes;

use super::{
    Greeting, HandshakeError, HandshakeKind, Packet, PeerVersion, Progress, Stage, TIME_AT, VERSION,
    VERSION_AT, digest, random_packet, set_word, simple,
};
use crate::entropy::Entropy;
use crate::time::Instant;
use crate::timestamp::Timestamp;

/// Which form a client begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offer {
    /// The specification's, as OBS and GStreamer speak it.
    Simple,
    /// With a digest in C1, as FFmpeg and Flash Player do. Servers of Adobe's days give H.264 to nobody else.
    #[default]
    Digest,
}

/// The client's side of one handshake: bytes in, one reply out.
#[derive(Debug)]
pub struct ClientHandshake {
    offer: Offer,
    stage: Stage,
}

impl ClientHandshake {
    /// The handshake, and C0 and C1, which are to be sent at once.
    pub fn begin(offer: Offer, entropy: &mut Entropy, now: Instant) -> (Self, Bytes) {
        let time = millis(now);
        let c1 = match offer {
            Offer::Simple => {
                let mut c1 = random_packet(entropy);
                set_word(&mut c1, TIME_AT, time.millis().to_be_bytes());
                set_word(&mut c1, VERSION_AT, PeerVersion::ZERO.get());
                c1
            }
            Offer::Digest => digest::offer(entropy, time),
        };
        let hello = [&[VERSION][..], &c1].concat();
        (Self { offer, stage: Stage::Version }, hello.into())
    }

    /// As [`ServerHandshake::read`](super::ServerHandshake::read), with S0, S1 and S2 in, and C2 as the reply.
    ///
    /// # Errors
    ///
    /// When S0 is not version 3. It is not consumed; the connection can only be closed.
    pub fn read(
        &mut self,
        input: &mut &[u8],
        entropy: &mut Entropy,
        now: Instant,
    ) -> Result<Progress, HandshakeError> {
        let offer = self.offer;
        self.stage.read(input, |s1| answer(offer, s1, entropy, now))
    }
}

fn answer(offer: Offer, s1: &Packet, entropy: &mut Entropy, now: Instant) -> (Greeting, Bytes) {
    let seal = match offer {
        Offer::Simple => None,
        Offer::Digest => digest::find_server(s1),
    };
    let (kind, c2) = match seal {
        Some(seal) => (HandshakeKind::Digest(seal.layout), digest::sign_c2(&seal, entropy)),
        None => (HandshakeKind::Simple, simple::echo(s1, millis(now))),
    };
    (Greeting::of(s1, kind), Bytes::copy_from_slice(&c2))
}

fn millis(now: Instant) -> Timestamp {
    Timestamp::from_millis(now.since_epoch().as_millis() as u32)
}

#[cfg(test)]
mod tests {
    use quickcheck_macros::quickcheck;

    use super::*;
    use crate::handshake::{DigestLayout, PACKET_BYTES, ServerHandshake};

    #[quickcheck]
    fn our_server_and_our_client_agree_in_any_cut(cuts: Vec<u8>, offers_digest: bool) -> bool {
        let offer = if offers_digest { Offer::Digest } else { Offer::Simple };
        let (mut ours, mut theirs) = (Entropy::new([1; 32]), Entropy::new([2; 32]));
        let (mut client, hello) = ClientHandshake::begin(offer, &mut ours, Instant::EPOCH);
        let mut server = ServerHandshake::new();
        let said = server.read(&mut &hello[..], &mut theirs, Instant::EPOCH).unwrap().reply.unwrap();
        let (mut rest, mut replies, mut greetings) = (&said[..], Vec::new(), Vec::new());
        for piece in cuts.iter().map(|&cut| usize::from(cut)).chain([said.len()]) {
            let (mut piece, behind) = rest.split_at(piece.min(rest.len()));
            rest = behind;
            let progress = client.read(&mut piece, &mut ours, Instant::EPOCH).unwrap();
            replies.extend(progress.reply);
            greetings.extend(progress.finished);
        }
        let [c2] = &replies[..] else { return false };
        let heard = server.read(&mut &c2[..], &mut theirs, Instant::EPOCH).unwrap().finished;
        let kind = match offer {
            Offer::Simple => HandshakeKind::Simple,
            Offer::Digest => HandshakeKind::Digest(DigestLayout::DigestFirst),
        };
        greetings.iter().map(|greeting| greeting.kind).eq([kind])
            && heard.map(|greeting| greeting.kind) == Some(kind)
    }

    #[test]
    fn a_server_without_a_digest_gets_its_random_bytes_back() {
        let mut entropy = Entropy::new([1; 32]);
        let (mut client, _) = ClientHandshake::begin(Offer::Digest, &mut entropy, Instant::EPOCH);
        let s1: Vec<u8> = (0..PACKET_BYTES).map(|index| index as u8).collect();
        let said = [&[3][..], &s1, &[0; PACKET_BYTES], b"chunks"].concat();
        let mut input = &said[..];
        let progress = client.read(&mut input, &mut entropy, Instant::EPOCH).unwrap();
        let c2 = progress.reply.unwrap();
        assert_eq!((&c2[..4], &c2[8..]), (&s1[..4], &s1[8..]));
        assert_eq!(progress.finished.unwrap().kind, HandshakeKind::Simple);
        assert_eq!(input, b"chunks");
    }

    #[test]
    fn c2_is_signed_with_the_digest_of_s1() {
        let (mut ours, mut theirs) = (Entropy::new([1; 32]), Entropy::new([2; 32]));
        let (mut client, hello) = ClientHandshake::begin(Offer::Digest, &mut ours, Instant::EPOCH);
        let said =
            ServerHandshake::new().read(&mut &hello[..], &mut theirs, Instant::EPOCH).unwrap().reply.unwrap();
        let c2 = client.read(&mut &said[..], &mut ours, Instant::EPOCH).unwrap().reply.unwrap();
        let s1: &Packet = said[1..=PACKET_BYTES].try_into().unwrap();
        let seal = digest::find_server(s1).expect("S1 has a digest");
        assert!(digest::is_signed_by_player(c2[..].try_into().unwrap(), &seal));
    }

    #[test]
    fn a_server_that_speaks_something_else_is_named() {
        let mut entropy = Entropy::new([1; 32]);
        let mut first_byte = |byte: u8| {
            let (mut client, _) = ClientHandshake::begin(Offer::Simple, &mut entropy, Instant::EPOCH);
            client.read(&mut &[byte][..], &mut entropy, Instant::EPOCH)
        };
        assert_eq!(first_byte(b'H').unwrap_err(), HandshakeError::Http('H'));
        assert_eq!(first_byte(6).unwrap_err(), HandshakeError::Rtmpe(6));
        assert_eq!(first_byte(0x15).unwrap_err(), HandshakeError::UnknownVersion(0x15));
    }
}
