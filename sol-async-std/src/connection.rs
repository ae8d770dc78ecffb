//! Connection: one participant, driven over one transport in one task.
//!
//! The task alone touches its participant, which is behind a lock only so that a report can look at it.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use sol_core::ids::RequestId;
use sol_core::participant::{Event, Participant};
use sol_core::server::Peer;
use sol_core::session::{Hangup, PeerEnd, Refusal, Session, Stage};
use sol_core::time::Instant;

use crate::application::Application;
use crate::clock::Alarm;
use crate::line::Line;
use crate::server::Shared;
use crate::stage::Heard;
use crate::streams::{ConnectionStreams, SharedStream};
use crate::transport::{Driven, Transport};

/// A connection's participant, as a report sees it too.
pub(crate) type SharedParticipant = Mutex<Participant<Arc<SharedStream>>>;

/// A connection. Dropped early, it ends what the peer publishes and plays.
pub(crate) struct Connection<'a, A: Application> {
    shared: &'a Shared<A>,
    peer: Peer,
    line: &'a Arc<Line>,
    participant: Arc<SharedParticipant>,
    alarm: Alarm,
    heard: Heard,
    verdict: Option<Verdict<'a>>,
    /// The verdict, until the participant hears it.
    answer: Option<Answer>,
}

/// What the application says to a request.
type Answer = (RequestId, Result<(), Refusal>);

/// What it will say.
type Verdict<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

impl<'a, A: Application> Connection<'a, A> {
    pub(crate) fn new(
        shared: &'a Shared<A>,
        peer: Peer,
        line: &'a Arc<Line>,
        participant: Arc<SharedParticipant>,
    ) -> Self {
        let alarm = Alarm::new(shared.streams.clock);
        Self { shared, peer, line, participant, alarm, heard: Heard::default(), verdict: None, answer: None }
    }

    /// Serves until it is over. Gives back a transport whose peer takes nothing, to be closed by a reset.
    pub(crate) async fn run<I>(mut self, mut transport: Transport<I>) -> Option<I>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let hangup = poll_fn(|context| self.poll(&mut transport, context)).await;
        let clock = self.shared.streams.clock;
        // There is nothing to report of it any more.
        drop(self);
        match hangup {
            Hangup::Close => None,
            Hangup::Linger(mut linger) => {
                let until = clock.now() + linger.patience();
                // Out of time means that the peer does not close; it had its chance.
                let _ = clock.until(until, transport.part_in_peace(&mut linger)).await;
                None
            }
            Hangup::Reset => {
                transport.reset();
                Some(transport.into_inner())
            }
        }
    }

    /// One turn; how to hang up, if that was the end.
    fn poll<I>(&mut self, transport: &mut Transport<I>, context: &mut Context<'_>) -> Poll<Hangup>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let is_rung = self.line.answer(context.waker());
        let mut participant = lock(&self.participant);
        let mut turn = Turn {
            participant: &mut participant,
            streams: self.shared.streams.seen_by(Some(self.line)),
            now: self.shared.streams.clock.now(),
        };
        if is_rung {
            turn.handle_ring(self.shared.stage.news(&mut self.heard));
        }
        if let Some((request, answer)) = self.answer.take() {
            turn.handle_answer(request, &answer);
        }
        // What has come meanwhile counts before what is over: a process that was stopped for a while must not take its peers
        // for silent.
        let mut has_more = transport.poll_exchange(&mut turn, context);
        if self.alarm.poll(turn.participant.poll_timeout().map(|deadline| deadline.at), context) {
            turn.handle_timeout();
            has_more = true;
        }
        if let Some(hangup) = tell(self.shared, self.peer, &mut participant, &mut self.verdict) {
            return Poll::Ready(hangup);
        }
        if participant.session().waiting().is_none() {
            // Answered, or refused for want of an answer.
            self.verdict = None;
        }
        // The application may want a report before it answers.
        drop(participant);
        if let Some(verdict) = &mut self.verdict
            && let Poll::Ready(answer) = verdict.as_mut().poll(context)
        {
            self.verdict = None;
            self.answer = Some(answer);
            has_more = true;
        }
        if has_more {
            // Behind all others who want their turn.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<A: Application> Drop for Connection<'_, A> {
    fn drop(&mut self) {
        // Without effect where the session is over, as it always is unless the future was dropped or has panicked. A second
        // panic while the first unwinds would end the process.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let mut participant = lock(&self.participant);
            let now = self.shared.streams.clock.now();
            let mut streams = self.shared.streams.seen_by(Some(self.line));
            participant.handle_end(PeerEnd::Lost, &mut streams, now);
            tell(self.shared, self.peer, &mut participant, &mut self.verdict);
        }));
    }
}

/// Tells the application what happened, and asks what it is to decide; how to hang up, if that was the end.
fn tell<'a, A: Application>(
    shared: &'a Shared<A>,
    peer: Peer,
    participant: &mut Participant<Arc<SharedStream>>,
    verdict: &mut Option<Verdict<'a>>,
) -> Option<Hangup> {
    while let Some(event) = participant.poll_event() {
        shared.application.event(&peer, &event, participant.session());
        match event {
            Event::Requested(request) => {
                let decide = async move { (request.id, shared.application.authorize(&peer, &request).await) };
                *verdict = Some(Box::pin(decide));
            }
            Event::Closed { hangup, .. } => return Some(hangup),
            Event::Connected(_)
            | Event::Refused { .. }
            | Event::Started { .. }
            | Event::OnAir { .. }
            | Event::Described { .. }
            | Event::Ended { .. } => {}
        }
    }
    None
}

/// All that is needed to touch a participant.
struct Turn<'a> {
    participant: &'a mut Participant<Arc<SharedStream>>,
    streams: ConnectionStreams<'a>,
    now: Instant,
}

impl Turn<'_> {
    fn handle_ring(&mut self, stage: Option<Stage>) {
        // First: whoever was rung for by another's end during a shutdown ends for the same reason.
        if let Some(stage) = stage {
            self.participant.handle_stage(&stage, &mut self.streams, self.now);
        }
        self.participant.handle_advanced(&mut self.streams, self.now);
    }

    fn handle_answer(&mut self, request: RequestId, answer: &Result<(), Refusal>) {
        // The session may have closed while the application thought; then nobody waits for the answer.
        let _ = match answer {
            Ok(()) => self.participant.allow(request, &mut self.streams, self.now),
            Err(refusal) => self.participant.refuse(request, refusal, &mut self.streams, self.now),
        };
    }

    fn handle_timeout(&mut self) {
        self.participant.handle_timeout(&mut self.streams, self.now);
    }
}

impl Driven for Turn<'_> {
    const HEARS_OUT: bool = false;

    fn session(&self) -> &Session {
        self.participant.session()
    }

    fn handle_input(&mut self, bytes: &[u8]) {
        self.participant.handle_input(bytes, &mut self.streams, self.now);
    }

    fn handle_sent(&mut self, count: usize) {
        self.participant.handle_sent(count, &mut self.streams, self.now);
    }

    fn handle_end(&mut self, end: PeerEnd) {
        self.participant.handle_end(end, &mut self.streams, self.now);
    }
}

pub(crate) fn lock(participant: &SharedParticipant) -> MutexGuard<'_, Participant<Arc<SharedStream>>> {
    participant.lock().unwrap_or_else(PoisonError::into_inner)
}
