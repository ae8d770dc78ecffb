//! Chunks: how they are cut changes nothing, and what is by the book is read as the test kit's own reader reads it.

use sol_core::chunk::{ChunkError, ChunkReader, RawMessage};
use sol_core::ids::ChunkSize;
use sol_core::limits;
use sol_core::quirk::{Quirk, Tolerance};

use super::choices::{Choices, pieces};
use crate::peer::codec;
use crate::peer::message::Received;

/// The bytes behind a handshake.
pub(super) fn chunks(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let how = choices.byte();
    let (is_strict, is_untrusted) = (how & 1 == 1, how & 2 == 2);
    let limit = if is_untrusted { limits::UNTRUSTED_MESSAGE_BYTES } else { limits::MESSAGE_BYTES };
    let cuts = choices.take(usize::from(how >> 2) % 8);
    let bytes = choices.rest();

    let whole = Heard::of([bytes].into_iter(), is_strict, limit);
    assert_eq!(whole, Heard::of(pieces(bytes, cuts), is_strict, limit), "cut in pieces of {cuts:?}");
    let carried: usize = whole.messages.iter().map(|message| message.body.len()).sum();
    assert!(carried <= bytes.len(), "no message is made of nothing");
    if !is_strict {
        agree(bytes, &whole);
    }
}

/// All that a reader made of some bytes.
#[derive(Debug, PartialEq)]
struct Heard {
    messages: Vec<RawMessage>,
    error: Option<ChunkError>,
    quirks: Vec<(Quirk, u32)>,
    chunk_size: ChunkSize,
}

impl Heard {
    fn of<'a>(pieces: impl Iterator<Item = &'a [u8]>, is_strict: bool, limit: usize) -> Self {
        let mut reader = ChunkReader::new();
        reader.set_message_bytes_max(limit);
        let mut tolerance = Tolerance::new(is_strict);
        let (mut messages, mut error) = (Vec::new(), None);
        'all: for mut piece in pieces {
            loop {
                match reader.read(&mut piece, &mut tolerance) {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(broken) => {
                        error = Some(broken);
                        break 'all;
                    }
                }
            }
            assert!(piece.is_empty(), "a reader that wants more has used up what there was");
        }
        let quirks = tolerance.counts().seen().collect();
        Self { messages, error, quirks, chunk_size: reader.chunk_size() }
    }
}

/// The test kit's reader stops at the first thing that is not by the book. Up to there both have read the same.
fn agree(bytes: &[u8], ours: &Heard) {
    let mut reader = codec::ChunkReader::new();
    reader.feed(bytes);
    let mut theirs = Vec::new();
    while let Ok(Some(message)) = reader.poll() {
        theirs.push(message);
    }
    // The core reads what a book without bounds allows only within its own.
    let is_bound = matches!(
        ours.error,
        Some(
            ChunkError::TooManyChunkStreams
                | ChunkError::MessageTooLong { .. }
                | ChunkError::TooMuchUnfinished { .. }
        )
    );
    assert!(is_bound || ours.messages.len() >= theirs.len(), "the core read less: {:?}", ours.error);
    let keeps_time = ours.quirks.iter().any(|(quirk, _)| *quirk == Quirk::Format3KeepsTime);
    for (ours, theirs) in ours.messages.iter().zip(&theirs) {
        let Received { chunk_stream, timestamp_ms, type_id, stream, payload, .. } = theirs;
        assert_eq!(
            (ours.chunk_stream.get(), ours.stream.get(), ours.kind.get(), &ours.body),
            (chunk_stream.0, stream.0, type_id.0, payload)
        );
        assert!(keeps_time || ours.timestamp.millis() == *timestamp_ms, "{ours:?} and {theirs:?}");
    }
}
