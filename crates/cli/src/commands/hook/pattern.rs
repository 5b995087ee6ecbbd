//! The patterns that `pkill` and `grep` are given, as far as they are plain: letters, `.`, `*`, `+`, `?`, `[…]`, `^`, `$`, `|`.

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
    least: usize,
    most: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum One {
    Any,
    Letter(char),
    Among { negated: bool, ranges: Vec<(char, char)> },
}

impl Pattern {
    /// None if there is more in it than this understands.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // In a basic expression the bar is escaped.
        let text = text.replace("\\|", "|");
        let branches: Vec<Branch> = text.split('|').map(branch).collect::<Option<_>>()?;
        // An empty one would mean everybody.
        branches.iter().all(|branch| !branch.pieces.is_empty()).then_some(Self(branches))
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        let letters: Vec<char> = text.chars().collect();
        self.0.iter().any(|branch| {
            let last = if branch.from_start { 0 } else { letters.len() };
            (0..=last).any(|start| goes(&branch.pieces, &letters[start..], branch.to_end))
        })
    }

    pub(super) fn is_whole(&self, text: &str) -> bool {
        let letters: Vec<char> = text.chars().collect();
        self.0.iter().any(|branch| goes(&branch.pieces, &letters, true))
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
            '\\' => One::Letter(letters.next().filter(|next| !next.is_alphanumeric())?),
            '*' | '+' | '?' => {
                let piece = pieces.last_mut()?;
                piece.least = usize::from(letter == '+');
                piece.most = if letter == '?' { 1 } else { usize::MAX };
                continue;
            }
            '(' | ')' | '{' | '}' | '^' | '$' => return None,
            other => One::Letter(other),
        };
        pieces.push(Piece { one, least: 1, most: 1 });
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

fn goes(pieces: &[Piece], text: &[char], to_end: bool) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return !to_end || text.is_empty() };
    let fits = |letter: &char| match &piece.one {
        One::Any => true,
        One::Letter(one) => one == letter,
        One::Among { negated, ranges } => {
            ranges.iter().any(|(from, to)| (from..=to).contains(&letter)) != *negated
        }
    };
    let longest = text.iter().take(piece.most).take_while(|letter| fits(letter)).count();
    (piece.least..=longest).rev().any(|taken| goes(rest, &text[taken..], to_end))
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
            ("vite\\|webpack", "webpack", true),
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
        for pattern in ["(a)", "a{2}", "\\bnode", "", "a|", "[", "[]", "*a", "a$b"] {
            assert_eq!(Pattern::parse(pattern), None, "{pattern}");
        }
    }
}
