use bytes::Bytes;
use quickcheck_macros::quickcheck;

use super::*;
use crate::amf::{Properties, Value};
use crate::chunk::{ChunkError, MessageHeader, RawMessage, write_message};
use crate::handshake::HandshakeError;
use crate::ids::ChunkStreamId;
use crate::media::{Content, FrameKind};
use crate::message::{Command, Control, kind};
use crate::quirk::Quirk;
use crate::timestamp::Timestamp;

#[test]
fn connect_glued_to_c2_is_answered_at_once_and_in_one_write() {
    let mut client = Client::new();
    let hello = [handshake(), connect("live")].concat();
    client.send(&hello);
    let answers = client.read();
    let kinds: Vec<u8> = answers.iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [5, 6, 1, 20], "window, bandwidth, chunk size, result");
    assert_eq!(commands(&answers)[0].name, "_result");
    assert_eq!(client.server_greetings(), 1);
    let Some(Event::Connected(connected)) = client.events.first() else { panic!("{:?}", client.events) };
    assert_eq!((connected.app.as_str(), connected.flash_ver.as_str()), ("live", "FMLE/3.0"));
}

#[test]
fn the_object_encoding_that_a_client_asks_for_is_repeated() {
    for encoding in [0.0, 3.0] {
        let mut client = Client::new();
        client.send(&handshake());
        let object = Properties::new().with("app", "live").with("objectEncoding", encoding);
        client.send(&command(0, Command::new("connect", 1.0, object)));
        let answers = client.read();
        let status = commands(&answers)[0].arguments[0].properties().cloned().unwrap();
        assert_eq!(status.get("objectEncoding"), Some(&Value::Number(encoding)));
    }
}

#[test]
fn the_app_may_stand_in_the_url_only() {
    let mut client = Client::new();
    client.send(&handshake());
    let object = Properties::new().with("tcUrl", "rtmp://host/live/hd");
    client.send(&command(0, Command::new("connect", 1.0, object)));
    client.send(&[create_stream(), on_stream(1, "publish", "cam")].concat());
    assert_eq!(client.request().name.as_str(), "live/hd/cam");
}

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
    client.session.close(CloseReason::Shutdown, client.now);
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
        client.session.send_frame(MessageStreamId::new(id), &frame);
    }
    client.drain();
    let received: Vec<(u32, u8)> = client
        .read()
        .iter()
        .filter(|message| message.kind == 8)
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
    assert_eq!(answers[0].kind, kind::USER_CONTROL);
    assert_eq!(UserControl::parse(&answers[0].body), Some(UserControl::StreamBegin(MessageStreamId::new(1))));
    assert_eq!(
        statuses(&answers),
        [(1, "NetStream.Play.Reset".to_owned()), (1, "NetStream.Play.Start".to_owned())]
    );
}

#[test]
fn the_end_of_a_stream_tells_the_player_and_gives_it_time_to_leave() {
    let mut client = Client::playing(&["cam"]);
    client.session.end_play(MessageStreamId::new(1), client.now);
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
    client.session.end_play(MessageStreamId::new(1), client.now);
    client.drain();
    client.wait(limits::FAREWELL_TIME * 2);
    assert_eq!(client.closed(), None);
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
fn known_calls_get_a_result_and_unknown_ones_an_error() {
    let mut client = Client::connected();
    let call = |name: &str, transaction| command(0, Command::new(name, transaction, Value::Null).with("cam"));
    let calls = ["releaseStream", "FCPublish", "FCSubscribe", "getStreamLength", "_checkbw", "nonsense"];
    for (index, name) in calls.iter().enumerate() {
        client.send(&call(name, index as f64 + 2.0));
    }
    client.send(&call("nonsense", 0.0));
    let answers: Vec<(String, f64)> =
        commands(&client.read()).into_iter().map(|command| (command.name, command.transaction)).collect();
    let expected = [
        ("_result", 2.0),
        ("_result", 3.0),
        ("onFCPublish", 0.0),
        ("_result", 4.0),
        ("onFCSubscribe", 0.0),
        ("_result", 5.0),
        ("_result", 6.0),
        ("_error", 7.0),
    ];
    assert_eq!(answers, expected.map(|(name, transaction)| (name.to_owned(), transaction)));
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
fn commands_before_connect_are_ignored() {
    let mut client = Client::new();
    client.send(&[handshake(), create_stream(), on_stream(1, "publish", "cam")].concat());
    assert_eq!(client.read(), []);
    assert_eq!(client.session.quirks().get(Quirk::CommandBeforeConnect), 2);
}

#[test]
fn a_publisher_that_never_made_its_stream_is_served() {
    let mut client = Client::connected();
    client.send(&on_stream(1, "publish", "cam"));
    assert_eq!(client.request().stream, MessageStreamId::new(1));
    assert_eq!(client.session.quirks().get(Quirk::StreamNotCreated), 1);
}

#[test]
fn a_ping_is_answered_with_its_own_time() {
    let mut client = Client::connected();
    client.send(&message(
        2,
        0,
        0,
        kind::USER_CONTROL,
        &UserControl::PingRequest(Timestamp::from_millis(77)).body(),
    ));
    let pong = client.read().pop().unwrap();
    assert_eq!(UserControl::parse(&pong.body), Some(UserControl::PingResponse(Timestamp::from_millis(77))));
}

#[test]
fn received_bytes_are_acknowledged_as_often_as_the_peer_asks() {
    let mut client = Client::publishing("cam");
    let asked = client.session.traffic().received_bytes() + 16;
    client.send(&message(2, 0, 0, kind::WINDOW_ACKNOWLEDGEMENT_SIZE, &20_000_u32.to_be_bytes()));
    for _ in 0..5 {
        client.send(&audio(1, 0, &[0xAF; 10_000]));
    }
    let totals: Vec<u64> = client
        .read()
        .iter()
        .filter_map(|message| match Control::parse(message.kind, &message.body) {
            Some(Control::Acknowledgement(total)) => Some(u64::from(total)),
            _ => None,
        })
        .collect();
    assert_eq!(totals, [asked + 20_000, asked + 40_000]);
}

#[test]
fn set_peer_bandwidth_is_answered_with_the_window() {
    let mut client = Client::connected();
    let limit = crate::message::BandwidthLimit::Dynamic;
    let body = Control::SetPeerBandwidth { window: 5_000_000, limit }.body();
    client.send(&message(2, 0, 0, kind::SET_PEER_BANDWIDTH, &body));
    let answer = client.read().pop().unwrap();
    assert_eq!(
        Control::parse(answer.kind, &answer.body),
        Some(Control::WindowAcknowledgementSize(5_000_000))
    );
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
fn a_stranger_may_not_send_long_messages_and_a_publisher_may() {
    let long = video_header(1, 1024 * 1024);
    let mut stranger = Client::connected();
    stranger.send(&long);
    assert!(matches!(stranger.closed(), Some(CloseReason::Chunk(ChunkError::MessageTooLong { .. }))));
    let mut publisher = Client::publishing("cam");
    publisher.send(&long);
    assert_eq!(publisher.closed(), None);
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
    let closed = client.events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
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
    assert_eq!(ping.kind, kind::USER_CONTROL);
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
            kind::USER_CONTROL,
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
    client.session.send_frame(MessageStreamId::new(1), &frame);
    client.wait(limits::STALL_TIME);
    assert_eq!(client.closed(), Some(CloseReason::Stalled));
}

#[test]
fn media_room_shrinks_with_what_waits() {
    let mut client = Client::playing(&["cam"]);
    assert_eq!(client.session.media_room(), limits::OUTBOX_BYTES);
    client.takes = 0;
    let frame = Frame::new(FrameKind::Interframe, Timestamp::ZERO, &[0; 100_000], client.chunk_size());
    client.session.send_frame(MessageStreamId::new(1), &frame);
    assert_eq!(client.session.media_room(), 0);
    assert!(client.session.wants_input(), "a player that is behind may still speak");
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
    player.session.close(CloseReason::Shutdown, player.now);
    player.drain();
    assert_eq!(player.statuses(), [(1, "NetStream.Play.UnpublishNotify".to_owned())]);
    assert_eq!(player.closed(), Some(CloseReason::Shutdown));

    let mut publisher = Client::publishing("cam");
    publisher.session.close(CloseReason::Shutdown, publisher.now);
    publisher.drain();
    assert_eq!(publisher.statuses(), [(0, "NetConnection.Connect.AppShutdown".to_owned())]);
    assert_eq!(publisher.closed(), Some(CloseReason::Shutdown));
}

#[test]
fn a_closing_session_is_over_when_its_output_has_left_or_its_time_is_up() {
    for taken in [true, false] {
        let mut client = Client::publishing("cam");
        client.takes = 0;
        client.session.close(CloseReason::Shutdown, client.now);
        client.drain();
        assert_eq!(client.closed(), None, "the goodbye has not left");
        if taken {
            client.takes = usize::MAX;
            client.drain();
        } else {
            client.wait(limits::FLUSH_TIME);
        }
        assert_eq!(client.closed(), Some(CloseReason::Shutdown));
    }
}

#[test]
fn strict_mode_refuses_a_quirk_by_its_name() {
    let mut client = Client::with(SessionConfig { strict: true, ..SessionConfig::default() });
    client.send(&[handshake(), create_stream()].concat());
    let reason = client.closed().unwrap();
    assert_eq!(reason.to_string(), "not tolerated in strict mode: command-before-connect");
}

#[quickcheck]
fn any_cut_of_the_same_bytes_gives_the_same_events_and_answers(cuts: Vec<u8>) -> bool {
    let talk = [
        handshake(),
        connect("live"),
        message(2, 0, 0, kind::WINDOW_ACKNOWLEDGEMENT_SIZE, &17_000_u32.to_be_bytes()),
        create_stream(),
        create_stream(),
        on_stream(1, "publish", "cam"),
        audio(1, 0, &[0xAF; 30_000]),
        on_stream(2, "play", "other"),
        audio(1, 40, &[0xAF; 300]),
        command(0, Command::new("deleteStream", 0.0, Value::Null).with(1.0)),
        vec![0xC9],
    ]
    .concat();
    let run = |cuts: &[u8]| {
        let mut client = Client::new();
        let mut rest = &talk[..];
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let size = cuts.next().map_or(rest.len(), |&cut| usize::from(cut) * 7 + 1);
            let (piece, behind) = rest.split_at(size.min(rest.len()));
            rest = behind;
            client.send(piece);
            while let Some(id) = client.session.asked {
                client.session.allow(id, client.now).unwrap();
                client.drain();
            }
        }
        (client.events, client.received)
    };
    run(&cuts) == run(&[])
}

/// Speaks with a session over a perfect line, and keeps what it says.
struct Client {
    session: Session,
    now: Instant,
    /// How many bytes the line takes at a time.
    takes: usize,
    received: Vec<u8>,
    read_until: usize,
    events: Vec<Event>,
}

impl Client {
    fn new() -> Self {
        Self::with(SessionConfig::default())
    }

    fn with(config: SessionConfig) -> Self {
        let session = Session::accept(Arc::new(config), [7; 32], Instant::EPOCH);
        let (received, events) = (Vec::new(), Vec::new());
        Self { session, now: Instant::EPOCH, takes: usize::MAX, received, read_until: 0, events }
    }

    fn connected() -> Self {
        let mut client = Self::new();
        client.send(&[handshake(), connect("live")].concat());
        client.read();
        client.events.clear();
        client
    }

    fn publishing(key: &str) -> Self {
        let mut client = Self::connected();
        client.send(&[create_stream(), on_stream(1, "publish", key)].concat());
        let request = client.request();
        client.allow(&request);
        client.read();
        client.events.clear();
        client
    }

    fn playing(keys: &[&str]) -> Self {
        let mut client = Self::connected();
        for (index, key) in keys.iter().enumerate() {
            client.send(&[create_stream(), on_stream(index as u32 + 1, "play", key)].concat());
            let request = client.request();
            client.allow(&request);
        }
        client.read();
        client.events.clear();
        client
    }

    fn send(&mut self, bytes: &[u8]) {
        self.session.handle_input(bytes, self.now);
        self.drain();
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.session.poll_timeout().filter(|deadline| deadline.at <= until) {
            self.now = deadline.at;
            self.session.handle_timeout(self.now);
            self.drain();
        }
        self.now = until;
    }

    fn allow(&mut self, request: &Request) {
        self.session.allow(request.id, self.now).unwrap();
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
        loop {
            let mut slices = [IoSlice::new(&[]); 4];
            let count = self.session.outbound(&mut slices);
            let shown: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            let taken = shown.len().min(self.takes);
            if taken == 0 {
                break;
            }
            self.received.extend(&shown[..taken]);
            self.session.handle_sent(taken, self.now);
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    /// The messages that have come since the last call.
    fn read(&mut self) -> Vec<RawMessage> {
        let greeting = 1 + 2 * 1536;
        let mut reader = ChunkReader::new(true);
        let mut messages = Vec::new();
        let mut rest = self.received.get(greeting..).unwrap_or_default();
        while let Some(message) = reader.read(&mut rest).expect("what we write is by the book") {
            messages.push(message);
        }
        messages.split_off(std::mem::replace(&mut self.read_until, messages.len()))
    }

    fn server_greetings(&self) -> usize {
        self.received.iter().take(1).filter(|&&version| version == 3).count()
    }

    fn statuses(&mut self) -> Vec<(u32, String)> {
        statuses(&self.read())
    }

    fn request(&self) -> Request {
        let requests = self.events.iter().filter_map(|event| match event {
            Event::Requested(request) => Some(request.clone()),
            _ => None,
        });
        requests.last().expect("something was asked for")
    }

    fn media(&self) -> Vec<(u32, u32)> {
        let media = self.events.iter().filter_map(|event| match event {
            Event::Media { stream, media } => {
                assert!(matches!(media.content, Content::Audio(_)));
                Some((stream.get(), media.timestamp.millis()))
            }
            _ => None,
        });
        media.collect()
    }

    fn closed(&self) -> Option<CloseReason> {
        match self.events.last() {
            Some(Event::Closed(reason)) => Some(reason.clone()),
            _ => None,
        }
    }

    fn chunk_size(&self) -> ChunkSize {
        SessionConfig::default().chunk_size
    }
}

fn handshake() -> Vec<u8> {
    let mut bytes = vec![3];
    bytes.resize(1 + 2 * 1536, 0);
    bytes
}

fn connect(app: &str) -> Vec<u8> {
    let object = Properties::new().with("app", app).with("flashVer", "FMLE/3.0");
    command(0, Command::new("connect", 1.0, object))
}

fn create_stream() -> Vec<u8> {
    command(0, Command::new("createStream", 2.0, Value::Null))
}

fn on_stream(stream: u32, name: &str, key: &str) -> Vec<u8> {
    command(stream, Command::new(name, 3.0, Value::Null).with(key).with("live"))
}

fn command(stream: u32, command: Command) -> Vec<u8> {
    message(3, stream, 0, kind::COMMAND, &command.body())
}

fn audio(stream: u32, millis: u32, payload: &[u8]) -> Vec<u8> {
    message(4, stream, millis, kind::AUDIO, payload)
}

fn video_header(stream: u32, length: u32) -> Vec<u8> {
    let mut bytes = message(6, stream, 0, kind::VIDEO, &[]);
    bytes[4..7].copy_from_slice(&length.to_be_bytes()[1..]);
    bytes
}

fn message(lane: u32, stream: u32, millis: u32, kind: u8, body: &[u8]) -> Vec<u8> {
    let header = MessageHeader {
        chunk_stream: ChunkStreamId::new(lane).unwrap(),
        stream: MessageStreamId::new(stream),
        timestamp: Timestamp::from_millis(millis),
        kind,
        length: body.len() as u32,
    };
    let mut bytes = Vec::new();
    write_message(&header, body, ChunkSize::INITIAL, &mut bytes);
    bytes
}

fn commands(messages: &[RawMessage]) -> Vec<Command> {
    let bodies = messages.iter().filter(|message| message.kind == kind::COMMAND).map(|message| &message.body);
    bodies.map(|body: &Bytes| Command::parse(body, &mut Tolerance::new(true)).unwrap().unwrap()).collect()
}

fn statuses(messages: &[RawMessage]) -> Vec<(u32, String)> {
    let on_stream = messages.iter().filter(|message| message.kind == kind::COMMAND);
    on_stream
        .filter_map(|message| {
            let command = Command::parse(&message.body, &mut Tolerance::new(true)).unwrap().unwrap();
            let status = command.arguments.first().and_then(Value::properties).cloned()?;
            let code = status.get("code").and_then(Value::as_str)?.to_owned();
            (command.name == "onStatus").then_some((message.stream.get(), code))
        })
        .collect()
}
