//! Strays: numbers that have nothing to do with the connection on whose ports they come.

use super::wire::*;
use crate::capture::limits;
use crate::capture::{DirectionTally, Side};

#[test]
fn an_acknowledgement_of_what_never_was_sent_costs_nothing() {
    // An older connection's, far ahead or so near that it might be.
    for older in [500_000_000, 3_000_000] {
        let mut wire = Wire::new();
        wire.send(CLIENT.syn(99));
        wire.send(SERVER.nothing(77).ack(older));
        wire.send(SERVER.syn(499).ack(100));
        wire.pass(2 * limits::DISORDER_TIME);
        wire.send_many(CLIENT, 100, 60);
        wire.pass(2 * limits::DISORDER_TIME);
        wire.send_many(CLIENT, 60_100, 60);
        assert_eq!(wire.said(Side::First).len(), 120 * PAYLOAD.len(), "{older}");
        let expected = DirectionTally { bytes: 120_000, ..DirectionTally::default() };
        assert_eq!(wire.tallies()[0], expected, "{older}");
    }
}

#[test]
fn an_acknowledgement_far_ahead_that_only_comes_again_is_not_believed() {
    let mut wire = Wire::new();
    for _ in 0..4 {
        wire.send(CLIENT.syn(99));
        wire.send(SERVER.nothing(77).ack(500_000_000));
        wire.pass(limits::DISORDER_TIME);
    }
    wire.send_many(CLIENT, 100, 60);
    assert_eq!(wire.said(Side::First).len(), 60 * PAYLOAD.len());
}

#[test]
fn acknowledgements_that_go_on_far_ahead_tell_of_a_long_pause_of_the_capture() {
    let mut wire = Wire::opened();
    wire.send(SERVER.nothing(500).ack(20_000_100));
    wire.send(SERVER.nothing(500).ack(20_001_100));
    wire.pass(limits::DISORDER_TIME);
    wire.send(SERVER.nothing(500).ack(20_001_100));
    assert_eq!(wire.told(), ["#0 First: 20001000 missing"]);
    wire.send(CLIENT.bytes(20_001_100, b"goes on"));
    assert_eq!(wire.told(), ["#0 First: goes on"]);
}

#[test]
fn a_segment_that_is_astray_acknowledges_nothing() {
    let mut wire = Wire::opened();
    wire.send(SERVER.nothing(0x9000_0000).ack(1_100));
    wire.pass(limits::DISORDER_TIME);
    wire.send(SERVER.nothing(0x9000_0000).ack(1_100));
    wire.send_many(CLIENT, 100, 3);
    assert_eq!(wire.said(Side::First).len(), 3 * PAYLOAD.len());
}
