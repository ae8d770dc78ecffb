//! Load: how busy the runtime's workers are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sol_core::load::{Load, LoadMeter};
use sol_core::time::Instant;
use tokio::runtime::{Handle, RuntimeMetrics};

/// Measures when it is asked, so that a server that does nothing measures nothing.
#[derive(Debug)]
pub(crate) struct LoadGauge {
    metrics: RuntimeMetrics,
    meter: Mutex<LoadMeter>,
    /// The bits of what was measured last.
    share: AtomicU64,
    /// When to measure again, in milliseconds of the core's time.
    due_millis: AtomicU64,
}

impl LoadGauge {
    pub(crate) fn new(runtime: &Handle) -> Self {
        let (share, due_millis) = (AtomicU64::new(0.0_f64.to_bits()), AtomicU64::new(0));
        Self { metrics: runtime.metrics(), meter: Mutex::default(), share, due_millis }
    }

    /// The load at this moment, by the average of all workers. Costs next to nothing where it was asked for just before.
    pub(crate) fn measure(&self, now: Instant) -> Load {
        let now_millis = now.since_epoch().as_millis() as u64;
        let due = self.due_millis.load(Ordering::Relaxed);
        let next = now_millis + LoadMeter::PERIOD.as_millis() as u64;
        let is_mine = now_millis >= due
            && self.due_millis.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_mine {
            let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
            let load = meter.sample(self.busy(), now);
            self.share.store(load.share().to_bits(), Ordering::Relaxed);
        }
        Load::of(f64::from_bits(self.share.load(Ordering::Relaxed)))
    }

    /// For how long the workers have been busy so far, on average.
    fn busy(&self) -> Duration {
        let workers = self.metrics.num_workers();
        let total: Duration =
            (0..workers).map(|worker| self.metrics.worker_total_busy_duration(worker)).sum();
        total / workers as u32
    }
}
