//! Takeover: who may take the place of a publisher that is connected, what that one is told, and what players see of it.

use std::time::Duration;

use sol_core::hub::{StreamConfig, Takeover};
use sol_core::limits;
use sol_core::participant::EndReason;
use sol_core::server::ServerConfig;
use sol_core::session::CloseReason;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::Phase;
use sol_tests::world::{World, ms, seed};

use crate::marks::{FIRST_FRAME, assert_time_never_steps_back, is_live, run_of_mark};

#[test]
fn whoever_has_the_same_credential_takes_the_place_at_once_and_players_go_on() {
    let mut world = World::new(seed(1));
    let first = world.publisher("live/cam?key=a").streaming(Pattern::new().marked(1));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_300));
    let second = world.publisher("live/cam?key=a").streaming(Pattern::new().marked(2));
    world.run_until(ms(8_000));

    assert_eq!(first.notices(), ["NetStream.Publish.BadName"]);
    assert_eq!(
        (first.endings()[0].0.clone(), first.closed()),
        (EndReason::Replaced, Some(CloseReason::Replaced))
    );
    assert!(is_live(&second), "{:?}", second.phase());
    let media = viewer.media();
    run_of_mark(&media, 1, &first.sent()).expect("one run of the first");
    let run = run_of_mark(&media, 2, &second.sent()).expect("one run of the second");
    assert_eq!(run.first, FIRST_FRAME, "behind its own configurations");
    assert!(second.sent().len() as u64 - run.last < 10, "to the last frame");
    assert_time_never_steps_back(&media);
    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
}

#[test]
fn another_credential_or_none_is_refused_while_the_publisher_sends() {
    for key in ["live/cam", "live/cam?key=b", "live/cam?key=a&more=1", "live/cam?KEY=a"] {
        let mut world = World::new(seed(2));
        let first = world.publisher("live/cam?key=a").streaming(Pattern::new());
        world.run_until(ms(3_000));
        let second = world.publisher(key).streaming(Pattern::new());
        world.run_until(ms(6_000));
        assert_eq!(second.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()), "{key}");
        assert!(is_live(&first));
    }
}

#[test]
fn without_credentials_a_publisher_keeps_its_place_until_it_falls_silent() {
    let mut world = World::new(seed(3));
    let first = world.publisher("live/cam").streaming(Pattern::new().marked(1));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    world.unplug(&first);
    world.run_for(limits::PUBLISHER_SILENCE - ms(500));
    let early = world.publisher("live/cam").streaming(Pattern::new().marked(2));
    world.run_for(ms(1_500));
    assert_eq!(early.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));
    let second = world.publisher("live/cam").streaming(Pattern::new().marked(3));
    world.run_for(ms(5_000));

    assert!(is_live(&second), "{:?}", second.phase());
    // It hears nothing, and so is told by nobody: its connection is closed all the same.
    assert_eq!(first.endings()[0].0, EndReason::Replaced);
    let media = viewer.media();
    run_of_mark(&media, 3, &second.sent()).expect("one run of the second");
    assert_time_never_steps_back(&media);
    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
}

#[test]
fn a_publisher_that_can_be_heard_again_keeps_its_place() {
    let mut world = World::new(seed(4));
    let first = world.publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(3_000));
    world.unplug(&first);
    world.run_for(limits::PUBLISHER_SILENCE + ms(1_000));
    world.plug_in(&first);
    world.run_for(ms(2_000));
    let second = world.publisher("live/cam").streaming(Pattern::new());
    world.run_for(ms(3_000));
    assert_eq!(second.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));
    assert!(is_live(&first));
}

#[test]
fn where_nobody_is_replaced_a_silent_publisher_keeps_its_place_too() {
    let mut world = world(Takeover::Refuse);
    let first = world.publisher("live/cam?key=a").streaming(Pattern::new());
    world.run_until(ms(3_000));
    world.unplug(&first);
    world.run_for(limits::PUBLISHER_SILENCE + ms(2_000));
    let second = world.publisher("live/cam?key=a").streaming(Pattern::new());
    world.run_for(ms(2_000));
    assert_eq!(second.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));
}

#[test]
fn where_silence_alone_counts_the_same_credential_is_refused() {
    let mut world = world(Takeover::Silent);
    let first = world.publisher("live/cam?key=a").streaming(Pattern::new());
    world.run_until(ms(3_000));
    let second = world.publisher("live/cam?key=a").streaming(Pattern::new());
    world.run_for(ms(2_000));
    assert_eq!(second.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));
    assert!(is_live(&first));
}

#[test]
fn where_whoever_comes_replaces_the_last_one_publishes_and_each_before_it_is_told() {
    let mut world = world(Takeover::Replace);
    let viewer = world.player("live/cam");
    let mut cameras = Vec::new();
    for mark in 0..5 {
        let pattern = Pattern::new().marked(mark).starting_at_ms(mark * 1_000_000);
        cameras.push(world.publisher("live/cam").streaming(pattern));
        world.run_for(ms(1_700));
    }
    world.run_for(ms(3_000));

    for camera in &cameras[..4] {
        assert_eq!(camera.notices(), ["NetStream.Publish.BadName"]);
        assert_eq!(camera.closed(), Some(CloseReason::Replaced));
    }
    assert!(is_live(&cameras[4]));
    let media = viewer.media();
    for (mark, camera) in (0..).zip(&cameras) {
        assert_eq!(run_of_mark(&media, mark, &camera.sent()).expect("one run").first, FIRST_FRAME);
    }
    assert_time_never_steps_back(&media);
    assert_eq!(viewer.notices(), [""; 0]);
}

#[test]
fn without_any_grace_players_of_a_publisher_that_is_replaced_go_on_too() {
    let stream = StreamConfig { grace: Duration::ZERO, ..StreamConfig::default() };
    let config = ServerConfig { stream: stream.into(), ..ServerConfig::default() };
    let mut world = World::with_config(seed(8), config);
    let first = world.publisher("live/cam?key=a").streaming(Pattern::new().marked(1));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    let second = world.publisher("live/cam?key=a").streaming(Pattern::new().marked(2));
    world.run_until(ms(6_000));
    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
    run_of_mark(&viewer.media(), 2, &second.sent()).expect("one run of the second");
    // The last one leaves.
    second.finish();
    world.run_for(ms(1_000));
    assert_eq!(viewer.notices(), ["NetStream.Play.UnpublishNotify"]);
    assert!(first.closed().is_some());
}

#[test]
fn a_publisher_that_was_replaced_may_publish_another_stream_on_its_connection() {
    let mut world = World::new(seed(9));
    let encoder = world.peer();
    let cam = sol_tests::peer::message::StreamId(1);
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(cam, "cam?key=a");
    });
    world.run_until(ms(1_000));
    let second = world.publisher("live/cam?key=a").streaming(Pattern::new());
    world.run_for(ms(1_500));
    assert!(is_live(&second));
    encoder.with(|peer| peer.publish(cam, "other"));
    world.run_for(ms(500));
    let sent: Vec<_> = Pattern::new().media().take(30).collect();
    encoder.with(|peer| {
        for media in &sent {
            peer.send_media(cam, media.type_id, media.timestamp_ms, media.payload.clone());
        }
    });
    let viewer = world.player("live/other");
    world.run_for(ms(5_000));
    assert_eq!(encoder.closed(), None);
    check_run(&viewer.media(), &sent).expect("one run");
}

fn world(takeover: Takeover) -> World {
    let stream = StreamConfig { takeover, ..StreamConfig::default() };
    World::with_config(seed(7), ServerConfig { stream: stream.into(), ..ServerConfig::default() })
}
