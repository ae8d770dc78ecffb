//! Date: moments as people write them, in UTC, by the civil calendar.

use std::fmt;
use std::time::Duration;

/// A moment, since 1970 (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date(pub(super) Duration);

impl fmt::Display for Date {
    /// To the microsecond: `2026-11-22 10:15:02.123456`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (year, month, day) = civil(seconds / DAY_SECONDS);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        let micros = self.0.subsec_micros();
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")
    }
}

/// Year, month and day of a day since 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    // 400 years have the same number of days each; before that, days are counted from a first of March, so that a leap
    // day is the last of its year.
    let from_march = days + MARCH_OF_YEAR_0_TO_1970;
    let (cycle, day) = (from_march / CYCLE_DAYS, from_march % CYCLE_DAYS);
    let year = (day - day / 1_460 + day / 36_524 - day / (CYCLE_DAYS - 1)) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // Months of 31 and 30 days alternate with a period of five months from March on.
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (cycle * 400 + year, month, day_of_month)
}

const DAY_SECONDS: u64 = 86_400;
const CYCLE_DAYS: u64 = 146_097;
const MARCH_OF_YEAR_0_TO_1970: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_the_dates_that_everybody_gives_them() {
        for (seconds, date) in [
            (0, "1970-01-01 00:00:00.000000"),
            (951_782_399, "2000-02-28 23:59:59.000000"),
            (951_782_400, "2000-02-29 00:00:00.000000"),
            (951_868_800, "2000-03-01 00:00:00.000000"),
            (1_709_164_800, "2024-02-29 00:00:00.000000"),
            (1_735_689_599, "2024-12-31 23:59:59.000000"),
            (1_735_689_600, "2025-01-01 00:00:00.000000"),
            (4_107_542_400, "2100-03-01 00:00:00.000000"),
        ] {
            assert_eq!(Date(Duration::from_secs(seconds)).to_string(), date);
        }
        let precise = Date(Duration::new(1_795_342_502, 123_456_789));
        assert_eq!(precise.to_string(), "2026-11-22 10:15:02.123456");
    }
}
