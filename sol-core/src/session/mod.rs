//! Session: one connection, from the handshake to the last byte.
//!
//! # The contract: touch, then drain
//!
//! A session is driven; it never acts by itself. After any call that takes `&mut self` (the *touch*) the driver
//! *drains*:
//!
//! 1. [`Session::poll_event`] until it returns `None`, answering requests as it likes, now or later;
//! 2. [`Session::outbound`], writing what it shows and reporting with [`Session::handle_sent`] what the transport
//!    took, until there is nothing left or the transport takes no more;
//! 3. [`Session::poll_timeout`], to know when to call [`Session::handle_timeout`] at the latest.
//!
//! It reads from the transport while [`Session::wants_input`] says so. `now` never goes back; debug builds check
//! it. Failure is an output: [`Event::Closed`], exactly once, always last; whatever is called afterwards has no
//! effect. The driver then closes the transport, in the way that the event says. All bytes that could be flushed have
//! been.
//!
//! A run is a function of the configuration, the entropy and the calls. How input is cut does not matter, but for what
//! depends on undrained output: acknowledgements are left out, and a session closed as [`CloseReason::AnswersUnread`], where
//! the driver has let too much of it wait.

mod capabilities;
mod checks;
mod client;
mod close;
mod commands;
mod config;
mod connect_reply;
mod ending;
mod event;
mod hangup;
mod intake;
mod liveness;
mod net_stream;
mod outbox;
mod phase;
mod reconnect;
mod reply;
mod serving;
mod stage;
mod target;
mod timers;
mod traffic;
mod voice;

#[cfg(test)]
mod tests;

pub use capabilities::{Ability, Capabilities, Extensions, FourCcList, FourCcMap, Stated, VideoFunctions};
pub use client::Call;
pub use close::{CloseReason, PeerEnd, PlayEnd, Refusal, ServerWord};

use client::Client;
use close::Farewell;
pub use config::{SessionConfig, SessionTimers};
pub use connect_reply::ConnectReply;
pub use event::{Connected, Event, Request, RequestKind, StaleRequest, Welcome};
pub use hangup::{Hangup, Linger};
pub use reconnect::ReconnectRequest;
pub use stage::Stage;
pub use target::Target;
pub use timers::{Deadline, Timer};
pub use traffic::Traffic;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use crate::chunk::ChunkReader;
use crate::entropy::Entropy;
use crate::handshake::{ClientHandshake, HandshakeError, Progress, ServerHandshake};
use crate::ids::{ChunkSize, RequestId};
use crate::limits;
use crate::message::UserControl;
use crate::name::App;
use crate::quirk::{QuirkCounts, Tolerance};
use crate::time::Instant;

use net_stream::{Doing, NetStreams};
use outbox::Outbox;
use phase::Phase;
use timers::Timers;

/// One connection, in the server's role or in the client's. See the [module](self) for the contract.
#[derive(Debug)]
pub struct Session {
    config: Arc<SessionConfig>,
    entropy: Entropy,
    phase: Phase,
    handshake: Handshake,
    /// What it is to do, in the client's role.
    client: Option<Box<Client>>,
    reader: ChunkReader,
    tolerance: Tolerance,
    app: App,
    /// What the peer stated of Enhanced RTMP in `connect`, or in the answer to it.
    capabilities: Arc<Capabilities>,
    streams: NetStreams,
    /// The server drains: nothing new is taken up.
    draining: Option<Arc<ReconnectRequest>>,
    requests_so_far: u32,
    refusals_so_far: u32,
    /// What came behind the request that waits.
    held: BytesMut,
    events: VecDeque<Event>,
    outbox: Outbox,
    chunk_size_sent: ChunkSize,
    /// The window that the peer was last told.
    window_sent: Option<u32>,
    timers: Timers,
    /// Why the peer should leave, while [`Timer::Farewell`] runs.
    farewell: Option<Farewell>,
    traffic: Traffic,
    /// When the ping was sent that has not been answered yet.
    pinged: Option<Instant>,
    round_trip: Option<Duration>,
    opened: Instant,
    now: Instant,
}

/// The side of the handshake that is ours.
#[derive(Debug)]
enum Handshake {
    Server(ServerHandshake),
    Client(ClientHandshake),
}

impl Handshake {
    fn read(
        &mut self,
        input: &mut &[u8],
        entropy: &mut Entropy,
        now: Instant,
    ) -> Result<Progress, HandshakeError> {
        match self {
            Handshake::Server(handshake) => handshake.read(input, entropy, now),
            Handshake::Client(handshake) => handshake.read(input, entropy, now),
        }
    }
}

impl Session {
    /// A session for a connection that a client has just opened.
    ///
    /// `entropy` is the seed of all randomness of this session; no two sessions may share one.
    pub fn accept(config: Arc<SessionConfig>, entropy: [u8; 32], now: Instant) -> Self {
        let handshake = Handshake::Server(ServerHandshake::new());
        Self::new(config, Entropy::new(entropy), handshake, None, now)
    }

    /// A session for a connection that was just opened to a server. Asks for what `target` says as soon as it may;
    /// [`Event::Granted`] says when it publishes or plays, and [`Event::Closed`] with
    /// [`CloseReason::RefusedByServer`] or another reason why it does not.
    ///
    /// Of the configuration the chunk size, the window, strictness, and the time for the handshake and for output to be
    /// taken matter. `entropy` as for [`Session::accept`].
    pub fn connect(config: Arc<SessionConfig>, target: &Target, entropy: [u8; 32], now: Instant) -> Self {
        let mut entropy = Entropy::new(entropy);
        let (handshake, hello) = ClientHandshake::begin(target.handshake, &mut entropy, now);
        let client = Some(Box::new(Client::new(target.clone())));
        let mut session = Self::new(config, entropy, Handshake::Client(handshake), client, now);
        session.expect_progress();
        session.outbox.push_answer(hello);
        session
    }

    fn new(
        config: Arc<SessionConfig>,
        entropy: Entropy,
        handshake: Handshake,
        client: Option<Box<Client>>,
        now: Instant,
    ) -> Self {
        let mut timers = Timers::default();
        timers.set(Timer::Handshake, now + config.timers.handshake);
        let mut reader = ChunkReader::new();
        reader.set_message_bytes_max(limits::UNTRUSTED_MESSAGE_BYTES);
        Self {
            entropy,
            phase: Phase::Handshake,
            handshake,
            client,
            reader,
            tolerance: Tolerance::new(config.strict),
            app: App::default(),
            capabilities: Arc::default(),
            streams: NetStreams::default(),
            draining: None,
            requests_so_far: 0,
            refusals_so_far: 0,
            held: BytesMut::new(),
            events: VecDeque::new(),
            outbox: Outbox::default(),
            chunk_size_sent: ChunkSize::INITIAL,
            window_sent: None,
            timers,
            farewell: None,
            traffic: Traffic::default(),
            pinged: None,
            round_trip: None,
            opened: now,
            now,
            config,
        }
    }

    // --- From the world -----------------------------------------------------------------------------------

    /// Bytes came from the peer, in any cut.
    ///
    /// Read only while [`Session::wants_input`]; what comes all the same is held, up to
    /// `limits::HELD_INPUT_BYTES`.
    pub fn handle_input(&mut self, bytes: &[u8], now: Instant) {
        self.touch(now);
        if !self.phase.is_open() || bytes.is_empty() {
            return;
        }
        self.heard();
        self.take(bytes);
        self.debug_check();
    }

    /// The transport took `count` of the bytes that [`Session::outbound`] showed.
    ///
    /// # Panics
    /// If `count` is more than all that waits.
    pub fn handle_sent(&mut self, count: usize, now: Instant) {
        self.touch(now);
        if count == 0 || self.phase.is_closed() {
            return;
        }
        self.traffic.count_sent(count);
        if self.outbox.advance(count) && self.phase.is_connected() {
            // Media that the socket takes is a sign of life. Answers and pings are not: a kernel takes a few
            // bytes for a dead peer as well.
            self.heard();
        }
        if !self.outbox.expects_progress() {
            self.timers.stop(Timer::Stall);
        } else if self.outbox.taken_since_mark() >= limits::STALL_BYTES {
            self.outbox.mark();
            self.timers.set(Timer::Stall, now + self.config.timers.stall);
        }
        if self.outbox.is_empty() {
            self.finish_closing();
        }
        self.debug_check();
    }

    /// The transport ended by itself.
    pub fn handle_end(&mut self, end: PeerEnd, now: Instant) {
        self.touch(now);
        let reason = match end {
            PeerEnd::Finished => CloseReason::PeerLeft,
            // FFmpeg leaves our last words unread, which makes a reset of its close.
            PeerEnd::Reset if self.phase.is_connected() && !self.is_busy() => CloseReason::PeerLeft,
            PeerEnd::Reset => CloseReason::PeerReset,
            PeerEnd::Lost => CloseReason::ConnectionLost,
        };
        // However it leaves during its farewell, it does so because nothing is left for it here.
        self.finish(self.farewell.map_or(reason, CloseReason::from));
    }

    /// The time of [`Session::poll_timeout`] has come. Harmless when it has not.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.touch(now);
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::Handshake => self.close_for(CloseReason::HandshakeTimeout),
                Timer::Command => self.close_for(CloseReason::CommandTimeout),
                // A publisher that pauses is owed nothing.
                Timer::Silence if self.is_resting_publisher() => self.heard(),
                Timer::Silence => self.close_for(CloseReason::Silent),
                Timer::Farewell => {
                    self.close_for(self.farewell.map_or(CloseReason::PeerLeft, CloseReason::from));
                }
                Timer::Answer => self.refuse_for_want_of_an_answer(),
                Timer::Ping => self.ping(),
                // Nothing can be written to this peer any more, so nothing waits to be flushed.
                Timer::Stall => self.finish(CloseReason::Stalled),
                Timer::Flush => self.finish_closing(),
                // A participant's, never set here.
                Timer::Waiting | Timer::Successor => {}
                Timer::Reply => {
                    let asked = self.asked().expect("it runs while something is asked");
                    self.close_for(CloseReason::NoReply(asked));
                }
            }
        }
        self.debug_check();
    }

    // --- Answers and commands of the application -----------------------------------------------------------

    /// The peer may do what it asked for, and is told so.
    ///
    /// # Errors
    /// [`StaleRequest`] if the request does not wait: answered before, or its session is over. Harmless.
    pub fn allow(&mut self, request: RequestId, now: Instant) -> Result<(), StaleRequest> {
        self.touch(now);
        let Request { stream, kind, name, .. } = self.answered(request)?;
        match kind {
            RequestKind::Publish => {
                self.reader.set_message_bytes_max(limits::MESSAGE_BYTES);
                self.send_user_control(&UserControl::StreamBegin(stream));
                self.send_status(stream, &reply::publish_start(name.as_str()));
                self.streams.set(stream, Doing::Publishing(name));
            }
            RequestKind::Play => {
                self.streams.set(stream, Doing::Allowed(name));
                self.say_play_start(stream);
            }
        }
        self.resume();
        Ok(())
    }

    /// The peer may play what nobody publishes yet. It is told that it starts in front of the first frame, or by
    /// [`Session::start_play`]; [`Session::refuse_play`] can come before that. GStreamer and librtmp take whatever ends
    /// a play that has started for the end of the stream, and say nothing of an error.
    ///
    /// # Errors
    /// [`StaleRequest`], as for [`Session::allow`].
    ///
    /// # Panics
    /// If the peer asked to publish: there is nothing to await.
    pub fn allow_to_await(&mut self, request: RequestId, now: Instant) -> Result<(), StaleRequest> {
        self.touch(now);
        let Request { stream, kind, name, .. } = self.answered(request)?;
        assert_eq!(kind, RequestKind::Play, "only players await");
        self.streams.set(stream, Doing::Allowed(name));
        self.resume();
        Ok(())
    }

    /// There may be frames for this session, and nothing else has happened: the time in which they are to be taken begins at this
    /// moment.
    pub fn handle_wake(&mut self, now: Instant) {
        self.touch(now);
    }

    /// The peer may not do what it asked for, and is told why. If nothing else is going on it gets
    /// [`SessionTimers::farewell`] to leave or to ask for something else.
    ///
    /// # Errors
    /// [`StaleRequest`], as for [`Session::allow`].
    pub fn refuse(&mut self, request: RequestId, why: &Refusal, now: Instant) -> Result<(), StaleRequest> {
        self.touch(now);
        let Request { stream, kind, name, .. } = self.answered(request)?;
        self.refuse_request(stream, kind, Some(name), why.clone());
        self.resume();
        Ok(())
    }

    // --- To the world --------------------------------------------------------------------------------------

    /// The next thing that the application should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() && self.events.capacity() > 64 {
            self.events = VecDeque::new();
        }
        event
    }

    /// When to call [`Session::handle_timeout`], and why; `None` once the session is over.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.timers.next()
    }

    /// Fills `slices` with what is to be written next; how many were filled. Nothing is taken away until
    /// [`Session::handle_sent`].
    pub fn outbound<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.outbox.peek(slices)
    }

    // --- Questions -----------------------------------------------------------------------------------------

    /// Whether the driver should read from the transport. False while a request waits for its answer, while the
    /// peer leaves too many answers unread, and from the moment that the session is closing.
    pub fn wants_input(&self) -> bool {
        self.phase.is_open() && self.waiting().is_none() && self.outbox.answer_bytes() < limits::OUTBOX_BYTES
    }

    /// Whether anything is to be written.
    pub fn has_output(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// The request that waits for an answer.
    pub fn waiting(&self) -> Option<&Request> {
        if self.phase.is_connected() { self.streams.waiting() } else { None }
    }

    /// Bytes of frames that may be queued; one frame may exceed it. Zero unless connected, and for a client until it
    /// publishes.
    pub fn media_room(&self) -> usize {
        if !self.phase.is_connected() || self.client.as_ref().is_some_and(|client| !client.is_under_way()) {
            return 0;
        }
        limits::OUTBOX_BYTES.saturating_sub(self.outbox.bytes())
    }

    /// Why the session is closing, while its last bytes leave; `None` before and afterwards.
    pub fn closing(&self) -> Option<&CloseReason> {
        self.phase.closing_for()
    }

    /// Whether the session is over: [`Event::Closed`] was told, or is the last to be.
    pub fn is_closed(&self) -> bool {
        self.phase.is_closed()
    }

    /// The time that the last ping took to be answered; `None` where none was yet. Publishers such as OBS never read
    /// theirs. An answer that comes behind the next ping, after [`SessionTimers::ping`], does not count.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// How long the session has lasted, up to the last call.
    pub fn lasted(&self) -> Duration {
        self.now.saturating_since(self.opened)
    }

    /// What the operator decided.
    pub fn config(&self) -> &SessionConfig {
        &self.config
    }

    /// What the peer stated of Enhanced RTMP in `connect`, or in the answer to it; nothing before.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Bytes and messages so far.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Which departures from the specification were tolerated so far.
    pub fn quirks(&self) -> &QuirkCounts {
        self.tolerance.counts()
    }

    // --- Life ----------------------------------------------------------------------------------------------

    fn touch(&mut self, now: Instant) {
        debug_assert!(now >= self.now, "time goes back from {:?} to {now:?}", self.now);
        self.now = self.now.max(now);
    }

    /// Whether anything is published, played, or asked for.
    fn is_busy(&self) -> bool {
        self.client.as_ref().map_or_else(|| self.streams.any_busy(), |client| client.is_under_way())
    }

    /// Takes the answer to the request that waits.
    fn answered(&mut self, id: RequestId) -> Result<Request, StaleRequest> {
        let request = self.waiting().filter(|request| request.id == id).ok_or(StaleRequest(id))?.clone();
        self.streams.set(request.stream, Doing::Nothing);
        self.timers.stop(Timer::Answer);
        self.heard();
        Ok(request)
    }

    /// The application has not said a word in time.
    fn refuse_for_want_of_an_answer(&mut self) {
        if let Some(Request { id, .. }) = self.waiting() {
            let why = Refusal::Rejected("The server did not decide in time.".into());
            self.refuse(*id, &why, self.now).expect("it waits");
        }
    }
}
