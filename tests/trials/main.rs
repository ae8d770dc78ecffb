//! Trials: long runs against the program `sol`, which measure what a test should not.
//!
//! ```sh
//! cargo build --release -p sol-bin && cargo run --release -p sol-tests --bin trials -- stalled
//! ```
//!
//! Each prints what it saw, line by line as it goes, and ends with another exit status than 0 if something did not hold that
//! must.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for people")]

mod broadcast;
mod crossings;
mod kernel;
mod neighbour;
mod nonsense;
mod stalled;
mod vanished;

use std::process::ExitCode;

fn main() -> ExitCode {
    let trial = std::env::args().nth(1).unwrap_or_default();
    let verdict = match trial.as_str() {
        "stalled" => stalled::run(),
        "nonsense" => nonsense::run(),
        "crossings" => crossings::run(),
        "neighbour" => neighbour::run(),
        "vanished" => vanished::run(),
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match verdict {
        Ok(()) => {
            println!("all held");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("did not hold: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

const USAGE: &str = "\
usage: trials stalled    25 of 50 players stop reading at 8 Mbit/s, for a minute
       trials nonsense   a healthy stream beside whatever is no RTMP, or badly meant, for two minutes
       trials crossings  a thousand players over four loops: each frame crosses once to each of the others
       trials neighbour  how long an append takes while another stream has 2,500 players
       trials vanished   how long a publisher whose network went away holds its name; needs root";
