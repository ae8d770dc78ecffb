//! Inbox: what comes to a loop from other threads.
//!
//! A loop that is awake looks into it before it sleeps, so that only one that sleeps has to be woken, which is a system
//! call.
//!
//! Parcels are apart: they come before everything else, and are asked for alone where somebody claims a name.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mio::{Registry, Token, Waker};
use sol_core::crossing::{LoopId, Parcel};
use sol_core::ids::{RequestId, SessionId};
use sol_core::server::Report;
use sol_core::session::{Refusal, Stage};

use crate::census::Admitted;

/// Something that a loop is to do.
#[derive(Debug)]
pub(crate) enum Letter {
    /// Serve a connection.
    Serve(TcpStream, SocketAddr, Admitted),
    /// Accept connections.
    Listen(TcpListener),
    /// An application has answered.
    Answer { session: SessionId, request: RequestId, verdict: Result<(), Refusal> },
    /// Say what there is.
    Report(Sender<Report>),
    /// Go on to this stage, unless that was done.
    Enter(Stage),
    /// End.
    Stop,
}

/// The inbox of one loop.
#[derive(Debug)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    /// It need not be woken.
    is_awake: AtomicBool,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Waiting {
    parcels: Vec<(LoopId, Parcel)>,
    letters: Vec<Letter>,
    /// The loop has ended. What comes is dropped.
    is_closed: bool,
}

impl Inbox {
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let waker = Waker::new(registry, token)?;
        Ok(Self { waiting: Mutex::default(), is_awake: AtomicBool::new(true), waker })
    }

    pub(crate) fn post(&self, letter: Letter) {
        let mut waiting = self.waiting();
        if !waiting.is_closed {
            waiting.letters.push(letter);
            drop(waiting);
            self.wake();
        }
    }

    pub(crate) fn pass(&self, from: LoopId, parcel: Parcel) {
        let mut waiting = self.waiting();
        if !waiting.is_closed {
            waiting.parcels.push((from, parcel));
            drop(waiting);
            self.wake();
        }
    }

    /// Takes what there is but for parcels.
    pub(crate) fn take_letters(&self) -> Vec<Letter> {
        std::mem::take(&mut self.waiting().letters)
    }

    /// Takes the parcels that there are.
    pub(crate) fn take_parcels(&self) -> Vec<(LoopId, Parcel)> {
        std::mem::take(&mut self.waiting().parcels)
    }

    /// The loop is about to sleep: whether it may. What comes from here on wakes it.
    pub(crate) fn may_sleep(&self) -> bool {
        self.is_awake.store(false, Ordering::SeqCst);
        let waiting = self.waiting();
        waiting.parcels.is_empty() && waiting.letters.is_empty()
    }

    /// The loop has slept, and will look.
    pub(crate) fn has_woken(&self) {
        self.is_awake.store(true, Ordering::SeqCst);
    }

    /// The loop has ended, and nobody looks any more.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting();
        let dropped = std::mem::replace(&mut *waiting, Waiting { is_closed: true, ..Waiting::default() });
        // What is dropped takes other locks: a connection that was admitted is counted out.
        drop(waiting);
        drop(dropped);
    }

    fn wake(&self) {
        if !self.is_awake.swap(true, Ordering::SeqCst) {
            self.waker.wake().expect("a waker has a descriptor of its own, which is open as long as it is");
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Poll};

    use super::*;

    const WAKE: Token = Token(7);

    #[test]
    fn a_loop_that_is_awake_is_not_woken_and_does_not_sleep_before_it_has_looked() {
        let (mut poll, inbox) = inbox();
        inbox.post(Letter::Enter(Stage::ShutDown));
        assert_eq!(woken(&mut poll), 0);
        assert!(!inbox.may_sleep(), "there is something");
        inbox.has_woken();
        assert_eq!(inbox.take_letters().len(), 1);
        assert!(inbox.may_sleep());
    }

    #[test]
    fn a_loop_that_sleeps_is_woken_once() {
        let (mut poll, inbox) = inbox();
        assert!(inbox.may_sleep());
        inbox.post(Letter::Enter(Stage::ShutDown));
        inbox.post(Letter::Stop);
        assert_eq!(woken(&mut poll), 1);
        inbox.has_woken();
        assert_eq!((inbox.take_letters().len(), inbox.take_parcels().len()), (2, 0));
        inbox.post(Letter::Stop);
        assert_eq!(woken(&mut poll), 0);
    }

    #[test]
    fn what_comes_to_a_loop_that_has_ended_is_dropped() {
        let (_poll, inbox) = inbox();
        let (answer_to, answers) = std::sync::mpsc::channel();
        inbox.post(Letter::Report(answer_to.clone()));
        inbox.close();
        inbox.post(Letter::Report(answer_to));
        assert!(answers.recv().is_err(), "nobody is left who could answer");
        assert!(inbox.take_letters().is_empty());
    }

    fn inbox() -> (Poll, Inbox) {
        let poll = Poll::new().unwrap();
        let inbox = Inbox::new(poll.registry(), WAKE).unwrap();
        (poll, inbox)
    }

    fn woken(poll: &mut Poll) -> usize {
        let mut events = Events::with_capacity(8);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        events.iter().filter(|event| event.token() == WAKE).count()
    }
}
