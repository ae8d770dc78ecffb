//! What is told of connections, and which are left out.

use sol_tokio::sol_core::chunk::{MessageHeader, write_message};
use sol_tokio::sol_core::ids::{ChunkSize, ChunkStreamId, MessageStreamId, MessageType};
use sol_tokio::sol_core::timestamp::Timestamp;

use super::*;

#[test]
fn a_client_that_says_something_else_is_left_out_by_what_it_is() {
    for (port, bytes, left_out) in [
        (443, TLS_HELLO, "tls"),
        (80, &b"GET / HTTP/1.1\r\nHost: example.org\r\nAccept: text/html\r\n\r\n"[..], "http"),
        (22, b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", "unknown"),
        (53, &[0x00, 0x1D, 7, 7], "unknown"),
        (80, b"", "empty"),
        (1_935, b"", "silent"),
    ] {
        let mut table = Table::new(port, Some(Side::First));
        table.send(Side::First, bytes);
        let (told, left) = table.close(Ending::Finished { first: Side::First });
        assert_eq!((told, left), (vec![], vec![(left_out, 1)]), "port {port}");
    }
    let mut table = Table::new(1_935, Some(Side::First));
    table.send(Side::First, b"");
    let (_, left) = table.close(Ending::Reset { by: Side::Second });
    assert_eq!(left, [("refused", 1)]);
}

#[test]
fn tls_at_a_port_of_rtmp_is_named() {
    let mut table = Table::new(1_935, Some(Side::First));
    table.send(Side::First, TLS_HELLO);
    let (told, left) = table.close(Ending::Finished { first: Side::First });
    assert_eq!(told[1], "the client speaks TLS, which is not read");
    assert_eq!(left, []);
}

#[test]
fn rtmp_needs_no_port_of_its_own() {
    let mut table = Table::new(8_443, Some(Side::First));
    table.send(Side::First, &hello());
    assert_eq!(table.told()[1], "handshake, C0 and C1: simple");
    table.send(Side::Second, &[hello(), vec![0; 1_536]].concat());
    table.send(Side::First, &vec![0; 1_536]);
    table.send(Side::First, &command("connect", &[]));
    assert!(table.told().contains(&"connect(1)".to_owned()));
    let (told, _) = table.close(Ending::Reset { by: Side::Second });
    let [closed] = &told[..] else { panic!("{told:?}") };
    assert!(closed.starts_with("closed: the server resets it (RST); connect was not answered;"), "{closed}");
}

#[test]
fn silence_and_the_time_of_a_pong_are_told() {
    let mut table = Table::new(1_935, Some(Side::First));
    table.shake_hands();
    table.send(Side::Second, &user_control(6, 77));
    table.pass(Duration::from_millis(40));
    table.send(Side::First, &user_control(7, 77));
    table.pass(Duration::from_secs(7));
    table.send(Side::First, &user_control(7, 78));
    assert_eq!(
        table.told(),
        [
            "ping 77",
            "pong 77, after 40 ms",
            "silence of 7.0 s on both sides",
            "pong 78, for no ping that was seen"
        ]
    );
    for _ in 0..3 {
        table.send(Side::First, &user_control(7, 78));
    }
    assert_eq!(table.told(), [""; 0]);
    let (told, _) = table.close(Ending::EndOfCapture);
    assert_eq!(told[0], "3 more pongs, for no ping that was seen");
}

#[test]
fn pings_are_told_once_and_summed_up() {
    let mut table = Table::new(1_935, Some(Side::First));
    table.shake_hands();
    for number in 0..5 {
        table.send(Side::Second, &user_control(6, number));
        table.pass(Duration::from_millis(10 + u64::from(number)));
        table.send(Side::First, &user_control(7, number));
    }
    assert_eq!(table.told(), ["ping 0", "pong 0, after 10 ms"]);
    let (told, _) = table.close(Ending::EndOfCapture);
    assert_eq!(told[0], "5 pings came back, after 10 ms to 14 ms");
}

#[test]
fn a_departure_from_the_specification_is_told_when_it_is_met_first() {
    let mut table = Table::new(1_935, Some(Side::First));
    table.shake_hands();
    for _ in 0..2 {
        table.send(Side::First, &message(MessageType::SET_CHUNK_SIZE, &[0; 4]));
    }
    assert_eq!(table.told(), ["chunk size 0", "quirk: chunk-size-zero", "chunk size 0"]);
}

#[test]
fn a_departure_is_told_behind_the_messages_that_came_with_it() {
    let mut table = Table::new(1_935, Some(Side::First));
    table.shake_hands();
    let sizes = [[0, 0, 16, 0], [0; 4]].map(|size| message(MessageType::SET_CHUNK_SIZE, &size));
    table.send(Side::First, &sizes.concat());
    assert_eq!(table.told(), ["chunk size 4,096", "chunk size 0", "quirk: chunk-size-zero"]);
}

#[test]
fn a_refusal_without_a_consequence_is_no_reason_for_the_end() {
    let mut table = Table::new(1_935, Some(Side::First));
    table.shake_hands();
    table.send(Side::First, &command("releaseStream", &[]));
    table
        .send(Side::Second, &command("_error", &[("level", "error"), ("code", "NetConnection.Call.Failed")]));
    table.send(Side::Second, &command("onCustom", &[]));
    table.send(Side::First, &command("_error", &[]));
    table.send(Side::First, &command("publish", &[]));
    table.send(
        Side::Second,
        &command("onStatus", &[("level", "error"), ("code", "NetStream.Publish.BadName")]),
    );
    table.send(Side::First, &command("publish", &[]));
    table.send(
        Side::Second,
        &command("onStatus", &[("level", "status"), ("code", "NetStream.Publish.Start")]),
    );
    table.send(Side::First, &command("deleteStream", &[]));
    let (told, _) = table.close(Ending::Finished { first: Side::First });
    let closed = told.last().unwrap();
    assert!(closed.contains("first; the publication was ended in good order;"), "{closed}");
}

#[test]
fn that_a_command_nobody_needs_is_refused_is_no_reason_for_the_end() {
    let mut table = Table::new(1_935, Some(Side::First));
    table.shake_hands();
    table.send(Side::First, &command("releaseStream", &[]));
    table
        .send(Side::Second, &command("_error", &[("level", "error"), ("code", "NetConnection.Call.Failed")]));
    table.send(Side::First, &command("_error", &[("level", "error"), ("code", "Client.No")]));
    let (told, _) = table.close(Ending::Finished { first: Side::First });
    assert!(!told.last().unwrap().contains("refusal"), "{told:?}");
}

#[test]
fn a_refusal_that_nothing_began_after_is_a_reason_for_the_end() {
    for (asked, answer) in [("connect", "_error"), ("createStream", "_error"), ("play", "onStatus")] {
        let mut table = Table::new(1_935, Some(Side::First));
        table.shake_hands();
        table.send(Side::First, &command(asked, &[]));
        table.send(Side::Second, &command(answer, &[("level", "error"), ("code", "Its.Reason")]));
        let (told, _) = table.close(Ending::Finished { first: Side::First });
        let closed = told.last().unwrap();
        assert!(closed.contains("first; the last refusal was Its.Reason;"), "{closed}");
    }
}

#[test]
fn a_question_is_unanswered_only_where_all_answers_can_be_read() {
    let closed = |answer: Option<Vec<u8>>| {
        let mut table = Table::new(1_935, Some(Side::First));
        table.shake_hands();
        table.send(Side::First, &command("connect", &[]));
        table.send(Side::Second, &command("_result", &[]));
        table.send(Side::First, &command("createStream", &[]));
        // It is of some stream, and answers nothing of the connection.
        table.send(Side::Second, &command("onStatus", &[]));
        table.send(Side::Second, &answer.unwrap_or_default());
        let (told, _) = table.close(Ending::Finished { first: Side::First });
        told.last().unwrap().clone()
    };
    assert!(closed(None).contains("createStream was not answered"), "{}", closed(None));
    let cut = command("_result", &[])[..20].to_vec();
    let unreadable = message(MessageType::COMMAND, &[2, 0, 9, b'_']);
    for answer in [command("_result", &[]), cut, unreadable] {
        let closed = closed(Some(answer));
        assert!(!closed.contains("not answered"), "{closed}");
    }
}

#[test]
fn all_that_a_command_says_is_told() {
    use sol_tokio::sol_core::amf::{Properties, Value};
    let mut table = Table::new(1_935, Some(Side::First));
    table.shake_hands();
    let custom = sol_tokio::sol_core::message::Command::new("onCustom", 0.0, Value::Null)
        .with("first")
        .with(Properties::new().with("code", "A.B"))
        .with(42.0)
        .with("last");
    table.send(Side::Second, &message(MessageType::COMMAND, &custom.body()));
    assert_eq!(table.told(), ["onCustom A.B; \"first\"; 42; \"last\""]);
}

#[test]
fn streams_that_are_over_make_room_for_others() {
    let mut table = Table::new(1_935, Some(Side::First));
    table.shake_hands();
    let firsts = |table: &mut Table, streams: std::ops::Range<u32>, is_ended: bool| {
        let mut told = Vec::new();
        for stream in streams {
            table.send(Side::First, &message_on(stream, MessageType::VIDEO, &[0x17, 1, 0, 0, 0]));
            if is_ended {
                table.send(Side::First, &message_on(stream, MessageType::COMMAND, &close_stream()));
            }
            told.extend(table.told());
        }
        let count = |words: &str| told.iter().filter(|told| told.contains(words)).count();
        (count("first video"), count("more than 64 streams at once"), count("stream 70: "))
    };
    assert_eq!(firsts(&mut table, 1..101, true), (100, 0, 0));
    assert_eq!(firsts(&mut table, 201..301, false), (64, 1, 0));
}

#[test]
fn roles_that_were_guessed_wrongly_are_exchanged_by_what_is_said() {
    // Both ports are high, and the server's is the higher one.
    let mut table = Table::between(60_000, 50_000, None);
    for _ in 0..3 {
        let answer = command("onStatus", &[("code", "NetStream.Play.Start")]);
        table.send(Side::First, &answer);
    }
    table.send(Side::Second, &command("publish", &[]));
    let told = table.told();
    assert!(told.iter().any(|words| words.ends_with("says onStatus: the roles are exchanged")), "{told:?}");
    let notes = table.parties_of("onStatus");
    assert!(notes.iter().all(|from| *from == Some(Party::Server)), "{notes:?}");
}

#[test]
fn only_so_many_connections_are_searched_at_once() {
    let mut desk = Desk::new(None, false, false);
    let noise: Vec<u8> =
        (0..70_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
    let mut watched = Vec::new();
    for _ in 0..600 {
        let ends = [50_000, 60_000].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let mut connection = Watched::new(ends, None, Duration::ZERO, false);
        connection.handle_bytes(Side::First, &noise.clone().into(), Duration::ZERO, &mut desk);
        watched.push(connection);
    }
    let is_searched = |watched: &&Watched| matches!(watched.recognised, Recognised::NotYet);
    assert!(watched.iter().filter(is_searched).count() <= 512);
    for connection in watched {
        connection.handle_closed(Ending::EndOfCapture, Default::default(), Duration::ZERO, &mut desk);
    }
    assert_eq!(desk.left_out.total(), 600);
}

#[test]
fn messages_are_counted_as_they_came_and_only_when_they_are_whole() {
    let mut table = Table::new(1_935, Some(Side::First));
    table.shake_hands();
    let parts =
        [part(9, 0, &[0x17, 1, 0, 0, 0]), part(9, 40, &[0x27, 1, 0, 0, 0]), part(8, 40, &[0xAF, 1])].concat();
    table.send(Side::First, &message(MessageType::AGGREGATE, &parts));
    for size in [[0, 0, 16, 0], [0, 0, 16, 0], [0, 0, 0, 200]] {
        table.send(Side::First, &message(MessageType::SET_CHUNK_SIZE, &size));
    }
    // One that is the front of a long one, and ends with the recording.
    table.send(Side::First, &message(MessageType::VIDEO, &[0x27; 100])[..60]);
    let told = table.told();
    for words in ["first video: H.264", "first audio: AAC", "chunk size 4,096"] {
        assert!(told.iter().any(|told| told.starts_with(words)), "{words} in {told:?}");
    }
    let summary = table.summary();
    assert_eq!(summary["from_client"], serde_json::json!({ "1": 3, "22": 1 }));
    assert_eq!(summary["chunk_sizes_from_client"], serde_json::json!([4_096, 4_096, 200]));
}

#[test]
fn the_summary_has_the_properties_that_are_documented_in_their_order() {
    let mut table = Table::new(1_935, Some(Side::First));
    table.shake_hands();
    table.send(Side::First, &command("connect", &[]));
    let summary = table.summary();
    let names: Vec<_> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "client",
            "server",
            "handshake",
            "app",
            "stream",
            "flash_ver",
            "from_client",
            "from_server",
            "commands_from_client",
            "commands_from_server",
            "chunk_sizes_from_client",
            "chunk_sizes_from_server",
            "quirks",
            "missing_bytes",
            "closed",
        ]
    );
    assert_eq!(summary["commands_from_client"], serde_json::json!(["connect"]));
    assert_eq!(summary["closed"], "capture-ended");
}

/// One connection, at a desk.
struct Table {
    watched: Watched,
    desk: Desk,
    now: Duration,
    notes: Vec<crate::replay::note::Note>,
}

impl Table {
    fn new(server_port: u16, opener: Option<Side>) -> Table {
        Table::between(40_000, server_port, opener)
    }

    fn between(first: u16, second: u16, opener: Option<Side>) -> Table {
        let ends = [first, second].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let now = Duration::from_secs(1);
        let watched = Watched::new(ends, opener, now, false);
        Table { watched, desk: Desk::new(None, false, false), now, notes: Vec::new() }
    }

    fn send(&mut self, side: Side, bytes: &[u8]) {
        if !bytes.is_empty() {
            let bytes = Bytes::copy_from_slice(bytes);
            self.watched.handle_bytes(side, &bytes, self.now, &mut self.desk);
        }
    }

    fn shake_hands(&mut self) {
        self.send(Side::First, &hello());
        self.send(Side::Second, &[hello(), vec![0; 1_536]].concat());
        self.send(Side::First, &vec![0; 1_536]);
        self.told();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn told(&mut self) -> Vec<String> {
        let notes: Vec<_> = self.desk.notes.drain(..).collect();
        let words = notes.iter().map(|note| note.words.replace('\u{a0}', " ")).collect();
        self.notes.extend(notes);
        words
    }

    /// Who said a command of this name.
    fn parties_of(&self, name: &str) -> Vec<Option<Party>> {
        let said = self.notes.iter().filter(|note| note.fields.get("name").is_some_and(|it| it == name));
        said.map(|note| note.from).collect()
    }

    /// The end of the recording, and what the summary says then.
    fn summary(mut self) -> serde_json::Value {
        self.watched.handle_closed(Ending::EndOfCapture, Default::default(), self.now, &mut self.desk);
        self.desk.connections[0].json()
    }

    fn close(mut self, how: Ending) -> (Vec<String>, Vec<(&'static str, u64)>) {
        let tallies = [DirectionTally { bytes: 1, ..DirectionTally::default() }; 2];
        self.watched.handle_closed(how, tallies, self.now, &mut self.desk);
        let words = self.desk.notes.iter().map(|note| note.words.replace('\u{a0}', " ")).collect();
        (words, self.desk.left_out.iter().map(|(what, count)| (what.word(), count)).collect())
    }
}

/// C0 and C1, or S0 and S1.
fn hello() -> Vec<u8> {
    [&[3][..], &[0; 1_536]].concat()
}

fn message(kind: MessageType, body: &[u8]) -> Vec<u8> {
    message_on(0, kind, body)
}

fn close_stream() -> Vec<u8> {
    use sol_tokio::sol_core::amf::Value;
    sol_tokio::sol_core::message::Command::new("closeStream", 0.0, Value::Null).body().to_vec()
}

fn message_on(stream: u32, kind: MessageType, body: &[u8]) -> Vec<u8> {
    let header = MessageHeader {
        chunk_stream: ChunkStreamId::COMMAND,
        stream: MessageStreamId::new(stream),
        timestamp: Timestamp::ZERO,
        kind,
        length: body.len() as u32,
    };
    let mut bytes = Vec::new();
    write_message(&header, body, ChunkSize::INITIAL, &mut bytes);
    bytes
}

/// A part of an aggregate: an FLV tag with the size behind it.
fn part(kind: u8, time: u8, body: &[u8]) -> Vec<u8> {
    let size = body.len() as u8;
    [&[kind, 0, 0, size, 0, 0, time, 0, 0, 0, 0][..], body, &[0, 0, 0, 11 + size]].concat()
}

fn user_control(event: u16, time: u32) -> Vec<u8> {
    message(MessageType::USER_CONTROL, &[&event.to_be_bytes()[..], &time.to_be_bytes()].concat())
}

fn command(name: &str, properties: &[(&str, &str)]) -> Vec<u8> {
    use sol_tokio::sol_core::amf::{Properties, Value};
    let mut command = sol_tokio::sol_core::message::Command::new(name, 1.0, Value::Null);
    if !properties.is_empty() {
        let all = properties.iter().fold(Properties::new(), |all, (name, value)| all.with(*name, *value));
        command = command.with(all);
    }
    message(MessageType::COMMAND, &command.body())
}

/// The front of a TLS handshake record with a ClientHello.
const TLS_HELLO: &[u8] =
    &[0x16, 3, 1, 0, 0x80, 1, 0, 0, 0x7C, 3, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7];
