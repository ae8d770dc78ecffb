//! Scene: one server or several that share their streams, with clients, driven by their contracts to the letter.
//!
//! What must hold after each step: `Closed` comes once and last, behind the end of everything that was begun; whoever has
//! something to write was told so, and whoever is to be read again; a deadline that was handled is gone; outboxes and tapes
//! are bounded; whoever has room has read all there is; a name has one publisher; what comes out is by the book,
//! as [`Listener`] says. Once all have gone nothing is left.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::IoSlice;
use std::num::NonZeroU32;
use std::time::Duration;

use sol_core::crossing::{Directory, Dispatch, LoopId, Parcel, Standing};
use sol_core::ids::{MessageStreamId, RequestId, SessionId};
use sol_core::limits;
use sol_core::load::Load;
use sol_core::name::StreamName;
use sol_core::participant::Event;
use sol_core::server::{Output, Server, ServerConfig};
use sol_core::session::{PeerEnd, Refusal, Request, RequestKind, StaleRequest};
use sol_core::time::Instant;

use super::listener::Listener;
use super::phrases::Speaker;

/// Servers, their clients, and what is under way between them.
pub(super) struct Scene {
    servers: Vec<Server>,
    directory: Directory,
    /// What was dispatched to a loop and has not come there, in order.
    inboxes: Vec<VecDeque<(LoopId, Parcel)>>,
    clients: Vec<Client>,
    by_session: BTreeMap<SessionId, usize>,
    /// How many have begun to publish what, and have not heard of an end: those that were replaced hear of it later.
    published: BTreeMap<StreamName, usize>,
    opened: u8,
    now: Instant,
    rules: Rules,
    checks: u32,
}

/// What is known of the servers from outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Whether the application allows what is asked for as soon as that is asked.
    pub(super) allows_at_once: bool,
    /// Whether parcels come to other loops at once.
    pub(super) passes_at_once: bool,
    /// Whether nothing is ever gathered, so that whoever has room has read all there is.
    pub(super) delivers_at_once: bool,
    /// Whether publishers' clocks are put right, so that tracks do not go back.
    pub(super) repairs: bool,
    pub(super) tape_bytes_max: usize,
    pub(super) connections_max: usize,
}

/// One connection.
pub(super) struct Client {
    session: SessionId,
    at: usize,
    pub(super) speaker: Speaker,
    listener: Listener,
    /// How much its transport takes yet; `None`: everything, for ever.
    room: Option<usize>,
    waits: Option<Request>,
    roles: BTreeMap<MessageStreamId, RequestKind>,
    /// NetStreams that have played at any time.
    played: BTreeSet<MessageStreamId>,
    is_connected: bool,
    is_closed: bool,
    /// Told that it may have something to write, and has not been written to the end since.
    is_writable: bool,
    /// Its driver reads from it.
    is_read: bool,
}

impl Scene {
    pub(super) fn new(config: &ServerConfig, loops: u32, rules: Rules) -> Self {
        let server = |index| match NonZeroU32::new(loops).filter(|loops| loops.get() > 1) {
            None => Server::new(config.clone()),
            Some(loops) => Server::among(config.clone(), LoopId::new(index), loops),
        };
        Self {
            servers: (0..loops).map(server).collect(),
            directory: Directory::new(config.stream.clone()),
            inboxes: (0..loops).map(|_| VecDeque::new()).collect(),
            clients: Vec::new(),
            by_session: BTreeMap::new(),
            published: BTreeMap::new(),
            opened: 0,
            now: Instant::EPOCH,
            rules,
            checks: 0,
        }
    }

    // --- What can happen ------------------------------------------------------------------------------------

    /// Somebody connects to a loop.
    pub(super) fn open(&mut self, at: usize) -> Option<usize> {
        if self.clients.iter().filter(|client| !client.is_closed).count() >= CLIENTS_MAX {
            return None;
        }
        let at = at % self.servers.len();
        self.opened = self.opened.wrapping_add(1);
        let server = &mut self.servers[at];
        let is_full = server.session_count() >= self.rules.connections_max;
        let opened = server.open([self.opened; 32], self.now);
        assert!(opened.is_err() || !is_full, "more connections than there may be");
        let session = opened.ok()?;
        let client = Client {
            session,
            at,
            speaker: Speaker::new(),
            listener: Listener::of_a_server(self.rules.repairs),
            room: None,
            waits: None,
            roles: BTreeMap::new(),
            played: BTreeSet::new(),
            is_connected: false,
            is_closed: false,
            is_writable: false,
            is_read: true,
        };
        assert_eq!(self.by_session.insert(session, self.clients.len()), None, "an id is never used twice");
        self.clients.push(client);
        self.settle();
        Some(self.clients.len() - 1)
    }

    /// Those that came, in order; also those whose session is over.
    pub(super) fn clients(&mut self) -> &mut [Client] {
        &mut self.clients
    }

    /// A client's bytes come, wanted or not.
    pub(super) fn hear(&mut self, client: usize, bytes: &[u8]) {
        let Client { session, at, .. } = self.clients[client];
        self.servers[at].handle_input(session, bytes, self.now);
        self.settle();
    }

    /// From here on a client's transport takes so much and no more; everything, without a number.
    pub(super) fn set_room(&mut self, client: usize, room: Option<usize>) {
        self.clients[client].room = room;
        self.write(client);
        self.settle();
    }

    pub(super) fn end(&mut self, client: usize, end: PeerEnd) {
        let Client { session, at, .. } = self.clients[client];
        self.servers[at].handle_end(session, end, self.now);
        self.settle();
    }

    /// The application says yes to whoever waits.
    pub(super) fn allow(&mut self, client: usize) {
        if let Some(request) = self.clients[client].waits.take() {
            self.grant(client, &request);
            self.settle();
        }
    }

    pub(super) fn refuse(&mut self, client: usize, why: &Refusal) {
        if let Some(request) = self.clients[client].waits.take() {
            let Client { session, at, .. } = self.clients[client];
            let answer = self.servers[at].refuse(session, request.id, why, self.now);
            assert_eq!(answer, Ok(()), "it waits");
            self.settle();
        }
    }

    /// The application answers what was not asked.
    pub(super) fn answer_wrongly(&mut self, client: usize, number: u32) {
        let Client { session, at, ref waits, .. } = self.clients[client];
        let id = RequestId::new(number);
        if waits.as_ref().is_none_or(|request| request.id != id) {
            let answer = self.servers[at].refuse(session, id, &Refusal::NotFound, self.now);
            assert_eq!(answer, Err(StaleRequest(id)));
            self.settle();
        }
    }

    /// Time passes; deadlines are kept, or the driver is late with all of them.
    pub(super) fn wait(&mut self, time: Duration, is_late: bool) {
        let until = self.now + time;
        for _ in 0..DEADLINES_MAX {
            let next = self.servers.iter().filter_map(Server::poll_timeout).min();
            let Some(at) = next.filter(|&at| !is_late && at <= until) else { break };
            self.now = at.max(self.now);
            self.handle_timeout();
        }
        self.now = until.max(self.now);
        self.handle_timeout();
    }

    /// Time passes to the next deadline.
    pub(super) fn wait_for_deadline(&mut self) {
        let next = self.servers.iter().filter_map(Server::poll_timeout).min();
        if let Some(at) = next.filter(|at| at.saturating_since(self.now) < FAR) {
            self.now = at.max(self.now);
            self.handle_timeout();
        }
    }

    pub(super) fn set_load(&mut self, load: Load) {
        self.servers.iter_mut().for_each(|server| server.set_load(load));
    }

    pub(super) fn shut_down(&mut self, at: usize) {
        let at = at % self.servers.len();
        self.servers[at].shut_down(self.now);
        self.settle();
    }

    /// So many parcels come to a loop.
    pub(super) fn deliver(&mut self, to: usize, count: usize) {
        let to = to % self.servers.len();
        for _ in 0..count {
            let Some((from, parcel)) = self.inboxes[to].pop_front() else { break };
            self.servers[to].handle_parcel(from, parcel, self.now);
            self.drain(to);
        }
        self.settle();
    }

    /// Everybody goes, and nothing may be left of them.
    pub(super) fn close(mut self) {
        for index in 0..self.clients.len() {
            self.end(index, PeerEnd::Lost);
        }
        self.deliver_all();
        self.check();
        assert!(self.clients.iter().all(|client| client.is_closed), "a connection that is lost is over");
        for server in &self.servers {
            assert_eq!(server.session_count(), 0);
            assert!(server.hub().is_empty(), "nobody is left who holds a stream: {:?}", server.hub());
            assert_eq!(server.poll_timeout(), None, "nothing is left to be done");
            assert!(server.crossings().is_empty());
        }
        assert!(self.directory.is_empty(), "nobody is left who is known: {:?}", self.directory);
    }

    // --- The drivers ------------------------------------------------------------------------------------------

    fn handle_timeout(&mut self) {
        for index in 0..self.servers.len() {
            self.servers[index].handle_timeout(self.now);
            let next = self.servers[index].poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "{next:?} was to be handled at {:?}", self.now);
            self.drain(index);
        }
        self.settle();
    }

    /// Does what is to be done, and what follows from it.
    fn settle(&mut self) {
        for index in 0..self.servers.len() {
            self.drain(index);
        }
        if self.rules.passes_at_once {
            self.deliver_all();
        }
        self.check();
    }

    fn deliver_all(&mut self) {
        for _ in 0..PARCELS_MAX {
            let waiting = (0..self.servers.len()).find(|&to| !self.inboxes[to].is_empty());
            let Some(to) = waiting else { return };
            let (from, parcel) = self.inboxes[to].pop_front().expect("there is one");
            self.servers[to].handle_parcel(from, parcel, self.now);
            self.drain(to);
        }
        panic!("loops go on passing things to each other");
    }

    fn drain(&mut self, at: usize) {
        for _ in 0..OUTPUTS_MAX {
            match self.servers[at].poll() {
                None => return,
                Some(Output::Event(session, event)) => self.note(at, session, event),
                Some(Output::Writable(session)) => {
                    let index = self.index_of(at, session);
                    self.clients[index].is_writable = true;
                    self.write(index);
                }
                Some(Output::Readable(session)) => {
                    let index = self.index_of(at, session);
                    self.clients[index].is_read = true;
                }
                Some(Output::Dispatch(dispatch)) => self.dispatch(at, dispatch),
            }
        }
        panic!("there is no end of what is to be done");
    }

    fn dispatch(&mut self, at: usize, dispatch: Dispatch) {
        assert!(self.servers.len() > 1, "a server that is alone has nobody to tell");
        let here = LoopId::new(at as u32);
        let (parcels, notices) = match dispatch {
            Dispatch::ToLoop(to, parcel) => (vec![(to, parcel)], vec![]),
            Dispatch::ToDirectory(notice) => {
                (self.directory.handle_notice(notice, here).into_iter().collect(), vec![])
            }
            Dispatch::Parting { parcels, notices } => (parcels, notices),
        };
        for (to, parcel) in parcels {
            assert_ne!(to, here, "nothing is passed to oneself: {parcel:?}");
            self.inboxes[to.index()].push_back((here, parcel));
        }
        for notice in notices {
            let told = self.directory.handle_notice(notice, here);
            assert!(told.is_none(), "nothing follows from a parting: {told:?}");
        }
    }

    fn note(&mut self, at: usize, session: SessionId, event: Event) {
        let index = self.index_of(at, session);
        let client = &mut self.clients[index];
        assert!(!client.is_closed, "{event:?} behind the end");
        match event {
            Event::Connected(_) => {
                assert!(!std::mem::replace(&mut client.is_connected, true), "connected once");
            }
            Event::Requested(request) => {
                assert!(client.is_connected);
                client.waits = Some(request);
                if self.rules.allows_at_once
                    && let Some(request) = self.clients[index].waits.take()
                {
                    self.grant(index, &request);
                }
            }
            Event::Refused { .. } => assert!(client.is_connected),
            Event::Started { stream, kind, name, form: _ } => {
                if kind == RequestKind::Publish {
                    *self.published.entry(name).or_default() += 1;
                }
                assert_eq!(client.roles.insert(stream, kind), None, "one role on a NetStream");
                client.played.extend((kind == RequestKind::Play).then_some(stream));
            }
            Event::Ended { stream, kind, name, .. } => {
                if kind == RequestKind::Publish {
                    let publishers = self.published.get_mut(&name).filter(|publishers| **publishers > 0);
                    *publishers.expect("what ends was published") -= 1;
                }
                assert_eq!(client.roles.remove(&stream), Some(kind), "what ends has begun");
            }
            Event::OnAir { stream, .. } | Event::Described { stream, .. } => {
                assert_eq!(client.roles.get(&stream), Some(&RequestKind::Publish), "who publishes");
            }
            Event::Closed { .. } => {
                assert!(client.roles.is_empty(), "what has begun ends before: {:?}", client.roles);
                client.is_closed = true;
                client.waits = None;
            }
        }
    }

    /// The contract of `Server::allow_among`; a server that is alone needs none.
    fn grant(&mut self, client: usize, request: &Request) {
        let Client { session, at, .. } = self.clients[client];
        self.drain(at);
        // It may have been refused for want of an answer, or its peer may be gone.
        let waits = self.servers[at].session(session).and_then(|session| session.waiting());
        let is_stale = waits.is_none_or(|waits| waits.id != request.id);
        if self.servers.len() == 1 {
            let answer = self.servers[at].allow(session, request.id, self.now);
            assert_eq!(answer.is_err(), is_stale, "it waits, or not");
            return;
        }
        let here = LoopId::new(at as u32);
        let answer = match self.directory.ask(request, here) {
            Ok(standing) => {
                let before = match standing {
                    Standing::Claimed(..) => std::mem::take(&mut self.inboxes[at]),
                    Standing::Wanted(..) => VecDeque::new(),
                };
                if let Some((to, parcel)) = standing.parcel(here) {
                    self.inboxes[to.index()].push_back((here, parcel));
                }
                for (from, parcel) in before {
                    self.servers[at].handle_parcel(from, parcel, self.now);
                }
                self.servers[at].allow_among(session, request.id, standing, self.now)
            }
            Err(refusal) => self.servers[at].refuse(session, request.id, &refusal, self.now),
        };
        assert_eq!(answer.is_err(), is_stale, "it waits, or not");
    }

    /// Writes until nothing is left or the transport takes no more.
    fn write(&mut self, index: usize) {
        loop {
            let client = &mut self.clients[index];
            let server = &mut self.servers[client.at];
            let mut slices = [IoSlice::new(&[]); 16];
            let filled = server.outbound(client.session, &mut slices);
            client.is_writable = filled > 0;
            let room = client.room.unwrap_or(usize::MAX);
            if filled == 0 || room == 0 {
                return;
            }
            let mut sent = Vec::new();
            for slice in &slices[..filled] {
                sent.extend_from_slice(&slice[..slice.len().min(room - sent.len())]);
            }
            client.room = client.room.map(|room| room - sent.len());
            client.listener.hear(&sent);
            for stream in client.listener.media.drain(..) {
                assert!(
                    client.played.contains(&MessageStreamId::new(stream.0)),
                    "media where nothing is played"
                );
            }
            server.handle_sent(client.session, sent.len(), self.now);
        }
    }

    fn index_of(&self, at: usize, session: SessionId) -> usize {
        let index = self.by_session[&session];
        assert_eq!(self.clients[index].at, at, "a session is its loop's");
        index
    }

    // --- What must hold -----------------------------------------------------------------------------------------

    fn check(&mut self) {
        self.checks += 1;
        // A look at all streams costs more than all the rest.
        let is_looked_at = self.checks.is_multiple_of(4);
        let mut all_is_written = true;
        for index in 0..self.clients.len() {
            let client = &mut self.clients[index];
            let server = &self.servers[client.at];
            let Some(session) = server.session(client.session).filter(|_| !client.is_closed) else {
                assert!(client.is_closed, "a session is over behind its last event");
                assert!(!server.wants_input(client.session));
                continue;
            };
            assert!(!session.is_closed(), "the end is told at once");
            assert!(!session.has_output() || client.is_writable, "nobody was told that there is output");
            all_is_written &= !session.has_output();
            let wants = server.wants_input(client.session);
            assert!(!wants || client.is_read, "nobody was told that input is wanted again");
            client.is_read = wants;
            let waits = session.waiting().map(|request| request.id);
            if client.waits.as_ref().map(|request| request.id) != waits {
                // Refused for want of an answer, or its session is closing.
                assert_eq!(waits, None);
                client.waits = None;
            }
            assert!(!wants || (waits.is_none() && session.closing().is_none()));
        }
        for server in &self.servers {
            let hub = server.hub();
            for (name, stream) in hub.streams() {
                let bound = self.rules.tape_bytes_max.max(FRAME_BYTES_MAX);
                assert!(stream.tape_bytes() <= bound, "{name}: {} bytes on tape", stream.tape_bytes());
                if self.rules.delivers_at_once && all_is_written && is_looked_at {
                    // A publisher that goes on has moved the stream's time, and wakes nobody before its first frame.
                    let lag_max = Duration::from_millis(limits::RESUME_MILLIS.into());
                    let lag = stream.report().lag_max;
                    assert!(lag <= lag_max, "{name}: who has room has not read all there is, by {lag:?}");
                }
            }
            assert!(server.session_count() <= self.rules.connections_max);
        }
    }
}

/// Connections that are open at once.
const CLIENTS_MAX: usize = 24;

/// Ten years. Whatever is later is never.
const FAR: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Deadlines that are kept while time passes, before the driver is late with the rest.
const DEADLINES_MAX: usize = 200;

/// More than can follow from one step.
const OUTPUTS_MAX: usize = 100_000;

/// See [`OUTPUTS_MAX`].
const PARCELS_MAX: usize = 100_000;

/// On the wire, in chunks of one byte.
const FRAME_BYTES_MAX: usize = 8 * limits::UNTRUSTED_MESSAGE_BYTES;

#[cfg(test)]
mod tests {
    use super::super::choices::Choices;
    use super::*;

    /// What the directory said is given back where an answer comes too late: [`Scene::close`] finds whatever is left.
    #[test]
    fn an_answer_that_comes_too_late_leaves_nothing_in_the_directory() {
        for (at, is_published_before, verb) in [
            (0, false, "publish"),
            (0, true, "publish"),
            (1, true, "publish"),
            (1, true, "play"),
            (1, false, "play"),
        ] {
            let rules = Rules {
                repairs: true,
                allows_at_once: false,
                passes_at_once: true,
                delivers_at_once: false,
                tape_bytes_max: limits::TAPE_BYTES,
                connections_max: 3,
            };
            let mut scene = Scene::new(&ServerConfig::default(), 2, rules);
            if is_published_before {
                let first = asking(&mut scene, 0, "publish");
                scene.allow(first);
                scene.end(first, PeerEnd::Lost);
            }
            let late = asking(&mut scene, at, verb);
            let request = scene.clients[late].waits.clone().expect("it asks");
            scene.end(late, PeerEnd::Lost);
            scene.grant(late, &request);
            scene.settle();
            // Whoever comes next finds the name free.
            let next = asking(&mut scene, 1 - at, "publish");
            scene.allow(next);
            assert!(
                !scene.clients[next].roles.is_empty(),
                "{verb} at {at}, behind another: {is_published_before}"
            );
            scene.close();
        }
    }

    fn asking(scene: &mut Scene, at: usize, verb: &str) -> usize {
        let client = scene.open(at).expect("there is room");
        let said = scene.clients[client].speaker.whole_beginning(verb, &mut Choices::new(&[]));
        scene.hear(client, &said);
        client
    }
}
