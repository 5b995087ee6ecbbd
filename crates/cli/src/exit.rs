//! Exit codes: what a script can tell from how the command ended.

use styxy_core::api::Code;

/// How the command ended. The numbers are part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: understood and refused.
    Refused,
    /// 2: not understood; nothing was asked of the daemon.
    Usage,
    /// 3: no daemon answers.
    Unreachable,
    /// 126: the program to run is there and cannot be run.
    NotExecutable,
    /// 127: there is no such program to run.
    NotFound,
}

impl Exit {
    /// The number the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
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
            | Code::StorageUnavailable => Self::Refused,
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
}
