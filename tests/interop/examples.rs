//! The examples for embedders: each serves FFmpeg, refuses aloud, and ends in good order.

use std::net::{Ipv4Addr, UdpSocket};

use sol_tests::programs::{DEADLINE, Example, Exit, Pace, Player, Publisher, Recording};

use crate::clip::{Clip, PICTURES_TO_BEGIN};
use crate::{ENDED_WELL, run_of};

#[test]
fn threads_serves_every_message_to_whoever_waits_and_to_whoever_comes_late() {
    serves_every_message(&Example::start("threads"), "live/cam");
}

#[test]
fn foreign_loop_serves_every_message_to_whoever_waits_and_to_whoever_comes_late() {
    serves_every_message(&Example::start("foreign_loop"), "live/cam");
}

#[test]
fn embedded_serves_every_message_to_whoever_waits_and_to_whoever_comes_late() {
    serves_every_message(&Example::start("embedded"), "live/cam?key=sesame");
}

#[test]
fn doorman_serves_every_message_to_whoever_waits_and_to_whoever_comes_late() {
    serves_every_message(&Example::start("doorman"), "live/cam");
}

#[test]
fn threads_ends_when_its_input_does_and_tells_those_who_are_there() {
    ends_in_good_order("threads", "live/cam");
}

#[test]
fn foreign_loop_ends_when_its_input_does_and_tells_those_who_are_there() {
    ends_in_good_order("foreign_loop", "live/cam");
}

#[test]
fn embedded_ends_when_its_input_does_and_tells_those_who_are_there() {
    ends_in_good_order("embedded", "live/cam?key=sesame");
}

#[test]
fn doorman_ends_when_its_input_does_and_tells_those_who_are_there() {
    ends_in_good_order("doorman", "live/cam");
}

#[test]
fn a_player_that_gives_up_waiting_is_noticed_by_each() {
    for name in ["threads", "foreign_loop", "embedded", "doorman"] {
        let example = Example::start(name);
        let players = [Player::ffmpeg, Player::rtmpdump, Player::rtmp2src, Player::curl];
        let players = players.map(|player| player(&example.url("live/cam")));
        example.wait_for(players.len(), &["Started", "Play"]);
        // Kills them.
        drop(players);
        example.wait_for(4, &["Ended", "Play"]);
        let events = example.stop();
        assert_eq!(events.matches("why: Closed(Peer").count(), 4, "{name}:\n{events}");
    }
}

#[test]
fn threads_lets_an_encoder_that_is_killed_come_back_and_refuses_a_second_one_aloud() {
    let clip = Clip::open("h264_aac.flv");
    let (beginning, _) = clip.cut_before_picture(PICTURES_TO_BEGIN);
    let example = Example::start("threads");
    let url = example.url("live/cam");
    for round in 1..=2 {
        let mut publisher = Publisher::ffmpeg_fed(&url, Pace::RealTime);
        publisher.feed(beginning);
        publisher.wait_for_pictures(1);
        refuses(
            &example,
            Publisher::ffmpeg(&clip.path, &url, Pace::RealTime),
            "the stream name is in use",
            round,
        );
        publisher.kill();
        example.wait_for(round, &["Ended", "Publish"]);
    }
    example.stop();
}

#[test]
fn foreign_loop_and_doorman_deny_by_the_words_of_their_own_threads() {
    let clip = Clip::open("h264_aac.flv");
    for name in ["foreign_loop", "doorman"] {
        let example = Example::start(name);
        let publisher = Publisher::ffmpeg(&clip.path, &example.url("elsewhere/cam"), Pace::RealTime);
        refuses(&example, publisher, "There is nothing but live/ here.", 1);
        let player = Player::ffmpeg(&example.url("elsewhere/cam")).finish();
        assert!(player.words.contains("There is nothing but live/ here."), "{name}: {}", player.words);
        example.stop();
    }
}

#[test]
fn foreign_loop_tells_its_statistics() {
    let example = Example::start("foreign_loop");
    let waiting = Player::ffmpeg(&example.url("live/cam"));
    example.wait_for(1, &["Started", "Play"]);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    socket.set_read_timeout(Some(DEADLINE)).expect("a socket can be impatient");
    socket.send_to(b"?", example.address_of("statistics")).expect("it can be sent");
    let mut answer = [0; 1024];
    let length = socket.recv(&mut answer).expect("it answers");
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.contains("live/cam: 1 play\n"), "{answer:?}");
    example.stop();
    waiting.finish();
}

#[test]
fn embedded_asks_its_application_for_the_key_and_denies_aloud() {
    let clip = Clip::open("h264_aac.flv");
    let example = Example::start("embedded");
    for (count, stream) in ["live/cam", "live/cam?key=curtain", "live/unknown?key=sesame"].iter().enumerate()
    {
        let publisher = Publisher::ffmpeg(&clip.path, &example.url(stream), Pace::RealTime);
        refuses(&example, publisher, "The key is not that of this stream.", count + 1);
    }
    let events = example.stop();
    assert!(!events.contains("curtain"), "keys are no matter of a log:\n{events}");
}

/// A player waits, then a clip is published, and another player comes amid it.
fn serves_every_message(example: &Example, published: &str) {
    let clip = Clip::open("h264_aac.flv");
    let (beginning, rest) = clip.cut_before_picture(PICTURES_TO_BEGIN);
    let early = Player::ffmpeg(&example.url("live/cam"));
    example.wait_for(1, &["Started", "Play"]);
    let mut publisher = Publisher::ffmpeg_fed(&example.url(published), Pace::Fast);
    publisher.feed(beginning);
    publisher.wait_for_pictures(PICTURES_TO_BEGIN - 5);
    let late = Player::rtmpdump(&example.url("live/cam"));
    example.wait_for(2, &["Started", "Play"]);
    publisher.feed(rest);

    assert_eq!(publisher.finish(), ENDED_WELL);
    assert_eq!(whole_of(early.finish(), &clip), clip.whole());
    let run = whole_of(late.finish(), &clip);
    assert_eq!(run.end, clip.packets.list.len());
}

/// Where in the clip the recording of a player lies that ended well.
fn whole_of(recording: Recording, clip: &Clip) -> std::ops::Range<usize> {
    assert_eq!(recording.exit, ENDED_WELL, "{}", recording.family);
    run_of(&recording, clip)
}

/// Publishes and plays while the example is told to end.
fn ends_in_good_order(name: &str, published: &str) {
    let clip = Clip::open("h264_aac.flv");
    let (beginning, rest) = clip.cut_before_picture(PICTURES_TO_BEGIN);
    let example = Example::start(name);
    let mut publisher = Publisher::ffmpeg_fed(&example.url(published), Pace::Fast);
    publisher.feed(beginning);
    publisher.wait_for_pictures(1);
    let player = Player::ffmpeg(&example.url("live/cam"));
    example.wait_for(1, &["Started", "Play"]);
    publisher.wait_for_pictures(PICTURES_TO_BEGIN - 5);

    let events = example.stop();

    // FFmpeg learns of it when it has something to write.
    publisher.feed(rest);
    assert_eq!(publisher.finish(), Exit::Status(1));
    let recording = player.finish();
    assert_eq!(recording.exit, ENDED_WELL);
    assert!(!run_of(&recording, &clip).is_empty());
    for kind in ["Publish", "Play"] {
        let ended = |line: &&str| line.contains("Ended") && line.contains(&format!("kind: {kind}"));
        assert_eq!(events.lines().filter(ended).count(), 1, "{kind}:\n{events}");
    }
}

/// The publisher reads why it is refused, and the example tells of so many refusals.
fn refuses(example: &Example, mut publisher: Publisher, words: &str, count: usize) {
    assert_eq!(publisher.finish(), Exit::Status(1));
    assert!(publisher.words().contains(words), "{}", publisher.words());
    example.wait_for(count, &["Refused", "Publish"]);
}
