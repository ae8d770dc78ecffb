//! Extraction: each stream of a recording becomes an FLV file of its own.
//!
//! A file is called by its connection, by what was asked for, and by the stream's name as far as that is safe in a file
//! name: `1-publish-cam.flv`. What stands behind a question mark may be a secret and is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::feed::Asked;
use crate::recording::Recording;

/// Where the files go.
#[derive(Debug)]
pub(super) struct Extraction {
    directory: PathBuf,
    may_overwrite: bool,
    names: BTreeSet<String>,
}

impl Extraction {
    /// Makes the directory, if there is none.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn into(directory: &Path, may_overwrite: bool) -> anyhow::Result<Extraction> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Extraction { directory: directory.to_owned(), may_overwrite, names: BTreeSet::new() })
    }

    /// Begins a file.
    ///
    /// # Errors
    /// It cannot be made, or is there already and may not be replaced.
    pub(super) fn open(&mut self, connection: u64, asked: Option<&Asked>) -> anyhow::Result<Recording> {
        let base = base_of(connection, asked);
        let numbered = (2_u64..).map(|number| format!("{base}-{number}"));
        let mut names = std::iter::once(base.clone()).chain(numbered);
        let name = names.find(|name| !self.names.contains(name)).expect("they never end");
        let path = self.directory.join(format!("{name}.flv"));
        self.names.insert(name);
        Recording::open(&path, self.may_overwrite)
    }

    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        self.names.len()
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
    fn streams_of_one_name_have_files_of_their_own_and_none_is_replaced() {
        let directory = std::env::temp_dir().join(format!("sol-extraction-{}", std::process::id()));
        let asked = Asked { verb: "play", name: "cam".to_owned(), at: Duration::ZERO };
        let mut extraction = Extraction::into(&directory, false).unwrap();
        extraction.open(1, Some(&asked)).unwrap();
        extraction.open(1, Some(&asked)).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["1-play-cam-2.flv", "1-play-cam.flv"]);
        let mut again = Extraction::into(&directory, false).unwrap();
        let error = again.open(1, Some(&asked)).unwrap_err();
        assert!(error.to_string().ends_with("1-play-cam.flv is there already; --overwrite replaces it"));
        assert!(Extraction::into(&directory, true).unwrap().open(1, Some(&asked)).is_ok());
        fs::remove_dir_all(&directory).unwrap();
    }
}
