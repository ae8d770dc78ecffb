//! Within: a publisher within the process, which crosses to its stream's home as those do that are on another loop.
//!
//! It keeps the pace of its pattern, but waits where what it sent is not taken, as the one of sol-mio does.

use std::cell::RefCell;
use std::fmt;
use std::iter::Peekable;
use std::rc::Rc;
use std::time::Duration;

use sol_core::crossing::{Claim, ClaimId, LoopId, Notice, Parcel, media_cost};
use sol_core::hub::{Corrections, Parting};
use sol_core::ids::MessageType;
use sol_core::limits;
use sol_core::media::{Content, Media};
use sol_core::name::StreamName;
use sol_core::timestamp::Timestamp;

use crate::peer::pattern::MediaSent;

/// A publisher within the process, as a test has it.
#[derive(Debug)]
pub struct Within {
    pub(super) inside: Rc<RefCell<Inside>>,
}

impl Within {
    /// All that it has sent.
    pub fn sent(&self) -> Vec<MediaSent> {
        self.inside.borrow().sent.clone()
    }

    /// What was corrected of its timestamps, as far as it was told: the first at once, and later when there are twice as many.
    pub fn corrections(&self) -> Corrections {
        self.inside.borrow().corrections
    }
}

/// What it sends.
pub(super) type MediaWithin = Box<dyn Iterator<Item = MediaSent>>;

/// The same as the world has it.
pub(super) struct Inside {
    name: StreamName,
    claim: ClaimId,
    home: LoopId,
    media: Peekable<MediaWithin>,
    began: Duration,
    sent: Vec<MediaSent>,
    /// What it costs that was not taken.
    under_way: usize,
    corrections: Corrections,
    is_replaced: bool,
    has_parted: bool,
}

impl Inside {
    pub(super) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// It begins, and its home is told.
    pub(super) fn begin(name: StreamName, claim: &Claim, media: MediaWithin, now: Duration) -> Inside {
        Inside {
            name,
            claim: claim.id,
            home: claim.home,
            media: media.peekable(),
            began: now,
            sent: Vec::new(),
            under_way: 0,
            corrections: Corrections::NONE,
            is_replaced: false,
            has_parted: false,
        }
    }

    /// The next message that is due, if there is room for it.
    pub(super) fn poll(&mut self, now: Duration) -> Option<(LoopId, Parcel)> {
        if self.next_time().is_none_or(|at| at > now) {
            return None;
        }
        let sent = self.media.next()?;
        let media = media_of(&sent);
        self.sent.push(sent);
        self.under_way += media_cost(&media);
        Some((self.home, Parcel::Media { claim: self.claim, media: vec![media] }))
    }

    /// When it goes on by itself.
    pub(super) fn next_time(&mut self) -> Option<Duration> {
        let goes_on = !self.has_parted && !self.is_replaced && self.under_way < limits::CROSSING_BYTES;
        let next = self.media.peek().filter(|_| goes_on);
        next.map(|media| self.began + media.due)
    }

    /// Something of one such publisher was taken.
    pub(super) fn has_taken(&mut self, claim: ClaimId, cost: usize) {
        if self.claim == claim {
            self.under_way = self.under_way.saturating_sub(cost);
        }
    }

    /// So much was corrected of one such publisher's timestamps.
    pub(super) fn was_corrected(&mut self, claim: ClaimId, corrections: Corrections) {
        if self.claim == claim {
            self.corrections = corrections;
        }
    }

    /// Another publisher has taken the place of one.
    pub(super) fn replaced(&mut self, claim: ClaimId) {
        self.is_replaced |= self.claim == claim;
    }

    /// It goes, unless it has: what it passes to its home, and what the directory is told behind that.
    pub(super) fn part(&mut self, parting: Parting) -> Option<((LoopId, Parcel), Notice)> {
        if std::mem::replace(&mut self.has_parted, true) {
            return None;
        }
        let unpublish = Parcel::Unpublish { claim: self.claim, parting };
        Some(((self.home, unpublish), Notice::Parted { name: self.name.clone(), claim: self.claim }))
    }
}

impl fmt::Debug for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "publisher {:?} of {}", self.claim, self.name)
    }
}

/// What the core makes of a message of a pattern.
fn media_of(sent: &MediaSent) -> Media {
    let content = Content::of_tag(MessageType::new(sent.type_id.0), sent.payload.clone());
    let content = content.expect("a pattern makes audio, video and data with a name");
    Media { timestamp: Timestamp::from_millis(sent.timestamp_ms), content }
}
