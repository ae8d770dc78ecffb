//! Crossing: several loops share their streams, and nobody can tell at which of them a player or a publisher is.

mod choosing;
mod ending;
mod forms;
mod joining;
mod lagging;
mod naming;
mod returning;
mod sharing;
mod takeover;
mod within;
mod worlds;

use std::time::Duration;

use sol_core::hub::StreamConfig;
use sol_core::server::ServerConfig;
use sol_tests::peer::pattern::{MediaSent, Pattern, VideoPattern};
use sol_tests::peer::run::Run;
use sol_tests::peer::script::Player;
use sol_tests::world::{Client, Crossed, LinkOptions, Segments, World};

use crate::marks::{FIRST_FRAME, assert_time_never_steps_back, is_live, media_of_mark, run_of_mark};

const UNPUBLISH_NOTIFY: &str = "NetStream.Play.UnpublishNotify";

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

/// Its player has all but what is on its way.
fn assert_is_at_the_edge(run: &Run, sent: &[MediaSent]) {
    assert!(sent.len() as u64 - run.last < 10, "{run:?} of {}", sent.len());
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
