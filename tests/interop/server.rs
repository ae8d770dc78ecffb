//! Server: how `sol` begins, what it says, and how it ends.

use std::net::{Ipv6Addr, TcpListener};

use sol_tests::programs::{Exit, Pace, Player, Publisher, Sol, Stream};

use crate::clip::{Clip, PICTURES_TO_BEGIN};
use crate::{ENDED_WELL, run_of};

#[test]
fn sigterm_ends_publisher_and_players_and_the_log_tells_it_once() {
    let clip = Clip::open("h264_aac.flv");
    let (beginning, rest) = clip.cut_before_picture(PICTURES_TO_BEGIN);
    let sol = Sol::start();
    let url = sol.url("live/cam");

    let mut publisher = Publisher::ffmpeg_fed(&url, Pace::Fast);
    publisher.feed(beginning);
    sol.wait_for(1, "publish");
    let players = [Player::ffmpeg(&url), Player::rtmpdump(&url), Player::rtmp2src(&url)];
    sol.wait_for(3, "play");
    publisher.wait_for_pictures(PICTURES_TO_BEGIN - 5);
    let log = sol.stop();
    // FFmpeg learns of it when it has something to write.
    publisher.feed(rest);

    assert_eq!(publisher.finish(), Exit::Status(1));
    for recording in players.map(Player::finish) {
        assert_eq!(recording.exit, ENDED_WELL, "{}", recording.family);
        assert!(!run_of(&recording, &clip).is_empty(), "{}", recording.family);
    }
    assert_eq!(log.only("shutting down").count("connections"), 4);
    let publish = log.only("publish");
    assert_eq!(publish.text("stream"), "live/cam");
    let life = log.life_of(publish.count("session"));
    assert_eq!(life, ["connect", "publish", "track", "track", "publish ended", "disconnect"]);
    let plays = log.of("play");
    assert_eq!(plays.len(), 3);
    for play in plays {
        assert_eq!(play.text("stream"), "live/cam");
        assert_eq!(log.life_of(play.count("session")), ["connect", "play", "play ended", "disconnect"]);
    }
    assert_eq!(log.only("publish ended").text("reason"), "shutdown");
    for end in log.of("play ended") {
        // All sessions close at once; a player may see its publisher go first.
        assert!(["shutdown", "stream-ended"].contains(&end.text("reason")), "{end}");
    }
    for end in log.of("publish ended").into_iter().chain(log.of("play ended")) {
        assert!(end.number("seconds") >= 0.0 && end.count("bytes") > 0, "{end}");
    }
    for end in log.of("disconnect") {
        assert_eq!(end.text("reason"), "shutdown", "{end}");
        assert!(end.number("seconds") >= 0.0 && end.count("received") > 0 && end.count("sent") > 0, "{end}");
    }
}

#[test]
fn a_second_signal_ends_it_though_somebody_is_there() {
    let sol = Sol::start();
    let _player = Player::ffmpeg(&sol.url("live/cam"));
    sol.wait_for(1, "connect");
    let log = sol.stop_at_once();
    assert_eq!(log.only("shutting down").count("connections"), 1);
}

#[test]
fn a_port_that_is_taken_is_one_clear_line_and_exit_status_3() {
    let first = Sol::start();
    let address = first.address().to_string();
    let mut second = Sol::run(&["--rtmp", &address]);
    assert_eq!(second.finish(), Exit::Status(3));
    let complaint = second.stderr();
    let expected = format!("sol: cannot listen on {address}: another program uses it already");
    assert!(complaint.starts_with(&expected), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert_eq!(second.stdout(), b"");
    first.stop();
}

#[test]
fn a_bad_address_is_named_and_exit_status_2() {
    let mut sol = Sol::run(&["--rtmp", "127.0.0.1:99999"]);
    assert_eq!(sol.finish(), Exit::Status(2));
    let complaint = sol.stderr();
    assert!(complaint.contains("\"99999\" is no port"), "{complaint}");
    assert!(!complaint.contains("panicked"), "{complaint}");
}

#[test]
fn a_port_alone_takes_a_publisher_over_ipv6_and_a_player_over_ipv4() {
    require_ipv6();
    let clip = Clip::open("h264_aac.flv");
    let sol = Sol::start_on("0");

    let player = Player::ffmpeg(&sol.url("live/cam"));
    sol.wait_for(1, "play");
    let url = format!("rtmp://[::1]:{}/live/cam", sol.address().port());
    let mut publisher = Publisher::ffmpeg(&clip.path, &url, Pace::Fast);

    assert_eq!(publisher.finish(), ENDED_WELL);
    let recording = player.finish();
    assert_eq!(recording.exit, ENDED_WELL);
    assert_eq!(run_of(&recording, &clip), clip.whole());
    let log = sol.stop();
    assert!(log.only("publish").text("peer").starts_with("[::1]:"));
    assert!(log.only("play").text("peer").starts_with("127.0.0.1:"));
}

#[test]
fn the_greeting_shows_urls_that_work() {
    let clip = Clip::open("h264_only.flv");
    let mut sol = Sol::run(&["--rtmp", "0"]);
    let greeting = sol.wait_for(Stream::Out, "a line `Play`", |text| {
        text.lines().any(|line| line.starts_with("Play ")).then(|| text.to_owned())
    });
    let to_publish = url_in(&greeting, "Publish");
    let to_play = url_in(&greeting, "Play");
    let port = to_play.split([':', '/']).nth(4).expect("a URL with the port that the system chose");
    assert!(greeting.lines().next().expect("three lines").contains(&format!("port {port}")), "{greeting}");

    let player = Player::ffmpeg(to_play);
    sol.wait_for(Stream::Err, "a log line `play`", |text| text.contains(" INFO play ").then_some(()));
    let mut publisher = Publisher::ffmpeg(&clip.path, to_publish, Pace::Fast);

    assert_eq!(publisher.finish(), ENDED_WELL);
    let recording = player.finish();
    assert_eq!(recording.exit, ENDED_WELL);
    assert_eq!(run_of(&recording, &clip), clip.whole());
    sol.terminate();
    assert_eq!(sol.finish(), ENDED_WELL);
}

/// The URL in a line that begins with a word.
fn url_in<'a>(greeting: &'a str, first_word: &str) -> &'a str {
    let mut lines = greeting.lines();
    let line = lines.find(|line| line.starts_with(first_word)).expect("the greeting has such a line");
    line.split_whitespace().find(|word| word.starts_with("rtmp://")).expect("the line has a URL")
}

/// A machine without IPv6 cannot tell whether this works. Saying so is better than passing.
fn require_ipv6() {
    if let Err(error) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        panic!("this machine has no IPv6 loopback ({error}); `--skip over_ipv6` leaves this test out");
    }
}
