//! Writer: media as an FLV file, for a place in which one can seek or for a pipe.
//!
//! A seekable file begins with metadata of its own that keep room for what is known at the end: duration, size, and the
//! index of keyframes. [`FlvWriter::finish`] says what to put there. A pipe gets nothing but what came.
//!
//! Invariants: after each [`Piece`] the file is valid as it is; one whose writer was killed plays up to its last whole tag. What
//! is held is bounded by [`limits::FLV_KEYFRAMES`] and [`limits::FLV_METADATA_BYTES`], however long the file gets.

use bytes::Bytes;
use smallvec::SmallVec;

use super::metadata::Metadata;
use super::summary::Summary;
use super::tag::TagHeader;
use crate::ids::MessageType;
use crate::limits;
use crate::media::{FrameKind, Media, TrackKind};
use crate::timestamp::Timestamp;

/// Writes one file.
///
/// ```
/// use std::io::{Seek, SeekFrom, Write};
/// use sol_core::flv::FlvWriter;
/// use sol_core::media::{Content, Media};
/// use sol_core::timestamp::Timestamp;
///
/// let mut file = std::io::Cursor::new(Vec::new());
/// let mut writer = FlvWriter::seekable();
/// let media = Media { timestamp: Timestamp::ZERO, content: Content::Audio(b"\xAF\x00\x12\x10".as_slice().into()) };
/// for slice in writer.write(&media)?.slices() {
///     file.write_all(slice)?;
/// }
/// for patch in writer.finish() {
///     file.seek(SeekFrom::Start(patch.offset))?;
///     file.write_all(&patch.bytes)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FlvWriter {
    form: Form,
    position: u64,
}

/// Where the file goes.
#[derive(Debug)]
enum Form {
    Pipe { flags: u8 },
    // The metadata is there once something was written.
    File { summary: Summary, metadata: Option<Metadata> },
}

/// Bytes to append to a file: at most three slices, of which the payload is shared with the media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    head: Head,
    payload: Bytes,
    back_pointer: [u8; TagHeader::BACK_POINTER_LEN],
}

/// What comes before a payload; more than this only once in a file.
type Head = SmallVec<[u8; FILE_HEADER_LEN + TagHeader::LEN]>;

/// Bytes to put in place of others of a finished file, as many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Where in the file, in bytes from its beginning.
    pub offset: u64,
    /// What to put there.
    pub bytes: Bytes,
}

/// A payload is longer than a tag can say: [`limits::MESSAGE_BYTES`]. None that came by RTMP is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payload of {0} bytes does not fit into an FLV tag")]
pub struct PayloadTooLong(pub usize);

impl FlvWriter {
    /// A file that is patched at its end. Until then it announces both audio and video.
    pub fn seekable() -> Self {
        Self { form: Form::File { summary: Summary::new(), metadata: None }, position: 0 }
    }

    /// A file that goes into a pipe, or to a player as it comes. Its header announces `tracks`: some players wait for all
    /// that is announced, some ignore what is not.
    pub fn streaming(tracks: &[TrackKind]) -> Self {
        Self { form: Form::Pipe { flags: flags(tracks.iter().copied()) }, position: 0 }
    }

    /// What to append for one message. The first time the header of the file goes before it.
    ///
    /// A seekable file then has metadata of its own, of some 33 KB. If the first message is metadata, what it says becomes
    /// part of them, except for what it says of a file; all later messages are written as they are.
    /// Times are written as they are, too; the first of a file should be zero (FLV 10.1, E.4.1).
    ///
    /// # Errors
    /// [`PayloadTooLong`]; the message is not written, and others can be.
    pub fn write(&mut self, media: &Media) -> Result<Piece, PayloadTooLong> {
        let Media { timestamp, content } = media;
        let payload = content.payload();
        if payload.len() > limits::MESSAGE_BYTES {
            return Err(PayloadTooLong(payload.len()));
        }
        let mut front = Head::new();
        if self.position == 0 {
            front.extend_from_slice(&self.file_header());
        }
        if let Form::File { metadata: own @ None, .. } = &mut self.form {
            let theirs = Metadata::of(content);
            let is_merged = theirs.is_some();
            let metadata = own.insert(theirs.unwrap_or_else(Metadata::new));
            // With any other time, players of FFmpeg's family see a phantom track.
            let tag = Piece::new(front, MessageType::DATA, Timestamp::ZERO, metadata.unfinished());
            if is_merged {
                return Ok(self.append(tag));
            }
            front = tag.slices().concat().into();
        }
        if let Form::File { summary, .. } = &mut self.form {
            summary.note(FrameKind::of(content), *timestamp, self.position + front.len() as u64);
        }
        Ok(self.append(Piece::new(front, content.kind(), *timestamp, payload.clone())))
    }

    /// No more media come. What to put where in the file; in a pipe, and in a file to which nothing was written, nothing.
    pub fn finish(self) -> Vec<Patch> {
        let Form::File { summary, metadata: Some(metadata) } = self.form else { return Vec::new() };
        let flags = flags(ALL_TRACKS.into_iter().filter(|&kind| summary.has(kind)));
        let body = metadata.finished(&summary, self.position);
        vec![
            Patch { offset: FLAGS_AT, bytes: Bytes::copy_from_slice(&[flags]) },
            Patch { offset: (FILE_HEADER_LEN + TagHeader::LEN) as u64, bytes: body },
        ]
    }

    /// Bytes of the file so far.
    pub const fn position(&self) -> u64 {
        self.position
    }

    fn append(&mut self, piece: Piece) -> Piece {
        self.position += piece.slices().iter().map(|slice| slice.len() as u64).sum::<u64>();
        piece
    }

    /// Signature, version, flags, length, and the back pointer in front of the first tag (E.2, E.3).
    fn file_header(&self) -> [u8; FILE_HEADER_LEN] {
        let flags = match self.form {
            Form::Pipe { flags } => flags,
            Form::File { .. } => flags(ALL_TRACKS.into_iter()),
        };
        [b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0]
    }
}

impl Piece {
    fn new(front: Head, kind: MessageType, timestamp: Timestamp, payload: Bytes) -> Self {
        let header = TagHeader { kind, length: payload.len(), timestamp };
        let mut head = front;
        head.extend_from_slice(&header.bytes());
        Self { head, payload, back_pointer: header.back_pointer().to_be_bytes() }
    }

    /// The bytes, one slice after the other; for a vectored write.
    pub fn slices(&self) -> [&[u8]; 3] {
        [&self.head, &self.payload, &self.back_pointer]
    }
}

/// What the header of a file announces (E.2).
fn flags(tracks: impl Iterator<Item = TrackKind>) -> u8 {
    tracks.fold(0, |flags, kind| match kind {
        TrackKind::Video => flags | 0x01,
        TrackKind::Audio => flags | 0x04,
    })
}

const ALL_TRACKS: [TrackKind; 2] = [TrackKind::Video, TrackKind::Audio];

const FILE_HEADER_LEN: usize = 13;

const FLAGS_AT: u64 = 4;

#[cfg(test)]
mod tests;
