//! Silence: whoever stops in the middle of something is closed by the timer of that phase.

use std::time::Duration;

use sol_core::hub::StreamConfig;
use sol_core::limits;
use sol_core::server::ServerConfig;
use sol_core::session::CloseReason;
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Script;
use sol_tests::peer::{Peer, PeerOptions};
use sol_tests::world::{Client, LinkOptions, World, ms, seed};

/// One way over the link, and what its bandwidth adds.
const ON_THE_WAY: Duration = ms(21);

#[test]
fn a_connection_without_a_handshake_is_closed_by_the_handshake_timer() {
    let partial: [&[u8]; 5] = [&[], &[3], &[3; 700], &[3; 1_537], &[3; 1_537 + 1_535]];
    for bytes in partial {
        let mut world = World::new(seed(1));
        let silent = world.stranger(bytes);
        world.run_until(ms(60_000));
        assert_closed(&silent, CloseReason::HandshakeTimeout, limits::HANDSHAKE_TIME);
    }
}

#[test]
fn a_handshake_that_drips_in_is_closed_by_the_handshake_timer() {
    let mut world = World::new(seed(2));
    let dripping = world.stranger(&[3]);
    for second in 1..=20 {
        world.run_until(ms(second * 1_000));
        dripping.with(|stranger| stranger.say(&[3; 100]));
    }
    assert_closed(&dripping, CloseReason::HandshakeTimeout, limits::HANDSHAKE_TIME);
}

#[test]
fn a_client_that_asks_for_nothing_is_closed_by_the_command_timer() {
    let mut world = World::new(seed(3));
    let greeted = world.stranger(&[3; 1 + 1_536 + 1_536]);
    let steps: [fn(&mut Peer); 4] = [
        |_| {},
        |peer| {
            peer.connect("live");
        },
        |peer| {
            peer.connect("live");
            peer.create_stream();
        },
        |peer| {
            peer.connect("live");
            peer.call(StreamId::CONNECTION, "getStreamLength", &["cam".into()]);
        },
    ];
    let peers = steps.map(|step| {
        let peer = world.peer();
        peer.with(step);
        peer
    });
    world.run_until(ms(60_000));
    assert_closed(&greeted, CloseReason::CommandTimeout, limits::COMMAND_TIME + ON_THE_WAY);
    // C2 and what follows it answer S0 to S2: three ways.
    for peer in &peers {
        assert_closed(peer, CloseReason::CommandTimeout, limits::COMMAND_TIME + 3 * ON_THE_WAY);
    }
}

#[test]
fn a_client_that_chatters_and_asks_for_nothing_is_closed_all_the_same() {
    let mut world = World::new(seed(4));
    let peer = world.peer();
    peer.with(|peer| peer.connect("live"));
    for second in 1..=30 {
        world.run_until(ms(second * 1_000));
        peer.with(|peer| peer.call(StreamId::CONNECTION, "_checkbw", &[]));
    }
    assert_eq!(peer.closed(), Some(CloseReason::CommandTimeout));
    assert!(peer.closed_at().is_some_and(|at| at < ms(16_000)));
}

#[test]
fn a_publisher_that_falls_silent_is_closed_and_its_name_is_free() {
    let mut world = World::without_grace(seed(5));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    world.unplug(&camera);
    world.run_until(ms(5_000) + limits::SILENCE_TIME - ms(100));
    assert_eq!((camera.closed(), viewer.closed()), (None, None), "the player answers pings");
    world.run_until(ms(5_000) + limits::SILENCE_TIME + ms(100));
    assert_eq!(camera.closed(), Some(CloseReason::Silent));
    assert_eq!(viewer.notices(), ["NetStream.Play.UnpublishNotify"]);
    let next = world.publisher("live/cam").streaming(Pattern::new());
    world.run_for(ms(1_000));
    assert_eq!(next.notices(), [""; 0]);
}

#[test]
fn a_publisher_that_was_only_cut_off_for_a_while_goes_on() {
    let mut world = World::new(seed(6));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    world.unplug(&camera);
    world.run_until(ms(25_000));
    world.plug_in(&camera);
    world.run_until(ms(30_000));
    let run = viewer.run_of(&camera);
    assert!(camera.sent().len() as u64 - run.last < 10, "what waited in the encoder has come");
}

#[test]
fn a_player_that_waits_lives_as_long_as_it_answers_pings() {
    let stream = StreamConfig { waiting: ms(3_600_000), ..StreamConfig::default() };
    let config = ServerConfig { stream: stream.into(), ..ServerConfig::default() };
    let mut world = World::with_config(seed(7), config);
    let answering = world.player("live/cam");
    let mute = world.player_with("live/cam", PeerOptions { answers_pings: false, ..PeerOptions::default() });
    world.run_until(ms(600_000));
    assert_eq!(answering.closed(), None);
    assert_eq!(mute.closed(), Some(CloseReason::Silent));
    let after = mute.closed_at().unwrap_or_default();
    assert!(after.abs_diff(limits::SILENCE_TIME) < ms(200), "{after:?}");
}

#[test]
fn a_player_that_only_takes_media_lives_without_a_word() {
    let mut world = World::new(seed(8));
    let mute = PeerOptions { answers_pings: false, acknowledges: false, ..PeerOptions::default() };
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player_with("live/cam", mute);
    world.run_until(ms(130_000));
    assert_eq!(viewer.closed(), None);
    viewer.run_of(&camera);
}

#[test]
fn a_player_whose_line_is_dead_is_closed_as_stalled() {
    let mut world = World::new(seed(9));
    world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    world.unplug(&viewer);
    world.run_until(ms(45_000));
    assert_eq!(viewer.closed(), Some(CloseReason::Stalled));
    assert!(viewer.closed_at().is_some_and(|at| at > ms(5_000) + limits::STALL_TIME));
}

#[test]
fn a_publisher_that_never_reads_is_not_taken_for_stalled() {
    let mut world = World::new(seed(10));
    // Room for sixty acknowledgements of 16 bytes; at 464 kbit/s they are there after 17 s.
    let small = LinkOptions { send_buffer_bytes: 512, receive_buffer_bytes: 512, ..LinkOptions::default() };
    world.set_link(LinkOptions { latency: ms(1), ..small });
    let camera = world.publisher("live/cam").streaming(Pattern::new().without_metadata());
    world.run_until(ms(2_000));
    camera.with(|camera| camera.peer_mut().set_window_ack_bytes(1));
    world.stall(&camera);
    world.run_until(ms(180_000));
    assert_eq!(camera.closed(), None);
}

#[test]
fn a_publisher_that_never_reads_is_listened_to_however_much_it_sends() {
    let mut world = World::new(seed(12));
    let small =
        LinkOptions { send_buffer_bytes: 8_192, receive_buffer_bytes: 8_192, ..LinkOptions::default() };
    world.set_link(LinkOptions { latency: ms(0), ..small });
    let camera = world.publisher("live/cam").streaming(Pattern::new().video_kilobits(20_000));
    world.run_until(ms(1_000));
    camera.with(|camera| camera.peer_mut().set_window_ack_bytes(1));
    world.stall(&camera);
    // Acknowledgements of 16 bytes, each 16 KiB: if all were kept, more than the answers that may wait.
    world.run_until(ms(40_000));
    let said = camera.with(|camera| camera.peer().bytes_sent());
    assert!(said / 1_024 > (limits::OUTBOX_BYTES + 2 * 8_192) as u64, "{said}");
    let session = world.session(&camera).expect("it is live");
    assert!(
        said - session.traffic().received_bytes() < 500_000,
        "{} of {said}",
        session.traffic().received_bytes()
    );
}

#[test]
fn a_publisher_that_answers_no_ping_and_never_reads_lives_as_long_as_it_sends() {
    let mut world = World::new(seed(11));
    let camera = world.publisher("live/cam").streaming(Pattern::new().audio_only());
    world.run_until(ms(1_000));
    world.stall(&camera);
    world.run_until(ms(3_600_000));
    assert_eq!(camera.closed(), None);
    let session = world.session(&camera).expect("it is live");
    assert_eq!(session.round_trip(), None);
}

fn assert_closed<S: Script>(client: &Client<S>, reason: CloseReason, after: Duration) {
    let at = client.closed_at().unwrap_or_default();
    assert!(at.abs_diff(after) < ms(10), "{reason}: after {at:?}, not {after:?}");
    assert_eq!(client.closed(), Some(reason));
    assert!(client.ended_at().is_some(), "the client saw the connection end");
}
