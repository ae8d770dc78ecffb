//! Messages and commands are those that tshark saw.

use std::collections::BTreeMap;

use sol_core::chunk::ChunkReader;
use sol_core::ids::MessageType;
use sol_core::message::Message;
use sol_core::quirk::Tolerance;
use sol_tests::peer::codec::ChunkOddity;
use sol_tests::peer::message::{ChunkStream, TypeId};

use crate::half::{Half, halves};
use crate::transcript::{Transcript, whole};
use sol_tests::captures::wire::{HANDSHAKE_BYTES, name_of, read_by_the_book};

#[test]
fn every_session_counts_the_messages_that_tshark_counted() {
    for half in halves() {
        let Some(truth) = &half.truth else { continue };
        let mut told = BTreeMap::<u8, u64>::new();
        for message in &truth.messages.client {
            *told.entry(message.name.type_id.0).or_default() += message.count as u64;
        }
        let counts = Transcript::of(half, whole()).messages;
        let counted: BTreeMap<u8, u64> = (0..).zip(counts).filter(|&(_, count)| count > 0).collect();
        assert_eq!(counted, told, "{}", half.name);
    }
}

#[test]
fn tshark_lost_its_way_only_where_nothing_is_rtmp() {
    let lost: Vec<_> = halves().iter().filter(|half| half.truth.is_none()).collect();
    let [half] = lost[..] else { panic!("{lost:?}") };
    assert_eq!(half.name, "neg-ffmpeg42-rtmpe");
    let transcript = Transcript::of(half, whole());
    assert!(transcript.messages.iter().all(|&count| count == 0), "{:?}", transcript.messages);
}

#[test]
fn the_core_reads_the_commands_that_tshark_saw() {
    for half in halves().iter().filter(|half| half.truth.is_some()) {
        let told = half.commands().filter(|command| command.type_id == TypeId::COMMAND_AMF0);
        let told: Vec<_> = told.map(|command| command.name().unwrap_or_default().to_owned()).collect();
        assert_eq!(commands_by_the_core(half), told, "{}", half.name);
    }
}

#[test]
fn the_kit_reads_the_commands_and_data_that_tshark_saw_unless_a_half_is_odd() {
    let mut odd = Vec::new();
    for half in halves().iter().filter(|half| half.truth.is_some()) {
        let (messages, oddity) = read_by_the_book(&half.bytes);
        if let Some(oddity) = oddity {
            odd.push((half.name.as_str(), oddity));
            continue;
        }
        let named = messages
            .iter()
            .filter(|message| [TypeId::COMMAND_AMF0, TypeId::DATA_AMF0].contains(&message.type_id));
        let seen: Vec<_> = named.map(name_of).collect();
        let told: Vec<_> = half.commands().map(|command| command.name()).collect();
        assert_eq!(seen, told, "{}", half.name);
    }
    // librtmp begins chunk stream 2 with an Acknowledgement in a header of format 1.
    let format = 1;
    let first = ChunkOddity::NoPreviousHeader { chunk_stream: ChunkStream::CONTROL, format };
    assert_eq!(odd, [("play-gst122-rtmpsrc", first)]);
}

fn commands_by_the_core(half: &Half) -> Vec<String> {
    let mut reader = ChunkReader::new();
    let mut tolerance = Tolerance::default();
    let mut input = half.bytes.get(HANDSHAKE_BYTES..).unwrap_or_default();
    let mut names = Vec::new();
    while let Some(raw) = reader
        .read(&mut input, &mut Tolerance::new(false))
        .unwrap_or_else(|error| panic!("{}: {error}", half.name))
    {
        let message = Message::parse(&raw, &mut tolerance).expect("it is not strict");
        if let Message::Command(command) = message {
            names.push(command.name);
        } else {
            assert!(
                ![MessageType::COMMAND, MessageType::AMF3_COMMAND].contains(&raw.kind),
                "{}: {message:?}",
                half.name
            );
        }
    }
    names
}
