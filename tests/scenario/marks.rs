//! Marks: what a player got of each of several publishers of one stream.

use sol_core::participant::Event;
use sol_tests::peer::message::{MediaReceived, TypeId};
use sol_tests::peer::pattern::{FrameText, MediaSent};
use sol_tests::peer::run::{Run, check_run};
use sol_tests::peer::script::{Phase, Publisher};
use sol_tests::world::Client;

/// The one run of what this publisher sent, whatever others sent before and after it.
pub(crate) fn run_of_mark(media: &[MediaReceived], mark: u32, sent: &[MediaSent]) -> Result<Run, String> {
    check_run(&media_of_mark(media, mark), sent)
}

/// What came of this publisher: its preamble, and what follows up to the preamble of another.
pub(crate) fn media_of_mark(media: &[MediaReceived], mark: u32) -> Vec<MediaReceived> {
    let marks =
        media.iter().map(|media| FrameText::read(media.type_id, &media.payload).map(|text| text.mark));
    let marks: Vec<_> = marks.collect();
    // A preamble is of whom the next frame is.
    let of = |index: usize| marks[index..].iter().flatten().next();
    let those = media.iter().enumerate().filter(|&(index, _)| of(index) == Some(&mark));
    those.map(|(_, media)| media.clone()).collect()
}

/// Of which publisher the last frame is.
pub(crate) fn last_mark(media: &[MediaReceived]) -> Option<u32> {
    let texts = media.iter().rev().filter_map(|media| FrameText::read(media.type_id, &media.payload));
    texts.map(|text| text.mark).next()
}

/// Whether it publishes, as far as it knows.
pub(crate) fn is_live(publisher: &Client<Publisher>) -> bool {
    matches!(publisher.phase(), Phase::Live(_))
}

/// What a publisher was told of itself: whether it is on air.
pub(crate) fn on_air(publisher: &Client<Publisher>) -> Vec<bool> {
    let told = |event| match event {
        Event::OnAir { on_air, .. } => Some(on_air),
        _ => None,
    };
    publisher.events().into_iter().filter_map(|(_, event)| told(event)).collect()
}

/// Metadata is always at 0.
pub(crate) fn assert_time_never_steps_back(media: &[MediaReceived]) {
    let coded = media.iter().filter(|media| media.type_id != TypeId::DATA_AMF0);
    let times: Vec<_> = coded.map(|media| media.timestamp_ms).collect();
    assert!(times.is_sorted(), "{:?}", times.windows(2).find(|pair| pair[0] > pair[1]));
}

/// Behind metadata and two configurations.
pub(crate) const FIRST_FRAME: u64 = 3;
