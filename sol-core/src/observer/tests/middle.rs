//! Connections whose beginning was not seen.

use super::*;

#[test]
fn whatever_the_chunk_size_is_it_is_found_where_a_message_is_longer() {
    for bytes in [1, 2, 77, 128, 129, 1_000, 4_096, 5_321, 60_000, 65_536, 300_000] {
        let mut chunks = vec![0xEE; 33];
        let count = 3;
        for index in 0..count {
            chunks.extend(chunked(6, 1, 40 * index, 9, &picture(bytes * 3 + 17), bytes));
            chunks.extend(chunked(4, 1, 40 * index + 5, 8, SOUND, bytes));
        }
        let seen = see(&chunks);
        assert_eq!(seen[0], Observed::Footing { skipped: 33, chunk_size: size(bytes) }, "{bytes}");
        assert_eq!(messages_in(&seen).len(), 2 * count as usize, "{bytes}");
    }
}

#[test]
fn a_chunk_size_that_is_announced_on_the_way_holds_from_there_on() {
    let mut chunks = chunked(6, 1, 0, 9, &picture(1_000), 128);
    chunks.extend(chunked(2, 0, 0, 1, &[0, 0, 0x10, 0], 128));
    chunks.extend(chunked(6, 1, 40, 9, &picture(5_000), 4_096));
    chunks.extend(frames(4_096, 3));
    let seen = see(&chunks);
    assert_eq!(seen[0], Observed::Footing { skipped: 0, chunk_size: size(128) });
    assert_eq!(messages_in(&seen).len(), 6);
}

#[test]
fn a_chunk_size_is_found_behind_the_first_messages_if_those_are_short() {
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, &frames(4_096, 4));
    observer.handle_bytes(Party::Client, &full(4, 1, 900, 8, SOUND));
    assert_eq!(observer.chunk_size(Party::Client), None);
    observer.handle_bytes(Party::Client, &chunked(6, 1, 1_000, 9, &picture(9_000), 4_096));
    observer.handle_bytes(Party::Client, &frames(4_096, 4));
    assert_eq!(observer.chunk_size(Party::Client), size(4_096));
    observer.handle_end(Party::Client);
    assert_eq!(messages_in(&whats(&drain(&mut observer))).len(), 10);
}

#[test]
fn a_chunk_size_does_not_hold_for_its_own_announcement() {
    let mut chunks = iter::repeat_n(delta(4, 23, 8, &SOUND[..3]), 3).flatten().collect::<Vec<_>>();
    chunks.extend(full(2, 0, 0, 1, &[0, 0, 0, 2]));
    chunks.extend(chunked(6, 1, 40, 9, &picture(50), 2));
    let seen = see(&chunks);
    assert_eq!(seen[0], Observed::Footing { skipped: 0, chunk_size: None });
    assert_eq!(messages_in(&seen).len(), 5);
}

#[test]
fn messages_whose_chunks_are_interleaved_are_told_apart() {
    let mut chunks = frames(128, 2);
    let video = picture(400);
    chunks.extend(full_header(6, 1, 0, 9, 400));
    chunks.extend(&video[..128]);
    for (index, piece) in video[128..].chunks(128).enumerate() {
        chunks.extend(full(4, 1, index as u32, 8, SOUND));
        chunks.push(0xC6);
        chunks.extend(piece);
    }
    chunks.extend(frames(128, 2));
    let seen = see(&chunks);
    assert_eq!(seen[0], Observed::Footing { skipped: 0, chunk_size: None });
    assert_eq!(messages_in(&seen).len(), 2 + 4 + 2);
    assert!(seen.iter().all(|seen| !matches!(seen, Observed::Broken(_))));
}

#[test]
fn extended_timestamps_are_understood_from_the_middle() {
    let mut chunks = vec![9; 50];
    for index in 0..3 {
        chunks.extend(chunked(6, 1, 0x0200_0000 + index, 9, &picture(700), 128));
    }
    let seen = see(&chunks);
    assert_eq!(seen[0], Observed::Footing { skipped: 50, chunk_size: size(128) });
    let messages = messages_in(&seen);
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[2].time.absolute(), Some(Timestamp::from_millis(0x0200_0002)));
}

#[test]
fn times_and_streams_are_unknown_until_a_header_of_their_lane_has_them() {
    let mut chunks = [delta(4, 23, 8, SOUND), delta(6, 40, 9, PICTURE), delta(4, 23, 8, SOUND)].concat();
    chunks.extend(full(4, 1, 5_000, 8, SOUND));
    chunks.extend(delta(4, 23, 8, SOUND));
    chunks.extend(delta(6, 40, 9, PICTURE));
    let seen = see(&chunks);
    let relative = |millis| ObservedTime::Relative(Timestamp::from_millis(millis));
    let absolute = |millis| ObservedTime::Absolute(Timestamp::from_millis(millis));
    let told: Vec<_> = messages_in(&seen)
        .iter()
        .map(|message| (message.time, message.stream.map(MessageStreamId::get)))
        .collect();
    assert_eq!(
        told,
        [
            (relative(23), None),
            (relative(40), None),
            (relative(46), None),
            (absolute(5_000), Some(1)),
            (absolute(5_023), Some(1)),
            (relative(80), None),
        ]
    );
}

#[test]
fn a_chunk_that_leans_on_a_lost_header_is_passed_over_and_nothing_else() {
    let mut chunks = [delta(6, 40, 9, PICTURE), delta(6, 40, 9, PICTURE), delta(6, 40, 9, PICTURE)].concat();
    chunks.push(0xC4);
    chunks.extend(SOUND);
    chunks.extend(same(6, PICTURE));
    chunks.extend([0x84, 0, 0, 23]);
    chunks.extend(SOUND);
    chunks.extend([delta(6, 40, 9, PICTURE), delta(4, 23, 8, SOUND), same(4, SOUND)].concat());
    let seen = see(&chunks);
    assert_eq!(skipped_in(&seen), [(4, 1 + SOUND.len()), (4, 4 + SOUND.len())]);
    assert_eq!(messages_in(&seen).len(), 7);
}

#[test]
fn a_long_message_of_a_lost_lane_is_passed_over_chunk_by_chunk() {
    let mut chunks =
        [chunked(6, 1, 0, 9, &picture(300), 128), delta(6, 40, 9, PICTURE), delta(6, 40, 9, PICTURE)]
            .concat();
    let sound = [SOUND, &[0x33; 300]].concat();
    for piece in sound.chunks(128) {
        chunks.push(0xC4);
        chunks.extend(piece);
    }
    chunks.extend([delta(6, 40, 9, PICTURE), delta(6, 40, 9, PICTURE)].concat());
    let seen = see(&chunks);
    let skipped: u64 =
        seen.iter().map(|seen| if let Observed::Skipped { bytes, .. } = seen { *bytes } else { 0 }).sum();
    assert_eq!(skipped as usize, sound.len() + 3);
    assert_eq!(messages_in(&seen).len(), 5);
}

#[test]
fn a_long_message_of_a_lost_lane_is_passed_over_whether_it_repeats_an_extended_timestamp_or_not() {
    for lane in [6, 63, 64, 319, 320, 65_599] {
        let mut continuation = Vec::new();
        header(lane, 1, 0, 9, 0).write_continuation(&mut continuation);
        // With the format that a lost message may begin with, where the extended field is in the header.
        let mut begun = continuation.clone();
        begun[0] &= 0xBF;
        begun.extend([0xFF, 0xFF, 0xFF, 2, 0, 0, 9]);
        let plain = continuation.clone();
        let repeats = [&continuation[..], &[2, 0, 0, 9]].concat();
        for (first, others) in [(&plain, &plain), (&repeats, &repeats), (&begun, &repeats)] {
            if lane >= 320 && first == &begun {
                continue; // A lane that nobody uses, in a format that nobody needs: this is not believed.
            }
            let mut chunks = known_size();
            let video = picture(4 * 128 + 50);
            let mut skipped = Vec::new();
            for (index, piece) in video[1..].chunks(128).enumerate() {
                let header = if index == 0 { first } else { others };
                chunks.extend(header);
                chunks.extend(piece);
                skipped.push((lane, header.len() + piece.len()));
                if index % 2 == 1 {
                    chunks.extend(delta(4, 23, 8, SOUND));
                }
            }
            chunks.extend(iter::repeat_n(delta(4, 23, 8, SOUND), 3).flatten());
            for piece in [usize::MAX, 1] {
                let seen = see_from_the_middle(&chunks, piece);
                assert_eq!(skipped_in(&seen), skipped, "{lane}: {others:02X?}");
                let messages = messages_in(&seen);
                assert_eq!(messages.len(), 2 + 2 + 3);
                assert_eq!(messages[6].time.absolute(), Some(Timestamp::from_millis(5_023 + 5 * 23)));
            }
        }
    }
}

#[test]
fn what_only_looks_like_a_repeated_timestamp_moves_no_chunk() {
    // Four bytes behind the end of each chunk there is a byte that might continue it, but other bytes are behind that.
    let mut chunks = known_size();
    let mut skipped = Vec::new();
    for index in 0..4 {
        let mut payload = [0x11 + index; 128];
        payload[3] = 0xC6;
        chunks.push(0xC6);
        chunks.extend(payload);
        skipped.push((6, 129));
    }
    chunks.extend(iter::repeat_n(delta(4, 23, 8, SOUND), 3).flatten());
    let seen = see_from_the_middle(&chunks, usize::MAX);
    assert_eq!(skipped_in(&seen), skipped);
    assert_eq!(messages_in(&seen).len(), 2 + 3);
}

#[test]
fn more_than_a_chunk_of_a_lost_lane_costs_the_footing() {
    let mut chunks = known_size();
    chunks.push(0xC6);
    chunks.extend([0x11; 140]);
    chunks.extend(iter::repeat_n(delta(4, 23, 8, SOUND), 3).flatten());
    let seen = see_from_the_middle(&chunks, 1);
    assert!(seen == see_from_the_middle(&chunks, usize::MAX));
    assert_eq!(seen[3], Observed::Footing { skipped: 141, chunk_size: None });
    assert_eq!(messages_in(&seen).len(), 2 + 3);
}

#[test]
fn a_byte_like_a_header_amid_a_chunk_of_a_lost_lane_is_none_if_its_payload_is_not_like_that_of_its_lane() {
    // Where a message of that lane would end, the chunk ends.
    let amid = [&[0x11; 10][..], &[0xC6], &[0x30; PICTURE.len()]].concat();
    let mut chunks = [known_size(), delta(6, 40, 9, PICTURE), vec![0xC7]].concat();
    chunks.extend(&amid);
    chunks.extend(iter::repeat_n(delta(4, 23, 8, SOUND), 3).flatten());
    let seen = see(&chunks);
    assert_eq!(skipped_in(&seen), [(7, 1 + amid.len())]);
    assert_eq!(messages_in(&seen).len(), 2 + 1 + 3);
}

#[test]
fn messages_under_way_are_told_when_the_end_or_a_hole_comes_amid_a_chunk_of_a_lost_lane() {
    let chunks = [known_size(), begun(6), vec![0xC7], vec![0x11; 20]].concat();
    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, &chunks);
    observer.handle_end(Party::Client);
    let seen = whats(&drain(&mut observer));
    assert_eq!(
        seen[3..],
        [Observed::Unfinished(unfinished(6), WhyUnfinished::Ended), Observed::NotUnderstood { bytes: 21 }]
    );

    let mut observer = Observer::new();
    observer.handle_bytes(Party::Client, &chunks);
    observer.handle_missing(Party::Client, 7);
    observer.handle_bytes(Party::Client, &frames(128, 4));
    observer.handle_end(Party::Client);
    let seen = whats(&drain(&mut observer));
    assert_eq!(
        seen[3..6],
        [
            Observed::Missing { bytes: 7 },
            Observed::Unfinished(unfinished(6), WhyUnfinished::FootingLost),
            Observed::Footing { skipped: 21, chunk_size: None },
        ]
    );
    assert_eq!(messages_in(&seen[6..]).len(), 4);
}

#[test]
fn more_chunk_streams_than_may_be_are_a_broken_rule_from_the_middle_as_well() {
    let lanes = 64..64 + limits::CHUNK_STREAMS as u8;
    let in_lane = |lane: u8| [&[0x40, lane - 64][..], &delta(4, 23, 8, SOUND)[1..]].concat();
    let mut chunks: Vec<u8> = lanes.flat_map(in_lane).collect();
    assert_eq!(see(&chunks).len(), 1 + limits::CHUNK_STREAMS);
    chunks.extend(in_lane(64 + limits::CHUNK_STREAMS as u8));
    let rule = Observed::Broken(ChunkError::TooManyChunkStreams.into());
    assert_eq!(see(&chunks)[1 + limits::CHUNK_STREAMS], rule);
}

#[test]
fn a_header_amid_payload_is_no_footing_if_nothing_follows_it() {
    let mut payload = picture(90);
    payload.extend(full(4, 1, 40, 8, SOUND));
    payload.extend([0x77; 60]);
    // The middle of that payload, then a message that is real.
    let mut chunks = payload[20..].to_vec();
    let skipped = chunks.len() as u64;
    chunks.extend(frames(128, 3));
    let seen = see(&chunks);
    assert_eq!(seen[0], Observed::Footing { skipped, chunk_size: None });
    assert_eq!(messages_in(&seen).len(), 3);
}

#[test]
fn the_last_bytes_of_a_payload_and_a_header_are_no_header_with_a_wide_chunk_stream_id() {
    // 0x41 and 0x40 in front of 0x44 look like format 1 on chunk stream 17 536.
    let chunks =
        [&[0x41, 0x40][..], &delta(4, 23, 8, SOUND), &delta(4, 23, 8, SOUND), &delta(4, 23, 8, SOUND)];
    let seen = see(&chunks.concat());
    assert_eq!(seen[0], Observed::Footing { skipped: 2, chunk_size: None });
    let lanes: Vec<_> = messages_in(&seen).iter().map(|message| message.chunk_stream.get()).collect();
    assert_eq!(lanes, [4, 4, 4]);
}

#[test]
fn places_that_cost_more_than_was_earned_are_the_same_however_the_bytes_are_cut() {
    // Each promise is worth a look at all of its bytes, and nothing bears it out. What all of them cost is more than what was
    // there at first, and less than what is earned on the way.
    let impossible = [5, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0x77, 0xFF, 0xFF, 0xFF, 0x7F];
    let mut bytes = vec![0xEE; 10];
    for length in iter::repeat_n(100_000, 10).chain([40_000]) {
        let nothing_continues = picture(length).into_iter().map(|byte| byte.min(0xC5));
        bytes.extend(full_header(6, 1, 40, 9, length as u32).into_iter().chain(nothing_continues));
        bytes.extend(impossible.repeat(3));
    }
    for index in 0..40 {
        bytes.extend(chunked(6, 1, 40 * index, 9, &picture(9_001), 3_001));
    }
    let observe = |piece| {
        let mut observer = Observer::new();
        for piece in bytes.chunks(piece) {
            observer.handle_bytes(Party::Client, piece);
        }
        observer.handle_end(Party::Client);
        drain(&mut observer)
    };
    let in_one_piece = observe(usize::MAX);
    assert_eq!(messages_in(&whats(&in_one_piece)).len(), 40);
    assert!(in_one_piece == observe(1_460));
}

#[test]
fn noise_is_not_understood_and_says_so_once() {
    let mut noise = vec![0; 50_000];
    Entropy::new([5; 32]).fill(&mut noise);
    noise[0] = 0xF0;
    let seen = see(&noise);
    assert_eq!(
        seen,
        [Observed::Foreign(Foreign::Unknown { first: 0xF0 }), Observed::NotUnderstood { bytes: 50_000 }]
    );
}

/// Two messages that give the chunk size of 128 away, and the time of audio.
fn known_size() -> Vec<u8> {
    let sound = [SOUND, &[0x33; 300]].concat();
    [full(4, 1, 5_000, 8, &sound), full(4, 1, 5_023, 8, &sound)].concat()
}

fn see_from_the_middle(bytes: &[u8], piece: usize) -> Vec<Observed> {
    let mut observer = Observer::new();
    for piece in bytes.chunks(piece) {
        observer.handle_bytes(Party::Client, piece);
    }
    observer.handle_end(Party::Client);
    whats(&drain(&mut observer))
}

/// The chunks that were passed over, by their lanes.
fn skipped_in(seen: &[Observed]) -> Vec<(u32, usize)> {
    seen.iter()
        .filter_map(|seen| match seen {
            Observed::Skipped { chunk_stream, bytes } => Some((chunk_stream.get(), *bytes as usize)),
            _ => None,
        })
        .collect()
}
