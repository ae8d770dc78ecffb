//! Draining: nobody new is taken, those who are there are asked to leave and served until they do, and time is not without end.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use sol_core::session::ReconnectRequest;
use sol_tests::peer::PeerOptions;
use sol_tests::peer::amf::Amf;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::{Phase, Player, Publisher, Script};

use crate::adapters::Adapter;
use crate::house::House;
use crate::net::{MINUTE, wait_until};
use crate::patience::ms;
use crate::visitor::{Visitor, unpublished};

pub(crate) fn who_is_there_goes_on_and_is_asked_to_leave_and_the_server_ends_with_the_last(
    adapter: &dyn Adapter,
) {
    let house = House::open(adapter);
    let mut camera = obeying_publisher(&house);
    let mut player = house.player("cam");
    let mut early = Visitor::at(house.address, Player::with_options("live", "cam", obeying()));
    early.poise();
    camera.stream(ms(500));
    player.watch(camera.sent());
    thread::scope(|scope| {
        let left = scope.spawn(|| house.drain(request(), MINUTE));
        camera.run_until(is_asked);
        early.hear_until(is_asked);
        // It has connected before, and asks only now.
        early.run_until(|player| player.phase().is_decided());
        assert_eq!(*early.phase(), Phase::Refused("NetStream.Play.Failed".to_owned()));
        // Nobody listens any more.
        wait_until(|| {
            TcpStream::connect(house.address).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        });
        camera.stream(ms(1_500));
        player.watch(camera.sent());
        assert!(!is_asked(player.script()), "it has not said that it obeys");
        camera.finish();
        player.watch_to_the_end(camera.sent());
        assert_eq!(*player.phase(), unpublished());
        drop((camera, player, early));
        assert_eq!(left.join().expect("it returns"), 0);
    });
    assert_eq!(house.connection_count(), 0);
}

pub(crate) fn who_does_not_leave_in_time_is_told_of_the_shutdown(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = obeying_publisher(&house);
    let mut player = house.player("cam");
    camera.stream(ms(500));
    player.watch(camera.sent());
    thread::scope(|scope| {
        let left = scope.spawn(|| house.drain(request(), Duration::ZERO));
        player.run_to_the_end().expect("a close, no reset");
        camera.run_to_the_end().expect("a close, no reset");
        for address in [camera.address, player.address] {
            assert_eq!(house.until_closed(address), "shutdown");
        }
        assert_eq!(*player.phase(), unpublished());
        drop((camera, player));
        assert_eq!(left.join().expect("it returns"), 2);
    });
}

pub(crate) fn a_shutdown_ends_a_drain(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = obeying_publisher(&house);
    thread::scope(|scope| {
        let drain = scope.spawn(|| house.drain(request(), MINUTE));
        camera.run_until(is_asked);
        let down = scope.spawn(|| house.shutdown());
        camera.run_to_the_end().expect("a close, no reset");
        assert_eq!(house.until_closed(camera.address), "shutdown");
        drop(camera);
        drain.join().expect("it returns");
        down.join().expect("it returns");
    });
}

/// A grace and a waiting time would last an hour.
pub(crate) fn nobody_waits_for_a_publisher_that_can_come_no_more(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut gone = house.publisher("gone");
    let mut left_behind = house.player("gone");
    gone.stream(ms(500));
    left_behind.watch(gone.sent());
    let (sent, address) = (gone.sent().to_vec(), gone.address);
    gone.reset();
    house.until_ended(address);
    let mut waiting = house.waiting_player("never");
    let mut camera = obeying_publisher(&house);
    let mut player = house.player("cam");
    camera.stream(ms(500));
    player.watch(camera.sent());
    thread::scope(|scope| {
        let left = scope.spawn(|| house.drain(request(), MINUTE));
        camera.run_until(is_asked);
        left_behind.watch_to_the_end(&sent);
        waiting.run_until(|player| player.phase().is_decided());
        assert_eq!(*waiting.phase(), Phase::Refused("NetStream.Play.StreamNotFound".to_owned()));
        let sent = camera.sent().to_vec();
        camera.reset();
        player.watch_to_the_end(&sent);
        assert_eq!((left_behind.phase(), player.phase()), (&unpublished(), &unpublished()));
        drop((left_behind, waiting, player));
        assert_eq!(left.join().expect("it returns"), 0);
    });
    house.until_empty();
}

fn obeying_publisher(house: &House<'_>) -> Visitor<Publisher> {
    let script = Publisher::with_options("live", "cam", Pattern::new(), obeying());
    let mut camera = Visitor::at(house.address, script);
    camera.run_until(|script| script.phase().is_decided());
    camera
}

fn is_asked(script: &impl Script) -> bool {
    let peer = script.peer().expect("it speaks RTMP");
    peer.commands().iter().any(|command| command.text("tcUrl") == Some("rtmp://other/live"))
}

fn request() -> ReconnectRequest {
    ReconnectRequest { tc_url: Some("rtmp://other/live".to_owned()), ..ReconnectRequest::default() }
}

fn obeying() -> PeerOptions {
    PeerOptions { connect_extra: vec![("capsEx".to_owned(), Amf::from(1.0))], ..PeerOptions::default() }
}
