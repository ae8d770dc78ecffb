//! Replay: tells what a recording of network traffic holds of RTMP, connection by connection. It is `sol replay`.
//!
//! [`run`] is the command; [`tell`] does the same to any recording, and writes to anything.

mod calls;
mod controls;
mod date;
mod desk;
mod extraction;
mod feed;
mod note;
mod outlet;
mod page;
mod roles;
mod serving;
mod story;
mod teller;
mod totals;
mod watched;
mod words;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::capture::{Capture, ConnectionId, Event, EventKind, FileError};
use desk::Desk;
use extraction::Extraction;
use note::shown;
use outlet::Outlet;
use teller::Teller;
use watched::Watched;

/// What `sol replay` is told.
#[derive(Debug, Args)]
pub struct Replay {
    /// The recording, pcap or pcapng, as tcpdump and Wireshark write it; with - from standard input
    file: PathBuf,

    #[command(flatten)]
    options: Options,
}

/// What is to be told of a recording, and how.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// Tell of each message
    #[arg(long)]
    pub all: bool,

    /// Write a JSON object for each thing that is told, one on a line, and a summary last
    #[arg(long)]
    pub json: bool,

    /// Show what Sol would have answered each client, beside what the recorded server did
    #[arg(long)]
    pub serve: bool,

    /// Write each stream that was published or played into an FLV file of its own in this directory
    #[arg(long, value_name = "DIR")]
    pub extract: Option<PathBuf>,

    /// Replace files that are there
    #[arg(long, requires = "extract")]
    pub overwrite: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is RTMP in the recording, and it was told.
    Told,
    /// There is none.
    NoRtmp,
    /// The file is damaged. What comes before that was told.
    Damaged,
}

/// Tells of a file on standard output.
///
/// # Errors
/// The file cannot be read or is no capture, or something cannot be written.
pub fn run(asked: &Replay) -> anyhow::Result<Outcome> {
    let is_standard_input = asked.file.as_os_str() == "-";
    let name = if is_standard_input { "standard input".into() } else { shown(asked.file.display()) };
    let (file, may_go_on) = open(&asked.file, &name)?;
    let input = (!is_standard_input).then_some(&*asked.file);
    match go_through(file, input, &name, &asked.options, io::stdout().lock(), may_go_on) {
        Ok(outcome) => Ok(outcome),
        // Whoever read the lines has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Outcome::Told),
        Err(Failure::Output(error)) => Err(error).context("cannot write to standard output"),
        Err(Failure::Other(error)) => Err(error),
    }
}

/// Tells of a recording, which is called by this name, line by line. The same recording and options give the same lines on
/// every run.
///
/// # Errors
/// It cannot be read or is no capture, or something cannot be written.
pub fn tell(
    recording: impl Read,
    name: &str,
    options: &Options,
    to: impl io::Write,
) -> anyhow::Result<Outcome> {
    go_through(recording, None, &shown(name), options, to, false).map_err(|failure| match failure {
        Failure::Output(error) => anyhow::Error::new(error).context("cannot write what is told"),
        Failure::Other(error) => error,
    })
}

/// Reads a recording, which is this file if it is one, to its end. Of one that is still going on each thing is told as it comes.
fn go_through(
    recording: impl Read,
    input: Option<&Path>,
    name: &str,
    options: &Options,
    to: impl io::Write,
    may_go_on: bool,
) -> Result<Outcome, Failure> {
    let capture = Capture::open(recording).with_context(|| name.to_owned())?;
    let extraction = options.extract.as_deref();
    let extraction =
        extraction.map(|directory| Extraction::into(directory, options.overwrite, input)).transpose()?;
    let to = Outlet::new(to, extraction.is_some());
    let replaying = Replaying {
        capture,
        connections: BTreeMap::new(),
        desk: Desk::new(extraction, options.all, options.serve),
        teller: Teller::new(BufWriter::new(to), options.json, name),
        may_go_on,
    };
    replaying.go_on()
}

/// A recording that is being told of.
struct Replaying<R, W: io::Write> {
    capture: Capture<R>,
    /// Those that are open, by their ids in the capture.
    connections: BTreeMap<ConnectionId, Watched>,
    desk: Desk,
    teller: Teller<W>,
    /// What is told waits for nothing.
    may_go_on: bool,
}

/// Why it cannot go on.
enum Failure {
    /// What is told cannot be written.
    Output(io::Error),
    Other(anyhow::Error),
}

impl<R: Read, W: io::Write> Replaying<R, W> {
    fn go_on(mut self) -> Result<Outcome, Failure> {
        let mut damage = None;
        loop {
            match self.capture.next_event() {
                Ok(Some(event)) => self.take(event)?,
                Ok(None) => break,
                // What came before is told to its end.
                Err(error) => damage = Some(error),
            }
        }
        self.teller.end(&self.capture, &self.desk, damage.as_ref())?;
        if let Some(trouble) = self.desk.extraction.as_ref().and_then(Extraction::trouble) {
            return Err(Failure::Other(anyhow::anyhow!(trouble)));
        }
        Ok(match damage {
            Some(_) => Outcome::Damaged,
            None if self.desk.connections.is_empty() => Outcome::NoRtmp,
            None => Outcome::Told,
        })
    }

    fn take(&mut self, Event { connection: id, at, kind }: Event) -> io::Result<()> {
        let desk = &mut self.desk;
        match kind {
            EventKind::Opened { ends, opener } => {
                self.connections.insert(id, Watched::new(ends, opener, at, desk.serves));
            }
            EventKind::Segment { from, bytes } => {
                if let Some(watched) = self.connections.get_mut(&id) {
                    watched.handle_bytes(from, &bytes, at, desk);
                }
            }
            EventKind::Missing { from, count } => {
                if let Some(watched) = self.connections.get_mut(&id) {
                    watched.handle_missing(from, count, at, desk);
                }
            }
            EventKind::Finished { by } => {
                if let Some(watched) = self.connections.get_mut(&id) {
                    watched.handle_finished(by, at, desk);
                }
            }
            EventKind::Closed { how, tallies } => {
                if let Some(watched) = self.connections.remove(&id) {
                    watched.handle_closed(how, tallies, at, desk);
                }
            }
        }
        let began = self.capture.began().unwrap_or_default();
        let has_news = !desk.notes.is_empty();
        for note in desk.notes.drain(..) {
            self.teller.tell(&note, began)?;
        }
        if has_news && self.may_go_on {
            self.teller.flush()?;
        }
        Ok(())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Other(error)
    }
}

/// The bytes of a file, or of standard input; and whether somebody may still write them.
fn open(path: &Path, name: &str) -> anyhow::Result<(Box<dyn Read>, bool)> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(io::stdin().lock()), true));
    }
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    let metadata = file.metadata().with_context(|| format!("cannot read {name}"))?;
    anyhow::ensure!(!metadata.is_dir(), "cannot read {name}: it is a directory");
    Ok((Box::new(file), !metadata.is_file()))
}

/// What is wrong with a file, with whatever the system says of it.
fn words_of(error: &FileError) -> String {
    match error {
        FileError::Read { source, .. } => format!("{error}: {source}"),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
