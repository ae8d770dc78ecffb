//! Turns: the publishers of one name that a player saw, one behind the other and some of them again.
//!
//! Where a name may have a backup, this does not say who is on air at which message: that would be a second hub. It holds to
//! bounds. Whatever comes of a publisher comes in order and once. A turn begins with a keyframe, its configurations in front of
//! it, or with sound where no picture has come of that publisher; the distances of its messages are those of its film. Nothing
//! is missing within one but what is told, while nobody else was there who could have been on air.
//!
//! Invariant: what was seen of a publisher is behind all that was seen of it before.

use std::collections::BTreeMap;
use std::time::Duration;

use sol_core::limits;

use crate::peer::pattern::MediaRole;

use super::publication::{Publication, VIDEO, kind_of};
use super::published::Published;

/// Of one player, from where it joined or went on.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The next message of each that was seen.
    next: BTreeMap<usize, usize>,
    /// The player has wanted everything all the time.
    pub wants_all: bool,
    now: Option<OneTurn>,
    before: Option<OneTurn>,
}

/// One publisher's.
#[derive(Clone, Debug)]
struct OneTurn {
    publication: usize,
    began: Duration,
    /// Its first message in this turn, with its time, from where nothing was missing.
    first: Option<(usize, u32)>,
    has_frames: bool,
    has_pictures: bool,
    /// When its last message was sent.
    last_sent: Duration,
}

/// How a message follows the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    Joins,
    OfAnother,
    /// The same publisher goes on, at or behind its message `next`. Whether all of it is to be shown from there on.
    GoesOn {
        next: usize,
        is_all_shown: bool,
    },
}

impl Turns {
    pub(super) fn is_at(&self, publication: usize) -> bool {
        self.now.as_ref().is_some_and(|now| now.publication == publication)
    }

    /// Whether more than texts came of this turn.
    pub(super) fn has_frames(&self) -> bool {
        self.now.as_ref().is_some_and(|now| now.has_frames)
    }

    /// The same publisher has come on air anew, as it seems.
    pub(super) fn come_anew(&mut self, now: Duration) {
        if let Some(turn) = &mut self.now {
            (turn.began, turn.first, turn.has_frames) = (now, None, false);
        }
    }

    /// A message of a publisher comes.
    pub(super) fn turn_to(
        &mut self,
        mark: usize,
        index: usize,
        world: &Published<'_>,
    ) -> Result<Turn, String> {
        let known = self.next.insert(mark, index + 1);
        if let Some(next) = known.filter(|&next| index < next) {
            return Err(format!("behind its message {}", next - 1));
        }
        let turn = match (&self.now, known) {
            (None, _) => Turn::Joins,
            (Some(now), Some(next)) if now.publication == mark => {
                let is_all_shown = now.has_frames && world.was_alone(mark, now.last_sent);
                Turn::GoesOn { next, is_all_shown }
            }
            (Some(_), _) => Turn::OfAnother,
        };
        if !matches!(turn, Turn::GoesOn { .. }) {
            self.before = self.now.replace(OneTurn {
                publication: mark,
                began: world.now,
                first: None,
                has_frames: false,
                has_pictures: false,
                last_sent: Duration::ZERO,
            });
        }
        Ok(turn)
    }

    /// The message has been looked at: whether it is where it may be in its turn.
    pub(super) fn stay(
        &mut self,
        index: usize,
        role: MediaRole,
        time_ms: u32,
        goes_on: bool,
        (down, world): (Option<Duration>, &Published<'_>),
    ) -> Result<(), String> {
        let Some(now) = &mut self.now else { return Ok(()) };
        let publication = &world.publications[now.publication];
        let sent_at = publication.sent[index].at;
        if role == MediaRole::AudioFrame
            && !now.has_frames
            && self.wants_all
            && let Some(before) = &self.before
        {
            check_sound(now.publication, index, before, world)?;
        }
        // Behind a hole it may be on air anew.
        let first = now.first.filter(|_| goes_on);
        if role.is_frame() {
            if let Some((first, first_ms)) = first
                && let Some(distance) = publication.distance_ms(first, index)
                && i64::from(first_ms) + distance != i64::from(time_ms)
            {
                return Err(format!("{time_ms}, and is due {distance} behind {first_ms} of message {first}"));
            }
            now.first = first.or(Some((index, time_ms)));
        }
        if let Some((up, down)) = publication.delay_max.zip(down).filter(|_| goes_on && sent_at >= now.began)
        {
            let took = world.now - sent_at;
            if took > up + down {
                return Err(format!("after {took:?}, and is to be there after {:?} at most", up + down));
            }
        }
        now.has_frames |= role.is_frame();
        now.has_pictures |= kind_of(role) == VIDEO;
        now.last_sent = sent_at;
        Ok(())
    }
}

/// Sound begins no turn behind pictures, unless no picture has come for long, or never.
fn check_sound(mark: usize, index: usize, before: &OneTurn, world: &Published<'_>) -> Result<(), String> {
    let publication = &world.publications[mark];
    let is_video = |sent: &super::publication::Sent| kind_of(sent.media.role) == VIDEO;
    let has_shown = publication.sent[..index].iter().any(is_video);
    let sent_at = publication.sent[index].at;
    let is_soon = sent_at < before.last_sent + limits::RETURN_TIME;
    let is_between = |other: &Publication| {
        other.since().is_some_and(|since| since <= world.now)
            && other.ended().is_none_or(|at| at >= before.last_sent)
    };
    let others = world.orders.iter().filter(|&&other| other != mark && other != before.publication);
    let are_others = others.map(|&other| &world.publications[other]).any(is_between);
    // What another loop loses on the way is told in front of that.
    let may_be_lost = world.rules.delay_between_loops > Duration::from_secs(1);
    match publication.delay_max.is_some()
        && !may_be_lost
        && has_shown
        && before.has_pictures
        && is_soon
        && !are_others
    {
        true => Err("and is to begin with a keyframe, behind pictures".to_owned()),
        false => Ok(()),
    }
}
