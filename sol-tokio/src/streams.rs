//! Streams behind locks, and the wake-ups of those who wait for them.
//!
//! One lock for the names, and for each stream one for the stream itself, one for the list of the armed and one for the
//! task of its timer. Whoever holds one may take another only in this order: the connection's, its stream's timer, the
//! stream, the list of the armed. None is held across an await.
//!
//! A lock that was held by a panic is taken all the same: the panic ends its own connection, which must still give its
//! name back, and no other.
//!
//! A player that has caught up *arms* its seat while it looks at the tape. A publisher appends and then delivers to
//! whoever is armed, so that no frame is left unseen. A player without room is not armed and costs its publisher nothing.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use sol_core::hub::{Purpose, Registry, Stream, StreamConfig, StreamReport, Streams, TooManyStreams};
use sol_core::ids::ChunkSize;
use sol_core::load::Load;
use sol_core::name::StreamName;
use sol_core::per_app::PerApp;
use sol_core::server::NamesWithin;
use sol_core::time::Instant;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, unconstrained, yield_now};

use crate::armed::{Armed, Place};
use crate::clock::Clock;
use crate::line::{Deliver, Line};
use crate::load::LoadGauge;

/// All streams of a server.
#[derive(Debug)]
pub(crate) struct SharedStreams {
    registry: Mutex<Registry<Arc<SharedStream>>>,
    /// The names that the process itself publishes.
    published_within: Mutex<NamesWithin>,
    configs: PerApp<Arc<StreamConfig>>,
    chunk_size: ChunkSize,
    clock: Clock,
    load: LoadGauge,
    /// Connections may be dropped outside of it, and still have to set their streams' timers.
    runtime: Handle,
}

#[derive(Debug)]
pub(crate) struct SharedStream {
    stream: RwLock<Stream>,
    armed: Armed,
    timer: Mutex<Timer>,
}

/// The task that waits for a stream's deadline, if there is one. Goes with its stream, or with another deadline: publishers
/// that come and go leave no trail of tasks.
#[derive(Debug, Default)]
struct Timer(Option<AbortHandle>);

impl Timer {
    fn set(&mut self, task: AbortHandle) {
        if let Some(before) = self.0.replace(task) {
            before.abort();
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// One publisher's or player's place at one stream, of a connection or of the process itself.
pub(crate) struct Seat {
    shared: Arc<SharedStream>,
    /// Whose seat this is.
    link: Weak<dyn Deliver>,
    /// Where it stands on the list of the armed.
    place: Place,
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("place", &self.place).finish_non_exhaustive()
    }
}

impl SharedStreams {
    pub(crate) fn new(configs: PerApp<Arc<StreamConfig>>, chunk_size: ChunkSize, clock: Clock) -> Self {
        let runtime = Handle::current();
        let (registry, published_within) = (Mutex::new(Registry::new()), Mutex::default());
        let load = LoadGauge::new(&runtime);
        Self { registry, published_within, configs, chunk_size, clock, load, runtime }
    }

    /// The streams as one connection sees them.
    pub(crate) fn seen_by<'a>(&'a self, line: &'a Arc<Line>) -> ConnectionStreams<'a> {
        ConnectionStreams { streams: self, line }
    }

    /// What each stream is at this moment, by name.
    pub(crate) fn report(&self) -> Vec<(StreamName, StreamReport)> {
        let all: Vec<(StreamName, Arc<SharedStream>)> =
            self.registry().iter().map(|(name, shared)| (name.clone(), Arc::clone(shared))).collect();
        let report =
            |shared: Arc<SharedStream>| shared.stream.read().unwrap_or_else(PoisonError::into_inner).report();
        all.into_iter().map(|(name, shared)| (name, report(shared))).collect()
    }

    /// The names that the process itself publishes.
    pub(crate) fn published_within(&self) -> MutexGuard<'_, NamesWithin> {
        self.published_within.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time as streams are told.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Names in use.
    pub(crate) fn len(&self) -> usize {
        self.registry().len()
    }

    fn registry(&self) -> MutexGuard<'_, Registry<Arc<SharedStream>>> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The streams as one connection sees them, or a publisher within the process.
pub(crate) struct ConnectionStreams<'a> {
    streams: &'a SharedStreams,
    line: &'a Arc<Line>,
}

impl Streams for ConnectionStreams<'_> {
    type Handle = Seat;

    fn hold(&mut self, name: &StreamName, purpose: Purpose) -> Result<Seat, TooManyStreams> {
        let (configs, chunk_size) = (&self.streams.configs, self.streams.chunk_size);
        let shared = self.streams.registry().hold(name, purpose, || {
            let stream = RwLock::new(Stream::new(Arc::clone(configs.for_stream(name)), chunk_size));
            Arc::new(SharedStream { stream, armed: Armed::default(), timer: Mutex::default() })
        })?;
        let link = self.line.link();
        Ok(Seat { shared, link, place: Place::default() })
    }

    fn release(&mut self, name: &StreamName, seat: Seat) {
        seat.shared.armed.remove(&seat.place);
        self.streams.registry().release(name);
    }

    fn read<R>(&mut self, seat: &Seat, look: impl FnOnce(&Stream) -> R) -> R {
        look(&seat.shared.stream.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&mut self, seat: &Seat, change: impl FnOnce(&mut Stream) -> R) -> R {
        change(&mut seat.shared.stream.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn schedule(&mut self, seat: &Seat) {
        let mut timer = seat.shared.timer.lock().unwrap_or_else(PoisonError::into_inner);
        let next = seat.shared.stream.read().unwrap_or_else(PoisonError::into_inner).poll_timeout();
        let Some(at) = next else { return };
        let clock = self.streams.clock;
        // Not to keep a stream alive that everybody has left.
        let shared = Arc::downgrade(&seat.shared);
        let task = self.streams.runtime.spawn(async move {
            let mut deadline = Some(at);
            while let Some(at) = deadline {
                tokio::time::sleep_until(clock.timer_at(at)).await;
                let Some(shared) = shared.upgrade() else { return };
                deadline = shared.time_out(clock.now(), &Handle::current());
            }
        });
        timer.set(task.abort_handle());
    }

    fn advanced(&mut self, seat: &Seat) {
        seat.shared.wake(&self.streams.runtime);
    }

    fn read_or_arm<R>(&mut self, seat: &Seat, look: impl FnOnce(&Stream) -> ControlFlow<R, R>) -> R {
        let stream = seat.shared.stream.read().unwrap_or_else(PoisonError::into_inner);
        match look(&stream) {
            ControlFlow::Continue(seen) => seen,
            ControlFlow::Break(seen) => {
                // Whoever asks is there, or is about to go.
                if let Some(link) = seat.link.upgrade() {
                    seat.shared.armed.add(&seat.place, link);
                }
                seen
            }
        }
    }

    fn load(&mut self, now: Instant) -> Load {
        self.streams.load.measure(now)
    }
}

impl SharedStream {
    /// A deadline has come. The next one.
    fn time_out(&self, now: Instant, runtime: &Handle) -> Option<Instant> {
        let mut stream = self.stream.write().unwrap_or_else(PoisonError::into_inner);
        let grew = stream.handle_timeout(now);
        let next = stream.poll_timeout();
        drop(stream);
        if grew {
            self.wake(runtime);
        }
        next
    }

    /// Delivers to whoever is armed, once: a few at once, more in a task, so that whoever publishes is not kept, and a great
    /// many in several.
    fn wake(&self, runtime: &Handle) {
        let links: Vec<Arc<dyn Deliver>> = self.armed.take().into_iter().flatten().collect();
        if links.len() <= FEW {
            return deliver(&links);
        }
        let workers = runtime.metrics().num_workers();
        let tasks_max = (workers / 2).max(1);
        let turn = if workers > 1 { TURN } else { LONE_TURN };
        let tasks = links.len().div_ceil(EACH).min(tasks_max);
        let each = links.len().div_ceil(tasks);
        let batch = if each > EACH { GREAT_BATCH } else { BATCH };
        let mut links = links.into_iter();
        for _ in 0..tasks {
            // Each write would count as an operation of its task, and tokio puts off what comes behind some hundred.
            runtime.spawn(unconstrained(serve(links.by_ref().take(each).collect(), turn, batch)));
        }
    }
}

/// Delivers to a crowd, and lets other tasks have their turns in between.
async fn serve(crowd: Vec<Arc<dyn Deliver>>, turn: usize, batch: usize) {
    for (index, turn) in crowd.chunks(turn).enumerate() {
        if index > 0 {
            yield_now().await;
        }
        turn.chunks(batch).for_each(deliver);
    }
}

/// All read and then all write: what the one needs is out of the processor's caches after each system call of the other.
fn deliver(links: &[Arc<dyn Deliver>]) {
    for (index, link) in links.iter().enumerate() {
        if let Some(later) = links.get(index + AHEAD) {
            later.approach();
        }
        link.read();
    }
    links.iter().for_each(|link| link.write());
}

/// Players that whoever appends serves himself: no longer than it would take to have it done.
const FEW: usize = 8;

/// Players that one task serves before another helps it: some 15 ms. Tasks side by side contend for what they share, so those
/// of one delivery are no more than half of the workers.
const EACH: usize = 1_024;

/// Players that read before the first of them writes: so many are at hand in the processor's caches when they do.
const BATCH: usize = 64;

/// The same of a crowd that no cache holds: whoever receives falls asleep while there is nothing but reading, and has to be
/// woken again.
const GREAT_BATCH: usize = 1_024;

/// Players that are served in one turn, where other workers serve the rest of the world: some 50 ms. A task that lets others have
/// theirs is taken up by another worker, in whose caches nothing is at hand.
const TURN: usize = 4_096;

/// The same where there is no other worker: some 2 ms.
const LONE_TURN: usize = 128;

/// So many are read while a player's memory is fetched.
const AHEAD: usize = 4;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use sol_core::hub::{Bid, Coalesce, Publication};
    use sol_core::media::{Content, Media};
    use sol_core::name::App;
    use sol_core::timestamp::Timestamp;

    use super::*;

    #[tokio::test]
    async fn who_is_armed_is_delivered_to_once() {
        let streams = streams();
        let (player, publisher) = (Somebody::new(), Somebody::new());
        let seat = player.sits(&streams);
        let home = publisher.sits(&streams);
        publisher.sees(&streams).advanced(&home);
        assert_eq!(player.deliveries(), 0, "not armed");
        player.arms(&streams, &seat);
        player.arms(&streams, &seat);
        publisher.sees(&streams).advanced(&home);
        assert_eq!(player.deliveries(), 1);
        publisher.sees(&streams).advanced(&home);
        assert_eq!(player.deliveries(), 1, "once per arming");
    }

    #[tokio::test]
    async fn a_crowd_is_served_by_a_task_of_its_own_that_lets_others_have_their_turns() {
        let other = Arc::new(AtomicUsize::new(0));
        let crowd = crowd_served(2 * LONE_TURN + 1, |crowd| {
            assert!(crowd.iter().all(|player| player.deliveries() == 0), "whoever publishes is not kept");
            let (other, first, last) =
                (Arc::clone(&other), Arc::clone(&crowd[0].link), Arc::clone(&crowd[crowd.len() - 1].link));
            tokio::spawn(async move {
                let between = first.is_served() && !last.is_served();
                other.store(1 + usize::from(between), Ordering::Relaxed);
            });
        })
        .await;
        assert_eq!(tasks_of(&crowd), 1);
        assert_eq!(other.load(Ordering::Relaxed), 2, "between the first and the last");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_great_crowd_is_served_by_several_tasks() {
        assert_eq!(tasks_of(&crowd_served(EACH + 2, |_| {}).await), 2);
    }

    /// By how many tasks.
    fn tasks_of(crowd: &[Somebody]) -> usize {
        let tasks: BTreeSet<String> = crowd.iter().map(|player| player.link.served_by()).collect();
        tasks.len()
    }

    /// A crowd to which something was delivered, once.
    async fn crowd_served(players: usize, look_at_once: impl FnOnce(&[Somebody])) -> Vec<Somebody> {
        let streams = streams();
        let publisher = Somebody::new();
        let home = publisher.sits(&streams);
        let crowd: Vec<Somebody> = (0..players).map(|_| Somebody::new()).collect();
        let _seats: Vec<Seat> = crowd
            .iter()
            .map(|player| {
                let seat = player.sits(&streams);
                player.arms(&streams, &seat);
                seat
            })
            .collect();
        publisher.sees(&streams).advanced(&home);
        look_at_once(&crowd);
        for player in &crowd {
            player.is_served_within(Duration::from_secs(60)).await;
        }
        assert!(crowd.iter().all(|player| player.deliveries() == 1));
        crowd
    }

    #[tokio::test]
    async fn a_stream_has_what_was_decided_for_its_app() {
        let patience = |patience| Arc::new(StreamConfig { patience, ..StreamConfig::default() });
        let mut configs = PerApp::new(patience(1));
        configs.add("event/*".parse().unwrap(), patience(2)).unwrap();
        let streams = SharedStreams::new(configs, ChunkSize::new(65_536).unwrap(), Clock::start());
        let somebody = Somebody::new();
        for (name, expected) in [("live/cam", 1), ("event/cam", 2), ("event/hd/cam", 2), ("event", 1)] {
            let mut view = somebody.sees(&streams);
            let seat = view.hold(&name.parse().unwrap(), Purpose::Play).unwrap();
            assert_eq!(view.read(&seat, |stream| stream.config().patience), expected, "{name}");
        }
    }

    #[tokio::test]
    async fn who_leaves_is_forgotten() {
        let streams = streams();
        let keeper = Somebody::new();
        let home = keeper.sits(&streams);
        for _ in 0..1_000 {
            let guest = Somebody::new();
            let seat = guest.sits(&streams);
            guest.arms(&streams, &seat);
            guest.sees(&streams).release(&name(), seat);
        }
        assert_eq!(home.shared.armed.len(), 0);
        assert_eq!(streams.len(), 1);
        keeper.sees(&streams).release(&name(), home);
        assert_eq!(streams.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_is_set_twice_goes_off_when_the_stream_says() {
        let streams = streams();
        let (player, publisher) = (Somebody::new(), Somebody::new());
        let seat = player.sits(&streams);
        let (home, publication) =
            publisher.sees(&streams).publish(&name(), &Bid::default(), Instant::EPOCH).unwrap();
        publisher.appends(&streams, &home, &publication);
        publisher.sees(&streams).write(&home, |stream| stream.abandon(publication, streams.now()));
        let ends = publisher.sees(&streams).read(&home, Stream::poll_timeout).unwrap();
        publisher.sees(&streams).schedule(&home);
        publisher.sees(&streams).schedule(&home);
        player.arms(&streams, &seat);
        player.is_served_within(Duration::from_secs(3_600)).await;
        assert_eq!(streams.now(), ends);
        assert!(!player.sees(&streams).read(&seat, Stream::is_published));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gathered_is_delivered_when_its_time_has_come() {
        let interval = Duration::from_millis(50);
        let config = StreamConfig { coalesce: Coalesce::Fixed(interval), ..StreamConfig::default() };
        let streams = streams_with(config);
        let (player, publisher) = (Somebody::new(), Somebody::new());
        let seat = player.sits(&streams);
        let _playhead = player.sees(&streams).write(&seat, Stream::subscribe);
        let (home, publication) =
            publisher.sees(&streams).publish(&name(), &Bid::default(), Instant::EPOCH).unwrap();
        let began = streams.now();
        for deliveries in 1..=3 {
            player.arms(&streams, &seat);
            publisher.appends(&streams, &home, &publication);
            publisher.appends(&streams, &home, &publication);
            player.is_served_within(2 * interval).await;
            assert_eq!(player.deliveries(), deliveries);
            assert_eq!(streams.now().saturating_since(began), interval * (deliveries as u32 - 1));
        }
    }

    /// Somebody with a seat, who counts what is delivered.
    struct Somebody {
        line: Arc<Line>,
        link: Arc<Counting>,
    }

    #[derive(Default)]
    struct Counting {
        has_read: AtomicBool,
        deliveries: AtomicUsize,
        task: Mutex<String>,
        served: tokio::sync::Notify,
    }

    impl Deliver for Counting {
        fn approach(&self) {}

        fn read(&self) {
            self.has_read.store(true, Ordering::Relaxed);
        }

        fn write(&self) {
            let has_read = self.has_read.swap(false, Ordering::Relaxed);
            self.deliveries.fetch_add(usize::from(has_read), Ordering::Relaxed);
            *self.task.lock().unwrap() = format!("{:?}", tokio::task::try_id());
            self.served.notify_one();
        }
    }

    impl Counting {
        fn is_served(&self) -> bool {
            self.deliveries.load(Ordering::Relaxed) > 0
        }

        fn served_by(&self) -> String {
            self.task.lock().unwrap().clone()
        }
    }

    impl Somebody {
        fn new() -> Self {
            let (line, link) = (Arc::<Line>::default(), Arc::<Counting>::default());
            let weak: Weak<Counting> = Arc::downgrade(&link);
            line.deliver_through(weak);
            Self { line, link }
        }

        fn sees<'a>(&'a self, streams: &'a SharedStreams) -> ConnectionStreams<'a> {
            streams.seen_by(&self.line)
        }

        fn sits(&self, streams: &SharedStreams) -> Seat {
            self.sees(streams).hold(&name(), Purpose::Play).unwrap()
        }

        fn arms(&self, streams: &SharedStreams, seat: &Seat) {
            self.sees(streams).read_or_arm(seat, |_| ControlFlow::Break(()));
        }

        fn appends(&self, streams: &SharedStreams, home: &Seat, publication: &Publication) {
            let content = Content::Audio(Bytes::from_static(&[0x2F, 0]));
            let sound = Media { timestamp: Timestamp::ZERO, content };
            let mut view = self.sees(streams);
            view.write(home, |stream| stream.append(publication, &sound, Instant::EPOCH)).unwrap();
            view.appended(home, streams.now());
        }

        async fn is_served_within(&self, time: Duration) {
            tokio::time::timeout(time, self.link.served.notified()).await.expect("it is delivered to");
        }

        fn deliveries(&self) -> usize {
            self.link.deliveries.load(Ordering::Relaxed)
        }
    }

    fn streams() -> SharedStreams {
        streams_with(StreamConfig { coalesce: Coalesce::NONE, ..StreamConfig::default() })
    }

    fn streams_with(config: StreamConfig) -> SharedStreams {
        SharedStreams::new(config.into(), ChunkSize::new(65_536).unwrap(), Clock::start())
    }

    fn name() -> StreamName {
        StreamName::join(&App::new("live").unwrap(), "cam").unwrap().0
    }
}
