//! Census: how many connections and loops there are, on all loops together.
//!
//! Invariant: a connection counts for as long as somebody has its [`Admitted`], wherever it is: on its way to a loop, served
//! or lingering.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use sol_core::server::TurnedAway;
use sol_core::session::ReconnectRequest;

/// Who is there.
#[derive(Debug)]
pub(crate) struct Census {
    count: Mutex<Count>,
    /// Set with the count locked, so that nobody is admitted behind it.
    draining: OnceLock<Arc<ReconnectRequest>>,
    /// The same. Asked in every turn, without the lock.
    is_shut_down: AtomicBool,
    connections_max: usize,
    /// Notified when the last one is gone.
    emptied: Condvar,
}

#[derive(Debug)]
struct Count {
    connections: usize,
    /// Loops that have not shut down.
    open_loops: usize,
}

/// A connection that counts. It no longer does when this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    census: Arc<Census>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.census.change(|count| count.connections -= 1);
    }
}

impl Census {
    pub(crate) fn new(connections_max: usize, loops: usize) -> Self {
        let count = Count { connections: 0, open_loops: loops };
        Self {
            count: Mutex::new(count),
            draining: OnceLock::new(),
            is_shut_down: AtomicBool::new(false),
            connections_max,
            emptied: Condvar::new(),
        }
    }

    /// Counts a connection in, if there is room.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Admitted, TurnedAway> {
        let mut count = self.count();
        if self.is_shut_down() {
            return Err(TurnedAway::Shutdown);
        }
        if self.is_draining() {
            return Err(TurnedAway::Draining);
        }
        if count.connections >= self.connections_max {
            return Err(TurnedAway::TooManyConnections { max: self.connections_max });
        }
        count.connections += 1;
        drop(count);
        Ok(Admitted { census: Arc::clone(self) })
    }

    /// Nobody is admitted from here on, and clients are asked to reconnect; whether this is the first time that it is said.
    pub(crate) fn drain(&self, request: &Arc<ReconnectRequest>) -> bool {
        let _count = self.count();
        self.draining.set(Arc::clone(request)).is_ok()
    }

    /// Nobody is admitted from here on; whether this is the first time that it is said.
    pub(crate) fn shut_down(&self) -> bool {
        let _count = self.count();
        !self.is_shut_down.swap(true, Ordering::SeqCst)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get().is_some()
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::SeqCst)
    }

    /// A loop has shut down, or has ended.
    pub(crate) fn close_loop(&self) {
        self.change(|count| count.open_loops -= 1);
    }

    /// Returns when every loop has shut down and the last connection is gone.
    pub(crate) fn wait(&self) {
        let goes_on = |count: &mut Count| count.connections + count.open_loops > 0;
        drop(self.emptied.wait_while(self.count(), goes_on));
    }

    /// Returns when no connection is left, or after that time; how many are.
    pub(crate) fn wait_for(&self, patience: Duration) -> usize {
        let waited = self.emptied.wait_timeout_while(self.count(), patience, |count| count.connections > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.connections
    }

    pub(crate) fn connections(&self) -> usize {
        self.count().connections
    }

    fn change(&self, change: impl FnOnce(&mut Count)) {
        let mut count = self.count();
        change(&mut count);
        if count.connections == 0 {
            self.emptied.notify_all();
        }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_counts_until_it_is_dropped_and_none_is_admitted_beyond_the_maximum_or_behind_a_drain_or_shutdown()
     {
        let census = Arc::new(Census::new(1, 1));
        let first = census.admit().unwrap();
        assert!(matches!(census.admit(), Err(TurnedAway::TooManyConnections { max: 1 })));
        drop(first);
        let second = census.admit().unwrap();
        assert_eq!(census.connections(), 1);
        let request = Arc::default();
        assert!(census.drain(&request));
        assert!(!census.drain(&request), "it was said before");
        assert_eq!(census.wait_for(Duration::ZERO), 1);
        drop(second);
        assert_eq!(census.wait_for(Duration::MAX), 0);
        assert!(matches!(census.admit(), Err(TurnedAway::Draining)));
        assert!(census.shut_down());
        assert!(!census.shut_down(), "it was said before");
        assert!(matches!(census.admit(), Err(TurnedAway::Shutdown)));
        census.close_loop();
        census.wait();
    }
}
