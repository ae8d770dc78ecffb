//! Run: what a player received, held against what a publisher sent.
//!
//! A good run is contiguous within each kind of frame and in order over both; its video begins
//! at a keyframe, and each kind has its configuration first. Audio may begin before video, as
//! long as no keyframe is passed over. All frames are moved by the same offset in time.

use std::fmt;

use super::amf::{self, Amf};
use super::message::{MediaReceived, TypeId};
use super::pattern::{FrameText, MediaRole, MediaSent, is_config};

/// A contiguous run of frames. Numbers are those of the pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first frame.
    pub first: u64,
    /// The last frame.
    pub last: u64,
    /// How many frames of audio and video.
    pub frames: usize,
    /// Received minus sent timestamp, modulo 2³², the same for all frames.
    pub offset_ms: u32,
    /// The hole behind which it begins, in words; none for the first run.
    pub hole: Option<String>,
}

/// Checks that one contiguous run was received; an error describes the first deviation.
///
/// `sent` is all that one publisher sent, or a selection of it where the player had a filter.
pub fn check_run(received: &[MediaReceived], sent: &[MediaSent]) -> Result<Run, String> {
    let mut runs = check_runs(received, sent)?.into_iter();
    let first = runs.next().ok_or("no frame was received")?;
    match runs.next() {
        Some(Run { hole: Some(hole), .. }) => Err(hole),
        _ => Ok(first),
    }
}

/// Checks that good runs were received with nothing but holes between them, as by a player that
/// lags. An error describes the first deviation that is no hole.
pub fn check_runs(received: &[MediaReceived], sent: &[MediaSent]) -> Result<Vec<Run>, String> {
    let mut checker = Checker { sent, ..Checker::default() };
    for (position, media) in received.iter().enumerate() {
        checker.take(media).map_err(|what| format!("message {position} ({}): {what}", Described(media)))?;
    }
    Ok(checker.runs)
}

#[derive(Default)]
struct Checker<'a> {
    sent: &'a [MediaSent],
    runs: Vec<Run>,
    /// Where in `sent` the last frame is.
    latest: Option<usize>,
    video: Track<'a>,
    audio: Track<'a>,
}

/// One kind of frame.
#[derive(Default)]
struct Track<'a> {
    config: Option<&'a [u8]>,
    /// Whether the current run has frames of it.
    begun: bool,
}

impl<'a> Checker<'a> {
    fn take(&mut self, media: &'a MediaReceived) -> Result<(), String> {
        let role = match media.type_id {
            TypeId::DATA_AMF0 => return check_metadata(media),
            TypeId::VIDEO => MediaRole::VideoConfig,
            TypeId::AUDIO => MediaRole::AudioConfig,
            _ => return Err("is nothing that a pattern makes".to_owned()),
        };
        match is_config(media.type_id, &media.payload) {
            true => self.take_config(role, media),
            false => self.take_frame(media),
        }
    }

    fn take_config(&mut self, role: MediaRole, media: &'a MediaReceived) -> Result<(), String> {
        if !self.sent.iter().any(|sent| sent.role == role && sent.payload == media.payload) {
            return Err("is a configuration that was never sent".to_owned());
        }
        self.track_mut(media.type_id).config = Some(&media.payload);
        Ok(())
    }

    fn take_frame(&mut self, media: &MediaReceived) -> Result<(), String> {
        let sent = self.sent;
        let index = self.find(media)?;
        let frame = &sent[index];
        let offset_ms = media.timestamp_ms.wrapping_sub(frame.timestamp_ms);

        match self.latest {
            None => self.begin_run(index, offset_ms, None),
            Some(latest) if latest >= index => {
                return Err(format!("came behind frame {}", sent[latest].sequence));
            }
            Some(latest) => {
                let skipped = &sent[latest + 1..index];
                if let Some(missing) = skipped.iter().find(|sent| self.is_required(sent)) {
                    let hole = format!(
                        "{} came behind frame {}, but {} is missing",
                        Named(frame),
                        sent[latest].sequence,
                        Named(missing)
                    );
                    self.begin_run(index, offset_ms, Some(hole));
                }
            }
        }
        self.check_start(index).map_err(|what| match self.runs.last() {
            Some(Run { hole: Some(hole), .. }) => format!("{what}; {hole}"),
            _ => what,
        })?;
        self.latest = Some(index);

        let before_ms = self.runs.first().map_or(offset_ms, |first| first.offset_ms);
        if offset_ms != before_ms {
            return Err(format!("was moved by {offset_ms:#x} ms, those before it by {before_ms:#x} ms"));
        }
        let run = self.runs.last_mut().expect("a frame has a run");
        run.last = frame.sequence;
        run.frames += 1;
        Ok(())
    }

    /// Where the frame is in `sent`.
    fn find(&self, media: &MediaReceived) -> Result<usize, String> {
        let text = FrameText::read(media.type_id, &media.payload).ok_or("carries no frame number")?;
        let found = self.sent.binary_search_by_key(&text.sequence, |sent| sent.sequence);
        let index = found.map_err(|_| "was never sent")?;
        let sent = &self.sent[index];
        if sent.type_id != media.type_id || sent.payload != media.payload {
            return Err("differs from what was sent under its number".to_owned());
        }
        Ok(index)
    }

    /// Whether a run that goes on may not leave this message out.
    fn is_required(&self, sent: &MediaSent) -> bool {
        match sent.role {
            MediaRole::Keyframe | MediaRole::AudioFrame => true,
            MediaRole::Interframe => self.video.begun,
            MediaRole::Metadata | MediaRole::VideoConfig | MediaRole::AudioConfig | MediaRole::Text => false,
        }
    }

    /// The first frame of its kind in a run is one to begin with, and has its configuration.
    fn check_start(&mut self, index: usize) -> Result<(), String> {
        let sent = self.sent;
        let frame = &sent[index];
        let track = self.track_mut(frame.type_id);
        if track.begun {
            return Ok(());
        }
        track.begun = true;
        if frame.role == MediaRole::Interframe {
            return Err("begins the video and is no keyframe".to_owned());
        }
        let needed = sent[..index].iter().rev().find(|sent| {
            sent.type_id == frame.type_id
                && matches!(sent.role, MediaRole::VideoConfig | MediaRole::AudioConfig)
        });
        match needed {
            Some(needed) if track.config != Some(&needed.payload[..]) => {
                Err("came without its configuration".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn begin_run(&mut self, index: usize, offset_ms: u32, hole: Option<String>) {
        self.video.begun = false;
        self.audio.begun = false;
        let first = self.sent[index].sequence;
        self.runs.push(Run { first, last: first, frames: 0, offset_ms, hole });
    }

    fn track_mut(&mut self, type_id: TypeId) -> &mut Track<'a> {
        if type_id == TypeId::VIDEO { &mut self.video } else { &mut self.audio }
    }
}

/// Players need metadata without the wrapping of publishers, and FFmpeg needs it at time 0.
fn check_metadata(media: &MediaReceived) -> Result<(), String> {
    let values = amf::read_all(&media.payload).map_err(|oddity| oddity.to_string())?;
    match &values[..] {
        [Amf::String(name), Amf::Object(_) | Amf::EcmaArray(_)] if name == "onMetaData" => {}
        _ => return Err("is no onMetaData with an object".to_owned()),
    }
    match media.timestamp_ms {
        0 => Ok(()),
        _ => Err("is metadata with a time other than 0".to_owned()),
    }
}

/// A received message in words.
struct Described<'a>(&'a MediaReceived);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MediaReceived { type_id, timestamp_ms, payload, .. } = self.0;
        write!(f, "{type_id} of {} bytes at {timestamp_ms} ms", payload.len())?;
        match FrameText::read(*type_id, payload) {
            Some(FrameText { mark, sequence }) => write!(f, ", frame {sequence} of mark {mark:x}"),
            None => Ok(()),
        }
    }
}

/// A sent message in words.
struct Named<'a>(&'a MediaSent);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MediaSent { role, sequence, timestamp_ms, .. } = self.0;
        write!(f, "frame {sequence} ({role:?}, {timestamp_ms} ms)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::message::StreamId;
    use super::super::pattern::Pattern;
    use super::*;

    #[test]
    fn all_that_was_sent_is_a_run() {
        let sent = sent(Pattern::new());
        let run = check_run(&relayed(&sent), &sent).unwrap();
        let frames = sent.iter().filter(|sent| sent.role.is_frame()).count();
        assert_eq!(run, Run { first: 3, last: sent.len() as u64 - 1, frames, offset_ms: 0, hole: None });
    }

    #[test]
    fn a_join_at_a_later_keyframe_is_a_run_in_its_own_time() {
        let sent = sent(Pattern::new().starting_at_ms(0xFFFF_FFF0));
        let keyframe = second_keyframe(&sent);
        let mut received = joined(&sent, keyframe);
        for media in &mut received {
            if media.type_id != TypeId::DATA_AMF0 {
                media.timestamp_ms = media.timestamp_ms.wrapping_add(0x10);
            }
        }
        let run = check_run(&received, &sent).unwrap();
        assert_eq!((run.first, run.offset_ms), (sent[keyframe].sequence, 0x10));
    }

    #[test]
    fn audio_may_come_before_the_first_keyframe() {
        let sent = sent(Pattern::new());
        let keyframe = second_keyframe(&sent);
        let early = sent[..keyframe].iter().rposition(|sent| sent.role == MediaRole::AudioFrame).unwrap();
        let mut received = joined(&sent, keyframe);
        received.insert(3, relay(&sent[early]));
        assert_eq!(check_run(&received, &sent).unwrap().first, sent[early].sequence);
    }

    #[test]
    fn a_keyframe_that_was_passed_over_is_a_hole() {
        let sent = sent(Pattern::new());
        let keyframe = second_keyframe(&sent);
        let received: Vec<_> =
            joined(&sent, keyframe - 1).into_iter().filter(|media| media.type_id != TypeId::VIDEO).collect();
        assert_deviation(check_run(&received, &sent), "(Keyframe, 2000 ms) is missing");
    }

    #[test]
    fn audio_or_video_alone_is_a_run_where_nothing_else_was_sent() {
        for pattern in [Pattern::new().audio_only(), Pattern::new().video_only()] {
            let sent = sent(pattern);
            assert!(check_run(&relayed(&sent), &sent).is_ok());
        }
    }

    #[test]
    fn a_frame_that_is_missing_is_named() {
        let sent = sent(Pattern::new());
        for missing in 4..sent.len() - 1 {
            let mut received = relayed(&sent);
            received.remove(missing);
            let error = check_run(&received, &sent).unwrap_err();
            assert!(error.contains(&format!("but frame {missing} (")), "{error}");
        }
    }

    #[test]
    fn a_player_that_skips_to_keyframes_has_one_run_after_the_other() {
        let sent = sent(Pattern::new());
        let keyframe = second_keyframe(&sent);
        let mut received = relayed(&sent[..20]);
        received.extend(joined(&sent, keyframe));
        let runs = check_runs(&received, &sent).unwrap();
        assert_eq!(runs.iter().map(|run| run.first).collect::<Vec<_>>(), [3, sent[keyframe].sequence]);
        assert_eq!(runs[0].last, 19);
        assert!(runs[1].hole.as_deref().is_some_and(|hole| hole.contains("frame 20 ")));
        assert_deviation(check_run(&received, &sent), "frame 20 ");
    }

    #[test]
    fn every_other_deviation_is_described() {
        let sent = sent(Pattern::new());
        let whole = relayed(&sent);
        let deviating = |change: fn(&mut Vec<MediaReceived>)| {
            let mut received = whole.clone();
            change(&mut received);
            check_runs(&received, &sent)
        };
        assert_deviation(check_run(&[], &sent).map(|run| vec![run]), "no frame");
        assert_deviation(deviating(|all| drop(all.remove(1))), "without its configuration");
        assert_deviation(deviating(|all| drop(all.remove(2))), "without its configuration");
        assert_deviation(deviating(|all| drop(all.remove(3))), "is no keyframe");
        assert_deviation(deviating(|all| all.swap(8, 9)), "came behind frame 7, but frame 8 (");
        assert_deviation(deviating(|all| all.insert(9, all[8].clone())), "came behind frame 8");
        assert_deviation(deviating(|all| all[8].timestamp_ms += 1), "moved by 0x1 ms");
        assert_deviation(deviating(|all| all[0].timestamp_ms += 1), "time other than 0");
        assert_deviation(deviating(|all| flip_last_bit(&mut all[8])), "differs");
        assert_deviation(deviating(|all| flip_last_bit(&mut all[1])), "never sent");
        assert_deviation(deviating(|all| all[0].payload = wrapped_metadata()), "no onMetaData");
        assert_deviation(deviating(|all| all[8].type_id = TypeId::AGGREGATE), "nothing that a pattern makes");
        let others = relayed(&self::sent(Pattern::new().marked(5)));
        assert_deviation(check_runs(&others, &sent), "differs");
        assert_deviation(check_runs(&whole, &sent[..9]), "was never sent");
    }

    fn assert_deviation<T: fmt::Debug>(result: Result<T, String>, words: &str) {
        let error = result.expect_err(words);
        assert!(error.contains(words), "{error:?} does not say {words:?}");
    }

    fn sent(pattern: Pattern) -> Vec<MediaSent> {
        pattern.media().take_while(|media| media.due < Duration::from_secs(5)).collect()
    }

    fn second_keyframe(sent: &[MediaSent]) -> usize {
        let mut keyframes = sent.iter().enumerate().filter(|(_, sent)| sent.role == MediaRole::Keyframe);
        keyframes.nth(1).expect("five seconds have more than one").0
    }

    /// What a player gets that joins at this frame: the preparations, then all from there.
    fn joined(sent: &[MediaSent], at: usize) -> Vec<MediaReceived> {
        relayed(&sent[..3]).into_iter().chain(relayed(&sent[at..])).collect()
    }

    fn relayed(sent: &[MediaSent]) -> Vec<MediaReceived> {
        sent.iter().map(relay).collect()
    }

    fn relay(sent: &MediaSent) -> MediaReceived {
        let (timestamp_ms, payload) = match sent.role {
            MediaRole::Metadata => {
                let values = amf::read_all(&sent.payload).unwrap();
                (0, amf::write_all(&values[1..]).into())
            }
            _ => (sent.timestamp_ms, sent.payload.clone()),
        };
        MediaReceived { stream: StreamId(1), type_id: sent.type_id, timestamp_ms, payload }
    }

    fn flip_last_bit(media: &mut MediaReceived) {
        let mut payload = media.payload.to_vec();
        *payload.last_mut().unwrap() ^= 1;
        media.payload = payload.into();
    }

    fn wrapped_metadata() -> bytes::Bytes {
        amf::write_all(&["@setDataFrame".into(), "onMetaData".into(), Amf::object([])]).into()
    }
}
