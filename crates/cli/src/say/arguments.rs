//! Values that several commands take, as they are typed.

use std::time::Duration;

use styxy_core::{InvalidPort, Port};

/// Reads `60` or `0.5`: seconds, up to a day.
///
/// # Errors
/// Says what came and what is allowed.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    const DAY: f64 = 86_400.0;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = text.parse().ok().filter(|number| digits && *number <= DAY);
    number
        .and_then(|number| Duration::try_from_secs_f64(number).ok())
        .ok_or_else(|| format!("{text:?} is not a number of seconds; allowed: 0 to 86400"))
}

/// Reads `3000` where something else may stand too: up to five digits mean a port, and nothing else does.
pub(crate) fn port(text: &str) -> Option<Result<Port, String>> {
    let is_port = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_port.then(|| text.parse().map_err(|error: InvalidPort| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_a_plain_number_up_to_a_day() {
        assert_eq!(seconds("60"), Ok(Duration::from_mins(1)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["", "-1", "1e3", "inf", "NaN", "86401", "5s"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
