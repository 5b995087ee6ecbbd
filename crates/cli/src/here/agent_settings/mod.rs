//! A coding agent's settings file, and Styxy's entries in it (R40): where it is, what is added, and how that is taken out again.

pub(crate) mod agents;
pub(crate) mod change;
pub(crate) mod codex_config;
pub(crate) mod edit;
pub(crate) mod entry;
pub(crate) mod file;
pub(crate) mod installed;
mod invocation;
pub(crate) mod recognised;
mod text;
