//! `sol serve --drain`: a server that is told to stop lets everybody leave before.

use rustix::process::Signal;
use sol_tests::programs::packets::{Packet, Packets};
use sol_tests::programs::{Pace, Player, Publisher, Sol, Stream, free_port, packets_of};

use crate::client::Output;
use crate::clip::{AUDIO, Clip, PICTURES_TO_BEGIN, VIDEO};
use crate::{ENDED_WELL, payload_runs, run_of, whole_tracks};

/// Between two pictures or sounds of the clip there is less.
const STEP_MAX_MS: i64 = 70;

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
        assert_eq!(log.only("drained").count("cut_off"), 0);
        assert_eq!(log.of("shutting down").len(), 0);
        assert_eq!(log.only("publish ended").text("reason"), "stopped");
        assert_eq!(log.only("play ended").text("reason"), "stream-ended");
    }
}

#[test]
fn what_sol_publishes_moves_at_a_keyframe_and_no_frame_is_lost_or_doubled() {
    for runtime in RUNTIMES {
        let clip = Clip::open("h264_aac.flv");
        let there = Sol::start_with("127.0.0.1:0", &["--runtime", runtime]);
        let mut here = draining(runtime, &there);
        let player = Player::ffmpeg(&here.url("live/cam"));
        here.wait_for(1, "play");
        let other_player = Player::ffmpeg(&there.url("live/cam"));
        there.wait_for(1, "play");
        let file = clip.path.to_str().expect("the path is UTF-8");
        let mut publish = Sol::run(&["publish", file, &here.url("live/cam?token=secret")]);
        here.wait_for(1, "publish");
        here.begin_to_stop();
        assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
        assert!(publish.stderr().contains("sol: moved; publishing at "), "{}", publish.stderr());
        let [before, behind] = [player, other_player].map(Player::finish);
        assert_eq!((before.exit, behind.exit), (ENDED_WELL, ENDED_WELL));
        let (before, behind) = (payload_runs(&before, &clip.packets), payload_runs(&behind, &clip.packets));
        for ((before, behind), whole) in before.iter().zip(&behind).zip(whole_tracks(&clip.packets)) {
            assert_eq!((before.start, before.end, behind.end), (whole.start, behind.start, whole.end));
            assert!(!before.is_empty() && !behind.is_empty(), "{before:?}, {behind:?}");
        }
        let log = here.finish();
        assert_eq!(log.only("drained").count("cut_off"), 0);
        assert_eq!(log.only("publish ended").text("reason"), "stopped");
        assert_eq!(there.stop().only("publish ended").text("reason"), "stopped");
    }
}

/// The clip is looped, so that every payload comes again and again.
#[test]
fn what_sol_plays_moves_with_its_publisher_and_its_file_goes_on_without_a_frame_lost_or_doubled() {
    for runtime in RUNTIMES {
        let clip = Clip::open("h264_aac.flv");
        let there = Sol::start_with("127.0.0.1:0", &["--runtime", runtime]);
        let mut here = draining(runtime, &there);
        let files = ["one", "two"].map(|name| Output::new(&format!("moved-{runtime}-{name}")));
        let mut players =
            files.each_ref().map(|file| Sol::run(&["play", &here.url("live/cam"), "-o", file.path()]));
        here.wait_for(2, "play");
        let file = clip.path.to_str().expect("the path is UTF-8");
        let mut publish = Sol::run(&["publish", "--loop", file, &here.url("live/cam")]);
        here.wait_for(1, "publish");
        here.begin_to_stop();
        let log = here.finish();
        assert_eq!(log.only("drained").count("cut_off"), 0);
        for player in &players {
            player.wait_for(Stream::Err, "that it has moved", |text| {
                text.contains("sol: moved; playing from ").then_some(())
            });
        }
        publish.signal(Signal::TERM);
        assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
        for (player, file) in players.iter_mut().zip(&files) {
            assert_eq!(player.finish(), ENDED_WELL, "{}", player.stderr());
            let packets = packets_of(&file.bytes());
            for (track, name) in [(VIDEO, "pictures"), (AUDIO, "sounds")] {
                let of_it = |packets: &Packets| -> Vec<Packet> {
                    packets.list.iter().filter(|packet| packet.track == track).cloned().collect()
                };
                let (came, once) = (of_it(&packets), of_it(&clip.packets));
                // One that is lost or doubled puts all that follow into the wrong place.
                let misplaced =
                    came.iter().zip(once.iter().cycle()).filter(|(came, sent)| came.md5 != sent.md5);
                assert_eq!(misplaced.count(), 0, "of {} {name}", came.len());
                let steps = came.windows(2).map(|pair| pair[1].dts_ms - pair[0].dts_ms);
                let odd: Vec<i64> = steps.filter(|step| !(0..=STEP_MAX_MS).contains(step)).collect();
                assert_eq!(odd, [0; 0], "of {} {name}", came.len());
            }
        }
        let log = there.stop();
        assert_eq!(log.of("play").len(), 2);
        for end in log.of("play ended") {
            assert!(end.count("frames") > 0 && end.count("gaps") == 0, "{end}");
        }
    }
}

#[test]
fn whoever_cannot_be_reached_is_not_moved_to() {
    let clip = Clip::open("h264_aac.flv");
    let target = format!("rtmp://127.0.0.1:{}", free_port());
    let mut here = Sol::start_with("127.0.0.1:0", &["--drain", "10m", "--drain-target", &target]);
    let player = Player::ffmpeg(&here.url("live/cam"));
    here.wait_for(1, "play");
    let file = clip.path.to_str().expect("the path is UTF-8");
    let mut publish = Sol::run(&["publish", file, &here.url("live/cam")]);
    here.wait_for(1, "publish");
    here.begin_to_stop();
    assert_eq!(publish.finish(), ENDED_WELL, "{}", publish.stderr());
    assert!(publish.stderr().contains("nobody listens there"), "{}", publish.stderr());
    assert!(publish.stderr().contains("; staying there"), "{}", publish.stderr());
    assert_eq!(run_of(&player.finish(), &clip), clip.whole());
    assert_eq!(here.finish().only("drained").count("cut_off"), 0);
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
        assert_eq!(log.only("draining").number("seconds"), 0.001);
        let down = log.only("shutting down");
        assert_eq!((down.count("connections"), down.text("signal")), (1, "SIGTERM"));
        assert_eq!(log.only("drained").count("cut_off"), 1);
        assert_eq!(log.only("play ended").text("reason"), "shutdown");

        let sol = Sol::start_with("127.0.0.1:0", &[&options[..], &["--drain", "10m"]].concat());
        let _player = Player::ffmpeg(&sol.url("live/demo"));
        sol.wait_for(1, "play");
        let log = sol.stop_at_once();
        assert_eq!(log.only("draining").count("connections"), 1);
        assert_eq!(log.of("drained").len(), 0);
    }
}

/// Sends its clients there when it is told to stop.
fn draining(runtime: &str, there: &Sol) -> Sol {
    let target = format!("rtmp://{}", there.address());
    Sol::start_with("127.0.0.1:0", &["--runtime", runtime, "--drain", "10m", "--drain-target", &target])
}
