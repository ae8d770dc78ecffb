//! A session whose server drains.

use super::*;
use crate::url::RtmpUrl;

#[test]
fn who_states_that_it_obeys_is_asked_once_to_reconnect_and_others_never() {
    let mut obeying = stating(1.0);
    let mut refusing = stating(2.0);
    let mut silent = Client::connected();
    for client in [&mut obeying, &mut refusing, &mut silent] {
        for _ in 0..2 {
            drain(client);
        }
    }
    let [asked] = &commands(&obeying.read())[..] else { panic!("once") };
    assert_eq!((asked.name.as_str(), asked.transaction, &asked.object), ("onStatus", 0.0, &Value::Null));
    let status = Properties::new()
        .with("level", "status")
        .with("code", "NetConnection.Connect.ReconnectRequest")
        .with("description", "An update.")
        .with("tcUrl", "//other/live");
    assert_eq!(asked.arguments, [status.into()]);
    assert_eq!(refusing.read(), []);
    assert_eq!(silent.read(), []);
}

#[test]
fn a_request_without_a_word_and_a_place_has_neither() {
    let mut client = stating(1.0);
    client.session.handle_stage(&Stage::Draining(Arc::default()), client.now);
    client.drain();
    let status =
        Properties::new().with("level", "status").with("code", "NetConnection.Connect.ReconnectRequest");
    assert_eq!(commands(&client.read())[0].arguments, [status.into()]);
}

#[test]
fn where_the_place_is_a_host_alone_each_client_is_told_its_own_app() {
    for (place, told) in [
        ("rtmp://other", "rtmp://other/live/hall?key=1"),
        ("rtmp://other:1936/", "rtmp://other:1936/live/hall?key=1"),
        ("//[::1]:1936", "//[::1]:1936/live/hall?key=1"),
        ("rtmp://other/vod", "rtmp://other/vod"),
        ("/vod", "/vod"),
        ("/vod//hall", "/vod//hall"),
        ("rtmps://other", "rtmps://other/live/hall?key=1"),
    ] {
        let mut client = Client::new();
        let object = Properties::new().with("app", "live/hall?key=1").with("capsEx", 1.0);
        client.send(&[handshake(), command(0, Command::new("connect", 1.0, object))].concat());
        client.read();
        let request = ReconnectRequest { tc_url: Some(place.to_owned()), ..ReconnectRequest::default() };
        client.session.handle_stage(&Stage::Draining(Arc::new(request)), client.now);
        client.drain();
        let asked = commands(&client.read()).remove(0);
        let status = asked.arguments[0].properties().unwrap();
        assert_eq!(status.get("tcUrl"), Some(&Value::from(told)), "{place}");
    }
}

#[test]
fn who_connects_while_the_server_drains_is_asked_as_soon_as_it_is_connected() {
    for said_before in [vec![], handshake()] {
        let mut client = Client::new();
        client.send(&said_before);
        drain(&mut client);
        assert_eq!(client.read(), []);
        client.send(&[&handshake()[said_before.len()..], &connect_stating(1.0)].concat());
        let names: Vec<String> = commands(&client.read()).into_iter().map(|command| command.name).collect();
        assert_eq!(names, ["_result", "onStatus"]);
    }
}

#[test]
fn what_is_asked_for_while_the_server_drains_is_refused_and_what_goes_on_goes_on() {
    let mut client = Client::publishing("cam");
    drain(&mut client);
    client.send(&audio(1, 0, &[0xAF, 1]));
    assert_eq!(client.media(), [(1, 0)]);
    client.send(&[create_stream(), on_stream(2, "publish", "other"), on_stream(2, "play", "cam")].concat());
    let codes: Vec<String> = client.statuses().into_iter().map(|(_, code)| code).collect();
    assert_eq!(codes, ["NetStream.Publish.Rejected", "NetStream.Play.Failed"]);
    let whys = client.events.iter().filter_map(|event| match event {
        Event::Refused { why, .. } => Some(why.code()),
        _ => None,
    });
    assert_eq!(whys.collect::<Vec<_>>(), ["draining", "draining"]);
    client.send(&audio(1, 40, &[0xAF, 1]));
    assert_eq!(client.media(), [(1, 0), (1, 40)]);
}

#[test]
fn a_request_that_waited_when_the_draining_began_may_be_allowed() {
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "publish", "cam")].concat());
    drain(&mut client);
    let request = client.request();
    client.allow(&request);
    client.send(&audio(1, 0, &[0xAF, 1]));
    assert_eq!(client.media(), [(1, 0)]);
}

#[test]
fn who_does_nothing_has_the_time_of_a_farewell_to_leave() {
    let farewell = SessionConfig::default().timers.farewell;
    let mut idle = Client::connected();
    drain(&mut idle);
    let mut done = Client::publishing("cam");
    drain(&mut done);
    done.wait(2 * farewell);
    assert_eq!(done.closed(), None, "it publishes");
    done.send(&command(0, Command::new("deleteStream", 0.0, Value::Null).with(1.0)));
    for client in [&mut idle, &mut done] {
        assert_eq!(client.closed(), None);
        client.wait(farewell);
        assert_eq!(client.closed(), Some(CloseReason::CommandTimeout));
    }
}

#[test]
fn who_is_in_its_farewell_has_no_more_time_than_before_and_leaves_for_the_same_reason() {
    let farewell = SessionConfig::default().timers.farewell;
    let mut client = Client::connected();
    client.send(&[create_stream(), on_stream(1, "play", "cam")].concat());
    let request = client.request();
    client.session.refuse(request.id, &Refusal::NotFound, client.now).unwrap();
    client.drain();
    client.wait(farewell / 2);
    drain(&mut client);
    assert_eq!(client.closed(), None);
    client.wait(farewell / 2);
    assert_eq!(client.closed(), Some(CloseReason::Refused));
}

#[test]
fn who_is_closing_or_gone_is_asked_for_nothing() {
    let mut client = stating(1.0);
    client.session.handle_stage(&Stage::ShutDown, client.now);
    let said = client.session.traffic().sent_bytes();
    assert!(client.session.closing().is_some(), "its last words wait");
    client.session.handle_stage(&Stage::Draining(request()), client.now);
    assert!(!client.session.is_draining());
    client.drain();
    let names: Vec<String> = commands(&client.read()).into_iter().map(|command| command.name).collect();
    assert!(!names.is_empty() && client.session.traffic().sent_bytes() > said);
    assert_eq!(client.closed(), Some(CloseReason::Shutdown));
    drain(&mut client);
    assert_eq!(client.read(), []);
}

#[test]
fn a_client_drains_nothing() {
    let url: RtmpUrl = "rtmp://host/live/cam".parse().unwrap();
    let target = Target::play(&url);
    let mut session = Session::connect(Arc::default(), &target, [7; 32], Instant::EPOCH);
    let before = session.poll_timeout();
    session.handle_stage(&Stage::Draining(request()), Instant::EPOCH);
    assert!(!session.is_draining());
    assert_eq!((session.poll_timeout(), session.poll_event()), (before, None));
}

#[test]
fn a_stage_goes_on_and_never_back() {
    let draining = Stage::Draining(request());
    let mut stage = Stage::default();
    assert!(!stage.go_on_to(Stage::Serving));
    assert!(stage.go_on_to(draining.clone()));
    assert!(!stage.go_on_to(Stage::Draining(Arc::default())));
    assert_eq!(stage, draining);
    assert!(stage.go_on_to(Stage::ShutDown));
    for next in [Stage::Serving, draining, Stage::ShutDown] {
        assert!(!stage.go_on_to(next));
    }
    let mut hasty = Stage::Serving;
    assert!(hasty.go_on_to(Stage::ShutDown));
}

fn request() -> Arc<ReconnectRequest> {
    let (tc_url, description) = (Some("//other/live".to_owned()), "An update.".to_owned());
    Arc::new(ReconnectRequest { tc_url, description })
}

fn drain(client: &mut Client) {
    client.session.handle_stage(&Stage::Draining(request()), client.now);
    client.drain();
}

fn connect_stating(caps_ex: f64) -> Vec<u8> {
    let object = Properties::new().with("app", "live").with("capsEx", caps_ex);
    command(0, Command::new("connect", 1.0, object))
}

/// Connected, with that in its `capsEx`.
fn stating(caps_ex: f64) -> Client {
    let mut client = Client::new();
    client.send(&[handshake(), connect_stating(caps_ex)].concat());
    client.read();
    client
}
