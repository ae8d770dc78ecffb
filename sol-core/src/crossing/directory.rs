//! Directory: at which loop a stream is at home, and which loops want it.
//!
//! Asked when somebody begins to publish or to play, and told when they end: rarely enough for all loops to share one behind a
//! lock. Whoever comes to hold that lock first has the name.
//!
//! Invariants: a name is known exactly while it has a home or somebody wants it. It has one home at most, and that one
//! publisher at most. No more than `limits::STREAMS` names are known because they are wanted, and `limits::STREAMS_RESERVED`
//! more to be published.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::hub::{NameInUse, PublishRefused, Purpose, TooManyStreams};
use crate::name::StreamName;
use crate::session::{Refusal, Request, RequestKind};

use super::{ClaimId, LoopId, Notice, Parcel, Ticket};

/// Who is at home where, and who wants what.
#[derive(Debug, Default)]
pub struct Directory {
    names: BTreeMap<StreamName, Entry>,
    tickets: u64,
    claims: u64,
}

#[derive(Debug, Default)]
struct Entry {
    home: Option<Home>,
    wanted: SmallVec<[(LoopId, Ticket); 4]>,
}

#[derive(Debug)]
struct Home {
    at: LoopId,
    /// Of its latest publisher, wherever that is.
    latest: ClaimId,
    /// That one is there; otherwise the grace runs.
    is_taken: bool,
}

/// That somebody may publish a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Names this publisher in [`Notice::Parted`].
    pub id: ClaimId,
    /// Where the stream is at home: at the loop that asked, or the one to which its publisher has to cross.
    pub home: LoopId,
    /// Who wants it.
    pub wanted: Vec<(LoopId, Ticket)>,
}

/// That a loop wants a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Since when.
    pub ticket: Ticket,
    /// Where the stream is at home, if it is.
    pub home: Option<LoopId>,
}

/// What the directory says to somebody who wants to publish or to play. Not to be dropped: a name that nobody gives back is in
/// use for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The name is this publisher's.
    Claimed(StreamName, Claim),
    /// This player's loop wants the stream.
    Wanted(StreamName, Want),
}

impl Directory {
    /// Nobody is anywhere.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for whomever a server may allow something. To be passed to
    /// [`Server::allow_among`](crate::server::Server::allow_among), when all parcels were passed that came before.
    ///
    /// # Errors
    /// The refusal that the peer is to be told.
    pub fn ask(&mut self, request: &Request, here: LoopId) -> Result<Standing, Refusal> {
        match request.kind {
            RequestKind::Publish => {
                Ok(Standing::Claimed(request.name.clone(), self.claim(&request.name, here)?))
            }
            RequestKind::Play => Ok(Standing::Wanted(request.name.clone(), self.want(&request.name, here)?)),
        }
    }

    /// Somebody on a loop wants to publish.
    ///
    /// # Errors
    /// [`PublishRefused`].
    pub fn claim(&mut self, name: &StreamName, by: LoopId) -> Result<Claim, PublishRefused> {
        let id = ClaimId(self.claims + 1);
        let entry = self.entry(name, Purpose::Publish)?;
        let home = entry.home.get_or_insert(Home { at: by, latest: id, is_taken: false });
        if home.is_taken {
            return Err(NameInUse.into());
        }
        (home.latest, home.is_taken) = (id, true);
        let claim = Claim { id, home: home.at, wanted: entry.wanted.to_vec() };
        self.claims += 1;
        Ok(claim)
    }

    /// Somebody on a loop wants to play. The loop wants the stream from then on, if it did not before.
    ///
    /// # Errors
    /// [`TooManyStreams`].
    pub fn want(&mut self, name: &StreamName, by: LoopId) -> Result<Want, TooManyStreams> {
        let next = Ticket(self.tickets + 1);
        let entry = self.entry(name, Purpose::Play)?;
        let home = entry.home.as_ref().map(|home| home.at);
        if let Some(&(_, ticket)) = entry.wanted.iter().find(|(who, _)| *who == by) {
            return Ok(Want { ticket, home });
        }
        entry.wanted.push((by, next));
        self.tickets += 1;
        Ok(Want { ticket: next, home })
    }

    /// A server has something to tell. What is to be passed on for it, and to whom.
    pub fn handle_notice(&mut self, notice: Notice, by: LoopId) -> Option<(LoopId, Parcel)> {
        let (Notice::Parted { name, .. }
        | Notice::Released { name, .. }
        | Notice::Unwanted(name)
        | Notice::Unserved { name, .. }) = &notice;
        let entry = self.names.get_mut(name)?;
        let parcel = match &notice {
            Notice::Parted { claim, .. } => {
                if let Some(home) = entry.home.as_mut().filter(|home| home.latest == *claim) {
                    home.is_taken = false;
                }
                None
            }
            Notice::Released { claim, .. } => {
                // Whoever has claimed it meanwhile is on the way there, also where that one has gone again.
                entry.home.take_if(|home| home.at == by && home.latest == *claim && !home.is_taken);
                None
            }
            Notice::Unserved { name, ticket } => {
                let (name, ticket) = (name.clone(), *ticket);
                let home = entry.home.as_ref().map(|home| home.at).filter(|&home| home != by);
                let is_wanted = entry.wanted.contains(&(by, ticket));
                home.filter(|_| is_wanted).map(|home| (home, Parcel::Want { name, ticket }))
            }
            Notice::Unwanted(name) => {
                let index = entry.wanted.iter().position(|(who, _)| *who == by)?;
                let (_, ticket) = entry.wanted.remove(index);
                let home = entry.home.as_ref().map(|home| home.at).filter(|&home| home != by);
                home.map(|home| (home, Parcel::Unwant { name: name.clone(), ticket }))
            }
        };
        if entry.home.is_none() && entry.wanted.is_empty() {
            self.names.remove(name);
        }
        parcel
    }

    /// Names that are known.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn entry(&mut self, name: &StreamName, purpose: Purpose) -> Result<&mut Entry, TooManyStreams> {
        if self.names.len() >= purpose.names_max() && !self.names.contains_key(name) {
            return Err(TooManyStreams);
        }
        Ok(self.names.entry(name.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    const ONE: LoopId = LoopId::new(1);
    const TWO: LoopId = LoopId::new(2);

    #[test]
    fn a_name_that_two_loops_claim_has_one_owner() {
        let mut directory = Directory::new();
        assert_eq!(directory.claim(&name(), ONE).unwrap().home, ONE);
        assert_eq!(directory.claim(&name(), TWO), Err(NameInUse.into()));
        assert_eq!(directory.claim(&name(), ONE), Err(NameInUse.into()));
    }

    #[test]
    fn within_the_grace_whoever_comes_crosses_to_the_home() {
        let mut directory = Directory::new();
        let first = directory.claim(&name(), ONE).unwrap().id;
        directory.handle_notice(Notice::Parted { name: name(), claim: first }, ONE);
        let second = directory.claim(&name(), TWO).unwrap();
        assert_eq!(second.home, ONE);
        // The grace has ended while the publisher was on its way; and that the first has parted is told again.
        directory.handle_notice(Notice::Released { name: name(), claim: first }, ONE);
        directory.handle_notice(Notice::Parted { name: name(), claim: first }, ONE);
        assert_eq!(directory.claim(&name(), ONE), Err(NameInUse.into()));
        directory.handle_notice(Notice::Parted { name: name(), claim: second.id }, ONE);
        directory.handle_notice(Notice::Released { name: name(), claim: second.id }, ONE);
        assert_eq!(directory.claim(&name(), TWO).map(|claim| claim.home), Ok(TWO));
    }

    #[test]
    fn a_home_stays_until_it_has_heard_of_whoever_came_and_went() {
        let mut directory = Directory::new();
        let first = directory.claim(&name(), ONE).unwrap().id;
        directory.handle_notice(Notice::Parted { name: name(), claim: first }, ONE);
        let second = directory.claim(&name(), TWO).unwrap().id;
        directory.handle_notice(Notice::Parted { name: name(), claim: second }, TWO);
        directory.handle_notice(Notice::Released { name: name(), claim: first }, ONE);
        assert_eq!(directory.want(&name(), TWO).unwrap().home, Some(ONE), "the second is on the way there");
        directory.handle_notice(Notice::Released { name: name(), claim: second }, ONE);
        assert_eq!(directory.want(&name(), TWO).unwrap().home, None);
    }

    #[test]
    fn a_home_is_told_who_wants_its_stream_and_who_does_not_any_more() {
        let mut directory = Directory::new();
        let want = directory.want(&name(), TWO).unwrap();
        assert_eq!(want.home, None);
        assert_eq!(directory.want(&name(), TWO), Ok(want), "the loop wants it once");
        assert_eq!(directory.claim(&name(), ONE).unwrap().wanted, [(TWO, want.ticket)]);
        assert_eq!(directory.want(&name(), TWO).unwrap().home, Some(ONE));
        let told = directory.handle_notice(Notice::Unwanted(name()), TWO);
        assert!(matches!(told, Some((ONE, Parcel::Unwant { ticket, .. })) if ticket == want.ticket));
        assert_ne!(directory.want(&name(), TWO).unwrap().ticket, want.ticket, "never used twice");
    }

    #[test]
    fn who_finds_no_home_where_it_was_said_to_be_is_sent_to_where_it_is() {
        let mut directory = Directory::new();
        let ticket = directory.want(&name(), TWO).unwrap().ticket;
        let unserved = || Notice::Unserved { name: name(), ticket };
        assert!(directory.handle_notice(unserved(), TWO).is_none());
        directory.claim(&name(), ONE).unwrap();
        let told = directory.handle_notice(unserved(), TWO);
        assert!(matches!(told, Some((ONE, Parcel::Want { ticket: wanted, .. })) if wanted == ticket));
        directory.handle_notice(Notice::Unwanted(name()), TWO);
        assert!(directory.handle_notice(unserved(), TWO).is_none());
    }

    #[test]
    fn a_name_is_known_while_somebody_is_at_home_or_wants_it() {
        let mut directory = Directory::new();
        directory.want(&name(), ONE).unwrap();
        let claim = directory.claim(&name(), TWO).unwrap().id;
        directory.handle_notice(Notice::Parted { name: name(), claim }, TWO);
        directory.handle_notice(Notice::Unwanted(name()), ONE);
        assert_eq!(directory.len(), 1);
        directory.handle_notice(Notice::Released { name: name(), claim }, TWO);
        assert!(directory.is_empty());
    }

    #[test]
    fn names_that_are_waited_for_do_not_keep_publishers_out() {
        let mut directory = Directory::new();
        let numbered = |index: usize| -> StreamName { format!("waited/{index}").parse().unwrap() };
        for index in 0..limits::STREAMS {
            directory.want(&numbered(index), ONE).unwrap();
        }
        assert_eq!(directory.want(&name(), ONE), Err(TooManyStreams));
        assert!(directory.want(&numbered(7), TWO).is_ok(), "those that are there can be joined");
        assert!(directory.claim(&name(), ONE).is_ok());
    }

    fn name() -> StreamName {
        "live/cam".parse().unwrap()
    }
}
