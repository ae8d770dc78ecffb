//! Encoders that are killed.

use sol_tests::programs::{DEADLINE, Pace, Publisher, Sol};

use crate::clip::{Clip, PICTURES_TO_BEGIN};

#[test]
fn a_hundred_encoders_that_are_killed_leave_no_stream_and_no_socket_behind() {
    let clip = Clip::open("h264_aac.flv");
    let (beginning, _) = clip.cut_before_picture(PICTURES_TO_BEGIN);
    let mut sol = Sol::start();
    sol.extend_deadline(3 * DEADLINE);
    let before = sol.descriptors_and_threads();

    for round in 0..ROUNDS {
        let urls = (0..AT_ONCE).map(|number| sol.url(&format!("live/cam{number}")));
        // Each is killed while it waits for more to publish.
        let publishers = urls.map(|url| {
            let mut publisher = Publisher::ffmpeg_fed(&url, Pace::RealTime);
            publisher.feed(beginning);
            publisher
        });
        for publisher in publishers {
            publisher.wait_for_pictures(1);
            publisher.kill();
        }
        sol.wait_for((round + 1) * AT_ONCE, "disconnect");
    }

    // A socket closes just behind its last log line.
    sol.wait_for_descriptors_and_threads(before);
    let report = sol.report();
    let report = report.only("report");
    assert_eq!((report.count("streams"), report.count("connections")), (0, 0));
    let log = sol.stop();
    let ends = log.of("publish ended");
    assert_eq!(ends.len(), ROUNDS * AT_ONCE);
    for end in ends {
        assert!(["peer-left", "peer-reset"].contains(&end.text("reason")), "{end}");
    }
}

const ROUNDS: usize = 20;
const AT_ONCE: usize = 5;
