//! Golden transcripts: what `sol replay --serve` tells of each capture, in `golden/`.
//!
//! A transcript that changes is a change of what is understood, or of what Sol answers: look at the diff that the test prints, and
//! if it is as it should be, run `INSTA_UPDATE=always cargo test -p sol-tests --test replay golden` and commit what that writes.

use std::fs::{self, File};
use std::panic;

use sol_bin::replay::{self, Options};
use sol_tests::captures;

#[test]
fn each_capture_is_told_as_its_golden_transcript_has_it() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let differs = |stem: &String| {
        let told = told(stem);
        settings.bind(|| panic::catch_unwind(|| insta::assert_snapshot!(stem.as_str(), told)).is_err())
    };
    let differing: Vec<String> = stems().into_iter().filter(differs).collect();
    assert!(differing.is_empty(), "these are told otherwise: {differing:?}");
}

#[test]
fn there_is_no_golden_transcript_without_a_capture() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/replay/golden");
    let mut golden: Vec<String> = fs::read_dir(folder)
        .expect("they are there")
        .map(|entry| entry.expect("it can be listed").file_name().into_string().expect("names are text"))
        .filter_map(|name| Some(name.strip_suffix(".snap")?.to_owned()))
        .collect();
    golden.sort_unstable();
    assert_eq!(golden, stems());
}

fn told(stem: &str) -> String {
    let name = format!("{stem}.pcap");
    let recording = File::open(captures::directory().join(&name)).expect("the capture is there");
    let options = Options { serve: true, ..Options::default() };
    let mut told = Vec::new();
    replay::tell(recording, &name, &options, &mut told).expect("it can be read");
    String::from_utf8(told).expect("it is text")
}

fn stems() -> Vec<String> {
    captures::stems(&captures::directory()).expect("they can be listed")
}
