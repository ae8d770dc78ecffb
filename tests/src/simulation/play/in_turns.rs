//! In turns: what a player sees of a name that may have two publishers at once, held to the bounds of [`Turns`](crate::simulation::turns::Turns).

use sol_core::hub::Repair;

use crate::peer::pattern::MediaRole;

use super::{Arrival, Following, Play};
use crate::simulation::course::Course;
use crate::simulation::publication::{VIDEO, kind_of};
use crate::simulation::published::Published;
use crate::simulation::turns::Turn;

impl Play {
    /// A frame came of such a name.
    pub(super) fn take_in_turn(&mut self, arrival: Arrival, world: &mut Published<'_>) {
        let name = self.label();
        let Arrival { publication: mark, index, role, timestamp_ms, .. } = arrival;
        let is_same = world.publications[mark].check_same_time(index, timestamp_ms);
        assert!(is_same, "{name} has {arrival} with time {timestamp_ms}, and others have it with another");
        let mut turns = self.turns.take().unwrap_or_default();
        self.awaits_keyframe |= !turns.is_at(mark);
        let turn =
            turns.turn_to(mark, index, world).unwrap_or_else(|words| panic!("{name} has {arrival}, {words}"));
        let mut has_come_anew = false;
        let following = match turn {
            Turn::Joins => Following::Joins,
            Turn::OfAnother => Following::OfAnother,
            Turn::GoesOn { next, is_all_shown } => {
                let before = (self.missing, self.missing_no_pictures, self.left_out);
                self.skip(&world.publications[mark], next, index);
                let has_hole = self.missing > before.0;
                if has_hole && !is_all_shown {
                    (self.missing, self.missing_no_pictures, self.left_out) = before;
                    self.awaits_keyframe = true;
                    has_come_anew = true;
                } else if has_hole {
                    self.holes += 1;
                }
                // What a text comes in front of has its configurations in front of that.
                let is_prepared = !is_all_shown && (role == MediaRole::Text || !turns.has_frames());
                if has_hole && !is_prepared { Following::BehindHole } else { Following::GoesOn }
            }
        };
        match following {
            Following::Joins => self.course = Course::default(),
            Following::OfAnother => self.course.pass_border(),
            Following::GoesOn | Following::BehindHole => {}
        }
        let kind = kind_of(role);
        if role.is_frame()
            && let Err(step) = self.course.take(kind, timestamp_ms, world.rules.repair)
        {
            panic!("{name} has {arrival} with time {timestamp_ms}, when {step}");
        }
        if following != Following::GoesOn {
            self.known = [None, None, None];
            self.awaits_keyframe = true;
        }
        self.prepare(arrival, following, world);
        let publication = &world.publications[mark];
        // By a clock whose leaps are taken as they come, keyframes may be missed sooner than by any other.
        let may_have_none = publication.has_no_keyframes_at(index) || world.rules.repair == Repair::Off;
        assert!(
            role != MediaRole::Interframe || !self.awaits_keyframe || may_have_none,
            "{name} {following} with {arrival}, and its video is to begin with a keyframe"
        );
        assert!(self.wants[kind], "{name} has a frame of a kind that it does not want, {arrival}");
        let is_known = self.wants_since == [None; 3];
        turns.wants_all = !self.was_filtered;
        if has_come_anew {
            turns.come_anew(world.now);
        }
        turns
            .stay(
                arrival.index,
                role,
                timestamp_ms,
                following == Following::GoesOn,
                (self.delay_max.filter(|_| is_known), world),
            )
            .unwrap_or_else(|words| panic!("{name} {following} with {arrival}, {words}"));
        self.turns = Some(turns);
        self.awaits_keyframe &= kind != VIDEO;
        self.wants_since[kind] = None;
        self.at = Some((mark, index + 1));
        self.is_fresh = false;
        self.was_served = true;
    }
}
