//! Timers: a session waits for as long as its operator says, in each of its phases.

use std::time::Duration;

use sol_core::limits;
use sol_core::server::ServerConfig;
use sol_core::session::{CloseReason, SessionConfig, SessionTimers};
use sol_tests::peer::PeerOptions;
use sol_tests::peer::message::UserControl;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Phase;
use sol_tests::world::{Answer, LinkOptions, World, ms, seed};

#[test]
fn a_connection_without_a_handshake_is_closed_after_the_time_for_it() {
    let mut world = timed(1, SessionTimers { handshake: ms(3_000), ..SessionTimers::default() });
    let silent = world.stranger(&[]);
    world.run_until(ms(30_000));
    assert_eq!(silent.closed(), Some(CloseReason::HandshakeTimeout));
    assert_near(silent.closed_at(), ms(3_000));
}

#[test]
fn a_client_that_asks_for_nothing_is_closed_after_the_time_for_it() {
    let mut world = timed(2, SessionTimers { command: ms(40_000), ..SessionTimers::default() });
    let greeted = world.stranger(&[3; 1 + 1_536 + 1_536]);
    let peer = world.peer();
    peer.with(|peer| peer.connect("live"));
    world.run_until(ms(60_000));
    assert_eq!(
        (greeted.closed(), peer.closed()),
        (Some(CloseReason::CommandTimeout), Some(CloseReason::CommandTimeout))
    );
    assert_near(greeted.closed_at(), ms(40_000));
    assert_near(peer.closed_at(), ms(40_000));
}

#[test]
fn a_request_without_an_answer_is_refused_after_the_time_for_it() {
    let mut world = timed(3, SessionTimers { answer: ms(5_000), ..SessionTimers::default() });
    world.set_policy(|_| Answer::allow().after(ms(20_000)));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(60_000));
    assert_eq!(camera.phase(), Phase::Refused("NetStream.Publish.Rejected".to_owned()));
    assert_near(camera.told().first().map(|&(at, _)| at), ms(5_000));
}

#[test]
fn pings_come_in_the_rhythm_that_is_set_and_no_faster_than_one_a_second() {
    for (ping, pings) in [(ms(5_000), 5), (ms(20_000), 1), (Duration::ZERO, 29)] {
        let mut world = timed(4, SessionTimers { ping, ..SessionTimers::default() });
        world.publisher("live/cam").streaming(Pattern::new());
        let viewer = world.player("live/cam");
        world.run_until(ms(29_950));
        let controls = viewer.with(|player| player.peer().user_controls().to_vec());
        let came = controls.iter().filter(|event| matches!(event, UserControl::PingRequest(_))).count();
        assert_eq!(came, pings, "every {ping:?}");
    }
    assert_eq!(limits::PING_TIME_MIN, ms(1_000));
}

#[test]
fn a_publisher_that_falls_silent_is_closed_after_the_time_for_it() {
    let mut world = timed(5, SessionTimers { silence: ms(12_000), ..SessionTimers::default() });
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(5_000));
    world.unplug(&camera);
    world.run_until(ms(60_000));
    assert_eq!(camera.closed(), Some(CloseReason::Silent));
    assert_near(camera.closed_at(), ms(17_000));
}

#[test]
fn a_player_that_takes_nothing_is_closed_after_the_time_for_it() {
    let mut world = timed(6, SessionTimers { stall: ms(8_000), ..SessionTimers::default() });
    world.set_link(LinkOptions::NARROW);
    world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    world.stall(&viewer);
    world.run_until(ms(60_000));
    assert_eq!(viewer.closed(), Some(CloseReason::Stalled));
    let after = viewer.closed_at().unwrap_or_default() - ms(5_000);
    assert!((ms(8_000)..ms(9_500)).contains(&after), "{after:?}");
}

#[test]
fn a_player_whose_stream_has_ended_gets_the_time_that_is_set_to_leave() {
    for farewell in [Duration::ZERO, ms(7_000)] {
        let mut world = timed(7, SessionTimers { farewell, ..SessionTimers::default() });
        let camera = world.publisher("live/cam").streaming(Pattern::new());
        let viewer = world.player("live/cam");
        world.run_until(ms(3_000));
        camera.finish();
        world.run_until(ms(30_000));
        assert_eq!(viewer.closed(), Some(CloseReason::StreamEnded));
        let (told_at, _) = viewer.told()[0];
        let stayed = viewer.ended_at().map(|at| at - told_at).unwrap_or_default();
        assert!(stayed.abs_diff(farewell) < ms(1), "{stayed:?}, not {farewell:?}");
    }
}

#[test]
fn a_time_without_end_never_comes() {
    let never = Duration::MAX;
    let timers = SessionTimers {
        handshake: never,
        command: never,
        answer: never,
        ping: never,
        silence: never,
        stall: never,
        farewell: never,
    };
    let mut world = timed(8, timers);
    let silent = world.stranger(&[]);
    let idle = world.peer();
    idle.with(|peer| peer.connect("live"));
    let mute = world.player_with("live/cam", PeerOptions { answers_pings: false, ..PeerOptions::default() });
    let camera = world.publisher("live/cam").streaming(Pattern::new().audio_only());
    world.run_until(ms(1_000));
    world.unplug(&camera);
    world.run_until(ms(300_000));
    assert_eq!((silent.closed(), idle.closed(), mute.closed(), camera.closed()), (None, None, None, None));
}

fn timed(number: u64, timers: SessionTimers) -> World {
    let session = SessionConfig { timers, ..SessionConfig::default() };
    World::with_config(seed(number), ServerConfig { session, ..ServerConfig::default() })
}

/// But for what is under way: a handshake and two commands are four round trips of 40 ms.
fn assert_near(at: Option<Duration>, expected: Duration) {
    let off = at.unwrap_or_default().abs_diff(expected);
    assert!(off < ms(250), "at {at:?}, not {expected:?}");
}
