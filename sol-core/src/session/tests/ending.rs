//! Ends: silence, stalls, goodbyes, nonsense.

use super::*;

#[test]
fn the_end_of_a_stream_tells_the_player_and_gives_it_time_to_leave() {
    let mut client = Client::playing(&["cam"]);
    client.session.end_play(MessageStreamId::new(1), PlayEnd::Unpublished, client.now);
    client.drain();
    let answers = client.read();
    assert_eq!(statuses(&answers), [(1, "NetStream.Play.UnpublishNotify".to_owned())]);
    let last = answers.last().unwrap();
    assert_eq!(UserControl::parse(&last.body), Some(UserControl::StreamEof(MessageStreamId::new(1))));
    client.wait(limits::FAREWELL_TIME);
    assert_eq!(client.closed(), Some(CloseReason::StreamEnded));
}

#[test]
fn a_player_of_two_streams_stays_when_one_of_them_ends() {
    let mut client = Client::playing(&["one", "two"]);
    client.session.end_play(MessageStreamId::new(1), PlayEnd::Unpublished, client.now);
    client.drain();
    client.wait(limits::FAREWELL_TIME * 2);
    assert_eq!(client.closed(), None);
}

#[test]
fn a_peer_that_does_not_speak_rtmp_is_closed_with_what_it_speaks() {
    let mut client = Client::new();
    client.send(b"POST /open/1 HTTP/1.1\r\n");
    assert_eq!(client.closed(), Some(CloseReason::Handshake(HandshakeError::Http('P'))));
}

#[test]
fn broken_chunks_close_the_session_with_the_rule() {
    let mut client = Client::connected();
    client.send(&[0xC9]);
    let id = ChunkStreamId::new(9).unwrap();
    assert_eq!(client.closed(), Some(CloseReason::Chunk(ChunkError::NoPreviousHeader(id, 3))));
    client.send(&create_stream());
    assert_eq!(client.read(), [], "nothing happens any more");
}

#[test]
fn a_peer_that_leaves_ends_the_session() {
    let mut client = Client::publishing("cam");
    client.session.handle_end(PeerEnd::Finished, client.now);
    client.drain();
    assert_eq!(client.closed(), Some(CloseReason::PeerLeft));
    assert_eq!(client.session.poll_timeout(), None);
    client.session.handle_end(PeerEnd::Reset, client.now);
    client.drain();
    let closed = client.events.iter().filter(|event| matches!(event, Event::Closed { .. })).count();
    assert_eq!(closed, 1, "once and for all");
}

#[test]
fn a_reset_is_reported_as_such_only_where_it_ends_something() {
    for (mut client, reason) in [
        (Client::new(), CloseReason::PeerReset),
        (Client::publishing("cam"), CloseReason::PeerReset),
        (Client::playing(&["cam"]), CloseReason::PeerReset),
        (Client::connected(), CloseReason::PeerLeft),
    ] {
        client.session.handle_end(PeerEnd::Reset, client.now);
        client.drain();
        assert_eq!(client.closed(), Some(reason));
    }
}

#[test]
fn each_silence_has_its_deadline() {
    let mut silent = Client::new();
    silent.wait(limits::HANDSHAKE_TIME);
    assert_eq!(silent.closed(), Some(CloseReason::HandshakeTimeout));

    let mut idle = Client::connected();
    idle.wait(limits::COMMAND_TIME);
    assert_eq!(idle.closed(), Some(CloseReason::CommandTimeout));

    let mut player = Client::playing(&["cam"]);
    player.read();
    player.wait(limits::PING_TIME);
    let ping = player.read().pop().expect("a ping");
    assert_eq!(ping.kind, MessageType::USER_CONTROL);
    player.wait(limits::SILENCE_TIME);
    assert_eq!(player.closed(), Some(CloseReason::Silent));
}

#[test]
fn a_player_that_answers_pings_may_wait_for_ever() {
    let mut player = Client::playing(&["cam"]);
    for _ in 0..100 {
        player.wait(limits::PING_TIME);
        player.send(&message(
            2,
            0,
            0,
            MessageType::USER_CONTROL,
            &UserControl::PingResponse(Timestamp::ZERO).body(),
        ));
    }
    assert_eq!(player.closed(), None);
}

#[test]
fn a_peer_that_takes_no_output_is_closed() {
    let mut client = Client::playing(&["cam"]);
    client.takes = 0;
    let frame = Frame::new(FrameKind::Audio, Timestamp::ZERO, &[0xAF, 1], client.chunk_size());
    client.session.send_frame(MessageStreamId::new(1), frame);
    client.wait(limits::STALL_TIME);
    assert_eq!(client.closed(), Some(CloseReason::Stalled));
}

#[test]
fn a_peer_that_leaves_answers_unread_is_not_listened_to() {
    let mut client = Client::connected();
    client.takes = 0;
    let call = command(0, Command::new("nonsense", 2.0, Value::Null));
    while client.session.wants_input() {
        client.send(&call);
    }
    assert!(client.session.outbox.bytes() < limits::OUTBOX_BYTES + 1_000);
    while client.closed().is_none() && client.session.closing().is_none() {
        client.send(&call);
    }
    assert_eq!(client.session.closing(), Some(&CloseReason::AnswersUnread));
}

#[test]
fn shutdown_tells_players_and_publishers() {
    let mut player = Client::playing(&["cam"]);
    player.session.handle_stage(&Stage::ShutDown, player.now);
    player.drain();
    assert_eq!(player.statuses(), [(1, "NetStream.Play.UnpublishNotify".to_owned())]);
    assert_eq!(player.closed(), Some(CloseReason::Shutdown));

    let mut publisher = Client::publishing("cam");
    publisher.session.handle_stage(&Stage::ShutDown, publisher.now);
    publisher.drain();
    assert_eq!(publisher.statuses(), [(0, "NetConnection.Connect.AppShutdown".to_owned())]);
    assert_eq!(publisher.closed(), Some(CloseReason::Shutdown));
}

#[test]
fn a_closing_session_is_over_when_its_output_has_left_or_its_time_is_up() {
    for taken in [true, false] {
        let mut client = Client::publishing("cam");
        client.takes = 0;
        client.session.handle_stage(&Stage::ShutDown, client.now);
        client.drain();
        assert_eq!(client.closed(), None, "the goodbye has not left");
        if taken {
            client.takes = usize::MAX;
            client.drain();
        } else {
            client.wait(limits::FLUSH_TIME);
        }
        assert_eq!(client.closed(), Some(CloseReason::Shutdown));
        // What the kernel holds for somebody who takes nothing is not worth keeping.
        let hangup = client.hangup().expect("it is closed");
        assert!(
            if taken { matches!(hangup, Hangup::Linger(_)) } else { hangup == Hangup::Reset },
            "{hangup:?}"
        );
    }
}

#[test]
fn who_left_by_itself_is_waited_for_no_longer_and_who_is_silent_is_reset() {
    let mut left = Client::publishing("cam");
    left.session.handle_end(PeerEnd::Finished, left.now);
    left.drain();
    assert_eq!(left.hangup(), Some(Hangup::Close));
    let mut silent = Client::playing(&["cam"]);
    silent.wait(limits::SILENCE_TIME);
    assert_eq!((silent.closed(), silent.hangup()), (Some(CloseReason::Silent), Some(Hangup::Reset)));
}

#[test]
fn each_end_of_a_play_has_a_reason_of_its_own() {
    for (end, reason, notices) in [
        (PlayEnd::Unpublished, CloseReason::StreamEnded, 1),
        (PlayEnd::TimelineFull, CloseReason::TimelineFull, 1),
        (PlayEnd::TooSlow, CloseReason::TooSlow, 2),
    ] {
        let mut client = Client::playing(&["cam"]);
        client.session.end_play(MessageStreamId::new(1), end, client.now);
        client.drain();
        assert_eq!(client.statuses().len(), notices);
        client.wait(limits::FAREWELL_TIME);
        assert_eq!(client.closed(), Some(reason));
    }
}

#[test]
fn a_client_that_says_close_is_closed() {
    let mut client = Client::publishing("cam");
    client.send(&command(0, Command::new("close", 0.0, Value::Null)));
    assert_eq!(client.closed(), Some(CloseReason::ClosedByPeer));
}

#[test]
fn the_answer_to_a_ping_tells_the_round_trip() {
    let mut player = Client::playing(&["cam"]);
    player.wait(limits::PING_TIME);
    let ping = player.read().pop().unwrap();
    let Some(UserControl::PingRequest(time)) = UserControl::parse(&ping.body) else { panic!("a ping") };
    player.now = player.now + Duration::from_millis(80);
    let pong = |time| message(2, 0, 0, MessageType::USER_CONTROL, &UserControl::PingResponse(time).body());
    player.send(&pong(time));
    assert_eq!(player.session.round_trip(), Some(Duration::from_millis(80)));
    player.send(&pong(time.advanced_by(1_000)));
    assert_eq!(player.session.round_trip(), Some(Duration::from_millis(80)), "no ping of ours");
}

#[test]
fn a_byte_now_and_then_does_not_count_as_taking_output() {
    let mut client = Client::playing(&["cam"]);
    client.takes = 0;
    let frame = Frame::new(FrameKind::Interframe, Timestamp::ZERO, &[0; 200_000], client.chunk_size());
    client.session.send_frame(MessageStreamId::new(1), frame);
    for _ in 0..3 {
        client.wait(limits::STALL_TIME / 4);
        client.session.handle_sent(1, client.now);
        client.drain();
    }
    client.wait(limits::STALL_TIME / 4);
    assert_eq!(client.closed(), Some(CloseReason::Stalled));
}

#[test]
fn a_peer_that_takes_output_in_steps_has_the_time_that_is_set_for_each() {
    let stall = Duration::from_secs(5);
    let timers = SessionTimers { stall, ..SessionTimers::default() };
    let mut client = Client::playing_with(SessionConfig { timers, ..SessionConfig::default() }, &["cam"]);
    client.takes = 0;
    let frame = Frame::new(FrameKind::Interframe, Timestamp::ZERO, &[0; 200_000], client.chunk_size());
    client.session.send_frame(MessageStreamId::new(1), frame);
    for _ in 0..3 {
        client.wait(stall * 3 / 4);
        client.session.handle_sent(limits::STALL_BYTES, client.now);
        client.drain();
    }
    assert_eq!(client.closed(), None);
    client.wait(stall);
    assert_eq!(client.closed(), Some(CloseReason::Stalled));
}

#[test]
fn a_peer_that_takes_output_slowly_is_served() {
    let mut client = Client::playing(&["cam"]);
    client.takes = 0;
    let frame = Frame::new(
        FrameKind::Interframe,
        Timestamp::ZERO,
        &[0; 10 * limits::STALL_BYTES],
        client.chunk_size(),
    );
    client.session.send_frame(MessageStreamId::new(1), frame);
    for _ in 0..9 {
        client.wait(limits::STALL_TIME / 2);
        client.session.handle_sent(limits::STALL_BYTES, client.now);
        client.drain();
    }
    assert_eq!(client.closed(), None);
}

#[test]
fn whatever_is_called_after_the_end_has_no_effect() {
    let mut client = Client::playing(&["cam"]);
    client.takes = 0;
    let frame = Frame::new(FrameKind::Audio, Timestamp::ZERO, &[0xAF, 1], client.chunk_size());
    client.session.send_frame(MessageStreamId::new(1), frame.clone());
    client.session.handle_end(PeerEnd::Lost, client.now);
    client.drain();
    assert_eq!(client.closed(), Some(CloseReason::ConnectionLost));
    let (session, now) = (&mut client.session, client.now);
    session.handle_sent(10, now);
    session.handle_input(&[0xC9], now);
    session.handle_timeout(now);
    session.handle_end(PeerEnd::Finished, now);
    session.send_frame(MessageStreamId::new(1), frame);
    session.end_play(MessageStreamId::new(1), PlayEnd::Unpublished, now);
    session.handle_stage(&Stage::ShutDown, now);
    assert_eq!((session.poll_event(), session.poll_timeout(), session.has_output()), (None, None, false));
    assert!(!session.wants_input() && session.media_room() == 0);
}
