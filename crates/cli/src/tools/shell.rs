//! The text of a script or of a command line, read as a shell would split it. Nothing is run or expanded.

mod letters;
mod reader;

use super::words::Word;
use letters::Letters;
use reader::Reader;

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
    Brackets,
    /// It was not read: its brackets and quotes go too deep.
    Depth,
    /// Another command comes behind it.
    NotLast,
}

impl Unreachable {
    /// Whether no shell would run any of it, or nobody knows what it would.
    pub(crate) const fn is_unreadable(self) -> bool {
        matches!(self, Self::Quotes | Self::Brackets | Self::Depth)
    }

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
            Self::Brackets => "has a bracket that is not closed",
            Self::Depth => "is nested too deep",
            Self::NotLast => "has another command behind it",
        }
    }
}

/// Reads the text of a script, in a time that grows with its length and no faster.
///
/// The words of compound commands stay what they are, each as the first of a command: `if`, `then`, `{`, `done`. Patterns
/// of a `case` are left out, and a function of any spelling begins with a command `function NAME`.
pub(crate) fn read(text: &str) -> Script {
    let mut letters = Letters::new(text, 0);
    let mut reader = Reader::default();
    reader.all(&mut letters);
    reader.script()
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

#[cfg(test)]
mod tests;
