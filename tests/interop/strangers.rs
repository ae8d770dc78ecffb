//! Whoever speaks no RTMP, or means no good, beside a stream that must not notice. `trials -- nonsense` has those that
//! take a minute.

use std::time::Duration;

use sol_tests::programs::{DEADLINE, Pace, Player, Publisher, Sol};
use sol_tests::strangers::{STRANGERS, StrangersEnd, Visit};

use crate::clip::Clip;
use crate::{ENDED_WELL, run_of};

#[test]
fn strangers_are_closed_with_their_reason_and_a_stream_beside_them_loses_nothing() {
    let clip = Clip::open("h264_aac.flv");
    let sol = Sol::start();
    let player = Player::ffmpeg(&sol.url("live/cam"));
    sol.wait_for(1, "play");
    let mut publisher = Publisher::ffmpeg(&clip.path, &sol.url("live/cam"), Pace::RealTime);
    publisher.wait_for_pictures(25);

    let brief = STRANGERS.iter().filter(|stranger| stranger.end == StrangersEnd::AtOnce);
    let came: Vec<_> = brief
        .enumerate()
        .map(|(number, stranger)| {
            let (server, stream) = (sol.address(), "cam".to_owned());
            let visit = Visit { server, number, stream, length: Duration::ZERO, patience: DEADLINE };
            (stranger, stranger.visit(&visit).unwrap_or_else(|error| panic!("{error}")))
        })
        .collect();
    sol.wait_for(came.len(), "disconnect");

    assert_eq!(publisher.finish(), ENDED_WELL);
    let recording = player.finish();
    assert_eq!(recording.exit, ENDED_WELL);
    assert_eq!(run_of(&recording, &clip), clip.whole());
    let log = sol.stop();
    for (stranger, address) in came {
        let ends = log.of("disconnect");
        let end = ends.iter().find(|end| end.text("peer") == address.to_string());
        assert_eq!(end.map(|end| end.text("reason")), Some(stranger.reason), "{}", stranger.what);
    }
}
