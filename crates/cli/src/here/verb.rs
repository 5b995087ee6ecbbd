//! The commands that take a target.

/// A command that takes a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Check,
    Who,
    Verify,
    Wait,
    Open,
    Kill,
    Release,
}

impl Verb {
    /// The word after `styxy`, for hints.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Who => "who",
            Self::Verify => "verify",
            Self::Wait => "wait",
            Self::Open => "open",
            Self::Kill => "kill",
            Self::Release => "release",
        }
    }

    /// Whether a server that runs is meant rather than a lease that waits for one.
    pub(crate) const fn is_about_servers(self) -> bool {
        match self {
            Self::Who | Self::Verify | Self::Open => true,
            Self::Check | Self::Wait | Self::Kill | Self::Release => false,
        }
    }

    /// Whether a server or its lease ends.
    pub(crate) const fn ends_something(self) -> bool {
        match self {
            Self::Kill | Self::Release => true,
            Self::Check | Self::Who | Self::Verify | Self::Wait | Self::Open => false,
        }
    }

    /// How many digits of an id are enough. Where ids came later, a word of three letters is a service: `db`.
    pub(crate) const fn least_id(self) -> usize {
        match self {
            Self::Kill | Self::Release => 1,
            Self::Check | Self::Who | Self::Verify | Self::Wait | Self::Open => 4,
        }
    }
}
