//! Connection: two directions between two ends, from the first segment to the last.
//!
//! A reset counts if its number is near (RFC 9293, 3.10.7), and ends the connection only after a while: what was captured
//! in another order still belongs to it, and it is withdrawn if the connection goes on. What comes after the end is told
//! from another connection with the same ports by its sequence numbers.

use std::net::SocketAddr;
use std::time::Duration;

use super::clock::{Moment, Now};
use super::direction::{Direction, Fit, Part, Piece};
use super::event::{DirectionTally, Ending, Side};
use super::segment::Segment;

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) ends: [SocketAddr; 2],
    pub(super) opener: Option<Side>,
    /// Sequence numbers of the SYNs that were seen.
    syns: [Option<u32>; 2],
    directions: [Direction; 2],
    /// What each side acknowledged with its FIN.
    acknowledged_at_end: [Option<u32>; 2],
    /// Whose FIN was captured first.
    finished_first: Option<Side>,
    segments: u64,
    /// When its last segment was captured.
    pub(super) latest: Duration,
    reset: Option<Reset>,
    /// When the reset was that [`super::Connections`] has it down for.
    pub(super) reset_noted: Option<Duration>,
    /// Since which segment bytes wait that [`super::Connections`] has it down for.
    pub(super) waiting_noted: Option<u64>,
    pub(super) is_told: bool,
    /// It is over, and only known so that what comes late is recognised.
    pub(super) is_closed: bool,
    /// The segment that came last, counted over all connections.
    pub(super) stamp: u64,
}

/// One side tore it down.
#[derive(Clone, Copy, Debug)]
struct Reset {
    by: Side,
    at: Moment,
    /// Its number. A refusal has none of its own.
    sequence: Option<u32>,
    /// Whoever sent it acknowledged more when the connection was closed.
    is_refuted: bool,
}

/// Whether a segment is a connection's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belonging {
    Its,
    /// It is, and comes when all is over.
    Late,
    /// It is one of another connection with the same addresses and ports.
    Another,
}

impl Connection {
    /// A connection that begins with this segment, as far as is known.
    pub(super) fn new(first: &Segment<'_>) -> Connection {
        Connection {
            ends: [first.from, first.to],
            opener: None,
            syns: [None; 2],
            directions: [Direction::new(), Direction::new()],
            acknowledged_at_end: [None; 2],
            finished_first: None,
            segments: 0,
            latest: Duration::ZERO,
            reset: None,
            reset_noted: None,
            waiting_noted: None,
            is_told: false,
            is_closed: false,
            stamp: 0,
        }
    }

    /// Who sent it.
    pub(super) fn side_of(&self, segment: &Segment<'_>) -> Side {
        if segment.from == self.ends[0] { Side::First } else { Side::Second }
    }

    /// Whether it is one of this connection. A SYN that is, is taken.
    pub(super) fn receive_syn(&mut self, segment: &Segment<'_>) -> Belonging {
        let side = self.side_of(segment);
        let direction = &mut self.directions[side.index()];
        if segment.syn {
            match self.syns[side.index()] {
                // Whoever was refused may try again, with the same number too.
                Some(_) if self.is_closed && self.reset.is_some() => return Belonging::Another,
                Some(sequence) if sequence == segment.sequence && self.is_closed => return Belonging::Late,
                Some(sequence) if sequence == segment.sequence => {
                    self.reset = None;
                    return Belonging::Its;
                }
                Some(_) => return Belonging::Another,
                None if self.is_closed => return Belonging::Another,
                None => {}
            }
            if !direction.handle_syn(segment.sequence.wrapping_add(1)) {
                return Belonging::Another;
            }
            self.syns[side.index()] = Some(segment.sequence);
            // A SYN that acknowledges is the answer to one.
            let opener = if segment.acknowledged.is_some() { side.peer() } else { side };
            self.opener = self.opener.or(Some(opener));
            return Belonging::Its;
        }
        if !self.is_closed {
            return Belonging::Its;
        }
        let length = segment.payload.len() + segment.missing;
        if length == 0 {
            self.refute_reset(side, segment);
            return Belonging::Late;
        }
        // Whoever reset it and goes on sending has another one. The peer may not have known of it yet.
        let direction = &self.directions[side.index()];
        let (may_go_on, is_another) = match self.reset {
            Some(reset) => {
                (reset.is_refuted || reset.by == side, direction.is_news(segment.sequence, length))
            }
            None => (true, direction.is_far_off(segment.sequence)),
        };
        if may_go_on && is_another { Belonging::Another } else { Belonging::Late }
    }

    /// Takes what a segment carries and acknowledges, at this moment.
    pub(super) fn handle_segment(
        &mut self,
        segment: &Segment<'_>,
        now: Now,
        mut give: impl FnMut(&Connection, Side, Piece),
    ) -> Fit {
        let moment = self.next_moment(now);
        self.segments += 1;
        let side = self.side_of(segment);
        if segment.rst && !self.is_reset_by(side, segment) {
            self.directions[side.index()].count_astray();
            return Fit::Fits;
        }
        self.note_reset(side, segment, moment);
        let mut pieces = Vec::new();
        let first = segment.sequence.wrapping_add(u32::from(segment.syn));
        if segment.fin && self.is_near(side, first) {
            self.finished_first = self.finished_first.or(Some(side));
            let acknowledged = &mut self.acknowledged_at_end[side.index()];
            *acknowledged = acknowledged.or(segment.acknowledged);
        }
        // The acknowledgement of a segment that is astray is one of another connection.
        if let Some(acknowledged) = segment.acknowledged.filter(|_| self.is_near(side, first)) {
            self.directions[side.peer().index()].handle_acknowledgement(acknowledged, moment, &mut pieces);
            pieces.drain(..).for_each(|piece| give(self, side.peer(), piece));
        }
        let is_answer =
            segment.acknowledged.is_none_or(|acknowledged| self.is_near(side.peer(), acknowledged));
        let part = Part {
            sequence: first,
            bytes: segment.payload,
            missing: segment.missing,
            fin: segment.fin,
            is_answer,
        };
        let fit = self.directions[side.index()].handle_segment(part, moment, &mut pieces);
        pieces.drain(..).for_each(|piece| give(self, side, piece));
        if fit == Fit::Fits {
            self.latest = self.latest.max(now.at);
        }
        fit
    }

    /// Who tore it down, if nothing that was sent before can be captured any more.
    pub(super) fn reset_that_is_due(&self, now: Now) -> Option<Side> {
        let reset = self.reset.filter(|_| !self.is_closed)?;
        reset.at.is_long_ago(self.next_moment(now)).then_some(reset.by)
    }

    /// How much time had gone by when it was torn down, if it was.
    pub(super) fn reset_at(&self) -> Option<Duration> {
        self.reset.map(|reset| reset.at.elapsed)
    }

    /// Waits no longer for what is missing in the direction that has waited longer.
    pub(super) fn give_up_waiting(&mut self, mut give: impl FnMut(&Connection, Side, Piece)) {
        let since = |side: &Side| self.directions[side.index()].waiting_since().map(|since| since.order);
        let waiting = Side::BOTH.into_iter().filter(|side| since(side).is_some()).min_by_key(since);
        let Some(side) = waiting else { return };
        let mut pieces = Vec::new();
        self.directions[side.index()].give_up_waiting(&mut pieces);
        pieces.into_iter().for_each(|piece| give(self, side, piece));
    }

    /// Nothing more comes: gives all that waits.
    pub(super) fn handle_end(&mut self, mut give: impl FnMut(&Connection, Side, Piece)) {
        for side in Side::BOTH {
            let mut pieces = Vec::new();
            self.directions[side.index()].handle_end(&mut pieces);
            pieces.into_iter().for_each(|piece| give(self, side, piece));
        }
    }

    /// A segment came when all was over.
    pub(super) fn count_late(&mut self, segment: &Segment<'_>) {
        let side = self.side_of(segment);
        self.directions[side.index()].count_astray();
    }

    /// Since which segment of the capture bytes wait.
    pub(super) fn waiting_since(&self) -> Option<u64> {
        self.directions.iter().filter_map(Direction::waiting_since).map(|since| since.order).min()
    }

    pub(super) fn waiting_bytes(&self) -> usize {
        self.directions.iter().map(Direction::waiting_bytes).sum()
    }

    /// Whether both sides have sent all.
    pub(super) fn is_finished(&self) -> bool {
        self.directions.iter().all(Direction::is_finished)
    }

    /// Which side finished first, where both have.
    pub(super) fn finished_first(&self) -> Side {
        let [first, second] = Side::BOTH.map(|side| {
            let its_end = self.directions[side.index()].sequence_behind_end();
            its_end.is_some() && self.acknowledged_at_end[side.peer().index()] == its_end
        });
        match (first, second) {
            (true, false) => Side::First,
            (false, true) => Side::Second,
            _ => self.finished_first.unwrap_or(Side::First),
        }
    }

    /// How it ends when nothing more comes of it, or for this reason.
    pub(super) fn ending(&self, or: Ending) -> Ending {
        self.reset.map_or(or, |reset| Ending::Reset { by: reset.by })
    }

    pub(super) fn tallies(&self) -> [DirectionTally; 2] {
        self.directions.each_ref().map(Direction::tally)
    }

    /// The one at which the next segment comes.
    fn next_moment(&self, now: Now) -> Moment {
        Moment { elapsed: now.elapsed, segments: self.segments + 1, order: now.order }
    }

    /// Whether a number may be one of a side, as far as its numbers are known.
    fn is_near(&self, side: Side, sequence: u32) -> bool {
        let direction = &self.directions[side.index()];
        !direction.is_begun() || !direction.is_far_off(sequence)
    }

    /// Whether a reset is one that TCP would heed (RFC 9293, 3.10.7): its number is near, or it refuses a SYN.
    fn is_reset_by(&self, side: Side, segment: &Segment<'_>) -> bool {
        if self.directions[side.index()].is_begun() {
            return self.is_near(side, segment.sequence);
        }
        match segment.acknowledged {
            Some(acknowledged) => self.is_near(side.peer(), acknowledged),
            None => self.opener.is_none(),
        }
    }

    /// A reset counts until whoever sent it goes on behind it. The first of several is the one.
    fn note_reset(&mut self, side: Side, segment: &Segment<'_>, now: Moment) {
        if segment.rst {
            let is_begun = self.directions[side.index()].is_begun();
            let sequence = is_begun.then_some(segment.sequence);
            self.reset.get_or_insert(Reset { by: side, at: now, sequence, is_refuted: false });
        } else if let Some(reset) = self.reset.filter(|reset| reset.by == side) {
            let length = segment.payload.len() + segment.missing;
            let end = segment.sequence.wrapping_add(length as u32);
            let is_behind = |sequence| end.wrapping_sub(sequence).cast_signed() > 0;
            if (segment.syn || length > 0) && reset.sequence.is_none_or(is_behind) {
                self.reset = None;
            }
        }
    }

    /// Whoever acknowledges more than there was when it was over has not torn it down.
    fn refute_reset(&mut self, side: Side, segment: &Segment<'_>) {
        let peer = &self.directions[side.peer().index()];
        if let Some(reset) = self.reset.as_mut().filter(|reset| reset.by == side && !segment.rst)
            && let Some(acknowledged) = segment.acknowledged
        {
            reset.is_refuted |= !peer.is_far_off(acknowledged) && peer.is_news(acknowledged, 0);
        }
    }
}
