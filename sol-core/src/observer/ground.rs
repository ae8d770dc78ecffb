//! Ground: bytes of one direction that nobody has understood yet, and chunk headers on it.
//!
//! Invariant: whoever looks at the ground either sees what is there whatever else comes, or is told how many bytes he needs.
//! No look goes further than [`limits::OBSERVER_AHEAD_BYTES`].

use super::evidence::{Evidence, PAYLOAD_BYTES};
use crate::chunk::{BasicHeader, ChunkHeader, Format, LaneState};
use crate::ids::ChunkStreamId;
use crate::limits;

/// Bytes of one direction that are not understood yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    bytes: &'a [u8],
    beyond: Beyond,
}

/// What is behind the last byte that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Perhaps more bytes; nothing may be decided for want of them.
    More,
    /// Nothing: the stream is over.
    End,
    /// Bytes that nobody will see, or that are too far away to look at.
    Dark,
}

/// So many bytes of the ground are needed to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NeedsMore(pub(super) usize);

/// A chunk header as it stands on the ground.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    pub(super) header: ChunkHeader,
    /// Where its payload begins: behind it, and behind an extended timestamp that is repeated.
    pub(super) payload_at: usize,
    pub(super) lane: Option<LaneState>,
    pub(super) evidence: Evidence,
    /// What is to be added where chunks are read, and not searched.
    pub(super) excused: Evidence,
}

/// What is at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sight {
    Header(Sighting),
    /// The end of the stream.
    End,
    /// No whole header, and no more bytes.
    Dark,
}

impl<'a> Ground<'a> {
    /// The ground from the first of `bytes` on.
    pub(super) fn new(bytes: &'a [u8], beyond: Beyond) -> Self {
        match bytes.get(..limits::OBSERVER_AHEAD_BYTES) {
            Some(bytes) => Self { bytes, beyond: Beyond::Dark },
            None => Self { bytes, beyond },
        }
    }

    /// The bytes that came, as far as may be looked.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The first `count` bytes of the ground as a ground of its own, or as many as there will be.
    pub(super) fn up_to(&self, count: usize) -> Result<Self, NeedsMore> {
        match self.reaches(count)? {
            true => Ok(Self { bytes: &self.bytes[..count], beyond: Beyond::Dark }),
            false => Ok(*self),
        }
    }

    /// The same ground without its first bytes.
    pub(super) fn behind(&self, bytes: usize) -> Self {
        Self { bytes: &self.bytes[bytes..], beyond: self.beyond }
    }

    /// Whether there are `count` bytes.
    pub(super) fn reaches(&self, count: usize) -> Result<bool, NeedsMore> {
        match self.beyond {
            _ if self.bytes.len() >= count => Ok(true),
            Beyond::More if count < limits::OBSERVER_AHEAD_BYTES => Err(NeedsMore(count)),
            Beyond::More => Err(NeedsMore(limits::OBSERVER_AHEAD_BYTES)),
            Beyond::End | Beyond::Dark => Ok(false),
        }
    }

    /// Four bytes at `at`, if there are so many.
    pub(super) fn four_bytes(&self, at: usize) -> Result<Option<[u8; 4]>, NeedsMore> {
        let is_there = self.reaches(at + 4)?;
        Ok(is_there.then(|| *self.bytes[at..].first_chunk().expect("the ground reaches")))
    }

    /// Whether a chunk of format 3 begins at `at` in the lane `chunk_stream`: if so, how long its header is.
    pub(super) fn continues(
        &self,
        at: usize,
        chunk_stream: ChunkStreamId,
    ) -> Result<Option<usize>, NeedsMore> {
        if !self.reaches(at + 1)? {
            return Ok(None);
        }
        let (width, format) = BasicHeader::shape(self.bytes[at]);
        if format != Format::Same || !self.reaches(at + width)? {
            return Ok(None);
        }
        let header = BasicHeader::parse(&self.bytes[at..]).expect("the ground reaches");
        Ok((header.chunk_stream == chunk_stream).then_some(width))
    }

    /// What is at `at`, where `lane` says what is known of a chunk stream.
    pub(super) fn look(
        &self,
        at: usize,
        lane: impl FnOnce(ChunkStreamId) -> Option<LaneState>,
    ) -> Result<Sight, NeedsMore> {
        if at == self.bytes.len() && self.beyond == Beyond::End {
            return Ok(Sight::End);
        }
        let mut len = 0;
        loop {
            if !self.reaches(at + len.max(1))? {
                return Ok(Sight::Dark);
            }
            let known = ChunkHeader::len_known(&self.bytes[at..at + len]);
            if known == len {
                break;
            }
            if !self.reaches(at + known)? {
                return Ok(Sight::Dark);
            }
            len = known;
        }
        let header = ChunkHeader::parse(&self.bytes[at..at + len]);
        let lane = lane(header.basic.chunk_stream);
        let mut payload_at = at + len;
        let mut repeated = Evidence::NONE;
        if header.basic.format == Format::Same
            && let Some(extended) = lane.and_then(|lane| lane.extended)
            && self.reaches(payload_at + 4)?
            && self.bytes[payload_at..].starts_with(&extended.to_be_bytes())
        {
            payload_at += 4;
            repeated = Evidence::FOUR_BYTES;
        }
        let payload_len = match (header.basic.format, &lane) {
            (Format::Full | Format::SameStream, _) => header.length as usize,
            (Format::SameShape | Format::Same, Some(LaneState { missing: None, length, .. })) => *length,
            (Format::SameShape | Format::Same, Some(_)) => 0,
            (Format::SameShape | Format::Same, None) => PAYLOAD_BYTES,
        };
        let wanted = payload_len.min(PAYLOAD_BYTES);
        let payload = match self.reaches(payload_at + wanted)? {
            true => &self.bytes[payload_at..payload_at + wanted],
            false => &self.bytes[payload_at.min(self.bytes.len())..],
        };
        let evidence = Evidence::of(&header, lane.as_ref(), payload) + repeated;
        let excused = match lane {
            Some(LaneState { missing: Some(_), .. }) => Evidence::NONE,
            _ => Evidence::excused(&header, lane.as_ref(), payload),
        };
        Ok(Sight::Header(Sighting { header, payload_at, lane, evidence, excused }))
    }

    /// Whether the header at the first byte is rather a shorter one behind the end of a payload: a byte 0x40 and one that begins
    /// a chunk look like one header with a chunk stream id of two bytes.
    pub(super) fn begins_too_early(
        &self,
        sighting: &Sighting,
        lane: impl Fn(ChunkStreamId) -> Option<LaneState>,
    ) -> Result<bool, NeedsMore> {
        let (width, format) = BasicHeader::shape(self.bytes[0]);
        for at in 1..width {
            if let Sight::Header(shorter) = self.look(at, &lane)?
                && shorter.header.basic.format == format
                && shorter.payload_at == sighting.payload_at
                && shorter.evidence > sighting.evidence
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Sighting {
    /// Payload bytes of the message that begins with the header; none if its lane would have to say, and is not known.
    pub(super) fn message_len(&self) -> Option<usize> {
        match self.header.basic.format {
            Format::Full | Format::SameStream => Some(self.header.length as usize),
            Format::SameShape | Format::Same => self.lane.map(|lane| lane.length),
        }
    }

    /// Whether the header begins a message amid another one of its lane.
    pub(super) fn interrupts(&self) -> bool {
        let is_under_way = self.lane.is_some_and(|lane| lane.missing.is_some());
        is_under_way && self.header.basic.format != Format::Same
    }

    /// The lane with what the header says.
    pub(super) fn lane_after(&self) -> LaneState {
        let header = &self.header;
        let fresh = LaneState {
            kind: header.kind,
            length: header.length as usize,
            missing: None,
            extended: None,
            rooted: header.basic.format == Format::Full,
        };
        let lane = self.lane.unwrap_or(fresh);
        let extended = header.extended.then_some(header.time);
        match header.basic.format {
            Format::Full | Format::SameStream => LaneState { extended, ..fresh },
            Format::SameShape => LaneState { extended, ..lane },
            Format::Same => lane,
        }
    }
}
