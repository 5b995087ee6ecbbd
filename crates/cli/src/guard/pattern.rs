//! The patterns of `pkill` and `grep`, as far as they are simple: letters, `.`, `*`, `+`, `?`, `[…]`, `^`, `$`, `|`, `(…|…)`.

/// Stands in a text for something unknown of any length. Only `.*` matches it for certain.
pub(super) const UNKNOWN: char = '\0';

/// Longer patterns are not typed; this bounds the work.
const MOST_PIECES: usize = 256;
/// The same for alternatives.
const MOST_BRANCHES: usize = 64;

/// A pattern: one of these alternatives must match.
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

/// How much of a text has to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    AsItSays,
    Whole,
}

impl Pattern {
    /// Reads an extended regular expression; none if it contains anything that is not supported here.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MOST_PIECES {
            return None;
        }
        let branches: Vec<Branch> =
            without_groups(text)?.iter().map(|text| branch(text)).collect::<Option<_>>()?;
        // An empty alternative would match everything.
        let says_something = branches.iter().all(|branch| !branch.pieces.is_empty());
        let pieces: usize = branches.iter().map(|branch| branch.pieces.len()).sum();
        (says_something && pieces <= MOST_PIECES).then_some(Self(branches))
    }

    /// Whether it has an anchor.
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
    /// Goes through `text` once, with every position in the pattern that can be reached, so the time is the product of both
    /// lengths for any pattern.
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

/// The expression as alternatives without groups: `a(b|c)` is `ab` or `ac`.
fn without_groups(text: &str) -> Option<Vec<String>> {
    let marks = marks(text)?;
    let (mut depth, mut group) = (0_usize, None);
    for (at, mark) in &marks {
        match mark {
            '(' => depth += 1,
            ')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 && group.is_none() {
                    group = Some((marks.first()?.0, *at));
                }
            }
            _ if depth == 0 => {
                let mut all = without_groups(&text[..*at])?;
                all.extend(without_groups(&text[at + 1..])?);
                return (all.len() <= MOST_BRANCHES).then_some(all);
            }
            _ => {}
        }
    }
    let Some((start, end)) = group.filter(|_| depth == 0) else {
        return (depth == 0).then(|| vec![text.to_owned()]);
    };
    let repeats = |text: &str| text.starts_with(['*', '+', '?', '{']);
    let behind = &text[end + 1..];
    // Repeated groups are not supported.
    if repeats(behind) {
        return None;
    }
    let behind = without_groups(behind)?;
    let mut all = Vec::new();
    for one in without_groups(&text[start + 1..end])? {
        if one.is_empty() || repeats(&one) {
            return None;
        }
        all.extend(behind.iter().map(|behind| format!("{}{one}{behind}", &text[..start])));
    }
    (all.len() <= MOST_BRANCHES).then_some(all)
}

/// The positions of `(`, `|` and `)` that are operators: not after a backslash and not in square brackets.
fn marks(text: &str) -> Option<Vec<(usize, char)>> {
    let mut found = Vec::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()?),
            '[' => {
                letters.next_if(|(_, next)| *next == '^');
                // The first character is literal, even if it is a bracket.
                letters.next()?;
                letters.find(|(_, next)| *next == ']')?;
            }
            '(' | '|' | ')' => found.push((at, letter)),
            _ => {}
        }
    }
    Some(found)
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
            // After a backslash, letters and these four have a special meaning.
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
    fn simple_patterns_match() {
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
            ("(http.server|vite)", "python3 -m http.server", true),
            ("(http.server|vite)", "node vite", true),
            ("(http.server|vite)", "next", false),
            ("^(node|vite)$", "vite", true),
            ("^(node|vite)$", "vitest", false),
            ("a(b|c(d|e))f|g", "acef", true),
            ("a(b|c(d|e))f|g", "acf", false),
            ("a(b|c)(d|e)", "xacd", true),
            ("(^|/)node", "/usr/bin/node", true),
            ("(^|/)node", "mynode", false),
            ("\\(v15\\)", "next-server (v15)", true),
            ("[(|]x", "(x", true),
        ] {
            assert_eq!(is_in(pattern, text), Some(expected), "{pattern} {text}");
        }
        assert!(Pattern::parse("node").unwrap().is_whole("node"));
        assert!(!Pattern::parse("node").unwrap().is_whole("nodemon"));
    }

    #[test]
    fn an_unsupported_pattern_is_refused() {
        for pattern in [
            "(a)*", "(a|b)+", "(a|)", "()", "(a", "a)", "(*a)", "x(^a)", "(a$)x", "a{2}", "\\bnode", "",
            "a|", "[", "[]", "*a", "a$b", "\\<a", "a+*",
        ] {
            assert_eq!(Pattern::parse(pattern), None, "{pattern}");
        }
        for long in ["a", "(a|b)", "(a)", "(", "a|", "((a|b)c|d)"] {
            assert_eq!(Pattern::parse(&long.repeat(1000)), None, "{long}");
            assert_eq!(Pattern::parse(&long.repeat(40)).is_some(), matches!(long, "a" | "(a)"), "{long}");
        }
    }

    #[test]
    fn only_any_number_of_anything_matches_the_unknown() {
        let text = format!("a{UNKNOWN}b");
        for (pattern, expected) in
            [("a.*b", true), ("ab", false), ("a.b", false), ("a[^x]b", false), ("a.+b", false), ("b", true)]
        {
            assert_eq!(is_in(pattern, &text), Some(expected), "{pattern}");
        }
    }

    /// A backtracking matcher would take practically forever.
    #[test]
    fn a_pattern_that_can_match_in_many_ways_takes_one_pass() {
        let text = "a".repeat(4096);
        assert_eq!(is_in(&"a*".repeat(100), &text), Some(true));
        assert_eq!(is_in(&format!("{}b", "a*".repeat(100)), &text), Some(false));
        assert_eq!(is_in(&format!("{}b", ".*a".repeat(80)), &text), Some(false));
    }
}
