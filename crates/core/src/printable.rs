//! Texts that other programs chose, made fit for a terminal, a log or an agent: what moves the cursor, turns the direction
//! of a line around or cannot be seen is written as an escape.

use std::borrow::Cow;
use std::path::Path;

/// Whether a character is never printed as it is: it controls a terminal, changes the order in which a line is shown, ends a
/// line for some readers, or is invisible, so that it hides words from people that an agent reads.
///
/// The joiners U+200C and U+200D are printed: words of Persian and of Indian languages, and many emoji, need them.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' // soft hyphen
            | '\u{61c}' | '\u{200e}' | '\u{200f}' // marks of direction
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' // of no width
            | '\u{2028}' | '\u{2029}' // separators of lines and paragraphs
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' // embeddings, overrides and isolates
            | '\u{fff9}'..='\u{fffb}' // marks of annotations
            | '\u{e0000}'..='\u{e0fff}' // tags, and selectors of variants
        )
}

/// `text` with every hidden character escaped: other programs' names must not move the cursor. New lines and tabs stay.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    visible(text, |character| is_hidden(character) && !matches!(character, '\n' | '\t'))
}

/// Like [`printable`], on one line: a name that another program chose must not look like a line of ours.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    visible(text, is_hidden)
}

/// `path` with the home folder written `~`, in one line.
#[must_use]
pub fn tilde(path: &str, home: Option<&Path>) -> String {
    let path = &*one_line(path);
    let home = home.filter(|home| home.components().count() > 1);
    match home.and_then(|home| Path::new(path).strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.to_owned(),
    }
}

/// Like [`printable`], of a text with colours of ours: nothing but them controls a terminal.
#[must_use]
pub fn coloured(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut shown = printable(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        let end =
            part.strip_prefix('[').and_then(|rest| rest.find(|at: char| !at.is_ascii_digit() && at != ';'));
        let (colour, rest) = match end {
            Some(end) if part[1 + end..].starts_with('m') => part.split_at(end + 2),
            _ => ("", part),
        };
        shown.push_str(if colour.is_empty() { "\\u{1b}" } else { "\u{1b}" });
        shown.push_str(colour);
        shown.push_str(&printable(rest));
    }
    shown
}

/// `text` with each `hidden` character escaped.
fn visible(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_others_never_reach_the_terminal() {
        assert_eq!(printable("node \u{1b}[2Jserver\r\u{9b}1m"), "node \\u{1b}[2Jserver\\r\\u{9b}1m");
        assert_eq!(printable("two\n\tlines"), "two\n\tlines");
        assert_eq!(one_line("two\n\tlines"), "two\\n\\tlines");
        assert!(matches!(printable("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn colours_stay_and_nothing_else_controls_a_terminal() {
        let ours = "\u{1b}[1mPORT\u{1b}[0m\n\t3000 \u{1b}[33;1mconflict\u{1b}[0m\n";
        assert_eq!(coloured(ours), ours);
        for (hostile, shown) in [
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{1b}]8;;http://x\u{7}y", "\\u{1b}]8;;http://x\\u{7}y"),
            ("a\u{1b}", "a\\u{1b}"),
            ("\u{1b}[", "\\u{1b}["),
            ("\u{1b}[1m\u{202e}\r", "\u{1b}[1m\\u{202e}\\r"),
        ] {
            assert_eq!(coloured(hostile), shown);
        }
    }

    #[test]
    fn what_turns_a_line_around_or_cannot_be_seen_is_escaped() {
        let bidi = ['\u{61c}', '\u{200e}', '\u{200f}'].into_iter();
        let bidi = bidi.chain('\u{2028}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        let unseen = ['\u{ad}', '\u{200b}', '\u{2060}', '\u{feff}', '\u{e0041}', '\u{e0100}'];
        for letter in bidi.chain(unseen) {
            let escaped = format!("a{}b", letter.escape_unicode());
            assert_eq!(one_line(&format!("a{letter}b")), escaped);
            assert_eq!(printable(&format!("a{letter}b")), escaped);
        }
    }

    #[test]
    fn words_of_every_language_and_emoji_stay_as_they_are() {
        for word in
            ["café", "cafe\u{301}", "שלום", "مرحبا", "می\u{200c}خواهم", "店舗", "👩\u{200d}💻", "❤\u{fe0f}"]
        {
            assert_eq!(one_line(word), word);
        }
    }

    #[test]
    fn the_home_folder_is_a_tilde() {
        let home = Some(Path::new("/home/ada"));
        assert_eq!(tilde("/home/ada/shop", home), "~/shop");
        assert_eq!(tilde("/home/ada", home), "~");
        assert_eq!(tilde("/home/adam/shop", home), "/home/adam/shop");
        assert_eq!(tilde("/home/ada/shop", None), "/home/ada/shop");
        assert_eq!(tilde("/srv/shop", Some(Path::new("/"))), "/srv/shop");
    }
}
