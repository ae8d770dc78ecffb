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

#[test]
fn numbers_behind_or_ahead_of_a_connection_without_an_end_are_another_on_its_ports() {
    for second in [500_000_000, 1_400_000_000] {
        let mut wire = Wire::new();
        wire.send(CLIENT.syn(1_000_000_000));
        wire.send(SERVER.syn(77).ack(1_000_000_001));
        wire.send(CLIENT.bytes(1_000_000_001, b"old").ack(78));
        assert_eq!(wire.told(), ["#0 opened by First", "#0 First: old"]);
        wire.pass(limits::DISORDER_TIME);
        // It is seen from its middle on, as both sides speak.
        for index in 0..60 {
            wire.send(CLIENT.bytes(second + index * 1_000, &PAYLOAD).ack(3_000_000_000));
        }
        let mut expected = vec!["#0 closed: PortsReused", "#1 opened by nobody"];
        let unbelieved = limits::ASTRAY_SEGMENTS as usize - 1;
        expected.extend(vec!["#1 First: 1000 bytes"; 60 - unbelieved]);
        assert_eq!(wire.told(), expected, "{second}");
    }
}

#[test]
fn several_segments_far_ahead_that_answer_the_peer_are_behind_a_long_pause_of_the_capture() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(100, b"before").ack(500));
    wire.told();
    for index in 0..limits::ASTRAY_SEGMENTS {
        wire.send(CLIENT.bytes(20_000_106 + index, b"!").ack(500));
    }
    let unbelieved = u64::from(limits::ASTRAY_SEGMENTS - 1);
    let missing = format!("#0 First: {} missing", 20_000_000 + unbelieved);
    assert_eq!(wire.end(), [&missing, "#0 First: !", "#0 closed: EndOfCapture"]);
}

#[test]
fn one_segment_that_is_astray_several_times_is_no_other_connection() {
    for astray in [500_000_000, 1_400_000_000] {
        let mut wire = Wire::new();
        wire.send(CLIENT.syn(1_000_000_000));
        for _ in 0..3 * limits::ASTRAY_SEGMENTS {
            wire.send(CLIENT.bytes(astray, b"an older one's, sent again and again"));
        }
        wire.send(CLIENT.bytes(1_000_000_001, b"its own"));
        assert_eq!(
            wire.end(),
            ["#0 opened by First", "#0 First: its own", "#0 closed: EndOfCapture"],
            "{astray}"
        );
    }
}

#[test]
fn numbers_all_over_the_place_are_no_other_connection() {
    let mut wire = Wire::opened();
    for index in 1..60 {
        wire.send(CLIENT.bytes(0x4321_0000_u32.wrapping_mul(index), b"?"));
    }
    wire.send(CLIENT.bytes(100, b"its own"));
    assert_eq!(wire.end(), ["#0 First: its own", "#0 closed: EndOfCapture"]);
}
