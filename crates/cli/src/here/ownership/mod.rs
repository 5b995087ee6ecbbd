//! Whose the server on a port is: port, process, working directory, worktree, branch, agent session.
//!
//! The worktree decides. Two agent sessions of one worktree run the same code, so a server of the other one is mine here
//! too, and the answer names that session; only where no worktree is known does the session decide. The server's own
//! folder counts before its lease's, since a lease is only what was asked for; and a lease's path counts only as long as the
//! folder there is the one that it was asked for.

use std::path::Path;

use styxy_client::{Caller, Client, Error};
use styxy_core::api::{CheckAnswer, Lease, SystemUsage, WhoAnswer, Whose};
use styxy_core::belongs::{self, Belongs, works_outside};
use styxy_core::checkout::Kinship;
use styxy_core::{InstanceId, Port, ProjectPath};

use crate::here::caller::ground;
use crate::here::manager;
use crate::say::facts;
use crate::say::failure::Failure;
use styxy_core::printable::tilde;

/// For whom it is judged whose a server is.
#[derive(Debug)]
pub(crate) struct Here {
    pub(crate) caller: Caller,
    pub(crate) instance: Option<InstanceId>,
    /// Whether this user may end another's processes.
    pub(crate) is_root: bool,
}

impl Here {
    /// A caller whose session is known.
    pub(crate) fn new(caller: Caller, instance: Option<InstanceId>) -> Self {
        Self { caller, instance, is_root: is_root() }
    }

    /// # Errors
    /// The checkout's path is not Unicode, or the environment names a session that cannot be.
    pub(crate) fn of(caller: Caller) -> Result<Self, Failure> {
        // The daemon could not say that a server runs in such a checkout.
        caller.project()?;
        let instance = caller.instance()?;
        Ok(Self::new(caller, instance))
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Windows itself says whether a process may be ended.
#[cfg(windows)]
const fn is_root() -> bool {
    true
}

/// Asks the daemon who is on `port`, and says whose that is from `here`.
///
/// # Errors
/// The daemon cannot be asked.
pub(crate) async fn whose(client: &Client, port: Port, here: &Here) -> Result<WhoAnswer, Error> {
    Ok(with_manager(judge(client.check(port).await?, here)))
}

/// With what starts the server again when it ends, which takes some files of /proc to find out.
pub(crate) fn with_manager(answer: WhoAnswer) -> WhoAnswer {
    let manager = answer.system_usage.as_ref().and_then(manager::of);
    WhoAnswer { manager, ..answer }
}

/// Says whose the server is that `answer` tells of.
pub(crate) fn judge(mut answer: CheckAnswer, here: &Here) -> WhoAnswer {
    adopt(&mut answer);
    let disk = Disk {
        belongs: belongs::Disk {
            is_there: &Path::exists,
            id: &Caller::id_of,
            is_older: &|project, started| Caller::is_older(project, started),
            is_known: &|folder| here.caller.at(folder).known_root().is_some(),
        },
        kinship: &|theirs| here.caller.kinship(theirs),
        ground: ground(&here.caller),
    };
    classify(answer, here, &disk)
}

/// A process outside of any worktree that listens on the very addresses of one inside is that one's child: they share the
/// socket, and it only went to another folder.
fn adopt(answer: &mut CheckAnswer) {
    let all = || answer.listeners();
    let Some(parent) = all().find(|usage| usage.project_path.is_some()).cloned() else { return };
    for usage in answer.system_usage.iter_mut().chain(&mut answer.others) {
        let alike = usage.addresses == parent.addresses && usage.same_user == parent.same_user;
        if alike && usage.project_path.is_none() && usage.working_directory_deleted == Some(false) {
            usage.project_path.clone_from(&parent.project_path);
            usage.branch.clone_from(&parent.branch);
        }
    }
}

/// The same for each process that listens there by itself; one answer that says so if none does.
pub(crate) fn each(mut answer: CheckAnswer, here: &Here) -> Vec<WhoAnswer> {
    adopt(&mut answer);
    let others = std::mem::take(&mut answer.others);
    let first = answer.system_usage.take();
    let alone = |usage| CheckAnswer { system_usage: usage, ..answer.clone() };
    let all = std::iter::once(first).chain(others.into_iter().map(Some));
    all.map(|usage| judge(alone(usage), here)).collect()
}

/// What is asked of the disk.
struct Disk<'a> {
    belongs: belongs::Disk<'a>,
    kinship: &'a dyn Fn(&Path) -> Kinship,
    /// What the place is called that is mine.
    ground: &'static str,
}

fn classify(answer: CheckAnswer, here: &Here, disk: &Disk) -> WhoAnswer {
    let CheckAnswer { port, system_usage, others, allocated_to, reason, .. } = answer;
    // The lease of a port that a stranger has taken says nothing of that stranger.
    let lease = allocated_to.as_ref().filter(|lease| lease.conflict.is_none());
    let session = lease.and_then(|lease| lease.instance_id.clone());
    let judged = |usage: SystemUsage| {
        let belongs = belongs::belongs(&usage, lease, &disk.belongs);
        let (whose, said) = server(&usage, &belongs, session.as_ref(), here, disk);
        (whose, said, belongs.path(), usage)
    };
    // Several may listen, each on an address of its own: the port is mine if all of them are.
    let mut all = system_usage.into_iter().chain(others).map(judged);
    let first = all.next();
    let decides = all.find(|(whose, ..)| *whose != Whose::Mine);
    let decides = match (&first, decides) {
        (Some((Whose::Mine, ..)), Some(other)) => Some(other),
        (Some(_) | None, _) => first,
    };
    let (whose, reason, worktree, system_usage) = match decides {
        Some((whose, said, worktree, usage)) => (whose, said, worktree, Some(usage)),
        None => (Whose::Nobody, nobody(lease, reason), None, None),
    };
    let usage = system_usage.as_ref().filter(|usage| usage.project_path == worktree);
    let branch = usage.and_then(|usage| usage.branch.clone());
    WhoAnswer {
        port,
        whose,
        reason,
        worktree,
        branch,
        instance_id: session,
        system_usage,
        allocated_to,
        manager: None,
        up: None,
    }
}

fn nobody(lease: Option<&Lease>, reason: Option<String>) -> String {
    match (lease, reason) {
        (Some(lease), _) => {
            format!("nothing listens; it is leased for {}, {}", facts::service(lease), facts::who(lease))
        }
        (None, Some(reason)) => format!("nothing listens; {reason}"),
        (None, None) => "nothing listens".to_owned(),
    }
}

fn server(
    usage: &SystemUsage,
    belongs: &Belongs,
    session: Option<&InstanceId>,
    here: &Here,
    disk: &Disk,
) -> (Whose, String) {
    let process = facts::server(usage).unwrap_or_else(|| "a process that cannot be seen".to_owned());
    // Root may serve a container of this user's.
    if usage.same_user == Some(false) && (usage.container.is_none() || matches!(belongs, Belongs::Unknown)) {
        let user = usage.user.as_deref().map(|user| match user.parse::<u32>() {
            Ok(number) => format!(", user {number}"),
            Err(_) => format!(", {user}"),
        });
        let user = user.unwrap_or_default();
        return (Whose::Foreign, format!("{process} is another user's{user}"));
    }
    let named = |path: &ProjectPath| tilde(path.as_str(), here.caller.home());
    let other = session.filter(|session| here.instance.as_ref() != Some(*session));
    let other = other.map(|session| format!(", for the agent session {session}")).unwrap_or_default();
    match belongs {
        Belongs::To(path) => match (disk.kinship)(Path::new(path.as_str())) {
            Kinship::Same => {
                let how = if works_outside(usage, path) { "for" } else { "in" };
                (Whose::Mine, format!("{process} runs {how} this {}{other}", disk.ground))
            }
            Kinship::Sibling => (
                Whose::Sibling,
                format!("{process} runs in another worktree of this repository, {}", named(path)),
            ),
            Kinship::Unrelated => (Whose::Foreign, format!("{process} runs in {}", named(path))),
        },
        Belongs::ToDeleted(path) => {
            let called = path.as_ref().map(|path| format!(", {}", named(path))).unwrap_or_default();
            (Whose::Orphan, format!("{process} runs in a folder that was deleted{called}"))
        }
        Belongs::Unknown if session.is_some() && session == here.instance.as_ref() => {
            (Whose::Mine, format!("{process} runs for this agent session"))
        }
        Belongs::Unknown => (Whose::Foreign, format!("{process} runs in a folder that is unknown here")),
    }
}

#[cfg(test)]
mod tests;
