//! What changes in a text, as `diff -u` shows it.

/// Lines of the text around a change.
const AROUND: usize = 3;

/// The change from `before` to `after`, as one hunk: entries are added in one place, or a few lines apart.
pub(super) fn unified(name: &str, before: &str, after: &str) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let same = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let rest = old.len().min(new.len()) - same;
    let end =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    let first = same.saturating_sub(AROUND);
    let behind = end.min(AROUND);
    let (old_changed, new_changed) = (&old[same..old.len() - end], &new[same..new.len() - end]);
    let context = same - first + behind;
    let start = |lines: usize| if lines == 0 { 0 } else { first + 1 };
    let (old_count, new_count) = (old_changed.len() + context, new_changed.len() + context);
    let mut out = format!(
        "--- {name}\n+++ {name}\n@@ -{},{old_count} +{},{new_count} @@\n",
        start(old_count),
        start(new_count)
    );
    let mut line = |mark: char, text: &str| {
        out.push(mark);
        out.push_str(text.trim_end_matches(['\n', '\r']));
        out.push('\n');
        if !text.ends_with('\n') {
            out.push_str("\\ No newline at end of file\n");
        }
    };
    old[first..same].iter().for_each(|text| line(' ', text));
    for (mark, text) in common(old_changed, new_changed) {
        line(mark, text);
    }
    old[old.len() - end..][..behind].iter().for_each(|text| line(' ', text));
    out
}

/// Lines of both, marked: ` ` in both, `-` in the old, `+` in the new. By the longest common subsequence: texts are short.
fn common<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(char, &'t str)> {
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for one in (0..old.len()).rev() {
        for other in (0..new.len()).rev() {
            longest[one * width + other] = if old[one] == new[other] {
                longest[(one + 1) * width + other + 1] + 1
            } else {
                longest[(one + 1) * width + other].max(longest[one * width + other + 1])
            };
        }
    }
    let (mut one, mut other, mut out) = (0, 0, Vec::new());
    while one < old.len() || other < new.len() {
        if one < old.len() && other < new.len() && old[one] == new[other] {
            out.push((' ', old[one]));
            (one, other) = (one + 1, other + 1);
        } else if one < old.len()
            && (other == new.len() || longest[(one + 1) * width + other] >= longest[one * width + other + 1])
        {
            out.push(('-', old[one]));
            one += 1;
        } else {
            out.push(('+', new[other]));
            other += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        let expected =
            "--- f\n+++ f\n@@ -2,6 +2,7 @@\n b\n c\n d\n-e\n+E\n+x\n f\n g\n\\ No newline at end of file\n";
        assert_eq!(unified("f", "a\nb\nc\nd\ne\nf\ng", "a\nb\nc\nd\nE\nx\nf\ng"), expected);
        assert_eq!(unified("f", "", "a\n"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
    }
}
