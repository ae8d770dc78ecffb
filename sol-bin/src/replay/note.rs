//! Note: one thing that a replay tells, in words for people and in fields for programs.

use std::fmt::Display;
use std::time::Duration;

use serde_json::{Map, Value};
use sol_tokio::sol_core::limits::AMF_SHOWN_BYTES;
use sol_tokio::sol_core::observer::Party;
use sol_tokio::sol_core::timestamp::Timestamp;

use crate::clock::clock;

/// One thing that is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Note {
    /// When it happened, since 1970 (UTC).
    pub(super) at: Duration,
    /// On which connection, as they are numbered for people, from 1.
    pub(super) connection: u64,
    /// Who did it; nobody where both are meant, or neither.
    pub(super) from: Option<Party>,
    /// What kind of thing it is, in a stable word.
    pub(super) event: &'static str,
    pub(super) words: String,
    pub(super) fields: Map<String, Value>,
}

/// A note whose time and place are not said yet.
#[derive(Clone, Debug)]
pub(super) struct Said {
    event: &'static str,
    words: String,
    fields: Map<String, Value>,
}

/// Says something of this kind in these words.
pub(super) fn say(event: &'static str, words: impl Into<String>) -> Said {
    Said { event, words: words.into(), fields: Map::new() }
}

impl Said {
    /// And for programs, this.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Said {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// The same, where it is known.
    #[must_use]
    pub(super) fn with_known(self, name: &str, value: Option<impl Into<Value>>) -> Said {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A time, to the microsecond, which is as fine as most recordings have it; nothing where it is not known.
    #[must_use]
    pub(super) fn with_seconds(self, name: &str, time: impl Into<Option<Duration>>) -> Said {
        self.with_known(name, time.into().map(seconds_of))
    }

    /// In other words.
    #[must_use]
    pub(super) fn in_words(mut self, words: String) -> Said {
        self.words = words;
        self
    }

    /// Behind these words.
    #[must_use]
    pub(super) fn behind(mut self, front: &str) -> Said {
        self.words.insert_str(0, front);
        self
    }

    /// When, where, and by whom.
    pub(super) fn at(self, at: Duration, connection: u64, from: Option<Party>) -> Note {
        let Said { event, words, fields } = self;
        Note { at, connection, from, event, words, fields }
    }
}

/// The one or the other, in a word.
pub(super) fn name_of(party: Party) -> &'static str {
    match party {
        Party::Client => "client",
        Party::Server => "server",
    }
}

/// Where something stands that is kept for each.
pub(super) fn index(party: Party) -> usize {
    match party {
        Party::Client => 0,
        Party::Server => 1,
    }
}

/// Seconds for programs, to the microsecond.
pub(super) fn seconds_of(time: Duration) -> f64 {
    rounded(time.as_secs_f64(), 6)
}

pub(super) fn rounded(number: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (number * factor).round() / factor
}

/// A number with its thousands grouped.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How many of something, which is called differently where there is one.
pub(super) fn count_of(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("one {one}") } else { format!("{} {many}", grouped(count)) }
}

/// Bytes, in words.
pub(super) fn bytes_of(count: u64) -> String {
    if count == 1 { format!("1{KEPT}byte") } else { format!("{}{KEPT}bytes", grouped(count)) }
}

/// Milliseconds of a sender's clock.
pub(super) fn millis_of(time: Timestamp) -> String {
    format!("{}{KEPT}ms", grouped(time.millis().into()))
}

/// Stands between a number and its unit, which are to stay on one line; a page has a space there.
pub(super) const KEPT: char = '\u{a0}';

/// Bytes, about so many.
pub(super) fn size_of(bytes: u64) -> String {
    match bytes {
        0..1_000 => bytes_of(bytes),
        1_000..100_000 => format!("{:.1}{KEPT}kB", bytes as f64 / 1e3),
        100_000..1_000_000 => format!("{:.0}{KEPT}kB", bytes as f64 / 1e3),
        _ => format!("{}{KEPT}MB", grouped_tenths(bytes as f64 / 1e6)),
    }
}

fn grouped_tenths(number: f64) -> String {
    let tenths = (number * 10.0).round() as u64;
    format!("{}.{}", grouped(tenths / 10), tenths % 10)
}

/// A time, in the unit in which a person would say it.
pub(super) fn time_of(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.000_999_5 {
        format!("{:.0}{KEPT}µs", seconds * 1e6)
    } else if seconds < 0.0095 {
        format!("{:.1}{KEPT}ms", seconds * 1e3)
    } else if seconds < 0.9995 {
        format!("{:.0}{KEPT}ms", seconds * 1e3)
    } else if seconds < 99.95 {
        format!("{seconds:.1}{KEPT}s")
    } else {
        clock(seconds.round() as u64)
    }
}

/// Text that a peer sent, on one line: what would control a terminal is escaped.
pub(super) fn shown(text: impl Display) -> String {
    text.to_string().escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

/// Text that a peer sent, as much as is kept of it: names have no length that nobody exceeds.
pub(super) fn kept(text: &str) -> String {
    let end = text.floor_char_boundary(AMF_SHOWN_BYTES);
    if end < text.len() { format!("{}…", &text[..end]) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 5_000_000].map(grouped), ["0", "999", "1,000", "5,000,000"]);
        let times = [400, 9_400, 43_000, 999_400, 1_500_000, 99_900_000, 125_000_000, 3_725_000_000];
        assert_eq!(
            times.map(|micros| time_of(Duration::from_micros(micros)).replace(KEPT, " ")),
            ["400 µs", "9.4 ms", "43 ms", "999 ms", "1.5 s", "99.9 s", "2:05", "1:02:05"]
        );
    }

    #[test]
    fn seconds_for_programs_end_at_the_microsecond() {
        let said = say("it", "").with_seconds("seconds", Duration::from_secs_f64(3.944_034_000_000_000_3));
        let note = said.with_seconds("unknown", None).at(Duration::ZERO, 1, None);
        assert_eq!(serde_json::to_string(&note.fields).unwrap(), r#"{"seconds":3.944034}"#);
    }

    #[test]
    fn sizes_have_three_digits_or_so() {
        let sizes = [1, 999, 3_602, 87_930, 178_400, 1_072_000, 5_123_456_789];
        assert_eq!(
            sizes.map(|size| size_of(size).replace(KEPT, " ")),
            ["1 byte", "999 bytes", "3.6 kB", "87.9 kB", "178 kB", "1.1 MB", "5,123.5 MB"]
        );
    }

    #[test]
    fn long_names_are_kept_in_part() {
        assert_eq!(kept("connect"), "connect");
        let name = kept(&format!("x{}", "é".repeat(AMF_SHOWN_BYTES)));
        assert_eq!(name.len(), AMF_SHOWN_BYTES - 1 + "…".len());
    }

    #[test]
    fn text_of_peers_stays_on_its_line() {
        assert_eq!(shown("it's \"so\"\r\n\u{1b}[2J"), r#"it's "so"\r\n\u{1b}[2J"#);
    }
}
