//! Settings with and without Styxy's entries. Pure: texts in, texts out; what is not ours keeps every byte.
//!
//! One change at a time: the text is read anew after each, until nothing is left to be changed. Taking out is the exact
//! reverse of putting in, so a file that nobody else changed is again what it was.

mod check;
mod entries;
mod put;
mod step;
mod take;

use super::agents::{Nesting, is_ours};
use super::text::{Mistake, parse};
pub(super) use step::Wanted;

/// Why a text is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is no JSON, or something else stands where hooks belong.
    Mistaken(Mistake),
    /// The changed text would not read as it should.
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
pub(super) fn with(text: &str, wanted: Wanted) -> Result<String, Trouble> {
    // What is not known as ours would be put in again and again.
    if !wanted.entries.iter().all(|entry| is_ours(&entry.command(wanted.program), &[])) {
        return Err(Trouble::Unsure);
    }
    let seed = seed(text, wanted.nesting);
    let mut text = seed.clone();
    for entry in wanted.entries {
        while let Some(next) = step::next(&text, entry, wanted)? {
            text = next;
        }
    }
    if check::is_installed(&seed, &text, wanted) { Ok(text) } else { Err(Trouble::Unsure) }
}

/// `text` without any entry of Styxy's, and without the lists and objects that were made for them.
///
/// # Errors
/// See [`Trouble`].
pub(super) fn without(text: &str) -> Result<String, Trouble> {
    let before = text;
    let mut text = before.to_owned();
    if is_blank(before) {
        return Ok(text);
    }
    while let Some(next) = take::next(&text, &parse(&text)?) {
        text = next;
    }
    if check::is_uninstalled(before, &text) { Ok(text) } else { Err(Trouble::Unsure) }
}

fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim().is_empty()
}

/// The text to begin with: a file without anything is one without settings.
fn seed(text: &str, nesting: Nesting) -> String {
    if !is_blank(text) {
        return text.to_owned();
    }
    let end = put::line_end(text);
    let mark = if text.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    match nesting {
        Nesting::Groups => format!("{mark}{{}}{end}"),
        Nesting::Flat => format!("{mark}{{{end}  \"version\": 1{end}}}{end}"),
    }
}

#[cfg(test)]
mod tests;
