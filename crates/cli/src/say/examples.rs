//! The examples below a command's help.

/// A heading in clap's style, and the examples below it.
macro_rules! examples {
    ($text:literal) => {
        concat!("\x1b[1;4mExamples:\x1b[0m\n", $text)
    };
}
pub(crate) use examples;
