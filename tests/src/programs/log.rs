//! Log: the lines that `sol --log json` writes.

use std::fmt;

use serde_json::Value;

/// Lines in the order in which they were written.
#[derive(Clone, Debug)]
pub struct Log(Vec<LogLine>);

/// One JSON object.
#[derive(Clone, Debug)]
pub struct LogLine(Value);

impl Log {
    /// Reads whole lines.
    ///
    /// # Errors
    /// The first line that is no JSON object: a panic, or somebody who prints.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parse = |line: &str| match serde_json::from_str(line) {
            Ok(value @ Value::Object(_)) => Ok(LogLine(value)),
            _ => Err(format!("{line:?} is no line of a JSON log")),
        };
        text.lines().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// The lines behind the first so many.
    #[must_use]
    pub fn behind(mut self, count: usize) -> Self {
        self.0.drain(..count);
        self
    }

    /// All lines.
    pub fn lines(&self) -> &[LogLine] {
        &self.0
    }

    /// The lines with this message.
    pub fn of(&self, message: &str) -> Vec<&LogLine> {
        self.0.iter().filter(|line| line.message() == message).collect()
    }

    /// The only line with this message.
    ///
    /// # Panics
    /// If there is none, or another one.
    pub fn only(&self, message: &str) -> &LogLine {
        match self.of(message)[..] {
            [line] => line,
            ref lines => panic!("{} lines say {message:?} where one was expected", lines.len()),
        }
    }

    /// Messages of one session, in order: its life.
    pub fn life_of(&self, session: u64) -> Vec<&str> {
        let of_it = |line: &&LogLine| line.0.get("session").and_then(Value::as_u64) == Some(session);
        self.0.iter().filter(of_it).map(LogLine::message).collect()
    }
}

impl LogLine {
    /// What happened.
    pub fn message(&self) -> &str {
        self.0.get("message").and_then(Value::as_str).unwrap_or_default()
    }

    /// INFO, WARN and so on.
    pub fn level(&self) -> &str {
        self.text("level")
    }

    /// A field that is text.
    ///
    /// # Panics
    /// If it is not there.
    pub fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_else(|| panic!("no text {field:?} in {self}"))
    }

    /// Whether a field is there and true.
    pub fn is_set(&self, field: &str) -> bool {
        self.0.get(field).and_then(Value::as_bool).unwrap_or_default()
    }

    /// A field that is a whole number.
    ///
    /// # Panics
    /// If it is not there.
    pub fn count(&self, field: &str) -> u64 {
        self.0.get(field).and_then(Value::as_u64).unwrap_or_else(|| panic!("no count {field:?} in {self}"))
    }

    /// A field that is a number.
    ///
    /// # Panics
    /// If it is not there.
    pub fn number(&self, field: &str) -> f64 {
        self.0.get(field).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number {field:?} in {self}"))
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
