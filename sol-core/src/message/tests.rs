use std::time::Duration;

use super::*;
use crate::amf::{Properties, Value, amf0};
use crate::ids::{ChunkStreamId, MessageStreamId, MessageType};
use crate::timestamp::Timestamp;

#[test]
fn control_messages_survive_writing_and_reading() {
    let all = [
        Control::SetChunkSize(65_536),
        Control::Abort(6),
        Control::Acknowledgement(u32::MAX),
        Control::WindowAcknowledgementSize(2_500_000),
        Control::SetPeerBandwidth { window: 2_500_000, limit: BandwidthLimit::Hard },
        Control::SetPeerBandwidth { window: 2_500_000, limit: BandwidthLimit::Soft },
        Control::SetPeerBandwidth { window: 2_500_000, limit: BandwidthLimit::Dynamic },
        Control::SetPeerBandwidth { window: 1, limit: BandwidthLimit::Unknown(9) },
    ];
    for control in all {
        assert_eq!(Control::parse(control.kind(), &control.body()), Some(control));
    }
}

#[test]
fn a_short_control_message_is_counted_and_kept() {
    let mut tolerance = Tolerance::new(false);
    let raw = raw(MessageType::SET_PEER_BANDWIDTH, &[0, 0, 1, 0]);
    let body = raw.body.clone();
    assert_eq!(
        Message::parse(&raw, &mut tolerance),
        Ok(Message::Unreadable {
            kind: MessageType::SET_PEER_BANDWIDTH,
            body,
            why: MessageError::ControlTooShort { length: 4 },
        })
    );
    assert_eq!(tolerance.counts().get(Quirk::ControlTooShort), 1);
}

#[test]
fn user_control_events_survive_writing_and_reading() {
    let stream = MessageStreamId::new(3);
    let all = [
        UserControl::StreamBegin(stream),
        UserControl::StreamEof(stream),
        UserControl::StreamDry(stream),
        UserControl::SetBufferLength { stream, length: Duration::from_millis(3_000) },
        UserControl::StreamIsRecorded(stream),
        UserControl::PingRequest(Timestamp::from_millis(77)),
        UserControl::PingResponse(Timestamp::from_millis(77)),
        UserControl::Unknown { event: 31, body: Bytes::from_static(&[0, 0, 0, 1]) },
        UserControl::Unknown { event: 26, body: Bytes::new() },
    ];
    for event in all {
        assert_eq!(UserControl::parse(&event.body().into()), Some(event));
    }
}

#[test]
fn a_user_control_event_without_its_fields_is_unreadable() {
    for body in [&[][..], &[0], &[0, 0, 0, 0, 1], &[0, 3, 0, 0, 0, 1, 0, 0]] {
        assert_eq!(UserControl::parse(&Bytes::copy_from_slice(body)), None);
    }
}

#[test]
fn a_command_is_read_by_type_where_a_client_leaves_something_out() {
    let key = Value::from("key");
    let cases = [
        (vec![Value::from("play"), 4.0.into(), Value::Null, key.clone()], 4.0),
        (vec![Value::from("play"), 4.0.into(), Value::Undefined, key.clone()], 4.0),
        (vec![Value::from("play"), 4.0.into(), key.clone()], 4.0),
        (vec![Value::from("play"), Value::Null, key.clone()], 0.0),
        (vec![Value::from("play"), key], 0.0),
    ];
    for (values, transaction) in cases {
        let command = parse_command(&amf0::write_all(&values)).unwrap();
        assert_eq!((command.name.as_str(), command.transaction), ("play", transaction));
        assert_eq!(command.strings().collect::<Vec<_>>(), ["key"], "{values:?}");
    }
}

#[test]
fn a_command_survives_writing_and_reading() {
    let command = Command::new("_result", 1.0, Properties::new().with("fmsVer", "FMS/3,5,7,7009"))
        .with(Properties::new().with("code", "NetConnection.Connect.Success"));
    assert_eq!(parse_command(&command.body()), Some(command));
}

#[test]
fn bytes_behind_a_readable_command_do_not_void_it() {
    let mut body = Command::new("createStream", 2.0, Value::Null).body().to_vec();
    body.push(0xEE);
    let mut tolerance = Tolerance::new(false);
    let command = Command::parse(&body, &mut tolerance).unwrap().unwrap();
    assert_eq!(command.name, "createStream");
    assert_eq!(tolerance.counts().get(Quirk::UnreadableMessage), 1);
}

#[test]
fn a_command_without_a_name_is_unreadable() {
    assert_eq!(parse_command(&[]), None);
    assert_eq!(parse_command(&amf0::write_all(&[5.0.into()])), None);
}

#[test]
fn what_cannot_be_read_says_which_rule_it_breaks() {
    let unreadable = |kind, body: &[u8]| match Message::parse(&raw(kind, body), &mut Tolerance::new(false)) {
        Ok(Message::Unreadable { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let number = amf0::write_all(&[5.0.into()]);
    assert_eq!(unreadable(MessageType::COMMAND, &number), MessageError::NameMissing);
    assert_eq!(unreadable(MessageType::COMMAND, &[]), MessageError::NameMissing);
    assert_eq!(unreadable(MessageType::COMMAND, &[0xEE]), AmfError::UnknownMarker(0xEE).into());
    assert_eq!(unreadable(MessageType::DATA, &number), MessageError::NameMissing);
    assert_eq!(
        unreadable(MessageType::DATA, &[2, 0, 9, b'o']),
        AmfError::Truncated { needed: 9, left: 1 }.into()
    );
    let short = MessageError::UserControlTooShort { length: 3 };
    assert_eq!(unreadable(MessageType::USER_CONTROL, &[0, 0, 1]), short);
}

#[test]
fn type_17_is_amf0_behind_a_zero_byte() {
    let command = Command::new("createStream", 2.0, Value::Null);
    for (body, quirks) in [([&[0][..], &command.body()].concat(), 0), (command.body().to_vec(), 1)] {
        let mut tolerance = Tolerance::new(false);
        let parsed = Message::parse(&raw(MessageType::AMF3_COMMAND, &body), &mut tolerance);
        assert_eq!(parsed, Ok(Message::Command(command.clone())));
        assert_eq!(tolerance.counts().get(Quirk::Amf3FormatByteMissing), quirks);
    }
}

#[test]
fn set_data_frame_is_taken_off_and_the_rest_passed_on_as_it_came() {
    let metadata = Value::EcmaArray(Properties::new().with("width", 160.0));
    let plain = amf0::write_all(&["onMetaData".into(), metadata.clone()]);
    let wrapped = amf0::write_all(&["@setDataFrame".into(), "onMetaData".into(), metadata]);
    for body in [&plain, &wrapped] {
        let data = Data::parse(Bytes::copy_from_slice(body)).unwrap();
        assert!(data.is_metadata());
        assert_eq!(data.payload(), &plain);
    }
    let typed =
        Message::parse(&raw(MessageType::AMF3_DATA, &[&[0][..], &plain].concat()), &mut Tolerance::new(true));
    let Ok(Message::Media(Media { content: Content::Data(data), .. })) = typed else { panic!("{typed:?}") };
    assert_eq!(data.payload(), &plain);
}

#[test]
fn data_with_values_that_cannot_be_read_is_passed_on_all_the_same() {
    let mut body = amf0::write_all(&["onTextData".into()]);
    body.extend([0xEE, 1, 2]);
    assert_eq!(Data::parse(body.clone().into()).unwrap().payload(), &body);
}

#[test]
fn an_aggregate_is_split_and_its_parts_keep_their_distances() {
    let mut body = tag(MessageType::AUDIO, 5_000, &[0xAF, 1]);
    body.extend(tag(MessageType::VIDEO, 5_040, &[0x27, 1]));
    body.extend(tag(MessageType::new(12), 5_050, &[]));
    let mut last = tag(MessageType::AUDIO, 5_063, &[0xAF, 2]);
    last.truncate(last.len() - 4);
    body.extend(last);
    let Ok(Message::Aggregate(parts)) =
        Message::parse(&raw(MessageType::AGGREGATE, &body), &mut Tolerance::new(true))
    else {
        panic!("an aggregate")
    };
    let media = |millis, content| Part::Media(Media { timestamp: Timestamp::from_millis(millis), content });
    assert_eq!(
        parts.collect::<Vec<_>>(),
        [
            media(1_000, Content::Audio(Bytes::from_static(&[0xAF, 1]))),
            media(1_040, Content::Video(Bytes::from_static(&[0x27, 1]))),
            Part::Unknown(12),
            media(1_063, Content::Audio(Bytes::from_static(&[0xAF, 2]))),
            Part::NoBackPointer,
        ]
    );
}

#[test]
fn an_aggregate_that_ends_inside_a_part_says_so_once() {
    let whole = tag(MessageType::AUDIO, 0, &[1, 2, 3]);
    for len in 1..whole.len() - 4 {
        let parts = Aggregate::new(Timestamp::ZERO, Bytes::copy_from_slice(&whole[..len]));
        assert_eq!(parts.collect::<Vec<_>>(), [Part::Truncated], "cut to {len} bytes");
    }
}

#[test]
fn every_assigned_type_becomes_a_value_of_its_own() {
    let word = [0, 1, 2, 3];
    let number = 0x0001_0203;
    let control = |control| Message::Control(control);
    let media = |content| Message::Media(Media { timestamp: Timestamp::from_millis(1_000), content });
    let text = amf0::write_all(&["onTextData".into(), Value::Null]);
    let data = || media(Content::Data(Data::parse(text.clone().into()).unwrap()));
    let command = Command::new("play", 4.0, Value::Null).with("cam");
    let amf3 = |body: &[u8]| [&[0], body].concat();
    let aggregate = tag(MessageType::AUDIO, 0, &[0xAF, 1]);
    let shared = || Message::SharedObject(Bytes::from_static(b"\0\x05score"));
    let table = [
        (1, word.to_vec(), control(Control::SetChunkSize(number))),
        (2, word.to_vec(), control(Control::Abort(number))),
        (3, word.to_vec(), control(Control::Acknowledgement(number))),
        (
            4,
            vec![0, 6, 0, 1, 2, 3],
            Message::UserControl(UserControl::PingRequest(Timestamp::from_millis(number))),
        ),
        (5, word.to_vec(), control(Control::WindowAcknowledgementSize(number))),
        (
            6,
            vec![0, 1, 2, 3, 1],
            control(Control::SetPeerBandwidth { window: number, limit: BandwidthLimit::Soft }),
        ),
        (8, vec![0xAF, 1], media(Content::Audio(Bytes::from_static(&[0xAF, 1])))),
        (9, vec![0x17, 1], media(Content::Video(Bytes::from_static(&[0x17, 1])))),
        (15, amf3(&text), data()),
        (16, b"\0\x05score".to_vec(), shared()),
        (17, amf3(&command.body()), Message::Command(command.clone())),
        (18, text.clone(), data()),
        (19, b"\0\x05score".to_vec(), shared()),
        (20, command.body().to_vec(), Message::Command(command)),
        (
            22,
            aggregate.clone(),
            Message::Aggregate(Aggregate::new(Timestamp::from_millis(1_000), aggregate.into())),
        ),
    ];
    for (kind, body, expected) in table {
        let parsed = Message::parse(&raw(MessageType::new(kind), &body), &mut Tolerance::new(true));
        assert_eq!(parsed, Ok(expected), "type {kind}");
    }
}

#[test]
fn unassigned_types_are_kept_whole_and_counted() {
    let mut tolerance = Tolerance::new(false);
    for kind in [0, 7, 10, 14, 21, 23, 255].map(MessageType::new) {
        let message = Message::parse(&raw(kind, &[1, 2]), &mut tolerance);
        assert_eq!(message, Ok(Message::Unknown { kind, body: Bytes::from_static(&[1, 2]) }));
    }
    assert_eq!(tolerance.counts().get(Quirk::UnknownMessageType), 7);
}

fn parse_command(body: &[u8]) -> Option<Command> {
    Command::parse(body, &mut Tolerance::new(true)).expect("nothing to tolerate")
}

fn raw(kind: MessageType, body: &[u8]) -> RawMessage {
    RawMessage {
        chunk_stream: ChunkStreamId::COMMAND,
        stream: MessageStreamId::new(1),
        timestamp: Timestamp::from_millis(1_000),
        kind,
        body: Bytes::copy_from_slice(body),
    }
}

fn tag(kind: MessageType, millis: u32, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    let mut bytes = vec![kind.get()];
    bytes.extend(&length.to_be_bytes()[1..]);
    bytes.extend(&millis.to_be_bytes()[1..]);
    bytes.push((millis >> 24) as u8);
    bytes.extend([0, 0, 0]);
    bytes.extend(payload);
    bytes.extend((length + 11).to_be_bytes());
    bytes
}
