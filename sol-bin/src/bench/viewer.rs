//! Viewer: a player that verifies every byte, and tells how long each message was under way.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sol_tokio::sol_core::chunk::RawMessage;
use sol_tokio::sol_core::ids::MessageType;

use super::client::{Client, Incoming, Target};
use super::monotonic_nanos;
use super::pattern::{AUDIO_CONFIG, Item, Pattern, Seen, VIDEO_CONFIG, is_keyframe};

/// Where players come to.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A server, and which of the run's streams.
    Rtmp(Target, u32),
    /// The bare loop, which needs no asking.
    Floor(SocketAddr),
    /// The bare loop that passes on what it reads, and which of the run's streams.
    Relay(SocketAddr, u32),
}

/// A connection on which media comes.
#[derive(Debug)]
pub(super) struct Line {
    socket: TcpStream,
    incoming: Incoming,
    stream: u32,
    /// The first keyframe, if it had to be read to know that it is there.
    first: Option<RawMessage>,
}

impl Origin {
    /// Comes as a player; how long the first keyframe took from the moment of connecting, where there is somebody to ask
    /// for it.
    pub(super) fn join(&self) -> anyhow::Result<(Line, Option<Duration>)> {
        let began = Instant::now();
        match self {
            Origin::Rtmp(target, stream) => {
                let (mut socket, mut incoming) = Client::play(target)?.into_parts();
                let first = loop {
                    let message =
                        incoming.next(&mut socket)?.context("the server closed before the first keyframe")?;
                    if is_keyframe(&message.body) {
                        break Some(message);
                    }
                };
                Ok((Line { socket, incoming, stream: *stream, first }, Some(began.elapsed())))
            }
            Origin::Floor(address) => {
                let socket = TcpStream::connect(address).context("the bare loop does not listen")?;
                socket.set_nodelay(true)?;
                Ok((Line { socket, incoming: Incoming::default(), stream: 0, first: None }, None))
            }
            Origin::Relay(address, stream) => {
                let (socket, incoming) = Client::bare(*address, *stream)?.into_parts();
                // The loop takes players first: whoever comes next must find this one taken.
                socket.peek(&mut [0]).context("the bare loop takes nobody")?;
                Ok((Line { socket, incoming, stream: *stream, first: None }, None))
            }
        }
    }
}

impl Line {
    /// The connection alone, for somebody who only counts.
    pub(super) fn into_socket(self) -> TcpStream {
        self.socket
    }
}

/// A viewer at work.
#[derive(Debug)]
pub(super) struct Viewer {
    shared: Arc<Shared>,
    socket: TcpStream,
    thread: JoinHandle<anyhow::Result<Watched>>,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicU64,
    /// Whatever happens to the connection from now on is its own doing.
    is_leaving: AtomicBool,
}

/// What a viewer saw.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// When each message came, by the machine's clock, and how long it was under way.
    pub delays: Vec<(u64, Duration)>,
    /// When it was seen that messages are missing, and how many.
    pub gaps: Vec<(u64, u64)>,
}

impl Viewer {
    /// Begins to watch.
    pub(super) fn watch(line: Line, pattern: Pattern) -> anyhow::Result<Self> {
        let socket = line.socket.try_clone()?;
        let shared = Arc::<Shared>::default();
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || watch(line, pattern, &shared)
        });
        Ok(Self { shared, socket, thread })
    }

    /// Bytes that have come.
    pub(super) fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Leaves; what it saw, or what was wrong with it.
    pub(super) fn leave(self) -> anyhow::Result<Watched> {
        self.shared.is_leaving.store(true, Ordering::Relaxed);
        // It may have been closed already, which the thread tells.
        let _ = self.socket.shutdown(Shutdown::Both);
        self.thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a viewer's thread panicked")))
    }
}

fn watch(mut line: Line, pattern: Pattern, shared: &Shared) -> anyhow::Result<Watched> {
    let mut watched = Watched::default();
    let mut items = pattern.items(line.stream);
    let mut expected = None;
    let mut first = line.first.take();
    loop {
        let next = match first.take() {
            Some(message) => Ok(Some(message)),
            None => line.incoming.next(&mut line.socket),
        };
        shared.bytes.store(line.incoming.bytes, Ordering::Relaxed);
        let message = match next {
            Ok(Some(message)) => message,
            _ if shared.is_leaving.load(Ordering::Relaxed) => return Ok(watched),
            Ok(None) => bail!("the server closed the connection"),
            Err(error) => return Err(error),
        };
        let is_media = matches!(message.kind, MessageType::AUDIO | MessageType::VIDEO);
        if !is_media || message.body == VIDEO_CONFIG || message.body == AUDIO_CONFIG {
            continue;
        }
        let seen = Seen::read(&message.body).context("media came that nobody of this bench has sent")?;
        let mut item = match expected {
            Some(item) => item,
            None => skip(&mut items, seen.sequence)?,
        };
        if seen.sequence > item.sequence {
            watched.gaps.push((monotonic_nanos(), seen.sequence - item.sequence));
            item = skip(&mut items, seen.sequence - item.sequence - 1)?;
        }
        if let Err(wrong) = item.verify(&message.body) {
            bail!(wrong);
        }
        let now = monotonic_nanos();
        watched.delays.push((now, Duration::from_nanos(now.saturating_sub(seen.sent_at_nanos))));
        expected = items.next();
    }
}

/// The item behind so many others. The number came from the server, which may say anything.
fn skip(items: &mut impl Iterator<Item = Item>, count: u64) -> anyhow::Result<Item> {
    if count > MESSAGES_MAX {
        bail!("message {count} of a stream that has not run for so long");
    }
    items.nth(count as usize).context("a pattern has no end")
}

/// More than a day has.
const MESSAGES_MAX: u64 = 30_000_000;
