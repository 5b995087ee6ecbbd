//! Whether a shell command would take the port of another worktree's or session's server or end it, and the objection.
//!
//! A command that names no port and no process costs no request. Without an answer in time there is no objection.

use std::path::Path;
use std::time::Duration;

use styxy_client::leases::{self, Of};
use styxy_client::living::{self, Living, NamedProcess};
use styxy_client::{Caller, Client, Error, Terms};
use styxy_core::api::{
    AllocationsQuery, CheckAnswer, Lease, OwnerKind, PortInUse, ScanQuery, WhoAnswer, Whose,
};
use styxy_core::checkout::Kinship;
use styxy_core::{InstanceId, Pid, Port, PortRange};

use super::targets::{self, Target, What};
use crate::devserver::package::Package;
use crate::here::context;
use crate::here::ownership::{self, Here};
use crate::say::facts;
use crate::say::output::one_line;
use styxy_core::printable::tilde;

/// The agent waits no longer than this. A healthy daemon answers in a fraction of a millisecond; on a busy machine it may
/// need longer.
const PATIENCE: Duration = Duration::from_millis(100);
/// Up to so many ports are asked about one by one; more are asked about in one scan.
const FEW: usize = 2;

/// Why `text` must not run in `folder` for `instance`; none if it may, or if that is unknown.
pub(super) fn objection(
    text: &str,
    caller: &Caller,
    folder: &Path,
    instance: Option<&InstanceId>,
) -> Option<String> {
    let scripts = |folder: &Path, name: &str| Package::around(folder).ok()?.script(name).map(str::to_owned);
    let targets = targets::read(text, folder, caller.home(), &scripts);
    let targets: Vec<(What, Here)> = targets
        .into_iter()
        // A folder that is not there (yet) is nobody's.
        .filter_map(|Target { what, folder }| {
            let caller = caller.at(&folder);
            caller.place().is_some().then(|| (what, Here::new(caller, instance.cloned())))
        })
        .collect();
    if targets.is_empty() {
        return None;
    }
    let asked = context::try_ask(PATIENCE, async |client| {
        tokio::time::timeout(PATIENCE, judge(client, &targets)).await.unwrap_or(Ok(None))
    });
    asked.ok()?.ok()?
}

async fn judge(client: &Client, targets: &[(What, Here)]) -> Result<Option<String>, Error> {
    let mut seen: Vec<CheckAnswer> = Vec::new();
    let ports: Vec<Port> = targets.iter().filter_map(|(what, _)| port(what)).collect();
    if ports.len() <= FEW {
        for port in &ports {
            if seen.iter().all(|answer| answer.port != *port) {
                seen.push(client.check(*port).await?);
            }
        }
    } else if let Some(range) = around(&ports) {
        seen = scan(client, range).await?;
    }
    let by_name = targets.iter().any(|(what, _)| port(what).is_none());
    // Every listener, leased or not: people also start servers without a lease.
    let listeners = if by_name { scan(client, PortRange::ALL).await? } else { Vec::new() };
    for (what, here) in targets {
        let candidates = match what {
            What::Bind(port) | What::KillPort(port) => {
                seen.iter().filter(|answer| answer.port == *port).collect::<Vec<_>>()
            }
            What::KillName(_) | What::KillPid(_) => {
                listeners.iter().filter(|answer| is_meant(what, answer)).collect()
            }
        };
        for answer in candidates {
            if let Some(holder) = other(client, what, answer, here).await? {
                let own = own(client, here).await?;
                return Ok(Some(said(what, &holder, &own, here.caller.home())));
            }
        }
    }
    Ok(None)
}

fn port(what: &What) -> Option<Port> {
    match what {
        What::Bind(port) | What::KillPort(port) => Some(*port),
        What::KillName(_) | What::KillPid(_) => None,
    }
}

/// From the lowest to the highest of `ports`.
fn around(ports: &[Port]) -> Option<PortRange> {
    PortRange::new(*ports.iter().min()?, *ports.iter().max()?)
}

/// The leases and listeners in `range`.
async fn scan(client: &Client, range: PortRange) -> Result<Vec<CheckAnswer>, Error> {
    let query = ScanQuery { start: Some(range.first()), end: Some(range.last()) };
    let found = client.scan(&query).await?.ports_in_use.into_iter();
    Ok(found
        .map(|PortInUse { port, allocated_to, system_usage, others }| CheckAnswer {
            port,
            available: false,
            allocated_to,
            system_usage,
            others,
            reason: None,
        })
        .collect())
}

/// Whether the command would end the process that listens, or the one that owns the lease and with it the server.
fn is_meant(what: &What, answer: &CheckAnswer) -> bool {
    let owner = answer
        .allocated_to
        .as_ref()
        .map(|lease| &lease.owner)
        .filter(|owner| owner.kind == OwnerKind::Process);
    let mut usages = answer.system_usage.iter().chain(&answer.others);
    match what {
        What::KillName(name) => {
            usages.any(|usage| name.means(usage.process.as_deref(), usage.command.as_deref()))
                || owner.is_some_and(|owner| name.means(owner.process.as_deref(), None))
        }
        What::KillPid(pid) => {
            let is = |other: Option<Pid>| other.is_some_and(|other| other.get() == *pid);
            usages.any(|usage| is(usage.pid)) || owner.is_some_and(|owner| is(owner.pid))
        }
        What::Bind(_) | What::KillPort(_) => false,
    }
}

/// Who has the port, if that is another worktree or another live session.
async fn other(
    client: &Client,
    what: &What,
    answer: &CheckAnswer,
    here: &Here,
) -> Result<Option<WhoAnswer>, Error> {
    let mut holder = ownership::judge(answer.clone(), here);
    let lease = answer.allocated_to.as_ref().filter(|lease| lease.conflict.is_none());
    let is_other = match holder.whose {
        Whose::Sibling => true,
        Whose::Foreign => holder.system_usage.as_ref().is_some_and(|usage| {
            let in_worktree =
                usage.project_path.is_some() || lease.is_some_and(|lease| lease.project_path.is_some());
            usage.same_user != Some(false) && in_worktree && holder.worktree.is_some()
        }),
        // A port without a server: nothing would be ended, but to bind it would take it from its lease.
        Whose::Nobody if !matches!(what, What::Bind(_)) => false,
        Whose::Nobody => match lease.and_then(|lease| lease.project_path.as_ref()) {
            Some(project) => {
                holder.worktree = Some(project.clone());
                // A checkout that is gone has no say, and neither has one that another was made in place of.
                let stands = living::stands(project, lease.and_then(|lease| lease.project_id.as_ref()));
                stands && here.caller.kinship(Path::new(project.as_str())) != Kinship::Same
                    || is_other_session(client, &holder, answer, here).await?
            }
            None => false,
        },
        Whose::Mine => is_other_session(client, &holder, answer, here).await?,
        Whose::Orphan => false,
    };
    Ok(is_other.then_some(holder))
}

/// Whether the lease belongs to another live session. Unknown, and so false, if this session has no name.
async fn is_other_session(
    client: &Client,
    holder: &WhoAnswer,
    answer: &CheckAnswer,
    here: &Here,
) -> Result<bool, Error> {
    let (Some(theirs), Some(ours)) = (&holder.instance_id, &here.instance) else { return Ok(false) };
    let Some(lease) = holder.allocated_to.as_ref().filter(|_| theirs != ours) else { return Ok(false) };
    // A session without hooks is not registered, but its name contains its pid.
    if living::named_process(theirs).is_some_and(NamedProcess::lives) {
        return Ok(true);
    }
    Ok(Living::around(client, answer).await?.session(lease).is_some())
}

/// The facts: who has it, which ports this checkout has (`own`), how to start a server on another port.
fn said(what: &What, holder: &WhoAnswer, own: &[String], home: Option<&Path>) -> String {
    let usage = holder.system_usage.as_ref();
    let process = usage.and_then(|usage| facts::process(usage.process.as_deref(), usage.pid.map(Pid::get)));
    let mut facts: Vec<String> = Vec::new();
    facts.extend(holder.instance_id.as_ref().map(|instance| format!("session {instance}")));
    facts.extend(holder.worktree.as_ref().map(|path| tilde(path.as_str(), home)));
    facts.extend(holder.branch.as_ref().map(|branch| format!("branch {branch}")));
    let of = one_line(&facts.join(", ")).into_owned();
    let port = holder.port;
    let server = process.clone().unwrap_or_else(|| "a server".to_owned());
    let fact = match what {
        What::Bind(_) if process.is_some() => {
            format!("Port {port} is in use by {server} of another checkout or session: {of}.")
        }
        What::Bind(_) => format!("Port {port} is leased for another checkout or session: {of}."),
        What::KillPort(_) => format!("Port {port} is used by {server} of another checkout or session: {of}."),
        What::KillName(name) => {
            format!(
                "The name {:?} also matches {server} on port {port} of another checkout or session: {of}.",
                name.shown
            )
        }
        What::KillPid(pid) => format!(
            "Process {pid} belongs to the server on port {port} of another checkout or session: {of}."
        ),
    };
    let own = if own.is_empty() {
        "This checkout has no leased port yet.".to_owned()
    } else {
        format!("This checkout has {}.", own.join(", "))
    };
    let how = match what {
        What::Bind(_) => "`styxy run -- COMMAND` runs a server on a port of its own.",
        What::KillPort(_) | What::KillName(_) | What::KillPid(_) => {
            "`styxy kill PORT` ends only servers of this checkout, and `styxy run -- COMMAND` runs one on a port of its own."
        }
    };
    format!("{fact} {own} {how}")
}

/// `dev 8003`, for every lease of this worktree that does not belong to another session.
async fn own(client: &Client, here: &Here) -> Result<Vec<String>, Error> {
    let project = here.caller.place().and_then(|place| here.caller.project_named(place).ok());
    if project.is_none() {
        return Ok(Vec::new());
    }
    let query = AllocationsQuery { project_path: project.clone(), ..AllocationsQuery::default() };
    let leases = client.allocations(&query).await?.allocations;
    let project_id = project.as_ref().and_then(Caller::id_of);
    let terms = Terms { project, project_id, instance: here.instance.clone(), ..Terms::default() };
    let ours = |lease: &&Lease| matches!(leases::whose(lease, &terms), Of::Caller | Of::Person);
    Ok(leases.iter().filter(ours).map(|lease| format!("{} {}", facts::service(lease), lease.port)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};
    use serde_json::json;

    #[test]
    fn an_objection_says_who_has_the_port_and_how_to_start_on_another() {
        let holder = |change: fn(&mut serde_json::Value)| -> WhoAnswer {
            let mut wire = json!({"port": 3000, "whose": "sibling", "reason": "", "worktree": "/home/ada/fix",
                "branch": "fix", "instance_id": "claude-2", "allocated_to": null,
                "system_usage": {"pid": 42, "process": "node", "addresses": []}});
            change(&mut wire);
            serde_json::from_value(wire).unwrap()
        };
        let port = Port::new(3000).unwrap();
        let said = |what: &What, change: fn(&mut serde_json::Value), own: &[String]| {
            said(what, &holder(change), own, Some(Path::new("/home/ada"))) + "\n"
        };
        let own = ["dev 8000".to_owned(), "api/web 8001".to_owned()];
        let text = "pkill node";
        let named = targets::read(text, Path::new("/"), None, &|_, _| None).remove(0).what;
        snapshot!(
            "objections",
            each([
                ("a port in use", said(&What::Bind(port), |_| {}, &own)),
                (
                    "a port that is leased",
                    said(&What::Bind(port), |wire| wire["system_usage"] = json!(null), &[])
                ),
                ("ends what has the port", said(&What::KillPort(port), |_| {}, &own)),
                ("ends by name", said(&named, |wire| wire["branch"] = json!(null), &own)),
                ("ends by pid", said(&What::KillPid(42), |wire| wire["instance_id"] = json!(null), &[])),
                (
                    "a hostile branch",
                    said(&What::Bind(port), |wire| wire["branch"] = json!("a\nb\u{1b}[2J"), &[])
                ),
            ])
        );
    }
}
