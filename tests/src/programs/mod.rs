//! Programs: real players and encoders, and `sol` itself, run as children of a test.
//!
//! A test waits for what a program says or for its end, never for time to pass. Each program has a deadline all the
//! same, [`DEADLINE`] from its start unless it is given longer, so that one that hangs fails its test with everything that it said.
//!
//! Invariants: no child outlives its [`Program`]. What a child wrote is printed only if its test fails.

mod display;
mod example;
mod ffmpeg;
pub mod flv;
pub mod gstreamer;
mod log;
mod nginx;
mod output;
pub mod packets;
mod player;
mod publisher;
mod sol;
mod vlc;

use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

pub use display::{Display, Shown, Tally};
pub use example::Example;
use ffmpeg::Ffmpeg;
pub use log::{Log, LogLine};
pub use nginx::{Nginx, free_port};
use output::{Output, Waited};
pub use player::{Family, Player, Recording, packets_by_ffmpeg_9, packets_of};
pub use publisher::{Pace, Publisher, packets_by_mpv};
pub use sol::Sol;
pub use vlc::packets_by_vlc;

/// A program that runs, or has run.
#[derive(Debug)]
pub struct Program {
    command_line: String,
    child: Child,
    /// Told once the child has ended; nobody but us reaps it.
    ended: mpsc::Receiver<()>,
    exit: Exit,
    deadline: Instant,
    patience: Duration,
    stdin: Option<Feed>,
    stdout: Output,
    stderr: Output,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did not.
    Running,
    /// By itself, with this status.
    Status(i32),
    /// By a signal.
    Signal,
}

/// The standard stream on which a program is expected to say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Program {
    /// Starts a program of a Debian package, with nothing on its standard input.
    ///
    /// # Panics
    /// If it cannot be started; the message names the package.
    pub fn start(command: &mut Command, package: &str) -> Self {
        Self::start_with(command.stdin(Stdio::null()), &format!("apt-get install {package}"))
    }

    /// The same, with a standard input that [`Program::feed`] fills.
    pub fn start_fed(command: &mut Command, package: &str) -> Self {
        Self::start_with(command.stdin(Stdio::piped()), &format!("apt-get install {package}"))
    }

    fn start_with(command: &mut Command, remedy: &str) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let command_line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        // What they say is looked for in the words of their authors.
        command.env("LC_ALL", "C");
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(|error| match error
                .kind()
            {
                io::ErrorKind::NotFound => panic!("{name} is missing: {remedy}"),
                _ => panic!("cannot start {name}: {error}"),
            });
        let stdin = child.stdin.take().map(Feed::new);
        let stdout = Output::collect(child.stdout.take().expect("standard output is a pipe"));
        let stderr = Output::collect(child.stderr.take().expect("standard error is a pipe"));
        let ended = watch(pid_of(&child));
        let deadline = Instant::now() + DEADLINE;
        let (exit, patience) = (Exit::Running, DEADLINE);
        Self { command_line, child, ended, exit, deadline, patience, stdin, stdout, stderr }
    }

    /// Gives it more of its standard input. Does not wait until it is read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.stdin.as_ref().expect("the standard input is ours to feed").send(bytes);
    }

    /// Ends its standard input.
    pub fn end_feed(&mut self) {
        self.stdin = None;
    }

    /// Waits until the whole lines that it has written so far, as one text, have what is wanted.
    ///
    /// # Panics
    /// If it ends, or the deadline comes, before that.
    pub fn wait_for<T>(&self, stream: Stream, what: &str, find: impl FnMut(&str) -> Option<T>) -> T {
        match self.output(stream).wait_for(self.deadline, find) {
            Waited::Found(found) => found,
            Waited::Closed => panic!("`{}` ended without {what}", self.command_line),
            Waited::Late => panic!("`{}`: no {what} within {:?}", self.command_line, self.patience),
        }
    }

    /// Asks it to end.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) {
        // Only `finish` and `drop` reap the child: until then its id is nobody else's.
        assert_eq!(self.exit, Exit::Running, "only what runs can be sent a signal");
        rustix::process::kill_process(pid_of(&self.child), signal)
            .unwrap_or_else(|error| panic!("cannot send a signal to `{}`: {error}", self.command_line));
    }

    /// Waits until it has ended by itself and all its output is here.
    ///
    /// # Panics
    /// If the deadline comes before that.
    pub fn finish(&mut self) -> Exit {
        self.stdin = None;
        if self.exit == Exit::Running {
            let patience = self.deadline.saturating_duration_since(Instant::now());
            if self.ended.recv_timeout(patience).is_err() {
                panic!("`{}` did not end by itself within {:?}", self.command_line, self.patience);
            }
            self.exit = self.reap();
        }
        for output in [&self.stdout, &self.stderr] {
            if let Waited::Late = output.wait_for(self.deadline, |_| None::<()>) {
                panic!("`{}` ended, but somebody holds its output open", self.command_line);
            }
        }
        self.exit
    }

    /// Lets it take so long from its start, instead of [`DEADLINE`].
    pub fn extend_deadline(&mut self, patience: Duration) {
        self.deadline += patience - self.patience;
        self.patience = patience;
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote on standard output so far.
    pub fn stdout(&self) -> Vec<u8> {
        self.stdout.bytes()
    }

    /// What it wrote on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    fn output(&self, stream: Stream) -> &Output {
        match stream {
            Stream::Out => &self.stdout,
            Stream::Err => &self.stderr,
        }
    }

    fn reap(&mut self) -> Exit {
        match self.child.wait() {
            Ok(status) => status.code().map_or(Exit::Signal, Exit::Status),
            Err(error) => panic!("cannot learn how `{}` ended: {error}", self.command_line),
        }
    }

    /// What a person needs to see of it when a test fails.
    fn testimony(&self) -> String {
        let mut text = format!("--- `{}`: {:?}\n", self.command_line, self.exit);
        match String::from_utf8(self.stdout()) {
            Ok(words) => text.push_str(&tail(&words, "stdout")),
            Err(error) => {
                text.push_str(&format!("stdout: {} bytes that are no text\n", error.as_bytes().len()));
            }
        }
        text.push_str(&tail(&self.stderr(), "stderr"));
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let was_running = self.exit == Exit::Running;
        if was_running {
            // It may have ended by itself meanwhile.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if thread::panicking() {
            eprint!("{}{}", self.testimony(), if was_running { "(killed)\n" } else { "" });
        }
    }
}

/// Bytes on their way to a standard input, written by a thread of their own so that a program that does not read
/// holds nobody up. The input ends when this is dropped.
#[derive(Debug)]
struct Feed(mpsc::Sender<Vec<u8>>);

impl Feed {
    fn new(mut stdin: impl Write + Send + 'static) -> Self {
        let (sender, pieces) = mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            // A program that is gone reads no more; its exit status tells.
            pieces.iter().try_for_each(|piece| stdin.write_all(&piece))
        });
        Self(sender)
    }

    fn send(&self, bytes: &[u8]) {
        // The receiver is gone only if the program is.
        let _ = self.0.send(bytes.to_vec());
    }
}

/// Tells when a child has ended, and leaves it to be reaped.
fn watch(pid: Pid) -> mpsc::Receiver<()> {
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        let flags = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // An error means that it was killed and reaped already, so nobody listens.
        let _ = rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::Pid(pid), flags));
        let _ = sender.send(());
    });
    ended
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// The last lines of a text. Progress that overwrites itself counts as lines.
fn tail(text: &str, title: &str) -> String {
    let lines: Vec<&str> = text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()).collect();
    let shown = &lines[lines.len().saturating_sub(TESTIMONY_LINES)..];
    let left_out = lines.len() - shown.len();
    let mut tail = String::new();
    if left_out > 0 {
        tail.push_str(&format!("{title}: … {left_out} lines before\n"));
    }
    for line in shown {
        tail.push_str(&format!("{title}: {line}\n"));
    }
    tail
}

/// How long a program may run. The longest clip takes 6 s; a machine that builds something beside needs patience.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Lines of each output that a failing test shows.
const TESTIMONY_LINES: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::start(Command::new("sh").args(["-c", script]), "dash")
    }

    #[test]
    fn what_a_program_wrote_is_there_when_it_has_ended() {
        let mut program = shell("echo out; echo err >&2; exit 7");
        assert_eq!(program.finish(), Exit::Status(7));
        assert_eq!((program.stdout(), program.stderr()), (b"out\n".to_vec(), "err\n".to_owned()));
    }

    #[test]
    fn a_program_that_ends_before_it_said_the_word_fails_the_test() {
        let waiting = thread::spawn(|| {
            let program = shell("echo something else");
            program.wait_for(Stream::Out, "greeting", |text| text.contains("hello").then_some(()));
        });
        let message = waiting.join().unwrap_err().downcast::<String>().unwrap();
        assert!(message.ends_with("ended without greeting"), "{message}");
    }

    #[test]
    fn a_program_reads_what_it_is_fed() {
        let mut program = Program::start_fed(&mut Command::new("cat"), "coreutils");
        program.feed(b"one\n");
        program.wait_for(Stream::Out, "echo", |text| text.contains("one").then_some(()));
        program.feed(b"two\n");
        assert_eq!(program.finish(), Exit::Status(0));
        assert_eq!(program.stdout(), b"one\ntwo\n");
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let starting =
            thread::spawn(|| Program::start(&mut Command::new("no-such-player"), "no-such-package"));
        let message = starting.join().unwrap_err().downcast::<String>().unwrap();
        assert_eq!(*message, "no-such-player is missing: apt-get install no-such-package");
    }
}
