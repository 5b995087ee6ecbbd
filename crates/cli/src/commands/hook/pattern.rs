//! The patterns that `pkill` and `grep` are given, as far as they are plain: letters, `.`, `*`, `+`, `?`, `[…]`, `^`, `$`, `|`.

/// Stands in a text for something that is not known, of any length. Only `.*` is sure to go over it.
pub(super) const UNKNOWN: char = '\0';

/// Nobody types more than this; it bounds the work.
const MOST_PIECES: usize = 256;

/// A pattern: one of these must match.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Branch>);

#[derive(Debug, PartialEq, Eq)]
struct Branch {
    from_start: bool,
    to_end: bool,
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
struct Piece {
    one: One,
    times: Times,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    OnceOrNever,
    AnyNumber,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum One {
    Any,
    Letter(char),
    Among { negated: bool, ranges: Vec<(char, char)> },
}

/// How much of a text is to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    AsItSays,
    Whole,
}

impl Pattern {
    /// An extended expression; none if there is more in it than this understands.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let branches: Vec<Branch> = text.split('|').map(branch).collect::<Option<_>>()?;
        // An empty one would mean everybody.
        let says_something = branches.iter().all(|branch| !branch.pieces.is_empty());
        let pieces: usize = branches.iter().map(|branch| branch.pieces.len()).sum();
        (says_something && pieces <= MOST_PIECES).then_some(Self(branches))
    }

    /// Whether it says where in a line it stands.
    pub(super) fn is_anchored(&self) -> bool {
        self.0.iter().any(|branch| branch.from_start || branch.to_end)
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        self.0.iter().any(|branch| branch.goes(text, Extent::AsItSays))
    }

    pub(super) fn is_whole(&self, text: &str) -> bool {
        self.0.iter().any(|branch| branch.goes(text, Extent::Whole))
    }
}

impl Branch {
    /// Goes through `text` once, with every place in the pattern that it may have come to, so the time is the product of
    /// both lengths whatever the pattern is.
    fn goes(&self, text: &str, extent: Extent) -> bool {
        let from_start = self.from_start || extent == Extent::Whole;
        let to_end = self.to_end || extent == Extent::Whole;
        let end = self.pieces.len();
        let mut places = vec![false; end + 1];
        places[0] = true;
        let mut letters = text.chars();
        loop {
            for (at, piece) in self.pieces.iter().enumerate() {
                places[at + 1] |= places[at] && piece.times != Times::Once;
            }
            if places[end] && !to_end {
                return true;
            }
            let Some(letter) = letters.next() else { return places[end] };
            let mut next = vec![false; end + 1];
            next[0] = !from_start;
            for (at, piece) in self.pieces.iter().enumerate() {
                if places[at] && piece.fits(letter) {
                    next[if piece.times == Times::AnyNumber { at } else { at + 1 }] = true;
                }
            }
            places = next;
        }
    }
}

impl Piece {
    fn fits(&self, letter: char) -> bool {
        match &self.one {
            One::Any => letter != UNKNOWN || self.times == Times::AnyNumber,
            One::Letter(one) => *one == letter && letter != UNKNOWN,
            One::Among { negated, ranges } => {
                letter != UNKNOWN
                    && ranges.iter().any(|(from, to)| (from..=to).contains(&&letter)) != *negated
            }
        }
    }
}

fn branch(text: &str) -> Option<Branch> {
    let from_start = text.starts_with('^');
    let mut letters = text.trim_start_matches('^').chars().peekable();
    let (mut pieces, mut to_end): (Vec<Piece>, bool) = (Vec::new(), false);
    while let Some(letter) = letters.next() {
        let one = match letter {
            '$' if letters.peek().is_none() => {
                to_end = true;
                continue;
            }
            '.' => One::Any,
            '[' => among(&mut letters)?,
            // Behind a backslash, letters and these four are places and not themselves.
            '\\' => One::Letter(
                letters
                    .next()
                    .filter(|next| !next.is_alphanumeric() && !matches!(next, '<' | '>' | '`' | '\''))?,
            ),
            '*' | '+' | '?' => {
                let piece = pieces.last_mut().filter(|piece| piece.times == Times::Once)?;
                match letter {
                    '*' => piece.times = Times::AnyNumber,
                    '?' => piece.times = Times::OnceOrNever,
                    _ => {
                        let one = piece.one.clone();
                        pieces.push(Piece { one, times: Times::AnyNumber });
                    }
                }
                continue;
            }
            '(' | ')' | '{' | '}' | '^' | '$' => return None,
            other => One::Letter(other),
        };
        pieces.push(Piece { one, times: Times::Once });
    }
    Some(Branch { from_start, to_end, pieces })
}

fn among(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<One> {
    let negated = letters.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let from = letters.next()?;
        match from {
            ']' if !ranges.is_empty() => return Some(One::Among { negated, ranges }),
            '[' | '\\' => return None,
            _ => {}
        }
        let to =
            if letters.next_if_eq(&'-').is_some() { letters.next().filter(|to| *to != ']')? } else { from };
        ranges.push((from, to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(pattern: &str, text: &str) -> Option<bool> {
        Pattern::parse(pattern).map(|pattern| pattern.is_in(text))
    }

    #[test]
    fn plain_patterns_are_found_where_they_are() {
        for (pattern, text, expected) in [
            ("node", "node", true),
            ("node", "nodemon", true),
            ("^node$", "nodemon", false),
            ("[n]ode", "node", true),
            ("next.*dev", "/usr/bin/node next dev", true),
            ("next-server", "next-server (v15)", true),
            ("vite|webpack", "webpack", true),
            ("a+b?c", "bc", false),
            ("x.*y.+z", "xyaz", true),
            ("x.*y.+z", "xyz", false),
            ("node$", "node x", false),
            ("a+b?c", "aac", true),
            ("[^a-m]ode", "mode", false),
            ("http\\.server", "httpXserver", false),
        ] {
            assert_eq!(is_in(pattern, text), Some(expected), "{pattern} {text}");
        }
        assert!(Pattern::parse("node").unwrap().is_whole("node"));
        assert!(!Pattern::parse("node").unwrap().is_whole("nodemon"));
    }

    #[test]
    fn what_is_not_understood_is_no_pattern() {
        for pattern in ["(a)", "a{2}", "\\bnode", "", "a|", "[", "[]", "*a", "a$b", "\\<a", "a+*"] {
            assert_eq!(Pattern::parse(pattern), None, "{pattern}");
        }
        assert_eq!(Pattern::parse(&"a".repeat(1000)), None);
    }

    #[test]
    fn what_is_unknown_is_matched_by_nothing_but_whatever_there_is() {
        let text = format!("a{UNKNOWN}b");
        for (pattern, expected) in
            [("a.*b", true), ("ab", false), ("a.b", false), ("a[^x]b", false), ("a.+b", false), ("b", true)]
        {
            assert_eq!(is_in(pattern, &text), Some(expected), "{pattern}");
        }
    }

    /// With a matcher that tries one way after the other this takes longer than anybody has.
    #[test]
    fn a_pattern_with_many_ways_to_match_is_read_through_once() {
        let text = "a".repeat(4096);
        assert_eq!(is_in(&"a*".repeat(100), &text), Some(true));
        assert_eq!(is_in(&format!("{}b", "a*".repeat(100)), &text), Some(false));
        assert_eq!(is_in(&format!("{}b", ".*a".repeat(80)), &text), Some(false));
    }
}
