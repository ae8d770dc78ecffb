//! Server: listeners, connections and their common state.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use sol_core::ids::SessionId;
use sol_core::limits;
use sol_core::server::{Peer, Report, ServerConfig, SocketConfig, TurnedAway};
use sol_core::session::{ReconnectRequest, Session, SessionConfig, Stage};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::application::Application;
use crate::clock::Clock;
use crate::connection;
use crate::line::Line;
use crate::report;
use crate::socket;
use crate::streams::SharedStreams;

/// An RTMP server. Clones are the same server.
#[derive(Debug)]
pub struct Server<A> {
    pub(crate) shared: Arc<Shared<A>>,
}

impl<A> Clone for Server<A> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

#[derive(Debug)]
pub(crate) struct Shared<A> {
    pub(crate) application: A,
    pub(crate) streams: Arc<SharedStreams>,
    pub(crate) session_config: Arc<SessionConfig>,
    clock: Clock,
    sessions_so_far: AtomicU64,
    connections_max: usize,
    socket: SocketConfig,
    connections: Mutex<Connections>,
    /// Notified when the last connection is gone.
    emptied: Notify,
    stage: watch::Sender<Stage>,
}

#[derive(Debug, Default)]
struct Connections {
    open: BTreeMap<SessionId, Arc<Line>>,
}

impl<A: Application> Server<A> {
    /// A server without listeners. To be made within a tokio runtime, whose clock it uses, and on which frames are delivered
    /// to crowds of players.
    pub fn new(config: ServerConfig, application: A) -> Self {
        let clock = Clock::start();
        let shared = Shared {
            application,
            streams: Arc::new(SharedStreams::new(config.stream, config.session.chunk_size, clock)),
            session_config: Arc::new(config.session),
            clock,
            sessions_so_far: AtomicU64::new(0),
            connections_max: config.connections_max.min(limits::CONNECTIONS),
            socket: config.socket,
            connections: Mutex::default(),
            emptied: Notify::new(),
            stage: watch::Sender::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Accepts connections, a task for each, until [`Server::drain`] or [`Server::shutdown`]. Any number of listeners may be served at
    /// once.
    ///
    /// Errors of `accept` do not end it: they go to [`Application::turned_away`]. Where the system is short of
    /// something, it tries again after a moment.
    pub async fn serve(&self, listener: TcpListener) {
        let mut stage = self.shared.stage.subscribe();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stage.wait_for(|stage| *stage != Stage::Serving) => return,
            };
            match accepted {
                Ok((socket, address)) => {
                    if let Err(error) = socket::prepare(&socket, self.shared.socket) {
                        self.turn_away(Some(address), &TurnedAway::Accept(error));
                        continue;
                    }
                    // Where a reset fails, the kernel's own patience ends it.
                    let reset = |socket: &TcpStream| drop(socket.set_zero_linger());
                    if let Some(connection) = self.admit(socket, address, reset) {
                        tokio::spawn(connection);
                    }
                }
                Err(error) => {
                    let why = TurnedAway::Accept(error);
                    self.turn_away(None, &why);
                    if let Some(pause) = why.pause() {
                        let _ = timeout(pause, stage.wait_for(|stage| *stage != Stage::Serving)).await;
                    }
                }
            }
        }
    }

    /// Serves one connection that the embedder accepted itself, over any transport. Returns when it is over, and gives
    /// the transport back where its peer takes nothing any more: whoever can should reset it (see
    /// [`Hangup::Reset`](sol_core::session::Hangup::Reset)).
    ///
    /// What a player is sent may be written from other tasks, and from the thread that calls
    /// [`Publisher::append`](crate::Publisher::append), where there need be no runtime.
    ///
    /// Dropping the future ends the connection at once, without a word to the peer.
    #[must_use = "a transport that comes back is to be reset"]
    pub async fn serve_connection<I>(&self, transport: I, address: SocketAddr) -> Option<I>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.admit(transport, address, |_| {})?.await
    }

    /// Stops accepting, tells publishers and players, and returns when all connections are closed: at once where
    /// the peers take the message and close, within [`limits::FLUSH_TIME`] and [`limits::LINGER_TIME`] otherwise.
    ///
    /// What the embedder publishes itself goes on until it ends it, and has no players any more.
    pub async fn shutdown(&self) {
        self.shared.enter(Stage::ShutDown);
        self.shared.emptied().await;
    }

    /// Stops accepting, refuses whoever begins to publish or to play, asks those to reconnect who obey
    /// ([`ReconnectRequest`]), and serves all that are there until they have left, but for `patience` at most. Then it is
    /// [`Server::shutdown`]. How many connections were left for that.
    ///
    /// Where a shutdown has begun, or begins meanwhile, there is nothing to wait for but that. A second drain waits with the first,
    /// by its own patience.
    pub async fn drain(&self, request: ReconnectRequest, patience: Duration) -> usize {
        self.shared.enter(Stage::Draining(Arc::new(request)));
        let _ = timeout(patience, self.shared.emptied()).await;
        let left = self.connection_count();
        self.shutdown().await;
        left
    }

    /// What the server does at this moment: who publishes and plays what, and how well. Every connection is woken for
    /// it, so this is for people and not for a loop. It takes 2 s where there is a connection that nobody drives, and
    /// milliseconds otherwise.
    pub async fn report(&self) -> Report {
        let answers = report::ask(self.shared.lines());
        let (streams, from_within) =
            (self.shared.streams.report(), self.shared.streams.published_within().names());
        Report { streams, from_within, connections: report::collect(answers).await, ..Report::default() }
    }

    /// Number of connections, with those that are over and linger for their peers to read the last words.
    pub fn connection_count(&self) -> usize {
        self.shared.connections().open.len()
    }

    /// Number of stream names in use, by a publisher or by players.
    pub fn stream_count(&self) -> usize {
        self.shared.streams.len()
    }

    /// Takes a connection in, or turns it away. What is taken in comes back when its peer takes nothing any more, and is
    /// `reset` before it counts as gone.
    fn admit<I, R>(
        &self,
        transport: I,
        address: SocketAddr,
        reset: R,
    ) -> Option<impl Future<Output = Option<I>> + Send + use<A, I, R>>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        R: FnOnce(&I) + Send,
    {
        let mut seed = [0; 32];
        if let Err(error) = SysRng.try_fill_bytes(&mut seed) {
            self.turn_away(Some(address), &TurnedAway::Entropy(io::Error::other(error)));
            return None;
        }
        let id = SessionId::new(self.shared.sessions_so_far.fetch_add(1, Ordering::Relaxed) + 1);
        let line = Arc::new(Line::default());
        {
            let mut connections = self.shared.connections();
            let why = if let Some(why) = TurnedAway::at(&self.shared.stage.borrow()) {
                Some(why)
            } else if connections.open.len() >= self.shared.connections_max {
                Some(TurnedAway::TooManyConnections { max: self.shared.connections_max })
            } else {
                connections.open.insert(id, Arc::clone(&line));
                None
            };
            drop(connections);
            if let Some(why) = why {
                self.turn_away(Some(address), &why);
                return None;
            }
        }
        let session = Session::accept(Arc::clone(&self.shared.session_config), seed, self.shared.now());
        let shared = Arc::clone(&self.shared);
        let listed = Listed { shared: Arc::clone(&shared), id };
        Some(async move {
            let _listed = listed;
            let unread = connection::run(&shared, transport, Peer { id, address }, session, &line).await;
            unread.inspect(reset)
        })
    }

    fn turn_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        // A panic of the application's must not end the accepting.
        let _ = catch_unwind(AssertUnwindSafe(|| self.shared.application.turned_away(peer, why)));
    }
}

impl<A> Shared<A> {
    /// The time as the core is told.
    pub(crate) fn now(&self) -> sol_core::time::Instant {
        self.clock.now()
    }

    /// The core's time as the runtime's timers know it.
    pub(crate) fn timer_at(&self, at: sol_core::time::Instant) -> tokio::time::Instant {
        self.clock.timer_at(at)
    }

    /// What a connection is to know that was just opened: the stage counts as news to it.
    pub(crate) fn stage(&self) -> watch::Receiver<Stage> {
        let mut stage = self.stage.subscribe();
        stage.mark_changed();
        stage
    }

    /// Goes on to a stage, unless a later one was reached, and wakes everybody for it.
    fn enter(&self, next: Stage) {
        self.stage.send_if_modified(|stage| stage.go_on_to(next));
        for line in self.lines() {
            line.wake.notify_one();
        }
    }

    /// Returns when no connection is left.
    async fn emptied(&self) {
        loop {
            let mut emptied = std::pin::pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.connections().open.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Those who are connected at this moment.
    fn lines(&self) -> Vec<Arc<Line>> {
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
            self.shared.emptied.notify_waiters();
        }
    }
}
