//! Recording: an FLV file of what is played, whose times begin at zero. It has its index when it is finished; one that never is
//! plays up to its last whole tag.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use sol_tokio::sol_core::flv::FlvWriter;
use sol_tokio::sol_core::media::FrameKind;
use sol_tokio::sol_core::timestamp::Timestamp;
use sol_tokio::{Media, TrackKind};

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Recording {
    path: PathBuf,
    to: To,
    writer: FlvWriter,
    beginning: Beginning,
}

#[derive(Debug)]
enum To {
    File(BufWriter<File>),
    StandardOutput(io::Stdout),
}

/// What is to be taken off each time.
#[derive(Debug)]
enum Beginning {
    /// Nobody knows yet which track begins first: what has come waits until it shows.
    Unknown(Vec<Media>),
    At(Timestamp),
}

impl Recording {
    /// Makes the file.
    ///
    /// # Errors
    /// It is there already, and nobody said that it may be replaced; or it cannot be made.
    pub(crate) fn open(path: &Path, may_overwrite: bool) -> anyhow::Result<Self> {
        let is_standard_output = path.as_os_str() == "-";
        let (to, writer) = if is_standard_output {
            (To::StandardOutput(io::stdout()), FlvWriter::streaming(&[TrackKind::Video, TrackKind::Audio]))
        } else {
            let mut options = OpenOptions::new();
            options.write(true).truncate(may_overwrite).create(may_overwrite).create_new(!may_overwrite);
            let file = options.open(path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    anyhow!("{} is there already; --overwrite replaces it", path.display())
                }
                _ => anyhow::Error::new(error).context(format!("cannot write {}", path.display())),
            })?;
            (To::File(BufWriter::new(file)), FlvWriter::seekable())
        };
        Ok(Self { path: path.to_owned(), to, writer, beginning: Beginning::Unknown(Vec::new()) })
    }

    /// Appends a message. `false` where nobody reads standard output any more.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write(&mut self, media: Media) -> anyhow::Result<bool> {
        let outcome = match &mut self.beginning {
            Beginning::At(_) => self.append(&media),
            Beginning::Unknown(waiting) => {
                waiting.push(media);
                if is_known(waiting) { self.begin() } else { Ok(()) }
            }
        };
        self.judge(outcome)
    }

    /// Ends the file: the index, and how long it is.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let begun = self.begin();
        self.judge(begun)?;
        let patches = self.writer.finish();
        let outcome = match &mut self.to {
            To::File(file) => patches
                .into_iter()
                .try_for_each(|patch| {
                    file.seek(SeekFrom::Start(patch.offset))?;
                    file.write_all(&patch.bytes)
                })
                .and_then(|()| file.flush()),
            To::StandardOutput(_) => Ok(()),
        };
        outcome.with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Writes what has waited.
    fn begin(&mut self) -> io::Result<()> {
        let Beginning::Unknown(waiting) = &mut self.beginning else { return Ok(()) };
        let waiting = std::mem::take(waiting);
        let mut times = waiting.iter().filter(|media| is_coded(media)).map(|media| media.timestamp);
        let first = times.next().unwrap_or(Timestamp::ZERO);
        let earliest = times.fold(first, |earliest, at| if earliest.is_after(at) { at } else { earliest });
        self.beginning = Beginning::At(earliest);
        waiting.iter().try_for_each(|media| self.append(media))
    }

    fn append(&mut self, media: &Media) -> io::Result<()> {
        let Beginning::At(earliest) = self.beginning else { return Ok(()) };
        // Configurations are stamped like what they come before, or with zero; metadata with zero.
        let millis = u32::try_from(media.timestamp.offset_from(earliest)).unwrap_or(0);
        let millis =
            if is_coded(media) { media.timestamp.millis().wrapping_sub(earliest.millis()) } else { millis };
        let media = Media { timestamp: Timestamp::from_millis(millis), content: media.content.clone() };
        let piece = self.writer.write(&media).expect("nothing that came by RTMP is too long");
        match &mut self.to {
            To::File(file) => piece.slices().iter().try_for_each(|slice| file.write_all(slice)),
            To::StandardOutput(stdout) => {
                let mut stdout = stdout.lock();
                piece.slices().iter().try_for_each(|slice| stdout.write_all(slice))?;
                stdout.flush()
            }
        }
    }

    fn judge(&self, outcome: io::Result<()>) -> anyhow::Result<bool> {
        match outcome {
            Ok(()) => Ok(true),
            Err(error)
                if error.kind() == io::ErrorKind::BrokenPipe && matches!(self.to, To::StandardOutput(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(error).with_context(|| format!("cannot write {}", self.path.display())),
        }
    }
}

/// Whether it shows which track begins first: both have come, or one for long enough.
fn is_known(waiting: &[Media]) -> bool {
    let bytes: usize = waiting.iter().map(|media| media.content.payload().len()).sum();
    if waiting.len() >= WAIT_MESSAGES || bytes >= WAIT_BYTES {
        return true;
    }
    let coded = || waiting.iter().filter(|media| is_coded(media));
    let has = |is_video| coded().any(|media| FrameKind::of(&media.content).is_video() == is_video);
    let (Some(first), Some(last)) = (coded().next(), coded().next_back()) else { return false };
    (has(true) && has(false) && coded().count() >= 4)
        || last.timestamp.offset_from(first.timestamp).unsigned_abs() >= WAIT_MILLIS
}

fn is_coded(media: &Media) -> bool {
    FrameKind::of(&media.content).is_coded()
}

/// One track begins no later behind the other.
const WAIT_MILLIS: u32 = 500;

/// And there are no more messages in that time, ...
const WAIT_MESSAGES: usize = 256;

/// ... nor bytes, but for one message.
const WAIT_BYTES: usize = 16 * 1024 * 1024;
