//! How long ago something was: one number and one unit, because that is what people read.

#[cfg(any(unix, test))]
use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use styxy_core::WallTime;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The current time of the wall clock.
pub(crate) fn now() -> WallTime {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// `3 min ago`. A time in the future (the clock was set back) is `0 s ago`.
pub(crate) fn ago(then: WallTime, now: WallTime) -> String {
    format!("{} ago", span(now.0.saturating_sub(then.0) / 1000))
}

/// `3 min`: this many seconds in the largest unit that fits, rounded down.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        DAY.. => format!("{} d", seconds / DAY),
    }
}

/// How long it takes until [`ago`] says something else.
#[cfg(any(unix, test))]
pub(crate) fn changes_in(then: WallTime, now: WallTime) -> Duration {
    let age = now.0.saturating_sub(then.0);
    let unit = match age / 1000 {
        0..MINUTE => 1,
        MINUTE..HOUR => MINUTE,
        HOUR..DAY => HOUR,
        DAY.. => DAY,
    };
    let unit = unit * 1000;
    Duration::from_millis(unit - age % unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_one_number_of_the_largest_unit_that_fits() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (86_399, "23 h"),
            (86_400, "1 d"),
            (40 * 86_400, "40 d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn an_age_changes_with_its_unit() {
        for (age, until) in
            [(0, 1000), (1250, 750), (60_000, 60_000), (61_500, 58_500), (3_600_500, 3_599_500)]
        {
            assert_eq!(changes_in(WallTime(0), WallTime(age)), Duration::from_millis(until), "{age}");
        }
    }

    #[test]
    fn a_time_in_the_future_is_now() {
        assert_eq!(ago(WallTime(10_000), WallTime(9_000)), "0 s ago");
        assert_eq!(ago(WallTime(10_000), WallTime(200_000)), "3 min ago");
    }
}
