//! Choosing: a player pauses, and takes or leaves audio and video.

use sol_core::limits;
use sol_tests::peer::message::{MediaReceived, StreamId, TypeId};
use sol_tests::peer::pattern::{FrameText, MediaRole, MediaSent, Pattern};
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::Player;
use sol_tests::world::{Client, World, ms, seed};

#[test]
fn a_paused_player_gets_nothing_and_goes_on_at_a_keyframe_without_a_gap() {
    let mut world = World::new(seed(1));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    pause(&viewer, true);
    world.run_for(ms(100));
    let before = viewer.media().len();
    // It neither lags nor stalls, however long it pauses.
    world.run_for(limits::STALL_TIME + limits::SILENCE_TIME);
    assert_eq!(viewer.media().len(), before);
    assert_eq!(viewer.notices(), ["NetStream.Pause.Notify"]);
    assert!(world.tape_bytes() < 58_000 * 6, "nothing is kept for it");
    pause(&viewer, false);
    world.run_for(ms(3_000));

    assert_eq!(viewer.notices(), ["NetStream.Pause.Notify", "NetStream.Unpause.Notify"]);
    let media = viewer.media();
    let types: Vec<_> = media[before..].iter().take(4).map(|media| media.type_id).collect();
    assert_eq!(types, [TypeId::DATA_AMF0, TypeId::AUDIO, TypeId::VIDEO, TypeId::VIDEO]);
    let [first, again] = viewer.runs_of(&camera).try_into().expect("two runs");
    assert_eq!(first.first, 3);
    let sent = camera.sent();
    assert!(sent[again.first as usize].is_keyframe());
    assert_eq!(sent[again.first as usize].timestamp_ms, 94_000, "the newest one when it went on");
    assert!(sent.len() as u64 - again.last < 10);

    world.hang_up(&viewer);
    world.run_for(ms(100));
    assert_eq!(viewer.endings()[0].1.gaps, 0);
}

#[test]
fn a_paused_player_hears_the_end_of_its_stream() {
    let mut world = World::new(seed(2));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    pause(&viewer, true);
    world.run_until(ms(6_000));
    let before = viewer.media().len();
    camera.finish();
    world.run_until(ms(6_100));
    assert_eq!(viewer.notices(), ["NetStream.Pause.Notify", "NetStream.Play.UnpublishNotify"]);
    assert_eq!(viewer.media().len(), before);
}

#[test]
fn a_player_that_pauses_over_a_change_of_publisher_goes_on_with_the_new_one() {
    let mut world = World::new(seed(3));
    let first = world.publisher("live/cam").streaming(Pattern::new().marked(1));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    pause(&viewer, true);
    world.run_until(ms(4_000));
    let before = viewer.media().len();
    world.cut(&first);
    world.run_until(ms(5_000));
    let second = world.publisher("live/cam").streaming(Pattern::new().marked(2));
    world.run_until(ms(8_500));
    pause(&viewer, false);
    world.run_until(ms(12_000));
    let run = check_run(&viewer.media()[before..], &second.sent()).expect("one run");
    assert_eq!(second.sent()[run.first as usize].timestamp_ms, 2_000);
}

#[test]
fn a_player_without_video_gets_audio_alone_and_video_again_from_a_keyframe_on() {
    let mut world = World::new(seed(4));
    let viewer = world.player("live/cam");
    world.run_until(ms(500));
    viewer.with(|player| player.peer_mut().receive_video(StreamId(1), false));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(5_300));
    let media = viewer.media();
    assert!(media.iter().all(|media| media.type_id != TypeId::VIDEO));
    let sounds: Vec<_> = camera.sent().into_iter().filter(|sent| !is_video(sent)).collect();
    let run = check_run(&media, &sounds).expect("one run");
    assert!(camera.sent().len() as u64 - run.last < 10, "no sound is missing");

    viewer.with(|player| player.peer_mut().receive_video(StreamId(1), true));
    world.run_until(ms(9_000));
    let media = viewer.media();
    let mut pictures = media.iter().filter_map(picture);
    let first = pictures.next().expect("a picture");
    assert_eq!(camera.sent()[first as usize].timestamp_ms, 6_000);
    let selection =
        |sent: &MediaSent| sent.sequence >= first || !is_video(sent) || sent.role == MediaRole::VideoConfig;
    let chosen: Vec<_> = camera.sent().into_iter().filter(selection).collect();
    let run = check_run(&media, &chosen).expect("one run");
    assert!(camera.sent().len() as u64 - run.last < 10);
    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
}

#[test]
fn a_player_without_audio_gets_video_alone() {
    let mut world = World::new(seed(5));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    viewer.with(|player| player.peer_mut().receive_audio(StreamId(1), false));
    world.run_until(ms(3_100));
    let before = viewer.media().len();
    world.run_until(ms(8_000));
    let media = viewer.media();
    assert!(media[before..].iter().all(|media| media.type_id == TypeId::VIDEO));
    let pictures: Vec<_> = media.into_iter().filter(|media| media.type_id != TypeId::AUDIO).collect();
    let sent: Vec<_> = camera.sent().into_iter().filter(|sent| sent.type_id != TypeId::AUDIO).collect();
    let run = check_run(&pictures, &sent).expect("one run");
    assert!(camera.sent().len() as u64 - run.last < 10);
}

#[test]
fn a_player_that_wants_nothing_for_a_while_neither_lags_nor_times_out() {
    let mut world = World::new(seed(6));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    want(&viewer, false);
    world.run_for(ms(100));
    let before = viewer.media().len();
    world.run_for(limits::STALL_TIME + limits::SILENCE_TIME);
    assert_eq!(viewer.media().len(), before);
    assert!(world.tape_bytes() < 58_000 * 6, "nothing is kept for it");
    want(&viewer, true);
    world.run_for(ms(4_000));

    assert_eq!((viewer.closed(), viewer.notices()), (None, vec![]));
    let [_, again] = viewer.runs_of(&camera).try_into().expect("two runs");
    assert!(camera.sent().len() as u64 - again.last < 10);
    world.hang_up(&viewer);
    world.run_for(ms(100));
    assert_eq!(viewer.endings()[0].1.gaps, 0);
}

/// Both tracks, or neither.
fn want(viewer: &Client<Player>, wanted: bool) {
    viewer.with(|player| {
        player.peer_mut().receive_audio(StreamId(1), wanted);
        player.peer_mut().receive_video(StreamId(1), wanted);
    });
}

fn pause(viewer: &Client<Player>, paused: bool) {
    viewer.with(|player| player.peer_mut().pause(StreamId(1), paused, 0));
}

fn is_video(sent: &MediaSent) -> bool {
    sent.type_id == TypeId::VIDEO
}

/// The number of a picture.
fn picture(media: &MediaReceived) -> Option<u64> {
    let text = FrameText::read(media.type_id, &media.payload)?;
    Some(text.sequence).filter(|_| media.type_id == TypeId::VIDEO)
}
