//! A finding: one thing that was checked.

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// One thing that was checked; with `--json` the answer is a list of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was checked: `daemon`, `port`, …
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) message: String,
    /// What to do; null if nothing needs to be done.
    pub(super) hint: Option<String>,
}

/// Whether that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could.
    Warn,
    /// It does not work, or is not safe.
    Wrong,
}

impl Verdict {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Wrong => "wrong",
        }
    }

    pub(super) const fn style(self) -> Style {
        let color = match self {
            Self::Ok => AnsiColor::Green,
            Self::Warn => AnsiColor::Yellow,
            Self::Wrong => AnsiColor::Red,
        };
        color.on_default().bold()
    }
}

impl Finding {
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, message: message.into(), hint: None }
    }
    pub(super) fn warn(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warn, message: message.into(), hint: Some(hint.into()) }
    }
    /// A warning that says itself what to do.
    pub(super) fn note(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warn, message: message.into(), hint: None }
    }
    pub(super) fn wrong(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Wrong, message: message.into(), hint: Some(hint.into()) }
    }
}
