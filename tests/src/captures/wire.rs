//! Wire: what the test kit's own reader makes of one direction, apart from the core.

use bytes::Bytes;

use crate::peer::codec::{ChunkOddity, ChunkReader};
use crate::peer::message::{Received, TypeId};

/// The messages behind a handshake by the book, and the oddity at which that came to its end.
pub fn read_by_the_book(bytes: &[u8]) -> (Vec<Received>, Option<ChunkOddity>) {
    let mut reader = ChunkReader::new();
    reader.feed(bytes.get(HANDSHAKE_BYTES..).unwrap_or_default());
    let mut messages = Vec::new();
    loop {
        match reader.poll() {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return (messages, None),
            Err(oddity) => return (messages, Some(oddity)),
        }
    }
}

/// The audio, video and data of a direction that is by the book to its end.
pub fn media_in(bytes: &[u8]) -> Vec<Received> {
    let (messages, oddity) = read_by_the_book(bytes);
    assert_eq!(oddity, None);
    let is_media = |message: &Received| {
        matches!(message.type_id, TypeId::AUDIO | TypeId::VIDEO | TypeId::DATA_AMF0 | TypeId::DATA_AMF3)
    };
    messages.into_iter().filter(is_media).collect()
}

/// The body as a player gets it: without `@setDataFrame`, which is for the server.
pub fn body_for_players(message: &Received) -> Bytes {
    let body = &message.payload;
    let wrapped = message.type_id == TypeId::DATA_AMF0 && body.starts_with(SET_DATA_FRAME);
    body.slice(if wrapped { SET_DATA_FRAME.len() } else { 0 }..)
}

/// The AMF0 string at the front of a body: the name of a command or data message.
pub fn name_of(message: &Received) -> Option<&str> {
    let (&[marker, high, low], rest) = message.payload.split_first_chunk()?;
    let text = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
    str::from_utf8(text).ok().filter(|_| marker == STRING)
}

/// C0, C1 and C2.
pub const HANDSHAKE_BYTES: usize = 1 + 2 * 1_536;

const STRING: u8 = 2;
const SET_DATA_FRAME: &[u8] = b"\x02\x00\x0d@setDataFrame";
