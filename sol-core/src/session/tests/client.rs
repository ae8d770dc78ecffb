//! A session in the client's role, in dialogue with one in the server's and with scripted servers.

use super::*;
use crate::handshake::{HandshakeKind, Offer};
use crate::media::Media;
use crate::message::Data;
use crate::url::RtmpUrl;

#[test]
fn what_a_client_publishes_reaches_the_server_as_it_was() {
    let mut line = Line::to_our_server(&target(Target::publish));
    line.allow();
    assert_eq!(line.granted(), Some(1));
    let all =
        [(0, metadata()), (0, video(&[0x17, 0, 1])), (40, video(&[7; 70_000])), (41, sound(&[0xAF, 1]))];
    for (millis, content) in &all {
        let media = Media { timestamp: Timestamp::from_millis(*millis), content: content.clone() };
        line.client.send_media(&media, line.now);
    }
    line.pump();
    let came: Vec<(u32, Content)> = line.media_at_the_server();
    assert_eq!(came, all);
    assert_eq!(line.server.quirks().seen().count(), 0);
}

#[test]
fn metadata_are_announced_in_the_way_of_encoders() {
    let mut line = Line::to_our_server(&target(Target::publish));
    line.allow();
    line.client.send_media(&Media { timestamp: Timestamp::ZERO, content: metadata() }, line.now);
    let shown = line.outbound();
    let at = shown.windows(13).position(|window| window == b"@setDataFrame").expect("it stands there");
    assert_eq!(&shown[at + 13..at + 26], b"\x02\0\x0AonMetaData");
}

#[test]
fn a_client_plays_what_the_server_sends() {
    let mut line = Line::to_our_server(&target(Target::play));
    line.allow();
    let frame = |kind, millis, payload: &[u8]| {
        Frame::new(kind, Timestamp::from_millis(millis), payload, line.server.config().chunk_size)
    };
    let frames = [
        frame(FrameKind::Metadata, 0, metadata().payload()),
        frame(FrameKind::Interframe, 0x0100_0000, &[0x27, 1, 2]),
        frame(FrameKind::Audio, 0x0100_0003, &[]),
    ];
    for frame in frames {
        line.server.send_frame(MessageStreamId::new(1), frame);
    }
    line.pump();
    assert_eq!(
        line.media_at_the_client(),
        [(0, metadata()), (0x0100_0000, video(&[0x27, 1, 2])), (0x0100_0003, sound(&[]))]
    );
    line.server.end_play(MessageStreamId::new(1), PlayEnd::Unpublished, line.now);
    line.pump();
    assert_eq!(line.closed(), Some(CloseReason::StreamEnded));
}

#[test]
fn each_handshake_can_be_offered() {
    for (offer, is_digest) in [(Offer::Simple, false), (Offer::Digest, true)] {
        let mut wanted = target(Target::publish);
        wanted.handshake = offer;
        let line = Line::to_our_server(&wanted);
        let greetings = line.client_events.iter().find_map(|event| match event {
            Event::Welcomed(welcome) => Some(welcome.greeting.kind),
            _ => None,
        });
        assert_eq!(matches!(greetings, Some(HandshakeKind::Digest(_))), is_digest, "{greetings:?}");
    }
}

#[test]
fn every_field_of_connect_is_the_embedders() {
    let mut wanted = target(Target::publish);
    wanted.connect = wanted.connect.with("swfUrl", "http://host/player.swf").with("objectEncoding", 3.0);
    wanted.capabilities = Capabilities::default();
    wanted.arguments.push(Value::from("token"));
    let mut peer = Scripted::greeting(&wanted);
    let [connect] = &peer.commands()[..] else { panic!("one command") };
    assert_eq!((connect.name.as_str(), connect.transaction), ("connect", 1.0));
    assert_eq!(connect.object, Value::Object(wanted.connect));
    assert_eq!(connect.arguments, wanted.arguments);
}

#[test]
fn each_side_says_what_it_knows_of_enhanced_rtmp_and_hears_it_of_the_other() {
    for (wanted, functions) in
        [(target(Target::publish), "hdr+metadata"), (target(Target::play), "seek+hdr+metadata")]
    {
        let line = Line::to_our_server(&wanted);
        let told = line.client_events.iter().find_map(|event| match event {
            Event::Welcomed(welcome) => Some(&welcome.capabilities),
            _ => None,
        });
        assert_eq!(told.map(|told| &**told), Some(&Capabilities::of_server()));
        assert_eq!(line.client.capabilities(), &Capabilities::of_server());
        assert_eq!(line.server.capabilities(), &wanted.capabilities);
        assert_eq!(
            line.server.capabilities().to_string(),
            format!(
                "fourCcList=* videoFourCcInfoMap=*:forward audioFourCcInfoMap=*:forward \
                 capsEx=multitrack+modex+nanoseconds videoFunction={functions}"
            )
        );
    }
}

#[test]
fn what_a_server_states_may_stand_in_either_object_of_its_answer() {
    for (server, status) in [(1.0, None), (2.0, Some(1.0))] {
        let mut peer = Scripted::greeting(&target(Target::publish));
        let object =
            |bits: Option<f64>| bits.iter().fold(Properties::new(), |all, bits| all.with("capsEx", *bits));
        let answer = Command::new("_result", 1.0, object(status.is_none().then_some(server)));
        peer.say(0, &answer.with(object(status)));
        assert_eq!(peer.session.capabilities().to_string(), "capsEx=reconnect");
    }
}

#[test]
fn c2_and_connect_leave_together_and_so_do_the_calls_behind_the_result() {
    let mut peer = Scripted::greeting(&target(Target::publish));
    assert_eq!(peer.writes, 2, "C0 and C1, then C2 and connect");
    peer.commands();
    peer.say(0, &Command::new("_result", 1.0, Value::Null));
    let names: Vec<String> = peer.commands().into_iter().map(|command| command.name).collect();
    assert_eq!(names, ["releaseStream", "FCPublish", "createStream"]);
    assert_eq!(peer.writes, 3);
}

#[test]
fn a_server_that_numbers_its_answers_zero_is_understood_and_counted() {
    let mut peer = Scripted::greeting(&target(Target::play));
    peer.say(0, &Command::new("_result", 0.0, Value::Null));
    peer.say(0, &Command::new("_result", 0.0, Value::Null).with(5.0));
    peer.say(5, &Command::on_status("status", "NetStream.Play.Start", ""));
    assert_eq!(peer.granted(), Some(5));
    assert_eq!(peer.session.quirks().get(Quirk::AnswerUnnumbered), 2);
}

#[test]
fn calls_that_a_server_does_not_know_keep_nobody_from_publishing() {
    let mut peer = Scripted::greeting(&target(Target::publish));
    peer.say(0, &Command::new("_result", 1.0, Value::Null));
    for transaction in [2.0, 3.0] {
        peer.say(0, &Command::new("_error", transaction, Value::Null));
    }
    peer.say(0, &Command::new("_result", 4.0, Value::Null).with(1.0));
    peer.say(1, &Command::on_status("status", "NetStream.Publish.Start", ""));
    assert_eq!(peer.granted(), Some(1));
}

#[test]
fn a_refusal_is_told_with_the_servers_words_whatever_it_refuses() {
    let status = |code: &str| Command::on_status("error", code, "no");
    let word = |code: &str| ServerWord { level: "error".into(), code: code.into(), description: "no".into() };

    let mut peer = Scripted::greeting(&target(Target::play));
    let mut refusal = status("NetConnection.Connect.Rejected");
    refusal.name = "_error".to_owned();
    refusal.transaction = 1.0;
    peer.say(0, &refusal);
    assert_eq!(
        peer.closed(),
        Some(CloseReason::RefusedByServer(Call::Connect, word("NetConnection.Connect.Rejected")))
    );

    for (wanted, call, code) in [
        (target(Target::publish), Call::Publish, "NetStream.Publish.BadName"),
        (target(Target::play), Call::Play, "NetStream.Play.StreamNotFound"),
    ] {
        let mut peer = Scripted::asking(&wanted);
        peer.say(1, &status(code));
        assert_eq!(peer.closed(), Some(CloseReason::RefusedByServer(call, word(code))));
    }
    let mut peer = Scripted::asking(&target(Target::publish));
    peer.say(1, &Command::on_status("status", "NetStream.Publish.Denied", "no"));
    assert!(matches!(peer.closed(), Some(CloseReason::RefusedByServer(Call::Publish, _))), "a mild word");
}

#[test]
fn a_redirection_is_told_with_its_url() {
    let mut peer = Scripted::greeting(&target(Target::play));
    let to = Properties::new().with("code", 302.0).with("redirect", "rtmp://other/live/cam");
    let status = Properties::new()
        .with("level", "error")
        .with("code", "NetConnection.Connect.Rejected")
        .with("ex", to);
    peer.say(0, &Command::new("_error", 1.0, Value::Null).with(status));
    assert_eq!(peer.closed(), Some(CloseReason::Redirected { to: "rtmp://other/live/cam".to_owned() }));

    // SRS waits for the request, and has both parts of the URL beside each other.
    let mut peer = Scripted::asking(&target(Target::play));
    let to = Properties::new()
        .with("code", 302.0)
        .with("redirect", "rtmp://other/live")
        .with("redirect2", "rtmp://other/live/cam");
    let mut status = Command::on_status("error", "NetConnection.Connect.Rejected", "RTMP 302 Redirect");
    let Value::Object(told) = status.arguments.remove(0) else { panic!("a status is an object") };
    peer.say(1, &status.with(told.with("ex", to)));
    assert_eq!(peer.closed(), Some(CloseReason::Redirected { to: "rtmp://other/live/cam".to_owned() }));
}

#[test]
fn a_stream_is_over_by_any_of_the_words_that_servers_have_for_it() {
    for code in ["NetStream.Play.UnpublishNotify", "NetStream.Play.Stop", "NetStream.Play.Complete"] {
        let mut peer = Scripted::playing();
        peer.say(1, &Command::on_status("status", code, ""));
        assert_eq!(peer.closed(), Some(CloseReason::StreamEnded), "{code}");
    }
    let mut peer = Scripted::playing();
    peer.send(&message(
        2,
        0,
        0,
        MessageType::USER_CONTROL,
        &UserControl::StreamEof(MessageStreamId::new(1)).body(),
    ));
    assert_eq!(peer.closed(), Some(CloseReason::StreamEnded), "nginx-rtmp");
    let names: Vec<String> = peer.commands().into_iter().map(|command| command.name).collect();
    assert_eq!(names.last().map(String::as_str), Some("deleteStream"));
}

#[test]
fn a_publisher_that_the_server_throws_out_is_told_why() {
    let mut peer = Scripted::publishing();
    peer.say(1, &Command::on_status("error", "NetStream.Publish.BadName", "another one came"));
    let Some(CloseReason::Dismissed(word)) = peer.closed() else { panic!("{:?}", peer.events) };
    assert_eq!(word.to_string(), "another one came (NetStream.Publish.BadName)");
}

#[test]
fn what_else_a_server_says_is_passed_on_or_let_go() {
    let mut peer = Scripted::playing();
    peer.say(1, &Command::on_status("status", "NetStream.Play.PublishNotify", "it begins"));
    peer.say(0, &Command::new("onBWDone", 0.0, Value::Null));
    peer.say(0, &Command::new("_onbwcheck", 7.0, Value::Null));
    let told: Vec<&str> = peer
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Told(word) => Some(word.code.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["NetStream.Play.PublishNotify"]);
    let answers: Vec<(String, f64)> =
        peer.commands().into_iter().map(|command| (command.name, command.transaction)).collect();
    assert_eq!(answers.last(), Some(&("_result".to_owned(), 7.0)));
    assert_eq!(peer.closed(), None);
}

#[test]
fn what_flash_needs_is_no_media() {
    let mut peer = Scripted::playing();
    for name in ["|RtmpSampleAccess", "onStatus", "onTextData"] {
        let body = crate::amf::amf0::write_all(&[Value::from(name)]);
        peer.send(&message(5, 1, 0, MessageType::DATA, &body));
    }
    let names: Vec<String> = peer
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Media { media: Media { content: Content::Data(data), .. }, .. } => {
                Some(data.name().to_owned())
            }
            _ => None,
        })
        .collect();
    assert_eq!(names, ["onTextData"]);
}

#[test]
fn media_in_front_of_play_start_count_as_one() {
    let mut peer = Scripted::asking(&target(Target::play));
    peer.send(&audio(1, 40, &[0xAF, 1]));
    assert_eq!(peer.granted(), Some(1));
    assert_eq!(peer.session.quirks().get(Quirk::PlayStartMissing), 1);
    assert!(matches!(peer.events.last(), Some(Event::Media { .. })));
}

#[test]
fn media_that_a_publisher_is_sent_are_dropped() {
    let mut peer = Scripted::publishing();
    peer.send(&audio(1, 40, &[0xAF, 1]));
    assert_eq!(peer.session.quirks().get(Quirk::MediaOutsidePublication), 1);
    assert!(!matches!(peer.events.last(), Some(Event::Media { .. })));
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_for_ever() {
    let unanswered = [
        (Scripted::new(&target(Target::play)), CloseReason::HandshakeTimeout),
        (Scripted::greeting(&target(Target::play)), CloseReason::NoReply(Call::Connect)),
        (Scripted::asking(&target(Target::publish)), CloseReason::NoReply(Call::Publish)),
    ];
    for (mut peer, why) in unanswered {
        peer.wait(limits::REPLY_TIME + limits::FLUSH_TIME);
        assert_eq!(peer.closed(), Some(why));
    }
    let mut silent = Scripted::playing();
    silent.wait(limits::SERVER_SILENCE_TIME - Duration::from_secs(1));
    assert_eq!(silent.closed(), None);
    silent.wait(Duration::from_secs(1));
    assert_eq!(silent.closed(), Some(CloseReason::Silent));
}

#[test]
fn who_leaves_says_so_behind_all_that_it_sent() {
    let mut line = Line::to_our_server(&target(Target::publish));
    line.allow();
    line.client
        .send_media(&Media { timestamp: Timestamp::ZERO, content: video(&[0x17, 1, 0, 0, 0, 9]) }, line.now);
    line.client.leave(line.now);
    line.pump();
    let tail: Vec<&Event> = line.server_events.iter().rev().take(2).collect();
    assert!(matches!(tail[..], [Event::Stopped(_), Event::Media { .. }]), "{tail:?}");
    assert_eq!(line.closed(), Some(CloseReason::Left));
    assert_eq!(line.server.quirks().seen().count(), 0);
}

#[test]
fn who_leaves_before_anything_was_granted_just_goes() {
    let mut peer = Scripted::new(&target(Target::play));
    peer.session.leave(peer.now);
    peer.drain();
    assert_eq!(peer.closed(), Some(CloseReason::Left));
    assert!(matches!(peer.hangup(), Some(Hangup::Linger(_))));
}

#[test]
fn nothing_is_sent_before_it_is_granted() {
    let mut peer = Scripted::asking(&target(Target::publish));
    peer.commands();
    assert_eq!(peer.session.media_room(), 0);
    peer.session.send_media(&Media { timestamp: Timestamp::ZERO, content: sound(&[1]) }, peer.now);
    assert!(!peer.session.has_output());
}

#[test]
fn what_the_server_has_received_is_known() {
    let mut peer = Scripted::publishing();
    assert_eq!(peer.session.traffic().acknowledged_bytes(), None);
    peer.send(&message(2, 0, 0, MessageType::ACKNOWLEDGEMENT, &3_073_u32.to_be_bytes()));
    assert_eq!(peer.session.traffic().acknowledged_bytes(), Some(3_073));
}

#[test]
fn an_endless_reason_is_cut() {
    let mut peer = Scripted::asking(&target(Target::play));
    peer.say(1, &Command::on_status("error", "NetStream.Play.Failed", &"x".repeat(100_000)));
    let Some(CloseReason::RefusedByServer(_, word)) = peer.closed() else { panic!("{:?}", peer.events) };
    assert_eq!(word.description.len(), limits::SERVER_WORD_BYTES);
}

#[test]
fn a_place_to_reconnect_at_comes_as_it_is_and_a_description_as_it_may_be_shown() {
    let mut peer = Scripted::publishing();
    let place = format!("rtmp://other/live?token={}\u{1b}", "x".repeat(limits::SERVER_WORD_BYTES));
    let status = Properties::new()
        .with("level", "status")
        .with("code", "NetConnection.Connect.ReconnectRequest")
        .with("description", format!("\u{1b}{}", "y".repeat(100_000)))
        .with("tcUrl", place.as_str());
    peer.say(0, &Command::new("onStatus", 0.0, Value::Null).with(status));
    let asked = peer.events.iter().find_map(|event| match event {
        Event::Reconnect(request) => Some(request),
        _ => None,
    });
    let asked = asked.expect("it is told");
    assert_eq!(asked.tc_url.as_deref(), Some(place.as_str()));
    assert!(asked.description.starts_with("\u{FFFD}y"), "{}", asked.description);
    let url: RtmpUrl = "rtmp://host/live/cam".parse().unwrap();
    assert!(url.moved(&place).is_err(), "it is no place");
}

#[test]
fn what_a_server_says_moves_no_cursor_and_forges_no_line() {
    let mut peer = Scripted::asking(&target(Target::play));
    peer.say(1, &Command::on_status("error", "NetStream.Play.Failed", "a\x1b[31mb\nINFO c"));
    let Some(CloseReason::RefusedByServer(_, word)) = peer.closed() else { panic!("{:?}", peer.events) };
    assert_eq!(word.description, "a\u{FFFD}[31mb\u{FFFD}INFO c");
}

#[test]
fn a_publisher_that_pauses_is_not_taken_for_lost_and_does_not_find_itself_stalled() {
    let mut peer = Scripted::publishing();
    peer.wait(3 * limits::SERVER_SILENCE_TIME);
    assert_eq!(peer.closed(), None);
    let media = Media { timestamp: Timestamp::ZERO, content: video(&[0x17; 100_000]) };
    peer.session.send_media(&media, peer.now);
    peer.session.handle_sent(1_000, peer.now);
    peer.session.handle_timeout(peer.now);
    assert_eq!(peer.session.poll_event(), None);
}

#[test]
fn the_end_of_a_file_is_sent_for_as_long_as_it_is_taken() {
    for (taken_each_second, is_sent) in [(2_000, true), (500, false)] {
        let mut peer = Scripted::publishing();
        let media = Media { timestamp: Timestamp::ZERO, content: video(&[0x17; 200_000]) };
        peer.session.send_media(&media, peer.now);
        peer.session.leave(peer.now);
        while peer.closed().is_none() {
            let taken = shown(&peer.session).len().min(taken_each_second);
            peer.session.handle_sent(taken, peer.now);
            peer.now = peer.now + Duration::from_secs(1);
            peer.session.handle_timeout(peer.now);
            peer.events.extend(std::iter::from_fn(|| peer.session.poll_event()));
        }
        assert_eq!(peer.closed(), Some(CloseReason::Left));
        let lingers = matches!(peer.hangup(), Some(Hangup::Linger(_)));
        assert_eq!(lingers, is_sent, "{taken_each_second} bytes a second");
        assert!(lingers || peer.hangup() == Some(Hangup::Reset), "{taken_each_second} bytes a second");
    }
}

#[quickcheck]
fn whatever_a_server_says_a_client_goes_on_or_ends_once(publishes: bool, words: Vec<(u8, u8, u8)>) -> bool {
    let wanted = target(if publishes { Target::publish } else { Target::play });
    let mut peer = Scripted::greeting(&wanted);
    for (name, transaction, argument) in words {
        let names = ["_result", "_error", "onStatus", "onStatus", "close", "onBWDone", "whatever"];
        let codes = [
            "NetStream.Publish.Start",
            "NetStream.Play.Start",
            "NetStream.Play.Stop",
            "NetStream.Failed",
            "",
        ];
        let numbers = [1.0, 0.0, -1.0, 4e9, 1e300, f64::NAN, f64::INFINITY];
        let status = Properties::new().with("code", codes[usize::from(argument) % codes.len()]);
        let said =
            Command::new(names[usize::from(name) % names.len()], f64::from(transaction % 7), Value::Null);
        let said = match argument % 4 {
            0 => said,
            1 => said.with(numbers[usize::from(argument / 4) % numbers.len()]),
            _ => said.with(status),
        };
        match name / 64 {
            0 => peer.send(&audio(1, u32::from(argument), &[0xAF, 1])),
            _ => peer.say(u32::from(argument % 2), &said),
        }
    }
    peer.wait(Duration::from_secs(600));
    let ends = peer.events.iter().filter(|event| matches!(event, Event::Closed { .. })).count();
    // Only a publisher that was granted what it wanted waits for ever.
    ends == 1 || (ends == 0 && publishes && peer.granted().is_some())
}

#[quickcheck]
fn whatever_bytes_a_server_sends_a_client_does_not_mind(bytes: Vec<u8>, is_greeted: bool) -> bool {
    let mut peer = Scripted::new(&target(Target::play));
    if is_greeted {
        peer.send(&[&[3][..], &[0; 2 * 1536]].concat());
    }
    peer.send(&bytes);
    peer.wait(Duration::from_secs(600));
    peer.closed().is_some()
}

/// A client and a session in the server's role.
struct Line {
    client: Session,
    server: Session,
    client_events: Vec<Event>,
    server_events: Vec<Event>,
    now: Instant,
}

impl Line {
    fn to_our_server(target: &Target) -> Self {
        let (now, config) = (Instant::EPOCH, Arc::new(SessionConfig::default()));
        let mut line = Self {
            client: Session::connect(Arc::clone(&config), target, [1; 32], now),
            server: Session::accept(config, [2; 32], now),
            client_events: Vec::new(),
            server_events: Vec::new(),
            now,
        };
        line.pump();
        line
    }

    fn allow(&mut self) {
        let request = self.server.waiting().expect("it has asked").id;
        self.server.allow(request, self.now).unwrap();
        if let Some(Event::Requested(Request { kind: RequestKind::Play, stream, .. })) =
            self.server_events.last()
        {
            self.server.start_play(*stream, self.now);
        }
        self.pump();
    }

    /// Carries bytes until nobody has anything to say.
    fn pump(&mut self) {
        loop {
            let up = carry(&mut self.client, &mut self.server, self.now);
            let down = carry(&mut self.server, &mut self.client, self.now);
            self.client_events.extend(std::iter::from_fn(|| self.client.poll_event()));
            self.server_events.extend(std::iter::from_fn(|| self.server.poll_event()));
            if !up && !down {
                return;
            }
        }
    }

    /// What the client is about to send.
    fn outbound(&self) -> Vec<u8> {
        shown(&self.client)
    }

    fn granted(&self) -> Option<u32> {
        granted(&self.client_events)
    }

    fn closed(&self) -> Option<CloseReason> {
        closed(&self.client_events)
    }

    fn media_at_the_server(&self) -> Vec<(u32, Content)> {
        media(&self.server_events)
    }

    fn media_at_the_client(&self) -> Vec<(u32, Content)> {
        media(&self.client_events)
    }
}

/// A client whose server says what a test wants.
struct Scripted {
    session: Session,
    now: Instant,
    events: Vec<Event>,
    heard: Vec<u8>,
    commands_read: usize,
    writes: usize,
}

impl Scripted {
    fn new(target: &Target) -> Self {
        let now = Instant::EPOCH;
        let session = Session::connect(Arc::new(SessionConfig::default()), target, [1; 32], now);
        let mut peer =
            Self { session, now, events: Vec::new(), heard: Vec::new(), commands_read: 0, writes: 0 };
        peer.drain();
        peer
    }

    /// Its handshake is over.
    fn greeting(target: &Target) -> Self {
        let mut peer = Self::new(target);
        peer.send(&[&[3][..], &[0; 2 * 1536]].concat());
        peer
    }

    /// It has asked to publish or play, on stream 1.
    fn asking(target: &Target) -> Self {
        let mut peer = Self::greeting(target);
        peer.say(0, &Command::new("_result", 1.0, Value::Null));
        let create = peer.commands().pop().expect("it creates a stream");
        peer.say(0, &Command::new("_result", create.transaction, Value::Null).with(1.0));
        peer
    }

    fn playing() -> Self {
        let mut peer = Self::asking(&target(Target::play));
        peer.say(1, &Command::on_status("status", "NetStream.Play.Start", ""));
        peer
    }

    fn publishing() -> Self {
        let mut peer = Self::asking(&target(Target::publish));
        peer.say(1, &Command::on_status("status", "NetStream.Publish.Start", ""));
        peer
    }

    fn say(&mut self, stream: u32, said: &Command) {
        self.send(&command(stream, said.clone()));
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

    fn drain(&mut self) {
        self.events.extend(std::iter::from_fn(|| self.session.poll_event()));
        let shown = shown(&self.session);
        if !shown.is_empty() {
            self.writes += 1;
            self.session.handle_sent(shown.len(), self.now);
            self.heard.extend(shown);
        }
        self.events.extend(std::iter::from_fn(|| self.session.poll_event()));
    }

    /// The commands that it has sent since the last call.
    fn commands(&mut self) -> Vec<Command> {
        let mut reader = ChunkReader::new();
        let mut rest = self.heard.get(1 + 2 * 1536..).unwrap_or_default();
        let messages: Vec<RawMessage> =
            std::iter::from_fn(|| reader.read(&mut rest, &mut Tolerance::new(true)).expect("by the book"))
                .collect();
        let mut all = commands(&messages);
        all.split_off(std::mem::replace(&mut self.commands_read, all.len()))
    }

    fn granted(&self) -> Option<u32> {
        granted(&self.events)
    }

    fn closed(&self) -> Option<CloseReason> {
        closed(&self.events)
    }

    fn hangup(&self) -> Option<Hangup> {
        match self.events.last() {
            Some(Event::Closed { hangup, .. }) => Some(*hangup),
            _ => None,
        }
    }
}

fn target(of: impl FnOnce(&RtmpUrl) -> Target) -> Target {
    of(&"rtmp://host/live/cam?token=1".parse().unwrap())
}

fn carry(from: &mut Session, to: &mut Session, now: Instant) -> bool {
    let shown = shown(from);
    from.handle_sent(shown.len(), now);
    to.handle_input(&shown, now);
    !shown.is_empty()
}

fn shown(session: &Session) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 64];
    let count = session.outbound(&mut slices);
    slices[..count].iter().flat_map(|slice| slice.to_vec()).collect()
}

fn granted(events: &[Event]) -> Option<u32> {
    events.iter().find_map(|event| match event {
        Event::Granted(stream) => Some(stream.get()),
        _ => None,
    })
}

fn closed(events: &[Event]) -> Option<CloseReason> {
    events.iter().find_map(|event| match event {
        Event::Closed { why, .. } => Some(why.clone()),
        _ => None,
    })
}

fn media(events: &[Event]) -> Vec<(u32, Content)> {
    let all = events.iter().filter_map(|event| match event {
        Event::Media { media, .. } => Some((media.timestamp.millis(), media.content.clone())),
        _ => None,
    });
    all.collect()
}

fn metadata() -> Content {
    let body =
        crate::amf::amf0::write_all(&["onMetaData".into(), Properties::new().with("width", 320.0).into()]);
    Content::Data(Data::parse(body.into()).unwrap())
}

fn video(payload: &[u8]) -> Content {
    Content::Video(Bytes::copy_from_slice(payload))
}

fn sound(payload: &[u8]) -> Content {
    Content::Audio(Bytes::copy_from_slice(payload))
}
