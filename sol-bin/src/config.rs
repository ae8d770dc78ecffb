//! Configuration: what the operator decides, from a file, variables and flags, and what `sol config` says of it.
//!
//! Each layer is read by itself into leaves, every one with its place and tried alone, so that a mistake in one value hides
//! none in another. A file that is not TOML has no leaves, only its mistakes. What is good is laid over each other; whether
//! it goes together is asked last, of values that are all good alone.

mod auto;
mod count;
mod destination;
mod environment;
mod file;
mod in_force;
mod keys;
mod layer;
mod mistake;
#[cfg(test)]
mod mistakes;
mod nearest;
#[cfg(test)]
mod page;
mod path;
mod pattern;
mod place;
mod quoted;
mod sample;
mod schema;
mod settings;
mod show;
mod size;
mod time;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use sol_tokio::ServerConfig;

use crate::Exit;
use crate::cli::Serve;
use file::Source;
use in_force::InForce;

pub(crate) use auto::OrAuto;
pub(crate) use count::CountError;
pub(crate) use destination::Destination;
pub(crate) use keys::TAKES;
pub use layer::Layer;
pub(crate) use layer::Leaf;
pub use mistake::{Mistake, Mistakes};
pub(crate) use settings::{Gathered, LogFormat, Loops, Policies, Policy, Runtime, ServerSettings, Settings};
pub(crate) use time::{Time, TimeError};

/// A configuration that holds.
#[derive(Debug)]
pub struct Configuration {
    in_force: InForce,
    /// The file that was read, if there was one.
    file: Option<PathBuf>,
}

impl Configuration {
    /// Reads all layers: the file, or `sol.toml` in the working directory if there is one; the variables; what flags set.
    ///
    /// # Errors
    /// What is wrong with them, as far as it can be told at once.
    pub(crate) fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        flags: Layer,
    ) -> Result<Self, Mistakes> {
        let source = match file {
            Some(path) => Source::read(path).and_then(|source| source.ok_or_else(|| missing(path)).map(Some)),
            None => Source::read(Path::new(FILE)),
        }?;
        Self::lay(source.as_ref(), variables, flags)
    }

    /// The same of a file that lies in memory and is called `sol.toml`.
    ///
    /// # Errors
    /// What is wrong with them, as far as it can be told at once.
    pub fn of(
        file: Vec<u8>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        flags: Layer,
    ) -> Result<Self, Mistakes> {
        Self::lay(Some(&Source::of(Path::new(FILE), file)?), variables, flags)
    }

    /// Lays all layers over each other.
    fn lay(
        source: Option<&Arc<Source>>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        flags: Layer,
    ) -> Result<Self, Mistakes> {
        let (from_file, mut mistakes) = source.map(Source::layer).unwrap_or_default();
        let (from_variables, wrong_variables) = environment::layer(variables);
        mistakes.extend(wrong_variables);
        if !mistakes.is_empty() {
            return Err(Mistakes(mistakes));
        }
        // With a value thrown out, what stands in its place was nobody's choice.
        let in_force = InForce::of([from_file, from_variables, flags]);
        let contradictions = in_force.contradictions();
        if !contradictions.is_empty() {
            return Err(Mistakes(contradictions));
        }
        Ok(Self { in_force, file: source.map(|source| source.path().to_owned()) })
    }

    /// What is in force.
    pub(crate) fn settings(&self) -> &Settings {
        &self.in_force.settings
    }

    /// What a server would be started with.
    pub fn server_config(&self) -> ServerConfig {
        self.settings().server_config()
    }

    /// What is in force, as a file, and behind each line where its value comes from.
    pub fn shown(&self) -> String {
        show::show(self)
    }

    /// How many variables hold.
    pub(crate) fn variables(&self) -> usize {
        self.in_force.variables()
    }

    /// The file that was read, if there was one, from the root on.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let file = self.file.as_ref()?;
        Some(std::path::absolute(file).unwrap_or_else(|_| file.clone()))
    }
}

/// A file with every key, its meaning and its default.
pub fn sample() -> String {
    sample::sample()
}

/// What `sol config` is told.
#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Look for mistakes in a file, without variables and flags; exit status 2 if it has any
    Check {
        /// The file; without it sol.toml in the working directory
        #[arg(value_name = "FILE", default_value = FILE)]
        file: PathBuf,
    },
    /// Print a file with every key, its meaning and its default
    Default,
    /// Print what would be in force, and where each value comes from: to be called with the flags and variables of a server
    Show(Box<Serve>),
    /// Print the JSON schema of the file, for editors
    Schema,
}

/// Does what `sol config` is told.
pub(crate) fn run(arguments: &ConfigArguments) -> anyhow::Result<Exit> {
    let text = match &arguments.what {
        What::Check { file } => {
            let found = Configuration::load(Some(file), [], Layer::default())?;
            let (sections, keys) = found.in_force.counts();
            let (keys, sections) = (counted(keys, "key"), counted(sections, "section"));
            format!("{}: no mistakes; it sets {keys} in {sections}\n", file.display())
        }
        What::Default => sample(),
        What::Show(serve) => serve.configuration()?.shown(),
        What::Schema => schema::schema(),
    };
    // Where standard output is gone nobody is there to read it.
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(Exit::Stopped)
}

/// `1 key`, `2 keys`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn missing(path: &Path) -> Mistakes {
    let mistake = Mistake::unreadable(path, "there is no such file");
    mistake.with_help("`sol config default` prints one to begin with").into()
}

/// What is read where no file is named.
pub(crate) const FILE: &str = "sol.toml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_others_are_many() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "key")), ["0 keys", "1 key", "2 keys"]);
    }
}
