//! Messages: every type of the specification, and those that it does not know, from a publisher to its players.

use sol_core::ids::MessageType;
use sol_core::quirk::Quirk;
use sol_tests::peer::Peer;
use sol_tests::peer::amf::{self, Amf};
use sol_tests::peer::codec::Framing;
use sol_tests::peer::message::{ChunkStream, Message, StreamId, TypeId};
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Player;
use sol_tests::world::{Client, World, ms, seed};

const STREAM: StreamId = StreamId(1);

#[test]
fn commands_and_data_behind_the_amf3_types_are_understood_like_others() {
    let mut world = World::new(seed(1));
    let camera = world.peer();
    camera.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        let publish = ["publish".into(), 0.0.into(), Amf::Null, "cam".into(), "live".into()];
        send(peer, TypeId::COMMAND_AMF3, STREAM, 0, &behind_a_format_byte(&publish));
    });
    let viewer = world.player("live/cam");
    world.run_for(ms(500));
    camera.with(|peer| {
        let metadata = ["@setDataFrame".into(), "onMetaData".into(), Amf::object([("width", 64.0.into())])];
        send(peer, TypeId::DATA_AMF3, STREAM, 0, &behind_a_format_byte(&metadata));
        send(peer, TypeId::AUDIO, STREAM, 0, SOUND);
    });
    world.run_for(ms(500));

    let [metadata, sound] = &viewer.media()[..] else { panic!("{:?}", viewer.media()) };
    assert_eq!(metadata.type_id, TypeId::DATA_AMF0);
    assert_eq!(
        &metadata.payload[..],
        amf::write_all(&["onMetaData".into(), Amf::object([("width", 64.0.into())])])
    );
    assert_eq!((sound.type_id, &sound.payload[..]), (TypeId::AUDIO, SOUND));
}

#[test]
fn an_aggregate_reaches_players_as_its_parts_at_their_own_times() {
    let mut world = World::new(seed(2));
    let camera = publishing(&mut world, "live/cam");
    let viewer = world.player("live/cam");
    world.run_for(ms(500));
    // The first part is as old as the aggregate; its own clock begins elsewhere.
    let parts = [
        (9_u8, 70_000_u32, PICTURE),
        (8, 70_015, SOUND),
        (18, 70_015, &on_text()[..]),
        (8, 70_040, &[0x2F, 9]),
    ];
    let aggregate: Vec<u8> = parts.iter().flat_map(|(kind, at_ms, body)| tag(*kind, *at_ms, body)).collect();
    camera.with(|peer| {
        send(peer, TypeId::VIDEO, STREAM, 1_000, PICTURE);
        send(peer, TypeId::AGGREGATE, STREAM, 1_500, &aggregate);
    });
    world.run_for(ms(500));

    let expected: [(TypeId, u32, &[u8]); 5] = [
        (TypeId::VIDEO, 0, PICTURE),
        (TypeId::VIDEO, 500, PICTURE),
        (TypeId::AUDIO, 515, SOUND),
        (TypeId::DATA_AMF0, 515, &on_text()),
        (TypeId::AUDIO, 540, &[0x2F, 9]),
    ];
    assert_came(&viewer, &expected);
}

#[test]
fn what_is_for_no_player_is_passed_over_and_counted() {
    let mut world = World::new(seed(3));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_for(ms(1_000));
    let aside: [(TypeId, &[u8]); 12] = [
        (TypeId::SHARED_OBJECT_AMF0, b"\0\x05score\0\0\0\x01\0\0\0\0\0\0\0\0"),
        (TypeId::SHARED_OBJECT_AMF3, b"\0\0\x05score"),
        (TypeId(0), b"?"),
        (TypeId(7), b"edge"),
        (TypeId(21), b"?"),
        (TypeId(99), &[0xFF; 5_000]),
        // Set Buffer Length, Buffer Empty, an event that nobody knows, half an event.
        (TypeId::USER_CONTROL, &[0, 3, 0, 0, 0, 1, 0, 0, 0x0B, 0xB8]),
        (TypeId::USER_CONTROL, &[0, 31, 0, 0, 0, 1]),
        (TypeId::USER_CONTROL, &[0x7F, 1, 2, 3]),
        (TypeId::USER_CONTROL, &[0]),
        (TypeId::ACKNOWLEDGEMENT, &[0, 0, 0, 9]),
        (TypeId::WINDOW_ACK_SIZE, &[0, 0]),
    ];
    for _ in 0..3 {
        camera.with(|camera| {
            for (type_id, payload) in aside {
                send(camera.peer_mut(), type_id, StreamId::CONNECTION, 0, payload);
            }
        });
        world.run_for(ms(1_000));
    }

    let run = viewer.run_of(&camera);
    assert!(run.first == 3 && camera.sent().len() as u64 - run.last < 10);
    assert_eq!((camera.closed(), viewer.closed()), (None, None));
    let session = world.server().session(camera.session()).expect("it is live");
    let counts = [Quirk::UnknownMessageType, Quirk::UserControlTooShort, Quirk::ControlTooShort]
        .map(|quirk| session.quirks().get(quirk));
    assert_eq!(counts, [4 * 3, 3, 3]);
    assert_eq!(session.traffic().received_messages(MessageType::SHARED_OBJECT), 3);
    assert_eq!(session.traffic().received_messages(MessageType::AMF3_SHARED_OBJECT), 3);
}

#[test]
fn metadata_of_every_shape_reaches_players_in_one_form_also_those_who_join_later() {
    let properties = [("width", Amf::from(640.0)), ("encoder", Amf::from("sol-tests"))];
    let object = Amf::object(properties.clone());
    let array = Amf::ecma_array(properties);
    let wrapped = |value: &Amf| amf::write_all(&["@setDataFrame".into(), "onMetaData".into(), value.clone()]);
    let plain = |value: &Amf| amf::write_all(&["onMetaData".into(), value.clone()]);
    for (sent, expected) in [
        (wrapped(&object), plain(&object)),
        (wrapped(&array), plain(&array)),
        (plain(&object), plain(&object)),
        (plain(&array), plain(&array)),
    ] {
        let mut world = World::new(seed(4));
        let camera = publishing(&mut world, "live/cam");
        let early = world.player("live/cam");
        world.run_for(ms(500));
        camera.with(|peer| {
            send(peer, TypeId::DATA_AMF0, STREAM, 0, &sent);
            send(peer, TypeId::AUDIO, STREAM, 0, SOUND);
        });
        world.run_for(ms(500));
        let late = world.player("live/cam");
        world.run_for(ms(500));
        for viewer in [early, late] {
            let first = viewer.media().first().cloned();
            let first = first.map(|media| (media.type_id, media.payload.to_vec()));
            assert_eq!(first, Some((TypeId::DATA_AMF0, expected.clone())));
        }
    }
}

#[test]
fn texts_cue_points_and_captions_come_in_order_between_the_frames_where_they_were_sent() {
    let mut world = World::new(seed(5));
    let camera = publishing(&mut world, "live/cam");
    let viewer = world.player("live/cam");
    world.run_for(ms(500));
    let cue = amf::write_all(&["onCuePoint".into(), Amf::object([("name", "goal".into())])]);
    let caption = amf::write_all(&["onCaptionInfo".into(), Amf::object([("type", "708".into())])]);
    let messages: [(TypeId, u32, &[u8]); 7] = [
        (TypeId::VIDEO, 0, PICTURE),
        (TypeId::DATA_AMF0, 10, &on_text()),
        (TypeId::AUDIO, 20, SOUND),
        (TypeId::DATA_AMF0, 20, &cue),
        (TypeId::DATA_AMF0, 20, &caption),
        (TypeId::VIDEO, 40, PICTURE),
        (TypeId::DATA_AMF0, 60, &on_text()),
    ];
    camera.with(|peer| {
        for (type_id, at_ms, payload) in messages {
            send(peer, type_id, STREAM, at_ms, payload);
        }
    });
    world.run_for(ms(500));

    assert_came(&viewer, &messages);
}

/// Types, times and payloads of all that a player got.
#[track_caller]
fn assert_came(viewer: &Client<Player>, expected: &[(TypeId, u32, &[u8])]) {
    let came = viewer.media();
    let came: Vec<_> =
        came.iter().map(|media| (media.type_id, media.timestamp_ms, &media.payload[..])).collect();
    assert_eq!(came, expected);
}

/// A client that publishes, and sends what the test sends.
fn publishing(world: &mut World, name: &str) -> Client<Peer> {
    let (app, stream) = name.rsplit_once('/').expect("a name is `app/stream`");
    let camera = world.peer();
    camera.with(|peer| {
        peer.connect(app);
        peer.create_stream();
        peer.publish(STREAM, stream);
    });
    camera
}

fn send(peer: &mut Peer, type_id: TypeId, stream: StreamId, timestamp_ms: u32, payload: &[u8]) {
    let chunk_stream = if type_id.is_control() { ChunkStream::CONTROL } else { ChunkStream::AUDIO };
    let payload = payload.to_vec().into();
    peer.send_raw_message(&Message { chunk_stream, timestamp_ms, type_id, stream, payload }, Framing::FULL);
}

/// A tag of an aggregate: an FLV tag with its size behind it (RTMP 1.0, 7.1.6).
fn tag(kind: u8, at_ms: u32, body: &[u8]) -> Vec<u8> {
    let [highest, high, middle, low] = at_ms.to_be_bytes();
    let [_, length @ ..] = (body.len() as u32).to_be_bytes();
    let header = [&[kind][..], &length, &[high, middle, low, highest], &[0, 0, 0]].concat();
    let size = (header.len() as u32 + body.len() as u32).to_be_bytes();
    [&header[..], body, &size].concat()
}

fn behind_a_format_byte(values: &[Amf]) -> Vec<u8> {
    [&[0][..], &amf::write_all(values)].concat()
}

fn on_text() -> Vec<u8> {
    amf::write_all(&["onTextData".into(), Amf::object([("text", "Käfer".into())])])
}

/// A keyframe of Sorenson H.263, which needs no configuration.
const PICTURE: &[u8] = &[0x12, 1, 2, 3, 4];

/// MP3.
const SOUND: &[u8] = &[0x2F, 1, 2, 3];
