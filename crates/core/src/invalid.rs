//! A value that its field cannot have, as facts: what came, what is wrong with it, what is allowed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserializer, Unexpected, Visitor};

/// A value that its field cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found} {problem}; allowed: {allowed}")]
pub struct Invalid {
    /// What came, as it was written.
    pub found: String,
    /// What is wrong with it: `is not a port`.
    pub problem: Cow<'static, str>,
    /// What is allowed.
    pub allowed: Cow<'static, str>,
}

impl Invalid {
    /// The value `found`, as it was written.
    pub fn new(
        found: impl fmt::Display,
        problem: impl Into<Cow<'static, str>>,
        allowed: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { found: found.to_string(), problem: problem.into(), allowed: allowed.into() }
    }

    /// The text `found`, in quotes and shortened if it is long.
    pub fn text(
        found: &str,
        problem: impl Into<Cow<'static, str>>,
        allowed: impl Into<Cow<'static, str>>,
    ) -> Self {
        let short: String = found.chars().take(60).collect();
        let more = if short.len() < found.len() { "…" } else { "" };
        Self::new(format_args!("{short:?}{more}"), problem, allowed)
    }

    /// The same as an error of serde's. A request's own reader gets the facts back out of it, see `json/de.rs`.
    #[must_use]
    pub fn serde<E: de::Error>(self) -> E {
        let Self { found, problem, allowed } = self;
        E::invalid_value(Unexpected::Other(&format!("{found} {problem}")), &&*allowed)
    }
}

/// Reads a text as `parse` has it.
pub(crate) fn from_text<'de, T, D: Deserializer<'de>>(
    from: D,
    parse: fn(&str) -> Result<T, Invalid>,
) -> Result<T, D::Error> {
    struct Text<T>(fn(&str) -> Result<T, Invalid>);
    impl<T> Visitor<'_> for Text<T> {
        type Value = T;
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a string")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).map_err(Invalid::serde)
        }
    }
    from.deserialize_str(Text(parse))
}
