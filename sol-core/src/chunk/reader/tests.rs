use quickcheck_macros::quickcheck;

use super::*;
use crate::chunk::{MessageHeader, write_message};
use crate::quirk::QuirkCounts;

#[test]
fn a_message_in_one_chunk_is_read_with_all_its_fields() {
    let bytes = [4, 0, 0, 40, 0, 0, 3, 8, 1, 0, 0, 0, 0xAF, 1, 2];
    assert_eq!(read_all(&bytes), [message(4, 1, 40, 8, &[0xAF, 1, 2])]);
}

#[test]
fn format_1_and_2_add_deltas_and_inherit_the_rest() {
    let mut bytes = full(6, 1, 1_000, 9, &[1, 2]);
    bytes.extend([0x46, 0, 0, 40, 0, 0, 1, 8, 3]);
    bytes.extend([0x86, 0, 0, 5, 4]);
    assert_eq!(
        read_all(&bytes),
        [message(6, 1, 1_000, 9, &[1, 2]), message(6, 1, 1_040, 8, &[3]), message(6, 1, 1_045, 8, &[4])]
    );
}

#[test]
fn format_3_begins_a_message_with_the_last_delta() {
    let mut bytes = full(4, 1, 5_000, 8, &[1]);
    bytes.extend([0x84, 0, 0, 23, 2]);
    bytes.extend([0xC4, 3, 0xC4, 4]);
    let times: Vec<u32> = read_all(&bytes).iter().map(|message| message.timestamp.millis()).collect();
    assert_eq!(times, [5_000, 5_023, 5_046, 5_069]);
}

#[test]
fn format_3_right_after_format_0_repeats_its_time_as_delta_when_that_is_believable() {
    let mut bytes = full(4, 1, 40, 8, &[1]);
    bytes.extend([0xC4, 2, 0xC4, 3]);
    let times: Vec<u32> = read_all(&bytes).iter().map(|message| message.timestamp.millis()).collect();
    assert_eq!(times, [40, 80, 120]);
}

#[test]
fn format_3_right_after_a_late_format_0_means_the_same_time() {
    let mut bytes = full(4, 1, 90_000, 8, &[1]);
    bytes.extend([0xC4, 2]);
    let (messages, _, quirks) = read_with(&bytes, false).unwrap();
    assert_eq!(messages[1].timestamp.millis(), 90_000);
    assert_eq!(quirks.get(Quirk::Format3KeepsTime), 1);
}

#[test]
fn messages_of_two_chunk_streams_interleave() {
    let mut bytes = full_header(4, 1, 0, 8, 130);
    bytes.extend([1; 128]);
    bytes.extend(full_header(6, 1, 0, 9, 129));
    bytes.extend([2; 128]);
    bytes.extend([0xC4, 1, 1]);
    bytes.extend([0xC6, 2]);
    assert_eq!(read_all(&bytes), [message(4, 1, 0, 8, &[1; 130]), message(6, 1, 0, 9, &[2; 129])]);
}

#[test]
fn a_new_chunk_size_holds_for_the_next_chunk_of_a_message_under_way() {
    let mut bytes = full_header(6, 1, 0, 9, 400);
    bytes.extend([7; 128]);
    bytes.extend(full(2, 0, 0, 1, &[0, 0, 1, 0]));
    bytes.push(0xC6);
    bytes.extend([7; 256]);
    bytes.push(0xC6);
    bytes.extend([7; 16]);
    let (messages, reader, _) = read_with(&bytes, false).unwrap();
    assert_eq!(messages, [message(2, 0, 0, 1, &[0, 0, 1, 0]), message(6, 1, 0, 9, &[7; 400])]);
    assert_eq!(reader.chunk_size(), ChunkSize::new(256).unwrap());
}

#[test]
fn abort_drops_the_unfinished_message_of_its_chunk_stream_only() {
    let mut bytes = full_header(6, 1, 0, 9, 200);
    bytes.extend([7; 128]);
    bytes.extend(full_header(4, 1, 0, 8, 129));
    bytes.extend([8; 128]);
    bytes.extend(full(2, 0, 0, 2, &[0, 0, 0, 6]));
    bytes.extend([0xC4, 8]);
    bytes.extend(full(6, 1, 9, 9, &[9]));
    assert_eq!(
        read_all(&bytes),
        [message(2, 0, 0, 2, &[0, 0, 0, 6]), message(4, 1, 0, 8, &[8; 129]), message(6, 1, 9, 9, &[9])]
    );
}

#[test]
fn a_full_header_amid_a_message_drops_the_unfinished_one_and_counts_a_quirk() {
    let mut bytes = full_header(6, 1, 0, 9, 200);
    bytes.extend([7; 128]);
    bytes.extend(full(6, 1, 40, 9, &[1]));
    let (messages, reader, quirks) = read_with(&bytes, false).unwrap();
    assert_eq!(messages, [message(6, 1, 40, 9, &[1])]);
    assert_eq!(quirks.get(Quirk::MessageInterrupted), 1);
    assert_eq!(reader.partial_bytes, 0);
    assert_eq!(
        read_with(&bytes, true).unwrap_err(),
        ChunkError::NotTolerated(NotTolerated(Quirk::MessageInterrupted))
    );
}

#[test]
fn an_abort_of_an_idle_chunk_stream_hides_no_message_that_was_given_up() {
    let mut bytes = full(7, 1, 0, 9, &[7; 50]);
    bytes.extend(full_header(2, 0, 0, 9, 300));
    bytes.extend([7; 128]);
    bytes.extend(full(2, 0, 0, 2, &[0, 0, 0, 7]));
    let mut reader = ChunkReader::new();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        reader.read_chunk(&mut rest, &mut lenient()).expect("the bytes follow the protocol");
    }
    let given_up = UnfinishedMessage {
        chunk_stream: ChunkStreamId::CONTROL,
        kind: MessageType::VIDEO,
        length: 300,
        received: 128,
        lost: 0,
    };
    assert_eq!(reader.take_dropped(), Some(given_up));
    assert_eq!(reader.take_dropped(), None);
}

#[test]
fn an_empty_message_is_whole_with_its_header() {
    let mut bytes = full(4, 1, 0, 8, &[]);
    bytes.extend([0xC4, 0xC4]);
    assert_eq!(read_all(&bytes).len(), 3);
}

#[test]
fn extended_timestamps_repeated_on_continuations_are_no_payload() {
    let mut bytes = full_header(6, 1, 0x0200_0000, 9, 300);
    bytes.extend([7; 128]);
    for rest in [&[7; 128][..], &[7; 44]] {
        bytes.extend([0xC6, 2, 0, 0, 0]);
        bytes.extend(rest);
    }
    let (messages, _, quirks) = read_with(&bytes, false).unwrap();
    assert_eq!(messages, [message(6, 1, 0x0200_0000, 9, &[7; 300])]);
    assert_eq!(quirks.seen().count(), 0);
}

#[test]
fn extended_timestamps_omitted_on_continuations_are_noticed_at_the_first_mismatch() {
    // The payload begins like the timestamp, to the third byte.
    let mut bytes = full_header(6, 1, 0x0200_0000, 9, 256);
    bytes.extend([7; 128]);
    bytes.push(0xC6);
    let mut payload = vec![2, 0, 0, 9];
    payload.resize(128, 5);
    bytes.extend(&payload);
    let (messages, _, quirks) = read_with(&bytes, false).unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].body[128..], payload);
    assert_eq!(quirks.get(Quirk::ExtendedTimestampOmitted), 1);
}

#[test]
fn an_omitted_timestamp_whose_prefix_reaches_into_the_next_header_is_sorted_out() {
    // One byte of payload is left and equals the timestamp's first; the next byte is a header.
    let mut bytes = full_header(6, 1, 0x0400_0000, 9, 129);
    bytes.extend([7; 128]);
    bytes.extend([0xC6, 4]);
    bytes.extend(full(3, 0, 0, 20, &[1]));
    let messages = read_all(&bytes);
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].body[128..], [4]);
    assert_eq!(messages[1], message(3, 0, 0, 20, &[1]));
}

#[test]
fn a_peer_that_omits_keeps_payload_that_equals_the_timestamp_once() {
    let time = 0x0400_0000_u32;
    let mut bytes = full_header(6, 1, time, 9, 128 * 3);
    bytes.extend([7; 128]);
    bytes.push(0xC6);
    bytes.extend([9; 128]);
    bytes.push(0xC6);
    let mut payload = time.to_be_bytes().to_vec();
    payload.resize(128, 5);
    bytes.extend(&payload);
    let messages = read_all(&bytes);
    assert_eq!(messages[0].body[256..], payload);
}

#[test]
fn a_verdict_that_is_contradicted_is_cleared() {
    let time = 0x0400_0000_u32;
    let mut bytes = full_header(6, 1, time, 9, 128 * 4);
    bytes.extend([7; 128]);
    bytes.push(0xC6);
    bytes.extend([9; 128]); // omits
    bytes.push(0xC6);
    bytes.extend(time.to_be_bytes()); // taken as payload, but the verdict falls
    bytes.extend([5; 124]);
    bytes.push(0xC6);
    bytes.extend(time.to_be_bytes()); // so this one is a timestamp
    bytes.extend([6; 128]);
    let messages = read_all(&bytes);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].body[384..], [6; 128]);
}

#[test]
fn an_extended_delta_is_added_and_its_field_is_what_continuations_repeat() {
    // FFmpeg with a late start: headers at 0, then a format-1 chunk whose delta is extended.
    let mut bytes = full(6, 1, 0, 9, &[1]);
    bytes.extend([0x46, 0xFF, 0xFF, 0xFF, 0, 0, 200, 9]);
    bytes.extend(19_999_890_u32.to_be_bytes());
    bytes.extend([7; 128]);
    bytes.push(0xC6);
    bytes.extend(19_999_890_u32.to_be_bytes());
    bytes.extend([7; 72]);
    assert_eq!(read_all(&bytes)[1], message(6, 1, 19_999_890, 9, &[7; 200]));
}

#[test]
fn time_wraps_after_49_days() {
    let mut bytes = full(4, 1, 0xFFFF_FFF0, 8, &[1]);
    bytes.extend([0x84, 0, 0, 0x20, 2]);
    assert_eq!(read_all(&bytes)[1].timestamp.millis(), 0x10);
}

#[test]
fn a_fresh_chunk_stream_may_begin_with_format_1_but_not_with_2_or_3() {
    let (messages, _, quirks) = read_with(&[0x42, 0, 0, 7, 0, 0, 1, 4, 9], false).unwrap();
    assert_eq!(messages, [message(2, 0, 7, 4, &[9])]);
    assert_eq!(quirks.get(Quirk::FirstHeaderWithoutStream), 1);
    assert_eq!(
        read_with(&[0x85, 0, 0, 0], false).unwrap_err(),
        ChunkError::NoPreviousHeader(ChunkStreamId::STATUS, 2)
    );
    assert_eq!(
        read_with(&[0xC5], false).unwrap_err(),
        ChunkError::NoPreviousHeader(ChunkStreamId::STATUS, 3)
    );
}

#[test]
fn chunk_sizes_out_of_range_are_clamped_or_ignored() {
    for (field, size, quirk) in [
        ([0, 0, 0, 0], 128, Some(Quirk::ChunkSizeZero)),
        ([0x80, 0, 0x10, 0], 4_096, Some(Quirk::ChunkSizeClamped)),
        ([0x7F, 0xFF, 0xFF, 0xFF], 0x00FF_FFFF, Some(Quirk::ChunkSizeClamped)),
        ([0, 0, 0, 1], 1, None),
    ] {
        let (_, reader, quirks) = read_with(&full(2, 0, 0, 1, &field), false).unwrap();
        assert_eq!(reader.chunk_size().get(), size);
        assert_eq!(quirks.seen().map(|(quirk, _)| quirk).next(), quirk);
    }
}

#[test]
fn a_control_message_that_is_too_short_is_ignored() {
    let (messages, reader, quirks) = read_with(&full(2, 0, 0, 1, &[0, 1]), false).unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(reader.chunk_size(), ChunkSize::INITIAL);
    assert_eq!(quirks.get(Quirk::ControlTooShort), 1);
}

#[test]
fn a_message_over_the_bound_is_refused_at_its_header() {
    let mut reader = ChunkReader::new();
    reader.set_message_bytes_max(1_000);
    let error = reader.read(&mut &full_header(4, 1, 0, 8, 1_001)[..], &mut lenient()).unwrap_err();
    assert_eq!(error, ChunkError::MessageTooLong { declared: 1_001, limit: 1_000 });
}

#[test]
fn a_declared_length_reserves_no_memory() {
    let mut reader = ChunkReader::new();
    let mut bytes = full_header(4, 1, 0, 8, 0x00FF_FFFF);
    bytes.extend([1; 100]);
    assert_eq!(reader.read(&mut &bytes[..], &mut lenient()), Ok(None));
    assert!(reader.lanes[0].partial.capacity() < 1_024);
}

#[test]
fn chunk_streams_are_bounded() {
    let mut reader = ChunkReader::new();
    for id in 0..limits::CHUNK_STREAMS as u32 {
        let bytes = full(ChunkStreamId::MIN + id, 1, 0, 8, &[1]);
        assert!(reader.read(&mut &bytes[..], &mut lenient()).unwrap().is_some());
    }
    let one_more = full(ChunkStreamId::MAX, 1, 0, 8, &[1]);
    assert_eq!(reader.read(&mut &one_more[..], &mut lenient()), Err(ChunkError::TooManyChunkStreams));
}

#[test]
fn unfinished_messages_are_bounded_together() {
    let mut reader = ChunkReader::new();
    let chunk = 6_000_000_u32;
    reader.read(&mut &full(2, 0, 0, 1, &chunk.to_be_bytes())[..], &mut lenient()).unwrap();
    let mut begin = |lane| {
        let mut bytes = full_header(lane, 1, 0, 8, 0x00FF_FFFF);
        bytes.resize(bytes.len() + chunk as usize, 0);
        reader.read(&mut &bytes[..], &mut lenient())
    };
    assert_eq!(begin(4), Ok(None));
    assert_eq!(begin(5), Ok(None));
    assert_eq!(
        begin(6),
        Err(ChunkError::TooMuchUnfinished { limit: 0x00FF_FFFF + limits::PARTIAL_SLACK_BYTES })
    );
}

/// Messages of arbitrary shapes on a few chunk streams, as our writer writes them.
#[quickcheck]
fn whatever_the_writer_writes_is_read_in_any_cut(
    shapes: Vec<(u8, u32, Vec<u8>, u8)>,
    cuts: Vec<u8>,
    size: u16,
) -> bool {
    let chunk_size = ChunkSize::new(u32::from(size).max(1)).unwrap();
    let mut bytes = full(2, 0, 0, 1, &chunk_size.get().to_be_bytes());
    let mut sent = vec![message(2, 0, 0, 1, &chunk_size.get().to_be_bytes())];
    for (lane, time, payload, repeat) in shapes {
        let payload = payload.repeat(usize::from(repeat) % 40 + 1);
        let id = [3, 4, 6, 64, 320][usize::from(lane) % 5];
        sent.push(message(id, u32::from(lane), time, lane, &payload));
        let message = sent.last().unwrap();
        // Kinds 1 and 2 would act on the reader.
        if matches!(message.kind, MessageType::SET_CHUNK_SIZE | MessageType::ABORT) {
            sent.pop();
            continue;
        }
        write_message(&header_of(message), &message.body, chunk_size, &mut bytes);
    }
    let mut reader = ChunkReader::new();
    let mut got = Vec::new();
    let mut rest = &bytes[..];
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let (mut piece, behind) =
            rest.split_at(rest.len().min(usize::from(*cuts.next().unwrap_or(&255)).max(1)));
        rest = behind;
        while let Some(message) = reader.read(&mut piece, &mut lenient()).unwrap() {
            got.push(message);
        }
    }
    got == sent && reader.partial_bytes == 0
}

#[quickcheck]
fn arbitrary_bytes_give_the_same_in_one_piece_and_byte_by_byte(bytes: Vec<u8>) -> bool {
    let mut whole = ChunkReader::new();
    let mut single = ChunkReader::new();
    let drain = |reader: &mut ChunkReader, mut piece: &[u8]| {
        let mut messages = Vec::new();
        loop {
            match reader.read(&mut piece, &mut lenient()) {
                Ok(Some(message)) => messages.push(Ok(message)),
                Ok(None) => return messages,
                Err(error) => {
                    messages.push(Err(error));
                    return messages;
                }
            }
        }
    };
    let expected = drain(&mut whole, &bytes);
    let mut got = Vec::new();
    for byte in &bytes {
        got.extend(drain(&mut single, std::slice::from_ref(byte)));
        if matches!(got.last(), Some(Err(_))) {
            break;
        }
    }
    expected == got
}

fn read_all(bytes: &[u8]) -> Vec<RawMessage> {
    let (messages, ..) = read_with(bytes, false).expect("the bytes follow the protocol");
    // Whatever a test reads in one piece must read the same byte by byte.
    let mut reader = ChunkReader::new();
    let mut slow = Vec::new();
    for byte in bytes {
        let mut piece = std::slice::from_ref(byte);
        while let Some(message) =
            reader.read(&mut piece, &mut lenient()).expect("the bytes follow the protocol")
        {
            slow.push(message);
        }
    }
    assert_eq!(messages, slow);
    messages
}

fn read_with(bytes: &[u8], strict: bool) -> Result<(Vec<RawMessage>, ChunkReader, QuirkCounts), ChunkError> {
    let mut reader = ChunkReader::new();
    let mut tolerance = Tolerance::new(strict);
    let mut messages = Vec::new();
    let mut rest = bytes;
    while let Some(message) = reader.read(&mut rest, &mut tolerance)? {
        messages.push(message);
    }
    Ok((messages, reader, tolerance.counts().clone()))
}

fn lenient() -> Tolerance {
    Tolerance::new(false)
}

fn message(lane: u32, stream: u32, time: u32, kind: u8, body: &[u8]) -> RawMessage {
    RawMessage {
        chunk_stream: ChunkStreamId::new(lane).unwrap(),
        stream: MessageStreamId::new(stream),
        timestamp: Timestamp::from_millis(time),
        kind: MessageType::new(kind),
        body: Bytes::copy_from_slice(body),
    }
}

fn header_of(message: &RawMessage) -> MessageHeader {
    MessageHeader {
        chunk_stream: message.chunk_stream,
        stream: message.stream,
        timestamp: message.timestamp,
        kind: message.kind,
        length: message.body.len() as u32,
    }
}

fn full_header(lane: u32, stream: u32, time: u32, kind: u8, length: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    MessageHeader { length, ..header_of(&message(lane, stream, time, kind, &[])) }.write(&mut bytes);
    bytes
}

fn full(lane: u32, stream: u32, time: u32, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = full_header(lane, stream, time, kind, body.len() as u32);
    bytes.extend(body);
    bytes
}
