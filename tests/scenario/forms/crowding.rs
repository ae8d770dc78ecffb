//! Crowding: whoever wants as many forms as can be gets a few, and nobody else notices.

use std::time::Duration;

use sol_core::limits;
use sol_core::server::ServerConfig;
use sol_tests::peer::message::{MediaReceived, StreamId};
use sol_tests::peer::pattern::{Pattern, Tags, VideoPattern};
use sol_tests::peer::run::check_run;
use sol_tests::world::{Client, LinkOptions, Segments, World, ms, seed};

use super::{assert_is_at_the_edge, in_legacy_tags, of_cam};

#[test]
fn a_viewer_that_wants_a_hundred_tracks_again_and_again_gets_eight_and_nobody_else_notices() {
    for loops in [1, 3] {
        let alone = watched(loops, |_, _| {});
        let crowded = watched(loops, |world, second| {
            let greedy = world.peer();
            greedy.with(|peer| {
                peer.connect("live");
                for number in 1..=10 {
                    peer.create_stream();
                    peer.play(StreamId(number), &format!("cam?track={}", (second * 10 + number) % 100));
                }
            });
            for number in 0..10 {
                let form = if number % 2 == 0 { "legacy" } else { "one-track" };
                world.player(&of_cam(&format!("?form={form}&track={}", second * 10 + number)));
            }
            // One NetStream on which it goes from track to track.
            let restless = world.peer();
            restless.with(|peer| {
                peer.connect("live");
                peer.create_stream();
                (0..100).for_each(|track| peer.play(StreamId(1), &format!("cam?track={track}")));
            });
        });
        assert!(crowded.arrivals == alone.arrivals, "the others got something else, or at another time");
        assert!(alone.forms_peak <= 3, "{}", alone.forms_peak);
        assert!(crowded.forms_peak <= 2 + limits::TRACK_FORMS, "{}", crowded.forms_peak);
        assert_eq!(crowded.tape_peak, alone.tape_peak, "the stream's own tape");
        // Of its bytes a track has a hundredth, but for what stands in front of each.
        let (more, most) = (crowded.form_bytes_peak - alone.form_bytes_peak, alone.tape_peak / 4);
        assert!(more < most, "the forms keep {more} bytes more");
    }
}

/// What four viewers of a stream of a hundred tracks got and when, and what it took.
struct Watched {
    arrivals: Vec<Vec<(Duration, MediaReceived)>>,
    forms_peak: usize,
    form_bytes_peak: usize,
    tape_peak: usize,
}

/// Ten seconds, with something else that happens each second.
fn watched(loops: u32, mut happens: impl FnMut(&mut World, u32)) -> Watched {
    let mut world = World::with_loops(seed(1), loops, ServerConfig::default());
    world.set_link(WIDE);
    let camera = world.publisher("live/cam").streaming(HUNDRED_TRACKS);
    let queries =
        [("", None), ("?form=legacy", Some(0)), ("?form=one-track", Some(0)), ("?track=1", Some(1))];
    world.run_until(ms(500));
    let viewers = queries.map(|(query, _)| world.player(&of_cam(query)));
    let (mut forms_peak, mut form_bytes_peak, mut tape_peak) = (0, 0, 0);
    let name = "live/cam".parse().expect("a name");
    for second in 1..10 {
        for tenth in 0..10 {
            world.run_until(ms(1_000 * u64::from(second) + 100 * tenth));
            let (forms, form_bytes) = world.forms_of(&name);
            forms_peak = forms_peak.max(forms);
            form_bytes_peak = form_bytes_peak.max(form_bytes);
            tape_peak = tape_peak.max(world.tape_bytes_of(&name));
        }
        happens(&mut world, second);
    }
    world.run_until(ms(10_000));
    for (viewer, (query, track)) in viewers.iter().zip(queries) {
        let sent = match track {
            Some(track) => in_legacy_tags(&camera, HUNDRED_TRACKS, track),
            None => camera.sent(),
        };
        if track.is_some() {
            let run = check_run(&viewer.media(), &sent).unwrap_or_else(|error| panic!("{query}: {error}"));
            assert_is_at_the_edge(&run, &sent);
        }
    }
    let arrivals = viewers.iter().map(Client::arrivals).collect();
    Watched { arrivals, forms_peak, form_bytes_peak, tape_peak }
}

const HUNDRED_TRACKS: Pattern = Pattern {
    video: Some(VideoPattern { frame_rate: 10, keyframe_every_ms: 1_000, kilobits_per_second: 20 }),
    ..Pattern::new().video_only().in_tags(Tags::Tracks(100))
};

/// As fast as can be, in few pieces.
const WIDE: LinkOptions = LinkOptions {
    latency: ms(20),
    bytes_per_second: u64::MAX,
    segments: Segments::Bytes(64 * 1024),
    send_buffer_bytes: 1024 * 1024,
    receive_buffer_bytes: 1024 * 1024,
};
