//! Example: one of the programs that show how Sol is embedded, as a stranger starts it.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use super::sol::profile_folder;
use super::{Exit, Program, Stream};

/// An example that listens on a port of the system's choice.
#[derive(Debug)]
pub struct Example {
    program: Program,
    address: SocketAddr,
}

impl Example {
    /// Starts one by its name, and waits until it listens.
    ///
    /// # Panics
    /// If it has not been built. A test of another package cannot have it built.
    pub fn start(name: &str) -> Self {
        let binary =
            profile_folder().join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let program =
            Program::start_with(Command::new(binary).arg("127.0.0.1:0").stdin(Stdio::piped()), BUILD);
        let address = program.wait_for(Stream::Out, "a line `listening on`", |text| {
            let first = text.lines().next()?;
            let address =
                first.strip_prefix("listening on ").unwrap_or_else(|| panic!("it begins with {first:?}"));
            Some(address.parse().unwrap_or_else(|error| panic!("{error} in {first:?}")))
        });
        Self { program, address }
    }

    /// The URL of a stream, which may have a query string.
    pub fn url(&self, stream: &str) -> String {
        format!("rtmp://{}/{stream}", self.address)
    }

    /// Where something else listens, by the line of standard output that begins with `what`.
    pub fn address_of(&self, what: &str) -> SocketAddr {
        self.program.wait_for(Stream::Out, what, |text| {
            let address = text.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(" on "))?;
            Some(address.parse().unwrap_or_else(|error| panic!("{error} in {address:?}")))
        })
    }

    /// Waits until it has told so many events in which all of these words are.
    pub fn wait_for(&self, count: usize, words: &[&str]) {
        let tells = |line: &&str| words.iter().all(|word| line.contains(word));
        self.program.wait_for(Stream::Err, &format!("{count} events {words:?}"), |text| {
            (text.lines().filter(tells).count() >= count).then_some(())
        });
    }

    /// Ends its standard input, upon which it ends. All events that it told.
    ///
    /// # Panics
    /// If it does not end well, or panicked on the way.
    pub fn stop(mut self) -> String {
        assert_eq!(self.program.finish(), Exit::Status(0), "the end of its input is an orderly end");
        let events = self.program.stderr();
        assert!(!events.contains("panicked"), "{events}");
        events
    }
}

const BUILD: &str =
    "cargo build -p sol-core -p sol-tokio -p sol-mio --examples (add --release for a release build)";
