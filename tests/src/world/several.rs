//! Several: what a test does with a world of several loops.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use sol_core::hub::{Bid, Parting, PublishRefused};
use sol_core::server::ServerConfig;

use super::crossed::{Crossed, CrossedInwards};
use super::within::Within;
use super::{Seed, World};
use crate::peer::pattern::MediaSent;

impl World {
    /// A world whose server has so many loops, whatever the environment says.
    pub fn with_loops(seed: Seed, loops: u32, config: ServerConfig) -> World {
        World::made_of(seed, NonZeroU32::new(loops).expect("one loop at least"), &config)
    }

    // --- Who comes -----------------------------------------------------------------------------------------

    /// Whoever comes next, comes at this loop, and the others after it go round from there.
    pub fn next_at(&mut self, index: usize) -> &mut World {
        self.server.next_at(index);
        self
    }

    /// A publisher within the process, at home at the loop where the next client would come; or where the stream is.
    ///
    /// # Errors
    /// What the directory says.
    pub fn publish_within<M>(&mut self, name: &str, media: M) -> Result<Within, PublishRefused>
    where
        M: IntoIterator<Item = MediaSent>,
        M::IntoIter: 'static,
    {
        self.publish_within_as(name, &Bid::default(), media)
    }

    /// The same as a backup publisher, or with a credential.
    ///
    /// # Errors
    /// What the directory says.
    pub fn publish_within_as<M>(&mut self, name: &str, bid: &Bid, media: M) -> Result<Within, PublishRefused>
    where
        M: IntoIterator<Item = MediaSent>,
        M::IntoIter: 'static,
    {
        let (name, media) = (name.parse().expect("a name"), Box::new(media.into_iter()));
        let inside = Rc::new(RefCell::new(self.server.publish_within(name, bid, media, self.now)?));
        self.within.push(Rc::clone(&inside));
        Ok(Within { inside })
    }

    /// A publisher within the process goes.
    pub fn part(&mut self, publisher: &Within, parting: Parting) {
        let inside = &mut *publisher.inside.borrow_mut();
        self.server.part(inside, parting, self.now);
        self.ends_for_those_behind(inside.name());
    }

    // --- What happens --------------------------------------------------------------------------------------

    /// From here on what passes from one loop to another takes up to so long, as the dice say.
    pub fn set_parcel_delay(&mut self, longest: Duration) {
        self.server.post.set_delay(longest);
    }

    /// Nothing that others pass to a loop comes there from here on, as if it were too busy to look; but one that claims a name
    /// has to look.
    pub fn hold_back(&mut self, index: usize) {
        self.server.post.hold_back(index);
    }

    /// The loop looks again.
    pub fn let_through(&mut self, index: usize) {
        self.server.post.let_through(index);
    }

    // --- Questions -----------------------------------------------------------------------------------------

    /// What crossed to a loop, each time that it began to want something, in that order.
    pub fn crossings_to(&self, index: usize) -> Vec<Crossed> {
        self.server.post.crossings_to(index)
    }

    /// What crossed to a home from publishers elsewhere.
    pub fn inwards_to(&self, index: usize) -> CrossedInwards {
        self.server.post.inwards_to(index)
    }

    // --- One moment ----------------------------------------------------------------------------------------

    /// Publishers within the process send what is due; whether there was anything.
    pub(super) fn stream_within(&mut self) -> bool {
        let mut moved = false;
        for inside in &self.within {
            let inside = &mut *inside.borrow_mut();
            while let Some((home, parcel)) = inside.poll(self.now) {
                self.server.pass_from_within(home, parcel, self.now);
                moved = true;
            }
        }
        for (id, cost) in self.server.take_taken() {
            self.within.iter().for_each(|inside| inside.borrow_mut().has_taken(id, cost));
            moved = true;
        }
        for (id, corrections) in self.server.take_corrected() {
            self.within.iter().for_each(|inside| inside.borrow_mut().was_corrected(id, corrections));
        }
        for id in self.server.take_replaced() {
            self.within.iter().for_each(|inside| inside.borrow_mut().replaced(id));
        }
        moved
    }

    pub(super) fn next_time_within(&self) -> Option<Duration> {
        self.within.iter().filter_map(|inside| inside.borrow_mut().next_time()).min()
    }

    pub(super) fn everybody_within_leaves(&mut self) {
        for inside in &self.within {
            self.server.part(&mut inside.borrow_mut(), Parting::Vanished, self.now);
        }
    }
}
