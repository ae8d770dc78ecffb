//! Players of every family, at the same time.

use sol_tests::programs::flv::{Kind, Tag};
use sol_tests::programs::{Pace, Player, Publisher, Recording, Sol};

use crate::clip::{Clip, PICTURES_TO_BEGIN, VIDEO};
use crate::{ENDED_WELL, run_of};

#[test]
fn every_player_receives_the_clip_from_its_join_to_the_end() {
    let clip = Clip::open("h264_aac.flv");
    let keyframe = clip.keyframe(3);
    let amid_a_group = keyframe + 8;
    assert!((PICTURES_TO_BEGIN..clip.keyframe(4)).contains(&amid_a_group));
    let (until_there, rest) = clip.cut_before_picture(amid_a_group);
    let sol = Sol::start();
    let url = sol.url("live/cam");

    let early = one_of_each(&url);
    sol.wait_for(3, "play");
    let mut publisher = Publisher::ffmpeg_fed(&url, Pace::RealTime);
    publisher.feed(until_there);
    publisher.wait_for_pictures(keyframe + 4);
    let late = one_of_each(&url);
    sol.wait_for(6, "play");
    publisher.feed(rest);

    assert_eq!(publisher.finish(), ENDED_WELL);
    for recording in early.map(Player::finish) {
        assert_received(&recording, &clip, 0);
    }
    for recording in late.map(Player::finish) {
        assert_received(&recording, &clip, keyframe);
    }
    let log = sol.stop();
    assert_eq!(log.only("publish ended").text("reason"), "stopped");
    let ends = log.of("play ended");
    assert_eq!(ends.len(), 6);
    for end in ends {
        assert_eq!((end.text("reason"), end.count("gaps")), ("stream-ended", 0), "{end}");
    }
}

fn one_of_each(url: &str) -> [Player; 3] {
    [Player::ffmpeg(url), Player::rtmpdump(url), Player::rtmp2src(url)]
}

/// Everything from a keyframe on, with what a decoder needs before it, and an end that the player understood.
#[track_caller]
fn assert_received(recording: &Recording, clip: &Clip, keyframe: usize) {
    let name = recording.name;
    assert_eq!(recording.exit, ENDED_WELL, "{name}");
    match name {
        "rtmpdump" => assert!(recording.words.contains("Download complete"), "rtmpdump: {}", recording.words),
        "rtmp2src" => assert!(recording.words.contains("got stream-eof"), "rtmp2src: {}", recording.words),
        _ => {}
    }
    // The configurations are the clip's, since `run_of` compares those as well.
    let run = run_of(recording, clip);
    assert_eq!(recording.packets.list[0].track, VIDEO, "{name}");
    assert_eq!(run.start, clip.packet_of_picture(keyframe), "{name}");
    if let Some(tags) = &recording.tags {
        assert_begins_with_configurations(name, tags);
    }
    // rtmp2src throws away the message that waits for its pipeline when StreamEOF comes: one at most.
    let lost = clip.whole().end - run.end;
    assert!(lost == 0 || (lost == 1 && name == "rtmp2src"), "{name}: {lost} packets missing at the end");
}

fn assert_begins_with_configurations(name: &str, tags: &[Tag]) {
    let first_two = |kind| {
        let mut tags = tags.iter().filter(move |tag| tag.kind == kind);
        (tags.next().expect("a track has messages"), tags.next().expect("a track has messages"))
    };
    let (configuration, picture) = first_two(Kind::Video);
    assert!(configuration.is_configuration() && picture.is_keyframe(), "{name}");
    let (configuration, sound) = first_two(Kind::Audio);
    assert!(configuration.is_configuration() && !sound.is_configuration(), "{name}");
}
