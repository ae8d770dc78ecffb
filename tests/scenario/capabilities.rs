//! Capabilities: what client and server tell each other of Enhanced RTMP when they connect.

use sol_core::media::{FourCc, TrackKind};
use sol_core::participant::Event;
use sol_core::session::{Capabilities, Stated};
use sol_tests::peer::amf::Amf;
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::run::check_run;
use sol_tests::peer::{Peer, PeerOptions};
use sol_tests::world::{Client, World, ms, seed};

const HEVC: FourCc = FourCc::new(*b"hvc1");

#[test]
fn what_a_client_states_reaches_the_application() {
    let mut world = World::new(seed(1));
    let video = Amf::object([("hvc1", 1.0.into()), ("av01", 2.0.into())]);
    let viewer = connecting(
        &mut world,
        vec![("videoFourCcInfoMap".to_owned(), video), ("capsEx".to_owned(), 2.0.into())],
    );
    let stated = stated(&viewer);
    assert!(stated.states_enhanced_rtmp());
    assert_eq!(stated.can_decode(TrackKind::Video, HEVC), Stated::Yes);
    assert_eq!(stated.can_decode(TrackKind::Video, FourCc::new(*b"av01")), Stated::No);
    assert_eq!(stated.can_decode(TrackKind::Audio, FourCc::new(*b"Opus")), Stated::Unknown);
    assert_eq!((stated.multitrack(), stated.reconnect()), (Stated::Yes, Stated::No));
}

#[test]
fn who_states_nothing_or_nonsense_connects_and_is_unknown() {
    for extra in [
        vec![],
        vec![("fourCcList", Amf::from(true)), ("capsEx", "7".into()), ("audioFourCcInfoMap", 4.0.into())],
    ] {
        let mut world = World::new(seed(2));
        let extra = extra.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let camera = connecting(&mut world, extra);
        assert_eq!(stated(&camera), Capabilities::default());
    }
}

/// As much as there may be in one message.
#[test]
fn a_client_that_names_thousands_of_codecs_connects_and_few_are_kept() {
    let mut world = World::new(seed(3));
    let list = Amf::StrictArray((0..3_000).map(|number| format!("{number:04}").as_str().into()).collect());
    let greedy = connecting(&mut world, vec![("fourCcList".to_owned(), list)]);
    assert!(stated(&greedy).to_string().len() < 300);
}

#[test]
fn the_server_states_in_both_objects_what_it_passes_on() {
    let mut world = World::new(seed(4));
    let viewer = connecting(&mut world, Vec::new());
    viewer.with(|peer| {
        let answer = peer.answer_to("connect").expect("it was answered");
        assert_eq!(answer.values.len(), 2);
        for object in &answer.values {
            let number = |name: &str| object.property(name).and_then(Amf::as_number);
            let forward = |name: &str| object.property(name)?.property("*")?.as_number();
            assert_eq!(number("capsEx"), Some(15.0));
            assert_eq!(number("videoFunction"), Some(6.0));
            assert_eq!(forward("videoFourCcInfoMap"), Some(4.0));
            assert_eq!(forward("audioFourCcInfoMap"), Some(4.0));
            let Some(Amf::StrictArray(list)) = object.property("fourCcList") else { panic!("{object:?}") };
            let list: Vec<&str> = list.iter().filter_map(Amf::as_str).collect();
            assert_eq!(
                list,
                [
                    "avc1", "hvc1", "vvc1", "av01", "vp08", "vp09", "mp4a", "Opus", "fLaC", "ac-3", "ec-3",
                    ".mp3"
                ]
            );
        }
    });
}

/// H.264 and AAC are older than what a player can say of codecs in this way.
#[test]
fn whatever_is_stated_of_all_codecs_the_oldest_reach_everybody() {
    let mut world = World::new(seed(5));
    let none = Amf::object([("*", 0.0.into())]);
    let extra = ["videoFourCcInfoMap", "audioFourCcInfoMap"].map(|name| (name.to_owned(), none.clone()));
    let options = PeerOptions { connect_extra: extra.to_vec(), ..PeerOptions::default() };
    let camera = world.publisher("live/cam").with(options.clone()).streaming(Pattern::new());
    let viewer = world.player_with("live/cam", options);
    world.run_until(ms(2_500));
    let run = check_run(&viewer.media(), &camera.sent()).expect("one run");
    assert!(run.frames > 100, "{run:?}");
}

fn connecting(world: &mut World, connect_extra: Vec<(String, Amf)>) -> Client<Peer> {
    let peer = world.peer_with(PeerOptions { connect_extra, ..PeerOptions::default() });
    peer.with(|peer| peer.connect("live"));
    world.run_for(ms(500));
    assert_eq!(peer.with(|peer| peer.statuses().first().map(|status| status.0)), Some(StreamId(0)));
    peer
}

fn stated(client: &Client<impl sol_tests::peer::script::Script>) -> Capabilities {
    let connected = client.events().into_iter().find_map(|(_, event)| match event {
        Event::Connected(connected) => Some(connected.capabilities),
        _ => None,
    });
    (*connected.expect("it is connected")).clone()
}
