//! Corpus: what fuzzing has found is run again, so that what it has reached stays reached and what it broke stays mended.
//!
//! The inputs are those of `fuzz/corpus`, and the seeds that are cut out of the captures. `fuzz/README.md` says how they are
//! made. Beside them are messages that were not found but made: the vectors.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a failure of these is a failure of the test")]
#![expect(clippy::print_stdout, reason = "a test that fails shows what it has printed")]

mod vectors;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use sol_tests::fuzzing::{Seed, TARGETS, seeds, target};

/// One test for each target.
macro_rules! nothing_breaks_in_any_input_of {
    ($($target:ident)*) => {
        const REPLAYED: &[&str] = &[$(stringify!($target)),*];

        mod nothing_breaks_in_any_input_of {
            $(
                #[test]
                fn $target() {
                    super::replay(stringify!($target));
                }
            )*
        }
    };
}

nothing_breaks_in_any_input_of! {
    amf0
    amf3
    chunks
    client
    configuration
    description
    flv
    framing
    handshake_client
    handshake_server
    loops
    messages
    names
    observer
    odd_video
    pcap
    server
    session
    tags
    tcp
}

#[test]
fn every_target_has_a_corpus_a_test_and_a_program_and_nothing_else_has_one() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names_in("corpus"), targets);
    assert_eq!(names_in("targets"), targets);
    assert_eq!(REPLAYED.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), targets);
}

#[test]
fn every_target_begins_with_seeds() {
    let seeded: BTreeSet<&str> = SEEDS.iter().map(|&(name, _)| name).collect();
    assert_eq!(seeded, TARGETS.iter().map(|target| target.name).collect());
}

fn replay(name: &str) {
    let folder = fuzz_folder().join("corpus").join(name);
    let mut inputs: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    let run = target(name).run;
    for input in inputs {
        // Shown where it fails.
        println!("{}", input.display());
        run(&fs::read(input).unwrap());
    }
    for (index, (_, seed)) in SEEDS.iter().filter(|(of, _)| *of == name).enumerate() {
        println!("seed {index}");
        run(seed);
    }
}

/// All captures are read for them.
static SEEDS: LazyLock<Vec<Seed>> = LazyLock::new(seeds);

fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz_folder().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}
