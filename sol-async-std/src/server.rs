//! Server: listeners, connections and their common state.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use async_io::Timer;
use event_listener::Event;
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::future::{Either, FutureExt, select};
use futures_util::stream::{Stream, StreamExt};
use rand::TryRng;
use rand::rngs::SysRng;
use sol_core::ids::SessionId;
use sol_core::limits;
use sol_core::participant::Participant;
use sol_core::server::{ConnectionReport, Peer, Report, ServerConfig, SocketConfig, TurnedAway};
use sol_core::session::{ReconnectRequest, Session, SessionConfig, Stage};

use crate::application::Application;
use crate::clock::Clock;
use crate::connection::{Connection, SharedParticipant, lock};
use crate::line::Line;
use crate::socket;
use crate::stage::SharedStage;
use crate::streams::SharedStreams;
use crate::transport::Transport;

/// An RTMP server. Clones are the same server.
///
/// What is gathered by [`Coalesce::Auto`](sol_core::hub::Coalesce) goes at once: neither async-std nor smol tells how busy
/// its executor is, so the server never counts as busy. [`Coalesce::Fixed`](sol_core::hub::Coalesce) is as anywhere.
#[derive(Debug)]
pub struct Server<A> {
    pub(crate) shared: Arc<Shared<A>>,
}

impl<A> Clone for Server<A> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// One connection, to be driven by an executor until it is over. Panics of the connection stay within it.
pub type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Debug)]
pub(crate) struct Shared<A> {
    pub(crate) application: A,
    pub(crate) streams: Arc<SharedStreams>,
    session_config: Arc<SessionConfig>,
    sessions_so_far: AtomicU64,
    connections_max: usize,
    socket: SocketConfig,
    connections: Mutex<Connections>,
    /// Notified when the last connection is gone.
    emptied: Event,
    pub(crate) stage: SharedStage,
    /// Notified when it has gone on.
    leaving_begun: Event,
}

#[derive(Debug, Default)]
struct Connections {
    open: BTreeMap<SessionId, Entry>,
}

/// A connection, as others see it.
#[derive(Clone, Debug)]
struct Entry {
    peer: Peer,
    line: Arc<Line>,
    /// Gone while the connection hangs up.
    participant: Weak<SharedParticipant>,
}

impl<A: Application> Server<A> {
    /// A server without listeners. Needs no executor, and starts none.
    pub fn new(config: ServerConfig, application: A) -> Self {
        let clock = Clock::start();
        let shared = Shared {
            application,
            streams: Arc::new(SharedStreams::new(config.stream, config.session.chunk_size, clock)),
            session_config: Arc::new(config.session),
            sessions_so_far: AtomicU64::new(0),
            connections_max: config.connections_max.min(limits::CONNECTIONS),
            socket: config.socket,
            connections: Mutex::default(),
            emptied: Event::new(),
            stage: SharedStage::default(),
            leaving_begun: Event::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Serves the connections that a listener accepts, until [`Server::drain`] or [`Server::shutdown`], or until there are no more. `spawn` gives
    /// each to an executor, whichever that is. Any number of listeners may be served at once. For whatever is a TCP socket:
    /// smol's, async-std's, or an [`async_io::Async`].
    ///
    /// Errors of `accept` do not end it: they go to [`Application::turned_away`]. Where the system is short of
    /// something, it tries again after a moment.
    pub async fn serve_incoming<I>(
        &self,
        incoming: impl Stream<Item = io::Result<I>>,
        spawn: impl Fn(Serving),
    ) where
        I: AsyncRead + AsyncWrite + AsFd + Unpin + Send + 'static,
    {
        let mut incoming = pin!(incoming);
        let mut in_a_row = 0;
        while let Some(Some(accepted)) = self.while_serving(incoming.next()).await {
            in_a_row += 1;
            if in_a_row == ACCEPTS {
                in_a_row = 0;
                others_first().await;
            }
            match accepted {
                Ok(socket) => {
                    let address = socket::peer_address(&socket);
                    let known = address.as_ref().ok().copied();
                    let prepared = socket::prepare(&socket, self.shared.socket);
                    match address.and_then(|address| prepared.map(|()| address)) {
                        Ok(address) => {
                            if let Some(connection) = self.admit(Transport::socket(socket), address) {
                                // Some executors have a panic end the thread that it comes up in.
                                spawn(Box::pin(AssertUnwindSafe(connection).catch_unwind().map(drop)));
                            }
                        }
                        // Mostly one that has gone again; the next need not wait for that.
                        Err(error) => self.turn_away(known, &TurnedAway::Accept(error)),
                    }
                }
                Err(error) => {
                    let why = TurnedAway::Accept(error);
                    self.turn_away(None, &why);
                    if let Some(pause) = why.pause() {
                        let _ = self.while_serving(Timer::after(pause)).await;
                    }
                }
            }
        }
    }

    /// Serves one connection that the embedder accepted itself, over any transport. Returns when it is over, and gives
    /// the transport back where its peer takes nothing any more: whoever can should reset it (see
    /// [`Hangup::Reset`](sol_core::session::Hangup::Reset)).
    ///
    /// To close the transport must be to say that nothing more comes. It is with smol's sockets; those of async-std and
    /// [`async_io::Async`], which are only flushed, are for [`Server::serve_incoming`].
    ///
    /// Dropping the future ends the connection at once, without a word to the peer.
    #[must_use = "a transport that comes back is to be reset"]
    pub async fn serve_connection<I>(&self, transport: I, address: SocketAddr) -> Option<I>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.admit(Transport::new(transport), address)?.await
    }

    /// Stops accepting, tells publishers and players, and returns when all connections are closed: at once where
    /// the peers take the message and close, within [`limits::FLUSH_TIME`] and [`limits::LINGER_TIME`] otherwise.
    ///
    /// What the embedder publishes itself goes on until it ends it, and has no players any more.
    pub async fn shutdown(&self) {
        self.shared.go_on_to(Stage::ShutDown);
        self.shared.emptied().await;
    }

    /// Stops accepting, refuses whoever begins to publish or to play, asks those to reconnect who obey
    /// ([`ReconnectRequest`]), and serves all that are there until they have left, but for `patience` at most. Then it is
    /// [`Server::shutdown`]. How many connections were left for that.
    ///
    /// Where a shutdown has begun, or begins meanwhile, there is nothing to wait for but that. A second drain waits with the first,
    /// by its own patience.
    pub async fn drain(&self, request: ReconnectRequest, patience: Duration) -> usize {
        self.shared.go_on_to(Stage::Draining(Arc::new(request)));
        let emptied = pin!(self.shared.emptied());
        select(emptied, Timer::after(patience)).await;
        let left = self.connection_count();
        self.shutdown().await;
        left
    }

    /// What the server does at this moment: who publishes and plays what, and how well. Every connection is looked at for
    /// it, so this is for people and not for a loop. Waits for the turn that a connection is in, which takes microseconds
    /// where [`Application::event`] does not block; so that one must not wait for a report.
    pub async fn report(&self) -> Report {
        let streams = &self.shared.streams;
        let connections = self.shared.entries().into_iter().filter_map(|entry| {
            let participant = entry.participant.upgrade()?;
            let participant = lock(&participant);
            // The turn that was waited for may have been its last, which the application has heard of already.
            if participant.session().is_closed() {
                return None;
            }
            let mut seen = streams.seen_by(Some(&entry.line));
            let roles = participant.report(&mut seen, streams.clock.now());
            let round_trip = participant.session().round_trip();
            Some(ConnectionReport { peer: entry.peer, roles, round_trip })
        });
        // Let go of before a connection's lock is taken: whoever has that may publish.
        let from_within = streams.published_within().names();
        Report {
            streams: streams.report(),
            from_within,
            connections: connections.collect(),
            ..Report::default()
        }
    }

    /// Number of connections, with those that are over and linger for their peers to read the last words.
    pub fn connection_count(&self) -> usize {
        self.shared.connections().open.len()
    }

    /// Number of stream names in use, by a publisher or by players.
    pub fn stream_count(&self) -> usize {
        self.shared.streams.len()
    }

    /// Takes a connection in, or turns it away. What is taken in comes back when its peer takes nothing any more.
    fn admit<I>(
        &self,
        transport: Transport<I>,
        address: SocketAddr,
    ) -> Option<impl Future<Output = Option<I>> + Send + use<A, I>>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut seed = [0; 32];
        if let Err(error) = SysRng.try_fill_bytes(&mut seed) {
            self.turn_away(Some(address), &TurnedAway::Entropy(io::Error::other(error)));
            return None;
        }
        let shared = Arc::clone(&self.shared);
        let id = SessionId::new(shared.sessions_so_far.fetch_add(1, Ordering::Relaxed) + 1);
        let (peer, line) = (Peer { id, address }, Arc::new(Line::new(id)));
        let session = Session::accept(Arc::clone(&shared.session_config), seed, shared.streams.clock.now());
        let participant = Arc::new(Mutex::new(Participant::new(session)));
        let entry = Entry { peer, line: Arc::clone(&line), participant: Arc::downgrade(&participant) };
        if let Err(why) = shared.enter(entry) {
            self.turn_away(Some(address), &why);
            return None;
        }
        let listed = Listed { shared, id };
        Some(async move { Connection::new(&listed.shared, peer, &line, participant).run(transport).await })
    }

    fn turn_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        // A panic of the application's must not end the accepting.
        let _ = catch_unwind(AssertUnwindSafe(|| self.shared.application.turned_away(peer, why)));
    }

    /// What comes of a future, unless everybody is to leave before.
    async fn while_serving<F: Future + Unpin>(&self, future: F) -> Option<F::Output> {
        // In this order: what begins in between is not missed.
        let begun = self.shared.leaving_begun.listen();
        if self.shared.stage.now() != Stage::Serving {
            return None;
        }
        match select(future, begun).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }
}

impl<A> Shared<A> {
    /// Goes on to a stage, unless it was reached, and everybody hears of it.
    fn go_on_to(&self, next: Stage) {
        self.stage.enter(next);
        self.leaving_begun.notify(usize::MAX);
        for entry in self.entries() {
            entry.line.ring();
        }
    }

    /// Returns when no connection is left.
    async fn emptied(&self) {
        loop {
            let emptied = self.emptied.listen();
            if self.connections().open.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn enter(&self, entry: Entry) -> Result<(), TurnedAway> {
        let mut connections = self.connections();
        // Under the lock: a shutdown either is seen here, or sees this one.
        if let Some(why) = TurnedAway::at(&self.stage.now()) {
            return Err(why);
        }
        if connections.open.len() >= self.connections_max {
            return Err(TurnedAway::TooManyConnections { max: self.connections_max });
        }
        connections.open.insert(entry.peer.id, entry);
        Ok(())
    }

    /// Those who are connected at this moment.
    fn entries(&self) -> Vec<Entry> {
        self.connections().open.values().cloned().collect()
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's entry in the list, for as long as its task or future lives.
struct Listed<A> {
    shared: Arc<Shared<A>>,
    id: SessionId,
}

impl<A> Drop for Listed<A> {
    fn drop(&mut self) {
        let mut connections = self.shared.connections();
        connections.open.remove(&self.id);
        if connections.open.is_empty() {
            self.shared.emptied.notify(usize::MAX);
        }
    }
}

/// Lets all others who want a turn have it.
async fn others_first() {
    let mut were_others = false;
    poll_fn(|context| {
        if were_others {
            return Poll::Ready(());
        }
        were_others = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Connections accepted in a row. A crowd that comes at once would keep those who are there from their turns.
const ACCEPTS: u32 = 64;
