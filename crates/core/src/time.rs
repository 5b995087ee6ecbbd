//! Points in time, as they come in from outside.
//!
//! A [`Timestamp`] has two hands: `wall` is what people read and may jump; `awake` counts only while the machine
//! runs, never jumps, and is the only one that deadlines are measured with.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds on the clock that deadlines use.
pub type Millis = u64;

/// Milliseconds since 1970-01-01 UTC by the wall clock; RFC 3339 on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub u64);

/// One instant, read once for each command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp {
    /// What people read.
    #[serde(with = "raw")]
    pub wall: WallTime,
    /// Milliseconds this machine has been awake since some fixed start; never jumps, stands still in a suspend.
    pub awake: Millis,
}

impl Timestamp {
    /// The awake clock's reading `later` milliseconds on.
    #[must_use]
    pub const fn after(self, later: Millis) -> Millis {
        self.awake.saturating_add(later)
    }
}

/// Journals keep the bare number.
mod raw {
    use super::WallTime;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(time: &WallTime, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(time.0)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<WallTime, D::Error> {
        u64::deserialize(from).map(WallTime)
    }
}

impl fmt::Display for WallTime {
    /// `2026-11-22T17:40:00.123Z`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, in_day) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let (year, month, day) = civil(days);
        let (seconds, millis) = (in_day / 1000, in_day % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// Year, month and day of the day that is `days` after 1970-01-01, in the Gregorian calendar.
const fn civil(days: u64) -> (u64, u64, u64) {
    // Years are counted from March, so that the leap day is the last of its year, in eras of 400 years.
    let days = days + 719_468;
    let (era, in_era) = (days / 146_097, days % 146_097);
    let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + (month <= 2) as u64, month, day)
}

/// Days from 1970-01-01 to the given day; the inverse of [`civil`].
const fn days_of(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let in_year = (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + in_year - 719_468
}

impl std::str::FromStr for WallTime {
    type Err = &'static str;
    /// Reads what [`fmt::Display`] writes: UTC, with or without a fraction of a second.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "not a time like 2026-11-22T17:40:00.123Z";
        let number = |from: usize, to: usize| {
            text.get(from..to).and_then(|part| part.parse::<u64>().ok()).ok_or(WRONG)
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let rest = text.get(19..).and_then(|rest| rest.strip_suffix('Z')).ok_or(WRONG)?;
        let millis = match rest.strip_prefix('.') {
            Some(fraction) => {
                let millis = fraction.get(..fraction.len().min(3)).ok_or(WRONG)?;
                let scale = [1, 100, 10, 1].get(millis.len()).ok_or(WRONG)?;
                millis.parse::<u64>().map_err(|_| WRONG)? * scale
            }
            None if rest.is_empty() => 0,
            None => return Err(WRONG),
        };
        let sane = year >= 1970
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 61;
        if !sane {
            return Err(WRONG);
        }
        Ok(Self(((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millis))
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_written_as_rfc_3339() {
        assert_eq!(WallTime(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(WallTime(951_782_400_000).to_string(), "2000-02-29T00:00:00.000Z");
        assert_eq!(WallTime(1_795_369_200_123).to_string(), "2026-11-22T17:40:00.123Z");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for day in 0..60_000_u64 {
            let time = WallTime(day * 86_400_000 + day * 1237 % 86_400_000);
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        for bad in ["", "2026", "2026-13-01T00:00:00Z", "2026-11-22 17:40", "2026-11-22T17:40:00+01:00"] {
            assert!(bad.parse::<WallTime>().is_err(), "{bad}");
        }
    }
}
