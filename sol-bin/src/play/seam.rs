//! Seam: where a player goes over from the stream of one connection to that of another, when its server sends it elsewhere.
//!
//! Mostly the publisher has been sent there too: the old stream ends in front of a keyframe, and the new one begins with it. It may
//! be that both servers have the stream; then what both have is told by its payloads. Each server has a time of its own, so times
//! are moved such that they go on.
//!
//! A payload alone is no proof, for a clip that is looped has each again and again. Both streams run beside each other only where
//! the old one still gives what the new one has given.

use std::collections::{BTreeMap, VecDeque};

use sol_tokio::sol_core::media::FrameKind;
use sol_tokio::sol_core::timestamp::Timestamp;
use sol_tokio::{Content, Media};

/// What is known of the stream that is followed, and of the one that may be.
#[derive(Debug, Default)]
pub(super) struct Seam {
    /// The last frames of the one that is followed, as they were passed on.
    passed: VecDeque<Passed>,
    passed_bytes: usize,
    /// How many there have been in all.
    count: u64,
    /// What is added to its times.
    shift: u32,
    /// When video and audio were last.
    last: [Option<Timestamp>; 2],
    /// Between the last two pictures, or sounds where there are none, in milliseconds.
    interval: u32,
    /// Metadata and configurations.
    known: BTreeMap<FrameKind, Content>,
    /// So many frames of the one that is followed have come by the other.
    had: usize,
    /// What has come of the other one.
    coming: Vec<Media>,
    coming_bytes: usize,
    /// How many had been passed on when its first keyframe came.
    coming_since: u64,
}

#[derive(Debug)]
struct Passed {
    number: u64,
    media: Media,
}

impl Seam {
    /// A message of the stream that is followed, as it is to be passed on, if it is.
    pub(super) fn here(&mut self, media: Media) -> Option<Media> {
        let kind = FrameKind::of(&media.content);
        if kind.is_preamble() {
            self.known.insert(kind, media.content.clone());
        }
        if !kind.is_coded() {
            return Some(self.shifted(media, kind));
        }
        if self.had > 0 {
            self.had -= 1;
            return None;
        }
        let mut media = self.shifted(media, kind);
        let track = usize::from(!kind.is_video());
        if let Some(last) = self.last[track] {
            if last.is_after(media.timestamp) {
                media.timestamp = last;
            }
            if kind.is_video() || self.last[VIDEO].is_none() {
                self.interval = media.timestamp.offset_from(last).unsigned_abs().min(INTERVAL_MAX_MILLIS);
            }
        }
        self.last[track] = Some(media.timestamp);
        self.remember(media.clone());
        Some(media)
    }

    /// A message of the other stream.
    pub(super) fn there(&mut self, media: Media) {
        let is_too_much = self.coming.len() >= KEPT_MESSAGES || self.coming_bytes >= KEPT_BYTES;
        if is_too_much && matches!(FrameKind::of(&media.content), FrameKind::Keyframe(_)) {
            self.coming.retain(|media| !FrameKind::of(&media.content).is_coded());
            self.coming_bytes = 0;
        }
        if self.beginning().is_none() {
            self.coming_since = self.count;
        }
        self.coming_bytes += media.content.payload().len();
        self.coming.push(media);
    }

    /// The other stream is not followed after all.
    pub(super) fn stay(&mut self) {
        self.coming.clear();
        self.coming_bytes = 0;
    }

    /// Goes over to the other stream, if the moment has come; `is_over` where the old one gives nothing more. What has come of the
    /// new one, to be passed on. From here on it is the one that is followed.
    pub(super) fn change_over(&mut self, is_over: bool) -> Option<Vec<Media>> {
        let beginning = self.beginning()?;
        let new = &self.coming[beginning];
        let ours = self.passed.iter().rposition(|passed| passed.media.content == new.content);
        let ours: Vec<&Passed> = ours.map_or_else(Vec::new, |at| self.passed.range(at..).collect());
        let theirs: Vec<&Media> = self.coming[beginning..].iter().filter(|media| is_coded(media)).collect();
        let both = || ours.iter().zip(&theirs);
        let run_beside = both().all(|(ours, theirs)| ours.media.content == theirs.content)
            && both().any(|(ours, _)| ours.number >= self.coming_since);
        let has_caught_up = run_beside && theirs.len() >= ours.len();
        if !is_over && !has_caught_up {
            return None;
        }
        let had = if run_beside { ours.len() } else { 0 };
        let goes_on_at = match ours.first() {
            Some(same) if had > 0 => same.media.timestamp,
            _ => {
                let last = self.last[VIDEO].or(self.last[AUDIO]).unwrap_or(new.timestamp);
                Timestamp::from_millis(last.millis().wrapping_add(self.interval))
            }
        };
        self.shift = goes_on_at.millis().wrapping_sub(new.timestamp.millis());
        self.had = had;
        self.coming_bytes = 0;
        let coming = std::mem::take(&mut self.coming);
        let mut passed_on = Vec::new();
        for (index, media) in coming.into_iter().enumerate() {
            let kind = FrameKind::of(&media.content);
            let is_known = self.known.get(&kind) == Some(&media.content);
            let is_too_early = kind.is_coded() && index < beginning;
            if !is_known && !is_too_early {
                passed_on.extend(self.here(media));
            }
        }
        Some(passed_on)
    }

    /// Where the other stream can be begun with.
    fn beginning(&self) -> Option<usize> {
        let is_beginning = |media: &Media| {
            let kind = FrameKind::of(&media.content);
            matches!(kind, FrameKind::Keyframe(_)) || (kind.is_coded() && self.last[VIDEO].is_none())
        };
        self.coming.iter().position(is_beginning)
    }

    fn shifted(&self, media: Media, kind: FrameKind) -> Media {
        if kind == FrameKind::Metadata {
            return media;
        }
        let timestamp = Timestamp::from_millis(media.timestamp.millis().wrapping_add(self.shift));
        Media { timestamp, ..media }
    }

    fn remember(&mut self, media: Media) {
        self.passed_bytes += media.content.payload().len();
        self.passed.push_back(Passed { number: self.count, media });
        self.count += 1;
        while self.passed.len() > KEPT_MESSAGES || self.passed_bytes > KEPT_BYTES {
            let Some(oldest) = self.passed.pop_front() else { break };
            self.passed_bytes -= oldest.media.content.payload().len();
        }
    }
}

fn is_coded(media: &Media) -> bool {
    FrameKind::of(&media.content).is_coded()
}

const VIDEO: usize = 0;
const AUDIO: usize = 1;

/// Some groups of pictures of each stream, with their sound: 10 s and more.
const KEPT_MESSAGES: usize = 2_048;

/// And no more than that, but for one message.
const KEPT_BYTES: usize = 32 * 1024 * 1024;

/// A longer distance of two pictures is a pause, and none that comes again.
const INTERVAL_MAX_MILLIS: u32 = 1_000;

#[cfg(test)]
mod tests;
