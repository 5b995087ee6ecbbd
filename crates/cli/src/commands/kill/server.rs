//! The server on a port, as it is ended: the processes that listen there, and with `--tree` everything that belongs to them, each
//! process judged by itself (R97).

mod drawing;

use std::collections::BTreeMap;
use std::io::Write as _;

use styxy_client::living::Living;
use styxy_core::api::{
    CheckAnswer, Code, Ended, Ending, KillAnswer, Lease, Manager, Refusal, Spared, SystemUsage, WhoAnswer,
};
use styxy_core::order::Order as _;
use styxy_core::printable::tilde;
use styxy_core::{Pid, Port};

use super::again::{self, Above};
use super::left::{self, Left};
use super::{Args, taken};
use crate::here::context::Context;
use crate::here::manager;
use crate::here::may_end::{self, Protected};
use crate::here::ownership::Here;
use crate::here::tree::{Facts, Force, ServerTree, owner_as_server};
use crate::process::ending::{self, Found, Outcome};
use crate::process::table::{Entry, Processes};
use crate::process::tree::{Tree, Way};
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::{self, one_line, printable};

/// A parent that replaces its children is ended with them; more rounds are needed only if it ends slowly.
const MOST_ROUNDS: usize = 4;

/// The server on `port`, for one run of the command.
pub(super) struct Server<'a> {
    pub(super) args: &'a Args,
    pub(super) context: &'a Context,
    pub(super) here: &'a Here,
    pub(super) port: Port,
}

/// Who is on the port and may be ended.
pub(super) struct Judged {
    pub(super) found: CheckAnswer,
    /// The same, each with whose it is.
    whose: Vec<WhoAnswer>,
    /// What belongs to it; none without `--tree`.
    tree: Option<ServerTree>,
}

/// What is to be ended, as it was when it was looked at.
struct Shown {
    tree: Tree,
    table: BTreeMap<u32, Entry>,
}

impl Server<'_> {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let mut judged = self.judged(None)?;
        let shown = self.shown(&mut judged)?;
        let service = self.service(&judged);
        service.as_ref().map_or(Ok(()), |service| self.may_end_service(service))?;
        if !self.args.tree
            && let Some(why) = styxy_daemon::system::no_handles()
        {
            let known = "identified by its start time and not by a handle";
            output::note(&format!(
                "there are no handles on processes here (pidfd_open: {why}): each is {known}"
            ));
        }
        if !self.args.yes && !output::can_ask() {
            return Err(super::no_terminal(&self.args.target, self.args.flags()));
        }
        let question = self.draw(&judged, &shown);
        if let Some(service) = service.as_ref().filter(|_| !self.args.yes) {
            output::note(&format!("  service  {} of styxy up, which ends with it", service.service));
        }
        if !self.args.yes && !output::confirmed(&question)? {
            output::note("Nothing was ended.");
            return Ok(Exit::Refused);
        }
        let by_keeper = service.map(|service| self.by_keeper(&judged, &service)).transpose()?.flatten();
        let answer = match by_keeper {
            Some(answer) => answer,
            None => self.end(judged, &shown)?,
        };
        self.context
            .output
            .answer(&answer, |out| out.write_all(format!("{}\n", printable(&answer.message)).as_bytes()))?;
        Ok(Exit::Done)
    }

    /// Who is on the port, `now` if that is known, and what belongs to it, if all that listen there may be ended; if nothing
    /// does, the process that owns the lease, with `--tree`.
    fn judged(&self, now: Option<CheckAnswer>) -> Result<Judged, Failure> {
        let (found, living, facts, daemon) = self.context.ask(async |client| {
            let found = match now {
                Some(now) => now,
                None => client.check(self.port).await?,
            };
            let living = Living::around(client, &found).await?;
            let facts = if self.args.tree { Some(Facts::ask(client).await?) } else { None };
            Ok((found, living, facts, client.status().await?.pid))
        })?;
        let protected = Protected { own: std::process::id(), daemon: daemon.get() };
        let owner = facts.as_ref().filter(|_| found.system_usage.is_none());
        let owner = owner.and_then(|_| owner_as_server(&found, self.here));
        let judged = owner.unwrap_or_else(|| found.clone());
        let whose = self.args.may_end(judged, self.here, &living, &protected)?;
        let force = if self.args.force { Force::Yes } else { Force::No };
        let tree = facts.map(|facts| ServerTree::of(&found, &facts, self.here, force));
        Ok(Judged { found, whose, tree })
    }

    /// What is to be ended, as it is now.
    ///
    /// # Errors
    /// There is none; or what listens on the port must not be ended.
    fn shown(&self, judged: &mut Judged) -> Result<Shown, Failure> {
        let shown = match &mut judged.tree {
            Some(tree) => self.whole(tree)?,
            None => self.listeners(&judged.found)?,
        };
        if shown.tree.members.is_empty() { Err(left::gone(self.port)) } else { Ok(shown) }
    }

    /// First the processes are looked at, then the daemon is asked again: if it names the same ones, those that were seen are the
    /// listeners, even if pids were reused in between. A server's children come and go: those that are gone are left out.
    fn listeners(&self, found: &CheckAnswer) -> Result<Shown, Failure> {
        let table = Processes::default().look().map_err(|error| not_seen(&error))?.table;
        let now = self.context.ask(async |client| client.check(self.port).await)?;
        let still = found.listeners().filter(|usage| may_end::is_among(Some(usage), &now));
        let pids = still.filter_map(|usage| usage.pid).map(Pid::get).filter(|pid| table.contains_key(pid));
        let members = pids.map(|pid| (pid, Way::Listens)).collect();
        Ok(Shown { tree: Tree { members, ..Tree::default() }, table })
    }

    fn whole(&self, tree: &mut ServerTree) -> Result<Shown, Failure> {
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
        Ok(Shown { tree: found, table: look.table })
    }

    /// Says what will be ended, if that is to be confirmed, and what lives on; returns the question.
    fn draw(&self, judged: &Judged, shown: &Shown) -> String {
        let members = &shown.tree.members;
        let pid = |one: &WhoAnswer| one.system_usage.as_ref().and_then(|usage| usage.pid);
        let is_shown = |one: &&WhoAnswer| pid(one).is_some_and(|pid| members.contains_key(&pid.get()));
        let mut question = drawing::question(members.len());
        match &judged.tree {
            _ if self.args.yes => {}
            Some(tree) => {
                let width = output::note_width();
                for line in drawing::lines(&shown.tree, &shown.table, &|pid| tree.ports(pid).to_vec(), width)
                {
                    output::note(&line);
                }
            }
            None => {
                for one in judged.whose.iter().filter(is_shown) {
                    let process = self.draw_one(one);
                    if members.len() == 1 {
                        question = format!("End {}?", printable(&process));
                    }
                }
            }
        }
        for (pid, why) in &shown.tree.spared {
            output::note(&format!("{} lives on: {why}", self::shown(shown.table.get(pid), *pid)));
        }
        question
    }

    /// Shows one of the listeners, and returns how it is called.
    fn draw_one(&self, one: &WhoAnswer) -> String {
        let usage = one.system_usage.clone().unwrap_or_default();
        let worktree = one.worktree.as_ref().map(styxy_core::ProjectPath::as_str);
        let place = usage.working_directory.as_deref().or(worktree);
        let process = facts::process(usage.process.as_deref(), usage.pid.map(Pid::get)).unwrap_or_default();
        output::note(&format!("Port {}: {}", self.port, one.reason));
        for (name, value) in [
            ("process", Some(process.clone())),
            ("kept up", manager::of(&usage).map(|manager| format!("by {}", facts::manager(&manager)))),
            ("command", usage.command.as_deref().map(|command| one_line(command).into_owned())),
            ("folder", place.map(|place| tilde(place, self.here.caller.home()))),
        ] {
            if let Some(value) = value {
                output::note(&format!("  {name:<7}  {value}"));
            }
        }
        process
    }

    /// Ends it, and what is started again by what belongs to it.
    fn end(&self, mut judged: Judged, first: &Shown) -> Result<KillAnswer, Failure> {
        let (mut ended, mut spared) = (Vec::new(), first.tree.spared.clone());
        let (mut seen, mut addresses) = (first.table.clone(), Vec::new());
        let server = judged.found.listeners().find_map(|usage| usage.pid).map(Pid::get);
        // The confirmation may have taken a while, and another server may have started.
        let mut now = self.shown(&mut judged)?;
        for round in 1.. {
            let above = above(&judged.found, &now);
            addresses.extend(judged.found.listeners().map(|usage| usage.addresses.clone()));
            let outcome = self.ending(&mut judged, &now).map_err(|error| not_seen(&error))?;
            spared.extend(now.tree.spared);
            seen.extend(now.table);
            ended.extend(all_ended(outcome, self.port)?);
            let pids: Vec<Pid> = ended.iter().map(|one: &Ended| one.pid).collect();
            let (again, was_free) = match left::freed(self.context, self.port, &pids)? {
                Left::Free(lease) => match above.back(self.context, self.port)? {
                    None => {
                        let spared = spared.iter().filter_map(|(pid, why)| spared_one(*pid, why, &seen));
                        let (lease, spared) = (lease.as_deref(), spared.collect());
                        let answer = answer(self.port, ended, server, spared, lease, above.manager());
                        return answer.ok_or_else(|| left::gone(self.port));
                    }
                    Some(again) => (again, true),
                },
                Left::Taken(again) => (*again, false),
            };
            // Without --tree only what replaces a child of the server is ended with it.
            let has_address = |usage: &SystemUsage| addresses.contains(&usage.addresses);
            let is_its_own = judged.tree.is_some() || !was_free && again.listeners().all(has_address);
            let goes_on = is_its_own && round < MOST_ROUNDS && !above.starts_at_once(&again);
            let next = || {
                let mut next = self.judged(Some(again.clone())).ok()?;
                let now = self.shown(&mut next).ok()?;
                Some((next, now))
            };
            let Some(next) = goes_on.then(next).flatten() else {
                return Err(taken(self.port, &again, &said(&ended), &above));
            };
            (judged, now) = next;
        }
        Err(left::gone(self.port))
    }

    fn ending(&self, judged: &mut Judged, now: &Shown) -> std::io::Result<Outcome> {
        let Some(tree) = &mut judged.tree else {
            let members: Vec<Entry> =
                now.tree.members.keys().filter_map(|pid| now.table.get(pid)).cloned().collect();
            let mut find =
                |_: &[u32]| Ok(Found { members: members.clone(), spared: Vec::new(), is_whole: true });
            return ending::end(&mut find, None, self.args.grace);
        };
        let owner = tree.owner();
        ending::end(&mut |kept| tree.find(kept), owner, self.args.grace)
    }
}

/// What is above the listeners and their tree, and is not ended with them.
fn above(found: &CheckAnswer, now: &Shown) -> Above {
    let usages: Vec<&SystemUsage> = found.listeners().collect();
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
        return Err(left::cannot(pid, &shown(Some(entry), entry.pid), error));
    }
    if !outcome.left.is_empty() {
        let names: Vec<String> =
            outcome.left.iter().map(|(entry, _)| shown(Some(entry), entry.pid)).collect();
        let was = if names.len() == 1 { "was killed but has" } else { "were killed but have" };
        let within = ending::SETTLE.as_secs();
        return Err(left::taken(port, format!("{} {was} not ended within {within} s", facts::names(&names))));
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

/// What was done, if anything; `left` is the lease that still covers the port, and `manager` what may start the server again, if
/// there are such. `first` is what listened, which comes first.
pub(super) fn answer(
    port: Port,
    mut ended: Vec<Ended>,
    first: Option<u32>,
    spared: Vec<Spared>,
    left: Option<&Lease>,
    manager: Option<&Manager>,
) -> Option<KillAnswer> {
    let ends = |lease: &Lease| {
        format!("; its lease ends with {}, or with: styxy release {port}", facts::ends_with(&lease.owner))
    };
    let lease = left.map(ends).unwrap_or_default();
    let again = manager.map(again::warning).unwrap_or_default();
    let message = format!("{}. Nothing listens on port {port} now{lease}{again}", said(&ended));
    ended.order_by_key(|one| Some(one.pid.get()) != first);
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
