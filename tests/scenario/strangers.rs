//! Strangers: who does not speak RTMP is closed with the reason, and nobody else notices.

use sol_core::chunk::ChunkError;
use sol_core::handshake::HandshakeError;
use sol_core::ids::ChunkStreamId;
use sol_core::session::CloseReason;
use sol_tests::peer::codec::Framing;
use sol_tests::peer::message::{ChunkStream, Message, StreamId, TypeId};
use sol_tests::peer::pattern::Pattern;
use sol_tests::world::{Transcript, World, ms, seed};

#[test]
fn what_a_stranger_speaks_is_named_when_it_is_closed() {
    let table: [(&[u8], HandshakeError); 7] = [
        (&[6; 1537], HandshakeError::Rtmpe(6)),
        (&[8; 1537], HandshakeError::Rtmpe(8)),
        (b"GET /live/cam.flv HTTP/1.1\r\nHost: x\r\n\r\n", HandshakeError::Http('G')),
        (b"POST /open/1 HTTP/1.1\r\n\r\n", HandshakeError::Http('P')),
        (&[0x16, 3, 1, 2, 0, 1], HandshakeError::Tls),
        (&[4; 100], HandshakeError::UnknownVersion(4)),
        (&[0xFF; 10_000], HandshakeError::NotRtmp(0xFF)),
    ];
    let mut world = World::new(seed(1));
    for (bytes, error) in table {
        let stranger = world.stranger(bytes);
        world.run_for(ms(500));
        assert_eq!(stranger.closed(), Some(CloseReason::Handshake(error)));
        assert!(stranger.ended_at().is_some());
        assert_eq!(stranger.with(|stranger| stranger.heard().len()), 0, "nothing is said to it");
    }
}

#[test]
fn garbage_behind_the_handshake_is_closed_for_the_rule_that_it_breaks() {
    let mut world = World::new(seed(2));
    let lane = ChunkStreamId::new(9).expect("within bounds");
    let shouting: &[u8] = &[3, 0, 0, 0, 0xFF, 0xFF, 0xFF, 20, 0, 0, 0, 0];
    let table = [
        (&[0xC9, 1, 2, 3][..], ChunkError::NoPreviousHeader(lane, 3)),
        (shouting, ChunkError::MessageTooLong { declared: 0x00FF_FFFF, limit: 256 * 1_024 }),
    ];
    for (bytes, error) in table {
        let stranger = world.stranger(&[&[3; 1 + 1_536 + 1_536][..], bytes].concat());
        world.run_for(ms(500));
        assert_eq!(stranger.closed(), Some(CloseReason::Chunk(error)));
    }
}

#[test]
fn a_publisher_that_breaks_its_chunks_loses_the_name_and_its_players_are_told() {
    let mut world = World::without_grace(seed(3));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    camera.with(|camera| camera.peer_mut().send_raw_bytes(&[0xFF; 64]));
    world.run_until(ms(3_200));
    assert!(matches!(camera.closed(), Some(CloseReason::Chunk(_))), "{:?}", camera.closed());
    assert_eq!(viewer.notices(), ["NetStream.Play.UnpublishNotify"]);
    viewer.run_of(&camera);
}

#[test]
fn a_healthy_stream_is_the_same_to_the_byte_whatever_strangers_do() {
    assert_eq!(
        healthy_beside(|_, _| {}),
        healthy_beside(|world, round| {
            let noise: Vec<u8> = (0..4_000_u64).map(|index| ((index * (round + 7)) >> 3) as u8).collect();
            world.stranger(&noise);
            world.stranger(&[&[3; 3_073][..], &noise].concat());
            let misled = world.peer();
            misled.with(|peer| {
                peer.connect("live");
                peer.send_media(StreamId(1), TypeId::VIDEO, 0, noise.clone().into());
                peer.send_control(TypeId::SET_CHUNK_SIZE, &[0; 4]);
                peer.send_raw_message(
                    &Message {
                        chunk_stream: ChunkStream(60_000),
                        timestamp_ms: 0,
                        type_id: TypeId(99),
                        stream: StreamId(7),
                        payload: noise.into(),
                    },
                    Framing::FULL,
                );
            });
        })
    );
}

/// What a publisher and its player are told while others come, in one number each.
fn healthy_beside(others: fn(&mut World, u64)) -> (Transcript, Transcript, usize) {
    let mut world = World::new(seed(4));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    for round in 0..8 {
        world.run_for(ms(500));
        others(&mut world, round);
    }
    world.run_for(ms(1_000));
    (camera.transcript(), viewer.transcript(), viewer.run_of(&camera).frames)
}
