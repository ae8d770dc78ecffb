//! Handshakes, and what is none.

use super::*;

#[test]
fn a_digest_handshake_is_told_and_both_second_packets_are_judged_in_whichever_order_they_come() {
    let [client, server] = handshake(Offer::Digest);
    let kind = HandshakeKind::Digest(DigestLayout::DigestFirst);
    for parties in [[Party::Client, Party::Server], [Party::Server, Party::Client]] {
        let mut observer = Observer::new();
        for party in parties {
            observer.handle_bytes(party, if party == Party::Client { &client } else { &server });
        }
        let seen = drain(&mut observer);
        for party in parties {
            let of_party: Vec<_> = seen.iter().filter(|seen| seen.from == party).collect();
            assert!(matches!(of_party[0].what, Observed::FirstPacket(greeting) if greeting.kind == kind));
            assert_eq!(of_party[1].what, Observed::SecondPacket(Some(Second::Signed)));
            assert_eq!((of_party[0].at, of_party[1].at), (1_537, 3_073));
            assert_eq!(of_party.len(), 2);
        }
    }
}

#[test]
fn a_simple_handshake_echoes_and_a_second_packet_without_the_other_side_is_not_judged() {
    let [client, server] = handshake(Offer::Simple);
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, &client);
    observer.handle_bytes(Party::Server, &server);
    let seconds = drain(&mut observer).into_iter().filter_map(|seen| match seen.what {
        Observed::SecondPacket(second) => Some(second),
        _ => None,
    });
    assert_eq!(seconds.collect::<Vec<_>>(), [Some(Second::Echo), Some(Second::Echo)]);

    let mut alone = Observer::new();
    alone.handle_bytes(Party::Client, &client);
    assert_eq!(drain(&mut alone).len(), 1, "the server may still say its first packet");
    alone.handle_end(Party::Server);
    assert_eq!(whats(&drain(&mut alone)), [Observed::SecondPacket(None)]);
}

#[test]
fn a_handshake_that_ends_within_a_packet_says_how_much_of_it_came() {
    let [client, _] = handshake(Offer::Simple);
    for len in [1, 100, 1_536] {
        assert_eq!(see(&client[..len]), [Observed::HandshakeCut { bytes: len }]);
    }
    for len in [1_537, 1_538, 3_072] {
        assert_eq!(see(&client[..len])[1..], [Observed::HandshakeCut { bytes: len }]);
    }
}

#[test]
fn whoever_speaks_something_else_is_named() {
    let unknown = |first| Foreign::Unknown { first };
    let table: [(&[u8], Foreign); 12] = [
        (b"POST /open/1 HTTP/1.1\r\nContent-Length: 1\r\n\r\n", Foreign::Rtmpt),
        (b"POST /fcs/ident2 HTTP/1.1\r\n", Foreign::Rtmpt),
        (b"POST /upload HTTP/1.1\r\n\r\n", Foreign::Http),
        (b"GET / HTTP/1.1\r\n\r\n", Foreign::Http),
        (b"HTTP/1.1 400 Bad Request\r\n", Foreign::Http),
        (&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC], Foreign::Tls),
        (&[0x15, 3, 3, 0, 2, 2, 40], Foreign::Tls),
        (&[6; 20], Foreign::Rtmpe { version: 6, layout: None }),
        (b"SSH-2.0-OpenSSH_9.2\r\n", unknown(b'S')),
        (b"P", unknown(b'P')),
        (b"POST", unknown(b'P')),
        (&[0], unknown(0)),
    ];
    for (bytes, foreign) in table {
        let seen = see(bytes);
        assert_eq!(seen[0], Observed::Foreign(foreign), "{bytes:?}");
        let is_certain = !matches!(foreign, Foreign::Unknown { .. } | Foreign::Rtmpe { .. });
        let rest = [Observed::NotUnderstood { bytes: bytes.len() as u64 }];
        assert_eq!(&seen[1..], if is_certain { &[][..] } else { &rest });
    }
}

#[test]
fn rtmpe_is_told_by_its_digest_as_soon_as_that_is_there() {
    let [mut client, _] = handshake(Offer::Digest);
    client[0] = 6;
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, &client[..1_536]);
    assert_eq!(drain(&mut observer), []);
    observer.handle_bytes(Party::Client, &client[1_536..1_537]);
    let layout = Some(DigestLayout::DigestFirst);
    assert_eq!(whats(&drain(&mut observer)), [Observed::Foreign(Foreign::Rtmpe { version: 6, layout })]);
}

#[test]
fn a_first_byte_of_3_amid_a_connection_is_no_handshake() {
    // Payload that begins with 3, and no zero word behind it.
    let mut bytes = vec![3, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    bytes.extend(frames(128, 40));
    let seen = see(&bytes);
    assert_eq!(seen[0], Observed::Footing { skipped: 10, chunk_size: None });
    assert_eq!(messages_in(&seen).len(), 40);

    // Nor is it one if there is less than a handshake has.
    let seen = see(&bytes[..200]);
    assert_eq!(seen[0], Observed::Footing { skipped: 10, chunk_size: None });
}
