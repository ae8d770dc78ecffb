//! Report: what a server does at one moment, for whoever operates it.
//!
//! A connection belongs to its task, so it is asked: a letter with the sender for the answer is put into its letterbox,
//! and the task is woken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sol_core::hub::StreamReport;
use sol_core::name::StreamName;
use sol_core::participant::RoleReport;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;

use crate::application::Peer;

/// What a server does at one moment. Connections answer one after the other, so what they say may be some milliseconds
/// apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The streams that somebody publishes or plays, by name.
    pub streams: Vec<(StreamName, StreamReport)>,
    /// The connections, by number. One that is closing has nothing to report any more.
    pub connections: Vec<ConnectionReport>,
}

/// What a connection does at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionReport {
    /// Whose it is.
    pub peer: Peer,
    /// What it publishes and plays.
    pub roles: Vec<RoleReport>,
    /// How long its last answered ping took; `None` where none was.
    pub round_trip: Option<Duration>,
}

/// Where a connection finds the question for its report.
#[derive(Debug, Default)]
pub(crate) struct Letterbox {
    has_letter: AtomicBool,
    /// The latest question. Who asked before that does without an answer.
    letter: Mutex<Option<UnboundedSender<ConnectionReport>>>,
}

impl Letterbox {
    pub(crate) fn put(&self, answer_to: UnboundedSender<ConnectionReport>) {
        *self.letter() = Some(answer_to);
        self.has_letter.store(true, Ordering::Release);
    }

    /// The question, if there is one. Costs next to nothing if there is none.
    pub(crate) fn take(&self) -> Option<UnboundedSender<ConnectionReport>> {
        if self.has_letter.load(Ordering::Relaxed) && self.has_letter.swap(false, Ordering::Acquire) {
            self.letter().take()
        } else {
            None
        }
    }

    fn letter(&self) -> MutexGuard<'_, Option<UnboundedSender<ConnectionReport>>> {
        self.letter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a letter into each box by `ask`, and waits for the answers.
pub(crate) async fn collect(ask: impl FnOnce(UnboundedSender<ConnectionReport>)) -> Vec<ConnectionReport> {
    let (sender, mut answers): (_, UnboundedReceiver<_>) = mpsc::unbounded_channel();
    ask(sender);
    let mut connections: Vec<ConnectionReport> = Vec::new();
    let everybody = async {
        while let Some(answer) = answers.recv().await {
            connections.push(answer);
        }
    };
    // Who is late is left out: a connection whose future the embedder does not poll would keep the operator waiting.
    let _ = timeout(REPORT_TIME, everybody).await;
    connections.sort_by_key(|connection| connection.peer.id);
    connections
}

/// Time that connections get to answer. Those that lead a normal life need milliseconds.
const REPORT_TIME: Duration = Duration::from_secs(2);
