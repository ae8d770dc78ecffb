//! Draining: a server that will go serves those who are there, and nobody else.

use std::sync::Arc;

use sol_core::server::TurnedAway;
use sol_core::session::{CloseReason, ReconnectRequest};
use sol_tests::peer::PeerOptions;
use sol_tests::peer::amf::Amf;
use sol_tests::peer::message::Command;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::{Player, Script};
use sol_tests::world::{Client, World, ms, seed};

#[test]
fn those_who_are_there_go_on_and_those_who_obey_are_asked_to_reconnect() {
    let mut world = World::new(seed(1));
    let camera = world.publisher("live/cam").with(obeying()).streaming(Pattern::new());
    let viewer = world.player("live/cam");
    let obeying_viewer = world.player_with("live/cam", obeying());
    world.run_until(ms(2_000));
    world.begin_to_drain(&request());
    world.run_until(ms(6_000));
    for (client, times) in [(asked(&camera), 1), (asked(&obeying_viewer), 1), (asked(&viewer), 0)] {
        assert_eq!(client.len(), times);
        for place in client {
            assert_eq!(place.as_deref(), Some("rtmp://other/live"));
        }
    }
    assert!(viewer.run_of(&camera).frames > 300, "{:?}", viewer.run_of(&camera));
    assert_eq!(world.session_count(), 3);
    camera.finish();
    world.run_until(ms(12_000));
    assert_eq!(world.session_count(), 0, "they have left with their stream");
    assert_eq!(viewer.closed(), Some(CloseReason::StreamEnded));
}

#[test]
fn who_comes_is_turned_away_and_who_asks_is_refused() {
    let mut world = World::new(seed(2));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let early = world.peer();
    early.with(|peer| peer.connect("live"));
    world.run_until(ms(1_000));
    world.begin_to_drain(&request());
    let late = world.comes(Player::new("live", "cam"));
    assert!(matches!(late, Err(TurnedAway::Draining)), "{late:?}");
    early.with(|peer| {
        peer.create_stream();
        peer.play(sol_tests::peer::message::StreamId(1), "cam");
    });
    world.run_until(ms(2_000));
    assert_eq!(early.notices(), ["NetStream.Play.Failed"]);
    assert_eq!(camera.notices(), [""; 0]);
}

#[test]
fn a_shutdown_ends_the_draining_for_those_who_have_stayed() {
    let mut world = World::new(seed(3));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(2_000));
    world.begin_to_drain(&request());
    world.run_until(ms(3_000));
    world.shutdown();
    world.run_until(ms(5_000));
    assert_eq!(camera.closed(), Some(CloseReason::Shutdown));
    assert_eq!(viewer.closed(), Some(CloseReason::Shutdown));
    assert_eq!(world.session_count(), 0);
}

/// The places that a client was asked to go to.
fn asked(client: &Client<impl Script>) -> Vec<Option<String>> {
    let place = |command: &Command| {
        (command.text("code") == Some("NetConnection.Connect.ReconnectRequest"))
            .then(|| command.text("tcUrl").map(ToOwned::to_owned))
    };
    client.with(|script| script.peer().expect("it speaks RTMP").commands().iter().filter_map(place).collect())
}

fn request() -> Arc<ReconnectRequest> {
    let tc_url = Some("rtmp://other/live".to_owned());
    Arc::new(ReconnectRequest { tc_url, ..ReconnectRequest::default() })
}

fn obeying() -> PeerOptions {
    let connect_extra = vec![("capsEx".to_owned(), Amf::from(1.0))];
    PeerOptions { connect_extra, ..PeerOptions::default() }
}
