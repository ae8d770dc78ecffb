//! Direction: what one party sends, from its first byte that was seen to its last.
//!
//! It is in one of five stages, and each turn takes bytes, waits for more, or changes the stage:
//!
//! ```text
//! opening ──▶ second packet ──▶ following ◀──▶ searching
//!    │                                             ▲
//!    ├─────────────────────────────────────────────┘
//!    └──▶ foreign
//! ```
//!
//! Invariants: a turn decides by the bytes in front of it alone, and where it would need more it waits for a number of them;
//! so the cut changes nothing. What waits is shorter than [`limits::OBSERVER_AHEAD_BYTES`].

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};

use super::following::Following;
use super::ground::{Beyond, Ground, NeedsMore};
use super::observation::{Foreign, Observation, Observed};
use super::opening;
use super::searching::Searching;
use super::sizing::Credit;
use crate::handshake::{First, HandshakeError, PACKET_BYTES, Packet, Party, Second, judge_version};
use crate::ids::ChunkSize;
use crate::limits;
use crate::quirk::{QuirkCounts, Tolerance};

/// What one party sends.
#[derive(Debug)]
pub(super) struct Direction {
    stage: Stage,
    /// What no turn has taken yet.
    waiting: BytesMut,
    /// So many must wait before the next turn.
    wanted: usize,
    /// C1 or S1: what it is, that it never came, or that this is not known yet.
    first: Option<Option<First>>,
    /// C2 or S2, until it is judged, and where it ends.
    second: Option<(u64, Box<Packet>)>,
    /// The very first byte, if this may be one that no RTMP begins with.
    stranger: Option<u8>,
    ended: bool,
    scene: Scene,
}

/// What every stage works with.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) party: Party,
    /// Bytes that were taken, and those that are known to be missing.
    position: u64,
    pub(super) tolerance: Tolerance,
    pub(super) credit: Credit,
    /// The observer's, for as long as a call lasts.
    seen: VecDeque<Observation>,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// What this is is not known yet.
    Opening,
    /// C2 or S2 comes.
    Second,
    /// Chunks come.
    Following(Box<Following>),
    /// Chunks may come, but where they begin is not known.
    Searching(Searching),
    /// What comes is no RTMP.
    Foreign,
}

/// What a stage did: it took some bytes, or none.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) took: usize,
    pub(super) then: Then,
}

#[derive(Debug)]
pub(super) enum Then {
    GoOn,
    /// For so many bytes, counted from behind those that were taken.
    Wait(usize),
    Become(Stage),
}

impl Direction {
    pub(super) fn new(party: Party) -> Self {
        Self {
            stage: Stage::Opening,
            waiting: BytesMut::new(),
            wanted: 0,
            first: None,
            second: None,
            stranger: None,
            ended: false,
            scene: Scene {
                party,
                position: 0,
                tolerance: Tolerance::new(false),
                credit: Credit::INITIAL,
                seen: VecDeque::new(),
            },
        }
    }

    #[cfg(test)]
    pub(super) fn start_with_looks(&mut self, looks: usize) {
        self.scene.credit = Credit::new(looks);
    }

    pub(super) fn handle_bytes(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        if self.waiting.is_empty() {
            let took = self.work(bytes, Beyond::More);
            self.waiting.extend_from_slice(&bytes[took..]);
        } else {
            self.waiting.extend_from_slice(bytes);
            if self.waiting.len() >= self.wanted {
                self.work_on_what_waits(Beyond::More);
            }
        }
        self.debug_check();
    }

    pub(super) fn handle_missing(&mut self, bytes: u64) {
        if self.ended {
            return;
        }
        self.work_on_what_waits(Beyond::Dark);
        self.stranger = None;
        let payload = usize::try_from(bytes).ok().filter(|&bytes| bytes > 0);
        let survives = match (&mut self.stage, payload) {
            (Stage::Following(following), Some(bytes)) => following.lose_payload(bytes),
            (Stage::Foreign, _) => true,
            _ => false,
        };
        if matches!(self.stage, Stage::Second) {
            self.scene.see(0, Observed::HandshakeCut { bytes: opening::HELLO_BYTES });
        }
        self.scene.advance(bytes);
        self.scene.see(0, Observed::Missing { bytes });
        match &mut self.stage {
            Stage::Following(following) if survives => following.see_damage(&mut self.scene),
            Stage::Foreign => {}
            _ => {
                let stage = std::mem::replace(&mut self.stage, Stage::Foreign);
                self.stage = Stage::Searching(match stage {
                    Stage::Following(mut following) => following.give_up(&mut self.scene, 0),
                    Stage::Searching(searching) => searching.behind_a_hole(&mut self.scene),
                    Stage::Opening | Stage::Second | Stage::Foreign => Searching::new(None),
                });
                self.first.get_or_insert(None);
            }
        }
        self.debug_check();
    }

    pub(super) fn handle_end(&mut self) {
        if self.ended {
            return;
        }
        self.work_on_what_waits(Beyond::End);
        match &mut self.stage {
            Stage::Following(following) => following.end(&mut self.scene),
            Stage::Searching(searching) => {
                if let Some(first) = self.stranger {
                    self.scene.see(0, Observed::Foreign(foreign_by(first)));
                }
                searching.end(&mut self.scene);
            }
            Stage::Second => self.scene.see(0, Observed::HandshakeCut { bytes: opening::HELLO_BYTES }),
            Stage::Opening | Stage::Foreign => {}
        }
        self.first.get_or_insert(None);
        self.ended = true;
        self.debug_check();
    }

    /// Gives the queue for what is seen, or takes it back.
    pub(super) fn swap_seen(&mut self, seen: &mut VecDeque<Observation>) {
        std::mem::swap(&mut self.scene.seen, seen);
    }

    /// What the second packet is to the first one of the other direction, and where it ends: once, and not before it is known
    /// what that first one is.
    pub(super) fn judge_second(&mut self, other: &Direction) -> Option<(u64, Option<Second>)> {
        let first = other.first.as_ref()?;
        let (at, second) = self.second.take()?;
        Some((at, first.as_ref().map(|first| first.judge(&second, self.scene.party))))
    }

    pub(super) fn quirks(&self) -> &QuirkCounts {
        self.scene.tolerance.counts()
    }

    pub(super) fn chunk_size(&self) -> Option<ChunkSize> {
        match &self.stage {
            Stage::Following(following) => following.chunk_size(),
            Stage::Searching(searching) => searching.chunk_size(),
            Stage::Opening | Stage::Second | Stage::Foreign => None,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.scene.ahead(self.waiting.len())
    }

    /// Bytes that are kept: those that wait, and payload of messages that are not whole.
    pub(super) fn held_bytes(&self) -> usize {
        let following = match &self.stage {
            Stage::Following(following) => Some(&**following),
            Stage::Searching(searching) => searching.following(),
            Stage::Opening | Stage::Second | Stage::Foreign => None,
        };
        let payload = |following: &Following| -> usize {
            following.reader().unfinished().map(|unfinished| unfinished.received).sum()
        };
        self.waiting.len() + following.map_or(0, payload)
    }

    /// Lets turns happen with what waits, and nothing wait if no more comes.
    fn work_on_what_waits(&mut self, beyond: Beyond) {
        let mut waiting = std::mem::take(&mut self.waiting);
        let took = self.work(&waiting, beyond);
        waiting.advance(took);
        self.waiting = waiting;
        debug_assert!(
            beyond == Beyond::More || self.waiting.is_empty(),
            "1: nobody waits for what never comes"
        );
    }

    /// Lets turns happen until one waits or the input is used up; says how much was taken.
    fn work(&mut self, input: &[u8], beyond: Beyond) -> usize {
        let mut took = 0;
        self.wanted = 0;
        while took < input.len() {
            let turn = self.turn(&input[took..], beyond);
            took += turn.took;
            self.scene.advance(turn.took as u64);
            match turn.then {
                Then::GoOn => {}
                Then::Become(stage) => self.stage = stage,
                Then::Wait(wanted) => {
                    self.wanted = wanted;
                    break;
                }
            }
        }
        took
    }

    fn turn(&mut self, input: &[u8], beyond: Beyond) -> Turn {
        let ground = Ground::new(input, beyond);
        let credit = self.scene.credit;
        let turn = match &mut self.stage {
            Stage::Opening => self.open(ground),
            Stage::Second => self.take_second(ground),
            Stage::Following(following) => following.turn(input, ground, &mut self.scene),
            Stage::Searching(searching) => {
                let turn = searching.turn(input, beyond, &mut self.scene);
                if matches!(turn.then, Then::Become(Stage::Following(_))) {
                    self.stranger = None;
                }
                return turn; // Each place has earned what it earns.
            }
            Stage::Foreign => Ok(Turn::took(input.len())),
        };
        match turn {
            Ok(turn) => {
                self.scene.credit.earn(turn.took);
                turn
            }
            Err(NeedsMore(wanted)) => {
                // Nothing was decided, so what it cost is spent when all of it happens again.
                self.scene.credit = credit;
                Turn { took: 0, then: Then::Wait(wanted) }
            }
        }
    }

    /// Decides what the first bytes are.
    fn open(&mut self, ground: Ground<'_>) -> Result<Turn, NeedsMore> {
        let opening = opening::judge(ground, &mut self.scene)?;
        Ok(match opening {
            opening::Opening::Hello(first) => {
                self.scene.see(opening::HELLO_BYTES, Observed::FirstPacket(first.greeting()));
                self.first = Some(Some(*first));
                Turn { took: opening::HELLO_BYTES, then: Then::Become(Stage::Second) }
            }
            opening::Opening::Cut { bytes } => {
                self.first = Some(None);
                self.scene.see(bytes, Observed::HandshakeCut { bytes });
                Turn { took: bytes, then: Then::Become(Stage::Searching(Searching::new(None))) }
            }
            opening::Opening::Foreign(foreign) => {
                self.first = Some(None);
                self.scene.see(1, Observed::Foreign(foreign));
                Turn { took: 0, then: Then::Become(Stage::Foreign) }
            }
            opening::Opening::Elsewhere { first_byte } => {
                self.first = Some(None);
                self.stranger = Some(first_byte);
                Turn { took: 0, then: Then::Become(Stage::Searching(Searching::new(None))) }
            }
        })
    }

    fn take_second(&mut self, ground: Ground<'_>) -> Result<Turn, NeedsMore> {
        if !ground.reaches(PACKET_BYTES)? {
            let came = ground.bytes().len();
            self.scene.see(came, Observed::HandshakeCut { bytes: opening::HELLO_BYTES + came });
            return Ok(Turn { took: came, then: Then::Become(Stage::Searching(Searching::new(None))) });
        }
        let packet = ground.bytes()[..PACKET_BYTES].try_into().expect("it is as long as a packet");
        self.second = Some((self.scene.ahead(PACKET_BYTES), Box::new(packet)));
        let following = Following::from_the_first_byte();
        Ok(Turn { took: PACKET_BYTES, then: Then::Become(Stage::Following(Box::new(following))) })
    }

    fn debug_check(&self) {
        debug_assert!(
            self.waiting.len() < limits::OBSERVER_AHEAD_BYTES,
            "2: whoever can see as far as he may look decides"
        );
        debug_assert!(!self.ended || self.waiting.is_empty(), "3: at the end nothing waits");
    }
}

impl Scene {
    /// So many bytes were taken, or are missing. Who says that they are missing may say any number.
    fn advance(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
    }

    /// The place that is `bytes` bytes from here.
    fn ahead(&self, bytes: usize) -> u64 {
        self.position.saturating_add(bytes as u64)
    }

    /// Something was seen whose last byte is the one `ahead` bytes from here.
    pub(super) fn see(&mut self, ahead: usize, what: Observed) {
        self.seen.push_back(Observation { from: self.party, at: self.ahead(ahead), what });
    }
}

impl Turn {
    pub(super) fn took(took: usize) -> Self {
        Self { took, then: Then::GoOn }
    }
}

/// What somebody speaks of whom nothing was understood.
fn foreign_by(first: u8) -> Foreign {
    match judge_version(first) {
        Err(HandshakeError::Rtmpe(version)) => Foreign::Rtmpe { version, layout: None },
        _ => Foreign::Unknown { first },
    }
}
