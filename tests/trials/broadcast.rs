//! Broadcast: a publisher and its players over real sockets, a thread each. Every byte is verified while it comes, and
//! how long each frame was under way.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sol_tests::peer::message::{MediaReceived, TypeId};
use sol_tests::peer::pattern::{Pattern, PatternMedia};
use sol_tests::peer::script::{Player, Publisher};
use sol_tests::programs::Sol;
use sol_tests::wire::Wire;

/// `live/cam`, published in real time.
#[derive(Debug)]
pub(crate) struct Broadcast {
    is_over: Arc<AtomicBool>,
    sent_at: Arc<Mutex<Vec<Instant>>>,
    publisher: JoinHandle<io::Result<()>>,
}

/// What the publisher and its players have in common.
#[derive(Clone, Debug)]
struct Channel {
    server: SocketAddr,
    pattern: Pattern,
    /// When each message of the pattern was written.
    sent_at: Arc<Mutex<Vec<Instant>>>,
    is_over: Arc<AtomicBool>,
}

/// What a player saw.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Its end of the connection.
    pub(crate) address: SocketAddr,
    pub(crate) frames: usize,
    /// When each frame came, and how long it was under way.
    pub(crate) delays: Vec<(Instant, Duration)>,
}

/// A player that reads to the end, or until it is told to stop reading.
#[derive(Debug)]
pub(crate) struct Viewer {
    /// Its end of the connection.
    pub(crate) address: SocketAddr,
    stalls: Arc<AtomicBool>,
    thread: JoinHandle<Result<Watched, String>>,
}

impl Broadcast {
    /// Begins, with so many players, which see it from its first frame on.
    pub(crate) fn begin(sol: &Sol, pattern: Pattern, players: usize) -> (Self, Vec<Viewer>) {
        let (sent_at, is_over) = (Arc::default(), Arc::<AtomicBool>::default());
        let (sent_at, is_over): (Arc<Mutex<Vec<Instant>>>, Arc<AtomicBool>) = (sent_at, is_over);
        let channel = Channel {
            server: sol.address(),
            pattern,
            sent_at: Arc::clone(&sent_at),
            is_over: Arc::clone(&is_over),
        };
        let viewers = (0..players).map(|_| channel.view()).collect();
        sol.wait_for(players, "play");
        let publisher = thread::spawn(move || channel.publish_to_the_end());
        (Self { is_over, sent_at, publisher }, viewers)
    }

    /// Messages that were written so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent_at.lock().expect("nobody panics with it").len() as u64
    }

    /// Ends in good order.
    pub(crate) fn end(self) -> Result<(), String> {
        self.is_over.store(true, Ordering::Relaxed);
        let outcome = self.publisher.join().map_err(|_| "the publisher panicked")?;
        outcome.map_err(|error| error.to_string())
    }
}

impl Channel {
    fn view(&self) -> Viewer {
        let script = Player::new("live", NAME);
        let mut wire = Wire::connect(self.server, script).expect("the server listens");
        let address = wire.socket().local_addr().expect("it is connected");
        let (channel, stalls) = (self.clone(), Arc::<AtomicBool>::default());
        let thread = thread::spawn({
            let stalls = Arc::clone(&stalls);
            move || channel.view_to_the_end(wire, &stalls)
        });
        Viewer { address, stalls, thread }
    }

    fn publish_to_the_end(&self) -> io::Result<()> {
        let mut wire = Wire::connect(self.server, Publisher::new("live", NAME, self.pattern))?;
        wire.decide()?;
        let began = Instant::now();
        // From here on it reads nothing, as OBS does.
        while !self.is_over.load(Ordering::Relaxed) {
            wire.script.advance(began.elapsed());
            let count = wire.script.sent().len();
            self.sent_at.lock().expect("nobody panics with it").resize(count, Instant::now());
            wire.flush()?;
            if let Some(due) = wire.script.next_due() {
                thread::sleep(due.saturating_sub(began.elapsed()));
            }
        }
        wire.finish()
    }

    fn view_to_the_end(&self, mut wire: Wire<Player>, stalls: &AtomicBool) -> Result<Watched, String> {
        let address = wire.socket().local_addr().map_err(|error| error.to_string())?;
        let mut watched = Watched { address, frames: 0, delays: Vec::new() };
        let mut expected = self.pattern.media();
        while !stalls.load(Ordering::Relaxed) {
            wire.flush().map_err(|error| error.to_string())?;
            if !wire.read_once().map_err(|error| error.to_string())? {
                return Ok(watched);
            }
            let peer = wire.script.peer_mut();
            peer.take_received();
            for media in peer.take_media() {
                self.verify(&media, &mut expected, &mut watched)?;
            }
        }
        // The socket stays open, and full.
        while !self.is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
        }
        Ok(watched)
    }

    fn verify(
        &self,
        media: &MediaReceived,
        expected: &mut PatternMedia,
        watched: &mut Watched,
    ) -> Result<(), String> {
        let sent = expected.next().expect("a pattern has no end");
        // Metadata comes without what wraps it on its way to the server.
        let same_payload = sent.payload == media.payload
            || (media.type_id == TypeId::DATA_AMF0 && sent.payload.ends_with(&media.payload));
        if !same_payload || (sent.type_id, sent.timestamp_ms) != (media.type_id, media.timestamp_ms) {
            return Err(format!("{:?} {} came differently: {media:?}", sent.role, sent.sequence));
        }
        if sent.role.is_frame() {
            watched.frames += 1;
            let now = Instant::now();
            // The first ones leave together with the answer to `publish`, before anybody looks at a clock.
            let sent_at = self.sent_at.lock().expect("nobody panics with it");
            if let Some(&sent_at) = sent_at.get(sent.sequence as usize) {
                watched.delays.push((now, now - sent_at));
            }
        }
        Ok(())
    }
}

impl Viewer {
    /// It reads no more.
    pub(crate) fn stall(&self) {
        self.stalls.store(true, Ordering::Relaxed);
    }

    pub(crate) fn join(self) -> Result<Watched, String> {
        self.thread.join().map_err(|_| "a player panicked".to_owned())?
    }
}

/// Delays in milliseconds: the median, the 99th of a hundred, the longest and when that was.
pub(crate) fn percentiles(mut delays: Vec<(Instant, Duration)>, began: Instant) -> String {
    delays.sort_unstable_by_key(|(_, delay)| *delay);
    let count = delays.len();
    let milliseconds = |(_, delay): &(Instant, Duration)| delay.as_secs_f64() * 1_000.0;
    let at = |share: usize| delays.get((count * share / 100).min(count.saturating_sub(1)));
    let (Some(middle), Some(late), Some(last)) = (at(50), at(99), delays.last()) else {
        return "no frames".to_owned();
    };
    let after = last.0.saturating_duration_since(began).as_secs_f64();
    let at_seconds = after - began.saturating_duration_since(last.0).as_secs_f64();
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms (at {at_seconds:+.1} s), of {count} frames",
        milliseconds(middle),
        milliseconds(late),
        milliseconds(last),
    )
}

/// Also what strangers play who come for it.
pub(crate) const NAME: &str = "cam";
