//! Processes and listeners as the core knows them: by identity, never by pid alone.

use std::fmt;
use std::num::NonZeroU32;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;
use crate::names::ProjectPath;
use crate::time::WallTime;

/// A process number, 1 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Pid(NonZeroU32);

impl Pid {
    /// The smallest there is.
    pub const MIN: Self = Self(NonZeroU32::MIN);

    /// The pid of this number; none for 0 and for what does not fit the system's signed pids.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        i32::try_from(number).ok()?;
        NonZeroU32::new(number).map(Self)
    }
    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

fn invalid(found: impl fmt::Display) -> Invalid {
    Invalid::new(found, "is not a pid", "a whole number from 1 to 2147483647")
}

impl std::str::FromStr for Pid {
    type Err = Invalid;
    /// Digits only, as for ports.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number.and_then(Self::new).ok_or_else(|| invalid(format_args!("{text:?}")))
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl<'de> Deserialize<'de> for Pid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PidVisitor;
        fn wrong<T, E: de::Error>(found: impl fmt::Display) -> Result<T, E> {
            Err(invalid(found).serde())
        }
        impl Visitor<'_> for PidVisitor {
            type Value = Pid;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a pid, a whole number from 1 to 2147483647")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Pid, E> {
                u32::try_from(number).ok().and_then(Pid::new).map_or_else(|| wrong(number), Ok)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Pid, E> {
                wrong(number)
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Pid, E> {
                wrong(number)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Pid, E> {
                wrong(format_args!("{text:?}"))
            }
        }
        deserializer.deserialize_any(PidVisitor)
    }
}

/// Which process, within one boot of the machine. Pids are reused; this is not.
///
/// The boot itself is not in it: the registry as a whole belongs to one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// The number the process has now.
    pub pid: Pid,
    /// The kernel's own identity (the pidfs inode on Linux ≥ 6.9, `p_uniqueid` on macOS), where there is one: it decides alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// When it started, in the system's finest unit (clock ticks since boot on Linux).
    pub started: u64,
}

/// A process and what is shown of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Which one.
    pub key: ProcessKey,
    /// Its name as the system shows it (`node`); empty if that is unknown.
    pub name: Box<str>,
    /// When it started.
    pub started_at: WallTime,
}

/// Who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "KeptListener", into = "KeptListener")]
pub struct Listener {
    /// The process, where it could be told.
    pub process: Option<Process>,
    /// Whether it is another user's.
    pub user: Relation,
    /// The worktree its working directory lies in, where it could be told; for a container, the one it was started from.
    pub project: Option<ProjectPath>,
    /// The container that it serves, where an engine names one.
    pub container: Option<Box<str>>,
}

/// Whose a process is, seen from the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The daemon's own user.
    Own,
    /// The superuser, while that is another one. It may serve on the user's behalf: `docker-proxy`, a systemd socket unit, a
    /// proxy that was started with sudo.
    Root,
    /// Somebody else.
    Other,
}

/// A listener as the journal has it. For 0.1.0, which knows no third sort of user, root is another one.
#[derive(Clone, Serialize, Deserialize)]
struct KeptListener {
    process: Option<Process>,
    user: KeptUser,
    project: Option<ProjectPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serves: Option<Serves>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container: Option<Box<str>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptUser {
    Own,
    Other,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Serves {
    /// It is root's.
    AsRoot,
}

impl From<Listener> for KeptListener {
    fn from(listener: Listener) -> Self {
        let Listener { process, user, project, container } = listener;
        let (user, serves) = match user {
            Relation::Own => (KeptUser::Own, None),
            Relation::Root => (KeptUser::Other, Some(Serves::AsRoot)),
            Relation::Other => (KeptUser::Other, None),
        };
        Self { process, user, project, serves, container }
    }
}

impl From<KeptListener> for Listener {
    fn from(kept: KeptListener) -> Self {
        let KeptListener { process, user, project, serves, container } = kept;
        let user = match (user, serves) {
            (KeptUser::Own, _) => Relation::Own,
            (KeptUser::Other, Some(Serves::AsRoot)) => Relation::Root,
            (KeptUser::Other, None) => Relation::Other,
        };
        Self { process, user, project, container }
    }
}

impl Listener {
    /// Whether this listener cannot be the server that a lease of `project` was taken for: another user's process, unless
    /// that is root, or one whose worktree is known and unrelated.
    #[must_use]
    pub fn is_stranger_to(&self, project: Option<&ProjectPath>) -> bool {
        match (self.user, &self.project, project) {
            (Relation::Other, _, _) => true,
            (Relation::Own | Relation::Root, Some(theirs), Some(ours)) => !theirs.is_related_to(ours),
            (Relation::Own | Relation::Root, None, _) | (Relation::Own | Relation::Root, _, None) => false,
        }
    }

    /// The process' identity, where it could be told.
    #[must_use]
    pub fn key(&self) -> Option<ProcessKey> {
        self.process.as_ref().map(|process| process.key)
    }
}
