//! Waiting: a player of a name that nobody publishes is told so, but not at once.

use sol_core::limits;
use sol_core::participant::EndReason;
use sol_core::session::CloseReason;
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Phase;
use sol_tests::world::{World, ms, seed};

const STREAM_NOT_FOUND: &str = "NetStream.Play.StreamNotFound";

#[test]
fn a_player_of_a_name_that_nobody_publishes_is_told_after_the_waiting_time_and_closed() {
    let mut world = World::new(seed(1));
    let viewer = world.player("live/nobody");
    world.run_until(ms(10_000));
    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
    world.run_until(ms(30_000));

    assert_eq!(viewer.notices(), [STREAM_NOT_FOUND]);
    // Not a start and then an end: rtmp2src and rtmpdump would take that for a success.
    assert_eq!(viewer.phase(), Phase::Refused(STREAM_NOT_FOUND.to_owned()));
    let (told_at, status) = viewer.told()[0].clone();
    assert_eq!(status.level, "error");
    // `play` is there after some 140 ms.
    assert!((ms(10_100)..ms(10_300)).contains(&told_at), "{told_at:?}");
    let farewell = viewer.ended_at().map(|at| at - told_at).unwrap_or_default();
    assert!(farewell.abs_diff(limits::FAREWELL_TIME) < ms(1), "{farewell:?}");
    assert_eq!(viewer.closed(), Some(CloseReason::Refused));
    assert_eq!(viewer.endings()[0].0, EndReason::NotFound);
    assert_eq!(world.stream_count(), 0);
}

#[test]
fn a_player_whose_publisher_comes_in_time_is_told_nothing() {
    let mut world = World::new(seed(2));
    let viewer = world.player("live/cam");
    world.run_until(ms(9_000));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(20_000));
    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
    assert_eq!(viewer.run_of(&camera).first, 3);
}

#[test]
fn a_player_whose_publisher_has_nothing_to_show_yet_waits_for_it() {
    let mut world = World::new(seed(3));
    let viewer = world.player("live/cam");
    let encoder = world.peer();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    world.run_until(ms(25_000));
    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
    assert_eq!(viewer.phase(), Phase::Live(StreamId(1)));
}

#[test]
fn a_player_whose_publisher_went_without_having_shown_anything_does_not_wait_forever() {
    for comes_first in [false, true] {
        let mut world = World::new(seed(4));
        let encoder = world.peer();
        encoder.with(|peer| {
            peer.connect("live");
            peer.create_stream();
            peer.publish(StreamId(1), "cam");
        });
        if comes_first {
            world.run_until(ms(1_000));
        }
        let viewer = world.player("live/cam");
        world.run_until(ms(15_000));
        world.cut(&encoder);
        world.run_until(ms(45_000));
        // Who had been told that it starts would not understand that it is not found.
        let Phase::EndedByServer(told) = viewer.phase() else { panic!("{:?}", viewer.phase()) };
        assert_eq!(told, "NetStream.Play.UnpublishNotify");
        assert_eq!(viewer.closed(), Some(CloseReason::StreamEnded));
        assert_eq!(viewer.endings()[0].0, EndReason::StreamEnded);
    }
}
