//! Pattern: the name of an app's section, which is an app, or all apps below a path.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// `live`, `event/main` or `event/*`, with one slash between parts and none at either end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct AppPattern(String);

impl AppPattern {
    /// The pattern as it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why no app can have such a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternError {
    #[error("the name is empty")]
    Empty,
    #[error("a star stands at the end alone, as in \"event/*\"")]
    Star,
}

impl FromStr for AppPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
        let Some((last, before)) = parts.split_last() else { return Err(PatternError::Empty) };
        let has_star = |part: &&str| part.contains('*');
        if before.iter().any(has_star) || (has_star(last) && (*last != "*" || before.is_empty())) {
            return Err(PatternError::Star);
        }
        Ok(Self(parts.join("/")))
    }
}

impl TryFrom<String> for AppPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<AppPattern> for String {
    fn from(pattern: AppPattern) -> String {
        pattern.0
    }
}

impl fmt::Display for AppPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
