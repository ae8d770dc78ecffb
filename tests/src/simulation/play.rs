//! Play: what one player saw of one name, held against what was published.
//!
//! A stream is its publications one behind the other, as the server let them begin. A player reads it in order, and leaves out
//! nothing but what it did not want, what it had to wait for a keyframe with, and what the server says it lost: behind each such
//! hole, as at the beginning, come the preamble and a keyframe.

mod in_turns;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use sol_core::hub::Join;
use sol_core::ids::SessionId;
use sol_core::participant::{EndReason, Summary};

use crate::peer::message::{MediaReceived, TypeId};
use crate::peer::pattern::MediaRole;

use super::course::Course;
use super::film::{Told, told};
use super::publication::{AUDIO, Certainty, METADATA, Publication, Sent, Stage, VIDEO, kind_of};
use super::published::Published;
use super::turns::Turns;

/// One player of one name, from its beginning to its end.
#[derive(Debug)]
pub(super) struct Play {
    pub name: Rc<str>,
    pub session: SessionId,
    /// How late what comes to the server comes to the player at most; nothing where it may be held up.
    pub delay_max: Option<Duration>,
    /// When the server began to serve it.
    pub began: Option<Duration>,
    /// When the player was told so, or went on last.
    pub told_start: Option<Duration>,
    pub is_paused: bool,
    wants: [bool; 3],
    /// When it was told that it gets again what it had turned off, until it does.
    wants_since: [Option<Duration>; 3],
    /// How the server ended it.
    pub end: Option<(EndReason, Summary)>,
    /// The player was told that it is over.
    pub is_over: bool,
    /// StreamEOF came for that.
    pub has_eof: bool,
    /// A frame came since it was told that it plays, or goes on.
    was_served: bool,
    /// It once did not want all.
    was_filtered: bool,
    /// The next message that is due: of which publication, and the how-manieth.
    at: Option<(usize, usize)>,
    /// The publication of which everything is due, where that has yet to come.
    next_order: Option<usize>,
    /// It joins, or goes on: whatever comes first, comes behind a preamble.
    is_fresh: bool,
    awaits_keyframe: bool,
    /// Metadata and configurations that came since the last frame.
    preparations: Vec<Preparation>,
    /// The configurations and metadata that it has.
    known: [Option<Bytes>; 3],
    /// Messages that came.
    pub received: u64,
    /// What is missing that it should have had.
    missing: u64,
    /// The same without pictures.
    missing_no_pictures: u64,
    /// What is missing in all.
    left_out: u64,
    pub holes: u64,
    /// A tape may hold no keyframe to go on at.
    is_unsure: bool,
    /// It has gone on somewhere else than where it stopped.
    was_moved: bool,
    course: Course,
    /// Where its name may have two publishers at once.
    turns: Option<Turns>,
}

#[derive(Debug)]
struct Preparation {
    kind: usize,
    timestamp_ms: u32,
    payload: Bytes,
}

/// What a session plays.
struct Label {
    name: Rc<str>,
    session: SessionId,
    at: Option<(usize, usize)>,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the player of {} at session {}", self.name, self.session)?;
        match self.at {
            Some((publication, next)) => {
                write!(f, " (which is at message {next} of publisher {publication})")
            }
            None => Ok(()),
        }
    }
}

/// A frame that came, as its publisher sent it.
#[derive(Clone, Copy)]
struct Arrival {
    publication: usize,
    /// The how-manieth of its publication.
    index: usize,
    role: MediaRole,
    life: usize,
    timestamp_ms: u32,
}

/// How a frame follows what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Following {
    /// Nothing came before it, since the player joined or went on.
    Joins,
    GoesOn,
    /// Something is missing.
    BehindHole,
    /// Another publisher goes on.
    OfAnother,
}

/// What a player may leave out of what comes next.
enum Skip {
    LeftOut,
    Missing,
}

impl Play {
    pub(super) fn new(
        name: &str,
        session: SessionId,
        delay_max: Option<Duration>,
        has_backups: bool,
    ) -> Self {
        Self {
            name: name.into(),
            session,
            delay_max,
            began: None,
            told_start: None,
            is_paused: false,
            wants: [true; 3],
            wants_since: [None; 3],
            end: None,
            is_over: false,
            has_eof: false,
            was_served: false,
            was_filtered: false,
            at: None,
            next_order: None,
            is_fresh: true,
            awaits_keyframe: true,
            preparations: Vec::new(),
            known: [None, None, None],
            received: 0,
            missing: 0,
            missing_no_pictures: 0,
            left_out: 0,
            holes: 0,
            is_unsure: false,
            was_moved: false,
            course: Course::default(),
            turns: has_backups.then(Turns::default),
        }
    }

    // --- What happens to it ---------------------------------------------------------------------------------

    /// The server lets it play. Where nobody publishes, or may return, it gets the next publication from its beginning.
    pub(super) fn begin(&mut self, now: Duration, next_order: Option<usize>) {
        self.began = Some(now);
        self.next_order = next_order;
    }

    /// Which one it is, in words.
    fn label(&self) -> Label {
        Label { name: Rc::clone(&self.name), session: self.session, at: self.at }
    }

    pub(super) fn hears_start(&mut self, now: Duration) {
        assert!(self.told_start.is_none(), "{} is told twice that it starts", self.label());
        self.told_start = Some(now);
    }

    pub(super) fn hears_pause(&mut self, paused: bool, now: Duration) {
        // To pause twice, or to go on without a pause, changes nothing.
        if self.is_paused && !paused {
            (self.is_fresh, self.next_order) = (true, None);
            self.was_moved = true;
            self.was_served = false;
            self.awaits_keyframe = true;
            self.told_start = Some(now);
            self.preparations.clear();
            self.turns = self.turns.take().map(|_| Turns::default());
        }
        self.is_paused = paused;
    }

    pub(super) fn selects(&mut self, kind: usize, wanted: bool, now: Duration) {
        self.was_filtered = true;
        if !std::mem::replace(&mut self.wants[kind], wanted) && wanted {
            self.wants_since[kind] = Some(now);
            self.known[kind] = None;
            self.awaits_keyframe |= kind == VIDEO;
        }
    }

    /// A message came.
    pub(super) fn take(&mut self, media: &MediaReceived, world: &mut Published<'_>) {
        let name = &self.label();
        assert!(!self.is_over, "{name} gets media behind its end");
        assert!(self.told_start.is_some(), "{name} gets media before it is told that it starts");
        assert!(!self.is_paused, "{name} gets media while it pauses");
        self.received += 1;
        let said = told(media.type_id, &media.payload);
        let kind = match said.unwrap_or_else(|| panic!("{name} has a message that was never sent: {media:?}"))
        {
            Told::Metadata => METADATA,
            Told::VideoConfig => VIDEO,
            Told::AudioConfig => AUDIO,
            Told::Frame { mark, sequence } => {
                self.take_frame(mark as usize, sequence, media, world);
                return;
            }
        };
        assert!(kind != METADATA || media.timestamp_ms == 0, "{name} has metadata with a time other than 0");
        assert!(self.wants[kind], "{name} has a configuration that it does not want");
        let (timestamp_ms, payload) = (media.timestamp_ms, media.payload.clone());
        self.preparations.push(Preparation { kind, timestamp_ms, payload });
    }

    fn take_frame(&mut self, mark: usize, index: usize, media: &MediaReceived, world: &mut Published<'_>) {
        let arrival = self.find(mark, index, media, world);
        if self.turns.is_some() {
            return self.take_in_turn(arrival, world);
        }
        self.check_promptness(arrival, world);
        if let Some((from, _)) = self.at.filter(|_| !self.is_fresh) {
            world.goes_on(from, mark);
        }
        world.publications[mark].check_time(index, media.timestamp_ms, world.now);
        let was_at = self.at.filter(|&(_, next)| next > 0).map(|(publication, _)| publication);
        let following = self.go_to(arrival, world);
        if following == Following::Joins {
            self.course = Course::default();
        } else if was_at.is_some_and(|publication| publication != mark) {
            self.course.pass_border();
        }
        let kind = kind_of(arrival.role);
        if arrival.role.is_frame()
            && let Err(step) = self.course.take(kind, media.timestamp_ms, world.rules.repair)
        {
            panic!("{} has {arrival} with time {}, when {step}", self.label(), media.timestamp_ms);
        }
        if following != Following::GoesOn {
            self.known = [None, None, None];
            self.awaits_keyframe = true;
        }
        self.prepare(arrival, following, world);
        self.check_beginning(arrival, following, world);
        assert!(self.wants[kind], "{} has a frame of a kind that it does not want, {arrival}", self.label());
        if kind == VIDEO {
            self.awaits_keyframe = false;
        }
        self.wants_since[kind] = None;
        self.at = Some((mark, index + 1));
        self.is_fresh = false;
        self.was_served = true;
    }

    /// The message that a publisher sent, to the byte.
    fn find(&self, mark: usize, index: usize, media: &MediaReceived, world: &Published<'_>) -> Arrival {
        let name = self.label();
        let of_name = world.publications.get(mark).filter(|publication| *publication.name == *self.name);
        let publication = of_name.unwrap_or_else(|| panic!("{name} has a frame of another stream, {mark}"));
        let sent = publication.sent.get(index);
        let sent =
            sent.unwrap_or_else(|| panic!("{name} has a frame that was never sent, {index} of {mark}"));
        assert!(
            sent.media.type_id == media.type_id && sent.seen == media.payload,
            "{name} has message {index} of publisher {mark}, which differs from what that sent"
        );
        assert!(publication.order().is_some(), "{name} has frames of publisher {mark}, who may not");
        assert!(
            index < publication.taken(),
            "{name} has message {index} of publisher {mark}, of which the server had {} at its end",
            publication.taken()
        );
        let (role, life, timestamp_ms) = (sent.media.role, sent.life, media.timestamp_ms);
        Arrival { publication: mark, index, role, life, timestamp_ms }
    }

    /// Nothing held it up on its way.
    fn check_promptness(&self, arrival: Arrival, world: &Published<'_>) {
        let publication = &world.publications[arrival.publication];
        let Some((up, down)) = publication.delay_max.zip(self.delay_max) else { return };
        let at = publication.sent[arrival.index].at;
        let is_later = |since: Option<Duration>| since.is_some_and(|since| at >= since);
        if is_later(publication.since()) && is_later(self.told_start) {
            let took = world.now.saturating_sub(at);
            assert!(
                took <= up + down,
                "{} has {arrival} after {took:?}, and is to have it after {:?} at most",
                self.label(),
                up + down
            );
        }
    }

    /// Leaves out everything up to a frame.
    fn go_to(&mut self, arrival: Arrival, world: &Published<'_>) -> Following {
        self.is_unsure |= !world.publications[arrival.publication].fits_tape;
        self.go_to_next(world);
        if self.is_fresh {
            return Following::Joins;
        }
        let (current, next) = self.at.expect("it is somewhere, or it joins");
        if current == arrival.publication && next > 0 {
            let before = world.publications[current].sent[next - 1].life;
            assert!(before == arrival.life, "{} goes on behind the end of its time", self.label());
        }
        let had_missing = self.missing;
        self.skip_to(arrival, world);
        if self.missing > had_missing {
            self.holes += 1;
            Following::BehindHole
        } else if current == arrival.publication {
            Following::GoesOn
        } else {
            Following::OfAnother
        }
    }

    /// Whoever waited for a publication is at its beginning when it has come.
    fn go_to_next(&mut self, world: &Published<'_>) {
        if let Some(&next) = self.next_order.and_then(|order| world.orders.get(order)) {
            self.next_order = None;
            self.at = Some((next, 0));
            self.is_fresh = false;
        }
    }

    /// What came in front of a frame is what its decoder needs.
    fn prepare(&mut self, arrival: Arrival, following: Following, world: &Published<'_>) {
        let name = self.label();
        let Arrival { publication, index, role, .. } = arrival;
        let publication = &world.publications[publication];
        let begins = following != Following::GoesOn;
        for Preparation { kind, timestamp_ms, payload } in self.preparations.drain(..) {
            let was_sent = world.of_name(&self.name).any(|other| other.has_prepared(kind, &payload));
            assert!(was_sent, "{name} has metadata or a configuration that was never sent");
            // What it gets again that it had turned off is stamped for the stream's present.
            let is_for_frame = begins && role == MediaRole::Keyframe && self.wants_since == [None; 3];
            if kind != METADATA && is_for_frame {
                let latest_ms = arrival.timestamp_ms.saturating_add(publication.disorder_max_ms());
                assert!(
                    timestamp_ms <= latest_ms,
                    "{name} has a configuration of {timestamp_ms} ms in front of {arrival}, of {latest_ms} ms"
                );
            }
            self.known[kind] = Some(payload);
        }
        // Metadata is for whoever begins.
        let kinds = [kind_of(role), METADATA];
        for kind in kinds.into_iter().filter(|&kind| kind != METADATA || begins) {
            let Some(needed) = publication.sent[index].newest[kind] else { continue };
            // What is left of a publication that is over, or no more on air, when it is wanted anew comes as it is: the stream has no
            // present for which a configuration could be stamped, and a decoder has the one from before.
            let has_passed = publication.is_over() || !publication.on_air.0;
            if self.wants_since[kind].is_some() && has_passed {
                self.known[kind] = Some(publication.sent[needed].seen.clone());
            }
            assert!(
                self.known[kind].as_ref() == Some(&publication.sent[needed].seen),
                "{name} {following} with {arrival}, without the {} that belongs to it",
                ["metadata", "video configuration", "audio configuration"][kind]
            );
        }
    }

    /// Video begins at a keyframe, and so does whoever joins or has lost something.
    fn check_beginning(&self, arrival: Arrival, following: Following, world: &Published<'_>) {
        let (name, Arrival { publication, index, role, life, .. }) = (self.label(), arrival);
        let publication = &world.publications[publication];
        if role == MediaRole::Interframe && self.awaits_keyframe {
            assert!(
                publication.has_no_keyframes_at(index),
                "{name} {following} with {arrival}, and its video is to begin with a keyframe"
            );
        }
        let join = world.rules.join_of(&self.name);
        let begins_at_keyframe = match following {
            Following::Joins => join != Join::Live,
            Following::BehindHole => true,
            Following::GoesOn | Following::OfAnother => false,
        };
        if !begins_at_keyframe || self.is_unsure || !self.wants[VIDEO] || role == MediaRole::Text {
            return;
        }
        let keyframes = |sent: &&Sent| sent.media.role == MediaRole::Keyframe && sent.life == life;
        if role != MediaRole::Keyframe {
            let before = publication.sent[..index].iter().filter(keyframes).count();
            assert!(before == 0, "{name} {following} with {arrival} and not at a keyframe");
        } else if following == Following::Joins && join == Join::Keyframe && !self.was_moved {
            // What came of one that was replaced just then is not known.
            let taken = publication.taken_at_least().max(index + 1);
            let mut later = publication.sent[index + 1..taken].iter().filter(keyframes);
            let known = publication.delay_max.zip(self.began).and_then(|(up, began)| began.checked_sub(up));
            let newer = later.find(|sent| known.is_some_and(|known| sent.at < known));
            assert!(
                newer.is_none(),
                "{name} {following} with {arrival}, when a newer keyframe had long come"
            );
        }
    }

    /// Everything up to a message is left out.
    fn skip_to(&mut self, arrival: Arrival, world: &Published<'_>) {
        let Some((mut publication, mut from)) = self.at else { return };
        let (name, order) = (self.label(), world.order(arrival.publication));
        while world.order(publication) != order {
            let current = &world.publications[publication];
            assert!(
                world.order(publication) < order,
                "{name} goes back to {arrival} from publisher {publication}"
            );
            assert!(current.is_over(), "{name} has {arrival} while publisher {publication} is not over");
            self.skip_rest(current, from);
            self.awaits_keyframe = true;
            let next = world.next_of(publication).expect("there is a later one");
            world.publications[next].check_border(&world.publications[publication], world.rules, world.now);
            (publication, from) = (next, 0);
        }
        assert!(from <= arrival.index, "{name} has {arrival} behind message {}", from.saturating_sub(1));
        self.skip(&world.publications[publication], from, arrival.index);
    }

    /// What is left out of a publication behind its last message that came. How many there were is not always known.
    fn skip_rest(&mut self, publication: &Publication, from: usize) {
        let surely = publication.taken_at_least();
        self.skip(publication, from, surely);
        self.left_out += (publication.taken() - surely.max(from).min(publication.taken())) as u64;
    }

    /// What is left out of one publication.
    fn skip(&mut self, publication: &Publication, from: usize, to: usize) {
        self.is_unsure |= !publication.fits_tape;
        for (index, sent) in
            publication.sent[..to].iter().enumerate().skip(from).filter(|(_, sent)| sent.is_new)
        {
            if publication.is_left_out(index) != Certainty::No {
                // By the server, or by this one.
                self.left_out += 1;
                continue;
            }
            let is_picture = matches!(sent.media.role, MediaRole::Keyframe | MediaRole::Interframe);
            match self.judge(sent) {
                Skip::LeftOut => self.left_out += 1,
                Skip::Missing => {
                    self.left_out += 1;
                    self.missing += 1;
                    self.missing_no_pictures += u64::from(!is_picture);
                }
            }
        }
    }

    fn judge(&mut self, sent: &Sent) -> Skip {
        let was_wanted =
            |kind: usize| self.wants[kind] && self.wants_since[kind].is_none_or(|since| sent.at >= since);
        match sent.media.role {
            MediaRole::Keyframe if was_wanted(VIDEO) => {
                self.awaits_keyframe = false;
                Skip::Missing
            }
            MediaRole::Interframe if was_wanted(VIDEO) && !self.awaits_keyframe => Skip::Missing,
            MediaRole::AudioFrame if was_wanted(AUDIO) => Skip::Missing,
            MediaRole::Text => Skip::Missing,
            MediaRole::Keyframe | MediaRole::Interframe | MediaRole::AudioFrame => Skip::LeftOut,
            // Also where it comes again in a preamble.
            MediaRole::Metadata | MediaRole::VideoConfig | MediaRole::AudioConfig => Skip::LeftOut,
        }
    }

    // --- How it ends ----------------------------------------------------------------------------------------

    /// The player is told that there is nothing more to come.
    pub(super) fn hears_end(&mut self, world: &Published<'_>) {
        assert!(!self.is_over, "{} is told twice that it is over", self.label());
        self.is_over = true;
        self.go_to_next(world);
        let Some((why, summary)) = self.end.clone() else {
            panic!("{} is told that it is over, which it is not", self.label());
        };
        let is_ended =
            matches!(why, EndReason::StreamEnded | EndReason::TimelineFull) && self.turns.is_none();
        if is_ended && !self.is_paused && !self.is_fresh {
            self.skip_to_end(world, &why);
        }
        let is_all_there = matches!(
            why,
            EndReason::StreamEnded
                | EndReason::TimelineFull
                | EndReason::TooSlow
                | EndReason::Stopped
                | EndReason::NotFound
        );
        assert!(
            !is_all_there || self.received == summary.frames,
            "{} has {} messages, and was sent {}: {why}",
            self.label(),
            self.received,
            summary.frames
        );
        self.check_account(world);
    }

    /// StreamEOF came, and the player does not pause. Players act on the notice in front of it; where they asked for the end
    /// themselves, and where they never began, there is none.
    pub(super) fn hears_eof(&mut self, world: &Published<'_>) {
        self.has_eof = true;
        if self.is_over {
            return;
        }
        let why = self.end.as_ref().map(|(why, _)| why);
        assert!(
            matches!(why, None | Some(EndReason::Stopped | EndReason::NotFound)),
            "{} has StreamEOF and was not told before that nobody publishes: {why:?}",
            self.label()
        );
        self.hears_end(world);
    }

    /// What was left of the publication, or of those that went on in its place, when it ended.
    fn skip_to_end(&mut self, world: &Published<'_>, why: &EndReason) {
        let Some((mut publication, mut from)) = self.at else { return };
        loop {
            let current = &world.publications[publication];
            if *why == EndReason::TimelineFull {
                let life = from.checked_sub(1).map_or(0, |last| current.sent[last].life);
                let to = current.sent.partition_point(|sent| sent.life <= life);
                self.skip(current, from, to);
                return;
            }
            if let Stage::Live { .. } = current.stage {
                // It began, and nobody saw anything of it before the end of the one before.
                assert!(
                    from == 0,
                    "{} is told that it is over while publisher {publication} is there",
                    self.label()
                );
                return;
            }
            self.skip_rest(current, from);
            let Some(next) =
                world.next_of(publication).filter(|&next| world.surely_goes_on(publication, next))
            else {
                return;
            };
            self.awaits_keyframe = true;
            (publication, from) = (next, 0);
        }
    }

    /// What is missing is what the server says was lost, and nothing else.
    pub(super) fn check_account(&self, world: &Published<'_>) {
        let Some((why, summary)) = &self.end else { return };
        let (name, lost) = (self.label(), summary.lost.frames);
        let missing = if self.is_unsure { self.missing_no_pictures } else { self.missing };
        assert!(
            missing <= lost && (self.holes == 0 || summary.gaps > 0),
            "{name} lacks {missing} messages in {} holes, and has lost {lost} in {} gaps, as the server says: {why}",
            self.holes,
            summary.gaps
        );
        assert!(
            self.received <= summary.frames,
            "{name} has {} messages, and was sent {}: {why}",
            self.received,
            summary.frames
        );
        // What it lost before it saw anything is not known here.
        let is_known = !self.was_moved && summary.gaps <= self.holes && self.turns.is_none();
        if let Some((publication, next)) = self.at.filter(|_| is_known) {
            let rest = world.sent_from(publication, next);
            assert!(
                lost <= self.left_out + rest,
                "{name} has lost {lost} messages, as the server says, and lacks {}: {why}",
                self.left_out + rest
            );
        }
    }

    /// Somebody publishes, nothing holds it up, and the player has asked for all of it: then it gets something.
    pub(super) fn check_that_it_was_served(&self, world: &Published<'_>) {
        let (Some(began), false) = (self.began, self.was_served || self.is_paused || self.was_filtered)
        else {
            return;
        };
        let began = began.max(self.told_start.unwrap_or_default());
        for publication in world.orders.iter().map(|&order| &world.publications[order]) {
            let (since, until) = match publication.stage {
                Stage::Live { since, .. } => (since, world.now),
                Stage::Over { since, at, .. } => (since, at),
                Stage::Asked | Stage::Refused => continue,
            };
            if self.turns.is_some() && !world.is_alone(publication) {
                continue;
            }
            let Some((up, (down, group))) =
                publication.delay_max.zip(self.delay_max.zip(publication.group_time))
            else {
                continue;
            };
            let was_there = until.saturating_sub(began.max(since));
            assert!(
                was_there <= group + up + down,
                "{} was there for {was_there:?} while somebody published, and got nothing of it",
                self.label()
            );
        }
    }

    /// How late something comes to it at most, if it has wanted all of it for long.
    pub(super) fn steady_delay(&self, now: Duration, publication: &Publication) -> Option<Duration> {
        let began = self.began?.max(self.told_start?);
        let has_begun = began + publication.group_time.unwrap_or_default() + Duration::from_secs(3) < now;
        self.delay_max.filter(|_| has_begun && !self.is_paused && !self.was_filtered && !self.is_unsure)
    }

    /// Whether it has seen anything since it joined or went on.
    pub(super) fn has_seen_something(&self) -> bool {
        !self.is_fresh && self.received > 0
    }

    /// What it waits for.
    pub(super) fn place(&self) -> Option<(usize, usize)> {
        self.at
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} ({:?}) of publisher {}", self.index, self.role, self.publication)
    }
}

impl fmt::Display for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Following::Joins => "begins",
            Following::GoesOn => "goes on",
            Following::BehindHole => "goes on behind a hole",
            Following::OfAnother => "goes on with another publisher",
        })
    }
}

/// Whether a message is media, and not something that a server says of a stream.
pub(super) fn is_media(type_id: TypeId) -> bool {
    matches!(type_id, TypeId::AUDIO | TypeId::VIDEO | TypeId::DATA_AMF0 | TypeId::DATA_AMF3)
}
