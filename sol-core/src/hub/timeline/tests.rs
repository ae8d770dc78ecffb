use quickcheck_macros::quickcheck;

use super::*;

#[test]
fn a_stream_begins_at_zero_whatever_its_publisher_says() {
    let mut publisher = Publisher::begin();
    assert_eq!(publisher.timeline.head(), millis(0));
    assert_eq!(publisher.video(19_999_890), 0);
    assert_eq!(publisher.video(19_999_930), 40);
    assert_eq!(publisher.timeline.head(), millis(40));
    assert!(publisher.timeline.corrections().are_none());
}

#[test]
fn data_has_its_own_time_where_that_is_of_the_same_clock_and_moves_nothing() {
    let mut publisher = Publisher::begin();
    assert_eq!(publisher.data(70_000), 0, "nothing has begun");
    publisher.video(70_000);
    publisher.video(70_400);
    assert_eq!(publisher.data(70_150), 150);
    assert_eq!(publisher.data(72_000), 2_000);
    assert_eq!(publisher.data(69_000), 0, "not before the first frame");
    assert_eq!(publisher.data(0), 400, "no time at all");
    assert_eq!(publisher.timeline.head(), millis(400));
}

#[test]
fn audio_from_before_the_first_frame_plays_with_it() {
    let mut publisher = Publisher::begin();
    assert_eq!(publisher.video(66), 0);
    assert_eq!(publisher.audio(23), 0);
    assert_eq!(publisher.audio(89), 23);
    assert!(publisher.timeline.corrections().are_none());
}

#[test]
fn tracks_keep_their_distance_and_the_head_never_goes_back() {
    let mut publisher = Publisher::begin();
    let stamped =
        [publisher.video(1_000), publisher.video(1_040), publisher.audio(1_020), publisher.video(1_080)];
    assert_eq!(stamped, [0, 40, 20, 80]);
    assert_eq!(publisher.timeline.head(), millis(80));
}

#[test]
fn whoever_follows_one_that_showed_nothing_does_not_begin_in_front_of_its_configurations() {
    let at = |millis| Instant::EPOCH + Duration::from_millis(millis);
    let mut timeline = Timeline::new(Repair::Resync, Pause::Real);
    timeline.begin_publication();
    timeline.stamp((TrackKind::Video, TrackId::DEFAULT), millis(7), at(0));
    timeline.begin_publication();
    timeline.resume(at(500));
    assert_eq!(timeline.head(), millis(500));
    // Its first picture had come before.
    timeline.begin_publication();
    timeline.resume(at(490));
    assert_eq!(timeline.head(), millis(500));
}

#[test]
fn the_publishers_clock_may_wrap() {
    for repair in [Repair::Off, Repair::Monotonic, Repair::Resync] {
        let mut publisher = Publisher::with(repair, Pause::Cut);
        publisher.video(0xFFFF_FFF0);
        assert_eq!(publisher.video(0x10), 0x20);
        assert_eq!(publisher.audio(0xFFFF_FFF8), 8);
        assert!(publisher.timeline.corrections().are_none(), "{repair:?}");
    }
}

#[test]
fn nothing_is_seen_of_where_fields_of_timestamps_are_full() {
    for border in [1 << 24, 1 << 31, u32::MAX] {
        let mut publisher = Publisher::begin();
        let begin = border - 1_000;
        for index in 0..100 {
            let time = begin.wrapping_add(index * 40);
            assert_eq!(publisher.video(time), index * 40);
            assert_eq!(publisher.audio(time.wrapping_sub(13)), (index * 40).saturating_sub(13));
        }
        assert!(publisher.timeline.corrections().are_none(), "{border}");
    }
}

#[test]
fn a_clock_that_begins_anew_or_leaps_goes_on_one_frame_later_with_all_its_tracks() {
    for (restart, correction) in [
        (0, Correction::Restart),
        (30_000, Correction::StepBack),
        (3_600_000, Correction::Leap),
        (0x9000_0000, Correction::StepBack),
    ] {
        let mut publisher = Publisher::begin();
        publisher.video(50_000);
        publisher.audio(50_010);
        publisher.video(55_000);
        publisher.audio(54_990);
        assert_eq!(publisher.video(restart), 5_000 + RESUME);
        assert_eq!(publisher.audio(restart + 3), 5_003 + RESUME);
        assert_eq!(publisher.video(restart + 40), 5_040 + RESUME);
        assert_eq!(publisher.corrected(), [(correction, 1)], "{restart}");
    }
}

#[test]
fn what_was_under_way_when_a_clock_began_anew_stays_where_it_belongs() {
    let mut publisher = Publisher::begin();
    publisher.video(50_000);
    publisher.audio(50_010);
    publisher.video(55_000);
    assert_eq!(publisher.video(0), 5_000 + RESUME);
    assert_eq!(publisher.audio(54_990), 4_990, "sent behind the keyframe, recorded in front of it");
    assert_eq!(publisher.video(40), 5_040 + RESUME);
    assert_eq!(publisher.audio(20), 5_020 + RESUME);
    assert_eq!(publisher.corrected(), [(Correction::Restart, 1)]);
}

#[test]
fn a_clip_that_is_looped_goes_on() {
    let mut publisher = Publisher::begin();
    let mut last = None;
    for _ in 0..5 {
        for frame in 0..25 {
            let at = publisher.video(frame * 40);
            // Behind the sound of the last picture.
            let expected = if frame == 0 { 40 + 7 } else { 40 };
            assert!(last.is_none_or(|last| at == last + expected), "{last:?} {at}");
            last = Some(at);
            publisher.audio(frame * 40 + 7);
        }
    }
    assert_eq!(publisher.corrected(), [(Correction::Restart, 4)]);
}

#[test]
fn one_wild_stamp_costs_one_frame_of_time_and_no_more() {
    let mut publisher = Publisher::begin();
    publisher.video(1_000);
    assert_eq!(publisher.video(100_000_000), RESUME);
    assert_eq!(publisher.video(1_080), 80);
    assert_eq!(publisher.video(1_120), 120);
    assert_eq!(publisher.corrected(), [(Correction::Leap, 1)]);
}

#[test]
fn a_track_that_steps_back_a_little_has_the_time_of_its_last_frame() {
    let mut publisher = Publisher::begin();
    publisher.video(1_000);
    publisher.video(1_080);
    assert_eq!(publisher.video(1_040), 80);
    assert_eq!(publisher.audio(1_040), 40, "another track may");
    assert_eq!(publisher.video(1_120), 120);
    assert_eq!(publisher.corrected(), [(Correction::Disorder, 1)]);
}

#[test]
fn tracks_with_clocks_of_their_own_stay_side_by_side() {
    let mut publisher = Publisher::begin();
    for index in 0..200 {
        assert_eq!(publisher.video(1_000_000_000 + index * 40), index * 40);
        assert_eq!(publisher.audio(7_000 + index * 40), index * 40);
    }
    assert_eq!(publisher.corrected(), [(Correction::OtherClock, 1)]);
}

#[test]
fn a_clock_of_microseconds_is_found_out_and_runs_as_fast_as_time() {
    let mut publisher = Publisher::begin();
    let mut at = Vec::new();
    for index in 0..250 {
        at.push(publisher.video(index * 40_000));
        publisher.audio(index * 40_000 + 9_000);
    }
    let settled = &at[10..];
    let steps: Vec<u32> = settled.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|&step| step == 40), "{steps:?}");
    assert_eq!(publisher.timeline.corrections().count(Correction::Microseconds), 1);
    assert!(at[10] < 20_000, "{}", at[10]);
}

#[test]
fn random_stamps_run_no_faster_than_time() {
    let mut publisher = Publisher::begin();
    let mut random = 1_u32;
    let mut next = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        random
    };
    for index in 0..500_u32 {
        publisher.clock = Duration::from_millis(u64::from(index) * 20);
        publisher.stamp(TrackKind::Video, next());
        publisher.stamp(TrackKind::Audio, next());
    }
    let head = publisher.timeline.head().millis();
    assert!((8_000..=11_000).contains(&head), "{head} ms in 10 s");
}

#[test]
fn slow_pictures_recover_from_a_hiccup_at_once() {
    let mut publisher = Publisher::begin();
    for time in [0, 2_000, 4_000, 17_000, 19_000, 21_000] {
        publisher.clock += Duration::from_secs(2) - Publisher::FRAME;
        publisher.video(time);
    }
    assert_eq!(publisher.timeline.head().millis(), 8_000 + RESUME, "the leap of 13 s cost its own frame");
    assert_eq!(publisher.corrected(), [(Correction::Leap, 1)]);
}

#[test]
fn what_truly_lasted_long_is_no_leap() {
    let mut publisher = Publisher::begin();
    for picture in 0..5 {
        publisher.clock += Duration::from_secs(20) - Publisher::FRAME;
        assert_eq!(publisher.video(picture * 20_000), picture * 20_000);
    }
    assert!(publisher.timeline.corrections().are_none());
}

#[test]
fn of_a_stamp_that_is_wild_by_less_than_a_leap_nothing_remains() {
    let mut publisher = Publisher::begin();
    for frame in 0..10 {
        publisher.video(10_000 + frame * 40);
    }
    assert_eq!(publisher.video(9_440), 360, "600 ms back");
    assert_eq!(publisher.video(10_400), 400);
    assert_eq!(publisher.corrected(), [(Correction::Disorder, 1)]);
    assert_eq!(publisher.video(11_040), 1_040, "600 ms ahead");
    assert_eq!(publisher.video(10_480), 1_040);
    for frame in 13..40 {
        let at = publisher.video(10_000 + frame * 40);
        assert_eq!(at, (frame * 40).max(1_040), "caught up with");
    }
}

#[test]
fn a_clock_that_does_not_run_gives_frames_their_time_when_they_come() {
    let mut publisher = Publisher::begin();
    for _ in 0..250 {
        publisher.video(0);
        publisher.audio(0);
    }
    let head = publisher.timeline.head().millis();
    assert!((9_000..=10_500).contains(&head), "{head} ms in 10 s");
    assert!(publisher.timeline.corrections().count(Correction::Standstill) > 200);
}

#[test]
fn tracks_that_stand_still_by_turns_run_as_fast_as_time() {
    let mut publisher = Publisher::begin();
    for index in 0..600_u64 {
        publisher.clock = Duration::from_millis(index * 15);
        publisher.stamp(if index.is_multiple_of(3) { TrackKind::Video } else { TrackKind::Audio }, 0);
    }
    let head = publisher.timeline.head().millis();
    assert!((8_400..=9_000).contains(&head), "{head} ms in 9 s, of which half a second is waited for");
}

#[test]
fn a_track_that_begins_far_from_the_others_has_a_clock_of_its_own() {
    for repair in [Repair::Monotonic, Repair::Resync] {
        for start in [4_500, 3_600_000] {
            let mut publisher = Publisher::with(repair, Pause::Cut);
            for frame in 0..50 {
                assert_eq!(publisher.video(1_000 + frame * 40), frame * 40, "{repair:?}");
                assert_eq!(publisher.audio(start + frame * 40), frame * 40, "{repair:?}");
            }
            assert_eq!(publisher.corrected(), [(Correction::OtherClock, 1)]);
        }
    }
}

#[test]
fn data_has_its_own_time_whichever_track_spoke_last() {
    let mut publisher = Publisher::begin();
    for frame in 0..50 {
        publisher.video(1_000_000_000 + frame * 40);
        assert_eq!(publisher.data(1_000_000_000 + frame * 40 + 2_000), frame * 40 + 2_000);
        publisher.audio(7_000 + frame * 40);
        assert_eq!(publisher.data(1_000_000_000 + frame * 40 + 2_000), frame * 40 + 2_000);
    }
}

#[test]
fn a_clock_that_was_taken_for_one_of_microseconds_and_hardly_runs_is_left() {
    let mut publisher = Publisher::begin();
    for frame in 0..10 {
        publisher.video(frame * 40_000);
    }
    assert_eq!(publisher.timeline.corrections().count(Correction::Microseconds), 1);
    let begin = publisher.timeline.head().millis();
    for frame in 0..500 {
        publisher.video(400_000 + frame * 40);
    }
    let ran = publisher.timeline.head().millis() - begin;
    assert!((15_000..=21_000).contains(&ran), "{ran} ms in 20 s");
}

#[test]
fn an_application_that_wants_no_repair_gets_what_was_sent() {
    let mut publisher = Publisher::with(Repair::Off, Pause::Cut);
    publisher.video(50_000);
    assert_eq!(publisher.video(110_000), 60_000);
    assert_eq!(publisher.video(80_000), 30_000);
    assert_eq!(publisher.video(10_000), 0, "but not before the first frame");
    assert_eq!(publisher.video(90_000), 40_000);
    assert!(publisher.timeline.corrections().are_none());
}

#[test]
fn where_leaps_are_taken_as_they_come_steps_back_are_not() {
    let mut publisher = Publisher::with(Repair::Monotonic, Pause::Cut);
    publisher.video(50_000);
    publisher.audio(50_000);
    assert_eq!(publisher.video(110_000), 60_000);
    assert_eq!(publisher.audio(110_010), 60_010);
    assert_eq!(publisher.video(0), 60_010 + RESUME);
    assert_eq!(publisher.audio(20), 60_030 + RESUME);
    let two_days = 2 * limits::CLOCK_LEAP_MILLIS as u32;
    assert_eq!(publisher.video(two_days), 60_030 + 2 * RESUME);
    assert_eq!(publisher.corrected(), [(Correction::Restart, 1), (Correction::Leap, 1)]);
}

#[test]
fn another_publication_goes_on_behind_the_last_frame() {
    let mut publisher = Publisher::begin();
    publisher.video(0);
    publisher.video(5_000);
    publisher.return_after(Duration::from_secs(4));
    let resumed = 5_000 + RESUME;
    assert_eq!(publisher.timeline.head(), millis(resumed));
    assert_eq!(publisher.video(70), resumed);
    assert_eq!(publisher.video(110), resumed + 40);
    assert_eq!(publisher.audio(60), resumed, "not before the first");
    assert_eq!(publisher.audio(95), resumed + 25);
    assert!(publisher.timeline.corrections().are_none(), "it is another publisher");
}

#[test]
fn a_real_pause_lasts_as_long_as_it_lasted() {
    let mut publisher = Publisher::with(Repair::Resync, Pause::Real);
    publisher.clock = Duration::from_secs(100);
    assert_eq!(publisher.video(70), 0, "a stream begins at 0");
    publisher.video(5_070);
    publisher.return_after(Duration::from_secs(4));
    let head = 5_000;
    assert_eq!(publisher.video(900_000), head + 4_000);
    assert_eq!(publisher.video(900_040), head + 4_040);
    publisher.return_after(Duration::from_millis(1));
    assert_eq!(publisher.video(0), head + 4_040 + RESUME, "one frame at least");
}

#[test]
fn leaps_in_front_of_the_end_do_not_pass_it() {
    let mut publisher = Publisher::with(Repair::Off, Pause::Cut);
    for index in 0..10_u32 {
        publisher.video(index.wrapping_mul(0x4000_0000));
    }
    assert_eq!(publisher.timeline.head(), millis(i32::MAX as u32));
    assert!(publisher.timeline.is_full());
    publisher.return_after(Duration::from_secs(4));
    assert_eq!(publisher.timeline.head(), millis(i32::MAX as u32), "nor does a return");
}

/// Publications, each with the times that its publisher gives to its frames.
#[quickcheck]
fn whatever_a_publishers_clock_does_the_timeline_only_goes_on(
    publications: Vec<Vec<(bool, u32, u8)>>,
    is_real: bool,
) {
    let back = limits::CLOCK_BACK_MILLIS as u32;
    let pause = if is_real { Pause::Real } else { Pause::Cut };
    let mut publisher = Publisher::with(Repair::Resync, pause);
    for times in publications {
        let before = publisher.timeline.has_begun.then_some(publisher.timeline.head as u32);
        publisher.timeline.begin_publication();
        let mut base = before.map_or(0, |head| head + RESUME);
        let mut head = base;
        let mut last = [0, 0];
        for (index, (is_video, time, waited)) in times.into_iter().enumerate() {
            publisher.clock += Duration::from_millis(waited.into());
            // Mostly steps that a clock may take.
            let time = if time.is_multiple_of(4) { time } else { head.wrapping_add(time % 30_000) };
            let track = if is_video { TrackKind::Video } else { TrackKind::Audio };
            let at = publisher.stamp(track, time);
            if index == 0 {
                assert!(at >= base && (is_real || at == base));
                (base, head) = (at, at);
            }
            assert!(at >= base && at + back >= head, "in its place");
            assert!(at >= last[usize::from(is_video)], "a track does not go back");
            assert!(at.saturating_sub(head) <= limits::CLOCK_AHEAD_MILLIS as u32 + u32::from(waited));
            last[usize::from(is_video)] = at;
            head = head.max(at);
            assert_eq!(publisher.timeline.head(), millis(head));
        }
    }
}

const RESUME: u32 = limits::RESUME_MILLIS;

/// A timeline and the time at which frames come: each as much later than the last as its track's clock has run, up to a frame.
struct Publisher {
    timeline: Timeline,
    clock: Duration,
}

impl Publisher {
    fn begin() -> Self {
        Self::with(Repair::Resync, Pause::Cut)
    }

    fn with(repair: Repair, pause: Pause) -> Self {
        let mut timeline = Timeline::new(repair, pause);
        timeline.begin_publication();
        Self { timeline, clock: Duration::ZERO }
    }

    fn return_after(&mut self, pause: Duration) {
        self.timeline.begin_publication();
        self.timeline.resume(Instant::from_epoch(self.clock + pause));
        self.clock = (self.clock + pause).saturating_sub(Self::FRAME);
    }

    const FRAME: Duration = Duration::from_millis(RESUME as u64);

    /// A picture comes each 40 ms.
    fn video(&mut self, time: u32) -> u32 {
        self.clock += Self::FRAME;
        self.stamp(TrackKind::Video, time)
    }

    /// Sound comes with it.
    fn audio(&mut self, time: u32) -> u32 {
        self.stamp(TrackKind::Audio, time)
    }

    fn stamp(&mut self, kind: TrackKind, time: u32) -> u32 {
        let now = Instant::from_epoch(self.clock);
        self.timeline.stamp((kind, TrackId::DEFAULT), millis(time), now).millis()
    }

    fn data(&mut self, time: u32) -> u32 {
        self.timeline.stamp_aside(millis(time)).millis()
    }

    fn corrected(&self) -> Vec<(Correction, u64)> {
        self.timeline.corrections().iter().collect()
    }
}

fn millis(millis: u32) -> Timestamp {
    Timestamp::from_millis(millis)
}
