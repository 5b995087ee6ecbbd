//! What changes in a text, as `diff -u` shows it.

/// Lines of the text around a change.
const AROUND: usize = 3;

/// With more lines added and taken out than this, what changes is shown as a whole: finding the fewest takes its square.
const MOST: usize = 2000;

/// The change from `before` to `after`.
pub(super) fn unified(name: &str, before: &str, after: &str) -> String {
    let (old, new) = (lines(before), lines(after));
    let same = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let rest = old.len().min(new.len()) - same;
    let end =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    let first = same.saturating_sub(AROUND);
    let mut marked: Vec<(char, &str)> = old[first..same].iter().map(|line| (' ', *line)).collect();
    marked.extend(changes(&old[same..old.len() - end], &new[same..new.len() - end]));
    marked.extend(old[old.len() - end..].iter().take(AROUND).map(|line| (' ', *line)));

    let mut out = format!("--- {name}\n+++ {name}\n");
    let (mut old_at, mut new_at, mut at) = (first, first, 0);
    let is_change = |(mark, _): &(char, &str)| *mark != ' ';
    while let Some(next) = marked[at..].iter().position(is_change) {
        let skipped = next.saturating_sub(AROUND);
        (old_at, new_at, at) = (old_at + skipped, new_at + skipped, at + skipped);
        // Up to where nothing changes for longer than the lines around two changes.
        let mut until = at;
        while let Some(more) =
            marked[until..].iter().take(2 * AROUND + 1).rposition(is_change).map(|last| until + last + 1)
        {
            until = more;
        }
        let hunk = &marked[at..marked.len().min(until + AROUND)];
        let count = |but: char| hunk.iter().filter(|(mark, _)| *mark != but).count();
        let (old_count, new_count) = (count('+'), count('-'));
        let start = |at: usize, lines: usize| if lines == 0 { at } else { at + 1 };
        let (old_start, new_start) = (start(old_at, old_count), start(new_at, new_count));
        let head = format!("@@ -{old_start},{old_count} +{new_start},{new_count} @@\n");
        out.push_str(&head);
        for (mark, text) in hunk {
            line(&mut out, *mark, text);
        }
        (old_at, new_at, at) = (old_at + old_count, new_at + new_count, at + hunk.len());
    }
    out
}

fn line(out: &mut String, mark: char, text: &str) {
    out.push(mark);
    out.push_str(text.trim_end_matches(['\n', '\r']));
    out.push('\n');
    if !text.ends_with(['\n', '\r']) {
        out.push_str("\\ No newline at end of file\n");
    }
}

/// The lines with their ends, of whatever kind.
fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = match rest.find(['\n', '\r']) {
            Some(at) if rest[at..].starts_with("\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let (line, more) = rest.split_at(end);
        lines.push(line);
        rest = more;
    }
    lines
}

/// Lines of both, marked: ` ` in both, `-` in the old, `+` in the new; as few as can be that are not in both.
fn changes<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(char, &'t str)> {
    let mut search = Search { old, new, rows: Vec::new() };
    for _ in 0..=MOST {
        if let Some(added) = search.advance() {
            return search.way(added);
        }
    }
    let (old, new) = (old.iter().map(|line| ('-', *line)), new.iter().map(|line| ('+', *line)));
    old.chain(new).collect()
}

/// Myers' greedy algorithm: texts are long at times, changes are short.
struct Search<'s, 't> {
    old: &'s [&'t str],
    new: &'s [&'t str],
    /// For each number of changes, and of additions among them: how many lines of the old text can be behind one.
    rows: Vec<Vec<Option<usize>>>,
}

impl<'t> Search<'_, 't> {
    /// How many lines of the new text are behind one then.
    fn new_lines(&self, old_lines: usize, changes: usize, added: usize) -> Option<usize> {
        let lines = (old_lines + 2 * added).checked_sub(changes)?;
        (old_lines <= self.old.len() && lines <= self.new.len()).then_some(lines)
    }

    /// Where one is right after the last of so many changes, and which it was.
    fn changed(&self, changes: usize, added: usize) -> Option<(usize, char)> {
        let Some(row) = changes.checked_sub(1).map(|before| &self.rows[before]) else {
            return Some((0, ' '));
        };
        let within = |at: &usize| self.new_lines(*at, changes, added).is_some();
        let taken = row.get(added).copied().flatten().map(|at| at + 1).filter(within);
        let put = added.checked_sub(1).and_then(|added| row[added]).filter(within);
        if put > taken { put.map(|at| (at, '+')) } else { taken.map(|at| (at, '-')) }
    }

    /// Allows for one change more. Gives the number of additions if both texts are at their ends then.
    fn advance(&mut self) -> Option<usize> {
        let changes = self.rows.len();
        let row = (0..=changes).map(|added| {
            let (at, _) = self.changed(changes, added)?;
            let new_at = self.new_lines(at, changes, added)?;
            let same = self.old[at..].iter().zip(&self.new[new_at..]).take_while(|(one, other)| one == other);
            Some(at + same.count())
        });
        self.rows.push(row.collect());
        let ends = |added: &usize| {
            self.rows[changes][*added] == Some(self.old.len())
                && self.new_lines(self.old.len(), changes, *added) == Some(self.new.len())
        };
        (0..=changes).find(ends)
    }

    /// The lines on the way to the ends, with `added` additions.
    fn way(&self, mut added: usize) -> Vec<(char, &'t str)> {
        let mut way = Vec::new();
        let mut at = self.old.len();
        for changes in (0..self.rows.len()).rev() {
            let Some((from, mark)) = self.changed(changes, added) else { return way };
            way.extend(self.old[from..at].iter().rev().map(|line| (' ', *line)));
            let new_at = self.new_lines(from, changes, added).unwrap_or_default();
            match mark {
                '-' => way.push((mark, self.old[from - 1])),
                '+' => way.push((mark, self.new[new_at - 1])),
                _ => {}
            }
            at = from - usize::from(mark == '-');
            added -= usize::from(mark == '+');
        }
        way.reverse();
        // What goes is shown before what comes in its place.
        let is_same = |one: &(char, _), other: &(char, _)| (one.0 == ' ') == (other.0 == ' ');
        way.chunk_by_mut(is_same).for_each(|chunk| chunk.sort_by_key(|(mark, _)| *mark == '+'));
        way
    }
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
        assert_eq!(unified("f", "a\rb\r\n", "a\r"), "--- f\n+++ f\n@@ -1,2 +1,1 @@\n a\n-b\n");
    }

    #[test]
    fn changes_far_apart_are_shown_apart() {
        let lines =
            |range: std::ops::Range<usize>| range.map(|at| format!("{at}\n")).collect::<Vec<_>>().concat();
        let before = lines(0..40_000);
        let after = format!("x\n{}y\n{}", lines(0..20_000), lines(20_001..39_999));
        let expected = "--- f\n+++ f\n@@ -1,3 +1,4 @@\n+x\n 0\n 1\n 2\n\
            @@ -19998,7 +19999,7 @@\n 19997\n 19998\n 19999\n-20000\n+y\n 20001\n 20002\n 20003\n\
            @@ -39997,4 +39998,3 @@\n 39996\n 39997\n 39998\n-39999\n";
        assert_eq!(unified("f", &before, &after), expected);
    }

    #[test]
    fn a_text_with_nothing_in_common_is_shown_as_a_whole() {
        let lines = |mark: char| format!("{mark}\n").repeat(MOST);
        let shown = unified("f", &lines('a'), &lines('b'));
        assert_eq!(shown.lines().count(), 3 + 2 * MOST);
    }
}
