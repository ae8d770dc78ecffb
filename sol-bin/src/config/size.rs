//! Size: bytes as people write them, `256KiB`, `64kB` or a plain number, and the range that they must keep.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::keys::TAKES;

/// From `MIN` to `MAX` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Form", into = "Form")]
pub(crate) struct Size<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Size<MIN, MAX> {
    /// A default of the core.
    ///
    /// # Panics
    /// If it is out of the range that people are held to.
    pub(crate) fn of(bytes: u64) -> Self {
        assert!((MIN..=MAX).contains(&bytes), "{bytes} is no default that can be written");
        Self(bytes)
    }

    pub(crate) fn bytes(self) -> u64 {
        self.0
    }

    fn takes() -> String {
        format!("a size from {} to {}", Written(MIN), Written(MAX))
    }

    fn in_range(bytes: u64, text: impl fmt::Display) -> Result<Self, SizeError> {
        match bytes {
            less if less < MIN => Err(SizeError::TooSmall(text.to_string(), MIN)),
            more if more > MAX => Err(SizeError::TooLarge(text.to_string(), MAX)),
            bytes => Ok(Self(bytes)),
        }
    }
}

impl<const MIN: u64, const MAX: u64> FromStr for Size<MIN, MAX> {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        Self::in_range(parse_bytes(text)?, format_args!("{text:?}"))
    }
}

/// In the largest unit that divides it.
impl<const MIN: u64, const MAX: u64> fmt::Display for Size<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Written(self.0).fmt(f)
    }
}

impl<const MIN: u64, const MAX: u64> TryFrom<Form> for Size<MIN, MAX> {
    type Error = SizeError;

    fn try_from(form: Form) -> Result<Self, SizeError> {
        match form {
            Form::Text(text) => text.parse(),
            Form::Bytes(bytes) => match u64::try_from(bytes) {
                Ok(bytes) => Self::in_range(bytes, bytes),
                Err(_) => Err(SizeError::Negative(bytes.to_string())),
            },
        }
    }
}

impl<const MIN: u64, const MAX: u64> From<Size<MIN, MAX>> for Form {
    fn from(size: Size<MIN, MAX>) -> Form {
        let in_units = Written(size.0);
        match in_units.unit() {
            Some(_) => Form::Text(in_units.to_string()),
            None => Form::Bytes(size.0.try_into().expect("no size is as large as that")),
        }
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Size<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": "^[0-9]+(B|kB|MB|GB|KiB|MiB|GiB)$",
            "minimum": MIN,
            "maximum": MAX,
            TAKES: Self::takes(),
        })
    }
}

/// A size as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
enum Form {
    Bytes(i64),
    Text(String),
}

/// Why a text is no size, or not one that can be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SizeError {
    #[error("{0:?} has no unit; bytes alone are written without quotes")]
    NoUnit(String),
    #[error("{0:?} has the unit {1:?}; units are KiB, MiB, GiB (of 1024) and B, kB, MB, GB (of 1000)")]
    UnknownUnit(String, String),
    #[error("{0} is negative")]
    Negative(String),
    #[error("{0:?} has a fraction; a smaller unit does without, as in \"1536KiB\"")]
    Fraction(String),
    #[error("{0:?} is no size")]
    NoNumber(String),
    #[error("{0} is less than {min}", min = Written(*.1))]
    TooSmall(String, u64),
    #[error("{0} is more than {max}", max = Written(*.1))]
    TooLarge(String, u64),
}

fn parse_bytes(text: &str) -> Result<u64, SizeError> {
    if text.starts_with('-') {
        return Err(SizeError::Negative(format!("{text:?}")));
    }
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    if number.is_empty() {
        return Err(SizeError::NoNumber(text.to_owned()));
    }
    let unit_bytes = match unit {
        "" => return Err(SizeError::NoUnit(text.to_owned())),
        _ if unit.starts_with(['.', ',']) => return Err(SizeError::Fraction(text.to_owned())),
        unit => UNITS.iter().find(|(_, name)| *name == unit).map(|&(bytes, _)| bytes),
    };
    let unit_bytes = unit_bytes.ok_or_else(|| SizeError::UnknownUnit(text.to_owned(), unit.to_owned()))?;
    // What does not fit is larger than anything that can be asked for.
    Ok(number.parse().unwrap_or(u64::MAX).saturating_mul(unit_bytes))
}

/// Bytes in the largest unit that divides them; a plain number where none does.
struct Written(u64);

impl Written {
    fn unit(&self) -> Option<(u64, &'static str)> {
        UNITS.into_iter().find(|&(bytes, _)| bytes > 1 && self.0 >= bytes && self.0.is_multiple_of(bytes))
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit() {
            Some((bytes, unit)) => write!(f, "{}{unit}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

const UNITS: [(u64, &str); 7] = [
    (1 << 30, "GiB"),
    (1 << 20, "MiB"),
    (1 << 10, "KiB"),
    (1_000_000_000, "GB"),
    (1_000_000, "MB"),
    (1_000, "kB"),
    (1, "B"),
];

#[cfg(test)]
mod tests {
    use super::*;

    type Any = Size<0, { i64::MAX as u64 }>;

    #[test]
    fn sizes_are_read_and_written_as_people_write_them() {
        let table = [
            ("512B", 512, Form::Bytes(512)),
            ("64kB", 64_000, Form::Text("64kB".to_owned())),
            ("256KiB", 256 << 10, Form::Text("256KiB".to_owned())),
            ("16384KiB", 16 << 20, Form::Text("16MiB".to_owned())),
            ("3GB", 3_000_000_000, Form::Text("3GB".to_owned())),
        ];
        for (text, bytes, written) in table {
            let size: Any = text.parse().unwrap();
            assert_eq!(size.bytes(), bytes, "{text}");
            assert_eq!(Form::from(size), written);
        }
        assert_eq!(Any::try_from(Form::Bytes(65_536)).unwrap().bytes(), 65_536);
    }

    #[test]
    fn what_is_no_size_is_refused_with_what_is_wrong_about_it() {
        let units = "units are KiB, MiB, GiB (of 1024) and B, kB, MB, GB (of 1000)";
        let table = [
            ("64", "\"64\" has no unit; bytes alone are written without quotes".to_owned()),
            ("64k", format!("\"64k\" has the unit \"k\"; {units}")),
            ("64KB", format!("\"64KB\" has the unit \"KB\"; {units}")),
            ("-1KiB", "\"-1KiB\" is negative".to_owned()),
            (
                "1.5MiB",
                "\"1.5MiB\" has a fraction; a smaller unit does without, as in \"1536KiB\"".to_owned(),
            ),
            ("large", "\"large\" is no size".to_owned()),
        ];
        for (text, message) in table {
            assert_eq!(text.parse::<Any>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_size_out_of_its_range_is_refused_with_the_bound_that_it_breaks() {
        let message = |form: Form| Size::<1_024, 1_048_576>::try_from(form).unwrap_err().to_string();
        assert_eq!(message(Form::Text("2MiB".to_owned())), "\"2MiB\" is more than 1MiB");
        assert_eq!(
            message(Form::Text("99999999999999999999GiB".to_owned())),
            "\"99999999999999999999GiB\" is more than 1MiB"
        );
        assert_eq!(message(Form::Bytes(1_023)), "1023 is less than 1KiB");
        assert_eq!(message(Form::Bytes(-1)), "-1 is negative");
    }
}
