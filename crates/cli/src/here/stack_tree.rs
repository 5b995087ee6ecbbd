//! Which processes a service of `styxy up` is made of: its leader's session, what is below it, and what was started with its mark,
//! wherever it is now; and what was found of it before (R135). What may be ended of that is decided as for every server (R97).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use styxy_client::Caller;
use styxy_core::Pid;

use crate::here::tree::Rules;
use crate::process::ending::Found;
use crate::process::table::shared::{Looks, Seen};
use crate::process::table::{self, Entry, Table};
use crate::process::tree::{Tree, Way};
use crate::process::{Handle, Together};

/// The processes of one service, found again each time they are asked for.
pub(crate) struct StackTree {
    looks: Looks,
    looked: Seen,
    rules: Rules,
    /// With its start, by which it is recognised.
    leader: (u32, u64),
    /// That of any other start of the service counts too.
    mark: Option<String>,
    /// The leaders of other services, with their starts.
    others: BTreeMap<u32, u64>,
    /// What was found before, with its start: it stays in the tree when what is above it ends.
    seen: BTreeMap<u32, u64>,
    handle: Option<Handle>,
    /// What the system keeps together with the leader, where it does that, and what that was at the last look.
    together: Option<Together>,
    kept: BTreeSet<u32>,
    /// Whether an interrupt can reach any of it.
    may_hear: bool,
}

impl StackTree {
    /// What belongs to `leader`, which may have ended, and to what was started with `mark`.
    pub(crate) fn new(
        leader: (u32, u64),
        mark: Option<String>,
        others: BTreeMap<u32, u64>,
        daemon: Option<u32>,
        caller: &Caller,
        looks: Looks,
    ) -> Self {
        let runs = Pid::new(leader.0).filter(|pid| crate::process::started(*pid) == Some(leader.1));
        let handle = runs.and_then(|pid| Handle::open(pid).ok().flatten());
        let rules = Rules::around(caller).knowing(daemon);
        let together = mark.as_deref().and_then(Together::of);
        let leader = (leader.0, table::in_unit(leader.1));
        Self {
            looks,
            looked: Seen::default(),
            rules,
            leader,
            mark,
            others,
            seen: BTreeMap::new(),
            handle,
            together,
            kept: BTreeSet::new(),
            may_hear: true,
        }
    }

    /// The process that was started, or that serves.
    pub(crate) const fn leader(&self) -> u32 {
        self.leader.0
    }

    /// What is there now, as [`crate::process::ending::end`] needs it.
    ///
    /// # Errors
    /// The system does not show its processes.
    pub(crate) fn find(&mut self, kept: &[u32]) -> io::Result<Found> {
        let (table, is_whole) = self.looks.look(&mut self.looked)?;
        let table = &*table;
        self.seen.retain(|pid, started| table.get(pid).is_some_and(|entry| entry.started == *started));
        self.kept = self.together.iter().flat_map(Together::pids).collect();
        let kept: Vec<u32> = kept.iter().chain(self.seen.keys()).copied().collect();
        let strays = self.strays(table);
        let is_top = |entry: &&Entry| self.is_its(entry) || strays.contains(&entry.pid);
        let tops: Vec<u32> = table.values().filter(is_top).map(|entry| entry.pid).collect();
        let judge = |entry: &Entry, met| {
            let way = if strays.contains(&entry.pid) { Way::Marked } else { self.way(entry, table, met) };
            self.rules.verdict(entry, way)
        };
        let tree = Tree::below(table, &tops, &kept, &judge);
        let members = table.values().filter(|entry| tree.members.contains_key(&entry.pid)).cloned().collect();
        let found = Found { members, spared: tree.spared.into_keys().collect(), is_whole };
        self.seen.extend(found.members.iter().map(|entry| (entry.pid, entry.started)));
        Ok(found)
    }

    /// The orphans of this process of which nothing says whose they are: they dropped the mark, and lead sessions of their own.
    /// They are of the service that ends last.
    #[cfg(target_os = "linux")]
    fn strays(&self, table: &Table) -> Vec<u32> {
        let own = self.rules.own;
        let is_running =
            |(pid, started): (&u32, &u64)| table.get(pid).is_some_and(|it| it.started == *started);
        let is_other = |entry: &&Entry| {
            let is_anothers = entry.stack.as_deref().is_some_and(|mark| !self.is_its_mark(mark));
            is_anothers && Some(entry.pid) != self.rules.daemon
        };
        let children = || table.values().filter(|entry| entry.parent == Some(own));
        if self.others.iter().any(is_running) || children().any(|entry| is_other(&entry)) {
            return Vec::new();
        }
        // What the keeper itself asks, such as compose, is in the keeper's session.
        let session = table.get(&own).and_then(|entry| entry.session);
        let is_stray = |entry: &&Entry| {
            entry.session != session && entry.stack.is_none() && crate::process::table::has_no_mark(entry.pid)
        };
        children().filter(is_stray).map(|entry| entry.pid).collect()
    }

    /// No other system gives orphans to the keeper.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "the same signature as on Linux")]
    const fn strays(&self, _: &Table) -> Vec<u32> {
        Vec::new()
    }

    fn is_its(&self, entry: &Entry) -> bool {
        self.is_near(entry) || entry.stack.as_deref().is_some_and(|mark| self.is_its_mark(mark))
    }

    fn is_its_mark(&self, mark: &str) -> bool {
        let service = |mark: &str| mark.rsplit_once('/').map(|(service, _)| service.to_owned());
        self.mark.as_deref().is_some_and(|own| service(own) == service(mark))
    }

    /// Whether it is the leader, in its session, or kept together with it.
    fn is_near(&self, entry: &Entry) -> bool {
        let (pid, started) = self.leader;
        if entry.pid == pid {
            return entry.started == started;
        }
        if self.kept.contains(&entry.pid) {
            return true;
        }
        entry.session == Some(pid) && entry.started >= started && !self.others.contains_key(&entry.pid)
    }

    /// One that went its own way may be anything: an editor, a database of all projects.
    fn way(&self, entry: &Entry, table: &Table, met: Way) -> Way {
        let parent = entry.parent.and_then(|parent| table.get(&parent));
        let is_below = parent.is_some_and(|parent| parent.pid != self.rules.own && self.is_its(parent));
        if self.is_near(entry) || is_below || met == Way::Below && !self.is_its(entry) {
            Way::Below
        } else {
            Way::Marked
        }
    }

    /// Interrupts it as a Ctrl-C in its terminal would.
    ///
    /// # Errors
    /// The system does not show its processes.
    pub(crate) fn interrupt(&mut self) -> io::Result<()> {
        let members = self.find(&[])?.members;
        self.may_hear = crate::process::interrupt(&members, self.leader.0);
        Ok(())
    }

    /// Whether waiting for these processes is of no use, since an interrupt means nothing to any of them.
    pub(crate) fn are_deaf(&self, members: &[Entry]) -> bool {
        !self.may_hear || members.iter().all(Self::is_deaf)
    }

    /// Whether an interrupt means nothing to this process: shells start what runs in the background so.
    #[cfg(target_os = "linux")]
    fn is_deaf(entry: &Entry) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", entry.pid)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        ignored & 0b10 != 0
    }

    /// No other system says it.
    #[cfg(not(target_os = "linux"))]
    const fn is_deaf(_: &Entry) -> bool {
        false
    }

    /// Waits a while, or until the leader ends.
    pub(crate) fn wait(&mut self, slice: Duration) {
        match &self.handle {
            Some(handle) if handle.ended_within(slice).is_ok_and(|ended| ended) => self.handle = None,
            Some(_) => {}
            None => std::thread::sleep(slice),
        }
    }
}
