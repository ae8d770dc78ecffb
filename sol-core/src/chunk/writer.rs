//! Chunk writer: a message as one format-0 chunk and format-3 chunks behind it.
//!
//! Every message that Sol writes depends on no earlier one, so media messages may follow anything and skip
//! anything, and one encoding serves every player.

use bytes::BufMut;

use super::message_header::MessageHeader;
use crate::ids::ChunkSize;

/// Writes `payload` as the message that `header` describes, in chunks of `chunk_size`.
///
/// `header.length` is the payload's length; a caller that says otherwise is at fault.
pub fn write_message(header: &MessageHeader, payload: &[u8], chunk_size: ChunkSize, out: &mut impl BufMut) {
    assert_eq!(header.length as usize, payload.len(), "the header describes this payload");
    header.write(out);
    let mut chunks = payload.chunks(chunk_size.bytes());
    out.put_slice(chunks.next().unwrap_or_default());
    for chunk in chunks {
        header.write_continuation(out);
        out.put_slice(chunk);
    }
}

/// Bytes that [`write_message`] writes.
pub fn chunked_len(header: &MessageHeader, chunk_size: ChunkSize) -> usize {
    let payload = header.length as usize;
    let continuations = payload.div_ceil(chunk_size.bytes()).saturating_sub(1);
    header.wire_len() + payload + continuations * header.continuation_len()
}
