//! Crossings: what one server of several has to do with the others. See [`crate::crossing`].
//!
//! Invariants: a stream is not mirrored where it is at home. Whatever is mirrored is wanted. A home has one way to each other
//! loop.

mod parcels;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::crossing::{Claim, ClaimId, Dispatch, LoopId, Notice, Parcel, Standing, Ticket, media_cost};
use crate::hub::{
    Corrections, Gap, Parting, Passage, Publication, PublisherRole, Relay, Replaced, Stream, StreamId,
};
use crate::ids::SessionId;
use crate::limits;
use crate::media::Media;
use crate::name::StreamName;

use super::CrossingReport;

#[derive(Debug)]
pub(super) struct Crossings {
    here: LoopId,
    dispatches: VecDeque<Dispatch>,
    /// What the directory said to whoever is being allowed something.
    standing: Option<Standing>,
    homes: BTreeMap<StreamId, Home>,
    /// Streams at home that have grown since they last crossed.
    grown: BTreeSet<StreamId>,
    /// Streams at home with a publisher that is silent, as the directory was told.
    silent: BTreeSet<StreamId>,
    wanted: BTreeMap<StreamName, Wanted>,
    mirrors: BTreeMap<Ticket, Mirror>,
    /// Publishers here whose streams are at home elsewhere.
    inward: BTreeMap<ClaimId, Inward>,
    /// Whose are full, and how many.
    full: BTreeMap<SessionId, u32>,
    /// Publishers elsewhere whose streams are at home here.
    guests: BTreeMap<ClaimId, Guest>,
}

/// A stream that is at home here.
#[derive(Debug)]
struct Home {
    name: StreamName,
    /// Of its latest publisher.
    claim: ClaimId,
    claimants: [Option<Claimant>; PublisherRole::ALL.len()],
    outward: Vec<Outward>,
}

/// A publisher of a stream that is at home here.
#[derive(Debug)]
struct Claimant {
    claim: ClaimId,
    /// Where it is, if it is elsewhere.
    guest_of: Option<LoopId>,
    /// Whether it is on air, as its loop was told.
    on_air: bool,
    /// Whether it is silent, as the directory was told.
    is_silent: bool,
}

/// The way from a home to one other loop.
#[derive(Debug)]
struct Outward {
    to: LoopId,
    ticket: Ticket,
    relay: Relay,
    /// How many passages have gone.
    sequence: u64,
    /// How many of them were frames.
    frames: u64,
    lost: Gap,
    /// What they cost that were not yet taken.
    under_way: usize,
}

/// A stream that is played here.
#[derive(Debug)]
struct Wanted {
    ticket: Ticket,
    players: usize,
}

/// A stream that is played here and at home elsewhere.
#[derive(Debug)]
struct Mirror {
    stream: StreamId,
    name: StreamName,
    home: LoopId,
    publication: Publication,
    /// The number of the passage that comes next.
    next: u64,
    /// What was taken and not yet told.
    untold: usize,
}

/// The way of a publisher here to the home of its stream.
#[derive(Debug)]
struct Inward {
    name: StreamName,
    home: LoopId,
    publisher: SessionId,
    /// As its home has told.
    on_air: bool,
    /// Another publisher has taken its place.
    is_over: bool,
    /// What goes with the next parcel.
    media: Vec<Media>,
    /// What it costs that was not yet taken.
    under_way: usize,
    /// As its home has told.
    corrections: Corrections,
}

/// A publisher elsewhere.
#[derive(Debug)]
struct Guest {
    from: LoopId,
    stream: StreamId,
    name: StreamName,
    publication: Publication,
    /// What was taken and not yet told.
    untold: usize,
    /// As they were told.
    corrections: Corrections,
}

/// What may have been taken before that is told: rarely enough to cost nothing.
const TELL_AT: usize = limits::CROSSING_BYTES / 4;

impl Crossings {
    pub(super) fn new(here: LoopId) -> Self {
        Self {
            here,
            dispatches: VecDeque::new(),
            standing: None,
            homes: BTreeMap::new(),
            grown: BTreeSet::new(),
            wanted: BTreeMap::new(),
            mirrors: BTreeMap::new(),
            silent: BTreeSet::new(),
            inward: BTreeMap::new(),
            full: BTreeMap::new(),
            guests: BTreeMap::new(),
        }
    }

    pub(super) fn here(&self) -> LoopId {
        self.here
    }

    pub(super) fn poll_dispatch(&mut self) -> Option<Dispatch> {
        self.dispatches.pop_front()
    }

    // --- What the directory says ----------------------------------------------------------------------------

    /// Somebody is about to be allowed something, and the directory has said this.
    pub(super) fn stand(&mut self, standing: Standing) {
        self.standing = Some(standing);
    }

    pub(super) fn take_standing(&mut self) -> Option<Standing> {
        self.standing.take()
    }

    // --- Publishers here, homes elsewhere -------------------------------------------------------------------

    /// The home has been told, see [`Standing::parcel`].
    pub(super) fn publish_inwards(
        &mut self,
        name: &StreamName,
        claim: &Claim,
        publisher: SessionId,
    ) -> ClaimId {
        let inward = Inward {
            name: name.clone(),
            home: claim.home,
            publisher,
            on_air: true,
            is_over: false,
            media: Vec::new(),
            under_way: 0,
            corrections: Corrections::NONE,
        };
        self.inward.insert(claim.id, inward);
        claim.id
    }

    /// Whether players get it, as far as is known.
    pub(super) fn append(&mut self, id: ClaimId, media: &Media) -> Result<bool, Replaced> {
        let on_air = self.is_on_air(id)?;
        if let Some(inward) = self.inward.get_mut(&id) {
            inward.media.push(media.clone());
        }
        Ok(on_air)
    }

    pub(super) fn is_on_air(&self, id: ClaimId) -> Result<bool, Replaced> {
        let inward = self.inward.get(&id).filter(|inward| !inward.is_over);
        inward.map(|inward| inward.on_air).ok_or(Replaced)
    }

    /// A home has told whether players get what somebody here sends.
    pub(super) fn note_on_air(&mut self, id: ClaimId, on_air: bool) {
        if let Some(inward) = self.inward.get_mut(&id) {
            inward.on_air = on_air;
        }
    }

    /// A home has told that another publisher has taken the place of somebody here.
    pub(super) fn replaced(&mut self, id: ClaimId) {
        if let Some(inward) = self.inward.get_mut(&id) {
            inward.is_over = true;
        }
    }

    /// Passes on what was appended.
    pub(super) fn pass_media(&mut self, id: ClaimId) {
        let Some(inward) = self.inward.get_mut(&id) else { return };
        let media = std::mem::take(&mut inward.media);
        if !media.is_empty() {
            let was_full = inward.is_full();
            inward.under_way += media.iter().map(media_cost).sum::<usize>();
            if !was_full && inward.is_full() {
                *self.full.entry(inward.publisher).or_default() += 1;
            }
            let home = inward.home;
            self.pass(home, Parcel::Media { claim: id, media });
        }
    }

    pub(super) fn unpublish_inwards(&mut self, id: ClaimId, parting: Parting) {
        self.pass_media(id);
        if let Some(inward) = self.inward.remove(&id) {
            if inward.is_full() {
                self.is_full_no_more(inward.publisher);
            }
            self.pass(inward.home, Parcel::Unpublish { claim: id, parting });
            // Whoever claims the name from here on comes to its home behind that.
            self.notify(Notice::Parted { name: inward.name, claim: id });
        }
    }

    /// Something was taken at a home; whose connection may go on by that.
    pub(super) fn media_taken(&mut self, id: ClaimId, cost: usize) -> Option<SessionId> {
        let inward = self.inward.get_mut(&id)?;
        let was_full = inward.is_full();
        inward.under_way = inward.under_way.saturating_sub(cost);
        let goes_on = was_full && !inward.is_full();
        let publisher = inward.publisher;
        if goes_on {
            self.is_full_no_more(publisher);
        }
        goes_on.then_some(publisher)
    }

    /// What a home has told of a publisher's timestamps.
    pub(super) fn note_corrections(&mut self, id: ClaimId, corrections: Corrections) {
        if let Some(inward) = self.inward.get_mut(&id) {
            inward.corrections = corrections;
        }
    }

    pub(super) fn corrections(&self, id: ClaimId) -> Result<Corrections, Replaced> {
        let inward = self.inward.get(&id).filter(|inward| !inward.is_over);
        inward.map(|inward| inward.corrections).ok_or(Replaced)
    }

    fn is_full_no_more(&mut self, publisher: SessionId) {
        let count = self.full.get_mut(&publisher).expect("it was counted when it was full");
        *count -= 1;
        if *count == 0 {
            self.full.remove(&publisher);
        }
    }

    /// Whether nothing may be read of a connection, since what it publishes is not taken at its home.
    pub(super) fn hold_up(&self, publisher: SessionId) -> bool {
        self.full.contains_key(&publisher)
    }

    // --- Homes here -----------------------------------------------------------------------------------------

    pub(super) fn has_appended(&mut self, stream: StreamId) {
        if self.homes.get(&stream).is_some_and(|home| !home.outward.is_empty()) {
            self.grown.insert(stream);
        }
    }

    pub(super) fn take_grown(&mut self) -> Option<StreamId> {
        self.grown.pop_first()
    }

    /// A stream has nobody left who holds it.
    pub(super) fn forget(&mut self, stream: StreamId, name: &StreamName) {
        self.grown.remove(&stream);
        self.silent.remove(&stream);
        if let Some(Home { claim, .. }) = self.homes.remove(&stream) {
            self.notify(Notice::Released { name: name.clone(), claim });
        }
    }

    pub(super) fn report(&self) -> Vec<CrossingReport> {
        let of_home = |home: &Home| -> Vec<CrossingReport> {
            let of_one = |outward: &Outward| CrossingReport {
                name: home.name.clone(),
                from: self.here,
                to: outward.to,
                frames: outward.frames,
                lost: outward.lost,
            };
            home.outward.iter().map(of_one).collect()
        };
        self.homes.values().flat_map(of_home).collect()
    }

    /// Streams that cross to other loops, or come from there.
    pub(super) fn streams(&self) -> impl Iterator<Item = StreamId> {
        let mirrors = self.mirrors.values().map(|mirror| mirror.stream);
        let guests = self.guests.values().map(|guest| guest.stream);
        self.homes.keys().copied().chain(mirrors).chain(guests)
    }

    pub(super) fn debug_check(&self) {
        if cfg!(debug_assertions) {
            self.check();
        }
    }

    /// Whether nothing is kept of anybody.
    pub(super) fn are_empty(&self) -> bool {
        let Self { homes, wanted, mirrors, inward, guests, full, silent, .. } = self;
        homes.is_empty()
            && wanted.is_empty()
            && mirrors.is_empty()
            && inward.is_empty()
            && guests.is_empty()
            && full.is_empty()
            && silent.is_empty()
    }

    /// See [`Server::check`](super::Server::check).
    pub(super) fn check(&self) {
        for (ticket, mirror) in &self.mirrors {
            let wanted = self.wanted.get(&mirror.name);
            assert!(
                wanted.is_some_and(|wanted| wanted.ticket == *ticket && wanted.players > 0),
                "1: whatever is mirrored is wanted"
            );
            assert!(
                !self.homes.contains_key(&mirror.stream),
                "2: a stream is not mirrored where it is at home"
            );
        }
        for home in self.homes.values() {
            let to: BTreeSet<_> = home.outward.iter().map(|outward| outward.to).collect();
            assert_eq!(to.len(), home.outward.len(), "3: a home has one way to each other loop");
            assert!(!to.contains(&self.here), "4: and none to itself");
        }
        let full = self.inward.values().filter(|inward| inward.is_full()).count();
        assert_eq!(
            full,
            self.full.values().map(|&count| count as usize).sum(),
            "5: those that are full are counted"
        );
        for home in self.homes.values() {
            for claimant in home.claimants.iter().flatten() {
                let guest_of = self.guests.get(&claimant.claim).map(|guest| guest.from);
                assert_eq!(guest_of, claimant.guest_of, "8: a guest publishes what is at home here");
                assert!(claimant.claim <= home.claim, "9: a home knows its latest claim");
            }
        }
        assert!(
            self.silent.iter().all(|stream| self.homes.contains_key(stream)),
            "10: who is silent publishes something that is at home here"
        );
        assert!(self.grown.is_empty(), "6: what has grown has crossed");
        assert!(self.standing.is_none(), "7: what the directory said was taken up, or given back");
    }

    /// Whatever was dispatched since there were so many is one.
    fn part(&mut self, since: usize) {
        let (mut parcels, mut notices) = (Vec::new(), Vec::new());
        for dispatch in self.dispatches.drain(since..) {
            match dispatch {
                Dispatch::ToLoop(to, parcel) => parcels.push((to, parcel)),
                Dispatch::ToDirectory(notice) => notices.push(notice),
                Dispatch::Parting { .. } => unreachable!("one publisher parts"),
            }
        }
        self.dispatches.push_back(Dispatch::Parting { parcels, notices });
    }

    fn pass(&mut self, to: LoopId, parcel: Parcel) {
        self.dispatches.push_back(Dispatch::ToLoop(to, parcel));
    }

    fn notify(&mut self, notice: Notice) {
        self.dispatches.push_back(Dispatch::ToDirectory(notice));
    }
}

impl Inward {
    fn is_full(&self) -> bool {
        self.under_way >= limits::CROSSING_BYTES
    }
}

impl Outward {
    fn new(to: LoopId, ticket: Ticket, relay: Relay) -> Self {
        Self { to, ticket, relay, sequence: 0, frames: 0, lost: Gap::default(), under_way: 0 }
    }

    /// Takes from the tape what there is, or as much as there is room for.
    fn load(&mut self, stream: &Stream) -> Option<Parcel> {
        let mut passages = Vec::new();
        while self.under_way < limits::CROSSING_BYTES
            && let Some(passage) = stream.carry(&mut self.relay)
        {
            self.under_way += passage.cost();
            passages.push(passage);
        }
        if self.under_way >= limits::CROSSING_BYTES {
            self.relay.fall_behind();
        }
        self.parcel(passages)
    }

    fn parcel(&mut self, passages: Vec<Passage>) -> Option<Parcel> {
        let sequence = self.sequence;
        self.sequence += passages.len() as u64;
        for passage in &passages {
            match passage {
                Passage::Frame { .. } => self.frames += 1,
                Passage::Resume { lost, .. } => self.lost.add(*lost),
                Passage::Splice { .. } | Passage::End(_) => {}
            }
        }
        (!passages.is_empty()).then_some(Parcel::Carry { ticket: self.ticket, sequence, passages })
    }
}
