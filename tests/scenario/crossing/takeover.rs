//! Takeover across loops: publishers replace each other and stand by for each other wherever they are, and the directory and the
//! home of their stream agree on who has it.

use sol_core::hub::{StreamConfig, Takeover};
use sol_core::limits;
use sol_core::participant::EndReason;
use sol_core::session::CloseReason;
use sol_tests::peer::script::Publisher;
use sol_tests::world::{Client, Dice, World, ms, seed};

use crate::marks::{last_mark, on_air};

use super::{
    FIRST_FRAME, SMALL, assert_is_at_the_edge, assert_time_never_steps_back, is_live, players_all_round,
    run_of_mark, with_streams,
};

#[test]
fn a_publisher_elsewhere_is_told_when_one_at_home_or_at_a_third_loop_takes_its_place() {
    for third in [0, 2] {
        let mut world = World::with_loops(seed(1), 3, with_streams(StreamConfig::default()));
        let viewers = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(200));
        let mut cameras = Vec::new();
        for (mark, at) in [(1, 0), (2, 1), (3, third)] {
            cameras.push(world.next_at(at).publisher("live/cam?key=a").streaming(SMALL.marked(mark)));
            world.run_for(ms(1_700));
        }
        world.run_for(ms(3_000));
        for camera in &cameras[..2] {
            assert_eq!(camera.notices(), ["NetStream.Publish.BadName"]);
            assert_eq!(camera.closed(), Some(CloseReason::Replaced));
            assert_eq!(camera.endings()[0].0, EndReason::Replaced);
        }
        assert!(is_live(&cameras[2]));
        for viewer in &viewers {
            let media = viewer.media();
            for (mark, camera) in (1..).zip(&cameras) {
                let run = run_of_mark(&media, mark, &camera.sent()).expect("one run");
                assert_eq!(run.first, FIRST_FRAME);
            }
            assert_time_never_steps_back(&media);
            assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
        }
    }
}

#[test]
fn the_directory_knows_of_a_publisher_elsewhere_that_is_silent_and_of_one_that_can_be_heard_again() {
    let mut world = World::with_loops(seed(2), 3, with_streams(StreamConfig::default()));
    let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
    world.run_until(ms(1_000));
    world.cut(&first);
    world.run_for(ms(100));
    // At home at loop 0, and published from loop 1.
    let second = world.next_at(1).publisher("live/cam").streaming(SMALL.marked(2));
    world.run_for(ms(1_000));
    world.unplug(&second);
    world.run_for(limits::PUBLISHER_SILENCE + ms(500));
    world.plug_in(&second);
    world.run_for(ms(500));
    let early = world.next_at(2).publisher("live/cam").streaming(SMALL.marked(3));
    world.run_for(ms(500));
    assert!(is_live(&second) && !is_live(&early), "it can be heard again");
    world.unplug(&second);
    world.run_for(limits::PUBLISHER_SILENCE + ms(100));
    let third = world.next_at(2).publisher("live/cam").streaming(SMALL.marked(4));
    world.run_for(ms(4_000));
    assert!(is_live(&third), "{:?}", third.phase());
    assert_eq!(second.closed(), Some(CloseReason::Replaced));
}

#[test]
fn a_backup_elsewhere_takes_over_and_gives_back() {
    for (main_at, backup_at) in [(0, 1), (1, 0), (1, 2), (1, 1)] {
        let mut world = World::with_loops(seed(3), 3, with_streams(StreamConfig::default()));
        let viewers = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(200));
        // The home stays at loop 0.
        let first = world.next_at(0).publisher("live/cam").streaming(SMALL.marked(1));
        world.run_for(ms(1_000));
        world.cut(&first);
        world.run_for(ms(100));
        let main = world.next_at(main_at).publisher("live/cam").streaming(SMALL.marked(2));
        world.run_for(ms(500));
        let backup = world.next_at(backup_at).publisher("live/cam?role=backup").streaming(SMALL.marked(3));
        world.run_for(limits::PUBLISHER_SILENCE);
        world.unplug(&main);
        world.run_for(limits::PUBLISHER_SILENCE + ms(1_000));
        for viewer in &viewers {
            assert_eq!(last_mark(&viewer.media()), Some(3));
        }
        world.plug_in(&main);
        world.run_for(limits::PUBLISHER_SILENCE + ms(2_000));
        let told = [on_air(&main), on_air(&backup)];
        assert_eq!(told, [vec![false, true], vec![false, true, false]], "{main_at}, {backup_at}");
        for viewer in &viewers {
            let media = viewer.media();
            assert_eq!(last_mark(&media), Some(2));
            run_of_mark(&media, 3, &backup.sent()).expect("one run");
            assert_time_never_steps_back(&media);
            assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
        }
        main.finish();
        world.run_for(ms(500));
        backup.finish();
        world.run_for(ms(500));
        for viewer in &viewers {
            assert_eq!(viewer.notices(), ["NetStream.Play.UnpublishNotify"]);
        }
    }
}

#[test]
fn however_publishers_replace_and_stand_by_for_each_other_one_is_on_air_and_everybody_sees_it() {
    for number in 0..60 {
        let mut dice = Dice::new(seed(number));
        let takeover = dice.pick(&[Takeover::Replace, Takeover::Credential]);
        let give_back = dice.one_in(2);
        let stream = StreamConfig { takeover, give_back, ..StreamConfig::default() };
        let mut world = World::with_loops(seed(number), 3, with_streams(stream));
        world.set_parcel_delay(ms(dice.up_to(40) as u64 - 1));
        let viewers = players_all_round::<3>(&mut world, "live/cam");
        world.run_until(ms(200));
        let mut cameras: Vec<Client<Publisher>> = Vec::new();
        for mark in 0..12 {
            let name = if dice.one_in(3) { "live/cam?key=a&role=backup" } else { "live/cam?key=a" };
            let at = dice.up_to(3) - 1;
            let pattern = SMALL.marked(mark).starting_at_ms(mark * 1_000_000);
            let camera = world.next_at(at).publisher(name).streaming(pattern);
            cameras.push(camera);
            world.run_for(ms(dice.up_to(400) as u64));
            if dice.one_in(3) {
                let leaver = &cameras[dice.up_to(cameras.len()) - 1];
                if dice.one_in(2) { world.cut(leaver) } else { world.hang_up(leaver) }
            }
            if dice.one_in(6) {
                world.hold_back(dice.up_to(3) - 1);
            }
            (0..3).filter(|_| dice.one_in(2)).for_each(|index| world.let_through(index));
        }
        (0..3).for_each(|index| world.let_through(index));
        // Whoever has the name last, has it at once.
        let last = world.next_at(dice.up_to(3) - 1).publisher("live/cam?key=a").streaming(SMALL.marked(LAST));
        cameras.push(last);
        world.run_for(ms(4_000));

        let left = cameras.iter().filter(|camera| camera.closed().is_none()).count();
        assert!((1..=2).contains(&left), "seed {number}: {left} publish");
        let last = cameras.last().expect("the last one");
        assert!(is_live(last), "seed {number}: {:?}", last.phase());
        let seen = last_mark(&viewers[0].media()).expect("somebody publishes");
        let shown = if seen == LAST { last } else { &cameras[seen as usize] };
        assert!(shown.closed().is_none() && (seen == LAST || !give_back), "seed {number}: {seen} is seen");
        for viewer in &viewers {
            let media = viewer.media();
            assert_time_never_steps_back(&media);
            let run = run_of_mark(&media, seen, &shown.sent()).expect("one run");
            assert_is_at_the_edge(&run, &shown.sent());
            assert_eq!((viewer.notices(), viewer.closed()), (vec![], None), "seed {number}");
        }
    }
}

/// The mark of whoever comes last.
const LAST: u32 = 99;
