//! Link: a participant and its transport, behind a lock.
//!
//! Usually the connection's own task drives it. What its streams have for it, whoever appended it delivers: it takes the
//! lock, has the participant read, and writes, all in its own task. No task has to be woken for each player and frame,
//! which would cost more than the reading. Where the transport takes no more, it is the connection's task that goes on when
//! it does; where the lock is taken, or something else is to be done, that task is woken.

use std::hint::black_box;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll, Waker};

use sol_core::participant::Participant;
use sol_core::session::{PeerEnd, Session};
use sol_core::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::line::{Deliver, Line};
use crate::streams::{ConnectionStreams, Seat, SharedStreams};

/// A connection as its own task and its streams reach it.
#[derive(Debug)]
pub(crate) struct Link<I> {
    line: Arc<Line>,
    ends: Mutex<Ends<I>>,
}

/// Both ends of a connection: the transport, and what it is to the core.
#[derive(Debug)]
pub(crate) struct Ends<I> {
    streams: Arc<SharedStreams>,
    line: Arc<Line>,
    /// Wakes the connection's own task, whoever finds that the transport takes no more.
    owner: Waker,
    /// The connection's own task comes by then.
    pub(crate) owner_comes: Instant,
    /// `None` once the connection is over.
    transport: Option<I>,
    /// Bytes may wait in a buffer of the transport's own, as with TLS.
    needs_flush: bool,
    /// How the transport ended, or that a delivery panicked, while the connection's own task was not there. Only that one
    /// ends the connection: what follows from it in other streams would nest in the delivery, to any depth.
    broken: Option<PeerEnd>,
    pub(crate) participant: Participant<Seat>,
}

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Link<I> {
    pub(crate) fn new(
        streams: Arc<SharedStreams>,
        line: Arc<Line>,
        session: Session,
        transport: I,
    ) -> Arc<Self> {
        let ends = Ends {
            streams,
            line: Arc::clone(&line),
            participant: Participant::new(session),
            transport: Some(transport),
            needs_flush: false,
            broken: None,
            owner: Waker::noop().clone(),
            owner_comes: Instant::EPOCH,
        };
        let link = Arc::new(Self { line, ends: Mutex::new(ends) });
        let weak: Weak<Self> = Arc::downgrade(&link);
        link.line.deliver_through(weak);
        link
    }

    pub(crate) fn ends(&self) -> MutexGuard<'_, Ends<I>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something in a task of another connection, whom a fault of this one must not end. Where the lock is taken, its
    /// own task does it instead.
    fn visit(&self, act: impl FnOnce(&mut Ends<I>, Instant)) {
        let mut ends = match self.ends.try_lock() {
            Ok(ends) => ends,
            Err(TryLockError::Poisoned(ends)) => ends.into_inner(),
            Err(TryLockError::WouldBlock) => return self.line.wake.notify_one(),
        };
        let now = ends.streams.now();
        if catch_unwind(AssertUnwindSafe(|| act(&mut ends, now))).is_err() {
            ends.broken = Some(PeerEnd::Lost);
            let transport = ends.transport.take();
            // One that has panicked may do so again as it goes.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(transport)));
            self.line.wake.notify_one();
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Deliver for Link<I> {
    fn approach(&self) {
        // The cheapest question that lies beside the lock. Nothing waits for the answer.
        black_box(self.ends.is_poisoned());
    }

    fn read(&self) {
        self.visit(|ends, now| {
            ends.with_streams(|participant, streams| participant.handle_advanced(streams, now));
        });
    }

    fn write(&self) {
        self.visit(|ends, now| {
            let owner = std::mem::replace(&mut ends.owner, Waker::noop().clone());
            ends.poll_write(now, &mut Context::from_waker(&owner));
            ends.owner = owner;
            if ends.needs_owner() {
                self.line.wake.notify_one();
            }
        });
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Ends<I> {
    pub(crate) fn touch<R>(
        &mut self,
        act: impl FnOnce(&mut Participant<Seat>, &mut ConnectionStreams<'_>, Instant) -> R,
    ) -> R {
        let now = self.streams.now();
        self.with_streams(|participant, streams| act(participant, streams, now))
    }

    fn with_streams<R>(
        &mut self,
        act: impl FnOnce(&mut Participant<Seat>, &mut ConnectionStreams<'_>) -> R,
    ) -> R {
        act(&mut self.participant, &mut self.streams.seen_by(&self.line))
    }

    /// The connection's own task says who it is.
    pub(crate) fn own(&mut self, context: &Context<'_>) {
        self.owner.clone_from(context.waker());
    }

    /// Takes the transport away, to close it or to give it back.
    pub(crate) fn take_transport(&mut self) -> Option<I> {
        self.transport.take()
    }

    /// Passes on what the transport takes and gives at present; whether that was anything.
    pub(crate) fn poll_exchange(&mut self, context: &mut Context<'_>) -> bool {
        let now = self.streams.now();
        let wrote = self.poll_write(now, context);
        if let Some(end) = self.broken.take() {
            self.with_streams(|participant, streams| participant.handle_end(end, streams, now));
            return true;
        }
        let read = self.poll_read(now, context);
        wrote || read
    }

    /// Whether the connection's own task has to do something that it does not know of.
    fn needs_owner(&self) -> bool {
        let comes_too_late = |at: Instant| at < self.owner_comes;
        self.broken.is_some()
            || self.participant.has_events()
            || self.participant.poll_timeout().is_some_and(|deadline| comes_too_late(deadline.at))
    }

    /// Writes until nothing is left or the transport takes no more; whether it took anything.
    fn poll_write(&mut self, now: Instant, context: &mut Context<'_>) -> bool {
        let mut progress = false;
        while self.broken.is_none()
            && self.participant.session().has_output()
            && let Some(transport) = &mut self.transport
        {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = self.participant.outbound(&mut slices);
            let written = match Pin::new(transport).poll_write_vectored(context, &slices[..count]) {
                Poll::Ready(Ok(written)) if written > 0 => written,
                Poll::Ready(outcome) => {
                    let end = outcome.err().map_or(PeerEnd::Lost, |error| PeerEnd::of(&error));
                    self.broken = Some(end);
                    return true;
                }
                // To flush would be to let some transports forget who waits to write.
                Poll::Pending => return progress,
            };
            progress = true;
            self.needs_flush = true;
            self.with_streams(|participant, streams| participant.handle_sent(written, streams, now));
        }
        if self.needs_flush
            && let Some(transport) = &mut self.transport
        {
            // An error shows again at the next read or write.
            self.needs_flush = Pin::new(transport).poll_flush(context).is_pending();
        }
        progress
    }

    /// Reads once, if input is wanted; whether anything came.
    fn poll_read(&mut self, now: Instant, context: &mut Context<'_>) -> bool {
        if !self.participant.session().wants_input() {
            return false;
        }
        let Some(transport) = &mut self.transport else { return false };
        // On the stack, so that a connection that is silent holds no buffer.
        let mut space = [MaybeUninit::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut space);
        let Poll::Ready(outcome) = Pin::new(transport).poll_read(context, &mut buffer) else { return false };
        let end = match outcome {
            Ok(()) if buffer.filled().is_empty() => Some(PeerEnd::Finished),
            Ok(()) => None,
            Err(error) => Some(PeerEnd::of(&error)),
        };
        self.with_streams(|participant, streams| match end {
            Some(end) => participant.handle_end(end, streams, now),
            None => participant.handle_input(buffer.filled(), streams, now),
        });
        true
    }
}

/// Bytes per read: a whole keyframe of a common stream in one go.
const READ_BYTES: usize = 64 * 1024;

/// Slices per write: two frames of video and the audio between them, many times over.
const WRITE_SLICES: usize = 64;
