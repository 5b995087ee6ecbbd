//! How things are said: answers and refusals, tables, ages, exit codes. Uses only core, and does nothing but print.

pub(crate) mod age;
pub(crate) mod consent;
pub(crate) mod daemon;
pub(crate) mod examples;
pub(crate) mod exit;
pub(crate) mod facts;
pub(crate) mod failure;
pub(crate) mod instead;
pub(crate) mod output;
#[cfg(unix)]
pub(crate) mod screen;
pub(crate) mod shell_word;
#[cfg(test)]
pub(crate) mod shown;
pub(crate) mod table;
pub(crate) mod voice;
pub(crate) mod whose;
pub(crate) mod width;
