//! Who has listening sockets, in full, as the wire shows it: looked up outside the engine, with a deadline.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use styxy_core::api::SystemUsage;
use styxy_core::order::Order as _;
use styxy_core::{Pid, Port, Relation};

use crate::containers::{Containers, Place};
use crate::daemon::Daemon;
use crate::system::{self, Details, ListeningSocket};

/// How long a look-up may take; what is unknown by then is null.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a port is looked at if a process on it ends meanwhile.
const LOOKS: usize = 4;

/// Who listens on `port`: one process, or several, on different addresses or with one socket that they share. `first`
/// goes before the others.
///
/// A process that ends while it is looked at is shown without its folder or its name, as if it hid them: then there is
/// another look.
pub(crate) async fn of(daemon: &Daemon, port: Port, first: Option<Pid>) -> Vec<SystemUsage> {
    let mut usages = Vec::new();
    for _ in 0..LOOKS {
        let Some(sockets) = daemon.sockets().unwrap_or_default().remove(&port) else { return Vec::new() };
        let mut seen = see(daemon, BTreeMap::from([(port, sockets)])).await;
        usages = seen.usages.remove(&port).unwrap_or_default();
        if seen.ended.is_empty() {
            break;
        }
    }
    usages.order_by_key(|usage| usage.pid.is_none() || usage.pid != first);
    usages
}

/// Who has these sockets: each process once, with its own addresses.
pub(crate) async fn of_all(daemon: &Daemon, sockets: BTreeMap<Port, Vec<ListeningSocket>>) -> Seen {
    see(daemon, sockets).await
}

/// What one look has found.
#[derive(Default)]
pub(crate) struct Seen {
    /// Who listens, by port.
    pub(crate) usages: BTreeMap<Port, Vec<SystemUsage>>,
    /// The resident memory of those processes, in bytes.
    pub(crate) memory: BTreeMap<Pid, u64>,
    /// The processes that had a socket and have ended since. They are left out of `usages` where others have the socket too.
    ended: HashSet<Pid>,
}

async fn see(daemon: &Daemon, sockets: BTreeMap<Port, Vec<ListeningSocket>>) -> Seen {
    let (own_uid, containers) = (daemon.own_uid, Arc::clone(&daemon.containers));
    let look = move || {
        let mut seen = look_up(&sockets, own_uid, system::describe);
        for (port, usages) in &mut seen.usages {
            for usage in usages {
                name_container(usage, *port, &containers);
            }
        }
        seen
    };
    // An error means that the daemon is stopping: a panic would have ended it.
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

/// As [`see`], on this thread; `describe` is the system's.
fn look_up(
    sockets: &BTreeMap<Port, Vec<ListeningSocket>>,
    own_uid: Option<u32>,
    describe: impl Fn(Pid, Instant) -> io::Result<Details>,
) -> Seen {
    let deadline = Instant::now() + PATIENCE;
    let all: Vec<ListeningSocket> = sockets.values().flatten().copied().collect();
    let holders = system::find_all_holders(&all, deadline);
    let mut known: HashMap<Pid, Option<Details>> = HashMap::new();
    let mut found = Seen::default();
    for (port, sockets) in sockets {
        let mut by_process: BTreeMap<(Option<Pid>, Option<u32>), Vec<&ListeningSocket>> = BTreeMap::new();
        for socket in sockets {
            let seen =
                holders.get(&socket.inode).into_iter().flatten().copied().map(Some).collect::<Vec<_>>();
            let pids = if seen.is_empty() { vec![socket.pid] } else { seen };
            for pid in pids {
                by_process.entry((pid, socket.uid)).or_default().push(socket);
            }
        }
        let mut on_port = Vec::new();
        for ((pid, uid), sockets) in by_process {
            let details = match pid {
                Some(pid) => {
                    let described = known.entry(pid).or_insert_with(|| {
                        let described = describe(pid, deadline);
                        if has_ended(&described) {
                            found.ended.insert(pid);
                        }
                        let details = described.ok()?;
                        found.memory.extend(details.resident.map(|bytes| (pid, bytes)));
                        Some(details)
                    });
                    described.as_ref()
                }
                None => None,
            };
            on_port.push(usage(pid, (uid, own_uid), details, &sockets));
        }
        let lives = |usage: &SystemUsage| usage.pid.is_none_or(|pid| !found.ended.contains(&pid));
        if on_port.iter().any(lives) {
            on_port.retain(lives);
        }
        found.usages.insert(*port, on_port);
    }
    found
}

/// Whether a process has ended by the time at which everything about it was read, so that some of it may be missing.
fn has_ended(described: &io::Result<Details>) -> bool {
    match described {
        Ok(details) => !system::is_alive(&details.identified.process.key),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// What a user is called whose process cannot be seen: the same as beside a process that can.
#[cfg(unix)]
fn name_of(uid: u32) -> String {
    system::user_name(uid)
}

/// Users have no numbers here.
#[cfg(not(unix))]
fn name_of(uid: u32) -> String {
    uid.to_string()
}

/// A listener as the wire shows it.
pub(crate) fn usage(
    pid: Option<Pid>,
    (uid, own_uid): (Option<u32>, Option<u32>),
    details: Option<&Details>,
    sockets: &[&ListeningSocket],
) -> SystemUsage {
    let mut addresses: Vec<String> = sockets.iter().map(|socket| socket.address.to_string()).collect();
    addresses.order();
    addresses.dedup();
    let process = details.map(|details| &details.identified.process);
    let place = details.map(|details| &details.place);
    let folder =
        place.and_then(|place| place.working_directory.as_ref().or(place.deleted_directory.as_ref()));
    SystemUsage {
        pid,
        process: process.map(|process| process.name.to_string()),
        command: details.and_then(|details| details.command.clone()),
        user: details.and_then(|details| details.user_name.clone()).or_else(|| uid.map(name_of)),
        same_user: details
            .map(|details| details.identified.user == Relation::Own)
            .or_else(|| Some(uid? == own_uid?)),
        addresses,
        working_directory: folder.map(|folder| folder.to_string_lossy().into_owned()),
        working_directory_deleted: folder.and(place).map(|place| place.deleted_directory.is_some()),
        project_path: place.and_then(|place| place.project_path.clone()),
        branch: place.and_then(|place| place.branch.clone()),
        started_at: process.map(|process| process.started_at),
        container: None,
    }
}

/// Adds the container that a listener serves, and its checkout, if an engine names one.
fn name_container(usage: &mut SystemUsage, port: Port, containers: &Containers) {
    let user = match (usage.same_user, usage.user.as_deref()) {
        (Some(true), _) => Relation::Own,
        (_, Some("root" | "0")) => Relation::Root,
        (_, _) => Relation::Other,
    };
    let Some(container) = containers.behind(usage.process.as_deref(), user, port) else { return };
    let Place { project, branch } = container.place();
    if project.is_some() {
        (usage.project_path, usage.branch) = (project, branch);
    }
    usage.container = Some(container.view());
}

/// `node (pid 811)`, or what of it is known.
pub(crate) fn name(usage: &SystemUsage) -> String {
    if let Some(container) = &usage.container {
        return format!("container {}", container.name);
    }
    match (&usage.process, usage.pid, &usage.user) {
        (Some(process), Some(pid), _) => format!("{process} (pid {pid})"),
        (None, Some(pid), _) => format!("process {pid}"),
        (_, None, Some(user)) => format!("a process of user {user}"),
        (_, None, None) => "a process that cannot be seen".to_owned(),
    }
}

/// Who listens on `port`, for people; nothing if nobody does. Blocks, for up to a second.
pub(crate) fn holder_of(port: Port) -> Option<String> {
    listener_on(port).as_ref().map(name)
}

/// Who listens on `port`, for a program that has no daemon to ask; nothing if nobody does. Blocks, for up to a second.
#[must_use]
pub fn listener_on(port: Port) -> Option<SystemUsage> {
    let mut sockets = system::SocketTable::open().ok()?.listening().ok()?;
    sockets.retain(|socket| socket.port == port);
    let own = system::identify(crate::daemon::own_pid()).ok().and_then(|identified| identified.uid);
    let mut seen = look_up(&BTreeMap::from([(port, sockets)]), own, system::describe);
    seen.usages.remove(&port)?.into_iter().next()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::OwnedFd;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_user_whose_process_cannot_be_seen_has_a_name() {
        assert_eq!(usage(None, (Some(0), Some(0)), None, &[]).user.as_deref(), Some("root"));
        assert_eq!(usage(None, (Some(4_000_000), Some(0)), None, &[]).user.as_deref(), Some("4000000"));
    }

    #[test]
    fn a_process_that_ends_while_it_is_looked_at_is_left_out_and_said_to_have_ended() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = Port::new(socket.local_addr().unwrap().port()).unwrap();
        let shared = Stdio::from(OwnedFd::from(socket.try_clone().unwrap()));
        let mut child = Command::new("sleep").arg("1000").stdin(shared).spawn().unwrap();
        let (ours, childs) = (Pid::new(std::process::id()).unwrap(), Pid::new(child.id()).unwrap());
        let mut table = system::SocketTable::open().unwrap();
        let sockets = BTreeMap::from([(port, table.listening_on(&[port].into_iter().collect()).unwrap())]);
        let pids = |seen: &Seen| seen.usages[&port].iter().filter_map(|usage| usage.pid).collect::<Vec<_>>();
        let both = look_up(&sockets, None, system::describe);
        assert!(pids(&both).contains(&childs) && !both.ended.contains(&childs));

        let child = std::cell::RefCell::new(&mut child);
        let ending = |pid: Pid, deadline: Instant| {
            let described = system::describe(pid, deadline);
            if pid == childs {
                child.borrow_mut().kill().unwrap();
                child.borrow_mut().wait().unwrap();
            }
            described
        };
        let one = look_up(&sockets, None, ending);
        assert!(!pids(&one).contains(&childs) && pids(&one).contains(&ours));
        assert!(one.ended.contains(&childs));
    }
}
