//! Walk: from a chunk header to the next, and on, over bytes that nobody has understood yet.
//!
//! Payload is stepped over; where the next header must be, there is one or not. That is how a place in the middle of a
//! connection is tried before anything is read from it, how a doubtful header is believed or not, and how a chunk size is
//! found that was announced where nobody listened.
//!
//! What messages say to the chunk layer is obeyed as the reader obeys it, so that a walk steps where the reader will.
//!
//! Invariants: a walk looks at no more than [`limits::OBSERVER_STEPS`] headers and [`limits::OBSERVER_AHEAD_BYTES`] bytes. Its
//! outcome depends on the bytes alone: where it lacks some it says how many, and has decided nothing.

use smallvec::SmallVec;

use super::evidence::Evidence;
use super::ground::{Ground, NeedsMore, Sight, Sighting};
use super::sizing::{Continuation, Credit, Sizing, USUAL_SIZES};
use crate::chunk::{ChunkReader, Format, LaneState};
use crate::ids::{ChunkSize, ChunkStreamId, MessageType};
use crate::limits;

/// Somebody on the way over the ground.
#[derive(Clone, Debug)]
pub(super) struct Walk<'a> {
    ground: Ground<'a>,
    /// Whose lanes are known from before.
    known: Option<&'a ChunkReader>,
    at: usize,
    /// Lanes as the headers on the way left them.
    lanes: SmallVec<[(ChunkStreamId, LaneState); 4]>,
    /// The first bytes of messages that the chunk layer obeys, as far as they came on the way.
    orders: SmallVec<[(ChunkStreamId, SmallVec<[u8; ORDER_BYTES]>); 1]>,
    sizing: Sizing,
    /// The same for the first step: Set Chunk Size on the way does not hold from the beginning.
    first_sizing: Sizing,
    announced: bool,
    /// Chunks are read up to here, so that they are rather believed.
    trusts: bool,
    credit: Credit,
}

enum Step {
    /// There was a header, and the way goes on behind its chunk.
    On(Evidence),
    /// There was a header, but nothing says how long its chunk is.
    Stuck(Evidence),
    /// The stream is over here.
    End,
    /// Nothing can be seen here.
    Dark,
}

impl<'a> Walk<'a> {
    /// Begins at the first byte of the ground.
    pub(super) fn new(
        ground: Ground<'a>,
        known: Option<&'a ChunkReader>,
        sizing: Sizing,
        credit: Credit,
    ) -> Self {
        let (lanes, orders) = (SmallVec::new(), SmallVec::new());
        let (first_sizing, announced, trusts) = (sizing, false, false);
        Self { ground, known, at: 0, lanes, orders, sizing, first_sizing, announced, trusts, credit }
    }

    /// Whether chunks begin here, with `enough` evidence: if so, what the chunk size is.
    pub(super) fn finds_footing(&mut self, enough: Evidence) -> Result<Option<Sizing>, NeedsMore> {
        let found = self.go(true, enough, Evidence::ENDS_WITH_THE_STREAM)?;
        Ok(found.then_some(self.first_sizing))
    }

    /// Whether what follows the first header bears it out, whatever itself is like. If the stream ends where a message does,
    /// that is worth `end`.
    pub(super) fn bears_out(&mut self, end: Evidence) -> Result<bool, NeedsMore> {
        self.trusts = true;
        self.go(false, Evidence::BELIEVED, end)
    }

    /// What the chunk size is, where a message of `length` bytes begins with `sighting`.
    pub(super) fn finds_sizing(
        &mut self,
        sighting: &Sighting,
        length: usize,
    ) -> Result<Option<Sizing>, NeedsMore> {
        Ok(self.begin(sighting, length)?.then_some(self.first_sizing))
    }

    /// What is left of the credit.
    pub(super) fn credit(&self) -> Credit {
        self.credit
    }

    fn go(&mut self, first_counts: bool, enough: Evidence, end: Evidence) -> Result<bool, NeedsMore> {
        let (mut evidence, mut followers) = (Evidence::NONE, 0);
        for index in 0..limits::OBSERVER_STEPS {
            let (seen, goes_on) = match self.step()? {
                Step::On(seen) => (seen, true),
                Step::Stuck(seen) => (seen, false),
                Step::End if index > 0 => (end, false),
                Step::End | Step::Dark => break,
            };
            if index > 0 {
                followers += 1;
                if seen < Evidence::CONTRADICTED {
                    return Ok(false);
                }
            }
            if index > 0 || first_counts {
                evidence += seen;
            }
            let is_plenty =
                followers > 1 && evidence >= enough || followers > 0 && evidence >= Evidence::AMPLE;
            if is_plenty {
                return Ok(true);
            }
            if !goes_on {
                break;
            }
        }
        Ok(followers > 0 && evidence >= enough)
    }

    fn step(&mut self) -> Result<Step, NeedsMore> {
        let sighting = match self.look(self.at)? {
            Sight::Header(sighting) => sighting,
            Sight::End => return Ok(Step::End),
            Sight::Dark => return Ok(Step::Dark),
        };
        let Sighting { header, lane, .. } = sighting;
        let evidence = sighting.evidence + if self.trusts { sighting.excused } else { Evidence::NONE };
        let length = match (header.basic.format, lane) {
            (Format::Same, Some(lane @ LaneState { missing: Some(missing), .. })) => {
                self.pass(&sighting, lane, missing)?;
                return Ok(Step::On(evidence));
            }
            (Format::Full | Format::SameStream, _) => header.length as usize,
            (Format::SameShape | Format::Same, Some(lane)) => lane.length,
            (Format::SameShape | Format::Same, None) => return Ok(Step::Stuck(evidence)),
        };
        if !self.begin(&sighting, length)? {
            return Ok(Step::Stuck(evidence + Evidence::CONTRADICTED));
        }
        Ok(Step::On(evidence))
    }

    /// Steps over the first chunk of a message, if it is known or found how long it is.
    fn begin(&mut self, sighting: &Sighting, length: usize) -> Result<bool, NeedsMore> {
        if let Sizing::Unknown { least, hint } = self.sizing
            && length > least
        {
            match self.find_sizing(sighting, length, hint)? {
                Some(sizing) => self.sizing = sizing,
                None => return Ok(false),
            }
            if !self.announced {
                self.first_sizing = self.sizing;
            }
        }
        self.pass(sighting, LaneState { length, ..sighting.lane_after() }, length)?;
        Ok(true)
    }

    /// Steps over a chunk of a message of which `missing` bytes are to come.
    fn pass(&mut self, sighting: &Sighting, lane: LaneState, missing: usize) -> Result<(), NeedsMore> {
        let (id, payload_at) = (sighting.header.basic.chunk_stream, sighting.payload_at);
        self.at = payload_at + self.sizing.chunk_of(missing);
        let left = missing - self.sizing.chunk_of(missing);
        self.put(id, LaneState { missing: Some(left).filter(|left| *left > 0), ..lane });
        if matches!(lane.kind, MessageType::SET_CHUNK_SIZE | MessageType::ABORT) {
            if missing == lane.length {
                self.orders.retain(|(of, _)| *of != id);
                self.orders.push((id, SmallVec::new()));
            }
            // One that began before the way did is not understood; only chunks of some bytes cut it at all.
            let Some((_, order)) = self.orders.iter_mut().find(|(of, _)| *of == id) else { return Ok(()) };
            let end = self.at.min(payload_at + ORDER_BYTES - order.len());
            if self.ground.reaches(end)? {
                order.extend_from_slice(&self.ground.bytes()[payload_at..end]);
            }
            if left == 0
                && let Ok(order) = order[..].try_into()
            {
                self.obey(lane.kind, u32::from_be_bytes(order));
            }
        }
        Ok(())
    }

    /// Does what the reader does with a whole message.
    fn obey(&mut self, kind: MessageType, order: u32) {
        if kind == MessageType::ABORT {
            let lane = ChunkStreamId::new(order).and_then(|id| Some((id, self.lane(id)?)));
            if let Some((id, lane)) = lane {
                self.put(id, LaneState { missing: None, ..lane });
            }
            return;
        }
        if let Some(chunk_size) = ChunkSize::announced(order) {
            self.sizing = Sizing::Known(chunk_size);
            self.announced = true;
        }
    }

    /// The chunk size for which what follows the payload of a message is most plausible.
    fn find_sizing(
        &mut self,
        sighting: &Sighting,
        length: usize,
        hint: Option<ChunkSize>,
    ) -> Result<Option<Sizing>, NeedsMore> {
        let whole = Sizing::Unknown { least: length, hint };
        let id = sighting.header.basic.chunk_stream;
        let lane = LaneState { length, missing: None, ..sighting.lane_after() };
        let mut behind = self.clone();
        behind.put(id, lane);
        let payload_at = sighting.payload_at;

        let mut best = (Evidence::NONE, None);
        let mut offer = |evidence: Evidence, sizing| {
            if evidence > best.0 {
                best = (evidence, Some(sizing));
            }
        };
        // All of it in one chunk.
        let is_in_sight = self.ground.reaches(payload_at + length)?;
        if is_in_sight && let Some(evidence) = behind.evidence_at(payload_at + length)? {
            offer(evidence, whole);
        }
        // Cut, with nothing between its chunks.
        let seen = &self.ground.bytes()[payload_at.min(self.ground.bytes().len())..];
        let seen = &seen[..seen.len().min(length)];
        let looks_everywhere = self.credit.spend(seen.len());
        let mut continuations = SmallVec::<[Continuation; 2]>::new();
        continuations.extend(lane.extended.map(|extended| Continuation::new(id, Some(extended))));
        continuations.push(Continuation::new(id, None));
        for continuation in continuations {
            let mut offer_size = |bytes: usize, picked: Evidence| -> Result<(), NeedsMore> {
                let Some(verified) = continuation.verify(&self.ground, payload_at, length, bytes)? else {
                    return Ok(());
                };
                let count = (length - 1) / bytes;
                let end = payload_at + length + count * continuation.len();
                let next = behind.evidence_at(end)?.unwrap_or(Evidence::NONE);
                let evidence = Evidence::ONE_BYTE.times(verified * continuation.len()) + next + picked;
                let size = u32::try_from(bytes).ok().and_then(ChunkSize::new);
                offer(evidence, Sizing::Known(size.expect("it is below the length of a message")));
                Ok(())
            };
            if let Some(hint) = hint.filter(|hint| hint.bytes() < length) {
                offer_size(hint.bytes(), Evidence::NONE)?;
            }
            for &bytes in USUAL_SIZES.iter().filter(|&&bytes| bytes < length) {
                offer_size(bytes, Evidence::PICKED_OF_FEW)?;
            }
            if looks_everywhere {
                let first = continuation.first();
                for at in (1..seen.len()).filter(|&at| seen[at] == first) {
                    offer_size(at, Evidence::PICKED_OF_MANY)?;
                }
            }
        }
        if best.1.is_some() {
            return Ok(best.1);
        }
        // Cut, with chunks of other messages between.
        for &bytes in USUAL_SIZES.iter().filter(|&&bytes| bytes < length) {
            let size = u32::try_from(bytes).ok().and_then(ChunkSize::new).expect("it is usual");
            let sizing = Sizing::Known(size);
            let mut fork = Walk { sizing, first_sizing: sizing, ..self.clone() };
            if fork.go(false, Evidence::BELIEVED, Evidence::ENDS_WITH_THE_STREAM)? {
                return Ok(Some(sizing));
            }
        }
        // Nothing speaks for any size, and the message goes on where nobody can look.
        Ok((!is_in_sight).then_some(whole))
    }

    /// Evidence for a header at `at`, or for the end of the stream there; none where nothing can be seen.
    fn evidence_at(&self, at: usize) -> Result<Option<Evidence>, NeedsMore> {
        Ok(match self.look(at)? {
            Sight::Header(sighting) => Some(sighting.evidence),
            Sight::End => Some(Evidence::ENDS_WITH_THE_STREAM),
            Sight::Dark => None,
        })
    }

    fn look(&self, at: usize) -> Result<Sight, NeedsMore> {
        self.ground.look(at, |id| self.lane(id))
    }

    /// What is known of a lane here.
    fn lane(&self, id: ChunkStreamId) -> Option<LaneState> {
        let here = self.lanes.iter().find(|(known, _)| *known == id).map(|(_, lane)| *lane);
        here.or_else(|| self.known?.lane_state(id))
    }

    fn put(&mut self, id: ChunkStreamId, lane: LaneState) {
        match self.lanes.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = lane,
            None => self.lanes.push((id, lane)),
        }
    }
}

/// Set Chunk Size and Abort say what they say in so many bytes (RTMP 1.0, 5.4.1, 5.4.2).
const ORDER_BYTES: usize = 4;
