//! World: a server on a virtual network, its clients, and a clock that a test moves.
//!
//! The server is the core's own, driven by its contract; the clients are the peers of this kit; between them are links with
//! buffers, latency and faults. Time passes only in
//! [`World::run_until`], and jumps from one moment at which something happens to the next.
//!
//! The world asserts what must hold in every scenario: the server speaks by the book; `Closed` comes once and
//! last, with everything ended before it; a deadline that was handled is gone; outboxes and tapes stay within their bounds; the
//! server's own checks hold; and once all clients have left, when the world is dropped, nothing of them remains.
//!
//! Invariant: a run is a function of the seeds and of the calls.

mod agenda;
mod bounds;
mod client;
mod crossed;
mod dice;
mod driver;
mod link;
mod loops;
mod pipe;
mod policy;
mod post;
mod several;
mod transcript;
mod within;

pub use client::{Client, Stranger};
pub use crossed::{Crossed, CrossedInwards};
pub use dice::{Dice, Seed, seed};
pub use link::{LinkOptions, Segments};
pub use policy::Answer;
pub use transcript::Transcript;
pub use within::Within;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sol_core::hub::{Lag, StreamConfig};
use sol_core::ids::{RequestId, SessionId};
use sol_core::limits;
use sol_core::load::Load;
use sol_core::name::StreamName;
use sol_core::participant::Event;
use sol_core::server::{ServerConfig, TurnedAway};
use sol_core::session::{ReconnectRequest, Refusal, Request, Session};
use sol_core::time::Instant;

use crate::peer::pattern::Pattern;
use crate::peer::script::{Player, Publisher, Script};
use crate::peer::{ChunkSizeHabit, Peer, PeerOptions};
use agenda::Agenda;
use client::Seat;
use link::Link;
use loops::Loops;
use within::Inside;

/// So many milliseconds.
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A server and its clients.
pub struct World {
    now: Duration,
    server: Loops,
    /// In the order in which they came.
    seats: Vec<Rc<RefCell<Seat>>>,
    seat_of: BTreeMap<SessionId, usize>,
    agenda: Agenda,
    /// Publishers within the process.
    within: Vec<Rc<RefCell<Inside>>>,
    policy: Box<dyn Fn(&Request) -> Answer>,
    /// Answers that are still thought about, by the time at which they are known and the order of the questions.
    answers: BTreeMap<(Duration, u64), Verdict>,
    asked: u64,
    link_options: LinkOptions,
    entropy: Dice,
    cuts: Dice,
    transcript: Transcript,
    witness: Box<Witness>,
    /// What the server reads at once.
    read_bytes: usize,
    /// The longest message of any publisher, as far as a test says.
    message_bytes_max: usize,
    /// What the server has in a chunk.
    chunk_bytes: usize,
    /// So many deadlines may follow from each other at one moment.
    deadlines_at_once: usize,
    /// When to look at everything again.
    check_at: Duration,
}

/// Hears what the server tells its application, as it does.
type Witness = dyn FnMut(Duration, SessionId, &Event);

/// What the application will say.
#[derive(Debug)]
struct Verdict {
    session: SessionId,
    request: RequestId,
    verdict: Result<(), Refusal>,
    /// It comes when the server has stopped waiting for it.
    is_too_late: bool,
}

impl World {
    /// A world without clients, its clock at zero. Everything is allowed at once.
    pub fn new(seed: Seed) -> World {
        World::with_config(seed, ServerConfig::default())
    }

    /// The same, where a stream is over as soon as its publisher has gone, in whatever way.
    pub fn without_grace(seed: Seed) -> World {
        let stream = StreamConfig { grace: Duration::ZERO, ..StreamConfig::default() };
        World::with_config(seed, ServerConfig { stream: stream.into(), ..ServerConfig::default() })
    }

    /// The same with another configuration of the server.
    pub fn with_config(seed: Seed, config: ServerConfig) -> World {
        World::made_of(seed, loops(), &config)
    }

    fn made_of(seed: Seed, loops: NonZeroU32, config: &ServerConfig) -> World {
        let mut dice = Dice::new(seed);
        let (entropy, cuts) = (dice.fork(), dice.fork());
        World {
            now: Duration::ZERO,
            server: Loops::new(loops, config, dice.fork()),
            seats: Vec::new(),
            seat_of: BTreeMap::new(),
            agenda: Agenda::default(),
            within: Vec::new(),
            policy: Box::new(|_| Answer::allow()),
            answers: BTreeMap::new(),
            asked: 0,
            link_options: LinkOptions::default(),
            entropy,
            cuts,
            transcript: Transcript::default(),
            witness: Box::new(|_, _, _| {}),
            read_bytes: READ_BYTES,
            message_bytes_max: limits::MESSAGE_BYTES,
            chunk_bytes: config.session.chunk_size.get() as usize,
            deadlines_at_once: if has_zero_time(config) { DEADLINES_AT_ONCE } else { 1 },
            check_at: Duration::ZERO,
        }
    }

    // --- How it is made ------------------------------------------------------------------------------------

    /// Links of clients that come later behave so.
    pub fn set_link(&mut self, options: LinkOptions) {
        self.link_options = options;
    }

    /// Links of clients that come later are cut by other dice; nothing else changes.
    pub fn set_cuts(&mut self, seed: Seed) {
        self.cuts = Dice::new(seed);
    }

    /// Requests from now on are answered so.
    pub fn set_policy(&mut self, policy: impl Fn(&Request) -> Answer + 'static) {
        self.policy = Box::new(policy);
    }

    /// Whatever the server tells its application from now on, somebody hears as it is told.
    pub fn set_witness(&mut self, witness: impl FnMut(Duration, SessionId, &Event) + 'static) {
        self.witness = Box::new(witness);
    }

    /// The server reads so much at once from now on.
    pub fn set_read_bytes(&mut self, bytes: usize) {
        self.read_bytes = bytes;
    }

    /// No publisher sends a longer message: outboxes and tapes are held to that.
    pub fn set_message_bytes_max(&mut self, bytes: usize) {
        self.message_bytes_max = bytes;
    }

    // --- Who comes -----------------------------------------------------------------------------------------

    /// A publisher of that name, `app/name`; it comes when it is told what to stream.
    pub fn publisher<'a>(&'a mut self, name: &'a str) -> ComingPublisher<'a> {
        let options = self.peer_options();
        ComingPublisher { world: self, name, options }
    }

    /// A player of that name, `app/name`.
    pub fn player(&mut self, name: &str) -> Client<Player> {
        let options = PeerOptions { chunk_size: ChunkSizeHabit::Never, ..self.peer_options() };
        self.player_with(name, options)
    }

    /// The same, behaving as the options say.
    pub fn player_with(&mut self, name: &str, options: PeerOptions) -> Client<Player> {
        let (app, name) = app_and_name(name);
        self.seat(Player::with_options(app, name, options))
    }

    /// A client by hand: the test says all that it does.
    pub fn peer(&mut self) -> Client<Peer> {
        let options = self.peer_options();
        self.peer_with(options)
    }

    /// The same, behaving as the options say.
    pub fn peer_with(&mut self, options: PeerOptions) -> Client<Peer> {
        self.seat(Peer::new(options))
    }

    /// Somebody who sends these bytes, RTMP or not.
    pub fn stranger(&mut self, bytes: &[u8]) -> Client<Stranger> {
        let mut stranger = Stranger::default();
        stranger.say(bytes);
        self.seat(stranger)
    }

    /// Somebody who does as a script says.
    ///
    /// # Errors
    /// The server turns it away.
    pub fn comes<S: Script>(&mut self, script: S) -> Result<Client<S>, TurnedAway> {
        let script = Rc::new(RefCell::new(script));
        let session = self.server.open(self.entropy.entropy(), self.instant())?;
        let link = Link::new(self.link_options, &mut self.cuts);
        let seat = Rc::new(RefCell::new(Seat::new(session, link, script.clone())));
        self.seat_of.insert(session, self.seats.len());
        self.agenda.call(self.seats.len());
        self.seats.push(Rc::clone(&seat));
        self.drain();
        Ok(Client { script, seat })
    }

    // --- What happens --------------------------------------------------------------------------------------

    /// Lets everything happen until then.
    pub fn run_until(&mut self, then: Duration) {
        assert!(then >= self.now, "time does not go back from {:?} to {then:?}", self.now);
        // A test may have done anything to anybody.
        self.agenda.call_all(self.seats.len());
        self.step();
        while let Some(at) = self.next_time().filter(|&at| at <= then) {
            // A link that was plugged in again is late with what it had on the wire.
            self.now = self.now.max(at);
            self.agenda.call_due(self.now);
            self.step();
        }
        self.now = then;
        self.check();
    }

    /// Lets everything happen for so long.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// The client's connection is reset.
    pub fn cut<S>(&mut self, client: &Client<S>) {
        client.seat.borrow_mut().cut(self.now);
    }

    /// The client closes its connection: FIN behind what it has said.
    pub fn hang_up<S>(&mut self, client: &Client<S>) {
        client.seat.borrow_mut().leave();
    }

    /// The client stops reading.
    pub fn stall<S>(&mut self, client: &Client<S>) {
        client.seat.borrow_mut().is_reading = false;
    }

    /// The client reads again.
    pub fn resume<S>(&mut self, client: &Client<S>) {
        client.seat.borrow_mut().is_reading = true;
    }

    /// The connection breaks: the server is told that its transport failed, the client nothing.
    pub fn lose<S>(&mut self, client: &Client<S>) {
        client.seat.borrow_mut().lose(self.now);
    }

    /// The link is so fast from now on, in both directions.
    pub fn set_speed<S>(&mut self, client: &Client<S>, bytes_per_second: u64) {
        client.seat.borrow_mut().link.set_speed(bytes_per_second);
    }

    /// The server reads what this client sends whether it wants to or not.
    pub fn read_regardless<S>(&mut self, client: &Client<S>) {
        client.seat.borrow_mut().is_read_regardless = true;
    }

    /// The client makes the server say more than others do.
    pub fn let_inquire<S>(&mut self, client: &Client<S>) {
        client.seat.borrow_mut().is_inquisitive = true;
    }

    /// Whenever something of one of these streams was read for this client, it must not be further behind than that.
    pub fn watch_lag<S>(&mut self, client: &Client<S>, most: BTreeMap<String, Lag>) {
        client.seat.borrow_mut().lag_max = most;
    }

    /// Nothing moves any more between the client and the server, and neither is told.
    pub fn unplug<S>(&mut self, client: &Client<S>) {
        client.seat.borrow_mut().link.plug(false);
    }

    /// The link works again; nothing was lost.
    pub fn plug_in<S>(&mut self, client: &Client<S>) {
        client.seat.borrow_mut().link.plug(true);
    }

    /// The server is so busy from now on.
    pub fn set_load(&mut self, load: Load) {
        self.server.set_load(load);
    }

    /// The server drains.
    pub fn begin_to_drain(&mut self, request: &Arc<ReconnectRequest>) {
        self.server.begin_to_drain(request, self.instant());
        self.drain();
    }

    /// The server shuts down.
    pub fn shutdown(&mut self) {
        self.server.shut_down(self.instant());
        self.drain();
    }

    // --- Questions -----------------------------------------------------------------------------------------

    /// The time.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// A client's session at the server, for questions.
    pub fn session<S>(&self, client: &Client<S>) -> Option<&Session> {
        self.server.session(client.seat.borrow().session)
    }

    /// Sessions of the server whose end was not told.
    pub fn session_count(&self) -> usize {
        self.server.session_count()
    }

    /// Names of streams that somebody publishes or plays.
    pub fn stream_count(&self) -> usize {
        self.server.stream_count()
    }

    /// When the server wants to look after somebody.
    pub fn deadline(&self) -> Option<Duration> {
        self.server.poll_timeout().map(Instant::since_epoch)
    }

    /// Bytes of frames on the tape of one stream, at its home or wherever else it is kept.
    pub fn tape_bytes_of(&self, name: &StreamName) -> usize {
        self.server.tape_bytes_of(name)
    }

    /// How many forms of one stream are made, on the loop that has most, and the bytes on their tapes.
    pub fn forms_of(&self, name: &StreamName) -> (usize, usize) {
        self.server.forms_of(name)
    }

    /// Bytes of frames on all tapes, on the loop that has most.
    pub fn tape_bytes(&self) -> usize {
        self.server.tape_bytes()
    }

    /// All that the server wrote and told, with the times, in one number.
    pub fn transcript(&self) -> Transcript {
        self.transcript
    }

    /// The world ends: all leave. All that was written and told up to then.
    pub fn end(mut self) -> Transcript {
        self.check_that_nothing_remains();
        self.transcript
    }

    // --- One moment ----------------------------------------------------------------------------------------

    fn next_time(&self) -> Option<Duration> {
        let answer = self.answers.keys().next().map(|&(at, _)| at);
        let timeout = self.server.poll_timeout().map(Instant::since_epoch);
        let times =
            [self.agenda.next_time(), answer, timeout, self.next_time_within(), self.server.post.next_time()];
        times.into_iter().flatten().min()
    }

    /// All that can be done at this moment, until nobody can do more.
    fn step(&mut self) {
        self.settle();
        while let Some(entry) = self.answers.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let answer = entry.remove();
            self.answer(answer);
            self.settle();
        }
        for _ in 0..self.deadlines_at_once {
            if self.server.poll_timeout().is_some_and(|at| at <= self.instant()) {
                self.server.handle_timeout(self.instant());
                self.settle();
            }
        }
        let deadline = self.server.poll_timeout();
        assert!(
            deadline.is_none_or(|at| at > self.instant()),
            "the deadline {deadline:?} is still there after it was handled at {:?}",
            self.now
        );
    }

    fn settle(&mut self) {
        self.drain();
        for _ in 0..ROUNDS_MAX {
            let called = self.agenda.take_called();
            let mut moved = !called.is_empty();
            for index in called {
                self.attend(index);
            }
            moved |= self.stream_within();
            if self.server.deliver(self.instant()) {
                self.drain();
                moved = true;
            }
            if !moved {
                if self.now >= self.check_at {
                    self.check();
                }
                return;
            }
        }
        panic!("the world does not come to rest at {:?}", self.now);
    }

    /// One client, its link, and the server's end of it. While anything moves it is called again.
    fn attend(&mut self, index: usize) {
        let seat = Rc::clone(&self.seats[index]);
        let mut moved = seat.borrow_mut().act(self.now);
        moved |= seat.borrow_mut().link.advance(self.now);
        moved |= self.read(&seat);
        if seat.borrow().can_write_again() {
            let session = seat.borrow().session;
            self.write(session);
            self.drain();
            moved = true;
        }
        if moved {
            self.agenda.call(index);
        } else {
            self.agenda.set(index, seat.borrow().next_time());
        }
    }

    // --- Helpers -------------------------------------------------------------------------------------------

    fn seat<S: Script>(&mut self, script: S) -> Client<S> {
        self.comes(script).expect("there is room")
    }

    fn peer_options(&mut self) -> PeerOptions {
        PeerOptions { seed: self.entropy.roll(), ..PeerOptions::default() }
    }

    fn instant(&self) -> Instant {
        Instant::from_epoch(self.now)
    }

    fn check_that_nothing_remains(&mut self) {
        self.server.post.let_all_through();
        self.everybody_within_leaves();
        for seat in &self.seats {
            let seat = &mut *seat.borrow_mut();
            seat.link.plug(true);
            // That somebody leaves comes behind all that it has sent.
            seat.link.set_speed(u64::MAX);
            seat.leave();
        }
        self.run_for(LEAVING_TIME);
        assert_eq!(self.server.session_count(), 0, "all clients have left");
        assert!(self.server.are_empty(), "no stream is left without publisher and players");
        assert!(self.server.post.is_empty(), "no parcel is under way");
        assert_eq!(self.server.poll_timeout(), None, "nobody is left who could be late");
        assert!(self.seats.iter().all(|seat| seat.borrow().is_closed), "every session was told to be over");
    }
}

/// The world ends when a test is through: then everybody leaves, and nothing may remain.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check_that_nothing_remains();
        }
    }
}

/// A publisher that does not know yet what to stream.
pub struct ComingPublisher<'a> {
    world: &'a mut World,
    name: &'a str,
    options: PeerOptions,
}

impl ComingPublisher<'_> {
    /// It will behave as the options say.
    #[must_use]
    pub fn with(self, options: PeerOptions) -> Self {
        Self { options, ..self }
    }

    /// It comes, and streams this as soon as it may.
    pub fn streaming(self, pattern: Pattern) -> Client<Publisher> {
        let (app, name) = app_and_name(self.name);
        self.world.seat(Publisher::with_options(app, name, pattern, self.options))
    }
}

/// How many loops the server of each world has; one, unless the environment says otherwise.
fn loops() -> NonZeroU32 {
    match std::env::var(LOOPS_VARIABLE) {
        Ok(count) => count.parse().expect("a number of loops"),
        Err(_) => NonZeroU32::MIN,
    }
}

/// Whether something is due as soon as it begins.
fn has_zero_time(config: &ServerConfig) -> bool {
    let (timers, stream) = (config.session.timers, config.stream.others());
    let times = [timers.handshake, timers.command, timers.answer, timers.ping, timers.silence, timers.stall];
    let others = [timers.farewell, stream.waiting, stream.grace];
    times.iter().chain(&others).any(Duration::is_zero)
}

fn app_and_name(name: &str) -> (&str, &str) {
    name.rsplit_once('/').expect("a name is `app/name`")
}

const LOOPS_VARIABLE: &str = "SOL_WORLD_LOOPS";

/// What the server reads at once, as its adapters do.
const READ_BYTES: usize = 64 * 1024;

/// More than any number of segments that can be due at one moment.
const ROUNDS_MAX: usize = 1_000_000;

/// Where a time is zero, what follows from one deadline is due at once: a stream that ends, players that are to leave for that, and
/// whoever is told for those.
const DEADLINES_AT_ONCE: usize = 3;

/// After so long the last answer was given, the last byte flushed, the last timer over.
const LEAVING_TIME: Duration = Duration::from_secs(120);
