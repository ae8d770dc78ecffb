//! Playhead: a player's position on a tape.
//!
//! Falling behind is a number here and not memory, and begins where a player has no room: what comes in a burst, because its
//! publisher was cut off for a while, makes nobody late. A stream knows the positions of its playheads, so that the tape
//! keeps what a slow one still needs; dropping a playhead is all it takes to leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::frame::Frame;
use crate::media::{CodecSet, Form, FrameKind};
use crate::timestamp::Timestamp;

use super::preamble::Preamble;
use super::report::Lag;
use super::tape::{Ending, Position};

/// Where a player begins, when it joins and when it goes on after a pause. After a gap it is always the newest sync point.
///
/// Where the tape has no sync point, because a group is longer than the tape, all of them begin at the live edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// At the newest sync point: a picture at once in players that show the first frame they get, behind the present by as
    /// much as the sync point is old.
    #[default]
    Keyframe,
    /// At the newest sync point that is at least [`limits::INSTANT_JOIN_TIME`](crate::limits::INSTANT_JOIN_TIME) old by the
    /// stream's time, or else at the oldest that the tape has: a picture at once also in FFmpeg and mpv, which gather media
    /// before they show any. The tape is kept so long, within its bounds. Such a player stays behind the present by so much;
    /// it may be behind by `lag_max` more before it is late.
    Instant,
    /// At the live edge: audio at once, video from its next keyframe on. As near to the present as can be, and no picture
    /// for as long as a group lasts.
    Live,
}

/// What one look at the tape gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The next frame to send.
    Frame(Frame),
    /// Frames were lost to lag; what comes next is a preamble, the live edge, or the end.
    Gap(Gap),
    /// There is nothing more at present.
    CaughtUp,
    /// There is nothing more to come; what was not read before was reported as a gap.
    Ended(Ending),
    /// The player would lose too much at once, or has lost something too often: it is to be given up.
    TooSlow(Gap),
}

/// Frames that a player was too slow for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub frames: u64,
    /// How much of the stream's time.
    pub duration: Duration,
}

impl Gap {
    /// Another one is lost as well.
    pub fn add(&mut self, other: Gap) {
        self.frames += other.frames;
        self.duration += other.duration;
    }
}

/// Which tracks a player wants (`receiveAudio`, `receiveVideo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Audio.
    pub audio: bool,
    /// Video.
    pub video: bool,
}

impl Wanted {
    /// What every player wants at first.
    pub const ALL: Wanted = Wanted { audio: true, video: true };

    pub(super) fn includes(self, kind: FrameKind) -> bool {
        if kind.is_video() {
            self.video
        } else if kind.is_audio() {
            self.audio
        } else {
            true
        }
    }
}

/// A player's position on the tape of one stream. Made by [`Stream::subscribe`](super::Stream::subscribe).
#[derive(Debug)]
pub struct Playhead {
    pub(super) cursor: Cursor,
    /// What is left of a preamble that comes before the frame at the position.
    pub(super) preamble: Option<(Preamble, usize)>,
    /// Video is held back until a keyframe.
    pub(super) awaits_keyframe: bool,
    /// The time of the last coded frame that was read.
    pub(super) reached: Option<Timestamp>,
    /// Gaps since the player last caught up.
    pub(super) gaps_in_a_row: u32,
    pub(super) wanted: Wanted,
    /// Where it begins.
    pub(super) join: Join,
    /// In which form it has the stream.
    pub(super) form: Form,
    /// Codecs that it cannot do anything with.
    pub(super) without: CodecSet,
    /// Where the player stopped, while it pauses. The cursor then keeps nothing on the tape.
    pub(super) paused_at: Option<Position>,
}

impl Playhead {
    pub(super) fn new(cursor: Cursor, join: Join) -> Self {
        Self {
            cursor,
            join,
            preamble: None,
            awaits_keyframe: true,
            reached: None,
            gaps_in_a_row: 0,
            wanted: Wanted::ALL,
            form: Form::Full,
            without: CodecSet::NONE,
            paused_at: None,
        }
    }

    /// Whether the player pauses.
    pub fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }

    /// The player has read all that there was, is told when there is more, and reads it then: however much comes at once, it
    /// is not late. Holds until it falls behind.
    pub fn keep_up(&mut self) {
        self.cursor.0.keeps_up.store(true, Ordering::Relaxed);
    }

    /// The player has no room for what may have come: from here on it can be late.
    pub fn fall_behind(&mut self) {
        self.cursor.0.keeps_up.store(false, Ordering::Relaxed);
    }

    /// In which form it has the stream.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Which tracks it wants.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// The next frame of the preamble that is under way.
    pub(super) fn next_of_preamble(&mut self) -> Option<Frame> {
        let (preamble, next) = self.preamble.as_mut()?;
        while let Some(frame) = preamble.get(*next) {
            *next += 1;
            if self.wanted.includes(frame.kind()) {
                return Some(frame.clone());
            }
        }
        self.preamble = None;
        None
    }
}

/// Who reads at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Player,
    /// Reads for another place, where there may be players.
    Relay,
    /// Reads for a form of the stream, which knows its players itself.
    Form,
}

/// A position that its stream can see. One playhead writes it, under the stream's shared lock where there is one.
#[derive(Debug)]
pub(super) struct Cursor(Arc<Place>);

#[derive(Debug)]
struct Place {
    position: AtomicU64,
    /// Whatever has yet to be read there has only just come.
    keeps_up: AtomicBool,
    /// The lag with which it was put behind the newest sync point, in milliseconds and in bytes.
    began_behind: [AtomicU64; 2],
    reader: Reader,
}

impl Cursor {
    /// Where a cursor is that keeps nothing on the tape.
    const NOWHERE: Position = Position(u64::MAX);

    pub(super) fn position(&self) -> Position {
        self.0.position()
    }

    pub(super) fn keeps_up(&self) -> bool {
        self.0.keeps_up()
    }

    /// See [`Cursor::begin_behind`].
    pub(super) fn began_behind(&self) -> Lag {
        self.0.began_behind()
    }

    /// It was put where it has this lag, which does not count until it has caught up.
    pub(super) fn begin_behind(&self, lag: Lag) {
        let [millis, bytes] = &self.0.began_behind;
        millis.store(u64::try_from(lag.time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        bytes.store(lag.bytes, Ordering::Relaxed);
    }

    /// Keeps nothing on the tape until it is moved again.
    pub(super) fn let_go(&self) {
        self.move_to(Self::NOWHERE);
    }

    pub(super) fn move_to(&self, position: Position) {
        self.0.position.store(position.0, Ordering::Relaxed);
    }
}

impl Place {
    fn position(&self) -> Position {
        Position(self.position.load(Ordering::Relaxed))
    }

    fn keeps_up(&self) -> bool {
        self.keeps_up.load(Ordering::Relaxed)
    }

    fn began_behind(&self) -> Lag {
        let [millis, bytes] = &self.began_behind;
        Lag {
            time: Duration::from_millis(millis.load(Ordering::Relaxed)),
            bytes: bytes.load(Ordering::Relaxed),
        }
    }
}

/// The cursors of a stream's playheads.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    known: Vec<Arc<Place>>,
    /// Look for those that are gone when there are so many.
    sweep_at: usize,
}

impl Cursors {
    const SWEEP_AT_LEAST: usize = 16;

    pub(super) fn add(&mut self, position: Position) -> Cursor {
        self.add_place(position, Reader::Player)
    }

    /// The same for whoever reads for another place, and is no player.
    pub(super) fn add_relay(&mut self, position: Position) -> Cursor {
        self.add_place(position, Reader::Relay)
    }

    /// The same for a form of the stream.
    pub(super) fn add_form(&mut self, position: Position) -> Cursor {
        self.add_place(position, Reader::Form)
    }

    fn add_place(&mut self, position: Position, reader: Reader) -> Cursor {
        if self.known.len() >= self.sweep_at {
            self.sweep();
        }
        let place = Place {
            position: AtomicU64::new(position.0),
            keeps_up: AtomicBool::new(false),
            began_behind: Default::default(),
            reader,
        };
        let shared = Arc::new(place);
        self.known.push(Arc::clone(&shared));
        Cursor(shared)
    }

    /// The earliest position of those playheads that still live and keep up, or else count, with the lag that they began
    /// with.
    pub(super) fn slowest(&mut self, counts: impl Fn(Position, Lag) -> bool) -> Option<Position> {
        self.sweep();
        let counts = |place: &Place| place.keeps_up() || counts(place.position(), place.began_behind());
        let those = self.known.iter().filter(|place| counts(place));
        those.map(|place| place.position()).min()
    }

    /// Where the playheads are that still live and are not pausing.
    pub(super) fn positions(&self) -> impl Iterator<Item = Position> {
        self.players().map(|place| place.position()).filter(|&at| at != Cursor::NOWHERE)
    }

    /// Whether there are no playheads. Some may be counted that have just gone.
    pub(super) fn are_none(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether any playhead lives, be it a player's or for another place.
    pub(super) fn are_any(&self) -> bool {
        self.known.iter().any(|place| place.reader != Reader::Form && is_alive(place))
    }

    /// Whether so many playheads live. Looks at no more than it takes to know.
    pub(super) fn are_at_least(&self, count: usize) -> bool {
        self.players().take(count).count() == count
    }

    /// Players that still live.
    pub(super) fn len(&self) -> usize {
        self.players().count()
    }

    fn players(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.known.iter().filter(|place| place.reader == Reader::Player && is_alive(place))
    }

    fn sweep(&mut self) {
        self.known.retain(is_alive);
        self.sweep_at = (self.known.len() * 2).max(Self::SWEEP_AT_LEAST);
    }
}

/// Whether a playhead still has it.
fn is_alive(place: &Arc<Place>) -> bool {
    Arc::strong_count(place) > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_of_dropped_playheads_are_forgotten() {
        let mut cursors = Cursors::default();
        let slow = cursors.add(Position(3));
        let fast = cursors.add(Position(9));
        assert_eq!(cursors.slowest(|_, _| true), Some(Position(3)));
        assert_eq!(cursors.slowest(|position, _| position > Position(3)), Some(Position(9)));
        slow.move_to(Position(5));
        assert_eq!(cursors.slowest(|_, _| true), Some(Position(5)));
        drop(slow);
        assert_eq!((cursors.slowest(|_, _| true), cursors.len()), (Some(Position(9)), 1));
        drop(fast);
        assert_eq!(cursors.slowest(|_, _| true), None);
    }

    #[test]
    fn a_flood_of_joins_and_leaves_grows_nothing() {
        let mut cursors = Cursors::default();
        let stays = cursors.add(Position(0));
        for _ in 0..10_000 {
            drop(cursors.add(Position(1)));
        }
        assert!(cursors.known.len() <= Cursors::SWEEP_AT_LEAST);
        assert_eq!(cursors.slowest(|_, _| true), Some(stays.position()));
    }
}
