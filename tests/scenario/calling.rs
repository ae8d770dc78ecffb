//! Calling: the commands that clients know beside publish and play.

use sol_core::session::CloseReason;
use sol_tests::peer::Peer;
use sol_tests::peer::amf::Amf;
use sol_tests::peer::message::{StreamId, TypeId, UserControl};
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::run::check_run;
use sol_tests::world::{Client, World, ms, seed};

const STREAM: StreamId = StreamId(1);

#[test]
fn a_player_may_call_what_players_call_and_its_stream_goes_on() {
    let mut world = World::new(seed(1));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = playing(&mut world);
    world.run_for(ms(2_000));
    let table = [
        ("ping", "_result"),
        ("_checkbw", "_result"),
        ("getStreamLength", "_result"),
        ("FCSubscribe", "_result"),
        ("releaseStream", "_result"),
        ("checkBandwidth", "_error"),
        ("playTheTrumpet", "_error"),
    ];
    for (name, answer) in table {
        viewer.with(|peer| peer.call(StreamId::CONNECTION, name, &[Amf::Null]));
        world.run_for(ms(200));
        let answered = viewer.with(|peer| peer.answer_to(name).map(|command| command.name.clone()));
        assert_eq!(answered.as_deref(), Some(answer), "{name}");
    }
    let commands = viewer.with(|peer| peer.commands().len());
    viewer.with(|peer| table.map(|(name, _)| peer.tell(StreamId::CONNECTION, name, &[Amf::Null])));
    world.run_for(ms(200));
    let unasked: Vec<String> =
        viewer.with(|peer| peer.commands()[commands..].iter().map(|command| command.name.clone()).collect());
    assert_eq!(unasked, ["onFCSubscribe"], "who wants no answer gets none");
    assert_undisturbed(&viewer, &camera.sent());
}

#[test]
fn seeking_in_a_live_stream_fails_and_the_stream_goes_on() {
    let mut world = World::new(seed(2));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = playing(&mut world);
    world.run_for(ms(2_000));
    viewer.with(|peer| peer.tell(STREAM, "seek", &[Amf::Null, 0.0.into()]));
    world.run_for(ms(2_000));
    let [(_, status)] = &viewer.told()[..] else { panic!("one answer: {:?}", viewer.told()) };
    // At a level of error FFmpeg would stop playing.
    assert_eq!((status.level.as_str(), status.code.as_str()), ("status", "NetStream.Seek.Failed"));
    assert_undisturbed(&viewer, &camera.sent());
}

#[test]
fn a_list_of_names_is_refused_in_words_and_its_first_name_plays_on() {
    let mut world = World::new(seed(3));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = playing(&mut world);
    world.run_for(ms(2_000));
    viewer.with(|peer| play_in_addition(peer, "another"));
    world.run_for(ms(4_000));
    let refusal = viewer.with(|peer| peer.statuses_in_full().last().cloned()).expect("a status");
    assert_eq!(refusal.code, "NetStream.Play.Failed");
    assert!(refusal.description.contains("Playlists are not supported"), "{}", refusal.description);
    assert_eq!(viewer.closed(), None, "it has something left to do");
    assert_undisturbed(&viewer, &camera.sent());
}

#[test]
fn playing_the_same_again_with_reset_begins_again_at_the_newest_keyframe() {
    let mut world = World::new(seed(4));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = playing(&mut world);
    world.run_for(ms(3_000));
    viewer.with(Peer::take_media);
    viewer.with(|peer| peer.play(STREAM, "cam"));
    world.run_for(ms(3_000));

    viewer.with(|peer| {
        let statuses: Vec<&str> = peer.statuses().iter().map(|(_, code)| *code).collect();
        let once = ["NetStream.Play.Reset", "NetStream.Play.Start"];
        assert_eq!(statuses[1..], [once, once].concat(), "behind the answer to connect");
        let ends = peer.user_controls().iter().filter(|&&event| event == UserControl::StreamEof(STREAM));
        assert_eq!(ends.count(), 1);
    });
    let media = viewer.with(Peer::take_media);
    let again = media.iter().position(|media| media.type_id == TypeId::DATA_AMF0).expect("a preamble");
    let sent = camera.sent();
    let run = check_run(&media[again..], &sent).expect("one run");
    assert!(sent[run.first as usize].is_keyframe());
    assert!(sent.len() as u64 - run.last < 10);
}

#[test]
fn who_says_close_is_closed_and_what_it_published_is_over_at_once() {
    let mut world = World::new(seed(5));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_for(ms(2_000));
    // One that vanished would have 10 s to return.
    camera.with(|camera| camera.peer_mut().tell(StreamId::CONNECTION, "close", &[Amf::Null]));
    world.run_for(ms(500));
    assert_eq!(camera.closed(), Some(CloseReason::ClosedByPeer));
    assert_eq!(viewer.notices(), ["NetStream.Play.UnpublishNotify"]);
}

/// A player of `live/cam` that is driven by hand.
fn playing(world: &mut World) -> Client<Peer> {
    let viewer = world.peer();
    viewer.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.play(STREAM, "cam");
    });
    viewer
}

/// As Flash puts a name on a playlist: start, duration, and no reset.
fn play_in_addition(peer: &mut Peer, name: &str) {
    peer.tell(STREAM, "play", &[Amf::Null, name.into(), (-2.0).into(), (-1.0).into(), false.into()]);
}

/// It got one run of frames, and as good as all of them.
fn assert_undisturbed(viewer: &Client<Peer>, sent: &[sol_tests::peer::pattern::MediaSent]) {
    let media = viewer.with(|peer| peer.media_of(STREAM));
    let run = check_run(&media, sent).expect("one run");
    assert!(sent.len() as u64 - run.last < 10, "{run:?} of {}", sent.len());
}
