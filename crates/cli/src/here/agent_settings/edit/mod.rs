//! Settings with and without Styxy's entries. Pure: texts in, texts out; what is not ours keeps every byte.
//!
//! One change at a time: the text is read again after each, until nothing needs to change. Removing is the exact reverse of
//! adding, so a file that nobody else changed becomes what it was.

mod check;
mod entries;
mod put;
mod step;
mod take;
mod variable;

use styxy_core::json::{Mistake, without_mark};

use super::entry::Nesting;
use super::recognised::is_ours;
use super::text::parse;
pub(crate) use check::is_older;
pub(crate) use step::Wanted;

/// Why a text is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is not JSON, or there is something else where hooks belong.
    Mistaken(Mistake),
    /// The changed text would not have the right content.
    Unsure,
}

impl From<Mistake> for Trouble {
    fn from(mistake: Mistake) -> Self {
        Self::Mistaken(mistake)
    }
}

/// `text` with each of the entries once.
///
/// # Errors
/// See [`Trouble`].
pub(crate) fn with(text: &str, wanted: Wanted) -> Result<String, Trouble> {
    // Entries that are not recognised as ours would be added again and again.
    if !wanted.entries.iter().all(|entry| is_ours(&entry.command(wanted.program), &[])) {
        return Err(Trouble::Unsure);
    }
    let (mark, text) = marked(text);
    let seed = seed(text, wanted.nesting);
    let mut text = seed.clone();
    for entry in wanted.entries {
        while let Some(next) = step::next(&text, entry, wanted)? {
            text = next;
        }
    }
    while let Some(shell) = wanted.shell
        && let Some(next) = variable::next(&text, shell)?
    {
        text = next;
    }
    if check::is_installed(&seed, &text, wanted) { Ok(mark.to_owned() + &text) } else { Err(Trouble::Unsure) }
}

/// `text` without Styxy's entries, and without the lists and objects that were created for them.
///
/// # Errors
/// See [`Trouble`].
pub(crate) fn without(text: &str) -> Result<String, Trouble> {
    let (mark, before) = marked(text);
    if before.trim().is_empty() {
        return Ok(text.to_owned());
    }
    let mut text = before.to_owned();
    while let Some(next) = take::next(&text, &parse(&text)?) {
        text = next;
    }
    if check::is_uninstalled(before, &text) { Ok(mark.to_owned() + &text) } else { Err(Trouble::Unsure) }
}

/// A byte order mark, which stays, and what is behind it.
fn marked(text: &str) -> (&str, &str) {
    text.split_at(text.len() - without_mark(text).len())
}

/// The text to begin with: an empty file is one without settings.
fn seed(text: &str, nesting: Nesting) -> String {
    let end = put::line_end(text);
    match nesting {
        _ if !text.trim().is_empty() => text.to_owned(),
        Nesting::Groups => format!("{{}}{end}"),
        Nesting::Flat => format!("{{{end}  \"version\": 1{end}}}{end}"),
    }
}

#[cfg(test)]
mod tests;
