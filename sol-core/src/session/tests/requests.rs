//! Publishing and playing: asked for, allowed, refused, stopped.

use super::*;

#[test]
fn publishing_is_asked_for_allowed_and_carries_media() {
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "publish", "cam?token=7")].concat());
    let request = client.request();
    assert_eq!((request.name.as_str(), request.query.as_str()), ("live/cam", "token=7"));
    assert_eq!(request.kind, RequestKind::Publish);
    assert!(!client.session.wants_input(), "nothing is read while the application decides");
    client.allow(&request);
    assert_eq!(client.statuses(), [(1, "NetStream.Publish.Start".to_owned())]);
    client.send(&audio(1, 40, &[0xAF, 1, 2]));
    assert_eq!(client.media(), [(1, 40)]);
}

#[test]
fn what_comes_behind_a_request_waits_for_its_answer() {
    let mut client = Client::connected();
    let eager = [
        create_stream(),
        on_stream(1, "publish", "cam"),
        audio(1, 0, &[0xAF, 0, 1]),
        audio(1, 40, &[0xAF, 1]),
    ];
    client.send(&eager.concat());
    assert_eq!(client.media(), []);
    let request = client.request();
    client.allow(&request);
    assert_eq!(client.media(), [(1, 0), (1, 40)], "nothing was lost");
}

#[test]
fn a_peer_whose_request_waits_is_neither_pinged_nor_taken_for_dead_whatever_it_has_sent_since() {
    let timers = SessionTimers { answer: Duration::from_secs(300), ..SessionTimers::default() };
    let mut client = Client::connected_with(SessionConfig { timers, ..SessionConfig::default() });
    client.send(&[create_stream(), on_stream(1, "publish", "cam")].concat());
    client.read();
    client.send(&audio(1, 0, &[0xAF, 1]));
    client.wait(Duration::from_secs(299));
    assert_eq!(client.closed(), None, "what it says is not looked at");
    assert_eq!(client.read(), []);
    let request = client.request();
    client.allow(&request);
    assert_eq!(client.media(), [(1, 0)]);
}

#[test]
fn what_comes_behind_a_request_is_bounded_though_nobody_was_asked_for_it() {
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "publish", "cam")].concat());
    let megabyte = vec![0; 1024 * 1024];
    for _ in 0..limits::HELD_INPUT_BYTES / megabyte.len() {
        client.session.handle_input(&megabyte, client.now);
    }
    client.drain();
    assert_eq!(client.closed(), None, "so much is held");
    client.session.handle_input(&[0], client.now);
    client.drain();
    assert_eq!(client.closed(), Some(CloseReason::TooMuchHeld));
}

#[test]
fn a_refused_publisher_is_told_why_and_has_time_to_leave() {
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "publish", "cam"), audio(1, 0, &[0xAF, 1])].concat());
    let request = client.request();
    client.session.refuse(request.id, &Refusal::Denied("The key is wrong.".into()), client.now).unwrap();
    client.drain();
    assert_eq!(client.statuses(), [(1, "NetStream.Publish.Denied".to_owned())]);
    assert_eq!(client.media(), [], "media of a refused publisher goes nowhere");
    assert_eq!(client.session.poll_timeout().map(|deadline| deadline.timer), Some(Timer::Farewell));
    client.wait(limits::FAREWELL_TIME);
    assert_eq!(client.closed(), Some(CloseReason::Refused));
}

#[test]
fn a_refused_player_may_ask_for_something_else() {
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "play", "nothing")].concat());
    let request = client.request();
    client.session.refuse(request.id, &Refusal::NotFound, client.now).unwrap();
    client.drain();
    assert_eq!(client.statuses(), [(1, "NetStream.Play.StreamNotFound".to_owned())]);
    client.send(&on_stream(1, "play", "cam"));
    let request = client.request();
    client.allow(&request);
    client.wait(limits::FAREWELL_TIME);
    assert_eq!(client.closed(), None);
}

#[test]
fn an_answer_counts_once() {
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "publish", "cam")].concat());
    let request = client.request();
    client.allow(&request);
    assert_eq!(client.session.allow(request.id, client.now), Err(StaleRequest(request.id)));
    assert_eq!(
        client.session.refuse(request.id, &Refusal::NotFound, client.now),
        Err(StaleRequest(request.id))
    );
    client.session.handle_stage(&Stage::ShutDown, client.now);
    assert_eq!(client.session.allow(RequestId::new(99), client.now), Err(StaleRequest(RequestId::new(99))));
}

#[test]
fn a_name_that_no_stream_can_have_is_refused_without_asking() {
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "publish", "../etc")].concat());
    assert_eq!(client.statuses(), [(1, "NetStream.Publish.Rejected".to_owned())]);
    assert!(client.events.iter().any(|event| matches!(event, Event::Refused { name: None, .. })));
}

#[test]
fn each_net_stream_gets_frames_with_its_own_id() {
    let mut client = Client::playing(&["one", "two"]);
    let frame = Frame::new(FrameKind::Audio, Timestamp::from_millis(9), &[0xAF, 1], client.chunk_size());
    for id in [1, 2, 3] {
        client.session.send_frame(MessageStreamId::new(id), frame.clone());
    }
    client.drain();
    let received: Vec<(u32, u8)> = client
        .read()
        .iter()
        .filter(|message| message.kind == MessageType::AUDIO)
        .map(|message| (message.stream.get(), message.body[1]))
        .collect();
    assert_eq!(received, [(1, 1), (2, 1)], "and a stream that plays nothing gets nothing");
}

#[test]
fn play_begins_with_stream_begin_reset_and_start() {
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "play", "cam")].concat());
    client.read();
    let request = client.request();
    client.allow(&request);
    let answers = client.read();
    assert_eq!(answers[0].kind, MessageType::USER_CONTROL);
    assert_eq!(UserControl::parse(&answers[0].body), Some(UserControl::StreamBegin(MessageStreamId::new(1))));
    assert_eq!(
        statuses(&answers),
        [(1, "NetStream.Play.Reset".to_owned()), (1, "NetStream.Play.Start".to_owned())]
    );
}

#[test]
fn a_publication_ends_by_delete_stream_close_stream_or_fc_unpublish_and_only_once() {
    let key = |name: &str| command(0, Command::new(name, 0.0, Value::Null).with("cam"));
    let delete = command(0, Command::new("deleteStream", 0.0, Value::Null).with(1.0));
    let close = command(1, Command::new("closeStream", 0.0, Value::Null));
    // GStreamer gives deleteStream the key.
    for goodbye in [
        delete.clone(),
        close,
        key("FCUnpublish"),
        key("deleteStream"),
        [key("FCUnpublish"), delete].concat(),
    ] {
        let mut client = Client::publishing("cam");
        client.send(&goodbye);
        let stopped = client.events.iter().filter(|event| matches!(event, Event::Stopped(_))).count();
        assert_eq!(stopped, 1);
        assert!(client.statuses().contains(&(1, "NetStream.Unpublish.Success".to_owned())));
        client.send(&audio(1, 40, &[0xAF, 1]));
        assert_eq!(client.media(), []);
    }
}

#[test]
fn publishing_again_on_the_same_net_stream_ends_what_it_did_before() {
    let mut client = Client::publishing("cam");
    client.send(&on_stream(1, "publish", "other"));
    assert!(matches!(client.events[..], [Event::Stopped(_), Event::Requested(_)]));
}

#[test]
fn net_streams_are_bounded() {
    let mut client = Client::connected();
    for _ in 0..=limits::NET_STREAMS {
        client.send(&create_stream());
    }
    let names: Vec<String> = commands(&client.read()).into_iter().map(|command| command.name).collect();
    assert_eq!(names.iter().filter(|name| *name == "_result").count(), limits::NET_STREAMS);
    assert_eq!(names.last().map(String::as_str), Some("_error"));
}

#[test]
fn a_publisher_that_never_made_its_stream_is_served() {
    let mut client = Client::connected();
    client.send(&on_stream(1, "publish", "cam"));
    assert_eq!(client.request().stream, MessageStreamId::new(1));
    assert_eq!(client.session.quirks().get(Quirk::StreamNotCreated), 1);
}

#[test]
fn a_player_may_pause_and_go_on_and_choose_its_tracks() {
    let mut client = Client::playing(&["cam"]);
    let say = |name: &str, value: Value| command(1, Command::new(name, 0.0, Value::Null).with(value));
    client.send(&say("pause", Value::Boolean(true)));
    assert_eq!(client.statuses(), [(1, "NetStream.Pause.Notify".to_owned())]);
    client.send(&say("pause", Value::Boolean(false)));
    assert_eq!(client.statuses(), [(1, "NetStream.Unpause.Notify".to_owned())]);
    client.send(&say("receiveAudio", Value::Boolean(false)));
    client.send(&say("receiveVideo", Value::Number(1.0)));
    let stream = MessageStreamId::new(1);
    assert_eq!(
        client.events,
        [
            Event::Paused { stream, paused: true },
            Event::Paused { stream, paused: false },
            Event::Selected { stream, track: TrackKind::Audio, wanted: false },
            Event::Selected { stream, track: TrackKind::Video, wanted: true },
        ]
    );
}

#[test]
fn who_plays_nothing_has_nothing_to_pause() {
    let mut client = Client::connected();
    client.send(&[create_stream(), command(1, Command::new("pause", 0.0, Value::Null).with(true))].concat());
    assert_eq!((client.statuses(), client.events.len()), (vec![], 0));
}

#[test]
fn seeking_in_a_live_stream_is_refused_without_ending_it() {
    let mut client = Client::playing(&["cam"]);
    client.send(&command(1, Command::new("seek", 0.0, Value::Null).with(5_000.0)));
    let answers = client.read();
    let status = commands(&answers)[0].arguments[0].properties().cloned().unwrap();
    assert_eq!(status.get("code"), Some(&Value::from("NetStream.Seek.Failed")));
    assert_eq!(status.get("level"), Some(&Value::from("status")), "FFmpeg leaves at any error");
    assert_eq!(client.closed(), None);
}

#[test]
fn a_second_name_on_a_playlist_is_refused_and_the_first_plays_on() {
    let mut client = Client::playing(&["cam"]);
    let more = Command::new("play", 0.0, Value::Null).with("other").with(-2.0).with(-1.0).with(false);
    client.send(&command(1, more));
    assert_eq!(client.statuses(), [(1, "NetStream.Play.Failed".to_owned())]);
    client.wait(limits::FAREWELL_TIME);
    assert_eq!(client.closed(), None);
    assert!(client.session.media_room() > 0);
}

#[test]
fn a_player_of_what_nobody_publishes_is_told_so() {
    let mut client = Client::playing(&["cam"]);
    client.session.refuse_play(MessageStreamId::new(1), Refusal::NotFound, client.now);
    client.drain();
    assert_eq!(client.statuses(), [(1, "NetStream.Play.StreamNotFound".to_owned())]);
    client.wait(limits::FAREWELL_TIME);
    assert_eq!(client.closed(), Some(CloseReason::Refused));
}

#[test]
fn a_player_that_awaits_its_stream_is_told_that_it_starts_in_front_of_the_first_frame() {
    let mut client = Client::awaiting("cam");
    assert_eq!(client.read(), []);
    let frame = Frame::new(FrameKind::Audio, Timestamp::ZERO, &[0xAF, 1], client.chunk_size());
    client.session.send_frame(MessageStreamId::new(1), frame.clone());
    client.session.send_frame(MessageStreamId::new(1), frame);
    client.drain();
    let kinds: Vec<MessageType> = client.read().iter().map(|message| message.kind).collect();
    let (begin, status) = (MessageType::USER_CONTROL, MessageType::COMMAND);
    assert_eq!(kinds, [begin, status, status, MessageType::AUDIO, MessageType::AUDIO]);
}

#[test]
fn a_player_that_awaits_its_stream_is_told_once_that_it_starts_whatever_comes_first() {
    let mut client = Client::awaiting("cam");
    for _ in 0..2 {
        client.session.start_play(MessageStreamId::new(1), client.now);
    }
    client.drain();
    let start = ["NetStream.Play.Reset", "NetStream.Play.Start"].map(|code| (1, code.to_owned()));
    assert_eq!(client.statuses(), start);
}

/// rtmp2src takes no notice of an error behind a start, and rtmpdump calls it a success.
#[test]
fn a_player_that_awaits_a_stream_in_vain_is_told_so_and_nothing_else() {
    let mut client = Client::awaiting("cam");
    client.session.refuse_play(MessageStreamId::new(1), Refusal::NotFound, client.now);
    client.drain();
    assert_eq!(client.statuses(), [(1, "NetStream.Play.StreamNotFound".to_owned())]);
    client.wait(limits::FAREWELL_TIME);
    assert_eq!(client.closed(), Some(CloseReason::Refused));
}

#[test]
fn a_player_that_awaits_its_stream_may_pause_and_stop_and_is_told_of_nothing_that_has_not_begun() {
    let mut client = Client::awaiting("cam");
    client.read();
    for pauses in [true, false] {
        client.send(&command(1, Command::new("pause", 0.0, Value::Null).with(pauses).with(0.0)));
    }
    client.send(&on_stream(1, "closeStream", ""));
    assert_eq!(client.read(), []);
    let stopped = |event: &&Event| matches!(event, Event::Stopped(_));
    assert_eq!(client.events.iter().filter(stopped).count(), 1);
}

#[test]
#[should_panic(expected = "only players await")]
fn a_publisher_has_nothing_to_await() {
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "publish", "cam")].concat());
    let request = client.request();
    let _ = client.session.allow_to_await(request.id, client.now);
}

#[test]
fn a_peer_that_is_refused_again_and_again_is_closed() {
    let mut client = Client::connected();
    client.send(&create_stream());
    for _ in 0..limits::REFUSALS {
        assert_eq!(client.closed(), None);
        client.send(&on_stream(1, "play", ".."));
    }
    assert_eq!(client.closed(), Some(CloseReason::Refused));
}

#[test]
fn an_app_that_no_stream_name_can_begin_with_is_refused_at_connect() {
    let mut client = Client::new();
    client.send(&[handshake(), connect(&"x/".repeat(limits::NAME_BYTES))].concat());
    let answers = commands(&client.read());
    let status = answers[0].arguments[0].properties().cloned().unwrap();
    assert_eq!(answers[0].name, "_error");
    assert_eq!(status.get("code"), Some(&Value::from("NetConnection.Connect.Rejected")));
    assert_eq!(client.closed(), Some(CloseReason::ConnectRefused(crate::name::NameError::TooLong)));
}

#[test]
fn an_app_of_slashes_is_none_and_costs_nothing_per_request() {
    let mut client = Client::new();
    client.send(&[handshake(), connect(&"/".repeat(40_000))].concat());
    client.send(&[create_stream(), on_stream(1, "play", "cam")].concat());
    assert_eq!(client.request().name.as_str(), "cam");
}

#[test]
fn a_request_that_nobody_answers_is_refused_in_the_applications_name() {
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "publish", "cam")].concat());
    let request = client.request();
    client.wait(limits::ANSWER_TIME);
    assert_eq!(client.statuses(), [(1, "NetStream.Publish.Rejected".to_owned())]);
    assert_eq!(client.session.allow(request.id, client.now), Err(StaleRequest(request.id)));
}

#[test]
fn a_name_is_not_echoed_longer_than_a_name_may_be() {
    let mut client = Client::connected();
    client.send(&command(0, Command::new("FCPublish", 2.0, Value::Null).with("ä".repeat(30_000))));
    let bytes: usize = client.read().iter().map(|message| message.body.len()).sum();
    assert!(bytes < limits::NAME_BYTES + 500, "{bytes} bytes");
}

#[test]
fn an_aggregate_of_very_many_parts_is_cut() {
    let mut client = Client::publishing("cam");
    let part = [MessageType::AUDIO.get(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];
    client.send(&message(4, 1, 0, MessageType::AGGREGATE, &part.repeat(limits::AGGREGATE_PARTS + 5)));
    assert_eq!(client.media().len(), limits::AGGREGATE_PARTS);
    assert_eq!(client.session.quirks().get(Quirk::AggregateTooLong), 1);
}
