use std::time::Duration;

use super::codec::{Format, Headers};
use super::handshake::{HandshakeKind, server_answer};
use super::pattern::Pattern;
use super::script::{Phase, Player, Publisher};
use super::*;

#[test]
fn a_publisher_walks_to_its_media_and_sends_what_is_due() {
    let mut publisher = Publisher::new("live", "cam", Pattern::new());
    let mut server = Server::meeting(publisher.take_output());
    publisher.feed(&server.handshake(), ms(0)).unwrap();
    assert_eq!(server.commands(drain(publisher.peer_mut())), ["connect"]);
    publisher.feed(&server.result(1, &[Amf::object([]), connected()]), ms(10)).unwrap();
    assert_eq!(server.commands(drain(publisher.peer_mut())), ["releaseStream", "FCPublish", "createStream"]);
    publisher.feed(&server.result(4, &[Amf::Null, 1.0.into()]), ms(20)).unwrap();
    assert_eq!(server.commands(drain(publisher.peer_mut())), ["publish"]);
    assert_eq!(publisher.next_due(), None);
    publisher.feed(&server.status(1, "status", "NetStream.Publish.Start"), ms(100)).unwrap();
    assert_eq!(publisher.phase(), &Phase::Live(StreamId(1)));

    assert_eq!(publisher.next_due(), Some(ms(123)), "audio has 1 024 samples a frame");
    publisher.advance(ms(600));
    let messages = server.messages(drain(publisher.peer_mut()));
    let sent: Vec<_> =
        publisher.sent().iter().map(|sent| (sent.timestamp_ms, sent.payload.clone())).collect();
    let arrived: Vec<_> = messages.iter().map(|got| (got.timestamp_ms, got.payload.clone())).collect();
    assert_eq!(arrived, sent);
    assert_eq!(sent.last().unwrap().0, 487);

    publisher.finish();
    assert_eq!(server.commands(drain(publisher.peer_mut())), ["FCUnpublish", "deleteStream"]);
    assert_eq!(publisher.phase(), &Phase::Finished);
}

#[test]
fn a_player_walks_to_its_media_and_keeps_what_comes() {
    let mut player = Player::new("live", "cam");
    let mut server = Server::meeting(player.take_output());
    player.feed(&server.handshake()).unwrap();
    assert_eq!(server.commands(drain(player.peer_mut())), ["connect"]);
    player.feed(&server.result(1, &[Amf::object([]), connected()])).unwrap();
    assert_eq!(server.commands(drain(player.peer_mut())), ["createStream"]);
    player.feed(&server.result(2, &[Amf::Null, 1.0.into()])).unwrap();
    assert_eq!(server.commands(drain(player.peer_mut())), ["play"]);
    player.feed(&server.status(1, "status", "NetStream.Play.Start")).unwrap();
    assert_eq!(player.phase(), &Phase::Live(StreamId(1)));

    let pattern = Pattern::new().without_metadata();
    let sent: Vec<_> = pattern.media().take(50).collect();
    for media in &sent {
        let bytes = server.media(media.type_id, media.timestamp_ms, media.payload.clone());
        player.feed(&bytes).unwrap();
    }
    assert_eq!(player.check_run(&sent).unwrap().frames, 48);
    assert_eq!(player.peer().media_of(StreamId(1)), player.media());
    assert_eq!(player.peer().media_of(StreamId(2)), []);

    player.feed(&server.status(1, "status", "NetStream.Play.UnpublishNotify")).unwrap();
    let code = "NetStream.Play.UnpublishNotify".to_owned();
    assert_eq!(player.phase(), &Phase::EndedByServer(code));
}

#[test]
fn a_refusal_is_kept_with_its_code() {
    let mut player = Player::new("nowhere", "cam");
    let mut server = Server::meeting(player.take_output());
    player.feed(&server.handshake()).unwrap();
    let refusal = Amf::object([
        ("level", "error".into()),
        ("code", "NetConnection.Connect.Rejected".into()),
        ("description", "no such app".into()),
    ]);
    player.feed(&server.command(0, &["_error".into(), 1.0.into(), Amf::Null, refusal])).unwrap();
    assert_eq!(player.phase(), &Phase::Refused("NetConnection.Connect.Rejected".to_owned()));
    assert_eq!(player.peer().statuses(), [(StreamId(0), "NetConnection.Connect.Rejected")]);
    assert_eq!(player.peer().statuses_in_full()[0].description, "no such app");

    let (mut publisher, mut server) = starting_publisher();
    publisher.feed(&server.status(1, "error", "NetStream.Publish.BadName"), ms(0)).unwrap();
    assert_eq!(publisher.phase(), &Phase::Refused("NetStream.Publish.BadName".to_owned()));
    publisher.advance(ms(5_000));
    assert_eq!(drain(publisher.peer_mut()), b"");
}

#[test]
fn connect_is_glued_to_c2_only_when_asked() {
    for (glue_connect_to_c2, writes) in [(false, [1_536, 0]), (true, [0, 1_536])] {
        let options = PeerOptions { glue_connect_to_c2, ..PeerOptions::default() };
        let mut peer = Peer::new(options);
        peer.connect("live");
        let server = Server::meeting(peer.take_output());
        let handshake = server.handshake();
        let (until_s1, s2) = handshake.split_at(1_537);
        peer.feed(until_s1).unwrap();
        assert_eq!(peer.take_output().len(), writes[0], "a glued C2 waits for S2");
        peer.feed(s2).unwrap();
        let connect = peer.take_output();
        assert_eq!(connect[writes[1]..][..5], [2, 0, 0, 0, 0], "Set Chunk Size and connect in one write");
        assert_eq!(peer.take_output(), b"");
    }
}

#[test]
fn c2_and_connect_are_two_writes_even_when_both_are_ready() {
    let mut peer = Peer::new(PeerOptions::default());
    peer.connect("live");
    let server = Server::meeting(peer.take_output());
    peer.feed(&server.handshake()).unwrap();
    assert_eq!(peer.take_output().len(), 1_536);
    assert!(peer.take_output().len() > 100);
    assert_eq!(peer.take_output(), b"");
}

#[test]
fn connect_says_what_the_options_say() {
    let mut peer = Peer::new(PeerOptions {
        object_encoding: Some(3),
        host: "example:1936".to_owned(),
        connect_extra: vec![("capsEx".to_owned(), 1.0.into())],
        ..PeerOptions::default()
    });
    peer.connect("live/a");
    let mut server = Server::meeting(peer.take_output());
    peer.feed(&server.handshake()).unwrap();
    let connect = server.messages(drain(&mut peer)).pop().unwrap();
    let values = amf::read_all(&connect.payload).unwrap();
    assert_eq!(values[..2], ["connect".into(), 1.0.into()]);
    let said = |name| values[2].property(name).unwrap().clone();
    assert_eq!(said("app"), "live/a".into());
    assert_eq!(said("tcUrl"), "rtmp://example:1936/live/a".into());
    assert_eq!(said("flashVer"), "FMLE/3.0 (compatible; sol-tests)".into());
    assert_eq!(said("objectEncoding"), 3.0.into());
    assert_eq!(said("capsEx"), 1.0.into());
}

#[test]
fn the_chunk_size_is_announced_when_the_habit_says() {
    for (chunk_size, before, after) in [
        (ChunkSizeHabit::Never, 0, 0),
        (ChunkSizeHabit::BeforeConnect(5_000), 1, 0),
        (ChunkSizeHabit::AfterConnect(5_000), 0, 1),
    ] {
        let (mut peer, mut server) = connecting(PeerOptions { chunk_size, ..PeerOptions::default() });
        let announcements = |messages: Vec<Received>| {
            messages.iter().filter(|message| message.type_id == TypeId::SET_CHUNK_SIZE).count()
        };
        assert_eq!(announcements(server.messages(drain(&mut peer))), before);
        peer.feed(&server.result(1, &[Amf::object([]), connected()])).unwrap();
        assert_eq!(announcements(server.messages(drain(&mut peer))), after);
        let size = if chunk_size == ChunkSizeHabit::Never { 128 } else { 5_000 };
        assert_eq!(peer.writer().chunk_size(), size);
    }
}

#[test]
fn pings_bandwidth_and_windows_are_answered_unless_forbidden() {
    for answers in [true, false] {
        let (mut peer, mut server) = connecting(PeerOptions {
            answers_pings: answers,
            acknowledges: answers,
            answers_bandwidth: answers,
            ..PeerOptions::default()
        });
        server.messages(drain(&mut peer));
        let ping = UserControl::PingRequest(77).to_payload();
        let mut bytes = server.control(TypeId::USER_CONTROL, &ping);
        bytes.extend(server.control(TypeId::SET_PEER_BANDWIDTH, &[0, 0, 9, 0, 2]));
        bytes.extend(server.control(TypeId::SET_PEER_BANDWIDTH, &[0, 0, 9, 0, 2]));
        bytes.extend(server.control(TypeId::WINDOW_ACK_SIZE, &3_000_u32.to_be_bytes()));
        peer.feed(&bytes).unwrap();

        let received = u32::try_from(peer.bytes_received()).unwrap();
        let answered: Vec<_> =
            server.messages(drain(&mut peer)).into_iter().map(|m| (m.type_id, m.payload)).collect();
        let expected = [
            (TypeId::USER_CONTROL, UserControl::PingResponse(77).to_payload()),
            (TypeId::WINDOW_ACK_SIZE, Bytes::copy_from_slice(&0x900_u32.to_be_bytes())),
            (TypeId::ACKNOWLEDGEMENT, Bytes::copy_from_slice(&received.to_be_bytes())),
        ];
        assert_eq!(answered, expected[..if answers { 3 } else { 0 }]);
        assert_eq!(peer.user_controls(), [UserControl::PingRequest(77)]);
        let announced =
            Announced { window_ack_bytes: Some(3_000), peer_bandwidth: Some((0x900, 2)), chunk_size: None };
        assert_eq!(peer.announced(), announced);
    }
}

#[test]
fn what_is_not_by_the_book_is_named_and_final() {
    type Deed = fn(&mut Server) -> Vec<u8>;
    let deeds: [(Deed, &str); 16] = [
        (|server| server.control(TypeId::WINDOW_ACK_SIZE, &[0; 4]), "WindowAckSize with payload"),
        (|server| server.control(TypeId::WINDOW_ACK_SIZE, &[1; 3]), "WindowAckSize with payload"),
        (|server| server.control(TypeId::SET_PEER_BANDWIDTH, &[1, 1, 1, 1, 3]), "SetPeerBandwidth with"),
        (|server| server.control(TypeId::USER_CONTROL, &[0, 9, 0, 0, 0, 1]), "UserControl with payload"),
        (|server| server.control(TypeId::USER_CONTROL, &[0, 3, 0, 0, 0, 1, 0, 0, 0, 1]), "UserControl with"),
        (
            |server| server.control(TypeId::ACKNOWLEDGEMENT, &[9, 0, 0, 0]),
            "150994944 bytes were acknowledged",
        ),
        (
            |server| {
                let mut bytes = server.control(TypeId::ACKNOWLEDGEMENT, &[0, 0, 0, 9]);
                bytes.extend(server.control(TypeId::ACKNOWLEDGEMENT, &[0, 0, 0, 8]));
                bytes
            },
            "8 bytes were acknowledged behind 9",
        ),
        (|server| server.media(TypeId::AUDIO, 0, Bytes::new()), "Audio on unknown stream 1"),
        (|server| server.status(1, "status", "NetStream.Play.Start"), "CommandAmf0 on unknown stream 1"),
        (|server| server.status(0, "verbose", "NetStream.Play.Start"), "onStatus on stream 0 is not"),
        (|server| server.command(0, &["onStatus".into(), 0.0.into(), connected()]), "onStatus on stream 0"),
        (|server| server.command(0, &["onBWDone".into()]), "does not begin with name and transaction"),
        (|server| server.command(0, &["onBWDone".into(), 0.5.into()]), "does not begin with name"),
        (|server| server.result(9, &[Amf::Null]), "transaction 9 was answered but is not open"),
        (|server| server.result(2, &[Amf::Null, 0.0.into()]), "without a stream id of at least 1"),
        (|server| server.message(TypeId::COMMAND_AMF3, 0, 0, Bytes::new()), "CommandAmf3 on a connection"),
    ];
    for (deed, words) in deeds {
        let (mut peer, mut server) = connecting(PeerOptions::default());
        peer.create_stream();
        drain(&mut peer);
        let error = peer.feed(&deed(&mut server)).expect_err(words);
        assert!(error.to_string().contains(words), "{error} does not say {words:?}");
        assert_eq!(peer.oddity(), Some(&error));
        assert_eq!(peer.feed(&[]), Err(error), "an oddity is final");
    }
}

#[test]
fn a_transaction_is_answered_once() {
    let (mut peer, mut server) = connecting(PeerOptions::default());
    peer.feed(&server.result(1, &[Amf::object([]), connected()])).unwrap();
    let again = server.result(1, &[Amf::object([]), connected()]);
    assert_eq!(peer.feed(&again), Err(Oddity::AnswerToNothing(1)));
}

#[test]
fn commands_of_type_17_are_read_where_amf3_was_asked_for() {
    let options = PeerOptions { object_encoding: Some(3), ..PeerOptions::default() };
    let (mut peer, mut server) = connecting(options);
    let mut payload = vec![0];
    payload.extend(amf::write_all(&["_result".into(), 1.0.into(), Amf::Null, connected()]));
    peer.feed(&server.message(TypeId::COMMAND_AMF3, 0, 0, payload.into())).unwrap();
    assert_eq!(peer.statuses(), [(StreamId(0), "NetConnection.Connect.Success")]);
}

#[test]
fn any_cut_of_the_same_bytes_gives_the_same_log() {
    let log = |cut: usize| {
        let (mut publisher, mut server) = starting_publisher();
        let mut bytes = server.status(1, "status", "NetStream.Publish.Start");
        bytes.extend(server.control(TypeId::SET_CHUNK_SIZE, &64_u32.to_be_bytes()));
        server.writer.set_chunk_size(64);
        bytes.extend(server.media(TypeId::VIDEO, 0x0100_0000, vec![7; 500].into()));
        for piece in bytes.chunks(cut) {
            publisher.feed(piece, ms(0)).unwrap();
        }
        publisher.peer().received().to_vec()
    };
    let whole = log(10_000);
    assert_eq!(whole.last().unwrap().later.len(), 7);
    for cut in [1, 2, 3, 7, 100] {
        assert_eq!(log(cut), whole);
    }
}

#[test]
fn messages_and_bytes_go_out_raw_in_their_order() {
    let (mut peer, mut server) = connecting(PeerOptions { headers: Headers::Full, ..PeerOptions::default() });
    server.messages(drain(&mut peer));
    let message = Message {
        chunk_stream: ChunkStream(4_000),
        timestamp_ms: 5,
        type_id: TypeId(99),
        stream: StreamId(8),
        payload: Bytes::from_static(b"odd"),
    };
    peer.send_raw_message(&message, Framing::of(Format::Zero));
    peer.cut_write();
    peer.send_raw_bytes(b"rubbish");
    assert_eq!(peer.take_output(), [&[1, 0x60, 0x0F, 0, 0, 5, 0, 0, 3, 99, 8, 0, 0, 0][..], b"odd"].concat());
    assert_eq!(peer.take_output(), b"rubbish");
    assert!(server.reader.poll().is_ok());
}

#[test]
fn a_wrong_c2_answers_nothing() {
    for wrong_c2 in [false, true] {
        let mut peer = Peer::new(PeerOptions { wrong_c2, ..PeerOptions::default() });
        let server = Server::meeting(peer.take_output());
        let handshake = server.handshake();
        peer.feed(&handshake).unwrap();
        assert_eq!(peer.take_output()[8..] == handshake[9..1_537], !wrong_c2);
    }
}

#[test]
fn what_was_taken_from_the_log_is_forgotten_but_not_its_meaning() {
    let (mut publisher, _) = starting_publisher();
    let peer = publisher.peer_mut();
    assert_eq!(peer.take_received().len(), 2);
    assert_eq!(peer.received(), []);
    assert_eq!(peer.created_streams(), [StreamId(1)]);
    assert_eq!(peer.commands().len(), 2);
    assert_eq!(peer.answer_to("createStream").unwrap().transaction, 4);
}

/// A peer whose connect waits for its answer.
fn connecting(options: PeerOptions) -> (Peer, Server) {
    let mut peer = Peer::new(options);
    peer.connect("live");
    let server = Server::meeting(peer.take_output());
    peer.feed(&server.handshake()).unwrap();
    let c2 = peer.take_output();
    assert_eq!(c2.len(), 1_536);
    (peer, Server { c2_taken: true, ..server })
}

/// A publisher whose publish, on stream 1, waits for its answer.
fn starting_publisher() -> (Publisher, Server) {
    let mut publisher = Publisher::new("live", "cam", Pattern::new());
    let mut server = Server::meeting(publisher.take_output());
    publisher.feed(&server.handshake(), ms(0)).unwrap();
    publisher.feed(&server.result(1, &[Amf::object([]), connected()]), ms(0)).unwrap();
    publisher.feed(&server.result(4, &[Amf::Null, 1.0.into()]), ms(0)).unwrap();
    assert_eq!(publisher.phase(), &Phase::Starting(StreamId(1)));
    drain(publisher.peer_mut());
    (publisher, server)
}

/// The other end of a peer, just able enough: it writes what a test tells it to.
struct Server {
    opening: Vec<u8>,
    reader: ChunkReader,
    writer: ChunkWriter,
    c2_taken: bool,
}

impl Server {
    fn meeting(opening: Vec<u8>) -> Server {
        assert_eq!(opening.len(), 1_537, "C0 and C1 come first and alone");
        Server { opening, reader: ChunkReader::new(), writer: ChunkWriter::new(), c2_taken: false }
    }

    fn handshake(&self) -> Vec<u8> {
        let c1 = self.opening[1..].try_into().unwrap();
        server_answer(HandshakeKind::Simple, c1)
    }

    fn messages(&mut self, mut bytes: Vec<u8>) -> Vec<Received> {
        if !self.c2_taken {
            bytes.drain(..1_536);
            self.c2_taken = true;
        }
        self.reader.feed(&bytes);
        std::iter::from_fn(|| self.reader.poll().expect("a peer writes by the book")).collect()
    }

    fn commands(&mut self, bytes: Vec<u8>) -> Vec<String> {
        let messages = self.messages(bytes);
        let commands = messages.iter().filter(|message| message.type_id == TypeId::COMMAND_AMF0);
        commands
            .map(|command| amf::read_all(&command.payload).unwrap()[0].as_str().unwrap().to_owned())
            .collect()
    }

    fn result(&mut self, transaction: u32, values: &[Amf]) -> Vec<u8> {
        let values = [&["_result".into(), f64::from(transaction).into()], values].concat();
        self.command(0, &values)
    }

    fn status(&mut self, stream: u32, level: &str, code: &str) -> Vec<u8> {
        let info = Amf::object([("level", level.into()), ("code", code.into())]);
        self.command(stream, &["onStatus".into(), 0.0.into(), Amf::Null, info])
    }

    fn command(&mut self, stream: u32, values: &[Amf]) -> Vec<u8> {
        self.message(TypeId::COMMAND_AMF0, stream, 0, amf::write_all(values).into())
    }

    fn media(&mut self, type_id: TypeId, timestamp_ms: u32, payload: Bytes) -> Vec<u8> {
        self.message(type_id, 1, timestamp_ms, payload)
    }

    fn control(&mut self, type_id: TypeId, payload: &[u8]) -> Vec<u8> {
        self.message(type_id, 0, 0, Bytes::copy_from_slice(payload))
    }

    fn message(&mut self, type_id: TypeId, stream: u32, timestamp_ms: u32, payload: Bytes) -> Vec<u8> {
        let chunk_stream = if type_id.is_control() { ChunkStream::CONTROL } else { ChunkStream(5) };
        let message = Message { chunk_stream, timestamp_ms, type_id, stream: StreamId(stream), payload };
        let mut out = Vec::new();
        self.writer.write(&message, Framing::FULL, &mut out);
        out
    }
}

fn connected() -> Amf {
    Amf::object([
        ("level", "status".into()),
        ("code", "NetConnection.Connect.Success".into()),
        ("description", "Welcome.".into()),
    ])
}

fn drain(peer: &mut Peer) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let write = peer.take_output();
        if write.is_empty() {
            return bytes;
        }
        bytes.extend(write);
    }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
