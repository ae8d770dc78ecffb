//! Late answers: however long the application thinks, nothing is lost and nothing goes ahead.

use sol_core::participant::Event;
use sol_core::session::{CloseReason, Refusal, RequestKind};
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::{MediaSent, Pattern};
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::Phase;
use sol_tests::peer::{Peer, PeerOptions};
use sol_tests::world::{Answer, Client, World, ms, seed};

#[test]
fn what_an_eager_encoder_sent_behind_publish_is_not_lost() {
    for glue_connect_to_c2 in [false, true] {
        let mut world = World::new(seed(1));
        world.set_policy(|request| match request.kind {
            RequestKind::Publish => Answer::allow().after(ms(3_000)),
            RequestKind::Play => Answer::allow(),
        });
        let viewer = world.player("live/cam");
        let (encoder, sent) = eager_encoder(&mut world, glue_connect_to_c2, 2_000);
        world.run_until(ms(3_000));
        assert_eq!(viewer.media(), []);
        world.run_until(ms(4_000));
        let run = check_run(&viewer.media(), &sent).unwrap();
        assert_eq!((run.first, run.last), (3, sent.len() as u64 - 1));
        assert_eq!(encoder.notices(), [""; 0]);
    }
}

#[test]
fn more_than_the_kernel_buffers_hold_waits_in_the_encoder_and_comes_whole() {
    let mut world = World::new(seed(2));
    world.set_policy(|_| Answer::allow().after(ms(8_000)));
    let viewer = world.player("live/cam");
    let (encoder, sent) = eager_encoder(&mut world, false, 20_000);
    world.run_until(ms(7_900));
    let received = world.session(&encoder).map(|session| session.traffic().received_bytes());
    assert!(
        received.is_some_and(|bytes| bytes < 10_000),
        "nothing behind publish is looked at: {received:?}"
    );
    world.run_until(ms(12_000));
    let run = check_run(&viewer.media(), &sent).unwrap();
    assert_eq!(run.last, sent.len() as u64 - 1);
}

#[test]
fn an_encoder_that_has_left_before_the_answer_is_published_to_its_last_frame() {
    let mut world = World::without_grace(seed(3));
    world.set_policy(|request| match request.kind {
        RequestKind::Publish => Answer::allow().after(ms(3_000)),
        RequestKind::Play => Answer::allow(),
    });
    let viewer = world.player("live/cam");
    let (encoder, sent) = eager_encoder(&mut world, true, 1_000);
    world.run_until(ms(500));
    world.hang_up(&encoder);
    world.run_until(ms(5_000));
    let run = check_run(&viewer.media(), &sent).unwrap();
    assert_eq!((run.first, run.last), (3, sent.len() as u64 - 1));
    assert_eq!(viewer.notices(), ["NetStream.Play.UnpublishNotify"]);
    assert_eq!(encoder.closed(), Some(CloseReason::PeerLeft));
}

#[test]
fn all_that_an_encoder_sent_before_it_left_is_shown_at_once_though_it_may_return() {
    let mut world = World::new(seed(3));
    world.set_policy(|request| match request.kind {
        RequestKind::Publish => Answer::allow().after(ms(3_000)),
        RequestKind::Play => Answer::allow(),
    });
    let viewer = world.player("live/cam");
    let (encoder, sent) = eager_encoder(&mut world, true, 1_000);
    world.run_until(ms(500));
    world.hang_up(&encoder);
    world.run_until(ms(3_500));
    let run = check_run(&viewer.media(), &sent).unwrap();
    assert_eq!((run.first, run.last), (3, sent.len() as u64 - 1));
    assert_eq!(viewer.notices(), [""; 0]);
    world.run_until(ms(14_000));
    assert_eq!(viewer.notices(), ["NetStream.Play.UnpublishNotify"]);
}

#[test]
fn an_answer_to_a_connection_that_broke_meanwhile_is_harmless() {
    let mut world = World::new(seed(4));
    world.set_policy(|_| Answer::allow().after(ms(3_000)));
    let (encoder, _) = eager_encoder(&mut world, false, 1_000);
    let viewer = world.player("live/cam");
    world.run_until(ms(1_000));
    world.cut(&encoder);
    world.cut(&viewer);
    world.run_until(ms(5_000));
    for events in [encoder.events(), viewer.events()] {
        assert!(events.iter().all(|(_, event)| !matches!(event, Event::Started { .. })));
    }
    assert_eq!(world.stream_count(), 0);
}

#[test]
fn what_was_sent_behind_a_publish_that_is_refused_late_goes_nowhere() {
    let mut world = World::new(seed(5));
    world.set_policy(|request| match request.kind {
        RequestKind::Publish => Answer::refuse(Refusal::Denied("wrong key".into())).after(ms(2_000)),
        RequestKind::Play => Answer::allow(),
    });
    let viewer = world.player("live/cam");
    let (encoder, _) = eager_encoder(&mut world, false, 3_000);
    world.run_until(ms(6_000));
    assert_eq!(encoder.notices(), ["NetStream.Publish.Denied"]);
    assert_eq!(encoder.closed(), Some(CloseReason::Refused));
    assert_eq!((viewer.media(), viewer.notices()), (vec![], vec![]));
}

#[test]
fn requests_that_came_in_one_write_are_asked_one_after_the_other() {
    let mut world = World::new(seed(6));
    world.set_policy(|_| Answer::allow().after(ms(1_000)));
    let client = world.peer();
    client.with(|peer| {
        peer.connect("live");
        for number in 1..=3 {
            peer.create_stream();
            peer.publish(StreamId(number), &format!("cam{number}"));
        }
    });
    world.run_until(ms(5_000));
    let times = |wanted: fn(&Event) -> bool| {
        let events = client.events().into_iter().filter(|(_, event)| wanted(event));
        events.map(|(at, _)| at.as_millis() / 1_000).collect::<Vec<_>>()
    };
    assert_eq!(times(|event| matches!(event, Event::Requested(_))), [0, 1, 2]);
    assert_eq!(times(|event| matches!(event, Event::Started { .. })), [1, 2, 3]);
}

#[test]
fn a_publisher_by_the_book_and_its_player_wait_as_long_as_it_takes() {
    let mut world = World::new(seed(7));
    // Longer than any timer that is for those who do nothing.
    world.set_policy(|_| Answer::allow().after(ms(29_000)));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(34_000));
    assert!(matches!(camera.phase(), Phase::Live(_)), "{:?}", camera.closed());
    assert_eq!(viewer.run_of(&camera).first, 3);
}

#[test]
fn a_request_that_is_never_answered_is_refused_when_its_time_is_up() {
    let mut world = World::new(seed(8));
    world.set_policy(|_| Answer::allow().after(ms(3_600_000)));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(29_000));
    assert!(matches!(camera.phase(), Phase::Starting(_)), "{:?}", camera.phase());
    world.run_until(ms(40_000));
    assert_eq!(camera.phase(), Phase::Refused("NetStream.Publish.Rejected".to_owned()));
    assert_eq!(camera.closed(), Some(CloseReason::Refused));
}

/// An encoder that waits for nothing: handshake, commands and media are one row of bytes.
fn eager_encoder(
    world: &mut World,
    glue_connect_to_c2: bool,
    span_ms: u64,
) -> (Client<Peer>, Vec<MediaSent>) {
    let encoder = world.peer_with(PeerOptions { glue_connect_to_c2, ..PeerOptions::default() });
    let sent: Vec<_> = Pattern::new().media().take_while(|media| media.due < ms(span_ms)).collect();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
        for media in &sent {
            peer.send_media(StreamId(1), media.type_id, media.timestamp_ms, media.payload.clone());
        }
    });
    (encoder, sent)
}
