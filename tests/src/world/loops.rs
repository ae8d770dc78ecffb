//! Loops: the server of a world, or several of them that share their streams.
//!
//! Clients go round the loops as they come. Parcels between loops take no time, but the dice say which is next, so that loops
//! are as far apart as they can be within a moment.
//!
//! Several are driven by the contract of `sol_core::crossing` to the letter: what a loop dispatches is on its way before the
//! directory is asked anything for it; a publisher's loop then has all parcels that have come, a player's none.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::num::NonZeroU32;

use sol_core::crossing::{Directory, Dispatch, LoopId, Parcel, Standing};
use sol_core::ids::{RequestId, SessionId};
use sol_core::load::Load;
use sol_core::name::StreamName;
use sol_core::server::{Output, Server, ServerConfig, TurnedAway};
use sol_core::session::{PeerEnd, Refusal, Session, StaleRequest};
use sol_core::time::Instant;

use super::dice::Dice;

/// One or more.
pub(super) struct Loops {
    servers: Vec<Server>,
    directory: Directory,
    inboxes: Vec<VecDeque<(LoopId, Parcel)>>,
    /// At which the next client arrives.
    next: usize,
    dice: Dice,
}

impl Loops {
    pub(super) fn new(count: NonZeroU32, config: &ServerConfig, dice: Dice) -> Self {
        let server = |index| match count.get() {
            1 => Server::new(config.clone()),
            _ => Server::among(config.clone(), LoopId::new(index), count),
        };
        Self {
            servers: (0..count.get()).map(server).collect(),
            directory: Directory::new(),
            inboxes: (0..count.get()).map(|_| VecDeque::new()).collect(),
            next: 0,
            dice,
        }
    }

    // --- As of one server ----------------------------------------------------------------------------------

    pub(super) fn open(&mut self, entropy: [u8; 32], now: Instant) -> Result<SessionId, TurnedAway> {
        let index = self.next;
        self.next = (index + 1) % self.servers.len();
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

    pub(super) fn allow(
        &mut self,
        id: SessionId,
        request: RequestId,
        now: Instant,
    ) -> Result<(), StaleRequest> {
        if self.servers.len() == 1 {
            return self.servers[0].allow(id, request, now);
        }
        let (index, here) = (self.index_of(id), LoopId::new(self.index_of(id) as u32));
        let waiting = self.session(id).and_then(Session::waiting).filter(|waiting| waiting.id == request);
        let Some(waiting) = waiting.cloned() else { return Err(StaleRequest(request)) };
        match self.directory.ask(&waiting, here) {
            Ok(standing) => {
                let before = match standing {
                    Standing::Claimed(..) => std::mem::take(&mut self.inboxes[index]),
                    Standing::Wanted(..) => VecDeque::new(),
                };
                // The others go on meanwhile, for as long as the dice say.
                for _ in 1..self.dice.up_to(4) {
                    self.deliver_beside(index, now);
                }
                for (from, parcel) in before {
                    self.servers[index].handle_parcel(from, parcel, now);
                }
                self.servers[index].allow_among(id, request, standing, now)
            }
            Err(refusal) => self.servers[index].refuse(id, request, &refusal, now),
        }
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

    pub(super) fn shut_down(&mut self, now: Instant) {
        for server in &mut self.servers {
            server.shut_down(now);
        }
    }

    /// What is to be done but for what passes from one loop to another.
    pub(super) fn poll(&mut self) -> Option<Output> {
        for index in 0..self.servers.len() {
            while let Some(output) = self.servers[index].poll() {
                match output {
                    Output::Dispatch(dispatch) => self.post(index, dispatch),
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

    /// One parcel, whichever the dice say, comes to where it goes; whether there was any.
    pub(super) fn deliver(&mut self, now: Instant) -> bool {
        self.deliver_beside(usize::MAX, now)
    }

    /// The same but for those to one loop.
    fn deliver_beside(&mut self, apart: usize, now: Instant) -> bool {
        let waits = |&index: &usize| index != apart && !self.inboxes[index].is_empty();
        let waiting: Vec<usize> = (0..self.inboxes.len()).filter(waits).collect();
        if waiting.is_empty() {
            return false;
        }
        let index = waiting[self.dice.up_to(waiting.len()) - 1];
        if let Some((from, parcel)) = self.inboxes[index].pop_front() {
            self.servers[index].handle_parcel(from, parcel, now);
        }
        true
    }

    /// What a loop has dispatched is on its way.
    fn post(&mut self, from: usize, dispatch: Dispatch) {
        let here = LoopId::new(from as u32);
        let parcel = match dispatch {
            Dispatch::ToLoop(to, parcel) => Some((to, parcel)),
            Dispatch::ToDirectory(notice) => self.directory.handle_notice(notice, here),
        };
        if let Some((to, parcel)) = parcel {
            self.inboxes[to.index()].push_back((here, parcel));
        }
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
