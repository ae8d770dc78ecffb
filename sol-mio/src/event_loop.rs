//! Event loop: one thread, one epoll instance, one server of the core's.
//!
//! A turn takes what the poll tells, what other threads have put into the inbox, and what an earlier turn had to leave; after
//! each call that changes something the server is drained, so that a frame goes straight from its publisher's socket to
//! those of its players.
//!
//! Nobody starves another: a connection reads and writes no more than its budget in one turn, and is attended to again in the
//! next one.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Poll, Token};
use rand::TryRng;
use rand::rngs::SysRng;
use sol_core::crossing::{Dispatch, LoopId, Parcel, Standing};
use sol_core::ids::{RequestId, SessionId};
use sol_core::load::LoadMeter;
use sol_core::participant::Event;
use sol_core::server::{ConnectionReport, Output, Peer, Report, Server, ServerConfig, TurnedAway};
use sol_core::session::{Hangup, PeerEnd, ReconnectRequest, Refusal, Request, Session, Stage};
use sol_core::time::Instant;

use crate::application::{Answer, Application};
use crate::census::Admitted;
use crate::connection::{Connection, Outcome, prepare};
use crate::inbox::{Inbox, Letter};
use crate::lingering::{Lingering, OneThatLingers};
use crate::listener::Listener;
use crate::server::Shared;

/// One loop.
pub(crate) struct EventLoop<A> {
    shared: Arc<Shared<A>>,
    here: LoopId,
    inbox: Arc<Inbox>,
    server: Server,
    poll: Poll,
    /// By the slots of their sessions.
    served: Vec<Option<Served>>,
    lingering: Lingering,
    listeners: Vec<Listener>,
    /// Connections that have more to read or to write than their budget allowed.
    queue: VecDeque<SessionId>,
    buffer: Box<[u8]>,
    load: LoadMeter,
    /// How long it was not asleep in all.
    busy: Duration,
    /// Turns in a row in which deadlines were put off.
    put_off: usize,
    is_shut_down: bool,
    is_over: bool,
}

/// A connection that is served, and counts.
struct Served {
    connection: Connection,
    admitted: Admitted,
}

impl<A: Application> EventLoop<A> {
    pub(crate) fn new(
        shared: Arc<Shared<A>>,
        config: &ServerConfig,
        here: LoopId,
        loops: NonZeroU32,
        poll: Poll,
    ) -> Self {
        Self {
            here,
            inbox: Arc::clone(shared.loops.inbox(here)),
            server: Server::among(config.clone(), here, loops),
            shared,
            poll,
            served: Vec::new(),
            lingering: Lingering::default(),
            listeners: Vec::new(),
            queue: VecDeque::new(),
            buffer: vec![0; READ_BYTES].into(),
            load: LoadMeter::default(),
            busy: Duration::ZERO,
            put_off: 0,
            is_shut_down: false,
            is_over: false,
        }
    }

    /// Turns until it is told to stop.
    pub(crate) fn run(&mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut woke = self.now();
        while !self.is_over {
            let asleep = self.now();
            self.busy += asleep.saturating_since(woke);
            let patience = match self.patience(asleep) {
                // Whoever puts something into the inbox need not wake it.
                Some(Duration::ZERO) => Some(Duration::ZERO),
                patience if self.inbox.may_sleep() => patience,
                _ => Some(Duration::ZERO),
            };
            let polled = self.poll.poll(&mut events, patience);
            self.inbox.has_woken();
            woke = self.now();
            match polled {
                Ok(()) => {}
                // A signal.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("the epoll instance cannot be polled: {error}"),
            }
            let load = self.load.sample(self.busy, woke);
            self.server.set_load(load);
            self.turn(&events);
        }
    }

    /// How long there is nothing to do but for what the poll tells.
    fn patience(&self, now: Instant) -> Option<Duration> {
        if !self.queue.is_empty() {
            return Some(Duration::ZERO);
        }
        let accepts_at = |listener: &Listener| match listener.is_ready {
            true => Some(listener.pauses_until.unwrap_or(now)),
            false => None,
        };
        let dues = self.listeners.iter().filter_map(accepts_at);
        let dues = dues.chain(self.server.poll_timeout()).chain(self.lingering.next_due(now));
        dues.min().map(|due| due.saturating_since(now))
    }

    fn turn(&mut self, events: &Events) {
        for event in events {
            let token = event.token();
            match token {
                WAKE => {}
                Token(token) if token >= FIRST_LINGERING => self.lingering.is_ready(event.token()),
                Token(token) if token >= FIRST_LISTENER => {
                    if let Some(listener) = self.listeners.get_mut(token - FIRST_LISTENER) {
                        listener.is_ready = true;
                    }
                }
                Token(slot) => {
                    // An end or an error shows when it is read or written.
                    let (reads, writes) = (
                        event.is_readable() || event.is_read_closed() || event.is_error(),
                        event.is_writable() || event.is_write_closed() || event.is_error(),
                    );
                    let Some(connection) = self.in_slot(slot) else { continue };
                    connection.is_readable |= reads;
                    connection.is_writable |= writes;
                    let id = connection.peer.id;
                    self.enqueue(id);
                }
            }
        }
        self.look_into_inbox();
        self.accept();
        // What is queued from here on has the next turn.
        for served in 0..self.queue.len() {
            if served % PARCELS_AFTER == PARCELS_AFTER - 1 {
                self.take_parcels();
            }
            let Some(id) = self.queue.pop_front() else { break };
            if let Some(connection) = self.connection(id) {
                connection.is_queued = false;
                connection.written = 0;
                self.write(id);
                self.drain();
                self.read(id);
            }
        }
        let now = self.now();
        // What has come counts first: a process that was stopped for a while must not take its peers for silent. There is more to
        // be told where a poll was full; but an endless flood must not stop the clock.
        let is_more = events.iter().count() == EVENTS && self.put_off <= self.served.len() / EVENTS;
        if is_more {
            self.put_off += 1;
        } else if self.server.poll_timeout().is_some_and(|at| at <= now) {
            self.server.handle_timeout(now);
            self.drain();
        }
        if !is_more {
            self.put_off = 0;
        }
        self.lingering.read(&mut self.buffer);
        self.lingering.expire(now);
    }

    // --- From other threads --------------------------------------------------------------------------------

    fn look_into_inbox(&mut self) {
        self.take_parcels();
        for letter in self.inbox.take_letters() {
            match letter {
                Letter::Serve(socket, address, admitted) => self.open(socket, address, admitted),
                Letter::Listen(listener) => self.listen(listener),
                Letter::Answer { session, request, verdict } => self.answer(session, request, verdict),
                // Whoever asked may have lost patience.
                Letter::Report(answer_to) => drop(answer_to.send(self.report())),
                Letter::Enter(Stage::Serving) => {}
                Letter::Enter(Stage::Draining(request)) => self.begin_to_drain(request),
                Letter::Enter(Stage::ShutDown) => self.shut_down(),
                Letter::Stop => self.is_over = true,
            }
        }
    }

    fn take_parcels(&mut self) {
        let parcels = self.inbox.take_parcels();
        self.hear_of_shutdown();
        for (from, parcel) in parcels {
            self.server.handle_parcel(from, parcel, self.now());
            self.drain();
        }
    }

    /// To be asked between taking parcels and handling them: those of a loop that has shut down tell players that their stream
    /// has ended, who are to hear of the shutdown.
    fn hear_of_shutdown(&mut self) {
        if self.shared.loops.census.is_shut_down() {
            self.shut_down();
        }
    }

    fn listen(&mut self, listener: std::net::TcpListener) {
        if !self.shared.loops.census.is_serving() {
            return;
        }
        let token = Token(FIRST_LISTENER + self.listeners.len());
        match Listener::new(listener, self.poll.registry(), token) {
            Ok(listener) => self.listeners.push(listener),
            Err(error) => self.turn_away(None, &TurnedAway::Accept(error)),
        }
    }

    fn begin_to_drain(&mut self, request: Arc<ReconnectRequest>) {
        self.listeners.clear();
        self.server.drain(request, self.now());
        self.drain();
    }

    fn shut_down(&mut self) {
        if std::mem::replace(&mut self.is_shut_down, true) {
            return;
        }
        self.listeners.clear();
        self.shared.loops.census.close_loop();
        self.server.shut_down(self.now());
        self.drain();
    }

    /// An application has answered.
    fn answer(&mut self, id: SessionId, request: RequestId, verdict: Result<(), Refusal>) {
        let now = self.now();
        let done = match verdict {
            Ok(()) => {
                let waiting = self.server.session(id).and_then(Session::waiting);
                // The session may have closed while the application thought.
                let Some(waiting) = waiting.filter(|waiting| waiting.id == request).cloned() else { return };
                let (asked, before) = self.ask_directory(&waiting);
                match asked {
                    Ok(standing) => {
                        self.hear_of_shutdown();
                        for (from, parcel) in before {
                            self.server.handle_parcel(from, parcel, now);
                        }
                        self.server.allow_among(id, request, standing, now)
                    }
                    Err(refusal) => self.server.refuse(id, request, &refusal, now),
                }
            }
            Err(refusal) => self.server.refuse(id, request, &refusal, now),
        };
        // Where nobody waits for it any more there is nothing to be done.
        let _ = done;
        self.drain();
    }

    /// What the directory says of a request; and where somebody claims a name, all that was said of it here before. What comes
    /// behind that is of others, who know it already.
    fn ask_directory(&self, request: &Request) -> (Result<Standing, Refusal>, Vec<(LoopId, Parcel)>) {
        let mut directory = self.shared.loops.directory();
        let asked = directory.ask(request, self.here);
        let before = match asked {
            Ok(Standing::Claimed(..)) => self.inbox.take_parcels(),
            Ok(Standing::Wanted(..)) | Err(_) => Vec::new(),
        };
        if let Ok(standing) = &asked
            && let Some((to, parcel)) = standing.parcel(self.here)
        {
            self.shared.loops.pass(self.here, to, parcel);
        }
        (asked, before)
    }

    fn report(&mut self) -> Report {
        let roles = self.server.report(self.now());
        let connections = roles.into_iter().filter_map(|(id, roles)| {
            let peer = self.served.get(id.slot())?.as_ref()?.connection.peer;
            let round_trip = self.server.session(id).and_then(Session::round_trip);
            Some(ConnectionReport { peer, roles, round_trip })
        });
        let connections = connections.collect();
        let streams = self.server.hub().streams().map(|(name, stream)| (name.clone(), stream.report()));
        Report {
            streams: streams.collect(),
            crossings: self.server.crossings(),
            connections,
            ..Report::default()
        }
    }

    // --- Who comes -----------------------------------------------------------------------------------------

    fn accept(&mut self) {
        for index in 0..self.listeners.len() {
            for _ in 0..ACCEPT_BUDGET {
                let now = self.now();
                match self.listeners.get_mut(index).and_then(|listener| listener.accept(now)) {
                    None => break,
                    Some(Err(why)) => self.turn_away(None, &why),
                    Some(Ok((socket, address))) => self.take_in(socket, address),
                }
            }
        }
    }

    /// Somebody has connected, who may be another loop's.
    fn take_in(&mut self, socket: std::net::TcpStream, address: SocketAddr) {
        if let Err(error) = prepare(&socket, self.shared.socket) {
            return self.turn_away(Some(address), &TurnedAway::Accept(error));
        }
        let Some(admitted) = self.admit(address) else { return };
        let to = self.shared.loops.next();
        if to == self.here {
            self.open(socket, address, admitted);
        } else {
            self.shared.loops.inbox(to).post(Letter::Serve(socket, address, admitted));
        }
    }

    fn open(&mut self, socket: std::net::TcpStream, address: SocketAddr, admitted: Admitted) {
        let mut seed = [0; 32];
        let seeded =
            SysRng.try_fill_bytes(&mut seed).map_err(|error| TurnedAway::Entropy(io::Error::other(error)));
        let now = self.now();
        let opened = seeded.and_then(|()| self.server.open(seed, now));
        let id = match opened {
            Ok(id) => id,
            Err(why) => return self.turn_away(Some(address), &why),
        };
        let mut connection = Connection::new(TcpStream::from_std(socket), Peer { id, address });
        let registered = connection.register(self.poll.registry(), Token(id.slot()));
        if self.served.len() <= id.slot() {
            self.served.resize_with(id.slot() + 1, || None);
        }
        self.served[id.slot()] = Some(Served { connection, admitted });
        if let Err(error) = registered {
            self.server.handle_end(id, PeerEnd::of(&error), now);
        }
        self.drain();
    }

    // --- Reading and writing -------------------------------------------------------------------------------

    /// Reads what there is, within the budget.
    fn read(&mut self, id: SessionId) {
        let mut left = READ_BUDGET;
        while self.server.wants_input(id) {
            let Some(Some(Served { connection, .. })) = self.served.get_mut(id.slot()) else { return };
            if !connection.is_readable {
                return;
            }
            if left == 0 {
                return self.enqueue(id);
            }
            let outcome = connection.read(&mut self.buffer);
            let now = self.now();
            match outcome {
                Outcome::Blocked => return,
                Outcome::Bytes(count) => {
                    left = left.saturating_sub(count);
                    self.server.handle_input(id, &self.buffer[..count], now);
                }
                Outcome::Finished => self.server.handle_end(id, PeerEnd::Finished, now),
                Outcome::Failed(error) => self.server.handle_end(id, PeerEnd::of(&error), now),
            }
            self.drain();
        }
    }

    /// Writes what there is and the socket takes, within the budget.
    fn write(&mut self, id: SessionId) {
        loop {
            let Some(Some(Served { connection, .. })) = self.served.get_mut(id.slot()) else { return };
            if !connection.is_writable || connection.peer.id != id {
                return;
            }
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = self.server.outbound(id, &mut slices);
            if count == 0 {
                return;
            }
            if connection.written >= WRITE_BUDGET {
                return self.enqueue(id);
            }
            let outcome = connection.write(&slices[..count]);
            if let Outcome::Bytes(count) = outcome {
                connection.written += count;
            }
            let now = self.now();
            match outcome {
                Outcome::Blocked => return,
                Outcome::Bytes(count) if count > 0 => {
                    self.server.handle_sent(id, count, now);
                }
                Outcome::Bytes(_) | Outcome::Finished => {
                    return self.server.handle_end(id, PeerEnd::Lost, now);
                }
                Outcome::Failed(error) => return self.server.handle_end(id, PeerEnd::of(&error), now),
            }
        }
    }

    /// The server has been touched: what is to be passed on, told and written.
    fn drain(&mut self) {
        while let Some(output) = self.server.poll() {
            match output {
                Output::Dispatch(dispatch) => self.dispatch(dispatch),
                Output::Event(id, event) => self.tell(id, event),
                Output::Readable(id) => self.enqueue(id),
                Output::Writable(id) => self.write(id),
            }
        }
    }

    fn dispatch(&mut self, dispatch: Dispatch) {
        let parcel = match dispatch {
            Dispatch::ToLoop(to, parcel) => Some((to, parcel)),
            Dispatch::ToDirectory(notice) => self.shared.loops.directory().handle_notice(notice, self.here),
            Dispatch::Parting { parcels, notices } => {
                let mut directory = self.shared.loops.directory();
                for (to, parcel) in parcels {
                    self.shared.loops.pass(self.here, to, parcel);
                }
                // Nothing is to be passed on for these.
                notices.into_iter().for_each(|notice| drop(directory.handle_notice(notice, self.here)));
                None
            }
        };
        if let Some((to, parcel)) = parcel {
            self.shared.loops.pass(self.here, to, parcel);
        }
    }

    // --- What happens --------------------------------------------------------------------------------------

    fn tell(&mut self, id: SessionId, event: Event) {
        let Some(peer) = self.in_slot(id.slot()).map(|connection| connection.peer) else { return };
        if let Some(session) = self.server.session(id) {
            let told =
                catch_unwind(AssertUnwindSafe(|| self.shared.application.event(&peer, &event, session)));
            if told.is_err() {
                self.server.handle_end(id, PeerEnd::Lost, self.now());
            }
        }
        match event {
            // Nobody waits for the answer where telling has ended the session.
            Event::Requested(request) => {
                if self.server.session(id).is_some_and(|session| session.waiting().is_some()) {
                    self.ask(&peer, &request);
                }
            }
            Event::Closed { hangup, .. } => self.hang_up(id, hangup),
            Event::Connected(_)
            | Event::Refused { .. }
            | Event::Started { .. }
            | Event::OnAir { .. }
            | Event::Described { .. }
            | Event::Ended { .. } => {}
        }
    }

    fn ask(&mut self, peer: &Peer, request: &Request) {
        let answer = Answer::new(Arc::clone(&self.inbox), peer.id, request.id);
        let application = &self.shared.application;
        let asked = catch_unwind(AssertUnwindSafe(|| application.authorize(peer, request, answer)));
        if asked.is_err() {
            self.server.handle_end(peer.id, PeerEnd::Lost, self.now());
        }
    }

    fn hang_up(&mut self, id: SessionId, hangup: Hangup) {
        let Some(Served { admitted, connection }) = self.served.get_mut(id.slot()).and_then(Option::take)
        else {
            return;
        };
        match hangup {
            Hangup::Close => {}
            Hangup::Reset => connection.reset(),
            Hangup::Linger(linger) => {
                let (registry, now) = (self.poll.registry(), self.now());
                let one = OneThatLingers::new(connection.into_socket(), linger, admitted, now);
                self.lingering.begin(one, registry, FIRST_LINGERING);
            }
        }
    }

    // --- Helpers -------------------------------------------------------------------------------------------

    fn turn_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        // Nobody is there whose connection could be ended for it.
        let _ = catch_unwind(AssertUnwindSafe(|| self.shared.application.turned_away(peer, why)));
    }

    fn admit(&self, address: SocketAddr) -> Option<Admitted> {
        catch_unwind(AssertUnwindSafe(|| self.shared.admit(address))).ok().flatten()
    }

    /// It is attended to in the next turn.
    fn enqueue(&mut self, id: SessionId) {
        if let Some(connection) = self.connection(id)
            && !std::mem::replace(&mut connection.is_queued, true)
        {
            self.queue.push_back(id);
        }
    }

    fn connection(&mut self, id: SessionId) -> Option<&mut Connection> {
        self.in_slot(id.slot()).filter(|connection| connection.peer.id == id)
    }

    fn in_slot(&mut self, slot: usize) -> Option<&mut Connection> {
        self.served.get_mut(slot)?.as_mut().map(|served| &mut served.connection)
    }

    fn now(&self) -> Instant {
        self.shared.clock.now()
    }
}

impl<A> Drop for EventLoop<A> {
    fn drop(&mut self) {
        let loops = &self.shared.loops;
        if std::thread::panicking() {
            loops.fail();
        }
        self.inbox.close();
        if !self.is_shut_down {
            loops.census.close_loop();
        }
    }
}

/// The inbox has something.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// Tokens below are slots of sessions.
const FIRST_LISTENER: usize = usize::MAX / 4 + 1;

/// Tokens from here on are of sockets that linger.
const FIRST_LINGERING: usize = usize::MAX / 2 + 1;

/// Events that one poll tells.
const EVENTS: usize = 1_024;

/// Bytes per read: a whole keyframe of a common stream in one go.
const READ_BYTES: usize = 64 * 1024;

/// Bytes that one connection reads in a turn.
const READ_BUDGET: usize = 256 * 1024;

/// Connections that are served before it is looked whether something has crossed.
const PARCELS_AFTER: usize = 32;

/// Bytes that one connection writes between two of its turns in the queue.
const WRITE_BUDGET: usize = 1024 * 1024;

/// Slices per write: two frames of video and the audio between them, many times over.
const WRITE_SLICES: usize = 64;

/// Connections that one listener accepts in a turn.
const ACCEPT_BUDGET: usize = 64;

#[cfg(test)]
mod tests;
