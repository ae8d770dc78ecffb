//! Idling: a player that wants nothing for now may go on so for as long as it likes, and costs nothing.

use std::time::Duration;

use sol_core::hub::StreamConfig;
use sol_core::limits;
use sol_core::server::ServerConfig;
use sol_tests::peer::message::{StreamId, TypeId};
use sol_tests::peer::pattern::{Pattern, VideoPattern};
use sol_tests::peer::script::{Player, Publisher};
use sol_tests::world::{Client, LinkOptions, World, ms, seed};

const STREAM: StreamId = StreamId(1);
const HOUR: Duration = ms(3_600_000);

#[test]
fn a_player_that_pauses_for_an_hour_is_kept_and_keeps_nothing() {
    let (mut world, camera, viewer) = playing(1);
    viewer.with(|player| player.peer_mut().pause(STREAM, true, 0));
    idle_for_an_hour(&mut world, &viewer);
    viewer.with(|player| player.peer_mut().pause(STREAM, false, 0));
    assert_goes_on(&mut world, &camera, &viewer);
    assert_eq!(viewer.notices(), ["NetStream.Pause.Notify", "NetStream.Unpause.Notify"]);
}

#[test]
fn a_player_that_wants_no_video_of_what_has_nothing_else_is_kept_for_an_hour_and_keeps_nothing() {
    let (mut world, camera, viewer) = playing(2);
    viewer.with(|player| player.peer_mut().receive_video(STREAM, false));
    idle_for_an_hour(&mut world, &viewer);
    viewer.with(|player| player.peer_mut().receive_video(STREAM, true));
    assert_goes_on(&mut world, &camera, &viewer);
    assert_eq!(viewer.notices(), [""; 0]);
}

#[test]
fn a_player_that_does_both_is_kept_as_well() {
    let (mut world, camera, viewer) = playing(3);
    viewer.with(|player| {
        player.peer_mut().receive_video(STREAM, false);
        player.peer_mut().pause(STREAM, true, 0);
    });
    idle_for_an_hour(&mut world, &viewer);
    viewer.with(|player| player.peer_mut().pause(STREAM, false, 0));
    world.run_for(ms(10_000));
    assert_eq!(pictures(&viewer), 0, "it wants none still");
    viewer.with(|player| player.peer_mut().receive_video(STREAM, true));
    assert_goes_on(&mut world, &camera, &viewer);
}

#[test]
fn a_player_waits_for_an_hour_where_the_operator_says_so_and_then_gets_everything() {
    let stream = StreamConfig { waiting: 2 * HOUR, ..StreamConfig::default() };
    let mut world =
        World::with_config(seed(4), ServerConfig { stream: stream.into(), ..ServerConfig::default() });
    let viewer = world.player("live/cam");
    world.run_for(HOUR);
    assert_eq!((viewer.closed(), viewer.notices()), (None, vec![]));
    assert_eq!(world.tape_bytes(), 0);
    let camera = world.publisher("live/cam").streaming(SLOW);
    world.run_for(ms(5_000));
    assert_eq!(viewer.run_of(&camera).first, 2);
}

#[test]
fn a_player_that_plays_nothing_but_sound_keeps_no_pictures() {
    let mut world = World::new(seed(5));
    let sound = Pattern { video: SLOW.video, ..Pattern::new() };
    let camera = world.publisher("live/cam").streaming(sound);
    let viewer = world.player("live/cam");
    world.run_for(ms(3_000));
    viewer.with(|player| player.peer_mut().receive_video(STREAM, false));
    world.run_for(ms(1_000));
    let before = pictures(&viewer);
    world.run_for(HOUR / 4);
    assert_eq!((viewer.closed(), viewer.notices(), pictures(&viewer)), (None, vec![], before));
    let bytes_per_second = camera.sent().iter().map(|sent| sent.payload.len()).sum::<usize>() / 900;
    let tape = world.tape_bytes();
    assert!(tape < bytes_per_second * GROUPS_SECONDS, "{tape} of {bytes_per_second} a second");
}

/// A player that has just begun to play, on a link that would soon be felt.
fn playing(number: u64) -> (World, Client<Publisher>, Client<Player>) {
    // Whoever lags is waited for as long as the tape is: an idle player must not be taken for one of them.
    let stream = StreamConfig { lag_max: limits::TAPE_TIME, ..StreamConfig::default() };
    let mut world =
        World::with_config(seed(number), ServerConfig { stream: stream.into(), ..ServerConfig::default() });
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(SLOW);
    let viewer = world.player("live/cam");
    world.run_for(ms(3_000));
    assert!(pictures(&viewer) > 0);
    (world, camera, viewer)
}

/// What was under way arrives, and then nothing for an hour; nor does anything wait for the player.
fn idle_for_an_hour(world: &mut World, viewer: &Client<Player>) {
    world.run_for(ms(100));
    viewer.with(|player| player.peer_mut().take_media());
    let mut tape = 0;
    for _ in 0..720 {
        world.run_for(HOUR / 720);
        tape = tape.max(world.tape_bytes());
    }
    assert_eq!((viewer.closed(), viewer.media()), (None, vec![]));
    assert_eq!(viewer.outbox_peak(), 0);
    assert!(tape < SLOW_BYTES_PER_SECOND * GROUPS_SECONDS, "{tape} bytes are on the tape");
}

/// It is back in the present at a keyframe, and nothing of that counts as a loss.
fn assert_goes_on(world: &mut World, camera: &Client<Publisher>, viewer: &Client<Player>) {
    world.run_for(ms(5_000));
    let run = viewer.run_of(camera);
    let sent = camera.sent();
    let first = &sent[run.first as usize];
    assert!(first.is_keyframe() && first.due > HOUR, "{first:?}");
    assert!(sent.len() as u64 - run.last < 10);
    world.hang_up(viewer);
    world.run_for(ms(100));
    assert_eq!(viewer.endings()[0].1.gaps, 0);
}

fn pictures(viewer: &Client<Player>) -> usize {
    viewer.media().iter().filter(|media| media.type_id == TypeId::VIDEO).count()
}

/// Few frames, since there is an hour of them.
const SLOW: Pattern = Pattern {
    video: Some(VideoPattern {
        frame_rate: 10,
        keyframe_every_ms: 2_000,
        kilobits_per_second: SLOW_BYTES_PER_SECOND as u32 / 125,
    }),
    ..Pattern::new().video_only()
};
const SLOW_BYTES_PER_SECOND: usize = 5_000;

/// Two groups of pictures, what a tape holds before it looks for what may go, and one more.
const GROUPS_SECONDS: usize = 10;
