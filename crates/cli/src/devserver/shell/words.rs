//! The tokens of a text: words with their quotes and expansions, operators, redirections and here-documents.

use super::parser::Parser;
use super::script::{Unreachable, Word};

/// The operators; of two that begin alike the longer one comes first.
const OPERATORS: [&str; 24] = [
    "\n", "&&", "&>>", "&>", "&", "||", "|&", "|", ";;&", ";;", ";&", ";", "(", ")", "<<<", "<<-", "<<",
    "<&", "<>", "<", ">>", ">&", ">|", ">",
];

/// A here-document whose text begins on the next line.
pub(super) struct Document {
    delimiter: String,
    /// Leading tabs before its delimiter are ignored.
    tabs: bool,
    /// A line that ends with a backslash continues on the next one, since the delimiter is not quoted.
    joins: bool,
}

/// Where a token is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    Commands,
    /// Between `[[` and `]]`, where operators are letters of words.
    Tests,
}

impl Parser<'_> {
    /// Goes to the next token that does not belong to a redirection.
    pub(super) fn advance(&mut self) {
        let (mut redirection, mut is_redirected) = (None, false);
        loop {
            self.token(Among::Commands);
            self.is_redirected = is_redirected;
            match (&self.word, redirection.take()) {
                (Some(word), Some(operator @ ("<<" | "<<-"))) => self.awaited.push(Document {
                    delimiter: word.text.clone(),
                    tabs: operator == "<<-",
                    joins: !self.token.contains(['\'', '"', '\\']),
                }),
                (Some(_), Some(_)) => {}
                // In `2>` the digit belongs to the redirection.
                (Some(_), None)
                    if self.cursor.rest().starts_with(['<', '>'])
                        && self.token.bytes().all(|byte| byte.is_ascii_digit()) => {}
                (None, _) if self.token.contains(['<', '>']) => {
                    self.stop(Unreachable::Redirection);
                    (redirection, is_redirected) = (Some(self.token), true);
                }
                (_, None) | (None, Some(_)) => return,
            }
        }
    }

    /// Goes to the next token.
    pub(super) fn token(&mut self, among: Among) {
        self.blanks();
        let (from, rest) = (self.cursor.at, self.cursor.rest());
        if rest.is_empty() && matches!(self.token, "\n" | ";" | "&&" | "||") {
            self.stop(Unreachable::Ends);
        }
        let mut operators = OPERATORS.iter().filter(|one| among == Among::Commands || **one == "\n");
        let operator = operators.find(|one| rest.starts_with(**one) && !is_substitution(rest));
        self.word = None;
        match operator {
            Some(operator) => {
                self.token = operator;
                self.cursor.accept(operator);
                if *operator == "\n" {
                    self.skip_documents();
                }
            }
            None if rest.is_empty() => self.token = rest,
            None => {
                self.word = Some(self.read_word(among));
                self.token = self.cursor.since(from);
            }
        }
    }

    /// Skips blanks, joined lines and comments.
    fn blanks(&mut self) {
        loop {
            self.cursor.skip(|letter| matches!(letter, ' ' | '\t' | '\r'));
            if self.cursor.rest().starts_with('#') {
                self.stop(Unreachable::Comment);
                self.cursor.skip(|letter| letter != '\n');
            } else if !self.cursor.accept("\\\n") {
                return;
            }
        }
    }

    /// Skips the text of here-documents.
    fn skip_documents(&mut self) {
        for Document { delimiter, tabs, joins } in std::mem::take(&mut self.awaited) {
            let mut line = String::new();
            while !self.cursor.rest().is_empty() {
                line.push_str(self.cursor.line());
                let backslashes = line.len() - line.trim_end_matches('\\').len();
                if joins && backslashes % 2 == 1 {
                    line.pop();
                    continue;
                }
                if delimiter == if tabs { line.trim_start_matches('\t') } else { &line } {
                    break;
                }
                line.clear();
            }
        }
    }

    fn read_word(&mut self, among: Among) -> Word {
        let mut word = Word { at: self.cursor.at, ..Word::default() };
        // The parentheses of a pattern that are open: in them, operators and blanks are letters.
        let mut open = 0_usize;
        while let Some(letter) = self.cursor.rest().chars().next() {
            if open == 0 && self.ends_word(letter, &word, among) {
                break;
            }
            self.cursor.next();
            match letter {
                '\'' => self.literal(&mut word),
                '"' => self.quoted(&mut word),
                '`' => self.backticks(&mut word),
                '\\' => word.text.extend(self.cursor.next().filter(|next| *next != '\n')),
                '$' if self.cursor.accept("'") => self.escaped(&mut word),
                '$' => self.dollar(&mut word),
                _ if among == Among::Tests => word.text.push(letter),
                '<' | '>' if self.cursor.accept("(") => self.substitution(&mut word),
                '(' if word.text.ends_with('=') => self.array(&mut word),
                '(' | ')' => {
                    open = if letter == '(' { open + 1 } else { open - 1 };
                    word.expanded = true;
                    word.text.push(letter);
                }
                other => word.text.push(other),
            }
        }
        if open > 0 {
            self.fail(Unreachable::Brackets);
        }
        word
    }

    /// Whether `letter`, the next one, is not part of `word`.
    fn ends_word(&self, letter: char, word: &Word, among: Among) -> bool {
        let rest = self.cursor.rest();
        match letter {
            ' ' | '\t' | '\r' | '\n' => true,
            _ if among == Among::Tests => {
                let is_operator = [")", "&&", "||"].iter().any(|operator| word.text.ends_with(operator));
                let is_over = word.text == "]]" && matches!(letter, ';' | '&' | '|' | '(' | ')' | '<' | '>');
                is_over || is_operator && rest.starts_with("]]")
            }
            ';' | '&' | '|' | ')' => true,
            '<' | '>' => !is_substitution(rest),
            // Not of an array or a pattern: `a=(b)`, `*.@(js|ts)`.
            '(' => word.text == "!" || !word.text.ends_with(['=', '?', '*', '+', '@', '!']),
            _ => false,
        }
    }

    /// The rest of `=(…)`, which does not count as text.
    fn array(&mut self, word: &mut Word) {
        word.expanded = true;
        self.deeper(|parser| {
            parser.token(Among::Commands);
            parser.skip_parentheses();
        });
    }

    /// Skips tokens up to the parenthesis that closes one before the current token.
    pub(super) fn skip_parentheses(&mut self) {
        let mut open = 1;
        loop {
            match self.token {
                "(" => open += 1,
                ")" => open -= 1,
                "" => self.fail(Unreachable::Brackets),
                _ => {}
            }
            if open == 0 || self.token.is_empty() {
                return;
            }
            self.token(Among::Commands);
        }
    }
}

/// `<(…)`
fn is_substitution(text: &str) -> bool {
    text.starts_with("<(") || text.starts_with(">(")
}
