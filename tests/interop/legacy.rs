//! The legacy form: what `?form=legacy` gives to players from before Enhanced RTMP, of what FFmpeg 9 publishes.

use sol_tests::programs::packets::{Packet, Packets};
use sol_tests::programs::{Exit, Pace, Player, Publisher, Sol};

use crate::ENDED_WELL;
use crate::clip::Clip;

#[test]
fn a_player_that_asks_for_the_legacy_form_gets_h264_and_aac_of_the_default_tracks() {
    let clip = Clip::open_enhanced("two_h264_two_aac.flv");
    let sol = Sol::start();

    let player = Player::ffmpeg(&sol.url("live/cam?form=legacy"));
    sol.wait_for(1, "play");
    let mut publisher = Publisher::ffmpeg_9(&clip.path, &sol.url("live/cam"), Pace::Fast);

    assert_eq!(publisher.finish(), ENDED_WELL);
    let recording = player.finish();
    assert_eq!(recording.exit, ENDED_WELL);
    let expected = only_tracks(&clip.packets, [FIRST_VIDEO, FIRST_AUDIO]);
    assert_eq!(recording.packets.run_in(&expected), Ok(0..expected.list.len()));
    sol.stop();
}

#[test]
fn a_codec_that_the_legacy_form_does_not_have_is_named_to_whoever_asks_for_it() {
    // Of two that it does not have, the one that comes first.
    for (name, codecs) in [
        ("hevc_aac.flv", &["HEVC"][..]),
        ("av1_opus.flv", &["AV1", "Opus"]),
        ("vp9_opus.flv", &["VP9", "Opus"]),
        ("h264_flac.flv", &["FLAC"]),
        ("h264_ac3.flv", &["AC-3"]),
    ] {
        let clip = Clip::open_enhanced(name);
        let sol = Sol::start();
        let mut publisher = Publisher::ffmpeg_9(&clip.path, &sol.url("live/cam"), Pace::RealTime);
        // The codecs are known by then.
        publisher.wait_for_pictures(20);
        let recording = Player::ffmpeg(&sol.url("live/cam?form=legacy")).finish();

        assert_eq!(recording.exit, Exit::Status(1), "{name}");
        let refusal = recording.words.lines().find(|line| line.contains("Server error: "));
        let is_named = |line: &str| codecs.iter().any(|codec| line.contains(&format!(": {codec} cannot")));
        assert!(refusal.is_some_and(is_named), "{name}: {}", recording.words);
        assert_eq!(publisher.finish(), ENDED_WELL, "{name}");
        sol.stop();
    }
}

/// These tracks, numbered anew.
fn only_tracks<const N: usize>(packets: &Packets, tracks: [usize; N]) -> Packets {
    let renumbered = packets.list.iter().filter_map(|packet| {
        let track = tracks.iter().position(|&track| track == packet.track)?;
        Some(Packet { track, ..packet.clone() })
    });
    let list = renumbered.collect();
    Packets { tracks: tracks.map(|track| packets.tracks[track].clone()).to_vec(), list }
}

/// FFmpeg numbers the videos first.
const FIRST_VIDEO: usize = 0;
const FIRST_AUDIO: usize = 2;
