//! Returning: a publisher that vanished may come back, or another may take its place, and players see one stream.

use sol_core::hub::Takeover;
use sol_tests::peer::message::MediaReceived;
use sol_tests::peer::pattern::{FrameText, Pattern};
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::Phase;

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::{ms, streaming};
use crate::visitor::{name_in_use, unpublished};

pub(crate) fn a_publisher_that_returns_again_and_again_is_one_stream_to_its_players(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut players: Vec<_> = (0..5).map(|_| house.waiting_player("cam")).collect();
    let mut seen = vec![0; players.len()];
    for round in 0..12_usize {
        // Each begins anew, on a clock of its own.
        let pattern = Pattern::new().marked(round as u32).starting_at_ms(round as u32 * 1_234_567);
        let mut camera = house.publisher_of("cam", pattern);
        assert!(matches!(camera.phase(), Phase::Live(_)), "{:?}", camera.phase());
        camera.stream(ms(200));
        for (player, seen) in players.iter_mut().zip(&mut seen) {
            player.read_on(camera.sent());
            let media = &player.script().media()[*seen..];
            let run = check_run(media, camera.sent()).expect("one run, and nothing of any other");
            assert_eq!((run.first, run.last), (3, camera.sent().len() as u64 - 1));
            *seen += media.len();
        }
        house.until_ended(camera.vanish(round));
    }
    for player in &players {
        assert!(player.is_live(), "it was told nothing");
        assert_time_never_steps_back(player.script().media());
    }
}

pub(crate) fn a_name_in_grace_goes_to_the_next_publisher_and_to_no_third(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let camera = house.publisher("cam");
    let mut player = house.player("cam");
    house.until_ended(camera.vanish(0));
    let mut second = house.publisher_of("cam", Pattern::new().marked(2));
    assert!(matches!(second.phase(), Phase::Live(_)), "{:?}", second.phase());
    for _ in 0..4 {
        assert_eq!(*house.publisher("cam").phase(), name_in_use());
    }
    second.stream(ms(500));
    player.read_on(second.sent());
    assert!(player.is_live());
}

pub(crate) fn players_of_a_publisher_that_vanished_are_told_when_the_grace_is_over(adapter: &dyn Adapter) {
    let house = House::with(adapter, streaming(|stream| stream.grace = ms(100)));
    let mut camera = house.publisher("cam");
    let mut players: Vec<_> = (0..5).map(|_| house.player("cam")).collect();
    camera.stream(ms(1_000));
    players.iter_mut().for_each(|player| drop(player.watch(camera.sent())));
    house.until_ended(camera.vanish(0));
    for player in &mut players {
        player.run_until(|player| matches!(player.phase(), Phase::EndedByServer(_)));
        assert_eq!(*player.phase(), unpublished());
        assert_eq!(house.until_ended(player.address).0, "stream-ended");
    }
    let next = house.publisher("cam");
    assert!(matches!(next.phase(), Phase::Live(_)), "{:?}", next.phase());
}

pub(crate) fn a_publisher_with_the_same_credential_takes_the_place_of_one_that_still_seems_to_be_there(
    adapter: &dyn Adapter,
) {
    let mut config = streaming(|stream| stream.takeover = Takeover::Credential);
    config.session.timers.farewell = ms(100);
    let house = House::with(adapter, config);
    let mut first = house.publisher_of("cam?key=a", Pattern::new().marked(1));
    let mut players: Vec<_> = (0..3).map(|_| house.player("cam")).collect();
    first.stream(ms(500));
    players.iter_mut().for_each(|player| player.read_on(first.sent()));
    let seen: Vec<usize> = players.iter().map(|player| player.script().media().len()).collect();
    let mut second = house.publisher_of("cam?key=a", Pattern::new().marked(2));
    assert!(matches!(second.phase(), Phase::Live(_)), "{:?}", second.phase());
    second.stream(ms(500));
    for (player, seen) in players.iter_mut().zip(seen) {
        player.read_on(second.sent());
        let run = check_run(&player.script().media()[seen..], second.sent()).expect("one run");
        assert_eq!(run.first, 3);
        assert!(player.is_live(), "it was told nothing");
        assert_time_never_steps_back(player.script().media());
    }
    // It sends nothing, and hears of it all the same.
    assert_eq!(house.until_ended(first.address).0, "replaced");
    assert_eq!(house.until_closed(first.address), "replaced");
}

pub(crate) fn a_backup_takes_over_from_a_publisher_that_leaves(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut main = house.publisher_of("cam", Pattern::new().marked(1));
    let mut backup = house.publisher_of("cam?role=backup", Pattern::new().marked(2));
    assert!(matches!(backup.phase(), Phase::Live(_)), "{:?}", backup.phase());
    let mut players: Vec<_> = (0..3).map(|_| house.player("cam")).collect();
    main.stream(ms(500));
    players.iter_mut().for_each(|player| player.read_on(main.sent()));
    let seen: Vec<usize> = players.iter().map(|player| player.script().media().len()).collect();
    backup.stream(ms(500));
    house.until_ended(main.vanish(0));
    backup.stream(ms(500));
    for (player, seen) in players.iter_mut().zip(seen) {
        player.read_on(backup.sent());
        check_run(&player.script().media()[seen..], backup.sent()).expect("one run");
        assert!(player.is_live(), "it was told nothing");
        assert_time_never_steps_back(player.script().media());
    }
}

/// Metadata aside, whose time is always 0.
fn assert_time_never_steps_back(media: &[MediaReceived]) {
    let frames = media.iter().filter(|media| FrameText::read(media.type_id, &media.payload).is_some());
    let times: Vec<u32> = frames.map(|frame| frame.timestamp_ms).collect();
    assert!(times.is_sorted(), "{times:?}");
}
