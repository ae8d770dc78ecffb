//! Streams behind locks, and the wake-ups of those who wait for them.
//!
//! One lock for the names, and for each stream one for the stream itself and one for the list of the armed. No lock is
//! taken while another is held, and none is held across an await.
//!
//! A lock that was held by a panic is taken all the same: the panic ends its own connection, which must still give its
//! name back, and no other.
//!
//! A player that has caught up *arms* its seat and then looks at the tape once more. A publisher appends and then
//! wakes whoever is armed. Whichever comes first, no frame is left unseen. A player without room is not armed and
//! costs its publisher nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use sol_core::hub::{Registry, Stream, Streams, TooManyStreams};
use sol_core::ids::ChunkSize;
use sol_core::name::StreamName;
use tokio::sync::Notify;

/// All streams of a server.
#[derive(Debug)]
pub(crate) struct SharedStreams {
    registry: Mutex<Registry<Arc<SharedStream>>>,
    chunk_size: ChunkSize,
}

#[derive(Debug)]
pub(crate) struct SharedStream {
    stream: RwLock<Stream>,
    armed: Mutex<Vec<Arc<Seat>>>,
}

/// One publisher's or player's place at one stream.
#[derive(Debug)]
pub(crate) struct Seat {
    shared: Arc<SharedStream>,
    /// Wakes the connection whose seat this is.
    wake: Arc<Notify>,
    /// Whether it is on the list. Changed only under the list's lock.
    is_armed: AtomicBool,
}

impl SharedStreams {
    pub(crate) fn new(chunk_size: ChunkSize) -> Self {
        Self { registry: Mutex::new(Registry::new()), chunk_size }
    }

    /// The streams as one connection sees them.
    pub(crate) fn seen_by<'a>(&'a self, wake: &'a Arc<Notify>) -> ConnectionStreams<'a> {
        ConnectionStreams { streams: self, wake }
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
    fn armed(&self) -> MutexGuard<'_, Vec<Arc<Seat>>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The streams as one connection sees them.
pub(crate) struct ConnectionStreams<'a> {
    streams: &'a SharedStreams,
    wake: &'a Arc<Notify>,
}

impl Streams for ConnectionStreams<'_> {
    type Handle = Arc<Seat>;

    fn hold(&mut self, name: &StreamName) -> Result<Arc<Seat>, TooManyStreams> {
        let chunk_size = self.streams.chunk_size;
        let shared = self.streams.registry().hold(name, || {
            let stream = RwLock::new(Stream::new(chunk_size));
            Arc::new(SharedStream { stream, armed: Mutex::new(Vec::new()) })
        })?;
        Ok(Arc::new(Seat { shared, wake: Arc::clone(self.wake), is_armed: AtomicBool::new(false) }))
    }

    fn release(&mut self, name: &StreamName, seat: Arc<Seat>) {
        let mut armed = seat.shared.armed();
        if seat.is_armed.load(Ordering::Relaxed) {
            armed.retain(|other| !Arc::ptr_eq(other, &seat));
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

    fn advanced(&mut self, seat: &Arc<Seat>) {
        let mut list = seat.shared.armed();
        let armed = std::mem::take(&mut *list);
        for seat in &armed {
            seat.is_armed.store(false, Ordering::Relaxed);
        }
        drop(list);
        for seat in armed {
            seat.wake.notify_one();
        }
    }

    fn arm(&mut self, seat: &Arc<Seat>) {
        let mut armed = seat.shared.armed();
        if !seat.is_armed.swap(true, Ordering::Relaxed) {
            armed.push(Arc::clone(seat));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn who_is_armed_is_woken_once() {
        let streams = streams();
        let (player, publisher) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let seat = streams.seen_by(&player).hold(&name()).unwrap();
        let home = streams.seen_by(&publisher).hold(&name()).unwrap();
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
        let home = streams.seen_by(&keeper).hold(&name()).unwrap();
        for _ in 0..1_000 {
            let wake = Arc::new(Notify::new());
            let mut view = streams.seen_by(&wake);
            let seat = view.hold(&name()).unwrap();
            view.arm(&seat);
            view.release(&name(), seat);
        }
        assert_eq!(home.shared.armed().len(), 0);
        assert_eq!(streams.len(), 1);
        streams.seen_by(&keeper).release(&name(), home);
        assert_eq!(streams.len(), 0);
    }

    fn is_woken(notify: &Notify) -> bool {
        pin!(notify.notified()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    fn streams() -> SharedStreams {
        SharedStreams::new(ChunkSize::new(65_536).unwrap())
    }

    fn name() -> StreamName {
        StreamName::join("live", "cam").unwrap().0
    }
}
