//! Draining: a server that will go serves those who are there, and nobody else.

use std::sync::Arc;

use sol_core::hub::{AfterGrace, StreamConfig};
use sol_core::server::{ServerConfig, TurnedAway};
use sol_core::session::{CloseReason, ReconnectRequest};
use sol_tests::peer::PeerOptions;
use sol_tests::peer::amf::Amf;
use sol_tests::peer::message::{Command, StreamId};
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::{Phase, Player, Script};
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
        peer.play(StreamId(1), "cam");
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

#[test]
fn who_plays_is_told_at_once_of_a_publisher_that_vanished_before_or_vanishes_now() {
    for after_grace in [AfterGrace::End, AfterGrace::Wait] {
        let stream = StreamConfig { after_grace, ..StreamConfig::default() };
        let mut world =
            World::with_config(seed(4), ServerConfig { stream: stream.into(), ..ServerConfig::default() });
        let gone = world.publisher("live/gone").streaming(Pattern::new());
        let left_behind = world.player("live/gone");
        let camera = world.publisher("live/cam").streaming(Pattern::new());
        let viewer = world.player("live/cam");
        world.run_until(ms(2_000));
        world.cut(&gone);
        world.run_until(ms(3_000));
        assert_eq!(left_behind.closed(), None, "its publisher may return");
        world.begin_to_drain(&request());
        world.run_until(ms(4_000));
        assert_eq!(left_behind.phase(), ended());
        assert_eq!(viewer.phase(), Phase::Live(StreamId(1)));
        world.cut(&camera);
        world.run_until(ms(5_000));
        assert_eq!(viewer.phase(), ended());
        world.run_until(ms(8_000));
        assert_eq!(world.session_count(), 0);
    }
}

#[test]
fn who_waits_for_a_publisher_is_refused_at_once_and_who_waits_for_a_picture_as_long_as_one_may_come() {
    let mut world = World::new(seed(5));
    let waiting = world.player("live/never");
    let expecting = world.player("live/cam");
    let encoder = world.peer();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    world.run_until(ms(2_000));
    world.begin_to_drain(&request());
    world.run_until(ms(3_000));
    assert_eq!(waiting.phase(), Phase::Refused("NetStream.Play.StreamNotFound".to_owned()));
    assert_eq!(expecting.closed(), None);
    world.cut(&encoder);
    world.run_until(ms(4_000));
    assert!(
        matches!(expecting.phase(), Phase::Refused(_) | Phase::EndedByServer(_)),
        "{:?}",
        expecting.phase()
    );
    world.run_until(ms(7_000));
    assert_eq!(world.session_count(), 0);
}

#[test]
fn a_publisher_that_stands_by_takes_over_while_the_server_drains() {
    let mut world = World::new(seed(6));
    let main = world.publisher("live/cam").streaming(Pattern::new());
    let backup = world.publisher("live/cam?role=backup").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(2_000));
    world.begin_to_drain(&request());
    world.run_until(ms(3_000));
    world.cut(&main);
    world.run_until(ms(6_000));
    assert_eq!(viewer.phase(), Phase::Live(StreamId(1)));
    world.cut(&backup);
    world.run_until(ms(7_000));
    assert_eq!(viewer.phase(), ended());
}

#[test]
fn an_end_on_one_loop_is_told_on_the_others_while_all_drain() {
    let mut world = World::with_loops(seed(7), 3, ServerConfig::default());
    let gone = world.next_at(0).publisher("live/gone").streaming(Pattern::new());
    let camera = world.next_at(0).publisher("live/cam").streaming(Pattern::new());
    let left_behind = world.next_at(1).player("live/gone");
    let viewers = [1, 2].map(|index| world.next_at(index).player("live/cam"));
    world.run_until(ms(2_000));
    world.cut(&gone);
    world.run_until(ms(3_000));
    world.begin_to_drain(&request());
    world.run_until(ms(4_000));
    assert_eq!(left_behind.phase(), ended());
    world.cut(&camera);
    world.run_until(ms(5_000));
    for viewer in &viewers {
        assert_eq!(viewer.phase(), ended());
    }
}

/// The places that a client was asked to go to.
fn asked(client: &Client<impl Script>) -> Vec<Option<String>> {
    let place = |command: &Command| {
        (command.text("code") == Some("NetConnection.Connect.ReconnectRequest"))
            .then(|| command.text("tcUrl").map(ToOwned::to_owned))
    };
    client.with(|script| script.peer().expect("it speaks RTMP").commands().iter().filter_map(place).collect())
}

/// A player that was told the end of its stream.
fn ended() -> Phase {
    Phase::EndedByServer("NetStream.Play.UnpublishNotify".to_owned())
}

fn request() -> Arc<ReconnectRequest> {
    let tc_url = Some("rtmp://other/live".to_owned());
    Arc::new(ReconnectRequest { tc_url, ..ReconnectRequest::default() })
}

fn obeying() -> PeerOptions {
    let connect_extra = vec![("capsEx".to_owned(), Amf::from(1.0))];
    PeerOptions { connect_extra, ..PeerOptions::default() }
}
