//! Per app: what an operator decides for one app holds for its streams and for no others.

use std::sync::Arc;
use std::time::Duration;

use sol_core::hub::{Join, StreamConfig};
use sol_core::participant::EndReason;
use sol_core::per_app::PerApp;
use sol_core::server::ServerConfig;
use sol_tests::peer::message::{MediaReceived, StreamId, TypeId};
use sol_tests::peer::pattern::{FrameText, Pattern};
use sol_tests::peer::script::Publisher;
use sol_tests::world::{Client, World, ms, seed};

#[test]
fn a_player_waits_for_its_publisher_as_long_as_its_app_says() {
    let short = StreamConfig { waiting: ms(2_000), ..StreamConfig::default() };
    let long = StreamConfig { waiting: ms(60_000), ..StreamConfig::default() };
    let mut world = world(1, [("event", short), ("event/long/*", long)]);
    let waiting =
        [("event/a", 2_000), ("event/b/c", 2_000), ("event/long/a", 60_000), ("eventually/a", 10_000)];
    let viewers = waiting.map(|(name, _)| world.player(name));
    world.run_until(ms(90_000));
    for (viewer, (name, waited)) in viewers.iter().zip(waiting) {
        let (told_at, status) = viewer.told()[0].clone();
        assert_eq!(status.code, "NetStream.Play.StreamNotFound", "{name}");
        // `play` is there after some 140 ms.
        assert!((ms(waited + 100)..ms(waited + 300)).contains(&told_at), "{name}: {told_at:?}");
    }
}

#[test]
fn a_player_whose_publisher_showed_nothing_waits_for_the_next_one_as_long_as_its_app_says() {
    let short = StreamConfig { waiting: ms(2_000), grace: Duration::ZERO, ..StreamConfig::default() };
    let mut world = world(2, [("event", short)]);
    let encoder = world.peer();
    encoder.with(|peer| {
        peer.connect("event");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    world.run_until(ms(1_000));
    let viewer = world.player("event/cam");
    world.run_until(ms(5_000));
    world.cut(&encoder);
    world.run_until(ms(6_500));
    assert_eq!(viewer.endings(), []);
    world.run_until(ms(7_500));
    assert_eq!(viewer.endings()[0].0, EndReason::StreamEnded);
}

#[test]
fn a_publisher_that_vanished_may_return_for_as_long_as_its_app_says() {
    let none = StreamConfig { grace: Duration::ZERO, ..StreamConfig::default() };
    let long = StreamConfig { grace: ms(40_000), ..StreamConfig::default() };
    let mut world = world(3, [("none", none), ("long", long)]);
    let names = [("none/cam", 0), ("live/cam", 10_000), ("long/cam", 40_000)];
    let cameras = names.map(|(name, _)| world.publisher(name).streaming(Pattern::new().audio_only()));
    let viewers = names.map(|(name, _)| world.player(name));
    world.run_until(ms(5_000));
    cameras.iter().for_each(|camera| world.cut(camera));
    world.run_until(ms(60_000));
    for (viewer, (name, grace)) in viewers.iter().zip(names) {
        let (told_at, status) = viewer.told()[0].clone();
        assert_eq!(status.code, "NetStream.Play.UnpublishNotify");
        let after = told_at - ms(5_000);
        assert!((ms(grace)..ms(grace + 100)).contains(&after), "{name}: {after:?}");
    }
}

#[test]
fn a_player_begins_where_its_app_says_however_the_name_is_cut() {
    let instant = StreamConfig { join: Join::Instant, ..StreamConfig::default() };
    let mut world = world(4, [("instant", instant)]);
    let pattern = Pattern::new().keyframe_every_ms(1_000);
    for (path, first_ms) in [("instant/hd", 8_000), ("live/hd", 10_000)] {
        let name = format!("{path}/cam");
        let camera = world.publisher(&name).streaming(pattern);
        let came_at = world.now();
        world.run_until(came_at + ms(10_500));
        let parts: Vec<&str> = name.split('/').collect();
        let players = [1, 2].map(|cut| {
            let player = world.peer();
            player.with(|peer| {
                peer.connect(&parts[..cut].join("/"));
                peer.create_stream();
                peer.play(StreamId(1), &parts[cut..].join("/"));
            });
            player
        });
        world.run_for(ms(400));
        for player in players {
            let media = player.with(|peer| peer.media().to_vec());
            assert_eq!(begins_at(&media, &camera), first_ms, "{name}");
        }
    }
}

#[test]
fn a_tape_holds_as_much_as_its_app_says() {
    let short = StreamConfig { tape_time: ms(3_000), ..StreamConfig::default() };
    let small = StreamConfig { tape_bytes: 300_000, ..StreamConfig::default() };
    let mut world = world(5, [("short", short), ("small", small)]);
    let long_groups = Pattern::new().keyframe_every_ms(40_000);
    let names = ["short/cam", "small/cam", "live/cam"];
    let cameras = names.map(|name| world.publisher(name).streaming(long_groups));
    let viewers = names.map(|name| world.player(name));
    world.run_until(ms(19_000));

    let second = cameras[0].sent().iter().map(|sent| sent.payload.len()).sum::<usize>() / 19;
    let tape = |world: &World, name: &str| world.tape_bytes_of(&name.parse().unwrap());
    assert!((second * 2..second * 4).contains(&tape(&world, "short/cam")), "{second} a second");
    assert!((250_000..=300_000).contains(&tape(&world, "small/cam")));
    assert!(tape(&world, "live/cam") > second * 17);

    // Nobody who keeps up loses anything by it, and who comes amid the group sees from its next keyframe on.
    let late = names.map(|name| world.player(name));
    world.run_until(ms(45_000));
    for (index, name) in names.iter().enumerate() {
        assert_eq!(viewers[index].run_of(&cameras[index]).first, 3, "{name}");
        assert_eq!((late[index].closed(), late[index].notices()), (None, vec![]), "{name}");
    }
    assert_eq!(begins_at(&late[2].media(), &cameras[2]), 0);
    for index in 0..2 {
        assert_eq!(begins_at(&late[index].media(), &cameras[index]), 40_000, "{}", names[index]);
    }
}

fn world<const N: usize>(number: u64, apps: [(&str, StreamConfig); N]) -> World {
    let mut stream = PerApp::<Arc<StreamConfig>>::default();
    for (app, config) in apps {
        stream.add(app.parse().expect("an app"), Arc::new(config)).expect("once");
    }
    World::with_config(seed(number), ServerConfig { stream, ..ServerConfig::default() })
}

/// The publisher's time of the first picture that came.
fn begins_at(media: &[MediaReceived], camera: &Client<Publisher>) -> u32 {
    let sent = camera.sent();
    let frames = media.iter().filter_map(|media| FrameText::read(media.type_id, &media.payload));
    let first =
        frames.map(|text| sent[text.sequence as usize].clone()).find(|sent| sent.type_id == TypeId::VIDEO);
    first.expect("a picture has come").timestamp_ms
}
