//! Client: one connection to a server, to publish to it or to play from it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Poll, Token};
use rand::TryRng;
use rand::rngs::SysRng;
use sol_core::ids::SessionId;
use sol_core::media::Media;
use sol_core::server::Peer;
use sol_core::server::SocketConfig;
use sol_core::session::{Event, Hangup, Linger, PeerEnd, Session, SessionConfig, SessionTimers, Target};
use sol_core::time::Instant;
use sol_core::url::RtmpUrl;

use crate::clock::Clock;
use crate::connection::{Connection, Outcome, prepare};

/// A connection in the client's role, for a thread of its own: its methods block. Nothing happens unless one of them is called.
///
/// It tells of a [`ClientEvent`](crate::ClientEvent); [`Event`](crate::Event) is what a server's application hears.
///
/// To play:
///
/// ```no_run
/// # use std::error::Error;
/// use sol_mio::{Client, ClientEvent, RtmpUrl, SessionConfig, Target};
///
/// # fn play() -> Result<(), Box<dyn Error>> {
/// let url: RtmpUrl = "rtmp://localhost/live/cam".parse()?;
/// let mut client = Client::connect(&url, &Target::play(&url), SessionConfig::default())?;
/// while let Some(event) = client.next_event() {
///     match event {
///         ClientEvent::Media { media, .. } => println!("{}: {:?}", media.timestamp, media.content.kind()),
///         ClientEvent::Closed { why, .. } => println!("over: {why}"),
///         _ => {} // how it comes to it
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// To publish whatever comes at its time:
///
/// ```no_run
/// # use std::error::Error;
/// use sol_mio::{Client, ClientEvent, Media, RtmpUrl, SessionConfig, Target};
///
/// # fn publish(url: RtmpUrl, source: impl Iterator<Item = Media>) -> Result<(), Box<dyn Error>> {
/// let mut client = Client::connect(&url, &Target::publish(&url), SessionConfig::default())?;
/// for media in source {
///     // There is none before the server lets it publish.
///     while !client.room() {
///         if let Some(ClientEvent::Closed { why, .. }) = client.next_event() {
///             return Err(why.into());
///         }
///     }
///     client.send(&media);
/// }
/// client.leave();
/// while client.next_event().is_some() {}
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client {
    session: Session,
    /// `None` once it is closed.
    connection: Option<Connection>,
    poll: Poll,
    clock: Clock,
    /// What the session has told, and nobody has heard yet. The end is told when the transport is closed.
    events: VecDeque<Event>,
    has_parted: bool,
}

impl Client {
    /// Connects to the host of a URL and begins to ask for what `target` says. Its addresses are tried one after the other, as
    /// the system names them, and the first that answers has it; one that never does leaves time for the others, as
    /// [`SessionTimers::attempt`](sol_core::session::SessionTimers::attempt) shares it out.
    ///
    /// # Errors
    /// The host cannot be found or reached, within the time that the configuration gives a handshake, which then has as much
    /// again; or the system has no entropy. To look the host up takes as long as the system likes: that counts, but is not cut
    /// short.
    pub fn connect(url: &RtmpUrl, target: &Target, config: SessionConfig) -> io::Result<Self> {
        let clock = Clock::start();
        let addresses: Vec<_> = (url.host(), url.port()).to_socket_addrs()?.collect();
        let socket = reach(&addresses, &config.timers, clock)?;
        prepare(&socket, SocketConfig::default())?;
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
        let poll = Poll::new()?;
        let peer = Peer { id: SessionId::new(0), address: socket.peer_addr()? };
        let mut connection = Connection::new(TcpStream::from_std(socket), peer);
        connection.register(poll.registry(), Token(0))?;
        Ok(Self {
            session: Session::connect(Arc::new(config), target, seed, clock.now()),
            connection: Some(connection),
            poll,
            clock,
            events: VecDeque::new(),
            has_parted: false,
        })
    }

    /// Waits for what happens next, and takes care of the connection meanwhile. The last is [`Event::Closed`]; then there
    /// is nothing more.
    pub fn next_event(&mut self) -> Option<Event> {
        while self.events.is_empty() && self.connection.is_some() {
            self.turn(None);
        }
        if let Some(&Event::Closed { hangup, .. }) = self.events.front() {
            self.hang_up(hangup);
        }
        self.events.pop_front()
    }

    /// Waits until more media can be sent. `false` where there is something to hear first, by [`Client::next_event`]: that it may
    /// not publish, for one.
    pub fn room(&mut self) -> bool {
        while self.events.is_empty() && self.connection.is_some() {
            if self.session.media_room() > 0 {
                return true;
            }
            self.turn(None);
        }
        false
    }

    /// Takes care of the connection for so long: whoever sends in real time rests between two messages. `false` as soon as
    /// there is something to hear, by [`Client::next_event`].
    pub fn rest(&mut self, time: Duration) -> bool {
        let until = self.clock.now() + time;
        while self.events.is_empty() && self.connection.is_some() {
            // Also by somebody who has no time left: what was sent waits for it.
            self.turn(Some(until));
            if self.clock.now() >= until && self.events.is_empty() {
                return true;
            }
        }
        false
    }

    /// Sends audio, video or data, with the next call that waits. What is sent without [`Client::room`] waits in memory. See
    /// [`Session::send_media`].
    pub fn send(&mut self, media: &Media) {
        self.session.send_media(media, self.clock.now());
    }

    /// Ends what it does, in good order. [`Event::Closed`] comes when all is sent and the server has closed, or does not within
    /// [`LEAVE_TIME`](sol_core::limits::LEAVE_TIME); or when the server takes nothing any more.
    pub fn leave(&mut self) {
        self.session.leave(self.clock.now());
    }

    /// Whether the server has closed in turn, after all was sent and said: then it has everything.
    pub fn has_parted(&self) -> bool {
        self.has_parted
    }

    /// Answers questions: bytes, quirks, how it stands.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Does what can be done at once, or else waits until something can, and no longer than that.
    fn turn(&mut self, until: Option<Instant>) {
        // Whoever only asks when it sleeps hears nothing while there is always something to send.
        self.may_be_readable();
        let mut progress = self.write();
        progress |= self.read();
        let now = self.clock.now();
        let due = self.session.poll_timeout().map(|deadline| deadline.at);
        if due.is_some_and(|at| at <= now) {
            self.session.handle_timeout(now);
            progress = true;
        }
        self.events.extend(std::iter::from_fn(|| self.session.poll_event()));
        if !progress && self.events.is_empty() {
            self.sleep(due.into_iter().chain(until).min());
        }
    }

    fn sleep(&mut self, due: Option<Instant>) {
        let mut events = Events::with_capacity(1);
        let patience = due.map(|due| due.saturating_since(self.clock.now()));
        match self.poll.poll(&mut events, patience) {
            Ok(()) => {}
            // A signal.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            Err(error) => panic!("the epoll instance cannot be polled: {error}"),
        }
        if let Some(connection) = &mut self.connection
            && !events.is_empty()
        {
            // Whatever it was: who tries it knows.
            connection.is_writable = true;
        }
    }

    /// Who tries it knows.
    fn may_be_readable(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.is_readable = true;
        }
    }

    fn write(&mut self) -> bool {
        let mut progress = false;
        while let Some(connection) = &mut self.connection
            && connection.is_writable
            && self.session.has_output()
        {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = self.session.outbound(&mut slices);
            let now = self.clock.now();
            match connection.write(&slices[..count]) {
                Outcome::Blocked => break,
                Outcome::Bytes(count) if count > 0 => self.session.handle_sent(count, now),
                // What the server said before it closed is still to be heard.
                Outcome::Failed(_) if self.read() => {}
                Outcome::Bytes(_) | Outcome::Finished => self.session.handle_end(PeerEnd::Lost, now),
                Outcome::Failed(error) => self.session.handle_end(PeerEnd::of(&error), now),
            }
            progress = true;
        }
        progress
    }

    fn read(&mut self) -> bool {
        let Some(connection) = self.connection.as_mut().filter(|connection| connection.is_readable) else {
            return false;
        };
        if !self.session.wants_input() {
            return false;
        }
        let now = self.clock.now();
        let mut buffer = [0; READ_BYTES];
        match connection.read(&mut buffer) {
            Outcome::Blocked => return false,
            Outcome::Bytes(count) => self.session.handle_input(&buffer[..count], now),
            Outcome::Finished => self.session.handle_end(PeerEnd::Finished, now),
            Outcome::Failed(error) => self.session.handle_end(PeerEnd::of(&error), now),
        }
        true
    }

    fn hang_up(&mut self, hangup: Hangup) {
        let Some(connection) = self.connection.take() else { return };
        match hangup {
            Hangup::Close => {}
            Hangup::Reset => connection.reset(),
            Hangup::Linger(linger) => self.has_parted = self.part_in_peace(connection, linger),
        }
    }

    /// Waits for the server to close in turn; whether it did.
    fn part_in_peace(&mut self, mut connection: Connection, mut linger: Linger) -> bool {
        if connection.shutdown(Shutdown::Write).is_err() {
            return false;
        }
        let until = self.clock.now() + linger.patience();
        let mut buffer = [0; 4096];
        let mut events = Events::with_capacity(1);
        loop {
            match connection.read(&mut buffer) {
                Outcome::Finished => return true,
                Outcome::Bytes(count) if linger.take(count) => {}
                Outcome::Bytes(_) | Outcome::Failed(_) => return false,
                Outcome::Blocked => {
                    let left = until.saturating_since(self.clock.now());
                    if left.is_zero() {
                        return false;
                    }
                    match self.poll.poll(&mut events, Some(left)) {
                        Err(error) if error.kind() != io::ErrorKind::Interrupted => return false,
                        // Whatever it was: who tries it knows.
                        Ok(()) | Err(_) => connection.is_readable = true,
                    }
                }
            }
        }
    }
}

/// Connects to one of these addresses. The time counts from when the clock was started.
fn reach(addresses: &[SocketAddr], timers: &SessionTimers, clock: Clock) -> io::Result<std::net::TcpStream> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for (tried, address) in addresses.iter().enumerate() {
        outcome = match timers.attempt(clock.now().since_epoch(), addresses.len() - tried) {
            // What the system takes for a mistake.
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            share => std::net::TcpStream::connect_timeout(address, share),
        };
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Bytes per read.
const READ_BYTES: usize = 64 * 1024;

/// Slices per write.
const WRITE_SLICES: usize = 64;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use socket2::{Domain, Socket, Type};

    use super::*;

    #[test]
    fn an_address_that_refuses_is_followed_by_the_next_and_the_last_error_is_told() {
        let ((_closed, closed), (_listener, open)) = (closed(), listener());
        let timers = SessionTimers::default();
        let reached = reach(&[closed, open], &timers, Clock::start()).unwrap();
        assert_eq!(reached.peer_addr().unwrap(), open);
        let nobody = reach(&[closed, closed], &timers, Clock::start()).unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_that_never_answers_leaves_time_for_the_next() {
        let ((_queue, _first, silent), (_listener, open)) = (silent(), listener());
        let reached = reach(&[silent, open], &a_second(), Clock::start()).unwrap();
        assert_eq!(reached.peer_addr().unwrap(), open);
        let nobody = reach(&[silent], &a_second(), Clock::start()).unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::TimedOut);
    }

    /// Time for two addresses, of which one never answers.
    fn a_second() -> SessionTimers {
        SessionTimers { handshake: Duration::from_secs(1), ..SessionTimers::default() }
    }

    /// Where somebody listens.
    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Where nobody listens, nor will while it is held.
    fn closed() -> (Socket, SocketAddr) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, address)
    }

    /// Where Linux leaves whoever comes without an answer: nobody accepts the one for whom there was room.
    #[cfg(target_os = "linux")]
    fn silent() -> (Socket, std::net::TcpStream, SocketAddr) {
        let (socket, address) = closed();
        socket.listen(0).unwrap();
        (socket, std::net::TcpStream::connect(address).unwrap(), address)
    }
}
