//! Pace: when each message is due, by its timestamp.

use std::time::Duration;

use sol_tokio::Media;
use sol_tokio::sol_core::media::FrameKind;
use sol_tokio::sol_core::timestamp::Timestamp;
use tokio::time::Instant;

/// The clock of one connection's media.
#[derive(Debug)]
pub(super) struct Pace {
    speed: f64,
    /// The last audio or video, and when it was due.
    last: Option<(Timestamp, Instant)>,
}

impl Pace {
    /// Begins with the first audio or video, whatever its time.
    pub(super) fn new(speed: f64) -> Self {
        Self { speed, last: None }
    }

    /// When a message is to be sent. Configurations and data have no time of their own, and go with what comes before them.
    pub(super) fn due(&self, media: &Media) -> Instant {
        match self.last {
            Some((last, due)) if FrameKind::of(&media.content).is_coded() => {
                match step(last, media.timestamp) {
                    Some(step) if step >= 0 => due + Duration::from_millis(step as u64).div_f64(self.speed),
                    // One track may be behind the other.
                    Some(_) => due,
                    // Another clock: a file that was cut together, or one that begins again.
                    None => Instant::now(),
                }
            }
            _ => Instant::now(),
        }
    }

    /// A message was sent that was due then; how much further the media's time is.
    pub(super) fn went(&mut self, media: &Media, due: Instant) -> Duration {
        if !FrameKind::of(&media.content).is_coded() {
            return Duration::ZERO;
        }
        // Whoever was late, because the server took nothing, does not make up for it.
        let due = if due.elapsed() > LATE_MAX { Instant::now() } else { due };
        match self.last.and_then(|(last, _)| step(last, media.timestamp)) {
            Some(step) if step < 0 => Duration::ZERO,
            step => {
                self.last = Some((media.timestamp, due));
                Duration::from_millis(step.unwrap_or(0) as u64)
            }
        }
    }
}

/// From one time to the next in milliseconds; `None` where that cannot be one clock.
fn step(from: Timestamp, to: Timestamp) -> Option<i32> {
    let step = to.offset_from(from);
    (-STEP_MAX_MILLIS..=STEP_MAX_MILLIS).contains(&step).then_some(step)
}

/// Longest step that is waited for.
const STEP_MAX_MILLIS: i32 = 10_000;

/// How late a message may be that still counts as punctual.
const LATE_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use sol_tokio::Content;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_later_by_its_time_is_sent_as_much_later() {
        for speed in [1.0, 4.0] {
            let mut pace = Pace::new(speed);
            let began = Instant::now();
            // Far from zero; audio is a little behind video.
            for (millis, due_millis) in [(90_000, 0.0), (90_040, 40.0), (90_030, 40.0), (91_000, 1_000.0)] {
                let due = pace.due(&sound(millis));
                assert_eq!(due - began, Duration::from_secs_f64(due_millis / 1e3 / speed), "{millis}");
                pace.went(&sound(millis), due);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_another_clock_is_sent_at_once_and_so_is_what_has_none() {
        let mut pace = Pace::new(1.0);
        pace.went(&sound(0), Instant::now());
        for millis in [3_600_000, 4_000_000_000] {
            assert_eq!(pace.due(&sound(millis)), Instant::now());
        }
        let configuration = Media { content: Content::Audio(Bytes::from_static(&[0xAF, 0])), ..sound(5_000) };
        assert_eq!(pace.due(&configuration), Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_kept_does_not_hurry_afterwards() {
        let mut pace = Pace::new(1.0);
        let due = pace.due(&sound(0));
        tokio::time::advance(Duration::from_secs(5)).await;
        pace.went(&sound(0), due);
        assert_eq!(pace.due(&sound(100)) - Instant::now(), Duration::from_millis(100));
    }

    fn sound(millis: u32) -> Media {
        Media {
            timestamp: Timestamp::from_millis(millis),
            content: Content::Audio(Bytes::from_static(&[0xAF, 1])),
        }
    }
}
