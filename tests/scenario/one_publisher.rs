//! One publisher: a name has one at a time, and is free at once when that one has left.

use sol_core::participant::Event;
use sol_core::session::{CloseReason, Refusal};
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::{Phase, Publisher};
use sol_tests::world::{Client, LinkOptions, World, ms, seed};

#[test]
fn a_second_publisher_is_refused_while_the_first_lives() {
    let mut world = World::new(seed(1));
    let first = world.publisher("live/cam").streaming(Pattern::new().marked(1));
    let viewer = world.player("live/cam");
    world.run_until(ms(2_000));
    let second = world.publisher("live/cam").streaming(Pattern::new().marked(2));
    world.run_until(ms(6_000));

    assert_eq!(second.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));
    assert!(refusals(&second).iter().all(|why| *why == Refusal::NameInUse));
    assert_eq!(second.closed(), Some(CloseReason::Refused));
    assert_eq!(first.notices(), [""; 0]);
    assert_eq!(viewer.notices(), [""; 0]);
    let run = viewer.run_of(&first);
    assert!(first.sent().len() as u64 - run.last < 10, "the first goes on, to the last frame");
}

#[test]
fn a_refused_publisher_may_try_again_on_its_connection() {
    let mut world = World::new(seed(2));
    let first = world.publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(1_000));
    let second = world.peer();
    let cam = StreamId(1);
    second.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(cam, "cam");
    });
    world.run_until(ms(2_000));
    first.finish();
    world.run_until(ms(2_100));
    second.with(|peer| peer.publish(cam, "cam"));
    world.run_until(ms(10_000));

    second.with(|peer| {
        let codes: Vec<_> = peer.statuses().into_iter().map(|(_, code)| code).collect();
        let [connected, refused, granted] = codes[..] else { panic!("{codes:?}") };
        assert_eq!(connected, "NetConnection.Connect.Success");
        assert_eq!((refused, granted), ("NetStream.Publish.BadName", "NetStream.Publish.Start"));
    });
    assert_eq!(second.closed(), None, "it publishes, so nobody sends it away");
}

#[test]
fn the_name_is_free_as_soon_as_the_server_knows_that_the_publisher_left() {
    let deletes: fn(&mut World, &Client<Publisher>) = |_, camera| camera.finish();
    let hangs_up: fn(&mut World, &Client<Publisher>) = |world, camera| world.hang_up(camera);
    let is_cut: fn(&mut World, &Client<Publisher>) = |world, camera| world.cut(camera);
    for leaves in [deletes, hangs_up, is_cut] {
        let mut world = World::new(seed(3));
        let first = world.publisher("live/cam").streaming(Pattern::new().marked(1));
        world.run_until(ms(3_000));
        leaves(&mut world, &first);
        // The news travels for 20 ms; the next one is there with `publish` some 100 ms later.
        let second = world.publisher("live/cam").streaming(Pattern::new().marked(2));
        let viewer = world.player("live/cam");
        world.run_until(ms(6_000));

        assert!(matches!(second.phase(), Phase::Live(_)), "{:?}", second.phase());
        assert_eq!(viewer.run_of(&second).first, 3, "nothing of the first one is seen");
    }
}

#[test]
fn how_a_publisher_left_is_told_as_it_was() {
    let mut world = World::new(seed(4));
    let deletes = world.publisher("live/1").streaming(Pattern::new());
    let hangs_up = world.publisher("live/2").streaming(Pattern::new());
    let is_cut = world.publisher("live/3").streaming(Pattern::new());
    world.run_until(ms(3_000));
    deletes.finish();
    world.hang_up(&hangs_up);
    world.cut(&is_cut);
    world.run_until(ms(4_000));

    let codes = [&deletes, &hangs_up, &is_cut].map(|client| client.endings()[0].0.code());
    assert_eq!(codes, ["stopped", "peer-left", "peer-reset"]);
    assert_eq!(deletes.closed(), None, "it said that it ended the stream, not the connection");
    assert_eq!(hangs_up.closed(), Some(CloseReason::PeerLeft));
    assert_eq!(is_cut.closed(), Some(CloseReason::PeerReset));
    assert_eq!(world.stream_count(), 0);
}

#[test]
fn players_of_the_last_publication_and_of_the_next_are_not_mixed_up() {
    let mut world = World::without_grace(seed(6));
    world.set_link(LinkOptions {
        send_buffer_bytes: 8_000,
        receive_buffer_bytes: 8_000,
        ..LinkOptions::default()
    });
    let first = world.publisher("live/cam").streaming(Pattern::new().marked(1));
    let behind = world.player("live/cam");
    world.run_until(ms(2_000));
    world.stall(&behind);
    world.run_until(ms(5_500));
    world.hang_up(&first);
    // The next one has the name, and a second later something to show.
    let second = world.peer();
    second.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    world.run_until(ms(6_000));
    let joiner = world.player("live/cam");
    world.run_until(ms(7_000));
    assert_eq!(joiner.media(), [], "it waits for the next one");

    let sent: Vec<_> = Pattern::new().marked(2).media().take(200).collect();
    for media in &sent {
        second.with(|peer| {
            peer.send_media(StreamId(1), media.type_id, media.timestamp_ms, media.payload.clone());
        });
    }
    world.run_until(ms(8_000));
    world.resume(&behind);
    world.run_until(ms(9_000));
    assert_eq!(check_run(&joiner.media(), &sent).unwrap().first, 3);
    assert_eq!(behind.run_of(&first).last, first.sent().len() as u64 - 1, "and not a frame of the next one");
    assert_eq!(behind.notices(), ["NetStream.Play.UnpublishNotify"]);
}

#[test]
fn everything_that_a_publisher_sent_before_it_left_reaches_its_player() {
    for end in ["deleteStream", "FIN"] {
        let mut world = World::new(seed(5));
        let camera = world.publisher("live/cam").streaming(Pattern::new());
        let viewer = world.player("live/cam");
        world.run_until(ms(4_444));
        match end {
            "deleteStream" => camera.finish(),
            _ => world.hang_up(&camera),
        }
        world.run_until(ms(5_000));
        assert_eq!(viewer.run_of(&camera).last, camera.sent().len() as u64 - 1, "{end}");
    }
}

fn refusals(client: &Client<Publisher>) -> Vec<Refusal> {
    let events = client.events().into_iter();
    events
        .filter_map(|(_, event)| match event {
            Event::Refused { why, .. } => Some(why),
            _ => None,
        })
        .collect()
}
