//! Players of every family, at the same time.

use sol_tests::programs::flv::{Kind, Tag};
use sol_tests::programs::packets::Packets;
use sol_tests::programs::{Family, Log, LogLine, Pace, Player, Publisher, Recording, Sol, packets_by_vlc};

use crate::clip::{Clip, PICTURES_TO_BEGIN, VIDEO};
use crate::{ENDED_WELL, payload_runs, run_of, whole_tracks};

#[test]
fn every_player_receives_the_clip_from_its_join_to_the_end() {
    let clip = Clip::open("h264_aac.flv");
    let remuxed = packets_by_vlc(clip.bytes());
    let sol = Sol::start();

    let (early, late) = show_to(&sol, &clip, one_of_each);

    for (players, keyframe) in [(early, 0), (late, clip.keyframe(GROUP_JOINED))] {
        for recording in players.map(Player::finish) {
            assert_ended_well(&recording);
            assert_received_by_any(&recording, &remuxed, &clip, keyframe);
        }
    }
    assert_played_to_the_end(&sol.stop(), 12);
}

/// It has librtmp's end of the stream, and does not take it for one: it connects again to ask for more.
#[test]
fn rtmpsrc_receives_the_clip_and_comes_back_for_more_until_the_server_has_gone() {
    let clip = Clip::open("h264_aac.flv");
    let sol = Sol::start();

    let (early, late) = show_to(&sol, &clip, |url| [Player::rtmpsrc(url)]);
    sol.wait_for(4, "play");
    let log = sol.stop();

    for (players, keyframe) in [(early, 0), (late, clip.keyframe(GROUP_JOINED))] {
        for recording in players.map(Player::finish) {
            assert_ended_well(&recording);
            assert_received(&recording, &clip, keyframe);
        }
    }
    let ends = log.of("play ended");
    assert_eq!(ends.len(), 4);
    let (played, again): (Vec<_>, Vec<_>) = ends.into_iter().partition(|end| end.count("frames") > 0);
    assert_eq!((played.len(), again.len()), (2, 2));
    assert_all_played_to_the_end(&played);
}

/// A player of every family that ends when its stream does.
pub(crate) fn one_of_each(url: &str) -> [Player; 6] {
    [
        Player::ffmpeg(url),
        Player::rtmpdump(url),
        Player::rtmp2src(url),
        Player::curl(url),
        Player::mpv(url),
        Player::vlc(url),
    ]
}

/// Publishes a clip to players that are there before, and to players that come amid a group of pictures.
fn show_to<const N: usize>(
    sol: &Sol,
    clip: &Clip,
    players: impl Fn(&str) -> [Player; N],
) -> ([Player; N], [Player; N]) {
    let keyframe = clip.keyframe(GROUP_JOINED);
    let amid_a_group = keyframe + 8;
    assert!((PICTURES_TO_BEGIN..clip.keyframe(GROUP_JOINED + 1)).contains(&amid_a_group));
    let (until_there, rest) = clip.cut_before_picture(amid_a_group);
    let url = sol.url("live/cam");

    let early = players(&url);
    sol.wait_for(N, "play");
    let mut publisher = Publisher::ffmpeg_fed(&url, Pace::RealTime);
    publisher.feed(until_there);
    publisher.wait_for_pictures(keyframe + 4);
    let late = players(&url);
    sol.wait_for(2 * N, "play");
    publisher.feed(rest);

    assert_eq!(publisher.finish(), ENDED_WELL);
    (early, late)
}

/// The server saw so many players off at the end of the stream, and owed them nothing.
#[track_caller]
fn assert_played_to_the_end(log: &Log, players: usize) {
    assert_eq!(log.only("publish ended").text("reason"), "stopped");
    let ends = log.of("play ended");
    assert_eq!(ends.len(), players);
    assert_all_played_to_the_end(&ends);
}

#[track_caller]
fn assert_all_played_to_the_end(ends: &[&LogLine]) {
    for end in ends {
        assert_eq!((end.text("reason"), end.count("gaps")), ("stream-ended", 0), "{end}");
    }
}

/// By itself, and because it understood that this is the end.
#[track_caller]
pub(crate) fn assert_ended_well(recording: &Recording) {
    let Recording { family, words, .. } = recording;
    assert_eq!(recording.exit, ENDED_WELL, "{family}");
    let says = match family {
        Family::Rtmpdump => "Download complete",
        Family::Rtmp2src => "got stream-eof",
        Family::Rtmpsrc => "Reading data gave EOS",
        Family::Vlc => "end of playlist, exiting",
        // FFmpeg and curl say nothing, and mpv may be gone before its log is written.
        Family::Ffmpeg | Family::Curl | Family::Mpv => return,
    };
    assert!(words.contains(says), "{family}: {words}");
}

/// Everything from a keyframe on. VLC's is told by what it makes of the clip without a server.
#[track_caller]
pub(crate) fn assert_received_by_any(recording: &Recording, remuxed: &Packets, clip: &Clip, keyframe: usize) {
    match recording.family {
        Family::Vlc => assert_received_remuxed(recording, remuxed, clip, keyframe),
        Family::Ffmpeg
        | Family::Rtmpdump
        | Family::Rtmp2src
        | Family::Rtmpsrc
        | Family::Curl
        | Family::Mpv => assert_received(recording, clip, keyframe),
    }
}

/// Everything from a keyframe on, with what a decoder needs before it.
#[track_caller]
fn assert_received(recording: &Recording, clip: &Clip, keyframe: usize) {
    let family = recording.family;
    // The configurations are the clip's, since `run_of` compares those as well.
    let run = run_of(recording, clip);
    assert_eq!(recording.packets.list[0].track, VIDEO, "{family}");
    assert_eq!(run.start, clip.packet_of_picture(keyframe), "{family}");
    if let Some(tags) = &recording.tags {
        assert_begins_with_configurations(family, tags);
    }
    // rtmp2src throws away the message that waits for its pipeline when StreamEOF comes: one at most.
    let lost = clip.whole().end - run.end;
    assert!(
        lost == 0 || (lost == 1 && family == Family::Rtmp2src),
        "{family}: {lost} packets missing at the end"
    );
}

/// The same, told by what VLC makes of the clip. It times everything anew.
#[track_caller]
fn assert_received_remuxed(recording: &Recording, remuxed: &Packets, clip: &Clip, keyframe: usize) {
    let before = clip.packet_of_picture(keyframe);
    let sounds_before = clip.packets.list[..before].iter().filter(|packet| packet.track != VIDEO).count();
    let [pictures, sounds] = whole_tracks(remuxed);
    let expected = [keyframe..pictures.end, sounds_before..sounds.end];
    assert_eq!(payload_runs(recording, remuxed), expected, "{}", recording.family);
}

fn assert_begins_with_configurations(family: Family, tags: &[Tag]) {
    let first_two = |kind| {
        let mut tags = tags.iter().filter(move |tag| tag.kind == kind);
        (tags.next().expect("a track has messages"), tags.next().expect("a track has messages"))
    };
    let (configuration, picture) = first_two(Kind::Video);
    assert!(configuration.is_configuration() && picture.is_keyframe(), "{family}");
    let (configuration, sound) = first_two(Kind::Audio);
    assert!(configuration.is_configuration() && !sound.is_configuration(), "{family}");
}

/// Which group of pictures late players join.
const GROUP_JOINED: usize = 3;
