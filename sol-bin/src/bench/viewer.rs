//! Viewer: a player that verifies every byte, and tells how long each message was under way.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::client::{Client, Incoming, Target};
use super::monotonic_nanos;
use super::pattern::{Pattern, Seen, is_keyframe};

/// Where players come to.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A server, and which of the run's streams.
    Rtmp(Target, u32),
    /// The bare loop, which needs no asking.
    Floor(SocketAddr),
}

/// A connection on which media comes.
#[derive(Debug)]
pub(super) struct Line {
    socket: TcpStream,
    incoming: Incoming,
    stream: u32,
    /// The first keyframe, if it had to be read to know that it is there.
    first: Option<Seen>,
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
                        break Seen::read(&message.body);
                    }
                };
                Ok((Line { socket, incoming, stream: *stream, first }, Some(began.elapsed())))
            }
            Origin::Floor(address) => {
                let socket = TcpStream::connect(address).context("the bare loop does not listen")?;
                socket.set_nodelay(true)?;
                Ok((Line { socket, incoming: Incoming::default(), stream: 0, first: None }, None))
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
    bytes: Arc<AtomicU64>,
    socket: TcpStream,
    thread: JoinHandle<anyhow::Result<Watched>>,
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
        let bytes = Arc::<AtomicU64>::default();
        let thread = thread::spawn({
            let bytes = Arc::clone(&bytes);
            move || watch(line, pattern, &bytes)
        });
        Ok(Self { bytes, socket, thread })
    }

    /// Bytes that have come.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Leaves; what it saw, or what was wrong with it.
    pub(super) fn leave(self) -> anyhow::Result<Watched> {
        // It may have been closed already, which the thread tells.
        let _ = self.socket.shutdown(Shutdown::Both);
        self.thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a viewer's thread panicked")))
    }
}

fn watch(mut line: Line, pattern: Pattern, bytes: &AtomicU64) -> anyhow::Result<Watched> {
    let mut watched = Watched::default();
    let mut items = pattern.items(line.stream);
    let mut expected = None;
    if let Some(first) = line.first {
        items.by_ref().nth(first.sequence as usize);
        expected = items.next();
    }
    // The end of the connection is the end of the run: whoever ends it otherwise is found out by what is missing.
    while let Some(message) = line.incoming.next(&mut line.socket)? {
        bytes.store(line.incoming.bytes, Ordering::Relaxed);
        let Some(seen) = Seen::read(&message.body) else { continue };
        let mut item = match expected {
            Some(item) => item,
            None => items.nth(seen.sequence as usize).context("a pattern has no end")?,
        };
        if seen.sequence > item.sequence {
            watched.gaps.push((monotonic_nanos(), seen.sequence - item.sequence));
            let skipped = (seen.sequence - item.sequence - 1) as usize;
            item = items.nth(skipped).context("a pattern has no end")?;
        }
        if let Err(wrong) = item.verify(&message.body) {
            bail!(wrong);
        }
        let now = monotonic_nanos();
        watched.delays.push((now, Duration::from_nanos(now.saturating_sub(seen.sent_at_nanos))));
        expected = items.next();
    }
    Ok(watched)
}
