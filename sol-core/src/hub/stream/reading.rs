//! Reading: what a player gets of a stream from where it is, and where it goes on when it cannot from there.
//!
//! Needs only a shared borrow, so players of one stream do not wait for each other.

use crate::frame::{Bundle, Frame};
use crate::hub::config::StreamConfig;
use crate::hub::playhead::{Cursor, Gap, Join, Playhead, Read, Wanted};
use crate::hub::preamble::Preamble;
use crate::hub::report::Lag;
use crate::hub::tape::{Ending, Entry, LastEnd, Position, Tape};
use crate::limits;
use crate::media::{Form, FrameKind, TrackId, Unfit};
use crate::timestamp::Timestamp;

use super::Stream;

impl Stream {
    /// What comes next for a player.
    ///
    /// Call until it is [`Read::CaughtUp`] or there is no room; at most `limits::READ_BATCH` times under one lock.
    pub fn read(&self, playhead: &mut Playhead) -> Read {
        // Nearly everybody has the stream as it is, and takes what comes: what was read is then looked at no more.
        if matches!(playhead.form, Form::Full) && playhead.without.is_empty() {
            return self.read_any(playhead);
        }
        self.read_what_fits(playhead)
    }

    /// The same for who has another form of it, or leaves codecs out.
    #[inline(never)]
    fn read_what_fits(&self, playhead: &mut Playhead) -> Read {
        if let Some(mirror) = self.mirror_of(playhead) {
            return mirror.read_any_but(playhead);
        }
        self.read_any_but(playhead)
    }

    /// What comes next, unless it is of a codec that the player leaves out.
    fn read_any_but(&self, playhead: &mut Playhead) -> Read {
        let read = self.read_any(playhead);
        if let Read::Frame(frame) = &read
            && !playhead.without.is_empty()
            && let Some(codec) = frame.main_codec_of(playhead.without)
        {
            return Read::Ended(Ending::Unfit(Unfit::ForPlayer(codec)));
        }
        read
    }

    /// What comes next on this stream's own tape, whatever its codec.
    #[inline]
    fn read_any(&self, playhead: &mut Playhead) -> Read {
        if let Some(paused_at) = playhead.paused_at {
            return match self.tape.last_end() {
                Some(end) if end.position >= paused_at => {
                    playhead.paused_at = Some(Position(end.position.0 + 1));
                    Read::Ended(end.ending)
                }
                _ => Read::CaughtUp,
            };
        }
        loop {
            if let Some(frame) = playhead.next_of_preamble() {
                return Read::Frame(frame);
            }
            let position = playhead.cursor.position();
            if self.must_skip(&playhead.cursor) {
                return self.skip(playhead);
            }
            let Some(entry) = self.tape.get(position) else {
                playhead.gaps_in_a_row = 0;
                playhead.cursor.begin_behind(Lag::default());
                return Read::CaughtUp;
            };
            playhead.cursor.move_to(Position(position.0 + 1));
            match entry {
                Entry::Splice { .. } => playhead.awaits_keyframe = true,
                Entry::Resume { lost, preamble, .. } => {
                    if let Some(read) = self.resume_behind(playhead, *lost, preamble) {
                        return read;
                    }
                }
                Entry::End(ending) => {
                    playhead.awaits_keyframe = true;
                    return Read::Ended(*ending);
                }
                Entry::Frame { frame, .. } => {
                    if self.is_for(playhead, frame) {
                        return Read::Frame(frame.clone());
                    }
                }
            }
        }
    }

    /// A player has come to where a mirror begins, or goes on behind what was lost on the way to it.
    // Apart, since it is rare and a frame is not.
    #[cold]
    fn resume_behind(&self, playhead: &mut Playhead, lost: Gap, preamble: &Preamble) -> Option<Read> {
        playhead.awaits_keyframe = true;
        playhead.preamble = Some((preamble.clone(), 0));
        self.forgive(playhead);
        let is_over = matches!(self.tape.get(playhead.cursor.position()), Some(Entry::End(_)));
        if lost.duration > self.config.gap_max && !is_over {
            return Some(Read::TooSlow(lost));
        }
        (lost.frames > 0).then_some(Read::Gap(lost))
    }

    /// Whether [`Stream::read_bundle`] has anything for anybody.
    #[inline]
    pub fn has_bundles(&self) -> bool {
        !self.bundles.are_none() || self.forms.have_bundles()
    }

    /// What comes next for a player in one piece of at most `room` bytes, where there is such a thing and the player leaves
    /// nothing out. [`Stream::read`] gives the same frame by frame.
    pub fn read_bundle(&self, playhead: &mut Playhead, room: usize) -> Option<Bundle> {
        if let Some(mirror) = self.mirror_of(playhead) {
            return mirror.read_bundle(playhead, room);
        }
        let position = playhead.cursor.position();
        let placed = self.bundles.at(position)?;
        let takes_all = playhead.wanted == Wanted::ALL
            && !(playhead.awaits_keyframe && placed.has_picture)
            && playhead.preamble.is_none()
            && playhead.without.is_empty()
            && !playhead.is_paused();
        if !takes_all {
            return None;
        }
        let bundle = placed.rest(position);
        if bundle.wire.len() > room || self.must_skip(&playhead.cursor) {
            return None;
        }
        playhead.cursor.move_to(placed.to);
        playhead.reached = placed.reached.or(playhead.reached);
        Some(bundle)
    }

    /// The player pauses: it does not lag, and reads nothing but the end of the stream.
    pub fn pause(&self, playhead: &mut Playhead) {
        if let Some(mirror) = self.mirror_of(playhead) {
            return mirror.pause(playhead);
        }
        if playhead.paused_at.is_none() {
            playhead.paused_at = Some(playhead.cursor.position());
            playhead.cursor.let_go();
            playhead.preamble = None;
        }
    }

    /// The player goes on where one that joins would begin; or at the end of its stream, where that came meanwhile.
    pub fn resume(&self, playhead: &mut Playhead) {
        if let Some(mirror) = self.mirror_of(playhead) {
            return mirror.resume(playhead);
        }
        let Some(paused_at) = playhead.paused_at.take() else { return };
        playhead.gaps_in_a_row = 0;
        match self.tape.last_end().filter(|end| end.position >= paused_at) {
            Some(end) => playhead.cursor.move_to(end.position),
            None if self.is_published() => self.place(playhead, playhead.join),
            None => playhead.cursor.move_to(self.tape.end()),
        }
    }

    /// The player wants these tracks from here on. What it wants anew comes behind its configuration; video from its next
    /// keyframe on.
    pub fn select(&self, playhead: &mut Playhead, wanted: Wanted) {
        if let Some(mirror) = self.mirror_of(playhead) {
            return mirror.select(playhead, wanted);
        }
        let before = std::mem::replace(&mut playhead.wanted, wanted);
        let wants_more = (wanted.audio && !before.audio) || (wanted.video && !before.video);
        playhead.awaits_keyframe |= wanted.video && !before.video;
        // What is known is of the publication that is under way, or of the one that has ended last. Of one in front of another it
        // is on the tape no more, and whoever had it before has it still.
        let position = playhead.cursor.position();
        let has_end_ahead = self.tape.last_end().is_some_and(|end| end.position >= position);
        let has_splice_ahead = self.tape.last_splice().is_some_and(|splice| splice >= position);
        let is_known = self.is_published() != has_end_ahead && !has_splice_ahead;
        if wants_more && playhead.paused_at.is_none() && is_known {
            playhead.preamble = Some((self.configurations.at(self.timeline.head()).frames(), 0));
        }
    }

    /// How far a player is behind; not at all while it pauses.
    pub fn lag(&self, playhead: &Playhead) -> Lag {
        if let Some(mirror) = self.mirror_of(playhead) {
            return mirror.lag(playhead);
        }
        match playhead.paused_at {
            Some(_) => Lag::default(),
            None => self.lag_at(playhead.cursor.position()),
        }
    }

    /// The stream that has the tape of a player's form, where that is another one: it has no forms of its own.
    #[inline(always)]
    fn mirror_of(&self, playhead: &Playhead) -> Option<&Stream> {
        match playhead.form {
            Form::Full => None,
            form => self.forms.get(form),
        }
    }

    /// Whether a player gets a frame that it has come to.
    fn is_for(&self, playhead: &mut Playhead, frame: &Frame) -> bool {
        let kind = frame.kind();
        if kind == FrameKind::Keyframe(TrackId::DEFAULT) && playhead.wanted.video {
            playhead.awaits_keyframe = false;
        }
        if kind.is_picture() && playhead.awaits_keyframe {
            if !self.has_no_keyframes() {
                return false;
            }
            // Whoever sees such a stream sees it to its end, whatever begins behind that.
            playhead.awaits_keyframe = false;
        }
        if kind.is_coded() {
            playhead.reached = Some(frame.timestamp());
        }
        playhead.wanted.includes(kind)
    }

    /// Whether the encoder seems to send no more keyframes at all.
    pub(super) fn has_no_keyframes(&self) -> bool {
        self.last_keyframe.is_some_and(|last| last.lag_behind(self.timeline.head()) > limits::KEYFRAME_TIME)
    }

    /// How far behind somebody is who has yet to read what is at `position`; the whole tape at most.
    pub(super) fn lag_at(&self, position: Position) -> Lag {
        match self.tape.get(position.max(self.tape.start())) {
            Some(entry) => lag_of(&self.tape, entry, self.timeline.head()),
            None => Lag::default(),
        }
    }

    /// Puts a playhead where it may begin.
    pub(in crate::hub) fn place(&self, playhead: &mut Playhead, join: Join) {
        let newest = self.tape.newest_sync_point();
        let sync_point = match join {
            Join::Keyframe => newest,
            Join::Instant => self.tape.sync_point_for_instant(self.timeline.head()),
            Join::Live => None,
        };
        let (position, preamble) = match sync_point {
            Some(point) => (point.position, point.preamble()),
            None => (self.tape.end(), self.configurations.at(self.timeline.head()).frames()),
        };
        playhead.cursor.move_to(position);
        self.forgive(playhead);
        playhead.preamble = Some((preamble, 0));
        // At a sync point with video this is a keyframe; whatever video follows elsewhere waits for one.
        playhead.awaits_keyframe = true;
    }

    /// A playhead was put where it is: it would be sent on to the newest sync point at once where that counted as lag.
    fn forgive(&self, playhead: &Playhead) {
        let position = playhead.cursor.position();
        let is_behind = self.tape.newest_sync_point().is_some_and(|newest| newest.position > position);
        playhead.cursor.begin_behind(if is_behind { self.lag_at(position) } else { Lag::default() });
    }

    /// Whether a player cannot go on where it is, or is too late there and could be better off.
    // Asked with every frame and player: the call would cost more than the question.
    #[inline(always)]
    pub(in crate::hub) fn must_skip(&self, cursor: &Cursor) -> bool {
        let position = cursor.position();
        let is_late = || {
            let entry = self.tape.get(position).filter(|_| !cursor.keeps_up());
            entry.is_some_and(|entry| {
                is_late(&self.tape, entry, self.timeline.head(), &self.config, cursor.began_behind())
            })
        };
        position < self.tape.start()
            || self.tape.newest_sync_point().is_some_and(|newest| newest.position > position && is_late())
    }

    /// Moves a playhead that is too far behind, and says what it loses.
    pub(in crate::hub) fn skip(&self, playhead: &mut Playhead) -> Read {
        let from = playhead.cursor.position();
        if let Some(LastEnd { position: end, ending, at }) =
            self.tape.last_end().filter(|end| end.position >= from)
        {
            // Its publication is over. It is told so rather than sent on into another one, or given up.
            playhead.awaits_keyframe = true;
            if from == end {
                // Off the tape, with all that was in front of it.
                playhead.cursor.move_to(Position(end.0 + 1));
                return Read::Ended(ending);
            }
            playhead.cursor.move_to(end);
            return Read::Gap(self.lost_until(playhead, from, at));
        }
        self.place(playhead, Join::Keyframe);
        let newest = self.tape.newest_sync_point().map(|newest| newest.timestamp);
        let gap = self.lost_until(playhead, from, newest.unwrap_or(self.head()));
        playhead.gaps_in_a_row += 1;
        if gap.duration > self.config.gap_max || playhead.gaps_in_a_row > self.config.patience {
            Read::TooSlow(gap)
        } else {
            Read::Gap(gap)
        }
    }

    /// What a playhead has lost that was moved from `from` to where the stream's time is `goes_on_at`.
    pub(in crate::hub) fn lost_until(
        &self,
        playhead: &Playhead,
        from: Position,
        goes_on_at: Timestamp,
    ) -> Gap {
        Gap {
            frames: self.tape.count_between(from, playhead.cursor.position()),
            duration: playhead.reached.map(|reached| reached.lag_behind(goes_on_at)).unwrap_or_default(),
        }
    }
}

/// Whether a player that has yet to read `entry` is too far behind `head`. The lag that it was given does not count.
pub(super) fn is_late(
    tape: &Tape,
    entry: &Entry,
    head: Timestamp,
    config: &StreamConfig,
    given: Lag,
) -> bool {
    let lag = lag_of(tape, entry, head);
    lag.time.saturating_sub(given.time) > config.lag_max
        || lag.bytes.saturating_sub(given.bytes) > config.lag_bytes_max
}

fn lag_of(tape: &Tape, entry: &Entry, head: Timestamp) -> Lag {
    let time = entry.time().map(|at| at.lag_behind(head)).unwrap_or_default();
    Lag { time, bytes: tape.bytes_from(entry) }
}
