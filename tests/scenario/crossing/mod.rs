//! Crossing: several loops share their streams, and nobody can tell at which of them a player or a publisher is.

mod choosing;
mod ending;
mod joining;
mod lagging;
mod naming;
mod returning;
mod sharing;
mod within;
mod worlds;

use std::time::Duration;

use sol_core::hub::StreamConfig;
use sol_core::server::ServerConfig;
use sol_tests::peer::message::{MediaReceived, TypeId};
use sol_tests::peer::pattern::{FrameText, MediaSent, Pattern, VideoPattern};
use sol_tests::peer::run::{Run, check_run};
use sol_tests::peer::script::{Phase, Player, Publisher};
use sol_tests::world::{Client, Crossed, LinkOptions, Segments, World};

const UNPUBLISH_NOTIFY: &str = "NetStream.Play.UnpublishNotify";

/// Behind metadata and two configurations.
const FIRST_FRAME: u64 = 3;

/// A player at each of so many loops.
fn players_all_round<const N: usize>(world: &mut World, name: &str) -> [Client<Player>; N] {
    std::array::from_fn(|index| world.next_at(index).player(name))
}

/// What a server is of itself but for its streams.
fn with_streams(stream: StreamConfig) -> ServerConfig {
    ServerConfig { stream: stream.into(), ..ServerConfig::default() }
}

/// What crossed to a loop that wanted something once.
fn crossed_once(world: &World, to: usize) -> Crossed {
    let [crossed] = world.crossings_to(to).try_into().expect("it wanted something once");
    crossed
}

/// The one run of what this publisher sent, whatever others sent before and after it.
fn run_of_mark(media: &[MediaReceived], mark: u32, sent: &[MediaSent]) -> Result<Run, String> {
    check_run(&media_of_mark(media, mark), sent)
}

/// What came of this publisher: its preamble, and what follows up to the preamble of another.
fn media_of_mark(media: &[MediaReceived], mark: u32) -> Vec<MediaReceived> {
    let marks =
        media.iter().map(|media| FrameText::read(media.type_id, &media.payload).map(|text| text.mark));
    let marks: Vec<_> = marks.collect();
    // A preamble is of whom the next frame is.
    let of = |index: usize| marks[index..].iter().flatten().next();
    let those = media.iter().enumerate().filter(|&(index, _)| of(index) == Some(&mark));
    those.map(|(_, media)| media.clone()).collect()
}

/// Metadata is always at 0.
fn assert_time_never_steps_back(media: &[MediaReceived]) {
    let coded = media.iter().filter(|media| media.type_id != TypeId::DATA_AMF0);
    let times: Vec<_> = coded.map(|media| media.timestamp_ms).collect();
    assert!(times.is_sorted(), "{:?}", times.windows(2).find(|pair| pair[0] > pair[1]));
}

/// Its player has all but what is on its way.
fn assert_is_at_the_edge(run: &Run, sent: &[MediaSent]) {
    assert!(sent.len() as u64 - run.last < 10, "{run:?} of {}", sent.len());
}

fn is_live(publisher: &Client<Publisher>) -> bool {
    matches!(publisher.phase(), Phase::Live(_))
}

/// The session has ended, and how it ended for its player: gaps, and what was lost by them.
fn gaps_of(world: &mut World, player: &Client<Player>) -> (u64, u64, Duration) {
    world.hang_up(player);
    world.run_for(Duration::from_millis(100));
    let (_, summary) = player.endings()[0].clone();
    (summary.gaps, summary.lost.frames, summary.lost.duration)
}

/// Few bytes, for worlds in which much happens.
const SMALL: Pattern = Pattern {
    video: Some(VideoPattern { frame_rate: 10, keyframe_every_ms: 500, kilobits_per_second: 40 }),
    ..Pattern::new()
};

/// Some 2.5 MB a second.
const LARGE: Pattern = Pattern::new().video_kilobits(20_000).keyframe_every_ms(1_000);

/// For much media: as fast as can be, in few pieces.
const WIDE: LinkOptions = LinkOptions {
    latency: Duration::from_millis(20),
    bytes_per_second: u64::MAX,
    segments: Segments::Bytes(64 * 1024),
    send_buffer_bytes: 1024 * 1024,
    receive_buffer_bytes: 1024 * 1024,
};
