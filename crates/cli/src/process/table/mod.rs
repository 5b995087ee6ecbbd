//! The processes that run now, as the system shows them, with the lease that each was started under.
//!
//! A look is a picture of many moments: processes come and go while it is taken. It says whether it may have missed one.

#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod native;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod native;
pub(crate) mod shared;

use std::collections::BTreeMap;

use styxy_core::LockId;
pub(crate) use styxy_core::belongs::STACK;

#[cfg(target_os = "linux")]
pub(crate) use native::has_no_mark;
pub(crate) use native::{Processes, folder, in_unit, is_still};

/// What `styxy run` tells its command of the lease, and what each process below inherits.
pub(crate) const MARK: &str = "STYXY_LOCK_ID";

/// One process that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) pid: u32,
    /// None if the one that started it has ended, and no other has taken its place.
    pub(crate) parent: Option<u32>,
    /// Its process group; Windows has none.
    pub(crate) group: Option<u32>,
    /// Its session; Windows has none.
    pub(crate) session: Option<u32>,
    /// Whether it leads that session: a shell in its terminal, a service. Windows does not say.
    pub(crate) leads_session: bool,
    /// With the pid this identifies it, in the system's own unit.
    pub(crate) started: u64,
    /// What the system calls its program.
    pub(crate) name: String,
    pub(crate) user: User,
    /// Whether a signal has stopped it.
    pub(crate) is_stopped: bool,
    /// The lease that it was started under. Windows does not say, nor does any system of another user's process.
    pub(crate) mark: Option<LockId>,
    /// The start of a service of `styxy up` that it is of, as far as the system says.
    pub(crate) stack: Option<Box<str>>,
}

/// Whose process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    Own,
    Another,
}

/// The processes by pid.
pub(crate) type Table = BTreeMap<u32, Entry>;

/// What one look has shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    pub(crate) table: Table,
    /// Whether every process that was new since the look before could be read before it ended.
    pub(crate) is_whole: bool,
}

/// The lease in an environment.
fn mark<'v>(variables: impl Iterator<Item = &'v [u8]>) -> Option<LockId> {
    LockId::parse(value(variables, MARK)?).ok()
}

/// The start of a service in an environment.
fn stack<'v>(variables: impl Iterator<Item = &'v [u8]>) -> Option<Box<str>> {
    value(variables, STACK).map(Box::from)
}

/// The first variable of the name, as programs read it.
fn value<'v>(mut variables: impl Iterator<Item = &'v [u8]>, name: &str) -> Option<&'v str> {
    let value = |line: &'v [u8]| line.strip_prefix(name.as_bytes())?.strip_prefix(b"=");
    std::str::from_utf8(variables.find_map(value)?).ok()
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use std::process::{Command, Stdio};

    #[cfg(unix)]
    use rustix::process::{Pid, WaitId, WaitIdOptions};

    use super::*;

    const LEASE: &str = "4f5e0000-0000-4000-8000-000000000000";

    #[test]
    fn a_mark_is_a_whole_variable_with_a_leases_id() {
        let of = |text: &str| mark(text.as_bytes().split(|byte| *byte == 0));
        assert_eq!(of(&format!("A=1\0{MARK}={LEASE}\0B=2")), LockId::parse(LEASE).ok());
        for none in [
            "",
            "A=1",
            "STYXY_LOCK_ID=",
            "STYXY_LOCK_ID=x",
            "XSTYXY_LOCK_ID=4f5e0000-0000-4000-8000-000000000000",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_child_is_seen_with_its_parent_and_its_lease() {
        let mut child =
            Command::new("cat").env(MARK, LEASE).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut processes = Processes::default();
        let look = processes.look().unwrap();
        let (own, entry) = (&look.table[&std::process::id()], &look.table[&child.id()]);
        assert_eq!((entry.parent, entry.mark), (Some(own.pid), LockId::parse(LEASE).ok()));
        assert_eq!((entry.name.as_str(), entry.user, entry.group), ("cat", User::Own, own.group));
        assert!(!entry.leads_session && !entry.is_stopped);
        assert_eq!(folder(entry.pid), std::env::current_dir().ok());
        child.kill().unwrap();
        // It is a zombie from then on, until somebody asks how it ended.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        rustix::process::waitid(WaitId::Pid(Pid::from_child(&child)), ended).unwrap();
        assert!(!processes.look().unwrap().table.contains_key(&child.id()), "a zombie has ended");
        child.wait().unwrap();
    }
}
