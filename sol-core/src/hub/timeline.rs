//! Timeline: a stream's own time, which begins at 0 and only its publisher's clock moves.
//!
//! One offset for all tracks maps the publisher's clock to it, fixed at the first coded frame of a publication;
//! configurations never fix it, since FFmpeg sends them at 0 and media hours later.
//!
//! Invariants: a frame is never stamped before the publication's first, nor further behind the latest than the
//! publisher's clock may step. That clock may wrap, begin anew or leap: the timeline goes on one frame later.

use crate::limits;
use crate::timestamp::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Where the current publication begins.
    base: u64,
    /// The publisher's clock as last seen, and how far it has run since the first coded frame.
    clock: Option<Clock>,
    /// The latest time that was stamped.
    head: u64,
}

#[derive(Debug)]
struct Clock {
    last: Timestamp,
    run: i64,
}

impl Timeline {
    /// Another publication begins, one frame after whatever was sent last.
    pub(super) fn begin_publication(&mut self) {
        self.base = if self.head == 0 { 0 } else { self.head + u64::from(limits::RESUME_MILLIS) };
        self.clock = None;
    }

    /// The stream's own time begins anew, for players that join from here on.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// Whether the end of the stream's own time is near.
    pub(super) fn is_full(&self) -> bool {
        self.head >= limits::TIMELINE_TIME.as_millis() as u64
    }

    /// The place of a coded frame that the publisher stamped with `time`.
    pub(super) fn stamp(&mut self, time: Timestamp) -> Timestamp {
        let clock = self.clock.get_or_insert(Clock { last: time, run: 0 });
        let step = time.offset_from(clock.last);
        clock.last = time;
        if (-limits::CLOCK_BACK_MILLIS..=limits::CLOCK_AHEAD_MILLIS).contains(&step) {
            clock.run += i64::from(step);
        } else {
            clock.run = (self.head - self.base) as i64 + i64::from(limits::RESUME_MILLIS);
        }
        let run = clock.run;
        let at = self.place(run);
        self.head = self.head.max(at);
        Self::wrapped(at)
    }

    /// The stream's time is kept elsewhere, and has come to `at`.
    pub(super) fn follow(&mut self, at: Timestamp) {
        let head = Self::wrapped(self.head);
        if self.head == 0 || at.is_after(head) {
            self.head += u64::from(at.millis().wrapping_sub(head.millis()));
        }
    }

    /// The place of a data message that the publisher stamped with `time`. It moves nothing, since a text may come long
    /// before its picture; and where its time is of another clock, as in publishers that stamp all data with 0, it has
    /// none.
    pub(super) fn stamp_aside(&self, time: Timestamp) -> Timestamp {
        let step = self.clock.as_ref().map(|clock| (clock.run, time.offset_from(clock.last)));
        match step {
            Some((run, step))
                if (-limits::CLOCK_BACK_MILLIS..=limits::CLOCK_AHEAD_MILLIS).contains(&step) =>
            {
                Self::wrapped(self.place(run + i64::from(step)))
            }
            Some(_) | None => self.head(),
        }
    }

    /// What was captured before the first frame, by an audio clock that is a little behind, plays with it.
    fn place(&self, run: i64) -> u64 {
        let earliest =
            self.head.saturating_sub(limits::CLOCK_BACK_MILLIS.unsigned_abs().into()).max(self.base);
        (self.base + u64::try_from(run).unwrap_or(0)).max(earliest)
    }

    /// The place of something without a time of its own: just behind what was sent last.
    pub(super) fn head(&self) -> Timestamp {
        Self::wrapped(self.head.max(self.base))
    }

    fn wrapped(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis as u32)
    }
}

#[cfg(test)]
mod tests {
    use quickcheck_macros::quickcheck;

    use super::*;

    #[test]
    fn a_stream_begins_at_zero_whatever_its_publisher_says() {
        let mut timeline = Timeline::default();
        timeline.begin_publication();
        assert_eq!(timeline.head(), millis(0));
        assert_eq!(timeline.stamp(millis(19_999_890)), millis(0));
        assert_eq!(timeline.stamp(millis(19_999_930)), millis(40));
        assert_eq!(timeline.head(), millis(40));
    }

    #[test]
    fn data_has_its_own_time_where_that_is_of_the_same_clock_and_moves_nothing() {
        let mut timeline = Timeline::default();
        timeline.begin_publication();
        assert_eq!(timeline.stamp_aside(millis(70_000)), millis(0), "nothing has begun");
        timeline.stamp(millis(70_000));
        timeline.stamp(millis(70_400));
        assert_eq!(timeline.stamp_aside(millis(70_150)), millis(150));
        assert_eq!(timeline.stamp_aside(millis(72_000)), millis(2_000));
        assert_eq!(timeline.stamp_aside(millis(69_000)), millis(0), "not before the first frame");
        assert_eq!(timeline.stamp_aside(millis(0)), millis(400), "no time at all");
        assert_eq!(timeline.head(), millis(400));
    }

    #[test]
    fn audio_from_before_the_first_frame_plays_with_it() {
        let mut timeline = Timeline::default();
        timeline.begin_publication();
        assert_eq!(timeline.stamp(millis(66)), millis(0));
        assert_eq!(timeline.stamp(millis(23)), millis(0));
        assert_eq!(timeline.stamp(millis(89)), millis(23));
    }

    #[test]
    fn tracks_keep_their_distance_and_the_head_never_goes_back() {
        let mut timeline = Timeline::default();
        timeline.begin_publication();
        let stamped: Vec<u32> =
            [1_000, 1_040, 1_020, 1_080].map(|time| timeline.stamp(millis(time)).millis()).into();
        assert_eq!(stamped, [0, 40, 20, 80]);
        assert_eq!(timeline.head(), millis(80));
    }

    #[test]
    fn the_publishers_clock_may_wrap() {
        let mut timeline = Timeline::default();
        timeline.begin_publication();
        timeline.stamp(millis(0xFFFF_FFF0));
        assert_eq!(timeline.stamp(millis(0x10)), millis(0x20));
    }

    #[test]
    fn a_clock_that_begins_anew_or_leaps_goes_on_one_frame_later() {
        for restart in [0, 3_600_000, 0x9000_0000] {
            let mut timeline = Timeline::default();
            timeline.begin_publication();
            timeline.stamp(millis(50_000));
            timeline.stamp(millis(55_000));
            assert_eq!(timeline.stamp(millis(restart)), millis(5_000 + limits::RESUME_MILLIS));
            assert_eq!(
                timeline.stamp(millis(restart).advanced_by(23)),
                millis(5_023 + limits::RESUME_MILLIS)
            );
        }
    }

    #[test]
    fn one_wild_stamp_costs_two_frames_of_time_and_no_more() {
        let mut timeline = Timeline::default();
        timeline.begin_publication();
        timeline.stamp(millis(1_000));
        timeline.stamp(millis(100_000_000));
        assert_eq!(timeline.stamp(millis(1_080)), millis(2 * limits::RESUME_MILLIS));
        assert_eq!(timeline.stamp(millis(1_120)), millis(2 * limits::RESUME_MILLIS + 40));
    }

    #[test]
    fn another_publication_goes_on_behind_the_last_frame() {
        let mut timeline = Timeline::default();
        timeline.begin_publication();
        timeline.stamp(millis(0));
        timeline.stamp(millis(5_000));
        timeline.begin_publication();
        let resumed = 5_000 + limits::RESUME_MILLIS;
        assert_eq!(timeline.head(), millis(resumed));
        assert_eq!(timeline.stamp(millis(70)), millis(resumed));
        assert_eq!(timeline.stamp(millis(110)), millis(resumed + 40));
    }

    /// Publications, each with the times that its publisher gives to its frames.
    #[quickcheck]
    fn whatever_a_publishers_clock_does_the_timeline_only_goes_on(publications: Vec<Vec<u32>>) -> bool {
        let back = limits::CLOCK_BACK_MILLIS.unsigned_abs();
        let mut timeline = Timeline::default();
        publications.iter().all(|times| {
            let before = timeline.head;
            timeline.begin_publication();
            let base = if before == 0 { 0 } else { before as u32 + limits::RESUME_MILLIS };
            let mut head = base;
            times.iter().enumerate().all(|(index, &time)| {
                // Mostly steps that a clock may take.
                let time = if time.is_multiple_of(4) { time } else { head.wrapping_add(time % 30_000) };
                let at = timeline.stamp(millis(time)).millis();
                let is_first = index == 0;
                let is_in_place = (!is_first || at == base) && at >= base && at + back >= head;
                let ahead = at.saturating_sub(head) as i32;
                head = head.max(at);
                is_in_place
                    && ahead <= limits::CLOCK_AHEAD_MILLIS + limits::CLOCK_BACK_MILLIS
                    && timeline.head() == millis(head)
            })
        })
    }

    fn millis(millis: u32) -> Timestamp {
        Timestamp::from_millis(millis)
    }
}
