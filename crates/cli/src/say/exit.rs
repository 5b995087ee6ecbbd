//! Exit codes: what a script learns from how the command ended.

use styxy_core::api::{Code, Whose};

/// How the command ended. The numbers are part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: understood and refused.
    Refused,
    /// 2: not understood; the daemon was not asked.
    Usage,
    /// 3: the daemon does not answer.
    Unreachable,
    /// 4: nothing listens on the port.
    Nobody,
    /// 5: the server on the port belongs to another worktree of this repository.
    Sibling,
    /// 6: the server on the port belongs to somebody else.
    Foreign,
    /// 7: the server on the port outlived its worktree.
    Orphan,
    /// 126: the program exists but cannot be executed.
    NotExecutable,
    /// 127: there is no such program.
    NotFound,
    /// The exit code of the command that was run.
    Child(u8),
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Nobody => 4,
            Self::Sibling => 5,
            Self::Foreign => 6,
            Self::Orphan => 7,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
            Self::Child(code) => code,
        }
    }

    /// How a command ends that finds out whose a server is.
    pub(crate) const fn whose(whose: Whose) -> Self {
        match whose {
            Whose::Mine => Self::Done,
            Whose::Nobody => Self::Nobody,
            Whose::Sibling => Self::Sibling,
            Whose::Foreign => Self::Foreign,
            Whose::Orphan => Self::Orphan,
        }
    }

    /// How a command ends whose request was refused with `code`.
    pub(crate) const fn of(code: Code) -> Self {
        match code {
            Code::DaemonUnreachable => Self::Unreachable,
            Code::InvalidRequest
            | Code::Forbidden
            | Code::UnknownLease
            | Code::UnknownInstance
            | Code::UnknownRoute
            | Code::MethodNotAllowed
            | Code::PortUnavailable
            | Code::NoFreePort
            | Code::InstanceExists
            | Code::LeaseEnded
            | Code::InstanceExpired
            | Code::BodyTooLarge
            | Code::UnsupportedMediaType
            | Code::RequestIdReused
            | Code::StorageUnavailable
            | Code::NotRunning => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unreachable_daemon_exits_3() {
        for code in Code::ALL {
            let expected = if code == Code::DaemonUnreachable { 3 } else { 1 };
            assert_eq!(Exit::of(code).code(), expected, "{code}");
        }
    }

    #[test]
    fn each_owner_of_a_server_has_its_own_code() {
        let codes = [Whose::Mine, Whose::Nobody, Whose::Sibling, Whose::Foreign, Whose::Orphan];
        assert_eq!(codes.map(|whose| Exit::whose(whose).code()), [0, 4, 5, 6, 7]);
    }
}
