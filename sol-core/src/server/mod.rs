//! Server: participants and hub together, for one thread.
//!
//! The composition that an event loop, a simulation or an embedder drives when one thread is enough. It opens,
//! feeds and drains many sessions as [`Session`] is driven alone, and wakes players when their stream advances.
//!
//! A run is a function of the calls: sessions are numbered in the order in which they open, and what follows from one call
//! happens in a fixed order: for the session that was touched, then for those who wait, by stream and by number.

mod config;
mod report;
mod turned_away;

pub use config::ServerConfig;
pub use report::{ConnectionReport, Peer, Report};
pub use turned_away::TurnedAway;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::IoSlice;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::hub::{Hub, Purpose, Stream, StreamId, Streams, TooManyStreams};
use crate::ids::{RequestId, SessionId};
use crate::limits;
use crate::load::Load;
use crate::name::StreamName;
use crate::participant::{Event, Participant, RoleReport};
use crate::session::{PeerEnd, Refusal, Session, SessionConfig, StaleRequest};
use crate::time::Instant;

/// All sessions and streams of one thread.
///
/// Calls for a session that is over have no effect: its end may cross with what the driver was about to say.
#[derive(Debug)]
pub struct Server {
    config: Arc<SessionConfig>,
    participants: BTreeMap<SessionId, Participant<StreamId>>,
    opened: u64,
    connections_max: usize,
    local: Local,
    events: VecDeque<(SessionId, Event)>,
    /// Sessions that may have something to write.
    writable: BTreeSet<SessionId>,
    deadlines: Deadlines<SessionId>,
    is_shut_down: bool,
}

impl Server {
    /// A server without connections.
    pub fn new(config: ServerConfig) -> Self {
        Self {
            local: Local {
                hub: Hub::new(config.stream, config.session.chunk_size),
                current: SessionId::new(0),
                armed: BTreeMap::new(),
                advanced: BTreeSet::new(),
                scheduled: Deadlines::default(),
                load: Load::IDLE,
            },
            config: Arc::new(config.session),
            participants: BTreeMap::new(),
            opened: 0,
            connections_max: config.connections_max.min(limits::CONNECTIONS),
            events: VecDeque::new(),
            writable: BTreeSet::new(),
            deadlines: Deadlines::default(),
            is_shut_down: false,
        }
    }

    /// A client has connected. `entropy` seeds all randomness of its session; no two sessions may share one.
    ///
    /// # Errors
    /// [`TurnedAway`]: close the transport.
    pub fn open(&mut self, entropy: [u8; 32], now: Instant) -> Result<SessionId, TurnedAway> {
        if self.is_shut_down {
            return Err(TurnedAway::Shutdown);
        }
        if self.participants.len() >= self.connections_max {
            return Err(TurnedAway::TooManyConnections { max: self.connections_max });
        }
        self.opened += 1;
        let id = SessionId::new(self.opened);
        let session = Session::accept(Arc::clone(&self.config), entropy, now);
        self.participants.insert(id, Participant::new(session));
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
        while let Some(stream) = self.local.scheduled.due(now) {
            self.local.scheduled.set(stream, None);
            if self.local.hub.stream_mut(stream).handle_timeout(now) {
                self.local.advanced.insert(stream);
            }
        }
        self.wake(now);
        while let Some(id) = self.deadlines.due(now) {
            self.touch(id, now, |participant, local| participant.handle_timeout(local, now));
        }
    }

    /// See [`Participant::allow`].
    ///
    /// # Errors
    /// [`StaleRequest`] if the request does not wait, or its session is over.
    pub fn allow(&mut self, id: SessionId, request: RequestId, now: Instant) -> Result<(), StaleRequest> {
        self.touch(id, now, |participant, local| participant.allow(request, local, now))
            .unwrap_or(Err(StaleRequest(request)))
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

    /// The server goes: see [`Session::shut_down`]. No connection is accepted any more.
    pub fn shut_down(&mut self, now: Instant) {
        self.is_shut_down = true;
        let all: Vec<SessionId> = self.participants.keys().copied().collect();
        for id in all {
            self.touch(id, now, |participant, local| participant.shut_down(local, now));
        }
    }

    /// The next thing that the application should know. Behind [`Event::Closed`] nothing follows for a session;
    /// its transport is to be closed, in the way that the event says.
    pub fn poll_event(&mut self) -> Option<(SessionId, Event)> {
        let (id, event) = self.events.pop_front()?;
        if matches!(event, Event::Closed { .. }) {
            self.participants.remove(&id);
            self.writable.remove(&id);
        }
        Some((id, event))
    }

    /// A session that has something to write; each at most once until it is touched again. The driver remembers those whose
    /// transport takes nothing at present.
    pub fn poll_writable(&mut self) -> Option<SessionId> {
        self.writable.pop_first()
    }

    /// When to call [`Server::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next().into_iter().chain(self.local.scheduled.next()).min()
    }

    /// See [`Session::outbound`].
    pub fn outbound<'a>(&'a self, id: SessionId, slices: &mut [IoSlice<'a>]) -> usize {
        self.participants.get(&id).map_or(0, |participant| participant.outbound(slices))
    }

    /// See [`Session::wants_input`].
    pub fn wants_input(&self, id: SessionId) -> bool {
        self.session(id).is_some_and(Session::wants_input)
    }

    /// The session, for questions.
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.participants.get(&id).map(Participant::session)
    }

    /// What each session publishes and plays at this moment, by number. What its streams are, [`Server::hub`] tells.
    pub fn report(&mut self, now: Instant) -> Vec<(SessionId, Vec<RoleReport>)> {
        let local = &mut self.local;
        self.participants.iter().map(|(&id, participant)| (id, participant.report(local, now))).collect()
    }

    /// Number of sessions whose end was not polled.
    pub fn session_count(&self) -> usize {
        self.participants.len()
    }

    /// The streams, for questions.
    pub fn hub(&self) -> &Hub {
        &self.local.hub
    }

    /// Touches one session and drains it; then whoever waited for a stream that advanced by that, and so on.
    fn touch<R>(
        &mut self,
        id: SessionId,
        now: Instant,
        act: impl FnOnce(&mut Participant<StreamId>, &mut Local) -> R,
    ) -> Option<R> {
        let result = self.touch_one(id, act);
        self.wake(now);
        result
    }

    /// Whoever waits for a stream that advanced has its turn.
    fn wake(&mut self, now: Instant) {
        while let Some(stream) = self.local.advanced.pop_first() {
            for woken in self.local.armed.remove(&stream).unwrap_or_default() {
                self.touch_one(woken, |participant, local| participant.handle_advanced(local, now));
            }
        }
    }

    fn touch_one<R>(
        &mut self,
        id: SessionId,
        act: impl FnOnce(&mut Participant<StreamId>, &mut Local) -> R,
    ) -> Option<R> {
        let participant = self.participants.get_mut(&id)?;
        self.local.current = id;
        let result = act(participant, &mut self.local);
        while let Some(event) = participant.poll_event() {
            self.events.push_back((id, event));
        }
        if participant.session().has_output() {
            self.writable.insert(id);
        }
        self.deadlines.set(id, participant.poll_timeout().map(|deadline| deadline.at));
        Some(result)
    }
}

/// The hub, and who waits for which of its streams.
#[derive(Debug)]
struct Local {
    hub: Hub,
    /// The session that is being touched.
    current: SessionId,
    armed: BTreeMap<StreamId, BTreeSet<SessionId>>,
    advanced: BTreeSet<StreamId>,
    /// When to ask which stream whether its time has come.
    scheduled: Deadlines<StreamId>,
    load: Load,
}

impl Streams for Local {
    type Handle = StreamId;

    fn hold(&mut self, name: &StreamName, purpose: Purpose) -> Result<StreamId, TooManyStreams> {
        self.hub.hold(name, purpose)
    }

    fn release(&mut self, name: &StreamName, handle: StreamId) {
        if let Some(armed) = self.armed.get_mut(&handle) {
            armed.remove(&self.current);
        }
        if self.hub.release(name) {
            self.armed.remove(&handle);
            self.scheduled.set(handle, None);
        }
    }

    fn read<R>(&mut self, handle: &StreamId, look: impl FnOnce(&Stream) -> R) -> R {
        look(self.hub.stream(*handle))
    }

    fn write<R>(&mut self, handle: &StreamId, change: impl FnOnce(&mut Stream) -> R) -> R {
        change(self.hub.stream_mut(*handle))
    }

    fn advanced(&mut self, handle: &StreamId) {
        self.advanced.insert(*handle);
    }

    fn schedule(&mut self, handle: &StreamId) {
        self.scheduled.set(*handle, self.hub.stream(*handle).poll_timeout());
    }

    fn read_or_arm<R>(&mut self, handle: &StreamId, look: impl FnOnce(&Stream) -> ControlFlow<R, R>) -> R {
        match look(self.hub.stream(*handle)) {
            ControlFlow::Continue(seen) => seen,
            ControlFlow::Break(seen) => {
                self.armed.entry(*handle).or_default().insert(self.current);
                seen
            }
        }
    }

    fn load(&mut self, _now: Instant) -> Load {
        self.load
    }
}

/// The next deadline of each session, or of each stream.
#[derive(Debug)]
struct Deadlines<K> {
    by_time: BTreeSet<(Instant, K)>,
    by_key: BTreeMap<K, Instant>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_key: BTreeMap::new() }
    }
}

impl<K: Copy + Ord> Deadlines<K> {
    fn set(&mut self, key: K, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.by_key.insert(key, at),
            None => self.by_key.remove(&key),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, key));
        }
        if let Some(at) = at {
            self.by_time.insert((at, key));
        }
    }

    fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|&(at, _)| at)
    }

    fn due(&self, now: Instant) -> Option<K> {
        self.by_time.first().filter(|&&(at, _)| at <= now).map(|&(_, key)| key)
    }
}
