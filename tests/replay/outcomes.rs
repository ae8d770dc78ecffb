//! What becomes of each client: handshake, requests, quirks and end, as `outcomes.txt` expects it.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use sol_core::handshake::{DigestLayout, HandshakeError, HandshakeKind};
use sol_core::ids::MessageType;
use sol_core::participant;
use sol_core::quirk::Quirk;
use sol_core::session::{CloseReason, Event, Hangup, Request, RequestKind};
use sol_tests::captures::HandshakeTruth;
use sol_tests::peer::message::TypeId;

use crate::half::{Half, half, halves};
use crate::host::Host;
use crate::transcript::{NOW, Transcript, whole};
use sol_tests::captures::wire::{name_of, read_by_the_book};

#[test]
fn the_outcome_of_every_half_is_the_expected_one() {
    let outcomes: Vec<Outcome> = halves().iter().map(Outcome::of).collect();
    expect_table("outcomes.txt", &table(&outcomes));
}

#[test]
fn every_request_that_tshark_saw_is_asked_for_once_under_the_name_of_its_url() {
    for half in halves() {
        let asked: Vec<_> = requests(&Transcript::of(half, whole()))
            .map(|request| (request.kind, request.name.as_str().to_owned(), request.query.clone()))
            .collect();
        assert_eq!(asked, expected_requests(half), "{}", half.name);
    }
}

#[test]
fn every_request_that_is_allowed_is_started_by_the_server() {
    for half in halves() {
        let mut host = Host::new();
        let id = host.open(NOW);
        host.feed(id, &half.bytes, NOW);
        host.end(id, half.end, NOW);
        let started: Vec<_> = host
            .events(id)
            .iter()
            .filter_map(|event| match event {
                participant::Event::Started { kind, name, .. } => Some((*kind, name.as_str().to_owned())),
                _ => None,
            })
            .collect();
        let expected: Vec<_> =
            expected_requests(half).into_iter().map(|(kind, name, _query)| (kind, name)).collect();
        assert_eq!(started, expected, "{}", half.name);
        assert_eq!(host.streams(), 0, "{}", half.name);
    }
}

#[test]
fn nothing_is_unreadable() {
    const UNREADABLE: [Quirk; 6] = [
        Quirk::UnreadableMessage,
        Quirk::UnknownMessageType,
        Quirk::ControlTooShort,
        Quirk::UserControlTooShort,
        Quirk::AmfEndMissing,
        Quirk::AmfTextMalformed,
    ];
    for half in halves() {
        let Transcript { quirks, .. } = Transcript::of(half, whole());
        let seen: Vec<_> = quirks.iter().filter(|(quirk, _)| UNREADABLE.contains(quirk)).collect();
        assert!(seen.is_empty(), "{}: {seen:?}", half.name);
    }
}

#[test]
fn what_every_client_is_told_is_by_the_book() {
    for half in halves() {
        let Transcript { outbound, .. } = Transcript::of(half, whole());
        let (messages, oddity) = read_by_the_book(&outbound);
        assert_eq!(oddity, None, "{}", half.name);
        let answers = messages.iter().filter(|message| message.type_id == TypeId::COMMAND_AMF0);
        let named: Vec<_> = answers.filter_map(name_of).collect();
        let starts = named.iter().filter(|name| **name == "onStatus").count();
        assert!(starts >= expected_requests(half).len(), "{}: {named:?}", half.name);
    }
}

#[test]
fn what_is_not_rtmp_is_closed_with_its_name_and_without_an_answer() {
    for (name, error) in
        [("neg-ffmpeg42-rtmpe", HandshakeError::Rtmpe(6)), ("neg-ffmpeg51-rtmpt", HandshakeError::Http('P'))]
    {
        let transcript = Transcript::of(half(name), whole());
        let why = CloseReason::Handshake(error);
        let [Event::Closed { why: told, hangup: Hangup::Linger(_) }] = &transcript.events[..] else {
            panic!("{name}: {:?}", transcript.events)
        };
        assert_eq!(*told, why, "{name}");
        assert!(transcript.outbound.is_empty(), "{name}");
    }
}

/// What an operator allows is for the application to say; here it allows all.
#[test]
fn an_application_that_nginx_did_not_know_is_accepted() {
    let transcript = Transcript::of(half("neg-ffmpeg51-unknown-app"), whole());
    let [Event::Connected(connected), Event::Closed { why: CloseReason::PeerLeft, .. }] =
        &transcript.events[..]
    else {
        panic!("{:?}", transcript.events)
    };
    assert_eq!(connected.app, "nosuchapp");
    assert_eq!(transcript.messages[usize::from(MessageType::COMMAND.get())], 1);
}

/// FFmpeg states what its user has it state, and nothing by default, but for what Flash knew.
#[test]
fn one_of_all_encoders_states_what_it_knows_of_enhanced_rtmp_and_the_others_nothing() {
    let stated = halves().iter().filter_map(|half| {
        let events = Transcript::of(half, whole()).events;
        let connected = events.into_iter().find_map(|event| match event {
            Event::Connected(connected) => Some(connected),
            _ => None,
        });
        let capabilities = connected?.capabilities;
        capabilities.states_enhanced_rtmp().then(|| (half.name.as_str(), capabilities.to_string()))
    });
    let expected = [("pub-ffmpeg90-hevc-fourcclist", "fourCcList=hvc1,av01,vp09".to_owned())];
    assert_eq!(stated.collect::<Vec<_>>(), expected);
}

/// One line of the table.
#[derive(Debug)]
struct Outcome {
    name: &'static str,
    handshake: &'static str,
    close: &'static str,
    requests: String,
    quirks: String,
}

impl Outcome {
    fn of(half: &'static Half) -> Outcome {
        let transcript = Transcript::of(half, whole());
        let greeting = transcript.events.iter().find_map(|event| match event {
            Event::Connected(connected) => Some(connected.greeting.kind),
            _ => None,
        });
        let told = half.truth.as_ref().map_or(HandshakeTruth::None, |truth| truth.handshake);
        let (handshake, agrees) = match greeting {
            None => (NONE, told == HandshakeTruth::None),
            Some(HandshakeKind::Simple) => ("simple", told == HandshakeTruth::Simple),
            Some(HandshakeKind::Digest(DigestLayout::DigestFirst)) => {
                ("digest-first", told == HandshakeTruth::Digest)
            }
            Some(HandshakeKind::Digest(DigestLayout::KeyFirst)) => ("key-first", false),
        };
        assert!(agrees, "{}: {handshake}, but {told:?} by its bytes", half.name);
        let requests = requests(&transcript).map(|request| {
            let query = if request.query.is_empty() { "" } else { "?" };
            format!("{} {}{query}{}", verb(request.kind), request.name, request.query)
        });
        let quirks = transcript.quirks.iter().map(|(quirk, count)| format!("{quirk}:{count}"));
        let close = transcript.events.iter().find_map(|event| match event {
            Event::Closed { why, .. } => Some(why.code()),
            _ => None,
        });
        Outcome {
            name: &half.name,
            handshake,
            close: close.unwrap_or(NONE),
            requests: listed(requests),
            quirks: listed(quirks),
        }
    }
}

fn requests(transcript: &Transcript) -> impl Iterator<Item = &Request> {
    transcript.events.iter().filter_map(|event| match event {
        Event::Requested(request) => Some(request),
        _ => None,
    })
}

/// Kind, name and query of each `publish` and `play` that tshark saw.
fn expected_requests(half: &Half) -> Vec<(RequestKind, String, String)> {
    // librtmp itself cuts the ending off the key; it is not on the wire.
    let cut_off = if half.name == "vod-rtmpdump24-start2" { ".flv" } else { "" };
    let stream = half.stream.strip_suffix(cut_off).expect("the URL has the ending");
    let request = |kind, key: &serde_json::Value| {
        let key = key.as_str().unwrap_or_else(|| panic!("{}: a stream key is text", half.name));
        let (_, query) = key.split_once('?').unwrap_or((key, ""));
        (kind, stream.to_owned(), query.to_owned())
    };
    let requests = half.commands().filter_map(|command| match command.name() {
        Some("publish") => Some(request(RequestKind::Publish, &command.args[3])),
        Some("play") => Some(request(RequestKind::Play, &command.args[3])),
        _ => None,
    });
    requests.collect()
}

/// Only the columns whose width is known are aligned: a new value is to change its own line alone.
fn table(outcomes: &[Outcome]) -> String {
    let mut table =
        "# What becomes of each client that is replayed, with every request allowed.\n".to_owned();
    let mut line = |name: &str, handshake: &str, close: &str, requests: &str, quirks: &str| {
        writeln!(table, "{name:40} {handshake:12}  {close:16}  {requests}  {quirks}")
            .expect("a string takes all");
    };
    line("# connection", "handshake", "closed", "requests", "quirks");
    for Outcome { name, handshake, close, requests, quirks } in outcomes {
        line(name, handshake, close, requests, quirks);
    }
    table
}

/// Holds a table against the file of that name beside this one.
pub(crate) fn expect_table(file: &str, seen: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("replay").join(file);
    if env::var_os(UPDATE).is_some() {
        fs::write(&path, seen).expect("this package is a folder that can be written to");
        panic!("{} was written anew: review it, and run again without {UPDATE}", path.display());
    }
    let expected = fs::read_to_string(&path).expect("the table is there");
    assert!(seen == expected, "{}", changed_lines(&expected, seen, &path));
}

fn changed_lines(expected: &str, seen: &str, path: &Path) -> String {
    let mut report = format!("{} expects otherwise:\n", path.display());
    for line in expected.lines().filter(|line| !seen.lines().any(|other| other == *line)) {
        writeln!(report, "- {line}").expect("a string takes all");
    }
    for line in seen.lines().filter(|line| !expected.lines().any(|other| other == *line)) {
        writeln!(report, "+ {line}").expect("a string takes all");
    }
    report
        + "If that is meant: `"
        + UPDATE
        + "=1 cargo test -p sol-tests --test replay outcome`, and review its diff."
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() { NONE.to_owned() } else { items.join(", ") }
}

fn verb(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Publish => "publish",
        RequestKind::Play => "play",
    }
}

/// Set to anything, it makes what is seen what is expected.
const UPDATE: &str = "SOL_REPLAY_UPDATE";

const NONE: &str = "-";
