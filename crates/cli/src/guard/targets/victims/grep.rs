//! What a `grep` in a pipeline was asked, and the extended expression that its pattern means.

use super::super::names::Case;

/// What a `grep` was asked.
pub(super) struct Grep<'t> {
    pub(super) pattern: &'t str,
    pub(super) syntax: Syntax,
    pub(super) case: Case,
    pub(super) inverted: bool,
    pub(super) only: bool,
    pub(super) whole_words: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Basic,
    Extended,
    /// What it has beyond the extended one is not understood.
    Perl,
    Fixed,
}

impl<'t> Grep<'t> {
    /// What a `grep -E` of nothing but `pattern` is asked.
    pub(super) fn extended_for(pattern: &'t str) -> Self {
        let (syntax, case) = (Syntax::Extended, Case::Counts);
        Self { pattern, syntax, case, inverted: false, only: false, whole_words: false }
    }

    /// None for what reads files, counts, or says nothing.
    pub(super) fn of(tool: &str, texts: &[&'t str]) -> Option<Self> {
        let mut asked = Self::extended_for("");
        asked.syntax = match tool {
            "egrep" => Syntax::Extended,
            "fgrep" => Syntax::Fixed,
            _ => Syntax::Basic,
        };
        let mut texts = texts.iter();
        let mut patterns = Vec::new();
        while let Some(text) = texts.next() {
            match *text {
                "--" | "-e" => patterns.push(*texts.next()?),
                "--color=never" | "--line-buffered" => {}
                flags if flags.len() > 1 && flags.starts_with('-') => {
                    for flag in flags[1..].chars() {
                        match flag {
                            'E' => asked.syntax = Syntax::Extended,
                            'P' => asked.syntax = Syntax::Perl,
                            'F' => asked.syntax = Syntax::Fixed,
                            'i' => asked.case = Case::Ignored,
                            'v' => asked.inverted = true,
                            'o' => asked.only = true,
                            'w' => asked.whole_words = true,
                            'a' | 's' => {}
                            _ => return None,
                        }
                    }
                }
                pattern => patterns.push(pattern),
            }
        }
        let [pattern] = patterns[..] else { return None };
        let says_nothing = pattern.is_empty() || asked.inverted && asked.only;
        (!says_nothing).then_some(Self { pattern, ..asked })
    }

    /// The extended expression that means the same.
    pub(super) fn extended(&self) -> Option<String> {
        let mut text = String::new();
        let mut letters = self.pattern.chars();
        while let Some(letter) = letters.next() {
            match (self.syntax, letter) {
                (Syntax::Basic, '\\') => match letters.next()? {
                    special @ ('|' | '+' | '?' | '(' | ')' | '{' | '}') => text.push(special),
                    other => text.extend(['\\', other]),
                },
                (Syntax::Basic, '|' | '+' | '?' | '(' | ')' | '{' | '}') => text.extend(['\\', letter]),
                (Syntax::Fixed, _) if !letter.is_alphanumeric() && !letter.is_whitespace() => {
                    text.extend(['\\', letter]);
                }
                (Syntax::Basic | Syntax::Extended | Syntax::Perl | Syntax::Fixed, _) => text.push(letter),
            }
        }
        Some(text)
    }
}
