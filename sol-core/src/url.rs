//! URL: where a stream is published or played, as people write it: `rtmp://host[:port]/app/stream[?query]`.
//!
//! The stream is what stands behind the last slash, and the app what stands in front of it, slashes included, as OBS has
//! them in two fields. A query string is the stream's.

use std::fmt;
use std::str::FromStr;

use crate::limits;

/// An address of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtmpUrl {
    host: String,
    port: Option<u16>,
    app: String,
    stream: String,
}

/// Why a text is no address of a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("the URL does not begin with rtmp://")]
    Scheme,
    /// RTMP within TLS.
    #[error("rtmps:// needs TLS, which is not supported")]
    Tls,
    /// RTMP in one of its disguises.
    #[error("{0}:// is not supported; use rtmp://")]
    Disguised(String),
    /// A name or a password in front of the host.
    #[error(
        "the URL has a user name; credentials belong into the query string, if the server wants them there"
    )]
    Credentials,
    /// No host.
    #[error("the URL names no host")]
    Host,
    /// What stands behind the colon is no port.
    #[error("{0:?} is no port; ports are numbers from 1 to 65535")]
    Port(String),
    /// No app or no stream.
    #[error("the URL ends with an app and a stream: rtmp://{0}/app/stream")]
    Path(String),
    /// No server takes so much.
    #[error("the URL is longer than {} bytes", limits::CLIENT_TEXT_BYTES)]
    TooLong,
    /// A line feed or the like.
    #[error("the URL has a space or a control character")]
    Space,
}

impl RtmpUrl {
    /// The port of a URL that names none.
    pub const DEFAULT_PORT: u16 = 1935;

    /// A host name or an IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, 1935 where none is named.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(Self::DEFAULT_PORT)
    }

    /// `app` of the `connect` command. Where a server has sent its clients elsewhere, it may have a query string.
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The same without the query string, for logs.
    pub fn app_name(&self) -> &str {
        self.app.split_once('?').map_or(&self.app, |(name, _)| name)
    }

    /// What is published or played, with its query string. Often a secret.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The same without the query string, for logs.
    pub fn stream_name(&self) -> &str {
        self.stream.split_once('?').map_or(&self.stream, |(name, _)| name)
    }

    /// `tcUrl` of the `connect` command: all but the stream.
    pub fn tc_url(&self) -> String {
        format!("rtmp://{}/{}", self.authority(), self.app)
    }

    /// The same stream where a server sends its clients: `tc_url` is absolute, or relative to that of this URL (RFC 3986, 4.2).
    ///
    /// # Errors
    /// It is no place that can be gone to. To another scheme nobody is sent.
    pub fn moved(&self, tc_url: &str) -> Result<Self, UrlError> {
        if tc_url.len() > limits::CLIENT_TEXT_BYTES {
            return Err(UrlError::TooLong);
        }
        let (place, query) =
            tc_url.split_once('?').map_or((tc_url, None), |(place, query)| (place, Some(query)));
        let place = place.trim_end_matches('/');
        let authority = self.authority();
        let absolute = match (place, split_scheme(place)) {
            ("", _) => self.tc_url(),
            (_, Some((scheme, behind))) => format!("{}://{behind}", scheme.unwrap_or("rtmp")),
            (_, None) if place.starts_with('/') => format!("rtmp://{authority}{place}"),
            (_, None) => {
                let folder = self.app.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("rtmp://{authority}/{folder}/{place}")
            }
        };
        // Its query string is the app's.
        let absolute = absolute.split('?').next().unwrap_or_default();
        let there: RtmpUrl = format!("{absolute}/{}", self.stream).parse()?;
        let app = match query {
            Some(query) if query.contains(|c: char| c.is_control() || c.is_whitespace()) => {
                return Err(UrlError::Space);
            }
            Some(query) => format!("{}?{query}", there.app),
            None => there.app,
        };
        Ok(Self { app, ..there })
    }

    /// Host and port as they stand in a URL.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }
}

/// The scheme of a URL, if it has one, and what stands behind the two slashes in front of its host; `None` where it is relative to a
/// host (RFC 3986, 4.2). In a path two slashes say nothing.
pub fn split_scheme(url: &str) -> Option<(Option<&str>, &str)> {
    if let Some(behind) = url.strip_prefix("//") {
        return Some((None, behind));
    }
    let (scheme, behind) = url.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then_some((Some(scheme), behind))
}

impl FromStr for RtmpUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > limits::CLIENT_TEXT_BYTES {
            return Err(UrlError::TooLong);
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(UrlError::Space);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "rtmp" => {}
            "rtmps" => return Err(UrlError::Tls),
            disguise @ ("rtmpe" | "rtmpt" | "rtmpte" | "rtmpts" | "rtmfp") => {
                return Err(UrlError::Disguised(disguise.to_owned()));
            }
            _ => return Err(UrlError::Scheme),
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        let (host, port) = split_authority(authority)?;
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let missing = || UrlError::Path(authority.to_owned());
        let (app, name) = path.trim_start_matches('/').rsplit_once('/').ok_or_else(missing)?;
        let app = app.trim_end_matches('/');
        if app.is_empty() || name.is_empty() {
            return Err(missing());
        }
        let stream = query.map_or_else(|| name.to_owned(), |query| format!("{name}?{query}"));
        Ok(Self { host: host.to_owned(), port, app: app.to_owned(), stream })
    }
}

impl fmt::Display for RtmpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tc_url(), self.stream)
    }
}

/// Host and port; an IPv6 address has brackets.
fn split_authority(authority: &str) -> Result<(&str, Option<u16>), UrlError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, behind) = bracketed.split_once(']').ok_or(UrlError::Host)?;
            match behind.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if behind.is_empty() => (host, None),
                None => return Err(UrlError::Host),
            }
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Err(UrlError::Host);
    }
    let number = |text: &str| match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(UrlError::Port(text.to_owned())),
    };
    Ok((host, port.map(number).transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_app_and_stream() {
        let table = [
            ("rtmp://localhost/live/cam", "localhost", 1935, "live", "cam", "rtmp://localhost/live"),
            ("RTMP://host:1936/a/b/c", "host", 1936, "a/b", "c", "rtmp://host:1936/a/b"),
            ("rtmp://[::1]:7/live/cam", "::1", 7, "live", "cam", "rtmp://[::1]:7/live"),
            ("rtmp://[::1]/live/cam", "::1", 1935, "live", "cam", "rtmp://[::1]/live"),
            ("rtmp://h/live/cam?a=1/2&b=:@", "h", 1935, "live", "cam?a=1/2&b=:@", "rtmp://h/live"),
            ("rtmp://h//live//cam", "h", 1935, "live", "cam", "rtmp://h/live"),
        ];
        for (text, host, port, app, stream, tc_url) in table {
            let url: RtmpUrl = text.parse().unwrap();
            assert_eq!(
                (url.host(), url.port(), url.app(), url.stream()),
                (host, port, app, stream),
                "{text}"
            );
            assert_eq!(url.tc_url(), tc_url);
            assert_eq!(url.to_string().parse(), Ok(url));
        }
    }

    #[test]
    fn a_stream_moves_to_where_its_server_sends_it() {
        let url: RtmpUrl = "rtmp://host:1936/live/hall/cam?key=1".parse().unwrap();
        let table = [
            ("rtmp://other/vod", "rtmp://other/vod/cam?key=1"),
            ("RTMP://other:7/a/b/", "rtmp://other:7/a/b/cam?key=1"),
            ("//[::1]/vod", "rtmp://[::1]/vod/cam?key=1"),
            ("/vod", "rtmp://host:1936/vod/cam?key=1"),
            ("lobby", "rtmp://host:1936/live/lobby/cam?key=1"),
            ("/vod//hall", "rtmp://host:1936/vod//hall/cam?key=1"),
            ("/vod/a://b", "rtmp://host:1936/vod/a://b/cam?key=1"),
            ("", "rtmp://host:1936/live/hall/cam?key=1"),
        ];
        for (tc_url, moved) in table {
            assert_eq!(url.moved(tc_url).unwrap().to_string(), moved, "{tc_url}");
        }
        let with_token = url.moved("rtmp://other/vod?token=2").unwrap();
        assert_eq!((with_token.app(), with_token.stream()), ("vod?token=2", "cam?key=1"));
    }

    #[test]
    fn nobody_is_sent_to_another_scheme_or_to_what_is_no_place() {
        let url: RtmpUrl = "rtmp://host/live/cam".parse().unwrap();
        let long = format!("/live?{}", "x".repeat(limits::CLIENT_TEXT_BYTES));
        let table = [
            ("rtmps://other/live", UrlError::Tls),
            ("rtmpe://other/live", UrlError::Disguised("rtmpe".to_owned())),
            ("http://other/live", UrlError::Scheme),
            ("rtmp://other", UrlError::Path("other".to_owned())),
            ("rtmp://user@other/live", UrlError::Credentials),
            ("//other:0/live", UrlError::Port("0".to_owned())),
            ("/my live", UrlError::Space),
            ("/live?a\nb", UrlError::Space),
            (&long, UrlError::TooLong),
        ];
        for (tc_url, error) in table {
            assert_eq!(url.moved(tc_url), Err(error), "{tc_url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_stream_is_refused_with_what_is_wrong() {
        let long = format!("rtmp://h/live/{}", "x".repeat(limits::CLIENT_TEXT_BYTES));
        let table = [
            ("localhost/live/cam", UrlError::Scheme),
            ("http://h/live/cam", UrlError::Scheme),
            ("rtmps://h/live/cam", UrlError::Tls),
            ("rtmpt://h/live/cam", UrlError::Disguised("rtmpt".to_owned())),
            ("rtmp://user:secret@h/live/cam", UrlError::Credentials),
            ("rtmp:///live/cam", UrlError::Host),
            ("rtmp://:1935/live/cam", UrlError::Host),
            ("rtmp://[::1/live/cam", UrlError::Host),
            ("rtmp://[::1]x/live/cam", UrlError::Host),
            ("rtmp://h:0/live/cam", UrlError::Port("0".to_owned())),
            ("rtmp://h:65536/live/cam", UrlError::Port("65536".to_owned())),
            ("rtmp://::1/live/cam", UrlError::Host),
            ("rtmp://h:/live/cam", UrlError::Port(String::new())),
            ("rtmp://h", UrlError::Path("h".to_owned())),
            ("rtmp://h/live", UrlError::Path("h".to_owned())),
            ("rtmp://h/live/", UrlError::Path("h".to_owned())),
            ("rtmp://h/live/?a=1", UrlError::Path("h".to_owned())),
            ("rtmp://h/live/my cam", UrlError::Space),
            ("rtmp://h/live/cam\n", UrlError::Space),
            (long.as_str(), UrlError::TooLong),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<RtmpUrl>(), Err(error), "{text}");
        }
    }
}
