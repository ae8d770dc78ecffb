//! Client: who sits at the far end of a link, and what the world knows of it.
//!
//! A test holds a [`Client`]; the world holds the same as a seat at its table.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use sol_core::hub::Lag;
use sol_core::ids::{MessageStreamId, SessionId};
use sol_core::participant::{EndReason, Event, Summary};
use sol_core::session::CloseReason;

use super::link::Link;
use super::transcript::Transcript;
use crate::peer::message::MediaReceived;
use crate::peer::pattern::MediaSent;
use crate::peer::run::{Run, check_run, check_runs};
use crate::peer::script::{Phase, Player, Publisher, Script};
use crate::peer::{Oddity, Peer, Status};

/// One client of a world, with a script of that kind.
#[derive(Debug)]
pub struct Client<S> {
    pub(super) script: Rc<RefCell<S>>,
    pub(super) seat: Rc<RefCell<Seat>>,
}

impl<S: Script> Client<S> {
    /// Does something with the script: what it writes goes out when the world runs on.
    pub fn with<R>(&self, act: impl FnOnce(&mut S) -> R) -> R {
        act(&mut self.script.borrow_mut())
    }

    /// Codes of all that the server told beyond "yes", in order.
    pub fn notices(&self) -> Vec<String> {
        self.told().into_iter().map(|(_, status)| status.code).collect()
    }

    /// All that the server told beyond "yes", with the time at which it came.
    pub fn told(&self) -> Vec<(Duration, Status)> {
        let script = self.script.borrow();
        let statuses = script.peer().map(Peer::statuses_in_full).unwrap_or_default();
        let times = self.seat.borrow().status_times.clone();
        let told = times.into_iter().zip(statuses.iter().cloned());
        told.filter(|(_, status)| !GRANTED.contains(&status.code.as_str())).collect()
    }

    /// When the connection ended for this client because the server closed it.
    pub fn ended_at(&self) -> Option<Duration> {
        self.seat.borrow().ended_at
    }

    /// What the server told its application of this session, with the time.
    pub fn events(&self) -> Vec<(Duration, Event)> {
        self.seat.borrow().events.clone()
    }

    /// Why the server's session is over.
    pub fn closed(&self) -> Option<CloseReason> {
        match self.seat.borrow().events.last() {
            Some((_, Event::Closed { why, .. })) => Some(why.clone()),
            _ => None,
        }
    }

    /// When the server's session was over.
    pub fn closed_at(&self) -> Option<Duration> {
        self.seat
            .borrow()
            .events
            .last()
            .filter(|(_, event)| matches!(event, Event::Closed { .. }))
            .map(|&(at, _)| at)
    }

    /// How everything ended that this client published or played, in order.
    pub fn endings(&self) -> Vec<(EndReason, Summary)> {
        let seat = self.seat.borrow();
        let endings = seat.events.iter().filter_map(|(_, event)| match event {
            Event::Ended { why, summary, .. } => Some((why.clone(), *summary)),
            _ => None,
        });
        endings.collect()
    }

    /// The session, as the server numbers it.
    pub fn session(&self) -> SessionId {
        self.seat.borrow().session
    }

    /// The most bytes that waited in the session's outbox behind a full socket.
    pub fn outbox_peak(&self) -> usize {
        self.seat.borrow().outbox_peak
    }

    /// All bytes that the server wrote to this client, in one number.
    pub fn transcript(&self) -> Transcript {
        self.seat.borrow().transcript
    }

    /// Audio, video and data that came, with the time of arrival.
    pub fn arrivals(&self) -> Vec<(Duration, MediaReceived)> {
        let script = self.script.borrow();
        let media = script.peer().map(Peer::media).unwrap_or_default();
        self.seat.borrow().media_times.iter().copied().zip(media.iter().cloned()).collect()
    }
}

impl Client<Publisher> {
    /// All that it has sent.
    pub fn sent(&self) -> Vec<MediaSent> {
        self.with(|publisher| publisher.sent().to_vec())
    }

    /// How far it has come.
    pub fn phase(&self) -> Phase {
        self.with(|publisher| publisher.phase().clone())
    }

    /// Ends the stream in good order: FCUnpublish, deleteStream.
    pub fn finish(&self) {
        self.with(Publisher::finish);
    }
}

impl Client<Player> {
    /// How far it has come.
    pub fn phase(&self) -> Phase {
        self.with(|player| player.phase().clone())
    }

    /// All audio, video and data that came, in order.
    pub fn media(&self) -> Vec<MediaReceived> {
        self.with(|player| player.media().to_vec())
    }

    /// The one contiguous run that it got of what this publisher sent. Panics where it got anything else.
    pub fn run_of(&self, publisher: &Client<Publisher>) -> Run {
        check_run(&self.media(), &publisher.sent()).expect("one contiguous run")
    }

    /// The runs that it got of what this publisher sent. Panics where there are more than holes between them.
    pub fn runs_of(&self, publisher: &Client<Publisher>) -> Vec<Run> {
        check_runs(&self.media(), &publisher.sent()).expect("runs with nothing but holes between them")
    }
}

/// Somebody who may not speak RTMP at all.
#[derive(Clone, Debug, Default)]
pub struct Stranger {
    unsaid: Vec<u8>,
    heard: Vec<u8>,
}

impl Stranger {
    /// Queues bytes.
    pub fn say(&mut self, bytes: &[u8]) {
        self.unsaid.extend(bytes);
    }

    /// What came, as it came.
    pub fn heard(&self) -> &[u8] {
        &self.heard
    }
}

impl Script for Stranger {
    fn feed(&mut self, bytes: &[u8], _now: Duration) -> Result<(), Oddity> {
        self.heard.extend(bytes);
        Ok(())
    }

    fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unsaid)
    }

    fn peer(&self) -> Option<&Peer> {
        None
    }
}

/// A client as the world sees it.
#[derive(Debug)]
pub(super) struct Seat {
    pub session: SessionId,
    pub link: Link,
    script: Rc<RefCell<dyn Script>>,
    /// What the client's socket has not taken yet.
    unwritten: VecDeque<u8>,
    pub is_reading: bool,
    /// The server reads from it.
    pub is_read: bool,
    /// Whether that is wanted or not.
    pub is_read_regardless: bool,
    /// It makes the server say more than others do.
    pub is_inquisitive: bool,
    /// How far behind in which stream it may be when it has just read.
    pub lag_max: BTreeMap<String, Lag>,
    /// Streams of which it may not have come to the end of a publication.
    pub may_have_end_ahead: BTreeSet<String>,
    /// Frames that were read when that was last looked at.
    pub frames_seen: BTreeMap<MessageStreamId, u64>,
    /// The client does nothing more, but what it wrote still leaves.
    has_left: bool,
    pub is_closed: bool,
    /// The server's socket took no more.
    pub is_blocked: bool,
    ended_at: Option<Duration>,
    pub events: Vec<(Duration, Event)>,
    media_times: Vec<Duration>,
    status_times: Vec<Duration>,
    pub outbox_peak: usize,
    pub transcript: Transcript,
}

impl Seat {
    pub(super) fn new(session: SessionId, link: Link, script: Rc<RefCell<dyn Script>>) -> Seat {
        Seat {
            session,
            link,
            script,
            unwritten: VecDeque::new(),
            is_reading: true,
            is_read: true,
            is_read_regardless: false,
            is_inquisitive: false,
            lag_max: BTreeMap::new(),
            may_have_end_ahead: BTreeSet::new(),
            frames_seen: BTreeMap::new(),
            has_left: false,
            is_closed: false,
            is_blocked: false,
            ended_at: None,
            events: Vec::new(),
            media_times: Vec::new(),
            status_times: Vec::new(),
            outbox_peak: 0,
            transcript: Transcript::default(),
        }
    }

    /// The client writes what it has to say and reads what has come; whether any byte moved.
    pub(super) fn act(&mut self, now: Duration) -> bool {
        if !self.has_left {
            self.script.borrow_mut().advance(now);
            self.gather();
            if self.script.borrow().has_left() {
                self.leave();
            }
        }
        let wrote = self.write();
        let read = self.read(now);
        wrote || read
    }

    /// The client closes its socket: FIN behind what it said.
    pub(super) fn leave(&mut self) {
        if !self.has_left {
            self.gather();
            self.has_left = true;
        }
    }

    /// The client resets the connection.
    pub(super) fn cut(&mut self, now: Duration) {
        self.has_left = true;
        self.unwritten.clear();
        self.link.reset(now);
    }

    /// The connection breaks, and the client does nothing more.
    pub(super) fn lose(&mut self, now: Duration) {
        self.has_left = true;
        self.unwritten.clear();
        self.link.lose(now);
    }

    /// Whether the server's socket takes bytes again after it took no more.
    pub(super) fn can_write_again(&self) -> bool {
        self.is_blocked && !self.is_closed && self.link.down.room() > 0
    }

    pub(super) fn next_time(&self) -> Option<Duration> {
        let due = if self.has_left { None } else { self.script.borrow_mut().next_due() };
        self.link.next_time().into_iter().chain(due).min()
    }

    fn gather(&mut self) {
        let mut script = self.script.borrow_mut();
        loop {
            let bytes = script.take_output();
            if bytes.is_empty() {
                return;
            }
            self.unwritten.extend(bytes);
        }
    }

    fn write(&mut self) -> bool {
        let taken = match self.unwritten.is_empty() {
            true => 0,
            false => self.link.up.write(self.unwritten.make_contiguous()),
        };
        self.unwritten.drain(..taken);
        if self.has_left && self.unwritten.is_empty() {
            self.link.up.finish();
        }
        taken > 0
    }

    fn read(&mut self, now: Duration) -> bool {
        if self.has_left {
            // What comes to a socket that was closed is thrown away.
            self.link.down.discard();
            return false;
        }
        if !self.is_reading {
            return false;
        }
        let mut moved = false;
        while self.link.down.has_unread() {
            let bytes = self.link.down.read(usize::MAX);
            self.feed(&bytes, now);
            moved = true;
        }
        if self.link.down.is_over() {
            self.ended_at = Some(now);
            self.leave();
            moved = true;
        }
        moved
    }

    fn feed(&mut self, bytes: &[u8], now: Duration) {
        let mut script = self.script.borrow_mut();
        if let Err(oddity) = script.feed(bytes, now) {
            panic!("at {now:?} the server of session {} departs from the book: {oddity}", self.session);
        }
        if let Some(peer) = script.peer() {
            self.media_times.resize(peer.media().len(), now);
            self.status_times.resize(peer.statuses_in_full().len(), now);
        }
    }
}

/// What a client is told when it gets what it wants.
const GRANTED: [&str; 4] = [
    "NetConnection.Connect.Success",
    "NetStream.Publish.Start",
    "NetStream.Play.Reset",
    "NetStream.Play.Start",
];
