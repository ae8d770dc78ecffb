//! Bench: a load generator for this server and any other, and beside them the floor, which is what the sending itself costs.
//!
//! It runs apart from the server's process, whose CPU time and memory it reads. What it publishes carries numbers and send
//! times, so that a few players can verify every byte and tell how long it was under way; the others only count bytes,
//! which the kernel throws away without copying them.

mod client;
mod crowd;
mod fanout;
mod floor;
mod idle;
mod outcome;
mod pattern;
mod publisher;
mod relay;
mod stall;
mod usage;
mod viewer;

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::Exit;
use client::Target;
use pattern::Pattern;

/// What `sol bench` is told.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// One publisher, many players
    Fanout(Fanout),
    /// Many publishers, a few players of each
    Many(Many),
    /// Many publishers, and nobody who plays
    Ingest(Ingest),
    /// Players that stop reading beside others: what they cost, and whether the others suffer
    Stall(Stall),
    /// Players that come to a stream that has many: how long until their first keyframe
    Join(Join),
    /// Connections that have made a stream and ask for nothing: memory of each
    Idle(Idle),
    /// Fan-out from a bare loop that only sends: what no server that sends as often can beat
    Floor(Floor),
    /// The process that sends for `floor`
    #[command(hide = true)]
    FloorServer(FloorServer),
    /// The process that passes on for `floor --publishers`
    #[command(hide = true)]
    RelayServer(RelayServer),
}

/// What `sol bench fanout` is told.
#[derive(Debug, Args)]
struct Fanout {
    /// Where to publish and play, such as rtmp://localhost/live/bench
    url: Target,

    /// Process of the server, whose CPU time and memory are told, with those of its children
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,

    #[command(flatten)]
    pattern: Pattern,

    #[command(flatten)]
    audience: Audience,
}

/// What `sol bench many` is told.
#[derive(Debug, Args)]
struct Many {
    #[command(flatten)]
    published: Published,

    /// Players of each stream
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    players: u32,

    #[command(flatten)]
    watch: Watch,
}

/// What `sol bench ingest` is told.
#[derive(Debug, Args)]
struct Ingest {
    #[command(flatten)]
    published: Published,

    /// Seconds to measure
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    duration: u32,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What `sol bench stall` is told.
#[derive(Debug, Args)]
struct Stall {
    /// Where to publish and play
    url: Target,

    /// Players that stop reading as soon as they play
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    stalled: u32,

    /// Players that go on
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    players: u32,

    /// Process of the server, whose CPU time and memory are told, with those of its children
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,

    #[command(flatten)]
    pattern: Pattern,

    #[command(flatten)]
    watch: Watch,
}

/// Many streams of one server.
#[derive(Debug, Args)]
struct Published {
    /// Where to publish and play; each stream has a number behind its name
    url: Target,

    /// Publishers, each of a stream of its own
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    publishers: u32,

    /// Process of the server, whose CPU time and memory are told, with those of its children
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,

    #[command(flatten)]
    pattern: Pattern,
}

impl Published {
    fn streams(&self) -> Vec<Target> {
        (0..self.publishers).map(|number| self.url.numbered(number)).collect()
    }
}

/// What `sol bench join` is told.
#[derive(Debug, Args)]
struct Join {
    /// Where to publish and play
    url: Target,

    /// Players that are there already
    #[arg(long, value_name = "N", default_value_t = 100)]
    players: u32,

    /// Players that come, one after the other
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    joins: u32,

    #[command(flatten)]
    pattern: Pattern,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What `sol bench idle` is told.
#[derive(Debug, Args)]
struct Idle {
    /// The server, and an app and a stream that are never asked for
    url: Target,

    /// Connections
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,

    /// Process of the server, whose memory is told, with that of its children
    #[arg(long, value_name = "PID")]
    server_pid: u32,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What `sol bench floor` is told.
#[derive(Debug, Args)]
struct Floor {
    /// Gather messages for so many milliseconds before they are sent together
    #[arg(long, value_name = "MS", default_value_t = 0)]
    gather: u64,

    /// Pass on what so many publishers send, instead of sending what nobody has published
    #[arg(long, value_name = "N", conflicts_with = "gather", value_parser = clap::value_parser!(u32).range(1..))]
    publishers: Option<u32>,

    /// Players; with --publishers, of each of them, and 0 for a loop that only reads
    #[arg(long, value_name = "N", default_value_t = 100)]
    players: u32,

    #[command(flatten)]
    pattern: Pattern,

    #[command(flatten)]
    watch: Watch,
}

#[derive(Debug, Args)]
struct RelayServer {
    #[arg(long)]
    publishers: usize,

    #[arg(long)]
    players: usize,
}

#[derive(Debug, Args)]
struct FloorServer {
    #[arg(long)]
    players: usize,

    #[arg(long)]
    gather: u64,

    #[command(flatten)]
    pattern: Pattern,
}

/// Who watches, and for how long.
#[derive(Clone, Debug, Args)]
struct Audience {
    /// Players
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    players: u32,

    #[command(flatten)]
    watch: Watch,
}

/// How it is watched.
#[derive(Clone, Debug, Args)]
struct Watch {
    /// How many of all players verify every byte and measure latency
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    verifying: u32,

    /// Seconds to measure, once all players are there
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    duration: u32,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

impl Watch {
    fn duration(&self) -> Duration {
        Duration::from_secs(self.duration.into())
    }
}

/// Runs what was asked for.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<Exit> {
    let (outcome, json) = match &bench.what {
        What::Fanout(asked) => (fanout::run(asked)?, asked.audience.watch.json),
        What::Many(asked) => (fanout::run_many(asked)?, asked.watch.json),
        What::Ingest(asked) => (fanout::run_ingest(asked)?, asked.json),
        What::Stall(asked) => (stall::run(asked)?, asked.watch.json),
        What::Join(asked) => (fanout::run_join(asked)?, asked.json),
        What::Idle(asked) => (idle::run(asked)?, asked.json),
        What::Floor(asked) => (floor::run(asked)?, asked.watch.json),
        What::FloorServer(asked) => {
            floor::serve(asked)?;
            return Ok(Exit::Stopped);
        }
        What::RelayServer(asked) => {
            relay::serve(asked)?;
            return Ok(Exit::Stopped);
        }
    };
    outcome.print(json);
    Ok(if outcome.is_sound() { Exit::Stopped } else { Exit::Failed })
}

/// Nanoseconds of the machine's monotonic clock, the same in every process.
fn monotonic_nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Everybody has come; what was in a hurry because of that is over.
const SETTLING: Duration = Duration::from_secs(2);
