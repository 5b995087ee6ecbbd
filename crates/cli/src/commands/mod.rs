//! Every subcommand: its arguments and what it does, in a file or folder of its own.

pub(crate) mod allocate;
pub(crate) mod check;
pub(crate) mod cleanup;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod daemon;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod firebase;
pub(crate) mod hook;
pub(crate) mod hooks;
pub(crate) mod init;
pub(crate) mod instances;
pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod mcp;
pub(crate) mod open;
pub(crate) mod release;
pub(crate) mod run;
pub(crate) mod scan;
pub(crate) mod suggest;
pub(crate) mod uninstall;
pub(crate) mod verify;
pub(crate) mod wait;
pub(crate) mod who;
