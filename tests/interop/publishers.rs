//! Publishers other than FFmpeg. What a player receives is what they sent, from the first frame to the last.

use sol_tests::programs::{Player, Publisher, Recording, Sol, packets_by_mpv, packets_by_vlc};

use crate::clip::Clip;
use crate::{ENDED_WELL, payload_runs, whole_tracks};

#[test]
fn what_rtmp2sink_publishes_is_played() {
    let clip = Clip::open("h264_aac.flv");
    let recording = played_of(|url| Publisher::rtmp2sink(&clip.path, url));
    // flvmux clamps times below zero, so the tracks move against each other; their payloads are the clip's.
    assert_eq!(payload_runs(&recording, &clip.packets), whole_tracks(&clip.packets));
}

#[test]
fn what_rtmpsink_publishes_is_played() {
    let clip = Clip::open("h264_aac.flv");
    let recording = played_of(|url| Publisher::rtmpsink(&clip.path, url));
    assert_eq!(payload_runs(&recording, &clip.packets), whole_tracks(&clip.packets));
}

#[test]
fn a_clip_that_curl_pushes_in_one_burst_is_played() {
    let clip = Clip::open("h264_aac.flv");
    let recording = played_of(|url| Publisher::curl(&clip.path, url));
    assert_eq!(recording.packets.run_in(&clip.packets), Ok(clip.whole()));
}

#[test]
fn what_mpv_encodes_is_played() {
    let clip = Clip::open("h264_aac.flv");
    let encoded = packets_by_mpv(&clip.path);
    let recording = played_of(|url| Publisher::mpv(&clip.path, url));
    assert_eq!(recording.packets.run_in(&encoded), Ok(0..encoded.list.len()));
}

#[test]
fn what_vlc_publishes_is_played() {
    let clip = Clip::open("h264_aac.flv");
    let remuxed = packets_by_vlc(clip.bytes());
    let recording = played_of(|url| Publisher::vlc(clip.bytes(), url));
    assert_eq!(payload_runs(&recording, &remuxed), whole_tracks(&remuxed));
}

/// What a player got that was there before the publisher, and heard all of it.
#[track_caller]
fn played_of(publish: impl FnOnce(&str) -> Publisher) -> Recording {
    let sol = Sol::start();
    let url = sol.url("live/cam");
    let player = Player::ffmpeg(&url);
    sol.wait_for(1, "play");
    let mut publisher = publish(&url);
    assert_eq!(publisher.finish(), ENDED_WELL, "{}", publisher.words());
    let recording = player.finish();
    assert_eq!(recording.exit, ENDED_WELL);
    let log = sol.stop();
    assert_eq!(log.only("publish ended").text("reason"), "stopped");
    let end = log.only("play ended");
    assert_eq!((end.text("reason"), end.count("gaps")), ("stream-ended", 0), "{end}");
    recording
}
