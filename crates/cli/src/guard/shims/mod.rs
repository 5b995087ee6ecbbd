//! The programs in front of kill, pkill, killall, fuser and skill: this program under their names (R95).
//!
//! Whom a command would signal is what the tool itself says when it is asked without a signal. Those that the daemon spares are
//! left out, and the rest gets the signal. If nobody is spared, the tool runs as it was called.

mod ask;
mod kill;
mod signals;
mod tool;
mod victims;

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use ask::Judge;
use kill::{Killing, Unknown};
use styxy_core::guard::record::By;
use victims::Victims;

use crate::here::off::off;
use crate::say::output;

/// A name that this program may be called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shim {
    /// In front of the program `kill`.
    Kill,
    /// Before a shell's own `kill`, which sends the signals unless this fails.
    KillJudge,
    Pkill,
    Killall,
    Fuser,
    Skill,
}

impl Shim {
    fn named(name: &OsStr) -> Option<Self> {
        match name.to_str()? {
            "kill" => Some(Self::Kill),
            "kill-judge" => Some(Self::KillJudge),
            "pkill" => Some(Self::Pkill),
            "killall" => Some(Self::Killall),
            "fuser" => Some(Self::Fuser),
            "skill" => Some(Self::Skill),
            _ => None,
        }
    }

    /// The program that it stands for.
    const fn tool(self) -> &'static str {
        match self {
            Self::Kill | Self::KillJudge => "kill",
            Self::Pkill => "pkill",
            Self::Killall => "killall",
            Self::Fuser => "fuser",
            Self::Skill => "skill",
        }
    }
}

/// Runs as one of these programs, if this one was called by its name.
pub(crate) fn main() -> Option<ExitCode> {
    let mut words = env::args_os();
    let called = words.next()?;
    let shim = Shim::named(Path::new(&called).file_name()?)?;
    Some(run(shim, &words.collect::<Vec<_>>()))
}

fn run(shim: Shim, words: &[OsString]) -> ExitCode {
    let go_on = || match shim {
        Shim::KillJudge => ExitCode::SUCCESS,
        Shim::Kill | Shim::Pkill | Shim::Killall | Shim::Fuser | Shim::Skill => {
            tool::become_it(shim.tool(), words)
        }
    };
    if off().is_some() {
        return go_on();
    }
    // What is not Unicode names no process that is known here.
    let Some(texts) = words.iter().map(|word| word.to_str()).collect::<Option<Vec<&str>>>() else {
        return go_on();
    };
    let Some(killing) = killing(shim, &texts) else { return go_on() };
    let by = match shim {
        // What is below the shell is its own. Other shims may have the agent as their parent, which is above all of its servers.
        Shim::KillJudge => By::Parent,
        Shim::Kill | Shim::Pkill | Shim::Killall | Shim::Fuser | Shim::Skill => By::Itself,
    };
    let mut judge = Judge::new(by);
    let (spared, others): (Vec<_>, Vec<_>) =
        killing.targets.into_iter().partition(|target| judge.spares(target, killing.signal));
    if spared.is_empty() {
        return go_on();
    }
    for target in others {
        if let Err(error) = target.signal(killing.signal) {
            output::note(&format!("{}: {}: {error}", shim.tool(), target.shown()));
        }
    }
    // As kill does if it could not signal all.
    ExitCode::FAILURE
}

/// Whom the command would signal, and with what; none if nobody, or if that is unknown.
fn killing(shim: Shim, words: &[&str]) -> Option<Killing> {
    let victims = match shim {
        Shim::Kill => return kill::read(words, Unknown::Decides),
        Shim::KillJudge => return kill::read(words, Unknown::Skipped),
        Shim::Pkill => Victims::of_pkill(words),
        Shim::Killall => Victims::of_killall(words),
        Shim::Fuser => Victims::of_fuser(words),
        Shim::Skill => Victims::of_skill(words),
    }?;
    let targets = victims.ask()?;
    (!targets.is_empty()).then_some(Killing { signal: victims.signal, targets })
}
