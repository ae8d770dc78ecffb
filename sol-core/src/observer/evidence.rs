//! Evidence: how much likelier bytes are as a chunk header than by chance.
//!
//! Whoever begins in the middle of a connection has nothing but this. Each field of a header (RTMP 1.0, 5.3.1) and the first
//! bytes of the payload behind it speak for or against, and what they say is added up. The numbers are rounded logarithms:
//! what encoders and servers send, against bytes that are all equally likely.
//!
//! Invariant: evidence depends on the header, the state of its lane, and [`PAYLOAD_BYTES`] of payload, on nothing else.

use std::ops::{Add, AddAssign};

use crate::chunk::{ChunkHeader, EXTENDED_FIELD, Format, LaneState};
use crate::ids::{ChunkStreamId, MessageType};
use crate::media::Codec;

/// Bits of evidence: with each one more, bytes are twice as likely to be what they are taken for. Negative ones speak against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Evidence(i32);

/// First bytes of a payload that are looked at: enough for the header of a frame, the name of a codec, the length of a name.
pub(super) const PAYLOAD_BYTES: usize = 10;

impl Evidence {
    pub(super) const NONE: Evidence = Evidence(0);

    /// From here on a header may be where understanding begins, if what follows bears it out.
    pub(super) const CANDIDATE: Evidence = Evidence(30);

    /// Enough for a place in the middle, together with what follows it. Of 100 MB of noise, one recording in a million has a place
    /// with as much.
    pub(super) const ENOUGH: Evidence = Evidence(48);

    /// So much that one header behind the first will do.
    pub(super) const AMPLE: Evidence = Evidence(64);

    /// Enough for a place within a few thousand bytes, of which one must be it.
    pub(super) const ENOUGH_NEARBY: Evidence = Evidence(30);

    /// From here on one of those places may be it.
    pub(super) const CANDIDATE_NEARBY: Evidence = Evidence(4);

    /// What follows a doubtful header must have so much for it to be believed.
    pub(super) const BELIEVED: Evidence = Evidence(24);

    /// Below this, a header is doubtful where one is due.
    pub(super) const DOUBTFUL: Evidence = Evidence(0);

    /// Below this, no header is where one should follow.
    pub(super) const CONTRADICTED: Evidence = Evidence(-8);

    /// A message ends exactly where the stream does.
    pub(super) const ENDS_WITH_THE_STREAM: Evidence = Evidence(10);

    /// The same where every byte from the first on was seen. By chance no length ends there.
    pub(super) const ENDS_WITH_THE_WHOLE_STREAM: Evidence = Evidence(i32::MAX);

    /// One byte is what it has to be.
    pub(super) const ONE_BYTE: Evidence = Evidence(8);

    /// Four more are: an extended timestamp came again.
    pub(super) const FOUR_BYTES: Evidence = Evidence(32);

    /// One of a few was picked.
    pub(super) const PICKED_OF_FEW: Evidence = Evidence(-6);

    /// One of very many was picked.
    pub(super) const PICKED_OF_MANY: Evidence = Evidence(-10);

    /// Of a header with the payload behind it, as far as that came. `lane` is what is known of its lane.
    pub(super) fn of(header: &ChunkHeader, lane: Option<&LaneState>, payload: &[u8]) -> Evidence {
        let id = of_chunk_stream(header.basic.chunk_stream, lane);
        let under_way = lane.is_some_and(|lane| lane.missing.is_some());
        let interrupts = if under_way { Evidence(-12) } else { Evidence::NONE };
        match (header.basic.format, lane) {
            (Format::Same, Some(LaneState { missing: Some(_), .. })) => Evidence::ONE_BYTE,
            (Format::Same, Some(lane)) => id + of_payload(lane.kind, lane.length, payload),
            (Format::SameShape, Some(lane)) => {
                id + of_delta(header) + interrupts + of_payload(lane.kind, lane.length, payload)
            }
            (Format::Same, None) => id + of_any_media(payload),
            (Format::SameShape, None) => id + of_delta(header) + of_any_media(payload),
            (Format::SameStream, _) => id + of_delta(header) + interrupts + of_message(header, payload),
            (Format::Full, _) => {
                id + of_time(header) + of_stream(header) + interrupts + of_message(header, payload)
            }
        }
    }

    /// What of it is no reason to doubt, where chunks are read: a message of that type was accepted in this lane before, whatever
    /// its type and its first bytes are like. A search goes without, since what it meets was not accepted by anybody.
    pub(super) fn excused(header: &ChunkHeader, lane: Option<&LaneState>, payload: &[u8]) -> Evidence {
        let Some(lane) = lane else { return Evidence::NONE };
        let (kind, length) = match header.basic.format {
            Format::Same | Format::SameShape => (Evidence::NONE, lane.length),
            Format::SameStream | Format::Full if header.kind != lane.kind => return Evidence::NONE,
            Format::SameStream | Format::Full => (of_kind(header.kind), header.length as usize),
        };
        let payload = of_payload(lane.kind, length, payload);
        Evidence(-kind.min(Evidence::NONE).0 - payload.min(Evidence::NONE).0)
    }

    /// The same so many times over.
    pub(super) fn times(self, count: usize) -> Evidence {
        Evidence(self.0.saturating_mul(i32::try_from(count).unwrap_or(i32::MAX)))
    }
}

impl Add for Evidence {
    type Output = Evidence;

    fn add(self, other: Evidence) -> Evidence {
        Evidence(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Evidence {
    fn add_assign(&mut self, other: Evidence) {
        *self = *self + other;
    }
}

fn of_chunk_stream(id: ChunkStreamId, lane: Option<&LaneState>) -> Evidence {
    Evidence(if lane.is_some() { 6 } else { up_to(id.get(), &[(8, 3), (63, 0), (319, -3)], -6) })
}

/// Most headers that repeat something say how many milliseconds passed.
fn of_delta(header: &ChunkHeader) -> Evidence {
    Evidence(match header.extended {
        true => of_extended(header.time),
        false => up_to(header.time, &[(255, 15), (1_000, 13), (10_000, 9), (0xFFFF, 5)], -6),
    })
}

/// Absolute times are anything up to the length of the stream.
fn of_time(header: &ChunkHeader) -> Evidence {
    Evidence(match header.extended {
        true => of_extended(header.time),
        false => up_to(header.time, &[(0, 8), (3_600_000, 1)], 0),
    })
}

/// 5.3.1.3: the field is there for what 24 bits cannot hold.
const fn of_extended(value: u32) -> i32 {
    if value >= EXTENDED_FIELD { 4 } else { -10 }
}

fn of_stream(header: &ChunkHeader) -> Evidence {
    Evidence(match header.stream {
        0 if is_control(header.kind) => 28,
        stream => up_to(stream, &[(15, 26), (255, 20), (0xFFFF, 8)], -12),
    })
}

/// Type, length and payload of a message that begins. Zeros are common wherever nothing of this is, so that an empty message
/// speaks against a header.
fn of_message(header: &ChunkHeader, payload: &[u8]) -> Evidence {
    let (kind, length) = (header.kind, header.length);
    of_kind(kind) + of_length(kind, length) + of_payload(kind, length as usize, payload)
}

fn of_kind(kind: MessageType) -> Evidence {
    Evidence(match kind {
        MessageType::AUDIO | MessageType::VIDEO => 7,
        MessageType::COMMAND
        | MessageType::DATA
        | MessageType::USER_CONTROL
        | MessageType::ACKNOWLEDGEMENT => 3,
        kind if is_assigned(kind) => 0,
        _ => -10,
    })
}

fn of_length(kind: MessageType, length: u32) -> Evidence {
    const KIB: u32 = 1_024;
    const MIB: u32 = 1_024 * KIB;
    Evidence(match kind {
        MessageType::SET_CHUNK_SIZE
        | MessageType::ABORT
        | MessageType::ACKNOWLEDGEMENT
        | MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE => exactly(length == 4),
        MessageType::SET_PEER_BANDWIDTH => exactly(length == 5),
        MessageType::USER_CONTROL => exactly(length == 6 || length == 10),
        MessageType::AUDIO => up_to(length, &[(0, -15), (4 * KIB, 10), (64 * KIB, 6), (MIB, 0)], -10),
        MessageType::VIDEO => up_to(length, &[(0, -15), (64 * KIB, 7), (MIB, 4), (4 * MIB, 0)], -8),
        MessageType::COMMAND | MessageType::AMF3_COMMAND | MessageType::DATA | MessageType::AMF3_DATA => {
            up_to(length, &[(2, -10), (8 * KIB, 10), (64 * KIB, 5), (MIB, -4)], -15)
        }
        _ => up_to(length, &[(0, -15), (64 * KIB, 3)], -8),
    })
}

/// The bits of the first tier that `value` is not above; tiers are (largest value, bits).
fn up_to(value: u32, tiers: &[(u32, i32)], above: i32) -> i32 {
    tiers.iter().find(|(largest, _)| value <= *largest).map_or(above, |(_, bits)| *bits)
}

const fn exactly(is_it: bool) -> i32 {
    if is_it { 20 } else { -30 }
}

fn of_payload(kind: MessageType, length: usize, payload: &[u8]) -> Evidence {
    let payload = &payload[..payload.len().min(length).min(PAYLOAD_BYTES)];
    if payload.is_empty() {
        return Evidence::NONE;
    }
    Evidence(match kind {
        MessageType::AUDIO => of_audio(payload),
        MessageType::VIDEO => of_video(payload),
        MessageType::COMMAND | MessageType::DATA => of_name(payload),
        MessageType::AMF3_COMMAND | MessageType::AMF3_DATA => {
            of_name(payload.strip_prefix(&[0]).unwrap_or(payload))
        }
        MessageType::USER_CONTROL => match payload {
            [0, 0..=7 | 26..=32, ..] => 12,
            [0] => 0,
            _ => -6,
        },
        // More than 16 MiB at once would be strange to announce or to ask for, and less than 64 bytes as well.
        MessageType::SET_CHUNK_SIZE | MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE => match payload {
            [0, 0, 0, low, ..] if *low < 64 => -6,
            [0, ..] => 6,
            _ => -4,
        },
        MessageType::AGGREGATE => match payload {
            [8 | 9 | 18, ..] => 5,
            _ => -6,
        },
        _ => 0,
    })
}

/// What follows a header that does not say what its message is: nothing of it speaks against the header, since it may be the
/// middle of a message.
fn of_any_media(payload: &[u8]) -> Evidence {
    const ONE_OF_THREE: i32 = 3;
    let payload = &payload[..payload.len().min(PAYLOAD_BYTES)];
    let likeliest = if payload.is_empty() { 0 } else { of_audio(payload).max(of_video(payload)) };
    Evidence((likeliest - ONE_OF_THREE).max(0))
}

/// First bytes of an audio tag (FLV 10.1, E.4.2; Enhanced RTMP v2).
fn of_audio(payload: &[u8]) -> i32 {
    const ENHANCED: u8 = 9;
    if payload[0] >> 4 == ENHANCED {
        return of_four_cc(Codec::of_audio(payload).map(|(_, codec)| codec), payload);
    }
    match payload {
        [0xAF, 0 | 1, ..] => 14,
        [0xA0..=0xAE, 0 | 1, ..] => 9,
        [0xA0..=0xAF] => 3,
        [0xA0..=0xAF, ..] => -6,
        [0x20..=0x2F, 0xFF, 0xE0..=0xFF, ..] => 13,
        [0x00..=0x8F | 0xB0..=0xBF | 0xE0..=0xEF, ..] => 1,
        _ => -6,
    }
}

/// First bytes of a video tag (FLV 10.1, E.4.3; Enhanced RTMP v2).
fn of_video(payload: &[u8]) -> i32 {
    let first = payload[0];
    if first & 0x80 != 0 {
        return of_four_cc(Codec::of_video(payload).map(|(_, codec)| codec), payload);
    }
    match (first >> 4, first & 0x0F, &payload[1..]) {
        (5, ..) => 1,
        // With a packet type, and composition time behind it that is within some seconds.
        (1..=4, 7 | 12 | 13 | 14, [0..=2, 0, 0..=0x27, _, ..]) => 20,
        (1..=4, 7 | 12 | 13 | 14, [1, 0xFF, 0xD8..=0xFF, _, ..]) => 20,
        (1..=4, 7 | 12 | 13 | 14, [0..=2, _, _, _, ..]) => 6,
        (1..=4, 7 | 12 | 13 | 14, [] | [0..=2, ..]) => 10,
        (1..=4, 2..=6, _) => 4,
        _ => -8,
    }
}

/// Of an enhanced tag, by what its codec was read as.
fn of_four_cc(codec: Option<Codec>, payload: &[u8]) -> i32 {
    const ENOUGH_FOR_A_FOUR_CC: usize = 6;
    match codec {
        Some(Codec::UnknownFourCc(_)) => -8,
        Some(_) => 28,
        // A command to the player, or a ModEx that is longer than what is looked at.
        None if payload.len() >= ENOUGH_FOR_A_FOUR_CC => -2,
        None => 0,
    }
}

/// First bytes of a command or data message: a short AMF0 string (AMF0, 2.4) whose first letter begins a name.
fn of_name(payload: &[u8]) -> i32 {
    match payload {
        [2, 0, 1..=64, b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'@' | b'|', ..] => 20,
        [2, 0, 1..=64] | [2, 0] | [2] => 8,
        _ => -15,
    }
}

fn is_control(kind: MessageType) -> bool {
    matches!(kind.get(), 1..=6)
}

fn is_assigned(kind: MessageType) -> bool {
    matches!(kind.get(), 1..=6 | 8 | 9 | 15..=20 | 22)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amf::{Properties, Value, amf0};
    use crate::entropy::Entropy;

    #[test]
    fn what_encoders_and_servers_begin_messages_with_is_a_candidate() {
        let table: [(&str, &[u8]); 10] = [
            ("connect", b"\x03\0\0\0\0\0\xAB\x14\0\0\0\0\x02\0\x07connect"),
            ("createStream", b"\x43\0\0\0\0\0\x19\x14\x02\0\x0CcreateStream"),
            ("window", &[2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0x26, 0x25, 0xA0]),
            ("bandwidth", &[2, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 0, 0x26, 0x25, 0xA0, 2]),
            ("stream begin", &[2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            ("metadata", b"\x04\0\0\0\0\x01\x2D\x12\x01\0\0\0\x02\0\x0D@setDataFrame"),
            ("AVC", &[0x46, 0, 0, 40, 0, 0x02, 0x10, 9, 0x27, 1, 0, 0, 40, 0, 0, 2]),
            ("AAC", &[0x44, 0, 0, 23, 0, 1, 0x73, 8, 0xAF, 1, 0x21, 0x10]),
            ("HEVC", b"\x46\0\0\x28\0\x02\x10\x09\xA3hvc1\0\0\x02"),
            ("Opus", b"\x44\0\0\x14\0\0\xF0\x08\x91Opus\xFC"),
        ];
        for (name, bytes) in table {
            assert!(evidence_of(bytes) >= Evidence::CANDIDATE, "{name}: {:?}", evidence_of(bytes));
        }
    }

    #[test]
    fn where_nothing_begins_nothing_is_a_candidate() {
        let mut noise = vec![0; 300_000];
        Entropy::new([9; 32]).fill(&mut noise);
        let numbers = Properties::new().with("width", 1_280.0).with("height", 720.0).with("framerate", 25.0);
        let properties = numbers.with("stereo", true).with("encoder", "Lavf60.16.100").with("filesize", 0.0);
        let metadata = amf0::write_all(&["onMetaData".into(), Value::EcmaArray(properties)]);
        for bytes in [&noise, &vec![0; 100], &vec![0xFF; 100], &metadata] {
            for at in 0..bytes.len() - 32 {
                let evidence = evidence_of(&bytes[at..at + 32]);
                assert!(evidence < Evidence::CANDIDATE, "{evidence:?}: {:02X?}", &bytes[at..at + 32]);
            }
        }
    }

    #[test]
    fn only_so_much_of_a_payload_counts() {
        let bytes = [0x44, 0, 0, 23, 0, 1, 0x73, 8, 0xAF, 1, 0x21, 0x10, 4, 0x60, 0x8C, 0x1C, 0, 0];
        let (short, long) = (&bytes[..], [&bytes[..], &[0xEE; 40]].concat());
        assert_eq!(evidence_of(short), evidence_of(&long));
    }

    /// Of the header at the front of `bytes`, on a chunk stream that is not known.
    fn evidence_of(bytes: &[u8]) -> Evidence {
        let mut len = 1;
        while ChunkHeader::len_known(&bytes[..len]) > len {
            len = ChunkHeader::len_known(&bytes[..len]);
        }
        Evidence::of(&ChunkHeader::parse(&bytes[..len]), None, &bytes[len..])
    }
}
