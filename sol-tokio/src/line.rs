//! Line: how others reach a connection.

use std::fmt;
use std::sync::{OnceLock, Weak};

use tokio::sync::Notify;

use crate::report::Letterbox;

/// How others reach a connection, or a publisher within the process, whom nobody has to reach.
#[derive(Default)]
pub(crate) struct Line {
    /// Wakes its own task.
    pub(crate) wake: Notify,
    pub(crate) letterbox: Letterbox,
    link: OnceLock<Weak<dyn Deliver>>,
}

/// What takes frames without its own task being woken.
pub(crate) trait Deliver: Send + Sync {
    /// It is about to read: has its memory fetched meanwhile.
    fn approach(&self);

    /// A stream that it is armed for has advanced: reads as much as there is room for.
    fn read(&self);

    /// Writes as much of what was read as goes at once.
    fn write(&self);
}

/// Takes nothing, and is not there.
struct Nobody;

impl Deliver for Nobody {
    fn approach(&self) {}

    fn read(&self) {}

    fn write(&self) {}
}

impl Line {
    /// Said once, before anybody is armed.
    pub(crate) fn deliver_through(&self, link: Weak<dyn Deliver>) {
        let _ = self.link.set(link);
    }

    /// What takes its frames.
    pub(crate) fn link(&self) -> Weak<dyn Deliver> {
        self.link.get().cloned().unwrap_or_else(|| Weak::<Nobody>::new())
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("letterbox", &self.letterbox).finish_non_exhaustive()
    }
}
