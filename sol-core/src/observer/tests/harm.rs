//! Recordings with holes, and bytes that break rules.

use super::*;

#[test]
fn a_hole_within_the_payload_of_a_chunk_costs_that_message_alone() {
    let mut chunks = full_header(6, 1, 0, 9, 300);
    chunks.extend([7; 128]);
    chunks.push(0xC6);
    chunks.extend([7; 128]);
    chunks.push(0xC6);
    chunks.extend([7; 44]);
    let behind = [delta(6, 40, 9, PICTURE), full(4, 1, 5, 8, SOUND), same(6, PICTURE)].concat();
    let damaged = |received, lost| {
        let (chunk_stream, kind) = (lane_id(6), MessageType::VIDEO);
        Observed::Unfinished(
            UnfinishedMessage { chunk_stream, kind, length: 300, received, lost },
            WhyUnfinished::Damaged,
        )
    };
    let header = 12;
    for (at, missing) in
        [(header, 1), (header, 128), (header + 100, 28), (header + 128 + 1, 5), (header + 300, 1)]
    {
        let mut observer = beyond_the_handshake();
        observer.handle_bytes(Party::Client, &chunks[..at]);
        observer.handle_missing(Party::Client, missing as u64);
        observer.handle_bytes(Party::Client, &chunks[at + missing..]);
        observer.handle_bytes(Party::Client, &behind);
        observer.handle_end(Party::Client);
        let seen = whats(&drain(&mut observer));
        assert_eq!(seen[0], Observed::Missing { bytes: missing as u64 });
        assert_eq!(seen[1], damaged(300 - missing, missing), "{missing} at {at}");
        let messages = messages_in(&seen);
        assert_eq!(messages.len(), 3, "{missing} at {at}");
        assert_eq!(messages[2].time, ObservedTime::Absolute(Timestamp::from_millis(80)));
        assert_eq!(seen.len(), 5);
    }
}

#[test]
fn behind_a_hole_with_headers_in_it_footing_is_found_again_and_lanes_are_forgotten() {
    let mut observer = beyond_the_handshake();
    observer.handle_bytes(Party::Client, &frames(128, 3));
    let begun = [full_header(6, 1, 900, 9, 200), vec![7; 50]].concat();
    observer.handle_bytes(Party::Client, &begun);
    for bytes in [79, 0] {
        observer.handle_missing(Party::Client, bytes);
    }
    observer.handle_bytes(Party::Client, &[7; 20]);
    observer.handle_bytes(
        Party::Client,
        &[delta(4, 23, 8, SOUND), delta(6, 40, 9, PICTURE), same(6, PICTURE)].concat(),
    );
    observer.handle_end(Party::Client);
    let seen = whats(&drain(&mut observer));
    let unfinished = UnfinishedMessage {
        chunk_stream: lane_id(6),
        kind: MessageType::VIDEO,
        length: 200,
        received: 50,
        lost: 0,
    };
    assert_eq!(
        seen[3..7],
        [
            Observed::Missing { bytes: 79 },
            Observed::Unfinished(unfinished, WhyUnfinished::FootingLost),
            Observed::Missing { bytes: 0 },
            Observed::Footing { skipped: 20, chunk_size: None },
        ]
    );
    let times: Vec<_> = messages_in(&seen[7..]).iter().map(|message| message.time.absolute()).collect();
    assert_eq!(times, [None; 3]);
}

#[test]
fn a_hole_amid_the_first_bytes_of_a_payload_says_nothing_of_extended_timestamps() {
    // The sender repeats none. What is behind the hole only looks like one because a byte in front of it is gone.
    let mut chunks = full_header(6, 1, 0x0200_0000, 9, 4 * 128);
    chunks.extend([&[7; 128][..], &[0xC6], &[7; 128], &[0xC6]].concat());
    let mut observer = beyond_the_handshake();
    observer.handle_bytes(Party::Client, &chunks);
    observer.handle_missing(Party::Client, 1);
    let like_a_timestamp = [&[2, 0, 0, 0][..], &[7; 124]].concat();
    observer.handle_bytes(Party::Client, &like_a_timestamp[..127]);
    observer.handle_bytes(Party::Client, &[&[0xC6][..], &like_a_timestamp].concat());
    observer.handle_bytes(Party::Client, &full(4, 1, 0, 8, SOUND));
    observer.handle_end(Party::Client);
    let seen = whats(&drain(&mut observer));
    assert!(matches!(
        seen[..],
        [
            Observed::Missing { bytes: 1 },
            Observed::Unfinished(_, WhyUnfinished::Damaged),
            Observed::Message(_)
        ]
    ));
}

#[test]
fn behind_a_hole_the_chunk_size_of_before_is_tried_even_if_nothing_may_be_spent() {
    let mut observer = Observer::with_looks(0);
    observer.handle_bytes(Party::Client, &handshake(Offer::Simple)[0]);
    observer.handle_bytes(Party::Client, &full(2, 0, 0, 1, &[0, 0, 1, 0x4D]));
    observer.handle_missing(Party::Client, 0);
    for _ in 0..3 {
        observer.handle_bytes(Party::Client, &chunked(6, 1, 0, 9, &picture(1_000), 0x14D));
    }
    observer.handle_end(Party::Client);
    let seen = whats(&drain(&mut observer));
    assert!(seen.contains(&Observed::Footing { skipped: 0, chunk_size: size(0x14D) }), "{seen:?}");
    assert_eq!(messages_in(&seen).len(), 1 + 3);
}

#[test]
fn a_chunk_size_whose_announcement_was_damaged_is_found_anew() {
    let mut observer = beyond_the_handshake();
    let announced = full(2, 0, 0, 1, &[0, 0, 0x10, 0]);
    observer.handle_bytes(Party::Client, &announced[..announced.len() - 2]);
    observer.handle_missing(Party::Client, 2);
    assert_eq!(observer.chunk_size(Party::Client), None);
    observer.handle_bytes(Party::Client, &chunked(6, 1, 0, 9, &picture(5_000), 4_096));
    observer.handle_bytes(Party::Client, &frames(4_096, 2));
    assert_eq!(observer.chunk_size(Party::Client), size(4_096));
    assert_eq!(messages_in(&whats(&drain(&mut observer))).len(), 3);
}

#[test]
fn a_hole_in_the_handshake_costs_the_handshake_alone() {
    let [client, _] = handshake(Offer::Digest);
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, &client[..1_000]);
    observer.handle_missing(Party::Client, 500);
    observer.handle_bytes(Party::Client, &client[1_500..]);
    observer.handle_bytes(Party::Client, &frames(128, 3));
    observer.handle_end(Party::Client);
    let seen = whats(&drain(&mut observer));
    assert_eq!(
        seen[..3],
        [
            Observed::HandshakeCut { bytes: 1_000 },
            Observed::Missing { bytes: 500 },
            Observed::Footing { skipped: 1_573, chunk_size: None },
        ]
    );
    assert_eq!(messages_in(&seen).len(), 3);
    assert_eq!(observer.bytes(Party::Client), 3_073 + frames(128, 3).len() as u64);
}

#[test]
fn a_lane_that_begins_with_format_3_is_a_broken_rule_if_all_was_seen() {
    let chunks = [full(4, 1, 0, 8, SOUND), vec![0xC6], PICTURE.to_vec(), frames(128, 3)].concat();
    let seen = see_behind_handshake(&chunks);
    let rule = BrokenRule::Chunk(ChunkError::NoPreviousHeader(lane_id(6), 3));
    assert_eq!(seen[1], Observed::Broken(rule));
    assert_eq!(seen[2], Observed::Footing { skipped: 1 + PICTURE.len() as u64, chunk_size: None });
    assert_eq!(messages_in(&seen).len(), 4);
}

#[test]
fn a_wrong_length_is_noticed_where_no_header_is_and_understanding_goes_on() {
    let mut chunks = frames(128, 20);
    let wrong = full(6, 1, 0, 9, &picture(100));
    let at = chunks.len();
    chunks.extend(wrong);
    chunks[at + 6] += 9;
    chunks.extend(frames(128, 20));
    let seen = see_behind_handshake(&chunks);
    let broken = seen.iter().filter(|seen| matches!(seen, Observed::Broken(_))).count();
    assert_eq!(broken, 1, "{seen:?}");
    // The wrong one swallows the header of the next, and with it that message.
    assert_eq!(messages_in(&seen).len(), 20 + 1 + 19);
}

#[test]
fn an_unlikely_header_is_believed_if_what_follows_bears_it_out() {
    // Type 77 on chunk stream 9 000, with a message stream id and a length that nobody has.
    let strange = full(9_000, 0x7777_7777, 0, 77, &[1; 100]);
    let chunks = [full(4, 1, 0, 8, SOUND), strange, frames(128, 3)].concat();
    let seen = see_behind_handshake(&chunks);
    assert_eq!(messages_in(&seen).len(), 5);
    assert_eq!(seen.len(), 5);
}

#[test]
fn what_bears_an_unlikely_header_out_is_read_as_the_reader_does() {
    // A message is under way when the unlikely header comes. Behind that, an order in format 3 says where chunks end, and without
    // it nothing would be found there.
    let scenes = [
        ("a size", 1, 4_096_u32, 6_000, vec![0xC2, 0, 0, 3, 0xE8], vec![1_000, 904]),
        ("more than any chunk can have", 1, 128, 600, vec![0xC2, 0x7F, 0xFF, 0xFF, 0xFF], vec![472]),
        ("a size, cut", 1, 3, 33, vec![0xC2, 0x80, 0, 0, 0xC2, 10], vec![10, 10, 10]),
        ("an abort", 2, 400, 600, vec![0xC2, 0, 0, 0, 6], vec![400, 200]),
    ];
    for (name, kind, chunk_bytes, length, order, pieces) in scenes {
        let chunk = chunk_bytes as usize;
        let first = &[0xFF; 4_096][..chunk];
        let strange = &[1; 100][..chunk.min(100)];
        let mut chunks = full(2, 0, 0, 1, &chunk_bytes.to_be_bytes());
        if kind == 2 {
            chunks.extend(chunked(2, 0, 0, 2, &[0, 0, 0, 9], chunk));
        }
        chunks.extend(full_header(6, 1, 0, 9, length));
        chunks.extend(first);
        chunks.extend(chunked(9_000, 0x7777_7777, 0, 77, strange, chunk));
        chunks.extend(order);
        for (index, piece) in pieces.iter().enumerate() {
            let is_new = kind == 2 && index == 0;
            chunks.push(0xC6);
            chunks.extend(if is_new { &PICTURE[..5] } else { &[] });
            chunks.extend(iter::repeat_n(0xFF, if is_new { piece - 5 } else { *piece }));
        }
        chunks.extend(full(4, 1, 0, 8, &SOUND[..9]));
        chunks.push(0xC6);
        let seen = see_behind_handshake(&chunks);
        let broken = seen.iter().find(|seen| matches!(seen, Observed::Broken(_)));
        assert_eq!(broken, None, "{name}");
        let kinds: Vec<_> = messages_in(&seen).iter().map(|message| message.kind.get()).collect();
        let before: &[u8] = if kind == 2 { &[1, 2] } else { &[1] };
        assert_eq!(kinds, [before, &[77, kind, 9, 8]].concat(), "{name}");
    }
}

#[test]
fn what_bears_an_unlikely_header_out_has_its_payload_behind_the_timestamp_that_it_repeats() {
    // Four bytes in front of the end of a chunk there is a header that nobody would send.
    let continuation = [0xC6, 2, 0, 0, 9];
    let pieces = [&[&[0xFF; 124][..], &[5, 0xFF, 0xFF, 0xFE]].concat()[..], &[0xFF; 128], &[0xFF; 16]];
    let mut chunks = full_header(6, 1, 0x0200_0009, 9, 400);
    chunks.extend([0xFF; 128]);
    chunks.extend(full(9_000, 0x7777_7777, 0, 77, &[1; 100]));
    for piece in pieces {
        chunks.extend(continuation);
        chunks.extend(piece);
    }
    let seen = see_behind_handshake(&chunks);
    assert_eq!(messages_in(&seen).len(), 2, "{seen:?}");
}

#[test]
fn a_header_that_nothing_bears_out_is_a_broken_rule() {
    let strange = full(9_000, 0x7777_7777, 0, 77, &[1; 100]);
    let chunks = [&full(4, 1, 0, 8, SOUND)[..], &strange[..strange.len() - 7], &frames(128, 3)].concat();
    let seen = see_behind_handshake(&chunks);
    let rule =
        BrokenRule::Unbelievable { chunk_stream: lane_id(9_000), kind: MessageType::new(77), length: 100 };
    assert_eq!(seen[1], Observed::Broken(rule));
    assert_eq!(messages_in(&seen).len(), 4);
}

#[test]
fn what_a_lane_began_with_does_not_speak_against_what_is_just_like_it() {
    // A codec that no encoder has had for years, and data without a name: both are unlikely where nothing is known yet.
    let strange_picture = [&[0x29][..], &[0x25; 60]].concat();
    let strange_data = [7; 15];
    for (kind, body) in [(9, &strange_picture[..]), (18, &strange_data)] {
        let repeated = iter::repeat_n(same(6, body), 5).flatten();
        let chunks = full(6, 1, 0, kind, body).into_iter().chain(repeated).chain([0xC6]).collect::<Vec<_>>();
        let seen = see_behind_handshake(&chunks);
        assert_eq!(messages_in(&seen).len(), 6, "type {kind}");
        assert_eq!(seen.len(), 7, "the last one is not whole: {seen:?}");
    }
}

#[test]
fn a_type_that_nobody_knows_is_believed_where_more_of_it_follow() {
    let strange: Vec<u8> = (0..20).flat_map(|_| full(9_000, 0x7777_7777, 0, 77, &[1; 100])).collect();
    let seen = see_behind_handshake(&strange[..strange.len() - 1]);
    assert_eq!(messages_in(&seen).len(), 19);
    assert_eq!(seen.len(), 20, "the last one is not whole: {seen:?}");
}

#[test]
fn an_unlikely_header_is_believed_if_its_message_ends_with_a_stream_that_was_seen_from_its_first_byte() {
    let strange = full(9, 0x7777_7777, 0, 77, &[1, 2, 3, 4]);
    let chunks = [frames(128, 4), strange.clone()].concat();
    let seen = see_behind_handshake(&chunks);
    assert_eq!(messages_in(&seen).len(), 5);
    assert_eq!(seen.len(), 5);
    // With one byte more or less it is not.
    for end in [&[0][..], &strange[..strange.len() - 1]] {
        let chunks = [&chunks[..], end].concat();
        assert!(see_behind_handshake(&chunks).iter().any(|seen| matches!(seen, Observed::Broken(_))));
    }
    // From the middle, the footing may be wrong.
    assert!(see(&chunks).iter().any(|seen| matches!(seen, Observed::Broken(_))));
}

#[test]
fn a_hole_in_place_of_the_second_packet_is_a_handshake_that_was_cut() {
    let [client, _] = handshake(Offer::Digest);
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, &client[..1_537]);
    observer.handle_missing(Party::Client, 1_536);
    observer.handle_bytes(Party::Client, &frames(128, 20));
    observer.handle_end(Party::Client);
    let seen = whats(&drain(&mut observer));
    assert!(matches!(seen[0], Observed::FirstPacket(_)), "{:?}", seen[0]);
    assert_eq!(seen[1..3], [Observed::HandshakeCut { bytes: 1_537 }, Observed::Missing { bytes: 1_536 }]);
    assert!(messages_in(&seen).len() >= 20);
}

#[test]
fn what_is_no_rtmp_is_none_behind_a_hole_either() {
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, b"GET / HTTP/1.1\r\n");
    observer.handle_missing(Party::Client, 100);
    observer.handle_bytes(Party::Client, &frames(128, 20));
    observer.handle_end(Party::Client);
    assert_eq!(
        whats(&drain(&mut observer)),
        [Observed::Foreign(Foreign::Http), Observed::Missing { bytes: 100 }]
    );
}
