//! Auto: a value, or the word `auto`, which leaves it to the server or the system.

use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::keys::TAKES;

/// `auto`, or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrAuto<T> {
    Auto,
    Fixed(T),
}

impl<T: FromStr> FromStr for OrAuto<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text == AUTO { Ok(Self::Auto) } else { text.parse().map(Self::Fixed) }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for OrAuto<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        if value.as_str() == Some(AUTO) {
            return Ok(Self::Auto);
        }
        value.try_into().map(Self::Fixed).map_err(|error| D::Error::custom(error.message()))
    }
}

impl<T: Serialize> Serialize for OrAuto<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str(AUTO),
            Self::Fixed(value) => value.serialize(serializer),
        }
    }
}

impl<T: JsonSchema> JsonSchema for OrAuto<T> {
    fn schema_name() -> Cow<'static, str> {
        "OrAuto".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut fixed = T::json_schema(generator);
        let expected = fixed.remove(TAKES).and_then(|words| words.as_str().map(str::to_owned));
        let expected = format!("{AUTO:?}, or {}", expected.unwrap_or_default());
        json_schema!({ "anyOf": [{ "const": AUTO, "type": "string" }, fixed], TAKES: expected })
    }
}

const AUTO: &str = "auto";
