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
    // AMF0 all through, as most clients write it; and with values that switch to AMF3, as Flash does.
    for [name, kind] in
        [["cam", "live"].map(|text| amf::write_all(&[text.into()])), ["cam", "live"].map(amf3_text)]
    {
        let mut world = World::new(seed(1));
        let camera = world.peer();
        let publish = amf::write_all(&["publish".into(), 0.0.into(), Amf::Null]);
        camera.with(|peer| {
            peer.connect("live");
            peer.create_stream();
            send(peer, TypeId::COMMAND_AMF3, STREAM, 0, &[&[0], &publish[..], &name, &kind].concat());
        });
        let viewer = world.player("live/cam");
        world.run_for(ms(500));
        let metadata = amf::write_all(&["onMetaData".into(), Amf::object([("width", 64.0.into())])]);
        camera.with(|peer| {
            let wrapped = amf::write_all(&["@setDataFrame".into()]);
            send(peer, TypeId::DATA_AMF3, STREAM, 0, &[&[0], &wrapped[..], &metadata].concat());
            send(peer, TypeId::AUDIO, STREAM, 0, SOUND);
        });
        world.run_for(ms(500));

        let came = viewer.media();
        let came: Vec<_> = came.iter().map(|media| (media.type_id, &media.payload[..])).collect();
        assert_eq!(came, [(TypeId::DATA_AMF0, &metadata[..]), (TypeId::AUDIO, SOUND)]);
    }
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
    let session = world.session(&camera).expect("it is live");
    let counts = [Quirk::UnknownMessageType, Quirk::UserControlTooShort, Quirk::ControlTooShort]
        .map(|quirk| session.quirks().get(quirk));
    assert_eq!(counts, [4 * 3, 3, 3]);
    assert_eq!(session.traffic().received_messages(MessageType::SHARED_OBJECT), 3);
    assert_eq!(session.traffic().received_messages(MessageType::AMF3_SHARED_OBJECT), 3);
}

#[test]
fn metadata_of_every_shape_reaches_players_in_one_form_also_those_who_join_later() {
    let properties = [("width", Amf::from(640.0)), ("encoder", Amf::from("sol-tests"))];
    let odd = [
        ("videocodecid", Amf::from("hvc1")),
        ("stereo", Amf::from("yes")),
        ("created", Amf::Date { unix_ms: 1e12, zone: 0 }),
        ("audioTrackIdInfoMap", Amf::object([("1", Amf::ecma_array([("channels", 2.0.into())]))])),
    ];
    let mut shapes: Vec<Vec<u8>> = [
        Amf::object(properties.clone()),
        Amf::ecma_array(properties.clone()),
        Amf::StrictArray(vec![Amf::object(properties.clone())]),
        Amf::object(odd),
        Amf::object([]),
    ]
    .map(|value| amf::write_all(&[value]))
    .into();
    // An ECMA array that counts wrong, one without its end, and nothing at all.
    let mut miscounted = amf::write_all(&[Amf::ecma_array(properties)]);
    miscounted[4] = 99;
    shapes.push(miscounted.clone());
    shapes.push(miscounted[..miscounted.len() - 3].to_vec());
    shapes.push(vec![]);

    for shape in shapes {
        let plain = [amf::write_all(&["onMetaData".into()]), shape].concat();
        let wrapped = [amf::write_all(&["@setDataFrame".into()]), plain.clone()].concat();
        for (type_id, sent) in [
            (TypeId::DATA_AMF0, wrapped.clone()),
            (TypeId::DATA_AMF0, plain.clone()),
            (TypeId::DATA_AMF3, [vec![0], wrapped].concat()),
            (TypeId::DATA_AMF3, [vec![0], plain.clone()].concat()),
        ] {
            let mut world = World::new(seed(4));
            let camera = publishing(&mut world, "live/cam");
            let early = world.player("live/cam");
            world.run_for(ms(500));
            camera.with(|peer| {
                send(peer, TypeId::AUDIO, STREAM, 700, SOUND);
                send(peer, type_id, STREAM, 720, &sent);
                send(peer, TypeId::AUDIO, STREAM, 1_700, SOUND);
            });
            world.run_for(ms(500));
            let late = world.player("live/cam");
            world.run_for(ms(500));
            let metadata = (TypeId::DATA_AMF0, 0, &plain[..]);
            let [first, second] = [0, 1_000].map(|at_ms| (TypeId::AUDIO, at_ms, SOUND));
            assert_came(&early, &[first, metadata, second]);
            assert_came(&late, &[metadata, second]);
        }
    }
}

#[test]
fn metadata_that_changes_is_told_again_and_what_was_cleared_is_told_to_nobody_who_joins() {
    let mut world = World::new(seed(6));
    let camera = publishing(&mut world, "live/cam");
    let early = world.player("live/cam");
    world.run_for(ms(500));
    let [one, two] = [640.0, 1_280.0]
        .map(|width| amf::write_all(&["onMetaData".into(), Amf::object([("width", width.into())])]));
    let clear = amf::write_all(&["@clearDataFrame".into(), "onMetaData".into()]);
    camera.with(|peer| {
        for (at_ms, data) in [(0, &one), (1_000, &one), (2_000, &two), (3_000, &clear)] {
            send(peer, TypeId::DATA_AMF0, STREAM, at_ms, data);
            send(peer, TypeId::AUDIO, STREAM, at_ms, SOUND);
        }
    });
    world.run_for(ms(500));
    let late = world.player("live/cam");
    world.run_for(ms(500));
    let sound = |at_ms| (TypeId::AUDIO, at_ms, SOUND);
    let metadata = |payload| (TypeId::DATA_AMF0, 0, payload);
    let expected =
        [metadata(&one[..]), sound(0), sound(1_000), metadata(&two[..]), sound(2_000), sound(3_000)];
    assert_came(&early, &expected);
    assert_came(&late, &[sound(3_000)]);
}

#[test]
fn a_message_that_is_aborted_reaches_nobody_and_those_beside_it_do() {
    let mut world = World::new(seed(7));
    let camera = publishing(&mut world, "live/cam");
    let viewer = world.player("live/cam");
    world.run_for(ms(500));
    let long = [PICTURE, &[7; 10_000]].concat();
    camera.with(|peer| {
        send(peer, TypeId::VIDEO, STREAM, 0, PICTURE);
        let lane = ChunkStream(20);
        let message = Message {
            chunk_stream: lane,
            timestamp_ms: 40,
            type_id: TypeId::VIDEO,
            stream: STREAM,
            payload: long.clone().into(),
        };
        let chunks = peer.writer().chunks(&message, Framing::FULL);
        peer.send_raw_bytes(&chunks[0]);
        send(peer, TypeId::AUDIO, STREAM, 50, SOUND);
        peer.send_control(TypeId::ABORT, &lane.0.to_be_bytes());
        // Chunks of another size too, in the midst of it all.
        peer.set_chunk_size(1_000);
        peer.send_raw_message(&Message { timestamp_ms: 80, ..message }, Framing::FULL);
    });
    world.run_for(ms(500));
    let expected = [(TypeId::VIDEO, 0, PICTURE), (TypeId::AUDIO, 50, SOUND), (TypeId::VIDEO, 80, &long[..])];
    assert_came(&viewer, &expected);
    let session = world.session(&camera).expect("it is live");
    assert_eq!(session.quirks().seen().collect::<Vec<_>>(), [], "all that is by the book");
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

/// A string as AMF0 that switches to AMF3 writes it.
fn amf3_text(text: &str) -> Vec<u8> {
    [&[0x11, 6, (text.len() * 2 + 1) as u8], text.as_bytes()].concat()
}

fn on_text() -> Vec<u8> {
    amf::write_all(&["onTextData".into(), Amf::object([("text", "Käfer".into())])])
}

/// A keyframe of Sorenson H.263, which needs no configuration.
const PICTURE: &[u8] = &[0x12, 1, 2, 3, 4];

/// MP3.
const SOUND: &[u8] = &[0x2F, 1, 2, 3];
