//! A server of plain threads and blocking sockets: for each connection one that reads and one that writes.
//!
//! ```sh
//! cargo run -p sol-core --example threads [ADDRESS]
//! ```
//!
//! The first thread drives the server, alone and without a lock. The others tell it what came and what was taken, and wait
//! to be told to go on: there is never more than one read and one write under way for a connection, so nothing piles up
//! between the threads. It allows everything, and ends in good order when its standard input ends.
//!
//! It shows how to drive the core oneself. Where an adapter fits there is no need to: `sol-tokio`; `sol-async-std` for smol and
//! async-std; `sol-mio` for threads of its own without a runtime.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it has sockets"
)]

use std::collections::BTreeMap;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{env, thread};

use rand::{TryRng, rngs::SysRng};
use socket2::SockRef;
use sol_core::ids::SessionId;
use sol_core::limits;
use sol_core::participant::Event;
use sol_core::server::{Output, Server, ServerConfig, TurnedAway};
use sol_core::session::{Hangup, PeerEnd};
use sol_core::time::Instant;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(env::args().nth(1).as_deref().unwrap_or("127.0.0.1:1935"))?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    let (tell, news) = mpsc::sync_channel(64);
    let (tell_came, tell_end) = (tell.clone(), tell.clone());
    thread::spawn(move || accept(&listener, &tell_came));
    thread::spawn(move || {
        drop(io::copy(&mut io::stdin(), &mut io::sink()));
        tell_end.send(News::InputEnded)
    });
    // Each connection takes two threads.
    let config = ServerConfig { connections_max: 1_000, ..ServerConfig::default() };
    let (server, lines) = (Server::new(config), BTreeMap::new());
    Driver { server, lines, tell, epoch: std::time::Instant::now(), is_ending: false }.run(&news);
    Ok(())
}

/// What the other threads have to say.
enum News {
    Came(TcpStream),
    /// Nothing is the end.
    Read(SessionId, io::Result<Vec<u8>>),
    Wrote(SessionId, io::Result<usize>),
    /// The socket needs nobody any more.
    Gone(SessionId),
    InputEnded,
}

struct Driver {
    server: Server,
    lines: BTreeMap<SessionId, Line>,
    tell: mpsc::SyncSender<News>,
    epoch: std::time::Instant,
    is_ending: bool,
}

/// A connection. Each of its threads gets an order when it has told what came of the last, until the line is hung up.
struct Line {
    socket: Arc<TcpStream>,
    orders: Option<(mpsc::Sender<()>, mpsc::Sender<Vec<u8>>)>,
    is_reading: bool,
    is_writing: bool,
}

impl Driver {
    fn run(mut self, news: &mpsc::Receiver<News>) {
        while !(self.is_ending && self.lines.is_empty()) {
            let patience = self.server.poll_timeout().map(|at| at.saturating_since(self.now()));
            if let Ok(news) = news.recv_timeout(patience.unwrap_or(Duration::MAX)) {
                self.hear(news);
            }
            if self.is_late() {
                // The process was stopped for a while. What its peers said meanwhile counts before their time is up.
                let most = 2 * self.lines.len();
                news.try_iter().take(most).for_each(|news| self.hear(news));
            }
            // Not only when nothing came: news may never end.
            self.server.handle_timeout(self.now());
            self.drain();
        }
    }

    /// Touch, then drain.
    fn hear(&mut self, news: News) {
        let now = self.now();
        match news {
            News::Came(socket) => self.welcome(socket).unwrap_or_else(|why| eprintln!("turned away: {why}")),
            News::Read(id, came) => {
                match came {
                    Ok(bytes) if bytes.is_empty() => self.server.handle_end(id, PeerEnd::Finished, now),
                    Ok(bytes) => self.server.handle_input(id, &bytes, now),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => self.server.handle_end(id, PeerEnd::of(&error), now),
                }
                self.give_orders(id, |line| line.is_reading = false);
            }
            News::Wrote(id, taken) => {
                match taken {
                    Ok(count) => self.server.handle_sent(id, count, now),
                    Err(error) => self.server.handle_end(id, PeerEnd::of(&error), now),
                }
                self.give_orders(id, |line| line.is_writing = false);
            }
            News::Gone(id) => drop(self.lines.remove(&id)),
            News::InputEnded => {
                self.is_ending = true;
                self.server.shut_down(now);
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.poll() {
            match output {
                Output::Event(id, event) => match event {
                    // It has just been asked for: somebody waits for the answer.
                    Event::Requested(request) => drop(self.server.allow(id, request.id, self.now())),
                    Event::Closed { why, hangup } => {
                        eprintln!("{id}: {why}");
                        self.lines.get_mut(&id).into_iter().for_each(|line| line.hang_up(hangup));
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
                Output::Writable(id) | Output::Readable(id) => self.give_orders(id, |_| {}),
                Output::Dispatch(_) => unreachable!("there is one server"),
            }
        }
    }

    /// Has read if input is wanted, and written if anything waits, unless that is under way.
    fn give_orders(&mut self, id: SessionId, first: impl FnOnce(&mut Line)) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        first(line);
        let Some((read, write)) = &line.orders else { return };
        if !line.is_reading && self.server.wants_input(id) {
            line.is_reading = read.send(()).is_ok();
        }
        let mut slices = [IoSlice::new(&[]); 16];
        let count = self.server.outbound(id, &mut slices);
        if !line.is_writing && count > 0 {
            let bytes = slices[..count].iter().flat_map(|slice| slice.iter().copied());
            line.is_writing = write.send(bytes.take(WRITE_BYTES).collect()).is_ok();
        }
    }

    fn welcome(&mut self, socket: TcpStream) -> Result<(), TurnedAway> {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(|error| TurnedAway::Entropy(io::Error::other(error)))?;
        let id = self.server.open(seed, self.now())?;
        let socket = Arc::new(socket);
        let (read_order, read_orders) = mpsc::channel();
        let (write_order, write_orders) = mpsc::channel();
        let (reading, has_read) = mpsc::channel::<()>();
        let (mine, tell) = (Arc::clone(&socket), self.tell.clone());
        let reader = thread::Builder::new().spawn(move || {
            read(id, &mine, &read_orders, &tell);
            drop(reading);
        });
        let (mine, tell) = (Arc::clone(&socket), self.tell.clone());
        let writer = thread::Builder::new().spawn(move || {
            write(id, &mine, &write_orders, &tell);
            // Who has hung up gives the peer a moment to read what was said last. An error is what is waited for.
            let _ = has_read.recv_timeout(limits::LINGER_TIME);
            drop(mine.shutdown(Shutdown::Both));
            drop(tell.send(News::Gone(id)));
        });
        if let Err(error) = reader.and(writer) {
            // Whichever thread there is ends with it.
            drop(socket.shutdown(Shutdown::Both));
            self.server.handle_end(id, PeerEnd::Lost, self.now());
            return Err(TurnedAway::Accept(error));
        }
        let orders = Some((read_order, write_order));
        self.lines.insert(id, Line { socket, orders, is_reading: false, is_writing: false });
        self.give_orders(id, |_| {});
        Ok(())
    }

    /// Whether a deadline was missed by more than threads that are busy explain.
    fn is_late(&self) -> bool {
        self.server.poll_timeout().is_some_and(|at| self.now().saturating_since(at) > Duration::from_secs(1))
    }

    fn now(&self) -> Instant {
        Instant::from_epoch(self.epoch.elapsed())
    }
}

impl Line {
    /// A read or write that waits ends with it, unless it lingers. An error means that the peer was faster.
    fn hang_up(&mut self, hangup: Hangup) {
        self.orders = None;
        let _ = match hangup {
            // Each thread knows how long, and how much.
            Hangup::Linger(_) => self.socket.shutdown(Shutdown::Write),
            Hangup::Close => self.socket.shutdown(Shutdown::Both),
            // Reset when the last thread lets go of it.
            Hangup::Reset => SockRef::from(&self.socket)
                .set_linger(Some(Duration::ZERO))
                .and_then(|()| self.socket.shutdown(Shutdown::Both)),
        };
    }
}

fn accept(listener: &TcpListener, tell: &mpsc::SyncSender<News>) {
    for accepted in listener.incoming() {
        let prepared = accepted.and_then(|socket| {
            socket.set_nodelay(true)?;
            // What the kernel may hold for a player that stalls.
            SockRef::from(&socket).set_send_buffer_size(256 * 1024)?;
            Ok(socket)
        });
        match prepared.map_err(TurnedAway::Accept) {
            Ok(socket) => drop(tell.send(News::Came(socket))),
            Err(why) => {
                eprintln!("turned away: {why}");
                thread::sleep(why.pause().unwrap_or_default());
            }
        }
    }
}

fn read(id: SessionId, mut socket: &TcpStream, orders: &mpsc::Receiver<()>, tell: &mpsc::SyncSender<News>) {
    let mut buffer = vec![0; 64 * 1024];
    for () in orders {
        let count = socket.read(&mut buffer);
        drop(tell.send(News::Read(id, count.map(|count| buffer[..count].to_vec()))));
    }
    // A socket that is closed with input unread is reset, and what was said last is lost.
    drop(io::copy(&mut socket.take(limits::LINGER_BYTES as u64), &mut io::sink()));
}

fn write(
    id: SessionId,
    mut socket: &TcpStream,
    orders: &mpsc::Receiver<Vec<u8>>,
    tell: &mpsc::SyncSender<News>,
) {
    for bytes in orders {
        drop(tell.send(News::Wrote(id, socket.write_all(&bytes).map(|()| bytes.len()))));
    }
}

/// Until a write returns, its peer seems to take nothing.
const WRITE_BYTES: usize = 16 * 1024;
