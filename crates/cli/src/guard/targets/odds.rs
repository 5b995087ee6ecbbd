//! How likely a command of a list is to run, and what the list's other commands say to that.

use std::rc::Rc;

use super::What;
use crate::devserver::shell::After;

/// Whether what stands somewhere is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chance {
    Surely,
    /// As good as surely, but in a branch or a loop, where nobody starts a server to work with.
    Likely,
    /// If any of these is there.
    IfThere(Rc<[What]>),
    Unknown,
}

impl Chance {
    /// That of what runs only if both do.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::IfThere(one), Self::IfThere(other)) if one == other => Self::IfThere(one),
            (Self::IfThere(one), Self::IfThere(other)) => {
                if_there(one.iter().filter(|what| other.contains(what)).cloned().collect())
            }
            (Self::IfThere(one), Self::Surely | Self::Likely)
            | (Self::Surely | Self::Likely, Self::IfThere(one)) => Self::IfThere(one),
            (Self::Likely, Self::Surely | Self::Likely) | (Self::Surely, Self::Likely) => Self::Likely,
            (Self::Surely, Self::Surely) => Self::Surely,
        }
    }

    /// Whether what stands here runs if `what` is there.
    pub(super) fn reaches(&self, what: &What) -> bool {
        match self {
            Self::Surely | Self::Likely => true,
            Self::IfThere(these) => these.contains(what),
            Self::Unknown => false,
        }
    }
}

/// The chance of what runs if any of `these` is there; without any, nobody knows.
pub(super) fn if_there(these: Vec<What>) -> Chance {
    if these.is_empty() { Chance::Unknown } else { Chance::IfThere(these.into()) }
}

/// How a command ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With 0, or nothing here matters.
    Success,
    /// With 0, as a rule: a build, an installation.
    Usual,
    /// With 0 if any of these is there.
    There(Rc<[What]>),
    /// With another number if any of these is there.
    Missing(Rc<[What]>),
    Unknown,
}

impl Outcome {
    /// That of a command that succeeds if any of `these` is there; without any, nobody knows.
    pub(super) fn there(these: Vec<What>) -> Self {
        if these.is_empty() { Self::Unknown } else { Self::There(these.into()) }
    }

    pub(super) fn if_it_succeeds(&self) -> Chance {
        match self {
            Self::Success | Self::Usual => Chance::Surely,
            Self::There(these) => Chance::IfThere(Rc::clone(these)),
            Self::Missing(_) | Self::Unknown => Chance::Unknown,
        }
    }

    /// None for never.
    pub(super) fn if_it_fails(&self) -> Option<Chance> {
        match self {
            Self::Success => None,
            Self::Missing(these) => Some(Chance::IfThere(Rc::clone(these))),
            Self::Usual | Self::There(_) | Self::Unknown => Some(Chance::Unknown),
        }
    }

    /// Behind a `!`.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::There(these) => Self::Missing(these),
            Self::Missing(these) => Self::There(these),
            Self::Success | Self::Usual | Self::Unknown => Self::Unknown,
        }
    }

    /// That of what ends well only if both do.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Success, one) | (one, Self::Success) => one,
            (one, other) => match one.if_it_succeeds().and(other.if_it_succeeds()) {
                Chance::Surely | Chance::Likely => Self::Usual,
                Chance::IfThere(these) => Self::There(these),
                Chance::Unknown => Self::Unknown,
            },
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
    /// How the commands of that pipeline before it end, if these count too.
    fed: Outcome,
    /// How likely the shell is to get past the list, which may wait for ever or be the end of the script.
    passes: Chance,
    /// The same of the lists before.
    passed: Chance,
}

impl Chain {
    pub(super) fn new(base: Chance) -> Self {
        Self {
            base,
            success: Chance::Surely,
            failure: None,
            joined: After::End,
            outcome: None,
            fed: Outcome::Success,
            passes: Chance::Surely,
            passed: Chance::Surely,
        }
    }

    /// Goes on with a command behind `after`.
    pub(super) fn next(&mut self, after: After) {
        if after == After::Pipe {
            return;
        }
        self.settle();
        self.joined = after;
        let passes = std::mem::replace(&mut self.passes, Chance::Surely);
        // The shell does not wait for what is in the background.
        if after != After::Background {
            self.passed = self.passed.clone().and(passes.clone());
            self.lessen(passes);
        }
        if matches!(after, After::End | After::Background) {
            *self = Self { joined: after, passed: self.passed.clone(), ..Self::new(self.base.clone()) };
        }
    }

    /// Another list of the same compound command, which is come to by `base`.
    pub(super) fn another(&self, base: Chance) -> Self {
        let passed = self.gets_past();
        Self { passed: passed.clone(), ..Self::new(base.and(passed)) }
    }

    /// The shell gets past this list no likelier than by `chance`.
    pub(super) fn holds(&mut self, chance: Chance) {
        self.passes = self.passes.clone().and(chance);
    }

    /// A failure of this list is the end of the script.
    pub(super) fn must_succeed(&mut self) {
        self.settle();
        self.holds(self.success.clone());
    }

    /// How likely the shell is to get past all that was read.
    pub(super) fn gets_past(&self) -> Chance {
        self.passed.clone().and(self.passes.clone())
    }

    /// How the command before a `|` ends counts as well.
    pub(super) fn feeds(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            self.fed = std::mem::replace(&mut self.fed, Outcome::Success).and(outcome);
        }
    }

    /// The command that is read now ends so.
    pub(super) fn ends(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }

    /// How likely the command that is read now is to run.
    pub(super) fn chance(&self) -> Chance {
        match self.joined {
            After::And => self.base.clone().and(self.success.clone()),
            After::Or => self.failed(),
            After::End | After::Background | After::Pipe => self.base.clone(),
        }
    }

    /// How likely it is that all of the list succeeds.
    pub(super) fn succeeds(&mut self) -> Chance {
        self.settle();
        self.base.clone().and(self.success.clone()).and(self.passes.clone())
    }

    /// How likely it is that it fails.
    pub(super) fn fails(&mut self) -> Chance {
        self.settle();
        self.failed().and(self.passes.clone())
    }

    /// How all that was read of it ends, if it is come to.
    pub(super) fn ends_by(&mut self) -> Outcome {
        self.settle();
        match &self.success {
            _ if self.failure.is_none() => Outcome::Success,
            Chance::Surely | Chance::Likely => Outcome::Usual,
            Chance::IfThere(these) => Outcome::There(Rc::clone(these)),
            Chance::Unknown => Outcome::Unknown,
        }
    }

    /// How likely anything behind an `exit` that is read now is to run.
    pub(super) fn rest(&self) -> Chance {
        match self.joined {
            After::And => self.failed(),
            After::Or => self.base.clone().and(self.success.clone()),
            After::End | After::Background | After::Pipe => Chance::Unknown,
        }
    }

    /// From here on all of it is no likelier than `rest`.
    pub(super) fn lessen(&mut self, rest: Chance) {
        self.base = self.base.clone().and(rest);
    }

    pub(super) fn base(&self) -> &Chance {
        &self.base
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
        self.failure.clone().unwrap_or(Chance::Unknown).and(self.base.clone())
    }

    /// The pipeline that was read is over.
    fn settle(&mut self) {
        let Some(outcome) = self.outcome.take() else { return };
        let outcome = std::mem::replace(&mut self.fed, Outcome::Success).and(outcome);
        let (succeeds, fails) = (outcome.if_it_succeeds(), outcome.if_it_fails());
        if self.joined != After::Or {
            self.success = self.success.clone().and(succeeds);
            self.failure = match (self.failure.take(), fails) {
                (Some(one), Some(other)) => Some(one.and(other)),
                (one, other) => one.or(other),
            };
            return;
        }
        // It fails if both fail, and where one of them never does, it succeeds.
        let both = self.failure.clone().and_then(|one| Some(one.and(fails?)));
        match (&self.failure, &both) {
            (None, _) => {}
            (Some(_), None) => self.success = Chance::Surely,
            (Some(_), Some(_)) => self.success = self.success.clone().and(succeeds),
        }
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
            chain.ends(outcome.clone());
        }
        chain.next(last);
        chain.chance()
    }

    fn pids(pids: &[u32]) -> Vec<What> {
        pids.iter().copied().map(What::KillPid).collect()
    }

    #[test]
    fn a_command_behind_others_is_as_likely_as_they_are_to_let_it_run() {
        let (first, and, or) = (After::End, After::And, After::Or);
        let there = || Outcome::there(pids(&[4242]));
        let if_there = || if_there(pids(&[4242]));
        for (commands, last, expected) in [
            (vec![(first, Outcome::Usual)], and, Chance::Surely),
            (vec![(first, Outcome::Usual)], or, Chance::Unknown),
            (vec![(first, Outcome::Success)], or, Chance::Unknown),
            (vec![(first, there())], and, if_there()),
            (vec![(first, there())], or, Chance::Unknown),
            (vec![(first, there().turned())], or, if_there()),
            (vec![(first, there().turned())], and, Chance::Unknown),
            (vec![(first, there()), (or, Outcome::Success)], and, Chance::Surely),
            (vec![(first, Outcome::Success), (or, Outcome::Unknown)], and, Chance::Surely),
            (vec![(first, Outcome::Success), (or, Outcome::Unknown)], or, Chance::Unknown),
            (vec![(first, Outcome::Unknown), (and, Outcome::Success)], or, Chance::Unknown),
            (vec![(first, Outcome::Unknown)], first, Chance::Surely),
            (vec![(first, Outcome::Unknown), (After::Pipe, Outcome::Usual)], and, Chance::Surely),
        ] {
            assert_eq!(chance(&commands, last), expected, "{commands:?} {last:?}");
        }
    }

    #[test]
    fn what_runs_behind_two_questions_reaches_whom_both_ask_for() {
        let both = if_there(pids(&[1001, 1002])).and(if_there(pids(&[1002, 1003])));
        assert_eq!(both, if_there(pids(&[1002])));
        assert_eq!(both.and(if_there(pids(&[1003]))), Chance::Unknown);
    }

    #[test]
    fn what_stands_behind_a_list_that_may_wait_is_not_sure_to_run_unless_that_is_in_the_background() {
        for (after, expected) in [(After::End, Chance::Unknown), (After::Background, Chance::Surely)] {
            let mut chain = Chain::new(Chance::Surely);
            chain.holds(Chance::Unknown);
            chain.next(after);
            assert_eq!(chain.chance(), expected, "{after:?}");
        }
    }
}
