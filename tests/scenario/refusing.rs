//! Refusing: who is refused is told why, in words that its program understands, and hears it before the end.

use sol_core::limits;
use sol_core::participant::Event;
use sol_core::session::{CloseReason, Refusal, RequestKind};
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::Phase;
use sol_tests::world::{Answer, LinkOptions, Segments, World, ms, seed};

#[test]
fn a_refusal_has_the_code_that_clients_know_and_the_words_of_the_application() {
    let table = [
        (RequestKind::Publish, Refusal::Denied("wrong key".into()), "NetStream.Publish.Denied", "wrong key"),
        (
            RequestKind::Publish,
            Refusal::Rejected("too many".into()),
            "NetStream.Publish.Rejected",
            "too many",
        ),
        (RequestKind::Publish, Refusal::NameInUse, "NetStream.Publish.BadName", "the stream name is in use"),
        (RequestKind::Play, Refusal::Denied("pay first".into()), "NetStream.Play.Failed", "pay first"),
        (RequestKind::Play, Refusal::Rejected("full".into()), "NetStream.Play.Failed", "full"),
        (RequestKind::Play, Refusal::NotFound, "NetStream.Play.StreamNotFound", "there is no such stream"),
    ];
    for (kind, why, code, words) in table {
        let mut world = World::new(seed(1));
        world.set_policy(move |_| Answer::refuse(why.clone()));
        let (phase, told, closed, ended_at) = match kind {
            RequestKind::Publish => {
                let camera = world.publisher("live/cam").streaming(Pattern::new());
                world.run_until(ms(5_000));
                (camera.phase(), camera.told(), camera.closed(), camera.ended_at())
            }
            RequestKind::Play => {
                let viewer = world.player("live/cam");
                world.run_until(ms(5_000));
                (viewer.phase(), viewer.told(), viewer.closed(), viewer.ended_at())
            }
        };
        assert_eq!(phase, Phase::Refused(code.to_owned()));
        let [(at, status)] = &told[..] else { panic!("{code} is told once: {told:?}") };
        assert_eq!((status.stream, status.level.as_str()), (StreamId(1), "error"));
        assert_eq!((status.code.as_str(), status.description.as_str()), (code, words));
        assert_eq!(closed, Some(CloseReason::Refused));
        let farewell = ended_at.map(|end| end - *at).unwrap_or_default();
        assert!(farewell.abs_diff(limits::FAREWELL_TIME) < ms(1), "{farewell:?}");
    }
}

#[test]
fn a_refusal_is_flushed_before_the_connection_is_closed() {
    let mut world = World::new(seed(2));
    world.set_link(TINY_BUFFERS);
    world.set_policy(|_| Answer::refuse(Refusal::Denied("pay first".into())).after(ms(4_000)));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_500));
    assert_eq!(viewer.phase(), Phase::Starting(StreamId(1)), "it has asked");
    world.stall(&viewer);
    world.run_until(ms(8_000));
    assert_eq!((viewer.closed(), viewer.notices()), (None, vec![]));
    world.resume(&viewer);
    world.run_until(ms(10_000));
    assert_eq!(viewer.notices(), ["NetStream.Play.Failed"]);
    assert_eq!(viewer.closed(), Some(CloseReason::Refused));
    assert!(viewer.ended_at().is_some());
}

#[test]
fn a_client_that_does_not_take_its_refusal_is_closed_after_the_flush_time() {
    let mut world = World::new(seed(3));
    world.set_link(TINY_BUFFERS);
    world.set_policy(|_| Answer::refuse(Refusal::Denied("pay first".into())).after(ms(4_000)));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_500));
    world.stall(&viewer);
    world.run_until(ms(20_000));
    assert_eq!(viewer.closed(), Some(CloseReason::Refused));
    let asked_at = viewer.events().iter().find_map(|(at, event)| match event {
        Event::Requested(_) => Some(*at),
        _ => None,
    });
    let expected = asked_at.map(|at| at + ms(4_000) + limits::FAREWELL_TIME + limits::FLUSH_TIME);
    assert_eq!(viewer.closed_at(), expected);
}

#[test]
fn a_refused_stream_ends_nothing_else_on_its_connection() {
    let mut world = World::new(seed(4));
    world.set_policy(|request| match request.name.as_str() {
        "live/secret" => Answer::refuse(Refusal::NotFound),
        _ => Answer::allow(),
    });
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.peer();
    viewer.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.create_stream();
        peer.play(StreamId(1), "secret");
        peer.play(StreamId(2), "cam");
    });
    world.run_until(ms(8_000));
    assert_eq!(viewer.notices(), ["NetStream.Play.StreamNotFound"]);
    assert_eq!(viewer.closed(), None);
    let media = viewer.with(|peer| peer.media_of(StreamId(2)));
    assert!(check_run(&media, &camera.sent()).unwrap().frames > 400);
}

#[test]
fn the_application_is_asked_with_name_kind_and_query() {
    let mut world = World::new(seed(5));
    world.set_policy(|request| {
        let rightful = request.query == "key=s3cret" && request.name.as_str() == "live/cam";
        match (request.kind, rightful) {
            (RequestKind::Publish, true) | (RequestKind::Play, _) => Answer::allow(),
            (RequestKind::Publish, false) => Answer::refuse(Refusal::Denied("wrong key".into())),
        }
    });
    let thief = world.publisher("live/cam?key=guess").streaming(Pattern::new().marked(1));
    let viewer = world.player("live/cam");
    world.run_until(ms(1_000));
    let owner = world.publisher("live/cam?key=s3cret").streaming(Pattern::new().marked(2));
    world.run_until(ms(4_000));
    assert_eq!(thief.notices(), ["NetStream.Publish.Denied"]);
    assert_eq!(viewer.run_of(&owner).first, 3);
}

/// Even a refusal does not fit into them. With a short way, so that the handshake does.
const TINY_BUFFERS: LinkOptions = LinkOptions {
    latency: ms(1),
    bytes_per_second: 12_500_000,
    segments: Segments::Random,
    send_buffer_bytes: 32,
    receive_buffer_bytes: 32,
};
