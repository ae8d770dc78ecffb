//! Descriptors: a process that may open no more files. Alone in its process, whose limit it lowers.

use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use sol_core::limits;
use sol_tests::peer::script::Player;

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::ms;
use crate::porter::What;
use crate::visitor::Visitor;

pub(crate) fn without_descriptors_those_who_are_there_go_on_and_the_others_are_served_later(
    adapter: &dyn Adapter,
) {
    let house = House::open(adapter);
    let mut camera = house.publisher("cam");
    let mut player = house.player("cam");
    // A connection needs a descriptor at either end; those of the clients are there before there are none.
    let sockets = [(); 6].map(|()| Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are some"));
    let before = getrlimit(Resource::Nofile);
    let began = Instant::now();
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..before }).expect("lowering is allowed");
    let guests = sockets.map(|socket| {
        // The kernel has room for them, whether they are accepted or not.
        socket.connect(&house.address.into()).expect("the server listens");
        Visitor::over(socket.into(), Player::new("live", "cam"))
    });
    for step in 1..=3 {
        house.until(|seen| seen.what == What::TurnedAway("accept-failed"));
        camera.stream(ms(step * 300));
        player.watch(camera.sent());
    }
    assert_eq!(house.connection_count(), 2);

    setrlimit(Resource::Nofile, before).expect("it was so before");
    for mut guest in guests {
        guest.run_until(|player| player.phase().is_decided());
        guest.watch(camera.sent());
        camera.stream(ms(1_000));
        player.watch(camera.sent());
    }
    // Longer is no failure, for then more of them are due: whoever tries again at once tries thousands of times.
    let due = began.elapsed().as_millis() / limits::ACCEPT_PAUSE.as_millis() + 2;
    let failures =
        house.seen_besides().iter().filter(|seen| seen.what == What::TurnedAway("accept-failed")).count();
    assert!(failures as u128 <= LISTENERS_MAX * due, "tried {failures} times");
}

/// An adapter may accept in several threads.
const LISTENERS_MAX: u128 = 8;
