//! Voice: lines on standard error, and below them one that changes while it goes on, where a person watches.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Speaks to the person at the terminal, or into a log.
#[derive(Debug)]
pub(crate) struct Voice {
    bar: ProgressBar,
}

impl Voice {
    /// With a bar for so many bytes, where that is known.
    pub(crate) fn new(bytes: Option<u64>) -> Self {
        // Bars of a few bytes are drawn too often otherwise.
        let target = ProgressDrawTarget::stderr_with_hz(5);
        let (bar, template) = match bytes {
            Some(bytes) => {
                (ProgressBar::with_draw_target(Some(bytes), target), "{bar:24} {percent:>3}%  {msg}")
            }
            None => (ProgressBar::with_draw_target(None, target), "{spinner} {msg}"),
        };
        Self { bar: bar.with_style(ProgressStyle::with_template(template).expect("it is well formed")) }
    }

    /// A line that stays.
    pub(crate) fn say(&self, line: impl fmt::Display) {
        self.bar.suspend(|| {
            // Where standard error is gone, the exit code still tells.
            let _ = writeln!(io::stderr(), "sol: {line}");
        });
    }

    /// A line on standard output.
    pub(crate) fn print(&self, line: impl fmt::Display) {
        self.bar.suspend(|| {
            // Where standard output is gone nobody is there to read it.
            let _ = writeln!(io::stdout(), "{line}");
        });
    }

    /// The line that changes, and how many bytes are done.
    pub(crate) fn show(&self, bytes: u64, line: impl fmt::Display) {
        if self.is_watched() {
            self.bar.set_position(bytes);
            self.bar.set_message(line.to_string());
        }
    }

    /// Whether anybody sees the line that changes.
    pub(crate) fn is_watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Takes the line that changes away.
    pub(crate) fn fall_silent(&self) {
        self.bar.finish_and_clear();
    }
}
