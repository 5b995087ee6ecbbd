//! What a shell makes of a text: commands, their words, and what stands between them. Nothing is run or expanded.

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

/// One word of a command, as the program it is for will see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Which of the typed arguments it is; none if it stands in a script.
    pub(crate) typed: Option<usize>,
    /// Whether a shell puts something else in its place.
    pub(crate) expanded: bool,
    /// The commands whose output the shell puts into it.
    pub(crate) inner: Vec<Script>,
}

impl Word {
    /// The variable and the value of `NAME=value`.
    pub(crate) fn assignment(&self) -> Option<(&str, &str)> {
        let (name, value) = self.text.split_once('=')?;
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.as_bytes()[0].is_ascii_digit();
        is_name.then_some((name, value))
    }

    pub(crate) fn is_flag(&self) -> bool {
        self.text.starts_with('-') && self.text.len() > 1
    }
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
mod tests {
    use super::*;

    #[test]
    fn an_assignment_has_a_variables_name() {
        let word = |text: &str| Word { text: text.into(), ..Word::default() };
        assert_eq!(word("A_1=b=c").assignment(), Some(("A_1", "b=c")));
        for other in ["--port=3", "=x", "1A=b", "vite", "a b=c"] {
            assert_eq!(word(other).assignment(), None, "{other}");
        }
    }
}
