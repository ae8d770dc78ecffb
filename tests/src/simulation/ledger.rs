//! Ledger: what was published and what each player saw, as the server tells it and as clients see it, held against each other.
//!
//! Entries are made where things happen: by clients when they ask, send and hear, by the world when its server tells its
//! application something. Whatever cannot be is a panic, in words.

mod steady;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use sol_core::hub::PublisherRole;
use sol_core::ids::SessionId;
use sol_core::limits;
use sol_core::participant::{EndReason, Event};
use sol_core::session::{CloseReason, Refusal, RequestKind};

use crate::peer::message::{MediaReceived, StreamId};
use crate::peer::pattern::MediaSent;

use super::bidding::Showing;
use super::film::Film;
use super::play::Play;
use super::publication::{Certainty, Parting, Publication, Stage};
use super::published::{Published, Rules};
use super::story::Story;
use super::totals::{Totals, turn};

/// Everybody writes into the same one.
pub(super) type Shared = Rc<RefCell<Ledger>>;

#[derive(Debug)]
pub(super) struct Ledger {
    pub now: Duration,
    pub publications: Vec<Publication>,
    pub plays: Vec<Play>,
    pub totals: Totals,
    pub story: Story,
    pub rules: Rules,
    /// The publications of each name that began, in order.
    orders: BTreeMap<String, Vec<usize>>,
    /// What was asked for on each NetStream and has not been answered.
    asked: BTreeMap<(SessionId, u32), VecDeque<Asked>>,
    /// What the server's application was asked, and waits.
    waiting: BTreeMap<SessionId, Asked>,
    /// What is under way at the server.
    running: BTreeMap<(SessionId, u32), Asked>,
    /// When something of a session ended last, for each reason.
    endings: BTreeMap<SessionId, BTreeMap<&'static str, Duration>>,
    /// How often somebody was refused something.
    refusals: BTreeMap<SessionId, u32>,
    /// Those that are over, and why.
    closed: BTreeMap<SessionId, &'static str>,
    /// Those that do nothing wrong, and that nothing befalls.
    undisturbed: BTreeSet<SessionId>,
    /// When somebody was last told of the end of a stream with backups that may have ended.
    last_ends: BTreeMap<String, Duration>,
}

/// What somebody asked for: by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Publication(usize),
    Play(usize),
}

impl Ledger {
    pub(super) fn new(rules: Rules, story: Story) -> Ledger {
        Ledger {
            now: Duration::ZERO,
            publications: Vec::new(),
            plays: Vec::new(),
            totals: Totals::default(),
            story,
            rules,
            orders: BTreeMap::new(),
            asked: BTreeMap::new(),
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            endings: BTreeMap::new(),
            refusals: BTreeMap::new(),
            closed: BTreeMap::new(),
            undisturbed: BTreeSet::new(),
            last_ends: BTreeMap::new(),
        }
    }

    // --- What clients do --------------------------------------------------------------------------------------

    /// Somebody asks to publish. The number is the mark of the film.
    pub(super) fn asks_to_publish(
        &mut self,
        session: Option<SessionId>,
        stream: StreamId,
        bid: (&str, Showing),
        film: &Film,
        delay_max: Option<Duration>,
    ) -> usize {
        let number = self.publications.len();
        assert_eq!(film.mark as usize, number, "frames tell whose they are");
        self.publications.push(Publication::new(bid, film, &self.rules, delay_max));
        if let Some(session) = session {
            self.asked.entry((session, stream.0)).or_default().push_back(Asked::Publication(number));
        }
        number
    }

    /// The mark that the next film has to have.
    pub(super) fn next_mark(&self) -> u32 {
        self.publications.len() as u32
    }

    pub(super) fn asks_to_play(
        &mut self,
        session: SessionId,
        stream: StreamId,
        name: &str,
        delay_max: Option<Duration>,
    ) -> usize {
        let number = self.plays.len();
        self.plays.push(Play::new(name, session, delay_max, self.rules.has_backups(name)));
        self.asked.entry((session, stream.0)).or_default().push_back(Asked::Play(number));
        number
    }

    pub(super) fn sends(&mut self, publication: usize, media: MediaSent, now: Duration) {
        self.totals.messages_sent += 1;
        self.publications[publication].send(media, now);
    }

    /// A client does nothing wrong, and nothing befalls it; or not any more.
    pub(super) fn set_undisturbed(&mut self, session: SessionId, is_undisturbed: bool) {
        match is_undisturbed {
            true => self.undisturbed.insert(session),
            false => self.undisturbed.remove(&session),
        };
    }

    /// The world ends: anything may befall anybody.
    pub(super) fn disturb_all(&mut self) {
        self.undisturbed.clear();
    }

    // --- What clients hear ------------------------------------------------------------------------------------

    pub(super) fn hears_start(&mut self, play: usize, now: Duration) {
        self.totals.plays += 1;
        self.plays[play].hears_start(now);
    }

    pub(super) fn hears_pause(&mut self, play: usize, paused: bool, now: Duration) {
        self.plays[play].hears_pause(paused, now);
    }

    pub(super) fn sees(&mut self, play: usize, media: &MediaReceived, now: Duration) {
        self.totals.messages_received += 1;
        self.totals.bytes_received += media.payload.len() as u64;
        let (play, mut published) = self.look(play, now);
        play.take(media, &mut published);
    }

    pub(super) fn hears_notice(&mut self, play: usize, now: Duration) {
        let (play, published) = self.look(play, now);
        play.hears_end(&published);
    }

    pub(super) fn hears_eof(&mut self, play: usize, now: Duration) {
        let (play, published) = self.look(play, now);
        play.hears_eof(&published);
    }

    fn check_that_it_was_served(&mut self, session: SessionId, number: usize) {
        if self.undisturbed.contains(&session) {
            let now = self.now;
            let (play, published) = self.look(number, now);
            play.check_that_it_was_served(&published);
        }
    }

    /// A publisher's fault ends nothing before its grace is over.
    fn check_that_it_may_end(&mut self, number: usize, why: &EndReason) {
        let now = self.now;
        let (play, published) = self.look(number, now);
        if let (EndReason::StreamEnded, Some((publication, _))) = (why, play.place()) {
            let may_end = match published.rules.has_backups(&play.name) {
                true => published.may_both_have_failed(),
                false => published.may_tell_of_an_end(publication),
            };
            let (name, session) = (play.name.to_string(), play.session);
            // Whoever lags is told later than others, and perhaps when somebody publishes again.
            let lags = self.last_ends.get(&name).is_some_and(|&at| at + self.rules.tape_time >= now);
            assert!(
                may_end || lags,
                "the player of {name} at session {session} is told of an end, and publisher {publication} may return"
            );
            if may_end {
                self.last_ends.insert(name, now);
            }
        }
    }

    fn look(&mut self, play: usize, now: Duration) -> (&mut Play, Published<'_>) {
        let play = &mut self.plays[play];
        let orders = self.orders.get(&*play.name).map(Vec::as_slice).unwrap_or_default();
        let published = Published { publications: &mut self.publications, orders, rules: &self.rules, now };
        (play, published)
    }

    // --- What the server tells its application ---------------------------------------------------------------

    pub(super) fn witness(&mut self, now: Duration, session: SessionId, event: &Event) {
        self.now = now;
        match event {
            Event::Connected(_) => {}
            Event::Described { stream, .. } => {
                let running = self.running.get(&(session, stream.get()));
                assert!(matches!(running, Some(Asked::Publication(_))), "a track is that of a publisher");
            }
            Event::OnAir { stream, on_air, .. } => {
                let running = self.running.get(&(session, stream.get()));
                let Some(&Asked::Publication(number)) = running else {
                    panic!("session {session} is told whether it is on air, and does not publish")
                };
                self.comes_on_air(number, *on_air);
            }
            Event::Requested(request) => {
                let asked =
                    self.find_asked(session, request.stream.get(), request.kind, request.name.as_str());
                self.waiting.insert(session, asked);
            }
            Event::Refused { kind, why, .. } => self.refuses(session, *kind, why),
            Event::Started { stream, kind, name, form: _ } => {
                let asked = self.waiting.remove(&session).expect("what starts was asked");
                self.story
                    .tell(now, || format!("session {session} begins to {}", verb(*kind, name.as_str())));
                self.running.insert((session, stream.get()), asked);
                match asked {
                    Asked::Publication(number) => self.begins(number),
                    Asked::Play(number) => self.begins_to_play(number),
                }
            }
            Event::Ended { stream, kind, name, why, summary } => {
                self.story.tell(now, || {
                    let verb = verb(*kind, name.as_str());
                    format!("session {session} ends to {verb}: {} {}", why.code(), told(summary))
                });
                self.totals.count(turn("ended", why.code()));
                self.endings.entry(session).or_default().insert(why.code(), now);
                let running = self.running.remove(&(session, stream.get())).expect("what ends has begun");
                match running {
                    Asked::Publication(number) => {
                        let is_replaced = *why == EndReason::Replaced;
                        self.ends(number, summary.frames as usize, Parting::from(why), is_replaced);
                        self.publications[number].check_corrections(&summary.corrections, &self.rules);
                        for (correction, _) in summary.corrections.iter() {
                            self.totals.count(turn("corrected", correction.name()));
                        }
                    }
                    Asked::Play(number) => {
                        let mut of_name =
                            self.publications.iter().filter(|other| other.name == name.as_str());
                        if of_name.any(|other| !other.fits_tape || other.is_bulky) {
                            self.set_undisturbed(session, false);
                        }
                        let is_fine = summary.gaps == 0 || !self.undisturbed.contains(&session);
                        assert!(is_fine, "session {session} lost something of {name}, and was not held up");
                        self.totals.gaps += summary.gaps;
                        self.totals.messages_lost += summary.lost.frames;
                        self.check_that_it_may_end(number, why);
                        self.plays[number].end = Some((why.clone(), *summary));
                        self.check_that_it_was_served(session, number);
                    }
                }
            }
            Event::Closed { why, hangup } => {
                self.story
                    .tell(now, || format!("session {session} is over: {} ({why}), {hangup:?}", why.code()));
                self.totals.count(turn("closed", why.code()));
                let is_fine = self.is_no_reproach(session, why) || !self.undisturbed.contains(&session);
                assert!(
                    is_fine,
                    "session {session} is over, which has done nothing wrong: {} ({why})",
                    why.code()
                );
                self.waiting.remove(&session);
                let before = self.closed.insert(session, why.code());
                assert_eq!(before, None, "session {session} is over twice");
                let left = self.running.range((session, 0)..=(session, u32::MAX)).next();
                assert_eq!(left, None, "session {session} is over, and not what it did");
            }
        }
    }

    fn find_asked(&mut self, session: SessionId, stream: u32, kind: RequestKind, name: &str) -> Asked {
        let asked =
            self.asked.get_mut(&(session, stream)).expect("what the server was asked, a client asked");
        while let Some(asked) = asked.pop_front() {
            let (is_kind, known) = match asked {
                Asked::Publication(number) => {
                    (kind == RequestKind::Publish, self.publications[number].name.as_str())
                }
                Asked::Play(number) => (kind == RequestKind::Play, &*self.plays[number].name),
            };
            if is_kind && known == name {
                return asked;
            }
            assert!(
                !self.undisturbed.contains(&session),
                "session {session} has no answer to what it asked for before it asked to {}: {asked:?}",
                verb(kind, name)
            );
        }
        panic!("session {session} is said to have asked to {}, and has not", verb(kind, name))
    }

    fn refuses(&mut self, session: SessionId, kind: RequestKind, why: &Refusal) {
        let now = self.now;
        self.story
            .tell(now, || format!("session {session} may not {}: {} ({why})", verb(kind, "it"), why.code()));
        self.totals.count(turn("refused", why.code()));
        *self.refusals.entry(session).or_default() += 1;
        // A play that has begun can find that nobody publishes.
        if *why == Refusal::NotFound {
            return;
        }
        match self.waiting.remove(&session) {
            Some(Asked::Publication(number)) => {
                self.publications[number].stage = Stage::Refused;
                if *why == Refusal::NameInUse {
                    assert!(
                        self.rules.delay_between_loops > Duration::ZERO
                            || self.wins_its_place(number) < Certainty::Surely,
                        "publisher {number} is refused the name that it may have: {:?}",
                        self.publications[number].showing
                    );
                }
            }
            Some(Asked::Play(_)) => {}
            None => self.refuses_unasked(session, kind),
        }
    }

    /// The server asks nobody about what cannot be. It takes what is asked in its order: so this is the first of its kind.
    fn refuses_unasked(&mut self, session: SessionId, kind: RequestKind) {
        let of_session = self.asked.range_mut((session, 0)..=(session, u32::MAX)).map(|(_, asked)| asked);
        let number = |asked: &VecDeque<Asked>| match (asked.front(), kind) {
            (Some(Asked::Publication(number)), RequestKind::Publish) => Some(*number),
            (Some(Asked::Play(number)), RequestKind::Play) => Some(*number),
            _ => None,
        };
        if let Some(asked) =
            of_session.filter(|asked| number(asked).is_some()).min_by_key(|asked| number(asked))
        {
            asked.pop_front();
        }
    }

    /// Whether somebody wins what it asks for.
    fn wins_its_place(&self, number: usize) -> Certainty {
        let (asked, delay) = (&self.publications[number], self.rules.delay_between_loops);
        let at = |role| self.publisher_of(&asked.name, role).map(|number| &self.publications[number]);
        let (held, other) = (at(asked.showing.role), at(asked.showing.role.other()));
        asked.showing.wins(self.rules.takeover, held, other, (self.now, delay))
    }

    /// Who publishes a name in that role, as far as the server told.
    fn publisher_of(&self, name: &str, role: PublisherRole) -> Option<usize> {
        let orders = self.orders.get(name)?;
        let is_its = |number: &usize| {
            let publication = &self.publications[*number];
            publication.showing.role == role && publication.is_live()
        };
        // Few were there at once, and those late.
        orders.iter().rev().copied().find(is_its)
    }

    /// A publication begins: the only one of its name and role.
    pub(super) fn begins(&mut self, number: usize) {
        let now = self.now;
        self.totals.publications += 1;
        let Publication { name, showing, .. } = &self.publications[number];
        let (name, role) = (name.clone(), showing.role);
        let held = self.publisher_of(&name, role);
        assert!(
            self.wins_its_place(number) > Certainty::No,
            "{number} publishes {name} with {showing:?}, and {held:?} does as {:?}: that may not be",
            held.map(|held| self.publications[held].showing)
        );
        let is_of_one_loop = self.rules.is_of_one_loop();
        if let Some(held) = held {
            self.publications[held].makes_way(now, is_of_one_loop);
            self.totals.count(turn("handover", "replaced"));
        }
        let has_backups = self.rules.has_backups(&name);
        let orders = self.orders.entry(name.clone()).or_default();
        let before = orders.last().copied().filter(|_| !has_backups);
        self.publications[number].on_air = (true, now);
        let order = orders.len();
        orders.push(number);
        // A stream lives until its last holder lets go.
        let plays = self.running.values().filter_map(|asked| match asked {
            Asked::Play(play) => Some(&self.plays[*play]),
            Asked::Publication(_) => None,
        });
        let oldest = plays.filter(|play| *play.name == *name).filter_map(|play| play.began).min();
        let is_kept = |before: &Publication| match before.stage {
            Stage::Over { at, .. } if oldest.is_some_and(|oldest| oldest < at) => Certainty::Surely,
            _ => Certainty::Perhaps,
        };
        match before.and_then(|last| self.publications.get_disjoint_mut([last, number]).ok()) {
            Some([before, behind]) => {
                let goes_on = match held {
                    None => self.rules.goes_on(&before.stage, now).min(is_kept(before)),
                    Some(_) if is_of_one_loop => Certainty::Surely,
                    Some(_) => Certainty::Perhaps,
                };
                behind.begin(order, now, Some((before, goes_on)));
            }
            None => self.publications[number].begin(order, now, None),
        }
    }

    /// A publication is over; so many of its messages had come.
    pub(super) fn ends(&mut self, number: usize, taken: usize, parting: Parting, is_replaced: bool) {
        let is_of_one_loop = self.rules.is_of_one_loop();
        self.publications[number].ends(taken, parting, is_replaced, (self.now, is_of_one_loop));
    }

    /// The server says whether players get what somebody sends.
    fn comes_on_air(&mut self, number: usize, on_air: bool) {
        let publication = &mut self.publications[number];
        publication.on_air = (on_air, self.now);
        let (name, role) = (publication.name.clone(), publication.showing.role);
        self.story.tell(self.now, || format!("publisher {number} is on air: {on_air}"));
        let has_other = self.publisher_of(&name, role.other()).is_some();
        let handover = match (on_air, role) {
            (true, PublisherRole::Main) if has_other => "gave-back",
            (true, _) => "took-over",
            (false, _) => "stood-by",
        };
        self.totals.count(turn("handover", handover));
        assert!(
            self.rules.has_backups(&name),
            "publisher {number} is told of {handover}, and there is no other"
        );
    }

    /// A client is told that it may not publish any more.
    pub(super) fn hears_that_it_is_replaced(&mut self, number: usize, code: &str) {
        let Some(replaced) = &mut self.publications[number].replaced else {
            panic!("publisher {number} is told {code}, and nobody has taken its place")
        };
        assert_eq!(code, "NetStream.Publish.BadName", "what publisher {number} is told, which is replaced");
        replaced.is_heard = true;
    }

    fn begins_to_play(&mut self, number: usize) {
        let orders = self.orders.get(&*self.plays[number].name).map(Vec::as_slice).unwrap_or_default();
        let delay = self.rules.delay_between_loops;
        if self.rules.has_backups(&self.plays[number].name) {
            return self.plays[number].begin(self.now, None);
        }
        let nobody_is_there = match orders.last().map(|&last| &self.publications[last].stage) {
            None => true,
            Some(Stage::Over { at, parting: Parting::InGoodOrder, .. }) => self.now >= *at + delay,
            Some(Stage::Over { at, parting: Parting::Vanished, .. }) => {
                !self.rules.waits() && self.now > *at + self.rules.grace + delay
            }
            Some(Stage::Asked | Stage::Refused | Stage::Live { .. }) => false,
        };
        self.plays[number].begin(self.now, nobody_is_there.then_some(orders.len()));
    }

    /// Whether that befalls also those who do nothing wrong.
    fn is_no_reproach(&self, session: SessionId, why: &CloseReason) -> bool {
        let endings = self.endings.get(&session);
        // What was under way has ended just before, for the same reason.
        let something_ran = endings.is_some_and(|endings| endings.get(why.code()) == Some(&self.now));
        match why {
            CloseReason::PeerLeft | CloseReason::ClosedByPeer | CloseReason::Shutdown => true,
            CloseReason::CommandTimeout => {
                let last = endings.and_then(|endings| endings.values().max());
                !something_ran && last.is_none_or(|&last| self.now >= last + self.rules.command)
            }
            CloseReason::Refused => {
                let refusals = self.refusals.get(&session).copied().unwrap_or_default();
                refusals >= limits::REFUSALS || !something_ran
            }
            CloseReason::StreamEnded | CloseReason::TimelineFull | CloseReason::Replaced => {
                endings.is_some_and(|endings| endings.contains_key(why.code()))
            }
            _ => false,
        }
    }

    // --- Questions ---------------------------------------------------------------------------------------------

    /// Whether somebody publishes the name, as far as the server told.
    pub(super) fn is_published(&self, name: &str) -> bool {
        PublisherRole::ALL.into_iter().any(|role| self.publisher_of(name, role).is_some())
    }

    /// Whether nobody publishes any more.
    pub(super) fn are_all_over(&self) -> bool {
        !self.publications.iter().any(|publication| matches!(publication.stage, Stage::Live { .. }))
    }

    /// Everybody has left: what each player saw is what the server says, and everything has ended.
    pub(super) fn close(&mut self) {
        assert!(self.running.is_empty(), "all have left, and not all has ended: {:?}", self.running);
        for number in 0..self.plays.len() {
            let now = self.now;
            let (play, published) = self.look(number, now);
            play.check_account(&published);
        }
    }

    /// Every publisher has ended in good order some time ago: so has everybody who saw something of it.
    pub(super) fn check_that_all_were_told(&mut self, is_served: impl Fn(SessionId) -> bool) {
        let running: Vec<_> = self.running.iter().map(|((session, _), asked)| (*session, *asked)).collect();
        for (session, asked) in running {
            if let Asked::Play(number) = asked {
                self.check_that_it_was_served(session, number);
            }
        }
        let unheard = self.asked.iter().find(|((session, _), asked)| {
            !asked.is_empty() && self.undisturbed.contains(session) && is_served(*session)
        });
        if let Some(((session, stream), asked)) = unheard {
            panic!(
                "session {session} asked for something on NetStream {stream}, and heard nothing: {asked:?}"
            );
        }
        for (session, asked) in self.running.iter().map(|((session, _), asked)| (*session, *asked)) {
            let Asked::Play(number) = asked else { continue };
            let play = &self.plays[number];
            let last = self.orders.get(&*play.name).and_then(|orders| orders.last());
            let parting = last.map(|&last| &self.publications[last].stage);
            if self.rules.waits() && self.rules.has_backups(&play.name) {
                continue;
            }
            if self.rules.waits() && matches!(parting, Some(Stage::Over { parting: Parting::Vanished, .. })) {
                continue;
            }
            assert!(
                !(play.has_seen_something() && is_served(session)),
                "the player of {} at session {session} was not told that it is over, and is at message {:?}",
                play.name,
                play.place()
            );
        }
        let untold = self.plays.iter().find(|play| {
            let is_told = |why: &EndReason| {
                matches!(why, EndReason::StreamEnded | EndReason::TimelineFull | EndReason::TooSlow)
            };
            let was_ended = play.end.as_ref().is_some_and(|(why, _)| is_told(why));
            was_ended && !(play.is_over && play.has_eof) && is_served(play.session)
        });
        if let Some(play) = untold {
            panic!(
                "the server ended what session {} plays of {}, and that was not heard",
                play.session, play.name
            );
        }
    }
}

fn verb(kind: RequestKind, name: &str) -> String {
    match kind {
        RequestKind::Publish => format!("publish {name}"),
        RequestKind::Play => format!("play {name}"),
    }
}

fn told(summary: &sol_core::participant::Summary) -> String {
    let lost = summary.lost;
    let seconds = summary.lasted.as_secs_f64();
    match summary.gaps {
        0 => format!("after {seconds:.1} s, {} messages", summary.frames),
        gaps => format!(
            "after {seconds:.1} s, {} messages, {} lost in {gaps} gaps ({:?})",
            summary.frames, lost.frames, lost.duration
        ),
    }
}
