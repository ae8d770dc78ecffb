//! Census: how many connections and loops there are, on all loops together, and what all of them are about.
//!
//! Invariant: a connection counts for as long as somebody has its [`Admitted`], wherever it is: on its way to a loop, served
//! or lingering.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sol_core::server::TurnedAway;
use sol_core::session::Stage;

/// Who is there.
#[derive(Debug)]
pub(crate) struct Census {
    count: Mutex<Count>,
    /// What the stage says of it. Asked in every turn, without the lock.
    is_shut_down: AtomicBool,
    connections_max: usize,
    /// Notified when the last one is gone.
    emptied: Condvar,
}

#[derive(Debug)]
struct Count {
    /// Nobody is admitted behind a change of it.
    stage: Stage,
    /// A loop has.
    has_failed: bool,
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
        let count = Count { stage: Stage::default(), has_failed: false, connections: 0, open_loops: loops };
        Self {
            count: Mutex::new(count),
            is_shut_down: AtomicBool::new(false),
            connections_max,
            emptied: Condvar::new(),
        }
    }

    /// Counts a connection in, if there is room.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Admitted, TurnedAway> {
        let mut count = self.count();
        if let Some(why) = TurnedAway::at(&count.stage) {
            return Err(why);
        }
        if count.connections >= self.connections_max {
            return Err(TurnedAway::TooManyConnections { max: self.connections_max });
        }
        count.connections += 1;
        drop(count);
        Ok(Admitted { census: Arc::clone(self) })
    }

    /// All loops are to go on to a stage, and nobody is admitted from here on; whether they had not reached it.
    pub(crate) fn enter(&self, next: Stage) -> bool {
        let mut count = self.count();
        let goes_on = count.stage.go_on_to(next);
        self.is_shut_down.store(count.stage == Stage::ShutDown, Ordering::SeqCst);
        goes_on
    }

    /// A loop has failed.
    pub(crate) fn fail(&self) {
        self.count().has_failed = true;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.count().has_failed
    }

    pub(crate) fn is_serving(&self) -> bool {
        self.count().stage == Stage::Serving
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
        assert!(census.is_serving());
        assert!(census.enter(Stage::Draining(Arc::default())));
        assert!(!census.enter(Stage::Draining(Arc::default())), "it was said before");
        assert!(!census.is_serving() && !census.is_shut_down());
        assert_eq!(census.wait_for(Duration::ZERO), 1);
        drop(second);
        assert_eq!(census.wait_for(Duration::MAX), 0);
        assert!(matches!(census.admit(), Err(TurnedAway::Draining)));
        assert!(census.enter(Stage::ShutDown));
        assert!(!census.enter(Stage::ShutDown), "it was said before");
        assert!(!census.enter(Stage::Draining(Arc::default())), "it is too late for that");
        assert!(census.is_shut_down());
        assert!(matches!(census.admit(), Err(TurnedAway::Shutdown)));
        census.close_loop();
        census.wait();
    }
}
