//! Stream names: what a publisher and its players must both say to meet.
//!
//! A name is the path that `connect` (the app) and `publish` or `play` (the stream) make together, so
//! `rtmp://host/a/b` with `c` and `rtmp://host/a` with `b/c` are one. Clients decorate both: with slashes, quotes,
//! `mp4:`, and query strings, which are no part of the name but kept for the policy.
//!
//! Invariant: a name has at least one part; no part is empty, `.`, `..` or has a control character.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::limits;

/// The public name of a stream, such as `live/cam`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(Arc<str>);

/// Why no stream can have the name that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Neither app nor stream say anything.
    #[error("the stream name is empty")]
    Empty,
    /// The name is longer than a name may be.
    #[error("the stream name is longer than {} bytes", limits::NAME_BYTES)]
    TooLong,
    /// The query string is longer than a query string may be.
    #[error("the query string is longer than {} bytes", limits::QUERY_BYTES)]
    QueryTooLong,
    /// A part could be taken for another place where names become paths.
    #[error("a part of the stream name is `.` or `..`")]
    DotPart,
    /// Line feeds and their like would forge log lines.
    #[error("the stream name has a control character")]
    ControlCharacter,
}

/// The app of a connection: the first part of every name on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    path: String,
    query: String,
}

impl App {
    /// The app that `connect` names, without what clients decorate it with; empty is an app too.
    ///
    /// # Errors
    /// [`NameError::TooLong`] and [`NameError::QueryTooLong`].
    pub fn new(app: &str) -> Result<App, NameError> {
        let (path, query) = split_query(unquoted(app));
        let path = joined(path.split('/'))?;
        if query.len() > limits::QUERY_BYTES {
            return Err(NameError::QueryTooLong);
        }
        Ok(App { path, query: query.to_owned() })
    }

    /// The same with the query string of the `tcUrl` where `app` has none: some clients put it only there.
    ///
    /// # Errors
    /// [`NameError::QueryTooLong`].
    pub fn or_query_of(mut self, tc_url: &str) -> Result<App, NameError> {
        let (_, query) = split_query(unquoted(tc_url));
        if query.len() > limits::QUERY_BYTES {
            return Err(NameError::QueryTooLong);
        }
        if self.query.is_empty() {
            self.query = query.to_owned();
        }
        Ok(self)
    }

    /// The path, without slashes at either end.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Path and query string, as they stand in a URL.
    pub(crate) fn whole(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, self.query)
    }
}

impl StreamName {
    /// The name that the app and `stream` of `publish` or `play` make, and the query strings of both, joined by `&`; once
    /// where they are the same.
    ///
    /// # Errors
    /// [`NameError`] names the rule that the joined path breaks.
    pub fn join(app: &App, stream: &str) -> Result<(StreamName, String), NameError> {
        let (stream, query) = split_query(stream.trim());
        let stream = ["mp4:", "flv:"].iter().find_map(|prefix| stream.strip_prefix(prefix)).unwrap_or(stream);
        let name = joined(app.path.split('/').chain(stream.split('/')))?;
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.contains(char::is_control) {
            return Err(NameError::ControlCharacter);
        }
        if name.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(NameError::DotPart);
        }
        let query = match (app.query.as_str(), query) {
            ("", query) | (query, "") => query.to_owned(),
            (app, stream) if app == stream => stream.to_owned(),
            (app, stream) => format!("{app}&{stream}"),
        };
        if query.len() > limits::QUERY_BYTES {
            return Err(NameError::QueryTooLong);
        }
        Ok((StreamName(name.into()), query))
    }

    /// The parts joined by slashes, without one at either end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A whole name, app and stream together. A query string is no part of it and left out.
impl FromStr for StreamName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::join(&App::default(), text).map(|(name, _)| name)
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The app in a `tcUrl`: its path and query, for clients that leave `app` empty.
pub(crate) fn app_of_url(tc_url: &str) -> &str {
    let url = unquoted(tc_url);
    let behind_scheme = url.split_once("://").map_or(url, |(_, behind)| behind);
    behind_scheme.split_once('/').map_or("", |(_, path)| path)
}

/// The parts that are not empty, with one slash between them. Looks no further than a name may be long.
pub(crate) fn joined<'a>(parts: impl Iterator<Item = &'a str>) -> Result<String, NameError> {
    let mut path = String::new();
    for part in parts.filter(|part| !part.is_empty()) {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part);
        if path.len() > limits::NAME_BYTES {
            return Err(NameError::TooLong);
        }
    }
    Ok(path)
}

/// Some wrappers hand their shell quotes on.
fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['\'', '"'])
}

fn split_query(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_and_stream_make_one_normalised_path() {
        let table = [
            ("live", "cam", "live/cam", ""),
            ("a/b", "c", "a/b/c", ""),
            ("a", "b/c", "a/b/c", ""),
            ("/live/", "/cam", "live/cam", ""),
            ("live//hd", "cam//1", "live/hd/cam/1", ""),
            ("", "cam", "cam", ""),
            ("live", "", "live", ""),
            ("live", "mp4:cam", "live/cam", ""),
            ("live", "flv:cam", "live/cam", ""),
            ("'live'", "cam", "live/cam", ""),
            ("live", "cam?token=1", "live/cam", "token=1"),
            ("live?a=1", "cam", "live/cam", "a=1"),
            ("live?a=1", "cam?b=2", "live/cam", "a=1&b=2"),
            ("live/?a=1/2", "cam", "live/cam", "a=1/2"),
            ("live", "cam%20one", "live/cam%20one", ""),
            ("live", "Käfer", "live/Käfer", ""),
        ];
        for (app, stream, name, query) in table {
            let joined = StreamName::join(&App::new(app).unwrap(), stream).unwrap();
            assert_eq!((joined.0.as_str(), joined.1.as_str()), (name, query), "{app:?} + {stream:?}");
        }
    }

    #[test]
    fn names_that_no_stream_can_have_are_refused_with_the_rule() {
        let long = "x".repeat(limits::NAME_BYTES + 1);
        let query = format!("cam?{}", "x".repeat(limits::QUERY_BYTES + 1));
        let table = [
            ("", "", NameError::Empty),
            ("/", "//", NameError::Empty),
            ("live", long.as_str(), NameError::TooLong),
            ("live", query.as_str(), NameError::QueryTooLong),
            ("live", "../etc", NameError::DotPart),
            ("live", "cam\nINFO forged", NameError::ControlCharacter),
        ];
        for (app, stream, error) in table {
            assert_eq!(StreamName::join(&App::new(app).unwrap(), stream).unwrap_err(), error);
        }
    }

    #[test]
    fn an_app_that_no_name_can_begin_with_is_refused() {
        assert_eq!(App::new(&"x".repeat(limits::NAME_BYTES + 1)), Err(NameError::TooLong));
        let query = format!("live?{}", "x".repeat(limits::QUERY_BYTES + 1));
        assert_eq!(App::new(&query), Err(NameError::QueryTooLong));
        assert_eq!(App::new(&"/".repeat(300_000)).unwrap(), App::default(), "slashes make no app");
    }

    #[test]
    fn the_query_of_the_url_counts_where_the_app_has_none_and_none_counts_twice() {
        let table = [
            ("live", "rtmp://host/live?a=1", "cam", "a=1"),
            ("live", "'rtmp://host/live?a=1'", "cam", "a=1"),
            ("live", "rtmp://host/live?a=1", "cam?b=2", "a=1&b=2"),
            ("live", "rtmp://host/live/cam?a=1", "cam?a=1", "a=1"),
            ("live?a=1", "rtmp://host/live?a=1", "cam", "a=1"),
            ("live?a=1", "rtmp://host/live?b=2", "cam", "a=1"),
            ("live?a=1", "rtmp://host/live", "cam", "a=1"),
            ("live", "rtmp://host/live", "cam", ""),
            ("live", "", "cam", ""),
        ];
        for (app, tc_url, stream, query) in table {
            let app = App::new(app).unwrap().or_query_of(tc_url).unwrap();
            assert_eq!(
                StreamName::join(&app, stream).unwrap().1,
                query,
                "{app:?} of {tc_url:?} + {stream:?}"
            );
        }
        let long = format!("rtmp://host/live?{}", "x".repeat(limits::QUERY_BYTES + 1));
        assert_eq!(App::new("live").unwrap().or_query_of(&long), Err(NameError::QueryTooLong));
        let longest = "x".repeat(limits::QUERY_BYTES);
        let app = App::new("live").unwrap().or_query_of(&format!("rtmp://host/live?{longest}")).unwrap();
        assert_eq!(StreamName::join(&app, &format!("cam?{longest}")).unwrap().1, longest, "it is there once");
        assert_eq!(StreamName::join(&app, "cam?y"), Err(NameError::QueryTooLong));
    }

    #[test]
    fn a_whole_name_is_read_like_one_that_is_joined() {
        assert_eq!("/live//cam?x=1".parse().as_ref().map(StreamName::as_str), Ok("live/cam"));
        assert_eq!("live/..".parse::<StreamName>(), Err(NameError::DotPart));
    }

    #[test]
    fn the_app_is_found_in_the_url_when_it_stands_only_there() {
        assert_eq!(app_of_url("rtmp://host:1935/live/hd"), "live/hd");
        assert_eq!(app_of_url("'rtmp://host/live?x=1'"), "live?x=1");
        assert_eq!(app_of_url("rtmp://host"), "");
        assert_eq!(app_of_url(""), "");
    }
}
