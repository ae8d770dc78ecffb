//! Playing: every byte reaches every player, in order, however many there are.

use std::time::{Duration, Instant};

use sol_core::hub::Coalesce;
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::Player;
use sol_tests::peer::{Peer, PeerOptions};

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::{ms, patient, streaming};
use crate::visitor::Visitor;

pub(crate) fn what_is_published_is_played(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut early = house.waiting_player("cam");
    let mut camera = house.publisher("cam");
    camera.stream(ms(2_000));
    early.watch(camera.sent());
    let mut late = house.player("cam");
    for until in [2_200, 3_000, 4_100] {
        camera.stream(ms(until));
        late.watch(camera.sent());
        early.watch(camera.sent());
    }
    house.until_counts(3, 1);
}

pub(crate) fn sixty_players_get_every_byte_and_the_end_behind_the_last(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = house.publisher("cam");
    let mut players: Vec<_> = (0..60).map(|_| house.player("cam")).collect();
    for until in [500, 510, 1_000] {
        camera.stream(ms(until));
        players.iter_mut().for_each(|player| player.read_on(camera.sent()));
    }
    camera.stream(ms(1_500));
    camera.finish();
    for player in &mut players {
        player.watch_to_the_end(camera.sent());
    }
    let (why, summary) = house.until_ended(players[59].address);
    assert_eq!((why, summary.gaps), ("stream-ended", 0));
}

pub(crate) fn streams_beside_each_other_do_not_mix(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut pairs: Vec<_> = (0..8)
        .map(|number| {
            let name = format!("cam{number}");
            let camera = house.publisher_of(&name, Pattern::new().marked(number));
            (camera, [house.player(&name), house.player(&name)])
        })
        .collect();
    for step in 1..=10 {
        pairs.iter_mut().for_each(|(camera, _)| camera.stream(ms(step * 100)));
    }
    for (camera, players) in &mut pairs {
        players.iter_mut().for_each(|player| drop(player.watch(camera.sent())));
    }
    house.until_counts(24, 8);
}

pub(crate) fn one_connection_plays_several_streams(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut cameras =
        [1, 2, 3].map(|number| house.publisher_of(&format!("cam{number}"), Pattern::new().marked(number)));
    let mut viewer = Visitor::at(house.address, Peer::new(PeerOptions::default()));
    let peer = viewer.script_mut();
    peer.connect("live");
    for number in 1..=3 {
        peer.create_stream();
        peer.play(StreamId(number), &format!("cam{number}"));
    }
    viewer.run_until(|peer| {
        peer.statuses().iter().filter(|(_, code)| *code == "NetStream.Play.Start").count() == 3
    });
    for (step, number) in (1..=12).zip([0, 1, 2].into_iter().cycle()) {
        cameras[number].stream(ms(step * 100));
    }
    for (camera, number) in cameras.iter().zip(1..) {
        let last = &camera.sent().last().expect("something was sent").payload;
        viewer.run_until(|peer| peer.media().iter().any(|media| media.payload == *last));
        let media = viewer.script().media_of(StreamId(number));
        check_run(&media, camera.sent()).expect("one run, of its own stream");
    }
}

pub(crate) fn frames_larger_than_all_buffers_arrive_whole(adapter: &dyn Adapter) {
    let mut config = patient();
    config.socket.send_buffer_bytes = Some(16 * 1024);
    let house = House::with(adapter, config);
    // Keyframes of 500 KB.
    let pattern = Pattern::new().keyframe_every_ms(200).video_kilobits(40_000);
    let mut camera = house.publisher_of("cam", pattern);
    let mut player = Visitor::narrow(house.address, Player::new("live", "cam"));
    player.run_until(|player| player.phase().is_decided());
    camera.stream(ms(300));
    player.watch(camera.sent());
    assert!(camera.sent().iter().any(|sent| sent.payload.len() > 400_000));
}

pub(crate) fn what_is_gathered_comes_when_its_time_has_come(adapter: &dyn Adapter) {
    let house = House::with(adapter, streaming(|stream| stream.coalesce = Coalesce::Fixed(INTERVAL)));
    let mut camera = house.publisher("cam");
    let mut player = house.player("cam");
    let began = Instant::now();
    for (step, intervals) in (1..=5).zip(0..) {
        // What comes behind a delivery waits for the next one, and no further frame brings it about.
        camera.stream(ms(step * 100));
        camera.stream(ms(step * 100 + 50));
        player.watch(camera.sent());
        assert!(began.elapsed() >= INTERVAL * intervals, "there is as much between two deliveries");
    }
}

const INTERVAL: Duration = ms(30);
