//! Comers: who comes to publish, over RTMP or from within the process, as what and with which key.

use std::rc::Rc;

use sol_core::hub::{Parting as Part, PublisherRole};

use super::{Director, Inside};
use crate::peer::message::StreamId;
use crate::simulation::actor::{Errand, Manner};
use crate::simulation::bidding::Showing;
use crate::simulation::film::Film;
use crate::simulation::publication::Parting;
use crate::simulation::setting::Way;
use crate::world::ms;

impl Director {
    /// Somebody publishes, or tries to.
    pub(in crate::simulation) fn publisher_comes(&mut self, name: usize, is_other: bool) {
        let showing = self.showing(name);
        self.publisher_comes_as(name, showing, is_other);
    }

    /// What a publisher of that name shows: mostly the key that all of them have, if any.
    pub(in crate::simulation) fn showing(&mut self, name: usize) -> Showing {
        let key = self.setting.names[name].key;
        let key = if self.dice.one_in(12) { self.dice.pick(&[None, Some("b")]) } else { key };
        Showing { role: PublisherRole::Main, key }
    }

    /// The same, in that role and with that key.
    pub(in crate::simulation) fn publisher_comes_as(
        &mut self,
        name: usize,
        showing: Showing,
        is_other: bool,
    ) {
        if self.dice.one_in(8) && self.setting.loops > 1 && self.publisher_comes_within(name, showing) {
            return;
        }
        let film = self.film(name, is_other);
        let is_hasty = self.dice.one_in(8) && !self.setting.config.session.strict;
        let aggregates = if self.dice.one_in(10) { ms(200) } else { ms(0) };
        let way = Way::roll_for(&mut self.dice, &self.setting.names[name]);
        let manner = Manner { is_hasty, aggregates, ..self.manner(way, name) };
        if is_hasty {
            self.count("hasty-publisher");
        }
        if !aggregates.is_zero() {
            self.count("aggregates");
        }
        let full = self.setting.names[name].full.clone();
        if self.ledger.borrow().is_published(&full) {
            self.count("second-publisher");
        }
        let link = way.link(&mut self.dice);
        let Some(member) = self.member_comes(&full, link, manner) else { return };
        self.tell_of(member, &format!("comes to publish {full}{} over {way:?}", showing.query()));
        self.members[member]
            .client
            .with(|actor| actor.does(Errand::Publish { name: full, showing, film: Box::new(film) }));
    }

    /// Somebody stands by for a name.
    pub(in crate::simulation) fn backup_comes(&mut self, name: usize) {
        let showing = Showing { role: PublisherRole::Backup, ..self.showing(name) };
        let is_other = self.dice.one_in(3);
        self.count("backup-comes");
        self.publisher_comes_as(name, showing, is_other);
    }

    pub(in crate::simulation) fn film(&mut self, name: usize, is_other: bool) -> Film {
        let name = self.setting.names[name].clone();
        let mut ledger = self.ledger.borrow_mut();
        let mut film = name.roll_film(&mut self.dice, &mut ledger.totals);
        if is_other {
            film.look = film.look.wrapping_add(100);
        }
        film
    }

    /// The same within the process. Whether it may.
    fn publisher_comes_within(&mut self, name: usize, showing: Showing) -> bool {
        let mut film = self.film(name, false);
        let full = self.setting.names[name].full.clone();
        film.mark = self.ledger.borrow().next_mark();
        let ledger = Rc::clone(&self.ledger);
        let mark = film.mark as usize;
        let media = film.clone().reel().inspect(move |media| {
            let now = ledger.borrow().now;
            ledger.borrow_mut().sends(mark, media.clone(), now);
        });
        let loops = self.setting.loops;
        let at = self.dice.up_to(loops) - 1;
        // It is in the ledger before its first message is.
        let publication =
            self.ledger.borrow_mut().asks_to_publish(None, StreamId(0), (&full, showing), &film, None);
        match self.world.next_at(at).publish_within_as(&full, &showing.bid(), media) {
            Ok(within) => {
                let mut ledger = self.ledger.borrow_mut();
                ledger.now = self.world.now();
                ledger.begins(publication);
                drop(ledger);
                self.withins.push(Inside { within, publication, is_there: true });
                self.count("publisher-within");
                self.tell(|| {
                    format!(
                        "somebody within the process publishes {full}{} as {publication}",
                        showing.query()
                    )
                });
                let stays = ms(5_000 + self.dice.up_to(40_000) as u64);
                let index = self.withins.len() - 1;
                let part = self.dice.pick(&[Part::InGoodOrder, Part::Vanished]);
                self.after(stays, move |director| director.part(index, part));
                true
            }
            Err(_) => {
                self.count("second-publisher");
                false
            }
        }
    }

    /// A publisher within the process goes.
    pub(in crate::simulation) fn part(&mut self, index: usize, part: Part) {
        let inside = &mut self.withins[index];
        if !std::mem::replace(&mut inside.is_there, false) {
            return;
        }
        self.world.part(&inside.within, part);
        let parting = match part {
            Part::InGoodOrder => Parting::InGoodOrder,
            Part::Vanished | Part::ShutDown => Parting::Vanished,
        };
        let (publication, taken) = (inside.publication, inside.within.sent().len());
        let mut ledger = self.ledger.borrow_mut();
        ledger.now = self.world.now();
        ledger.ends(publication, taken, parting, false);
        drop(ledger);
        self.tell(|| format!("publisher {publication} within the process goes: {part:?}"));
    }
}
