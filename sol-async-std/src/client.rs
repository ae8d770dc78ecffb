//! Client: one connection to a server, to publish to it or to play from it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_net::{TcpStream, resolve};
use futures_io::{AsyncRead, AsyncWrite};
use rand::TryRng;
use rand::rngs::SysRng;
use sol_core::media::Media;
use sol_core::server::SocketConfig;
use sol_core::session::{Event, Hangup, Linger, PeerEnd, Session, SessionConfig, SessionTimers, Target};
use sol_core::time::Instant;
use sol_core::url::RtmpUrl;

use crate::clock::{Alarm, Clock};
use crate::socket;
use crate::transport::{Driven, Transport};

/// A connection in the client's role, on any executor. Nothing happens unless one of its futures is awaited; all of them may
/// be dropped early, and nothing is lost, nor does any time begin anew.
///
/// The socket that [`Client::connect`] makes is smol's, and works as well in a task of async-std's.
///
/// It tells of a [`ClientEvent`](crate::ClientEvent); [`Event`](crate::Event) is what a server's application hears.
///
/// To play:
///
/// ```no_run
/// # use std::error::Error;
/// use sol_async_std::{Client, ClientEvent, RtmpUrl, SessionConfig, Target};
///
/// # async fn play() -> Result<(), Box<dyn Error>> {
/// let url: RtmpUrl = "rtmp://localhost/live/cam".parse()?;
/// let mut client = Client::connect(&url, &Target::play(&url), SessionConfig::default()).await?;
/// while let Some(event) = client.next().await {
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
/// use sol_async_std::{Client, ClientEvent, Media, RtmpUrl, SessionConfig, Target};
///
/// # async fn publish(url: RtmpUrl, source: impl Iterator<Item = Media>) -> Result<(), Box<dyn Error>> {
/// let mut client = Client::connect(&url, &Target::publish(&url), SessionConfig::default()).await?;
/// for media in source {
///     // There is none before the server lets it publish.
///     while !client.room().await {
///         if let Some(ClientEvent::Closed { why, .. }) = client.next().await {
///             return Err(why.into());
///         }
///     }
///     client.send(&media);
/// }
/// client.leave();
/// while client.next().await.is_some() {}
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client<I = TcpStream> {
    session: Session,
    /// `None` once it is closed.
    transport: Option<Transport<I>>,
    clock: Clock,
    alarm: Alarm,
    /// What the session has told, and nobody has heard yet. The end is told when the transport is closed.
    events: VecDeque<Event>,
    /// How long the server is waited for once the session is over.
    lingers_until: Option<(Instant, Linger)>,
    has_parted: bool,
}

impl Client<TcpStream> {
    /// Connects to the host of a URL and begins to ask for what `target` says. Its addresses are tried one after the other, as
    /// the system names them, and the first that answers has it; one that never does leaves time for the others, as
    /// [`SessionTimers::attempt`](sol_core::session::SessionTimers::attempt) shares it out.
    ///
    /// # Errors
    /// The host cannot be found or reached, within the time that the configuration gives a handshake, which then has as much
    /// again; or the system has no entropy.
    pub async fn connect(url: &RtmpUrl, target: &Target, config: SessionConfig) -> io::Result<Self> {
        let clock = Clock::start();
        let until = clock.now() + config.timers.handshake;
        let found = clock.until(until, resolve((url.host(), url.port()))).await;
        let addresses = found.unwrap_or(Err(io::ErrorKind::TimedOut.into()))?;
        let socket = reach(&addresses, &config.timers, clock).await?;
        // What the kernel holds when everything is sent has to leave while the server is waited for.
        socket::prepare(&socket, SocketConfig::default())?;
        Self::begin(Transport::socket(socket), target, config)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Client<I> {
    /// The same over a transport that is connected already. It cannot be reset. Closing it must say that nothing more comes,
    /// which it does not with async-std's sockets and [`async_io::Async`]: those are only flushed.
    ///
    /// # Errors
    /// The system has no entropy.
    pub fn over(transport: I, target: &Target, config: SessionConfig) -> io::Result<Self> {
        Self::begin(Transport::new(transport), target, config)
    }

    fn begin(transport: Transport<I>, target: &Target, config: SessionConfig) -> io::Result<Self> {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
        let clock = Clock::start();
        Ok(Self {
            session: Session::connect(Arc::new(config), target, seed, clock.now()),
            transport: Some(transport),
            clock,
            alarm: Alarm::new(clock),
            events: VecDeque::new(),
            lingers_until: None,
            has_parted: false,
        })
    }

    /// Waits for what happens next, and takes care of the connection meanwhile. The last is [`Event::Closed`]; then there
    /// is nothing more.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            self.listen();
            if let Some(&Event::Closed { hangup, .. }) = self.events.front() {
                self.hang_up(hangup).await;
            }
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            self.transport.as_ref()?;
            self.turn().await;
        }
    }

    /// Waits until more media can be sent. `false` where there is something to hear first, by [`Client::next`]: that it may
    /// not publish, for one.
    pub async fn room(&mut self) -> bool {
        loop {
            self.listen();
            if !self.events.is_empty() || self.transport.is_none() {
                return false;
            }
            if self.session.media_room() > 0 {
                return true;
            }
            self.turn().await;
        }
    }

    /// Sends audio, video or data, as soon as somebody awaits this client. What is sent without [`Client::room`] waits in
    /// memory. See [`Session::send_media`].
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

    /// Hears what the session has to tell.
    fn listen(&mut self) {
        self.events.extend(std::iter::from_fn(|| self.session.poll_event()));
    }

    /// Waits until anything was done for the connection.
    async fn turn(&mut self) {
        let mut is_over = false;
        poll_fn(|context| {
            if is_over {
                return Poll::Ready(());
            }
            is_over = self.poll_turn(context);
            if is_over {
                // Behind all others who want their turn: a server's bytes may never end.
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await;
    }

    /// Does what can be done at present; whether anything was.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> bool {
        let Some(transport) = &mut self.transport else { return true };
        let now = self.clock.now();
        let sent_before = self.session.traffic().sent_bytes();
        let has_more = transport.poll_exchange(&mut Turn { session: &mut self.session, now }, context);
        let is_due = self.alarm.poll(self.session.poll_timeout().map(|deadline| deadline.at), context);
        if is_due {
            self.session.handle_timeout(now);
        }
        // What was sent has made room, which somebody may wait for.
        has_more || is_due || self.session.traffic().sent_bytes() > sent_before
    }

    async fn hang_up(&mut self, hangup: Hangup) {
        let Some(transport) = &mut self.transport else { return };
        match hangup {
            Hangup::Close => {}
            Hangup::Reset => transport.reset(),
            Hangup::Linger(linger) => {
                // What it took before a future was dropped counts.
                let first = (self.clock.now() + linger.patience(), linger);
                let (until, linger) = self.lingers_until.get_or_insert(first);
                self.has_parted =
                    self.clock.until(*until, transport.part_in_peace(linger)).await == Some(true);
            }
        }
        self.transport = None;
    }
}

/// Connects to one of these addresses. The time counts from when the clock was started.
async fn reach(addresses: &[SocketAddr], timers: &SessionTimers, clock: Clock) -> io::Result<TcpStream> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for (tried, &address) in addresses.iter().enumerate() {
        let now = clock.now();
        let share = timers.attempt(now.since_epoch(), addresses.len() - tried);
        let connected = clock.until(now + share, TcpStream::connect(address)).await;
        outcome = connected.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// A client's session at one moment.
struct Turn<'a> {
    session: &'a mut Session,
    now: Instant,
}

impl Driven for Turn<'_> {
    const HEARS_OUT: bool = true;

    fn session(&self) -> &Session {
        self.session
    }

    fn handle_input(&mut self, bytes: &[u8]) {
        self.session.handle_input(bytes, self.now);
    }

    fn handle_sent(&mut self, count: usize) {
        self.session.handle_sent(count, self.now);
    }

    fn handle_end(&mut self, end: PeerEnd) {
        self.session.handle_end(end, self.now);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener};
    use std::pin::pin;
    use std::task::Waker;
    use std::time::Duration;

    use socket2::{Domain, Socket, Type};
    use sol_core::session::CloseReason;

    use super::*;

    #[test]
    fn a_server_that_closes_in_turn_has_everything() {
        let (mut client, mut theirs) = publisher();
        client.leave();
        let server = std::thread::spawn(move || {
            let mut heard = Vec::new();
            theirs.read_to_end(&mut heard).map(|_| heard)
        });
        let end = smol::block_on(client.next());
        assert!(matches!(end, Some(Event::Closed { why: CloseReason::Left, .. })), "{end:?}");
        assert!(client.has_parted());
        assert_eq!(smol::block_on(client.next()), None);
        assert_eq!(server.join().unwrap().unwrap().len(), 1 + 1_536, "C0 and C1");
    }

    #[test]
    fn a_server_that_does_not_close_is_waited_for_once_however_often_nobody_waits() {
        let (mut client, mut theirs) = publisher();
        client.leave();
        let mut until = Vec::new();
        for _ in 0..10 {
            // As in a `select` with a clock that ticks: the future is dropped each time.
            let is_over = pin!(client.next()).poll(&mut Context::from_waker(Waker::noop())).is_ready();
            assert!(!is_over);
            until.extend(client.lingers_until.map(|(until, _)| until));
        }
        until.dedup();
        assert_eq!(until.len(), 1, "{until:?}");
        theirs.read_to_end(&mut Vec::new()).unwrap();
        drop(theirs);
        let end = smol::block_on(client.next());
        assert!(matches!(end, Some(Event::Closed { why: CloseReason::Left, .. })), "{end:?}");
        assert!(client.has_parted());
    }

    #[test]
    fn what_is_no_server_is_named_though_it_takes_nothing() {
        let (mut client, mut theirs) = publisher();
        io::Write::write_all(&mut theirs, b"HTTP/1.1 400 Bad Request").unwrap();
        drop(theirs);
        let Some(Event::Closed { why, .. }) = smol::block_on(client.next()) else { panic!("it is over") };
        assert_eq!(why.code(), "http");
    }

    #[test]
    fn an_address_that_refuses_is_followed_by_the_next_and_the_last_error_is_told() {
        let ((_closed, closed), (_listener, open)) = (closed(), listener());
        let timers = SessionTimers::default();
        let reached = smol::block_on(reach(&[closed, open], &timers, Clock::start())).unwrap();
        assert_eq!(reached.peer_addr().unwrap(), open);
        let nobody = smol::block_on(reach(&[closed, closed], &timers, Clock::start())).unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_that_never_answers_leaves_time_for_the_next() {
        let ((_queue, _first, silent), (_listener, open)) = (silent(), listener());
        let reached = smol::block_on(reach(&[silent, open], &a_second(), Clock::start())).unwrap();
        assert_eq!(reached.peer_addr().unwrap(), open);
        let nobody = smol::block_on(reach(&[silent], &a_second(), Clock::start())).unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::TimedOut);
    }

    /// A client that publishes, and its server.
    fn publisher() -> (Client, std::net::TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url: RtmpUrl = format!("rtmp://{}/live/cam", listener.local_addr().unwrap()).parse().unwrap();
        let target = Target::publish(&url);
        let connecting = Client::connect(&url, &target, SessionConfig::default());
        (smol::block_on(connecting).unwrap(), listener.accept().unwrap().0)
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
