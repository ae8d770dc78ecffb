//! GStreamer publishes.

use sol_tests::programs::{Player, Publisher, Sol};

use crate::ENDED_WELL;
use crate::clip::{AUDIO, Clip, VIDEO};

#[test]
fn what_rtmp2sink_publishes_is_played_by_ffmpeg() {
    let clip = Clip::open("h264_aac.flv");
    let sol = Sol::start();
    let url = sol.url("live/cam");

    let player = Player::ffmpeg(&url);
    sol.wait_for(1, "play");
    let mut publisher = Publisher::rtmp2sink(&clip.path, &url);

    assert_eq!(publisher.finish(), ENDED_WELL);
    let recording = player.finish();
    assert_eq!(recording.exit, ENDED_WELL);
    // flvmux clamps times below zero, so the tracks move against each other; their payloads are the clip's.
    for track in [VIDEO, AUDIO] {
        let (published, played) = (clip.packets.payloads_of(track), recording.packets.payloads_of(track));
        let run = played.run_in(&published).unwrap_or_else(|deviation| panic!("track {track}: {deviation}"));
        assert_eq!(run, 0..published.list.len());
    }
    sol.stop();
}
