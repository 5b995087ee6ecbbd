//! What a shell makes of a text: simple commands, their words, and the operators between them.

/// A script, split into its simple commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// Its commands, in order; complete only if `end` is not an unreadable one.
    pub(crate) commands: Vec<Simple>,
    /// Whether words appended to the text become arguments of the last command.
    pub(crate) end: Result<(), Unreachable>,
}

/// One simple command: its words, without redirections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Simple {
    pub(crate) words: Vec<Word>,
    /// The operator between it and the command before.
    pub(crate) after: After,
    /// The subshells it is in, outermost first; each has its own number.
    pub(crate) groups: Vec<usize>,
}

/// The operator before a command.
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
    /// `&`: the AND-OR list before it runs in the background.
    Background,
}

/// Why words appended to a script may not reach its server.
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
    /// It was not parsed: its brackets and quotes are nested too deeply.
    Depth,
    /// Another command follows it.
    NotLast,
}

impl Unreachable {
    /// Whether no shell would run any of it, or it is unknown what would run.
    pub(crate) const fn is_unreadable(self) -> bool {
        matches!(self, Self::Quotes | Self::Brackets | Self::Depth)
    }

    /// What the script does, for a sentence.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "runs a command in the background",
            Self::Pipe => "contains a pipeline",
            Self::Redirection => "contains a redirection",
            Self::Subshell => "contains a subshell or a command substitution",
            Self::Control => "contains a compound command",
            Self::Ends => "ends with an operator",
            Self::Comment => "contains a comment",
            Self::Quotes => "contains an unclosed quote",
            Self::Brackets => "contains an unclosed bracket",
            Self::Depth => "is nested too deeply",
            Self::NotLast => "runs another command after it",
        }
    }
}

/// One word of a command, as its program will see it.
#[derive(Debug, Clone, Default, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Which of the typed arguments it is; none if it comes from a script.
    pub(crate) typed: Option<usize>,
    /// Where it begins in the text that was parsed, in bytes.
    pub(crate) at: usize,
    /// Whether a shell expands it.
    pub(crate) expanded: bool,
}

impl PartialEq for Word {
    /// Where it stands in a text does not make it another word.
    fn eq(&self, other: &Self) -> bool {
        let Self { text, typed, at: _, expanded } = self;
        (text, typed, expanded) == (&other.text, &other.typed, &other.expanded)
    }
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

/// Whether `word`, as the first word of a command, is a reserved word of the shell.
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
    fn an_assignment_begins_with_a_variable_name() {
        let word = |text: &str| Word { text: text.into(), ..Word::default() };
        assert_eq!(word("A_1=b=c").assignment(), Some(("A_1", "b=c")));
        for other in ["--port=3", "=x", "1A=b", "vite", "a b=c"] {
            assert_eq!(word(other).assignment(), None, "{other}");
        }
    }
}
