//! Shutdown: everybody is told, nobody is waited for without end, and nothing is left.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;

use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Publisher;

use crate::adapters::Adapter;
use crate::house::House;
use crate::net::{MINUTE, wait_until};
use crate::patience::{ms, patient};
use crate::porter::{Rules, What};
use crate::visitor::{Visitor, unpublished};

pub(crate) fn everybody_is_told_of_a_shutdown_and_nothing_is_left(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = house.publisher("cam");
    let mut player = house.player("cam");
    let mut waiting = house.waiting_player("nobody");
    let mut silent = stranger(&house);
    camera.stream(ms(500));
    // What a server has not read yet when it is told to go is lost.
    player.watch(camera.sent());
    house.until_counts(4, 2);
    thread::scope(|scope| {
        let down = scope.spawn(|| house.shutdown());
        player.run_to_the_end().expect("a close, no reset");
        camera.run_to_the_end().expect("a close, no reset");
        waiting.run_to_the_end().expect("a close, no reset");
        assert_eq!(silent.read(&mut [0; 16]).expect("a close, no reset"), 0);
        for address in [camera.address, player.address, waiting.address] {
            assert_eq!(house.until_closed(address), "shutdown");
        }
        assert_eq!(*player.phase(), unpublished());
        player.run_of(camera.sent());
        let last = camera.script().peer().statuses().last().map(|(_, code)| *code);
        assert_eq!(last, Some("NetConnection.Connect.AppShutdown"));
        drop((camera, player, waiting, silent));
        down.join().expect("it returns");
    });
    assert_eq!(house.connection_count(), 0);
    // Nobody listens any more.
    wait_until(|| {
        TcpStream::connect(house.address).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    });
}

pub(crate) fn sixty_players_leave_with_a_shutdown(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = house.publisher("cam");
    let mut players: Vec<_> = (0..60).map(|_| house.player("cam")).collect();
    camera.stream(ms(300));
    thread::scope(|scope| {
        let down = scope.spawn(|| house.shutdown());
        for mut player in players.drain(..) {
            player.run_to_the_end().expect("a close, no reset");
            player.run_of(camera.sent());
            assert_eq!(*player.phase(), unpublished());
        }
        drop(camera);
        down.join().expect("it returns");
    });
    assert_eq!(house.connection_count(), 0);
}

pub(crate) fn a_shutdown_does_not_wait_for_ever_for_those_who_do_not_leave(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let camera = house.publisher("cam");
    let silent = stranger(&house);
    house.until_counts(2, 1);
    house.shutdown();
    assert_eq!(house.connection_count(), 0);
    drop((camera, silent));
}

pub(crate) fn a_shutdown_does_not_wait_for_an_answer_of_the_application(adapter: &dyn Adapter) {
    let rules = Rules { held: vec!["slow"], ..Rules::default() };
    let house = House::ruled(adapter, patient(), rules);
    let mut slow = Visitor::at(house.address, Publisher::new("live", "slow", Pattern::new()));
    slow.poise();
    slow.flush();
    house.until_asked(slow.address);
    thread::scope(|scope| {
        let down = scope.spawn(|| house.shutdown());
        slow.run_to_the_end().expect("a close, no reset");
        assert_eq!(house.until_closed(slow.address), "shutdown");
        drop(slow);
        down.join().expect("it returns");
    });
    // Nobody waits for it any more.
    house.answer("slow", Ok(()));
}

pub(crate) fn who_asks_for_a_shutdown_a_second_time_waits_for_the_same(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = house.publisher("cam");
    thread::scope(|scope| {
        let down = [(); 3].map(|()| {
            scope.spawn(|| {
                house.shutdown();
                house.connection_count()
            })
        });
        camera.run_to_the_end().expect("a close, no reset");
        drop(camera);
        for down in down {
            assert_eq!(down.join().expect("it returns"), 0);
        }
    });
    house.shutdown();
}

pub(crate) fn who_comes_during_a_shutdown_is_not_kept(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let mut visitor = match TcpStream::connect(house.address) {
                        Ok(visitor) => visitor,
                        // Nobody listens any more.
                        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return,
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                            continue;
                        }
                    };
                    visitor.set_read_timeout(Some(MINUTE)).expect("it is open");
                    // No RTMP, so that it is told to leave in any case.
                    if visitor.write_all(b"GET").is_ok() {
                        let end = visitor.read(&mut [0; 16]).map_err(|error| error.kind());
                        assert!(matches!(end, Ok(0) | Err(ErrorKind::ConnectionReset)), "{end:?}");
                    }
                }
            });
        }
        for _ in 0..20 {
            house.until(|seen| seen.what == What::Closed("http"));
        }
        house.shutdown();
    });
}

/// Somebody amid a handshake.
fn stranger(house: &House<'_>) -> TcpStream {
    let mut stranger = TcpStream::connect(house.address).expect("the server listens");
    stranger.set_read_timeout(Some(MINUTE)).expect("it is open");
    stranger.write_all(&[3]).expect("the server takes it");
    stranger
}
