//! Command line.

use std::io::Write;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sol_tokio::Coalesce;
use sol_tokio::sol_core::limits;

use crate::bench::Bench;
use crate::listen::ListenAddress;

/// A live-streaming server for RTMP. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "sol", version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take streams from encoders and give them to players (the default)
    #[command(after_help = AFTER_HELP)]
    Serve(Serve),
    /// Put a load on a server, this one or another, and tell what it costs
    Bench(Bench),
}

/// What the program is to do.
#[derive(Debug)]
pub(crate) enum Errand {
    Serve(Serve),
    Bench(Bench),
}

/// What `sol serve` is told.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Listen for RTMP on this address; may be given several times
    #[arg(long = "rtmp", value_name = "ADDR", default_value = "1935", long_help = RTMP_HELP)]
    pub(crate) rtmp: Vec<ListenAddress>,

    /// Publish a built-in clip as live/demo: a picture for whoever has nothing but a player
    #[arg(long)]
    pub(crate) demo: bool,

    /// Gather messages for so long before they go to the players together
    #[arg(long, value_name = "MS|auto", default_value = "auto", value_parser = coalesce, long_help = COALESCE_HELP)]
    pub(crate) coalesce: Coalesce,

    /// How log lines look on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl Cli {
    /// What to do; without a command's name, to serve.
    pub(crate) fn into_errand(self) -> Errand {
        match self.command {
            Some(Command::Serve(serve)) => Errand::Serve(serve),
            Some(Command::Bench(bench)) => Errand::Bench(bench),
            None => Errand::Serve(self.serve),
        }
    }
}

/// Reads what stands behind `--coalesce`.
fn coalesce(text: &str) -> Result<Coalesce, String> {
    if text == "auto" {
        return Ok(Coalesce::AUTO);
    }
    let interval = text.parse().map(Duration::from_millis).ok();
    interval.filter(|&interval| interval <= limits::COALESCE_TIME).map(Coalesce::Fixed).ok_or_else(|| {
        format!("neither auto nor milliseconds from 0 to {}", limits::COALESCE_TIME.as_millis())
    })
}

/// Says on standard error why the program cannot go on: the error and its causes, in one line.
pub(crate) fn complain(error: &anyhow::Error) {
    // Where standard error is gone, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "sol: {error:#}");
}

const RTMP_HELP: &str = "\
Listen for RTMP on this address; may be given several times

A port alone (1935) or with a colon (:1935) means every address of this machine, IPv4 and IPv6. Otherwise \
an IP address or a host name, with or without a port: 192.0.2.7, 192.0.2.7:1935, [::1]:1935, localhost:1935. \
Port 0 lets the system choose.";

const COALESCE_HELP: &str = "\
Gather messages for so long before they go to the players together

One write for the messages of 50 ms costs about half of what a write for each does, and the picture comes as much later. \
Milliseconds from 0 (each at once) to 350; or auto: at once while the server has time to spare, and the longer \
the busier it is, up to 100 ms.";

const AFTER_HELP: &str = "\
Log lines go to standard error; RUST_LOG=debug shows more of them, RUST_LOG=warn fewer.
SIGUSR1 (pkill -USR1 -x sol) writes into the log who is live: codecs, rates, players and their lag.
Ctrl-C or SIGTERM stops the server after telling publishers and players; a second one stops it at once.

Exit status:
  0    stopped by a signal
  1    failed
  2    bad command line
  3    an address cannot be listened on
  130  stopped by a second signal";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_command_may_be_left_out_with_and_without_flags() {
        for line in [&["sol"][..], &["sol", "serve"]] {
            let serve = what_to_serve(line);
            assert_eq!((serve.rtmp, serve.log), (vec!["1935".parse().unwrap()], LogFormat::Text));
            assert!(!serve.demo);
        }
        for line in [
            &["sol", "--rtmp", "1936", "--rtmp", "[::1]:7", "--log", "json", "--demo"][..],
            &["sol", "serve", "--rtmp", "1936", "--rtmp", "[::1]:7", "--log", "json", "--demo"],
        ] {
            let serve = what_to_serve(line);
            assert_eq!(serve.rtmp, ["1936", "[::1]:7"].map(|text| text.parse().unwrap()));
            assert_eq!((serve.log, serve.demo), (LogFormat::Json, true));
        }
    }

    fn what_to_serve(line: &[&str]) -> Serve {
        match Cli::try_parse_from(line).unwrap().into_errand() {
            Errand::Serve(serve) => serve,
            Errand::Bench(bench) => panic!("{bench:?}"),
        }
    }

    #[test]
    fn messages_are_gathered_for_milliseconds_within_the_limit_or_as_the_load_asks() {
        let read = |text| Cli::try_parse_from(["sol", "--coalesce", text]).map(|_| coalesce(text).unwrap());
        let fixed = |millis| Coalesce::Fixed(Duration::from_millis(millis));
        for (text, expected) in [("auto", Coalesce::AUTO), ("0", Coalesce::NONE), ("350", fixed(350))] {
            assert_eq!(read(text).unwrap(), expected);
        }
        for wrong in ["351", "-1", "fast", ""] {
            let error = Cli::try_parse_from(["sol", &format!("--coalesce={wrong}")]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains("from 0 to 350"), "{error}");
        }
    }

    #[test]
    fn a_bad_address_is_a_bad_command_line() {
        let error = Cli::try_parse_from(["sol", "--rtmp", "1.2.3.4:99999"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("99999"), "{error}");
    }
}
