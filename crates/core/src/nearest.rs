//! "Did you mean …?": the known name that a typo is nearest to.

/// The candidate with the fewest typos from `word` (a character too many, missing or wrong, or two swapped), if those are
/// at most a third of its length (and at least one may be there).
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|&(typos, _)| typos <= allowed)
        .min_by_key(|&(typos, _)| typos)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_name_and_nonsense_finds_none() {
        let known = ["dev", "api", "storybook", "listen_port", "port", "name", "env"];
        for (typo, meant) in [
            ("storyboook", "storybook"),
            ("listenport", "listen_port"),
            ("listne_prot", "listen_port"),
            ("de", "dev"),
            ("dve", "dev"),
            ("prot", "port"),
            ("prt", "port"),
            ("naem", "name"),
        ] {
            assert_eq!(nearest(typo, known), Some(meant), "{typo}");
        }
        for nonsense in ["", "x", "zzzzzz", "web", "vdeo", "trop", "ved", "bookstory"] {
            assert_eq!(nearest(nonsense, known), None, "{nonsense}");
        }
    }
}
