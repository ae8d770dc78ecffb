//! Publication: what one publisher sent under one name, and what its players are to see of it.
//!
//! A publisher that goes on with a stream of pictures is seen from its first keyframe on: what it sends in front of that is left
//! out, for some seconds.
//!
//! Invariant: what was taken by the server is a prefix of what was sent.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use sol_core::hub::{Correction, Corrections, Pause};
use sol_core::limits;
use sol_core::participant::EndReason;

use crate::peer::pattern::{MediaRole, MediaSent};

use super::bidding::Showing;
use super::film::{Film, Metadata, as_players_see_it};
use super::published::Rules;
use super::times::Times;

/// One publication. Its number is the mark of its frames.
#[derive(Debug)]
pub(super) struct Publication {
    pub name: String,
    pub showing: Showing,
    pub sent: Vec<Sent>,
    pub stage: Stage,
    /// Whether a tape holds more than a group of it.
    pub fits_tape: bool,
    /// Something of it is so long that a player with a small window may fall behind with that alone; or it sends before it may, and
    /// more comes at once than a small tape holds.
    pub is_bulky: bool,
    /// In which time somebody who joins finds a place to begin at, where that can be said.
    pub group_time: Option<Duration>,
    /// How late it comes to the server at most; nothing where it may be held up.
    pub delay_max: Option<Duration>,
    /// Whether it goes on with a stream of pictures.
    pub returns: Certainty,
    /// Whether players get it, as the server told last, and when it told that.
    pub on_air: (bool, Duration),
    pub replaced: Option<Replaced>,
    /// Whether it ended for that.
    pub ends_replaced: bool,
    is_taken_known: bool,
    has_backups: bool,
    times: Times,
    first_coded: Option<usize>,
    first_keyframe: Option<usize>,
    /// The newest of each kind that preambles have.
    newest: [Option<usize>; 3],
    /// All metadata and configurations.
    preparations: Vec<usize>,
}

/// Another publisher has taken its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replaced {
    pub at: Duration,
    /// When the server told that it is over.
    pub ended: Option<Duration>,
    /// Whether its client heard of it.
    pub is_heard: bool,
}

/// How far a publication is, as the server told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stage {
    /// The server has not said yes.
    Asked,
    /// It began then, as the how-manieth of its name.
    Live { order: usize, since: Duration },
    /// It is over.
    Over { order: usize, since: Duration, at: Duration, taken: usize, parting: Parting },
    /// The server said no.
    Refused,
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certainty {
    No,
    Perhaps,
    Surely,
}

/// Whether another may go on where a publication stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parting {
    InGoodOrder,
    Vanished,
}

/// One message.
#[derive(Debug)]
pub(super) struct Sent {
    pub media: MediaSent,
    pub at: Duration,
    /// The payload as players get it.
    pub seen: Bytes,
    /// How often the stream's time was used up before it.
    pub life: usize,
    /// Whether it says anything that the server does not know.
    pub is_new: bool,
    /// The newest metadata and configurations at or in front of it that preambles have.
    pub newest: [Option<usize>; 3],
}

impl Publication {
    pub(super) fn new(
        (name, showing): (&str, Showing),
        film: &Film,
        rules: &Rules,
        delay_max: Option<Duration>,
    ) -> Self {
        let fits_tape = rules.fits_tape(film);
        Self {
            name: name.to_owned(),
            showing,
            sent: Vec::new(),
            stage: Stage::Asked,
            fits_tape,
            is_bulky: film.metadata == Metadata::Verbose,
            group_time: match film.video {
                _ if !fits_tape => None,
                Some(_) => film.group_time(),
                None => Some(limits::AUDIO_SYNC_TIME),
            },
            delay_max,
            returns: Certainty::No,
            on_air: (true, Duration::ZERO),
            replaced: None,
            ends_replaced: false,
            is_taken_known: true,
            has_backups: rules.has_backups(name),
            times: Times::new(film, rules.repair),
            first_coded: None,
            first_keyframe: None,
            newest: [None; 3],
            preparations: Vec::new(),
        }
    }

    /// It begins, perhaps behind another one, with which it may go on.
    pub(super) fn begin(&mut self, order: usize, since: Duration, before: Option<(&Publication, Certainty)>) {
        self.stage = Stage::Live { order, since };
        match before {
            Some((before, goes_on)) => self.returns = goes_on.min(before.shows_pictures()),
            None => self.times.begin_their_stream(),
        }
        // Where it has no pictures itself, nobody hears it for a while.
        if self.returns != Certainty::No {
            self.group_time = self.group_time.map(|group| group + limits::RETURN_TIME);
        }
    }

    /// It goes on with another one for sure: a player has come from there.
    pub(super) fn go_on_with(&mut self, before: &Publication) {
        if self.returns == Certainty::Perhaps {
            self.returns = before.shows_pictures();
        }
    }

    /// The next message is on its way.
    pub(super) fn send(&mut self, media: MediaSent, now: Duration) {
        let index = self.sent.len();
        let seen = as_players_see_it(&media.payload);
        let mut is_new = true;
        if let Some(kind) = kept_kind(media.role) {
            self.preparations.push(index);
            is_new = self.newest[kind].is_none_or(|known| self.sent[known].seen != seen);
            // Whatever is too long for preambles reaches only those who are there.
            self.newest[kind] = Some(index).filter(|_| seen.len() < limits::PREAMBLE_BYTES);
        }
        let (is_coded, is_keyframe) = (media.role.is_frame(), media.role == MediaRole::Keyframe);
        if is_keyframe && self.times.are_used_up() {
            self.times.begin_anew();
        }
        self.times.send(kind_of(media.role), is_coded, media.due, now, self.delay_max.is_some());
        self.first_coded = self.first_coded.or(is_coded.then_some(index));
        self.first_keyframe = self.first_keyframe.or(is_keyframe.then_some(index));
        let (life, newest) = (self.times.life(), self.newest);
        self.sent.push(Sent { media, at: now, seen, life, is_new, newest });
    }

    /// Another publisher takes its place. On several loops it may be that more of it is taken first.
    pub(super) fn makes_way(&mut self, now: Duration, is_of_one_loop: bool) {
        let Stage::Live { order, since } = self.stage else { panic!("who makes way is there") };
        let taken = if is_of_one_loop { self.sent.len() } else { usize::MAX };
        self.stage = Stage::Over { order, since, at: now, taken, parting: Parting::Vanished };
        self.replaced = Some(Replaced { at: now, ended: None, is_heard: false });
        self.is_taken_known = false;
    }

    /// It is over, as the server tells; so many of its messages had come.
    pub(super) fn ends(
        &mut self,
        taken: usize,
        parting: Parting,
        is_replaced: bool,
        (now, is_of_one_loop): (Duration, bool),
    ) {
        let sent = self.sent.len();
        assert!(taken <= sent, "{taken} messages of a publisher of {} came, and {sent} were sent", self.name);
        self.ends_replaced = is_replaced;
        match (self.stage.clone(), &mut self.replaced) {
            (Stage::Live { order, since }, _) => {
                assert!(
                    !is_replaced,
                    "a publisher of {} ends as replaced, and nobody took its place",
                    self.name
                );
                self.stage = Stage::Over { order, since, at: now, taken, parting };
            }
            (Stage::Over { order, since, at, .. }, Some(replaced)) if replaced.ended.is_none() => {
                replaced.ended = Some(now);
                self.is_taken_known = is_of_one_loop;
                // It may have gone in front of that.
                let has_gone = !is_replaced && !is_of_one_loop;
                let (at, parting) = if has_gone { (now, parting) } else { (at, Parting::Vanished) };
                self.stage = Stage::Over { order, since, at, taken, parting };
            }
            _ => panic!("a publisher of {} ends and has not begun", self.name),
        }
    }

    /// Whatever it sends may be late from here on, and what is on the way.
    pub(super) fn may_be_late(&mut self, since: Duration) {
        self.delay_max = None;
        self.times.may_be_late(since);
    }

    /// How many messages have come to the server for sure.
    pub(super) fn taken_at_least(&self) -> usize {
        if self.is_taken_known { self.taken() } else { self.times.seen() }
    }

    /// After so long whoever plays it is at its live edge, and a main one on air, whatever was before.
    pub(super) fn settling_time(&self, rules: &Rules) -> Duration {
        let group = self.group_time.unwrap_or_default();
        limits::PUBLISHER_SILENCE
            + limits::RETURN_TIME
            + 2 * group
            + rules.delay_between_loops.min(Duration::from_secs(60))
    }

    /// It has sent without a pause for so long, and nothing holds it up.
    pub(super) fn is_steady(&self, now: Duration, rules: &Rules) -> bool {
        let (Some(up), Some(_)) = (self.delay_max, self.group_time) else { return false };
        let from = now.saturating_sub(self.settling_time(rules) + up);
        if self.since().is_none_or(|since| since > from) {
            return false;
        }
        let mut last = now;
        for sent in self.sent.iter().rev().take_while(|sent| sent.at >= from) {
            if last.saturating_sub(sent.at) > limits::PUBLISHER_SILENCE / 2 {
                return false;
            }
            last = sent.at;
        }
        last.saturating_sub(from) < limits::PUBLISHER_SILENCE / 2
    }

    /// Whether a group of it begins now and then, and is kept.
    pub(super) fn has_places_to_begin(&self) -> bool {
        self.group_time.is_some()
    }

    /// When it ended, as far as the server told.
    pub(super) fn ended(&self) -> Option<Duration> {
        match self.stage {
            Stage::Over { at, .. } => Some(at),
            Stage::Asked | Stage::Refused | Stage::Live { .. } => None,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Live { .. })
    }

    /// Whether a message is left out, in front of the first keyframe of a publisher that goes on with a stream of pictures.
    pub(super) fn is_left_out(&self, index: usize) -> Certainty {
        let (Some(first), Some(since)) = (self.first_coded, self.since()) else { return Certainty::No };
        let is_behind = self.first_keyframe.is_some_and(|keyframe| index >= keyframe);
        if is_behind || !self.sent[index].media.role.is_frame() {
            return Certainty::No;
        }
        let came = |index: usize| self.sent[index].at.max(since);
        let passed = came(index) - came(first);
        match self.delay_max {
            Some(delay) if passed + delay < limits::RETURN_TIME => self.returns,
            Some(delay) if passed > limits::RETURN_TIME + delay => Certainty::No,
            _ => self.returns.min(Certainty::Perhaps),
        }
    }

    /// Its first audio or picture that is not left out, if that is known.
    fn origin(&self) -> Option<usize> {
        let first = self.first_coded?;
        if self.is_left_out(first) == Certainty::No {
            return Some(first);
        }
        let keyframe = self.first_keyframe?;
        let last = self.sent[..keyframe].iter().rposition(|sent| sent.media.role.is_frame())?;
        (self.is_left_out(last) == Certainty::Surely).then_some(keyframe)
    }

    /// Whether whoever goes on with it has to begin with a picture.
    fn shows_pictures(&self) -> Certainty {
        let taken = &self.sent[..self.taken_at_least()];
        if taken.iter().any(|sent| kind_of(sent.media.role) == VIDEO) {
            return Certainty::Surely;
        }
        if self.taken_at_least() < self.taken() {
            return Certainty::Perhaps;
        }
        // It was to do so itself, and has not.
        let last = taken.iter().rposition(|sent| sent.media.role.is_frame());
        last.map_or(self.returns, |last| self.is_left_out(last))
    }

    /// How many messages came to the server: all, as far as is known.
    pub(super) fn taken(&self) -> usize {
        match self.stage {
            Stage::Over { taken, .. } => taken.min(self.sent.len()),
            Stage::Live { .. } => self.sent.len(),
            Stage::Asked | Stage::Refused => 0,
        }
    }

    /// Whether it ever sent such metadata or such a configuration.
    pub(super) fn has_prepared(&self, kind: usize, payload: &Bytes) -> bool {
        let of_kind = |sent: &Sent| kept_kind(sent.media.role) == Some(kind) && sent.seen == *payload;
        self.preparations.iter().any(|&index| of_kind(&self.sent[index]))
    }

    pub(super) fn order(&self) -> Option<usize> {
        match self.stage {
            Stage::Live { order, .. } | Stage::Over { order, .. } => Some(order),
            Stage::Asked | Stage::Refused => None,
        }
    }

    /// Since when the server takes it.
    pub(super) fn since(&self) -> Option<Duration> {
        match self.stage {
            Stage::Live { since, .. } | Stage::Over { since, .. } => Some(since),
            Stage::Asked | Stage::Refused => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over { .. })
    }

    /// Whether no keyframe came for so long before a message that none may be waited for. The server asks when it reads it.
    pub(super) fn has_no_keyframes_at(&self, index: usize) -> bool {
        let of_role = |role| move |sent: &Sent| sent.media.role == role;
        let last = self.sent[..index].iter().rposition(of_role(MediaRole::Keyframe));
        let first = self.sent.iter().position(of_role(MediaRole::Interframe));
        // What its time is besides is not known so well.
        let slack = if self.times.are_plain() { Duration::ZERO } else { Duration::from_secs(10) };
        let passed = last.or(first).map(|since| self.times.passed_since(since));
        passed.is_some_and(|passed| passed + slack > limits::KEYFRAME_TIME)
    }

    /// How much later a message may be stamped than a frame behind it.
    pub(super) fn disorder_max_ms(&self) -> u32 {
        self.times.disorder_max_ms()
    }

    /// It went on where another one stopped, and so did the stream's time.
    pub(super) fn check_border(&self, before: &Publication, rules: &Rules, now: Duration) {
        let (ended, seen) = before.times.ended_at(before.origin(), before.taken());
        // How far it had come is not known of one that was replaced just then.
        let ended = ended.filter(|_| before.is_taken_known);
        let Some(began) = self.times.began_at(self.origin()) else { return };
        let resumed = i64::from(limits::RESUME_MILLIS);
        let gap = ended.map(|ended| began - ended);
        let expected = match rules.pause {
            Pause::Cut => resumed..=resumed,
            Pause::Real => self.pause_behind(before, rules, now),
        };
        assert!(
            gap.is_none_or(|gap| expected.contains(&gap)) && seen.is_none_or(|seen| began >= seen + resumed),
            "the time of {} went on at {began}, behind {ended:?} (and {seen:?}) of the publisher before, and not by {expected:?}",
            self.name,
        );
    }

    /// How long nobody published, in milliseconds.
    fn pause_behind(&self, before: &Publication, rules: &Rules, now: Duration) -> RangeInclusive<i64> {
        let resumed = i64::from(limits::RESUME_MILLIS);
        let heard = before.times.last_sent(before.taken());
        // It lasts until the first frame, however early its configuration came.
        let first_that = |is_it: fn(Certainty) -> bool| {
            let mut frames = self.sent.iter().enumerate().filter(|(_, sent)| sent.media.role.is_frame());
            let first = frames.find(|&(index, _)| is_it(self.is_left_out(index)));
            first.map(|(_, sent)| sent.at.max(self.since().unwrap_or_default()))
        };
        let (Some(heard), Some(earliest), Stage::Over { at, .. }) =
            (heard, first_that(|left_out| left_out != Certainty::Surely), &before.stage)
        else {
            return resumed..=i64::MAX;
        };
        let latest = first_that(|left_out| left_out == Certainty::No).unwrap_or(now);
        // All that came had come when it ended.
        let least = earliest.saturating_sub(*at + rules.delay_between_loops);
        let most = self.delay_max.map_or(now, |delay| latest + delay).saturating_sub(heard);
        let millis = |time: Duration| time.as_millis() as i64;
        resumed.max(millis(least))..=resumed.max(millis(most))
    }

    /// The same where it is not said what time a message is to have: whether it is that of everybody.
    pub(super) fn check_same_time(&mut self, index: usize, timestamp_ms: u32) -> bool {
        self.times.is_same_for_all(index, timestamp_ms)
    }

    /// How far two messages of a plain clock are from each other, where that can be said.
    pub(super) fn distance_ms(&self, from: usize, to: usize) -> Option<i64> {
        self.times.distance_ms(from, to)
    }

    /// A message arrived at a player with this time, of which it has one of its own.
    pub(super) fn check_time(&mut self, index: usize, timestamp_ms: u32, now: Duration) {
        let is_left_out = self.is_left_out(index) == Certainty::Surely;
        assert!(
            !is_left_out,
            "message {index} of the publisher of {} came, which returned, and in front of its first keyframe",
            self.name
        );
        let checked = self.times.check(index, timestamp_ms, self.origin(), now);
        // A text in front of the first frame comes when a real pause is not yet over.
        let is_early_text = self.sent[index].media.role == MediaRole::Text
            && !self.sent[..index].iter().any(|sent| sent.media.role.is_frame());
        if let Err(expected) = checked
            && !is_early_text
        {
            let Sent { media, .. } = &self.sent[index];
            panic!(
                "message {index} ({:?}) of the publisher of {}, which says {} when it is due at {:?}, came with time \
                 {timestamp_ms}, and is to have {expected}",
                media.role, self.name, media.timestamp_ms, media.due
            );
        }
    }

    /// What the server says that it corrected, of which this loop may not know all if it is at home on another one.
    pub(super) fn check_corrections(&self, corrections: &Corrections, rules: &Rules) {
        // What is left out of one that was replaced is known as of a moment before.
        let is_all_known = rules.is_of_one_loop() && self.replaced.is_none();
        let taken = 0..self.taken();
        let count = |least| taken.clone().filter(|&index| self.is_left_out(index) >= least).count() as u64;
        let left_out = corrections.count(Correction::BeforePicture);
        let least = if is_all_known { count(Certainty::Surely) } else { 0 };
        assert!(
            self.has_backups || (least..=count(Certainty::Perhaps)).contains(&left_out),
            "of the publisher of {} {left_out} messages were left out, and not {least} to {}",
            self.name,
            count(Certainty::Perhaps)
        );
        assert!(
            !self.times.are_plain() || corrections.total() == left_out,
            "nothing is wrong with the clock of the publisher of {}, and that was corrected: {corrections}",
            self.name
        );
    }
}

/// What a player can turn off, and what it cannot.
pub(super) fn kind_of(role: MediaRole) -> usize {
    match role {
        MediaRole::Keyframe | MediaRole::Interframe | MediaRole::VideoConfig => VIDEO,
        MediaRole::AudioFrame | MediaRole::AudioConfig => AUDIO,
        MediaRole::Text | MediaRole::Metadata => METADATA,
    }
}

/// Which of the three kinds that preambles have.
pub(super) fn kept_kind(role: MediaRole) -> Option<usize> {
    match role {
        MediaRole::Metadata => Some(METADATA),
        MediaRole::VideoConfig => Some(VIDEO),
        MediaRole::AudioConfig => Some(AUDIO),
        MediaRole::Keyframe | MediaRole::Interframe | MediaRole::AudioFrame | MediaRole::Text => None,
    }
}

pub(super) const METADATA: usize = 0;
pub(super) const VIDEO: usize = 1;
pub(super) const AUDIO: usize = 2;

impl From<&EndReason> for Parting {
    fn from(why: &EndReason) -> Parting {
        match why {
            EndReason::Closed(sol_core::session::CloseReason::ClosedByPeer) | EndReason::Stopped => {
                Parting::InGoodOrder
            }
            EndReason::StreamEnded
            | EndReason::NotFound
            | EndReason::TimelineFull
            | EndReason::TooSlow
            | EndReason::Unfit(_)
            | EndReason::Replaced
            | EndReason::Closed(_) => Parting::Vanished,
        }
    }
}
