//! Streams behind locks, and the wake-ups of those who wait for them.
//!
//! One lock for the names, and for each stream one for the stream itself, one for its timer and one for the list of the
//! armed. Whoever holds one may take another only in this order: the connection's, its stream's timer, the stream, the list
//! of the armed. None is held across an await. What the process publishes itself has a lock that is the last of all.
//!
//! A lock that was held by a panic is taken all the same: the panic ends its own connection, which must still give its
//! name back, and no other.
//!
//! A player that has caught up is *armed* while it looks at the tape. A publisher appends and then rings whoever is armed,
//! so that no frame is left unseen. A player without room is not armed and costs its publisher nothing.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::task::{Context, Wake, Waker};

use sol_core::hub::{Purpose, Registry, Stream, StreamConfig, StreamReport, Streams, TooManyStreams};
use sol_core::ids::{ChunkSize, SessionId};
use sol_core::load::Load;
use sol_core::name::StreamName;
use sol_core::per_app::PerApp;
use sol_core::server::NamesWithin;
use sol_core::time::Instant;

use crate::clock::{Alarm, Clock};
use crate::line::Line;

/// All streams of a server.
#[derive(Debug)]
pub(crate) struct SharedStreams {
    registry: Mutex<Registry<Arc<SharedStream>>>,
    /// The names that the process itself publishes.
    published_within: Mutex<NamesWithin>,
    configs: PerApp<Arc<StreamConfig>>,
    chunk_size: ChunkSize,
    pub(crate) clock: Clock,
}

/// One stream. Whoever publishes or plays it holds it.
#[derive(Debug)]
pub(crate) struct SharedStream {
    stream: RwLock<Stream>,
    /// Who is to be woken when the tape grows: by connection, so that who leaves leaves no trail.
    armed: Mutex<BTreeMap<SessionId, Arc<Line>>>,
    timer: Mutex<Alarm>,
    /// What the timer wakes: the stream itself. That takes no task, and so no executor.
    reminder: Waker,
    clock: Clock,
}

/// Does what a stream's timer went off for, in whichever thread that is. Keeps no stream alive that everybody has left.
struct Reminder(Weak<SharedStream>);

impl Wake for Reminder {
    fn wake(self: Arc<Self>) {
        if let Some(stream) = self.0.upgrade() {
            stream.keep_time();
        }
    }
}

impl SharedStreams {
    pub(crate) fn new(configs: PerApp<Arc<StreamConfig>>, chunk_size: ChunkSize, clock: Clock) -> Self {
        let (registry, published_within) = (Mutex::new(Registry::new()), Mutex::default());
        Self { registry, published_within, configs, chunk_size, clock }
    }

    /// The streams as one connection sees them, or a publisher within the process, whom nobody has to reach.
    pub(crate) fn seen_by<'a>(&'a self, line: Option<&'a Arc<Line>>) -> ConnectionStreams<'a> {
        ConnectionStreams { streams: self, line }
    }

    /// What each stream is at this moment, by name.
    pub(crate) fn report(&self) -> Vec<(StreamName, StreamReport)> {
        let all: Vec<(StreamName, Arc<SharedStream>)> =
            self.registry().iter().map(|(name, stream)| (name.clone(), Arc::clone(stream))).collect();
        all.into_iter().map(|(name, stream)| (name, stream.read().report())).collect()
    }

    /// The names that the process itself publishes.
    pub(crate) fn published_within(&self) -> MutexGuard<'_, NamesWithin> {
        self.published_within.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names in use.
    pub(crate) fn len(&self) -> usize {
        self.registry().len()
    }

    fn registry(&self) -> MutexGuard<'_, Registry<Arc<SharedStream>>> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedStream {
    fn new(stream: Stream, clock: Clock) -> Arc<Self> {
        Arc::new_cyclic(|myself| Self {
            stream: RwLock::new(stream),
            armed: Mutex::default(),
            timer: Mutex::new(Alarm::new(clock)),
            reminder: Arc::new(Reminder(Weak::clone(myself))).into(),
            clock,
        })
    }

    /// Does what is due, and sets the timer for what comes next.
    fn keep_time(&self) {
        while self.is_due() {
            let grew = self.write().handle_timeout(self.clock.now());
            if grew {
                self.wake();
            }
        }
    }

    /// Whether anything is due. Where nothing is, the timer is set for what comes next.
    fn is_due(&self) -> bool {
        let mut timer = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = self.read().poll_timeout();
        timer.poll(deadline, &mut Context::from_waker(&self.reminder))
    }

    /// Wakes whoever is armed, once.
    fn wake(&self) {
        // The list is let go of before anybody is woken: an executor may run them on the spot, and they take it too.
        let armed = std::mem::take(&mut *self.armed());
        for line in armed.into_values() {
            line.ring();
        }
    }

    fn armed(&self) -> MutexGuard<'_, BTreeMap<SessionId, Arc<Line>>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Stream> {
        self.stream.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Stream> {
        self.stream.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The streams as one connection sees them, or a publisher within the process.
pub(crate) struct ConnectionStreams<'a> {
    streams: &'a SharedStreams,
    line: Option<&'a Arc<Line>>,
}

impl Streams for ConnectionStreams<'_> {
    type Handle = Arc<SharedStream>;

    fn hold(&mut self, name: &StreamName, purpose: Purpose) -> Result<Arc<SharedStream>, TooManyStreams> {
        let SharedStreams { configs, chunk_size, clock, .. } = self.streams;
        self.streams.registry().hold(name, purpose, || {
            SharedStream::new(Stream::new(Arc::clone(configs.for_stream(name)), *chunk_size), *clock)
        })
    }

    fn release(&mut self, name: &StreamName, stream: Arc<SharedStream>) {
        if let Some(line) = self.line {
            stream.armed().remove(&line.id);
        }
        self.streams.registry().release(name);
    }

    fn read<R>(&mut self, stream: &Arc<SharedStream>, look: impl FnOnce(&Stream) -> R) -> R {
        look(&stream.read())
    }

    fn write<R>(&mut self, stream: &Arc<SharedStream>, change: impl FnOnce(&mut Stream) -> R) -> R {
        change(&mut stream.write())
    }

    fn advanced(&mut self, stream: &Arc<SharedStream>) {
        stream.wake();
    }

    fn schedule(&mut self, stream: &Arc<SharedStream>) {
        stream.keep_time();
    }

    fn read_or_arm<R>(
        &mut self,
        stream: &Arc<SharedStream>,
        look: impl FnOnce(&Stream) -> ControlFlow<R, R>,
    ) -> R {
        let tape = stream.read();
        match look(&tape) {
            ControlFlow::Continue(seen) => seen,
            ControlFlow::Break(seen) => {
                if let Some(line) = self.line {
                    stream.armed().insert(line.id, Arc::clone(line));
                }
                seen
            }
        }
    }

    fn load(&mut self, _now: Instant) -> Load {
        // Neither async-std nor smol tells how busy its executor is.
        Load::IDLE
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;
    use std::time::Duration;

    use bytes::Bytes;
    use sol_core::hub::{Bid, Coalesce, Publication};
    use sol_core::media::{Content, Media};
    use sol_core::timestamp::Timestamp;

    use super::*;

    #[test]
    fn each_is_woken_once_for_what_it_is_armed_for() {
        let streams = streams();
        let (publisher, player, stranger) = (Somebody::new(1), Somebody::new(2), Somebody::new(3));
        let home = publisher.sits(&streams);
        let seat = player.sits(&streams);
        let _idle = stranger.sits(&streams);
        player.arms(&streams, &seat);
        player.arms(&streams, &seat);
        for expected in [true, false] {
            publisher.sees(&streams).advanced(&home);
            assert_eq!((player.is_rung(), stranger.is_rung()), (expected, false));
        }
        player.arms(&streams, &seat);
        publisher.sees(&streams).advanced(&home);
        assert!(player.is_rung());
    }

    #[test]
    fn who_leaves_is_forgotten() {
        let streams = streams();
        let keeper = Somebody::new(0);
        let home = keeper.sits(&streams);
        keeper.arms(&streams, &home);
        for id in 1..1_000 {
            let guest = Somebody::new(id);
            let seat = guest.sits(&streams);
            guest.arms(&streams, &seat);
            guest.sees(&streams).release(&name(), seat);
            assert_eq!(Arc::strong_count(&guest.line), 1);
        }
        assert_eq!(home.armed().len(), 1, "the keeper");
        assert_eq!(streams.len(), 1);
        let stream = Arc::downgrade(&home);
        keeper.sees(&streams).release(&name(), home);
        assert_eq!(streams.len(), 0);
        assert!(stream.upgrade().is_none());
    }

    #[test]
    fn a_timer_keeps_no_stream_alive() {
        let streams = streams();
        let publisher = Somebody::new(1);
        let (home, publication) =
            publisher.sees(&streams).publish(&name(), &Bid::default(), Instant::EPOCH).unwrap();
        let stream = Arc::downgrade(&home);
        let mut view = publisher.sees(&streams);
        view.unpublish(&name(), home, publication, sol_core::hub::Parting::Vanished, streams.clock.now());
        assert!(stream.upgrade().is_none(), "though its grace is not over");
    }

    #[test]
    fn who_waits_for_a_publisher_is_woken_when_its_grace_is_over_with_no_executor_running() {
        let config = StreamConfig { grace: Duration::from_millis(5), ..StreamConfig::default() };
        let streams = streams_with(config);
        let (player, publisher) = (Somebody::new(1), Somebody::new(2));
        let seat = player.sits(&streams);
        let (home, publication) =
            publisher.sees(&streams).publish(&name(), &Bid::default(), Instant::EPOCH).unwrap();
        publisher.appends(&streams, &home, &publication);
        publisher.sees(&streams).write(&home, |stream| stream.abandon(publication, streams.clock.now()));
        let ends = home.read().poll_timeout().unwrap();
        player.arms(&streams, &seat);
        publisher.sees(&streams).schedule(&home);
        publisher.sees(&streams).schedule(&home);
        player.waits(streams.clock);
        assert!(streams.clock.now() >= ends);
        assert_eq!(home.read().poll_timeout(), None);
    }

    #[test]
    fn what_is_gathered_is_delivered_when_its_time_has_come() {
        let interval = Duration::from_millis(5);
        let config = StreamConfig { coalesce: Coalesce::Fixed(interval), ..StreamConfig::default() };
        let streams = streams_with(config);
        let (player, publisher) = (Somebody::new(1), Somebody::new(2));
        let seat = player.sits(&streams);
        let _playhead = player.sees(&streams).write(&seat, Stream::subscribe);
        let (home, publication) =
            publisher.sees(&streams).publish(&name(), &Bid::default(), Instant::EPOCH).unwrap();
        let began = streams.clock.now();
        for deliveries in 0..3 {
            player.arms(&streams, &seat);
            publisher.appends(&streams, &home, &publication);
            player.waits(streams.clock);
            assert!(streams.clock.now().saturating_since(began) >= interval * deliveries);
        }
    }

    #[test]
    fn a_stream_has_what_was_decided_for_its_app() {
        let patience = |patience| Arc::new(StreamConfig { patience, ..StreamConfig::default() });
        let mut configs = PerApp::new(patience(1));
        configs.add("event/*".parse().unwrap(), patience(2)).unwrap();
        let streams = SharedStreams::new(configs, ChunkSize::new(65_536).unwrap(), Clock::start());
        for (name, expected) in [("live/cam", 1), ("event/cam", 2)] {
            let seat = streams.seen_by(None).hold(&name.parse().unwrap(), Purpose::Play).unwrap();
            assert_eq!(seat.read().config().patience, expected, "{name}");
        }
    }

    /// Somebody with a line.
    struct Somebody {
        line: Arc<Line>,
    }

    impl Somebody {
        fn new(id: u64) -> Self {
            Self { line: Arc::new(Line::new(SessionId::new(id))) }
        }

        fn sees<'a>(&'a self, streams: &'a SharedStreams) -> ConnectionStreams<'a> {
            streams.seen_by(Some(&self.line))
        }

        fn sits(&self, streams: &SharedStreams) -> Arc<SharedStream> {
            self.sees(streams).hold(&name(), Purpose::Play).unwrap()
        }

        fn arms(&self, streams: &SharedStreams, seat: &Arc<SharedStream>) {
            self.sees(streams).read_or_arm(seat, |_| ControlFlow::Break(()));
        }

        fn appends(&self, streams: &SharedStreams, home: &Arc<SharedStream>, publication: &Publication) {
            let content = Content::Audio(Bytes::from_static(&[0x2F, 0]));
            let sound = Media { timestamp: Timestamp::ZERO, content };
            let mut view = self.sees(streams);
            view.write(home, |stream| stream.append(publication, &sound, Instant::EPOCH)).unwrap();
            view.appended(home, streams.clock.now());
        }

        fn is_rung(&self) -> bool {
            self.line.answer(Waker::noop())
        }

        /// Until it is rung.
        fn waits(&self, clock: Clock) {
            let ringing = poll_fn(|context| match self.line.answer(context.waker()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            });
            let in_time = clock.until(clock.now() + Duration::from_secs(60), ringing);
            smol::future::block_on(in_time).expect("it is rung");
        }
    }

    fn streams() -> SharedStreams {
        streams_with(StreamConfig { coalesce: Coalesce::NONE, ..StreamConfig::default() })
    }

    fn streams_with(config: StreamConfig) -> SharedStreams {
        SharedStreams::new(config.into(), ChunkSize::new(65_536).unwrap(), Clock::start())
    }

    fn name() -> StreamName {
        "live/cam".parse().unwrap()
    }
}
