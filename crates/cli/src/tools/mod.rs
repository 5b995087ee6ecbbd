//! From a command line to the tools that it starts: words, scripts, launchers, and the port that a tool is told.
//!
//! Reads only, and guesses nothing: what a shell or a tool would make of a word that is not plain is not known here.

pub(crate) mod launch;
mod managers;
pub(crate) mod own;
pub(crate) mod shell;
pub(crate) mod words;
