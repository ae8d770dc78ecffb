//! Resets: which of them end a connection, and which do not.

use std::time::Duration;

use super::wire::*;
use crate::capture::Side;
use crate::capture::limits;

#[test]
fn a_connection_that_is_refused_and_tried_again_with_the_same_number_goes_on() {
    let mut wire = Wire::new();
    wire.send(CLIENT.syn(99));
    wire.send(SERVER.rst(0).ack(100));
    wire.pass(Duration::from_millis(500));
    wire.send(CLIENT.syn(99));
    wire.send(SERVER.syn(499).ack(100));
    wire.send(CLIENT.bytes(100, b"c0c1").ack(500));
    wire.send(SERVER.bytes(500, b"s0s1s2").ack(104));
    assert_eq!(wire.told(), ["#0 opened by First", "#0 First: c0c1", "#0 Second: s0s1s2"]);
    wire.pass(limits::DISORDER_TIME);
    wire.send_many(CLIENT, 104, 50);
    assert_eq!(wire.said(Side::First).len(), 50 * PAYLOAD.len());
    assert_eq!(wire.end(), ["#0 closed: EndOfCapture"]);
}

#[test]
fn a_refusal_stands_when_it_is_the_last_of_several() {
    let mut wire = Wire::new();
    for _ in 0..3 {
        wire.send(CLIENT.syn(99));
        wire.send(SERVER.rst(0).ack(100));
        wire.pass(limits::DISORDER_TIME / 2);
    }
    wire.pass(limits::DISORDER_TIME / 2);
    wire.send(OTHER.nothing(1));
    assert_eq!(wire.told(), ["#0 opened by First", "#0 closed: Reset { by: Second }"]);
}

#[test]
fn the_same_syn_after_a_connection_was_refused_and_closed_opens_another() {
    let mut wire = Wire::new();
    wire.send(CLIENT.syn(99));
    wire.send(SERVER.rst(0).ack(100));
    wire.pass(limits::DISORDER_TIME);
    wire.send(CLIENT.syn(99));
    wire.send(SERVER.syn(499).ack(100));
    wire.send(CLIENT.bytes(100, b"c0c1").ack(500));
    assert_eq!(
        wire.told(),
        ["#0 opened by First", "#0 closed: Reset { by: Second }", "#1 opened by First", "#1 First: c0c1"]
    );
}

#[test]
fn a_client_that_clears_away_an_older_connection_before_it_is_let_in_has_not_reset_its_own() {
    // The half-open connection of RFC 9293, 3.5.1: it resets what the server acknowledged, far away, or near.
    for older in [0xE000_0000, 90_000] {
        let mut wire = Wire::new();
        wire.send(CLIENT.syn(99));
        wire.send(CLIENT.rst(older));
        wire.pass(limits::DISORDER_TIME - Duration::from_millis(1));
        wire.send(CLIENT.syn(99));
        wire.send(SERVER.syn(499).ack(100));
        wire.pass(limits::DISORDER_TIME);
        wire.send_many(CLIENT, 100, 60);
        let told = wire.told();
        assert_eq!(told[0], "#0 opened by First", "{older}");
        assert_eq!(told[1..], vec!["#0 First: 1000 bytes"; 60], "{older}");
        assert_eq!(wire.end(), ["#0 closed: EndOfCapture"], "{older}");
    }
}

#[test]
fn a_reset_with_a_number_that_is_nowhere_near_is_none() {
    let mut wire = Wire::opened();
    wire.send(SERVER.rst(0x9000_0000));
    wire.send(SERVER.rst(500 + limits::WAITING_BYTES as u32 + 1));
    wire.send_many(CLIENT, 100, 60);
    wire.pass(limits::DISORDER_TIME);
    wire.send_many(CLIENT, 60_100, 60);
    assert_eq!(wire.told(), vec!["#0 First: 1000 bytes"; 120]);
    assert_eq!(wire.tallies().map(|tally| tally.astray), [0, 2]);
}

#[test]
fn a_refusal_that_acknowledges_something_else_is_none() {
    let mut wire = Wire::new();
    wire.send(CLIENT.syn(99));
    wire.send(SERVER.rst(0).ack(0x7000_0000));
    wire.send(SERVER.rst(0));
    wire.pass(limits::DISORDER_TIME);
    wire.send(SERVER.syn(499).ack(100));
    wire.send(CLIENT.bytes(100, b"let in"));
    assert_eq!(wire.told(), ["#0 opened by First", "#0 First: let in"]);
}

#[test]
fn a_reset_is_withdrawn_when_whoever_sent_it_goes_on_behind_it() {
    let mut wire = Wire::opened();
    wire.send(SERVER.bytes(500, b"is "));
    wire.send(SERVER.rst(503));
    wire.send(CLIENT.bytes(100, b"and so is this"));
    wire.send(SERVER.bytes(503, b"alive"));
    wire.pass(limits::DISORDER_TIME);
    wire.send(CLIENT.bytes(114, b", still"));
    assert_eq!(
        wire.told(),
        ["#0 Second: is ", "#0 First: and so is this", "#0 Second: alive", "#0 First: , still"]
    );
    assert_eq!(wire.end(), ["#0 closed: EndOfCapture"]);
}

#[test]
fn a_closed_connection_goes_on_as_another_when_whoever_reset_it_acknowledges_more() {
    let mut wire = Wire::opened();
    wire.send(SERVER.rst(500));
    wire.pass(limits::DISORDER_TIME);
    // In flight when it was reset, for all that is known.
    wire.send(CLIENT.bytes(100, b"lost"));
    assert_eq!(wire.told(), ["#0 closed: Reset { by: Second }"]);
    wire.send(SERVER.nothing(500).ack(100));
    wire.send(CLIENT.bytes(104, b"as well"));
    assert_eq!(wire.told(), [""; 0]);
    wire.send(SERVER.nothing(500).ack(104));
    wire.send(CLIENT.bytes(111, b"has come"));
    assert_eq!(wire.end(), ["#1 opened by nobody", "#1 First: has come", "#1 closed: EndOfCapture"]);
}

#[test]
fn segments_of_other_connections_do_not_hurry_the_end_of_one_that_was_reset() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.rst(103));
    for _ in 0..10 * limits::DISORDER_SEGMENTS {
        wire.send(OTHER.nothing(1));
    }
    wire.send(CLIENT.bytes(100, b"abc"));
    assert_eq!(wire.told(), ["#0 First: abc"]);
    for _ in 0..limits::DISORDER_SEGMENTS {
        wire.send(SERVER.nothing(500).ack(103));
    }
    assert_eq!(wire.told(), ["#0 closed: Reset { by: First }"]);
}

#[test]
fn what_a_reset_carries_is_no_part_of_the_stream() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(100, b"all"));
    let mut reset = CLIENT.bytes(103, b"Go away");
    (reset.0.rst, reset.0.missing) = (true, 5);
    wire.send(reset);
    assert_eq!(wire.end(), ["#0 First: all", "#0 closed: Reset { by: First }"]);
}
