//! Stage: what the server is about, as its connections find out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sol_core::session::Stage;

/// The stage of a server. Whether there is another one is asked in every turn, without the lock.
#[derive(Debug, Default)]
pub(crate) struct SharedStage {
    stage: Mutex<Stage>,
    /// How often it has gone on.
    changes: AtomicUsize,
}

/// What one connection has heard of it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    changes: usize,
}

impl SharedStage {
    /// Goes on to the next stage, unless that was reached.
    pub(crate) fn enter(&self, next: Stage) {
        let mut stage = self.stage();
        if stage.go_on_to(next) {
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(crate) fn now(&self) -> Stage {
        self.stage().clone()
    }

    /// The stage, where it has gone on since somebody heard of it.
    pub(crate) fn news(&self, heard: &mut Heard) -> Option<Stage> {
        if self.changes.load(Ordering::SeqCst) == heard.changes {
            return None;
        }
        let stage = self.stage();
        heard.changes = self.changes.load(Ordering::SeqCst);
        Some(stage.clone())
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn each_stage_is_news_once_and_only_the_last_one_counts() {
        let (stage, mut early, mut late) = (SharedStage::default(), Heard::default(), Heard::default());
        assert_eq!(stage.news(&mut early), None);
        let draining = Stage::Draining(Arc::default());
        stage.enter(draining.clone());
        stage.enter(draining.clone());
        assert_eq!([stage.news(&mut early), stage.news(&mut early)], [Some(draining), None]);
        stage.enter(Stage::ShutDown);
        for heard in [&mut early, &mut late] {
            assert_eq!([stage.news(heard), stage.news(heard)], [Some(Stage::ShutDown), None]);
        }
        assert_eq!(stage.now(), Stage::ShutDown);
    }
}
