//! Why a command did not do what it was asked to.

use std::ffi::OsStr;
use std::io;

use styxy_core::api::{Code, Refusal};

use crate::say::exit::Exit;

/// Everything that keeps a command from its answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The daemon, the client or this command refuses; how it ends follows from the code.
    Refused(Box<Refusal>),
    /// The command line or the environment asks for something that cannot be meant.
    Usage(Box<Refusal>),
    /// The program to run could not be run: `exit` as a shell has it.
    NotRun {
        /// Why.
        refusal: Box<Refusal>,
        /// How the command ends.
        exit: Exit,
    },
    /// The answer could not be written.
    Output(io::Error),
}

impl Failure {
    /// Wrong usage, found after the arguments were read one by one.
    pub(crate) fn usage(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage(Box::new(Refusal::new(Code::InvalidRequest, error).hint(hint)))
    }

    /// `program` could not be run.
    pub(crate) fn not_run(program: &OsStr, error: &io::Error) -> Self {
        let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NotFound } else { Exit::NotExecutable };
        let refusal =
            Refusal::new(Code::InvalidRequest, format!("could not run {}: {error}", program.display()));
        Self::NotRun { refusal: Box::new(refusal), exit }
    }

    /// The same for who does not see how the command ends.
    pub(crate) fn into_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) | Self::Usage(refusal) | Self::NotRun { refusal, .. } => *refusal,
            Self::Output(error) => {
                Refusal::new(Code::DaemonUnreachable, format!("could not write the answer: {error}"))
            }
        }
    }

    /// The same with the next command to type.
    pub(crate) fn hint(self, hint: &str) -> Self {
        let with = |refusal: Box<Refusal>| Box::new(refusal.hint(hint));
        match self {
            Self::Refused(refusal) => Self::Refused(with(refusal)),
            Self::Usage(refusal) => Self::Usage(with(refusal)),
            Self::NotRun { refusal, exit } => Self::NotRun { refusal: with(refusal), exit },
            Self::Output(error) => Self::Output(error),
        }
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused(refusal) => Exit::of(refusal.code),
            Self::Usage(_) => Exit::Usage,
            Self::NotRun { exit, .. } => *exit,
            Self::Output(_) => Exit::Refused,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
