//! Joining: whenever a player comes, it begins at a keyframe and misses nothing from there on.

use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::{Player, Publisher};

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::ms;
use crate::visitor::Visitor;

pub(crate) fn a_player_that_comes_amid_a_group_begins_with_its_keyframe(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = house.publisher("cam");
    let mut first = house.player("cam");
    // Which it has to have seen before the rest comes: where several loops are asked, a server may have gone on meanwhile.
    camera.stream(ms(100));
    first.watch(camera.sent());
    // And so has everybody before the next comes.
    camera.stream(ms(3_000));
    first.watch(camera.sent());
    let mut amid = house.player("cam");
    camera.stream(ms(3_400));
    let run = amid.watch(camera.sent());
    let begins = &camera.sent()[run.first as usize];
    assert!(begins.is_keyframe());
    assert_eq!(begins.timestamp_ms, 2_000);
    assert_eq!(first.watch(camera.sent()).first, 3);
}

pub(crate) fn a_player_that_comes_before_the_publisher_misses_nothing(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut players: Vec<_> = (0..12).map(|_| house.waiting_player("cam")).collect();
    house.until_counts(12, 1);
    let mut camera = house.publisher("cam");
    camera.stream(ms(500));
    for player in &mut players {
        let run = player.watch(camera.sent());
        assert_eq!(run.first, 3, "the first frame, behind metadata and configurations");
    }
}

pub(crate) fn players_that_come_while_frames_do_miss_none_from_there_on(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = house.publisher_of("cam", Pattern::new().keyframe_every_ms(400));
    let mut players = Vec::new();
    for step in 1..=30 {
        camera.stream(ms(step * 50));
        let mut player = Visitor::at(house.address, Player::new("live", "cam"));
        player.poise();
        camera.stream(ms(step * 50 + 25));
        player.flush();
        players.push(player);
    }
    for player in &mut players {
        player.run_until(|player| player.phase().is_decided());
    }
    camera.stream(ms(2_000));
    for player in &mut players {
        player.watch(camera.sent());
    }
}

pub(crate) fn a_player_and_its_publisher_that_come_at_the_same_moment_find_each_other(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    for round in 0..20 {
        let name = format!("cam{round}");
        let mut camera = Visitor::at(house.address, Publisher::new("live", &name, Pattern::new()));
        let mut player = Visitor::at(house.address, Player::new("live", &name));
        camera.poise();
        player.poise();
        if round % 2 == 0 {
            camera.flush();
            player.flush();
        } else {
            player.flush();
            camera.flush();
        }
        camera.run_until(|camera| camera.phase().is_decided());
        camera.stream(ms(100));
        assert_eq!(player.watch(camera.sent()).first, 3);
    }
}
