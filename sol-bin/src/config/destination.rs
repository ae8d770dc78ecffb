//! Destination: where clients are sent when the server goes, a URL, the beginning of one, or one that is relative to theirs; or
//! nowhere else.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sol_tokio::sol_core::limits;
use sol_tokio::sol_core::url::{RtmpUrl, split_scheme};

use super::keys::TAKES;

/// What stands in a ReconnectRequest. Empty: the server that they are at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Destination(String);

/// Why a text is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoDestination(String);

impl Destination {
    pub(crate) fn tc_url(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|url| !url.is_empty())
    }
}

impl FromStr for Destination {
    type Err = NoDestination;

    fn from_str(text: &str) -> Result<Self, NoDestination> {
        let is_place = match split_scheme(text) {
            Some((scheme, behind)) => {
                // In front of Sol there may be something that speaks TLS.
                let is_known = scheme.is_none_or(|scheme| {
                    ["rtmp", "rtmps"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
                });
                let authority = behind.split(['/', '?']).next().unwrap_or_default();
                is_known && format!("rtmp://{authority}/app/stream").parse::<RtmpUrl>().is_ok()
            }
            None => text.starts_with('/') && text.len() > 1,
        };
        let is_one = is_place
            && text.len() <= limits::SERVER_WORD_BYTES
            && !text.contains(|c: char| c.is_control() || c.is_whitespace());
        if text.is_empty() || is_one {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoDestination(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Destination {
    type Error = NoDestination;

    fn try_from(text: String) -> Result<Self, NoDestination> {
        text.parse()
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> String {
        destination.0
    }
}

impl fmt::Display for NoDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no address of another server; rtmp://other.example is one", self.0)
    }
}

impl std::error::Error for NoDestination {}

impl JsonSchema for Destination {
    fn schema_name() -> Cow<'static, str> {
        "Destination".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let takes = "\"\", or a URL such as \"rtmp://other.example\" or \"rtmp://other.example:1936/live\", with or without its scheme";
        json_schema!({ "type": "string", TAKES: takes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_server_of_rtmp_with_or_without_scheme_and_app_or_an_app_or_nothing() {
        let absolute =
            ["rtmp://other", "rtmp://[::1]:1936", "rtmp://other/live", "rtmps://other", "RTMP://other/"];
        for text in absolute.into_iter().chain(["", "//other", "//[::1]:1936/live", "/live", "/vod//x"]) {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.tc_url().unwrap_or_default(), text);
        }
        for wrong in [
            "other",
            "rtmpe://other",
            "rtmp://",
            "rtmp:///live",
            "rtmp://a b",
            "http://other",
            "/",
            "//",
            "///live",
            "//other:0",
            "rtmp://user@other",
            "/my live",
            "live:8//x",
        ] {
            assert!(wrong.parse::<Destination>().is_err(), "{wrong}");
        }
    }
}
