//! Stream names: one publisher each.

use sol_tests::programs::{Exit, Pace, Player, Publisher, Sol};

use crate::clip::{Clip, PICTURES_TO_BEGIN};
use crate::{ENDED_WELL, run_of};

#[test]
fn a_second_publisher_is_told_that_the_name_is_in_use_and_the_first_goes_on() {
    let clip = Clip::open("h264_aac.flv");
    let (half, other_half) = clip.cut_before_picture(PICTURES_TO_BEGIN);
    let sol = Sol::start();
    let url = sol.url("live/cam");

    let player = Player::ffmpeg(&url);
    sol.wait_for(1, "play");
    let mut first = Publisher::ffmpeg_fed(&url, Pace::Fast);
    first.feed(half);
    sol.wait_for(1, "publish");
    let mut second = Publisher::ffmpeg(&clip.path, &url, Pace::Fast);
    assert_eq!(second.finish(), Exit::Status(1));
    assert!(second.words().contains("Server error: the stream name is in use"), "{}", second.words());
    first.feed(other_half);

    assert_eq!(first.finish(), ENDED_WELL);
    let recording = player.finish();
    assert_eq!(recording.exit, ENDED_WELL);
    assert_eq!(run_of(&recording, &clip), clip.whole());
    let log = sol.stop();
    assert_eq!(log.only("publish refused").text("reason"), "name-in-use");
    assert_eq!(log.only("publish ended").text("reason"), "stopped");
}
