//! Command line.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use crate::replay::Replay;
use clap::{Args, Parser, Subcommand};

use crate::bench::Bench;
use crate::config::{
    ConfigArguments, Configuration, CountError, Destination, Gathered, Layer, Leaf, LogFormat, Loops,
    Mistakes, OrAuto, Runtime, Time, TimeError,
};
use crate::listen::ListenAddress;
use crate::play::Play;
use crate::publish::Publish;

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
    /// Send an FLV file to a server, this one or another, as fast as it is meant to be seen
    #[command(after_help = REMOTE_HELP)]
    Publish(Publish),
    /// Take a stream from a server, tell how it is, and write it into an FLV file
    #[command(after_help = REMOTE_HELP)]
    Play(Play),
    /// Tell what a recording of network traffic (pcap, pcapng) holds of RTMP
    #[command(after_help = REPLAY_HELP)]
    Replay(Replay),
    /// Check a configuration, tell what is in force, and print one to begin with
    Config(ConfigArguments),
    /// Put a load on a server, this one or another, and tell what it costs
    Bench(Bench),
}

/// What the program is to do.
#[derive(Debug)]
pub(crate) enum Errand {
    Serve(Serve),
    Publish(Publish),
    Play(Play),
    Replay(Replay),
    Config(ConfigArguments),
    Bench(Bench),
}

/// What `sol serve` is told. What is left out comes from variables, the file, or the defaults.
#[derive(Debug, Default, Args)]
pub(crate) struct Serve {
    /// Read this configuration file; without it sol.toml in the working directory, if there is one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Listen for RTMP on this address; may be given several times [default: 1935]
    #[arg(long = "rtmp", value_name = "ADDR", long_help = RTMP_HELP)]
    rtmp: Vec<ListenAddress>,

    /// Publish a built-in clip as live/demo: a picture for whoever has nothing but a player
    #[arg(long)]
    demo: bool,

    /// What the server runs on [default: tokio]
    #[arg(long, value_enum)]
    runtime: Option<Runtime>,

    /// Threads that serve connections [default: auto, one for each core]
    #[arg(long, value_name = "N|auto", value_parser = loops)]
    loops: Option<OrAuto<Loops>>,

    /// Gather messages for so long before they go to the players together [default: auto]
    #[arg(long, value_name = "TIME|auto", value_parser = coalesce, long_help = COALESCE_HELP)]
    coalesce: Option<OrAuto<Gathered>>,

    /// When told to stop, let clients leave by themselves for so long, such as 1m [default: 0s]
    #[arg(long, value_name = "TIME", long_help = DRAIN_HELP)]
    drain: Option<Time<0, 86_400_000>>,

    /// Ask clients to reconnect at this server then, such as rtmp://other.example [default: at this one]
    #[arg(long, value_name = "URL")]
    drain_target: Option<Destination>,

    /// How log lines look on standard error [default: text]
    #[arg(long, value_enum)]
    log: Option<LogFormat>,
}

impl Serve {
    /// What is in force with these flags over the variables of this process and the file.
    ///
    /// # Errors
    /// What is wrong with it, as far as it can be told at once.
    pub(crate) fn configuration(&self) -> Result<Configuration, Mistakes> {
        Configuration::load(self.config.as_deref(), std::env::vars_os(), self.layer())
    }

    /// What the words behind `sol serve` say.
    pub(crate) fn of_words(words: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let line = ["sol", "serve"].into_iter().map(OsString::from).chain(words);
        match Cli::try_parse_from(line).map_err(|error| error.to_string())?.into_errand() {
            Errand::Serve(serve) => Ok(serve),
            other => unreachable!("`sol serve` serves: {other:?}"),
        }
    }

    /// What the flags set.
    pub(crate) fn layer(&self) -> Layer {
        let mut leaves = Vec::new();
        if !self.rtmp.is_empty() {
            leaves.push(Leaf::of_flag("--rtmp", "server", "rtmp", &self.rtmp));
        }
        if let Some(log) = self.log {
            leaves.push(Leaf::of_flag("--log", "server", "log", log));
        }
        if self.demo {
            leaves.push(Leaf::of_flag("--demo", "server", "demo", true));
        }
        if let Some(runtime) = self.runtime {
            leaves.push(Leaf::of_flag("--runtime", "server", "runtime", runtime));
        }
        if let Some(loops) = self.loops {
            leaves.push(Leaf::of_flag("--loops", "server", "loops", loops));
        }
        if let Some(coalesce) = self.coalesce {
            leaves.push(Leaf::of_flag("--coalesce", "defaults", "coalesce", coalesce));
        }
        if let Some(drain) = self.drain {
            leaves.push(Leaf::of_flag("--drain", "server", "drain", drain));
        }
        if let Some(target) = &self.drain_target {
            leaves.push(Leaf::of_flag("--drain-target", "server", "drain_target", target));
        }
        Layer::of(leaves)
    }
}

impl Cli {
    /// What to do; without a command's name, to serve.
    pub(crate) fn into_errand(self) -> Errand {
        match self.command {
            Some(Command::Serve(serve)) => Errand::Serve(serve),
            Some(Command::Publish(publish)) => Errand::Publish(publish),
            Some(Command::Play(play)) => Errand::Play(play),
            Some(Command::Replay(replay)) => Errand::Replay(replay),
            Some(Command::Config(config)) => Errand::Config(config),
            Some(Command::Bench(bench)) => Errand::Bench(bench),
            None => Errand::Serve(self.serve),
        }
    }
}

/// Reads what stands behind `--coalesce`: as in a file, but for a number, which is of milliseconds.
fn coalesce(text: &str) -> Result<OrAuto<Gathered>, TimeError> {
    if text.parse::<u64>().is_ok() { format!("{text}ms").parse() } else { text.parse() }
}

/// Reads what stands behind `--loops`.
fn loops(text: &str) -> Result<OrAuto<Loops>, CountError> {
    text.parse()
}

/// Says on standard error why the program cannot go on: the error and its causes, in one line; the mistakes of a
/// configuration with the lines that they stand in.
pub(crate) fn complain(error: &anyhow::Error) {
    let mut to = io::stderr();
    // Where standard error is gone, the exit code still tells.
    let _ = match error.downcast_ref::<Mistakes>() {
        Some(mistakes) => writeln!(to, "{}\n\nsol: {}", mistakes.rendered(to.is_terminal()), mistakes.sum()),
        None => writeln!(to, "sol: {error:#}"),
    };
}

const RTMP_HELP: &str = "\
Listen for RTMP on this address; may be given several times

A port alone (1935) or with a colon (:1935) means every address of this machine, IPv4 and IPv6. Otherwise \
an IP address or a host name, with or without a port: 192.0.2.7, 192.0.2.7:1935, [::1]:1935, localhost:1935. \
Port 0 lets the system choose. Without this flag: what variables or the file say, else port 1935.";

const COALESCE_HELP: &str = "\
Gather messages for so long before they go to the players together

One write for the messages of 50 ms costs about half of what a write for each does, and the picture comes as much later. \
From 0ms (each at once) to 350ms; or auto, the default: at once while the server has time to spare, and the longer \
the busier it is, up to 100 ms. It stands for defaults.coalesce: what the section of an app says holds for that app.";

const DRAIN_HELP: &str = "\
When told to stop, let clients leave by themselves for so long, such as 1m

For restarts that interrupt nobody. On the first signal the server accepts nobody any more and refuses new streams; clients \
that know ReconnectRequest of Enhanced RTMP are asked to go to --drain-target, or to come back to the same address, where another \
server should take them; sol publish and sol play do. All others are served on. When everybody has left, or when the time is over, \
it stops; a second signal stops it at once. 0s, the default, lets nobody stay.";

const AFTER_HELP: &str = "\
Log lines go to standard error; RUST_LOG=debug shows more of them, RUST_LOG=warn fewer.
SIGUSR1 (pkill -USR1 -x sol) writes into the log who is live: codecs, rates, players and their lag.
Ctrl-C or SIGTERM stops the server after telling publishers and players; with --drain, after they
have left. A second one stops it at once.

Flags hold over variables such as SOL__defaults__grace=5s, those over the file, and that over the defaults.
`sol config show` tells what is in force, `sol config default` what there is.

Exit status:
  0    stopped by a signal
  1    failed
  2    bad command line or configuration
  3    an address cannot be listened on
  130  stopped by a second signal";

const REMOTE_HELP: &str = "\
What happens is told on standard error. Ctrl-C or SIGTERM says goodbye to the server; a second one does without.

Exit status:
  0    done: the file or the stream has ended, its time is over, or a signal came
  1    a file cannot be read or written, or has nothing in it
  2    bad command line
  4    the server refuses, sends elsewhere, or is no RTMP server
  5    the server cannot be reached, or the connection was lost
  6    the server has no such stream (play)
  130  stopped by a second signal";

const REPLAY_HELP: &str = "\
tcpdump -i any -s 0 -w FILE tcp port 1935 records one. Any port will do, and a recording that begins in the middle.
What RTMPS, RTMPE and RTMPT carry is not read.

A recording holds stream keys, and so does what is told of it.

Exit status:
  0    done
  1    the file cannot be read, is no capture, or is damaged (what comes before the damage is told); or a file \
cannot be written
  2    bad command line
  6    there is no RTMP in it";

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
            assert_eq!(what_is_set(line), "");
        }
        for line in [
            &["sol", "--rtmp", "1936", "--rtmp", "[::1]:7", "--log", "json", "--demo"][..],
            &["sol", "serve", "--rtmp", "1936", "--rtmp", "[::1]:7", "--log", "json", "--demo"],
        ] {
            let set =
                ["server.rtmp = [\"1936\", \"[::1]:7\"]", "server.log = \"json\"", "server.demo = true"];
            assert_eq!(what_is_set(line), set.join(", "));
        }
    }

    fn what_is_set(line: &[&str]) -> String {
        match Cli::try_parse_from(line).unwrap().into_errand() {
            Errand::Serve(serve) => {
                let layer = serve.layer();
                let written = layer.leaves.iter().map(|leaf| format!("{} = {}", leaf.path, leaf.value));
                written.collect::<Vec<_>>().join(", ")
            }
            other @ (Errand::Publish(_)
            | Errand::Play(_)
            | Errand::Replay(_)
            | Errand::Config(_)
            | Errand::Bench(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn messages_are_gathered_for_a_time_within_the_limit_or_as_the_load_asks() {
        for (text, set) in [("auto", "auto"), ("0", "0s"), ("350", "350ms"), ("50ms", "50ms")] {
            let expected = format!("defaults.coalesce = {set:?}");
            assert_eq!(what_is_set(&["sol", "--coalesce", text]), expected);
        }
        for (wrong, why) in [
            ("351", "\"351ms\" is more than 350ms"),
            ("-1", "\"-1\" is negative"),
            ("fast", "\"fast\" is no duration"),
            ("", "\"\" is no duration"),
        ] {
            let error = Cli::try_parse_from(["sol", &format!("--coalesce={wrong}")]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn a_bad_address_is_a_bad_command_line() {
        let error = Cli::try_parse_from(["sol", "--rtmp", "1.2.3.4:99999"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("99999"), "{error}");
    }
}
