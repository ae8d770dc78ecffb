//! Server: participants and hub together, for one thread.
//!
//! The composition that an event loop, a simulation or an embedder drives when one thread is enough. It opens,
//! feeds and drains many sessions as [`Session`] is driven alone, and wakes players when their stream advances.
//!
//! A run is a function of the calls: sessions are numbered in the order in which they open, and what follows from one call
//! happens in a fixed order: for the session that was touched, then for those who wait, by stream and in the order in which
//! they caught up, but that one who comes may take the place of one who left.

mod armed;
mod checks;
mod config;
mod crossings;
mod deadlines;
mod local;
mod output;
mod report;
mod slots;
mod turned_away;

pub use config::{KeepAlive, ServerConfig, SocketConfig};
pub use output::Output;
pub use report::{ConnectionReport, CrossingReport, NamesWithin, Peer, Report};
pub use turned_away::TurnedAway;

use std::collections::{BTreeSet, VecDeque};
use std::hint::black_box;
use std::io::IoSlice;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::crossing::{LoopId, Parcel, Standing};
use crate::hub::Hub;
use crate::ids::{RequestId, SessionId};
use crate::limits;
use crate::load::Load;
use crate::participant::{Event, Participant, RoleReport};
use crate::session::{PeerEnd, ReconnectRequest, Refusal, Session, SessionConfig, Stage, StaleRequest};
use crate::time::Instant;

use crossings::Crossings;
use local::{Local, Seat};
use slots::{SessionNumbers, Slots};

/// All sessions and streams of one thread.
///
/// Calls for a session that is over have no effect: its end may cross with what the driver was about to say.
#[derive(Debug)]
pub struct Server {
    config: Arc<SessionConfig>,
    slots: Slots,
    connections_max: usize,
    local: Local,
    events: VecDeque<(SessionId, Event)>,
    /// The session whose end was told last.
    told_over: Option<SessionId>,
    /// Sessions whose input is wanted again.
    readable: VecDeque<SessionId>,
    /// Sessions that may have something to write.
    writable: VecDeque<SessionId>,
    /// Players whose stream has advanced.
    woken: VecDeque<SessionId>,
    /// When something was touched last.
    now: Instant,
    deadlines: BTreeSet<(Instant, SessionId)>,
    stage: Stage,
}

impl Server {
    /// A server without connections, and without others beside it.
    pub fn new(config: ServerConfig) -> Self {
        Self::with(config, None, SessionNumbers::ALL)
    }

    /// One of several servers that share their streams: loop `here` of so many. Of each connection all calls go to the server
    /// that it was opened at. See [`crate::crossing`].
    ///
    /// # Panics
    /// If there is no such loop.
    pub fn among(config: ServerConfig, here: LoopId, loops: NonZeroU32) -> Self {
        assert!(here.index() < loops.get() as usize, "loops are counted from 0");
        let numbers = SessionNumbers { first: here.index() as u64 + 1, step: u64::from(loops.get()) };
        Self::with(config, Some(Crossings::new(here)), numbers)
    }

    fn with(config: ServerConfig, crossings: Option<Crossings>, numbers: SessionNumbers) -> Self {
        Self {
            local: Local::new(Hub::new(config.stream, config.session.chunk_size), crossings),
            config: Arc::new(config.session),
            slots: Slots::new(numbers),
            connections_max: config.connections_max.min(limits::CONNECTIONS),
            events: VecDeque::new(),
            told_over: None,
            readable: VecDeque::new(),
            writable: VecDeque::new(),
            woken: VecDeque::new(),
            now: Instant::EPOCH,
            deadlines: BTreeSet::new(),
            stage: Stage::default(),
        }
    }

    /// A client has connected. `entropy` seeds all randomness of its session; no two sessions may share one.
    ///
    /// # Errors
    /// [`TurnedAway::TooManyConnections`], [`TurnedAway::Draining`] or [`TurnedAway::Shutdown`]: close the transport.
    pub fn open(&mut self, entropy: [u8; 32], now: Instant) -> Result<SessionId, TurnedAway> {
        if let Some(why) = TurnedAway::at(&self.stage) {
            return Err(why);
        }
        if self.session_count() >= self.connections_max {
            return Err(TurnedAway::TooManyConnections { max: self.connections_max });
        }
        let session = Session::accept(Arc::clone(&self.config), entropy, now);
        let id = self.slots.take(Participant::new(session));
        self.touch(id, now, |_, _| {});
        Ok(id)
    }

    /// See [`Session::handle_input`].
    pub fn handle_input(&mut self, id: SessionId, bytes: &[u8], now: Instant) {
        self.touch(id, now, |participant, local| participant.handle_input(bytes, local, now));
    }

    /// See [`Session::handle_sent`].
    pub fn handle_sent(&mut self, id: SessionId, count: usize, now: Instant) {
        self.touch(id, now, |participant, local| participant.handle_sent(count, local, now));
    }

    /// See [`Session::handle_end`].
    pub fn handle_end(&mut self, id: SessionId, end: PeerEnd, now: Instant) {
        self.touch(id, now, |participant, local| participant.handle_end(end, local, now));
    }

    /// The time of [`Server::poll_timeout`] has come. Harmless when it has not.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(stream) = self.local.scheduled.take_due(now) {
            if self.local.hub.stream_mut(stream).handle_timeout(now) {
                self.local.advanced.insert(stream);
            }
            self.local.schedule_stream(stream);
            self.local.check_home(stream, now);
        }
        self.follow(now);
        while let Some(&(at, id)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.pop_first();
            let Some(occupant) = self.slots.get_mut(id) else { continue };
            occupant.scheduled = None;
            // One that has moved back is found out here: that costs less than moving it with every byte.
            if occupant.is_due(now) {
                self.touch(id, now, |participant, local| participant.handle_timeout(local, now));
            } else {
                self.schedule(id);
            }
        }
    }

    /// See [`Participant::allow`].
    ///
    /// # Errors
    /// [`StaleRequest`] if the request does not wait, or its session is over.
    ///
    /// # Panics
    /// If the server is one of several: see [`Server::allow_among`].
    pub fn allow(&mut self, id: SessionId, request: RequestId, now: Instant) -> Result<(), StaleRequest> {
        assert!(self.local.crossings.is_none(), "the directory has to be asked first");
        self.touch(id, now, |participant, local| participant.allow(request, local, now))
            .unwrap_or(Err(StaleRequest(request)))
    }

    /// The same for one of several servers:
    ///
    /// 1. [`Server::poll`] until nothing is left.
    /// 2. Ask the [`Directory`](crate::crossing::Directory). Where it says [`Standing::Claimed`], take all parcels that have come
    ///    for this server, and then pass on [`Standing::parcel`] if there is one: both still with the directory's lock held.
    /// 3. Give those that have come to [`Server::handle_parcel`].
    /// 4. Call this, with no other parcels passed since step 2.
    ///
    /// # Errors
    /// [`StaleRequest`] if the request does not wait, or its session is over. A player is wanted no more then; a publisher has
    /// come and vanished, and whoever it replaced is told.
    ///
    /// # Panics
    /// If the server has no others beside it, or the directory was asked for another request.
    pub fn allow_among(
        &mut self,
        id: SessionId,
        request: RequestId,
        standing: Standing,
        now: Instant,
    ) -> Result<(), StaleRequest> {
        self.local.crossings_mut().stand(standing);
        let done = self.touch(id, now, |participant, local| participant.allow(request, local, now));
        // Where it was not taken up.
        self.local.stand_down(now);
        self.follow(now);
        done.unwrap_or(Err(StaleRequest(request)))
    }

    /// See [`Participant::refuse`].
    ///
    /// # Errors
    /// [`StaleRequest`] if the request does not wait, or its session is over.
    pub fn refuse(
        &mut self,
        id: SessionId,
        request: RequestId,
        why: &Refusal,
        now: Instant,
    ) -> Result<(), StaleRequest> {
        self.touch(id, now, |participant, local| participant.refuse(request, why, local, now))
            .unwrap_or(Err(StaleRequest(request)))
    }

    /// How busy the driver is from here on, by which [`Coalesce::Auto`](crate::hub::Coalesce::Auto) steers. A driver that never
    /// says is idle.
    pub fn set_load(&mut self, load: Load) {
        self.local.load = load;
    }

    /// The server goes: see [`Session::handle_stage`]. No connection is accepted any more.
    pub fn shut_down(&mut self, now: Instant) {
        self.enter(Stage::ShutDown, now);
    }

    /// The server will go: see [`Participant::handle_stage`]. No connection is accepted any more. How many are left,
    /// [`Server::session_count`] says; when it is time, [`Server::shut_down`]. Without effect the second time.
    pub fn drain(&mut self, request: Arc<ReconnectRequest>, now: Instant) {
        self.enter(Stage::Draining(request), now);
    }

    /// All sessions hear what the server is about.
    fn enter(&mut self, stage: Stage, now: Instant) {
        if self.stage.go_on_to(stage.clone()) {
            if let Stage::Draining(_) = stage {
                // First, for streams may be played on other loops alone.
                for stream in self.local.hub.drain() {
                    self.local.advanced.insert(stream);
                    self.local.schedule_stream(stream);
                    self.local.check_home(stream, now);
                }
                self.follow(now);
            }
            for id in self.slots.ids() {
                self.touch(id, now, |participant, local| participant.handle_stage(&stage, local, now));
            }
        }
    }

    /// Another of several servers has dispatched this to here. Parcels of one server come in the order in which it dispatched
    /// them, and all of them.
    ///
    /// # Panics
    /// If they do not, or the server has no others beside it.
    pub fn handle_parcel(&mut self, from: LoopId, parcel: Parcel, now: Instant) {
        if let Some(id) = self.local.handle_parcel(from, parcel, now) {
            self.check_input(id);
        }
        self.follow(now);
        self.local.crossings_mut().debug_check();
    }

    /// The next thing that is to be done for the server. After each touch until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(id) = self.told_over.take()
            && let Some(occupant) = self.slots.remove(id)
            && let Some(at) = occupant.scheduled
        {
            self.deadlines.remove(&(at, id));
        }
        loop {
            if let Some(dispatch) = self.local.crossings.as_mut().and_then(Crossings::poll_dispatch) {
                return Some(Output::Dispatch(dispatch));
            }
            if let Some((id, event)) = self.events.pop_front() {
                if matches!(event, Event::Closed { .. }) {
                    self.told_over = Some(id);
                }
                return Some(Output::Event(id, event));
            }
            while let Some(id) = self.readable.pop_front() {
                if self.wants_input(id) {
                    return Some(Output::Readable(id));
                }
            }
            while let Some(id) = self.writable.pop_front() {
                if let Some(occupant) = self.slots.get_mut(id) {
                    occupant.is_listed = false;
                    return Some(Output::Writable(id));
                }
            }
            if self.woken.is_empty() {
                return None;
            }
            self.wake();
        }
    }

    /// When to call [`Server::handle_timeout`]. There may be nothing to do then, and another time is said.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = self.deadlines.first().map(|&(at, _)| at);
        next.into_iter().chain(self.local.scheduled.next()).min()
    }

    /// See [`Session::outbound`].
    pub fn outbound<'a>(&'a self, id: SessionId, slices: &mut [IoSlice<'a>]) -> usize {
        self.slots.get(id).map_or(0, |occupant| occupant.participant.outbound(slices))
    }

    /// See [`Session::wants_input`]. When it turns true again, [`Output::Readable`] tells.
    pub fn wants_input(&self, id: SessionId) -> bool {
        self.session(id).is_some_and(Session::wants_input)
            && self.local.crossings.as_ref().is_none_or(|crossings| !crossings.hold_up(id))
    }

    /// The session, for questions.
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.slots.get(id).map(|occupant| occupant.participant.session())
    }

    /// What each session publishes and plays at this moment, by number. What its streams are, [`Server::hub`] tells.
    pub fn report(&mut self, now: Instant) -> Vec<(SessionId, Vec<RoleReport>)> {
        let local = &mut self.local;
        self.slots.iter().map(|occupant| (occupant.id, occupant.participant.report(local, now))).collect()
    }

    /// The same of one session; nothing once it is over.
    pub fn roles(&mut self, id: SessionId, now: Instant) -> Vec<RoleReport> {
        let (slots, local) = (&self.slots, &mut self.local);
        slots.get(id).map(|occupant| occupant.participant.report(local, now)).unwrap_or_default()
    }

    /// How streams that are at home here cross to other loops at this moment.
    pub fn crossings(&self) -> Vec<CrossingReport> {
        self.local.crossings.as_ref().map(Crossings::report).unwrap_or_default()
    }

    /// Number of sessions whose end was not polled.
    pub fn session_count(&self) -> usize {
        self.slots.len() - usize::from(self.told_over.is_some())
    }

    /// The streams, for questions.
    pub fn hub(&self) -> &Hub {
        &self.local.hub
    }

    /// Touches one session and drains it; then whatever follows from that for others.
    fn touch<R>(
        &mut self,
        id: SessionId,
        now: Instant,
        act: impl FnOnce(&mut Participant<Seat>, &mut Local) -> R,
    ) -> Option<R> {
        let result = self.touch_one(id, act);
        self.follow(now);
        result
    }

    /// Streams that have grown cross to other loops, and whoever waits here for one that has advanced has its turn.
    fn follow(&mut self, now: Instant) {
        while let Some(stream) = self.local.crossings.as_mut().and_then(Crossings::take_grown) {
            self.local.cross(stream);
        }
        while let Some(stream) = self.local.advanced.pop_first() {
            self.woken.extend(self.local.take_armed(stream).into_iter().flatten());
        }
        debug_assert!(now >= self.now, "time goes back from {:?} to {now:?}", self.now);
        self.now = now;
    }

    /// Some of those who were woken have their turn.
    fn wake(&mut self) {
        let now = self.now;
        for _ in 0..BATCH {
            let Some(id) = self.woken.pop_front() else { break };
            if let Some(&later) = self.woken.get(AHEAD) {
                // The cheapest question to it. Nothing waits for the answer.
                black_box(self.slots.get(later).is_some());
            }
            self.touch_one(id, |participant, local| participant.handle_advanced(local, now));
        }
        self.follow(now);
    }

    fn touch_one<R>(
        &mut self,
        id: SessionId,
        act: impl FnOnce(&mut Participant<Seat>, &mut Local) -> R,
    ) -> Option<R> {
        let occupant = self.slots.get_mut(id)?;
        self.local.current = id;
        let result = act(&mut occupant.participant, &mut self.local);
        while let Some(event) = occupant.participant.poll_event() {
            self.events.push_back((id, event));
        }
        if occupant.participant.session().has_output() && !std::mem::replace(&mut occupant.is_listed, true) {
            self.writable.push_back(id);
        }
        self.check_input(id);
        self.schedule(id);
        Some(result)
    }

    /// Whether input of a session is wanted may have changed.
    fn check_input(&mut self, id: SessionId) {
        let is_wanted = self.wants_input(id);
        if let Some(occupant) = self.slots.get_mut(id)
            && std::mem::replace(&mut occupant.is_read, is_wanted) != is_wanted
            && is_wanted
        {
            self.readable.push_back(id);
        }
    }

    /// A session's deadline may have moved forward.
    fn schedule(&mut self, id: SessionId) {
        let Some(occupant) = self.slots.get_mut(id) else { return };
        let Some(at) = occupant.participant.poll_timeout().map(|deadline| deadline.at) else { return };
        if occupant.scheduled.is_none_or(|scheduled| at < scheduled) {
            if let Some(before) = occupant.scheduled.replace(at) {
                self.deadlines.remove(&(before, id));
            }
            self.deadlines.insert((at, id));
        }
    }
}

/// So many are read while a player's memory is fetched.
const AHEAD: usize = 4;

/// Players that read before the first of them is written to: so many are at hand in the processor's caches when they are.
const BATCH: usize = 64;
