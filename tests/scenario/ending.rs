//! Ending: who is told what when a stream, the server or everybody goes, and that nothing remains.

use sol_core::limits;
use sol_core::participant::{EndReason, Event};
use sol_core::session::CloseReason;
use sol_tests::peer::Peer;
use sol_tests::peer::message::{StreamId, TypeId, UserControl};
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Phase;
use sol_tests::world::{Answer, LinkOptions, World, ms, seed};

const UNPUBLISH_NOTIFY: &str = "NetStream.Play.UnpublishNotify";

#[test]
fn the_unpublish_notice_comes_behind_the_last_frame_and_stream_eof_behind_that() {
    let mut world = World::new(seed(1));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    camera.finish();
    world.run_until(ms(4_000));

    assert_eq!(viewer.run_of(&camera).last, camera.sent().len() as u64 - 1);
    assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY]);
    viewer.with(|player| {
        let received = player.peer().received();
        let is_media = |type_id| type_id == TypeId::VIDEO || type_id == TypeId::AUDIO;
        let last_media = received.iter().rposition(|message| is_media(message.type_id)).expect("media came");
        let notice = received.iter().rposition(|message| message.type_id == TypeId::COMMAND_AMF0);
        assert!(Some(last_media) < notice, "{last_media}, {notice:?}");
        let last = received.last().unwrap();
        let eof = UserControl::StreamEof(StreamId(1));
        assert_eq!((last.type_id, UserControl::read(&last.payload)), (TypeId::USER_CONTROL, Some(eof)));
    });
}

#[test]
fn a_player_that_is_behind_reads_to_the_end_before_it_is_told() {
    let mut world = World::without_grace(seed(2));
    world.set_link(LinkOptions {
        receive_buffer_bytes: 8_000,
        send_buffer_bytes: 8_000,
        ..LinkOptions::default()
    });
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(2_000));
    world.stall(&viewer);
    world.run_until(ms(6_000));
    world.hang_up(&camera);
    world.run_until(ms(7_000));
    assert_eq!(viewer.notices(), [""; 0]);
    world.resume(&viewer);
    world.run_until(ms(8_000));

    assert_eq!(viewer.run_of(&camera).last, camera.sent().len() as u64 - 1);
    assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY]);
}

#[test]
fn a_player_whose_stream_ended_is_closed_after_the_farewell_time() {
    let mut world = World::new(seed(3));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    camera.finish();
    world.run_until(ms(10_000));

    let (told_at, _) = viewer.told()[0];
    let farewell = viewer.ended_at().map(|at| at - told_at).unwrap_or_default();
    assert!(farewell.abs_diff(limits::FAREWELL_TIME) < ms(1), "{farewell:?}");
    assert_eq!(viewer.closed(), Some(CloseReason::StreamEnded));
    assert_eq!(viewer.endings()[0].0, EndReason::StreamEnded);
}

#[test]
fn a_player_that_leaves_by_itself_is_not_sent_away() {
    let mut world = World::new(seed(4));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    camera.finish();
    world.run_until(ms(3_500));
    world.hang_up(&viewer);
    world.run_until(ms(4_000));
    assert_eq!((viewer.closed(), viewer.ended_at()), (Some(CloseReason::StreamEnded), None));
}

#[test]
fn a_player_that_asks_for_another_stream_within_the_farewell_time_stays() {
    let mut world = World::new(seed(5));
    let one = world.publisher("live/one").streaming(Pattern::new().marked(1));
    let two = world.publisher("live/two").streaming(Pattern::new().marked(2));
    let viewer = world.player("live/one");
    world.run_until(ms(3_000));
    one.finish();
    world.run_until(ms(4_000));
    let old = viewer.with(|player| player.peer_mut().take_media());
    assert!(!old.is_empty());
    viewer.with(|player| player.peer_mut().play(StreamId(1), "two"));
    world.run_until(ms(9_000));
    assert!(viewer.run_of(&two).last > 400);
    assert_eq!(viewer.closed(), None);
}

#[test]
fn a_shutdown_tells_publishers_and_players_and_closes_all() {
    let mut world = World::new(seed(6));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    let waiting = world.player("live/other");
    let greeted = world.stranger(&[3; 1 + 1536 + 1536]);
    world.run_until(ms(3_000));
    world.shutdown();
    world.run_until(ms(3_100));

    assert_eq!(camera.notices(), ["NetConnection.Connect.AppShutdown"]);
    assert_eq!(camera.told()[0].1.level, "error");
    assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY], "an error would undo for FFmpeg what it has got");
    assert_eq!(viewer.phase(), Phase::EndedByServer(UNPUBLISH_NOTIFY.to_owned()));
    let eof = UserControl::StreamEof(StreamId(1));
    assert!(viewer.with(|player| player.peer().user_controls().contains(&eof)));
    assert_eq!(waiting.phase(), Phase::Refused("NetConnection.Connect.AppShutdown".to_owned()));
    viewer.run_of(&camera);
    assert_eq!(camera.closed(), Some(CloseReason::Shutdown));
    for closed in [viewer.closed(), waiting.closed(), greeted.closed()] {
        assert_eq!(closed, Some(CloseReason::Shutdown));
    }
    for ended_at in [camera.ended_at(), viewer.ended_at(), waiting.ended_at(), greeted.ended_at()] {
        assert!(ended_at.is_some(), "everybody saw the connection end");
    }
    assert_eq!((world.session_count(), world.stream_count()), (0, 0));
}

#[test]
fn a_shutdown_waits_for_a_slow_player_only_for_the_flush_time() {
    let mut world = World::new(seed(7));
    world.set_link(LinkOptions {
        receive_buffer_bytes: 8_000,
        send_buffer_bytes: 8_000,
        ..LinkOptions::default()
    });
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let slow = world.player("live/cam");
    let dead = world.player("live/cam");
    world.run_until(ms(3_000));
    world.stall(&slow);
    world.stall(&dead);
    world.run_until(ms(6_000));
    world.shutdown();
    world.run_until(ms(8_000));
    assert_eq!(world.session_count(), 2);
    world.resume(&slow);
    world.run_until(ms(10_999));
    assert_eq!(slow.notices(), [UNPUBLISH_NOTIFY]);
    slow.run_of(&camera);
    assert_eq!(world.session_count(), 1);
    world.run_until(ms(11_000));
    assert_eq!(world.session_count(), 0);
    assert_eq!(dead.closed(), Some(CloseReason::Shutdown));
}

#[test]
fn nothing_is_left_when_all_have_gone_from_whatever_they_did() {
    let mut world = World::new(seed(8));
    world.set_policy(|request| match request.name.as_str() {
        "live/slow" => Answer::allow().after(ms(60_000)),
        _ => Answer::allow(),
    });
    let hands = |act: fn(&mut Peer)| {
        move |peer: &mut Peer| {
            peer.connect("live");
            act(peer);
        }
    };
    for leaving in 0..4 {
        let began = world.now();
        let camera = world.publisher("live/cam").streaming(Pattern::new());
        let peers: Vec<_> = (0..6).map(|_| world.peer()).collect();
        peers[1].with(hands(|_| {}));
        peers[2].with(hands(|peer| {
            peer.create_stream();
        }));
        peers[3].with(hands(|peer| peer.play(StreamId(1), "slow")));
        peers[4].with(hands(|peer| peer.play(StreamId(1), "cam")));
        peers[5].with(hands(|peer| peer.play(StreamId(1), "nobody")));
        let stranger = world.stranger(&[3; 700]);
        world.run_until(began + ms(3_000));
        assert_eq!((world.session_count(), world.stream_count()), (8, 2));
        world.stall(&peers[4]);
        world.run_until(began + ms(4_000));
        match leaving {
            0 => peers.iter().for_each(|peer| world.cut(peer)),
            1 => peers.iter().rev().for_each(|peer| world.hang_up(peer)),
            2 => peers.iter().for_each(|peer| world.unplug(peer)),
            _ => world.shutdown(),
        }
        if leaving % 2 == 0 {
            world.cut(&camera);
        } else {
            world.hang_up(&camera);
        }
        world.hang_up(&stranger);
        world.run_until(began + ms(130_000));
        assert_eq!((world.session_count(), world.stream_count()), (0, 0));
        assert_eq!((world.tape_bytes(), world.deadline()), (0, None));
        for peer in &peers {
            let closed =
                peer.events().iter().filter(|(_, event)| matches!(event, Event::Closed { .. })).count();
            assert_eq!(closed, 1);
        }
    }
}
