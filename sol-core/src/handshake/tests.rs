//! The handshake as a client sees it: a small client written from the protocol's tables, apart from
//! `digest.rs`, and recordings of real ones.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use quickcheck_macros::quickcheck;
use sha2::Sha256;

use super::*;

// --- Simple -----------------------------------------------------------------------------------------------

#[test]
fn a_simple_client_gets_its_c1_echoed_with_our_reading_time() {
    let c1 = simple_c1();
    let heard = converse(&hello(&c1));
    let (s1, s2) = heard.packets();

    assert_eq!(heard.greeting().kind, HandshakeKind::Simple);
    assert_eq!(s1[..4], NOW_ON_THE_WIRE);
    assert_eq!(s1[4..8], [0; 4]);
    assert_eq!(s2[..4], c1[..4]);
    assert_eq!(s2[4..8], NOW_ON_THE_WIRE);
    assert_eq!(s2[8..], c1[8..]);
}

#[test]
fn the_random_bytes_of_s1_come_from_the_entropy_alone() {
    let input = hello(&simple_c1());
    let again = random_part_of_s1(&input, [7; 32]);
    assert_eq!(random_part_of_s1(&input, [7; 32]), again);
    assert_ne!(random_part_of_s1(&input, [8; 32]), again);

    let mut expected = [0; 1_536];
    Entropy::new([7; 32]).fill(&mut expected);
    assert_eq!(again, expected[8..]);
}

#[test]
fn two_handshakes_on_one_entropy_differ() {
    let (mut entropy, input) = (Entropy::new([7; 32]), hello(&simple_c1()));
    let mut reply = || {
        let progress = ServerHandshake::new().read(&mut input.as_slice(), &mut entropy, NOW);
        progress.expect("version 3").reply.expect("C1 is whole")
    };
    assert_ne!(reply(), reply());
}

#[test]
fn our_time_wraps_after_2_pow_32_milliseconds() {
    let mut input = &hello(&simple_c1())[..];
    let late = Instant::from_epoch(Duration::from_millis((1 << 32) + 5));
    let progress =
        ServerHandshake::new().read(&mut input, &mut Entropy::new([7; 32]), late).expect("version 3");
    assert_eq!(progress.reply.expect("C1 is whole")[1..5], [0, 0, 0, 5]);
}

#[test]
fn the_greeting_names_the_clients_clock_and_version() {
    let greeting = converse(&hello(&digest_c1(Layout::DIGEST_FIRST, 100))).greeting();
    assert_eq!(greeting.peer_time, Timestamp::from_millis(0x0102_0304));
    assert_eq!(greeting.peer_version.to_string(), "128.0.7.2");
    assert_eq!(greeting.kind.to_string(), "digest (digest first)");
}

// --- Digest -----------------------------------------------------------------------------------------------

#[test]
fn a_digest_client_finds_the_servers_digest_in_its_own_layout_and_its_own_digest_signed() {
    for layout in [Layout::DIGEST_FIRST, Layout::KEY_FIRST] {
        // The smallest sum, the last position, the first sum that wraps, and the largest sum.
        for sum in [0, 727, 728, 4 * 255] {
            let c1 = digest_c1(layout, sum);
            let heard = converse(&hello(&c1));
            let (s1, s2) = heard.packets();

            assert_eq!(heard.greeting().kind, HandshakeKind::Digest(layout.expected), "sum {sum}");
            assert_eq!(s1[..8], [NOW_ON_THE_WIRE, [4, 5, 0, 1]].concat());
            assert!(layout.server_digest_is_valid(s1), "{:?}, sum {sum}", layout.expected);
            assert!(
                signature_is_valid(s2, &c1[layout.digest_range(&c1)]),
                "{:?}, sum {sum}",
                layout.expected
            );
        }
    }
}

#[test]
fn the_servers_digest_is_valid_wherever_its_own_random_pointer_leads() {
    let input = hello(&digest_c1(Layout::KEY_FIRST, 300));
    for seed in 0..50 {
        let heard = converse_with(&input, [seed; 32]);
        assert!(Layout::KEY_FIRST.server_digest_is_valid(heard.packets().0), "seed {seed}");
    }
}

#[test]
fn a_wrong_digest_falls_back_to_the_simple_form() {
    for layout in [Layout::DIGEST_FIRST, Layout::KEY_FIRST] {
        let mut c1 = digest_c1(layout, 500);
        c1[layout.digest_range(&c1).start] ^= 1;
        let heard = converse(&hello(&c1));
        let (s1, s2) = heard.packets();

        assert_eq!(heard.greeting().kind, HandshakeKind::Simple);
        assert_eq!(heard.greeting().peer_version, PeerVersion::new([0x80, 0, 7, 2]));
        assert_eq!(s1[4..8], [0; 4]);
        assert_eq!(s2[8..], c1[8..]);
    }
}

#[test]
fn a_zero_version_word_means_simple_even_with_a_valid_digest() {
    let mut c1 = digest_c1(Layout::DIGEST_FIRST, 500);
    c1[4..8].fill(0);
    Layout::DIGEST_FIRST.seal_as_client(&mut c1);
    assert_eq!(converse(&hello(&c1)).greeting().kind, HandshakeKind::Simple);
}

// --- Recordings -------------------------------------------------------------------------------------------

#[test]
fn ffmpeg_is_answered_in_the_digest_first_layout() {
    let heard = converse(&with_c2(FFMPEG_51));
    assert_eq!(heard.greeting().kind, HandshakeKind::Digest(DigestLayout::DigestFirst));
    assert_eq!(heard.greeting().peer_time, Timestamp::ZERO);
    assert_eq!(heard.greeting().peer_version.to_string(), "9.0.124.2");

    let (s1, s2) = heard.packets();
    assert!(Layout::DIGEST_FIRST.server_digest_is_valid(s1));
    assert!(signature_is_valid(s2, &FFMPEG_51[1 + 494..1 + 526]));
}

#[test]
fn obs_is_answered_in_the_simple_form() {
    let heard = converse(&with_c2(OBS_32));
    assert_eq!(heard.greeting().kind, HandshakeKind::Simple);
    assert_eq!(heard.greeting().peer_time, Timestamp::from_millis(0x0028_17BC));
    assert_eq!(heard.greeting().peer_version, PeerVersion::ZERO);
    assert_eq!(heard.packets().1[8..], OBS_32[9..]);
}

#[test]
fn ffmpeg_speaking_rtmpe_is_refused_by_name() {
    let mut input = &FFMPEG_42_RTMPE[..];
    let result = ServerHandshake::new().read(&mut input, &mut Entropy::new([7; 32]), NOW);
    assert_eq!(result, Err(HandshakeError::Rtmpe(6)));
}

#[test]
fn the_digest_of_ffmpegs_rtmpe_is_found_in_the_key_first_layout() {
    let mut plain = with_c2(FFMPEG_42_RTMPE);
    plain[0] = 3;
    let heard = converse(&plain);
    assert_eq!(heard.greeting().kind, HandshakeKind::Digest(DigestLayout::KeyFirst));
    assert!(Layout::KEY_FIRST.server_digest_is_valid(heard.packets().0));
}

// --- Cuts -------------------------------------------------------------------------------------------------

#[test]
fn byte_by_byte_the_reply_comes_with_the_last_of_c1_and_the_end_with_the_last_of_c2() {
    for client in clients() {
        let (mut handshake, mut entropy) = (ServerHandshake::new(), Entropy::new([7; 32]));
        for (at, byte) in client.iter().enumerate() {
            let mut input = std::slice::from_ref(byte);
            let progress = handshake.read(&mut input, &mut entropy, NOW).expect("version 3");
            assert!(input.is_empty(), "byte {at}");
            assert_eq!(progress.reply.is_some(), at == 1_536, "byte {at}");
            assert_eq!(progress.finished.is_some(), at == 1_536 + 1_536, "byte {at}");
        }
    }
}

#[test]
fn no_prefix_completes_and_none_is_answered_before_c1_is_whole() {
    for client in clients() {
        // The test above stops at every length, too, but comes there byte by byte; here a prefix is one
        // piece.
        for length in (0..client.len()).step_by(61).chain([1, 1_535, 1_536, 1_537, 3_072]) {
            let heard = converse(&client[..length]);
            assert_eq!(heard.reply.is_some(), length > 1_536, "{length} bytes");
            assert_eq!(heard.finished, None, "{length} bytes");
        }
    }
}

#[test]
fn a_command_glued_to_c2_is_left_to_the_caller() {
    for mut client in clients() {
        client.extend_from_slice(COMMAND);
        let mut input = client.as_slice();
        let mut handshake = ServerHandshake::new();
        let progress = handshake.read(&mut input, &mut Entropy::new([7; 32]), NOW).expect("version 3");
        assert!(progress.reply.is_some() && progress.finished.is_some());
        assert_eq!(input, COMMAND);
    }
}

#[test]
fn a_finished_handshake_takes_nothing_and_reports_nothing() {
    let (mut handshake, mut entropy) = (ServerHandshake::new(), Entropy::new([7; 32]));
    let client = hello(&simple_c1());
    let first = handshake.read(&mut client.as_slice(), &mut entropy, NOW).expect("version 3");
    assert!(first.finished.is_some());

    let mut input = COMMAND;
    assert_eq!(handshake.read(&mut input, &mut entropy, NOW), Ok(Progress::default()));
    assert_eq!(input, COMMAND);
}

#[test]
fn what_c2_says_is_not_judged() {
    let mut client = hello(&digest_c1(Layout::DIGEST_FIRST, 9));
    let expected = converse(&client);
    for filler in [0x00, 0x03, 0xFF] {
        client[1_537..].fill(filler);
        assert_eq!(converse(&client), expected);
    }
}

#[quickcheck]
fn any_cut_gives_the_same_handshake(client: u8, cuts: Vec<u16>) -> bool {
    let mut bytes = clients()[usize::from(client) % 3].clone();
    bytes.extend_from_slice(COMMAND);
    let mut ends: Vec<usize> = cuts.iter().map(|&cut| usize::from(cut) % bytes.len()).collect();
    ends.push(bytes.len());
    ends.sort_unstable();

    let (mut handshake, mut entropy) = (ServerHandshake::new(), Entropy::new([7; 32]));
    let (mut heard, mut start) = (Heard::default(), 0);
    for end in ends {
        let mut input = &bytes[start..end];
        let progress = handshake.read(&mut input, &mut entropy, NOW).expect("version 3");
        if progress.reply.is_some() != (start < 1_537 && end >= 1_537) {
            return false;
        }
        heard.note(progress, input);
        start = end;
    }
    heard == converse(&bytes)
}

// --- Other protocols --------------------------------------------------------------------------------------

#[test]
fn every_first_byte_but_3_is_refused_at_once_and_left_in_place() {
    for version in 0..=255 {
        let mut input = &[version, 0xAA][..];
        let result = ServerHandshake::new().read(&mut input, &mut Entropy::new([7; 32]), NOW);
        assert_eq!(result.is_ok(), version == 3, "first byte {version}");
        assert_eq!(input.len(), if version == 3 { 0 } else { 2 }, "first byte {version}");
    }
}

#[test]
fn a_refusal_names_what_the_peer_speaks() {
    let refusal = |first: u8| {
        let result = ServerHandshake::new().read(&mut &[first][..], &mut Entropy::new([7; 32]), NOW);
        result.expect_err("not version 3").to_string()
    };
    let rtmpe = "the peer speaks RTMPE (version byte 6), which is not supported; RTMP has version byte 3";
    assert_eq!(refusal(6), rtmpe);
    assert_eq!(refusal(8), rtmpe.replace('6', "8"));
    assert_eq!(refusal(9), rtmpe.replace('6', "9"));
    for letter in "GPHODCT".chars() {
        let expected = format!(
            "the peer speaks HTTP or a relative such as RTMPT (first byte '{letter}'), not plain RTMP"
        );
        assert_eq!(refusal(u8::try_from(letter).expect("a capital letter")), expected);
    }
    assert_eq!(refusal(0x16), "the peer speaks TLS (first byte 0x16), so probably RTMPS, not plain RTMP");
    assert_eq!(refusal(2), "the peer speaks RTMP with version byte 2; only version 3 is known");
    assert_eq!(refusal(0xFF), "the peer does not speak RTMP (first byte 0xFF); RTMP has version byte 3");
}

// --- The client -------------------------------------------------------------------------------------------

/// All that came out of a handshake, and the input that it left.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    reply: Option<Bytes>,
    finished: Option<Greeting>,
    left: Vec<u8>,
}

impl Heard {
    fn note(&mut self, progress: Progress, left: &[u8]) {
        let Progress { reply, finished } = progress;
        assert!(self.reply.is_none() || reply.is_none(), "a second reply");
        assert!(self.finished.is_none() || finished.is_none(), "a second end");
        self.reply = self.reply.take().or(reply);
        self.finished = self.finished.or(finished);
        self.left.extend_from_slice(left);
    }

    fn greeting(&self) -> Greeting {
        self.finished.expect("the whole handshake was sent")
    }

    fn packets(&self) -> (&Packet, &Packet) {
        let reply = self.reply.as_ref().expect("C1 was whole");
        assert_eq!(reply.len(), 1 + 1_536 + 1_536);
        assert_eq!(reply[0], 3);
        let (s1, s2) = reply[1..].split_at(1_536);
        (s1.try_into().expect("1536 bytes"), s2.try_into().expect("1536 bytes"))
    }
}

fn converse(input: &[u8]) -> Heard {
    converse_with(input, [7; 32])
}

fn converse_with(mut input: &[u8], seed: [u8; 32]) -> Heard {
    let progress = ServerHandshake::new().read(&mut input, &mut Entropy::new(seed), NOW).expect("version 3");
    let mut heard = Heard::default();
    heard.note(progress, input);
    heard
}

fn random_part_of_s1(input: &[u8], seed: [u8; 32]) -> Vec<u8> {
    converse_with(input, seed).packets().0[8..].to_vec()
}

/// C0, C1 and C2 of a simple client and of one in either digest layout.
fn clients() -> [Vec<u8>; 3] {
    [simple_c1(), digest_c1(Layout::DIGEST_FIRST, 727), digest_c1(Layout::KEY_FIRST, 1_000)]
        .map(|c1| hello(&c1))
}

fn hello(c1: &Packet) -> Vec<u8> {
    with_c2(&[&[3], &c1[..]].concat())
}

fn with_c2(c0_and_c1: &[u8]) -> Vec<u8> {
    [c0_and_c1, &[0xC2; 1_536]].concat()
}

fn simple_c1() -> Packet {
    let mut c1 = patterned();
    c1[..8].copy_from_slice(&[1, 2, 3, 4, 0, 0, 0, 0]);
    c1
}

/// C1 with a valid digest, where the four bytes of the digest's pointer have the given sum.
fn digest_c1(layout: Layout, pointer_sum: usize) -> Packet {
    let mut c1 = patterned();
    c1[..8].copy_from_slice(&[1, 2, 3, 4, 0x80, 0x00, 0x07, 0x02]);
    let mut rest = pointer_sum;
    for byte in &mut c1[layout.pointer_at..layout.pointer_at + 4] {
        *byte = u8::try_from(rest.min(255)).expect("at most 255");
        rest -= usize::from(*byte);
    }
    layout.seal_as_client(&mut c1);
    c1
}

/// Bytes in which no two neighbours and no two packet halves are alike.
fn patterned() -> Packet {
    std::array::from_fn(|i| (i * 7 + i / 251) as u8)
}

/// One row of the table of layouts, as published.
#[derive(Clone, Copy)]
struct Layout {
    expected: DigestLayout,
    pointer_at: usize,
    first_position: usize,
}

impl Layout {
    const DIGEST_FIRST: Layout =
        Layout { expected: DigestLayout::DigestFirst, pointer_at: 8, first_position: 12 };
    const KEY_FIRST: Layout =
        Layout { expected: DigestLayout::KeyFirst, pointer_at: 772, first_position: 776 };

    fn digest_range(self, packet: &Packet) -> std::ops::Range<usize> {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| u32::from(packet[self.pointer_at + i]));
        let position = (a + b + c + d) as usize % 728 + self.first_position;
        position..position + 32
    }

    fn seal_as_client(self, c1: &mut Packet) {
        let range = self.digest_range(c1);
        let digest = hmac(&PLAYER_KEY[..30], &without(c1, range.clone()));
        c1[range].copy_from_slice(&digest);
    }

    fn server_digest_is_valid(self, s1: &Packet) -> bool {
        let range = self.digest_range(s1);
        hmac(&SERVER_KEY[..36], &without(s1, range.clone())) == s1[range]
    }
}

fn signature_is_valid(s2: &Packet, c1_digest: &[u8]) -> bool {
    hmac(&hmac(SERVER_KEY, c1_digest), &s2[..1_504]) == s2[1_504..]
}

fn without(packet: &Packet, range: std::ops::Range<usize>) -> Vec<u8> {
    [&packet[..range.start], &packet[range.end..]].concat()
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

const NOW: Instant = Instant::from_epoch(Duration::from_millis(0x00AB_CDEF));
const NOW_ON_THE_WIRE: [u8; 4] = [0x00, 0xAB, 0xCD, 0xEF];

/// What often shares a segment with C2: here SetChunkSize, as OBS sends it.
const COMMAND: &[u8] = &[0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0x10, 0];

const PLAYER_KEY: &[u8; 62] = b"Genuine Adobe Flash Player 001\
    \xF0\xEE\xC2\x4A\x80\x68\xBE\xE8\x2E\x00\xD0\xD1\x02\x9E\x7E\x57\
    \x6E\xEC\x5D\x2D\x29\x80\x6F\xAB\x93\xB8\xE6\x36\xCF\xEB\x31\xAE";
const SERVER_KEY: &[u8; 68] = b"Genuine Adobe Flash Media Server 001\
    \xF0\xEE\xC2\x4A\x80\x68\xBE\xE8\x2E\x00\xD0\xD1\x02\x9E\x7E\x57\
    \x6E\xEC\x5D\x2D\x29\x80\x6F\xAB\x93\xB8\xE6\x36\xCF\xEB\x31\xAE";

// C0 and C1 of our own recordings, named like the captures that they are from.
const FFMPEG_51: &[u8; 1_537] = include_bytes!("ffmpeg51_c0c1.bin");
const FFMPEG_42_RTMPE: &[u8; 1_537] = include_bytes!("ffmpeg42_rtmpe_c0c1.bin");
const OBS_32: &[u8; 1_537] = include_bytes!("obs32_c0c1.bin");
