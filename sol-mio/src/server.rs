//! Server: the loops, and what their threads share.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use sol_core::crossing::{Directory, LoopId, Parcel};
use sol_core::limits;
use sol_core::server::{Report, ServerConfig, SocketConfig};
use sol_core::session::{ReconnectRequest, Stage};

use crate::application::Application;
use crate::census::{Admitted, Census};
use crate::clock::Clock;
use crate::connection::prepare;
use crate::event_loop::{EventLoop, WAKE};
use crate::inbox::{Inbox, Letter};
use crate::within::Within;

/// An RTMP server. Clones are the same server; its loops end with the last of them and of its
/// [`Publisher`](crate::Publisher)s, and cut off whoever is connected then: no [`Ended`](crate::Event::Ended) and no
/// [`Closed`](crate::Event::Closed) tells of it. To part in good order, [`Server::shutdown`] first.
#[derive(Debug)]
pub struct Server<A> {
    pub(crate) shared: Arc<Shared<A>>,
    pub(crate) running: Arc<Running>,
}

impl<A> Clone for Server<A> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), running: Arc::clone(&self.running) }
    }
}

/// What loops and handles have in common.
#[derive(Debug)]
pub(crate) struct Shared<A> {
    pub(crate) application: A,
    pub(crate) loops: Arc<Loops>,
    pub(crate) clock: Clock,
    pub(crate) socket: SocketConfig,
}

/// How the loops are reached.
#[derive(Debug)]
pub(crate) struct Loops {
    inboxes: Vec<Arc<Inbox>>,
    directory: Mutex<Directory>,
    pub(crate) within: Within,
    /// Which loop gets the next connection.
    next: AtomicUsize,
    /// Which loop gets the next stream from within.
    next_within: AtomicUsize,
    pub(crate) census: Arc<Census>,
}

/// The loops run while somebody has it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) loops: Arc<Loops>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for inbox in &self.loops.inboxes {
            inbox.post(Letter::Stop);
        }
    }
}

impl<A: Application> Server<A> {
    /// A server without listeners, on so many threads of its own.
    ///
    /// # Errors
    /// The system has no file descriptors or threads left.
    pub fn start(config: ServerConfig, loops: NonZeroU32, application: A) -> io::Result<Self> {
        let polls = (0..loops.get()).map(|_| mio::Poll::new()).collect::<io::Result<Vec<_>>>()?;
        let common = Arc::new(Loops::new(&polls, &config)?);
        let shared = Arc::new(Shared {
            application,
            loops: Arc::clone(&common),
            clock: Clock::start(),
            socket: config.socket,
        });
        // From here on whoever fails ends those that run.
        let server = Self { shared: Arc::clone(&shared), running: Arc::new(Running { loops: common }) };
        for (index, poll) in polls.into_iter().enumerate() {
            let here = LoopId::new(index as u32);
            let mut event_loop = EventLoop::new(Arc::clone(&shared), &config, here, loops, poll);
            std::thread::Builder::new().name(format!("sol-mio-{index}")).spawn(move || event_loop.run())?;
        }
        Ok(server)
    }

    /// Accepts connections until [`Server::drain`] or [`Server::shutdown`], behind which the listener is closed at once. Any number may be served.
    ///
    /// Errors of `accept` do not end it: they go to [`Application::turned_away`]. Where the system is short of
    /// something, it tries again after a moment.
    ///
    /// # Errors
    /// The socket cannot be used.
    pub fn listen(&self, listener: TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let loops = &self.shared.loops;
        loops.inbox(loops.next()).post(Letter::Listen(listener));
        Ok(())
    }

    /// Serves one connection that the embedder accepted itself, or turns it away as [`Application::turned_away`] tells. A loop
    /// polls its sockets itself, so it is one of TCP, and there is no TLS.
    ///
    /// # Errors
    /// The socket cannot be used.
    pub fn serve(&self, socket: TcpStream) -> io::Result<()> {
        let address = socket.peer_addr()?;
        prepare(&socket, self.shared.socket)?;
        if let Some(admitted) = self.shared.admit(address) {
            let loops = &self.shared.loops;
            loops.inbox(loops.next()).post(Letter::Serve(socket, address, admitted));
        }
        Ok(())
    }

    /// Stops accepting, tells publishers and players, and returns when all connections are closed: at once where
    /// the peers take the message and close, within [`limits::FLUSH_TIME`] and [`limits::LINGER_TIME`] otherwise. Not to be
    /// called on a loop's own thread.
    ///
    /// What the embedder publishes itself goes on until it ends it, and has no players any more.
    pub fn shutdown(&self) {
        self.begin_shutdown();
        self.wait();
    }

    /// Stops accepting, refuses whoever begins to publish or to play, asks those to reconnect who obey
    /// ([`ReconnectRequest`]), and serves all that are there until they have left, but for `patience` at most. Then it is
    /// [`Server::shutdown`]. How many connections were left for that. Not to be called on a loop's own thread.
    ///
    /// Where a shutdown has begun, or begins meanwhile, there is nothing to wait for but that. A second drain waits with the first,
    /// by its own patience.
    pub fn drain(&self, request: ReconnectRequest, patience: Duration) -> usize {
        self.begin_drain(request);
        let left = self.shared.loops.census.wait_for(patience);
        self.shutdown();
        left
    }

    /// The same without waiting, and without the shutdown.
    pub fn begin_drain(&self, request: ReconnectRequest) {
        self.shared.loops.enter(&Stage::Draining(Arc::new(request)));
    }

    /// [`Server::shutdown`] without waiting.
    pub fn begin_shutdown(&self) {
        self.shared.loops.enter(&Stage::ShutDown);
    }

    /// Returns when the server was shut down and the last connection is closed. Not to be called on a loop's own thread.
    pub fn wait(&self) {
        self.shared.loops.census.wait();
    }

    /// Whether a loop has failed, by a fault of its own: its names and its share of the connections are lost, and the server has
    /// shut down for it.
    pub fn has_failed(&self) -> bool {
        self.shared.loops.census.has_failed()
    }

    /// What the server does at this moment: who publishes and plays what, and how well. Every loop is asked for it, so this is
    /// for people and not for a loop; a loop that has not answered within 2 s is left out. Not to be called on a loop's own
    /// thread.
    pub fn report(&self) -> Report {
        let loops = &self.shared.loops;
        let (answer_to, answers) = mpsc::channel();
        for inbox in &loops.inboxes {
            inbox.post(Letter::Report(answer_to.clone()));
        }
        drop(answer_to);
        let mut report = Report { from_within: loops.within.names(), ..Report::default() };
        let until = std::time::Instant::now() + REPORT_TIME;
        while let Ok(part) = answers.recv_timeout(until.saturating_duration_since(std::time::Instant::now()))
        {
            report.absorb(part);
        }
        report
    }

    /// Number of connections, with those that are on their way to a loop, and those that are over and linger for their peers to
    /// read the last words.
    pub fn connection_count(&self) -> usize {
        self.shared.loops.census.connections()
    }

    /// Number of stream names in use, by a publisher or by players.
    pub fn stream_count(&self) -> usize {
        self.shared.loops.directory().len()
    }
}

impl<A: Application> Shared<A> {
    /// Counts a connection in, or turns it away.
    pub(crate) fn admit(&self, address: SocketAddr) -> Option<Admitted> {
        let admitted = self.loops.census.admit();
        admitted.inspect_err(|why| self.application.turned_away(Some(address), why)).ok()
    }
}

impl Loops {
    /// One for each of these.
    pub(crate) fn new(polls: &[mio::Poll], config: &ServerConfig) -> io::Result<Self> {
        let inboxes = polls.iter().map(|poll| Inbox::new(poll.registry(), WAKE).map(Arc::new));
        let census = Census::new(config.connections_max.min(limits::CONNECTIONS), polls.len());
        Ok(Self {
            inboxes: inboxes.collect::<io::Result<_>>()?,
            directory: Mutex::new(Directory::new(config.stream.clone())),
            within: Within::default(),
            next: AtomicUsize::new(0),
            next_within: AtomicUsize::new(0),
            census: Arc::new(census),
        })
    }

    pub(crate) fn inbox(&self, of: LoopId) -> &Arc<Inbox> {
        &self.inboxes[of.index()]
    }

    /// Goes on to a stage, unless it was reached, and tells every loop.
    pub(crate) fn enter(&self, stage: &Stage) {
        if self.census.enter(stage.clone()) {
            for inbox in &self.inboxes {
                inbox.post(Letter::Enter(stage.clone()));
            }
        }
    }

    /// A loop has failed. No server is better than half of one.
    pub(crate) fn fail(&self) {
        self.census.fail();
        self.enter(&Stage::ShutDown);
        self.within.close();
    }

    /// Passes a parcel on.
    pub(crate) fn pass(&self, from: LoopId, to: LoopId, parcel: Parcel) {
        if to != LoopId::WITHIN {
            return self.inbox(to).pass(from, parcel);
        }
        match parcel {
            Parcel::MediaTaken { claim, cost } => self.within.has_taken(claim, cost),
            Parcel::Replaced { claim } => self.within.replaced(claim),
            // Nobody has asked.
            Parcel::Corrected { .. } | Parcel::OnAir { .. } => {}
            _ => unreachable!("whoever publishes from within is told nothing else"),
        }
    }

    pub(crate) fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose turn it is.
    pub(crate) fn next(&self) -> LoopId {
        LoopId::new((self.next.fetch_add(1, Ordering::Relaxed) % self.inboxes.len()) as u32)
    }

    /// Where the next stream from within would be at home.
    pub(crate) fn next_within(&self) -> LoopId {
        LoopId::new((self.next_within.fetch_add(1, Ordering::Relaxed) % self.inboxes.len()) as u32)
    }
}

/// Time that loops get to answer. Those that lead a normal life need milliseconds.
const REPORT_TIME: Duration = Duration::from_secs(2);
