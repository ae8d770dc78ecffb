//! Following: chunk after chunk is read, and each header looked at before.
//!
//! The chunk reader believes every header. In bytes that a program sent that is right; in a recording that lost some, or
//! from a wrong footing, it would swallow megabytes before it noticed. So a header that is unlikely is held against what
//! follows it first.

use super::direction::{Scene, Stage, Then, Turn};
use super::evidence::Evidence;
use super::ground::{Ground, NeedsMore, Sight, Sighting};
use super::observation::{BrokenRule, Observed, ObservedMessage, ObservedTime, WhyUnfinished};
use super::searching::{Leaning, NEARBY_BYTES_MAX, Searching};
use super::sizing::Sizing;
use super::walk::Walk;
use crate::chunk::{ChunkError, ChunkReader, Format, LaneState, RawMessage, UnfinishedMessage};
use crate::ids::{ChunkSize, MessageType};
use crate::message::Message;
use crate::quirk::Tolerance;

/// Chunks come, and are understood.
#[derive(Debug)]
pub(super) struct Following {
    reader: ChunkReader,
    sizing: Sizing,
    /// Every header was seen, so a lane without an earlier one has none.
    saw_the_beginning: bool,
}

impl Following {
    /// Behind a handshake.
    pub(super) fn from_the_first_byte() -> Self {
        let reader = ChunkReader::new();
        let sizing = Sizing::Known(reader.chunk_size());
        Self { reader, sizing, saw_the_beginning: true }
    }

    /// Where a footing was found.
    pub(super) fn from_the_middle(sizing: Sizing) -> Self {
        let mut following = Self { reader: ChunkReader::new(), sizing, saw_the_beginning: false };
        following.size(sizing);
        following
    }

    pub(super) fn turn(
        &mut self,
        input: &[u8],
        ground: Ground<'_>,
        scene: &mut Scene,
    ) -> Result<Turn, NeedsMore> {
        if self.reader.is_between_chunks() {
            let Sight::Header(sighting) = ground.look(0, |id| self.reader.lane_state(id))? else {
                // A header that the end of the stream or a hole cuts off.
                let searching = self.give_up(scene, 0);
                return Ok(Turn { took: 0, then: Then::Become(Stage::Searching(searching)) });
            };
            if let Some(turn) = self.consider(&sighting, ground, scene)? {
                return Ok(turn);
            }
            if sighting.interrupts() {
                // The header ends one message; where its chunk ends, another may be aborted.
                return Ok(self.read(&input[..sighting.payload_at], WhyUnfinished::Interrupted, scene));
            }
        }
        Ok(self.read(input, WhyUnfinished::Aborted, scene))
    }

    /// Looks at the header of a chunk before it is read. Says what is to be done unless it is to be read.
    fn consider(
        &mut self,
        sighting: &Sighting,
        ground: Ground<'_>,
        scene: &mut Scene,
    ) -> Result<Option<Turn>, NeedsMore> {
        let Sighting { header, payload_at, lane, evidence, excused } = sighting;
        let (id, format) = (header.basic.chunk_stream, header.basic.format);
        if let (Format::Same, Some(LaneState { missing: Some(_), .. })) = (format, lane) {
            return Ok(None);
        }
        let Some(length) = sighting.message_len() else {
            // Format 3 has nothing that could speak against it but a chunk stream id that few use.
            let is_doubtful = format != Format::Same && *evidence < Evidence::DOUBTFUL;
            if self.saw_the_beginning || is_doubtful {
                let format = if format == Format::Same { 3 } else { 2 };
                return Ok(Some(self.broken(ChunkError::NoPreviousHeader(id, format), scene)));
            }
            let leaning = Leaning::at(ground, header.basic, *payload_at)?;
            let following = Box::new(std::mem::replace(self, Self::from_the_first_byte()));
            let searching = Searching::nearby(following, leaning);
            return Ok(Some(Turn { took: 0, then: Then::Become(Stage::Searching(searching)) }));
        };
        if *evidence + *excused < Evidence::DOUBTFUL {
            let mut walk = Walk::new(ground, Some(&self.reader), self.sizing, scene.credit);
            let end = match self.saw_the_beginning {
                true => Evidence::ENDS_WITH_THE_WHOLE_STREAM,
                false => Evidence::ENDS_WITH_THE_STREAM,
            };
            let is_borne_out = walk.bears_out(end)?;
            scene.credit = walk.credit();
            if !is_borne_out {
                let kind = match (format, lane) {
                    (Format::SameShape | Format::Same, Some(lane)) => lane.kind,
                    _ => header.kind,
                };
                let rule = BrokenRule::Unbelievable { chunk_stream: id, kind, length };
                return Ok(Some(self.broken(rule, scene)));
            }
        }
        if let Sizing::Unknown { least, .. } = self.sizing
            && length > least
        {
            let mut walk = Walk::new(ground, Some(&self.reader), self.sizing, scene.credit);
            let found = walk.finds_sizing(sighting, length)?;
            scene.credit = walk.credit();
            match found {
                Some(sizing) => self.size(sizing),
                None => {
                    let rule = BrokenRule::NoChunkSizeFits { chunk_stream: id, length };
                    return Ok(Some(self.broken(rule, scene)));
                }
            }
        }
        let is_fresh = format == Format::SameStream && lane.is_none() && !self.saw_the_beginning;
        if is_fresh && !self.reader.open_lane(id) {
            return Ok(Some(self.broken(ChunkError::TooManyChunkStreams, scene)));
        }
        Ok(None)
    }

    /// Reads to the end of the chunk at most. `why` is why a message may be given up on the way, if it is not for a hole in it.
    fn read(&mut self, input: &[u8], why: WhyUnfinished, scene: &mut Scene) -> Turn {
        let mut rest = input;
        let read = self.reader.read_chunk(&mut rest, &mut scene.tolerance);
        let took = input.len() - rest.len();
        if let Some(dropped) = self.reader.take_dropped() {
            let why = if dropped.lost > 0 { WhyUnfinished::Damaged } else { why };
            self.see_dropped(dropped, why, took, scene);
        }
        match read {
            Ok(Some(raw)) => {
                let message = self.understand(raw, &mut scene.tolerance);
                scene.see(took, Observed::Message(message));
                Turn::took(took)
            }
            Ok(None) => Turn::took(took),
            Err(error) => {
                scene.see(took, Observed::Broken(error.into()));
                let searching = self.give_up(scene, took);
                Turn { took, then: Then::Become(Stage::Searching(searching)) }
            }
        }
    }

    fn understand(&mut self, raw: RawMessage, tolerance: &mut Tolerance) -> ObservedMessage {
        if raw.kind == MessageType::SET_CHUNK_SIZE
            && let Some(&size) = raw.body.first_chunk()
            && ChunkSize::announced(u32::from_be_bytes(size)).is_some()
        {
            self.sizing = Sizing::Known(self.reader.chunk_size());
        }
        let lane = self.reader.lane_state(raw.chunk_stream).expect("its message came");
        let meaning = Message::parse(&raw, tolerance).expect("nothing is refused");
        if let Message::Aggregate(parts) = &meaning {
            for quirk in parts.clone().filter_map(|part| part.quirk()) {
                tolerance.tolerate(quirk).expect("nothing is refused");
            }
        }
        let is_known = lane.rooted || self.saw_the_beginning;
        let RawMessage { chunk_stream, stream, timestamp, kind, body } = raw;
        let time =
            if is_known { ObservedTime::Absolute(timestamp) } else { ObservedTime::Relative(timestamp) };
        ObservedMessage { chunk_stream, stream: is_known.then_some(stream), time, kind, body, meaning }
    }

    /// A rule is broken by the header that is next.
    fn broken(&mut self, rule: impl Into<BrokenRule>, scene: &mut Scene) -> Turn {
        scene.see(0, Observed::Broken(rule.into()));
        let searching = self.give_up(scene, 0).passing_one();
        Turn { took: 0, then: Then::Become(Stage::Searching(searching)) }
    }

    /// Nothing is understood from `ahead` bytes from here on.
    pub(super) fn give_up(&mut self, scene: &mut Scene, ahead: usize) -> Searching {
        for unfinished in self.reader.unfinished() {
            scene.see(ahead, Observed::Unfinished(unfinished, WhyUnfinished::FootingLost));
        }
        Searching::new(self.sizing.hint())
    }

    /// Nothing more comes: messages under way stay so, and are let go.
    pub(super) fn end(&mut self, scene: &mut Scene) {
        for unfinished in self.reader.unfinished() {
            scene.see(0, Observed::Unfinished(unfinished, WhyUnfinished::Ended));
        }
        self.reader = ChunkReader::new();
    }

    /// Whether so many bytes can be missing here without more harm than to the message under way.
    pub(super) fn lose_payload(&mut self, bytes: usize) -> bool {
        self.reader.lose_payload(bytes)
    }

    /// A hole may have ended a message.
    pub(super) fn see_damage(&mut self, scene: &mut Scene) {
        if let Some(dropped) = self.reader.take_dropped() {
            self.see_dropped(dropped, WhyUnfinished::Damaged, 0, scene);
        }
    }

    fn see_dropped(
        &mut self,
        dropped: UnfinishedMessage,
        why: WhyUnfinished,
        ahead: usize,
        scene: &mut Scene,
    ) {
        if dropped.kind == MessageType::SET_CHUNK_SIZE && why == WhyUnfinished::Damaged {
            self.size(Sizing::unknown(self.sizing.hint()));
        }
        scene.see(ahead, Observed::Unfinished(dropped, why));
    }

    /// While the chunk size is not known, no chunk ends before its message.
    fn size(&mut self, sizing: Sizing) {
        self.sizing = sizing;
        self.reader.set_chunk_size(sizing.known().unwrap_or(ChunkSize::MAX));
    }

    pub(super) fn chunk_size(&self) -> Option<ChunkSize> {
        self.sizing.known()
    }

    /// Longest payload that a chunk can have here.
    pub(super) fn chunk_bytes_max(&self) -> usize {
        self.chunk_size().map_or(NEARBY_BYTES_MAX, ChunkSize::bytes)
    }

    pub(super) fn reader(&self) -> &ChunkReader {
        &self.reader
    }

    pub(super) fn sizing(&self) -> Sizing {
        self.sizing
    }
}
