//! Keyframes: encoders that send them seldom, or once.

use std::time::Duration;

use sol_core::hub::StreamConfig;
use sol_core::limits;
use sol_core::participant::EndReason;
use sol_core::server::ServerConfig;
use sol_core::session::CloseReason;
use sol_tests::peer::message::{MediaReceived, TypeId};
use sol_tests::peer::pattern::{FrameText, MediaRole, MediaSent, Pattern};
use sol_tests::peer::script::{Player, Publisher};
use sol_tests::world::{Client, LinkOptions, World, ms, seed};

#[test]
fn amid_a_group_longer_than_the_tape_a_player_hears_at_once_and_sees_from_the_next_keyframe_on() {
    let mut world = World::new(seed(1));
    let camera = world.publisher("live/cam").streaming(Pattern::new().keyframe_every_ms(40_000));
    let early = world.player("live/cam");
    world.run_until(ms(30_000));
    let joined_at = world.now();
    let viewer = world.player("live/cam");
    world.run_until(ms(45_000));

    let sent = camera.sent();
    let frames: Vec<FrameText> =
        viewer.media().iter().filter_map(|media| FrameText::read(media.type_id, &media.payload)).collect();
    let first = sent[frames[0].sequence as usize].clone();
    assert_eq!(first.role, MediaRole::AudioFrame);
    assert!(first.due.abs_diff(joined_at) < ms(1_000), "the present, and not the beginning: {:?}", first.due);
    let first_picture = viewer.media().into_iter().find(|media| {
        media.type_id == TypeId::VIDEO && FrameText::read(media.type_id, &media.payload).is_some()
    });
    let first_picture = first_picture.and_then(|media| FrameText::read(media.type_id, &media.payload));
    let first_picture = &sent[first_picture.expect("there was one").sequence as usize];
    assert_eq!((first_picture.role, first_picture.timestamp_ms), (MediaRole::Keyframe, 40_000));

    let run = early.run_of(&camera);
    assert!(run.first == 3 && sent.len() as u64 - run.last < 10, "who was there misses nothing");
}

#[test]
fn an_encoder_that_refreshes_bit_by_bit_is_joined_at_once_when_no_keyframe_can_be_hoped_for() {
    let mut world = World::new(seed(2));
    let once = Pattern::new().keyframe_every_ms(3_600_000);
    let camera = world.publisher("live/cam").streaming(once);
    world.run_until(limits::KEYFRAME_TIME + ms(5_000));
    let viewer = world.player("live/cam");
    world.run_for(ms(3_000));

    let kinds: Vec<TypeId> = viewer.media().iter().map(|media| media.type_id).collect();
    assert_eq!(kinds[..3], [TypeId::DATA_AMF0, TypeId::AUDIO, TypeId::VIDEO], "metadata and configurations");
    let pictures: Vec<FrameText> = viewer
        .media()
        .iter()
        .filter(|media| media.type_id == TypeId::VIDEO)
        .filter_map(|media| FrameText::read(media.type_id, &media.payload))
        .collect();
    assert!(pictures.len() > 2 * 25, "{}", pictures.len());
    assert_eq!(camera.sent()[pictures[0].sequence as usize].role, MediaRole::Interframe);
}

#[test]
fn a_player_that_lags_behind_an_encoder_without_keyframes_catches_up_with_what_the_tape_has() {
    let mut world = World::new(seed(3));
    let (camera, viewer) = refreshing(&mut world);
    world.run_until(ms(70_000));
    world.stall(&viewer);
    world.run_for(limits::TAPE_TIME - ms(2_000));
    world.resume(&viewer);
    world.run_for(ms(5_000));
    let run = viewer.run_of(&camera);
    assert!(run.first == 3 && camera.sent().len() as u64 - run.last < 10, "nothing is lost: {run:?}");
}

#[test]
fn a_player_that_lags_off_the_tape_of_an_encoder_without_keyframes_is_given_up() {
    let mut world = World::new(seed(4));
    let (_, viewer) = refreshing(&mut world);
    world.run_until(ms(70_000));
    world.stall(&viewer);
    world.run_for(limits::TAPE_TIME + ms(5_000));
    world.resume(&viewer);
    world.run_for(ms(5_000));
    assert_eq!(viewer.notices(), ["NetStream.Play.InsufficientBW", "NetStream.Play.UnpublishNotify"]);
    assert_eq!(viewer.closed(), Some(CloseReason::TooSlow));
    let (why, summary) = viewer.endings()[0].clone();
    assert_eq!(why, EndReason::TooSlow);
    assert!(summary.lost.duration > limits::TAPE_TIME, "{:?}", summary.lost);
}

#[test]
fn where_such_a_loss_is_allowed_the_player_goes_on_in_the_present_with_sound_and_picture() {
    let mut world = patient(5);
    let (camera, viewer) = refreshing(&mut world);
    world.run_until(ms(70_000));
    world.stall(&viewer);
    world.run_for(limits::TAPE_TIME + ms(5_000));
    world.resume(&viewer);
    let resumed_at = world.now();
    world.run_for(ms(5_000));

    let (preamble, again) = behind_the_hole(&viewer, &camera);
    assert_eq!(preamble, [TypeId::DATA_AMF0, TypeId::AUDIO, TypeId::VIDEO]);
    for type_id in [TypeId::AUDIO, TypeId::VIDEO] {
        let first = again.iter().find(|sent| sent.type_id == type_id).expect("it goes on");
        assert!(first.due.abs_diff(resumed_at) < ms(1_000), "{type_id:?} at {:?}", first.due);
    }
    assert_eq!((viewer.closed(), viewer.notices()), (None, vec![]));
    let present = camera.sent().len() as u64 - again[again.len() - 1].sequence;
    assert!(present < 10, "and stays there");
}

#[test]
fn a_player_that_lags_off_the_tape_amid_a_long_group_hears_the_present_and_sees_from_the_next_keyframe_on() {
    let mut world = patient(6);
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new().keyframe_every_ms(40_000));
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));
    world.stall(&viewer);
    world.run_for(limits::TAPE_TIME + ms(5_000));
    world.resume(&viewer);
    let resumed_at = world.now();
    world.run_until(ms(45_000));

    let (preamble, again) = behind_the_hole(&viewer, &camera);
    assert_eq!(preamble, [TypeId::DATA_AMF0, TypeId::AUDIO, TypeId::VIDEO]);
    assert!(again[0].type_id == TypeId::AUDIO && again[0].due.abs_diff(resumed_at) < ms(1_000));
    let picture =
        again.iter().find(|sent| sent.type_id == TypeId::VIDEO).expect("the next keyframe has come");
    assert_eq!((picture.role, picture.timestamp_ms), (MediaRole::Keyframe, 40_000));
    assert_eq!(viewer.runs_of(&camera).len(), 2, "all of both kinds from there on");
}

/// A server that sends nobody away for a long gap.
fn patient(number: u64) -> World {
    let stream = StreamConfig { gap_max: Duration::from_secs(60), ..StreamConfig::default() };
    World::with_config(seed(number), ServerConfig { stream: stream.into(), ..ServerConfig::default() })
}

/// An encoder whose first keyframe is its last, and a player from the beginning on.
fn refreshing(world: &mut World) -> (Client<Publisher>, Client<Player>) {
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(Pattern::new().keyframe_every_ms(3_600_000));
    let viewer = world.player("live/cam");
    (camera, viewer)
}

/// What comes behind the one hole in the frames of a player: the types of its preamble, and the frames.
fn behind_the_hole(viewer: &Client<Player>, camera: &Client<Publisher>) -> (Vec<TypeId>, Vec<MediaSent>) {
    let (media, sent) = (viewer.media(), camera.sent());
    let number =
        |media: &MediaReceived| FrameText::read(media.type_id, &media.payload).map(|text| text.sequence);
    // The first preamble is behind no frame.
    let played = media.iter().position(|media| number(media).is_some()).expect("frames have come");
    let hole = media[played..].iter().position(|media| number(media).is_none()).expect("a second preamble");
    let behind = &media[played + hole..];
    let preamble = behind.iter().take_while(|media| number(media).is_none()).map(|media| media.type_id);
    let frames = behind.iter().filter_map(number).map(|number| sent[number as usize].clone());
    (preamble.collect(), frames.collect())
}
