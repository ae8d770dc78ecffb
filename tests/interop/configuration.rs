//! Configuration: a file is obeyed, and one with a mistake keeps the server from starting.

use std::path::{Path, PathBuf};

use sol_tests::programs::{Exit, Pace, Player, Publisher, Sol};

use crate::clip::{Clip, PICTURES_TO_BEGIN};
use crate::refusals::start;
use crate::{ENDED_WELL, run_of};

#[test]
fn whoever_is_kept_out_by_the_file_reads_why_and_nobody_else_notices() {
    let clip = Clip::open("h264_aac.flv");
    let sol = Sol::start_configured(&file("policies.toml"));

    let mut refused = start("`ffmpeg` publishes", &clip.path, &sol.url("other/cam"));
    assert_eq!(refused.finish(), Exit::Status(1));
    let words = refused.stderr();
    assert!(
        words.contains("Server error: publishing is closed for this app; ask who runs the server"),
        "{words}"
    );

    let (beginning, rest) = clip.cut_before_picture(PICTURES_TO_BEGIN);
    let mut secret = Publisher::ffmpeg_fed(&sol.url("live/secret/cam"), Pace::Fast);
    secret.feed(beginning);
    sol.wait_for(1, "publish");
    let mut curious = start("`ffmpeg` plays", &clip.path, &sol.url("live/secret/cam"));
    assert_eq!(curious.finish(), Exit::Status(1));
    let words = curious.stderr();
    assert!(
        words.contains("Server error: playing is closed for this app; ask who runs the server"),
        "{words}"
    );
    secret.feed(rest);
    assert_eq!(secret.finish(), ENDED_WELL);

    let player = Player::ffmpeg(&sol.url("live/cam"));
    sol.wait_for(1, "play");
    let mut publisher = Publisher::ffmpeg(&clip.path, &sol.url("live/cam"), Pace::Fast);
    assert_eq!(publisher.finish(), ENDED_WELL);
    let recording = player.finish();
    assert_eq!(recording.exit, ENDED_WELL);
    assert_eq!(run_of(&recording, &clip), clip.whole());

    let log = sol.stop();
    assert_eq!(Path::new(log.only("configuration").text("file")), file("policies.toml"));
    assert_eq!(log.only("publish refused").text("reason"), "denied");
    assert_eq!(log.only("play refused").text("reason"), "denied");
}

#[test]
fn that_no_file_was_read_stands_in_the_log() {
    let log = Sol::start().stop();
    log.only("no configuration file");
    assert_eq!(log.of("configuration").len(), 0);
}

#[test]
fn a_mistake_in_the_file_is_shown_with_its_place_and_exit_status_2() {
    let path = file("mistaken.toml");
    for arguments in [&["--config"][..], &["config", "check"]] {
        let mut sol = Sol::run(&[arguments, &[path.to_str().expect("the path is UTF-8")]].concat());
        assert_eq!(sol.finish(), Exit::Status(2));
        let expected = format!(
            "error: [defaults] has no key \"grase\"\n --> {}:5:1\n  |\n5 | grase = \"5s\"\n  | ^^^^^ did you mean grace?\n\n\
             sol: the configuration has a mistake\n",
            path.display()
        );
        assert_eq!(sol.stderr(), expected);
        assert_eq!(sol.stdout(), b"");
    }
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/configuration").join(name)
}
