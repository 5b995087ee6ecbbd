//! The campaign's command line.

use std::fmt::Write as _;

use crate::faults::{FAULTS, Fault};

/// How much is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// All faults in four minutes, for CI.
    Short,
    /// The counts of docs/RELIABILITY.md; the soak alone takes 8 hours.
    Full,
}

/// What becomes of times and ratios of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    Judged,
    /// They are shown: the machine has other work.
    Shown,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Only the checker's own tests: what a plain `cargo test` asks for.
    Checker,
    /// Print the faults.
    List,
    /// Run faults.
    Run(Run),
}

/// Which faults, how often, with which random choices.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) form: Form,
    pub(crate) faults: Vec<&'static Fault>,
    pub(crate) seed: u64,
    /// Instead of the form's own count.
    pub(crate) rounds: Option<u32>,
    /// Whether times are judged.
    pub(crate) times: Times,
}

pub(crate) const USAGE: &str = "\
usage: cargo test -p styxy --test campaign --release -- --short | --full [options]

  --short          every fault in CI's counts, 4 minutes
  --full           every fault in the full counts; the soak takes 8 hours
  --fault NAME     this fault only; several times for several (--list names them)
  --seed N         the random choices of an earlier run
  --no-times       show times, and judge everything else: for a machine that has other work
  --rounds N       so many rounds, instead of the form's own count
  --list           name the faults and their counts

STYXY_BINARY names the program under test, if it is not to be the one that was just built.
Without --short or --full only the checker's own tests run.
";

/// Reads the arguments. Words that libtest would take are ignored unless `--short` or `--full` is among them, so that
/// `cargo test NAME` does not fail here.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn read(words: &[String]) -> Result<Wanted, String> {
    if words.iter().any(|word| word == "--list") {
        return Ok(Wanted::List);
    }
    let form = match (words.iter().any(|word| word == "--short"), words.iter().any(|word| word == "--full")) {
        (false, false) => return Ok(Wanted::Checker),
        (true, false) => Form::Short,
        (false, true) => Form::Full,
        (true, true) => return Err("--short and --full exclude each other".to_owned()),
    };
    let mut run = Run {
        form,
        faults: Vec::new(),
        seed: fastrand::u64(..1_000_000_000),
        rounds: None,
        times: Times::Judged,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--short" | "--full" => {}
            "--no-times" => run.times = Times::Shown,
            "--fault" => {
                let name = value()?;
                let fault = FAULTS.iter().find(|fault| fault.name == name);
                run.faults.push(fault.ok_or_else(|| format!("there is no fault {name}\n{}", list()))?);
            }
            "--seed" => run.seed = value()?.parse().map_err(|error| format!("--seed: {error}"))?,
            "--rounds" => run.rounds = Some(value()?.parse().map_err(|error| format!("--rounds: {error}"))?),
            other => return Err(format!("{other} is unknown")),
        }
    }
    if run.faults.is_empty() {
        run.faults = FAULTS.iter().collect();
    }
    Ok(Wanted::Run(run))
}

impl Run {
    /// How often a fault is caused.
    pub(crate) fn count(&self, fault: &Fault) -> u32 {
        self.rounds.unwrap_or(match self.form {
            Form::Short => fault.short,
            Form::Full => fault.full,
        })
    }

    /// The line that runs one fault again with the same random choices.
    pub(crate) fn replay(&self, fault: &Fault) -> String {
        let form = match self.form {
            Form::Short => "--short",
            Form::Full => "--full",
        };
        let rounds = self.rounds.map(|rounds| format!(" --rounds {rounds}")).unwrap_or_default();
        let times = if self.times == Times::Shown { " --no-times" } else { "" };
        let (profile, name, seed) =
            (if cfg!(debug_assertions) { "" } else { " --release" }, fault.name, self.seed);
        let binary =
            std::env::var("STYXY_BINARY").map(|path| format!("STYXY_BINARY={path} ")).unwrap_or_default();
        format!(
            "{binary}cargo test -p styxy --test campaign{profile} -- {form} --fault {name} --seed {seed}{rounds}{times}"
        )
    }
}

/// The faults and their counts.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for Fault { name, title, short, full, .. } in FAULTS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<8} {short:>6} / {full:<6} {title}");
    }
    text
}
