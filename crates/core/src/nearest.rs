//! "Did you mean …?": the known name that a typo is nearest to.

use crate::order::set;

/// The candidate with the fewest typos from `word` (a character too many, missing or wrong, or two swapped), if those are
/// at most a third of its length (and at least one may be there). Upper and lower case are no difference.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|&(typos, _)| typos <= allowed)
        .min_by_key(|&(typos, _)| typos)
        .map(|(_, candidate)| candidate)
}

/// Whether `typed` is surely a slip of the hand for `meant`: another case, or one letter doubled, lost beside its twin, or
/// swapped. `api2` and `app` are names of their own beside `api`.
#[must_use]
pub fn is_slip(typed: &str, meant: &str) -> bool {
    let (typed, meant) = (typed.to_lowercase(), meant.to_lowercase());
    let letters = |word: &str| set(word.chars());
    strsim::osa_distance(&typed, &meant) <= 1 && letters(&typed) == letters(&meant)
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
            ("DEV", "dev"),
            ("listenPort", "listen_port"),
        ] {
            assert_eq!(nearest(typo, known), Some(meant), "{typo}");
        }
        for nonsense in ["", "x", "zzzzzz", "web", "vdeo", "trop", "ved", "bookstory"] {
            assert_eq!(nearest(nonsense, known), None, "{nonsense}");
        }
    }

    #[test]
    fn a_slip_has_the_same_letters() {
        for typo in ["Dev", "DEV", "devv", "dve", "ddev"] {
            assert!(is_slip(typo, "dev"), "{typo}");
        }
        assert!(is_slip("storyboook", "storybook") && is_slip("storybok", "storybook"));
        for (other, known) in
            [("api2", "api"), ("app", "api"), ("de", "dev"), ("devs", "dev"), ("vde", "dev")]
        {
            assert!(!is_slip(other, known), "{other}");
        }
    }
}
