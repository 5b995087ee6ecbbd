//! `styxy kill --tree`: the server with everything that belongs to it, each process judged by itself (R97).

mod drawing;

use std::collections::BTreeMap;
use std::io::Write as _;

use styxy_client::living::Living;
use styxy_core::api::{
    CheckAnswer, Code, Ended, Ending, KillAnswer, Lease, Manager, Refusal, Spared, SystemUsage,
};
use styxy_core::{Pid, Port};

use super::again::Above;
use super::victims::{self, Left};
use super::{Args, MOST_ROUNDS, taken};
use crate::here::context::Context;
use crate::here::may_end::Protected;
use crate::here::ownership::Here;
use crate::here::tree::{Facts, Force, ServerTree, owner_as_server};
use crate::process::ending::{self, Outcome};
use crate::process::table::Entry;
use crate::process::tree::Tree;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::{self, printable};

/// Ends the whole tree of the server on `port`.
pub(super) fn run(args: &Args, context: &Context, here: &Here, port: Port) -> Result<Exit, Failure> {
    let mut one = One { args, context, here, port };
    let (found, mut tree) = one.judged(None)?;
    let shown = one.shown(&mut tree)?;
    if !args.yes && !output::can_ask() {
        return Err(super::no_terminal(&args.target, args.flags()));
    }
    one.draw(&shown, &tree);
    if !args.yes && !output::confirmed(&drawing::question(shown.tree.members.len()))? {
        output::note("Nothing was ended.");
        return Ok(Exit::Refused);
    }
    let answer = one.end(found, tree, &shown)?;
    context
        .output
        .answer(&answer, |out| out.write_all(format!("{}\n", printable(&answer.message)).as_bytes()))?;
    Ok(Exit::Done)
}

/// One run of the command.
struct One<'a> {
    args: &'a Args,
    context: &'a Context,
    here: &'a Here,
    port: Port,
}

/// A tree as it was when it was looked at.
struct Shown {
    tree: Tree,
    table: BTreeMap<u32, Entry>,
}

impl One<'_> {
    /// Who is on the port, `now` if that is known, and what belongs to it, if all that listen there may be ended; if nothing
    /// does, the process that owns the lease.
    fn judged(&self, now: Option<CheckAnswer>) -> Result<(CheckAnswer, ServerTree), Failure> {
        let (found, living, facts, daemon) = self.context.ask(async |client| {
            let found = match now {
                Some(now) => now,
                None => client.check(self.port).await?,
            };
            let living = Living::around(client, &found).await?;
            Ok((found, living, Facts::ask(client).await?, client.status().await?.pid))
        })?;
        let protected = Protected { own: std::process::id(), daemon: daemon.get() };
        let listens = found.system_usage.is_some();
        let owner = if listens { None } else { owner_as_server(&found, self.here) };
        let judged = owner.unwrap_or_else(|| found.clone());
        self.args.may_end(judged, self.here, &living, &protected)?;
        let force = if self.args.force { Force::Yes } else { Force::No };
        let tree = ServerTree::of(&found, &facts, self.here, force);
        Ok((found, tree))
    }

    /// The tree now.
    ///
    /// # Errors
    /// There is none; or what listens on the port must not be ended.
    fn shown(&self, tree: &mut ServerTree) -> Result<Shown, Failure> {
        let (look, found) = tree.look(&[]).map_err(|error| not_seen(&error))?;
        let spared = |pid: &&u32| found.spared.contains_key(pid);
        if let Some(pid) = tree.listeners().iter().find(spared) {
            let shown = shown(look.table.get(pid), *pid);
            let error =
                format!("port {} is used by {shown}, which is never ended: {}", self.port, found.spared[pid]);
            return Err(Refusal::new(Code::Forbidden, error)
                .hint(format!("styxy who {}", self.port))
                .detail("port", self.port.get())
                .into());
        }
        if found.members.is_empty() {
            return Err(victims::gone(self.port));
        }
        Ok(Shown { tree: found, table: look.table })
    }

    fn draw(&self, shown: &Shown, tree: &ServerTree) {
        let width = output::note_width();
        if !self.args.yes {
            for line in drawing::lines(&shown.tree, &shown.table, &|pid| tree.ports(pid).to_vec(), width) {
                output::note(&line);
            }
        }
        for (pid, why) in &shown.tree.spared {
            output::note(&format!("{} lives on: {why}", self::shown(shown.table.get(pid), *pid)));
        }
    }

    /// Ends it, and what is started again by what belongs to it.
    fn end(
        &mut self,
        mut found: CheckAnswer,
        mut tree: ServerTree,
        first: &Shown,
    ) -> Result<KillAnswer, Failure> {
        let (mut ended, mut spared) = (Vec::new(), first.tree.spared.clone());
        let mut seen = first.table.clone();
        for round in 1.. {
            // The confirmation may have taken a while, and another server may have started.
            let now = self.shown(&mut tree)?;
            let above = above(&found, &now);
            spared.extend(now.tree.spared);
            seen.extend(now.table);
            let owner = tree.owner();
            let outcome = ending::end(&mut |kept| tree.find(kept), owner, self.args.grace);
            ended.extend(all_ended(outcome.map_err(|error| not_seen(&error))?, self.port)?);
            let pids: Vec<Pid> = ended.iter().map(|one: &Ended| one.pid).collect();
            let now = match victims::freed(self.context, self.port, &pids)? {
                Left::Free(lease) => match above.back(self.context, self.port)? {
                    None => {
                        let spared = spared.iter().map(|(pid, why)| spared_one(*pid, why, &seen));
                        let (spared, first) = (spared.flatten().collect(), tree.listeners().first().copied());
                        let answer =
                            answer(self.port, ended, first, spared, lease.as_deref(), above.manager());
                        return answer.ok_or_else(|| victims::gone(self.port));
                    }
                    Some(now) => now,
                },
                Left::Taken(now) => *now,
            };
            let said = said(&ended);
            let next =
                (round < MOST_ROUNDS && !above.starts_at_once(&now)).then(|| self.judged(Some(now.clone())));
            let Some(Ok(next)) = next else { return Err(taken(self.port, &now, &said, &above)) };
            (found, tree) = next;
        }
        Err(victims::gone(self.port))
    }
}

/// What is above the listeners and the whole tree, and is not ended with them.
fn above(found: &CheckAnswer, now: &Shown) -> Above {
    let usages: Vec<&SystemUsage> = found.system_usage.iter().chain(&found.others).collect();
    let members: Vec<u32> = now.tree.members.keys().copied().collect();
    let parents = members.iter().filter_map(|pid| now.table.get(&now.table.get(pid)?.parent?));
    let parents = parents.filter(|above| above.pid > 1).map(|above| (above.pid, above.name.clone()));
    Above::of(&usages, &members).and(parents.collect(), &members)
}

/// `node (42)`
fn shown(entry: Option<&Entry>, pid: u32) -> String {
    facts::process(entry.map(|entry| entry.name.as_str()), Some(pid)).unwrap_or_default()
}

fn spared_one(pid: u32, why: &str, seen: &BTreeMap<u32, Entry>) -> Option<Spared> {
    let process = seen.get(&pid).map(|entry| entry.name.clone());
    Some(Spared { pid: Pid::new(pid)?, process, reason: why.to_owned() })
}

/// # Errors
/// Some still run.
fn all_ended(outcome: Outcome, port: Port) -> Result<Vec<Ended>, Failure> {
    if let Some((entry, error)) =
        outcome.left.iter().find_map(|(entry, error)| Some((entry, error.as_ref()?)))
        && let Some(pid) = Pid::new(entry.pid)
    {
        return Err(victims::cannot(pid, &shown(Some(entry), entry.pid), error));
    }
    if !outcome.left.is_empty() {
        let names: Vec<String> =
            outcome.left.iter().map(|(entry, _)| shown(Some(entry), entry.pid)).collect();
        let was = if names.len() == 1 { "was killed but has" } else { "were killed but have" };
        return Err(victims::taken(port, format!("{} {was} not ended", facts::names(&names))));
    }
    let ended = |(entry, ending): (Entry, Ending)| {
        Some(Ended { pid: Pid::new(entry.pid)?, process: Some(entry.name), ending })
    };
    Ok(outcome.ended.into_iter().filter_map(ended).collect())
}

fn not_seen(error: &std::io::Error) -> Failure {
    let error = format!("could not hold the processes of the server: {error}");
    Refusal::new(Code::InvalidRequest, error).hint("styxy doctor").into()
}

/// `npm (20) and node (22) have ended, esbuild (23) was killed`
fn said(ended: &[Ended]) -> String {
    let of = |ending: Ending, one: &str, several: &str| {
        let names = ended.iter().filter(|one| one.ending == ending);
        let names: Vec<String> =
            names.filter_map(|one| facts::process(one.process.as_deref(), Some(one.pid.get()))).collect();
        let verb = if names.len() == 1 { one } else { several };
        (!names.is_empty()).then(|| format!("{} {verb}", facts::names(&names)))
    };
    let asked = of(Ending::Asked, "has ended", "have ended");
    let killed = of(Ending::Killed, "was killed", "were killed");
    asked.into_iter().chain(killed).collect::<Vec<_>>().join(", ")
}

fn answer(
    port: Port,
    mut ended: Vec<Ended>,
    first: Option<u32>,
    spared: Vec<Spared>,
    left: Option<&Lease>,
    manager: Option<&Manager>,
) -> Option<KillAnswer> {
    let message = super::message(port, &said(&ended), left, manager);
    // What listened comes first, as without --tree.
    ended.sort_by_key(|one| Some(one.pid.get()) != first);
    let mut all = ended.into_iter();
    let Ended { pid, process, ending } = all.next()?;
    let (others, manager) = (all.collect(), manager.cloned());
    Some(KillAnswer { success: true, port, pid, process, ending, others, spared, manager, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(all: &[(u32, &str, Ending)]) -> Vec<Ended> {
        let one = |(pid, name, ending): &(u32, &str, Ending)| Ended {
            pid: Pid::new(*pid).unwrap(),
            process: Some((*name).to_owned()),
            ending: *ending,
        };
        all.iter().map(one).collect()
    }

    #[test]
    fn a_few_are_named_and_of_many_the_first() {
        use Ending::{Asked, Killed};
        let (npm, sh, node) = ((20, "npm", Asked), (21, "sh", Asked), (22, "node", Killed));
        assert_eq!(said(&ended(&[npm])), "npm (20) has ended");
        assert_eq!(said(&ended(&[npm, sh, node])), "npm (20) and sh (21) have ended, node (22) was killed");
        let many: Vec<_> = (1..=200).map(|pid| (pid, "node", Killed)).collect();
        assert_eq!(said(&ended(&many)), "node (1), node (2), node (3) and 197 more were killed");
    }
}
