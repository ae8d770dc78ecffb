//! Loops: the server of a world, or several of them that share their streams.
//!
//! Clients go round the loops as they come, unless a test says where the next one does.
//!
//! Several are driven by the contract of `sol_core::crossing` to the letter: what a loop dispatches is on its way before the
//! directory is asked anything for it; a publisher's loop then has all parcels that have come, a player's none.

use std::io::IoSlice;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use sol_core::crossing::{ClaimId, Directory, Dispatch, LoopId, Parcel, Standing};
use sol_core::hub::{Bid, Corrections, Parting, PublishRefused};
use sol_core::ids::{RequestId, SessionId};
use sol_core::limits;
use sol_core::load::Load;
use sol_core::name::StreamName;
use sol_core::participant::RoleReport;
use sol_core::server::{Output, Server, ServerConfig, TurnedAway};
use sol_core::session::{PeerEnd, ReconnectRequest, Refusal, Session, StaleRequest};
use sol_core::time::Instant;

use super::dice::Dice;
use super::post::Post;
use super::within::{Inside, MediaWithin};

/// One or more.
pub(super) struct Loops {
    servers: Vec<Server>,
    directory: Directory,
    pub(super) post: Post,
    /// What was taken of publishers within the process, and they do not know yet.
    taken: Vec<(ClaimId, usize)>,
    /// What was corrected of them, and they do not know yet.
    corrected: Vec<(ClaimId, Corrections)>,
    /// Those of them that were replaced, and do not know yet.
    replaced: Vec<ClaimId>,
    /// At which the next client arrives.
    next: usize,
    /// Those that have asked the directory and not gone on.
    busy: Vec<usize>,
}

/// What the directory said.
pub(super) struct Asked {
    session: SessionId,
    request: RequestId,
    /// Nothing, where there is no directory.
    standing: Option<Result<Standing, Refusal>>,
    /// What had come before, and is to be looked at first.
    before: Vec<(LoopId, Parcel)>,
}

impl Loops {
    pub(super) fn new(count: NonZeroU32, config: &ServerConfig, dice: Dice) -> Self {
        let server = |index| match count.get() {
            1 => Server::new(config.clone()),
            _ => Server::among(config.clone(), LoopId::new(index), count),
        };
        Self {
            servers: (0..count.get()).map(server).collect(),
            directory: Directory::new(config.stream.clone()),
            post: Post::new(count.get() as usize, dice),
            taken: Vec::new(),
            corrected: Vec::new(),
            replaced: Vec::new(),
            next: 0,
            busy: Vec::new(),
        }
    }

    // --- As of one server ----------------------------------------------------------------------------------

    pub(super) fn open(&mut self, entropy: [u8; 32], now: Instant) -> Result<SessionId, TurnedAway> {
        let index = self.go_round();
        self.servers[index].open(entropy, now)
    }

    pub(super) fn handle_input(&mut self, id: SessionId, bytes: &[u8], now: Instant) {
        self.of_mut(id).handle_input(id, bytes, now);
    }

    pub(super) fn handle_sent(&mut self, id: SessionId, count: usize, now: Instant) {
        self.of_mut(id).handle_sent(id, count, now);
    }

    pub(super) fn handle_end(&mut self, id: SessionId, end: PeerEnd, now: Instant) {
        self.of_mut(id).handle_end(id, end, now);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for server in &mut self.servers {
            server.handle_timeout(now);
        }
    }

    /// Asks whether somebody may have what it was allowed. Its loop does nothing else until [`Loops::allow`].
    ///
    /// # Errors
    /// [`StaleRequest`] if the request does not wait.
    pub(super) fn ask(
        &mut self,
        id: SessionId,
        request: RequestId,
        now: Duration,
    ) -> Result<Asked, StaleRequest> {
        let (session, index) = (id, self.index_of(id));
        let mut asked = Asked { session, request, standing: None, before: Vec::new() };
        if self.servers.len() > 1 {
            let waiting = self.session(id).and_then(Session::waiting);
            let waiting = waiting.filter(|waiting| waiting.id == request).cloned();
            let waiting = waiting.ok_or(StaleRequest(request))?;
            let here = LoopId::new(index as u32);
            let standing = self.directory.ask(&waiting, here);
            if let Ok(Standing::Claimed(..)) = standing {
                asked.before = self.post.take(index);
            }
            if let Some((to, parcel)) = standing.as_ref().ok().and_then(|standing| standing.parcel(here)) {
                self.post.send(here, to, parcel, now);
            }
            asked.standing = Some(standing);
        }
        self.busy.push(index);
        Ok(asked)
    }

    /// Goes on with what the directory said.
    pub(super) fn allow(&mut self, asked: Asked, now: Instant) -> Result<(), StaleRequest> {
        let Asked { session: id, request, standing, before } = asked;
        let index = self.index_of(id);
        self.busy.retain(|&busy| busy != index);
        let server = &mut self.servers[index];
        for (from, parcel) in before {
            server.handle_parcel(from, parcel, now);
        }
        match standing {
            None => server.allow(id, request, now),
            Some(Ok(standing)) => server.allow_among(id, request, standing, now),
            Some(Err(refusal)) => server.refuse(id, request, &refusal, now),
        }
    }

    /// Whether those go on meanwhile that have not asked.
    pub(super) fn others_go_on(&mut self) -> bool {
        self.servers.len() > 1 && self.post.toss()
    }

    /// Whether the loop of this session has asked the directory, and not gone on.
    pub(super) fn is_busy(&self, session: SessionId) -> bool {
        self.busy.contains(&self.index_of(session))
    }

    pub(super) fn refuse(
        &mut self,
        id: SessionId,
        request: RequestId,
        why: &Refusal,
        now: Instant,
    ) -> Result<(), StaleRequest> {
        self.of_mut(id).refuse(id, request, why, now)
    }

    pub(super) fn set_load(&mut self, load: Load) {
        for server in &mut self.servers {
            server.set_load(load);
        }
    }

    pub(super) fn begin_to_drain(&mut self, request: &Arc<ReconnectRequest>, now: Instant) {
        for server in &mut self.servers {
            server.drain(Arc::clone(request), now);
        }
    }

    pub(super) fn shut_down(&mut self, now: Instant) {
        for server in &mut self.servers {
            server.shut_down(now);
        }
    }

    /// What is to be done but for what passes from one loop to another.
    pub(super) fn poll(&mut self, now: Duration) -> Option<Output> {
        let busy = self.busy.clone();
        for index in (0..self.servers.len()).filter(|index| !busy.contains(index)) {
            while let Some(output) = self.servers[index].poll() {
                match output {
                    Output::Dispatch(dispatch) => self.dispatch(index, dispatch, now),
                    output @ (Output::Event(..) | Output::Writable(_) | Output::Readable(_)) => {
                        return Some(output);
                    }
                }
            }
        }
        None
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.servers.iter().filter_map(Server::poll_timeout).min()
    }

    pub(super) fn outbound<'a>(&'a self, id: SessionId, slices: &mut [IoSlice<'a>]) -> usize {
        self.of(id).outbound(id, slices)
    }

    pub(super) fn wants_input(&self, id: SessionId) -> bool {
        self.of(id).wants_input(id)
    }

    pub(super) fn session(&self, id: SessionId) -> Option<&Session> {
        self.of(id).session(id)
    }

    /// What one session publishes and plays.
    pub(super) fn roles(&mut self, id: SessionId, now: Instant) -> Vec<RoleReport> {
        self.of_mut(id).roles(id, now)
    }

    /// Looks at everything. No frame is longer than so many bytes.
    pub(super) fn check(&self, frame_bytes_max: usize) {
        for server in &self.servers {
            server.check();
            for (name, stream) in server.hub().streams() {
                let most = stream.config().tape_bytes.min(limits::TAPE_BYTES).max(frame_bytes_max);
                let bytes = stream.tape_bytes();
                assert!(bytes <= most, "the tape of {name} holds {bytes} bytes, more than {most}");
                let (forms, bytes) = (stream.form_count(), stream.form_bytes());
                assert!(forms <= FORMS_MAX, "{name} is made in {forms} forms");
                assert!(bytes <= forms * most, "{forms} forms of {name} hold {bytes} bytes");
            }
        }
    }

    /// Streams on all loops.
    pub(super) fn hub_sizes(&self) -> usize {
        self.servers.iter().map(|server| server.hub().len()).sum()
    }

    pub(super) fn session_count(&self) -> usize {
        self.servers.iter().map(Server::session_count).sum()
    }

    /// Bytes of frames on all tapes, on the loop that has most.
    pub(super) fn tape_bytes(&self) -> usize {
        self.servers.iter().map(|server| server.hub().tape_bytes()).max().unwrap_or_default()
    }

    pub(super) fn tape_bytes_of(&self, name: &StreamName) -> usize {
        let of_one = |server: &Server| {
            let mut streams = server.hub().streams().filter(|&(other, _)| other == name);
            streams.next().map(|(_, stream)| stream.tape_bytes())
        };
        self.servers.iter().filter_map(of_one).max().unwrap_or_default()
    }

    /// How many forms of one stream are made, on the loop that has most, and the bytes on their tapes.
    pub(super) fn forms_of(&self, name: &StreamName) -> (usize, usize) {
        let of_one = |server: &Server| {
            let mut streams = server.hub().streams().filter(|&(other, _)| other == name);
            streams.next().map(|(_, stream)| (stream.form_count(), stream.form_bytes()))
        };
        self.servers.iter().filter_map(of_one).max().unwrap_or_default()
    }

    /// Names of streams that somebody holds.
    pub(super) fn stream_count(&self) -> usize {
        match &self.servers[..] {
            [alone] => alone.hub().len(),
            _ => self.directory.len(),
        }
    }

    /// Whether there is no stream, and nobody remembers one.
    pub(super) fn are_empty(&self) -> bool {
        self.servers.iter().all(|server| server.hub().is_empty()) && self.directory.is_empty()
    }

    // --- Of several ----------------------------------------------------------------------------------------

    /// The next client comes there.
    pub(super) fn next_at(&mut self, index: usize) {
        assert!(index < self.servers.len(), "there are {} loops", self.servers.len());
        self.next = index;
    }

    /// One parcel comes to where it goes, unless that loop is busy; whether there was any.
    pub(super) fn deliver(&mut self, now: Instant) -> bool {
        let next = self.post.deliver(&self.busy, now.since_epoch());
        let Some((to, from, parcel)) = next else { return false };
        self.servers[to].handle_parcel(from, parcel, now);
        true
    }

    /// Somebody within the process begins to publish.
    pub(super) fn publish_within(
        &mut self,
        name: StreamName,
        bid: &Bid,
        media: MediaWithin,
        now: Duration,
    ) -> Result<Inside, PublishRefused> {
        assert!(self.servers.len() > 1, "a server that is alone has no directory");
        let by = LoopId::new(self.go_round() as u32);
        let claim = self.directory.claim(&name, by, bid.clone())?;
        self.pass_from_within(claim.home, claim.parcel(&name), now);
        Ok(Inside::begin(name, &claim, media, now))
    }

    pub(super) fn pass_from_within(&mut self, home: LoopId, parcel: Parcel, now: Duration) {
        self.post.send(LoopId::WITHIN, home, parcel, now);
    }

    /// Somebody within the process publishes no more.
    pub(super) fn part(&mut self, inside: &mut Inside, parting: Parting, now: Duration) {
        let Some(((home, parcel), parted)) = inside.part(parting) else { return };
        self.pass_from_within(home, parcel, now);
        let told = self.directory.handle_notice(parted, LoopId::WITHIN);
        assert!(told.is_none(), "nothing follows for others from one that has parted");
    }

    /// What was taken of publishers within the process since.
    pub(super) fn take_taken(&mut self) -> Vec<(ClaimId, usize)> {
        std::mem::take(&mut self.taken)
    }

    /// What was corrected of publishers within the process, as far as that was told since.
    pub(super) fn take_corrected(&mut self) -> Vec<(ClaimId, Corrections)> {
        std::mem::take(&mut self.corrected)
    }

    /// Publishers within the process that were replaced since.
    pub(super) fn take_replaced(&mut self) -> Vec<ClaimId> {
        std::mem::take(&mut self.replaced)
    }

    /// What a loop has dispatched is on its way.
    fn dispatch(&mut self, from: usize, dispatch: Dispatch, now: Duration) {
        let here = LoopId::new(from as u32);
        let parcel = match dispatch {
            Dispatch::ToLoop(to, parcel) => Some((to, parcel)),
            Dispatch::ToDirectory(notice) => self.directory.handle_notice(notice, here),
            Dispatch::Parting { parcels, notices } => {
                for (to, parcel) in parcels {
                    self.pass(here, to, parcel, now);
                }
                for notice in notices {
                    let told = self.directory.handle_notice(notice, here);
                    assert!(told.is_none(), "nothing is to be passed on for it");
                }
                None
            }
        };
        if let Some((to, parcel)) = parcel {
            self.pass(here, to, parcel, now);
        }
    }

    fn pass(&mut self, here: LoopId, to: LoopId, parcel: Parcel, now: Duration) {
        if to != LoopId::WITHIN {
            return self.post.send(here, to, parcel, now);
        }
        match parcel {
            Parcel::MediaTaken { claim, cost } => self.taken.push((claim, cost)),
            Parcel::Replaced { claim } => self.replaced.push(claim),
            Parcel::Corrected { claim, corrections } => self.corrected.push((claim, corrections)),
            // Nobody there has asked.
            Parcel::OnAir { .. } => {}
            parcel => panic!("whoever publishes from within is told nothing else: {parcel:?}"),
        }
    }

    fn go_round(&mut self) -> usize {
        let index = self.next;
        self.next = (index + 1) % self.servers.len();
        index
    }

    fn index_of(&self, id: SessionId) -> usize {
        (id.get() as usize - 1) % self.servers.len()
    }

    fn of(&self, id: SessionId) -> &Server {
        &self.servers[self.index_of(id)]
    }

    fn of_mut(&mut self, id: SessionId) -> &mut Server {
        let index = self.index_of(id);
        &mut self.servers[index]
    }
}

/// The two of the default track, and those of others.
const FORMS_MAX: usize = 2 + limits::TRACK_FORMS;
