//! Peers: every handshake, every habit and every cut of the bytes reaches live media.

use sol_core::handshake::{DigestLayout, HandshakeKind as Greeted};
use sol_core::ids::ChunkSize;
use sol_core::participant::Event;
use sol_core::server::ServerConfig;
use sol_core::session::SessionConfig;
use sol_tests::peer::codec::Headers;
use sol_tests::peer::handshake::HandshakeKind;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::run::check_run;
use sol_tests::peer::{ChunkSizeHabit, PeerOptions};
use sol_tests::world::{LinkOptions, Segments, World, ms, seed};

#[test]
fn all_three_handshakes_reach_live_media_and_are_known_apart() {
    for (handshake, greeted) in [
        (HandshakeKind::Simple, Greeted::Simple),
        (HandshakeKind::DigestFirst, Greeted::Digest(DigestLayout::DigestFirst)),
        (HandshakeKind::KeyFirst, Greeted::Digest(DigestLayout::KeyFirst)),
    ] {
        for seed in 1..=3 {
            let events = live(PeerOptions { handshake, seed, ..PeerOptions::default() }, Segments::Random);
            let known = events.iter().find_map(|event| match event {
                Event::Connected(connected) => Some(connected.greeting.kind),
                _ => None,
            });
            assert_eq!(known, Some(greeted));
        }
    }
}

#[test]
fn a_c2_that_answers_nothing_is_no_obstacle() {
    for handshake in ALL_HANDSHAKES {
        live(PeerOptions { handshake, wrong_c2: true, ..PeerOptions::default() }, Segments::Random);
    }
}

#[test]
fn connect_glued_to_c2_is_answered() {
    for handshake in ALL_HANDSHAKES {
        for segments in [Segments::Random, Segments::Bytes(65_536)] {
            let options = PeerOptions { handshake, glue_connect_to_c2: true, ..PeerOptions::default() };
            live(options, segments);
        }
    }
}

#[test]
fn every_chunk_size_is_understood_whenever_it_is_announced() {
    for chunk_size in [
        ChunkSizeHabit::Never,
        ChunkSizeHabit::BeforeConnect(1),
        ChunkSizeHabit::BeforeConnect(127),
        ChunkSizeHabit::BeforeConnect(65_536),
        ChunkSizeHabit::BeforeConnect(0x00FF_FFFF),
        ChunkSizeHabit::AfterConnect(60_000),
        ChunkSizeHabit::AfterConnect(129),
    ] {
        for headers in [Headers::Full, Headers::Compact] {
            live(PeerOptions { chunk_size, headers, ..PeerOptions::default() }, Segments::Random);
        }
    }
}

#[test]
fn bytes_that_come_one_by_one_are_understood() {
    for handshake in ALL_HANDSHAKES {
        live(PeerOptions { handshake, ..PeerOptions::default() }, Segments::Bytes(1));
    }
}

#[test]
fn what_a_client_leaves_undone_beside_the_media_is_not_missed() {
    let silent = PeerOptions {
        answers_pings: false,
        acknowledges: false,
        answers_bandwidth: false,
        ..PeerOptions::default()
    };
    live(silent, Segments::Random);
}

#[test]
fn a_client_of_amf3_and_enhanced_rtmp_reaches_live_media() {
    let options = PeerOptions {
        object_encoding: Some(3),
        flash_ver: "LNX 9,0,124,2".to_owned(),
        connect_extra: vec![
            ("capsEx".to_owned(), 0.0.into()),
            ("videoFunction".to_owned(), 1.0.into()),
            ("supportsGoAway".to_owned(), true.into()),
        ],
        ..PeerOptions::default()
    };
    let events = live(options, Segments::Random);
    assert!(
        events.iter().any(
            |event| matches!(event, Event::Connected(connected) if connected.flash_ver == "LNX 9,0,124,2")
        )
    );
}

#[test]
fn a_server_of_any_chunk_size_is_understood_by_its_players() {
    for chunk_size in [1, 128, 4_096, 0x00FF_FFFF] {
        let chunk_size = ChunkSize::new(chunk_size).expect("within bounds");
        let session = SessionConfig { chunk_size, ..SessionConfig::default() };
        let config = ServerConfig { session, ..ServerConfig::default() };
        let mut world = World::with_config(seed(2), config);
        let camera = world.publisher("live/cam").streaming(Pattern::new());
        let viewer = world.player("live/cam");
        world.run_until(ms(2_500));
        assert_eq!(viewer.run_of(&camera).first, 3, "chunks of {chunk_size}");
    }
}

/// A publisher and a player, both with these options; what the server told of the publisher.
fn live(options: PeerOptions, segments: Segments) -> Vec<Event> {
    let what = format!("{options:?} in segments {segments:?}");
    let mut world = World::new(seed(1));
    world.set_link(LinkOptions { segments, bytes_per_second: u64::MAX, ..LinkOptions::default() });
    let camera = world.publisher("live/cam").with(options.clone()).streaming(SMALL);
    let viewer = world.player_with("live/cam", options);
    world.run_until(ms(2_500));
    let media = viewer.media();
    let run = check_run(&media, &camera.sent()).unwrap_or_else(|why| panic!("{what}: {why}"));
    assert!(run.first == 3 && run.frames > 100, "{what}: {run:?}");
    camera.events().into_iter().map(|(_, event)| event).collect()
}

const ALL_HANDSHAKES: [HandshakeKind; 3] =
    [HandshakeKind::Simple, HandshakeKind::DigestFirst, HandshakeKind::KeyFirst];

/// Few bytes, since they may come one by one; still several chunks of 128 a frame.
const SMALL: Pattern = Pattern::new().video_kilobits(100);
