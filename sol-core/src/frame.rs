//! Frame: one media message, chunked once, for every player.
//!
//! A frame begins with a format-0 chunk that says everything (absolute time, its own chunk stream), so it may
//! follow anything and skip anything. It is written for message stream 1, which nearly every player has; for any
//! other stream only the few bytes of its head are written anew, and the body is shared.
//!
//! Invariants: the bytes never change. A frame owns exactly its bytes and keeps no read buffer alive.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use crate::chunk::{MessageHeader, chunked_len, write_message};
use crate::ids::{ChunkSize, ChunkStreamId, MessageStreamId, MessageType};
use crate::limits;
use crate::media::{Codec, CodecSet, FrameKind, Tag, TrackId};
use crate::timestamp::Timestamp;

/// A media message ready for the socket. Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    wire: Bytes,
    timestamp: Timestamp,
    payload_len: u32,
    chunk_size: ChunkSize,
    kind: FrameKind,
}

/// Frames that are sent as one, written for message stream 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// All bytes.
    pub wire: Bytes,
    /// How many frames that is.
    pub frames: u32,
    /// The size that they were chunked with.
    pub chunk_size: ChunkSize,
}

impl Frame {
    /// The stream id that [`Frame::wire`] is written for.
    pub const WIRE_STREAM: MessageStreamId = MessageStreamId::new(1);

    /// Chunks `payload`. Costs one allocation and one copy, whatever the number of players.
    ///
    /// # Panics
    /// If the payload is longer than [`limits::MESSAGE_BYTES`], as none from a chunk reader is.
    pub fn new(kind: FrameKind, timestamp: Timestamp, payload: &[u8], chunk_size: ChunkSize) -> Self {
        assert!(payload.len() <= limits::MESSAGE_BYTES, "no message is longer than 16 MiB");
        let payload_len = payload.len() as u32;
        let header = Self::header(kind, timestamp, payload_len, Self::WIRE_STREAM);
        let mut wire = BytesMut::with_capacity(chunked_len(&header, chunk_size));
        write_message(&header, payload, chunk_size, &mut wire);
        Self { wire: wire.freeze(), timestamp, payload_len, chunk_size, kind }
    }

    /// The same payload at another time.
    #[must_use]
    pub fn at(&self, timestamp: Timestamp) -> Self {
        Self::new(self.kind, timestamp, &self.whole_payload(), self.chunk_size)
    }

    /// All bytes, written for message stream 1.
    pub fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// The same, without keeping the frame.
    pub fn into_wire(self) -> Bytes {
        self.wire
    }

    /// The bytes in front of the payload's first, written for `stream`. Never more than 16.
    pub fn head_for(&self, stream: MessageStreamId) -> Bytes {
        let mut head = BytesMut::with_capacity(16);
        Self::header(self.kind, self.timestamp, self.payload_len, stream).write(&mut head);
        head.freeze()
    }

    /// The bytes behind the head; the same for every stream.
    pub fn body(&self) -> Bytes {
        self.wire.slice(self.head_len()..)
    }

    /// The payload, an FLV tag body or AMF0 values, in as many slices as the message has chunks.
    pub fn payload(&self) -> impl Iterator<Item = &[u8]> {
        let continuation = self.message_header().continuation_len();
        let chunk = self.chunk_size.bytes();
        let mut rest = &self.wire[self.head_len()..];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (slice, behind) = rest.split_at(rest.len().min(chunk));
            rest = behind.get(continuation..).unwrap_or_default();
            Some(slice)
        })
    }

    /// The payload in one piece: a copy, where it has more than one chunk.
    pub(crate) fn whole_payload(&self) -> Cow<'_, [u8]> {
        let mut slices = self.payload();
        match (slices.next(), self.payload_len()) {
            (None, _) => Cow::Borrowed(&[]),
            (Some(slice), length) if slice.len() == length => Cow::Borrowed(slice),
            (Some(_), _) => Cow::Owned(self.payload().collect::<Vec<_>>().concat()),
        }
    }

    /// Each track of a message of several by itself, in the order in which they stand in it; `None` of any other.
    pub(crate) fn parts(&self) -> Option<Vec<Frame>> {
        let payload = self.whole_payload();
        let part = |(kind, payload): (FrameKind, Vec<u8>)| {
            Self::new(kind, self.timestamp, &payload, self.chunk_size)
        };
        Some(self.tag(&payload)?.parts()?.into_iter().map(part).collect())
    }

    /// The codec of the default track of which it has something, if it is one of those.
    pub(crate) fn main_codec_of(&self, codecs: CodecSet) -> Option<Codec> {
        let is_one = |&(track, codec): &(TrackId, Codec)| track == TrackId::DEFAULT && codecs.has(codec);
        self.with_tag(|tag| tag.main_track().filter(is_one))?.map(|(_, codec)| codec)
    }

    /// Whether it has something of a track.
    pub(crate) fn has_track(&self, track: TrackId) -> bool {
        self.with_tag(|tag| tag.has_track(track)) == Some(true)
    }

    /// What `look` finds in the header of its payload, but for the body; `None` of data, and of what breaks a rule there. Copies
    /// nothing but a message of several tracks, whose headers are all over it.
    fn with_tag<R>(&self, look: impl FnOnce(&Tag<'_>) -> R) -> Option<R> {
        let front = self.tag(self.front()).filter(Tag::is_of_one_track);
        if let Some(tag) = front {
            return Some(look(&tag));
        }
        let payload = self.whole_payload();
        self.tag(&payload).map(|tag| look(&tag))
    }

    /// The payload as far as its first chunk goes.
    pub(crate) fn front(&self) -> &[u8] {
        self.payload().next().unwrap_or_default()
    }

    /// What the header of its payload says; `None` of data, and of what breaks a rule there.
    pub(crate) fn tag<'a>(&self, payload: &'a [u8]) -> Option<Tag<'a>> {
        Tag::of_kind(self.kind, payload)
    }

    /// Whether the payload is just this.
    pub fn has_payload(&self, payload: &[u8]) -> bool {
        let mut rest = payload;
        self.payload_len() == payload.len()
            && self.payload().all(|slice| {
                let (front, behind) = rest.split_at(slice.len());
                rest = behind;
                front == slice
            })
    }

    /// Length of the payload in bytes.
    pub fn payload_len(&self) -> usize {
        self.payload_len as usize
    }

    /// The time on its stream's own timeline.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// What it is to a player that joins.
    pub fn kind(&self) -> FrameKind {
        self.kind
    }

    /// The size that it was chunked with. A player must have been told of it.
    pub fn chunk_size(&self) -> ChunkSize {
        self.chunk_size
    }

    fn head_len(&self) -> usize {
        self.message_header().wire_len()
    }

    fn message_header(&self) -> MessageHeader {
        Self::header(self.kind, self.timestamp, self.payload_len, Self::WIRE_STREAM)
    }

    fn header(kind: FrameKind, timestamp: Timestamp, length: u32, stream: MessageStreamId) -> MessageHeader {
        let (chunk_stream, kind) = match kind {
            FrameKind::AudioConfig(_)
            | FrameKind::AudioLayout(_)
            | FrameKind::Audio
            | FrameKind::AudioEnd => (ChunkStreamId::AUDIO, MessageType::AUDIO),
            FrameKind::VideoConfig(_)
            | FrameKind::VideoMetadata(_)
            | FrameKind::Keyframe(_)
            | FrameKind::Interframe
            | FrameKind::VideoEnd => (ChunkStreamId::VIDEO, MessageType::VIDEO),
            FrameKind::Metadata | FrameKind::Data => (ChunkStreamId::AUDIO, MessageType::DATA),
        };
        MessageHeader { chunk_stream, stream, timestamp, kind, length }
    }
}

#[cfg(test)]
mod tests {
    use quickcheck_macros::quickcheck;

    use super::*;
    use crate::chunk::{ChunkReader, RawMessage};
    use crate::quirk::Tolerance;

    #[test]
    fn the_wire_is_a_format_0_chunk_for_stream_1() {
        let frame = Frame::new(FrameKind::Audio, Timestamp::from_millis(40), &[0xAF, 1], size(65_536));
        assert_eq!(frame.wire()[..], [4, 0, 0, 40, 0, 0, 2, 8, 1, 0, 0, 0, 0xAF, 1]);
    }

    #[quickcheck]
    fn every_stream_id_gets_the_same_message(payload: Vec<u8>, millis: u32, chunk: u8, stream: u32) -> bool {
        let chunk = size(u32::from(chunk).max(1));
        let time = Timestamp::from_millis(millis);
        let frame = Frame::new(FrameKind::Interframe, time, &payload, chunk);
        let stream = MessageStreamId::new(stream);
        let patched = [&frame.head_for(stream)[..], &frame.body()].concat();
        let read = |bytes: &[u8]| -> RawMessage {
            let mut reader = ChunkReader::new();
            let set_size = [&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0][..], &chunk.get().to_be_bytes()].concat();
            reader.read(&mut &set_size[..], &mut Tolerance::new(true)).unwrap().unwrap();
            reader.read(&mut &bytes[..], &mut Tolerance::new(true)).unwrap().unwrap()
        };
        let mine = read(&patched);
        let common = read(frame.wire());
        mine.stream == stream
            && common.stream == Frame::WIRE_STREAM
            && (&mine.body, mine.timestamp, mine.kind) == (&common.body, time, MessageType::VIDEO)
            && mine.body == payload
            && frame.payload().flatten().eq(&payload)
            && frame.payload().count() == payload.len().div_ceil(chunk.bytes())
    }

    #[test]
    fn restamping_changes_the_time_and_nothing_else() {
        let payload: Vec<u8> = (0..200).collect();
        let early = Frame::new(FrameKind::Audio, Timestamp::ZERO, &payload, size(64));
        let late = early.at(Timestamp::from_millis(0x0100_0000));
        assert!(late.payload().flatten().eq(&payload));
        assert_eq!(
            late,
            Frame::new(FrameKind::Audio, Timestamp::from_millis(0x0100_0000), &payload, size(64))
        );
    }

    fn size(bytes: u32) -> ChunkSize {
        ChunkSize::new(bytes).unwrap()
    }
}
