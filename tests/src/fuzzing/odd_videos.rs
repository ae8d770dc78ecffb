//! Odd videos: whatever a publisher sends as video, what players get of it is in normal form and stays as it is when it is sent again.

use bytes::Bytes;
use sol_core::hub::{Bid, Read, Stream, StreamConfig};
use sol_core::ids::ChunkSize;
use sol_core::media::{Content, Media};
use sol_core::time::Instant;
use sol_core::timestamp::Timestamp;

/// Of which codec; how long each message is and how it begins, and the rest of it.
pub(super) fn odd_video(bytes: &[u8]) {
    let Some((&codec, mut rest)) = bytes.split_first() else { return };
    let heads = HEADS[usize::from(codec) % HEADS.len()];
    let mut sent = Vec::new();
    while let Some((&[length, head], behind)) = rest.split_first_chunk()
        && sent.len() < MESSAGES
    {
        let (body, behind) = behind.split_at(usize::from(length).min(behind.len()));
        sent.push([heads[usize::from(head) % heads.len()], body].concat());
        rest = behind;
    }
    let got = through_a_stream(&sent);
    // Where the codec goes to and fro, a configuration that was left out, since it was known, is missed the second time.
    if heads.len() > 1 {
        assert_eq!(through_a_stream(&got), got, "it is in order");
    }
}

/// What a player gets that is there from the beginning.
fn through_a_stream(sent: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut stream = Stream::new(StreamConfig::default().into(), ChunkSize::INITIAL);
    let publication = stream.publish(&Bid::default(), Instant::EPOCH).expect("nobody else is there");
    let mut player = stream.subscribe();
    let mut got = Vec::new();
    for payload in sent {
        let content = Content::Video(Bytes::copy_from_slice(payload));
        let media = Media { timestamp: Timestamp::ZERO, content };
        stream.append(&publication, &media, Instant::EPOCH).expect("nobody takes its place");
        while let Read::Frame(frame) = stream.read(&mut player) {
            got.push(frame.payload().collect::<Vec<_>>().concat());
        }
    }
    got
}

/// So many messages are no lag.
const MESSAGES: usize = 64;

/// How messages of H.264, of HEVC, of another codec and of any begin.
const HEADS: [&[&[u8]]; 4] = [
    &[
        &[0x17, 0, 0, 0, 0],
        &[0x17, 1, 0, 0, 80],
        &[0x27, 1, 0, 0, 0],
        b"\x90avc1",
        b"\x93avc1",
        b"\xA1avc1\0\0\x50",
        b"\x96\x03avc1\x01",
    ],
    &[
        &[0x1C, 0, 0, 0, 0],
        &[0x1C, 1, 0, 0, 80],
        &[0x2C, 1, 0, 0, 0],
        b"\x90hvc1",
        b"\x91hvc1\0\0\x50",
        b"\x96\x00hvc1\x01",
        b"\x96\x03hvc1\x01",
    ],
    &[&[0x1D, 0, 0, 0, 0], &[0x1D, 1, 0, 0, 0], &[0x2D, 2, 0, 0, 0]],
    &[b""],
];
