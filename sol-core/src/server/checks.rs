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
            let is_looked_after =
                deadline.is_none_or(|at| occupant.scheduled.is_some_and(|scheduled| scheduled <= at));
            assert!(is_looked_after, "1: session {} has a deadline that is on no list", occupant.id);
        }
        let has_told = self.events.is_empty()
            && [&self.readable, &self.writable, &self.woken].iter().all(|list| list.is_empty());
        assert!(has_told, "2: nothing is left to be told");
        self.local.check();
    }
}

impl Local {
    fn check(&self) {
        self.hub.streams().for_each(|(_, stream)| stream.check_tape());
        self.all_are_held("3: nobody waits for", self.armed.keys().copied());
        self.all_are_held("4: no deadline is that of", self.scheduled.keys());
        assert!(self.advanced.is_empty(), "5: whoever waited for what has come has had its turn");
        if let Some(crossings) = &self.crossings {
            self.all_are_held("6: no home, mirror or guest is at", crossings.streams());
            crossings.check();
        }
    }

    fn all_are_held(&self, what: &str, mut streams: impl Iterator<Item = StreamId>) {
        let gone = streams.find(|&stream| !self.hub.holds(stream));
        assert_eq!(gone, None, "{what} a stream that is gone");
    }
}
