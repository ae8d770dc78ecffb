//! Connections: where they begin and end.

use std::net::SocketAddr;
use std::time::Duration;

use super::wire::*;
use crate::capture::limits;
use crate::capture::{Connections, DirectionTally, Ending, EventKind, Segment, Side};

#[test]
fn a_connection_from_syn_to_fin_is_told_in_the_order_of_the_wire() {
    let mut wire = Wire::new();
    wire.send(CLIENT.syn(99));
    wire.send(SERVER.syn(499).ack(100));
    wire.send(CLIENT.bytes(100, b"question").ack(500));
    wire.send(SERVER.bytes(500, b"answer").ack(108));
    wire.send(CLIENT.fin(108).ack(506));
    assert_eq!(
        wire.told(),
        ["#0 opened by First", "#0 First: question", "#0 Second: answer", "#0 First finished"]
    );
    wire.send(SERVER.fin(506).ack(109));
    wire.send(CLIENT.nothing(109).ack(507));
    assert_eq!(wire.told(), ["#0 Second finished", "#0 closed: Finished { first: First }"]);
    assert_eq!(wire.connections.open_count(), 0);
    assert_eq!(wire.end(), [""; 0]);
}

#[test]
fn bytes_beside_a_syn_are_the_first() {
    let mut wire = Wire::new();
    let mut syn = CLIENT.syn(99);
    syn.0.payload = b"early";
    wire.send(syn);
    wire.send(CLIENT.bytes(105, b", later"));
    assert_eq!(wire.said(Side::First), "early, later");
}

#[test]
fn from_the_middle_the_earliest_of_the_first_bytes_is_the_first_and_nobody_opened_it() {
    let mut wire = Wire::new();
    wire.send(SERVER.bytes(512, b"cd"));
    wire.send(SERVER.bytes(510, b"ab"));
    wire.send(CLIENT.bytes(7, b"hm"));
    assert_eq!(wire.told(), [""; 0]);
    wire.pass(limits::DISORDER_TIME);
    wire.send(SERVER.bytes(514, b"ef"));
    assert_eq!(
        wire.told(),
        ["#0 opened by nobody", "#0 First: ab", "#0 First: cd", "#0 First: ef"],
        "the server sent first here"
    );
    wire.send(CLIENT.bytes(9, b"?"));
    assert_eq!(wire.told(), ["#0 Second: hm", "#0 Second: ?"]);
    wire.send(SERVER.bytes(509, b"z"));
    assert_eq!(wire.told(), [""; 0], "what is before it is too late");
}

#[test]
fn from_the_middle_many_segments_or_bytes_do_instead_of_time() {
    let mut wire = Wire::new();
    for index in 0..=limits::DISORDER_SEGMENTS as u32 {
        assert_eq!(wire.told(), [""; 0]);
        wire.send(CLIENT.bytes(100 + 2 * index, b"xy"));
    }
    assert_eq!(wire.told().len(), 2 + limits::DISORDER_SEGMENTS as usize);

    let mut wire = Wire::new();
    let payload = vec![7; limits::SETTLING_BYTES];
    wire.send(CLIENT.bytes(0, &payload));
    assert_eq!(wire.told()[0], "#0 opened by nobody");
}

#[test]
fn from_the_middle_a_single_byte_is_taken_for_a_keep_alive_and_what_follows_is_the_first() {
    let mut wire = Wire::new();
    wire.send(SERVER.bytes(509, b"\0"));
    wire.send(CLIENT.nothing(7).ack(510));
    wire.send(SERVER.bytes(509, b"\0"));
    wire.pass(limits::DISORDER_TIME);
    wire.send(SERVER.bytes(510, b"first"));
    assert_eq!(wire.told(), ["#0 opened by nobody", "#0 First: first"]);
    let expected = DirectionTally { bytes: 5, repeated: 1, keep_alives: 1, ..DirectionTally::default() };
    assert_eq!(wire.tallies()[0], expected);
}

#[test]
fn a_syn_that_was_captured_behind_the_first_bytes_still_opens_the_connection() {
    let mut wire = Wire::new();
    wire.send(CLIENT.bytes(102, b"c").ack(500));
    wire.send(SERVER.syn(499).ack(100));
    wire.send(CLIENT.syn(99));
    wire.send(CLIENT.bytes(100, b"ab").ack(500));
    assert_eq!(wire.told(), ["#0 opened by First", "#0 First: ab", "#0 First: c"]);
}

#[test]
fn a_syn_that_does_not_fit_what_came_before_is_another_connection() {
    for is_settled in [false, true] {
        let mut wire = Wire::new();
        wire.send(CLIENT.bytes(102, b"cd"));
        if is_settled {
            wire.pass(limits::DISORDER_TIME);
            wire.send(CLIENT.nothing(104));
        }
        wire.send(CLIENT.syn(if is_settled { 100 } else { 102 }));
        assert_eq!(
            wire.told(),
            ["#0 opened by nobody", "#0 First: cd", "#0 closed: PortsReused", "#1 opened by First"]
        );
    }
}

#[test]
fn the_side_that_answers_a_syn_did_not_open_the_connection() {
    let mut wire = Wire::new();
    wire.send(SERVER.syn(499).ack(100));
    assert_eq!(wire.told(), ["#0 opened by Second"]);
}

#[test]
fn a_syn_with_another_number_is_another_connection_and_the_same_again_is_not() {
    let mut wire = Wire::new();
    for (sequence, payload) in [(10, b"a"), (10, b"a"), (500, b"b")] {
        wire.send(CLIENT.syn(sequence));
        wire.send(CLIENT.bytes(sequence + 1, payload));
    }
    assert_eq!(
        wire.told(),
        ["#0 opened by First", "#0 First: a", "#0 closed: PortsReused", "#1 opened by First", "#1 First: b"]
    );
}

#[test]
fn ports_may_be_used_again_after_an_end_of_any_kind() {
    for is_reset in [false, true] {
        let mut wire = Wire::opened();
        if is_reset {
            wire.send(SERVER.rst(500));
        } else {
            wire.send(CLIENT.fin(100));
            wire.send(SERVER.fin(500));
        }
        wire.send(CLIENT.syn(7_000));
        wire.send(CLIENT.bytes(7_001, b"new"));
        let told = wire.told();
        let end =
            if is_reset { "#0 closed: Reset { by: Second }" } else { "#0 closed: Finished { first: First }" };
        assert_eq!(told[told.len() - 3..], [end, "#1 opened by First", "#1 First: new"]);
    }
}

#[test]
fn who_finished_first_is_told_by_what_the_other_acknowledged() {
    let mut wire = Wire::opened();
    wire.send(SERVER.fin(500).ack(101));
    wire.send(CLIENT.fin(100).ack(500));
    assert_eq!(
        wire.told(),
        ["#0 Second finished", "#0 First finished", "#0 closed: Finished { first: First }"]
    );
}

#[test]
fn a_reset_waits_for_what_was_captured_in_another_order() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.rst(103));
    wire.send(CLIENT.bytes(100, b"abc"));
    assert_eq!(wire.told(), ["#0 First: abc"]);
    for _ in 0..limits::DISORDER_SEGMENTS {
        wire.send(SERVER.nothing(500).ack(103));
    }
    assert_eq!(wire.told(), ["#0 closed: Reset { by: First }"]);
    // In flight when the peer reset it.
    wire.send(SERVER.bytes(500, b"too late"));
    wire.send(CLIENT.nothing(103));
    assert_eq!(wire.told(), [""; 0]);
    // Its reset was none of its own, since it goes on.
    wire.send(CLIENT.bytes(103, b"still here"));
    assert_eq!(wire.end(), ["#1 opened by nobody", "#1 First: still here", "#1 closed: EndOfCapture"]);
}

#[test]
fn what_comes_behind_the_end_is_no_connection_of_its_own() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(100, b"all"));
    wire.send(CLIENT.fin(103));
    wire.send(SERVER.fin(500));
    wire.told();
    wire.send(CLIENT.bytes(100, b"all"));
    wire.send(CLIENT.fin(103));
    wire.send(SERVER.nothing(501).ack(104));
    wire.send(SERVER.rst(501));
    wire.send(CLIENT.bytes(104, b"beyond"));
    assert_eq!(wire.end(), [""; 0]);
}

#[test]
fn numbers_that_are_nowhere_near_are_another_connection_once_there_are_several() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(100, b"a"));
    wire.send(CLIENT.bytes(0x8000_0000, b"?"));
    wire.send(CLIENT.bytes(101, b"b"));
    for index in 0..limits::ASTRAY_SEGMENTS {
        wire.send(CLIENT.bytes(0x9000_0000 + 2 * index, b"xy"));
    }
    assert_eq!(
        wire.end(),
        [
            "#0 First: a",
            "#0 First: b",
            "#0 closed: PortsReused",
            "#1 opened by nobody",
            "#1 First: xy",
            "#1 closed: EndOfCapture"
        ]
    );
}

#[test]
fn a_connection_ends_no_earlier_than_what_a_segment_of_another_one_lets_go() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(103, b"d"));
    wire.send(SERVER.nothing(500).ack(104));
    for index in 1..limits::ASTRAY_SEGMENTS {
        wire.send(SERVER.bytes(0x9000_0000 + index, b"x"));
    }
    wire.pass(limits::DISORDER_TIME);
    wire.send(SERVER.bytes(0x9000_0000, b"x").ack(104));
    let told: Vec<_> =
        std::iter::from_fn(|| wire.connections.poll()).map(|event| (event.at, told(&event))).collect();
    let [.., (missing_at, missing), (_, bytes), (closed_at, closed)] = &told[..] else { panic!("{told:?}") };
    assert_eq!([missing, bytes, closed], ["#0 First: 3 missing", "#0 First: d", "#0 closed: PortsReused"]);
    assert!(closed_at >= missing_at, "{told:?}");
}

#[test]
fn segments_that_carry_nothing_begin_no_connection() {
    let mut wire = Wire::new();
    wire.send(CLIENT.nothing(1).ack(7));
    wire.send(CLIENT.rst(1));
    wire.send(CLIENT.fin(1));
    let mut reset = CLIENT.bytes(1, b"Go away");
    reset.0.rst = true;
    wire.send(reset);
    assert_eq!(wire.end(), [""; 0]);
}

#[test]
fn a_connection_that_is_refused_is_told() {
    let mut wire = Wire::new();
    wire.send(CLIENT.syn(99));
    wire.send(SERVER.rst(0).ack(100));
    assert_eq!(wire.end(), ["#0 opened by First", "#0 closed: Reset { by: Second }"]);
}

#[test]
fn of_ten_thousand_connections_each_is_followed_and_let_go() {
    let mut connections = Connections::new();
    let (mut opened, mut closed, mut bytes_given) = (0, 0, 0);
    let mut open_max = 0;
    let count = 20_000;
    for step in 0..count + limits::CONNECTIONS as u32 + 100 {
        let now = Duration::from_millis(100) * step;
        // Each is opened, and closed after as many others as are followed at most, and some.
        if step < count {
            connections.handle_segment(&numbered(step, CLIENT.syn(9)), now);
            connections.handle_segment(&numbered(step, CLIENT.bytes(10, b"hello")), now);
        }
        if let Some(step) = step.checked_sub(10_000).filter(|step| *step < count) {
            connections.handle_segment(&numbered(step, CLIENT.rst(15)), now);
        }
        open_max = open_max.max(connections.open_count());
        while let Some(event) = connections.poll() {
            match event.kind {
                EventKind::Opened { .. } => opened += 1,
                EventKind::Segment { bytes, .. } => bytes_given += bytes.len(),
                EventKind::Closed { how, .. } => {
                    assert_eq!(how, Ending::Reset { by: Side::First });
                    closed += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    connections.handle_end();
    closed += std::iter::from_fn(|| connections.poll()).count() as u32;
    assert_eq!((opened, closed, bytes_given), (count, count, 5 * count as usize));
    assert!((10_000..10_100).contains(&open_max), "{open_max}");
    assert!(connections.known_count() <= limits::CLOSED_CONNECTIONS, "{}", connections.known_count());
}

#[test]
fn of_more_connections_than_are_followed_the_most_silent_is_let_go() {
    let mut connections = Connections::new();
    let mut crowded_out = Vec::new();
    for number in 0..limits::CONNECTIONS as u32 + 2 {
        connections.handle_segment(&numbered(number, CLIENT.syn(9)), Duration::ZERO);
        // The first one never falls silent.
        connections.handle_segment(&numbered(0, CLIENT.bytes(10 + number, b"!")), Duration::ZERO);
        while let Some(event) = connections.poll() {
            if let EventKind::Closed { how, .. } = event.kind {
                assert_eq!(how, Ending::CrowdedOut);
                crowded_out.push(event.connection.0);
            }
        }
    }
    assert_eq!(crowded_out, [1, 2]);
    assert_eq!(connections.open_count(), limits::CONNECTIONS);
}

/// A segment of one of many clients.
fn numbered(number: u32, segment: Sent<'_>) -> Segment<'_> {
    let [high, middle, low, _] = (number << 8).to_be_bytes();
    Segment { from: SocketAddr::new([10, high, middle, low].into(), 40_000), ..segment.0 }
}
