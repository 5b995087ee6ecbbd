//! Which processes belong to a server: those that listen, those below them and below the lease's owner, and those that were
//! started under the lease wherever they are now. Pure: a table goes in, and a set comes out.
//!
//! What may be ended is not decided here: each process is shown to a judge, and what is below a spared one is spared with it.

use std::collections::{BTreeMap, BTreeSet};

use styxy_core::LockId;

use super::table::{Entry, Table};

/// Where a tree begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roots {
    /// The processes that listen on the port.
    pub(crate) listeners: Vec<u32>,
    /// The process that owns the lease of the port.
    pub(crate) owner: Option<u32>,
    /// The leases of that owner.
    pub(crate) marks: Vec<LockId>,
    /// The processes of the control group that the owner is the first one of.
    pub(crate) grouped: Vec<u32>,
    /// Those that were found before and still run: they stay in the tree when their parents end.
    pub(crate) kept: Vec<u32>,
}

/// How a process belongs to a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Listens,
    /// It owns the lease: `styxy run` became it.
    Owns,
    /// It is below one of the others.
    Below,
    /// It is above a listener and has no other child: `npm` and its shell.
    Above,
    /// Only its environment or its control group says so: it was started under the lease, and went its own way.
    Marked,
}

/// What is to become of a process that belongs to a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    End,
    /// It lives on, and so does what is below it; with the reason.
    Spare(String),
    /// The same, and nobody needs to know: the program that asks.
    Hide,
}

/// The processes of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) members: BTreeMap<u32, Way>,
    /// Why each of these lives on.
    pub(crate) spared: BTreeMap<u32, String>,
}

impl Tree {
    /// The tree with these roots, each process of which may be ended as far as `judge` says.
    pub(crate) fn of(table: &Table, roots: &Roots, judge: &dyn Fn(&Entry, Way) -> Verdict) -> Self {
        let mut search = Search::new(table, judge);
        for pid in &roots.listeners {
            search.root(*pid, Way::Listens);
        }
        for pid in &roots.kept {
            search.keep(*pid);
        }
        // A lease of an agent, or of what the person types into, says nothing of all that was started there.
        let owner = roots.owner.and_then(|owner| table.get(&owner));
        let is_void = owner.is_some_and(|owner| judge(owner, Way::Owns) != Verdict::End);
        let is_marked =
            |entry: &Entry| !is_void && entry.mark.is_some_and(|mark| roots.marks.contains(&mark));
        if let Some(owner) =
            owner.filter(|owner| !is_void && search.is_theirs(owner, roots, is_marked(owner)))
        {
            search.root(owner.pid, Way::Owns);
        }
        let by_run =
            roots.listeners.iter().chain(&roots.owner).any(|pid| table.get(pid).is_some_and(is_marked));
        if !by_run {
            search.above(&roots.listeners);
        }
        for entry in table.values().filter(|entry| is_marked(entry)) {
            search.root(entry.pid, Way::Marked);
        }
        for pid in roots.grouped.iter().filter(|_| !is_void) {
            search.root(*pid, Way::Marked);
        }
        search.found
    }

    /// These processes, and what is below them.
    pub(crate) fn below(
        table: &Table,
        tops: &[u32],
        kept: &[u32],
        judge: &dyn Fn(&Entry, Way) -> Verdict,
    ) -> Self {
        let mut search = Search::new(table, judge);
        for pid in kept {
            search.keep(*pid);
        }
        for pid in tops {
            search.root(*pid, Way::Below);
        }
        search.found
    }
}

struct Search<'a> {
    table: &'a Table,
    children: BTreeMap<u32, Vec<u32>>,
    judge: &'a dyn Fn(&Entry, Way) -> Verdict,
    /// Below a spared one.
    shielded: BTreeSet<u32>,
    found: Tree,
}

impl<'a> Search<'a> {
    fn new(table: &'a Table, judge: &'a dyn Fn(&Entry, Way) -> Verdict) -> Self {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for entry in table.values() {
            children.entry(entry.parent.unwrap_or_default()).or_default().push(entry.pid);
        }
        Self { table, children, judge, shielded: BTreeSet::new(), found: Tree::default() }
    }

    fn is_settled(&self, pid: u32) -> bool {
        self.found.members.contains_key(&pid)
            || self.found.spared.contains_key(&pid)
            || self.shielded.contains(&pid)
    }

    /// `pid` and what is below it, if it may be ended and was not met before.
    fn root(&mut self, pid: u32, way: Way) {
        if !self.is_settled(pid) && self.admits(pid, way) {
            self.below(pid);
        }
    }

    /// The same for one that was judged before.
    fn keep(&mut self, pid: u32) {
        if self.table.contains_key(&pid) && !self.found.members.contains_key(&pid) {
            self.shielded.remove(&pid);
            self.found.members.insert(pid, Way::Below);
            self.below(pid);
        }
    }

    fn admits(&mut self, pid: u32, way: Way) -> bool {
        let Some(entry) = self.table.get(&pid) else { return false };
        match (self.judge)(entry, way) {
            Verdict::End => {
                self.found.members.insert(pid, way);
                return true;
            }
            Verdict::Spare(why) => drop(self.found.spared.insert(pid, why)),
            Verdict::Hide => {}
        }
        self.shielded.insert(pid);
        let mut open = vec![pid];
        while let Some(pid) = open.pop() {
            for child in self.children.get(&pid).into_iter().flatten() {
                if !self.found.members.contains_key(child) && self.shielded.insert(*child) {
                    open.push(*child);
                }
            }
        }
        false
    }

    fn below(&mut self, pid: u32) {
        let mut open = vec![pid];
        while let Some(pid) = open.pop() {
            for child in self.children.get(&pid).cloned().unwrap_or_default() {
                if !self.is_settled(child) && self.admits(child, Way::Below) {
                    open.push(child);
                }
            }
        }
    }

    /// Whether the lease's owner is the server's own: `styxy run` became it, or it is a listener or above one. A shell that
    /// leads a session may own a lease for what is typed into it.
    fn is_theirs(&self, owner: &Entry, roots: &Roots, is_marked: bool) -> bool {
        let listens = roots.listeners.contains(&owner.pid);
        let is_above = || roots.listeners.iter().any(|pid| self.ancestors(*pid).any(|pid| pid == owner.pid));
        is_marked || listens || !owner.leads_session && is_above()
    }

    /// Those above `pid`, nearest first. A table of many moments may have a circle.
    fn ancestors(&self, pid: u32) -> impl Iterator<Item = u32> {
        let parent = |pid: &u32| self.table.get(pid).and_then(|entry| entry.parent);
        std::iter::successors(parent(&pid), move |pid| parent(pid)).take(self.table.len())
    }

    /// What is above the listeners, in their process group, and has no child that goes on.
    fn above(&mut self, listeners: &[u32]) {
        let mut last = usize::MAX;
        // One listener's may wait for another's.
        while self.found.members.len() != last {
            last = self.found.members.len();
            for listener in listeners {
                let Some(group) = self.table.get(listener).map(|entry| entry.group) else { continue };
                let above: Vec<u32> = self.ancestors(*listener).collect();
                for pid in above {
                    let Some(entry) = self.table.get(&pid) else { break };
                    let of_group = group.is_some() && entry.group == group && !entry.leads_session;
                    let children = self.children.get(&pid).into_iter().flatten();
                    let is_alone = children.into_iter().all(|pid| self.found.members.contains_key(pid));
                    let goes = of_group && is_alone && (self.judge)(entry, Way::Above) == Verdict::End;
                    if !goes || !self.found.members.contains_key(listener) {
                        break;
                    }
                    self.found.members.entry(pid).or_insert(Way::Above);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
