//! Extraction: each stream of a recording becomes an FLV file of its own.
//!
//! A file is called by its connection, by what was asked for, and by the stream's name as far as that is safe in a file
//! name: `1-publish-cam.flv`. What stands behind a question mark may be a secret and is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::feed::Asked;
use super::note::{count_of, grouped};
use crate::recording::Recording;

/// Where the files go.
#[derive(Debug)]
pub(super) struct Extraction {
    directory: PathBuf,
    may_overwrite: bool,
    /// The recording itself.
    input: Option<PathBuf>,
    names: BTreeSet<String>,
    /// How often what names are made of was asked for.
    bases: BTreeMap<String, u64>,
    /// How many files each connection has.
    files: BTreeMap<u64, usize>,
    written: usize,
    /// The first thing that went wrong, and in how many files something did.
    first_failure: Option<String>,
    failures: u64,
}

impl Extraction {
    /// Makes the directory, if there is none.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn into(
        directory: &Path,
        may_overwrite: bool,
        input: Option<&Path>,
    ) -> anyhow::Result<Extraction> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Extraction {
            directory: directory.to_owned(),
            may_overwrite,
            input: input.and_then(|input| input.canonicalize().ok()),
            names: BTreeSet::new(),
            bases: BTreeMap::new(),
            files: BTreeMap::new(),
            written: 0,
            first_failure: None,
            failures: 0,
        })
    }

    /// Begins a file.
    ///
    /// # Errors
    /// It cannot be made, or is there already and may not be replaced; or the connection has too many.
    pub(super) fn open(&mut self, connection: u64, asked: Option<&Asked>) -> anyhow::Result<Recording> {
        let files = self.files.entry(connection).or_default();
        if *files == FILES {
            bail!(
                "connection {connection} has more than {} streams: no file for the others",
                grouped(FILES as u64)
            );
        }
        *files += 1;
        let base = base_of(connection, asked);
        // A stream may be called as another one is numbered.
        let name = loop {
            let number = self.bases.entry(base.clone()).or_default();
            *number += 1;
            let name = if *number == 1 { base.clone() } else { format!("{base}-{number}") };
            if self.names.insert(name.clone()) {
                break name;
            }
        };
        let path = self.directory.join(format!("{name}.flv"));
        if self.may_overwrite {
            self.may_replace(&path)?;
        }
        let recording = Recording::open(&path, self.may_overwrite)?;
        self.written += 1;
        Ok(recording)
    }

    /// What is behind a link lies elsewhere.
    fn may_replace(&self, path: &Path) -> anyhow::Result<()> {
        let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
        ensure!(metadata.is_file(), "{} is no regular file and is not replaced", path.display());
        let is_input = self.input.is_some() && path.canonicalize().ok() == self.input;
        ensure!(!is_input, "{} is the recording itself", path.display());
        Ok(())
    }

    /// A file could not be made or written.
    pub(super) fn fail(&mut self, why: &str) {
        self.first_failure.get_or_insert_with(|| why.to_owned());
        self.failures += 1;
    }

    /// What went wrong, if something did.
    pub(super) fn trouble(&self) -> Option<String> {
        let first = self.first_failure.as_ref()?;
        Some(match self.failures - 1 {
            0 => first.clone(),
            more => format!("{first}; and {}", count_of(more, "more file failed", "more files failed")),
        })
    }

    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        self.written
    }
}

/// What a file is called, but for what tells it from others of the same name.
fn base_of(connection: u64, asked: Option<&Asked>) -> String {
    let (verb, name) = asked.map_or(("stream", ""), |asked| (asked.verb, asked.name.as_str()));
    let name = name.split_once('?').map_or(name, |(name, _)| name);
    // Dots could climb up or hide a file, and what is not ASCII has several spellings.
    let safe = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    let name: String =
        name.chars().map(|char| if safe(char) { char } else { '_' }).take(NAME_LENGTH).collect();
    if name.is_empty() { format!("{connection}-{verb}") } else { format!("{connection}-{verb}-{name}") }
}

/// Of one connection. Whoever makes a stream each second for an hour does not fill the disk with empty files.
const FILES: usize = 1_000;

/// File systems take names of 255 bytes.
const NAME_LENGTH: usize = 100;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_name_of_a_stream_leaves_the_directory() {
        let base = |name: &str| {
            base_of(7, Some(&Asked { verb: "publish", name: name.to_owned(), at: Duration::ZERO }))
        };
        assert_eq!(base("cam"), "7-publish-cam");
        assert_eq!(base("cam?token=secret"), "7-publish-cam");
        assert_eq!(base("../../etc/passwd"), "7-publish-______etc_passwd");
        assert_eq!(base("/root\\con:\0ü"), "7-publish-_root_con___");
        assert_eq!(base(&"x".repeat(5_000)).len(), 110);
        assert_eq!(base(""), "7-publish");
        assert_eq!(base_of(7, None), "7-stream");
    }

    #[test]
    fn a_connection_has_so_many_files_and_no_more() {
        let directory = std::env::temp_dir().join(format!("sol-extraction-many-{}", std::process::id()));
        let asked = Asked { verb: "play", name: "cam".to_owned(), at: Duration::ZERO };
        let mut extraction = Extraction::into(&directory, false, None).unwrap();
        for _ in 0..FILES {
            extraction.open(1, Some(&asked)).unwrap();
        }
        let error = extraction.open(1, Some(&asked)).unwrap_err().to_string();
        assert_eq!(error, "connection 1 has more than 1,000 streams: no file for the others");
        assert!(extraction.open(2, Some(&asked)).is_ok());
        assert_eq!(extraction.count(), FILES + 1);
        fs::remove_dir_all(&directory).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn neither_what_a_link_leads_to_nor_the_recording_is_replaced() {
        let directory = std::env::temp_dir().join(format!("sol-extraction-link-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let [link, input, precious] =
            ["1-stream.flv", "2-stream.flv", "precious"].map(|name| directory.join(name));
        fs::write(&precious, "precious").unwrap();
        fs::write(&input, "recording").unwrap();
        std::os::unix::fs::symlink(&precious, &link).unwrap();
        let mut extraction = Extraction::into(&directory, true, Some(&input)).unwrap();
        for (connection, why) in
            [(1, "is no regular file and is not replaced"), (2, "is the recording itself")]
        {
            let error = extraction.open(connection, None).unwrap_err().to_string();
            assert!(error.ends_with(why), "{error}");
        }
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
        assert_eq!(fs::read(&input).unwrap(), b"recording");
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn streams_of_one_name_have_files_of_their_own_and_none_is_replaced() {
        let directory = std::env::temp_dir().join(format!("sol-extraction-{}", std::process::id()));
        let asked = Asked { verb: "play", name: "cam".to_owned(), at: Duration::ZERO };
        let mut extraction = Extraction::into(&directory, false, None).unwrap();
        extraction.open(1, Some(&asked)).unwrap();
        extraction.open(1, Some(&asked)).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["1-play-cam-2.flv", "1-play-cam.flv"]);
        let mut again = Extraction::into(&directory, false, None).unwrap();
        let error = again.open(1, Some(&asked)).unwrap_err();
        assert!(error.to_string().ends_with("1-play-cam.flv is there already; --overwrite replaces it"));
        assert!(Extraction::into(&directory, true, None).unwrap().open(1, Some(&asked)).is_ok());
        fs::remove_dir_all(&directory).unwrap();
    }
}
