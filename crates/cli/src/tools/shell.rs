//! The text of a script or of a command line, read as a shell would split it. Nothing is run or expanded.

use std::iter::Peekable;
use std::str::Chars;

use super::words::Word;

/// A script, split into its simple commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// Its commands, in order; what follows is complete only if `end` is in reach.
    pub(crate) commands: Vec<Simple>,
    /// Whether words appended to the text become arguments of the last command.
    pub(crate) end: Result<(), Unreachable>,
}

/// One command: words, without its redirections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Simple {
    pub(crate) words: Vec<Word>,
    /// What stands between it and the command before.
    pub(crate) after: After,
    /// The subshells it is in, outermost first; each has a number of its own.
    pub(crate) groups: Vec<usize>,
}

/// What stands before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing, `;` or a new line.
    End,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
    /// `&`: all since the last [`After::End`] runs beside this.
    Background,
}

/// Why words at the end of a script do not reach its server, for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreachable {
    Background,
    Pipe,
    Redirection,
    Subshell,
    Control,
    Ends,
    Comment,
    Quotes,
    /// Another command comes behind it.
    NotLast,
}

impl Unreachable {
    /// What the script does, for a sentence.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "puts a command into the background",
            Self::Pipe => "has a pipe",
            Self::Redirection => "has a redirection",
            Self::Subshell => "has a subshell or a substitution",
            Self::Control => "has a compound command",
            Self::Ends => "ends with an operator",
            Self::Comment => "has a comment",
            Self::Quotes => "has a quote that is not closed",
            Self::NotLast => "has another command behind it",
        }
    }
}

/// Reads the text of a script.
pub(crate) fn read(text: &str) -> Script {
    let mut reader = Reader::default();
    reader.all(text);
    reader.finish_word();
    if reader.words.is_empty() {
        reader.stop(Unreachable::Ends);
    }
    reader.finish_command(After::End);
    // What only turns the exit code around keeps no words from what is behind it.
    let first = |command: &Simple| command.words.iter().find(|word| word.text != "!").cloned();
    if reader.commands.last().is_some_and(|last| first(last).is_none()) {
        reader.stop(Unreachable::Ends);
    }
    let starts = |command: &Simple| first(command).is_some_and(|word| is_keyword(&word.text));
    if reader.commands.iter().any(starts) {
        reader.stop(Unreachable::Control);
    }
    Script { commands: reader.commands, end: reader.end.map_or(Ok(()), Err) }
}

/// Whether `word`, as the first one of a command, belongs to the shell's own grammar.
pub(crate) fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "if" | "then"
            | "elif"
            | "else"
            | "fi"
            | "for"
            | "select"
            | "while"
            | "until"
            | "do"
            | "done"
            | "case"
            | "esac"
            | "{"
            | "}"
            | "!"
            | "function"
            | "[["
    )
}

type Letters<'a> = Peekable<Chars<'a>>;

#[derive(Default)]
struct Reader {
    commands: Vec<Simple>,
    words: Vec<Word>,
    word: Option<Word>,
    before: Option<After>,
    groups: Vec<usize>,
    opened: usize,
    /// The next word names a file.
    redirected: bool,
    /// Ends of here-documents whose text begins with the next line, and whether tabs before them do not count.
    awaited: Vec<(String, bool)>,
    /// The next word is such an end.
    here: Option<bool>,
    end: Option<Unreachable>,
}

impl Reader {
    fn all(&mut self, text: &str) {
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                ' ' | '\t' | '\r' => self.finish_word(),
                '\n' => {
                    self.finish_command(After::End);
                    self.skip_documents(&mut letters);
                }
                ';' => self.finish_command(After::End),
                '&' if letters.next_if_eq(&'&').is_some() => self.finish_command(After::And),
                '|' if letters.next_if_eq(&'|').is_some() => self.finish_command(After::Or),
                '&' if letters.peek() == Some(&'>') => self.finish_word(),
                '&' => {
                    self.stop(Unreachable::Background);
                    self.finish_command(After::Background);
                }
                '|' => {
                    letters.next_if_eq(&'&');
                    self.stop(Unreachable::Pipe);
                    self.finish_command(After::Pipe);
                }
                '<' | '>' => self.redirection(letter, &mut letters),
                '(' => {
                    self.stop(Unreachable::Subshell);
                    self.finish_word();
                    if !self.words.is_empty() {
                        // A function, an array: what is inside does not run here and now.
                        self.stop(Unreachable::Control);
                        let _ = nested(&mut letters);
                        continue;
                    }
                    self.opened += 1;
                    self.groups.push(self.opened);
                }
                ')' => {
                    self.stop(Unreachable::Subshell);
                    self.finish_command(After::End);
                    self.groups.pop();
                }
                '`' => self.backticks(&mut letters),
                '#' if self.word.is_none() => {
                    self.stop(Unreachable::Comment);
                    while letters.next_if(|next| *next != '\n').is_some() {}
                }
                '\'' | '"' => self.quoted(&mut letters, letter),
                '\\' => {
                    // A newline after it joins two lines; anything else is itself.
                    if let Some(next) = letters.next().filter(|next| *next != '\n') {
                        self.push(next);
                    }
                }
                '$' => self.dollar(&mut letters),
                other => self.push(other),
            }
        }
    }

    /// What follows a `$`: a variable stays as it is written, a command in `$(…)` is read besides.
    fn dollar(&mut self, letters: &mut Letters<'_>) {
        self.push('$');
        self.expanded();
        if letters.next_if_eq(&'(').is_some() {
            self.stop(Unreachable::Subshell);
            let inner = nested(letters);
            self.substitution(&inner, ['(', ')']);
        } else if letters.next_if_eq(&'{').is_some() {
            self.push('{');
            while let Some(letter) = letters.next_if(|letter| *letter != '}') {
                self.push(letter);
            }
        }
    }

    fn backticks(&mut self, letters: &mut Letters<'_>) {
        self.stop(Unreachable::Subshell);
        let mut inner = String::new();
        while let Some(letter) = letters.next_if(|letter| *letter != '`') {
            inner.push(letter);
        }
        letters.next();
        self.expanded();
        self.substitution(&inner, ['`', '`']);
    }

    fn substitution(&mut self, inner: &str, marks: [char; 2]) {
        let script = read(inner);
        let word = self.word.get_or_insert_default();
        word.inner.push(script);
        word.text.push(marks[0]);
        word.text.push_str(inner);
        word.text.push(marks[1]);
    }

    fn redirection(&mut self, letter: char, letters: &mut Letters<'_>) {
        self.stop(Unreachable::Redirection);
        if letters.peek() == Some(&'(') {
            // `<(…)` runs a command and stands for a file.
            letters.next();
            let inner = nested(letters);
            self.expanded();
            self.substitution(&inner, ['(', ')']);
            return;
        }
        // `2>` redirects; the digit is no word.
        if self.word.as_ref().is_some_and(|word| word.text.bytes().all(|byte| byte.is_ascii_digit())) {
            self.word = None;
        }
        self.finish_word();
        if letter == '<' && letters.next_if_eq(&'<').is_some() {
            if letters.next_if_eq(&'<').is_none() {
                self.here = Some(letters.next_if_eq(&'-').is_some());
                return;
            }
        } else {
            while letters.next_if(|next| matches!(next, '>' | '&' | '|')).is_some() {}
        }
        self.redirected = true;
    }

    /// Leaves out the text of here-documents: it is data.
    fn skip_documents(&mut self, letters: &mut Letters<'_>) {
        for (end, tabs) in std::mem::take(&mut self.awaited) {
            loop {
                let mut line = String::new();
                let mut more = false;
                for letter in letters.by_ref() {
                    if letter == '\n' {
                        more = true;
                        break;
                    }
                    line.push(letter);
                }
                let shown = if tabs { line.trim_start_matches('\t') } else { &line };
                if shown == end || !more {
                    break;
                }
            }
        }
    }

    fn quoted(&mut self, letters: &mut Letters<'_>, quote: char) {
        self.word.get_or_insert_default();
        while let Some(letter) = letters.next() {
            match letter {
                _ if letter == quote => return,
                '\\' if quote == '"' => {
                    if let Some(next) = letters.next() {
                        self.push(next);
                    }
                }
                '$' if quote == '"' => self.dollar(letters),
                '`' if quote == '"' => self.backticks(letters),
                other => self.push(other),
            }
        }
        // No shell runs any of it, whatever else there is.
        self.end = Some(Unreachable::Quotes);
    }

    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().text.push(letter);
    }

    fn expanded(&mut self) {
        self.word.get_or_insert_default().expanded = true;
    }

    fn finish_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if let Some(tabs) = self.here.take() {
            self.awaited.push((word.text, tabs));
        } else if !std::mem::take(&mut self.redirected) {
            self.words.push(word);
        }
    }

    /// Ends a command; `then` is what stands behind it.
    fn finish_command(&mut self, then: After) {
        self.finish_word();
        self.redirected = false;
        let words = std::mem::take(&mut self.words);
        if words.is_empty() {
            // A line may end behind an operator, which is what counts.
            let goes_on =
                matches!(self.before, Some(After::And | After::Or | After::Pipe | After::Background))
                    && then == After::End;
            self.before = if goes_on { self.before } else { Some(then) };
            return;
        }
        let after = self.before.replace(then).unwrap_or(After::End);
        self.commands.push(Simple { words, after, groups: self.groups.clone() });
    }

    /// The first reason is told.
    fn stop(&mut self, why: Unreachable) {
        self.end = self.end.or(Some(why));
    }
}

/// The text up to the parenthesis that closes the one just read.
fn nested(letters: &mut Letters<'_>) -> String {
    let (mut text, mut depth, mut quote) = (String::new(), 1, None);
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                text.push(letter);
                text.extend(letters.next());
                continue;
            }
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth -= 1;
                if depth == 0 {
                    return text;
                }
            }
            (Some(_) | None, _) => {}
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests;
