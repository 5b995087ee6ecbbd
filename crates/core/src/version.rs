//! Which of two versions is newer.

use std::cmp::Ordering;

/// Compares `theirs` with `ours` by their numbers; a pre-release comes before its release.
#[must_use]
pub fn compare(theirs: &str, ours: &str) -> Ordering {
    key(theirs).cmp(&key(ours))
}

/// Numbers, then whether it is a release, then the pre-release's name.
fn key(version: &str) -> ([u64; 3], bool, &str) {
    let version = version.split('+').next().unwrap_or_default();
    let (numbers, pre_release) = version.split_once('-').unwrap_or((version, ""));
    let mut parts = numbers.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    ([next(), next(), next()], pre_release.is_empty(), pre_release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number_and_a_pre_release_comes_first() {
        let ascending = ["0.1.0-alpha", "0.1.0-rc", "0.1.0", "0.2.0", "0.10.0", "1.0.0"];
        for (index, version) in ascending.iter().enumerate() {
            assert_eq!(compare(version, version), Ordering::Equal);
            for later in &ascending[index + 1..] {
                assert_eq!(compare(later, version), Ordering::Greater, "{later} against {version}");
            }
        }
        assert_eq!(compare("1.0.0+build", "1.0.0"), Ordering::Equal);
    }
}
