//! Playhead: a player's position on a tape.
//!
//! Falling behind is a number here and not memory, and begins where a player has no room: what comes in a burst, because its
//! publisher was cut off for a while, makes nobody late. A stream knows the positions of its playheads, so that the tape
//! keeps what a slow one still needs; dropping a playhead is all it takes to leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::frame::Frame;
use crate::media::FrameKind;
use crate::timestamp::Timestamp;

use super::preamble::Preamble;
use super::tape::{Ending, Position};

/// Where a player is to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the newest sync point, so that there is a picture at once.
    #[default]
    NewestSyncPoint,
    /// At whatever comes next: audio at once, video from its next keyframe on.
    LiveEdge,
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
    /// Where the player stopped, while it pauses. The cursor then keeps nothing on the tape.
    pub(super) paused_at: Option<Position>,
}

impl Playhead {
    pub(super) fn new(cursor: Cursor) -> Self {
        Self {
            cursor,
            preamble: None,
            awaits_keyframe: true,
            reached: None,
            gaps_in_a_row: 0,
            wanted: Wanted::ALL,
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

/// A position that its stream can see. One playhead writes it, under the stream's shared lock where there is one.
#[derive(Debug)]
pub(super) struct Cursor(Arc<Place>);

#[derive(Debug)]
struct Place {
    position: AtomicU64,
    /// Whatever has yet to be read there has only just come.
    keeps_up: AtomicBool,
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
        if self.known.len() >= self.sweep_at {
            self.sweep();
        }
        let place = Place { position: AtomicU64::new(position.0), keeps_up: AtomicBool::new(false) };
        let shared = Arc::new(place);
        self.known.push(Arc::clone(&shared));
        Cursor(shared)
    }

    /// The earliest position of those playheads that still live and keep up, or else count.
    pub(super) fn slowest(&mut self, counts: impl Fn(Position) -> bool) -> Option<Position> {
        self.sweep();
        let those = self.known.iter().filter(|place| place.keeps_up() || counts(place.position()));
        those.map(|place| place.position()).min()
    }

    /// Where the playheads are that still live and are not pausing.
    pub(super) fn positions(&self) -> impl Iterator<Item = Position> {
        self.alive().map(|place| place.position()).filter(|&at| at != Cursor::NOWHERE)
    }

    /// Whether there are no playheads. Some may be counted that have just gone.
    pub(super) fn are_none(&self) -> bool {
        self.known.is_empty()
    }

    /// Playheads that still live.
    pub(super) fn len(&self) -> usize {
        self.alive().count()
    }

    fn alive(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.known.iter().filter(|place| is_alive(place))
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
        assert_eq!(cursors.slowest(|_| true), Some(Position(3)));
        assert_eq!(cursors.slowest(|position| position > Position(3)), Some(Position(9)));
        slow.move_to(Position(5));
        assert_eq!(cursors.slowest(|_| true), Some(Position(5)));
        drop(slow);
        assert_eq!((cursors.slowest(|_| true), cursors.len()), (Some(Position(9)), 1));
        drop(fast);
        assert_eq!(cursors.slowest(|_| true), None);
    }

    #[test]
    fn a_flood_of_joins_and_leaves_grows_nothing() {
        let mut cursors = Cursors::default();
        let stays = cursors.add(Position(0));
        for _ in 0..10_000 {
            drop(cursors.add(Position(1)));
        }
        assert!(cursors.known.len() <= Cursors::SWEEP_AT_LEAST);
        assert_eq!(cursors.slowest(|_| true), Some(stays.position()));
    }
}
