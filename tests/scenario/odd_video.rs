//! Odd video: what some encoders send reaches players as FLV and Enhanced RTMP have it.

use sol_core::hub::{Correction, Repair, StreamConfig};
use sol_core::server::ServerConfig;
use sol_tests::peer::Peer;
use sol_tests::peer::codec::Framing;
use sol_tests::peer::message::{ChunkStream, Message, StreamId, TypeId};
use sol_tests::peer::script::Player;
use sol_tests::world::{Client, World, ms, seed};

#[test]
fn a_publisher_that_sends_start_codes_is_played_with_lengths_behind_a_configuration() {
    let mut world = World::new(seed(1));
    let camera = publishing(&mut world);
    let early = world.player("live/cam");
    world.run_for(ms(500));
    let keyframe = [KEYFRAME_HEAD, START, SPS, START, PPS, START, SLICE].concat();
    send(&camera, 0, &[CONFIGURATION_HEAD, START, SPS, START, PPS].concat());
    send(&camera, 0, &keyframe);
    send(&camera, 40, &[INTERFRAME_HEAD, START, SLICE].concat());
    world.run_for(ms(500));
    let late = world.player("live/cam");
    world.run_for(ms(500));

    let units = [&length(SPS)[..], SPS, &length(PPS), PPS, &length(SLICE), SLICE].concat();
    let expected = [
        [CONFIGURATION_HEAD, &record()].concat(),
        [KEYFRAME_HEAD, &units].concat(),
        [INTERFRAME_HEAD, &length(SLICE), SLICE].concat(),
    ];
    assert_eq!([pictures_of(&early), pictures_of(&late)], [&expected[..]; 2]);
    assert_eq!(corrections(&mut world, &camera), [(Correction::StartCodes, 3)]);
}

#[test]
fn a_stream_whose_configuration_is_empty_gets_the_one_of_its_first_keyframe() {
    let mut world = World::new(seed(2));
    let camera = publishing(&mut world);
    let early = world.player("live/cam");
    world.run_for(ms(500));
    let units = [&length(SPS)[..], SPS, &length(PPS), PPS, &length(SLICE), SLICE].concat();
    let keyframe = [KEYFRAME_HEAD, &units].concat();
    send(&camera, 0, CONFIGURATION_HEAD);
    send(&camera, 0, &keyframe);
    send(&camera, 1_000, &keyframe);
    world.run_for(ms(500));
    let late = world.player("live/cam");
    world.run_for(ms(500));

    let configuration = [CONFIGURATION_HEAD, &record()].concat();
    assert_eq!(pictures_of(&early), [configuration.clone(), keyframe.clone(), keyframe.clone()]);
    assert_eq!(pictures_of(&late), [configuration, keyframe]);
    assert_eq!(corrections(&mut world, &camera), [(Correction::NoConfiguration, 2)]);
}

#[test]
fn parameter_sets_that_come_one_by_one_reach_players_as_a_record() {
    let mut world = World::new(seed(6));
    let camera = publishing(&mut world);
    let viewer = world.player("live/cam");
    world.run_for(ms(500));
    let frame = [KEYFRAME_HEAD, &length(SLICE), SLICE].concat();
    send(&camera, 0, &[CONFIGURATION_HEAD, START, SPS].concat());
    send(&camera, 0, &[CONFIGURATION_HEAD, START, PPS].concat());
    send(&camera, 0, &frame);
    send(&camera, 40, KEYFRAME_HEAD);
    world.run_for(ms(500));

    assert_eq!(pictures_of(&viewer), [[CONFIGURATION_HEAD, &record()].concat(), frame]);
    let counted = corrections(&mut world, &camera);
    assert_eq!(counted, [(Correction::StartCodes, 2), (Correction::EmptyUnits, 1)]);
}

#[test]
fn an_unofficial_codec_id_reaches_players_as_a_four_cc_and_empty_units_do_not() {
    let mut world = World::new(seed(3));
    let camera = publishing(&mut world);
    let viewer = world.player("live/cam");
    world.run_for(ms(500));
    let unit: &[u8] = &[0, 0, 0, 3, 0x26, 0x01, 0xAF];
    send(&camera, 0, &[&[0x1C, 1, 0, 0, 80][..], unit].concat());
    send(&camera, 40, &[&[0x2C, 1, 0, 0, 0][..], &[0; 4], unit].concat());
    send(&camera, 80, &[&[0x2C, 1, 0, 0, 0][..], &[0; 4]].concat());
    world.run_for(ms(500));

    let expected = [[&b"\x91hvc1\0\0\x50"[..], unit].concat(), [&b"\xA3hvc1"[..], unit].concat()];
    assert_eq!(pictures_of(&viewer), expected);
    let counted = corrections(&mut world, &camera);
    assert_eq!(counted, [(Correction::EmptyUnits, 2), (Correction::UnofficialId, 3)]);
}

#[test]
fn a_backup_that_stands_by_is_put_right_before_it_takes_over() {
    let mut world = World::new(seed(4));
    let viewer = world.player("live/cam");
    world.run_for(ms(200));
    let main = publishing(&mut world);
    send(&main, 0, &[KEYFRAME_HEAD, &length(SLICE), SLICE].concat());
    world.run_for(ms(200));
    let backup = publishing_as(&mut world, "cam?role=backup");
    let keyframe = [KEYFRAME_HEAD, START, SPS, START, PPS, START, SLICE].concat();
    send(&backup, 0, &keyframe);
    world.run_for(ms(200));
    let before = pictures_of(&viewer).len();
    world.cut(&main);
    world.run_for(ms(500));

    let units = [&length(SPS)[..], SPS, &length(PPS), PPS, &length(SLICE), SLICE].concat();
    let expected = [[CONFIGURATION_HEAD, &record()].concat(), [KEYFRAME_HEAD, &units].concat()];
    assert_eq!(pictures_of(&viewer)[before..], expected);
}

#[test]
fn nothing_is_put_right_where_the_operator_does_not_want_it() {
    let stream = StreamConfig { repair: Repair::Off, ..StreamConfig::default() };
    let config = ServerConfig { stream: stream.into(), ..ServerConfig::default() };
    let mut world = World::with_config(seed(5), config);
    let camera = publishing(&mut world);
    let viewer = world.player("live/cam");
    world.run_for(ms(500));
    let keyframe = [KEYFRAME_HEAD, START, SLICE].concat();
    send(&camera, 0, &keyframe);
    world.run_for(ms(500));
    assert_eq!(pictures_of(&viewer), [keyframe]);
    assert_eq!(corrections(&mut world, &camera), []);
}

/// A client that publishes, and sends what the test sends.
fn publishing(world: &mut World) -> Client<Peer> {
    publishing_as(world, "cam")
}

fn publishing_as(world: &mut World, stream: &str) -> Client<Peer> {
    let camera = world.peer();
    camera.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(STREAM, stream);
    });
    camera
}

fn send(camera: &Client<Peer>, timestamp_ms: u32, payload: &[u8]) {
    let payload = payload.to_vec().into();
    let message = Message {
        chunk_stream: ChunkStream::VIDEO,
        timestamp_ms,
        type_id: TypeId::VIDEO,
        stream: STREAM,
        payload,
    };
    camera.with(|peer| peer.send_raw_message(&message, Framing::FULL));
}

fn pictures_of(viewer: &Client<Player>) -> Vec<Vec<u8>> {
    let media = viewer.media().into_iter().filter(|media| media.type_id == TypeId::VIDEO);
    media.map(|media| media.payload.to_vec()).collect()
}

/// What was corrected of a publisher, which goes.
fn corrections(world: &mut World, camera: &Client<Peer>) -> Vec<(Correction, u64)> {
    world.hang_up(camera);
    world.run_for(ms(500));
    let (_, summary) = camera.endings().remove(0);
    summary.corrections.iter().collect()
}

fn length(unit: &[u8]) -> [u8; 4] {
    (unit.len() as u32).to_be_bytes()
}

/// An AVCDecoderConfigurationRecord of the parameter sets.
fn record() -> Vec<u8> {
    let [sps, pps] = [SPS, PPS].map(|set| [&length(set)[2..], set].concat());
    [&[1, 0x64, 0, 0x0D, 0xFF, 0xE1][..], &sps, &[1], &pps, &[0xFD, 0xF8, 0xF8, 0]].concat()
}

const STREAM: StreamId = StreamId(1);

const CONFIGURATION_HEAD: &[u8] = &[0x17, 0, 0, 0, 0];
const KEYFRAME_HEAD: &[u8] = &[0x17, 1, 0, 0, 80];
const INTERFRAME_HEAD: &[u8] = &[0x27, 1, 0, 0, 0];
const START: &[u8] = &[0, 0, 0, 1];
const SLICE: &[u8] = &[0x65, 0x88, 0x84, 0x7F];

// Of x264 in FFmpeg: High, 320x180, 29.97 pictures a second.
const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x0D, 0xAC, 0xD9, 0x41, 0x41, 0x9F, 0x9F, 0x01, 0x10, 0x00, 0x00, 0x3E, 0x90, 0x00,
    0x0E, 0xA6, 0x00, 0xF1, 0x42, 0x99, 0x60,
];
const PPS: &[u8] = &[0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0];
