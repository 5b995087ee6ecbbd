//! What the kernel says of processes, and signals by pid. Only processes of the campaign's own are ever named.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A process by its number, as the kernel's own tables show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process(pub(crate) u32);

/// What a process uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Resident memory, in bytes.
    pub(crate) resident: u64,
    /// Resident memory that no file backs, in bytes: the pages of a mapped journal come and go with its generations.
    pub(crate) anonymous: u64,
    /// Open descriptors.
    pub(crate) descriptors: usize,
    /// Time on a processor so far.
    pub(crate) cpu: Duration,
}

impl Process {
    /// Sends `signal`; nothing happens if the process has ended.
    pub(crate) fn signal(self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.0).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Whether it runs; one that has ended and that nobody has reaped does not.
    pub(crate) fn lives(self) -> bool {
        self.stat().is_some_and(|stat| !stat.starts_with(['Z', 'X']))
    }

    /// Whether a signal has stopped it.
    pub(crate) fn is_stopped(self) -> bool {
        self.stat().is_some_and(|stat| stat.starts_with('T'))
    }

    /// What follows the name in `/proc/PID/stat`: the state comes first.
    fn stat(self) -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        // The name may hold blanks and parentheses.
        stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned())
    }

    /// What it uses now; none if it has ended.
    pub(crate) fn usage(self) -> Option<Usage> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let bytes = |field: &str| {
            let kib = status.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB"));
            Some(kib?.parse::<u64>().ok()? * 1024)
        };
        let stat = self.stat()?;
        let mut fields = stat.split(' ').skip(11).map_while(|field| field.parse::<u64>().ok());
        let ticks = fields.next()? + fields.next()?;
        Some(Usage {
            resident: bytes("VmRSS:")?,
            anonymous: bytes("RssAnon:")?,
            descriptors: fs::read_dir(format!("/proc/{}/fd", self.0)).ok()?.count(),
            // The kernel shows hundredths of a second, whatever it counts in.
            cpu: Duration::from_millis(10 * ticks),
        })
    }

    fn file(self, name: &str) -> Vec<u8> {
        fs::read(format!("/proc/{}/{name}", self.0)).unwrap_or_default()
    }
}

/// Every process whose environment has this line, `STYXY_HOME=…`, with its command line.
pub(crate) fn of_environment(line: &str) -> BTreeMap<Process, String> {
    let own = std::process::id();
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let process = Process(pid);
        if pid != own
            && process.file("environ").split(|byte| *byte == 0).any(|known| known == line.as_bytes())
        {
            let words = process.file("cmdline");
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            found.insert(process, words.trim_end().to_owned());
        }
    }
    found
}

/// A process that owns leases and does nothing else; it ends with this value, and with the campaign.
#[derive(Debug)]
pub(crate) struct Idle {
    child: Child,
}

impl Idle {
    pub(crate) fn start() -> Self {
        // It reads from us, so it ends when we do.
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        Self { child: command.spawn().expect("every system has cat") }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and reaped when this returns.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How busy the machine is: the load of the last minute, and its processors.
pub(crate) fn machine() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("load {load}, {processors} processors")
}

/// Bytes of all files in a folder whose name begins with `prefix`, and how many there are.
pub(crate) fn files(folder: &Path, prefix: &str) -> (u64, usize) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)));
    ours.filter_map(|entry| entry.metadata().ok())
        .fold((0, 0), |(bytes, count), found| (bytes + found.len(), count + 1))
}
