//! Stream: one publisher at a time, one tape, any number of playheads.
//!
//! Appending costs the same whatever the number of players, but for one look at their positions now and then; reading needs only a shared borrow, so players of one
//! stream do not wait for each other.

use crate::frame::Frame;
use crate::ids::ChunkSize;
use crate::limits;
use crate::media::{FrameKind, Media, TrackId};
use crate::timestamp::Timestamp;

use super::playhead::{Cursors, Gap, Playhead, Read, Start};
use super::preamble::Configurations;
use super::tape::{Entry, Position, Tape};
use super::timeline::Timeline;

/// One stream: its publisher, its tape, and what joins need.
#[derive(Debug)]
pub struct Stream {
    chunk_size: ChunkSize,
    publication: Option<u64>,
    publications: u64,
    /// Whether the publication has shown any video.
    has_video: bool,
    configurations: Configurations,
    timeline: Timeline,
    tape: Tape,
    cursors: Cursors,
}

/// The right to append to one stream, until it is given back.
#[derive(Debug, PartialEq, Eq)]
pub struct Publication(u64);

/// Why a name cannot be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishRefused {
    /// It has a publisher.
    #[error("the stream name is in use")]
    NameInUse,
}

/// The token is of another publication than the current one. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this publication is over")]
pub struct StaleToken;

impl Stream {
    /// A stream that nobody publishes. Its frames will be chunked with `chunk_size`.
    pub fn new(chunk_size: ChunkSize) -> Self {
        Self {
            chunk_size,
            publication: None,
            publications: 0,
            has_video: false,
            configurations: Configurations::default(),
            timeline: Timeline::default(),
            tape: Tape::default(),
            cursors: Cursors::default(),
        }
    }

    /// Begins a publication.
    ///
    /// # Errors
    /// [`PublishRefused::NameInUse`] while another one lasts.
    pub fn publish(&mut self) -> Result<Publication, PublishRefused> {
        if self.publication.is_some() {
            return Err(PublishRefused::NameInUse);
        }
        self.publications += 1;
        self.publication = Some(self.publications);
        self.has_video = false;
        self.configurations = Configurations::default();
        self.timeline.begin_publication();
        Ok(Publication(self.publications))
    }

    /// Appends one message of the publisher as a frame; whether the tape grew. Not appended are: video and data without a
    /// payload, configurations and metadata that say nothing new, and `@clearDataFrame`, which only has metadata
    /// forgotten.
    ///
    /// # Errors
    /// [`StaleToken`] once the publication is over.
    pub fn append(&mut self, publication: &Publication, media: &Media) -> Result<bool, StaleToken> {
        if self.publication != Some(publication.0) {
            return Err(StaleToken);
        }
        let content = &media.content;
        let payload = content.payload();
        if content.is_clear() {
            self.configurations.forget_metadata();
            return Ok(false);
        }
        let kind = FrameKind::of(content);
        // Without audio there is silence; without video there is nothing to show.
        if payload.is_empty() && kind != FrameKind::Audio {
            return Ok(false);
        }
        self.has_video |= kind.is_video();
        if kind.is_preamble() && self.configurations.is_known(kind, payload) {
            return Ok(false);
        }
        let at = if kind.is_coded() { self.timeline.stamp(media.timestamp) } else { self.timeline.head() };
        let timestamp = if kind.is_timeless() { Timestamp::ZERO } else { at };
        let frame = Frame::new(kind, timestamp, payload, self.chunk_size);
        if kind.is_preamble() {
            self.configurations.keep(&frame);
        }
        if self.is_sync_point(&frame) {
            // Whoever is too late, or off the tape already, will be sent to a keyframe and needs nothing older.
            let (cursors, head) = (&mut self.cursors, self.timeline.head());
            self.tape.begin_group(&self.configurations, timestamp, |tape| {
                cursors
                    .slowest(|position| tape.get(position).is_some_and(|entry| !Self::is_late(entry, head)))
            });
        }
        self.tape.append(frame, at);
        Ok(true)
    }

    /// Ends a publication: players read what is left, then [`Read::Ended`]. Without effect if it is over.
    pub fn unpublish(&mut self, publication: Publication) {
        if self.publication == Some(publication.0) {
            self.publication = None;
            self.tape.append_end();
        }
    }

    /// A new player. If nobody publishes it waits, and gets the next publication from its first frame on.
    pub fn subscribe(&mut self, start: Start) -> Playhead {
        let cursor = self.cursors.add(self.tape.end());
        let mut playhead = Playhead { cursor, preamble: None, awaits_keyframe: true, reached: None };
        if self.publication.is_some() {
            self.place(&mut playhead, start);
        }
        playhead
    }

    /// What comes next for a player.
    ///
    /// Call until it is [`Read::CaughtUp`] or there is no room; at most `limits::READ_BATCH` times under one lock.
    pub fn read(&self, playhead: &mut Playhead) -> Read {
        loop {
            if let Some(frame) = playhead.next_of_preamble() {
                return Read::Frame(frame);
            }
            let position = playhead.cursor.position();
            if self.must_skip(position) {
                return self.skip(playhead);
            }
            let next = Position(position.0 + 1);
            match self.tape.get(position) {
                None => return Read::CaughtUp,
                Some(Entry::End) => {
                    playhead.cursor.move_to(next);
                    playhead.awaits_keyframe = true;
                    return Read::Ended;
                }
                Some(Entry::Frame { frame, .. }) => {
                    playhead.cursor.move_to(next);
                    if frame.kind() == FrameKind::Keyframe(TrackId::DEFAULT) {
                        playhead.awaits_keyframe = false;
                    }
                    if frame.kind().is_picture() && playhead.awaits_keyframe {
                        continue;
                    }
                    if frame.kind().is_coded() {
                        playhead.reached = Some(frame.timestamp());
                    }
                    return Read::Frame(frame.clone());
                }
            }
        }
    }

    /// Whether anybody publishes.
    pub fn is_published(&self) -> bool {
        self.publication.is_some()
    }

    /// Playheads that are in use.
    pub fn players(&self) -> usize {
        self.cursors.len()
    }

    /// Bytes of frames on the tape: at most `limits::TAPE_BYTES`, one frame excepted.
    pub fn tape_bytes(&self) -> usize {
        self.tape.bytes()
    }

    /// A player may begin at a keyframe of the default track; without video, at some audio frame each second.
    fn is_sync_point(&self, frame: &Frame) -> bool {
        if self.has_video {
            return frame.kind() == FrameKind::Keyframe(TrackId::DEFAULT);
        }
        frame.kind() == FrameKind::Audio
            && self.tape.sync_point().is_none_or(|newest| {
                newest.timestamp.lag_behind(frame.timestamp()) >= limits::AUDIO_SYNC_TIME
            })
    }

    /// Puts a playhead where it may begin.
    fn place(&self, playhead: &mut Playhead, start: Start) {
        let sync_point = self.tape.sync_point().filter(|_| start == Start::NewestSyncPoint);
        let (position, preamble) = match sync_point {
            Some(point) => (point.position, point.preamble()),
            None => (self.tape.end(), self.configurations.at(self.timeline.head()).frames()),
        };
        playhead.cursor.move_to(position);
        playhead.preamble = Some((preamble, 0));
        // At a sync point with video this is a keyframe; whatever video follows elsewhere waits for one.
        playhead.awaits_keyframe = true;
    }

    /// Whether a player at `position` cannot go on there, or is too late and could be better off.
    fn must_skip(&self, position: Position) -> bool {
        let is_late =
            || self.tape.get(position).is_some_and(|entry| Self::is_late(entry, self.timeline.head()));
        position < self.tape.start()
            || self.tape.sync_point().is_some_and(|newest| newest.position > position && is_late())
    }

    /// Whether a player that has yet to read `entry` is too far behind `head`.
    fn is_late(entry: &Entry, head: Timestamp) -> bool {
        match entry {
            Entry::Frame { at, .. } => at.lag_behind(head) > limits::LAG_TIME,
            Entry::End => false,
        }
    }

    /// Moves a playhead that is too far behind, and says what it loses.
    fn skip(&self, playhead: &mut Playhead) -> Read {
        let from = playhead.cursor.position();
        let goes_on_at = match self.tape.last_end().filter(|&end| end >= from) {
            // Its publication is over. It is told so rather than sent on into another one.
            Some(end) => {
                playhead.awaits_keyframe = true;
                if end < self.tape.start() {
                    playhead.cursor.move_to(Position(end.0 + 1));
                    return Read::Ended;
                }
                playhead.cursor.move_to(end);
                self.timeline.head()
            }
            None => {
                self.place(playhead, Start::NewestSyncPoint);
                self.tape.sync_point().map_or(self.timeline.head(), |newest| newest.timestamp)
            }
        };
        let to = playhead.cursor.position();
        Read::Gap(Gap {
            frames: to.0.saturating_sub(from.0),
            duration: playhead.reached.map(|reached| reached.lag_behind(goes_on_at)).unwrap_or_default(),
        })
    }
}

/// What tests look at and nobody else may.
#[cfg(test)]
impl Stream {
    pub(super) fn tape_bounds(&self) -> (u64, u64) {
        (self.tape.start().0, self.tape.end().0)
    }
}

#[cfg(test)]
impl Publication {
    pub(super) fn duplicate(&self) -> Self {
        Self(self.0)
    }
}
