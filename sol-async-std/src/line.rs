//! Line: how a connection's task is reached from others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use sol_core::ids::SessionId;

/// Wakes one connection's task.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: SessionId,
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl Line {
    pub(crate) fn new(id: SessionId) -> Self {
        Self { id, has_rung: AtomicBool::new(false), task: AtomicWaker::new() }
    }

    /// There is something to look for: a stream that the connection is armed for has advanced, or everybody is to leave.
    pub(crate) fn ring(&self) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake();
    }

    /// Whether it has rung since it was answered last. If it rings from here on, `task` is woken.
    pub(crate) fn answer(&self, task: &Waker) -> bool {
        // In this order: whoever rings in between is not missed.
        self.task.register(task);
        self.has_rung.swap(false, Ordering::Acquire)
    }
}
