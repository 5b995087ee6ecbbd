//! The tool that a command starts, and what the launchers on the way to it pass on.

use super::shell::{Unreachable, Word};

/// The tool that a command starts, as far as it is known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tool {
    /// The name it is found by in the table.
    pub(crate) name: String,
    /// Its arguments, typed or from a script.
    pub(crate) args: Vec<Word>,
    /// The runtimes and debuggers on the way to it, with their own arguments: they may listen too.
    pub(crate) through: Vec<(&'static str, Vec<Word>)>,
    /// The words that start it, if it has no name because it is the project's own program.
    pub(crate) own: Vec<Word>,
    /// Variables set on the way, which override ours.
    pub(crate) assigned: Vec<(String, Word)>,
    /// What has to come before words that are appended to the typed ones.
    pub(crate) separators: Vec<&'static str>,
    /// Whether appended words reach it.
    pub(crate) reach: Reach,
}

/// Whether words appended to the typed ones reach a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    #[default]
    Yes,
    /// The script of this name keeps them away.
    Script(String, Unreachable),
    /// It is started by a script of another workspace.
    Elsewhere,
}

impl Tool {
    /// Whether appended words reach another command of its script.
    pub(crate) fn is_before_the_last(&self) -> bool {
        matches!(self.reach, Reach::Script(_, Unreachable::NotLast))
    }
}

/// What a program does with its arguments.
pub(crate) enum Next {
    /// It is a tool, which may be in the table.
    Tool { name: String, args: Vec<Word> },
    /// It runs this command.
    Command(Vec<Word>),
    /// It runs a script of `folder`'s package, or if `or_tool` a tool of that name.
    Script { folder: Option<String>, name: String, args: Vec<Word>, or_tool: OrTool },
    /// It runs a script of another workspace, which is not looked at.
    Elsewhere,
    /// It runs nothing that could be followed.
    Nothing,
}

/// Whether a package manager takes a name that is not a script for a tool.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrTool {
    Yes,
    No,
}
