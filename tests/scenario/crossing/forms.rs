//! Forms: made on the loop of those who want them, out of what crosses to it once.

use sol_core::hub::StreamConfig;
use sol_tests::peer::message::TypeId;
use sol_tests::peer::pattern::{MediaSent, Pattern, Tags};
use sol_tests::peer::run::{check_run, check_runs};
use sol_tests::world::{World, ms, seed};

use super::{
    LARGE, UNPUBLISH_NOTIFY, WIDE, assert_is_at_the_edge, crossed_once, players_all_round, with_streams,
};
use crate::marks::{FIRST_FRAME, media_of_mark};

#[test]
fn players_of_a_form_get_the_same_on_all_loops_and_the_stream_crosses_once_to_each() {
    let mut world = World::with_loops(seed(1), 3, with_streams(StreamConfig::default()));
    let early = players_all_round::<3>(&mut world, "live/cam?form=legacy");
    world.run_until(ms(1_000));
    let camera = world.next_at(0).publisher("live/cam").streaming(TRACKS);
    world.run_until(ms(4_500));
    let late = players_all_round::<3>(&mut world, "live/cam?track=1");
    let full = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(9_000));

    for (players, track) in [(&early, 0), (&late, 1)] {
        let sent = of_track(TRACKS, track, camera.sent().len());
        for player in players {
            assert_eq!(player.media(), players[0].media());
            assert_is_at_the_edge(&check_run(&player.media(), &sent).expect("one run"), &sent);
            assert_eq!((player.notices(), player.closed()), (vec![], None));
        }
    }
    assert_eq!(
        check_run(&early[2].media(), &of_track(TRACKS, 0, 1_000)).expect("one run").first,
        FIRST_FRAME
    );
    assert_eq!(full[1].media().len(), full[0].media().len());
    for loop_index in [1, 2] {
        let crossed = crossed_once(&world, loop_index);
        assert!(crossed.frames <= camera.sent().len(), "{crossed:?}");
    }
}

#[test]
fn a_player_of_a_form_on_another_loop_hears_of_a_codec_that_it_cannot_have() {
    let mut world = World::with_loops(seed(2), 2, with_streams(StreamConfig::default()));
    let waits = world.next_at(1).player("live/cam?form=legacy");
    world.run_until(ms(500));
    let camera = world.next_at(0).publisher("live/cam").streaming(Pattern::new().in_tags(Tags::Hevc));
    let full = world.next_at(1).player("live/cam");
    world.run_until(ms(3_000));
    let joins = world.next_at(1).player("live/cam?form=legacy");
    world.run_until(ms(9_000));
    for viewer in [&waits, &joins] {
        let (_, status) = viewer.told().remove(0);
        assert_eq!(status.code, "NetStream.Play.Failed");
        assert!(status.description.contains("HEVC"), "{status:?}");
    }
    assert_is_at_the_edge(&full.run_of(&camera), &camera.sent());
}

/// What the stream has is known there only as it comes: the player is in front of it, and has been told that it plays.
#[test]
fn at_a_loop_that_does_not_have_the_stream_yet_a_codec_ends_the_player_and_so_does_a_track_that_never_comes()
{
    let mut world = World::with_loops(seed(3), 2, with_streams(StreamConfig::default()));
    let _hevc = world.next_at(0).publisher("live/hevc").streaming(Pattern::new().in_tags(Tags::Hevc));
    let camera = world.next_at(0).publisher("live/cam").streaming(TRACKS);
    world.run_until(ms(3_000));
    let unfit = world.next_at(1).player("live/hevc?form=legacy");
    let has_no_track = world.next_at(1).player("live/cam?track=7");
    world.run_until(ms(6_000));
    assert_eq!(unfit.notices(), ["NetStream.Play.Failed", UNPUBLISH_NOTIFY]);
    assert!(unfit.media().iter().all(|media| media.type_id != TypeId::VIDEO), "{:?}", unfit.media());
    assert_eq!(unfit.endings()[0].0.code(), "unfit");
    let (_, told) = has_no_track.told().swap_remove(0);
    assert_eq!((told.code.as_str(), told.description.as_str()), (NOT_FOUND, "the stream has no track 7"));
    let sent = of_track(TRACKS, 0, camera.sent().len());
    assert!(check_run(&has_no_track.media(), &sent).expect("one run").frames > 0, "until that was clear");
    // Where somebody has played it for a while, whoever comes is told at once.
    let _plays = world.next_at(1).player("live/cam");
    world.run_until(ms(9_000));
    let comes_then = world.next_at(1).player("live/cam?track=8");
    world.run_until(ms(10_000));
    assert_eq!(comes_then.notices(), [NOT_FOUND]);
}

#[test]
fn what_is_lost_on_the_way_to_a_loop_is_a_gap_in_each_form_there() {
    let config = StreamConfig { gap_max: ms(60_000), patience: 100, ..StreamConfig::default() };
    let mut world = World::with_loops(seed(4), 2, with_streams(config));
    world.set_link(WIDE);
    let pattern = LARGE.in_tags(Tags::Enhanced);
    let camera = world.next_at(0).publisher("live/cam").streaming(pattern);
    let viewer = world.next_at(1).player("live/cam?form=legacy");
    world.run_until(ms(2_500));
    world.hold_back(1);
    world.run_until(ms(14_500));
    world.let_through(1);
    world.run_until(ms(18_000));
    let sent = of_track(pattern, 0, camera.sent().len());
    let runs = check_runs(&viewer.media(), &sent).expect("runs with nothing but holes between them");
    assert!(runs.len() > 1, "{runs:#?}");
    assert_is_at_the_edge(runs.last().expect("there are some"), &sent);
    assert!(!crossed_once(&world, 1).gaps.is_empty());
}

#[test]
fn a_publisher_that_returns_on_another_loop_and_its_end_reach_each_form() {
    let mut world = World::with_loops(seed(5), 3, with_streams(StreamConfig::default()));
    let first = world.next_at(0).publisher("live/cam").streaming(TRACKS);
    let players = players_all_round::<3>(&mut world, "live/cam?form=legacy&track=1");
    world.run_until(ms(3_000));
    world.cut(&first);
    world.run_until(ms(5_000));
    let second = world.next_at(2).publisher("live/cam").streaming(TRACKS.marked(20));
    world.run_until(ms(8_000));
    second.finish();
    world.run_until(ms(15_000));
    for player in &players {
        let media = player.media();
        check_run(&media_of_mark(&media, 1), &of_track(TRACKS, 1, first.sent().len())).expect("one run");
        let sent = of_track(TRACKS.marked(20), 1, second.sent().len());
        let run = check_run(&media_of_mark(&media, 21), &sent).expect("one run");
        assert_eq!((run.first, run.last), (FIRST_FRAME, sent.len() as u64 - 1));
        assert_eq!(player.notices(), [UNPUBLISH_NOTIFY]);
    }
}

const NOT_FOUND: &str = "NetStream.Play.StreamNotFound";
const TRACKS: Pattern = Pattern::new().in_tags(Tags::Tracks(2));

/// So many messages of a track, as a publisher of that alone would send them.
fn of_track(pattern: Pattern, track: u8, count: usize) -> Vec<MediaSent> {
    pattern.track(track).media().take(count).collect()
}
