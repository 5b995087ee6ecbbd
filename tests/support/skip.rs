//! The one place where a test says that it cannot run here. Where nothing may be skipped, it fails.
//!
//! `STYXY_TEST_ALL=1` says that everything is here that a test may need, `STYXY_TEST_ALL='but root, shells'` that all but these
//! two are. Without the variable a test that lacks something passes, and its reason is on standard error. `lacking` in
//! `__test__/support.mjs` does the same with the same words. The crates' own tests use this file too.

use std::io::Write as _;

/// The variable that says what may be missing.
const VARIABLE: &str = "STYXY_TEST_ALL";

/// What a test may need and a machine of the right system may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To be root, who alone can be another user.
    Root,
    /// Namespaces: an administrator or a container may forbid to make them.
    Namespaces,
    /// The program `bwrap`.
    Bubblewrap,
    /// The shells that complete words: bash, zsh and fish.
    Shells,
    /// Docker Compose, as `STYXY_TEST_COMPOSE` names it.
    Compose,
    /// The program `systemd-analyze`.
    Systemd,
    /// A program that signals or compiles, of which each test of the guard names its own.
    Tools,
    /// The browser, for a test in `__test__`.
    Chromium,
    /// Another browser, for a test in `__test__`.
    Firefox,
    /// Windows itself: Wine lacks parts of it.
    Windows,
}

impl Need {
    const ALL: [(&'static str, Self); 10] = [
        ("root", Self::Root),
        ("namespaces", Self::Namespaces),
        ("bubblewrap", Self::Bubblewrap),
        ("shells", Self::Shells),
        ("compose", Self::Compose),
        ("systemd", Self::Systemd),
        ("tools", Self::Tools),
        ("chromium", Self::Chromium),
        ("firefox", Self::Firefox),
        ("windows", Self::Windows),
    ];

    fn of(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|(name, _)| *name == word);
        known
            .unwrap_or_else(|| {
                panic!("{VARIABLE}: {word:?} is not one of {:?}", Self::ALL.map(|(name, _)| name))
            })
            .1
    }
}

/// Says that a test, or a part of one, is skipped because `need` is missing. Whoever calls it returns then.
///
/// # Panics
/// If `STYXY_TEST_ALL` does not let `need` be missing.
#[track_caller]
pub(crate) fn skipped(need: Need, why: &str) {
    let is_allowed = std::env::var(VARIABLE).map_or(true, |value| may_be_missing(&value).contains(&need));
    assert!(is_allowed, "{why}, and {VARIABLE} does not let {need:?} be missing");
    let thread = std::thread::current();
    // Not println: cargo shows only what a failed test prints.
    let _ = writeln!(std::io::stderr(), "skipped: {}: {why}", thread.name().unwrap_or("a test"));
}

/// What may be missing where the variable has this value.
fn may_be_missing(value: &str) -> Vec<Need> {
    match value.strip_prefix("but ") {
        Some(needs) => needs.split(',').map(|word| Need::of(word.trim())).collect(),
        None if value == "1" => Vec::new(),
        None => panic!("{VARIABLE} is {value:?}, and neither '1' nor 'but root, …'"),
    }
}

/// Whether the tests run under Wine, as `scripts/wine.mjs` says in the environment. If so, `what` is skipped.
#[track_caller]
pub(crate) fn wine_lacks(what: &str) -> bool {
    let is_wine = std::env::var_os("STYXY_TEST_WINE").is_some();
    if is_wine {
        skipped(Need::Windows, &format!("Wine lacks {what}"));
    }
    is_wine
}

#[cfg(test)]
mod tests {
    use super::{Need, may_be_missing};

    #[test]
    fn what_may_be_missing_is_read_from_the_variable() {
        assert_eq!(may_be_missing("1"), []);
        assert_eq!(may_be_missing("but root"), [Need::Root]);
        assert_eq!(may_be_missing("but shells, windows"), [Need::Shells, Need::Windows]);
        for wrong in ["", "0", "root", "but ", "but root,", "but rot"] {
            assert!(std::panic::catch_unwind(|| may_be_missing(wrong)).is_err(), "{wrong:?}");
        }
    }
}
