//! Holes: what becomes of bytes that come twice, late, or not at all.

use std::net::SocketAddr;
use std::time::Duration;

use super::wire::*;
use crate::capture::limits;
use crate::capture::{Connections, DirectionTally, EventKind, Segment, Side};

#[test]
fn times_are_those_of_the_segment_that_made_the_bytes_complete() {
    let mut wire = Wire::new();
    for (millis, segment) in [
        (10, CLIENT.syn(99)),
        (20, CLIENT.bytes(103, b"d")),
        (30, CLIENT.bytes(102, b"c")),
        (25, CLIENT.bytes(100, b"ab")),
        (40, CLIENT.bytes(104, b"e")),
    ] {
        wire.connections.handle_segment(&segment.0, Duration::from_millis(millis));
    }
    let told: Vec<_> = std::iter::from_fn(|| wire.connections.poll())
        .map(|event| (event.at.as_millis(), told(&event)))
        .collect();
    let expected = [
        (10, "#0 opened by First"),
        (30, "#0 First: ab"),
        (30, "#0 First: c"),
        (30, "#0 First: d"),
        (40, "#0 First: e"),
    ];
    assert_eq!(told, expected.map(|(at, text)| (at, text.to_owned())));
}

#[test]
fn bytes_that_come_again_are_given_once_and_the_first_count() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(100, b"abc"));
    wire.send(CLIENT.bytes(101, b"bcde"));
    wire.send(CLIENT.bytes(100, b"xbc"));
    // The same ahead of a hole.
    wire.send(CLIENT.bytes(107, b"hi"));
    wire.send(CLIENT.bytes(106, b"gXij"));
    wire.send(CLIENT.bytes(105, b"f"));
    assert_eq!(wire.said(Side::First), "abcdefghij");
    let expected = DirectionTally { bytes: 10, repeated: 7, contradictions: 2, ..DirectionTally::default() };
    assert_eq!(wire.tallies()[0], expected);
}

#[test]
fn a_keep_alive_is_no_byte_of_the_stream() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(99, b"\0"));
    wire.send(CLIENT.bytes(100, b"ab"));
    wire.send(CLIENT.bytes(101, b"\0"));
    wire.send(CLIENT.nothing(101));
    wire.send(CLIENT.bytes(102, b"c"));
    assert_eq!(wire.said(Side::First), "abc");
    let expected = DirectionTally { bytes: 3, keep_alives: 2, ..DirectionTally::default() };
    assert_eq!(wire.tallies()[0], expected);
}

#[test]
fn a_hole_is_given_up_a_while_after_the_peer_has_acknowledged_it() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(100, b"ab"));
    wire.send(CLIENT.bytes(105, b"fg"));
    for _ in 0..100 {
        wire.send(SERVER.nothing(500).ack(102));
    }
    assert_eq!(wire.told(), ["#0 First: ab"], "the peer has not got it either");
    for _ in 0..limits::DISORDER_SEGMENTS {
        wire.send(SERVER.nothing(500).ack(107));
    }
    assert_eq!(wire.told(), [""; 0], "it may have been captured behind its acknowledgement");
    wire.send(SERVER.nothing(500).ack(107));
    assert_eq!(wire.told(), ["#0 First: 3 missing", "#0 First: fg"]);
    wire.send(CLIENT.bytes(102, b"cde"));
    wire.send(CLIENT.bytes(107, b"h"));
    assert_eq!(wire.told(), ["#0 First: h"], "what comes after all is late");
}

#[test]
fn a_hole_is_given_up_a_second_after_the_peer_has_acknowledged_it() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(103, b"d"));
    wire.send(SERVER.nothing(500).ack(104));
    wire.pass(limits::DISORDER_TIME);
    wire.send(CLIENT.nothing(104));
    assert_eq!(wire.told(), ["#0 First: 3 missing", "#0 First: d"]);
}

#[test]
fn what_was_acknowledged_and_never_captured_is_missing_without_anything_behind_it() {
    let mut wire = Wire::opened();
    wire.send(SERVER.bytes(500, b"answer").ack(1_100));
    wire.pass(limits::DISORDER_TIME);
    wire.send(SERVER.bytes(506, b"s").ack(1_100));
    assert_eq!(wire.told(), ["#0 Second: answer", "#0 First: 1000 missing", "#0 Second: s"]);
    wire.send(CLIENT.bytes(1_100, b"goes on"));
    assert_eq!(wire.told(), ["#0 First: goes on"]);
    // The number that a FIN would have is no byte.
    wire.send(SERVER.nothing(507).ack(1_108));
    wire.pass(limits::DISORDER_TIME);
    wire.send(SERVER.nothing(507).ack(1_108));
    assert_eq!(wire.end(), ["#0 closed: EndOfCapture"]);
}

#[test]
fn a_hole_is_given_up_when_too_much_waits_behind_it() {
    let mut wire = Wire::opened();
    let payload = vec![7; 64 * 1024];
    let mut sequence = 101;
    let mut sent = 0;
    while wire.told().is_empty() {
        wire.send(CLIENT.bytes(sequence, &payload));
        sequence += payload.len() as u32;
        sent += payload.len();
        assert!(sent <= limits::WAITING_BYTES + payload.len(), "{sent}");
    }
    assert!(sent > limits::WAITING_BYTES - payload.len(), "{sent}");
    let expected = DirectionTally { bytes: sent as u64, missing: 1, ..DirectionTally::default() };
    assert_eq!(wire.tallies()[0], expected);
}

#[test]
fn over_all_connections_no_more_waits_than_one_table_says() {
    let mut connections = Connections::new();
    let payload = vec![7; 64 * 1024];
    let mut given = 0;
    for port in 0..40 {
        let from = SocketAddr::new(CLIENT.ip(), 10_000 + port);
        let client = Segment { from, ..CLIENT.bytes(0, b"").0 };
        connections.handle_segment(&Segment { syn: true, sequence: 0, ..client }, Duration::ZERO);
        for part in 0..limits::WAITING_BYTES / payload.len() - 1 {
            let sequence = 2 + (part * payload.len()) as u32;
            connections.handle_segment(&Segment { sequence, payload: &payload, ..client }, Duration::ZERO);
            while let Some(event) = connections.poll() {
                if let EventKind::Segment { bytes, .. } = event.kind {
                    given += bytes.len();
                }
            }
        }
    }
    let sent = 40 * (limits::WAITING_BYTES / payload.len() - 1) * payload.len();
    assert!(sent - given <= limits::WAITING_BYTES_TOTAL, "{} wait", sent - given);
    assert!(sent - given > limits::WAITING_BYTES_TOTAL / 2, "{} wait", sent - given);
}

#[test]
fn sequence_numbers_go_on_behind_their_largest() {
    let mut wire = Wire::new();
    wire.send(CLIENT.syn(0xFFFF_FFFC));
    wire.send(CLIENT.bytes(1, b"ef"));
    wire.send(CLIENT.bytes(0xFFFF_FFFD, b"abcd"));
    wire.send(CLIENT.bytes(3, b"g"));
    assert_eq!(wire.said(Side::First), "abcdefg");
}

#[test]
fn what_the_capture_ends_with_is_given_with_its_holes() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(102, b"c"));
    wire.send(CLIENT.fin(105));
    assert_eq!(
        wire.end(),
        [
            "#0 First: 2 missing",
            "#0 First: c",
            "#0 First: 2 missing",
            "#0 First finished",
            "#0 closed: EndOfCapture"
        ]
    );
}

#[test]
fn a_hole_is_given_up_when_nothing_is_heard_of_the_peer_for_long() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(100, b"ab"));
    wire.send(CLIENT.bytes(105, b"fg"));
    wire.pass(limits::UNHEARD_TIME / 2);
    wire.send(CLIENT.bytes(110, b"kl"));
    wire.pass(limits::UNHEARD_TIME / 2 - limits::DISORDER_TIME);
    wire.send(CLIENT.bytes(112, b"mn"));
    assert_eq!(wire.told(), ["#0 First: ab"]);
    wire.pass(limits::DISORDER_TIME);
    wire.send(CLIENT.bytes(114, b"op"));
    assert_eq!(wire.told(), ["#0 First: 3 missing", "#0 First: fg"], "each hole has its own time");
    wire.pass(limits::UNHEARD_TIME / 2);
    wire.send(CLIENT.nothing(116));
    let told = wire.told();
    assert_eq!(told, ["#0 First: 3 missing", "#0 First: kl", "#0 First: mn", "#0 First: op"]);
}

#[test]
fn a_hole_that_the_peer_has_too_is_waited_for_as_long_as_it_says_so() {
    let mut wire = Wire::opened();
    wire.send(CLIENT.bytes(105, b"fg"));
    for _ in 0..10 {
        wire.pass(limits::UNHEARD_TIME - limits::DISORDER_TIME);
        wire.send(SERVER.nothing(500).ack(100));
        wire.send(CLIENT.nothing(107));
    }
    wire.send(CLIENT.bytes(100, b"abcde"));
    assert_eq!(wire.said(Side::First), "abcdefg");
}

#[test]
fn bytes_that_a_snap_length_cut_off_count_if_they_come_again_before_their_turn() {
    let mut wire = Wire::opened();
    let mut cut = CLIENT.bytes(105, b"fg");
    cut.0.missing = 5;
    wire.send(cut);
    wire.send(CLIENT.bytes(109, b"j"));
    wire.send(CLIENT.bytes(100, b"abcde"));
    let told = wire.told();
    assert_eq!(
        told,
        ["#0 First: abcde", "#0 First: fg", "#0 First: 2 missing", "#0 First: j", "#0 First: 2 missing"]
    );
}

#[test]
fn a_stamp_in_the_far_future_holds_up_no_other_connection() {
    let mut wire = Wire::opened();
    wire.send_at(Duration::from_secs(1_000_000_000), OTHER.bytes(1, b"from the future"));
    wire.send(CLIENT.bytes(103, b"d"));
    wire.send(SERVER.nothing(500).ack(104));
    wire.pass(limits::DISORDER_TIME);
    wire.send(CLIENT.nothing(104));
    let events: Vec<_> = std::iter::from_fn(|| wire.connections.poll()).collect();
    let of_ours = events.iter().filter(|event| event.connection.0 == 0);
    let told: Vec<_> = of_ours.map(|event| (event.at.as_secs(), told(event))).collect();
    assert_eq!(told, [(2, "#0 First: 3 missing".to_owned()), (2, "#0 First: d".to_owned())]);
}

#[test]
fn whoever_has_waited_for_longest_waits_no_longer_when_too_much_waits() {
    let mut connections = Connections::new();
    let payload = vec![7; 1024 * 1024];
    let many = limits::WAITING_BYTES_TOTAL / payload.len();
    let send = |connections: &mut Connections, port: u16, sequence: u32, payload: &[u8]| {
        let client =
            Segment { from: SocketAddr::new(CLIENT.ip(), port), ..CLIENT.bytes(sequence, payload).0 };
        connections.handle_segment(&Segment { syn: payload.is_empty(), ..client }, Duration::ZERO);
    };
    let ports = 10_000..10_000 + many as u16 + 20;
    for port in ports.clone() {
        send(&mut connections, port, 0, b"");
        send(&mut connections, port, 2, &payload);
    }
    let mut without_hole = Vec::new();
    for port in ports.clone().rev() {
        send(&mut connections, port, 1, b"!");
    }
    connections.handle_end();
    let mut ended = 0;
    while let Some(event) = connections.poll() {
        if let EventKind::Closed { tallies, .. } = event.kind {
            ended += 1;
            if tallies[0].missing == 0 {
                without_hole.push(event.connection.0);
            }
        }
    }
    assert_eq!(ended, ports.len());
    let given_up = ports.len() - without_hole.len();
    assert!((20..30).contains(&given_up), "{given_up}");
    let latest: Vec<_> = (given_up as u64..ports.len() as u64).collect();
    assert_eq!(without_hole, latest, "the first ones were given up");
}

#[test]
fn a_connection_that_is_complete_when_it_waits_no_longer_is_over() {
    let mut wire = Wire::opened();
    wire.send(SERVER.fin(500));
    wire.send(CLIENT.bytes(101, b"b"));
    wire.send(CLIENT.fin(102));
    assert_eq!(wire.told(), ["#0 Second finished"]);
    let payload = vec![7; 1024 * 1024];
    for port in 0..(limits::WAITING_BYTES_TOTAL / payload.len()) as u16 {
        let from = SocketAddr::new(OTHER.ip(), 10_000 + port);
        let other = Segment { from, ..OTHER.syn(0).0 };
        wire.send(Sent(other));
        wire.send(Sent(Segment { syn: false, sequence: 2, payload: &payload, ..other }));
    }
    let mut told = wire.told();
    told.retain(|told| told.starts_with("#0 "));
    assert_eq!(
        told,
        ["#0 First: 1 missing", "#0 First: b", "#0 First finished", "#0 closed: Finished { first: Second }"],
        "before the capture ends"
    );
}
