//! Directory: at which loop a stream is at home, and which loops want it.
//!
//! Asked when somebody begins to publish or to play, and told when they end: rarely enough for all loops to share one behind a
//! lock. Whoever comes to hold that lock first has the name, until another one's bid wins.
//!
//! Invariants: a name is known exactly while it has a home or somebody wants it. It has one home at most, and that one
//! publisher of each role at most. A home hears of its publishers in the order of their claims. No more than `limits::STREAMS`
//! names are known because they are wanted, and `limits::STREAMS_RESERVED` more to be published.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::hub::{
    Bid, Credential, Held, NameInUse, PublishRefused, PublisherRole, Purpose, StreamConfig, TooManyStreams,
};
use crate::name::StreamName;
use crate::per_app::PerApp;
use crate::session::{Refusal, Request, RequestKind};

use super::{ClaimId, LoopId, Notice, Parcel, Ticket};

/// Who is at home where, and who wants what.
#[derive(Debug, Default)]
pub struct Directory {
    streams: PerApp<Arc<StreamConfig>>,
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
    /// The latest that was given, whoever has it and whether that one is still there.
    latest: ClaimId,
    /// Those who are there. Without any the grace runs.
    claimants: [Option<Claimant>; PublisherRole::ALL.len()],
}

/// A publisher.
#[derive(Debug)]
struct Claimant {
    claim: ClaimId,
    credential: Option<Credential>,
    /// As its home has told.
    is_silent: bool,
}

impl Home {
    fn is_taken(&self) -> bool {
        self.claimants.iter().any(Option::is_some)
    }

    fn claimant(&mut self, claim: ClaimId) -> Option<&mut Option<Claimant>> {
        self.claimants
            .iter_mut()
            .find(|claimant| claimant.as_ref().is_some_and(|claimant| claimant.claim == claim))
    }
}

/// That somebody may publish a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Names this publisher from here on.
    pub id: ClaimId,
    /// With what it came.
    pub bid: Bid,
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

impl Claim {
    /// What the home of the stream is to be told of a publisher elsewhere. To be passed there before the directory's lock is
    /// let go.
    pub fn parcel(&self, name: &StreamName) -> Parcel {
        let Claim { id, bid, wanted, .. } = self.clone();
        Parcel::Publish { name: name.clone(), claim: id, bid, wanted }
    }
}

impl Standing {
    /// What is to be passed on, and to whom, before the directory's lock is let go: that somebody here publishes a stream that
    /// is at home elsewhere.
    pub fn parcel(&self, here: LoopId) -> Option<(LoopId, Parcel)> {
        match self {
            Standing::Claimed(name, claim) if claim.home != here => Some((claim.home, claim.parcel(name))),
            Standing::Claimed(..) | Standing::Wanted(..) => None,
        }
    }
}

impl Directory {
    /// Nobody is anywhere. What holds for the streams is said as to each [`Server`](crate::server::Server).
    pub fn new(streams: PerApp<Arc<StreamConfig>>) -> Self {
        Self { streams, ..Self::default() }
    }

    /// Asks for whomever a server may allow something. To be passed to
    /// [`Server::allow_among`](crate::server::Server::allow_among), which says how.
    ///
    /// # Errors
    /// The refusal that the peer is to be told.
    pub fn ask(&mut self, request: &Request, here: LoopId) -> Result<Standing, Refusal> {
        let name = request.name.clone();
        match request.kind {
            RequestKind::Publish => {
                let claim = self.claim(&name, here, Bid::of_query(&request.query))?;
                Ok(Standing::Claimed(name, claim))
            }
            RequestKind::Play => {
                let want = self.want(&name, here)?;
                Ok(Standing::Wanted(name, want))
            }
        }
    }

    /// Somebody on a loop wants to publish.
    ///
    /// # Errors
    /// [`PublishRefused`].
    pub fn claim(&mut self, name: &StreamName, by: LoopId, bid: Bid) -> Result<Claim, PublishRefused> {
        let id = ClaimId(self.claims + 1);
        let takeover = self.streams.for_stream(name).takeover;
        let entry = self.entry(name, Purpose::Publish)?;
        let home = entry.home.get_or_insert(Home { at: by, latest: id, claimants: [None, None] });
        let held = |role: PublisherRole| {
            let claimant = home.claimants[role as usize].as_ref()?;
            Some(Held { credential: claimant.credential.as_ref(), is_silent: claimant.is_silent })
        };
        if !takeover.allows(&bid, held(bid.role), held(bid.role.other())) {
            return Err(NameInUse.into());
        }
        home.claimants[bid.role as usize] =
            Some(Claimant { claim: id, credential: bid.credential.clone(), is_silent: false });
        home.latest = id;
        let claim = Claim { id, bid, home: home.at, wanted: entry.wanted.to_vec() };
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
        | Notice::Silent { name, .. }
        | Notice::Released { name, .. }
        | Notice::Unwanted(name)
        | Notice::Unserved { name, .. }) = &notice;
        let entry = self.names.get_mut(name)?;
        let parcel = match &notice {
            Notice::Parted { claim, .. } => {
                // Whoever has taken its place stays.
                if let Some(claimant) = entry.home.as_mut().and_then(|home| home.claimant(*claim)) {
                    *claimant = None;
                }
                None
            }
            Notice::Silent { claim, is_silent, .. } => {
                if let Some(Some(claimant)) = entry.home.as_mut().and_then(|home| home.claimant(*claim)) {
                    claimant.is_silent = *is_silent;
                }
                None
            }
            Notice::Released { claim, .. } => {
                // Whoever has claimed it meanwhile is on the way there, also where that one has gone again.
                entry.home.take_if(|home| home.at == by && home.latest == *claim && !home.is_taken());
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
        let mut directory = directory();
        assert_eq!(directory.claim(&name(), ONE, Bid::default()).unwrap().home, ONE);
        assert_eq!(directory.claim(&name(), TWO, Bid::default()), Err(NameInUse.into()));
        assert_eq!(directory.claim(&name(), ONE, Bid::default()), Err(NameInUse.into()));
    }

    #[test]
    fn whoever_wins_a_name_crosses_to_its_home_and_the_loser_has_nothing_to_give_back() {
        let mut directory = directory();
        let keyed = || Bid { credential: Some(Credential::new("a")), ..Bid::default() };
        let first = directory.claim(&name(), ONE, keyed()).unwrap();
        let second = directory.claim(&name(), TWO, keyed()).unwrap();
        assert_eq!((second.home, second.id > first.id), (ONE, true));
        assert_eq!(directory.claim(&name(), TWO, Bid::default()), Err(NameInUse.into()));
        directory.handle_notice(Notice::Parted { name: name(), claim: first.id }, ONE);
        directory.handle_notice(Notice::Released { name: name(), claim: first.id }, ONE);
        assert_eq!(
            directory.claim(&name(), TWO, Bid::default()),
            Err(NameInUse.into()),
            "the second is there"
        );
        assert_eq!(directory.want(&name(), TWO).unwrap().home, Some(ONE));
    }

    #[test]
    fn a_silent_publisher_can_be_replaced_until_it_is_heard_again() {
        let mut directory = directory();
        let first = directory.claim(&name(), ONE, Bid::default()).unwrap().id;
        let is_silent = |is_silent| Notice::Silent { name: name(), claim: first, is_silent };
        directory.handle_notice(is_silent(true), ONE);
        directory.handle_notice(is_silent(false), ONE);
        assert_eq!(directory.claim(&name(), TWO, Bid::default()), Err(NameInUse.into()));
        directory.handle_notice(is_silent(true), ONE);
        assert!(directory.claim(&name(), TWO, Bid::default()).is_ok());
        // Of the one that was replaced.
        directory.handle_notice(is_silent(true), ONE);
        assert_eq!(directory.claim(&name(), TWO, Bid::default()), Err(NameInUse.into()));
    }

    #[test]
    fn a_home_stays_while_a_backup_is_there() {
        let mut directory = directory();
        let backup = Bid { role: PublisherRole::Backup, ..Bid::default() };
        let main = directory.claim(&name(), ONE, Bid::default()).unwrap().id;
        let standing_by = directory.claim(&name(), TWO, backup.clone()).unwrap();
        assert_eq!(standing_by.home, ONE);
        assert_eq!(directory.claim(&name(), TWO, backup), Err(NameInUse.into()));
        directory.handle_notice(Notice::Parted { name: name(), claim: main }, ONE);
        directory.handle_notice(Notice::Released { name: name(), claim: standing_by.id }, ONE);
        assert_eq!(directory.want(&name(), TWO).unwrap().home, Some(ONE));
        directory.handle_notice(Notice::Parted { name: name(), claim: standing_by.id }, TWO);
        directory.handle_notice(Notice::Released { name: name(), claim: standing_by.id }, ONE);
        assert_eq!(directory.want(&name(), TWO).unwrap().home, None);
    }

    #[test]
    fn within_the_grace_whoever_comes_crosses_to_the_home() {
        let mut directory = directory();
        let first = directory.claim(&name(), ONE, Bid::default()).unwrap().id;
        directory.handle_notice(Notice::Parted { name: name(), claim: first }, ONE);
        let second = directory.claim(&name(), TWO, Bid::default()).unwrap();
        assert_eq!(second.home, ONE);
        // The grace has ended while the publisher was on its way; and that the first has parted is told again.
        directory.handle_notice(Notice::Released { name: name(), claim: first }, ONE);
        directory.handle_notice(Notice::Parted { name: name(), claim: first }, ONE);
        assert_eq!(directory.claim(&name(), ONE, Bid::default()), Err(NameInUse.into()));
        directory.handle_notice(Notice::Parted { name: name(), claim: second.id }, ONE);
        directory.handle_notice(Notice::Released { name: name(), claim: second.id }, ONE);
        assert_eq!(directory.claim(&name(), TWO, Bid::default()).map(|claim| claim.home), Ok(TWO));
    }

    #[test]
    fn a_home_stays_until_it_has_heard_of_whoever_came_and_went() {
        let mut directory = directory();
        let first = directory.claim(&name(), ONE, Bid::default()).unwrap().id;
        directory.handle_notice(Notice::Parted { name: name(), claim: first }, ONE);
        let second = directory.claim(&name(), TWO, Bid::default()).unwrap().id;
        directory.handle_notice(Notice::Parted { name: name(), claim: second }, TWO);
        directory.handle_notice(Notice::Released { name: name(), claim: first }, ONE);
        assert_eq!(directory.want(&name(), TWO).unwrap().home, Some(ONE), "the second is on the way there");
        directory.handle_notice(Notice::Released { name: name(), claim: second }, ONE);
        assert_eq!(directory.want(&name(), TWO).unwrap().home, None);
    }

    #[test]
    fn a_home_is_told_who_wants_its_stream_and_who_does_not_any_more() {
        let mut directory = directory();
        let want = directory.want(&name(), TWO).unwrap();
        assert_eq!(want.home, None);
        assert_eq!(directory.want(&name(), TWO), Ok(want), "the loop wants it once");
        assert_eq!(directory.claim(&name(), ONE, Bid::default()).unwrap().wanted, [(TWO, want.ticket)]);
        assert_eq!(directory.want(&name(), TWO).unwrap().home, Some(ONE));
        let told = directory.handle_notice(Notice::Unwanted(name()), TWO);
        assert!(matches!(told, Some((ONE, Parcel::Unwant { ticket, .. })) if ticket == want.ticket));
        assert_ne!(directory.want(&name(), TWO).unwrap().ticket, want.ticket, "never used twice");
    }

    #[test]
    fn who_finds_no_home_where_it_was_said_to_be_is_sent_to_where_it_is() {
        let mut directory = directory();
        let ticket = directory.want(&name(), TWO).unwrap().ticket;
        let unserved = || Notice::Unserved { name: name(), ticket };
        assert!(directory.handle_notice(unserved(), TWO).is_none());
        directory.claim(&name(), ONE, Bid::default()).unwrap();
        let told = directory.handle_notice(unserved(), TWO);
        assert!(matches!(told, Some((ONE, Parcel::Want { ticket: wanted, .. })) if wanted == ticket));
        directory.handle_notice(Notice::Unwanted(name()), TWO);
        assert!(directory.handle_notice(unserved(), TWO).is_none());
    }

    #[test]
    fn a_name_is_known_while_somebody_is_at_home_or_wants_it() {
        let mut directory = directory();
        directory.want(&name(), ONE).unwrap();
        let claim = directory.claim(&name(), TWO, Bid::default()).unwrap().id;
        directory.handle_notice(Notice::Parted { name: name(), claim }, TWO);
        directory.handle_notice(Notice::Unwanted(name()), ONE);
        assert_eq!(directory.len(), 1);
        directory.handle_notice(Notice::Released { name: name(), claim }, TWO);
        assert!(directory.is_empty());
    }

    #[test]
    fn names_that_are_waited_for_do_not_keep_publishers_out() {
        let mut directory = directory();
        let numbered = |index: usize| -> StreamName { format!("waited/{index}").parse().unwrap() };
        for index in 0..limits::STREAMS {
            directory.want(&numbered(index), ONE).unwrap();
        }
        assert_eq!(directory.want(&name(), ONE), Err(TooManyStreams));
        assert!(directory.want(&numbered(7), TWO).is_ok(), "those that are there can be joined");
        assert!(directory.claim(&name(), ONE, Bid::default()).is_ok());
    }

    fn directory() -> Directory {
        Directory::new(PerApp::default())
    }

    fn name() -> StreamName {
        "live/cam".parse().unwrap()
    }
}
