//! Enhanced RTMP: codecs by FourCC, and several tracks, from FFmpeg 9 to FFmpeg 9, and files of the specification's authors.
//!
//! Players are there before anybody publishes, so that they get everything.

use sol_tests::programs::flv::{self, Kind, Tag};
use sol_tests::programs::{Pace, Player, Publisher, Sol, packets_by_ffmpeg_9};

use crate::client::{self, Output};
use crate::clip::Clip;
use crate::{ENDED_WELL, run_of};

#[test]
fn hevc_with_aac_passes_unchanged() {
    assert_passes_unchanged("hevc_aac.flv", &["hevc", "aac"]);
}

#[test]
fn av1_with_opus_passes_unchanged() {
    assert_passes_unchanged("av1_opus.flv", &["av1", "opus"]);
}

#[test]
fn vp9_with_opus_passes_unchanged() {
    assert_passes_unchanged("vp9_opus.flv", &["vp9", "opus"]);
}

#[test]
fn h264_with_flac_passes_unchanged() {
    assert_passes_unchanged("h264_flac.flv", &["h264", "flac"]);
}

#[test]
fn h264_with_ac_3_passes_unchanged() {
    assert_passes_unchanged("h264_ac3.flv", &["h264", "ac3"]);
}

#[test]
fn two_videos_with_two_audios_pass_unchanged() {
    assert_passes_unchanged("two_h264_two_aac.flv", &["h264", "h264", "aac", "aac"]);
}

#[test]
fn av1_high_by_the_authors_of_enhanced_rtmp_passes_tag_by_tag() {
    assert_passes_tag_by_tag("enhanced/testsrc.flv");
}

#[test]
fn av1_main_by_the_authors_of_enhanced_rtmp_passes_tag_by_tag() {
    assert_passes_tag_by_tag("enhanced/mptestsrc.flv");
}

#[track_caller]
fn assert_passes_unchanged(name: &'static str, codecs: &[&str]) {
    let clip = Clip::open_enhanced(name);
    assert_eq!(clip.packets.tracks.iter().map(|track| &track.codec).collect::<Vec<_>>(), codecs);
    let sol = Sol::start();
    let url = sol.url("live/cam");

    let player = Player::ffmpeg_9(&url);
    sol.wait_for(1, "play");
    let mut publisher = Publisher::ffmpeg_9(&clip.path, &url, Pace::Fast);

    assert_eq!(publisher.finish(), ENDED_WELL);
    let recording = player.finish();
    assert_eq!(recording.exit, ENDED_WELL);
    assert_eq!(run_of(&recording, &clip), clip.whole());
    sol.stop();
}

/// From `sol publish` to `sol play`: as many tags, of the same kinds with the same payloads, and all pictures and sounds at the
/// same times, less one constant.
///
/// Two things are Sol's own. `sol play` puts the length and an index into the metadata of a file. And configurations get the time
/// that the stream has reached: they have none of their own.
#[track_caller]
fn assert_passes_tag_by_tag(name: &'static str) {
    let clip = Clip::open_enhanced(name);
    let (sol, file) = (Sol::start(), Output::new(&name.replace('/', "-")));
    let url = sol.url("live/cam");

    let mut play = client::play(&url, &["-o", file.path()]);
    sol.wait_for(1, "play");
    let mut publish = client::publish(&clip, &url, &["--speed", "10"]);

    assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
    assert_eq!(play.finish(), ENDED_WELL, "{}", play.stderr());
    let (sent, kept) = (clip.tags(), flv::tags(&file.bytes()));
    assert_eq!(sent.len(), kept.len(), "{name}");
    let shift_ms = first_due_ms(sent).wrapping_sub(first_due_ms(&kept));
    let mut reached_ms = 0;
    for (at, (sent, kept)) in sent.iter().zip(&kept).enumerate() {
        assert_eq!(sent.kind, kept.kind, "{name}, tag {at}");
        if matches!(sent.kind, Kind::Other(_)) {
            assert_eq!((at, kept.timestamp_ms), (0, 0), "{name}: metadata comes first, and is timeless");
            continue;
        }
        assert_eq!(sent.body, kept.body, "{name}, tag {at}");
        if sent.is_configuration() {
            assert_eq!(kept.timestamp_ms, reached_ms, "{name}, tag {at}");
        } else {
            assert_eq!(sent.timestamp_ms.wrapping_sub(kept.timestamp_ms), shift_ms, "{name}, tag {at}");
            reached_ms = reached_ms.max(kept.timestamp_ms);
        }
    }
    let packets = packets_by_ffmpeg_9(&file.bytes());
    assert_eq!(packets.run_in(&clip.packets), Ok(clip.whole()), "{name}");
    sol.stop();
}

/// When the first picture or sound is due.
fn first_due_ms(tags: &[Tag]) -> u32 {
    let is_coded = |tag: &&Tag| !matches!(tag.kind, Kind::Other(_)) && !tag.is_configuration();
    tags.iter().find(is_coded).expect("there are pictures and sounds").timestamp_ms
}
