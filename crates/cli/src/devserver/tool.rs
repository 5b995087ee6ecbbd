//! The tool that a command starts, and what a launcher hands on on the way to it.

use super::shell::{Unreachable, Word};

/// The tool that a command starts, as far as can be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tool {
    /// The name it is found by in the table.
    pub(crate) name: String,
    /// Its arguments, typed or from a script.
    pub(crate) args: Vec<Word>,
    /// If it has no name, since it is a program of one's own: the words that start it.
    pub(crate) own: Vec<Word>,
    /// Variables set on the way, which count for more than ours.
    pub(crate) assigned: Vec<(String, Word)>,
    /// What has to stand before words that are appended to the typed ones.
    pub(crate) separators: Vec<&'static str>,
    /// Whether appended words reach it.
    pub(crate) reach: Reach,
}

/// Whether words appended to the typed ones reach a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    #[default]
    Yes,
    /// The script of this name does something that keeps them away.
    Script(String, Unreachable),
    /// It is whatever a script of another workspace starts.
    Elsewhere,
}

impl Tool {
    /// Whether another command of its script is the one that appended words reach.
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
    /// Nothing that could be followed.
    Nothing,
}

/// What a package manager makes of a name that is no script's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrTool {
    Yes,
    No,
}
