//! Demo: a small built-in clip in a loop, so that a newcomer sees a picture with nothing but a player.
//!
//! `demo/make-clip` makes the clip and says how it follows itself without a step.

use std::time::Duration;

use sol_tokio::sol_core::flv::{FlvItem, FlvReader};
use sol_tokio::sol_core::media::FrameKind;
use sol_tokio::sol_core::timestamp::Timestamp;
use sol_tokio::{Media, Replaced};
use tokio::time::{Instant, sleep_until};

/// The stream's name.
pub(crate) const NAME: &str = "live/demo";

/// Passes on the clip again and again, as fast as it is meant to be seen, until another publisher takes its place.
pub(crate) async fn run(mut publish: impl FnMut(&Media) -> Result<(), Replaced>) {
    let mut began = Instant::now();
    for (due, media) in showings() {
        sleep_until(began + due).await;
        let late = (began + due).elapsed();
        if late > LATE_MAX {
            // The process was stopped for a while. A live stream does not make up for it.
            began += late;
        }
        if let Err(replaced) = publish(&media) {
            tracing::warn!(stream = NAME, why = replaced.to_string(), "the demo ended");
            return;
        }
    }
}

/// The clip again and again without end, and when each message of it is due.
fn showings() -> impl Iterator<Item = (Duration, Media)> {
    let clip = clip();
    (0_u32..).flat_map(move |round| {
        let begins = CLIP_TIME * round;
        clip.clone().into_iter().map(move |Media { timestamp, content }| {
            let due = begins + Duration::from_millis(timestamp.millis().into());
            // Media time wraps after 49 days.
            (due, Media { timestamp: Timestamp::from_millis(due.as_millis() as u32), content })
        })
    })
}

/// What the clip has, but for the note that its video ends.
fn clip() -> Vec<Media> {
    let mut reader = FlvReader::new();
    reader.feed(CLIP);
    reader.finish();
    let items = std::iter::from_fn(|| reader.poll().expect("the clip is an FLV file"));
    items
        .filter_map(FlvItem::into_media)
        .filter(|media| FrameKind::of(&media.content) != FrameKind::VideoEnd)
        .collect()
}

const CLIP: &[u8] = include_bytes!("demo/clip.flv");

/// 240 pictures at 30 a second; 375 times 1 024 samples at 48 kHz.
const CLIP_TIME: Duration = Duration::from_secs(8);

/// How late a busy machine may be.
const LATE_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sol_tokio::{Codec, TrackId};

    use super::*;

    #[test]
    fn the_clip_is_small_and_everybody_can_play_it() {
        assert!(CLIP.len() < 400_000, "{} bytes", CLIP.len());
        let codecs: BTreeSet<_> = clip().iter().filter_map(|media| Codec::of(&media.content)).collect();
        assert_eq!(codecs, [(TrackId::DEFAULT, Codec::H264), (TrackId::DEFAULT, Codec::Aac)].into());
    }

    #[test]
    fn the_clip_follows_itself_without_a_step() {
        // Pictures of 33⅓ ms, sounds of 21⅓ ms.
        for (is_video, steps) in [(true, 33..=34), (false, 21..=22)] {
            let shown = showings().filter(|(_, media)| {
                let kind = FrameKind::of(&media.content);
                kind.is_coded() && kind.is_video() == is_video
            });
            let times: Vec<u32> = shown.map(|(_, media)| media.timestamp.millis()).take(1_000).collect();
            assert!(times[999] > 2 * 8_000, "over two seams");
            assert!(times.windows(2).all(|pair| steps.contains(&(pair[1] - pair[0]))), "{times:?}");
        }
    }
}
