//! Why a command did not do what it was asked to.

use std::ffi::OsStr;
use std::io;

use styxy_core::api::{Code, Refusal};

use crate::say::exit::Exit;

/// Everything that can keep a command from answering.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The daemon, the client or this command refuses; the exit code follows from the refusal's code.
    Refused(Box<Refusal>),
    /// The command line or the environment makes no sense.
    Usage(Box<Refusal>),
    /// No daemon can be started, whatever the refusal's code.
    NoDaemon(Box<Refusal>),
    /// The program could not be run; `exit` is the shell's code for it.
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

    /// A daemon does not start: by a mistake in config.json, the only request of it that can be invalid, or else `otherwise`.
    pub(crate) fn of_start(refusal: Refusal, otherwise: fn(Box<Refusal>) -> Self) -> Self {
        let refusal = Box::new(refusal);
        if refusal.code == Code::InvalidRequest { Self::Usage(refusal) } else { otherwise(refusal) }
    }

    /// `program` could not be run.
    pub(crate) fn not_run(program: &OsStr, error: &io::Error) -> Self {
        Self::not_run_since(program, error.kind(), &error.to_string())
    }

    /// The same with another sentence than the system's.
    pub(crate) fn not_run_since(program: &OsStr, kind: io::ErrorKind, why: &str) -> Self {
        let exit = if kind == io::ErrorKind::NotFound { Exit::NotFound } else { Exit::NotExecutable };
        let refusal =
            Refusal::new(Code::InvalidRequest, format!("could not run {}: {why}", program.display()));
        Self::NotRun { refusal: Box::new(refusal), exit }
    }

    /// The failure as a refusal, for callers that do not see the exit code.
    pub(crate) fn into_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal)
            | Self::Usage(refusal)
            | Self::NoDaemon(refusal)
            | Self::NotRun { refusal, .. } => *refusal,
            Self::Output(error) => {
                Refusal::new(Code::DaemonUnreachable, format!("could not write the answer: {error}"))
            }
        }
    }

    /// The failure with the next command to type.
    pub(crate) fn hint(self, hint: &str) -> Self {
        let with = |refusal: Box<Refusal>| Box::new(refusal.hint(hint));
        match self {
            Self::Refused(refusal) => Self::Refused(with(refusal)),
            Self::Usage(refusal) => Self::Usage(with(refusal)),
            Self::NoDaemon(refusal) => Self::NoDaemon(with(refusal)),
            Self::NotRun { refusal, exit } => Self::NotRun { refusal: with(refusal), exit },
            Self::Output(error) => Self::Output(error),
        }
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused(refusal) => Exit::of(refusal.code),
            Self::Usage(_) => Exit::Usage,
            Self::NoDaemon(_) => Exit::Unreachable,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, snapshot};
    use styxy_core::EndReason;
    use styxy_core::{Holder, LockId, Pid, Port, PortRange, Refusal as Refused};

    #[test]
    fn every_failure_says_why_and_ends_with_its_code() {
        let not_run = |kind: io::ErrorKind| Failure::not_run(OsStr::new("vite"), &kind.into());
        let hint = "npm install vite";
        snapshot!(
            "failures",
            each([
                ("no such program", failed(not_run(io::ErrorKind::NotFound).hint(hint))),
                ("a program that cannot be run", failed(not_run(io::ErrorKind::PermissionDenied))),
                ("wrong usage", failed(Failure::usage("that cannot be meant", "styxy --help"))),
                ("no output", failed(Failure::Output(io::ErrorKind::StorageFull.into()))),
            ])
        );
    }

    #[test]
    fn what_the_daemon_refuses_says_why_and_what_to_type_next() {
        let port = |port| Port::new(port).unwrap();
        let lock_id = LockId::parse("4f5e0000-0000-4000-8000-000000003000").unwrap();
        let dev = || "dev".parse().unwrap();
        let session = || "claude-2".parse().unwrap();
        let range = |first, last| PortRange::new(port(first), port(last)).unwrap();
        let holders = [
            Holder::Lease { lock_id, who: "claude-2".to_owned(), project: None },
            Holder::Foreign,
            Holder::Denied,
            Holder::Reserved,
            Holder::Singleton { service: dev(), elsewhere: port(3001), who: "claude-2".to_owned() },
            Holder::Group,
        ];
        let taken = holders.map(|holder| Refused::PortUnavailable { port: port(3000), holder });
        let others = [
            Refused::Invalid { field: "count".into(), found: "\"x\"".into(), allowed: "1 to 100".into() },
            Refused::UnknownService { service: "dve".parse().unwrap(), known: vec![dev()] },
            Refused::NoFreePort {
                service: dev(),
                range: range(8000, 8099),
                overflow: Some(range(10_000, 19_999)),
                leased: 90,
                busy: 10,
                withheld: 0,
            },
            Refused::UnknownLease(lock_id),
            Refused::LeaseEnded { lock_id, port: port(3000), reason: EndReason::Released },
            Refused::UnknownInstance(session()),
            Refused::InstanceExpired(session()),
            Refused::InstanceExists { id: session(), pid: Pid::new(42).unwrap() },
            Refused::RequestIdReused("once".parse().unwrap()),
        ];
        let shown = taken.into_iter().chain(others).map(|refused| {
            let refusal = Refusal::from(refused);
            (refusal.code.as_str(), failed(refusal))
        });
        snapshot!("refused_by_the_daemon", each(shown));
    }
}
