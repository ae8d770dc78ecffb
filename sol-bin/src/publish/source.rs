//! Source: an FLV file or standard input, read in a thread of its own, which waits until what it has read is taken.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, anyhow};
use sol_tokio::Media;
use sol_tokio::sol_core::flv::{Damage, FlvError, FlvItem, FlvReader};
use sol_tokio::sol_core::media::FrameKind;
use sol_tokio::sol_core::timestamp::Timestamp;
use tokio::sync::mpsc;

/// Media as they stand in a file.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    bytes: Option<u64>,
    taken_bytes: Arc<AtomicU64>,
    items: mpsc::Receiver<anyhow::Result<Taken>>,
}

/// One thing that was found there.
#[derive(Debug)]
pub(super) enum Taken {
    Media(Media),
    Damage(Damage),
}

/// Whether a path means standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Source {
    /// Begins to read.
    ///
    /// # Errors
    /// There is no such file, or it cannot be read.
    pub(super) fn open(path: &Path, is_looped: bool) -> anyhow::Result<Self> {
        let (to, items) = mpsc::channel(AHEAD);
        let taken_bytes = Arc::<AtomicU64>::default();
        let reading = Reading { path: path.to_owned(), to, taken_bytes: Arc::clone(&taken_bytes) };
        let mut bytes = None;
        if is_standard_input(path) {
            thread::spawn(move || reading.read_once(&mut io::stdin().lock(), 0));
        } else {
            let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            let metadata = file.metadata().with_context(|| format!("cannot read {}", path.display()))?;
            anyhow::ensure!(!metadata.is_dir(), "cannot read {}: it is a directory", path.display());
            bytes = metadata.is_file().then_some(metadata.len());
            thread::spawn(move || reading.read_file(&mut file, is_looped));
        }
        Ok(Self { path: path.to_owned(), bytes, taken_bytes, items })
    }

    /// How long the file is, where that is known.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// How much of it has been read.
    pub(super) fn taken_bytes(&self) -> u64 {
        self.taken_bytes.load(Ordering::Relaxed)
    }

    /// Waits for what comes next; `None` at the end.
    ///
    /// # Errors
    /// It cannot be read on, or is no FLV file.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Taken>> {
        self.items.recv().await.transpose()
    }

    /// What is wrong with a file that had nothing in it.
    pub(super) fn nothing(&self) -> anyhow::Error {
        anyhow!("{} has nothing to publish", self.path.display())
    }
}

/// The thread's side.
struct Reading {
    path: PathBuf,
    to: mpsc::Sender<anyhow::Result<Taken>>,
    taken_bytes: Arc<AtomicU64>,
}

/// Nobody takes anything any more.
struct Abandoned;

impl Reading {
    fn read_file(&self, file: &mut File, is_looped: bool) {
        let mut offset = 0_u32;
        while let Some(span) = self.read_once(file, offset).filter(|_| is_looped) {
            offset = offset.wrapping_add(span);
            self.taken_bytes.store(0, Ordering::Relaxed);
            if let Err(error) = file.rewind() {
                let context = format!("{} cannot begin again", self.path.display());
                let _ = self.to.blocking_send(Err(anyhow::Error::new(error).context(context)));
                return;
            }
        }
    }

    /// Reads to the end; how much of the media's time that was, or `None` where it is of no use to begin again.
    fn read_once(&self, input: &mut impl Read, offset: u32) -> Option<u32> {
        let mut reader = FlvReader::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut span = Span::default();
        loop {
            let count = match input.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let context = format!("cannot read on in {}", self.path.display());
                    let _ = self.to.blocking_send(Err(anyhow::Error::new(error).context(context)));
                    return None;
                }
            };
            self.taken_bytes.fetch_add(count as u64, Ordering::Relaxed);
            match count {
                0 => reader.finish(),
                _ => reader.feed(&buffer[..count]),
            }
            self.pass_on(&mut reader, &mut span, offset).ok()?;
            if count == 0 {
                return span.millis();
            }
        }
    }

    fn pass_on(&self, reader: &mut FlvReader, span: &mut Span, offset: u32) -> Result<(), Abandoned> {
        loop {
            let taken = match reader.poll() {
                Ok(Some(FlvItem::Media(mut media))) => {
                    span.count(&media);
                    media.timestamp = media.timestamp.advanced_by(offset);
                    Ok(Taken::Media(media))
                }
                Ok(Some(FlvItem::Damage(damage))) => Ok(Taken::Damage(damage)),
                Ok(None) => return Ok(()),
                Err(error) => Err(self.no_flv(error)),
            };
            let is_over = taken.is_err();
            self.to.blocking_send(taken).map_err(|_| Abandoned)?;
            if is_over {
                return Err(Abandoned);
            }
        }
    }

    fn no_flv(&self, error: FlvError) -> anyhow::Error {
        let name = self.path.display();
        anyhow!("{name}: {error}; FFmpeg makes one: ffmpeg -i {name} -c copy -f flv - | sol publish - URL")
    }
}

/// The time that a file's media take.
#[derive(Debug, Default)]
struct Span {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Between the last two moments.
    step: u32,
}

impl Span {
    fn count(&mut self, media: &Media) {
        if !FrameKind::of(&media.content).is_coded() {
            return;
        }
        self.first.get_or_insert(media.timestamp);
        match self.last {
            Some(last) if !media.timestamp.is_after(last) => {}
            last => {
                self.step = last.map_or(0, |last| media.timestamp.offset_from(last) as u32);
                self.last = Some(media.timestamp);
            }
        }
    }

    /// From the first moment to one step behind the last; `None` without media.
    fn millis(&self) -> Option<u32> {
        let millis = self.last?.offset_from(self.first?) as u32;
        Some(millis + self.step.clamp(1, 1_000))
    }
}

/// Messages that are read before they are due.
const AHEAD: usize = 64;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use sol_tokio::Content;
    use sol_tokio::sol_core::flv::FlvWriter;

    use super::*;

    #[test]
    fn a_file_that_begins_again_goes_on_one_step_behind_its_end() {
        let mut span = Span::default();
        assert_eq!(span.millis(), None);
        for millis in [100, 140, 120, 180] {
            span.count(&sound(millis));
        }
        assert_eq!(span.millis(), Some(120));
    }

    #[tokio::test]
    async fn what_is_read_comes_in_order_and_again_when_that_was_asked_for() {
        let folder = std::env::temp_dir().join(format!("sol-source-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("clip.flv");
        let mut writer = FlvWriter::streaming(&[]);
        let file: Vec<u8> = [0, 20, 40]
            .iter()
            .flat_map(|&millis| writer.write(&sound(millis)).unwrap().slices().concat())
            .collect();
        std::fs::write(&path, file).unwrap();
        let mut times = Vec::new();
        let mut source = Source::open(&path, true).unwrap();
        while times.len() < 7 {
            if let Some(Taken::Media(media)) = source.next().await.unwrap() {
                times.push(media.timestamp.millis());
            }
        }
        assert_eq!(times, [0, 20, 40, 60, 80, 100, 120]);
        let mut once = Source::open(&path, false).unwrap();
        let mut count = 0;
        while once.next().await.unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 3);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    fn sound(millis: u32) -> Media {
        Media {
            timestamp: Timestamp::from_millis(millis),
            content: Content::Audio(Bytes::from_static(&[0xAF, 1])),
        }
    }
}
