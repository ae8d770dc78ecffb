//! Captures with several connections: all clients are connected to one server from the start, and speak at their recorded
//! times.

use std::ops::Range;
use std::time::Duration;

use sol_core::ids::SessionId;
use sol_core::participant::Event;
use sol_core::session::RequestKind;
use sol_core::time::Instant;
use sol_tests::captures::{self, Capture, Connection};
use sol_tests::peer::message::{Received, TypeId};

use crate::half::Half;
use crate::host::Host;
use crate::playback::{Played, as_played, check_join};
use sol_tests::captures::wire::media_in;

#[test]
fn a_recorded_player_that_waits_gets_the_publication() {
    let meeting = Meeting::of("play-before-publish-ffmpeg51");
    assert_eq!(meeting.story(0), ["play started", "stopped", "peer-left"]);
    assert_eq!(meeting.story(1), ["publish started", "stopped", "peer-left"]);
    let sent = as_played(&media_in(&meeting.halves[1].bytes));
    let played = meeting.played(0);
    assert_eq!(played, sent[..played.len()]);
    // It leaves while the publisher goes on. nginx had sent it as much by then.
    assert!(played.len() < sent.len());
    let truth = meeting.halves[0].truth.as_ref().expect("tshark kept its way");
    for type_id in [TypeId::AUDIO, TypeId::VIDEO] {
        let told = truth.messages.server.iter().find(|message| message.name.type_id == type_id);
        let seen = played.iter().filter(|played| played.type_id == type_id).count();
        assert_eq!(Some(seen), told.map(|message| message.count), "{type_id}");
    }
}

#[test]
fn recorded_players_of_a_stream_that_ends_get_it_to_its_end() {
    for stem in ["play-until-unpublish-ffmpeg42", "play-until-unpublish-rtmpdump24"] {
        let meeting = Meeting::of(stem);
        assert_eq!(meeting.story(0), ["publish started", "stopped", "peer-left"], "{stem}");
        // nginx told them too little to make them leave; here they are closed for staying.
        assert_eq!(meeting.story(1), ["play started", "stream-ended", "stream-ended"], "{stem}");
        let publisher = &meeting.halves[0].bytes;
        let sent = as_played(&media_in(publisher));
        let sent_before = as_played(&media_in(&publisher[..meeting.fed_when_started(1)[0]]));
        check_join(&meeting.played(1), &sent, sent_before.len())
            .unwrap_or_else(|what| panic!("{stem}: {what}"));
    }
}

#[test]
fn a_publisher_that_returns_gets_its_name_and_a_second_one_does_not() {
    let meeting = Meeting::of("pub-ffmpeg51-reconnect-samekey");
    assert_eq!(meeting.story(0), ["publish started", "peer-left", "peer-left"]);
    assert_eq!(meeting.story(1), ["publish started", "stopped", "peer-left"]);
    // nginx let it wait for an answer; here it is closed for staying.
    assert_eq!(meeting.story(2), ["publish refused: name-in-use", "refused"]);
}

#[test]
fn every_capture_with_several_connections_has_its_meeting() {
    let several = captures::all().into_iter().filter(|capture| capture.connections.len() > 1);
    let stems: Vec<_> = several.map(|capture| capture.stem).collect();
    assert_eq!(
        stems,
        [
            "play-before-publish-ffmpeg51",
            "play-until-unpublish-ffmpeg42",
            "play-until-unpublish-rtmpdump24",
            "pub-ffmpeg51-reconnect-samekey"
        ]
    );
}

/// All clients of a capture at one host.
struct Meeting {
    host: Host,
    halves: Vec<Half>,
    sessions: Vec<SessionId>,
    outbound: Vec<Vec<u8>>,
    /// For each client that was started, how many bytes of each had come by then.
    fed_when_started: Vec<Option<Vec<usize>>>,
}

impl Meeting {
    fn of(stem: &str) -> Meeting {
        let capture = captures::load(&captures::directory(), stem).unwrap_or_else(|error| panic!("{error}"));
        let halves = Half::all_of(&capture);
        let mut host = Host::new();
        let sessions: Vec<_> = halves.iter().map(|_| host.open(Instant::EPOCH)).collect();
        let mut fed = vec![0; halves.len()];
        let mut fed_when_started = vec![None; halves.len()];
        for Moment { at, client, act } in moments(&capture) {
            let now = Instant::from_epoch(at);
            host.wait_until(now);
            match act {
                Act::Send(bytes) => {
                    fed[client] = bytes.end;
                    host.feed(sessions[client], &halves[client].bytes[bytes], now);
                }
                Act::End => host.end(sessions[client], halves[client].end, now),
            }
            let started =
                host.events(sessions[client]).iter().any(|event| matches!(event, Event::Started { .. }));
            if started && fed_when_started[client].is_none() {
                fed_when_started[client] = Some(fed.clone());
            }
        }
        let outbound = sessions.iter().map(|&id| host.take_outbound(id)).collect();
        Meeting { host, halves, sessions, outbound, fed_when_started }
    }

    /// How many bytes of each client had come when this one was started.
    fn fed_when_started(&self, client: usize) -> &[usize] {
        self.fed_when_started[client].as_ref().expect("it was started")
    }

    /// What became of a client, in words; what every client does before is left out.
    fn story(&self, client: usize) -> Vec<String> {
        let in_words = |event: &Event| match event {
            Event::Connected(_) | Event::Requested(_) | Event::Described { .. } => None,
            Event::Started { kind, .. } => Some(format!("{} started", verb(*kind))),
            Event::OnAir { on_air, .. } => Some(if *on_air { "on air" } else { "stands by" }.to_owned()),
            Event::Refused { kind, why, .. } => Some(format!("{} refused: {}", verb(*kind), why.code())),
            Event::Ended { why, .. } => Some(why.code().to_owned()),
            Event::Closed { why, .. } => Some(why.code().to_owned()),
        };
        self.host.events(self.sessions[client]).iter().filter_map(in_words).collect()
    }

    /// The media that a client was sent.
    fn played(&self, client: usize) -> Vec<Played> {
        let media = media_in(&self.outbound[client]).into_iter();
        media
            .map(|Received { type_id, timestamp_ms, payload, .. }| Played {
                type_id,
                timestamp_ms,
                body: payload,
            })
            .collect()
    }
}

/// Something that a client did.
struct Moment {
    at: Duration,
    client: usize,
    act: Act,
}

enum Act {
    /// Sent these of its bytes.
    Send(Range<usize>),
    End,
}

/// All that the clients of a capture did, in order. The time of an end is not known; it is taken
/// for that of the last byte of either side.
fn moments(capture: &Capture) -> Vec<Moment> {
    let mut moments = Vec::new();
    for (client, Connection { client: flow, server, .. }) in capture.connections.iter().enumerate() {
        let mut from = 0;
        for piece in &flow.pieces {
            moments.push(Moment { at: piece.at, client, act: Act::Send(from..from + piece.len) });
            from += piece.len;
        }
        let last = [flow, server].iter().filter_map(|flow| flow.pieces.last()).map(|piece| piece.at).max();
        moments.push(Moment { at: last.unwrap_or_default(), client, act: Act::End });
    }
    moments.sort_by_key(|moment| moment.at);
    moments
}

fn verb(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Publish => "publish",
        RequestKind::Play => "play",
    }
}
