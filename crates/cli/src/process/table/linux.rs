//! Linux: /proc. Only what is new is read in full: an environment is what a process was started with.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::{fs, io};

use styxy_client::process::Stat;
use styxy_core::order::Order as _;
use styxy_core::{LockId, Pid};

use super::{Entry, Look, User, mark, stack};

/// How often a look lists the processes again, as long as there are new ones.
const MOST_LISTS: usize = 4;

/// The processes that were seen in the last look.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    known: BTreeMap<u32, Known>,
}

/// What does not change in the life of a process.
#[derive(Debug, Clone)]
struct Known {
    started: u64,
    user: User,
    mark: Option<LockId>,
    stack: Option<Box<str>>,
}

/// What reading one process has shown.
enum Seen {
    Runs(Entry, Option<Known>),
    /// It has ended, but can still be read.
    Zombie,
    /// It ended before it was read.
    Gone,
}

impl Processes {
    /// Takes a look. Takes a few milliseconds, less if most processes are known.
    ///
    /// # Errors
    /// There is no /proc.
    pub(crate) fn look(&mut self) -> io::Result<Look> {
        let mut look = Look { is_whole: true, ..Look::default() };
        let (mut seen, mut known) = (BTreeSet::new(), BTreeMap::new());
        for lists in 1.. {
            let mut new: Vec<u32> = listed()?.into_iter().filter(|pid| !seen.contains(pid)).collect();
            if new.is_empty() {
                break;
            }
            if lists > MOST_LISTS {
                look.is_whole = false;
                break;
            }
            // Those that were never seen come last, and are thus acted on soonest: some of them live for milliseconds.
            new.order_by_key(|pid| (!self.known.contains_key(pid), *pid));
            for pid in new {
                seen.insert(pid);
                match read(pid, self.known.get(&pid)) {
                    Seen::Runs(entry, same) => {
                        known.extend(same.map(|same| (pid, same)));
                        look.table.insert(pid, entry);
                    }
                    Seen::Zombie => {}
                    Seen::Gone => look.is_whole &= self.known.contains_key(&pid),
                }
            }
        }
        self.known = known;
        Ok(look)
    }
}

fn listed() -> io::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

fn read(pid: u32, known: Option<&Known>) -> Seen {
    let stat = match Stat::of(pid) {
        Ok(stat) if stat.has_ended() => return Seen::Zombie,
        Ok(stat) => stat,
        Err(_) => return Seen::Gone,
    };
    let same = match known.filter(|known| known.started == stat.started) {
        Some(known) => Some(known.clone()),
        None => match first(pid, &stat) {
            Ok(same) => same,
            Err(_) => return Seen::Gone,
        },
    };
    let user = same.as_ref().map_or(User::Own, |same| same.user);
    let session = u32::try_from(stat.session).ok();
    let entry = Entry {
        pid,
        parent: stat.parent.map(Pid::get),
        group: u32::try_from(stat.group).ok(),
        session,
        leads_session: session == Some(pid),
        started: stat.started,
        // A debugger's stop (`t`) is the debugger's affair.
        is_stopped: stat.state == b'T',
        name: stat.name,
        user,
        mark: same.as_ref().and_then(|same| same.mark),
        stack: same.as_ref().and_then(|same| same.stack.clone()),
    };
    Seen::Runs(entry, same)
}

/// What is read once; none if that must be read again, since the process is about to become another program.
fn first(pid: u32, stat: &Stat) -> io::Result<Option<Known>> {
    let user = user(pid)?;
    let plain = Known { started: stat.started, user, mark: None, stack: None };
    if stat.is_of_kernel() {
        return Ok(Some(plain));
    }
    match fs::read(format!("/proc/{pid}/environ")) {
        Ok(variables) if variables.is_empty() => Ok(None),
        Ok(variables) => {
            let all = || variables.split(|byte| *byte == 0);
            Ok(Some(Known { mark: mark(all()), stack: stack(all()), ..plain }))
        }
        // Another user's, or one that protects its memory.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Some(plain)),
        Err(error) => Err(error),
    }
}

fn user(pid: u32) -> io::Result<User> {
    let own = rustix::process::geteuid().as_raw();
    if fs::metadata(format!("/proc/{pid}"))?.uid() == own {
        return Ok(User::Own);
    }
    // The files of a process that protects its memory are root's.
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let real = line.and_then(|ids| ids.split_ascii_whitespace().next()?.parse::<u32>().ok());
    Ok(if real == Some(own) { User::Own } else { User::Another })
}

/// A start as [`crate::process::started`] says it, in the unit of [`Entry::started`].
pub(crate) const fn in_unit(started: u64) -> u64 {
    started
}

/// The folder that a process works in; without the kernel's remark if it was deleted.
pub(crate) fn folder(pid: u32) -> Option<PathBuf> {
    let link = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    let plain = link.to_str().and_then(|path| path.strip_suffix(" (deleted)")).map(PathBuf::from);
    Some(plain.filter(|_| !link.exists()).unwrap_or(link))
}

/// Whether the process with this pid is the one that was seen, and runs. A zombie has ended.
pub(crate) fn is_still(entry: &Entry) -> bool {
    Stat::of(entry.pid).is_ok_and(|stat| stat.started == entry.started && !stat.has_ended())
}

/// Whether a process carries no mark of a service now. One that is between its fork and its program does not count: it still has
/// the environment of whoever starts it.
pub(crate) fn has_no_mark(pid: u32) -> bool {
    let program = |pid: &str| fs::read_link(format!("/proc/{pid}/exe")).ok();
    let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let has_begun = !variables.is_empty() && program(&pid.to_string()) != program("self");
    has_begun && stack(variables.split(|byte| *byte == 0)).is_none()
}
