//! How wide a text is at a terminal, and as much of it as fits.

use std::path::{Component, Path};

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What stands for what was cut.
pub(crate) const CUT: &str = "…";

/// How many columns a terminal may give `text`. Terminals differ for letters that are made of several characters: an emoji
/// with a joiner is two columns wide in some and four in others. The widest counts, so that no line is ever wrapped.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(letter_width).sum()
}

fn letter_width(letter: &str) -> usize {
    let by_character: usize = letter.chars().map(|character| character.width().unwrap_or(0)).sum();
    by_character.max(letter.width())
}

/// `text`, or its beginning and an ellipsis, in at most `room` columns.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut left = room.saturating_sub(width(CUT));
    let fits = |letter: &&str| match left.checked_sub(letter_width(letter)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let mut shown: String = text.graphemes(true).take_while(fits).collect();
    shown.truncate(shown.trim_end().len());
    shown.push_str(CUT);
    shown
}

/// A process, `node (42)`, of which the name is cut; the pid too only if there is no room for it.
pub(crate) fn cut_process(text: &str, room: usize) -> String {
    let is_pid = |end: &str| end.trim_matches([' ', '(', ')']).bytes().all(|byte| byte.is_ascii_digit());
    let split =
        text.rfind(" (").map(|at| text.split_at(at)).filter(|(_, end)| is_pid(end) && width(end) < room);
    split.map_or_else(|| cut(text, room), |(name, end)| cut(name, room - width(end)) + end)
}

/// The end of a path that is wider than `room` columns: its last folders behind an ellipsis, at least a part of the last one.
pub(crate) fn end_of_path(path: &str, room: usize) -> String {
    let count = folders(path).count();
    let shorter = (1..count).rev().map(|last| last_folders(path, last));
    let name = || folders(path).last().map(|name| name.as_os_str().to_string_lossy());
    let part = || {
        let name = name().unwrap_or_else(|| path.into());
        if width(&name) < room { format!("{CUT}{name}") } else { cut(&name, room) }
    };
    shorter.into_iter().find(|path| width(path) <= room).unwrap_or_else(part)
}

fn folders(path: &str) -> impl Iterator<Item = Component<'_>> {
    Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)))
}

/// The last `most` folders of `path`, after an ellipsis if there are more.
fn last_folders(path: &str, most: usize) -> String {
    let count = folders(path).count();
    if count <= most {
        return path.to_owned();
    }
    let last: Vec<_> =
        folders(path).skip(count - most).map(|part| part.as_os_str().to_string_lossy()).collect();
    format!("{CUT}/{}", last.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_cut_as_a_whole() {
        for (text, room, expected) in [
            ("店舗店舗", 6, "店舗…"),
            ("店舗店舗", 5, "店舗…"),
            ("店舗店舗", 4, "店…"),
            ("cafe\u{301}s\u{301}x", 5, "cafe\u{301}…"),
            ("👩\u{200d}💻👩\u{200d}💻", 6, "👩\u{200d}💻…"),
            ("👩\u{200d}💻👩\u{200d}💻", 4, "…"),
            ("❤\u{fe0f}❤\u{fe0f}", 3, "❤\u{fe0f}…"),
            ("a b", 2, "a…"),
        ] {
            assert_eq!(cut(text, room), expected, "{text} in {room}");
        }
    }

    #[test]
    fn a_letter_counts_as_wide_as_any_terminal_shows_it() {
        for (text, columns) in [
            ("abc", 3),
            ("店", 2),
            ("e\u{301}", 1),
            ("🦀", 2),
            ("👩\u{200d}💻", 4),
            ("❤\u{fe0f}", 2),
            ("🇩🇪", 2),
        ] {
            assert_eq!(width(text), columns, "{text}");
        }
    }
}
