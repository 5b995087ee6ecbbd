//! How likely a command of a list is to run, and what the list's other commands say to that.

use crate::tools::shell::After;

/// Whether what stands somewhere is run; the later, the less is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chance {
    Surely,
    /// If there is somebody who could be ended, or if a step fails that succeeds as a rule.
    Perhaps,
    Unknown,
}

/// How a command ends; the later, the less is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// With 0, or nothing here matters.
    Success,
    /// With 0, as a rule: a build, an installation.
    Usual,
    /// It tells whether somebody is there.
    Probe,
    Unknown,
}

impl Outcome {
    pub(super) const fn if_it_succeeds(self) -> Chance {
        match self {
            Self::Success | Self::Usual => Chance::Surely,
            Self::Probe => Chance::Perhaps,
            Self::Unknown => Chance::Unknown,
        }
    }

    /// None for never.
    pub(super) const fn if_it_fails(self) -> Option<Chance> {
        match self {
            Self::Success => None,
            Self::Usual | Self::Probe => Some(Chance::Perhaps),
            Self::Unknown => Some(Chance::Unknown),
        }
    }

    /// Behind a `!`.
    pub(super) const fn turned(self) -> Self {
        match self {
            Self::Usual | Self::Probe => Self::Probe,
            Self::Success | Self::Unknown => Self::Unknown,
        }
    }
}

/// A list: what `&&` and `||` join, up to a `;`.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// What stands at its beginning runs so.
    base: Chance,
    /// How likely it is to succeed so far, if it is come to.
    success: Chance,
    /// How likely it is to fail; none as long as nothing in it can fail.
    failure: Option<Chance>,
    /// What joins the pipeline that is read now to the ones before.
    joined: After,
    /// How that pipeline ends, by its last command so far.
    outcome: Option<Outcome>,
}

impl Chain {
    pub(super) fn new(base: Chance) -> Self {
        Self { base, success: Chance::Surely, failure: None, joined: After::End, outcome: None }
    }

    /// Goes on with a command behind `after`.
    pub(super) fn next(&mut self, after: After) {
        if after == After::Pipe {
            return;
        }
        self.settle();
        self.joined = after;
        if matches!(after, After::End | After::Background) {
            *self = Self { joined: after, ..Self::new(self.base) };
        }
    }

    /// The command that is read now ends so.
    pub(super) fn ends(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }

    /// How likely the command that is read now is to run.
    pub(super) fn chance(&self) -> Chance {
        match self.joined {
            After::And => self.base.max(self.success),
            After::Or => self.failed(),
            After::End | After::Background | After::Pipe => self.base,
        }
    }

    /// How likely it is that all of the list succeeds.
    pub(super) fn succeeds(&mut self) -> Chance {
        self.settle();
        self.base.max(self.success)
    }

    /// How likely it is that it fails.
    pub(super) fn fails(&mut self) -> Chance {
        self.settle();
        self.failed()
    }

    /// How all that was read of it ends, if it is come to.
    pub(super) fn ends_by(&mut self) -> Outcome {
        self.settle();
        match self.success {
            _ if self.failure.is_none() => Outcome::Success,
            Chance::Surely => Outcome::Usual,
            Chance::Perhaps => Outcome::Probe,
            Chance::Unknown => Outcome::Unknown,
        }
    }

    /// How likely anything behind an `exit` that is read now is to run.
    pub(super) fn rest(&self) -> Chance {
        match self.joined {
            After::And => self.failed(),
            After::Or => self.base.max(self.success),
            After::End | After::Background | After::Pipe => Chance::Unknown,
        }
    }

    /// From here on all of it is no likelier than `rest`.
    pub(super) fn lessen(&mut self, rest: Chance) {
        self.base = self.base.max(rest);
    }

    pub(super) fn base(&self) -> Chance {
        self.base
    }

    /// Whether the command that is read now stands behind `||`.
    pub(super) fn is_otherwise(&self) -> bool {
        self.joined == After::Or
    }

    /// Whether the command that is read now stands behind no other one of the list.
    pub(super) fn is_at_its_beginning(&self) -> bool {
        !matches!(self.joined, After::And | After::Or)
    }

    fn failed(&self) -> Chance {
        self.failure.unwrap_or(Chance::Unknown).max(self.base)
    }

    /// The pipeline that was read is over.
    fn settle(&mut self) {
        let Some(outcome) = self.outcome.take() else { return };
        if self.joined != After::Or {
            self.success = self.success.max(outcome.if_it_succeeds());
            self.failure = self.failure.max(outcome.if_it_fails());
            return;
        }
        // It fails if both fail, and where one of them never does, it succeeds.
        let both = self.failure.and_then(|one| Some(one.max(outcome.if_it_fails()?)));
        self.success = match (self.failure, both) {
            (None, _) => self.success,
            (Some(_), None) => Chance::Surely,
            (Some(_), Some(_)) => self.success.max(outcome.if_it_succeeds()),
        };
        self.failure = both;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(commands: &[(After, Outcome)], last: After) -> Chance {
        let mut chain = Chain::new(Chance::Surely);
        for (after, outcome) in commands {
            chain.next(*after);
            chain.ends(*outcome);
        }
        chain.next(last);
        chain.chance()
    }

    #[test]
    fn a_command_behind_others_is_as_likely_as_they_are_to_let_it_run() {
        let (first, and, or) = (After::End, After::And, After::Or);
        for (commands, last, expected) in [
            (vec![(first, Outcome::Usual)], and, Chance::Surely),
            (vec![(first, Outcome::Usual)], or, Chance::Perhaps),
            (vec![(first, Outcome::Success)], or, Chance::Unknown),
            (vec![(first, Outcome::Probe)], and, Chance::Perhaps),
            (vec![(first, Outcome::Probe), (or, Outcome::Success)], and, Chance::Surely),
            (vec![(first, Outcome::Success), (or, Outcome::Unknown)], and, Chance::Surely),
            (vec![(first, Outcome::Success), (or, Outcome::Unknown)], or, Chance::Unknown),
            (vec![(first, Outcome::Unknown), (and, Outcome::Success)], or, Chance::Unknown),
            (vec![(first, Outcome::Unknown)], first, Chance::Surely),
            (vec![(first, Outcome::Unknown), (After::Pipe, Outcome::Usual)], and, Chance::Surely),
        ] {
            assert_eq!(chance(&commands, last), expected, "{commands:?} {last:?}");
        }
    }
}
