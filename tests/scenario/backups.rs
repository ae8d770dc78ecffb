//! Backups: a publisher that stands by, unseen, and takes over at a keyframe when the main one fails or falls silent.

use sol_core::hub::StreamConfig;
use sol_core::limits;
use sol_core::server::ServerConfig;
use sol_tests::peer::message::MediaReceived;
use sol_tests::peer::pattern::{FrameText, Pattern};
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::{Phase, Player, Publisher};
use sol_tests::world::{Client, World, ms, seed};

use crate::marks::{assert_time_never_steps_back, is_live, media_of_mark, on_air, run_of_mark};

const MAIN: Pattern = Pattern::new().marked(1);
const BACKUP: Pattern = Pattern::new().marked(2).starting_at_ms(5_000_000);

#[test]
fn a_backup_is_not_seen_while_the_main_publisher_is_there() {
    let (mut world, main, backup, viewer) = with_backup(1, StreamConfig::default());
    world.run_until(ms(6_000));
    assert!(is_live(&main) && is_live(&backup));
    assert_eq!(on_air(&backup), [false]);
    assert_eq!(on_air(&main), [true; 0]);
    viewer.run_of(&main);
    // It goes, and nobody notices.
    world.cut(&backup);
    world.run_for(ms(2_000));
    viewer.run_of(&main);
    assert_eq!(viewer.notices(), [""; 0]);
}

#[test]
fn a_backup_takes_over_with_its_newest_group_when_the_main_publisher_goes() {
    let is_cut: fn(&mut World, &Client<Publisher>) = |world, main| world.cut(main);
    let hangs_up: fn(&mut World, &Client<Publisher>) = |world, main| world.hang_up(main);
    // Whoever presses "stop" on one of two encoders has the other one go on.
    let stops: fn(&mut World, &Client<Publisher>) = |_, main| main.finish();
    for goes in [is_cut, hangs_up, stops] {
        let (mut world, main, backup, viewer) = with_backup(2, StreamConfig::default());
        world.run_until(ms(5_700));
        goes(&mut world, &main);
        world.run_for(ms(200));
        // At once: with what it had sent before.
        let media = viewer.media();
        run_of_mark(&media, 1, &main.sent()).expect("one run of the main one");
        let run = run_of_mark(&media, 2, &backup.sent()).expect("one run of the backup");
        assert!(backup.sent()[run.first as usize].is_keyframe(), "{run:?}");
        world.run_for(ms(5_000));

        assert_eq!(on_air(&backup), [false, true]);
        let media = viewer.media();
        let run = run_of_mark(&media, 2, &backup.sent()).expect("one run of the backup");
        assert!(backup.sent().len() as u64 - run.last < 10, "to the last frame");
        assert_time_never_steps_back(&media);
        assert_follows_by_a_frame(&media);
        assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
    }
}

#[test]
fn a_backup_takes_over_when_the_main_publisher_falls_silent_and_gives_back_when_it_is_heard() {
    let (mut world, main, backup, viewer) = with_backup(3, StreamConfig::default());
    world.run_until(ms(4_000));
    world.unplug(&main);
    world.run_for(limits::PUBLISHER_SILENCE - ms(200));
    assert!(media_of_mark(&viewer.media(), 2).is_empty(), "it may be heard again");
    world.run_for(ms(400));
    assert!(!media_of_mark(&viewer.media(), 2).is_empty());
    world.run_for(ms(3_000));
    let before = viewer.media().len();
    world.plug_in(&main);
    world.run_for(limits::PUBLISHER_SILENCE + ms(4_000));

    let media = viewer.media();
    let after = &media[before..];
    run_of_mark(&media, 2, &backup.sent()).expect("one run of the backup");
    let run = check_run(&media_of_mark(after, 1), &main.sent()).expect("one run of the main one, again");
    assert!(main.sent()[run.first as usize].is_keyframe(), "{run:?}");
    assert!(main.sent().len() as u64 - run.last < 10, "to the last frame");
    assert_eq!((on_air(&main), on_air(&backup)), (vec![false, true], vec![false, true, false]));
    assert_time_never_steps_back(&media);
    assert_follows_by_a_frame(&media);
    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
}

#[test]
fn a_main_publisher_that_comes_again_is_on_air_when_it_has_been_heard_for_a_while() {
    let (mut world, main, backup, viewer) = with_backup(4, StreamConfig::default());
    world.run_until(ms(4_000));
    world.cut(&main);
    world.run_for(ms(2_000));
    let again = world.publisher("live/cam").streaming(Pattern::new().marked(3));
    world.run_for(ms(8_000));

    let media = viewer.media();
    let run = run_of_mark(&media, 3, &again.sent()).expect("one run");
    let first = &again.sent()[run.first as usize];
    assert!(first.is_keyframe() && first.due >= limits::PUBLISHER_SILENCE, "{first:?}");
    assert!(again.sent().len() as u64 - run.last < 10, "to the last frame");
    run_of_mark(&media, 2, &backup.sent()).expect("one run of the backup");
    assert_eq!((on_air(&again), on_air(&backup)), (vec![false, true], vec![false, true, false]));
    assert_time_never_steps_back(&media);
    assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
}

#[test]
fn a_backup_that_does_not_give_back_stays_on_air_until_it_fails_in_turn() {
    let keeps = StreamConfig { give_back: false, ..StreamConfig::default() };
    let (mut world, main, backup, viewer) = with_backup(5, keeps);
    world.run_until(ms(4_000));
    world.cut(&main);
    world.run_for(ms(1_000));
    let again = world.publisher("live/cam").streaming(Pattern::new().marked(3));
    world.run_for(ms(4_000));
    assert!(media_of_mark(&viewer.media(), 3).is_empty(), "it stands by");
    assert_eq!(on_air(&again), [false]);
    world.cut(&backup);
    world.run_for(ms(3_000));
    let media = viewer.media();
    let run = run_of_mark(&media, 3, &again.sent()).expect("one run");
    assert!(again.sent()[run.first as usize].is_keyframe() && run.first > 3, "{run:?}");
    assert_eq!(on_air(&again), [false, true]);
    assert_time_never_steps_back(&media);
}

#[test]
fn a_backup_that_is_alone_is_the_publisher() {
    let mut world = World::new(seed(6));
    let backup = world.publisher("live/cam?role=backup").streaming(BACKUP);
    let viewer = world.player("live/cam");
    world.run_until(ms(4_000));
    assert_eq!(viewer.run_of(&backup).first, 3);
    assert_eq!(on_air(&backup), [true; 0], "nothing was to be told");
    backup.finish();
    world.run_for(ms(500));
    assert_eq!(viewer.notices(), ["NetStream.Play.UnpublishNotify"]);
}

#[test]
fn a_second_backup_is_refused_while_the_first_sends() {
    let mut world = World::new(seed(7));
    let _main = world.publisher("live/cam").streaming(MAIN);
    world.run_until(ms(500));
    let backup = world.publisher("live/cam?role=backup").streaming(BACKUP);
    world.run_until(ms(2_000));
    let second = world.publisher("live/cam?role=backup").streaming(BACKUP);
    world.run_for(ms(2_000));
    assert_eq!(second.phase(), Phase::Refused("NetStream.Publish.BadName".to_owned()));
    assert!(is_live(&backup));
}

#[test]
fn when_both_have_gone_players_are_told() {
    let (mut world, main, backup, viewer) = with_backup(8, StreamConfig::default());
    world.run_until(ms(3_000));
    main.finish();
    world.run_for(ms(1_000));
    assert_eq!(viewer.notices(), [""; 0]);
    backup.finish();
    world.run_for(ms(1_000));
    assert_eq!(viewer.notices(), ["NetStream.Play.UnpublishNotify"]);
}

#[test]
fn a_backup_without_video_takes_over_with_the_sound_of_the_last_second() {
    let mut world = World::new(seed(9));
    let main = world.publisher("live/radio").streaming(MAIN.audio_only());
    world.run_until(ms(500));
    let backup = world.publisher("live/radio?role=backup").streaming(BACKUP.audio_only());
    let viewer = world.player("live/radio");
    world.run_until(ms(5_300));
    world.cut(&main);
    world.run_for(ms(3_000));
    let media = viewer.media();
    let run = run_of_mark(&media, 2, &backup.sent()).expect("one run of the backup");
    let first = &backup.sent()[run.first as usize];
    assert!(first.due > ms(3_000), "{first:?}");
    assert_time_never_steps_back(&media);
    assert_eq!(viewer.notices(), [""; 0]);
}

/// A main publisher, its backup half a second later, and somebody who watches.
fn with_backup(
    number: u64,
    stream: StreamConfig,
) -> (World, Client<Publisher>, Client<Publisher>, Client<Player>) {
    let config = ServerConfig { stream: stream.into(), ..ServerConfig::default() };
    let mut world = World::with_config(seed(number), config);
    let main = world.publisher("live/cam").streaming(MAIN);
    world.run_until(ms(500));
    let backup = world.publisher("live/cam?role=backup").streaming(BACKUP);
    let viewer = world.player("live/cam");
    (world, main, backup, viewer)
}

/// Of two publishers the first frame of the later one comes 40 ms behind the last of the earlier one.
fn assert_follows_by_a_frame(media: &[MediaReceived]) {
    let frames = media.iter().filter_map(|media| {
        let text = FrameText::read(media.type_id, &media.payload)?;
        Some((text.mark, media.timestamp_ms))
    });
    let frames: Vec<_> = frames.collect();
    let mut latest = 0;
    for pair in frames.windows(2) {
        latest = latest.max(pair[0].1);
        if pair[0].0 != pair[1].0 {
            assert_eq!(pair[1].1 - latest, limits::RESUME_MILLIS);
        }
    }
}
