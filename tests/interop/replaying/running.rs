//! Running: `sol replay`, and what it said.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sol_tests::programs::Sol;

/// A replay that is over.
#[derive(Clone, Debug)]
pub(super) struct Replayed {
    pub(super) status: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Replayed {
    /// The objects of a replay in JSON, but for the last.
    pub(super) fn events(&self) -> Vec<Value> {
        let mut objects = self.objects();
        objects.pop();
        objects
    }

    /// The first of this kind.
    pub(super) fn event(&self, kind: &str) -> Value {
        let mut events = self.events().into_iter();
        events.find(|event| event["event"] == kind).unwrap_or_else(|| panic!("no {kind} in {}", self.out))
    }

    /// The last of them.
    pub(super) fn summary(&self) -> Value {
        let summary = self.objects().pop().expect("there is a last line");
        assert_eq!(summary["summary"], true, "{summary}");
        summary
    }

    fn objects(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let objects: Vec<Value> = self.out.lines().map(parse).collect();
        let summaries = objects.iter().filter(|object| object.get("summary").is_some());
        assert_eq!(summaries.count(), 1, "{}", self.err);
        objects
    }
}

/// A file, in JSON. It is one with RTMP in it.
pub(super) fn replay(path: &Path, options: &[&str]) -> Replayed {
    let path = path.to_str().expect("it is UTF-8");
    let replayed = run(&[&["--json", path], options].concat(), b"");
    assert_eq!((replayed.status, replayed.err.as_str()), (Some(0), ""), "{path}");
    replayed
}

/// The same of a file on standard input.
pub(super) fn replay_bytes(file: &[u8], options: &[&str]) -> Replayed {
    let replayed = run(&[&["--json", "-"], options].concat(), file);
    assert_eq!((replayed.status, replayed.err.as_str()), (Some(0), ""));
    replayed
}

/// What is told of the front of a recording up to the first frame of video, while its writer holds the pipe open.
pub(super) fn first_lines(front: &[u8]) -> Vec<String> {
    let mut child = Command::new(Sol::binary())
        .args(["replay", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start sol, which cargo build -p sol-bin makes: {error}"));
    let mut input = child.stdin.take().expect("it is a pipe");
    input.write_all(front).expect("it reads");
    let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut told = Vec::new();
    while told.last().is_none_or(|line: &String| !line.contains("first video")) {
        told.push(lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("nothing more is told: {told:?}")));
    }
    drop(input);
    child.wait().expect("it ends with its input");
    told
}

/// Whoever says nothing for so long keeps it back.
const PATIENCE: Duration = Duration::from_secs(30);

/// `sol replay` with these arguments.
pub(super) fn run(arguments: &[&str], stdin: &[u8]) -> Replayed {
    let mut child = Command::new(Sol::binary())
        .arg("replay")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start sol, which cargo build -p sol-bin makes: {error}"));
    let mut input = child.stdin.take().expect("it is a pipe");
    let output = thread::scope(|scope| {
        // It may end without having read all.
        scope.spawn(move || input.write_all(stdin));
        child.wait_with_output().expect("it can be waited for")
    });
    let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
    Replayed { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
