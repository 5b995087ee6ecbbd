//! "Did you mean …?": the known name that a typo is nearest to.

/// The candidate with the fewest single-character edits from `word`, if those are at most a third of its length
/// (and at least one may be wrong).
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edits(word, candidate), candidate))
        .filter(|&(edits, _)| edits <= allowed)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
}

/// How many insertions, removals and replacements of one character turn `from` into `to`.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_name_and_nonsense_finds_none() {
        let known = ["dev", "api", "storybook", "listen_port"];
        assert_eq!(nearest("storyboook", known), Some("storybook"));
        assert_eq!(nearest("listenport", known), Some("listen_port"));
        assert_eq!(nearest("dve", known), None);
        assert_eq!(nearest("de", known), Some("dev"));
        assert_eq!(nearest("zzzzzz", known), None);
    }
}
