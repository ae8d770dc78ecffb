//! Keyframes: encoders that send them seldom, or once.

use sol_core::limits;
use sol_tests::peer::message::TypeId;
use sol_tests::peer::pattern::{FrameText, MediaRole, Pattern};
use sol_tests::world::{World, ms, seed};

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
