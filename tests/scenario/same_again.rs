//! Same again: a run is a function of its seed, and how bytes are cut changes nothing.

use std::time::Duration;

use sol_core::hub::StreamConfig;
use sol_core::participant::{Event, Summary};
use sol_core::server::ServerConfig;
use sol_core::session::Refusal;
use sol_tests::peer::message::{MediaReceived, StreamId};
use sol_tests::peer::pattern::Pattern;
use sol_tests::world::{Answer, LinkOptions, Seed, Segments, Transcript, World, ms, seed};

#[test]
fn the_same_seed_gives_the_same_world_to_the_byte() {
    let first = story(seed(7), LinkOptions::default(), seed(1));
    let second = story(seed(7), LinkOptions::default(), seed(1));
    assert_eq!(first, second);
}

#[test]
fn another_seed_gives_another_world() {
    let first = story(seed(7), LinkOptions::default(), seed(1));
    let second = story(seed(8), LinkOptions::default(), seed(1));
    assert_ne!(first.whole, second.whole);
}

#[test]
fn however_the_bytes_are_cut_each_session_says_and_each_player_gets_the_same() {
    // On a wire where length takes no time, what is one write is one step, in however many segments.
    let fast = LinkOptions { bytes_per_second: u64::MAX, ..LinkOptions::default() };
    for link in [LinkOptions::default(), fast] {
        let cut = |segments, cuts| story(seed(7), LinkOptions { segments, ..link }, cuts);
        let whole = cut(Segments::Bytes(65_536), seed(1));
        assert!(whole.media.iter().map(Vec::len).sum::<usize>() > 600);
        for cuts in 2..6 {
            assert_same(&cut(Segments::Random, seed(cuts)), &whole);
        }
        let smallest = if link == fast { 1 } else { 50 };
        for count in [smallest, 71] {
            assert_same(&cut(Segments::Bytes(count), seed(1)), &whole);
        }
    }
}

#[test]
fn however_the_bytes_are_cut_a_player_that_lags_loses_the_same() {
    let fast = LinkOptions { bytes_per_second: u64::MAX, ..LinkOptions::NARROW };
    for link in [LinkOptions::NARROW, fast] {
        let cut = |segments, cuts| lagging_story(LinkOptions { segments, ..link }, cuts);
        let whole = cut(Segments::Bytes(65_536), seed(1));
        let ends = whole.events.iter().flatten().filter(|event| event.starts_with("Ended"));
        assert!(ends.clone().any(|end| end.contains("gaps: 2")), "{:?}", ends.collect::<Vec<_>>());
        assert!(ends.clone().any(|end| end.contains("TooSlow")), "{:?}", ends.collect::<Vec<_>>());
        for cuts in 2..6 {
            assert_same(&cut(Segments::Random, seed(cuts)), &whole);
        }
        for count in [71, 500] {
            assert_same(&cut(Segments::Bytes(count), seed(1)), &whole);
        }
    }
}

#[test]
fn however_the_bytes_are_cut_links_that_stop_end_and_delay_the_same() {
    let fast = LinkOptions { bytes_per_second: u64::MAX, ..LinkOptions::NARROW };
    for link in [LinkOptions::NARROW, fast] {
        let cut = |segments, cuts| faulty_story(LinkOptions { segments, ..link }, cuts);
        let whole = cut(Segments::Bytes(65_536), seed(1));
        let all: Vec<&String> = whole.events.iter().flatten().collect();
        for what in [
            "Closed { why: Silent",
            "Closed { why: Stalled",
            "Closed { why: Refused",
            "Closed { why: StreamEnded",
            "gaps: 1",
            "NotFound",
        ] {
            assert!(all.iter().any(|event| event.contains(what)), "nobody met {what}: {all:#?}");
        }
        for cuts in 2..4 {
            assert_same(&cut(Segments::Random, seed(cuts)), &whole);
        }
        assert_same(&cut(Segments::Bytes(71), seed(1)), &whole);
    }
}

/// What is left of a story that has everything in it.
#[derive(Debug, PartialEq)]
struct Told {
    whole: Transcript,
    each: Vec<Transcript>,
    media: Vec<Vec<MediaReceived>>,
    events: Vec<Vec<String>>,
}

fn assert_same(one: &Told, other: &Told) {
    for (mine, others) in one.media.iter().zip(&other.media) {
        assert_eq!(mine.len(), others.len());
        assert!(mine == others, "a player got something else");
    }
    assert_eq!(one.events, other.events);
    assert_eq!(one.each, other.each, "all bytes of each session");
}

/// Publishers, players from the start and later, a stall, a refusal, a late answer, a change of publisher.
fn story(seed: Seed, link: LinkOptions, cuts: Seed) -> Told {
    let mut world = World::new(seed);
    world.set_cuts(cuts);
    world.set_link(link);
    world.set_policy(|request| match request.name.as_str() {
        "live/secret" => Answer::refuse(Refusal::NotFound).after(ms(300)),
        "live/late" => Answer::allow().after(ms(700)),
        _ => Answer::allow(),
    });
    let camera = world.publisher("live/cam").streaming(SMALL.marked(1));
    let first = world.player("live/cam");
    let late = world.publisher("live/late").streaming(SMALL.marked(2).audio_only());
    let refused = world.player("live/secret");
    world.run_until(ms(1_330));
    let joiner = world.player("live/cam");
    let both = world.peer();
    both.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.create_stream();
        peer.play(StreamId(1), "cam");
        peer.play(StreamId(2), "late");
    });
    world.run_until(ms(2_550));
    world.stall(&joiner);
    world.run_until(ms(3_310));
    world.cut(&camera);
    world.run_until(ms(3_730));
    world.resume(&joiner);
    let second = world.publisher("live/cam").streaming(SMALL.marked(3));
    let waiting = world.player("live/cam");
    world.run_until(ms(5_970));
    world.shutdown();
    world.run_until(ms(6_500));

    told(
        &world,
        [
            (camera.events(), camera.transcript(), vec![]),
            (first.events(), first.transcript(), first.media()),
            (late.events(), late.transcript(), vec![]),
            (refused.events(), refused.transcript(), refused.media()),
            (joiner.events(), joiner.transcript(), joiner.media()),
            (both.events(), both.transcript(), both.with(|peer| peer.media().to_vec())),
            (second.events(), second.transcript(), vec![]),
            (waiting.events(), waiting.transcript(), waiting.media()),
        ],
    )
}

/// Players that fall behind: one goes on, twice; one stays behind and is given up; one does not lag.
fn lagging_story(link: LinkOptions, cuts: Seed) -> Told {
    let stream = StreamConfig { lag_max: ms(1_000), gap_max: ms(5_000), ..StreamConfig::default() };
    let mut world =
        World::with_config(seed(9), ServerConfig { stream: stream.into(), ..ServerConfig::default() });
    world.set_cuts(cuts);
    world.set_link(link);
    let camera = world.publisher("live/cam").streaming(Pattern::new().video_kilobits(600));
    let [twice, given_up, healthy] = [(); 3].map(|()| world.player("live/cam"));
    world.run_until(ms(2_000));
    world.stall(&given_up);
    for begins in [3_000, 8_000] {
        world.run_until(ms(begins));
        world.stall(&twice);
        world.run_until(ms(begins + 3_500));
        world.resume(&twice);
    }
    world.run_until(ms(13_000));
    world.resume(&given_up);
    world.run_until(ms(15_000));
    camera.finish();
    world.run_until(ms(18_000));
    told(
        &world,
        [
            (camera.events(), camera.transcript(), vec![]),
            (twice.events(), twice.transcript(), twice.media()),
            (given_up.events(), given_up.transcript(), given_up.media()),
            (healthy.events(), healthy.transcript(), healthy.media()),
        ],
    )
}

/// Links that stop: of two publishers for a while and for good, of players for a while and for good, of who is refused.
fn faulty_story(link: LinkOptions, cuts: Seed) -> Told {
    let stream = StreamConfig { lag_max: ms(1_000), grace: ms(5_000), ..StreamConfig::default() };
    let mut world =
        World::with_config(seed(10), ServerConfig { stream: stream.into(), ..ServerConfig::default() });
    world.set_cuts(cuts);
    world.set_link(link);
    world.set_policy(|request| match request.name.as_str() {
        "live/secret" => Answer::refuse(Refusal::NotFound).after(ms(300)),
        _ => Answer::allow(),
    });
    let camera = world.publisher("live/cam").streaming(Pattern::new().marked(1).video_kilobits(300));
    let radio = world.publisher("live/radio").streaming(Pattern::new().marked(2).audio_only());
    let [gappy, dead, steady] = [(); 3].map(|()| world.player("live/cam"));
    let [listener, idle] = [(); 2].map(|()| world.player("live/radio"));
    let [refused, unheard] = [(); 2].map(|()| world.player("live/secret"));
    let waiting = world.player("live/nobody");
    world.run_until(ms(405));
    camera.with(|camera| camera.peer_mut().set_window_ack_bytes(1));
    world.unplug(&unheard);
    world.run_until(ms(4_005));
    idle.with(|player| player.peer_mut().pause(StreamId(1), true, 0));
    world.run_until(ms(5_005));
    world.unplug(&dead);
    world.unplug(&gappy);
    world.unplug(&radio);
    world.run_until(ms(12_005));
    world.plug_in(&gappy);
    world.run_until(ms(14_005));
    world.plug_in(&radio);
    world.run_until(ms(16_005));
    idle.with(|player| player.peer_mut().pause(StreamId(1), false, 0));
    world.run_until(ms(20_005));
    camera.finish();
    world.unplug(&radio);
    world.run_until(ms(90_000));
    told(
        &world,
        [
            (camera.events(), camera.transcript(), vec![]),
            (radio.events(), radio.transcript(), vec![]),
            (gappy.events(), gappy.transcript(), gappy.media()),
            (dead.events(), dead.transcript(), dead.media()),
            (steady.events(), steady.transcript(), steady.media()),
            (listener.events(), listener.transcript(), listener.media()),
            (idle.events(), idle.transcript(), idle.media()),
            (refused.events(), refused.transcript(), refused.media()),
            (unheard.events(), unheard.transcript(), unheard.media()),
            (waiting.events(), waiting.transcript(), waiting.media()),
        ],
    )
}

/// The events of a session, all its bytes, and the media that its client got.
type Seat = (Vec<(Duration, Event)>, Transcript, Vec<MediaReceived>);

fn told<const N: usize>(world: &World, seats: [Seat; N]) -> Told {
    let mut told = Told { whole: world.transcript(), each: vec![], media: vec![], events: vec![] };
    for (events, transcript, media) in seats {
        told.events.push(events.into_iter().map(|(_, event)| without_times(&event)).collect());
        told.each.push(transcript);
        told.media.push(media);
    }
    told
}

/// How long something lasted depends on when its last byte came.
fn without_times(event: &Event) -> String {
    match event {
        Event::Ended { why, summary, .. } => {
            let Summary { lasted: _, frames, bytes, gaps, lost, corrections } = summary;
            format!(
                "Ended {why:?}, frames: {frames}, bytes: {bytes}, gaps: {gaps}, lost: {lost:?}, corrected: {corrections}"
            )
        }
        other => format!("{other:?}"),
    }
}

/// Few bytes, since some of these worlds move them one by one.
const SMALL: Pattern = Pattern::new().video_kilobits(80);
