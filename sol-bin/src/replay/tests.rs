//! Recordings that are broken in any way are told of all the same.

use std::fs;
use std::path::PathBuf;

use super::*;

#[test]
fn bytes_that_are_changed_anywhere_break_nothing_but_what_is_told() {
    let directory = std::env::temp_dir().join(format!("sol-replay-broken-{}", std::process::id()));
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut outcomes = Vec::new();
    for stem in ["neg-play-nostream-ffprobe51", "pub-ffmpeg51-nonlive-record", "vod-rtmpdump24-start2"] {
        let whole = fs::read(recording(stem)).expect("it is there");
        for round in 0..12_usize {
            let mut broken = whole.clone();
            for _ in 0..1 + round * 4 {
                // Most of them behind the headers of the file and of the first packets, which would end it.
                let at = if round % 4 == 0 { random(broken.len()) } else { 300 + random(broken.len() - 300) };
                broken[at] ^= 1 << random(8);
            }
            if round % 3 == 2 {
                let cut = random(broken.len());
                broken.drain(cut..(cut + random(2_000)).min(whole.len()));
            }
            let options = Options {
                all: round % 2 == 0,
                json: round % 3 == 0,
                serve: true,
                extract: Some(directory.clone()),
                overwrite: true,
            };
            let mut told = Vec::new();
            if let Ok(outcome) = tell(&broken[..], stem, &options, &mut told) {
                let told = String::from_utf8(told).expect("it is UTF-8");
                assert!(!told.contains(|char: char| char.is_control() && char != '\n'), "{told:?}");
                outcomes.push(outcome);
            }
        }
    }
    fs::remove_dir_all(&directory).expect("it was made");
    let count = |which| outcomes.iter().filter(|outcome| **outcome == which).count();
    assert!(count(Outcome::Told) > 10 && count(Outcome::Damaged) > 2, "{outcomes:?}");
}

#[test]
fn what_cannot_be_written_is_an_error_of_its_own() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let file = File::open(recording("neg-ffmpeg51-rtmpt")).expect("it is there");
    let error = tell(file, "it", &Options::default(), Full).unwrap_err();
    assert_eq!(error.to_string(), "cannot write what is told");
}

fn recording(stem: &str) -> PathBuf {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/replay/captures");
    captures.join(format!("{stem}.pcap"))
}
