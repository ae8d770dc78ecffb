//! Pattern: an app as a file names it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sol_tokio::sol_core::per_app::AppPatternError;

/// The core's pattern, with a place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct AppPattern(sol_tokio::AppPattern);

impl AppPattern {
    /// The pattern as the core knows it.
    pub(crate) fn pattern(&self) -> &sol_tokio::AppPattern {
        &self.0
    }

    /// The path, without a star.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for AppPattern {
    type Err = AppPatternError;

    fn from_str(text: &str) -> Result<Self, AppPatternError> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for AppPattern {
    type Error = AppPatternError;

    fn try_from(text: String) -> Result<Self, AppPatternError> {
        text.parse()
    }
}

impl From<AppPattern> for String {
    fn from(app: AppPattern) -> String {
        app.to_string()
    }
}

impl fmt::Display for AppPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for AppPattern {
    fn schema_name() -> Cow<'static, str> {
        "AppPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
