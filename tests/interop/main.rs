//! Interop: the program `sol`, and the examples for embedders, between real encoders and players of Debian 12.
//!
//! The program is the one beside these tests in the target folder: `cargo build -p sol-bin` renews it, and
//! `cargo build -p sol-core -p sol-tokio --examples` the examples.
//!
//! Each test has a server of its own, on a port of the system's choice. They need the programs: a missing one fails
//! its tests and names its package, or says how FFmpeg 9 is to be had, which knows Enhanced RTMP. SOL_BIN names another `sol`.

#![forbid(unsafe_code)]

mod abrupt;
mod bench;
mod changing;
mod client;
mod clip;
mod codecs;
mod configuration;
mod demo;
mod doorman;
mod draining;
mod enhanced;
mod examples;
mod files;
mod late;
mod legacy;
mod names;
mod players;
mod publishers;
mod refusals;
mod replaying;
mod returning;
mod server;
mod strangers;

use std::ops::Range;

use clip::{AUDIO, Clip, VIDEO};
use sol_tests::programs::packets::Packets;
use sol_tests::programs::{Exit, Recording};

const ENDED_WELL: Exit = Exit::Status(0);

/// Where in the clip the recording lies, without a hole and in time.
fn run_of(recording: &Recording, clip: &Clip) -> Range<usize> {
    let run = recording.packets.run_in(&clip.packets);
    run.unwrap_or_else(|deviation| panic!("{} and {}: {deviation}", recording.family, clip.name))
}

/// Where in each track of the whole the payloads of that track are, whatever their times.
fn payload_runs(recording: &Recording, whole: &Packets) -> [Range<usize>; 2] {
    [VIDEO, AUDIO].map(|track| {
        let (mine, its) = (recording.packets.payloads_of(track), whole.payloads_of(track));
        mine.run_in(&its)
            .unwrap_or_else(|deviation| panic!("{}, track {track}: {deviation}", recording.family))
    })
}

fn whole_tracks(packets: &Packets) -> [Range<usize>; 2] {
    [VIDEO, AUDIO].map(|track| 0..packets.payloads_of(track).list.len())
}
