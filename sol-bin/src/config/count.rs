//! Count: a whole number, and the range that it must keep.

use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::keys::TAKES;

/// From `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "i64", into = "u32")]
pub(crate) struct Count<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Count<MIN, MAX> {
    /// A default of the core.
    ///
    /// # Panics
    /// If it is out of the range that people are held to.
    pub(crate) fn of(count: u32) -> Self {
        assert!((MIN..=MAX).contains(&count), "{count} is no default that can be written");
        Self(count)
    }

    pub(crate) fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> TryFrom<i64> for Count<MIN, MAX> {
    type Error = CountError;

    fn try_from(number: i64) -> Result<Self, CountError> {
        match number {
            negative if negative < 0 => Err(CountError::Negative(negative)),
            less if less < MIN.into() => Err(CountError::TooSmall(less, MIN)),
            more if more > MAX.into() => Err(CountError::TooLarge(more, MAX)),
            count => Ok(Self(count as u32)),
        }
    }
}

impl<const MIN: u32, const MAX: u32> From<Count<MIN, MAX>> for u32 {
    fn from(count: Count<MIN, MAX>) -> u32 {
        count.0
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Count<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let expected = format!("a whole number from {MIN} to {MAX}");
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX, TAKES: expected })
    }
}

impl<const MIN: u32, const MAX: u32> FromStr for Count<MIN, MAX> {
    type Err = CountError;

    fn from_str(text: &str) -> Result<Self, CountError> {
        let number: i64 = text.parse().map_err(|_| CountError::NoNumber(text.to_owned()))?;
        number.try_into()
    }
}

/// Why a number cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CountError {
    #[error("{0:?} is no whole number")]
    NoNumber(String),
    #[error("{0} is negative")]
    Negative(i64),
    #[error("{0} is less than {1}")]
    TooSmall(i64, u32),
    #[error("{0} is more than {1}")]
    TooLarge(i64, u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_out_of_its_range_is_refused_with_the_bound_that_it_breaks() {
        let read = |number: i64| Count::<2, 9>::try_from(number).map(Count::get);
        assert_eq!((read(2), read(9)), (Ok(2), Ok(9)));
        assert_eq!(read(1), Err(CountError::TooSmall(1, 2)));
        assert_eq!(read(10), Err(CountError::TooLarge(10, 9)));
        assert_eq!(read(i64::MAX), Err(CountError::TooLarge(i64::MAX, 9)));
        assert_eq!(read(-1), Err(CountError::Negative(-1)));
    }
}
