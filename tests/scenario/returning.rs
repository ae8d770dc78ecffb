//! Returning: a publisher whose connection broke may come back within the grace, and its players are not told.

use std::time::Duration;

use sol_core::limits;
use sol_core::participant::EndReason;
use sol_core::session::CloseReason;
use sol_tests::peer::message::{MediaReceived, StreamId, UserControl};
use sol_tests::peer::pattern::{FrameText, Pattern};
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::{Phase, Player, Publisher};
use sol_tests::world::{Client, LinkOptions, Segments, World, ms, seed};

use crate::marks::{FIRST_FRAME, assert_time_never_steps_back};

const UNPUBLISH_NOTIFY: &str = "NetStream.Play.UnpublishNotify";

#[test]
fn players_of_a_publisher_that_vanished_are_told_nothing_and_go_on_when_it_returns() {
    let is_cut: fn(&mut World, &Client<Publisher>) = |world, camera| world.cut(camera);
    let hangs_up: fn(&mut World, &Client<Publisher>) = |world, camera| world.hang_up(camera);
    let falls_silent: fn(&mut World, &Client<Publisher>) = |world, camera| {
        world.unplug(camera);
        world.run_for(limits::SILENCE_TIME);
    };
    let breaks_its_chunks: fn(&mut World, &Client<Publisher>) = |_, camera| {
        camera.with(|publisher| publisher.peer_mut().send_raw_bytes(BROKEN_CHUNK));
    };
    for vanishes in [is_cut, hangs_up, falls_silent, breaks_its_chunks] {
        let mut world = World::new(seed(1));
        let first = world.publisher("live/cam").streaming(Pattern::new().marked(1));
        let viewer = world.player("live/cam");
        world.run_until(ms(5_500));
        vanishes(&mut world, &first);
        world.run_for(ms(9_000));
        assert!(first.closed().is_some());
        let before = viewer.media().len();
        // It begins anew, on another clock.
        let second =
            world.publisher("live/cam").streaming(Pattern::new().marked(2).starting_at_ms(7_654_321));
        world.run_for(ms(5_000));

        assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
        assert!(!viewer.with(|player| has_stream_eof(player)));
        let media = viewer.media();
        let (of_first, of_second) = media.split_at(before);
        assert_eq!(check_run(of_first, &first.sent()).expect("one run").first, FIRST_FRAME);
        let run = check_run(of_second, &second.sent()).expect("one run");
        assert_eq!(run.first, FIRST_FRAME, "behind its own configurations");
        assert!(second.sent().len() as u64 - run.last < 10);
        assert_time_never_steps_back(&media);

        world.hang_up(&viewer);
        world.run_for(ms(100));
        assert_eq!(viewer.endings()[0].1.gaps, 0);
    }
}

#[test]
fn players_whose_publisher_does_not_return_are_told_once_when_the_grace_is_over() {
    let mut world = World::new(seed(2));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    world.cut(&camera);
    world.run_until(ms(5_000) + GRACE);
    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
    world.run_until(ms(60_000));

    assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY]);
    let (told_at, _) = viewer.told()[0];
    // The news of the cut and the notice are on their way for 20 ms each.
    let late = told_at.saturating_sub(ms(5_000) + GRACE);
    assert!((ms(40)..ms(60)).contains(&late), "{late:?}");
    assert!(viewer.with(|player| has_stream_eof(player)));
    let farewell = viewer.ended_at().map(|at| at - told_at).unwrap_or_default();
    assert!(farewell.abs_diff(limits::FAREWELL_TIME) < ms(1), "{farewell:?}");
    assert_eq!(viewer.closed(), Some(CloseReason::StreamEnded));
    assert_eq!(viewer.endings()[0].0, EndReason::StreamEnded);
    viewer.run_of(&camera);
    assert_eq!(world.stream_count(), 0);
}

#[test]
fn the_name_of_a_publisher_that_vanished_goes_to_the_next_one_and_to_no_third() {
    let mut world = World::new(seed(3));
    let first = world.publisher("live/cam").streaming(Pattern::new().marked(1));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    world.cut(&first);
    world.run_until(ms(4_000));
    let second = world.publisher("live/cam").streaming(Pattern::new().marked(2));
    world.run_until(ms(5_000));
    let third = world.publisher("live/cam").streaming(Pattern::new().marked(3));
    // Beyond what the grace would have been.
    world.run_until(ms(20_000));

    assert!(matches!(second.phase(), Phase::Live(_)), "{:?}", second.phase());
    assert_eq!(third.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));
    assert_eq!(third.closed(), Some(CloseReason::Refused));
    assert_eq!(viewer.notices(), [""; 0]);
    let media = viewer.media();
    let run = check_run(&media[first_of_mark(&media, 2)..], &second.sent()).expect("one run");
    assert!(second.sent().len() as u64 - run.last < 10);
}

#[test]
fn a_publisher_that_vanishes_again_has_the_whole_grace_again() {
    let mut world = World::new(seed(4));
    let first = world.publisher("live/cam").streaming(Pattern::new().marked(1));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    world.cut(&first);
    world.run_until(ms(11_000));
    let second = world.publisher("live/cam").streaming(Pattern::new().marked(2));
    world.run_until(ms(12_000));
    world.cut(&second);
    world.run_until(ms(21_000));
    assert_eq!(viewer.notices(), [""; 0]);
    let third = world.publisher("live/cam").streaming(Pattern::new().marked(3));
    world.run_until(ms(30_000));

    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
    let media = viewer.media();
    let (second_at, third_at) = (first_of_mark(&media, 2), first_of_mark(&media, 3));
    check_run(&media[..second_at], &first.sent()).expect("one run of the first");
    check_run(&media[second_at..third_at], &second.sent()).expect("one run of the second");
    check_run(&media[third_at..], &third.sent()).expect("one run of the third");
    assert_time_never_steps_back(&media);
}

#[test]
fn a_player_that_comes_while_the_publisher_is_away_sees_its_last_group_and_then_its_return() {
    let mut world = World::new(seed(5));
    let first = world.publisher("live/cam").streaming(Pattern::new().marked(1));
    world.player("live/cam");
    world.run_until(ms(5_500));
    world.cut(&first);
    world.run_until(ms(8_000));
    let joiner = world.player("live/cam");
    world.run_until(ms(9_000));
    let second = world.publisher("live/cam").streaming(Pattern::new().marked(2));
    world.run_until(ms(14_000));

    let media = joiner.media();
    let (of_first, of_second) = media.split_at(first_of_mark(&media, 2));
    let run = check_run(of_first, &first.sent()).expect("one run");
    assert_eq!(first.sent()[run.first as usize].timestamp_ms, 4_000);
    check_run(of_second, &second.sent()).expect("one run");
    assert_time_never_steps_back(&media);
    assert_eq!(joiner.notices(), [""; 0]);
}

#[test]
fn a_publisher_that_returns_amid_a_group_is_seen_from_its_next_keyframe_on() {
    let mut world = World::new(seed(6));
    let first = world.publisher("live/cam").streaming(Pattern::new().marked(1));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    world.cut(&first);
    world.run_until(ms(4_000));
    let encoder = world.peer();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    world.run_until(ms(4_500));
    let media = Pattern::new().marked(2).media().take_while(|media| media.due < ms(4_000));
    let sent: Vec<_> = media.filter(|media| !(media.is_keyframe() && media.timestamp_ms == 0)).collect();
    for media in &sent {
        world.run_until(ms(4_500) + media.due);
        let (type_id, payload) = (media.type_id, media.payload.clone());
        encoder.with(|peer| peer.send_media(StreamId(1), type_id, media.timestamp_ms, payload));
    }
    world.run_for(ms(500));

    let media = viewer.media();
    let run = check_run(&media[first_of_mark(&media, 2)..], &sent).expect("one run");
    assert_eq!(run.last, sent.len() as u64, "one less, and numbered from 0");
    assert_time_never_steps_back(&media);
}

#[test]
fn what_came_in_one_segment_with_a_broken_chunk_is_shown_at_once() {
    let mut world = World::new(seed(7));
    world.set_link(LinkOptions { segments: Segments::Bytes(65_536), ..LinkOptions::default() });
    let viewer = world.player("live/radio");
    let encoder = world.peer();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "radio");
    });
    world.run_until(ms(1_000));
    let sent: Vec<_> = Pattern::new().audio_only().media().take(20).collect();
    encoder.with(|peer| {
        for media in &sent {
            peer.send_media(StreamId(1), media.type_id, media.timestamp_ms, media.payload.clone());
        }
        peer.send_raw_bytes(BROKEN_CHUNK);
    });
    world.run_until(ms(1_500));
    assert!(encoder.closed().is_some());
    let run = check_run(&viewer.media(), &sent).expect("one run");
    assert_eq!(run.last, sent.len() as u64 - 1);
    assert_eq!(viewer.notices(), [""; 0]);
}

/// Where what this publisher sent begins: its preamble, in front of its first frame.
fn first_of_mark(media: &[MediaReceived], mark: u32) -> usize {
    let text = |media: &MediaReceived| FrameText::read(media.type_id, &media.payload);
    let frame = media.iter().position(|media| text(media).is_some_and(|text| text.mark == mark));
    let frame = frame.expect("a frame of that publisher");
    media[..frame].iter().rposition(|media| text(media).is_some()).map_or(0, |last| last + 1)
}

fn has_stream_eof(player: &Player) -> bool {
    player.peer().user_controls().contains(&UserControl::StreamEof(StreamId(1)))
}

/// That of the worlds here. They have the configuration that a server has of itself.
const GRACE: Duration = ms(10_000);

/// Format 3 on a chunk stream that nothing was said on.
const BROKEN_CHUNK: &[u8] = &[0xC0 | 60];
