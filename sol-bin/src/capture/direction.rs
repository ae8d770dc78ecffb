//! Direction: what one side of a connection sends, put in order (RFC 9293, 3.4 and 3.10.7.4).
//!
//! A byte has a position; sequence numbers are those positions modulo 2³², which says which position is meant as long as
//! it is near. What is due is given at once, what is ahead waits. A hole is given up when the peer has acknowledged what
//! is in it, since it then will not come again, when the peer is not heard for long, or when more waits behind it than is
//! held. Where a byte comes twice, the first counts.
//!
//! Invariants: what was given is never given again, nor anything before it. Waiting ranges do not overlap, and are ahead
//! of what was given. They hold no more than `limits::WAITING_BYTES` after each call.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::acknowledged::Acknowledged;
use super::clock::Moment;
use super::event::DirectionTally;
use super::limits;
use super::waiting::{Due, Waiting};

#[derive(Debug)]
pub(super) struct Direction {
    /// Sequence number at `given`.
    next: u32,
    /// Position behind all that was given. Those before the first one are for what may yet come before a first segment
    /// without a SYN.
    given: u64,
    beginning: Beginning,
    waiting: Waiting,
    acknowledged: Acknowledged,
    /// How much time had gone by when the peer acknowledged anything last.
    heard: Duration,
    /// When the peer was first seen to have what is missing next, and up to where it had it then.
    passed_since: Option<(Moment, u64)>,
    /// Where it ends.
    fin: Option<u64>,
    is_end_told: bool,
    recent: VecDeque<u8>,
    astray: Option<Astray>,
    tally: DirectionTally,
}

/// Where the first byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    /// Nothing has come.
    Unknown,
    /// There was no SYN; the lowest of what came within a while will be it.
    Held(Moment),
    Known,
}

/// What a segment carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    /// Sequence number of its first byte.
    pub(super) sequence: u32,
    pub(super) bytes: &'a [u8],
    /// How many bytes behind them were not captured.
    pub(super) missing: usize,
    pub(super) fin: bool,
    /// What it acknowledges is near what the peer sent, as far as that is known.
    pub(super) is_answer: bool,
}

/// The last of some segments that are far off, each near the one before it.
#[derive(Clone, Copy, Debug)]
struct Astray {
    sequence: u32,
    in_a_row: u32,
}

/// What a direction gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Bytes(Bytes),
    Missing(u64),
    /// All has been given.
    End,
}

/// Whether a segment belongs to what is known of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    /// It is too far off, once more than happens by chance.
    Elsewhere,
}

impl Direction {
    pub(super) fn new() -> Direction {
        Direction {
            next: 0,
            given: FIRST_POSITION,
            beginning: Beginning::Unknown,
            waiting: Waiting::default(),
            acknowledged: Acknowledged::default(),
            heard: Duration::ZERO,
            passed_since: None,
            fin: None,
            is_end_told: false,
            recent: VecDeque::new(),
            astray: None,
            tally: DirectionTally::default(),
        }
    }

    /// The SYN tells where it begins. Returns whether that agrees with what came before.
    pub(super) fn handle_syn(&mut self, first: u32) -> bool {
        match self.beginning {
            Beginning::Unknown => {
                self.next = first;
                self.beginning = Beginning::Known;
                true
            }
            Beginning::Held(_) => {
                let first = self.position(first);
                let lowest = self.lowest_waiting().unwrap_or(self.given);
                let agrees = first
                    .is_some_and(|first| first <= lowest && lowest - first <= limits::SETTLING_BYTES as u64);
                if let Some(first) = first.filter(|_| agrees) {
                    self.begin_at(first);
                }
                agrees
            }
            Beginning::Known => self.position(first) == Some(FIRST_POSITION),
        }
    }

    /// Takes what a segment carries.
    pub(super) fn handle_segment(&mut self, part: Part<'_>, now: Moment, to: &mut Vec<Piece>) -> Fit {
        let Part { sequence, bytes, missing, fin, is_answer } = part;
        if bytes.is_empty() && missing == 0 && !fin {
            self.handle_time(now, to);
            return Fit::Fits;
        }
        if self.beginning == Beginning::Unknown {
            self.next = sequence;
            self.beginning = Beginning::Held(now);
        }
        let start = match self.position(sequence) {
            Some(position) => position,
            None if !self.is_astray_often(sequence) => {
                self.tally.astray += 1;
                return Fit::Fits;
            }
            // The capture paused, or there was another connection with the same ports meanwhile.
            None => match self.position_ahead(sequence).filter(|_| is_answer) {
                Some(position) => position,
                None => {
                    self.tally.astray += 1;
                    return Fit::Elsewhere;
                }
            },
        };
        self.astray = None;
        let end = start + bytes.len() as u64 + missing as u64;
        if self.fin.is_some_and(|fin| end > fin) {
            // Nothing is behind the end.
            self.tally.astray += 1;
            return Fit::Fits;
        }
        if fin && self.fin.is_none() && end >= self.reached() {
            self.fin = Some(end);
        }
        let is_begun = self.beginning == Beginning::Known;
        if is_begun && bytes.len() == 1 && end == self.given {
            // A keep-alive repeats the last byte, or what it likes (RFC 9293, 3.8.4).
            self.tally.keep_alives += 1;
        } else if is_begun && start == self.given && missing == 0 && self.waiting.is_empty() {
            self.give(Bytes::copy_from_slice(bytes), to);
        } else {
            self.take(start, bytes, missing as u64, now);
        }
        self.handle_time(now, to);
        Fit::Fits
    }

    /// The peer has all before this sequence number.
    pub(super) fn handle_acknowledgement(&mut self, sequence: u32, now: Moment, to: &mut Vec<Piece>) {
        let position = self.position(sequence).or_else(|| self.position_ahead(sequence));
        if let Some(position) = position.filter(|_| self.is_begun()) {
            self.acknowledged.note(position, self.reached());
            self.heard = now.elapsed;
        }
        self.handle_time(now, to);
    }

    /// Some time has gone by, and other segments of the connection.
    pub(super) fn handle_time(&mut self, now: Moment, to: &mut Vec<Piece>) {
        self.settle(now);
        self.drain(to);
        while let Some(passed) = self.passed() {
            // What has been acknowledged since may yet come.
            let before = self.passed_since.filter(|(_, position)| *position <= passed);
            let (since, position) = *self.passed_since.insert(before.unwrap_or((now, passed)));
            if !since.is_long_ago(now) {
                return;
            }
            self.give_up_to(position, to);
        }
        self.passed_since = None;
        while let Some(since) = self.waiting_since().filter(|_| self.beginning == Beginning::Known)
            && now.elapsed.saturating_sub(since.elapsed.max(self.heard)) >= limits::UNHEARD_TIME
        {
            self.give_up_to(u64::MAX, to);
        }
    }

    /// Nothing more comes: gives all that waits.
    pub(super) fn handle_end(&mut self, to: &mut Vec<Piece>) {
        self.begin();
        self.drain(to);
        while !self.waiting.is_empty() {
            self.give_up_to(u64::MAX, to);
        }
        if let Some(known) = self.fin.or(self.passed()) {
            self.give_up_to(known, to);
        }
        self.recent = VecDeque::new();
    }

    /// Waits no longer for what is in the first hole, nor for an earlier beginning.
    pub(super) fn give_up_waiting(&mut self, to: &mut Vec<Piece>) {
        if self.beginning == Beginning::Known {
            self.give_up_to(u64::MAX, to);
        } else {
            self.begin();
            self.drain(to);
        }
    }

    /// What it holds for those bytes that wait.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting.held_bytes()
    }

    /// Since when bytes wait for what is before them.
    pub(super) fn waiting_since(&self) -> Option<Moment> {
        self.waiting.first().map(|(_, since)| since)
    }

    /// Whether its end was given.
    pub(super) fn is_finished(&self) -> bool {
        self.fin.is_some_and(|fin| self.given >= fin) && self.beginning == Beginning::Known
    }

    /// What an acknowledgement of its end says.
    pub(super) fn sequence_behind_end(&self) -> Option<u32> {
        self.fin.map(|fin| self.next.wrapping_add(fin.wrapping_sub(self.given) as u32).wrapping_add(1))
    }

    /// Whether anything of it has come, so that its numbers are known.
    pub(super) fn is_begun(&self) -> bool {
        self.beginning != Beginning::Unknown
    }

    /// Whether these bytes go beyond all that is known: more than something that comes late.
    pub(super) fn is_news(&self, sequence: u32, length: usize) -> bool {
        let end = self.position(sequence).map(|start| start + length as u64);
        end.is_none_or(|end| self.beginning == Beginning::Unknown || end > self.given)
    }

    /// Whether it is nowhere near what was given or has come.
    pub(super) fn is_far_off(&self, sequence: u32) -> bool {
        self.position(sequence).is_none()
    }

    /// One more segment that is not for it.
    pub(super) fn count_astray(&mut self) {
        self.tally.astray += 1;
    }

    pub(super) fn tally(&self) -> DirectionTally {
        self.tally
    }

    /// Where a sequence number is; nothing if it is farther than that behind what was given, or ahead of what came.
    fn position(&self, sequence: u32) -> Option<u64> {
        let near = limits::WAITING_BYTES as u64;
        self.position_ahead(sequence).filter(|&position| position <= self.reached() + near).or_else(|| {
            let behind = u64::from(self.next.wrapping_sub(sequence));
            (behind <= near).then(|| self.given.saturating_sub(behind))
        })
    }

    /// Where a sequence number is that may be far ahead.
    fn position_ahead(&self, sequence: u32) -> Option<u64> {
        let distance = sequence.wrapping_sub(self.next);
        (distance <= limits::WINDOW_BYTES).then(|| self.given + u64::from(distance))
    }

    /// Whether so many have come in a row from around this number that they are not there by chance. One that comes
    /// again and again is sent by somebody who gets no answer.
    fn is_astray_often(&mut self, sequence: u32) -> bool {
        let before = self.astray.filter(|before| {
            let distance = sequence.wrapping_sub(before.sequence).cast_signed().unsigned_abs();
            distance as usize <= limits::WAITING_BYTES
        });
        let in_a_row = before.map_or(1, |before| before.in_a_row + u32::from(before.sequence != sequence));
        self.astray = Some(Astray { sequence, in_a_row });
        in_a_row >= limits::ASTRAY_SEGMENTS
    }

    /// Keeps the bytes that are ahead of what was given and have not come yet.
    fn take(&mut self, start: u64, bytes: &[u8], missing: u64, now: Moment) {
        let floor = if self.beginning == Beginning::Known { self.given } else { 0 };
        let before = usize::try_from(floor.saturating_sub(start)).unwrap_or(usize::MAX).min(bytes.len());
        let (again, ahead) = bytes.split_at(before);
        if !again.is_empty() {
            self.compare_with_recent(start, again);
        }
        let again = self.waiting.keep(start + before as u64, ahead, now);
        self.tally.repeated += again.count;
        self.tally.contradictions += u64::from(again.contradicts);
        let behind = start + bytes.len() as u64;
        self.waiting.keep_absent(behind.max(floor), behind + missing, now);
    }

    /// Takes the lowest that has come for the beginning, once nothing before it is to be expected.
    fn settle(&mut self, now: Moment) {
        if let Beginning::Held(since) = self.beginning
            && (since.is_long_ago(now) || self.waiting.held_bytes() > limits::SETTLING_BYTES)
        {
            self.begin();
        }
    }

    fn begin(&mut self) {
        if let Beginning::Held(_) = self.beginning {
            self.begin_at(self.lowest_waiting().unwrap_or(self.given));
            // A single byte may be the one that a keep-alive repeats, or no byte of the stream at all. What was before
            // it is not known either.
            if self.waiting.length_at(self.given) == 1 {
                self.waiting.take_at(self.given);
                self.go_on(1);
                self.tally.keep_alives += 1;
            }
        }
    }

    /// The first byte is there. All that waits is behind it.
    fn begin_at(&mut self, first: u64) {
        self.next = self.next.wrapping_add((first.wrapping_sub(self.given)) as u32);
        // From here on, positions count from the first byte.
        let shifted = |position: u64| position.saturating_sub(first) + FIRST_POSITION;
        self.waiting.shift(shifted);
        self.fin = self.fin.map(shifted);
        self.acknowledged.shift(shifted);
        self.given = FIRST_POSITION;
        self.beginning = Beginning::Known;
    }

    /// Position behind all that has come.
    fn reached(&self) -> u64 {
        self.given.max(self.waiting.end().unwrap_or(0))
    }

    fn lowest_waiting(&self) -> Option<u64> {
        self.waiting.first().map(|(position, _)| position).or(self.fin)
    }

    /// Gives what is due.
    fn drain(&mut self, to: &mut Vec<Piece>) {
        if self.beginning != Beginning::Known {
            return;
        }
        loop {
            while let Some(due) = self.waiting.take_at(self.given) {
                match due {
                    Due::Bytes(bytes) => self.give(bytes, to),
                    Due::Absent(count) => self.give_missing(count, to),
                }
            }
            if self.waiting.held_bytes() <= limits::WAITING_BYTES {
                break;
            }
            let hole_end = self.lowest_waiting().expect("bytes wait");
            self.give_missing(hole_end - self.given, to);
        }
        if self.is_finished() && !self.is_end_told {
            self.is_end_told = true;
            to.push(Piece::End);
        }
    }

    /// Up to where the peer has acknowledged what was not given. A last number that was acknowledged alone may be that of a
    /// FIN which was not captured, and is no byte.
    fn passed(&self) -> Option<u64> {
        let passed = self.acknowledged.position().min(self.fin.unwrap_or(u64::MAX));
        let may_be_fin = self.fin.is_none() && self.waiting.is_empty() && passed == self.given + 1;
        (self.beginning == Beginning::Known && passed > self.given && !may_be_fin).then_some(passed)
    }

    /// Waits no longer for what is missing before this position, in the first hole.
    fn give_up_to(&mut self, position: u64, to: &mut Vec<Piece>) {
        let hole_end = self.lowest_waiting().unwrap_or(position).min(position);
        self.give_missing(hole_end.saturating_sub(self.given), to);
        self.drain(to);
    }

    fn give(&mut self, bytes: Bytes, to: &mut Vec<Piece>) {
        if !bytes.is_empty() {
            self.go_on(bytes.len() as u64);
            self.tally.bytes += bytes.len() as u64;
            let kept = &bytes[bytes.len().saturating_sub(limits::RECENT_BYTES)..];
            let too_many = (self.recent.len() + kept.len()).saturating_sub(limits::RECENT_BYTES);
            self.recent.drain(..too_many);
            self.recent.extend(kept);
            to.push(Piece::Bytes(bytes));
        }
    }

    fn give_missing(&mut self, count: u64, to: &mut Vec<Piece>) {
        if count > 0 {
            self.go_on(count);
            self.tally.missing += count;
            self.recent.clear();
            to.push(Piece::Missing(count));
        }
    }

    fn go_on(&mut self, count: u64) {
        self.given += count;
        self.passed_since = None;
        self.next = self.next.wrapping_add(count as u32);
        debug_assert!(self.waiting.is_ahead_of(self.given), "bytes that wait are ahead of what was given");
    }

    /// Bytes that came before; as far as they are still known, they are to be the same.
    fn compare_with_recent(&mut self, start: u64, again: &[u8]) {
        self.tally.repeated += again.len() as u64;
        let known_from = self.given - self.recent.len() as u64;
        let from = known_from.max(start);
        let ours = again.get(usize::try_from(from - start).unwrap_or(usize::MAX)..).unwrap_or_default();
        let theirs = self.recent.iter().skip((from - known_from) as usize);
        let contradicts = ours.iter().zip(theirs).any(|(ours, theirs)| ours != theirs);
        self.tally.contradictions += u64::from(contradicts);
    }
}

/// That of the first byte of a direction. There is room before it for what comes before a first segment.
const FIRST_POSITION: u64 = 1 << 32;
