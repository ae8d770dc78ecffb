//! Report: what a server does at one moment, for whoever operates it.
//!
//! A connection belongs to its task, so it is asked: a letter with the sender for the answer is put into its letterbox,
//! and the task is woken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sol_core::server::ConnectionReport;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;

use crate::line::Line;

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
