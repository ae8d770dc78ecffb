//! Connection: one participant, driven over one transport in one task.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use sol_core::ids::RequestId;
use sol_core::participant::{Event, Participant};
use sol_core::session::{CloseReason, PeerEnd, Refusal, Session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{sleep_until, timeout};

use crate::application::{Application, Peer};
use crate::server::Shared;
use crate::streams::{ConnectionStreams, Seat};

/// How the rest of the server reaches a connection.
#[derive(Debug, Default)]
pub(crate) struct Line {
    wake: Arc<Notify>,
    is_shutdown: AtomicBool,
}

impl Line {
    pub(crate) fn shut_down(&self) {
        self.is_shutdown.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }
}

/// Serves one connection until it is over.
pub(crate) async fn run<A: Application, I: AsyncRead + AsyncWrite + Unpin>(
    shared: &Shared<A>,
    mut transport: I,
    peer: Peer,
    session: Session,
    line: &Line,
) {
    let mut connection =
        Connection { shared, peer, line, participant: Participant::new(session), asked: None };
    let mut verdict: Option<Verdict<'_>> = None;
    let mut timer_at = shared.timer_at(shared.now());
    let mut timer = pin!(sleep_until(timer_at));
    let reason = loop {
        if let Some(reason) = connection.tell() {
            break reason;
        }
        if let Some(request) = connection.asked.take() {
            let id = request.id;
            let deciding = async move { (id, shared.application.authorize(&peer, &request).await) };
            verdict = Some(Box::pin(deciding));
        }
        // A deadline that has moved back is found out when the old one fires; that costs less than moving it with
        // every byte that comes.
        if let Some(deadline) = connection.participant.poll_timeout() {
            let at = shared.timer_at(deadline.at);
            if at < timer_at || timer.is_elapsed() {
                timer_at = at;
                timer.as_mut().reset(at);
            }
        }
        tokio::select! {
            biased;
            () = line.wake.notified() => {
                if line.is_shutdown.load(Ordering::Relaxed) {
                    connection.touch(|participant, streams, now| participant.close(CloseReason::Shutdown, streams, now));
                } else {
                    connection.touch(|participant, streams, now| participant.handle_advanced(streams, now));
                }
            }
            (request, answer) = decided(&mut verdict) => {
                verdict = None;
                connection.answer(request, answer);
            }
            () = connection.exchange(&mut transport) => {}
            () = timer.as_mut() => {
                connection.touch(|participant, streams, now| participant.handle_timeout(streams, now));
            }
        }
    };
    match reason {
        CloseReason::PeerLeft
        | CloseReason::PeerReset
        | CloseReason::ConnectionLost
        | CloseReason::Stalled
        | CloseReason::Silent => {}
        _ => part_in_peace(&mut transport).await,
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
    asked: Option<sol_core::session::Request>,
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

    /// Tells the application what happened; the reason if that was the end.
    fn tell(&mut self) -> Option<CloseReason> {
        while let Some(event) = self.participant.poll_event() {
            self.shared.application.event(&self.peer, &event, self.participant.session());
            match event {
                Event::Requested(request) => self.asked = Some(request),
                Event::Closed(reason) => return Some(reason),
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

    /// Writes until nothing is left or the transport takes no more; whether it took anything.
    fn poll_write<I: AsyncWrite + Unpin>(&mut self, transport: &mut I, context: &mut Context<'_>) -> bool {
        let mut progress = false;
        while self.participant.session().has_output() {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = self.participant.outbound(&mut slices);
            let written = match Pin::new(&mut *transport).poll_write_vectored(context, &slices[..count]) {
                Poll::Ready(Ok(written)) if written > 0 => written,
                Poll::Ready(outcome) => {
                    let end = outcome.err().map_or(PeerEnd::Lost, |error| end_of(&error));
                    self.touch(|participant, streams, now| participant.handle_end(end, streams, now));
                    return true;
                }
                Poll::Pending => return progress,
            };
            progress = true;
            self.touch(|participant, streams, now| participant.handle_sent(written, streams, now));
        }
        if progress {
            // Only transports with buffers of their own, such as TLS, have anything to do. An error shows again
            // at the next read or write.
            let _ = Pin::new(transport).poll_flush(context);
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
            Err(error) => Some(end_of(&error)),
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
        // Without effect where the session is over, as it always is unless the future was dropped.
        self.touch(|participant, streams, now| participant.handle_end(PeerEnd::Lost, streams, now));
        self.tell();
    }
}

/// What an error of the transport says about the peer.
fn end_of(error: &io::Error) -> PeerEnd {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => PeerEnd::Finished,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            PeerEnd::Reset
        }
        _ => PeerEnd::Lost,
    }
}

/// Closes in a way that lets the peer read the last words: a socket that is closed with input unread is reset, and
/// a reset voids what the peer has not read yet.
async fn part_in_peace<I: AsyncRead + AsyncWrite + Unpin>(transport: &mut I) {
    let goodbye = async {
        if transport.shutdown().await.is_err() {
            return;
        }
        let mut buffer = [0; 4096];
        let mut left = LINGER_BYTES;
        while let Ok(count) = transport.read(&mut buffer).await {
            if count == 0 || count > left {
                return;
            }
            left -= count;
        }
    };
    // Out of time means that the peer does not close; it had its chance.
    let _ = timeout(LINGER_TIME, goodbye).await;
}

/// Bytes per read: a whole keyframe of a common stream in one go.
const READ_BYTES: usize = 64 * 1024;

/// Slices per write: two frames of video and the audio between them, many times over.
const WRITE_SLICES: usize = 64;

/// How long a closed connection is kept open for the peer to read the last words, and how much of what it still
/// sends is read and thrown away.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;
