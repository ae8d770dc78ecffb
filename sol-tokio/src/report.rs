//! Report: what a server does at one moment, for whoever operates it.
//!
//! A connection belongs to its task, so it is asked: a letter with the sender for the answer is put into its letterbox,
//! and the task is woken.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sol_core::hub::StreamReport;
use sol_core::name::StreamName;
use sol_core::participant::RoleReport;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;

use crate::application::Peer;
use crate::line::Line;

/// What a server does at one moment. Each connection answers at its next turn, so what they say may be some milliseconds
/// apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The streams that somebody publishes or plays, by name.
    pub streams: Vec<(StreamName, StreamReport)>,
    /// Those of them that the process itself publishes.
    pub from_within: BTreeSet<StreamName>,
    /// The connections, by number. One that is closing has nothing to report any more, and one that has not answered within
    /// 2 s, since nobody drives it, is left out.
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

/// Where a connection finds the questions for its report.
#[derive(Debug, Default)]
pub(crate) struct Letterbox {
    has_letters: AtomicBool,
    letters: Mutex<Letters>,
}

#[derive(Debug, Default)]
struct Letters {
    unanswered: Vec<UnboundedSender<ConnectionReport>>,
    is_closed: bool,
}

impl Letterbox {
    pub(crate) fn put(&self, answer_to: UnboundedSender<ConnectionReport>) {
        let mut letters = self.letters();
        if !letters.is_closed {
            // Who lost patience wants no answer any more.
            letters.unanswered.retain(|before| !before.is_closed());
            letters.unanswered.push(answer_to);
            self.has_letters.store(true, Ordering::Release);
        }
    }

    /// The questions, if there are any. Costs next to nothing if there are none.
    pub(crate) fn take(&self) -> Vec<UnboundedSender<ConnectionReport>> {
        if self.has_letters.load(Ordering::Relaxed) && self.has_letters.swap(false, Ordering::Acquire) {
            std::mem::take(&mut self.letters().unanswered)
        } else {
            Vec::new()
        }
    }

    /// Nobody will look into it any more: nobody is to wait for an answer.
    pub(crate) fn close(&self) {
        *self.letters() = Letters { unanswered: Vec::new(), is_closed: true };
    }

    fn letters(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks everybody for a report.
pub(crate) fn ask(lines: Vec<Arc<Line>>) -> UnboundedReceiver<ConnectionReport> {
    let (sender, answers) = mpsc::unbounded_channel();
    for line in lines {
        line.letterbox.put(sender.clone());
        line.wake.notify_one();
    }
    answers
}

/// Waits for the answers.
pub(crate) async fn collect(mut answers: UnboundedReceiver<ConnectionReport>) -> Vec<ConnectionReport> {
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
