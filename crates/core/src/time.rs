//! Points in time, as they come in from outside.
//!
//! A [`Timestamp`] has two hands: `wall` is what people read and may jump; `awake` counts only while the machine
//! runs, never jumps, and is the only one that deadlines are measured with.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::invalid::{Invalid, from_text};

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

impl WallTime {
    /// The last moment that RFC 3339 has a form for.
    const LAST: Self = Self(253_402_300_799_999);
}

impl fmt::Display for WallTime {
    /// `2026-11-22T17:40:00.123Z`; a time after the year 9999 as the last moment of it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = Duration::from_millis((*self).min(Self::LAST).0);
        humantime::format_rfc3339_millis(UNIX_EPOCH + since).fmt(out)
    }
}

impl std::str::FromStr for WallTime {
    type Err = Invalid;
    /// Reads RFC 3339 in UTC (`Z` or `+00:00`), with or without a fraction of a second, from 1970 on.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let read = || {
            let local = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
            // humantime 2.4 takes a point without digits, and whatever is between two Z.
            let is_fraction = match local.get("2026-11-22T17:40:00".len()..)?.strip_prefix('.') {
                Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
                None => local.len() == "2026-11-22T17:40:00".len(),
            };
            let time = humantime::parse_rfc3339(text).ok().filter(|_| is_fraction)?;
            u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok().map(Self)
        };
        let allowed = "a time in UTC such as 2026-11-22T17:40:00.123Z";
        read().ok_or_else(|| Invalid::text(text, "is not a time", allowed))
    }
}

/// Reads a duration as people type it: seconds (`60`, `0.5`), or with units (`30s`, `2m`, `1h 30m`, `500ms`).
///
/// # Errors
/// It is neither, or is longer than a day.
pub fn duration(text: &str) -> Result<Duration, Invalid> {
    const LONGEST: Duration = Duration::from_hours(24);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let points = text.bytes().filter(|byte| *byte == b'.').count();
    let read = if digits + points == text.len() {
        text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    } else if digits < 16 {
        humantime::parse_duration(text).ok()
    } else {
        // Near 2^64 seconds humantime 2.4 panics.
        None
    };
    let allowed = "0 to 86400 seconds, or up to a day with units (30s, 2m, 1h 30m, 500ms)";
    read.filter(|read| *read <= LONGEST).ok_or_else(|| Invalid::text(text, "is not a duration", allowed))
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_text(from, str::parse)
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
    }

    #[test]
    fn only_utc_of_days_that_there_are_is_a_time() {
        let same = ["2026-11-22T17:40:00Z", "2026-11-22T17:40:00.0Z", "2026-11-22T17:40:00+00:00"];
        for time in same {
            assert_eq!(time.parse(), Ok(WallTime(1_795_369_200_000)), "{time}");
        }
        assert_eq!("2024-02-29T23:59:59.9999+00:00".parse(), Ok(WallTime(1_709_251_199_999)));
        for bad in [
            "",
            "2026",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-04-31T00:00:00.000Z",
            "2026-11-22 17:40",
            "2026-11-22 17:40:00Z",
            "2026-11-22T17:40:00",
            "2026-11-22T17:40:00+01:00",
            "2026-11-22T17:40:00.123xyzZ",
            "2026-11-22T17:40:00.1234567x+00:00",
            "2026-11-22T17:40:00.Z",
            "2026-11-22T17:40:00.+00:00",
            "2026-11-22T17:40:00ZZ",
            "+026-11-22T17:40:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-22T17:40:00é",
        ] {
            assert!(bad.parse::<WallTime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_after_the_year_9999_is_written_as_its_last_moment() {
        for far in [WallTime::LAST, WallTime(WallTime::LAST.0 + 1), WallTime(u64::MAX)] {
            assert_eq!(far.to_string(), "9999-12-31T23:59:59.999Z");
            assert_eq!(far.to_string().parse(), Ok(WallTime::LAST));
        }
    }

    #[test]
    fn a_duration_is_seconds_or_has_units_and_lasts_a_day_at_most() {
        for (text, millis) in [
            ("0", 0),
            ("60", 60_000),
            ("0.5", 500),
            (".5", 500),
            ("86400", 86_400_000),
            ("5s", 5_000),
            ("30s", 30_000),
            ("2m", 120_000),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1.5h", 5_400_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in [
            "",
            " ",
            ".",
            "-1",
            "+1",
            "-1s",
            "1e3",
            "inf",
            "NaN",
            "infinity",
            "0x10",
            "86401",
            "86400.1",
            "2d",
            "1M",
            "86401s",
            "24h 1ms",
            "5 parsecs",
            "s",
            "m5",
            "1:30",
            "5s ago",
            "é",
            "18446744073709551615s 1000ms",
            "99999999999999999999",
            "1.5.5",
            "18446744073709551616s",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        let said = duration("2d").unwrap_err().to_string();
        assert!(said.starts_with("\"2d\" is not a duration; allowed: 0 to 86400 seconds, or "), "{said}");
    }
}
