//! What an [`Observer`](crate::observer::Observer) asks of the reader beside what a session asks: it looks at each chunk
//! before it is read, begins in the middle of connections, and has recordings with holes.
//!
//! Invariant: none of this changes how chunks are read, so a session and an observer understand the same bytes alike.

use super::{ChunkError, ChunkReader, Lane, PartialHeader, Place};
use crate::chunk::{RawMessage, UnfinishedMessage};
use crate::ids::{ChunkSize, ChunkStreamId, MessageType};
use crate::limits;
use crate::quirk::Tolerance;

/// What the headers of one chunk stream have said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneState {
    /// The type of its last message, and of the next if the header does not say.
    pub kind: MessageType,
    /// The same of the length.
    pub length: usize,
    /// Payload that is still to come of the message under way, if there is one.
    pub missing: Option<usize>,
    /// The extended field of the last header that had a time.
    pub extended: Option<u32>,
    /// An absolute header came: its time and message stream are known.
    pub rooted: bool,
}

impl ChunkReader {
    /// As [`ChunkReader::read`], but stops where a chunk ends as well.
    pub(crate) fn read_chunk(
        &mut self,
        input: &mut &[u8],
        tolerance: &mut Tolerance,
    ) -> Result<Option<RawMessage>, ChunkError> {
        self.read_until(input, tolerance, Self::is_between_chunks)
    }

    /// Whether the next byte begins a chunk.
    pub(crate) fn is_between_chunks(&self) -> bool {
        self.whole.is_empty() && matches!(&self.place, Place::Header(partial) if partial.len == 0)
    }

    /// Whether the next bytes are payload, at least `bytes` of them: then so many may be missing, and what is behind them is
    /// understood all the same. Their message is given up where it ends.
    pub(crate) fn lose_payload(&mut self, bytes: usize) -> bool {
        let Place::Payload { lane, left, suspect } = &mut self.place else { return false };
        if bytes > *left {
            return false;
        }
        let lane = *lane;
        *left -= bytes;
        *suspect = None;
        let chunk_ended = *left == 0;
        self.lanes[lane].lost += bytes;
        if chunk_ended {
            self.place = Place::Header(PartialHeader::default());
            if self.lanes[lane].missing() == 0 {
                self.drop_unfinished(lane);
            }
        }
        true
    }

    /// Opens a lane of which no header is known, so that one of format 1 may follow. Says whether there is room.
    pub(crate) fn open_lane(&mut self, id: ChunkStreamId) -> bool {
        if self.lanes.len() == limits::CHUNK_STREAMS {
            return false;
        }
        self.lanes.push(Lane::new(id));
        true
    }

    /// Says what the chunk size is, to a reader that missed where it was announced.
    pub(crate) fn set_chunk_size(&mut self, chunk_size: ChunkSize) {
        self.chunk_size = chunk_size;
    }

    /// What is known of a chunk stream.
    pub(crate) fn lane_state(&self, id: ChunkStreamId) -> Option<LaneState> {
        self.lanes.iter().find(|lane| lane.id == id).map(|lane| LaneState {
            kind: lane.kind,
            length: lane.length,
            missing: lane.unfinished.then(|| lane.missing()),
            extended: lane.extended,
            rooted: lane.rooted,
        })
    }

    /// The messages under way, in the order in which their lanes began.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = UnfinishedMessage> + '_ {
        self.lanes.iter().filter_map(Lane::unfinished)
    }

    /// The unfinished message that was given up since this was asked last: the last one, if there were several. A header gives up
    /// one at most, and so does the end of a chunk.
    pub(crate) fn take_dropped(&mut self) -> Option<UnfinishedMessage> {
        self.dropped.take()
    }
}
