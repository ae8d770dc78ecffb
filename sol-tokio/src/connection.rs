//! Connection: one participant, driven over one transport in one task.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, MutexGuard};
use std::task::Poll;

use sol_core::ids::RequestId;
use sol_core::participant::Event;
use sol_core::server::{ConnectionReport, Peer};
use sol_core::session::{Hangup, Linger, PeerEnd, Refusal, Request, Session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep_until, timeout};

use crate::application::Application;
use crate::line::Line;
use crate::link::{Ends, Link};
use crate::server::Shared;

/// Serves one connection until it is over. Gives back a transport whose peer takes nothing, to be reset.
pub(crate) async fn run<A, I>(
    shared: &Shared<A>,
    transport: I,
    peer: Peer,
    session: Session,
    line: &Arc<Line>,
) -> Option<I>
where
    A: Application,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let link = Link::new(Arc::clone(&shared.streams), Arc::clone(line), session, transport);
    let mut connection = Connection { shared, peer, link, asked: None };
    let mut verdict: Option<Verdict<'_>> = None;
    let mut stage = shared.stage();
    let mut timer_at = shared.now();
    let mut timer = pin!(sleep_until(shared.timer_at(timer_at)));
    let hangup = loop {
        if let Some(hangup) = connection.tell() {
            break hangup;
        }
        let (deadline, is_waiting) = {
            let mut ends = connection.ends();
            let deadline = ends.participant.poll_timeout();
            // In one go with looking: a delivery that sets an earlier one from here on wakes this task.
            ends.owner_comes = deadline.map_or(ends.owner_comes, |deadline| deadline.at);
            (deadline, ends.participant.session().waiting().is_some())
        };
        // Asked for here and not only below: a peer whose bytes never end keeps the transport ready for ever.
        if deadline.is_some_and(|deadline| deadline.at <= shared.now()) {
            // What has come meanwhile counts first: a process that was stopped for a while must not take its peers for
            // silent.
            connection.exchange_at_once().await;
            connection.handle_timeout();
            continue;
        }
        if !is_waiting {
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
        if let Some(deadline) = deadline
            && (deadline.at < timer_at || timer.is_elapsed())
        {
            timer_at = deadline.at;
            timer.as_mut().reset(shared.timer_at(timer_at));
        }
        tokio::select! {
            biased;
            () = line.wake.notified() => {
                // Whoever puts a letter wakes, so that no other turn has to look.
                for answer_to in line.letterbox.take() {
                    // Who asked may have lost patience.
                    let _ = answer_to.send(connection.report());
                }
                // First: whoever was woken by another's end during a shutdown ends for the same reason.
                let is_news = stage.has_changed().expect("the server outlives its connections");
                let news = is_news.then(|| stage.borrow_and_update().clone());
                connection.ends().touch(|participant, streams, now| {
                    if let Some(stage) = &news {
                        participant.handle_stage(stage, streams, now);
                    }
                    participant.handle_advanced(streams, now);
                });
            }
            (request, answer) = decided(&mut verdict) => {
                connection.answer(request, answer);
            }
            () = connection.exchange() => {}
            () = timer.as_mut() => {
                connection.handle_timeout();
            }
        }
    };
    line.letterbox.close();
    let mut transport = connection.ends().take_transport()?;
    match hangup {
        Hangup::Close => None,
        Hangup::Linger(mut linger) => {
            let patience = linger.patience();
            // Out of time means that the peer does not close; it had its chance.
            let _ = timeout(patience, part_in_peace(&mut transport, &mut linger)).await;
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

/// A link as its own task has it. Dropped early, it ends what the peer publishes and plays.
struct Connection<'a, A: Application, I: AsyncRead + AsyncWrite + Unpin + Send + 'static> {
    shared: &'a Shared<A>,
    peer: Peer,
    link: Arc<Link<I>>,
    asked: Option<Request>,
}

impl<A: Application, I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<'_, A, I> {
    fn ends(&self) -> MutexGuard<'_, Ends<I>> {
        self.link.ends()
    }

    fn handle_timeout(&self) {
        self.ends().touch(|participant, streams, now| participant.handle_timeout(streams, now));
    }

    fn answer(&self, request: RequestId, answer: Result<(), Refusal>) {
        self.ends()
            .touch(|participant, streams, now| match &answer {
                Ok(()) => participant.allow(request, streams, now),
                Err(refusal) => participant.refuse(request, refusal, streams, now),
            })
            // The session may have closed while the application thought; then nobody waits for the answer.
            .ok();
    }

    fn report(&self) -> ConnectionReport {
        let mut ends = self.ends();
        let roles = ends.touch(|participant, streams, now| participant.report(streams, now));
        ConnectionReport { peer: self.peer, roles, round_trip: ends.participant.session().round_trip() }
    }

    /// Tells the application what happened; how to hang up if that was the end.
    fn tell(&mut self) -> Option<Hangup> {
        let mut ends = self.link.ends();
        while let Some(event) = ends.participant.poll_event() {
            self.shared.application.event(&self.peer, &event, ends.participant.session());
            match event {
                Event::Requested(request) => self.asked = Some(request),
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

    /// Waits until the transport takes or gives something, and passes it on.
    async fn exchange(&self) {
        poll_fn(|context| {
            let mut ends = self.ends();
            ends.own(context);
            if ends.poll_exchange(context) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Passes on what the transport takes and gives at present.
    async fn exchange_at_once(&self) {
        poll_fn(|context| {
            let mut ends = self.ends();
            ends.own(context);
            ends.poll_exchange(context);
            Poll::Ready(())
        })
        .await;
    }
}

impl<A: Application, I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Drop for Connection<'_, A, I> {
    fn drop(&mut self) {
        // Without effect where the session is over, as it always is unless the future was dropped or has panicked. A second
        // panic while the first unwinds would end the process.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let mut ends = self.ends();
            drop(ends.take_transport());
            ends.touch(|participant, streams, now| participant.handle_end(PeerEnd::Lost, streams, now));
            drop(ends);
            self.tell();
        }));
    }
}

/// See [`Hangup::Linger`]. Whether the peer has closed in turn.
pub(crate) async fn part_in_peace<I: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut I,
    linger: &mut Linger,
) -> bool {
    if transport.shutdown().await.is_err() {
        return false;
    }
    let mut buffer = [0; 4096];
    while let Ok(count) = transport.read(&mut buffer).await {
        if count == 0 {
            return true;
        }
        if !linger.take(count) {
            return false;
        }
    }
    false
}
