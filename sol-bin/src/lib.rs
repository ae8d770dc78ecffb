//! The program `sol`: a live-streaming RTMP server that needs no configuration to begin. `main.rs` does nothing but call it.
//!
//! It is a library for the sake of its tests and fuzz targets, which reach what reads strangers' files: [`capture`] reads
//! recorded packets and puts the TCP streams in them together, [`replay`] tells what they hold of RTMP, [`config`] reads what
//! an operator wrote. Nothing here is meant for other programs: it follows what `sol` needs.

#![forbid(unsafe_code)]

mod backend;
mod bench;
pub mod capture;
mod cli;
mod clock;
pub mod config;
mod demo;
mod journal;
mod listen;
mod nofile;
mod play;
mod publish;
mod recording;
mod remote;
pub mod replay;
mod report;
mod serve;
mod signals;
mod track;

use std::process::ExitCode;

use clap::Parser;

use replay::Outcome;

/// Exit codes, as `sol --help` lists them. Clap itself exits with 2 on a bad command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Stopped by a signal, after everybody was told; or done.
    Stopped = 0,
    /// Something failed that no option could have helped.
    Failed = 1,
    /// The configuration has mistakes.
    BadConfiguration = 2,
    /// An address cannot be listened on.
    AddressUnusable = 3,
    /// A server does not let this client do what it asked for, or speaks something else.
    Refused = 4,
    /// A server cannot be reached, or the connection to it was lost.
    Unreachable = 5,
    /// A server has no such stream, or a recording no RTMP.
    NoStream = 6,
    /// Stopped by a second signal, before everybody was told.
    Interrupted = 130,
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Exit {
        match outcome {
            Outcome::Told => Exit::Stopped,
            Outcome::NoRtmp => Exit::NoStream,
            Outcome::Damaged => Exit::Failed,
        }
    }
}

/// Does what the command line says, and tells how it went.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let done = match cli.into_errand() {
        cli::Errand::Serve(arguments) => {
            arguments.configuration().map_err(Into::into).and_then(|configuration| {
                journal::start(configuration.settings().server.log);
                serve::run(&configuration)
            })
        }
        cli::Errand::Publish(arguments) => publish::run(&arguments),
        cli::Errand::Play(arguments) => play::run(&arguments),
        cli::Errand::Replay(arguments) => {
            // Files of many streams may be open at once.
            nofile::raise();
            replay::run(&arguments).map(Exit::from)
        }
        cli::Errand::Config(arguments) => config::run(&arguments),
        cli::Errand::Bench(arguments) => bench::run(&arguments),
    };
    let exit = done.unwrap_or_else(|error| {
        cli::complain(&error);
        if error.is::<config::Mistakes>() {
            Exit::BadConfiguration
        } else if error.is::<listen::ListenError>() {
            Exit::AddressUnusable
        } else {
            Exit::Failed
        }
    });
    ExitCode::from(exit as u8)
}
