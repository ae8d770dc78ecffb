//! Streams behind locks, and the wake-ups of those who wait for them.
//!
//! One lock for the names, and for each stream one for the stream itself, one for the list of the armed and one for the
//! task of its timer. No lock is taken while another is held, and none is held across an await.
//!
//! A lock that was held by a panic is taken all the same: the panic ends its own connection, which must still give its
//! name back, and no other.
//!
//! A player that has caught up *arms* its seat and then looks at the tape once more. A publisher appends and then
//! wakes whoever is armed. Whichever comes first, no frame is left unseen. A player without room is not armed and
//! costs its publisher nothing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use sol_core::hub::{Purpose, Registry, Stream, StreamConfig, StreamReport, Streams, TooManyStreams};
use sol_core::ids::ChunkSize;
use sol_core::name::StreamName;
use sol_core::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::clock::Clock;

/// All streams of a server.
#[derive(Debug)]
pub(crate) struct SharedStreams {
    registry: Mutex<Registry<Arc<SharedStream>>>,
    /// The names that the process itself publishes.
    published_within: Mutex<BTreeSet<StreamName>>,
    config: Arc<StreamConfig>,
    chunk_size: ChunkSize,
    clock: Clock,
    /// Connections may be dropped outside of it, and still have to set their streams' timers.
    runtime: Handle,
}

#[derive(Debug)]
pub(crate) struct SharedStream {
    stream: RwLock<Stream>,
    armed: Mutex<Armed>,
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

/// Who is to be woken when the tape grows.
#[derive(Debug, Default)]
struct Armed {
    seats: Vec<Arc<Seat>>,
    /// How many of them have been given up since.
    gone: usize,
}

/// One publisher's or player's place at one stream, of a connection or of the process itself.
#[derive(Debug)]
pub(crate) struct Seat {
    shared: Arc<SharedStream>,
    /// Wakes whose seat this is.
    wake: Arc<Notify>,
    /// Whether it is on the list, and whether it was given up while it was. Changed only under the list's lock.
    is_armed: AtomicBool,
    is_gone: AtomicBool,
}

impl SharedStreams {
    pub(crate) fn new(config: StreamConfig, chunk_size: ChunkSize, clock: Clock) -> Self {
        let runtime = Handle::current();
        let (registry, published_within) = (Mutex::new(Registry::new()), Mutex::default());
        Self { registry, published_within, config: Arc::new(config), chunk_size, clock, runtime }
    }

    /// The streams as one connection sees them.
    pub(crate) fn seen_by<'a>(&'a self, wake: &'a Arc<Notify>) -> ConnectionStreams<'a> {
        ConnectionStreams { streams: self, wake }
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
    pub(crate) fn published_within(&self) -> MutexGuard<'_, BTreeSet<StreamName>> {
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

impl SharedStream {
    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The streams as one connection sees them, or a publisher within the process.
pub(crate) struct ConnectionStreams<'a> {
    streams: &'a SharedStreams,
    wake: &'a Arc<Notify>,
}

impl Streams for ConnectionStreams<'_> {
    type Handle = Arc<Seat>;

    fn hold(&mut self, name: &StreamName, purpose: Purpose) -> Result<Arc<Seat>, TooManyStreams> {
        let (config, chunk_size) = (Arc::clone(&self.streams.config), self.streams.chunk_size);
        let shared = self.streams.registry().hold(name, purpose, || {
            let stream = RwLock::new(Stream::new(config, chunk_size));
            Arc::new(SharedStream { stream, armed: Mutex::default(), timer: Mutex::default() })
        })?;
        let wake = Arc::clone(self.wake);
        Ok(Arc::new(Seat { shared, wake, is_armed: AtomicBool::default(), is_gone: AtomicBool::default() }))
    }

    fn release(&mut self, name: &StreamName, seat: Arc<Seat>) {
        let mut armed = seat.shared.armed();
        if seat.is_armed.load(Ordering::Relaxed) {
            seat.is_gone.store(true, Ordering::Relaxed);
            armed.gone += 1;
            // Only when half are gone, so that a crowd that leaves costs no more than it came for.
            if armed.gone * 2 > armed.seats.len() {
                armed.seats.retain(|seat| !seat.is_gone.load(Ordering::Relaxed));
                armed.gone = 0;
            }
        }
        drop(armed);
        self.streams.registry().release(name);
    }

    fn read<R>(&mut self, seat: &Arc<Seat>, look: impl FnOnce(&Stream) -> R) -> R {
        look(&seat.shared.stream.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&mut self, seat: &Arc<Seat>, change: impl FnOnce(&mut Stream) -> R) -> R {
        change(&mut seat.shared.stream.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn schedule(&mut self, seat: &Arc<Seat>, at: Instant) {
        let clock = self.streams.clock;
        // Not to keep a stream alive that everybody has left.
        let shared = Arc::downgrade(&seat.shared);
        let task = self.streams.runtime.spawn(async move {
            // Two who leave may set their deadlines in the wrong order, so the stream itself is asked for the next one.
            let mut deadline = Some(at);
            while let Some(at) = deadline {
                tokio::time::sleep_until(clock.timer_at(at)).await;
                let Some(shared) = shared.upgrade() else { return };
                deadline = shared.time_out(clock.now());
            }
        });
        seat.shared.timer.lock().unwrap_or_else(PoisonError::into_inner).set(task.abort_handle());
    }

    fn advanced(&mut self, seat: &Arc<Seat>) {
        seat.shared.wake();
    }

    fn arm(&mut self, seat: &Arc<Seat>) {
        let mut armed = seat.shared.armed();
        if !seat.is_armed.swap(true, Ordering::Relaxed) {
            armed.seats.push(Arc::clone(seat));
        }
    }
}

impl SharedStream {
    /// A deadline has come. The next one.
    fn time_out(&self, now: Instant) -> Option<Instant> {
        let mut stream = self.stream.write().unwrap_or_else(PoisonError::into_inner);
        let grew = stream.handle_timeout(now);
        let next = stream.poll_timeout();
        drop(stream);
        if grew {
            self.wake();
        }
        next
    }

    /// Wakes whoever is armed, once.
    fn wake(&self) {
        let mut list = self.armed();
        // The list keeps its room: it fills up again with the next batch of frames.
        let room = Vec::with_capacity(list.seats.len());
        let armed = std::mem::replace(&mut list.seats, room);
        list.gone = 0;
        for seat in &armed {
            seat.is_armed.store(false, Ordering::Relaxed);
        }
        drop(list);
        for seat in armed {
            seat.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use bytes::Bytes;
    use sol_core::media::{Content, Media};
    use sol_core::name::App;
    use sol_core::timestamp::Timestamp;

    use super::*;

    #[test]
    fn who_is_armed_is_woken_once() {
        let streams = streams();
        let (player, publisher) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let seat = streams.seen_by(&player).hold(&name(), Purpose::Play).unwrap();
        let home = streams.seen_by(&publisher).hold(&name(), Purpose::Play).unwrap();
        streams.seen_by(&publisher).advanced(&home);
        assert!(!is_woken(&player), "not armed");
        streams.seen_by(&player).arm(&seat);
        streams.seen_by(&player).arm(&seat);
        streams.seen_by(&publisher).advanced(&home);
        assert!(is_woken(&player));
        streams.seen_by(&publisher).advanced(&home);
        assert!(!is_woken(&player), "once per arming");
    }

    #[test]
    fn who_leaves_is_forgotten() {
        let streams = streams();
        let keeper = Arc::new(Notify::new());
        let home = streams.seen_by(&keeper).hold(&name(), Purpose::Play).unwrap();
        for _ in 0..1_000 {
            let wake = Arc::new(Notify::new());
            let mut view = streams.seen_by(&wake);
            let seat = view.hold(&name(), Purpose::Play).unwrap();
            view.arm(&seat);
            view.release(&name(), seat);
        }
        assert_eq!(home.shared.armed().seats.len(), 0);
        assert_eq!(streams.len(), 1);
        streams.seen_by(&keeper).release(&name(), home);
        assert_eq!(streams.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_set_too_late_does_not_replace_the_one_that_counts() {
        let clock = Clock::start();
        let streams = SharedStreams::new(StreamConfig::default(), ChunkSize::new(65_536).unwrap(), clock);
        let (player, publisher) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let seat = streams.seen_by(&player).hold(&name(), Purpose::Play).unwrap();
        let mut publishing = streams.seen_by(&publisher);
        let (home, publication) = publishing.publish(&name()).unwrap();
        let sound = Content::Audio(Bytes::from_static(&[0x2F, 0]));
        publishing.write(&home, |stream| {
            stream.append(&publication, &Media { timestamp: Timestamp::ZERO, content: sound }).unwrap();
            stream.abandon(publication, clock.now());
        });
        let ends = publishing.read(&home, Stream::poll_timeout).unwrap();
        publishing.schedule(&home, ends);
        publishing.schedule(&home, clock.now());
        streams.seen_by(&player).arm(&seat);
        let an_hour = Duration::from_secs(3_600);
        tokio::time::timeout(an_hour, player.notified()).await.expect("the end wakes it");
        assert_eq!(clock.now(), ends);
        assert!(!streams.seen_by(&player).read(&seat, Stream::is_published));
    }

    fn is_woken(notify: &Notify) -> bool {
        pin!(notify.notified()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    fn streams() -> SharedStreams {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _inside = runtime.enter();
        SharedStreams::new(StreamConfig::default(), ChunkSize::new(65_536).unwrap(), Clock::start())
    }

    fn name() -> StreamName {
        StreamName::join(&App::new("live").unwrap(), "cam").unwrap().0
    }
}
