//! What changes in a settings file, as `diff -u` shows it; `patch` can apply it.

use std::borrow::Cow;

use diffy::{DiffOptions, PatchFormatter};

/// The change from `before` to `after`.
pub(super) fn unified(name: &str, before: &str, after: &str) -> String {
    let (before, after) = (line_by_line(before), line_by_line(after));
    let patch = DiffOptions::new()
        .set_original_filename(name.to_owned())
        .set_modified_filename(name.to_owned())
        .create_patch(&before, &after);
    PatchFormatter::new().suppress_blank_empty(false).fmt_patch(&patch).to_string()
}

/// A text whose lines end in carriage returns alone would be a single line, which a terminal writes over itself.
fn line_by_line(text: &str) -> Cow<'_, str> {
    if text.contains('\n') { text.into() } else { text.replace('\r', "\n").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        let expected =
            "--- f\n+++ f\n@@ -2,6 +2,7 @@\n b\n \n d\n-e\n+E\n+x\n f\n g\n\\ No newline at end of file\n";
        assert_eq!(unified("f", "a\nb\n\nd\ne\nf\ng", "a\nb\n\nd\nE\nx\nf\ng"), expected);
        assert_eq!(unified("f", "", "a\n"), "--- f\n+++ f\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(unified("f", "a\rb\r", "a\r"), "--- f\n+++ f\n@@ -1,2 +1 @@\n a\n-b\n");
    }

    #[test]
    fn a_line_of_which_only_the_end_changes_is_shown_with_both_ends() {
        assert_eq!(unified("f", "a\r\nb\r\n", "a\nb\r\n"), "--- f\n+++ f\n@@ -1,2 +1,2 @@\n-a\r\n+a\n b\r\n");
    }

    #[test]
    fn patch_can_apply_what_is_shown_whatever_the_line_ends_are() {
        let (before, after) = ("{\n  \"a\": 1\n}\n", "{\n  \"a\": 1,\n  \"b\": 2\n}");
        for end in ["\n", "\r\n"] {
            let [before, after] = [before, after].map(|text| text.replace('\n', end));
            let shown = unified("f", &before, &after);
            let patch = diffy::Patch::from_str(&shown).unwrap();
            assert_eq!(diffy::apply(&before, &patch).unwrap(), after, "{end:?}");
        }
    }
}
