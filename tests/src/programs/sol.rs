//! Sol: the real server, as an operator starts it.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{DEADLINE, Exit, Log, Program, Stream};

/// A `sol` that listens on a port of the system's choice and logs in JSON.
#[derive(Debug)]
pub struct Sol {
    program: Program,
    address: SocketAddr,
}

impl Sol {
    /// Starts one on the IPv4 loopback, and waits until it listens.
    pub fn start() -> Self {
        Self::start_on("127.0.0.1:0")
    }

    /// The same on another address, written as for `--rtmp`.
    pub fn start_on(address: &str) -> Self {
        Self::start_with(address, &[])
    }

    /// The same with more options.
    pub fn start_with(address: &str, options: &[&str]) -> Self {
        Self::listening(Self::run(&[&["--rtmp", address, "--log", "json"], options].concat()))
    }

    /// Starts one that a file tells to listen on one address and to log in JSON.
    pub fn start_configured(file: &Path) -> Self {
        Self::listening(Self::run(&["--config", file.to_str().expect("the path is UTF-8")]))
    }

    /// Waits until it listens.
    fn listening(program: Program) -> Self {
        let address = program.wait_for(Stream::Err, "a log line `listening`", |text| {
            let log = parsed(text);
            let line = log.of("listening").first().copied()?;
            Some(line.text("address").parse().unwrap_or_else(|error| panic!("{error} in {line}")))
        });
        Self { program, address }
    }

    /// Runs `sol` with any command line.
    ///
    /// # Panics
    /// If it has not been built. A test of another package cannot have it built.
    pub fn run(arguments: &[&str]) -> Program {
        let mut command = Command::new(binary());
        // The tests want its own choice of log lines, and to see that it shows no backtrace unasked-for.
        command.args(arguments).env_remove("RUST_LOG").env("RUST_BACKTRACE", "1").stdin(Stdio::null());
        Program::start_with(&mut command, BUILD)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a stream on the IPv4 loopback.
    pub fn url(&self, stream: &str) -> String {
        format!("rtmp://127.0.0.1:{}/{stream}", self.address.port())
    }

    /// Waits until so many lines with this message have been written.
    pub fn wait_for(&self, count: usize, message: &str) {
        let what = format!("{count} log lines `{message}`");
        self.program
            .wait_for(Stream::Err, &what, |text| (parsed(text).of(message).len() >= count).then_some(()));
    }

    /// Lets it run for so long from its start: longer than most tests may take.
    pub fn extend_deadline(&mut self, patience: Duration) {
        self.program.extend_deadline(patience);
    }

    /// Its resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.program.id());
        let status = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let kilobytes =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        let kilobytes = kilobytes.and_then(|number| number.trim().parse::<u64>().ok());
        kilobytes.unwrap_or_else(|| panic!("no VmRSS in {path}")) * 1_024
    }

    /// File descriptors that it has open, and threads.
    pub fn descriptors_and_threads(&self) -> (usize, usize) {
        let count = |what: &str| {
            let path = format!("/proc/{}/{what}", self.program.id());
            fs::read_dir(&path).unwrap_or_else(|error| panic!("{path}: {error}")).count()
        };
        (count("fd"), count("task"))
    }

    /// Waits until it has as many as that. Nothing tells when, so this looks again and again: to be called when only the
    /// last of them are about to go.
    ///
    /// # Panics
    /// If the deadline comes before that.
    pub fn wait_for_descriptors_and_threads(&self, expected: (usize, usize)) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let present = self.descriptors_and_threads();
            if present == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{present:?} file descriptors and threads, not {expected:?}");
            thread::yield_now();
        }
    }

    /// Asks it who is live, as an operator would. The lines of its answer; what else was logged meanwhile may be among them.
    pub fn report(&mut self) -> Log {
        let before = parsed(&self.program.stderr()).lines().len();
        self.program.signal(Signal::USR1);
        self.program.wait_for(Stream::Err, "a report", |text| {
            let log = parsed(text).behind(before);
            // The last line of a report.
            (!log.of("report").is_empty()).then_some(log)
        })
    }

    /// Stops it as an operator would. What it wrote into its log.
    ///
    /// # Panics
    /// If it does not end well, or logged errors.
    pub fn stop(mut self) -> Log {
        self.begin_to_stop();
        self.finish()
    }

    /// Tells it to stop, and does not wait for that.
    pub fn begin_to_stop(&mut self) {
        self.program.terminate();
    }

    /// Waits until it has stopped, which it was told to. What it wrote into its log.
    ///
    /// # Panics
    /// As [`Sol::stop`].
    pub fn finish(mut self) -> Log {
        assert_eq!(self.program.finish(), Exit::Status(0), "SIGTERM is an orderly end");
        let log = parsed(&self.program.stderr());
        for line in log.lines() {
            assert_ne!(line.level(), "ERROR", "{line}");
        }
        assert_eq!(self.program.stdout(), b"", "a JSON log is for machines: no greeting");
        log
    }

    /// Stops it as an operator would who does not want to wait for anybody. What it wrote into its log.
    ///
    /// # Panics
    /// If it does not end so.
    pub fn stop_at_once(mut self) -> Log {
        // Both are there when it goes on.
        for signal in [Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT] {
            self.program.signal(signal);
        }
        assert_eq!(self.program.finish(), Exit::Status(130));
        parsed(&self.program.stderr())
    }
}

fn parsed(text: &str) -> Log {
    Log::parse(text).unwrap_or_else(|complaint| panic!("sol: {complaint}"))
}

/// `sol` of the same build as what runs.
impl Sol {
    /// The program.
    pub fn binary() -> PathBuf {
        binary()
    }
}

fn binary() -> PathBuf {
    if let Some(path) = env::var_os("SOL_BIN") {
        return path.into();
    }
    profile_folder().join(format!("sol{}", env::consts::EXE_SUFFIX))
}

/// `target/<profile>` of the build that runs. Tests lie in its `deps`, programs in itself.
pub(super) fn profile_folder() -> PathBuf {
    let own = env::current_exe().expect("a running program has a path");
    let folder = own.parent().expect("a program lies in a folder");
    let profile =
        if folder.ends_with("deps") { folder.parent().expect("`deps` lies in one") } else { folder };
    profile.to_owned()
}

const BUILD: &str = "cargo build -p sol-bin (add --release for a release build, or name one in SOL_BIN)";
