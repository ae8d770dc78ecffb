//! NetStreams: one connection may play and publish several at once, each under its own message stream id.

use std::collections::BTreeMap;

use sol_tests::peer::Peer;
use sol_tests::peer::message::{StreamId, TypeId, UserControl};
use sol_tests::peer::pattern::{FrameText, MediaSent, Pattern};
use sol_tests::peer::run::check_run;
use sol_tests::world::{Client, World, ms, seed};

#[test]
fn a_connection_that_plays_two_streams_and_publishes_a_third_gets_and_gives_each_its_own_bytes() {
    let mut world = World::new(seed(1));
    let one = world.publisher("live/one").streaming(Pattern::new().marked(1));
    let two = world.publisher("live/two").streaming(Pattern::new().marked(2).keyframe_every_ms(1_000));
    world.run_until(ms(3_500));
    let mixer = world.peer();
    mixer.with(|peer| {
        peer.connect("live");
        for _ in 0..3 {
            peer.create_stream();
        }
        peer.play(StreamId(1), "one");
        peer.play(StreamId(2), "two");
        peer.publish(StreamId(3), "three");
    });
    let viewer = world.player("live/three");
    world.run_until(ms(4_000));
    assert_eq!(mixer.with(|peer| peer.created_streams().to_vec()), [StreamId(1), StreamId(2), StreamId(3)]);
    let three = stream_by_hand(&mut world, &mixer, StreamId(3), Pattern::new().marked(3), 5_000);

    let (first, second, third) = mixer
        .with(|peer| (peer.media_of(StreamId(1)), peer.media_of(StreamId(2)), peer.media_of(StreamId(3))));
    assert_eq!(marks(first.iter().map(|media| (media.type_id, &media.payload[..]))).len(), 1);
    assert_eq!(one.sent()[check_run(&first, &one.sent()).unwrap().first as usize].timestamp_ms, 2_000);
    assert_eq!(two.sent()[check_run(&second, &two.sent()).unwrap().first as usize].timestamp_ms, 3_000);
    assert_eq!(third, [], "a publisher gets nothing back");
    let run = check_run(&viewer.media(), &three).unwrap();
    assert_eq!((run.first, run.last), (3, three.len() as u64 - 1));

    let statuses = mixer.with(|peer| {
        let statuses = peer.statuses_in_full().iter();
        statuses.map(|status| (status.stream, status.code.clone())).collect::<Vec<_>>()
    });
    let of = |stream| {
        let own = statuses.iter().filter(|(on, _)| *on == stream);
        own.map(|(_, code)| code.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of(StreamId(1)), ["NetStream.Play.Reset", "NetStream.Play.Start"]);
    assert_eq!(of(StreamId(2)), ["NetStream.Play.Reset", "NetStream.Play.Start"]);
    assert_eq!(of(StreamId(3)), ["NetStream.Publish.Start"]);
}

#[test]
fn a_play_goes_on_when_the_same_connection_is_refused_to_publish_the_same_name() {
    let mut world = World::new(seed(11));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = plays_on_the_first_of_two(&mut world);
    world.run_until(ms(3_000));
    viewer.with(|peer| peer.publish(StreamId(2), "cam"));
    world.run_until(ms(8_000));
    goes_on(&viewer, StreamId(1), &camera.sent());
}

#[test]
fn of_two_plays_of_one_name_on_a_connection_one_goes_on_when_the_other_is_closed() {
    let mut world = World::new(seed(12));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = plays_on_the_first_of_two(&mut world);
    viewer.with(|peer| peer.play(StreamId(2), "cam"));
    world.run_until(ms(3_000));
    viewer.with(|peer| peer.close_stream(StreamId(2)));
    world.run_until(ms(8_000));
    goes_on(&viewer, StreamId(1), &camera.sent());
}

/// A connection with two NetStreams, the first of which plays `live/cam`.
fn plays_on_the_first_of_two(world: &mut World) -> Client<Peer> {
    let viewer = world.peer();
    viewer.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.create_stream();
        peer.play(StreamId(1), "cam");
    });
    viewer
}

/// The player on that NetStream has what was sent a moment ago.
fn goes_on(viewer: &Client<Peer>, stream: StreamId, sent: &[MediaSent]) {
    let run = check_run(&viewer.with(|peer| peer.media_of(stream)), sent).expect("it is a run of the camera");
    assert!(sent.len() as u64 - run.last < 10, "{run:?} of {}", sent.len());
}

#[test]
fn the_end_of_one_stream_of_a_connection_is_told_on_its_own_id_and_ends_nothing_else() {
    let mut world = World::new(seed(2));
    let one = world.publisher("live/one").streaming(Pattern::new().marked(1));
    let two = world.publisher("live/two").streaming(Pattern::new().marked(2));
    let viewer = world.peer();
    viewer.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.create_stream();
        peer.play(StreamId(1), "one");
        peer.play(StreamId(2), "two");
    });
    world.run_until(ms(3_000));
    two.finish();
    world.run_until(ms(9_000));

    viewer.with(|peer| {
        let (stream, code) = *peer.statuses().last().unwrap();
        assert_eq!((stream, code), (StreamId(2), "NetStream.Play.UnpublishNotify"));
        assert!(peer.user_controls().contains(&UserControl::StreamEof(StreamId(2))));
        let first = peer.media_of(StreamId(1));
        assert!(check_run(&first, &one.sent()).unwrap().last > two.sent().len() as u64 * 2);
        let second = peer.media_of(StreamId(2));
        assert_eq!(check_run(&second, &two.sent()).unwrap().last, two.sent().len() as u64 - 1);
    });
    assert_eq!(viewer.closed(), None);
}

#[test]
fn a_connection_may_play_what_it_publishes() {
    let mut world = World::new(seed(3));
    let client = world.peer();
    client.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.create_stream();
        peer.publish(StreamId(1), "self");
        peer.play(StreamId(2), "self");
    });
    world.run_until(ms(1_000));
    let sent = stream_by_hand(&mut world, &client, StreamId(1), Pattern::new(), 3_000);
    let received = client.with(|peer| peer.media_of(StreamId(2)));
    assert_eq!(check_run(&received, &sent).unwrap().last, sent.len() as u64 - 1);
    assert_eq!(client.with(|peer| peer.media_of(StreamId(1))), []);
}

#[test]
fn play_on_a_stream_that_plays_already_changes_over() {
    let mut world = World::new(seed(4));
    let one = world.publisher("live/one").streaming(Pattern::new().marked(1));
    let two = world.publisher("live/two").streaming(Pattern::new().marked(2));
    let viewer = world.peer();
    viewer.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.play(StreamId(1), "one");
    });
    world.run_until(ms(3_000));
    let before = viewer.with(Peer::take_media);
    // What was on its way when the command came arrives still.
    viewer.with(|peer| peer.play(StreamId(1), "two"));
    world.run_until(ms(6_000));
    let after = viewer.with(Peer::take_media);

    let change = after.iter().position(|media| media.type_id == TypeId::DATA_AMF0).unwrap();
    let first: Vec<_> = before.into_iter().chain(after[..change].iter().cloned()).collect();
    assert!(check_run(&first, &one.sent()).is_ok());
    assert!(check_run(&after[change..], &two.sent()).is_ok());
}

/// Streams a pattern as a publisher script does, and lets the last of it arrive.
fn stream_by_hand(
    world: &mut World,
    client: &Client<Peer>,
    stream: StreamId,
    pattern: Pattern,
    span_ms: u64,
) -> Vec<MediaSent> {
    let began = world.now();
    let sent: Vec<MediaSent> = pattern.media().take_while(|media| media.due < ms(span_ms)).collect();
    for media in &sent {
        world.run_until(began + media.due);
        client.with(|peer| peer.send_media(stream, media.type_id, media.timestamp_ms, media.payload.clone()));
    }
    world.run_for(ms(500));
    sent
}

/// How many frames came of each publisher.
fn marks<'a>(frames: impl Iterator<Item = (TypeId, &'a [u8])>) -> BTreeMap<u32, usize> {
    let mut marks = BTreeMap::new();
    for text in frames.filter_map(|(type_id, payload)| FrameText::read(type_id, payload)) {
        *marks.entry(text.mark).or_default() += 1;
    }
    marks
}
