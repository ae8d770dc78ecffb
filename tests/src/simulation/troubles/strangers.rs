//! Who speaks no RTMP, or speaks it and means no good.

use crate::simulation::director::Director;
use crate::simulation::setting::Way;
use crate::world::ms;

pub(super) fn speaks_http(director: &mut Director) -> bool {
    comes(director, "http", b"GET /live/cam.flv HTTP/1.1\r\nHost: media.example\r\n\r\n")
}

pub(super) fn speaks_tls(director: &mut Director) -> bool {
    let bytes = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3][..], &random(director, 200)].concat();
    comes(director, "tls", &bytes)
}

pub(super) fn speaks_rtmpe(director: &mut Director) -> bool {
    let version = director.dice.pick(&[6, 8, 9]);
    let bytes = [&[version][..], &random(director, 1_536)].concat();
    comes(director, "rtmpe", &bytes)
}

pub(super) fn speaks_another_version(director: &mut Director) -> bool {
    let version = director.dice.pick(&[0, 1, 2, 4, 31]);
    let bytes = [&[version][..], &random(director, 1_536)].concat();
    comes(director, "unknown-version", &bytes)
}

pub(super) fn speaks_at_random(director: &mut Director) -> bool {
    let bytes = [&[0xF1][..], &random(director, 2_000)].concat();
    comes(director, "random-bytes", &bytes)
}

pub(super) fn speaks_at_random_behind_its_handshake(director: &mut Director) -> bool {
    // A command of 256 bytes, so that more than the first byte is looked at.
    let header = [3, 0, 0, 0, 0, 1, 0, 20, 0, 0, 0, 0];
    let bytes = [&HANDSHAKE[..], &header, &random(director, 3_000)].concat();
    comes(director, "random-behind-handshake", &bytes)
}

pub(super) fn stops_in_its_handshake(director: &mut Director) -> bool {
    let count = director.dice.up_to(HANDSHAKE.len()) - 1;
    comes(director, "handshake-stops", &HANDSHAKE[..count])
}

/// A few bytes now and then.
pub(super) fn trickles_through_its_handshake(director: &mut Director) -> bool {
    let way = Way::roll(&mut director.dice);
    let link = way.link(&mut director.dice);
    let Some(stranger) = director.stranger_comes(&HANDSHAKE[..1], link) else { return false };
    director.count("handshake-trickles");
    for drop in 1..12 {
        director.after(ms(600 * drop), move |director| {
            director.strangers[stranger].with(|stranger| stranger.say(&HANDSHAKE[1..8]));
        });
    }
    true
}

pub(super) fn greets_and_waits(director: &mut Director) -> bool {
    comes(director, "greets-and-waits", &HANDSHAKE)
}

pub(super) fn sends_a_message_too_long(director: &mut Director) -> bool {
    // 300 000 bytes of a command.
    let header = [3, 0, 0, 0, 0x04, 0x93, 0xE0, 20, 0, 0, 0, 0];
    comes(director, "message-too-long", &[&HANDSHAKE[..], &header].concat())
}

pub(super) fn opens_too_many_chunk_streams(director: &mut Director) -> bool {
    let mut bytes = HANDSHAKE.to_vec();
    for number in 0..200 {
        // An empty message on each.
        bytes.extend_from_slice(&[0, number, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0]);
    }
    comes(director, "too-many-chunk-streams", &bytes)
}

pub(super) fn leaves_too_much_unfinished(director: &mut Director) -> bool {
    let mut bytes = HANDSHAKE.to_vec();
    // Messages of 250 000 bytes, of which 77 000 come.
    for chunk_stream in 3..12 {
        bytes.extend_from_slice(&[chunk_stream, 0, 0, 0, 0x03, 0xD0, 0x90, 20, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[7; 128]);
        for _ in 0..600 {
            bytes.push(0xC0 | chunk_stream);
            bytes.extend_from_slice(&[7; 128]);
        }
    }
    comes(director, "too-much-unfinished", &bytes)
}

fn comes(director: &mut Director, fault: &str, bytes: &[u8]) -> bool {
    let way = Way::roll(&mut director.dice);
    let link = way.link(&mut director.dice);
    let came = director.stranger_comes(bytes, link).is_some();
    if came {
        director.count(fault);
        director.tell(|| format!("a stranger comes: {fault}"));
    }
    came
}

fn random(director: &mut Director, count: usize) -> Vec<u8> {
    (0..count.div_ceil(8)).flat_map(|_| director.dice.roll().to_be_bytes()).take(count).collect()
}

/// C0, C1 and C2 of a client that does not look at what it gets.
const HANDSHAKE: [u8; 1 + 1_536 + 1_536] = [3; 3_073];
