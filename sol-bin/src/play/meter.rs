//! Meter: how a stream comes, in numbers.

use std::time::Duration;

use crate::clock::clock;
use sol_tokio::sol_core::media::{FrameKind, TrackId};
use sol_tokio::sol_core::timestamp::Timestamp;
use sol_tokio::{Codec, Media};
use tokio::time::Instant;

use crate::remote::megabytes;

/// Counts what comes, since the beginning and since the last line.
#[derive(Debug)]
pub(super) struct Meter {
    began: Option<Instant>,
    first: Option<Timestamp>,
    /// The latest time of any track.
    head: Option<Timestamp>,
    video: Track,
    audio: Track,
    keyframe: Option<Timestamp>,
    keyframe_interval: Option<Duration>,
    /// How far the media were behind the clock at best: the rest is delay.
    best: Option<Duration>,
    delay: Duration,
    gaps: u64,
    missing: Duration,
    codecs: Vec<Codec>,
    total: u64,
    messages: u64,
    told_at: Instant,
    /// The latest time when that was.
    told_head: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Track {
    bytes: u64,
    frames: u64,
    last: Option<Timestamp>,
    /// The longest distance between two frames that were no gap.
    step: Duration,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            began: None,
            first: None,
            head: None,
            video: Track::default(),
            audio: Track::default(),
            keyframe: None,
            keyframe_interval: None,
            best: None,
            delay: Duration::ZERO,
            gaps: 0,
            missing: Duration::ZERO,
            codecs: Vec::new(),
            total: 0,
            messages: 0,
            told_at: Instant::now(),
            told_head: None,
        }
    }

    /// Whether anything has come.
    pub(super) fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// A message has come at this moment.
    pub(super) fn count(&mut self, media: &Media) {
        let now = Instant::now();
        if self.began.is_none() {
            self.began = Some(now);
            self.told_at = now;
        }
        let bytes = media.content.payload().len() as u64;
        self.total += bytes;
        self.messages += 1;
        if let Some((TrackId::DEFAULT, codec)) = Codec::of(&media.content)
            && !self.codecs.contains(&codec)
            && self.codecs.len() < CODECS_TOLD
        {
            self.codecs.push(codec);
        }
        let kind = FrameKind::of(&media.content);
        let track = if kind.is_video() { &mut self.video } else { &mut self.audio };
        track.bytes += bytes;
        if !kind.is_coded() {
            return;
        }
        let at = media.timestamp;
        if let Some(gap) = track.go_on(at) {
            self.gaps += 1;
            self.missing += gap;
        }
        if kind == FrameKind::Keyframe(TrackId::DEFAULT) {
            self.keyframe_interval = self.keyframe.map(|last| last.lag_behind(at));
            self.keyframe = Some(at);
        }
        self.measure_delay(at, now);
    }

    /// Against the message that came soonest after its time. Players that join are sent a group of pictures at once, so what
    /// the clock of the first message says is not it.
    fn measure_delay(&mut self, at: Timestamp, now: Instant) {
        let first = *self.first.get_or_insert(at);
        if self.head.is_some_and(|head| !at.is_after(head)) {
            return;
        }
        self.head = Some(at);
        let began = self.began.expect("something has come");
        // As if the stream had begun a day ago: media may be ahead of the clock.
        let behind = (now - began + DAY).saturating_sub(first.lag_behind(at));
        let best = self.best.map_or(behind, |best| best.min(behind));
        self.best = Some(best);
        self.delay = behind - best;
    }

    /// What has come since the last line.
    pub(super) fn line(&mut self) -> String {
        let now = Instant::now();
        let waited = now - std::mem::replace(&mut self.told_at, now);
        // Who joins is sent a group at once: more media than there was time.
        let told_head = std::mem::replace(&mut self.told_head, self.head).or(self.first);
        let came = told_head.zip(self.head).map_or(Duration::ZERO, |(from, to)| from.lag_behind(to));
        let took = waited.max(came).as_secs_f64().max(0.001);
        let (video, audio) = (self.video.take(), self.audio.take());
        let kilobits = |bytes: u64| (bytes as f64 * 8.0 / 1e3 / took).round();
        let keyframes = match (self.keyframe, self.keyframe_interval) {
            (_, Some(interval)) => format!("keyframe every {:.1} s", interval.as_secs_f64()),
            (Some(_), None) => "one keyframe".to_owned(),
            (None, None) => "no keyframe".to_owned(),
        };
        let gaps = self.told_gaps();
        format!(
            "{}  video {} kbit/s {:.0} fps  audio {} kbit/s  {keyframes}  delay {} ms  {gaps}",
            clock(self.time().as_secs()),
            kilobits(video.0),
            video.1 as f64 / took,
            kilobits(audio.0),
            self.delay.as_millis(),
        )
    }

    /// What has come in all.
    pub(super) fn summary(&self) -> String {
        let codecs: Vec<String> = self.codecs.iter().map(Codec::to_string).collect();
        let gaps = self.told_gaps();
        format!(
            "{} of {} in {} messages, {}; {gaps}",
            clock(self.time().as_secs()),
            if codecs.is_empty() { "data".to_owned() } else { codecs.join(" and ") },
            self.messages,
            megabytes(self.total),
        )
    }

    fn told_gaps(&self) -> String {
        match self.gaps {
            0 => "no gaps".to_owned(),
            1 => format!("one gap of {:.1} s", self.missing.as_secs_f64()),
            gaps => format!("{gaps} gaps of {:.1} s in all", self.missing.as_secs_f64()),
        }
    }

    /// How much of the media's own time has come.
    fn time(&self) -> Duration {
        match (self.first, self.head) {
            (Some(first), Some(head)) => first.lag_behind(head),
            _ => Duration::ZERO,
        }
    }
}

impl Track {
    /// A frame of this track has come; how long nothing came in front of it, if that was a gap.
    fn go_on(&mut self, at: Timestamp) -> Option<Duration> {
        self.frames += 1;
        let last = self.last.replace(at)?;
        if last.is_after(at) {
            // B-frames do not step back in time of decoding; encoders that begin anew do.
            return None;
        }
        let step = last.lag_behind(at);
        if step > GAP_LEAST && step > 3 * self.step {
            return Some(step);
        }
        self.step = self.step.max(step);
        None
    }

    /// Bytes and frames since the last time.
    fn take(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.bytes), std::mem::take(&mut self.frames))
    }
}

/// Slow encoders send a picture each 200 ms.
const GAP_LEAST: Duration = Duration::from_millis(500);

/// A server may change its codec as often as it likes.
const CODECS_TOLD: usize = 4;

const DAY: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use sol_tokio::Content;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_tells_rates_keyframes_and_that_nothing_is_missing() {
        let mut meter = Meter::new();
        for second in 0..2 {
            for picture in 0..25 {
                meter.count(&video(second * 1_000 + picture * 40, picture == 0, 500));
                meter.count(&sound(second * 1_000 + picture * 40));
                tokio::time::advance(Duration::from_millis(40)).await;
            }
            let line = meter.line();
            let keyframes = if second == 0 { "one keyframe" } else { "keyframe every 1.0 s" };
            assert_eq!(
                line,
                format!(
                    "0:0{second}  video 100 kbit/s 25 fps  audio 2 kbit/s  {keyframes}  delay 0 ms  no gaps"
                )
            );
        }
        assert_eq!(meter.summary(), "0:01 of H.264 and AAC in 100 messages, 0.0 MB; no gaps");
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_that_comes_at_once_is_measured_by_its_own_time() {
        let mut meter = Meter::new();
        for millis in (0..=2_000).step_by(40) {
            meter.count(&video(millis, millis == 0, 500));
        }
        tokio::time::advance(Duration::from_millis(10)).await;
        assert!(meter.line().contains("video 102 kbit/s 26 fps"), "{}", meter.line());
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_later_than_it_could_is_delayed_and_what_is_missing_is_a_gap() {
        let mut meter = Meter::new();
        for millis in (0..1_000).step_by(40) {
            meter.count(&video(millis, millis == 0, 100));
            tokio::time::advance(Duration::from_millis(40)).await;
        }
        tokio::time::advance(Duration::from_millis(300)).await;
        meter.count(&video(1_000, false, 100));
        assert!(meter.line().ends_with("delay 300 ms  no gaps"), "{}", meter.line());
        tokio::time::advance(Duration::from_millis(2_000)).await;
        meter.count(&video(3_000, true, 100));
        assert!(meter.line().ends_with("delay 300 ms  one gap of 2.0 s"), "{}", meter.line());
    }

    fn video(millis: u32, is_key: bool, bytes: usize) -> Media {
        let mut payload = vec![0; bytes];
        payload[..2].copy_from_slice(&[if is_key { 0x17 } else { 0x27 }, 1]);
        Media { timestamp: Timestamp::from_millis(millis), content: Content::Video(payload.into()) }
    }

    fn sound(millis: u32) -> Media {
        let payload = Bytes::from_static(&[0xAF, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        Media { timestamp: Timestamp::from_millis(millis), content: Content::Audio(payload) }
    }
}
