//! Layer: what one source of values says: the file, the variables, or the flags.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;

use serde::Serialize;
use toml::Value;

use super::path::{Path, Section};
use super::pattern::AppPattern;
use super::place::Place;
use crate::cli::Serve;

/// One value that a layer sets. The key exists and takes it.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) path: Path,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// What one layer says.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// Of two for one key the later holds.
    pub(crate) leaves: Vec<Leaf>,
    /// The apps that have a section. An empty one is one too: a shorter pattern does not hold for that app.
    pub(crate) apps: BTreeSet<AppPattern>,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// Nobody set it, and another key of its section, which is named, leaves no room for the default.
    Bounded(&'static str),
    /// An app's section leaves it out.
    Inherited,
    /// Somebody did.
    Set(Place),
}

impl Leaf {
    /// What a flag sets.
    pub(crate) fn of_flag(
        flag: &'static str,
        section: &'static str,
        key: &str,
        value: impl Serialize,
    ) -> Self {
        let value = Value::try_from(value).expect("what clap has read is a value");
        Self { path: Path::of(section, key), value, origin: Origin::Set(Place::Flag(flag)) }
    }
}

impl Layer {
    /// What the flags of `sol serve` set.
    ///
    /// # Errors
    /// They are no command line, as it is told whoever wrote it.
    pub fn of_flags(words: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        Serve::of_words(words).map(|serve| serve.layer())
    }

    /// A layer that sets these.
    pub(crate) fn of(leaves: Vec<Leaf>) -> Self {
        let apps = leaves.iter().filter_map(|leaf| match &leaf.path.section {
            Section::App(app) => Some(app.clone()),
            Section::Named(_) => None,
        });
        Self { apps: apps.collect(), leaves }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => write!(f, "default"),
            Origin::Bounded(by) => write!(f, "{by}"),
            Origin::Inherited => write!(f, "[defaults]"),
            Origin::Set(place) => write!(f, "{place}"),
        }
    }
}
