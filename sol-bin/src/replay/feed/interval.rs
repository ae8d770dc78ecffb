//! Interval: how much media came since rates were told, and the rates that make of it.

use std::time::Duration;

use sol_tokio::sol_core::timestamp::Timestamp;

use crate::replay::note::{Said, grouped, rounded, say, time_of};

/// What came since rates were told.
#[derive(Debug)]
pub(super) struct Interval {
    pub(super) began: Duration,
    pub(super) video: Amount,
    pub(super) audio: Amount,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    /// Pictures that were no jump behind the one before, and how far they were.
    pub(super) pictures_after: u64,
    pub(super) pictures_span: Duration,
    pub(super) keyframes: u64,
    /// Shortest and longest distance of two keyframes.
    pub(super) between_keyframes: Option<(Duration, Duration)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amount {
    pub(super) bytes: u64,
    pub(super) frames: u64,
}

impl Interval {
    pub(super) fn beginning(at: Duration) -> Interval {
        Interval {
            began: at,
            video: Amount::default(),
            audio: Amount::default(),
            first: None,
            last: None,
            pictures_after: 0,
            pictures_span: Duration::ZERO,
            keyframes: 0,
            between_keyframes: None,
        }
    }

    pub(super) fn amount(&self) -> u64 {
        self.video.frames + self.audio.frames
    }

    /// Pictures a second, by the sender's clock: they come in bursts.
    fn picture_rate(&self, seconds: f64) -> f64 {
        if self.pictures_span.is_zero() {
            return self.video.frames as f64 / seconds;
        }
        self.pictures_after as f64 / self.pictures_span.as_secs_f64()
    }

    pub(super) fn said(&self, took: Duration) -> Said {
        let seconds = took.as_secs_f64();
        let kilobits = |amount: Amount| (amount.bytes as f64 * 8.0 / 1e3 / seconds).round();
        let advanced =
            self.first.zip(self.last).map_or(Duration::ZERO, |(first, last)| first.lag_behind(last));
        let mut words = Vec::new();
        let mut said = say("rates", "").with_seconds("seconds", took);
        if self.video.frames > 0 {
            let rate = self.picture_rate(seconds);
            words
                .push(format!("video {} kbit/s, {rate:.1} pictures/s", grouped(kilobits(self.video) as u64)));
            words.push(match (self.between_keyframes, self.keyframes) {
                (Some((least, most)), _) if most.saturating_sub(least) > Duration::from_millis(100) => {
                    format!("keyframes {} to {} apart", time_of(least), time_of(most))
                }
                (Some((_, most)), _) => format!("keyframe every {}", time_of(most)),
                (None, 0) => "no keyframe".to_owned(),
                (None, _) => "one keyframe".to_owned(),
            });
            said = said
                .with("video_kbps", kilobits(self.video))
                .with("video_fps", rounded(rate, 2))
                .with("keyframes", self.keyframes)
                .with_seconds("keyframe_seconds", self.between_keyframes.map(|(_, most)| most));
        }
        if self.audio.frames > 0 {
            words.push(format!("audio {} kbit/s", grouped(kilobits(self.audio) as u64)));
            said = said.with("audio_kbps", kilobits(self.audio));
        }
        words.push(format!("times went on by {}", time_of(advanced)));
        said.with_seconds("media_seconds", advanced).in_words(format!(
            "in {}: {}",
            time_of(took),
            words.join(", ")
        ))
    }
}
