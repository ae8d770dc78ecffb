//! A session in dialogue with a scripted client over a perfect line.

mod client;
mod draining;
mod ending;
mod requests;

use bytes::Bytes;
use quickcheck_macros::quickcheck;

use super::*;
use crate::amf::{Properties, Value};
use crate::chunk::{ChunkError, MessageHeader, RawMessage, write_message};
use crate::frame::Frame;
use crate::handshake::HandshakeError;
use crate::ids::{ChunkStreamId, MessageStreamId, MessageType};
use crate::media::{Content, FrameKind, TrackKind};
use crate::message::{Command, Control};
use crate::quirk::Quirk;
use crate::timestamp::Timestamp;

#[test]
fn connect_glued_to_c2_is_answered_at_once_and_in_one_write() {
    let mut client = Client::new();
    let hello = [handshake(), connect("live")].concat();
    client.send(&hello);
    assert_eq!(client.writes, 1);
    let answers = client.read();
    let kinds: Vec<MessageType> = answers.iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [5, 6, 1, 20].map(MessageType::new), "window, bandwidth, chunk size, result");
    assert_eq!(commands(&answers)[0].name, "_result");
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
fn both_objects_of_the_answer_state_what_the_server_knows_of_enhanced_rtmp() {
    let mut client = Client::new();
    client.send(&[handshake(), connect("live")].concat());
    let result = commands(&client.read()).remove(0);
    let objects = [&result.object, &result.arguments[0]].map(|object| object.properties().unwrap());
    for object in objects {
        assert_eq!(Capabilities::read([object].into_iter()), Capabilities::of_server());
    }
    let names: Vec<&str> = objects[0].iter().map(|(name, _)| name).take(4).collect();
    assert_eq!(names, ["fmsVer", "capabilities", "mode", "videoFunction"]);
}

#[test]
fn every_field_of_the_answer_to_connect_is_the_embedders() {
    let connect_reply = ConnectReply {
        server: "FMS/4,0,0,1".to_owned(),
        capabilities: 127.0,
        mode: 2.0,
        description: "Come in.".to_owned(),
        enhanced: Capabilities { extensions: Some(Extensions::MOD_EX), ..Capabilities::default() },
        server_more: Properties::new().with("node", "eu-1"),
        status_more: Properties::new().with("data", Properties::new().with("version", "4,0,0,1")),
    };
    let mut client = Client::with(SessionConfig { connect_reply, ..SessionConfig::default() });
    client.send(&[handshake(), connect("live")].concat());
    let result = commands(&client.read()).remove(0);
    let server = Properties::new()
        .with("fmsVer", "FMS/4,0,0,1")
        .with("capabilities", 127.0)
        .with("mode", 2.0)
        .with("capsEx", 4.0)
        .with("node", "eu-1");
    let status = Properties::new()
        .with("level", "status")
        .with("code", "NetConnection.Connect.Success")
        .with("description", "Come in.")
        .with("objectEncoding", 0.0)
        .with("capsEx", 4.0)
        .with("data", Properties::new().with("version", "4,0,0,1"));
    assert_eq!((result.object, result.arguments), (server.into(), vec![status.into()]));
}

#[test]
fn what_a_client_states_is_in_its_event_and_at_hand_afterwards_also_in_strict_mode() {
    let mut client = Client::with(SessionConfig { strict: true, ..SessionConfig::default() });
    let object = Properties::new().with("app", "live").with("capsEx", 3.0).with("fourCcList", false);
    client.send(&[handshake(), command(0, Command::new("connect", 1.0, object))].concat());
    let Some(Event::Connected(connected)) = client.events.first() else { panic!("{:?}", client.events) };
    assert_eq!(connected.capabilities.to_string(), "capsEx=reconnect+multitrack");
    assert_eq!(client.session.capabilities(), &*connected.capabilities);
    assert_eq!(Client::connected().session.capabilities(), &Capabilities::default());
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
fn commands_before_connect_are_ignored() {
    let mut client = Client::new();
    client.send(&[handshake(), create_stream(), on_stream(1, "publish", "cam")].concat());
    assert_eq!(client.read(), []);
    assert_eq!(client.session.quirks().get(Quirk::CommandBeforeConnect), 2);
}

#[test]
fn a_ping_is_answered_with_its_own_time() {
    let mut client = Client::connected();
    client.send(&message(
        2,
        0,
        0,
        MessageType::USER_CONTROL,
        &UserControl::PingRequest(Timestamp::from_millis(77)).body(),
    ));
    let pong = client.read().pop().unwrap();
    assert_eq!(UserControl::parse(&pong.body), Some(UserControl::PingResponse(Timestamp::from_millis(77))));
}

#[test]
fn received_bytes_are_acknowledged_as_often_as_the_peer_asks() {
    let mut client = Client::publishing("cam");
    let asked = client.session.traffic().received_bytes() + 16;
    client.send(&message(2, 0, 0, MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE, &20_000_u32.to_be_bytes()));
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
    client.send(&message(2, 0, 0, MessageType::SET_PEER_BANDWIDTH, &body));
    let answer = client.read().pop().unwrap();
    assert_eq!(
        Control::parse(answer.kind, &answer.body),
        Some(Control::WindowAcknowledgementSize(5_000_000))
    );
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
fn media_room_shrinks_with_what_waits() {
    let mut client = Client::playing(&["cam"]);
    assert_eq!(client.session.media_room(), limits::OUTBOX_BYTES);
    client.takes = 0;
    let frame = Frame::new(FrameKind::Interframe, Timestamp::ZERO, &[0; 100_000], client.chunk_size());
    client.session.send_frame(MessageStreamId::new(1), frame);
    assert_eq!(client.session.media_room(), 0);
    assert!(client.session.wants_input(), "a player that is behind may still speak");
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
        message(2, 0, 0, MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE, &17_000_u32.to_be_bytes()),
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
            while let Some(id) = client.session.waiting().map(|request| request.id) {
                client.session.allow(id, client.now).unwrap();
                client.drain();
            }
        }
        (client.events, client.received, client.session.traffic().received_bytes())
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
    /// How often the line took anything.
    writes: usize,
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
        Self { session, now: Instant::EPOCH, takes: usize::MAX, received, writes: 0, read_until: 0, events }
    }

    fn connected() -> Self {
        Self::connected_with(SessionConfig::default())
    }

    fn connected_with(config: SessionConfig) -> Self {
        let mut client = Self::with(config);
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
        Self::playing_with(SessionConfig::default(), keys)
    }

    fn playing_with(config: SessionConfig, keys: &[&str]) -> Self {
        let mut client = Self::connected_with(config);
        for (index, key) in keys.iter().enumerate() {
            client.send(&[create_stream(), on_stream(index as u32 + 1, "play", key)].concat());
            let request = client.request();
            client.allow(&request);
        }
        client.read();
        client.events.clear();
        client
    }

    /// May play what is not there yet.
    fn awaiting(key: &str) -> Self {
        let mut client = Self::connected();
        client.send(&[create_stream(), on_stream(1, "play", key)].concat());
        client.read();
        let request = client.request();
        client.session.allow_to_await(request.id, client.now).unwrap();
        client.drain();
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
            let mut slices = [IoSlice::new(&[]); 64];
            let count = self.session.outbound(&mut slices);
            let shown: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            let taken = shown.len().min(self.takes);
            if taken == 0 {
                break;
            }
            self.received.extend(&shown[..taken]);
            self.writes += 1;
            self.session.handle_sent(taken, self.now);
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    /// The messages that have come since the last call.
    fn read(&mut self) -> Vec<RawMessage> {
        let greeting = 1 + 2 * 1536;
        let mut reader = ChunkReader::new();
        let mut messages = Vec::new();
        let mut rest = self.received.get(greeting..).unwrap_or_default();
        while let Some(message) =
            reader.read(&mut rest, &mut Tolerance::new(true)).expect("what we write is by the book")
        {
            messages.push(message);
        }
        messages.split_off(std::mem::replace(&mut self.read_until, messages.len()))
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

    fn hangup(&self) -> Option<Hangup> {
        match self.events.last() {
            Some(Event::Closed { hangup, .. }) => Some(*hangup),
            _ => None,
        }
    }

    fn closed(&self) -> Option<CloseReason> {
        match self.events.last() {
            Some(Event::Closed { why, .. }) => Some(why.clone()),
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
    message(3, stream, 0, MessageType::COMMAND, &command.body())
}

fn audio(stream: u32, millis: u32, payload: &[u8]) -> Vec<u8> {
    message(4, stream, millis, MessageType::AUDIO, payload)
}

fn video_header(stream: u32, length: u32) -> Vec<u8> {
    let mut bytes = message(6, stream, 0, MessageType::VIDEO, &[]);
    bytes[4..7].copy_from_slice(&length.to_be_bytes()[1..]);
    bytes
}

fn message(lane: u32, stream: u32, millis: u32, kind: MessageType, body: &[u8]) -> Vec<u8> {
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
    let bodies =
        messages.iter().filter(|message| message.kind == MessageType::COMMAND).map(|message| &message.body);
    bodies.map(|body: &Bytes| Command::parse(body, &mut Tolerance::new(true)).unwrap().unwrap()).collect()
}

fn statuses(messages: &[RawMessage]) -> Vec<(u32, String)> {
    let on_stream = messages.iter().filter(|message| message.kind == MessageType::COMMAND);
    on_stream
        .filter_map(|message| {
            let command = Command::parse(&message.body, &mut Tolerance::new(true)).unwrap().unwrap();
            let status = command.arguments.first().and_then(Value::properties).cloned()?;
            let code = status.get("code").and_then(Value::as_str)?.to_owned();
            (command.name == "onStatus").then_some((message.stream.get(), code))
        })
        .collect()
}
