//! `sol serve --drain`: a server that is told to stop lets everybody leave before.

use sol_tests::programs::{Pace, Player, Publisher, Sol};

use crate::clip::{Clip, PICTURES_TO_BEGIN};
use crate::{ENDED_WELL, run_of};

const RUNTIMES: [&str; 2] = ["tokio", "mio"];

#[test]
fn who_does_not_know_how_to_reconnect_goes_on_to_the_end_and_so_does_the_server() {
    for runtime in RUNTIMES {
        let clip = Clip::open("h264_aac.flv");
        let (beginning, rest) = clip.cut_before_picture(PICTURES_TO_BEGIN);
        let mut sol = Sol::start_with("127.0.0.1:0", &["--runtime", runtime, "--drain", "10m"]);
        let player = Player::ffmpeg(&sol.url("live/cam"));
        sol.wait_for(1, "play");
        let mut publisher = Publisher::ffmpeg_fed(&sol.url("live/cam"), Pace::Fast);
        publisher.feed(beginning);
        sol.wait_for(1, "publish");
        sol.begin_to_stop();
        sol.wait_for(1, "draining");
        publisher.feed(rest);
        assert_eq!(publisher.finish(), ENDED_WELL);
        let recording = player.finish();
        assert_eq!(recording.exit, ENDED_WELL);
        assert_eq!(run_of(&recording, &clip), clip.whole());
        let log = sol.finish();
        assert_eq!(log.only("draining").count("connections"), 2);
        assert_eq!(log.only("drained").count("left"), 0);
        assert_eq!(log.of("shutting down").len(), 0);
        assert_eq!(log.only("publish ended").text("reason"), "stopped");
        assert_eq!(log.only("play ended").text("reason"), "stream-ended");
    }
}

#[test]
fn who_has_not_left_in_time_is_told_of_the_shutdown_and_a_second_signal_waits_for_nobody() {
    for runtime in RUNTIMES {
        let options = ["--demo", "--runtime", runtime];
        let sol = Sol::start_with("127.0.0.1:0", &[&options[..], &["--drain", "1ms"]].concat());
        let player = Player::ffmpeg(&sol.url("live/demo"));
        sol.wait_for(1, "play");
        let log = sol.stop();
        assert_eq!(player.finish().exit, ENDED_WELL);
        assert_eq!(log.only("shutting down").count("connections"), 1);
        assert_eq!(log.only("drained").count("left"), 1);
        assert_eq!(log.only("play ended").text("reason"), "shutdown");

        let sol = Sol::start_with("127.0.0.1:0", &[&options[..], &["--drain", "10m"]].concat());
        let _player = Player::ffmpeg(&sol.url("live/demo"));
        sol.wait_for(1, "play");
        let log = sol.stop_at_once();
        assert_eq!(log.only("draining").count("connections"), 1);
        assert_eq!(log.of("drained").len(), 0);
    }
}
