//! The mistakes that people make, and the message for each: `mistakes.txt` has both, as they write them and as they see it.

use std::ffi::OsString;
use std::path::Path;

use super::file::Source;
use super::{Configuration, Layer, Mistake};

#[test]
fn every_mistake_has_its_message() {
    let (mut seen, mut count) = (String::new(), 0);
    for case in CASES.split("=== ").skip(1) {
        let (name, rest) = case.split_once('\n').expect("a case has a name");
        let (written, _) = rest.split_once("---\n").expect("a case has a message");
        seen.push_str(&format!("=== {name}\n{written}---\n{}\n\n", message_for(written)));
        count += 1;
    }
    assert!(count >= 30, "{count} mistakes");
    let (_, expected) = CASES.split_at(CASES.find("=== ").expect("there are cases"));
    assert!(
        seen.trim_end() == expected.trim_end(),
        "the messages are not those of mistakes.txt, but\n{seen}"
    );
}

/// What is said of a file; lines that begin with `SOL__` are variables beside it.
fn message_for(written: &str) -> String {
    let (variables, file): (Vec<&str>, Vec<&str>) =
        written.lines().partition(|line| line.starts_with("SOL__"));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').expect("a variable has a value");
        (OsString::from(name), OsString::from(value))
    };
    let source = Source::of(Path::new("sol.toml"), (file.join("\n") + "\n").into()).unwrap();
    let mistakes = Configuration::lay(Some(&source), variables.into_iter().map(pair), Layer::default());
    mistakes.expect_err(written).to_string()
}

#[test]
fn whatever_a_file_has_there_is_an_answer() {
    for case in CASES.split("=== ").skip(1) {
        let (_, rest) = case.split_once('\n').expect("a case has a name");
        let (written, _) = rest.split_once("---\n").expect("a case has a message");
        for (at, _) in written.char_indices() {
            for between in ["", "é", "\"", "[", "=", "\r", "\u{feff}"] {
                let (before, behind) = written.split_at(at);
                for text in [format!("{before}{between}"), format!("{before}{between}{behind}")] {
                    answer(&text);
                }
            }
        }
    }
}

fn answer(text: &str) {
    let source = Source::of(Path::new("sol.toml"), text.into()).unwrap();
    let configuration = Configuration::lay(Some(&source), [], Layer::default());
    let Err(mistakes) = configuration else { return };
    drop(mistakes.to_string());
    for span in mistakes.0.iter().flat_map(Mistake::spans) {
        assert!(source.text().get(span.clone()).is_some(), "{span:?} is not in {text:?}");
    }
}

#[test]
fn a_file_that_is_no_text_is_a_mistake_with_its_place() {
    let mistake = Source::of(Path::new("sol.toml"), b"[server]\n# K\xE4se\n".into()).unwrap_err();
    assert_eq!(
        mistake.to_string(),
        "error: cannot read sol.toml: line 2, column 4 has a byte that is not UTF-8, 0xe4\n |\n \
         = help: save it as UTF-8 with a text editor"
    );
}

#[test]
fn a_file_that_is_named_and_missing_is_a_mistake() {
    let mistake = Configuration::load(Some(Path::new("no/such.toml")), [], Layer::default()).unwrap_err();
    assert_eq!(
        mistake.to_string(),
        "error: cannot read no/such.toml: there is no such file\n |\n \
         = help: `sol config default` prints one to begin with"
    );
}

#[test]
fn a_link_to_nothing_is_not_taken_for_no_file() {
    let link = std::env::temp_dir().join(format!("sol-link-to-nothing-{}", std::process::id()));
    std::os::unix::fs::symlink("/no/such.toml", &link).unwrap();
    let read = Source::read(&link);
    std::fs::remove_file(&link).unwrap();
    assert_eq!(
        read.unwrap_err().to_string(),
        format!("error: cannot read {}: it is a link to nothing", link.display())
    );
}

#[test]
fn what_the_system_says_stands_alone_where_nothing_more_is_known() {
    let below_a_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml/sol.toml");
    let mistake = Configuration::load(Some(&below_a_file), [], Layer::default()).unwrap_err();
    assert_eq!(
        mistake.to_string(),
        format!("error: cannot read {}: Not a directory (os error 20)", below_a_file.display())
    );
}

#[test]
fn a_byte_order_mark_shifts_no_column() {
    let message = |text: &str| {
        let source = Source::of(Path::new("sol.toml"), text.into()).unwrap();
        Configuration::lay(Some(&source), [], Layer::default()).unwrap_err().to_string()
    };
    for text in ["[sever]\n", "grace = \"1s\"\n"] {
        assert_eq!(message(&format!("\u{feff}{text}")), message(text));
    }
}

#[test]
fn a_directory_is_no_file() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mistake = Configuration::load(Some(directory), [], Layer::default()).unwrap_err();
    assert_eq!(
        mistake.to_string(),
        format!(
            "error: cannot read {}: it is a directory\n |\n = help: name a file in it",
            directory.display()
        )
    );
}

const CASES: &str = include_str!("mistakes.txt");
