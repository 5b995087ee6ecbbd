//! What a shell makes of a text, as a tree in the terms of its grammar.

/// A script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// Complete only if `end` is not an unreadable one.
    pub(crate) list: List,
    /// Whether words appended to the text become arguments of its last command.
    pub(crate) end: Result<(), Unreachable>,
}

/// AND-OR lists, which start one after the other.
pub(crate) type List = Vec<AndOr>;

/// Pipelines with `&&` and `||` between them. Which of the two, and whether a `!` inverts one, is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AndOr {
    /// The commands of each.
    pub(crate) pipelines: Vec<Vec<Command>>,
    /// An `&` follows.
    pub(crate) is_background: bool,
}

/// A command, without its redirections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// A simple command: its assignments, its name and its arguments.
    Simple(Vec<Word>),
    /// `{ …; }`
    Group(List),
    /// `( … )`
    Subshell(List),
    /// `for` and `select`, with their body.
    For(List),
    /// `while` and `until`
    While {
        condition: List,
        body: List,
    },
    If(Vec<Branch>),
    /// `case`: the lists behind its patterns.
    Case(Vec<List>),
    /// The definition of a function. Its body is a compound command.
    Function {
        name: String,
        body: List,
    },
    /// `coproc`, with the command that it runs.
    Coproc(List),
    /// `[[ … ]]` and `(( … ))`
    Test,
}

/// What follows an `if` or an `elif`; with `else`, there is no condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) condition: List,
    pub(crate) body: List,
}

impl Command {
    /// The lists that it consists of.
    pub(crate) fn lists(&self) -> Vec<&List> {
        match self {
            Self::Simple(_) | Self::Test => Vec::new(),
            Self::Group(list) | Self::Subshell(list) | Self::For(list) | Self::Coproc(list) => vec![list],
            Self::While { condition, body } => vec![condition, body],
            Self::If(branches) => branches.iter().flat_map(|one| [&one.condition, &one.body]).collect(),
            Self::Case(branches) => branches.iter().collect(),
            Self::Function { name: _, body } => vec![body],
        }
    }
}

/// Calls `found` with each command of `list`, and then with those that it consists of; and whether it is in the background.
pub(crate) fn each(list: &[AndOr], found: &mut dyn FnMut(&Command, bool)) {
    for and_or in list {
        for command in and_or.pipelines.iter().flatten() {
            found(command, and_or.is_background);
            let mut inner = |command: &Command, in_background: bool| {
                found(command, in_background || and_or.is_background);
            };
            command.lists().into_iter().for_each(|list| each(list, &mut inner));
        }
    }
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
