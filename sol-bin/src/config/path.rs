//! Path: where a value belongs, which is a key in a section, written alike in every layer.

use std::fmt;

use toml::{Table, Value};

use super::pattern::AppPattern;
use super::quoted::quoted;

/// A key in a section.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    pub(crate) section: Section,
    pub(crate) key: String,
}

/// A section that can exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    /// `[server]` and its like.
    Named(&'static str),
    /// `[app."NAME"]`.
    App(AppPattern),
}

impl Section {
    /// What all sections of apps stand in.
    pub(crate) const APP: &str = "app";
    /// What holds where no app's section says otherwise.
    pub(crate) const DEFAULTS: Section = Section::Named("defaults");
}

impl Path {
    /// A path to a key of a section that exists once.
    pub(crate) fn of(section: &'static str, key: &str) -> Self {
        Self { section: Section::Named(section), key: key.to_owned() }
    }

    /// Sets the value there in a table of settings.
    pub(crate) fn put(self, value: Value, settings: &mut Table) {
        let mut table = settings;
        let outer = match self.section {
            Section::Named(name) => vec![name.to_owned()],
            Section::App(app) => vec![Section::APP.to_owned(), app.to_string()],
        };
        for name in outer {
            let inner = table.entry(name).or_insert_with(|| Table::new().into());
            table = inner.as_table_mut().expect("a section is a table");
        }
        table.insert(self.key, value);
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Section::Named(name) => write!(f, "[{name}]"),
            Section::App(app) => write!(f, "[app.{}]", quoted(app.as_str())),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.section {
            Section::Named(name) => write!(f, "{name}.{}", self.key),
            Section::App(app) => write!(f, "app.{}.{}", quoted(app.as_str()), self.key),
        }
    }
}
