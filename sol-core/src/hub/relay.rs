//! Relay: how a stream goes on elsewhere, on another loop or another machine.
//!
//! At its home the tape has one reader for each place that wants it, however many players wait there. What it reads are
//! *passages*: the tape's entries, as they are, and where there is a gap what lies around it. At the other end they are
//! appended as they come to a tape that is the same from there on, a *mirror*: with the same frames in the same memory, the
//! same times, sync points and ends.
//!
//! Invariants: passages come in the order of the tape. After the first one and after a gap a mirror knows what a player
//! needs before whatever follows.

use crate::frame::Frame;
use crate::media::TrackKind;
use crate::time::Instant;
use crate::timestamp::Timestamp;

use super::bid::Bid;
use super::playhead::{Gap, Playhead, Read};
use super::preamble::{Configurations, Preamble};
use super::report::Lag;
use super::stream::{Publication, Replaced, Stream};
use super::tape::{Ending, Entry, LastEnd, Position, SyncPoint};

/// Reads one stream for all who want it in another place. Made by [`Stream::relay`].
#[derive(Debug)]
pub struct Relay {
    playhead: Playhead,
    has_begun: bool,
}

/// What passes from a stream's home to a mirror.
#[derive(Clone, Debug)]
pub enum Passage {
    /// From here on: at first, and behind a gap.
    Resume {
        /// What was lost to the relay's lag; nothing at first.
        lost: Gap,
        /// What a player needs before the next frame.
        preamble: Preamble,
        /// The stream's time.
        at: Timestamp,
        /// When the publication last sent a keyframe, or else its first video.
        last_keyframe: Option<Timestamp>,
    },
    /// The next frame.
    Frame {
        /// The frame, as its home chunked it.
        frame: Frame,
        /// The stream's time when it was appended.
        at: Timestamp,
        /// Players may begin at it, behind these configurations.
        begins: Option<Preamble>,
    },
    /// Another publisher goes on.
    Splice {
        /// The stream's time when it did.
        at: Timestamp,
    },
    /// The publication is over.
    End(Ending),
}

impl Passage {
    /// Bytes of memory that it keeps, about.
    pub fn cost(&self) -> usize {
        /// The passage itself, and its place in a ring.
        const ITSELF: usize = 128;
        match self {
            Passage::Frame { frame, .. } => ITSELF + frame.wire().len(),
            Passage::Resume { preamble, .. } => {
                ITSELF + preamble.iter().map(|frame| frame.wire().len()).sum::<usize>()
            }
            Passage::Splice { .. } | Passage::End(_) => ITSELF,
        }
    }
}

impl Relay {
    /// What it reads next.
    pub(super) fn position(&self) -> Position {
        self.playhead.cursor.position()
    }

    /// There is no room for what may have come: from here on it can be late, and lose something.
    pub fn fall_behind(&mut self) {
        self.playhead.fall_behind();
    }
}

impl Stream {
    /// A reader for another place, which begins where a player would.
    pub fn relay(&mut self) -> Relay {
        let cursor = self.cursors.add_relay(self.tape.end());
        let mut playhead = Playhead::new(cursor, self.config().join);
        self.place(&mut playhead, self.config().join);
        Relay { playhead, has_begun: false }
    }

    /// A reader for a form of the stream that is made here. It begins where a player would, or as far back as one could.
    pub(super) fn relay_for_form(&mut self, from_the_oldest: bool) -> Relay {
        let cursor = self.cursors.add_form(self.tape.end());
        let mut playhead = Playhead::new(cursor, self.config().join);
        if self.is_published() {
            self.place(&mut playhead, self.config().join);
            if let Some(oldest) = self.tape.sync_points().next().filter(|_| from_the_oldest) {
                playhead.cursor.move_to(oldest.position);
                playhead.preamble = Some((oldest.preamble(), 0));
            }
        }
        playhead.keep_up();
        Relay { playhead, has_begun: false }
    }

    /// What passes next; `None` where there is nothing more at present.
    pub fn carry(&self, relay: &mut Relay) -> Option<Passage> {
        let Relay { playhead, has_begun } = relay;
        if !std::mem::replace(has_begun, true) {
            return Some(self.resume_at(playhead, Gap::default()));
        }
        let position = playhead.cursor.position();
        if self.must_skip(&playhead.cursor) {
            return Some(match self.skip(playhead) {
                Read::Gap(gap) | Read::TooSlow(gap) => self.resume_at(playhead, gap),
                Read::Ended(ending) => Passage::End(ending),
                Read::Frame(_) | Read::CaughtUp => unreachable!("whoever skips has lost something"),
            });
        }
        let Some(entry) = self.tape.get(position) else {
            playhead.keep_up();
            playhead.cursor.begin_behind(Lag::default());
            return None;
        };
        playhead.cursor.move_to(Position(position.0 + 1));
        Some(match entry {
            Entry::Frame { frame, at, .. } => {
                playhead.reached = Some(*at);
                let begins = self.tape.sync_point_at(position).map(SyncPoint::configurations);
                Passage::Frame { frame: frame.clone(), at: *at, begins }
            }
            Entry::Resume { lost, preamble, at, .. } => {
                let last_keyframe = self.last_keyframe;
                Passage::Resume { lost: *lost, preamble: preamble.clone(), at: *at, last_keyframe }
            }
            Entry::Splice { at, .. } => Passage::Splice { at: *at },
            Entry::End(ending) => Passage::End(*ending),
        })
    }

    /// The publication is over and nobody waits for room any more: all of what is left is lost but the end.
    pub fn cut_short(&self, relay: &mut Relay) -> Option<[Passage; 2]> {
        let from = relay.playhead.cursor.position();
        let LastEnd { position: end, ending, at } =
            self.tape.last_end().filter(|end| end.position >= from)?;
        relay.playhead.cursor.move_to(end);
        let lost = self.lost_until(&relay.playhead, from, at);
        relay.playhead.cursor.move_to(Position(end.0 + 1));
        Some([
            Passage::Resume { lost, preamble: Preamble::default(), at, last_keyframe: None },
            Passage::End(ending),
        ])
    }

    /// Begins to mirror a stream that has its home elsewhere. `None` while somebody publishes it.
    pub fn mirror(&mut self) -> Option<Publication> {
        if self.publishers.are_any() {
            return None;
        }
        let publication = self.replace(&Bid::default(), Instant::EPOCH);
        self.timeline.restart();
        self.watched = None;
        Some(publication)
    }

    /// Appends what has passed from the stream's home.
    ///
    /// # Errors
    /// [`Replaced`] once the publication is over.
    pub fn append_ready(&mut self, publication: &Publication, passage: Passage) -> Result<(), Replaced> {
        self.is_on_air(publication)?;
        match passage {
            Passage::Resume { lost, preamble, at, last_keyframe } => {
                self.mirror_resume(lost, preamble, at, last_keyframe);
            }
            Passage::Frame { frame, at, begins } => {
                // Mostly those of the group before.
                if let Some(configurations) = &begins
                    && !self.configurations.are(configurations)
                {
                    self.configurations = Configurations::of(configurations);
                }
                self.mirror_frame(frame, at, begins.is_some());
            }
            Passage::Splice { at } => self.mirror_splice(at),
            Passage::End(ending) => self.mirror_end(ending),
        }
        self.feed_forms();
        Ok(())
    }

    pub(super) fn mirror_resume(
        &mut self,
        lost: Gap,
        preamble: Preamble,
        at: Timestamp,
        last_keyframe: Option<Timestamp>,
    ) {
        self.timeline.follow(at);
        self.last_keyframe = last_keyframe;
        self.configurations = Configurations::of(&preamble);
        self.tape.append_resume(lost, preamble, at);
    }

    pub(super) fn mirror_frame(&mut self, frame: Frame, at: Timestamp, begins: bool) {
        self.timeline.follow(at);
        self.put(frame, at, begins);
    }

    pub(super) fn mirror_splice(&mut self, at: Timestamp) {
        self.timeline.follow(at);
        self.tape.append_splice(at);
        self.forget_publication();
    }

    pub(super) fn mirror_end(&mut self, ending: Ending) {
        self.tape.append_end(ending, self.timeline.head());
        self.timeline.restart();
        match ending {
            // The same publication goes on.
            Ending::TimelineFull => self.last_keyframe = None,
            Ending::Unpublished | Ending::Unfit(_) => self.forget_publication(),
        }
    }

    /// The form's track of a kind is another one from here on.
    pub(super) fn change_track(&mut self, kind: TrackKind) {
        self.configurations.forget_track(kind);
        if kind == TrackKind::Video {
            // Its pictures depend on none that came before.
            self.tape.append_splice(self.timeline.head());
            self.last_keyframe = None;
        }
    }

    /// The form has nothing for its players, who are told: also those that have got nothing yet.
    pub(super) fn end_form(&mut self, ending: Ending) {
        self.tape.append_refusal(ending, self.timeline.head());
        self.forget_publication();
    }

    /// From where a relay is on.
    fn resume_at(&self, playhead: &mut Playhead, lost: Gap) -> Passage {
        let preamble = playhead.preamble.take().map(|(preamble, _)| preamble).unwrap_or_default();
        let entry = self.tape.get(playhead.cursor.position());
        let at = entry.and_then(Entry::time).unwrap_or(self.head());
        Passage::Resume { lost, preamble, at, last_keyframe: self.last_keyframe }
    }
}
