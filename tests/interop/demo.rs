//! What a newcomer and an operator see of a server that shows its demo.

use sol_tests::programs::{Player, Sol};

use crate::ENDED_WELL;
use crate::clip::{Clip, VIDEO};

#[test]
fn the_demo_is_played_from_a_keyframe_on_and_reported_with_its_player() {
    let clip = Clip::demo();
    let mut sol = Sol::start_with("127.0.0.1:0", &["--demo"]);

    let player = Player::ffmpeg(&sol.url("live/demo"));
    // More than the first two seconds, so that there is a second keyframe.
    player.wait_for_packets(170);
    let log = sol.report();
    let port = sol.address().port();
    sol.stop();
    let recording = player.finish();

    assert_eq!(recording.exit, ENDED_WELL);
    let whole = clip.twice(8_000);
    let run = recording.packets.run_in(&whole);
    let run = run.unwrap_or_else(|deviation| panic!("{deviation}"));
    assert!(run.len() >= 170);
    let first = &whole.list[run.start];
    assert_eq!(first.track, VIDEO);
    assert_eq!(first.dts_ms % 2_000, 0, "a keyframe: there is one every 2 s");

    let stream = log.only("stream");
    assert_eq!((stream.text("stream"), stream.text("state")), ("live/demo", "live"));
    assert!(stream.is_set("from_within"), "nobody's connection publishes it: {stream}");
    assert_eq!((stream.text("video"), stream.text("audio")), ("H.264", "AAC"));
    assert_eq!((stream.count("players"), stream.count("keyframe_ms")), (1, 2_000));
    assert_eq!(stream.number("fps").round(), 30.0);
    let [picture, sound] = &log.of("track")[..] else { panic!("two tracks") };
    assert_eq!((picture.text("stream"), picture.text("codec")), ("live/demo", "avc1.4D401F"));
    assert_eq!((picture.count("video"), picture.text("profile")), (0, "Main"));
    assert_eq!((sound.count("audio"), sound.text("codec")), (0, "mp4a.40.2"));
    let viewer = log.only("player");
    assert_eq!((viewer.text("stream"), viewer.text("state")), ("live/demo", "playing"));
    assert!(
        viewer.text("peer").starts_with("127.0.0.1:") && !viewer.text("peer").ends_with(&format!(":{port}"))
    );
    assert!(viewer.count("frames") >= 170);
}
