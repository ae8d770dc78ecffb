//! Actor: a client that publishes and plays, one thing after the other or several at once, and writes into the ledger what it
//! asks for, sends and hears.
//!
//! It knows by the order in which things come what a message belongs to: what a NetStream plays ends with a notice or with
//! StreamEOF, and a filter holds behind the answer to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::iter::Peekable;
use std::time::Duration;

use sol_core::hub::PublisherRole;
use sol_core::ids::SessionId;

use crate::peer::amf::Amf;
use crate::peer::message::{Command, MediaReceived, Received, StreamId, TypeId, UserControl};
use crate::peer::pattern::MediaSent;
use crate::peer::script::Script;
use crate::peer::{Oddity, Peer, PeerOptions};

use super::bidding::Showing;
use super::film::{Film, Reel};
use super::ledger::Shared;
use super::play::is_media;
use super::publication::VIDEO;

#[derive(Debug)]
pub(super) struct Actor {
    peer: Peer,
    ledger: Shared,
    session: SessionId,
    app: String,
    manner: Manner,
    is_connected: bool,
    commands_seen: usize,
    /// Until connect is answered.
    errands: VecDeque<Errand>,
    /// createStream was sent for them.
    expected: VecDeque<Option<Errand>>,
    lines: BTreeMap<StreamId, Line>,
    /// Which call asks for which filter.
    filters: BTreeMap<u32, Filter>,
    later: BTreeMap<(Duration, u64), Later>,
    planned: u64,
    /// NetStreams that it has deleted, until one has that number again.
    deleted: BTreeSet<StreamId>,
    has_left: bool,
}

/// How it behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// It asks for everything at once and waits for no answer.
    pub is_hasty: bool,
    /// It packs what is due in such a time into one aggregate; at once where that is zero.
    pub aggregates: Duration,
    /// What it does when what it plays has ended.
    pub at_the_end: AtTheEnd,
    /// How long it takes for that.
    pub reaction: Duration,
    /// How late what it sends and what is sent to it comes at most, where nothing holds it up.
    pub delay_max: Option<Duration>,
    /// The query by which it asks for a form of whatever it plays: one in which that is the same.
    pub form: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtTheEnd {
    Leaves,
    Stays,
    PlaysAgain,
}

/// Something to do on a NetStream of its own.
#[derive(Debug)]
pub(super) enum Errand {
    Publish {
        name: String,
        showing: Showing,
        film: Box<Film>,
    },
    Play {
        name: String,
    },
    /// It makes the NetStream and does nothing with it.
    Nothing,
}

/// What goes on on one NetStream.
#[derive(Debug, Default)]
struct Line {
    /// What it plays, and what it is to play behind that.
    plays: VecDeque<usize>,
    publishing: Option<Publishing>,
    /// Requests to publish that were not answered yet, of which `publishing` is the last.
    undecided: u32,
    name: String,
    /// As what it publishes that.
    role: PublisherRole,
    /// StreamEOF that says only that the player pauses.
    eofs_of_pauses: u32,
}

#[derive(Debug)]
struct Publishing {
    publication: usize,
    reel: Peekable<Reel>,
    began: Option<Duration>,
    is_granted: bool,
    is_over: bool,
}

/// What a player wants of what it plays, from the answer on.
#[derive(Debug)]
struct Filter {
    play: usize,
    kind: usize,
    wanted: bool,
}

#[derive(Debug)]
enum Later {
    Leave,
    Play(StreamId, String),
}

impl Actor {
    pub(super) fn new(app: &str, options: PeerOptions, manner: Manner, ledger: Shared) -> Actor {
        let mut peer = Peer::new(options);
        peer.connect(app);
        Actor {
            peer,
            ledger,
            session: SessionId::new(0),
            app: app.to_owned(),
            manner,
            is_connected: false,
            commands_seen: 0,
            errands: VecDeque::new(),
            expected: VecDeque::new(),
            lines: BTreeMap::new(),
            filters: BTreeMap::new(),
            later: BTreeMap::new(),
            planned: 0,
            deleted: BTreeSet::new(),
            has_left: false,
        }
    }

    // --- What it is told to do --------------------------------------------------------------------------------

    /// It has a seat.
    pub(super) fn sits(&mut self, session: SessionId) {
        self.session = session;
    }

    pub(super) fn does(&mut self, errand: Errand) {
        if self.manner.is_hasty && !self.is_connected {
            // The first ones have the numbers from 1 on.
            let stream = StreamId(self.lines.len() as u32 + 1);
            self.peer.create_stream();
            self.expected.push_back(None);
            self.sets_out(stream, errand);
        } else if self.is_connected {
            self.peer.create_stream();
            self.expected.push_back(Some(errand));
        } else {
            self.errands.push_back(errand);
        }
    }

    /// It publishes something else on the NetStream on which it published.
    pub(super) fn republishes(&mut self, stream: StreamId, name: &str, showing: Showing, film: Film) {
        self.sets_out(stream, Errand::Publish { name: name.to_owned(), showing, film: Box::new(film) });
    }

    /// It plays something else on a NetStream on which it plays.
    pub(super) fn plays_on(&mut self, stream: StreamId, name: &str) {
        // What it was not told that it plays ends without a word.
        let plays = self.lines.get(&stream).map(|line| &line.plays);
        let is_clear = plays.is_none_or(|plays| match plays.front() {
            Some(&play) => plays.len() == 1 && self.ledger.borrow().plays[play].told_start.is_some(),
            None => true,
        });
        if !is_clear {
            return;
        }
        self.sets_out(stream, Errand::Play { name: name.to_owned() });
    }

    /// What it publishes there ends in good order.
    pub(super) fn finishes(&mut self, stream: StreamId, deletes: bool) {
        let Some(line) = self.lines.get_mut(&stream) else { return };
        if let Some(publishing) = &mut line.publishing {
            publishing.is_over = true;
            let name = Amf::from(self.inner_name(stream).as_str());
            self.peer.call(StreamId::CONNECTION, "FCUnpublish", &[Amf::Null, name]);
            if deletes {
                self.deletes(stream);
            }
        }
    }

    pub(super) fn pauses(&mut self, stream: StreamId, paused: bool) {
        self.peer.pause(stream, paused, 0);
    }

    pub(super) fn seeks(&mut self, stream: StreamId) {
        self.peer.tell(stream, "seek", &[Amf::Null, 1_000.0.into()]);
    }

    pub(super) fn selects(&mut self, stream: StreamId, kind: usize, wanted: bool) {
        let name = if kind == VIDEO { "receiveVideo" } else { "receiveAudio" };
        let call = self.peer.call(stream, name, &[Amf::Null, wanted.into()]);
        if let Some(&play) = self.lines.get(&stream).and_then(|line| line.plays.front()) {
            self.filters.insert(call, Filter { play, kind, wanted });
        }
    }

    pub(super) fn deletes(&mut self, stream: StreamId) {
        self.deleted.insert(stream);
        self.peer.delete_stream(stream);
    }

    pub(super) fn closes(&mut self, stream: StreamId) {
        self.peer.close_stream(stream);
    }

    /// Publishes nothing more, and says nothing of it.
    pub(super) fn falls_silent(&mut self) {
        for line in self.lines.values_mut() {
            line.publishing = None;
        }
    }

    pub(super) fn says_close(&mut self) {
        self.peer.tell(StreamId::CONNECTION, "close", &[Amf::Null]);
    }

    /// What it sends and gets from here on may be late.
    pub(super) fn may_be_late(&mut self) {
        self.manner.delay_max = None;
    }

    pub(super) fn leaves(&mut self) {
        self.has_left = true;
    }

    pub(super) fn peer_mut(&mut self) -> &mut Peer {
        &mut self.peer
    }

    // --- Questions ---------------------------------------------------------------------------------------------

    /// NetStreams that play, and have been told so.
    pub(super) fn playing(&self) -> Vec<StreamId> {
        let ledger = self.ledger.borrow();
        let plays = |line: &Line| {
            let play = line.plays.front().filter(|_| line.plays.len() == 1).map(|&play| &ledger.plays[play]);
            play.is_some_and(|play| play.told_start.is_some() && !play.is_over)
        };
        self.lines.iter().filter(|(_, line)| plays(line)).map(|(&stream, _)| stream).collect()
    }

    /// Whether it plays that, or has asked to.
    pub(super) fn plays(&self, name: &str) -> bool {
        let ledger = self.ledger.borrow();
        let plays = self.lines.values().flat_map(|line| &line.plays);
        plays.into_iter().any(|&play| *ledger.plays[play].name == *name)
    }

    /// NetStreams that publish, and may.
    pub(super) fn publishing(&self) -> Vec<StreamId> {
        let publishes = |line: &Line| {
            line.publishing.as_ref().is_some_and(|publishing| publishing.is_granted && !publishing.is_over)
        };
        self.lines.iter().filter(|(_, line)| publishes(line)).map(|(&stream, _)| stream).collect()
    }

    /// All that it publishes and plays.
    pub(super) fn publications_and_plays(&self) -> (Vec<usize>, Vec<usize>) {
        let publications = self.lines.values().filter_map(|line| Some(line.publishing.as_ref()?.publication));
        (publications.collect(), self.lines.values().flat_map(|line| line.plays.iter().copied()).collect())
    }

    /// Whether it can say such a name on its connection.
    pub(super) fn can_say(&self, name: &str) -> bool {
        let rest = name.strip_prefix(self.app.as_str());
        self.app.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
    }

    pub(super) fn role_on(&self, stream: StreamId) -> PublisherRole {
        self.lines.get(&stream).map(|line| line.role).unwrap_or_default()
    }

    pub(super) fn name_on(&self, stream: StreamId) -> &str {
        self.lines.get(&stream).map(|line| line.name.as_str()).unwrap_or_default()
    }

    // --- How it does it ---------------------------------------------------------------------------------------

    /// The stream's name without what stands in connect.
    fn inner_name(&self, stream: StreamId) -> String {
        self.without_app(self.name_on(stream)).to_owned()
    }

    fn without_app<'a>(&self, name: &'a str) -> &'a str {
        assert!(self.can_say(name), "the app of {name} is {}", self.app);
        name[self.app.len()..].trim_start_matches('/')
    }

    fn sets_out(&mut self, stream: StreamId, errand: Errand) {
        if self.deleted.contains(&stream) {
            return;
        }
        let mut ledger = self.ledger.borrow_mut();
        let (session, delay_max) = (self.session, self.manner.delay_max);
        match errand {
            Errand::Nothing => {
                self.lines.entry(stream).or_default();
            }
            Errand::Publish { name, showing, mut film } => {
                // It is known with the question only how many there were before.
                film.mark = ledger.next_mark();
                let publication =
                    ledger.asks_to_publish(Some(session), stream, (&name, showing), &film, delay_max);
                if self.manner.is_hasty && ledger.rules.has_small_tape() {
                    ledger.publications[publication].is_bulky = true;
                }
                drop(ledger);
                let inner = format!("{}{}", self.without_app(&name), showing.query());
                self.peer.publish(stream, &inner);
                let reel = film.reel().peekable();
                let is_granted = self.manner.is_hasty;
                let publishing = Publishing { publication, reel, began: None, is_granted, is_over: false };
                let line = self.lines.entry(stream).or_default();
                line.publishing = Some(publishing);
                line.undecided += 1;
                line.name = name;
                line.role = showing.role;
            }
            Errand::Play { name } => {
                let play = ledger.asks_to_play(session, stream, &name, delay_max);
                drop(ledger);
                let inner = format!("{}{}", self.without_app(&name), self.manner.form);
                self.peer.play(stream, &inner);
                let line = self.lines.entry(stream).or_default();
                line.plays.push_back(play);
                line.name = name;
            }
        }
    }

    fn take(&mut self, message: &Received, now: Duration) {
        if is_media(message.type_id) {
            let &Received { stream, type_id, timestamp_ms, ref payload, .. } = message;
            let play = self.lines.get(&stream).and_then(|line| line.plays.front());
            let play = *play.unwrap_or_else(|| {
                panic!("media comes on NetStream {stream}, which plays nothing: {message:?}")
            });
            let media = MediaReceived { stream, type_id, timestamp_ms, payload: payload.clone() };
            self.ledger.borrow_mut().sees(play, &media, now);
            return;
        }
        match message.type_id {
            TypeId::USER_CONTROL => {
                if let Some(UserControl::StreamEof(stream)) = UserControl::read(&message.payload) {
                    self.hears_eof(stream, now);
                }
            }
            TypeId::COMMAND_AMF0 | TypeId::COMMAND_AMF3 => {
                let command = self.peer.commands()[self.commands_seen].clone();
                self.commands_seen += 1;
                self.hears(&command, now);
            }
            _ => {}
        }
    }

    /// What was played there is over, unless it was only paused.
    fn hears_eof(&mut self, stream: StreamId, now: Duration) {
        let Some(line) = self.lines.get_mut(&stream) else { return };
        if line.eofs_of_pauses > 0 {
            line.eofs_of_pauses -= 1;
            return;
        }
        let Some(play) = line.plays.pop_front() else { return };
        self.ledger.borrow_mut().hears_eof(play, now);
    }

    fn hears(&mut self, command: &Command, now: Duration) {
        match (command.name.as_str(), command.answers.as_deref()) {
            ("_result", Some("connect")) => {
                self.is_connected = true;
                for errand in std::mem::take(&mut self.errands) {
                    self.does(errand);
                }
            }
            ("_result", Some("createStream")) => {
                let number =
                    command.values.get(1).and_then(Amf::as_number).expect("a peer knows its answers");
                let stream = StreamId(number as u32);
                self.deleted.remove(&stream);
                if let Some(Some(errand)) = self.expected.pop_front() {
                    self.sets_out(stream, errand);
                }
            }
            ("_error", Some("createStream")) => {
                self.expected.pop_front();
            }
            ("_result", Some("receiveAudio" | "receiveVideo")) => {
                if let Some(Filter { play, kind, wanted }) = self.filters.remove(&command.transaction) {
                    self.ledger.borrow_mut().plays[play].selects(kind, wanted, now);
                }
            }
            ("onStatus", _) => {
                let code = command.text("code").unwrap_or_default().to_owned();
                let is_error = command.text("level") == Some("error");
                self.hears_status(command.stream, &code, is_error, now);
            }
            _ => {}
        }
    }

    fn hears_status(&mut self, stream: StreamId, code: &str, is_error: bool, now: Duration) {
        let Some(line) = self.lines.get_mut(&stream) else { return };
        let play = line.plays.front().copied();
        let mut ledger = self.ledger.borrow_mut();
        match (code, play) {
            ("NetStream.Publish.Start", _) => {
                line.undecided = line.undecided.saturating_sub(1);
                if let Some(publishing) = line.publishing.as_mut().filter(|_| line.undecided == 0) {
                    publishing.is_granted = true;
                }
            }
            ("NetStream.Play.Start", Some(play)) => ledger.hears_start(play, now),
            ("NetStream.Pause.Notify", Some(play)) => {
                line.eofs_of_pauses += 1;
                ledger.hears_pause(play, true, now);
            }
            ("NetStream.Unpause.Notify", Some(play)) => ledger.hears_pause(play, false, now),
            ("NetStream.Play.UnpublishNotify", Some(play)) => {
                // StreamEOF follows, and takes it off the line.
                ledger.hears_notice(play, now);
                drop(ledger);
                self.reacts_to_the_end(stream, now);
            }
            (_, play) if is_error => {
                if code.starts_with("NetStream.Publish.") {
                    let publishing = line.publishing.as_ref().filter(|_| line.undecided == 0);
                    if let Some(publishing) = publishing {
                        ledger.hears_that_it_is_replaced(publishing.publication, code);
                    }
                    // One that did not wait for an answer may have asked again meanwhile.
                    line.undecided = line.undecided.saturating_sub(1);
                    line.publishing = line.publishing.take().filter(|_| line.undecided > 0);
                } else if code.starts_with("NetStream.Play.") && play.is_some() {
                    line.plays.pop_front();
                }
            }
            _ => {}
        }
    }

    fn reacts_to_the_end(&mut self, stream: StreamId, now: Duration) {
        let later = match self.manner.at_the_end {
            AtTheEnd::Stays => return,
            AtTheEnd::Leaves => Later::Leave,
            AtTheEnd::PlaysAgain => Later::Play(stream, self.name_on(stream).to_owned()),
        };
        self.planned += 1;
        self.later.insert((now + self.manner.reaction, self.planned), later);
    }

    fn send_due(&mut self, now: Duration) {
        let aggregates = self.manner.aggregates;
        for (&stream, line) in &mut self.lines {
            let Some(publishing) = line.publishing.as_mut().filter(|publishing| publishing.may_send()) else {
                continue;
            };
            let began = *publishing.began.get_or_insert(now);
            let elapsed = now.saturating_sub(began);
            if publishing.next_due(aggregates).is_none_or(|due| due > now) {
                continue;
            }
            let mut due = Vec::new();
            while let Some(media) = publishing.reel.next_if(|media| media.due <= elapsed) {
                self.ledger.borrow_mut().sends(publishing.publication, media.clone(), now);
                due.push(media);
            }
            // What comes all at once comes in few messages.
            if aggregates.is_zero() && due.len() < PARTS_MAX / 4 {
                for media in due {
                    self.peer.send_media(stream, media.type_id, media.timestamp_ms, media.payload);
                }
            } else {
                for parts in due.chunks(PARTS_MAX) {
                    let payload = aggregate(parts);
                    self.peer.send_media(stream, TypeId::AGGREGATE, parts[0].timestamp_ms, payload.into());
                }
            }
        }
    }
}

impl Publishing {
    fn may_send(&self) -> bool {
        self.is_granted && !self.is_over
    }

    fn next_due(&mut self, aggregates: Duration) -> Option<Duration> {
        let began = self.began.filter(|_| self.may_send());
        let due = self.reel.peek()?.due;
        // At the end of the interval in which it is.
        let rounded = match aggregates.as_millis() as u64 {
            0 => due,
            interval => Duration::from_millis((due.as_millis() as u64).div_ceil(interval) * interval),
        };
        began.map(|began| began + rounded)
    }
}

impl Script for Actor {
    fn feed(&mut self, bytes: &[u8], now: Duration) -> Result<(), Oddity> {
        let result = self.peer.feed(bytes);
        self.peer.take_media();
        for message in self.peer.take_received() {
            self.take(&message, now);
        }
        result
    }

    fn advance(&mut self, now: Duration) {
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Later::Leave => self.has_left = true,
                Later::Play(stream, name) => self.plays_on(stream, &name),
            }
        }
        if self.peer.handshake_is_over() {
            self.send_due(now);
        }
    }

    fn next_due(&mut self) -> Option<Duration> {
        let aggregates = self.manner.aggregates;
        let publishing = self.lines.values_mut().filter_map(|line| line.publishing.as_mut());
        let due = publishing.filter_map(|publishing| publishing.next_due(aggregates));
        due.chain(self.later.keys().next().map(|&(at, _)| at)).min()
    }

    fn take_output(&mut self) -> Vec<u8> {
        self.peer.take_output()
    }

    fn has_left(&self) -> bool {
        self.has_left
    }

    fn peer(&self) -> Option<&Peer> {
        Some(&self.peer)
    }
}

/// Several messages in one, in the shape of FLV tags (RTMP 1.0, 7.1.6).
fn aggregate(parts: &[MediaSent]) -> Vec<u8> {
    let mut payload = Vec::new();
    for part in parts {
        let [_, length @ ..] = (part.payload.len() as u32).to_be_bytes();
        let [high, time @ ..] = part.timestamp_ms.to_be_bytes();
        payload.push(part.type_id.0);
        payload.extend_from_slice(&length);
        payload.extend_from_slice(&time);
        payload.extend_from_slice(&[high, 0, 0, 0]);
        payload.extend_from_slice(&part.payload);
        payload.extend_from_slice(&(11 + part.payload.len() as u32).to_be_bytes());
    }
    payload
}

/// No aggregate may have more.
const PARTS_MAX: usize = sol_core::limits::AGGREGATE_PARTS;
