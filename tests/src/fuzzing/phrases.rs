//! Phrases: what a peer says, a piece at a time: by the book, nearly so, or not at all.
//!
//! A few choices are a whole `connect` or a keyframe, so that whoever tries bytes at random soon publishes and plays.

use bytes::Bytes;

use super::choices::Choices;
use crate::peer::amf::{Amf, write_all};
use crate::peer::codec::{ChunkWriter, Framing, Headers};
use crate::peer::handshake::{Handshake, HandshakeKind};
use crate::peer::message::{ChunkStream, Message, StreamId, TypeId, UserControl};

/// One side of a connection, which speaks.
#[derive(Debug)]
pub(super) struct Speaker {
    writer: ChunkWriter,
    media_millis: u32,
    transaction: u32,
}

impl Speaker {
    pub(super) fn new() -> Self {
        Self { writer: ChunkWriter::new(), media_millis: 0, transaction: 0 }
    }

    // --- Clients -------------------------------------------------------------------------------------------

    /// What a client says next.
    pub(super) fn client_says(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        match choices.below(24) {
            0 => hello(choices),
            1 => self.connect(choices),
            2 => self.call(StreamId::CONNECTION, "createStream", &[Amf::Null]),
            3 => self.on_stream("publish", choices),
            4 => self.on_stream("play", choices),
            5..=7 => self.media(choices),
            8 => {
                // The same again and again, so that a little is much.
                let count = choices.below(64);
                let message = self.next_media(choices);
                let mut said = Vec::new();
                for _ in 0..count {
                    if said.len() > BURST_BYTES {
                        break;
                    }
                    self.media_millis = self.media_millis.wrapping_add(20);
                    said.extend(
                        self.written(&Message { timestamp_ms: self.media_millis, ..message.clone() }),
                    );
                }
                said
            }
            9 => self.end(choices),
            10 => self.adjust(choices),
            11 => self.metadata(choices),
            12 => self.whole_beginning("publish", choices),
            13 => self.whole_beginning("play", choices),
            other => self.anything(other, choices),
        }
    }

    /// A client that does what `verb` says from its first byte on: handshake, connect, createStream and the verb.
    pub(super) fn whole_beginning(&mut self, verb: &str, choices: &mut Choices<'_>) -> Vec<u8> {
        let mut said = [&[3][..], &[0; 2 * PACKET_BYTES]].concat();
        said.extend(self.set_chunk_size(4_096));
        let connect = Amf::object([("app", "live".into())]);
        said.extend(self.call(StreamId::CONNECTION, "connect", &[connect]));
        said.extend(self.call(StreamId::CONNECTION, "createStream", &[Amf::Null]));
        let name = choices.pick(NAMES);
        said.extend(self.call(StreamId(1), verb, &[Amf::Null, name.into()]));
        said
    }

    fn connect(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        let app = choices.pick(APPS);
        let tc_url = choices.pick(&["rtmp://host/live", "", "rtmp://host/other?token=2", "'rtmp://host'"]);
        let mut object = vec![("app".to_owned(), Amf::from(app)), ("tcUrl".to_owned(), Amf::from(tc_url))];
        let stated: Option<(&str, Amf)> = match choices.byte() {
            encoding @ (0 | 3 | 7) => Some(("objectEncoding", f64::from(encoding).into())),
            caps_ex @ (8..=15) => Some(("capsEx", f64::from(caps_ex).into())),
            16 => Some(("fourCcList", Amf::StrictArray(vec!["hvc1".into()]))),
            17 => Some(("fourCcList", Amf::StrictArray(vec!["*".into()]))),
            18 => Some(("videoFourCcInfoMap", Amf::object([("hvc1", 1.0.into())]))),
            19 => Some(("videoFourCcInfoMap", Amf::object([("*", 0.0.into())]))),
            20 => Some(("audioFourCcInfoMap", Amf::object([("Opus", 4.0.into())]))),
            _ => None,
        };
        object.extend(stated.map(|(name, value)| (name.to_owned(), value)));
        self.call(StreamId::CONNECTION, "connect", &[Amf::Object(object)])
    }

    fn on_stream(&mut self, verb: &str, choices: &mut Choices<'_>) -> Vec<u8> {
        let stream = stream(choices);
        let name = choices.pick(NAMES);
        let mut values = vec![Amf::Null, name.into()];
        match choices.below(4) {
            0 => {}
            1 => values.push("live".into()),
            2 => values.extend([Amf::from(-2.0), Amf::from(-1.0), Amf::from(false)]),
            _ => drop(values.remove(0)),
        }
        self.call(stream, verb, &values)
    }

    fn end(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        let stream = stream(choices);
        match choices.below(5) {
            0 => self.call(StreamId::CONNECTION, "deleteStream", &[Amf::Null, f64::from(stream.0).into()]),
            1 => self.call(stream, "closeStream", &[Amf::Null]),
            2 => {
                let name = choices.pick(NAMES);
                self.call(StreamId::CONNECTION, "FCUnpublish", &[Amf::Null, name.into()])
            }
            3 => {
                let name = choices.pick(NAMES);
                self.call(StreamId::CONNECTION, "deleteStream", &[Amf::Null, name.into()])
            }
            _ => self.call(StreamId::CONNECTION, "close", &[Amf::Null]),
        }
    }

    fn adjust(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        let stream = stream(choices);
        let verb = choices.pick(&["pause", "receiveVideo", "receiveAudio", "seek", "pauseRaw"]);
        let flag = choices.flag();
        self.call(stream, verb, &[Amf::Null, flag.into(), 0.0.into()])
    }

    // --- Servers -------------------------------------------------------------------------------------------

    /// What a server says next.
    pub(super) fn server_says(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        match choices.below(22) {
            0 => [&[3][..], &[choices.byte(); 2 * PACKET_BYTES]].concat(),
            1 => self.answer("_result", choices),
            2 => self.answer("_error", choices),
            3 => self.status(choices),
            4 => self.status_of("status", choices.pick(&STARTS), StreamId(1)),
            5 | 6 => self.media(choices),
            7 => self.metadata(choices),
            8 => {
                // All answers that a client waits for, whatever it asks.
                let mut said = self.answer_of("_result", 1.0, &[Amf::Null, Amf::object([])]);
                let last = f64::from(choices.pick(&[4_u8, 2, 3]));
                said.extend(self.answer_of("_result", last, &[Amf::Null, 1.0.into()]));
                STARTS.iter().for_each(|code| said.extend(self.status_of("status", code, StreamId(1))));
                said
            }
            9 => {
                let event = choices
                    .pick(&[UserControl::StreamEof(StreamId(1)), UserControl::StreamBegin(StreamId(1))]);
                self.control(TypeId::USER_CONTROL, &event.to_payload())
            }
            other => self.anything(other + 4, choices),
        }
    }

    fn answer(&mut self, name: &str, choices: &mut Choices<'_>) -> Vec<u8> {
        let number = choices.pick(&[1.0, 2.0, 3.0, 4.0, 5.0, 0.0, f64::NAN]);
        let what = match choices.below(7) {
            0 => 1.0.into(),
            1 => Amf::object([("fmsVer", "FMS/3,0,1,123".into()), ("capabilities", 31.0.into())]),
            2 => Amf::Null,
            3 => choices.pick(&[0.0, -1.0, 1e300, f64::NAN, 7.5]).into(),
            4 => Amf::object([("code", choices.pick(CODES).into()), ("level", "error".into())]),
            5 => Amf::object([(
                "ex",
                Amf::object([("redirect", "rtmp://other/live".into()), ("code", 302.0.into())]),
            )]),
            _ => value(choices),
        };
        self.answer_of(name, number, &[Amf::Null, what])
    }

    fn answer_of(&mut self, name: &str, number: f64, values: &[Amf]) -> Vec<u8> {
        let payload = [write_all(&[name.into(), number.into()]), write_all(values)].concat();
        self.message(ChunkStream::COMMAND, StreamId::CONNECTION, TypeId::COMMAND_AMF0, payload.into())
    }

    fn status(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        let level = choices.pick(&["status", "error", "warning", ""]);
        let code = choices.pick(CODES);
        let stream = stream(choices);
        self.status_of(level, code, stream)
    }

    fn status_of(&mut self, level: &str, code: &str, stream: StreamId) -> Vec<u8> {
        let status = Amf::object([("level", level.into()), ("code", code.into())]);
        let payload = write_all(&["onStatus".into(), 0.0.into(), Amf::Null, status]);
        self.message(ChunkStream(5), stream, TypeId::COMMAND_AMF0, payload.into())
    }

    // --- Both ----------------------------------------------------------------------------------------------

    /// What either side may say, and what neither may.
    fn anything(&mut self, which: usize, choices: &mut Choices<'_>) -> Vec<u8> {
        match which {
            14 => {
                let stream = stream(choices);
                let name = choices.pick(VERBS);
                let values: Vec<Amf> = (0..choices.below(5)).map(|_| value(choices)).collect();
                self.call(stream, name, &values)
            }
            15 => {
                let kind = choices.pick(&[
                    TypeId::WINDOW_ACK_SIZE,
                    TypeId::SET_PEER_BANDWIDTH,
                    TypeId::ACKNOWLEDGEMENT,
                    TypeId::ABORT,
                ]);
                let word = choices.pick(&[20_000, 0, 3, 4, 5, 6, 1_000, u32::MAX]);
                let mut payload = word.to_be_bytes().to_vec();
                payload.extend((kind == TypeId::SET_PEER_BANDWIDTH).then_some(2));
                self.control(kind, &payload)
            }
            16 => {
                let mut payload = vec![0, choices.byte() % 34];
                payload.extend_from_slice(choices.take(4));
                self.control(TypeId::USER_CONTROL, &payload)
            }
            17 => {
                let size: u32 = choices.pick(&[4_096, 128, 1, 60_000, 0x00FF_FFFF]);
                self.set_chunk_size(size)
            }
            18 => self.aggregate(choices),
            19 => {
                let (kind, stream) = (TypeId(choices.byte()), stream(choices));
                let payload = Bytes::copy_from_slice(choices.some());
                self.message(ChunkStream(3 + u32::from(kind.0 % 8)), stream, kind, payload)
            }
            20 => {
                // A message that is interrupted by whatever comes next.
                let message = self.next_media(choices);
                let mut unfinished = self.writer.begin(&message, Framing::FULL);
                self.writer.next_chunk(&mut unfinished).unwrap_or_default()
            }
            21 => {
                // Any header, with what follows it.
                let header = choices.take(12);
                [header, choices.some()].concat()
            }
            22 => choices.many().to_vec(),
            _ => choices.some().to_vec(),
        }
    }

    fn media(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        let message = self.next_media(choices);
        self.written(&message)
    }

    fn next_media(&mut self, choices: &mut Choices<'_>) -> Message {
        let what = choices.byte();
        let (type_id, head) = match usize::from(what & 0x1F) {
            // The last of these numbers stand for many.
            index if index >= MEDIA.len() => choices.pick(OF_TRACKS),
            index => MEDIA[index],
        };
        let stream = if what & 0x20 == 0 { StreamId(1) } else { stream(choices) };
        let step = if what & 0x40 == 0 { 40 } else { choices.pick(STEPS) };
        let length = if what & 0x80 == 0 { 20 } else { choices.pick(&[300, 0, 1, 2_000, 6_000, 70_000]) };
        self.media_millis = self.media_millis.wrapping_add_signed(step);
        let mut payload = head.to_vec();
        if !head.is_empty() {
            payload.resize(head.len() + length, 0x55);
        }
        Message {
            chunk_stream: if type_id == TypeId::VIDEO { ChunkStream::VIDEO } else { ChunkStream::AUDIO },
            timestamp_ms: self.media_millis,
            type_id,
            stream,
            payload: payload.into(),
        }
    }

    fn metadata(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        let said = Amf::ecma_array([("width", f64::from(choices.byte()).into())]);
        let values = match choices.below(4) {
            0 => vec!["@setDataFrame".into(), "onMetaData".into(), said],
            1 => vec!["onMetaData".into(), said],
            2 => vec!["@clearDataFrame".into(), "onMetaData".into()],
            _ => vec!["onTextData".into(), said],
        };
        let stream = stream(choices);
        self.message(ChunkStream::AUDIO, stream, TypeId::DATA_AMF0, write_all(&values).into())
    }

    fn aggregate(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        let mut payload = Vec::new();
        for _ in 0..choices.below(9) {
            let part = self.next_media(choices);
            let length = (part.payload.len() as u32).to_be_bytes();
            let [high, time @ ..] = part.timestamp_ms.to_be_bytes();
            payload.push(part.type_id.0);
            payload.extend_from_slice(&length[1..]);
            payload.extend_from_slice(&time);
            payload.extend_from_slice(&[high, 0, 0, 0]);
            payload.extend_from_slice(&part.payload);
            payload.extend_from_slice(&(part.payload.len() as u32 + 11).to_be_bytes());
        }
        payload.truncate(payload.len() - payload.len().min(choices.below(20)));
        self.message(ChunkStream::AUDIO, StreamId(1), TypeId::AGGREGATE, payload.into())
    }

    fn call(&mut self, stream: StreamId, name: &str, values: &[Amf]) -> Vec<u8> {
        self.transaction += 1;
        let payload = [write_all(&[name.into(), f64::from(self.transaction).into()]), write_all(values)];
        let chunk_stream =
            if stream == StreamId::CONNECTION { ChunkStream::COMMAND } else { ChunkStream::STREAM_COMMAND };
        self.message(chunk_stream, stream, TypeId::COMMAND_AMF0, payload.concat().into())
    }

    fn set_chunk_size(&mut self, size: u32) -> Vec<u8> {
        let said = self.control(TypeId::SET_CHUNK_SIZE, &size.to_be_bytes());
        self.writer.set_chunk_size(size);
        said
    }

    fn control(&mut self, type_id: TypeId, payload: &[u8]) -> Vec<u8> {
        let payload = Bytes::copy_from_slice(payload);
        self.message(ChunkStream::CONTROL, StreamId::CONNECTION, type_id, payload)
    }

    fn message(
        &mut self,
        chunk_stream: ChunkStream,
        stream: StreamId,
        type_id: TypeId,
        payload: Bytes,
    ) -> Vec<u8> {
        let timestamp_ms = if type_id.is_control() { 0 } else { self.media_millis };
        self.written(&Message { chunk_stream, timestamp_ms, type_id, stream, payload })
    }

    fn written(&mut self, message: &Message) -> Vec<u8> {
        let framing = self.writer.framing_for(message, Headers::Compact);
        let mut said = Vec::new();
        self.writer.write(message, framing, &mut said);
        said
    }
}

fn hello(choices: &mut Choices<'_>) -> Vec<u8> {
    let kind = choices.pick(&[HandshakeKind::Simple, HandshakeKind::DigestFirst, HandshakeKind::KeyFirst]);
    // C2 is not judged.
    [&Handshake::new(kind, 1).opening()[..], &[7; PACKET_BYTES]].concat()
}

fn stream(choices: &mut Choices<'_>) -> StreamId {
    StreamId(choices.pick(&[1, 2, 0, 3, 16, 17, u32::MAX]))
}

fn value(choices: &mut Choices<'_>) -> Amf {
    match choices.below(12) {
        0 => Amf::Null,
        1 => choices.pick(NAMES).into(),
        2 => f64::from(choices.byte()).into(),
        3 => choices.flag().into(),
        4 => choices.pick(&[-1.0, f64::NAN, 1e300, f64::NEG_INFINITY, 0.5]).into(),
        5 => Amf::object([("code", choices.pick(CODES).into())]),
        6 => Amf::Undefined,
        7 => Amf::ecma_array([]),
        8 => Amf::StrictArray(vec![Amf::Null, "live".into()]),
        9 => choices.pick(APPS).into(),
        10 => Amf::LongString("x".repeat(usize::from(choices.u16()))),
        _ => String::from_utf8_lossy(choices.some()).as_ref().into(),
    }
}

/// What comes at once of long messages: more than an outbox holds.
const BURST_BYTES: usize = 100_000;

/// C1, C2, S1 and S2.
const PACKET_BYTES: usize = 1_536;

/// What is published and played: often the same.
const NAMES: &[&str] = &[
    "cam",
    "other",
    "cam?token=1",
    "/cam/",
    "a/b",
    "mp4:cam",
    "",
    "..",
    "a\nb",
    "third",
    "cam?role=backup",
    "cam?form=legacy",
    "cam?form=one-track",
    "cam?track=1",
    "cam?form=legacy&track=2",
    "other?track=0&form=full",
    "cam?form=none",
];

const APPS: &[&str] = &["live", "", "a", "live?key=1", "'live'", "/live//", "a/../b"];

const VERBS: &[&str] = &[
    "connect",
    "createStream",
    "publish",
    "play",
    "releaseStream",
    "FCPublish",
    "FCUnpublish",
    "FCSubscribe",
    "FCUnsubscribe",
    "closeStream",
    "deleteStream",
    "pause",
    "receiveAudio",
    "receiveVideo",
    "seek",
    "ping",
    "close",
    "getStreamLength",
    "_checkbw",
    "_result",
    "_error",
    "onStatus",
    "onBWDone",
    "whatever",
];

const STARTS: [&str; 2] = ["NetStream.Publish.Start", "NetStream.Play.Start"];

const CODES: &[&str] = &[
    "NetStream.Publish.Start",
    "NetStream.Play.Start",
    "NetStream.Play.Reset",
    "NetStream.Play.Stop",
    "NetStream.Play.UnpublishNotify",
    "NetStream.Play.StreamNotFound",
    "NetStream.Publish.BadName",
    "NetStream.Unpublish.Success",
    "NetConnection.Connect.Success",
    "NetConnection.Connect.Rejected",
    "NetConnection.Connect.Closed",
    "",
];

/// How far a publisher's clock moves, in milliseconds: little, not at all, back, and beyond what a clock may.
const STEPS: &[i32] =
    &[40, 0, 20, 1_000, 5_000, 10_000, 10_001, -40, -1_000, -100_000, 0x0100_0000, i32::MIN];

/// Beginnings of payloads, of each kind that is told apart.
const MEDIA: &[(TypeId, &[u8])] = &[
    (TypeId::VIDEO, b"\x17\x01\0\0\0"),
    (TypeId::VIDEO, b"\x27\x01\0\0\0"),
    (TypeId::AUDIO, b"\xAF\x01"),
    (TypeId::VIDEO, b"\x17\0\0\0\0\x01\x64"),
    (TypeId::AUDIO, b"\xAF\0\x12\x10"),
    (TypeId::VIDEO, b"\x17\x02\0\0\0"),
    (TypeId::VIDEO, b"\x90hvc1"),
    (TypeId::VIDEO, b"\x91hvc1\0\0\0"),
    (TypeId::VIDEO, b"\xA3hvc1"),
    (TypeId::VIDEO, b"\x92hvc1"),
    (TypeId::VIDEO, b"\x94hvc1"),
    (TypeId::VIDEO, b"\x96\x01av01\x02"),
    (TypeId::VIDEO, b"\x96\x00av01\x02"),
    (TypeId::VIDEO, b"\x97\x02\0\0\0\x01hvc1"),
    (TypeId::VIDEO, b"\x12"),
    (TypeId::VIDEO, b"\x22"),
    (TypeId::VIDEO, b""),
    (TypeId::AUDIO, b""),
    (TypeId::AUDIO, b"\x2F"),
    (TypeId::AUDIO, b"\x90Opus"),
    (TypeId::AUDIO, b"\x91Opus"),
    (TypeId::AUDIO, b"\x92Opus"),
    (TypeId::AUDIO, b"\x94Opus\0\x02"),
    (TypeId::AUDIO, b"\x95\x00Opus\x03"),
    (TypeId::AUDIO, b"\x95\x01Opus\x03"),
    (TypeId::AUDIO, b"\x97\x00\0\x01Opus"),
    (TypeId::VIDEO, b"\x57\x00"),
    (TypeId::DATA_AMF0, b"\x02\0\x0AonTextData\x05"),
    (TypeId::DATA_AMF0, b"\x05"),
    (TypeId::VIDEO, b"\x17"),
];

/// The same of streams of several tracks, and of what the forms of a stream change. A size of 20 is that of what mostly follows.
const OF_TRACKS: &[(TypeId, &[u8])] = &[
    (TypeId::VIDEO, b"\x90avc1\x01\x64"),
    (TypeId::VIDEO, b"\x91avc1\0\0\x42"),
    (TypeId::VIDEO, b"\xA3avc1"),
    (TypeId::AUDIO, b"\x90mp4a\x12\x10"),
    (TypeId::AUDIO, b"\x91mp4a"),
    (TypeId::VIDEO, b"\x96\x00avc1\x01\x01\x64"),
    (TypeId::VIDEO, b"\x96\x01avc1\x01\0\0\0"),
    (TypeId::VIDEO, b"\xA6\x03avc1\x01"),
    (TypeId::VIDEO, b"\x96\x03hvc1\x01"),
    (TypeId::AUDIO, b"\x95\x00mp4a\x01\x12\x10"),
    (TypeId::AUDIO, b"\x95\x01mp4a\x01"),
    (TypeId::AUDIO, b"\x95\x01mp4a\x02"),
    (TypeId::VIDEO, b"\x96\x10avc1\0\0\0\x02ab\x01\0\0\x14"),
    (TypeId::VIDEO, b"\x96\x11avc1\0\0\0\x05\0\0\0ab\x02\0\0\x14"),
    (TypeId::VIDEO, b"\xA6\x13avc1\0\0\0\x02ab\x01\0\0\x14"),
    (TypeId::VIDEO, b"\x96\x20hvc1\0\0\0\x02ababcd\x01\0\0\x02cdavc1\x02\0\0\x14"),
    (TypeId::VIDEO, b"\x96\x23hvc1\0\0\0\x02ababcd\x01\0\0\x02cdavc1\x02\0\0\x14"),
    (TypeId::AUDIO, b"\x95\x10mp4a\0\0\0\x02\x12\x10\x01\0\0\x14"),
    (TypeId::AUDIO, b"\x95\x11mp4a\0\0\0\x02ab\x01\0\0\x14"),
    (TypeId::VIDEO, b"\x97\x02\0\0\0\x01avc1\0\0\0"),
    (TypeId::VIDEO, b"\x97\x02\0\0\0\x06\x11avc1\0\0\0\x05\0\0\0ab\x01\0\0\x14"),
    (TypeId::VIDEO, b"\x92avc1"),
    (TypeId::AUDIO, b"\x95\x02mp4a\x01"),
];
