//! Connection: one participant, driven over one transport in one task.

use std::future::{Future, poll_fn};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use sol_core::ids::RequestId;
use sol_core::limits;
use sol_core::participant::{Event, Participant};
use sol_core::session::{Hangup, PeerEnd, Refusal, Request, Session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{sleep_until, timeout};

use crate::application::{Application, Peer};
use crate::report::ConnectionReport;
use crate::server::{Line, Shared};
use crate::streams::{ConnectionStreams, Seat};

/// Serves one connection until it is over. Gives back a transport whose peer takes nothing, to be reset.
pub(crate) async fn run<A: Application, I: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared<A>,
    mut transport: I,
    peer: Peer,
    session: Session,
    line: &Line,
) -> Option<I> {
    let mut connection = Connection {
        shared,
        peer,
        line,
        participant: Participant::new(session),
        asked: None,
        needs_flush: false,
    };
    let mut verdict: Option<Verdict<'_>> = None;
    let mut timer_at = shared.timer_at(shared.now());
    let mut timer = pin!(sleep_until(timer_at));
    let hangup = loop {
        if let Some(hangup) = connection.tell() {
            break hangup;
        }
        let deadline = connection.participant.poll_timeout();
        // Asked for here and not only below: a peer whose bytes never end keeps the transport ready for ever.
        if deadline.is_some_and(|deadline| deadline.at <= shared.now()) {
            // What has come meanwhile counts first: a process that was stopped for a while must not take its peers for
            // silent.
            connection.exchange_at_once(&mut transport).await;
            connection.touch(|participant, streams, now| participant.handle_timeout(streams, now));
            continue;
        }
        if connection.participant.session().waiting().is_none() {
            // Answered, or refused for want of an answer.
            verdict = None;
        }
        if let Some(request) = connection.asked.take() {
            let id = request.id;
            let deciding = async move { (id, shared.application.authorize(&peer, &request).await) };
            verdict = Some(Box::pin(deciding));
        }
        // A deadline that has moved back is found out when the old one fires; that costs less than moving it with
        // every byte that comes.
        if let Some(deadline) = deadline {
            let at = shared.timer_at(deadline.at);
            if at < timer_at || timer.is_elapsed() {
                timer_at = at;
                timer.as_mut().reset(at);
            }
        }
        tokio::select! {
            biased;
            () = line.wake.notified() => {
                // Whoever puts a letter wakes, so that no other turn has to look.
                for answer_to in line.letterbox.take() {
                    // Who asked may have lost patience.
                    let _ = answer_to.send(connection.report());
                }
                // Whoever was woken by another's end during a shutdown ends for the same reason.
                if shared.is_shutdown() {
                    connection.touch(|participant, streams, now| participant.shut_down(streams, now));
                } else {
                    connection.touch(|participant, streams, now| participant.handle_advanced(streams, now));
                }
            }
            (request, answer) = decided(&mut verdict) => {
                connection.answer(request, answer);
            }
            () = connection.exchange(&mut transport) => {}
            () = timer.as_mut() => {
                connection.touch(|participant, streams, now| participant.handle_timeout(streams, now));
            }
        }
    };
    line.letterbox.close();
    match hangup {
        Hangup::Close => None,
        Hangup::Linger => {
            part_in_peace(&mut transport).await;
            None
        }
        Hangup::Reset => Some(transport),
    }
}

type Verdict<'a> = Pin<Box<dyn Future<Output = (RequestId, Result<(), Refusal>)> + Send + 'a>>;

/// Waits for the application's answer; for ever if there is no question.
async fn decided(verdict: &mut Option<Verdict<'_>>) -> (RequestId, Result<(), Refusal>) {
    match verdict {
        Some(verdict) => verdict.await,
        None => std::future::pending().await,
    }
}

/// A participant and its surroundings. Dropped early, it ends what the peer publishes and plays.
struct Connection<'a, A: Application> {
    shared: &'a Shared<A>,
    peer: Peer,
    line: &'a Line,
    participant: Participant<Arc<Seat>>,
    asked: Option<Request>,
    /// Bytes may wait in a buffer of the transport's own, as with TLS.
    needs_flush: bool,
}

impl<A: Application> Connection<'_, A> {
    fn touch<R>(
        &mut self,
        act: impl FnOnce(&mut Participant<Arc<Seat>>, &mut ConnectionStreams<'_>, sol_core::time::Instant) -> R,
    ) -> R {
        let mut streams = self.shared.streams.seen_by(&self.line.wake);
        act(&mut self.participant, &mut streams, self.shared.now())
    }

    fn answer(&mut self, request: RequestId, answer: Result<(), Refusal>) {
        self.touch(|participant, streams, now| match &answer {
            Ok(()) => participant.allow(request, streams, now),
            Err(refusal) => participant.refuse(request, refusal, streams, now),
        })
        // The session may have closed while the application thought; then nobody waits for the answer.
        .ok();
    }

    fn report(&mut self) -> ConnectionReport {
        let roles = self.touch(|participant, streams, now| participant.report(streams, now));
        ConnectionReport { peer: self.peer, roles, round_trip: self.participant.session().round_trip() }
    }

    /// Tells the application what happened; how to hang up if that was the end.
    fn tell(&mut self) -> Option<Hangup> {
        while let Some(event) = self.participant.poll_event() {
            self.shared.application.event(&self.peer, &event, self.participant.session());
            match event {
                Event::Requested(request) => self.asked = Some(request),
                Event::Closed { hangup, .. } => return Some(hangup),
                Event::Connected(_) | Event::Refused { .. } | Event::Started { .. } | Event::Ended { .. } => {
                }
            }
        }
        None
    }

    /// Waits until the transport takes or gives something, and passes it on.
    async fn exchange<I: AsyncRead + AsyncWrite + Unpin>(&mut self, transport: &mut I) {
        poll_fn(|context| {
            let wrote = self.poll_write(transport, context);
            let read = self.poll_read(transport, context);
            if wrote || read { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Passes on what the transport takes and gives at present.
    async fn exchange_at_once<I: AsyncRead + AsyncWrite + Unpin>(&mut self, transport: &mut I) {
        poll_fn(|context| {
            self.poll_write(transport, context);
            self.poll_read(transport, context);
            Poll::Ready(())
        })
        .await;
    }

    /// Writes until nothing is left or the transport takes no more; whether it took anything.
    fn poll_write<I: AsyncWrite + Unpin>(&mut self, transport: &mut I, context: &mut Context<'_>) -> bool {
        let mut progress = false;
        while self.participant.session().has_output() {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = self.participant.outbound(&mut slices);
            let written = match Pin::new(&mut *transport).poll_write_vectored(context, &slices[..count]) {
                Poll::Ready(Ok(written)) if written > 0 => written,
                Poll::Ready(outcome) => {
                    let end = outcome.err().map_or(PeerEnd::Lost, |error| PeerEnd::of(&error));
                    self.touch(|participant, streams, now| participant.handle_end(end, streams, now));
                    return true;
                }
                Poll::Pending => break,
            };
            progress = true;
            self.needs_flush = true;
            self.touch(|participant, streams, now| participant.handle_sent(written, streams, now));
        }
        if self.needs_flush {
            // An error shows again at the next read or write.
            self.needs_flush = Pin::new(transport).poll_flush(context).is_pending();
        }
        progress
    }

    /// Reads once, if input is wanted; whether anything came.
    fn poll_read<I: AsyncRead + Unpin>(&mut self, transport: &mut I, context: &mut Context<'_>) -> bool {
        if !self.participant.session().wants_input() {
            return false;
        }
        // On the stack, so that a connection that is silent holds no buffer.
        let mut space = [MaybeUninit::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut space);
        let Poll::Ready(outcome) = Pin::new(transport).poll_read(context, &mut buffer) else { return false };
        let end = match outcome {
            Ok(()) if buffer.filled().is_empty() => Some(PeerEnd::Finished),
            Ok(()) => None,
            Err(error) => Some(PeerEnd::of(&error)),
        };
        self.touch(|participant, streams, now| match end {
            Some(end) => participant.handle_end(end, streams, now),
            None => participant.handle_input(buffer.filled(), streams, now),
        });
        true
    }
}

impl<A: Application> Drop for Connection<'_, A> {
    fn drop(&mut self) {
        // Without effect where the session is over, as it always is unless the future was dropped or has panicked. A second
        // panic while the first unwinds would end the process.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            self.touch(|participant, streams, now| participant.handle_end(PeerEnd::Lost, streams, now));
            self.tell();
        }));
    }
}

/// See [`Hangup::Linger`].
async fn part_in_peace<I: AsyncRead + AsyncWrite + Unpin>(transport: &mut I) {
    let goodbye = async {
        if transport.shutdown().await.is_err() {
            return;
        }
        let mut buffer = [0; 4096];
        let mut left = limits::LINGER_BYTES;
        while let Ok(count) = transport.read(&mut buffer).await {
            if count == 0 || count > left {
                return;
            }
            left -= count;
        }
    };
    // Out of time means that the peer does not close; it had its chance.
    let _ = timeout(limits::LINGER_TIME, goodbye).await;
}

/// Bytes per read: a whole keyframe of a common stream in one go.
const READ_BYTES: usize = 64 * 1024;

/// Slices per write: two frames of video and the audio between them, many times over.
const WRITE_SLICES: usize = 64;
