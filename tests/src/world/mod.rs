//! World: a server on a virtual network, its clients, and a clock that a test moves.
//!
//! The server is the core's own, driven by its contract; the clients are the peers of this kit; between them are links with
//! buffers, latency and faults. Time passes only in
//! [`World::run_until`], and jumps from one moment at which something happens to the next.
//!
//! The world asserts what must hold in every scenario: the server speaks by the book; `Closed` comes once and
//! last, with everything ended before it; a deadline that was handled is gone; and once all clients have left, when the world is dropped, nothing of them remains.
//!
//! Invariant: a run is a function of the seeds and of the calls.

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
use std::time::Duration;

use sol_core::hub::StreamConfig;
use sol_core::ids::{RequestId, SessionId};
use sol_core::load::Load;
use sol_core::name::StreamName;
use sol_core::server::ServerConfig;
use sol_core::session::{Refusal, Request, Session};
use sol_core::time::Instant;

use crate::peer::pattern::Pattern;
use crate::peer::script::{Player, Publisher, Script};
use crate::peer::{ChunkSizeHabit, Peer, PeerOptions};
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
}

/// What the application will say.
#[derive(Debug)]
struct Verdict {
    session: SessionId,
    request: RequestId,
    verdict: Result<(), Refusal>,
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
            within: Vec::new(),
            policy: Box::new(|_| Answer::allow()),
            answers: BTreeMap::new(),
            asked: 0,
            link_options: LinkOptions::default(),
            entropy,
            cuts,
            transcript: Transcript::default(),
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

    // --- What happens --------------------------------------------------------------------------------------

    /// Lets everything happen until then.
    pub fn run_until(&mut self, then: Duration) {
        assert!(then >= self.now, "time does not go back from {:?} to {then:?}", self.now);
        self.step();
        while let Some(at) = self.next_time().filter(|&at| at <= then) {
            // A link that was plugged in again is late with what it had on the wire.
            self.now = self.now.max(at);
            self.step();
        }
        self.now = then;
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

    /// Bytes of frames on all tapes, on the loop that has most.
    pub fn tape_bytes(&self) -> usize {
        self.server.tape_bytes()
    }

    /// All that the server wrote and told, with the times, in one number.
    pub fn transcript(&self) -> Transcript {
        self.transcript
    }

    // --- One moment ----------------------------------------------------------------------------------------

    fn next_time(&self) -> Option<Duration> {
        let seats = self.seats.iter().filter_map(|seat| seat.borrow().next_time());
        let answer = self.answers.keys().next().map(|&(at, _)| at);
        let within = self.next_time_within().into_iter().chain(self.server.post.next_time());
        seats.chain(answer).chain(within).chain(self.server.poll_timeout().map(Instant::since_epoch)).min()
    }

    /// All that can be done at this moment, until nobody can do more.
    fn step(&mut self) {
        self.settle();
        while let Some(entry) = self.answers.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let answer = entry.remove();
            self.answer(answer);
            self.settle();
        }
        if self.server.poll_timeout().is_some_and(|at| at <= self.instant()) {
            self.server.handle_timeout(self.instant());
            self.settle();
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
            let mut moved = false;
            for index in 0..self.seats.len() {
                moved |= self.attend(index);
            }
            moved |= self.stream_within();
            if self.server.deliver(self.instant()) {
                self.drain();
                moved = true;
            }
            if !moved {
                self.check_that_all_was_said();
                return;
            }
        }
        panic!("the world does not come to rest at {:?}", self.now);
    }

    /// One client, its link, and the server's end of it; whether anything moved.
    fn attend(&mut self, index: usize) -> bool {
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
        moved
    }

    // --- Helpers -------------------------------------------------------------------------------------------

    fn seat<S: Script>(&mut self, script: S) -> Client<S> {
        let script = Rc::new(RefCell::new(script));
        let session = self.server.open(self.entropy.entropy(), self.instant()).expect("there is room");
        let link = Link::new(self.link_options, &mut self.cuts);
        let seat = Rc::new(RefCell::new(Seat::new(session, link, script.clone())));
        self.seat_of.insert(session, self.seats.len());
        self.seats.push(Rc::clone(&seat));
        self.drain();
        Client { script, seat }
    }

    fn peer_options(&mut self) -> PeerOptions {
        PeerOptions { seed: self.entropy.roll(), ..PeerOptions::default() }
    }

    fn instant(&self) -> Instant {
        Instant::from_epoch(self.now)
    }

    fn check_that_all_was_said(&self) {
        for seat in self.seats.iter().map(|seat| seat.borrow()).filter(|seat| !seat.is_blocked) {
            let session = self.server.session(seat.session);
            let waits = session.is_some_and(Session::has_output);
            assert!(!waits, "session {} has output that was not told of", seat.session);
        }
    }

    fn check_that_nothing_remains(&mut self) {
        self.server.post.let_all_through();
        self.everybody_within_leaves();
        for seat in &self.seats {
            let seat = &mut *seat.borrow_mut();
            seat.link.plug(true);
            seat.leave();
        }
        self.run_for(LEAVING_TIME);
        assert_eq!(self.server.session_count(), 0, "all clients have left");
        assert!(self.server.are_empty(), "no stream is left without publisher and players");
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

fn app_and_name(name: &str) -> (&str, &str) {
    name.rsplit_once('/').expect("a name is `app/name`")
}

const LOOPS_VARIABLE: &str = "SOL_WORLD_LOOPS";

/// More than any number of segments that can be due at one moment.
const ROUNDS_MAX: usize = 10_000_000;

/// After so long the last answer was given, the last byte flushed, the last timer over.
const LEAVING_TIME: Duration = Duration::from_secs(120);
