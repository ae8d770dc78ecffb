//! Per app: what an operator decides for one app and otherwise for all others.
//!
//! An app is a path; what is decided for it holds for every stream below it, however a client cuts the name into app and
//! stream: `live` holds for `live/cam` and `live/hd/cam`. Of several the longest holds.
//!
//! Invariant: no two entries have the same path.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::hub::StreamConfig;
use crate::name::{NameError, StreamName, joined};

/// A value for each app that has one of its own, and one for all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerApp<T> {
    others: T,
    by_app: BTreeMap<AppPattern, T>,
}

/// Which streams are meant: those below a path. `live` and `live/*` are the same. Written like a stream name; slashes at
/// either end and double ones do not count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppPattern(Box<str>);

/// Why a text names no app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppPatternError {
    /// There is no path, or nothing but `*`: what holds for all is the value for all others.
    #[error("the app has no name")]
    Empty,
    /// No stream name can be so long.
    #[error("the app is longer than a stream name may be")]
    TooLong,
    /// `*` stands for all that is below, so nothing can follow it and it is no part of a part.
    #[error("`*` may only be the last part of an app")]
    Wildcard,
    /// No stream name has such a part.
    #[error("a part of the app is `.` or `..`")]
    DotPart,
    /// No stream name has one.
    #[error("the app has a control character")]
    ControlCharacter,
    /// A query string is no part of a stream name.
    #[error("the app has a query string")]
    Query,
}

/// The app has a value already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the app `{0}` is there twice")]
pub struct AppTwice(pub AppPattern);

impl<T> PerApp<T> {
    /// The same for all streams.
    pub const fn new(others: T) -> Self {
        Self { others, by_app: BTreeMap::new() }
    }

    /// This value for the streams below that app.
    ///
    /// # Errors
    /// [`AppTwice`] where it has one. Nothing was changed.
    pub fn add(&mut self, app: AppPattern, value: T) -> Result<(), AppTwice> {
        if self.by_app.contains_key(&app) {
            return Err(AppTwice(app));
        }
        self.by_app.insert(app, value);
        Ok(())
    }

    /// What holds for a stream. One search in an ordered map for each part of its name.
    pub fn for_stream(&self, name: &StreamName) -> &T {
        let path = name.as_str();
        let mut apps = path.rmatch_indices('/').map(|(end, _)| &path[..end]);
        apps.find_map(|app| self.by_app.get(app)).unwrap_or(&self.others)
    }

    /// What holds for streams of no app that has a value of its own.
    pub fn others(&self) -> &T {
        &self.others
    }

    /// The apps that have a value of their own, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&AppPattern, &T)> {
        self.by_app.iter()
    }
}

/// The same for all streams.
impl<T> From<T> for PerApp<T> {
    fn from(all: T) -> Self {
        Self::new(all)
    }
}

/// The same for all streams.
impl From<StreamConfig> for PerApp<Arc<StreamConfig>> {
    fn from(all: StreamConfig) -> Self {
        Self::new(Arc::new(all))
    }
}

impl AppPattern {
    /// The path, without a `*`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppPattern {
    type Err = AppPatternError;

    fn from_str(text: &str) -> Result<Self, AppPatternError> {
        // What is written is read again, so that nothing may be left at either end that would then be taken off.
        let is_edge = |c: char| c == '/' || c.is_whitespace();
        let text = text.trim_matches(is_edge);
        let text = match text.strip_suffix('*') {
            Some(above) if above.is_empty() || above.ends_with('/') => above.trim_end_matches(is_edge),
            Some(_) | None => text,
        };
        let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
        let path = joined(parts.iter().copied()).map_err(|error| match error {
            NameError::TooLong => AppPatternError::TooLong,
            NameError::Empty | NameError::QueryTooLong | NameError::DotPart | NameError::ControlCharacter => {
                unreachable!("only lengths are looked at")
            }
        })?;
        if path.is_empty() {
            Err(AppPatternError::Empty)
        } else if path.contains('*') {
            Err(AppPatternError::Wildcard)
        } else if path.contains('?') {
            Err(AppPatternError::Query)
        } else if path.contains(char::is_control) {
            Err(AppPatternError::ControlCharacter)
        } else if parts.iter().any(|part| matches!(*part, "." | "..")) {
            Err(AppPatternError::DotPart)
        } else {
            Ok(Self(path.into()))
        }
    }
}

impl fmt::Display for AppPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for AppPattern {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn the_longest_app_holds_and_only_for_what_is_below_it() {
        let table = table(&["live", "live/hd/*", "event/*"]);
        for (name, expected) in [
            ("live/cam", "live"),
            ("live/sd/cam", "live"),
            ("live/hd", "live"),
            ("live/hd/cam", "live/hd/*"),
            ("live/hd/4k/cam", "live/hd/*"),
            ("live/hdr/cam", "live"),
            ("event/a/b/c", "event/*"),
            ("event", "others"),
            ("live", "others"),
            ("lively/cam", "others"),
            ("alive/cam", "others"),
            ("my/live/cam", "others"),
            ("cam", "others"),
        ] {
            assert_eq!(*table.for_stream(&name.parse().unwrap()), expected, "{name}");
        }
        assert_eq!(*table.others(), "others");
    }

    #[test]
    fn an_app_is_written_like_a_name() {
        for text in [
            "live/hd",
            "/live/hd",
            "live//hd/",
            "live/hd/*",
            "/live/hd/*/",
            " live/hd ",
            "/ /live/hd/ /",
            "live/hd /*",
        ] {
            assert_eq!(
                text.parse::<AppPattern>().map(|app| app.to_string()),
                Ok("live/hd".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_can_be_no_app_is_refused_by_the_rule_that_it_breaks() {
        let long = "x".repeat(limits::NAME_BYTES + 1);
        let longest = "x".repeat(limits::NAME_BYTES);
        for (text, error) in [
            ("", AppPatternError::Empty),
            ("/", AppPatternError::Empty),
            ("*", AppPatternError::Empty),
            ("/*/", AppPatternError::Empty),
            ("*/cam", AppPatternError::Wildcard),
            ("live/*/*", AppPatternError::Wildcard),
            ("live/*/cam", AppPatternError::Wildcard),
            ("live*", AppPatternError::Wildcard),
            ("live/hd*", AppPatternError::Wildcard),
            ("live/..", AppPatternError::DotPart),
            ("./live", AppPatternError::DotPart),
            ("li\nve", AppPatternError::ControlCharacter),
            ("live?key=1", AppPatternError::Query),
            (&long, AppPatternError::TooLong),
        ] {
            assert_eq!(text.parse::<AppPattern>(), Err(error), "{text:?}");
        }
        assert!(longest.parse::<AppPattern>().is_ok());
    }

    #[test]
    fn the_same_app_twice_is_refused_however_it_is_written() {
        let mut table = table(&["live"]);
        let again: AppPattern = "/live/*".parse().unwrap();
        assert_eq!(table.add(again.clone(), "again"), Err(AppTwice(again)));
        assert_eq!(*table.for_stream(&"live/cam".parse().unwrap()), "live", "nothing was changed");
        assert_eq!(table.iter().count(), 1);
    }

    #[test]
    fn of_a_thousand_apps_each_is_found() {
        let mut table = PerApp::new(usize::MAX);
        for index in 0..1_000 {
            table.add(format!("tenant/{index}").parse().unwrap(), index).unwrap();
        }
        for index in 0..1_000 {
            let name = format!("tenant/{index}/a/b/c/d").parse().unwrap();
            assert_eq!(*table.for_stream(&name), index);
        }
    }

    /// Each app has its own text for a value.
    fn table(apps: &[&'static str]) -> PerApp<&'static str> {
        let mut table = PerApp::new("others");
        for app in apps {
            table.add(app.parse().unwrap(), app).unwrap();
        }
        table
    }
}
