//! `sol replay`: recordings of real programs, read as a support engineer would read them.
//!
//! The truth about each is that of tshark, which stands beside it. Where tshark is wrong, or cannot say, is an exception with a
//! name and a reason.

mod differences;
mod forms;
mod running;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sol_bin::replay::{Options, Outcome};
use sol_tests::captures::{self, Capture, CommandTruth, ConnectionTruth, Direction, Flow, HandshakeTruth};
use sol_tests::peer::codec::ChunkReader;
use sol_tests::peer::message::TypeId;
use sol_tests::programs::flv::{self, Kind};

use differences::{ONLY_RECORDED, ONLY_SOL};
use forms::Form;
use running::{Replayed, replay, replay_bytes};

#[test]
fn the_summary_of_every_capture_is_what_tshark_saw() {
    for capture in captures::all() {
        let replayed = replay(&path_of(&capture), &[]);
        let exception = EXCEPTIONS.iter().find(|(stem, _)| *stem == capture.stem).map(|(_, what)| *what);
        let summary = replayed.summary();
        let connections = summary["connections"].as_array().expect("there is a list");
        assert_eq!(connections.len(), capture.truth.connections.len(), "{}", capture.stem);
        for (connection, truth) in connections.iter().zip(&capture.truth.connections) {
            let mut expected = expected(truth);
            let mut seen = seen(connection);
            if let Some(exception) = exception {
                let (seen, expected) = (&mut seen, &mut expected);
                exception.apply(seen, expected);
            }
            assert_eq!(seen, expected, "{}", capture.stem);
        }
        // tshark counts bytes that came again.
        let events = replayed.events();
        let closed = events.iter().filter(|event| event["event"] == "closed");
        let bytes = |event: &Value| -> Option<u64> {
            let keys = ["bytes_from_client", "bytes_from_server", "repeated_bytes"];
            keys.iter().map(|key| event[key].as_u64()).sum()
        };
        let seen: u64 = closed.map(|event| bytes(event).expect("they are counted")).sum();
        let sent = capture.truth.connections.iter().map(|truth| truth.tcp_bytes);
        let sent: usize = sent.map(|bytes| bytes.client + bytes.server).sum();
        assert_eq!(seen, sent as u64, "{}", capture.stem);
    }
}

/// What tshark and `sol replay` do not agree about, and who is right.
#[derive(Clone, Copy, Debug)]
enum Exception {
    /// tshark takes encrypted bytes for chunks. There is nothing to be read.
    TsharkReadsRtmpe,
}

impl Exception {
    /// Makes both say what is right.
    fn apply(self, seen: &mut Value, expected: &mut Value) {
        match self {
            Exception::TsharkReadsRtmpe => {
                assert_eq!(seen["from_client"], json!({}));
                for key in ["from_client", "from_server"] {
                    expected[key] = json!({});
                }
            }
        }
    }
}

const EXCEPTIONS: &[(&str, Exception)] = &[("neg-ffmpeg42-rtmpe", Exception::TsharkReadsRtmpe)];

#[test]
fn a_recording_is_the_same_in_every_form_of_file_and_link() {
    for capture in captures::all() {
        let packets = forms::packets_of(&path_of(&capture));
        let original = replay(&path_of(&capture), &[]);
        for form in Form::ALL {
            let replayed = replay_bytes(&form.file(&packets), &[]);
            let (mut ours, mut theirs) = (replayed.summary(), original.summary());
            for summary in [&mut ours, &mut theirs] {
                for connection in summary["connections"].as_array_mut().expect("there is a list") {
                    for key in ["client", "server"] {
                        connection.as_object_mut().expect("it has properties").remove(key);
                    }
                }
            }
            assert_eq!(ours, theirs, "{} as {form:?}", capture.stem);
        }
    }
}

#[test]
fn a_recording_that_begins_in_the_middle_is_understood_from_somewhere_on() {
    let stem = "pub-obs29-h264-aac";
    let packets = forms::packets_of(&captures::directory().join(format!("{stem}.pcap")));
    let original = replay_bytes(&Form::Pcapng.file(&packets), &[]).summary();
    let replayed = replay_bytes(&Form::Pcapng.file(&packets[packets.len() / 3..]), &[]);
    let summary = replayed.summary();
    let [connection] = &summary["connections"].as_array().expect("there is a list")[..] else {
        panic!("{summary}")
    };
    assert_eq!(connection["server"], original["connections"][0]["server"]);
    assert_eq!(connection["handshake"], "none");
    let video = |summary: &Value| summary["connections"][0]["from_client"]["9"].as_u64().unwrap_or(0);
    let (some, all) = (video(&summary), video(&original));
    assert!(some > all / 2 && some < all, "{some} of {all}");
    let events = replayed.events();
    assert!(events.iter().any(|event| event["event"] == "footing"), "{events:?}");
}

#[test]
fn what_is_missing_in_a_recording_is_told_and_what_is_behind_it_too() {
    let stem = "pub-obs29-h264-aac";
    let packets = forms::packets_of(&captures::directory().join(format!("{stem}.pcap")));
    let hole = packets.len() / 2..packets.len() / 2 + 40;
    let mut kept = packets.clone();
    kept.drain(hole);
    let original = replay_bytes(&Form::Pcapng.file(&packets), &[]);
    let replayed = replay_bytes(&Form::Pcapng.file(&kept), &[]);
    let connection = &replayed.summary()["connections"][0];
    let missing = connection["missing_bytes"].as_u64().expect("it is counted");
    assert!(missing > 1_000, "{missing}");
    let sum =
        |replayed: &Replayed| replayed.event("closed")["bytes_from_client"].as_u64().expect("it is counted");
    let lost_by_client: u64 = replayed
        .events()
        .iter()
        .filter(|event| event["event"] == "missing" && event["from"] == "client")
        .map(|event| event["bytes"].as_u64().expect("it says how many"))
        .sum();
    assert_eq!(sum(&replayed) + lost_by_client, sum(&original));
    let video = |connection: &Value| connection["from_client"]["9"].as_u64().unwrap_or(0);
    let (some, all) = (video(connection), video(&original.summary()["connections"][0]));
    assert!(some < all && some + 40 > all, "{some} of {all}");
}

#[test]
fn the_timeline_tells_what_a_person_asks_for() {
    let page = replay_page("pub-ffmpeg51-h264-aac", &[]);
    for words in [
        "connects to 127.0.0.1:19350",
        "handshake, C0 and C1: digest (digest first), version 9.0.124.2",
        "connect(1) app: \"live\", type: \"nonprivate\", flashVer: \"FMLE/3.0 (compatible; Lavf59.27.100)\"",
        "chunk size 4,096",
        "_result(1) to connect, after",
        "NetConnection.Connect.Success",
        "publish(5) \"pub-ffmpeg51-h264-aac\", \"live\" on stream 1",
        "NetStream.Publish.Start",
        "onMetaData duration: 0, width: 160, height: 120",
        "video configuration: H.264 High, level 1b, 160x120, 15 fps",
        "audio configuration: AAC LC, 44100 Hz, stereo",
        "first video: H.264, a keyframe,",
        "keyframe every 1.0 s",
        "the client closes the connection (FIN)",
        "#1 publish live/pub-ffmpeg51-h264-aac by FMLE/3.0",
    ] {
        assert!(page.contains(words), "{words:?} in {page}");
    }
}

#[test]
fn a_recording_can_be_told_of_without_a_process() {
    let path = captures::directory().join("play-gst122-rtmp2src.pcap");
    let mut told = Vec::new();
    let file = fs::File::open(&path).expect("it is there");
    let outcome = sol_bin::replay::tell(file, "some.pcap", &Options::default(), &mut told);
    assert_eq!(outcome.expect("it can be read"), Outcome::Told);
    let told = String::from_utf8(told).expect("it is UTF-8");
    let printed = replay_lines("play-gst122-rtmp2src", &[]);
    assert_eq!(told.lines().skip(1).collect::<Vec<_>>(), printed[1..]);
    assert!(told.starts_with("some.pcap, recorded from 2026-11-22 "), "{told}");
}

#[test]
fn a_recording_that_still_goes_on_is_told_as_it_comes() {
    let file = fs::read(captures::directory().join("pub-obs29-h264-aac.pcap")).expect("it is there");
    let lines = running::first_lines(&file[..file.len() / 2]);
    assert!(lines.iter().any(|line| line.contains("NetStream.Publish.Start")), "{lines:?}");
}

#[test]
fn the_manual_shows_what_is_printed() {
    let manual = include_str!("../../docs/replaying.md");
    let blocks = |kind: &str| -> Vec<&str> {
        let opening = format!("```{kind}\n");
        let behind = manual.split(opening.as_str()).skip(1);
        behind.map(|block| block.split_once("```").expect("it has an end").0).collect()
    };
    let pages = [("pub-ffmpeg51-reconnect-samekey", &[][..]), ("play-gst122-rtmp2src", &["--serve"])];
    assert_eq!(blocks("text").len(), pages.len());
    for (block, (stem, options)) in blocks("text").into_iter().zip(pages) {
        let page = replay_lines(stem, options).join("\n");
        assert!(page.contains(block), "{stem}:\n{page}");
    }
    let summary = replay_lines("pub-obs29-kill9", &["--json"]).pop().expect("there is one");
    assert_eq!(blocks("json"), [format!("{summary}\n")]);
}

#[test]
fn no_line_is_too_long_to_be_read_and_nothing_in_it_controls_a_terminal() {
    for capture in captures::all() {
        let lines = replay_lines(&capture.stem, &["--all"]);
        for line in lines.iter().skip(1) {
            assert!(line.chars().count() <= 112, "{}: {line}", capture.stem);
            assert!(!line.chars().any(char::is_control), "{}: {line:?}", capture.stem);
        }
    }
}

#[test]
fn each_message_is_told_if_all_are_asked_for() {
    for stem in ["play-gst122-rtmp2src", "pub-obs32-av1-aac"] {
        let path = captures::directory().join(format!("{stem}.pcap"));
        let replayed = replay(&path, &["--all"]);
        let summary = replayed.summary();
        for (key, from) in [("from_client", "client"), ("from_server", "server")] {
            let mut told = BTreeMap::<String, u64>::new();
            for event in replayed.events().iter().filter(|event| event["from"] == from) {
                // What is told besides of media says of which stream, not of which type it is.
                if let Some(kind) = event["type"].as_u64().filter(|_| event["event"] != "unfinished") {
                    *told.entry(kind.to_string()).or_default() += 1;
                }
            }
            assert_eq!(json!(told), summary["connections"][0][key], "{stem}, {from}");
        }
    }
}

#[test]
fn what_is_no_rtmp_is_named() {
    for (stem, protocol) in [("neg-ffmpeg42-rtmpe", "rtmpe"), ("neg-ffmpeg51-rtmpt", "rtmpt")] {
        let replayed = replay(&captures::directory().join(format!("{stem}.pcap")), &[]);
        assert_eq!(replayed.event("opened")["protocol"], protocol);
        assert_eq!(replayed.event("foreign")["protocol"], protocol);
    }
}

#[test]
fn each_stream_becomes_a_file_with_the_bodies_and_times_that_were_sent() {
    let directory = scratch("extract");
    for capture in captures::all() {
        let into = directory.join(&capture.stem);
        let into = into.to_str().expect("it is UTF-8");
        let replayed = replay(&path_of(&capture), &["--extract", into]);
        let mut files = 0;
        for (place, connection) in capture.connections.iter().enumerate() {
            let [Some(client), Some(server)] = [&connection.client, &connection.server].map(media_of) else {
                assert_eq!(capture.stem, ODD_TO_THE_KIT);
                files += 1;
                continue;
            };
            let sent = [client, server].concat();
            let file = file_of_connection(Path::new(into), place + 1);
            let written = file.as_deref().map(media_in).unwrap_or_default();
            files += usize::from(file.is_some());
            let bodies =
                |media: &[(u32, Vec<u8>)]| media.iter().map(|(_, body)| body.clone()).collect::<Vec<_>>();
            assert!(bodies(&written) == bodies(&sent), "{}", capture.stem);
            // They begin at zero, where a configuration may be that was sent with an earlier time.
            let mut beginnings: Vec<_> = sent
                .iter()
                .zip(&written)
                .filter(|(_, tag)| tag.0 > 0)
                .map(|(sent, tag)| sent.0 - tag.0)
                .collect();
            beginnings.dedup();
            assert!(beginnings.len() <= 1, "{}: {beginnings:?}", capture.stem);
            if let [beginning] = beginnings[..] {
                let mut at_zero =
                    sent.iter().zip(&written).filter(|(_, tag)| tag.0 == 0).map(|(sent, _)| sent.0);
                assert!(at_zero.all(|time| time <= beginning), "{}: {beginning}", capture.stem);
                assert!(sent.iter().any(|sent| sent.0 == beginning), "{}: {beginning}", capture.stem);
            }
        }
        assert_eq!(replayed.event("end")["files"], files, "{}", capture.stem);
    }
    fs::remove_dir_all(&directory).expect("it was made");
}

#[test]
fn no_file_of_another_extraction_is_replaced_unless_that_is_wanted() {
    let directory = scratch("overwrite");
    let into = directory.to_str().expect("it is UTF-8");
    let path = captures::directory().join("pub-ffmpeg51-h264-aac.pcap");
    replay(&path, &["--extract", into]);
    let file = directory.join("1-publish-pub-ffmpeg51-h264-aac.flv");
    fs::write(&file, "precious").expect("it can be written");
    let again = running::run(&["--extract", into, path.to_str().expect("it is UTF-8")], b"");
    assert_eq!(again.status, Some(1));
    assert!(again.err.contains("is there already; --overwrite replaces it"), "{}", again.err);
    let page = again.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["not extracted: ", "the publication was ended in good order", "0 files were written"] {
        assert!(page.contains(words), "what is told goes on: {words} in {page}");
    }
    assert_eq!(fs::read(&file).expect("it is there"), b"precious");
    replay(&path, &["--extract", into, "--overwrite"]);
    assert!(fs::read(&file).expect("it is there").starts_with(b"FLV"));
    fs::remove_dir_all(&directory).expect("it was made");
}

#[test]
fn sol_takes_what_every_client_sent_and_answers_as_its_server_did_but_for_named_differences() {
    for capture in captures::all() {
        let replayed = replay(&path_of(&capture), &["--serve"]);
        let all = replayed.events();
        let served: Vec<_> = all.iter().filter(|event| event["event"] == "served").collect();
        assert_eq!(served.len(), capture.connections.len(), "{}", capture.stem);
        for (served, connection) in served.into_iter().zip(&capture.truth.connections) {
            let stem = &capture.stem;
            assert_eq!(served["refused"], json!([]), "{stem}");
            let closed = served["closed"].as_str();
            if connection.handshake == HandshakeTruth::None {
                let why = closed.expect("it is closed");
                assert!(why.contains("RTMPE") || why.contains("RTMPT"), "{stem}: {why}");
                continue;
            }
            let has_left = [None, Some("the peer left"), Some("the peer reset the connection")];
            assert!(has_left.contains(&closed), "{stem}: {closed:?}");
            let rows = served["rows"].as_array().expect("it is a list");
            assert!(rows.iter().any(|row| row["sol"] == "_result connect Connect.Success"), "{stem}");
            for row in rows {
                let (answer, differences) = match (row["recorded"].as_str(), row["sol"].as_str()) {
                    (Some(answer), None) => (answer, ONLY_RECORDED),
                    (None, Some(answer)) => (answer, ONLY_SOL),
                    _ => continue,
                };
                let is_named = differences.iter().any(|difference| {
                    difference.answer == answer && difference.only_in.is_none_or(|only_in| stem == only_in)
                });
                assert!(is_named, "{stem}: {answer} in {rows:?}");
            }
        }
    }
    let page = replay_page("pub-obs29-h264-aac", &["--serve"]);
    assert!(page.contains("= onStatus NetStream.Publish.Start onStatus NetStream.Publish.Start"), "{page}");
    assert!(page.contains("the session of Sol ends: the peer left"), "{page}");
}

#[test]
fn what_cannot_be_read_is_said_with_a_reason() {
    let text = |file: &[u8]| running::run(&["-"], file);
    let gzip = text(b"\x1f\x8b\x08\0\0\0\0\0");
    assert_eq!(
        (gzip.status, gzip.err.as_str()),
        (Some(1), "sol: standard input: is compressed (gzip); gunzip unpacks it\n")
    );
    let html = text(b"<html>");
    assert!(
        html.status == Some(1) && html.err.contains("is no capture: it begins with \"<htm\""),
        "{html:?}"
    );
    let missing = running::run(&["/no/such/file"], b"");
    assert!(missing.status == Some(1) && missing.err.contains("cannot read /no/such/file"), "{missing:?}");

    let frames = forms::packets_of(&captures::directory().join("play-ffprobe51.pcap"));
    let no_packets = text(&Form::Vlan.file(&[]));
    assert!(
        no_packets.status == Some(6) && no_packets.out.contains("There is no packet in it."),
        "{no_packets:?}"
    );
    // Without the client's first packets nothing says RTMP.
    let elsewhere = text(&Form::Vlan.file(&frames[..3]));
    assert_eq!(elsewhere.status, Some(6));
    assert!(elsewhere.out.contains("There is no RTMP in it."), "{elsewhere:?}");

    let mut cut = Form::Vlan.file(&frames);
    cut.truncate(cut.len() - 5);
    let cut = text(&cut);
    assert!(cut.status == Some(0) && cut.out.contains("the file ends in the middle"), "{cut:?}");
    let mut damaged = Form::Vlan.file(&frames[..20]);
    damaged.extend([0xFF; 40]);
    let damaged = text(&damaged);
    assert_eq!(damaged.status, Some(1), "{damaged:?}");
    assert!(damaged.out.contains("connect(1)"), "what comes before is told: {damaged:?}");
    assert!(damaged.out.contains("not read to the end: byte "), "{damaged:?}");
}

/// The audio and video that one side sent, with their times; nothing where the kit's reader finds something odd.
fn media_of(flow: &Flow) -> Option<Vec<(u32, Vec<u8>)>> {
    let mut reader = ChunkReader::new();
    let has_handshake = flow.bytes.len() > HANDSHAKE_BYTES && flow.bytes[0] == 3;
    reader.feed(if has_handshake { &flow.bytes[HANDSHAKE_BYTES..] } else { &[] });
    let mut media = Vec::new();
    while let Some(message) = reader.poll().ok()? {
        if matches!(message.type_id, TypeId::AUDIO | TypeId::VIDEO) {
            media.push((message.timestamp_ms, message.payload.to_vec()));
        }
    }
    Some(media)
}

/// Its server begins a chunk stream with a header that is no full one, which the kit's reader refuses.
const ODD_TO_THE_KIT: &str = "play-gst122-rtmpsrc";

/// The audio and video in a file, with their times.
fn media_in(file: &Path) -> Vec<(u32, Vec<u8>)> {
    let tags = flv::tags(&fs::read(file).expect("it is there"));
    let media = tags.into_iter().filter(|tag| matches!(tag.kind, Kind::Audio | Kind::Video));
    media.map(|tag| (tag.timestamp_ms, tag.body)).collect()
}

/// The file of a connection's stream, if it has one.
fn file_of_connection(directory: &Path, number: usize) -> Option<PathBuf> {
    let files = fs::read_dir(directory).expect("it was made").map(|entry| entry.expect("it is there").path());
    let front = format!("{number}-");
    files.into_iter().find(|file| {
        file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&front))
    })
}

/// C0, C1 and C2.
const HANDSHAKE_BYTES: usize = 1 + 2 * 1_536;

/// A folder of this test's own.
fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sol-replaying-{name}-{}", std::process::id()))
}

/// What a summary says of a connection, as far as tshark knows it too.
fn seen(connection: &Value) -> Value {
    let keys = [
        "client",
        "server",
        "handshake",
        "from_client",
        "from_server",
        "commands_from_client",
        "commands_from_server",
        "chunk_sizes_from_client",
        "chunk_sizes_from_server",
    ];
    keys.iter()
        .map(|key| ((*key).to_owned(), connection[key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The same as tshark says it.
fn expected(truth: &ConnectionTruth) -> Value {
    let counts = |direction: Direction| {
        let mut counts = BTreeMap::<String, usize>::new();
        for message in truth.messages.of(direction) {
            *counts.entry(message.name.type_id.0.to_string()).or_default() += message.count;
        }
        counts
    };
    let commands = |direction: Direction| -> Vec<&str> {
        let is_one = |command: &&CommandTruth| {
            command.direction == direction
                && matches!(command.type_id, TypeId::COMMAND_AMF0 | TypeId::COMMAND_AMF3)
        };
        truth.commands.iter().filter(is_one).filter_map(CommandTruth::name).collect()
    };
    let handshake = match truth.handshake {
        HandshakeTruth::None => "none",
        HandshakeTruth::Simple => "simple",
        HandshakeTruth::Digest => "digest",
    };
    json!({
        "client": format!("127.0.0.1:{}", truth.client_port),
        "server": format!("127.0.0.1:{}", truth.server_port),
        "handshake": handshake,
        "from_client": counts(Direction::Client),
        "from_server": counts(Direction::Server),
        "commands_from_client": commands(Direction::Client),
        "commands_from_server": commands(Direction::Server),
        "chunk_sizes_from_client": truth.chunk_sizes.client,
        "chunk_sizes_from_server": truth.chunk_sizes.server,
    })
}

fn path_of(capture: &Capture) -> PathBuf {
    captures::directory().join(format!("{}.pcap", capture.stem))
}

fn replay_lines(stem: &str, options: &[&str]) -> Vec<String> {
    let path = captures::directory().join(format!("{stem}.pcap"));
    let Replayed { out, .. } = running::run(&[&[path.to_str().expect("it is UTF-8")], options].concat(), b"");
    out.lines().map(str::to_owned).collect()
}

/// The page with its lines joined, so that words are found wherever they break.
fn replay_page(stem: &str, options: &[&str]) -> String {
    replay_lines(stem, options).join("\n").split_whitespace().collect::<Vec<_>>().join(" ")
}
