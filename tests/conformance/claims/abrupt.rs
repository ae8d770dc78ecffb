//! Abrupt ends: connections that break where nobody expects it.

use std::net::SocketAddr;

use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::{Phase, Publisher};

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::{ms, streaming};
use crate::visitor::{Visitor, unpublished};

pub(crate) fn publishers_that_are_cut_off_amid_a_frame_leave_nothing_behind_and_disturb_nobody(
    adapter: &dyn Adapter,
) {
    let house = House::open(adapter);
    let mut bystander = house.publisher("bystander");
    let mut its_player = house.player("bystander");
    for round in 0..CUTS {
        let camera = house.publisher("cam");
        assert!(matches!(camera.phase(), Phase::Live(_)), "{:?}", camera.phase());
        house.until_ended(cut_amid_a_frame(camera, round));
        bystander.stream(ms(40 * round as u64));
        if round > 0 {
            its_player.read_on(bystander.sent());
        }
    }
    house.until_counts(2, 1);
    its_player.watch(bystander.sent());
}

pub(crate) fn a_player_sees_each_of_many_publishers_that_take_each_others_place(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut player = house.waiting_player("cam");
    for round in 0..CUTS {
        let mut camera = house.publisher_of("cam", Pattern::new().marked(round as u32));
        camera.stream(ms(80));
        player.read_on(camera.sent());
        house.until_ended(cut_amid_a_frame(camera, round));
    }
    assert!(player.is_live(), "it was told nothing");
    drop(player);
    house.until_empty();
}

pub(crate) fn without_grace_players_of_a_publisher_that_is_cut_off_are_told_that_it_is_over(
    adapter: &dyn Adapter,
) {
    let house = House::with(adapter, streaming(|stream| stream.grace = ms(0)));
    for round in 0..4 {
        let mut camera = house.publisher("cam");
        let mut player = house.player("cam");
        camera.stream(ms(500));
        player.watch(camera.sent());
        cut_amid_a_frame(camera, round);
        player.run_until(|player| matches!(player.phase(), Phase::EndedByServer(_)));
        assert_eq!(*player.phase(), unpublished());
        let address = player.address;
        drop(player);
        assert_eq!(house.until_closed(address), "stream-ended");
    }
    house.until_empty();
}

pub(crate) fn a_publisher_that_leaves_behind_its_last_frame_is_played_to_the_end(adapter: &dyn Adapter) {
    let house = House::with(adapter, streaming(|stream| stream.grace = ms(0)));
    for _ in 0..6 {
        let mut camera = house.publisher_of("cam", Pattern::new().video_kilobits(4_000));
        let mut player = house.player("cam");
        // More than one read takes, and the end with it.
        camera.stream(ms(1_000));
        camera.close_its_side();
        player.watch_to_the_end(camera.sent());
        assert_eq!(house.until_closed(camera.address), "peer-left");
        house.until_ended(player.address);
    }
}

pub(crate) fn players_that_are_cut_off_amid_frames_disturb_nobody(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = house.publisher("cam");
    let mut stays = house.player("cam");
    for round in 0..CUTS {
        let goes = house.player("cam");
        camera.stream(ms(40 * round as u64 + 40));
        // With frames on their way to it.
        let address = goes.vanish(round);
        camera.stream(ms(40 * round as u64 + 60));
        stays.read_on(camera.sent());
        house.until_closed(address);
    }
    house.until_counts(2, 1);
    stays.watch(camera.sent());
}

/// Sends half a keyframe and is gone.
fn cut_amid_a_frame(mut camera: Visitor<Publisher>, round: usize) -> SocketAddr {
    camera.send_half_a_frame();
    camera.vanish(round)
}

const CUTS: usize = 30;
