//! Reader: the media of an FLV file, in whatever pieces the file comes, and what is wrong with the file.
//!
//! A tag is believed if the back pointer behind it fits. If it does not, the tag is believed all the same where another one
//! begins right behind; so files whose back pointers are all zero are read. Otherwise its length may be as wrong, and a tag is
//! looked for byte by byte: of a known type, with stream id zero, and with the right back pointer behind it.
//!
//! Invariants: the items depend on the bytes alone, not on the pieces. Each byte is looked at as the beginning of a tag once,
//! however many beginnings turn out false. Who feeds a piece and then polls until there is nothing has one tag held and
//! one piece, no more. Nothing is allocated by a length that is only declared.

use std::ops::ControlFlow;

use bytes::{Buf, BytesMut};

use super::item::{Damage, FlvError, FlvItem};
use super::tag::TagHeader;
use crate::limits;
use crate::media::{Content, Media};

/// Reads one file: [`feed`](FlvReader::feed) a piece, [`poll`](FlvReader::poll) until there is nothing, and so on;
/// [`finish`](FlvReader::finish) and poll again at the end.
///
/// Holds at most one tag, of at most [`limits::MESSAGE_BYTES`], and one piece.
#[derive(Debug, Default)]
pub struct FlvReader {
    buffer: BytesMut,
    /// Where in the file the buffer begins.
    offset: u64,
    place: Place,
    /// Comes next, behind the item that it is about.
    remark: Option<Damage>,
    is_finished: bool,
}

/// What is expected where the buffer begins.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Header,
    Tag,
    /// Anything; a tag is looked for.
    Lost {
        since: u64,
        /// Whether it began with a tag that reaches beyond the end of the file.
        is_cut_off: bool,
    },
    /// Nothing: all was given.
    End,
    /// Once wrong, always wrong.
    Refused(FlvError),
}

/// What the bytes at the beginning of a tag are.
enum Verdict {
    Undecided,
    Tag(TagHeader),
    WrongBackPointer(TagHeader, u32),
    /// A whole message at the end of the file.
    NoBackPointer(TagHeader),
    CutOff,
    NoTag,
}

/// An item, or none for now; or go on.
type Step = ControlFlow<Option<FlvItem>>;

impl FlvReader {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the file. Behind an error, and behind [`FlvReader::finish`], nothing is kept.
    pub fn feed(&mut self, bytes: &[u8]) {
        if !self.is_finished && !matches!(self.place, Place::Refused(_)) {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The file has no more bytes. What was undecided for want of them, [`FlvReader::poll`] gives then; if the file was not whole,
    /// the last item is [`Damage::Truncated`].
    pub fn finish(&mut self) {
        self.is_finished = true;
    }

    /// The next media or damage; `None` when more of the file is needed, and at its end.
    ///
    /// # Errors
    /// [`FlvError`], as soon as it shows and from then on each time.
    pub fn poll(&mut self) -> Result<Option<FlvItem>, FlvError> {
        if let Some(damage) = self.remark.take() {
            return Ok(Some(FlvItem::Damage(damage)));
        }
        loop {
            let step = match self.place {
                Place::Header => {
                    self.read_header().inspect_err(|&error| self.place = Place::Refused(error))?
                }
                Place::Tag => self.read_tag(),
                Place::Lost { since, is_cut_off } => self.find_tag(since, is_cut_off),
                Place::End => ControlFlow::Break(None),
                Place::Refused(error) => return Err(error),
            };
            if let ControlFlow::Break(item) = step {
                return Ok(item);
            }
        }
    }

    /// Signature, version, flags, offset of the first back pointer, that back pointer (E.2).
    fn read_header(&mut self) -> Result<Step, FlvError> {
        const SIGNATURE: [u8; 4] = *b"FLV\x01";
        const SHORTEST: u32 = 9;
        let known = SIGNATURE.len().min(self.buffer.len());
        if self.buffer[..known] != SIGNATURE[..known] {
            return Err(FlvError::NotFlv);
        }
        let Some(&[.., a, b, c, d]) = self.buffer.first_chunk::<9>() else { return Ok(self.await_header()) };
        let offset = u32::from_be_bytes([a, b, c, d]);
        if offset < SHORTEST || offset as usize > limits::FLV_HEADER_BYTES {
            return Err(FlvError::HeaderLength(offset));
        }
        let Some(&first) = self.buffer.get(offset as usize..).and_then(<[u8]>::first_chunk) else {
            return Ok(self.await_header());
        };
        self.pass(offset as usize + TagHeader::BACK_POINTER_LEN);
        self.place = Place::Tag;
        Ok(match u32::from_be_bytes(first) {
            0 => ControlFlow::Continue(()),
            found => damage(Damage::WrongBackPointer { offset: offset.into(), found, expected: 0 }),
        })
    }

    fn await_header(&mut self) -> Step {
        if !self.is_finished {
            return ControlFlow::Break(None);
        }
        self.place = Place::End;
        damage(Damage::Truncated { offset: 0, length: self.buffer.len() as u64 })
    }

    fn read_tag(&mut self) -> Step {
        if self.buffer.is_empty() {
            return ControlFlow::Break(None);
        }
        match judge(&self.buffer, self.is_finished) {
            Verdict::Undecided => ControlFlow::Break(None),
            Verdict::Tag(header) => self.take_tag(header),
            Verdict::WrongBackPointer(header, found) => {
                let expected = header.back_pointer();
                let offset = self.offset + u64::from(expected);
                self.remark = Some(Damage::WrongBackPointer { offset, found, expected });
                self.take_tag(header)
            }
            Verdict::NoBackPointer(header) => {
                let (offset, length) = (self.offset, self.buffer.len() as u64);
                self.remark = Some(Damage::Truncated { offset, length });
                self.take_tag(header)
            }
            Verdict::CutOff => self.lose(true),
            Verdict::NoTag => self.lose(false),
        }
    }

    fn take_tag(&mut self, header: TagHeader) -> Step {
        let offset = self.offset;
        self.pass(TagHeader::LEN);
        let body = self.buffer.split_to(header.length).freeze();
        self.offset += body.len() as u64;
        self.pass(TagHeader::BACK_POINTER_LEN.min(self.buffer.len()));
        ControlFlow::Break(Some(match Content::of_tag(header.kind, body) {
            Some(content) => FlvItem::Media(Media { timestamp: header.timestamp, content }),
            None => FlvItem::Damage(Damage::Skipped {
                offset,
                kind: header.kind.get(),
                length: header.length as u32,
            }),
        }))
    }

    /// No tag begins here.
    fn lose(&mut self, is_cut_off: bool) -> Step {
        self.place = Place::Lost { since: self.offset, is_cut_off };
        self.pass(1);
        ControlFlow::Continue(())
    }

    fn find_tag(&mut self, since: u64, is_cut_off: bool) -> Step {
        let (distance, is_found) = seek_tag(&self.buffer, self.is_finished);
        self.pass(distance);
        let (offset, length) = (since, self.offset - since);
        if is_found {
            self.place = Place::Tag;
            return damage(Damage::Garbage { offset, length });
        }
        if !self.is_finished {
            return ControlFlow::Break(None);
        }
        self.place = Place::End;
        damage(if is_cut_off {
            Damage::Truncated { offset, length }
        } else {
            Damage::Garbage { offset, length }
        })
    }

    fn pass(&mut self, count: usize) {
        self.buffer.advance(count);
        self.offset += count as u64;
    }
}

/// What begins where a tag should. Bytes that come later change no verdict but [`Verdict::Undecided`].
fn judge(bytes: &[u8], is_all: bool) -> Verdict {
    let (is_known, is_stream_zero) = (TagHeader::has_known_kind(bytes), TagHeader::has_stream_zero(bytes));
    let is_plausible = is_known && is_stream_zero;
    let cut_off = match (is_all, is_plausible) {
        (false, _) => Verdict::Undecided,
        (true, true) => Verdict::CutOff,
        (true, false) => Verdict::NoTag,
    };
    let Some(header) = bytes.first_chunk().map(TagHeader::parse) else { return cut_off };
    // Sixteen megabytes need not come to see that text is no tag.
    if !is_known && !is_stream_zero {
        return Verdict::NoTag;
    }
    let expected = header.back_pointer();
    let Some((found, behind)) = bytes.get(expected as usize..).and_then(<[u8]>::split_first_chunk) else {
        let is_whole =
            bytes.get(expected as usize..).is_some_and(|rest| expected.to_be_bytes().starts_with(rest));
        return if is_all && is_plausible && is_whole { Verdict::NoBackPointer(header) } else { cut_off };
    };
    let found = u32::from_be_bytes(*found);
    if found == expected {
        return Verdict::Tag(header);
    }
    if !is_plausible || !TagHeader::has_known_kind(behind) || !TagHeader::has_stream_zero(behind) {
        return Verdict::NoTag;
    }
    if behind.len() >= TagHeader::LEN || is_all {
        Verdict::WrongBackPointer(header, found)
    } else {
        Verdict::Undecided
    }
}

/// How far it is to the next byte that begins a tag, or may begin one when more bytes come, and whether it does.
fn seek_tag(bytes: &[u8], is_all: bool) -> (usize, bool) {
    for (distance, header) in bytes.array_windows().enumerate() {
        if !TagHeader::has_known_kind(header) || !TagHeader::has_stream_zero(header) {
            continue;
        }
        let expected = TagHeader::parse(header).back_pointer();
        match bytes[distance..].get(expected as usize..).and_then(<[u8]>::first_chunk) {
            Some(&found) if u32::from_be_bytes(found) == expected => return (distance, true),
            None if !is_all => return (distance, false),
            Some(_) | None => {}
        }
    }
    let undecided = if is_all { 0 } else { TagHeader::LEN - 1 };
    (bytes.len().saturating_sub(undecided), false)
}

fn damage(damage: Damage) -> Step {
    ControlFlow::Break(Some(FlvItem::Damage(damage)))
}

#[cfg(test)]
mod tests;
