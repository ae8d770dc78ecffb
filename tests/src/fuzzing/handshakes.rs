//! Handshakes of both sides: how they are cut changes nothing, each reply comes with its last byte, and what comes behind
//! is left alone.

use sol_core::entropy::Entropy;
use sol_core::handshake::{ClientHandshake, HandshakeError, Offer, Progress, ServerHandshake};
use sol_core::time::Instant;

use super::choices::{Choices, pieces};
use crate::peer::handshake::{Handshake, HandshakeKind};

/// What a client says to a server.
pub(super) fn server(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let kind = choices.pick(&[
        None,
        Some(HandshakeKind::Simple),
        Some(HandshakeKind::DigestFirst),
        Some(HandshakeKind::KeyFirst),
    ]);
    let cuts = choices.some();
    let theirs = kind.map(|kind| Handshake::new(kind, choices.byte().into()));
    let said = match &theirs {
        // C2 is not judged.
        Some(handshake) => [&handshake.opening()[..], &[7; PACKET_BYTES]].concat(),
        None => Vec::new(),
    };
    let (is_touched, said) = patched(said, &mut choices);

    let entropy = || Entropy::new([7; 32]);
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut handshake, mut entropy) = (ServerHandshake::new(), entropy());
        Heard::of(pieces, |input| handshake.read(input, &mut entropy, Instant::EPOCH))
    };
    let whole = read(&mut [&said[..]].into_iter());
    whole.check(&said);
    assert_eq!(whole, read(&mut pieces(&said, cuts)), "cut in pieces of {cuts:?}");
    if let Some(mut theirs) = theirs.filter(|_| !is_touched) {
        let reply = whole.reply.expect("the client was by the book");
        assert!(theirs.feed(&reply).expect("so is the server").is_some(), "S0, S1 and S2 came together");
    }
}

/// What a server says to a client.
pub(super) fn client(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let offer = choices.pick(&[Offer::Simple, Offer::Digest]);
    let is_answered = choices.flag();
    let cuts = choices.some();

    let begin = || {
        let mut entropy = Entropy::new([1; 32]);
        let (handshake, hello) = ClientHandshake::begin(offer, &mut entropy, Instant::EPOCH);
        (handshake, hello, entropy)
    };
    let (_, hello, _) = begin();
    assert_eq!(hello.len(), 1 + PACKET_BYTES);
    let mut server = ServerHandshake::new();
    let mut entropy = Entropy::new([choices.byte(); 32]);
    let answer = server.read(&mut &hello[..], &mut entropy, Instant::EPOCH).expect("a client says 3");
    let answer = answer.reply.filter(|_| is_answered).unwrap_or_default();
    let (_, said) = patched(answer.to_vec(), &mut choices);

    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut handshake, _, mut entropy) = begin();
        Heard::of(pieces, |input| handshake.read(input, &mut entropy, Instant::EPOCH))
    };
    let whole = read(&mut [&said[..]].into_iter());
    whole.check(&said);
    assert_eq!(whole, read(&mut pieces(&said, cuts)), "cut in pieces of {cuts:?}");
    if let Some(c2) = &whole.reply {
        let heard = server.read(&mut &c2[..], &mut entropy, Instant::EPOCH);
        assert!(heard.is_ok_and(|progress| progress.finished.is_some()), "C2 is as long as it should be");
    }
}

/// All that came out of a handshake, and the input that it left.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    reply: Option<bytes::Bytes>,
    finished: Option<sol_core::handshake::Greeting>,
    error: Option<HandshakeError>,
    left: Vec<u8>,
}

impl Heard {
    fn of<'a>(
        pieces: &mut dyn Iterator<Item = &'a [u8]>,
        mut read: impl FnMut(&mut &'a [u8]) -> Result<Progress, HandshakeError>,
    ) -> Self {
        let (mut heard, mut so_far) = (Self::default(), 0);
        for mut piece in pieces {
            let before = so_far;
            so_far += piece.len();
            match read(&mut piece) {
                Ok(Progress { reply, finished }) => {
                    let passed = |place| before < place && so_far >= place;
                    assert_eq!(reply.is_some(), passed(1 + PACKET_BYTES), "a reply comes with its last byte");
                    assert_eq!(finished.is_some(), passed(1 + 2 * PACKET_BYTES), "and so does the end");
                    heard.reply = heard.reply.or(reply);
                    heard.finished = heard.finished.or(finished);
                    heard.left.extend_from_slice(piece);
                }
                Err(error) => {
                    heard.error = Some(error);
                    break;
                }
            }
        }
        heard
    }

    fn check(&self, said: &[u8]) {
        assert_eq!(self.error.is_some(), said.first().is_some_and(|&version| version != 3));
        let behind = said.get(1 + 2 * PACKET_BYTES..).filter(|_| self.error.is_none());
        assert_eq!(self.left, behind.unwrap_or_default(), "what comes behind is left alone");
    }
}

/// What is said, with some bytes changed and what the rest of the choices is behind it; whether any was changed.
fn patched(mut said: Vec<u8>, choices: &mut Choices<'_>) -> (bool, Vec<u8>) {
    let before = said.clone();
    for _ in 0..choices.below(8) {
        let (place, byte) = (usize::from(choices.u16()), choices.byte());
        if let Some(place) = place.checked_rem(said.len()) {
            said[place] = byte;
        }
    }
    let is_touched = said != before;
    said.extend_from_slice(choices.rest());
    (is_touched, said)
}

/// C1, C2, S1 and S2.
const PACKET_BYTES: usize = 1_536;
