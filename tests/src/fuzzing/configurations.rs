//! Configurations: whatever file, variables and flags say, there is a configuration within its limits that is the same when it is
//! written and read again, or mistakes that say what is wrong and where.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use sol_bin::config::{Configuration, Layer, Mistakes};
use sol_core::hub::Coalesce;
use sol_core::ids::ChunkSize;
use sol_core::limits;

use super::choices::Choices;

/// What an operator wrote, in all three places.
pub(super) fn configuration(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let variables: Vec<_> = (0..choices.below(4)).map(|_| variable(&mut choices)).collect();
    let words: Vec<_> = (0..choices.below(4)).map(|_| flag(&mut choices)).collect();
    let file = match choices.flag() {
        false => choices.rest().to_vec(),
        true => lines(&mut choices),
    };
    let flags = match Layer::of_flags(words) {
        Ok(flags) => flags,
        Err(told) => {
            assert!(!told.trim().is_empty(), "a bad command line is told");
            Layer::default()
        }
    };
    match Configuration::of(file.clone(), variables, flags) {
        Ok(configuration) => check(&configuration),
        Err(mistakes) => check_mistakes(&mistakes, &file),
    }
}

/// The limits that docs/configuration.md promises, and that what is shown is a file.
fn check(configuration: &Configuration) {
    let config = configuration.server_config();
    let session = &config.session;
    assert!((1..=limits::CONNECTIONS).contains(&config.connections_max));
    assert!((ChunkSize::INITIAL..=ChunkSize::MAX).contains(&session.chunk_size));
    assert!((limits::ACKNOWLEDGEMENT_BYTES..=1 << 30).contains(&session.window_bytes));
    assert!(
        session.timers.ping >= limits::PING_TIME_MIN && session.timers.ping * 3 <= session.timers.silence
    );
    for stream in config.stream.iter().map(|(_, stream)| stream).chain([config.stream.others()]) {
        assert!((Duration::from_secs(1)..=limits::TAPE_TIME).contains(&stream.tape_time));
        assert!((1 << 20..=limits::TAPE_BYTES).contains(&stream.tape_bytes));
        assert!(stream.lag_max <= limits::TAPE_TIME && stream.gap_max <= limits::TAPE_TIME);
        assert!(stream.grace <= Duration::from_secs(3_600) && stream.patience <= 100);
        if let Coalesce::Fixed(time) = stream.coalesce {
            assert!(time <= limits::COALESCE_TIME);
        }
    }

    let shown = configuration.shown();
    let again = Configuration::of(shown.clone().into(), [], Layer::default())
        .unwrap_or_else(|mistakes| panic!("what is shown is no file:\n{shown}\n{mistakes}"));
    assert_eq!(format!("{config:?}"), format!("{:?}", again.server_config()));
    assert_eq!(without_origins(&shown), without_origins(&again.shown()));
}

/// Each says what is wrong, where, and what belongs there.
fn check_mistakes(mistakes: &Mistakes, file: &[u8]) {
    let text = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let told = mistakes.to_string();
    assert!(
        !told.contains(|c: char| c.is_control() && c != '\n'),
        "it would move a terminal's cursor: {told:?}"
    );
    assert!(!mistakes.each().is_empty());
    for mistake in mistakes.each() {
        assert!(!mistake.what().is_empty(), "{mistake:?}");
        let Some(place) = mistake.place() else {
            assert!(std::str::from_utf8(text).is_err(), "a text can be read: {mistake:?}");
            continue;
        };
        assert!(!mistake.expected().is_empty(), "{mistake:?}");
        let spans = mistake.spans();
        if spans.is_empty() {
            assert!(place.starts_with("SOL__") || place.starts_with("--"), "{place}");
            continue;
        }
        let text = std::str::from_utf8(text).expect("what is no text has no places");
        // The end of a file is shown behind its last line.
        let is_end = spans[0].start >= text.trim_end_matches(['\r', '\n']).len();
        assert!(is_end || told.contains(&format!("{place}:")), "{place} is not in {told}");
        for span in spans {
            assert!(text.get(span.clone()).is_some(), "{span:?} is not in {text:?}");
        }
    }
}

/// What holds, and not who set it.
fn without_origins(shown: &str) -> Vec<&str> {
    let lines = shown.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once("  # ").map_or(line, |(set, _)| set.trim_end())).collect()
}

fn variable(choices: &mut Choices<'_>) -> (OsString, OsString) {
    let name = match choices.byte() {
        255 => OsString::from_vec(choices.some().to_vec()),
        254 => OsString::from_vec([b"SOL__", choices.some()].concat()),
        253 => OsString::from_vec([b"SOL__app__", choices.some(), b"__lag"].concat()),
        section => {
            let section = SECTIONS[usize::from(section) % SECTIONS.len()];
            let section = section.trim_matches(['[', ']']).replace(['"', '*'], "").replace('.', "__");
            format!("SOL__{section}__{}", choices.pick(KEYS)).into()
        }
    };
    (name, OsString::from_vec(value(choices)))
}

fn flag(choices: &mut Choices<'_>) -> OsString {
    let flag = match choices.byte() {
        255 => return OsString::from_vec(choices.some().to_vec()),
        flag => {
            ["--loops=", "--coalesce=", "--rtmp=", "--runtime=", "--log=", "--demo"][usize::from(flag) % 6]
        }
    };
    let value = if flag.ends_with('=') { unquoted(value(choices)) } else { Vec::new() };
    OsString::from_vec([flag.as_bytes(), &value].concat())
}

fn unquoted(mut value: Vec<u8>) -> Vec<u8> {
    value.retain(|byte| *byte != b'"');
    value
}

/// A file that is mostly good.
fn lines(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut file = Vec::new();
    while !choices.are_over() {
        match choices.below(8) {
            0 | 1 => file.extend_from_slice(choices.pick(SECTIONS).as_bytes()),
            2 => file.extend([b"[app.", &quoted(choices.some())[..], b"]"].concat()),
            3 => file.extend_from_slice(choices.some()),
            _ => file.extend([choices.pick(KEYS).as_bytes(), b" = ", &value(choices)].concat()),
        }
        file.push(b'\n');
    }
    file
}

fn quoted(bytes: &[u8]) -> Vec<u8> {
    [b"\"", bytes, b"\""].concat()
}

/// As it stands in a file.
fn value(choices: &mut Choices<'_>) -> Vec<u8> {
    match choices.byte() {
        255 => choices.some().to_vec(),
        254 => quoted(choices.some()),
        253 => format!("\"{}{}\"", choices.u16(), choices.pick(UNITS)).into(),
        252 => choices.u32().to_string().into(),
        value => VALUES[usize::from(value) % VALUES.len()].into(),
    }
}

const SECTIONS: &[&str] = &[
    "[server]",
    "[timers]",
    "[defaults]",
    "[app.\"live\"]",
    "[app.\"event/*\"]",
    "[app.live]",
    "[app]",
    "[sever]",
    "[[server]]",
];

const KEYS: &[&str] = &[
    "rtmp",
    "log",
    "demo",
    "runtime",
    "loops",
    "connections",
    "send_buffer",
    "chunk_size",
    "window_ack_size",
    "strict",
    "handshake",
    "command",
    "ping",
    "silence",
    "stall",
    "farewell",
    "publish",
    "play",
    "join",
    "waiting",
    "grace",
    "coalesce",
    "lag",
    "lag_bytes",
    "gap",
    "patience",
    "tape_time",
    "tape_bytes",
    "grase",
];

const VALUES: &[&str] = &[
    "\"5s\"",
    "\"1s\"",
    "\"0s\"",
    "\"20s\"",
    "\"1m30s\"",
    "\"250ms\"",
    "\"auto\"",
    "\"1MiB\"",
    "\"256KiB\"",
    "\"64kB\"",
    "65536",
    "1",
    "3",
    "0",
    "-1",
    "1.5",
    "true",
    "false",
    "\"json\"",
    "\"text\"",
    "\"mio\"",
    "\"tokio\"",
    "\"open\"",
    "\"closed\"",
    "\"keyframe\"",
    "\"instant\"",
    "\"live\"",
    "[1935]",
    "[\"1936\", \"[::1]:1935\"]",
    "[\"localhost:1935\", \"192.0.2.7\", 0]",
    "1979-05-27",
    "{ a = 1 }",
];

const UNITS: &[&str] = &["s", "ms", "m", "h", "kB", "KiB", "MiB", "MB", "B", "", "d"];
