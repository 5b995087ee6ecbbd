//! What can happen to the file that is appended to, and what is said of it.

use std::{fmt, path::PathBuf};

/// What happened to the file that is appended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyLost {
    /// Nothing is in its place.
    Gone,
    /// Another file is in its place.
    Replaced,
    /// It is shorter than what was written to it.
    Cut {
        /// Its length now, in bytes.
        to: u64,
    },
    /// The system could not give its bytes back, or they are not those that were written.
    Unreadable,
    /// It looks as it should, but another daemon may have written to it.
    Doubtful,
}

impl fmt::Display for WhyLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it was deleted or moved"),
            Self::Replaced => f.write_str("another file is in its place"),
            Self::Cut { to } => write!(f, "it was cut to {to} bytes"),
            Self::Unreadable => f.write_str("it can no longer be read"),
            Self::Doubtful => f.write_str("another daemon may have written to it"),
        }
    }
}

/// A lost generation, and the one that was written in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// The file that was lost.
    pub from: PathBuf,
    /// What had happened to it.
    pub why: WhyLost,
    /// The file that has everything now.
    pub to: PathBuf,
    /// Where that went which was in the place of the lost one.
    pub aside: Option<PathBuf>,
}

impl fmt::Display for Renewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, why, to, aside } = self;
        write!(f, "the journal {} was lost ({why}); everything is in {} now", from.display(), to.display())?;
        match aside {
            Some(aside) => write!(f, ", and what was in its place is in {}", aside.display()),
            None => Ok(()),
        }
    }
}
