//! Joining: whenever a player comes, it gets a contiguous run that begins where it can be decoded.

use sol_tests::peer::message::{StreamId, TypeId};
use sol_tests::peer::pattern::{MediaSent, Pattern};
use sol_tests::peer::run::check_run;
use sol_tests::world::{World, ms, seed};

#[test]
fn a_player_that_comes_with_the_publisher_gets_everything_from_the_first_frame() {
    let mut world = World::new(seed(1));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    let viewer = world.player("live/cam");
    world.run_until(ms(5_000));

    let run = viewer.run_of(&camera);
    assert_eq!(run.first, FIRST_FRAME);
    assert!(run.frames > 5 * 60, "25 pictures and 43 sounds each second: {}", run.frames);
    assert_eq!(viewer.notices(), [""; 0]);
}

#[test]
fn a_player_that_joins_amid_a_group_begins_at_its_keyframe_behind_the_configurations() {
    let mut world = World::new(seed(2));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(5_300));
    let viewer = world.player("live/cam");
    world.run_until(ms(5_600));

    let kinds: Vec<_> = viewer.media().iter().take(4).map(|media| media.type_id).collect();
    assert_eq!(kinds[0], TypeId::DATA_AMF0, "onMetaData comes first");
    let keyframe = camera.sent().iter().rfind(|sent| sent.is_keyframe()).map(|sent| sent.sequence);
    assert_eq!(
        Some(viewer.run_of(&camera).first),
        keyframe,
        "the newest one, though it is over a second old"
    );

    world.run_until(ms(12_000));
    let run = viewer.run_of(&camera);
    assert_eq!(Some(run.first), keyframe);
    assert_eq!(camera.sent()[run.first as usize].timestamp_ms, 4_000);
}

#[test]
fn a_player_that_joins_gets_the_present_within_one_round_trip_of_play() {
    let mut world = World::new(seed(3));
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(7_900));
    let viewer = world.player("live/cam");
    // Handshake, connect, createStream, play: four round trips of 40 ms.
    world.run_until(ms(7_900 + 4 * 40 + 30));
    let sent = camera.sent();
    let under_way = &sent[viewer.run_of(&camera).last as usize + 1..];
    assert!(under_way.len() < 5, "all but what was sent in the last 40 ms: {under_way:?}");
}

#[test]
fn players_that_wait_get_the_stream_from_its_first_frame() {
    let mut world = World::new(seed(4));
    let early: Vec<_> = (0..3).map(|_| world.player("live/cam")).collect();
    world.run_until(ms(9_000));
    for viewer in &early {
        assert_eq!((viewer.media(), viewer.notices()), (vec![], vec![]));
    }
    let camera = world.publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(12_000));
    for viewer in &early {
        assert_eq!(viewer.run_of(&camera).first, FIRST_FRAME);
    }
}

#[test]
fn a_stream_of_audio_alone_is_joined_within_the_last_second() {
    let mut world = World::new(seed(5));
    let radio = world.publisher("live/radio").streaming(Pattern::new().audio_only());
    let first = world.player("live/radio");
    world.run_until(ms(5_700));
    let joiner = world.player("live/radio");
    world.run_until(ms(8_000));

    assert_eq!(first.run_of(&radio).first, FIRST_SOUND_ALONE);
    let run = joiner.run_of(&radio);
    let begins_at = radio.sent()[run.first as usize].timestamp_ms;
    assert!((4_500..5_900).contains(&begins_at), "{begins_at} ms");
}

#[test]
fn a_stream_of_video_alone_is_joined_at_a_keyframe() {
    let mut world = World::new(seed(6));
    let camera = world.publisher("live/mute").streaming(Pattern::new().video_only());
    let first = world.player("live/mute");
    world.run_until(ms(5_700));
    let joiner = world.player("live/mute");
    world.run_until(ms(8_000));

    assert_eq!(first.run_of(&camera).first, FIRST_PICTURE_ALONE);
    assert_eq!(camera.sent()[joiner.run_of(&camera).first as usize].timestamp_ms, 4_000);
}

#[test]
fn an_encoder_that_begins_amid_a_group_is_heard_at_once_and_seen_from_its_first_keyframe() {
    let mut world = World::new(seed(9));
    let viewer = world.player("live/cam");
    let encoder = world.peer();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    world.run_until(ms(500));
    // Without the first picture, which is the keyframe of all that follow it for two seconds.
    let media = Pattern::new().media().take_while(|media| media.due < ms(4_000));
    let sent: Vec<_> = media.filter(|media| !(media.is_keyframe() && media.timestamp_ms == 0)).collect();
    let mut joiner = None;
    for media in &sent {
        world.run_until(ms(500) + media.due);
        if media.due > ms(1_000) && joiner.is_none() {
            joiner = Some(world.player("live/cam"));
        }
        let MediaSent { type_id, timestamp_ms, payload, .. } = media.clone();
        encoder.with(|peer| peer.send_media(StreamId(1), type_id, timestamp_ms, payload));
    }
    world.run_until(ms(5_000));

    for player in [viewer, joiner.expect("it came after a second")] {
        let run = check_run(&player.media(), &sent).unwrap();
        assert_eq!(run.last, sent.len() as u64, "one less, and numbered from 0");
        let pictures = player.media().into_iter().filter(|media| media.type_id == TypeId::VIDEO);
        let [first, second] = pictures.take(2).collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((&first.payload[..2], &second.payload[..2]), (&[0x17, 0][..], &[0x17, 1][..]));
    }
}

#[test]
fn a_stream_that_begins_late_on_the_encoders_clock_begins_at_zero_for_its_players() {
    let mut world = World::new(seed(7));
    let hours = 3_600_000 * 5;
    let camera = world.publisher("live/cam").streaming(Pattern::new().starting_at_ms(hours));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_000));
    assert_eq!(viewer.run_of(&camera).offset_ms, hours.wrapping_neg());
}

/// Behind metadata and two configurations.
const FIRST_FRAME: u64 = 3;
/// Behind metadata and one configuration.
const FIRST_SOUND_ALONE: u64 = 2;
const FIRST_PICTURE_ALONE: u64 = 2;
