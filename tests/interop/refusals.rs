//! Refusals, as the programs print them. `docs/refusals.md` is the expectation: what it says is provoked and looked for.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use sol_tests::programs::{Exit, Program, Publisher, gstreamer};

use crate::clip::Clip;
use crate::doorman::{DENIED, Doorman, REJECTED};

#[test]
fn every_program_prints_and_exits_at_every_refusal_as_the_page_says() {
    let clip = Clip::open("h264_aac.flv");
    let doorman = Doorman::start();
    // It is never silent, so that nobody may take its place, however long programs take to come.
    let _holder = Publisher::sol_again_and_again(&clip.path, &url_of(&doorman, "name-in-use"));
    doorman.wait_for_start();

    let rows: Vec<Row<'_>> = PAGE.lines().filter_map(Row::parse).collect();
    let start = |row: &Row<'_>| start(row.program, &clip.path, &url_of(&doorman, row.refusal));
    let mut programs: Vec<Program> = rows.iter().map(start).collect();

    let finished = rows.iter().zip(&mut programs);
    let complaints: Vec<String> = finished.filter_map(|(row, program)| row.complaint(program)).collect();
    assert!(complaints.is_empty(), "docs/refusals.md is not what happens:\n{}", complaints.join("\n"));
    // Some programs print the same whatever happens to them. That it was the refusal, the server knows.
    for refusal in ["name-in-use", "denied", "rejected", "not-found", "connect-refused"] {
        let met = rows.iter().filter(|row| row.refusal == refusal).count();
        assert!(doorman.refused(refusal) >= met, "{refusal}: {} of {met}", doorman.refused(refusal));
    }
}

#[test]
fn the_page_has_every_refusal_of_every_program_once() {
    let rows: Vec<_> = PAGE.lines().filter_map(Row::parse).map(|row| (row.program, row.refusal)).collect();
    let product = |programs: &[&'static str], refusals: &[&'static str]| -> Vec<_> {
        programs.iter().flat_map(|program| refusals.iter().map(|refusal| (*program, *refusal))).collect()
    };
    let mut expected = product(&PUBLISHERS, &["name-in-use", "denied", "rejected"]);
    expected.extend(product(&PLAYERS, &["not-found", "denied", "rejected"]));
    expected.extend(product(&[&PUBLISHERS[..], &PLAYERS].concat(), &["connect-refused", "rtmpe"]));
    expected.retain(|row| !KNOW_NO_RTMPE.contains(row));
    assert_eq!(rows.len(), expected.len());
    assert_eq!(BTreeSet::from_iter(rows), BTreeSet::from_iter(expected));
}

/// One line of a table of the page.
#[derive(Debug)]
struct Row<'a> {
    program: &'a str,
    refusal: &'a str,
    /// Each of these is printed. An ellipsis stands for the words of the policy.
    phrases: Vec<&'a str>,
    status: i32,
}

impl<'a> Row<'a> {
    /// A line of a table, but for the head of it.
    fn parse(line: &'a str) -> Option<Self> {
        let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
        let program = cells[0];
        if ["Program", "---"].contains(&program) {
            return None;
        }
        assert!(
            PUBLISHERS.contains(&program) || PLAYERS.contains(&program),
            "{line:?} is of no known program"
        );
        let [_, refusal, prints, status, what_to_do, ""] = cells[..] else {
            panic!("{line:?} has not five cells");
        };
        assert!(!what_to_do.is_empty(), "{line:?} leaves people alone");
        let phrases: Vec<&str> = prints.split('`').skip(1).step_by(2).collect();
        assert!(!phrases.is_empty(), "{line:?} quotes nothing");
        let status = status.parse().unwrap_or_else(|error| panic!("{error} in {line:?}"));
        Some(Self { program, refusal: refusal.trim_matches('`'), phrases, status })
    }

    /// Waits for the program's end; what is not as the row says.
    fn complaint(&self, program: &mut Program) -> Option<String> {
        let (exit, words) = (program.finish(), program.stderr());
        let policy = if self.refusal == "denied" { DENIED } else { REJECTED };
        let is_printed = |phrase: &&str| words.contains(&phrase.replace('…', policy));
        let is_so = exit == Exit::Status(self.status) && self.phrases.iter().all(is_printed);
        (!is_so).then(|| format!("{} at {}: {exit:?}, and prints\n{words}", self.program, self.refusal))
    }
}

/// Where a program meets a refusal.
fn url_of(doorman: &Doorman, refusal: &str) -> String {
    let server = doorman.address();
    match refusal {
        "connect-refused" => format!("rtmp://{server}/{}/cam", "x".repeat(NAME_TOO_LONG)),
        "rtmpe" => format!("rtmpe://{server}/live/cam"),
        name => format!("rtmp://{server}/live/{name}"),
    }
}

/// A program as people start it: nothing is asked of it but its errand.
pub(crate) fn start(program: &str, clip: &Path, url: &str) -> Program {
    let ffmpeg =
        |arguments: &[&str]| Program::start(Command::new("ffmpeg").arg("-nostdin").args(arguments), "ffmpeg");
    match program {
        "`ffmpeg` publishes" => {
            ffmpeg(&["-re", "-i", &clip.to_string_lossy(), "-c", "copy", "-f", "flv", url])
        }
        "`ffmpeg` plays" => ffmpeg(&["-i", url, "-c", "copy", "-f", "null", "-"]),
        "`rtmp2sink`" => gstreamer::publish(clip, "rtmp2sink", url, &AS_A_CAMERA, gstreamer::UNASKED),
        "`rtmpsink`" => gstreamer::publish(clip, "rtmpsink", url, &AS_A_CAMERA, gstreamer::UNASKED),
        "`rtmp2src`" => gstreamer::play("rtmp2src", url, gstreamer::UNASKED),
        "`rtmpsrc`" => gstreamer::play("rtmpsrc", url, gstreamer::UNASKED),
        "`rtmpdump`" => {
            Program::start(Command::new("rtmpdump").args(["--live", "--rtmp", url, "--flv", "-"]), "rtmpdump")
        }
        other => panic!("nobody knows how to start {other}"),
    }
}

const PAGE: &str = include_str!("../../docs/refusals.md");

const PUBLISHERS: [&str; 3] = ["`ffmpeg` publishes", "`rtmp2sink`", "`rtmpsink`"];
const PLAYERS: [&str; 4] = ["`ffmpeg` plays", "`rtmp2src`", "`rtmpsrc`", "`rtmpdump`"];

/// GStreamer's own client says that a host is missing, and then ends or hangs, as it happens. No server ever hears of it.
const KNOW_NO_RTMPE: [(&str, &str); 2] = [("`rtmp2sink`", "rtmpe"), ("`rtmp2src`", "rtmpe")];

/// In real time, so that the clip is not over before the refusal comes.
const AS_A_CAMERA: [&str; 1] = ["sync=true"];

/// Bytes of an app that no stream's name can begin with.
const NAME_TOO_LONG: usize = 600;
