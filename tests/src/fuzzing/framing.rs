//! Framing: whatever a writer by the book writes, and one that leaves out the repeated extended timestamp, is read as it was
//! written.
//!
//! Messages on several chunk streams, in any format that can carry them, their chunks in any order, with chunk sizes that
//! change amid them, and some that are aborted.

use bytes::Bytes;
use sol_core::chunk::{ChunkReader, RawMessage};
use sol_core::ids::{ChunkStreamId, MessageStreamId, MessageType};
use sol_core::limits;
use sol_core::quirk::{Quirk, Tolerance};
use sol_core::timestamp::Timestamp;

use super::choices::{Choices, pieces};
use crate::peer::codec::{ChunkWriter, Extended, Format, Framing, Unfinished, Width};
use crate::peer::message::{ChunkStream, Message, StreamId, TypeId};

/// What somebody writes.
pub(super) fn framing(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let cuts = choices.some();
    let mut scribe = Scribe::new(&mut choices);
    while !choices.are_over() {
        scribe.write(&mut choices);
    }
    scribe.finish();

    let mut reader = ChunkReader::new();
    let mut tolerance = Tolerance::new(false);
    let mut read = Vec::new();
    for mut piece in pieces(&scribe.bytes, cuts) {
        while let Some(message) = reader.read(&mut piece, &mut tolerance).expect("it was written so") {
            read.push(message);
        }
    }
    assert_eq!(read, scribe.messages);
    assert_eq!(reader.chunk_size().get(), scribe.writer.chunk_size());
    let omits = scribe.lanes.iter().any(|lane| lane.extended == Extended::Omitted);
    for (quirk, _) in tolerance.counts().seen() {
        let is_expected = match quirk {
            Quirk::ExtendedTimestampOmitted => omits,
            Quirk::Format3KeepsTime => true,
            _ => false,
        };
        assert!(is_expected, "{quirk:?}");
    }
}

/// Writes messages, and knows what is to be read of them.
struct Scribe {
    writer: ChunkWriter,
    lanes: Vec<Lane>,
    bytes: Vec<u8>,
    messages: Vec<RawMessage>,
}

/// One chunk stream.
struct Lane {
    id: ChunkStream,
    width: Width,
    extended: Extended,
    /// What the last message on it was, with the delta that format 3 would add to its time.
    last: Option<(Message, u32)>,
    /// The extended field of the last header with a time.
    field: Option<u32>,
    under_way: Option<(Unfinished, Message)>,
}

impl Scribe {
    fn new(choices: &mut Choices<'_>) -> Self {
        let habits = choices.byte();
        let lane = |(index, (id, width))| Lane {
            id: ChunkStream(id),
            width,
            extended: if habits >> index & 1 == 1 { Extended::Omitted } else { Extended::Repeated },
            last: None,
            field: None,
            under_way: None,
        };
        let lanes = [
            (3, Width::One),
            (63, Width::One),
            (64, Width::Two),
            (319, Width::Three),
            (65_599, Width::Three),
        ];
        Self {
            writer: ChunkWriter::new(),
            lanes: lanes.into_iter().enumerate().map(lane).collect(),
            bytes: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// Writes one chunk of one lane, or a message to the reader itself.
    fn write(&mut self, choices: &mut Choices<'_>) {
        let what = choices.byte();
        let index = usize::from(what) % self.lanes.len();
        match what >> 4 {
            0 => self.set_chunk_size(choices.pick(&[128, 1, 2, 127, 4_096, 0x00FF_FFFF])),
            1 => self.abort(index),
            _ if self.lanes[index].under_way.is_some() => self.go_on(index),
            _ => self.begin(index, choices),
        }
    }

    fn begin(&mut self, index: usize, choices: &mut Choices<'_>) {
        let lane = &self.lanes[index];
        let how = choices.byte();
        let delta = choices.pick(&[20, 0, 40, 1_001, 0x00FF_FFFE, 0x00FF_FFFF, 0x0100_0000, 0xFFFF_FFF0]);
        let length = choices.pick(&[5, 0, 1, 127, 128, 129, 256, 1_000]);
        let filling = choices.byte();
        let before = lane.last.clone();
        let wanted = match (how % 4, &before) {
            (0, _) | (_, None) => Format::Zero,
            (1, Some(_)) => Format::One,
            (2, Some(_)) => Format::Two,
            (_, Some(_)) => Format::Three,
        };
        let (length, type_id, stream) = match (&before, wanted) {
            (Some((before, _)), Format::Two | Format::Three) => {
                (before.payload.len(), before.type_id, before.stream)
            }
            (Some((before, _)), Format::One) => {
                (length, KINDS[usize::from(how >> 2) % KINDS.len()], before.stream)
            }
            (_, Format::Zero) | (None, _) => {
                (length, KINDS[usize::from(how >> 2) % KINDS.len()], StreamId(u32::from(how >> 5)))
            }
        };
        let is_omitted = lane.extended == Extended::Omitted;
        // Of an empty message with nothing behind its header nobody can say whether something was left out.
        let format = match wanted {
            Format::Three if length == 0 && is_omitted && lane.field.is_some() => Format::Two,
            format => format,
        };
        let last = before.as_ref().map_or(0, |(before, _)| before.timestamp_ms);
        let (timestamp_ms, next_delta, field) = match format {
            Format::Zero => {
                let at = last.wrapping_add(delta);
                let is_believed = at <= limits::FORMAT3_DELTA_MILLIS;
                (at, if is_believed { at } else { 0 }, Some(at))
            }
            Format::One | Format::Two => (last.wrapping_add(delta), delta, Some(delta)),
            Format::Three => {
                let delta = before.as_ref().map_or(0, |(_, delta)| *delta);
                (last.wrapping_add(delta), delta, None)
            }
        };
        let lane = &mut self.lanes[index];
        let field = field.map_or(lane.field, |field| Some(field).filter(|&field| field >= 0x00FF_FFFF));
        // What looks like the timestamp that was left out is taken for it: such payload is for other tests.
        let filling = match field {
            Some(field) if is_omitted => !field.to_be_bytes()[0],
            _ => filling,
        };
        let message = Message {
            chunk_stream: lane.id,
            timestamp_ms,
            type_id,
            stream,
            payload: Bytes::from(vec![filling; length]),
        };
        let framing = Framing { format, width: lane.width, extended: lane.extended };
        let unfinished = self.writer.begin(&message, framing);
        lane.field = field;
        lane.last = Some((message.clone(), next_delta));
        lane.under_way = Some((unfinished, message));
        self.go_on(index);
    }

    fn go_on(&mut self, index: usize) {
        let Some((unfinished, _)) = &mut self.lanes[index].under_way else { return };
        self.bytes.extend(self.writer.next_chunk(unfinished).expect("it goes on"));
        if !unfinished.goes_on()
            && let Some((_, message)) = self.lanes[index].under_way.take()
        {
            self.messages.push(as_the_core_has_it(&message));
        }
    }

    fn abort(&mut self, index: usize) {
        let id = self.lanes[index].id.0;
        // Without effect where nothing is under way.
        self.lanes[index].under_way = None;
        self.control(TypeId::ABORT, id);
    }

    fn set_chunk_size(&mut self, size: u32) {
        self.control(TypeId::SET_CHUNK_SIZE, size);
        self.writer.set_chunk_size(size);
    }

    fn control(&mut self, type_id: TypeId, word: u32) {
        let message = Message {
            chunk_stream: ChunkStream::CONTROL,
            timestamp_ms: 0,
            type_id,
            stream: StreamId::CONNECTION,
            payload: Bytes::copy_from_slice(&word.to_be_bytes()),
        };
        self.writer.write(&message, Framing::FULL, &mut self.bytes);
        self.messages.push(as_the_core_has_it(&message));
    }

    /// Writes what is left of all messages.
    fn finish(&mut self) {
        for index in 0..self.lanes.len() {
            while self.lanes[index].under_way.is_some() {
                self.go_on(index);
            }
        }
    }
}

fn as_the_core_has_it(message: &Message) -> RawMessage {
    RawMessage {
        chunk_stream: ChunkStreamId::new(message.chunk_stream.0).expect("a writer wrote it"),
        stream: MessageStreamId::new(message.stream.0),
        timestamp: Timestamp::from_millis(message.timestamp_ms),
        kind: MessageType::new(message.type_id.0),
        body: message.payload.clone(),
    }
}

/// None that would act on the reader.
const KINDS: [TypeId; 4] = [TypeId::AUDIO, TypeId::VIDEO, TypeId::DATA_AMF0, TypeId::COMMAND_AMF0];

#[cfg(test)]
mod tests {
    use quickcheck::{Gen, QuickCheck};

    use super::*;

    #[test]
    fn chunks_of_any_messages_in_any_order_and_either_habit_are_read_as_they_were_written() {
        fn property(choices: Vec<u8>) {
            framing(&choices);
        }
        QuickCheck::new().rng(Gen::new(400)).quickcheck(property as fn(Vec<u8>));
    }
}
