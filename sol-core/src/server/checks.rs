//! Checks: what must hold of a whole server between two touches.
//!
//! Sessions and tapes check themselves with each touch in debug builds. In release builds nobody pays for that; whoever
//! simulates with one asks here.

use super::Server;
use super::local::Local;
use crate::hub::StreamId;

impl Server {
    /// Looks at everything, and says what is wrong. To be called when [`Server::poll`] has nothing left.
    ///
    /// # Panics
    /// If an invariant of a session, of a tape or of the server itself is broken.
    pub fn check(&self) {
        for occupant in self.slots.iter() {
            occupant.participant.session().check();
            let deadline = occupant.participant.poll_timeout().map(|deadline| deadline.at);
            let is_on_list = |scheduled| self.deadlines.contains(&(scheduled, occupant.id));
            let is_looked_after = deadline.is_none_or(|at| {
                occupant.scheduled.is_some_and(|scheduled| scheduled <= at && is_on_list(scheduled))
            });
            assert!(is_looked_after, "1: session {} has a deadline that is on no list", occupant.id);
        }
        let has_told = self.events.is_empty()
            && [&self.readable, &self.writable, &self.woken].iter().all(|list| list.is_empty());
        assert!(has_told, "2: nothing is left to be told");
        self.local.check();
        let is_left_alone = self.slots.len() == 0 && self.local.hub.is_empty();
        let crosses = self.local.crossings.as_ref().is_some_and(|crossings| !crossings.are_empty());
        assert!(!(is_left_alone && crosses), "3: where nobody and no stream is left, nothing crosses");
    }
}

impl Local {
    fn check(&self) {
        self.hub.streams().for_each(|(_, stream)| stream.check_tape());
        self.all_are_held("4: nobody waits for", self.armed.keys().copied());
        self.all_are_held("5: no deadline is that of", self.scheduled.keys());
        let waiting = self.hub.streams().filter(|(_, stream)| stream.poll_timeout().is_some()).count();
        let looked_after = self.scheduled.keys().filter(|&id| {
            let (scheduled, deadline) = (self.scheduled.time_of(id), self.hub.stream(id).poll_timeout());
            scheduled.zip(deadline).is_some_and(|(scheduled, at)| scheduled <= at)
        });
        assert_eq!(looked_after.count(), waiting, "6: a stream has a deadline that is on no list");
        assert!(self.advanced.is_empty(), "7: whoever waited for what has come has had its turn");
        if let Some(crossings) = &self.crossings {
            self.all_are_held("8: no home, mirror or guest is at", crossings.streams());
            crossings.check();
        }
    }

    fn all_are_held(&self, what: &str, mut streams: impl Iterator<Item = StreamId>) {
        let gone = streams.find(|&stream| !self.hub.holds(stream));
        assert_eq!(gone, None, "{what} a stream that is gone");
    }
}
