//! A server as one source among others of an application's own event loop, with mio.
//!
//! ```sh
//! cargo run -p sol-core --example foreign_loop [ADDRESS]
//! ```
//!
//! The application has a UDP socket that tells who is live to whoever sends it a datagram, and a thread of its own that
//! decides who may publish and play: names must begin with `live/`. It ends in good order when its standard input ends.
//!
//! It shows how to drive the core oneself. Where an adapter fits there is no need to: `sol-tokio`; `sol-async-std` for smol and
//! async-std; `sol-mio` for threads of its own without a runtime.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it has sockets"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{env, thread};

use mio::net::{TcpListener, TcpStream, UdpSocket};
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use rand::{TryRng, rngs::SysRng};
use socket2::SockRef;
use sol_core::ids::{RequestId, SessionId};
use sol_core::participant::Event;
use sol_core::server::{Output, Server, ServerConfig, TurnedAway};
use sol_core::session::{Hangup, Linger, PeerEnd, Refusal, Request};
use sol_core::time::Instant;

/// What other threads tell the loop.
enum Letter {
    Decided(SessionId, RequestId, Result<(), Refusal>),
    InputEnded,
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1935".to_owned());
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(address)?;
    let mut statistics = UdpSocket::bind(SocketAddr::new(address.ip(), 0))?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    poll.registry().register(&mut statistics, STATISTICS, Interest::READABLE)?;
    let waker = Arc::new(Waker::new(poll.registry(), LETTERS)?);
    let mut out = io::stdout();
    writeln!(out, "listening on {}", listener.local_addr()?)?;
    writeln!(out, "statistics on {}", statistics.local_addr()?)?;

    let (post, letters) = mpsc::channel();
    let (ask, questions) = mpsc::channel();
    let (post_decisions, wake) = (post.clone(), Arc::clone(&waker));
    thread::spawn(move || {
        for (id, request) in questions {
            let letter = decide(id, &request);
            // First the letter, then the wake-up.
            drop(post_decisions.send(letter));
            drop(wake.wake());
        }
    });
    thread::spawn(move || {
        drop(io::copy(&mut io::stdin(), &mut io::sink()));
        drop(post.send(Letter::InputEnded));
        waker.wake()
    });

    let mut rtmp = Rtmp::new(listener, ask);
    let mut events = Events::with_capacity(256);
    while !rtmp.is_over() {
        match poll.poll(&mut events, rtmp.patience()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            match event.token() {
                LISTENER => rtmp.accepts = true,
                STATISTICS => {
                    tell_statistics(&statistics, &rtmp.server);
                    // One at a time. Asked anew, the next poll tells whether there are more.
                    poll.registry().reregister(&mut statistics, STATISTICS, Interest::READABLE)?;
                }
                LETTERS => letters.try_iter().for_each(|letter| rtmp.open_letter(letter)),
                Token(number) => rtmp.is_ready(
                    number as u64,
                    event.is_readable() || event.is_read_closed() || event.is_error(),
                    event.is_writable() || event.is_write_closed() || event.is_error(),
                ),
            }
        }
        rtmp.turn(poll.registry());
    }
    Ok(())
}

/// The application's policy. It may take its time: the loop goes on meanwhile.
fn decide(id: SessionId, request: &Request) -> Letter {
    let is_known = request.name.as_str().starts_with("live/");
    let decision =
        if is_known { Ok(()) } else { Err(Refusal::Denied("There is nothing but live/ here.".into())) };
    Letter::Decided(id, request.id, decision)
}

/// Answers one datagram.
fn tell_statistics(socket: &UdpSocket, server: &Server) {
    let Ok((_, whom)) = socket.recv_from(&mut [0; 16]) else { return };
    let streams = server.hub().streams().map(|(name, stream)| format!("{name}: {} play\n", stream.players()));
    let text = format!("{} connections\n{}", server.session_count(), streams.collect::<String>());
    // It may be lost on its way as well.
    drop(socket.send_to(text.as_bytes(), whom));
}

/// The server with its sockets.
struct Rtmp {
    server: Server,
    /// `None` once it is shut down.
    listener: Option<TcpListener>,
    /// Whether somebody may wait to be accepted.
    accepts: bool,
    /// When to try again, where the system was short of something.
    accepts_from: Option<Instant>,
    /// By the numbers of their sessions, which are their tokens.
    lines: BTreeMap<u64, Line>,
    /// Who can go on without any news of its socket.
    busy: BTreeSet<SessionId>,
    /// Those who may still be reading, and until when.
    lingering: VecDeque<(Instant, SessionId)>,
    ask: mpsc::Sender<(SessionId, Request)>,
    epoch: std::time::Instant,
    buffer: Box<[u8]>,
}

/// A socket, and what is known of it: readiness is told once, and holds until it would block.
struct Line {
    /// As `open` gave it. A number alone is not enough for the server to find a session by.
    id: SessionId,
    socket: TcpStream,
    is_readable: bool,
    is_writable: bool,
    /// Once it has hung up: what is still read is thrown away.
    linger: Option<Linger>,
}

impl Rtmp {
    fn new(listener: TcpListener, ask: mpsc::Sender<(SessionId, Request)>) -> Self {
        Self {
            server: Server::new(ServerConfig::default()),
            listener: Some(listener),
            accepts: true,
            accepts_from: None,
            lines: BTreeMap::new(),
            busy: BTreeSet::new(),
            lingering: VecDeque::new(),
            ask,
            epoch: std::time::Instant::now(),
            buffer: [0; READ_BYTES].into(),
        }
    }

    /// The socket of a connection may be read from or written to.
    fn is_ready(&mut self, number: u64, to_read: bool, to_write: bool) {
        if let Some(line) = self.lines.get_mut(&number) {
            line.is_readable |= to_read;
            line.is_writable |= to_write;
            self.busy.insert(line.id);
        }
    }

    fn open_letter(&mut self, letter: Letter) {
        let now = self.now();
        match letter {
            Letter::Decided(id, request, decision) => {
                // Too late if the client has left or time was up; that is harmless.
                let _ = match decision {
                    Ok(()) => self.server.allow(id, request, now),
                    Err(why) => self.server.refuse(id, request, &why, now),
                };
            }
            Letter::InputEnded => {
                self.listener = None;
                self.server.shut_down(now);
            }
        }
    }

    /// Does what can be done without waiting: a little for each, so that nobody keeps the others.
    fn turn(&mut self, registry: &Registry) {
        self.accept(registry);
        for id in std::mem::take(&mut self.busy) {
            self.read(id);
            self.write(id);
        }
        // Behind the reading: what has come counts before time does, where the process was stopped for a while.
        let now = self.now();
        self.server.handle_timeout(now);
        self.drain();
        while let Some((_, id)) = self.lingering.pop_front_if(|(until, _)| *until <= now) {
            self.lines.remove(&id.get());
        }
    }

    /// How long the loop may wait; `None` is for ever.
    fn patience(&self) -> Option<Duration> {
        if !self.busy.is_empty() {
            return Some(Duration::ZERO);
        }
        let next =
            [self.server.poll_timeout(), self.accepts_from, self.lingering.front().map(|(until, _)| *until)];
        next.into_iter().flatten().min().map(|at| at.saturating_since(self.now()))
    }

    /// Whether it was shut down and everybody has gone.
    fn is_over(&self) -> bool {
        self.listener.is_none() && self.lines.is_empty()
    }

    fn accept(&mut self, registry: &Registry) {
        let now = self.now();
        if self.accepts_from.is_some_and(|from| from > now) {
            return;
        }
        self.accepts_from = None;
        while self.accepts
            && let Some(listener) = &self.listener
        {
            let welcomed = match listener.accept() {
                Ok((socket, _)) => self.welcome(socket, registry),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.accepts = false;
                    return;
                }
                // A signal.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(TurnedAway::Accept(error)),
            };
            if let Err(why) = welcomed {
                eprintln!("turned away: {why}");
                if let Some(pause) = why.pause() {
                    self.accepts_from = Some(now + pause);
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, mut socket: TcpStream, registry: &Registry) -> Result<(), TurnedAway> {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(|error| TurnedAway::Entropy(io::Error::other(error)))?;
        let prepare = |socket: &TcpStream| {
            socket.set_nodelay(true)?;
            // What the kernel may hold for a player that stalls.
            SockRef::from(socket).set_send_buffer_size(256 * 1024)
        };
        prepare(&socket).map_err(TurnedAway::Accept)?;
        let now = self.now();
        let id = self.server.open(seed, now)?;
        let token = Token(id.get() as usize);
        if let Err(error) = registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE) {
            self.server.handle_end(id, PeerEnd::Lost, now);
            return Err(TurnedAway::Accept(error));
        }
        let line = Line { id, socket, is_readable: false, is_writable: false, linger: None };
        self.lines.insert(id.get(), line);
        Ok(())
    }

    /// Reads once. Who has more is busy.
    fn read(&mut self, id: SessionId) {
        let Some(line) = self.lines.get_mut(&id.get()) else { return };
        let may_read = line.linger.is_some() || self.server.wants_input(id);
        if !line.is_readable || !may_read {
            return;
        }
        let came = line.socket.read(&mut self.buffer);
        if matches!(&came, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            line.is_readable = false;
            return;
        }
        self.busy.insert(id);
        if let Some(linger) = &mut line.linger {
            match came {
                Ok(count) if linger.take(count) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => drop(self.lines.remove(&id.get())),
            }
            return;
        }
        let now = self.now();
        match came {
            Ok(0) => self.server.handle_end(id, PeerEnd::Finished, now),
            Ok(count) => self.server.handle_input(id, &self.buffer[..count], now),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.server.handle_end(id, PeerEnd::of(&error), now),
        }
        self.drain();
    }

    /// Writes until nothing is left or the socket takes no more.
    fn write(&mut self, id: SessionId) {
        let now = self.now();
        let Some(line) = self.lines.get_mut(&id.get()) else { return };
        while line.is_writable {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = self.server.outbound(id, &mut slices);
            if count == 0 {
                break;
            }
            match line.socket.write_vectored(&slices[..count]) {
                Ok(0) => self.server.handle_end(id, PeerEnd::Lost, now),
                Ok(count) => self.server.handle_sent(id, count, now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => line.is_writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.server.handle_end(id, PeerEnd::of(&error), now),
            }
        }
    }

    /// Drains what came of a touch.
    fn drain(&mut self) {
        while let Some(output) = self.server.poll() {
            match output {
                Output::Event(id, event) => match event {
                    // Where nobody decides any more, the session refuses it when time is up.
                    Event::Requested(request) => drop(self.ask.send((id, request))),
                    Event::Closed { why, hangup } => {
                        eprintln!("{id}: {why}");
                        self.hang_up(id, hangup);
                    }
                    Event::Started { .. }
                    | Event::Refused { .. }
                    | Event::OnAir { .. }
                    | Event::Described { .. }
                    | Event::Ended { .. } => {
                        eprintln!("{id}: {event:?}");
                    }
                    Event::Connected(_) => {}
                },
                Output::Writable(id) => self.write(id),
                // What it reads next came before, so no event tells of it.
                Output::Readable(id) => drop(self.busy.insert(id)),
                Output::Dispatch(_) => unreachable!("there is one server"),
            }
        }
    }

    fn hang_up(&mut self, id: SessionId, hangup: Hangup) {
        let Some(line) = self.lines.get_mut(&id.get()) else { return };
        match hangup {
            Hangup::Linger(linger) if line.socket.shutdown(Shutdown::Write).is_ok() => {
                line.linger = Some(linger);
                self.lingering.push_back((self.now() + linger.patience(), id));
                self.busy.insert(id);
            }
            Hangup::Reset => {
                drop(SockRef::from(&line.socket).set_linger(Some(Duration::ZERO)));
                self.lines.remove(&id.get());
            }
            Hangup::Close | Hangup::Linger(_) => drop(self.lines.remove(&id.get())),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_epoch(self.epoch.elapsed())
    }
}

/// The numbers below are those of sessions, which begin at 1.
const LISTENER: Token = Token(usize::MAX);
const STATISTICS: Token = Token(usize::MAX - 1);
const LETTERS: Token = Token(usize::MAX - 2);

/// Read for one connection before others have their turn.
const READ_BYTES: usize = 64 * 1024;

/// Slices in one write.
const WRITE_SLICES: usize = 64;
