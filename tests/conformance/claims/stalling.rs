//! Stalling: whoever takes nothing at all is shown the door, so that the kernel keeps nothing for it.

use std::io;

use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::Player;

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::{ms, timed};
use crate::visitor::Visitor;

pub(crate) fn a_player_that_takes_nothing_is_reset_and_disturbs_nobody(adapter: &dyn Adapter) {
    let mut config = timed(|timers| timers.stall = ms(300));
    config.socket.send_buffer_bytes = Some(32 * 1024);
    let house = House::with(adapter, config);
    // So little that its kernel takes all of it at once, and nothing ever waits for it.
    let mut bystander = house.publisher("bystander");
    let mut its_player = house.player("bystander");
    let mut camera = house.publisher_of("cam", Pattern::new().video_kilobits(8_000));
    let mut stalled = Visitor::narrow(house.address, Player::new("live", "cam"));
    stalled.run_until(|player| player.phase().is_decided());
    for step in 1..=10 {
        camera.stream(ms(step * 100));
        bystander.stream(ms(step * 100));
        its_player.read_on(bystander.sent());
    }

    assert_eq!(house.until_closed(stalled.address), "stalled");
    let end = stalled.run_to_the_end().map_err(|error| error.kind());
    assert_eq!(end, Err(io::ErrorKind::ConnectionReset));

    bystander.stream(ms(1_200));
    its_player.watch(bystander.sent());
    camera.stream(ms(1_200));
    camera.finish();
    assert_eq!(house.until_ended(camera.address).0, "stopped");
}
