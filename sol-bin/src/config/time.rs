//! Time: a duration as people write it, `10s`, `250ms` or `1m30s`, and the range that it must keep.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::keys::TAKES;

/// A duration from `MIN` to `MAX` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Time<const MIN: u64, const MAX: u64>(Duration);

impl<const MIN: u64, const MAX: u64> Time<MIN, MAX> {
    /// A default of the core.
    ///
    /// # Panics
    /// If it is out of the range that people are held to.
    pub(crate) fn of(duration: Duration) -> Self {
        assert!((MIN..=MAX).contains(&millis(duration)), "{duration:?} is no default that can be written");
        Self(duration)
    }

    pub(crate) fn duration(self) -> Duration {
        self.0
    }

    fn takes() -> String {
        format!("a duration from {} to {}", Written(MIN), Written(MAX))
    }
}

impl<const MIN: u64, const MAX: u64> FromStr for Time<MIN, MAX> {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        match parse_millis(text)? {
            less if less < MIN => Err(TimeError::TooShort(text.to_owned(), MIN)),
            more if more > MAX => Err(TimeError::TooLong(text.to_owned(), MAX)),
            millis => Ok(Self(Duration::from_millis(millis))),
        }
    }
}

impl<const MIN: u64, const MAX: u64> TryFrom<String> for Time<MIN, MAX> {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl<const MIN: u64, const MAX: u64> From<Time<MIN, MAX>> for String {
    fn from(time: Time<MIN, MAX>) -> String {
        Written(millis(time.0)).to_string()
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Time<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([0-9]+(h|m|s|ms))+$", TAKES: Self::takes() })
    }
}

/// Why a text is no duration, or not one that can be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TimeError {
    #[error("{0:?} has no unit; units are h, m, s and ms")]
    NoUnit(String),
    #[error("{0:?} has the unit {1:?}; units are h, m, s and ms")]
    UnknownUnit(String, String),
    #[error("{0:?} is negative")]
    Negative(String),
    #[error("{0:?} has a fraction; a smaller unit does without, as in \"1500ms\"")]
    Fraction(String),
    #[error("{0:?} is no duration")]
    NoNumber(String),
    #[error("{0:?} goes from smaller to larger units, or has one twice")]
    Order(String),
    #[error("{0:?} is less than {min}", min = Written(*.1))]
    TooShort(String, u64),
    #[error("{0:?} is more than {max}", max = Written(*.1))]
    TooLong(String, u64),
}

/// Reads numbers with units, from larger to smaller ones.
fn parse_millis(text: &str) -> Result<u64, TimeError> {
    let mut total = 0_u64;
    let mut larger = u64::MAX;
    let mut rest = text;
    if rest.starts_with('-') {
        return Err(TimeError::Negative(text.to_owned()));
    }
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(TimeError::NoNumber(text.to_owned()));
    }
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let (unit, behind) =
            behind.split_at(behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len()));
        let unit_millis = match unit {
            "" => return Err(TimeError::NoUnit(text.to_owned())),
            "." | "," => return Err(TimeError::Fraction(text.to_owned())),
            unit => UNITS.iter().find(|(_, name)| *name == unit).map(|&(millis, _)| millis),
        };
        let unit_millis =
            unit_millis.ok_or_else(|| TimeError::UnknownUnit(text.to_owned(), unit.to_owned()))?;
        if unit_millis >= larger {
            return Err(TimeError::Order(text.to_owned()));
        }
        larger = unit_millis;
        // What does not fit is longer than anything that can be asked for.
        total = total.saturating_add(number.parse().unwrap_or(u64::MAX).saturating_mul(unit_millis));
        rest = behind;
    }
    Ok(total)
}

/// Milliseconds in the largest units that they fill.
struct Written(u64);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (millis, unit) in UNITS {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

/// For the bounds of a [`Time`].
///
/// # Panics
/// Never: bounds are shorter than half a billion years.
pub(crate) const fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

const UNITS: [(u64, &str); 4] = [(3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];

#[cfg(test)]
mod tests {
    use super::*;

    type Any = Time<0, { u64::MAX }>;

    #[test]
    fn durations_are_read_and_written_as_people_write_them() {
        let table = [
            ("0s", 0, "0s"),
            ("250ms", 250, "250ms"),
            ("10s", 10_000, "10s"),
            ("90s", 90_000, "1m30s"),
            ("1m30s", 90_000, "1m30s"),
            ("1500ms", 1_500, "1s500ms"),
            ("2h", 7_200_000, "2h"),
            ("1h0m5s", 3_605_000, "1h5s"),
        ];
        for (text, millis, written) in table {
            let time: Any = text.parse().unwrap();
            assert_eq!(time.duration(), Duration::from_millis(millis), "{text}");
            assert_eq!(String::from(time), written);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_what_is_wrong_about_it() {
        let table = [
            ("10", "\"10\" has no unit; units are h, m, s and ms"),
            ("1m30", "\"1m30\" has no unit; units are h, m, s and ms"),
            ("10sec", "\"10sec\" has the unit \"sec\"; units are h, m, s and ms"),
            ("10 s", "\"10 s\" has the unit \" s\"; units are h, m, s and ms"),
            ("-5s", "\"-5s\" is negative"),
            ("1.5s", "\"1.5s\" has a fraction; a smaller unit does without, as in \"1500ms\""),
            ("", "\"\" is no duration"),
            ("soon", "\"soon\" is no duration"),
            ("30s1m", "\"30s1m\" goes from smaller to larger units, or has one twice"),
            ("1s1s", "\"1s1s\" goes from smaller to larger units, or has one twice"),
        ];
        for (text, message) in table {
            assert_eq!(text.parse::<Any>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_duration_out_of_its_range_is_refused_with_the_bound_that_it_breaks() {
        let read = |text: &str| text.parse::<Time<1_000, 90_000>>().map(Time::duration);
        assert_eq!(read("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(read("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(read("999ms").unwrap_err().to_string(), "\"999ms\" is less than 1s");
        assert_eq!(read("91s").unwrap_err().to_string(), "\"91s\" is more than 1m30s");
        let beyond_all = "99999999999999999999999h";
        assert_eq!(read(beyond_all).unwrap_err(), TimeError::TooLong(beyond_all.to_owned(), 90_000));
    }
}
