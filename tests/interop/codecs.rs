//! Tracks and codecs that Sol need not understand to pass them on unchanged.

use sol_tests::programs::{Pace, Player, Publisher, Sol};

use crate::clip::Clip;
use crate::{ENDED_WELL, run_of};

#[test]
fn audio_alone_is_passed_on() {
    assert_passes_unchanged("aac_only.flv", &["aac"], &["mp4a.40.2"]);
}

#[test]
fn video_alone_is_passed_on() {
    assert_passes_unchanged("h264_only.flv", &["h264"], &["avc1.640009"]);
}

#[test]
fn sorenson_video_and_mp3_pass_unchanged() {
    assert_passes_unchanged("flv1_mp3.flv", &["flv1", "mp3"], &["Sorenson H.263", "mp3"]);
}

/// To players of both old families that wait for the publisher.
#[track_caller]
fn assert_passes_unchanged(name: &'static str, codecs: &[&str], described: &[&str]) {
    let clip = Clip::open(name);
    assert_eq!(clip.packets.tracks.iter().map(|track| &track.codec).collect::<Vec<_>>(), codecs);
    let sol = Sol::start();
    let url = sol.url("live/cam");

    let players = [Player::ffmpeg(&url), Player::rtmpdump(&url)];
    sol.wait_for(2, "play");
    let mut publisher = Publisher::ffmpeg(&clip.path, &url, Pace::Fast);

    assert_eq!(publisher.finish(), ENDED_WELL);
    for recording in players.map(Player::finish) {
        assert_eq!(recording.exit, ENDED_WELL, "{}", recording.family);
        assert_eq!(run_of(&recording, &clip), clip.whole(), "{}", recording.family);
    }
    // The journal says what each track is.
    let log = sol.stop();
    assert_eq!(log.of("track").len(), codecs.len());
    for line in log.of("track") {
        assert!(described.contains(&line.text("codec")), "{line}");
    }
}
