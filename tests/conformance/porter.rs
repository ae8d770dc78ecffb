//! Porter: the application of every server of the suite. It decides by rules, and tells the test what it saw.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sol_core::ids::SessionId;
use sol_core::media::TrackKind;
use sol_core::participant::{Event, Summary};
use sol_core::server::{Peer, TurnedAway};
use sol_core::session::{Refusal, Request, RequestKind};
use tokio::sync::oneshot;

/// Who may what. Everything else is allowed at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Nobody publishes or plays these names of the app `live`.
    pub(crate) refused: Vec<(&'static str, Refusal)>,
    /// Whoever asks for these names waits until the test answers.
    pub(crate) held: Vec<&'static str>,
}

/// What an application answers.
pub(crate) type Verdict = Result<(), Refusal>;

/// Something that a server did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// To whom, as far as it is known.
    pub(crate) who: Option<SocketAddr>,
    pub(crate) what: What,
}

/// What it did. Reasons are their stable codes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Asked,
    Refused(&'static str),
    Started(RequestKind),
    OnAir(bool),
    /// A track became known, by its codec string.
    Described(TrackKind, String),
    Ended(RequestKind, &'static str, Summary),
    Closed(&'static str),
    TurnedAway(&'static str),
}

pub(crate) struct Porter {
    told: Sender<Seen>,
    desk: Arc<Desk>,
}

/// What both it and the test know.
#[derive(Default)]
pub(crate) struct Desk {
    rules: Rules,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    waiting: Vec<(String, Answer)>,
    known: BTreeSet<SessionId>,
    closed: BTreeSet<SessionId>,
    faults: Vec<String>,
}

type Answer = Box<dyn FnOnce(Verdict) + Send>;

impl Porter {
    /// With what it will see, in order, and where the test answers.
    pub(crate) fn new(rules: Rules) -> (Self, Receiver<Seen>, Arc<Desk>) {
        let (told, seen) = mpsc::channel();
        let desk = Arc::new(Desk { rules, ..Desk::default() });
        (Self { told, desk: Arc::clone(&desk) }, seen, desk)
    }

    /// Decides, at once or when the test says; `answer` may be called from another thread, or never.
    pub(crate) fn decide(
        &self,
        peer: &Peer,
        request: &Request,
        answer: impl FnOnce(Verdict) + Send + 'static,
    ) {
        let name = request.name.as_str().strip_prefix("live/").unwrap_or_default();
        let rules = &self.desk.rules;
        let refusal = rules.refused.iter().find(|(refused, _)| *refused == name);
        if rules.held.contains(&name) {
            self.desk.book().waiting.push((name.to_owned(), Box::new(answer)));
        } else {
            answer(refusal.map_or(Ok(()), |(_, refusal)| Err(refusal.clone())));
        }
        self.tell(peer, What::Asked);
    }

    /// The same for who awaits it.
    pub(crate) fn decision(
        &self,
        peer: &Peer,
        request: &Request,
    ) -> impl Future<Output = Verdict> + Send + use<> {
        let (answer, verdict) = oneshot::channel();
        self.decide(peer, request, |verdict| drop(answer.send(verdict)));
        // A test that is over answers no more.
        async { verdict.await.unwrap_or(Err(Refusal::NotFound)) }
    }

    pub(crate) fn note(&self, peer: &Peer, event: &Event) {
        let mut book = self.desk.book();
        book.known.insert(peer.id);
        if book.closed.contains(&peer.id) {
            book.faults.push(format!("behind Closed of {peer:?}: {event:?}"));
        }
        let what = match event {
            Event::Connected(_) | Event::Requested(_) => return,
            Event::Refused { why, .. } => What::Refused(why.code()),
            Event::Started { kind, .. } => What::Started(*kind),
            Event::OnAir { on_air, .. } => What::OnAir(*on_air),
            Event::Described { kind, description, .. } => {
                What::Described(*kind, description.codec_string.clone().unwrap_or_default())
            }
            Event::Ended { kind, why, summary, .. } => What::Ended(*kind, why.code(), *summary),
            Event::Closed { why, .. } => {
                book.closed.insert(peer.id);
                What::Closed(why.code())
            }
        };
        drop(book);
        self.tell(peer, what);
    }

    pub(crate) fn note_turned_away(&self, who: Option<SocketAddr>, why: &TurnedAway) {
        self.told.send(Seen { who, what: What::TurnedAway(why.code()) }).ok();
    }

    fn tell(&self, peer: &Peer, what: What) {
        // A test that is over listens no longer.
        self.told.send(Seen { who: Some(peer.address), what }).ok();
    }
}

impl Desk {
    /// Answers whoever has waited longest for this name.
    pub(crate) fn answer(&self, name: &str, verdict: Verdict) {
        let mut book = self.book();
        let first = book.waiting.iter().position(|(waiting, _)| waiting == name);
        let (_, answer) = book.waiting.remove(first.expect("somebody asked for it"));
        drop(book);
        answer(verdict);
    }

    /// What a server must never do, and who was never told to be gone.
    pub(crate) fn faults(&self) -> Vec<String> {
        let book = self.book();
        let unclosed = book.known.difference(&book.closed).map(|id| format!("{id:?} was never closed"));
        book.faults.iter().cloned().chain(unclosed).collect()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
