//! Runners of the packages of a monorepo.

use super::around::Around;
use crate::devserver::options::value;
use crate::devserver::program::program;
use crate::devserver::shell::Word;

/// What such a runner does with the variables of its scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Monorepo {
    /// Its scripts get them, and a package manager runs them.
    Passes,
    /// Its scripts get only those that its settings name.
    Drops(&'static str),
    /// All of its scripts have a `styxy run` of their own.
    Leases,
}

/// What `name` does with `args`, if it starts servers of several packages.
pub(super) fn runner(name: &str, args: &[Word], around: &dyn Around) -> Option<Monorepo> {
    let texts: Vec<&str> =
        args.iter().map(|word| word.text.as_str()).take_while(|text| *text != "--").collect();
    let (task, monorepo) = match program(name) {
        "lerna" => (lerna(&texts)?, Monorepo::Passes),
        "turbo" => {
            let loose = passes(args) || around.text("turbo.json").is_some_and(|text| is_loose(&text));
            (turbo(&texts)?, if loose { Monorepo::Passes } else { Monorepo::Drops("turbo") })
        }
        "nx" => (nx(&texts)?, Monorepo::Drops("nx")),
        _ => return None,
    };
    let scripts = around.in_workspaces(task);
    let leases = |text: &String| text.contains("styxy");
    if !scripts.is_empty() && scripts.iter().all(leases) {
        return Some(Monorepo::Leases);
    }
    // No package that is known has such a script: nothing says that servers are started.
    (!scripts.is_empty()).then_some(monorepo)
}

/// Tasks that start servers, as far as their names say.
fn serves(task: &str) -> bool {
    let first = task.split([':', '-', '#']).next().unwrap_or(task);
    ["dev", "develop", "start", "serve", "preview", "storybook", "watch"].contains(&first)
}

/// The first task among `words` that starts servers.
fn task<'w>(words: &[&'w str]) -> Option<&'w str> {
    let named = words.iter().take_while(|word| !word.starts_with('-'));
    named.map(|word| word.rsplit('#').next().unwrap_or(word)).find(|task| serves(task))
}

fn turbo<'w>(words: &[&'w str]) -> Option<&'w str> {
    match words.split_first()? {
        (&("run" | "watch"), rest) => task(rest),
        _ => task(words),
    }
}

fn lerna<'w>(words: &[&'w str]) -> Option<&'w str> {
    let (_, rest) = words.split_first().filter(|(first, _)| **first == "run")?;
    task(rest)
}

fn nx<'w>(words: &[&'w str]) -> Option<&'w str> {
    let (first, rest) = words.split_first()?;
    if !["run-many", "affected"].contains(first) {
        return None;
    }
    let at = rest
        .iter()
        .position(|word| ["-t", "--target", "--targets"].iter().any(|flag| value(word, flag).is_some()))?;
    let targets =
        rest[at].split_once('=').map_or_else(|| rest.get(at + 1).copied(), |(_, after)| Some(after));
    targets?.split(',').find(|target| serves(target))
}

/// Whether turbo is told to pass all variables.
fn passes(args: &[Word]) -> bool {
    args.iter().enumerate().any(|(at, word)| match word.text.strip_prefix("--env-mode") {
        Some("=loose") => true,
        Some("") => args.get(at + 1).is_some_and(|next| next.text == "loose"),
        _ => false,
    })
}

/// Whether its settings say so.
fn is_loose(settings: &str) -> bool {
    let plain: String = settings.split_whitespace().collect();
    plain.contains(r#""envMode":"loose""#)
}
