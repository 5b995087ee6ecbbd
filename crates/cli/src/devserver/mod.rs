//! From a command line to the dev servers that it starts, and the port that each of them gets.
//!
//! It only reads, and does not guess what a shell or a tool would make of a word that is expanded.

pub(crate) mod alone;
pub(crate) mod folder;
pub(crate) mod frameworks;
pub(crate) mod inward;
pub(crate) mod launch;
mod managers;
pub(crate) mod monorepo;
pub(crate) mod options;
pub(crate) mod package;
pub(crate) mod passing;
pub(crate) mod plan;
pub(crate) mod port_argument;
pub(crate) mod program;
pub(crate) mod recipes;
// What it finds out is asked on Linux only.
#[cfg(any(target_os = "linux", test))]
pub(crate) mod repeats;
pub(crate) mod shell;
pub(crate) mod shells;
pub(crate) mod tool;
pub(crate) mod workspace;
