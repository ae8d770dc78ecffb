//! Parting: how a publisher goes, and what its players have of it: another one, its grace, or the end.

use crate::hub::config::AfterGrace;
use crate::hub::tape::Ending;
use crate::limits;
use crate::time::Instant;

use super::{Publication, Stream};

/// How a publisher goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// It said so: its players are told at once.
    InGoodOrder,
    /// It vanished: it, or another in its place, may go on within the stream's grace.
    Vanished,
    /// The server shuts down, of which its players are told by themselves.
    ShutDown,
}

impl Stream {
    /// Ends a publication in good order: its players read what is left, then [`Read::Ended`](crate::hub::Read::Ended). Where another
    /// publisher stands by, that one takes over, or is waited for within the grace. Without effect if the publication is over.
    ///
    /// [`Stream::poll_timeout`] may have changed.
    pub fn unpublish(&mut self, publication: Publication, now: Instant) {
        self.part(publication, Parting::InGoodOrder, now);
    }

    /// The publisher has vanished. Its players read what is left and then wait for one to go on, until the grace is over
    /// and they read [`Read::Ended`](crate::hub::Read::Ended); at once where there is none, and where the stream [drains](Stream::drain).
    /// Where another publisher stands by, that one takes over. Without effect if the publication is over.
    ///
    /// [`Stream::poll_timeout`] has changed.
    pub fn abandon(&mut self, publication: Publication, now: Instant) {
        self.part(publication, Parting::Vanished, now);
    }

    /// A publisher goes, in whichever way. [`Stream::poll_timeout`] may have changed.
    pub fn part(&mut self, publication: Publication, parting: Parting, now: Instant) {
        self.take_off(&publication, parting, now);
        self.feed_forms();
    }

    /// Nobody begins to publish any more, for the server drains: a grace that runs is over, and there is none from here on, but
    /// where another publisher stands by. Whether players are to be woken.
    pub fn drain(&mut self) -> bool {
        self.is_draining = true;
        let has_ended = !self.publishers.are_any() && self.grace_until.take().is_some();
        if has_ended {
            self.end_publications();
            self.feed_forms();
        }
        has_ended
    }

    fn take_off(&mut self, publication: &Publication, parting: Parting, now: Instant) {
        let Some(was_on_air) = self.publishers.dismiss(publication.0) else { return };
        let is_for_good = match parting {
            Parting::InGoodOrder => true,
            Parting::Vanished => self.is_draining,
            Parting::ShutDown => false,
        };
        let is_end = is_for_good && !self.publishers.are_any();
        // Where nobody was on air the grace runs, or is over.
        let changes_nothing = !was_on_air && (self.publishers.on_air().is_some() || !is_end);
        if changes_nothing {
            return;
        }
        self.pace.settle();
        self.forget_bundles();
        if is_end {
            self.grace_until = None;
            return self.end_publications();
        }
        self.grace_until = Some(now + self.config.grace);
        match self.publishers.successor(now) {
            Some(role) => drop(self.put_on_air(role, now)),
            None => drop(self.expire_grace(now)),
        }
    }

    /// The stream had its home elsewhere, and has none there any more.
    pub(crate) fn end_mirror(&mut self, publication: &Publication) {
        if self.publishers.dismiss(publication.0).is_some() {
            self.pace.settle();
            self.forget_bundles();
            self.end_publications();
            self.feed_forms();
        }
    }

    /// Nobody goes on with what was on air: its players are told behind the last frame.
    pub(super) fn end_publications(&mut self) {
        (self.goes_on, self.resumes) = (false, false);
        self.timeline.end_publication();
        self.tape.append_end(Ending::Unpublished, self.timeline.head());
    }

    /// Ends the publications where the grace is over, and players do not wait beyond it; whether it did.
    pub(super) fn expire_grace(&mut self, now: Instant) -> bool {
        if self.grace_until.is_none_or(|until| until > now) {
            return false;
        }
        if self.outlasts_its_grace() {
            self.grace_until = Some(now + self.config.grace.max(limits::GRACE_LOOK_TIME));
            return false;
        }
        self.grace_until = None;
        self.end_publications();
        true
    }

    /// Whether nobody begins to publish it any more.
    pub fn is_draining(&self) -> bool {
        self.is_draining
    }

    /// Whether players wait for as long as it takes.
    fn outlasts_its_grace(&self) -> bool {
        match self.config.after_grace {
            AfterGrace::End => false,
            AfterGrace::Wait => {
                !self.is_draining
                    && !self.config.grace.is_zero()
                    && (self.cursors.are_any() || self.forms.are_read())
            }
        }
    }
}
