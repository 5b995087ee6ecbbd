//! The daemon itself.

use napi_derive::napi;
use styxy_core::api;

use super::{number, sentence};
use crate::error::Result;

/// How the daemon is.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// The version of the API: daemon and clients with the same number understand each other.
    pub api_version: u32,
    /// The daemon's process.
    pub pid: u32,
    /// Seconds since it was ready.
    pub uptime: f64,
    /// How many leases are live.
    pub allocations: i64,
    /// How many instances are live.
    pub instances: i64,
    /// Where it listens.
    pub listen: Listen,
    /// What it uses.
    pub memory: Memory,
    /// How its journal is kept.
    pub journal: Option<Journal>,
    /// What it watches.
    pub watches: Option<Watches>,
    /// What a person should know: a port other than the configured one, a damaged journal that was moved aside, …
    pub notes: Vec<String>,
}

/// Where the daemon listens.
#[napi(object, object_from_js = false)]
pub struct Listen {
    /// `127.0.0.1:9876`, `[::1]:9876`; empty if no port was free.
    pub tcp: Vec<String>,
    /// The Unix socket's path, or the named pipe's name.
    pub socket: String,
}

/// Memory in use.
#[napi(object, object_from_js = false)]
pub struct Memory {
    /// Resident, in bytes.
    pub rss: i64,
}

/// How the journal is kept.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Journal {
    /// `mapped`, or `plain` where a file cannot be mapped.
    #[napi(ts_type = "'mapped' | 'plain'")]
    pub mode: String,
    /// Which generation of the file.
    pub generation: i64,
    /// Bytes written in it.
    pub used: i64,
    /// Bytes it has room for.
    pub capacity: i64,
    /// What went wrong last; null if nothing did.
    pub trouble: Option<String>,
}

/// What the daemon watches.
#[napi(object, object_from_js = false)]
pub struct Watches {
    /// Processes that are watched through a handle of the kernel.
    pub processes: i64,
    /// Processes that are checked once a second, because there was no handle for them.
    pub polled: i64,
}

impl TryFrom<api::StatusAnswer> for Status {
    type Error = napi::Error;

    fn try_from(answer: api::StatusAnswer) -> Result<Self> {
        let api::StatusAnswer {
            status: _,
            version,
            api_version,
            pid,
            uptime,
            allocations,
            instances,
            listen: api::Listen { tcp, socket },
            memory: api::Memory { rss },
            journal,
            watches,
            notes,
        } = answer;
        Ok(Self {
            version,
            api_version,
            pid: pid.get(),
            uptime,
            allocations: number(allocations)?,
            instances: number(instances)?,
            listen: Listen { tcp, socket },
            memory: Memory { rss: number(rss)? },
            journal: journal.map(Journal::try_from).transpose()?,
            watches: watches.map(Watches::try_from).transpose()?,
            notes: notes.into_iter().map(sentence).collect(),
        })
    }
}

impl TryFrom<api::Journal> for Journal {
    type Error = napi::Error;

    fn try_from(journal: api::Journal) -> Result<Self> {
        let api::Journal { mode, generation, used, capacity, trouble } = journal;
        let mode = match mode {
            api::JournalMode::Mapped => "mapped",
            api::JournalMode::Plain => "plain",
        };
        Ok(Self {
            mode: mode.to_owned(),
            generation: number(generation)?,
            used: number(used)?,
            capacity: number(capacity)?,
            trouble,
        })
    }
}

impl TryFrom<api::Watches> for Watches {
    type Error = napi::Error;

    fn try_from(watches: api::Watches) -> Result<Self> {
        let api::Watches { processes, polled } = watches;
        Ok(Self { processes: number(processes)?, polled: number(polled)? })
    }
}
