//! Parcels: what comes from other loops, and what homes and mirrors here have to do with the hub.

use crate::crossing::{Claim, ClaimId, Dispatch, LoopId, Notice, Parcel, Standing, Ticket, Want, media_cost};
use crate::hub::{Corrections, Parting, Passage, Publication, PublisherRole, StreamId};
use crate::ids::SessionId;
use crate::name::StreamName;
use crate::time::Instant;

use super::{Claimant, Crossings, Guest, Home, Mirror, Outward, TELL_AT, Wanted};
use crate::server::local::Local;

impl Local {
    pub(in crate::server) fn crossings_mut(&mut self) -> &mut Crossings {
        self.crossings.as_mut().expect("only one server of several has to do with others")
    }

    /// A player wants a stream, as one more or as the first.
    pub(in crate::server) fn want(&mut self, stream: StreamId, name: &StreamName) {
        let Some(crossings) = &mut self.crossings else { return };
        let Want { ticket, home } = match crossings.take_standing() {
            Some(Standing::Wanted(of, want)) if of == *name => want,
            Some(Standing::Wanted(..) | Standing::Claimed(..)) | None => {
                unreachable!("the directory was asked for this player")
            }
        };
        let wanted = crossings.wanted.entry(name.clone()).or_insert(Wanted { ticket, players: 0 });
        wanted.players += 1;
        if let Some(home) = home.filter(|&home| home != crossings.here)
            && self.open_mirror(stream, name, ticket, home)
        {
            self.crossings_mut().pass(home, Parcel::Want { name: name.clone(), ticket });
        }
    }

    /// A player does not want a stream any more.
    pub(in crate::server) fn unwant(&mut self, name: &StreamName) {
        let Some(crossings) = &mut self.crossings else { return };
        let Some(wanted) = crossings.wanted.get_mut(name) else { return };
        wanted.players -= 1;
        if wanted.players > 0 {
            return;
        }
        let ticket = wanted.ticket;
        crossings.wanted.remove(name);
        crossings.notify(Notice::Unwanted(name.clone()));
        self.close_mirror(ticket);
    }

    /// Gives back what the directory said, where nothing came of it. A publisher that comes and goes is no worse than one that
    /// has gone.
    pub(in crate::server) fn stand_down(&mut self, now: Instant) {
        let crossings = self.crossings_mut();
        match crossings.take_standing() {
            None => {}
            Some(Standing::Claimed(name, claim)) if claim.home == crossings.here => {
                let (stream, publication) = self.publish_at_home(&name, claim.clone(), now);
                self.part(stream, publication, Parting::Vanished, now);
                self.vacate(stream, &name, claim.id);
                self.let_go(stream, &name);
            }
            Some(Standing::Claimed(name, claim)) => {
                // Its home waits for it.
                let id = crossings.publish_inwards(&name, &claim, SessionId::new(0));
                crossings.unpublish_inwards(id, Parting::Vanished);
            }
            Some(Standing::Wanted(name, _)) if crossings.wanted.contains_key(&name) => {}
            Some(Standing::Wanted(name, _)) => crossings.notify(Notice::Unwanted(name)),
        }
    }

    /// A publisher here has a stream that is at home here as well.
    pub(in crate::server) fn publish_at_home(
        &mut self,
        name: &StreamName,
        claim: Claim,
        now: Instant,
    ) -> (StreamId, Publication) {
        self.forget_mirror(name);
        let stream = self.hub.hold_known(name);
        // The directory has weighed its bid.
        let publication = self.hub.stream_mut(stream).replace(&claim.bid, now);
        self.come_home(stream, name, (claim.bid.role, claim.id), None, claim.wanted);
        (stream, publication)
    }

    /// The stream of that name, if it is at home here.
    fn home_of(&mut self, name: &StreamName) -> Option<StreamId> {
        self.hub.find(name).filter(|stream| self.crossings_mut().homes.contains_key(stream))
    }

    /// The stream that was mirrored is at home nowhere, or elsewhere.
    fn close_mirror(&mut self, ticket: Ticket) {
        if let Some(mirror) = self.crossings_mut().mirrors.remove(&ticket) {
            self.hub.stream_mut(mirror.stream).end_mirror(&mirror.publication);
            self.advanced.insert(mirror.stream);
        }
    }

    /// A stream comes to be at home here: it cannot be elsewhere any more, also where that was not yet told.
    pub(in crate::server) fn forget_mirror(&mut self, name: &StreamName) {
        if let Some(wanted) = self.crossings_mut().wanted.get(name) {
            let ticket = wanted.ticket;
            self.close_mirror(ticket);
        }
    }

    /// Whether there was none.
    fn open_mirror(&mut self, stream: StreamId, name: &StreamName, ticket: Ticket, home: LoopId) -> bool {
        if self.crossings_mut().mirrors.contains_key(&ticket) {
            return false;
        }
        let Some(publication) = self.hub.stream_mut(stream).mirror() else { return false };
        let mirror = Mirror { stream, name: name.clone(), home, publication, next: 0, untold: 0 };
        self.crossings_mut().mirrors.insert(ticket, mirror);
        true
    }

    /// A stream has a publisher, here or elsewhere, and is at home here.
    pub(in crate::server) fn come_home(
        &mut self,
        stream: StreamId,
        name: &StreamName,
        (role, claim): (PublisherRole, ClaimId),
        guest_of: Option<LoopId>,
        wanted: Vec<(LoopId, Ticket)>,
    ) {
        self.hub.stream_mut(stream).watch_for_silence();
        self.schedule_stream(stream);
        let crossings = self.crossings_mut();
        let home = crossings.homes.entry(stream).or_insert_with(|| Home {
            name: name.clone(),
            claim,
            claimants: [None, None],
            outward: Vec::new(),
        });
        home.claim = claim;
        let claimant = Claimant { claim, guest_of, on_air: true, is_silent: false };
        if let Some(before) = home.claimants[role as usize].replace(claimant)
            && let Some(guest_of) = before.guest_of
        {
            crossings.pass(guest_of, Parcel::Replaced { claim: before.claim });
        }
        self.tell_who_is_on_air(stream);
        let crossings = self.crossings_mut();
        let here = crossings.here;
        for (to, ticket) in wanted.into_iter().filter(|&(to, _)| to != here) {
            self.go_outward(stream, to, ticket);
        }
    }

    /// Another loop wants a stream that is at home here.
    fn go_outward(&mut self, stream: StreamId, to: LoopId, ticket: Ticket) {
        let Some(home) = self.crossings_mut().homes.get_mut(&stream) else { return };
        let name = home.name.clone();
        let before = home.outward.iter().find(|outward| outward.to == to).map(|outward| outward.ticket);
        // Whoever claims a name may know of an older one than has come here since.
        if before >= Some(ticket) {
            return;
        }
        self.hub.hold_known(&name);
        if let Some(before) = before {
            // That it is not wanted any more is on the way here.
            self.turn_back(stream, to, before);
        }
        let relay = self.hub.stream_mut(stream).relay();
        let crossings = self.crossings_mut();
        let Some(home) = crossings.homes.get_mut(&stream) else { return };
        home.outward.push(Outward::new(to, ticket, relay));
        crossings.pass(to, Parcel::Open { name, ticket });
        self.cross(stream);
    }

    /// Another loop does not want a stream any more that is at home here.
    fn turn_back(&mut self, stream: StreamId, to: LoopId, ticket: Ticket) {
        let Some(home) = self.crossings_mut().homes.get_mut(&stream) else { return };
        let name = home.name.clone();
        let index = home.outward.iter().position(|outward| (outward.to, outward.ticket) == (to, ticket));
        if let Some(index) = index {
            home.outward.remove(index);
            self.let_go(stream, &name);
        }
    }

    /// What a stream has appended crosses to all who want it elsewhere.
    pub(in crate::server) fn cross(&mut self, stream: StreamId) {
        let Some(crossings) = &mut self.crossings else { return };
        let Crossings { homes, dispatches, .. } = crossings;
        let Some(home) = homes.get_mut(&stream) else { return };
        let tape = self.hub.stream(stream);
        for outward in &mut home.outward {
            if let Some(parcel) = outward.load(tape) {
                dispatches.push_back(Dispatch::ToLoop(outward.to, parcel));
            }
        }
    }

    /// Publishers elsewhere are told whether players get what they send.
    pub(in crate::server) fn tell_who_is_on_air(&mut self, stream: StreamId) {
        let Some(crossings) = &mut self.crossings else { return };
        let Crossings { homes, dispatches, .. } = crossings;
        let Some(home) = homes.get_mut(&stream) else { return };
        let who = self.hub.stream(stream).on_air();
        for role in PublisherRole::ALL {
            let Some(Claimant { claim, guest_of: Some(to), on_air, .. }) = &mut home.claimants[role as usize]
            else {
                continue;
            };
            let is_on_air = who == Some(role);
            if std::mem::replace(on_air, is_on_air) != is_on_air {
                let parcel = Parcel::OnAir { claim: *claim, on_air: is_on_air };
                dispatches.push_back(Dispatch::ToLoop(*to, parcel));
            }
        }
    }

    /// The directory is told of publishers that have fallen silent, or can be heard again.
    fn tell_who_is_silent(&mut self, stream: StreamId, now: Instant) {
        let Some(crossings) = &mut self.crossings else { return };
        let Crossings { homes, dispatches, silent, .. } = crossings;
        let Some(home) = homes.get_mut(&stream) else { return };
        silent.remove(&stream);
        for role in PublisherRole::ALL {
            let Some(Claimant { claim, is_silent, .. }) = &mut home.claimants[role as usize] else {
                continue;
            };
            let is = self.hub.stream(stream).is_silent(role, now);
            if std::mem::replace(is_silent, is) != is {
                let notice = Notice::Silent { name: home.name.clone(), claim: *claim, is_silent: is };
                dispatches.push_back(Dispatch::ToDirectory(notice));
            }
            if is {
                silent.insert(stream);
            }
        }
    }

    /// A publisher of a stream that is at home here has sent something.
    pub(in crate::server) fn has_heard(&mut self, stream: StreamId, now: Instant) {
        if let Some(crossings) = &self.crossings
            && crossings.silent.contains(&stream)
        {
            self.tell_who_is_silent(stream, now);
            self.schedule_stream(stream);
        }
    }

    /// A stream that is at home here has lost a publisher. Without another one it stays for its grace, or leaves.
    pub(in crate::server) fn vacate(&mut self, stream: StreamId, name: &StreamName, claim: ClaimId) {
        let Some(since) = self.crossings.as_ref().map(|crossings| crossings.dispatches.len()) else { return };
        if let Some(home) = self.crossings_mut().homes.get_mut(&stream) {
            for claimant in &mut home.claimants {
                claimant.take_if(|claimant| claimant.claim == claim);
            }
        }
        self.tell_who_is_on_air(stream);
        self.cross(stream);
        let latest = self.crossings_mut().homes.get(&stream).map(|home| home.claim);
        let stays = self.hub.stream(stream).has_publishers();
        if !stays {
            self.leave_home(stream);
        }
        let crossings = self.crossings_mut();
        crossings.notify(Notice::Parted { name: name.clone(), claim });
        if let Some(latest) = latest.filter(|_| !stays) {
            crossings.notify(Notice::Released { name: name.clone(), claim: latest });
        }
        crossings.part(since);
    }

    /// A stream's time has come: its grace may be over.
    pub(in crate::server) fn check_home(&mut self, stream: StreamId, now: Instant) {
        self.tell_who_is_silent(stream, now);
        let Some(crossings) = &mut self.crossings else { return };
        let Some(home) = crossings.homes.get(&stream) else { return };
        if !self.hub.stream(stream).has_publishers() {
            let (name, claim) = (home.name.clone(), home.claim);
            let since = crossings.dispatches.len();
            self.cross(stream);
            self.leave_home(stream);
            let crossings = self.crossings_mut();
            crossings.notify(Notice::Released { name, claim });
            crossings.part(since);
        }
    }

    /// A stream has ended and is at home nowhere: whoever wanted it is told.
    fn leave_home(&mut self, stream: StreamId) {
        self.crossings_mut().silent.remove(&stream);
        let Some(home) = self.crossings_mut().homes.remove(&stream) else { return };
        for mut outward in home.outward {
            let tape = self.hub.stream(stream);
            if let Some(rest) = tape.cut_short(&mut outward.relay)
                && let Some(parcel) = outward.parcel(rest.into())
            {
                self.crossings_mut().pass(outward.to, parcel);
            }
            let close = Parcel::Close { name: home.name.clone(), ticket: outward.ticket };
            self.crossings_mut().pass(outward.to, close);
            drop(outward);
            self.let_go(stream, &home.name);
        }
    }

    /// Another loop has passed this on. Whose connection may go on by that, if anybody's.
    pub(in crate::server) fn handle_parcel(
        &mut self,
        from: LoopId,
        parcel: Parcel,
        now: Instant,
    ) -> Option<SessionId> {
        match parcel {
            Parcel::Want { name, ticket } => match self.home_of(&name) {
                Some(stream) => self.go_outward(stream, from, ticket),
                // It was, when that loop asked.
                None => self.crossings_mut().pass(from, Parcel::Close { name, ticket }),
            },
            Parcel::Unwant { name, ticket } => {
                let stream = self.hub.find(&name)?;
                self.turn_back(stream, from, ticket);
            }
            Parcel::Open { name, ticket } => {
                let crossings = self.crossings_mut();
                if crossings.wanted.get(&name).is_none_or(|wanted| wanted.ticket != ticket) {
                    // Whoever said so did not know better.
                    crossings.pass(from, Parcel::Unwant { name, ticket });
                    return None;
                }
                if crossings.mirrors.get(&ticket).is_some_and(|mirror| mirror.home != from) {
                    self.close_mirror(ticket);
                }
                let stream = self.hub.find(&name)?;
                self.open_mirror(stream, &name, ticket, from);
            }
            Parcel::Carry { ticket, sequence, passages } => {
                self.mirror(from, ticket, sequence, passages, now);
            }
            Parcel::Taken { name, ticket, cost } => {
                let stream = self.hub.find(&name)?;
                let home = self.crossings_mut().homes.get_mut(&stream)?;
                let outward = home.outward.iter_mut().find(|outward| outward.ticket == ticket)?;
                outward.under_way = outward.under_way.saturating_sub(cost);
                self.cross(stream);
            }
            Parcel::Close { name, ticket } => {
                let crossings = self.crossings_mut();
                let is_wanted = crossings.wanted.get(&name).is_some_and(|wanted| wanted.ticket == ticket);
                let is_elsewhere = crossings.mirrors.get(&ticket).is_some_and(|mirror| mirror.home != from);
                // Another home has come since, or nobody wants it any more.
                if is_elsewhere || !is_wanted {
                    return None;
                }
                self.close_mirror(ticket);
                // Or it is about to come, and does not know that the stream is wanted here.
                self.crossings_mut().notify(Notice::Unserved { name, ticket });
            }
            Parcel::Publish { name, claim, bid, wanted } => {
                self.forget_mirror(&name);
                let stream = self.hub.hold_known(&name);
                // The directory has weighed its bid.
                let publication = self.hub.stream_mut(stream).replace(&bid, now);
                let corrections = Corrections::NONE;
                let guest = Guest { from, stream, name: name.clone(), publication, untold: 0, corrections };
                self.crossings_mut().guests.insert(claim, guest);
                self.come_home(stream, &name, (bid.role, claim), Some(from), wanted);
                // Its players elsewhere go on with it.
                self.cross(stream);
            }
            Parcel::Media { claim, media } => {
                let guest = self.crossings.as_mut()?.guests.get_mut(&claim)?;
                debug_assert_eq!(guest.from, from, "3: a publisher is at one loop");
                let stream = guest.stream;
                guest.untold += media.iter().map(media_cost).sum::<usize>();
                let told = (guest.untold >= TELL_AT).then(|| std::mem::take(&mut guest.untold));
                let tape = self.hub.stream_mut(stream);
                let (mut has_grown, mut has_taken_over) = (false, false);
                for media in &media {
                    // One that was replaced is told, and does not know yet.
                    if let Ok(appended) = tape.append(&guest.publication, media, now) {
                        has_grown |= appended.grew;
                        has_taken_over |= appended.took_over;
                    }
                }
                let corrections = tape.corrections(&guest.publication).unwrap_or(guest.corrections);
                // Twice as many, so that a clock in constant disorder costs no more than a few parcels.
                let are_new = corrections.total() >= 2 * guest.corrections.total().max(1)
                    || (guest.corrections.are_none() && !corrections.are_none());
                if are_new {
                    guest.corrections = corrections;
                }
                self.has_heard(stream, now);
                if has_taken_over {
                    self.tell_who_is_on_air(stream);
                }
                if has_grown {
                    self.has_appended(stream, now);
                }
                if let Some(cost) = told {
                    self.crossings_mut().pass(from, Parcel::MediaTaken { claim, cost });
                }
                if are_new {
                    self.crossings_mut().pass(from, Parcel::Corrected { claim, corrections });
                }
            }
            Parcel::MediaTaken { claim, cost } => return self.crossings_mut().media_taken(claim, cost),
            Parcel::Corrected { claim, corrections } => {
                self.crossings_mut().note_corrections(claim, corrections);
            }
            Parcel::OnAir { claim, on_air } => self.crossings_mut().note_on_air(claim, on_air),
            Parcel::Replaced { claim } => self.crossings_mut().replaced(claim),
            Parcel::Unpublish { claim, parting } => {
                let Guest { stream, name, publication, .. } = self.crossings_mut().guests.remove(&claim)?;
                self.part(stream, publication, parting, now);
                self.vacate(stream, &name, claim);
                self.let_go(stream, &name);
            }
        }
        None
    }

    /// Appends what was carried here.
    fn mirror(&mut self, from: LoopId, ticket: Ticket, sequence: u64, passages: Vec<Passage>, now: Instant) {
        let Some(crossings) = &mut self.crossings else { return };
        // Of a stream that nobody wants any more.
        let Some(mirror) = crossings.mirrors.get_mut(&ticket).filter(|mirror| mirror.home == from) else {
            return;
        };
        assert_eq!(mirror.next, sequence, "1: passages come in order, and all of them");
        let stream = mirror.stream;
        let tape = self.hub.stream_mut(stream);
        let mut has_ended = false;
        for passage in passages {
            mirror.next += 1;
            mirror.untold += passage.cost();
            has_ended |= matches!(passage, Passage::End(_));
            let appended = tape.append_ready(&mirror.publication, passage);
            debug_assert!(appended.is_ok(), "2: a mirror has its stream to itself");
        }
        if mirror.untold >= TELL_AT {
            let cost = std::mem::take(&mut mirror.untold);
            let (home, name) = (mirror.home, mirror.name.clone());
            crossings.pass(home, Parcel::Taken { name, ticket, cost });
        }
        self.has_appended(stream, now);
        if has_ended {
            // It waits for nothing.
            self.advanced.insert(stream);
        }
    }
}
