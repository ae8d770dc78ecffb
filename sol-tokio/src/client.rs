//! Client: one connection to a server, to publish to it or to play from it.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use sol_core::media::Media;
use sol_core::server::SocketConfig;
use sol_core::session::{Event, Hangup, Linger, PeerEnd, Session, SessionConfig, SessionTimers, Target};
use sol_core::time::Instant;
use sol_core::url::RtmpUrl;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Sleep, sleep_until, timeout, timeout_at};

use crate::clock::Clock;
use crate::connection::part_in_peace;
use crate::socket;

/// A connection in the client's role. Nothing happens unless one of its futures is awaited; all of them may be dropped
/// early, and nothing is lost, nor does any time begin anew.
///
/// It tells of a [`ClientEvent`](crate::ClientEvent); [`Event`](crate::Event) is what a server's application hears.
///
/// To play:
///
/// ```no_run
/// # use std::error::Error;
/// use sol_tokio::{Client, ClientEvent, RtmpUrl, SessionConfig, Target};
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
/// use sol_tokio::{Client, ClientEvent, Media, RtmpUrl, SessionConfig, Target};
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
    transport: Option<I>,
    /// Bytes may wait in a buffer of the transport's own, as with TLS.
    needs_flush: bool,
    clock: Clock,
    timer: Pin<Box<Sleep>>,
    timer_at: Instant,
    /// What the session has told, and nobody has heard yet. The end is told when the transport is closed.
    events: VecDeque<Event>,
    /// How long the server is waited for once the session is over.
    lingers_until: Option<(Instant, Linger)>,
    has_parted: bool,
    reset: fn(&I),
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
        let found = timeout(config.timers.handshake, lookup_host((url.host(), url.port())));
        let addresses: Vec<_> = found.await.map_err(|_| io::ErrorKind::TimedOut)??.collect();
        let transport = reach(&addresses, &config.timers, clock).await?;
        socket::prepare(&transport, SocketConfig::default())?;
        // Where a reset fails, the kernel's own patience ends it.
        let reset = |socket: &TcpStream| drop(socket.set_zero_linger());
        Ok(Self { reset, ..Self::over(transport, target, config)? })
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Client<I> {
    /// The same over a transport that is connected already. To be made within a tokio runtime. It cannot be reset.
    ///
    /// # Errors
    /// The system has no entropy.
    pub fn over(transport: I, target: &Target, config: SessionConfig) -> io::Result<Self> {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
        let clock = Clock::start();
        let now = clock.now();
        Ok(Self {
            session: Session::connect(Arc::new(config), target, seed, now),
            transport: Some(transport),
            needs_flush: false,
            clock,
            timer: Box::pin(sleep_until(clock.timer_at(now))),
            timer_at: now,
            events: VecDeque::new(),
            lingers_until: None,
            has_parted: false,
            reset: |_| {},
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
        poll_fn(|context| self.poll_turn(context)).await;
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(transport) = &mut self.transport else { return Poll::Ready(()) };
        let now = self.clock.now();
        let mut progress = false;
        let (mut broken, mut is_full) = (None, false);
        while self.session.has_output() {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = self.session.outbound(&mut slices);
            match Pin::new(&mut *transport).poll_write_vectored(context, &slices[..count]) {
                Poll::Ready(Ok(written)) if written > 0 => self.session.handle_sent(written, now),
                Poll::Ready(outcome) => {
                    broken = Some(outcome.err().map_or(PeerEnd::Lost, |error| PeerEnd::of(&error)));
                    break;
                }
                Poll::Pending => {
                    is_full = true;
                    break;
                }
            }
            progress = true;
            self.needs_flush = true;
        }
        // To flush one that is full would be to let some transports forget who waits to write.
        if self.needs_flush && !is_full {
            // An error shows again at the next read or write.
            self.needs_flush = Pin::new(&mut *transport).poll_flush(context).is_pending();
        }
        if self.session.wants_input() {
            let mut space = [MaybeUninit::uninit(); READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut space);
            if let Poll::Ready(outcome) = Pin::new(transport).poll_read(context, &mut buffer) {
                match outcome {
                    Ok(()) if buffer.filled().is_empty() => self.session.handle_end(PeerEnd::Finished, now),
                    // What the server said before it closed is still to be heard.
                    Ok(()) => {
                        self.session.handle_input(buffer.filled(), now);
                        broken = None;
                    }
                    Err(error) => self.session.handle_end(PeerEnd::of(&error), now),
                }
                progress = true;
            }
        }
        if let Some(end) = broken {
            self.session.handle_end(end, now);
            progress = true;
        }
        if let Some(deadline) = self.session.poll_timeout() {
            // One that has moved back is found out when the old one fires.
            if deadline.at < self.timer_at || self.timer.is_elapsed() {
                self.timer_at = deadline.at;
                self.timer.as_mut().reset(self.clock.timer_at(deadline.at));
            }
            if self.timer.as_mut().poll(context).is_ready() {
                self.session.handle_timeout(now);
                progress = true;
            }
        }
        if progress { Poll::Ready(()) } else { Poll::Pending }
    }

    async fn hang_up(&mut self, hangup: Hangup) {
        let Some(transport) = &mut self.transport else { return };
        match hangup {
            Hangup::Close => {}
            Hangup::Reset => (self.reset)(transport),
            Hangup::Linger(linger) => {
                // What it took before a future was dropped counts.
                let first = (self.clock.now() + linger.patience(), linger);
                let (until, linger) = self.lingers_until.get_or_insert(first);
                let until = self.clock.timer_at(*until);
                self.has_parted = timeout_at(until, part_in_peace(transport, linger)).await == Ok(true);
            }
        }
        self.transport = None;
    }
}

/// Connects to one of these addresses. The time counts from when the clock was started.
async fn reach(addresses: &[SocketAddr], timers: &SessionTimers, clock: Clock) -> io::Result<TcpStream> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for (tried, &address) in addresses.iter().enumerate() {
        outcome = match timers.attempt(clock.now().since_epoch(), addresses.len() - tried) {
            // A timeout of no time lets pass what takes next to none.
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            share => match timeout(share, TcpStream::connect(address)).await {
                Ok(connected) => connected,
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            },
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use sol_core::limits;
    use sol_core::session::CloseReason;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_closes_is_left_in_time_however_often_nobody_waits() {
        let (ours, _theirs) = duplex(64 * 1024);
        let mut client = publisher(ours);
        let began = tokio::time::Instant::now();
        client.leave();
        let end = loop {
            // As in a `select!` with a clock that ticks.
            if let Ok(event) = timeout(Duration::from_secs(1), client.next()).await {
                break event;
            }
        };
        assert!(matches!(end, Some(Event::Closed { why: CloseReason::Left, .. })), "{end:?}");
        assert_eq!(began.elapsed(), limits::LEAVE_TIME);
        assert!(!client.has_parted());
        assert_eq!(client.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_closes_in_turn_has_everything() {
        let (ours, mut theirs) = duplex(64 * 1024);
        let mut client = publisher(ours);
        client.leave();
        let mut heard = Vec::new();
        let (end, _) = tokio::join!(client.next(), async {
            theirs.read_to_end(&mut heard).await.unwrap();
            drop(theirs);
        });
        assert!(matches!(end, Some(Event::Closed { why: CloseReason::Left, .. })), "{end:?}");
        assert!(client.has_parted());
        assert_eq!(heard.len(), 1 + 1_536, "C0 and C1");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_server_is_named_at_once() {
        let (ours, mut theirs) = duplex(64 * 1024);
        let mut client = publisher(ours);
        theirs.write_all(b"HTTP/1.1 400 Bad Request").await.unwrap();
        let began = tokio::time::Instant::now();
        let Some(Event::Closed { why, .. }) = client.next().await else { panic!("it is over") };
        assert_eq!(why.code(), "http");
        assert_eq!(began.elapsed(), limits::LINGER_TIME);
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_followed_by_the_next_and_the_last_error_is_told() {
        let ((_closed, closed), (_listener, open)) = (closed(), listener());
        let timers = SessionTimers::default();
        let reached = reach(&[closed, open], &timers, Clock::start()).await.unwrap();
        assert_eq!(reached.peer_addr().unwrap(), open);
        let nobody = reach(&[closed, closed], &timers, Clock::start()).await.unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_address_that_never_answers_leaves_time_for_the_next() {
        let ((_queue, _first, silent), (_listener, open)) = (silent(), listener());
        let reached = reach(&[silent, open], &a_second(), Clock::start()).await.unwrap();
        assert_eq!(reached.peer_addr().unwrap(), open);
        let nobody = reach(&[silent], &a_second(), Clock::start()).await.unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::TimedOut);
    }

    fn publisher(transport: tokio::io::DuplexStream) -> Client<tokio::io::DuplexStream> {
        let url: RtmpUrl = "rtmp://host/live/cam".parse().unwrap();
        Client::over(transport, &Target::publish(&url), SessionConfig::default()).unwrap()
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
