//! Which worktree has which label in host names (R113): one each, kept across restarts and while it is remembered, bounded.

use std::collections::{BTreeMap, HashMap};
use std::iter;

use serde::{Deserialize, Serialize};

use crate::checkout::Standing;
use crate::label::Label;
use crate::lease::Naming;
use crate::names::{ProjectId, ProjectPath};
use crate::order::Order as _;

/// How many worktrees without a live lease keep their label; the one whose last lease ended first goes first.
const IDLE: usize = 1024;
/// How much they may weigh together: at least the bytes of their JSON. Only with very long paths are there fewer for it.
const WEIGHT: usize = 1 << 20;
/// What a worktree weighs without its path.
const ENTRY: usize = 320;

/// The labels, each of one root.
#[derive(Debug, Default)]
pub(super) struct Labels {
    roots: HashMap<ProjectPath, Entry>,
    by_label: HashMap<Label, ProjectPath>,
    by_id: HashMap<ProjectId, ProjectPath>,
    /// The roots without a live lease, by when the last one ended.
    idle: BTreeMap<u64, ProjectPath>,
    next: u64,
    weight: usize,
}

#[derive(Debug)]
struct Entry {
    naming: Naming,
    id: Option<ProjectId>,
    /// None while a lease lives.
    idle_since: Option<u64>,
}

/// What a request says of the worktree that it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Worktree<'a> {
    pub(super) root: &'a ProjectPath,
    pub(super) id: Option<&'a ProjectId>,
    /// What it is to be called.
    pub(super) wish: Option<&'a Label>,
    /// A root whose folder no longer exists: it needs its label no more.
    pub(super) gone: Option<&'a ProjectPath>,
}

/// What a snapshot keeps of it: the idle ones first, in their order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Remembered(Vec<Row>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    root: ProjectPath,
    #[serde(flatten)]
    naming: Naming,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<ProjectId>,
}

impl Labels {
    /// What this root is called.
    pub(super) fn of(&self, root: &ProjectPath) -> Option<&Naming> {
        self.roots.get(root).map(|entry| &entry.naming)
    }

    /// The root that is called so.
    pub(super) fn root(&self, label: &Label) -> Option<&ProjectPath> {
        self.by_label.get(label)
    }

    /// What `worktree` is called from this request on. It keeps its label unless it wishes for another one than it did before.
    /// `is_taken` says which labels are taken by others although nobody has them yet.
    pub(super) fn naming(&self, worktree: Worktree<'_>, is_taken: impl Fn(&Label) -> bool) -> Naming {
        let Worktree { root, id, wish, gone } = worktree;
        let moved_from = || self.by_id.get(id?).filter(|from| self.is_idle(from));
        let before = self.roots.get_key_value(root);
        let before = before.or_else(|| moved_from().and_then(|from| self.roots.get_key_value(from)));
        let known = before.map(|(_, entry)| &entry.naming);
        if let Some(known) = known.filter(|known| wish.is_none() || wish == known.wish.as_ref()) {
            return known.clone();
        }
        let is_ours = |owner: &ProjectPath| {
            before.is_some_and(|(before, _)| owner == before) || (gone == Some(owner) && self.is_idle(owner))
        };
        let is_free = |label: &Label| self.by_label.get(label).is_none_or(is_ours) && !is_taken(label);
        let wanted = wish.cloned().unwrap_or_else(|| assumed(root));
        let apart = wanted.apart(root.as_str());
        let numbered = (2..).map(|number| apart.numbered(number));
        let mut labels = iter::once(wanted.clone()).chain(iter::once(apart.clone())).chain(numbered);
        Naming { label: labels.find(is_free).unwrap_or(wanted), wish: wish.cloned() }
    }

    /// `root` is called so, and has a live lease.
    pub(super) fn named(&mut self, root: &ProjectPath, naming: Naming, id: Option<&ProjectId>) {
        // It moved here, or its folder is gone.
        if let Some(other) = self.by_label.get(&naming.label).filter(|other| *other != root).cloned() {
            self.forget(&other);
        }
        let before = self.take(root);
        let id = id.cloned().or_else(|| before.and_then(|entry| entry.id));
        self.put(root, Entry { naming, id, idle_since: None });
    }

    /// `root` has a live lease, whatever was said about its name.
    pub(super) fn lives(&mut self, root: &ProjectPath, id: Option<&ProjectId>) {
        let naming = self.naming(Worktree { root, id, wish: None, gone: None }, |_| false);
        self.named(root, naming, id);
    }

    /// The last lease of `root` has ended.
    pub(super) fn rests(&mut self, root: &ProjectPath) {
        let Some(mut entry) = self.take(root) else { return };
        self.next += 1;
        entry.idle_since = Some(self.next);
        self.put(root, entry);
        while (self.idle.len() > IDLE || self.weight > WEIGHT)
            && let Some(oldest) = self.idle.values().next().cloned()
        {
            self.forget(&oldest);
        }
    }

    /// The folder at `from` is at `to` now, where nothing was called anything or nothing lives: its label moves along.
    pub(super) fn moved(&mut self, from: &ProjectPath, to: &ProjectPath) {
        if self.roots.get(to).is_some_and(|entry| entry.idle_since.is_none()) {
            return;
        }
        if let Some(entry) = self.take(from) {
            self.forget(to);
            self.put(to, Entry { idle_since: None, ..entry });
        }
    }

    /// `root` has nothing any more.
    pub(super) fn forget(&mut self, root: &ProjectPath) {
        drop(self.take(root));
    }

    fn take(&mut self, root: &ProjectPath) -> Option<Entry> {
        let entry = self.roots.remove(root)?;
        self.by_label.remove(&entry.naming.label);
        if let Some(id) = entry.id.as_ref().filter(|id| self.by_id.get(*id) == Some(root)) {
            self.by_id.remove(id);
        }
        if let Some(since) = entry.idle_since {
            self.idle.remove(&since);
            self.weight -= weight(root);
        }
        Some(entry)
    }

    fn put(&mut self, root: &ProjectPath, entry: Entry) {
        self.by_label.insert(entry.naming.label.clone(), root.clone());
        if let Some(id) = &entry.id {
            self.by_id.insert(id.clone(), root.clone());
        }
        if let Some(since) = entry.idle_since {
            self.idle.insert(since, root.clone());
            self.weight += weight(root);
        }
        self.roots.insert(root.clone(), entry);
    }

    fn is_idle(&self, root: &ProjectPath) -> bool {
        self.roots.get(root).is_some_and(|entry| entry.idle_since.is_some())
    }

    pub(super) fn snapshot(&self) -> Remembered {
        let live = self.roots.iter().filter(|(_, entry)| entry.idle_since.is_none());
        let mut live: Vec<&ProjectPath> = live.map(|(root, _)| root).collect();
        live.order();
        let row = |root: &ProjectPath| {
            let entry = self.roots.get(root)?;
            Some(Row { root: root.clone(), naming: entry.naming.clone(), id: entry.id.clone() })
        };
        Remembered(self.idle.values().chain(live).filter_map(row).collect())
    }

    /// What was remembered; `lives` says where a lease lives.
    pub(super) fn restore(Remembered(rows): Remembered, lives: impl Fn(&ProjectPath) -> bool) -> Self {
        let mut labels = Self::default();
        for Row { root, naming, id } in rows {
            labels.named(&root, naming, id.as_ref());
            if !lives(&root) {
                labels.rests(&root);
            }
        }
        labels
    }
}

/// What a worktree is called of which only the path is known.
fn assumed(root: &ProjectPath) -> Label {
    let folder = root.as_str().rsplit(['/', '\\']).next().unwrap_or_default();
    Label::of_worktree(&Standing { repository: folder.to_owned(), linked: None })
}

/// At least the bytes of a root's JSON.
fn weight(root: &ProjectPath) -> usize {
    ENTRY + 6 * root.as_str().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(number: usize) -> ProjectPath {
        ProjectPath::new(&format!("/w/app-{number}")).unwrap()
    }

    #[test]
    fn live_worktrees_are_never_forgotten_and_of_the_others_the_one_that_ended_first() {
        let mut labels = Labels::default();
        for number in 0..=IDLE + 1 {
            labels.lives(&root(number), None);
        }
        assert_eq!(labels.roots.len(), IDLE + 2);
        for number in 1..=IDLE + 1 {
            labels.rests(&root(number));
        }
        assert!(
            labels.of(&root(0)).is_some() && labels.of(&root(1)).is_none() && labels.of(&root(2)).is_some()
        );
        assert_eq!((labels.roots.len(), labels.idle.len()), (IDLE + 1, IDLE));
    }

    #[test]
    fn a_snapshot_remembers_labels_and_which_of_them_goes_first() {
        let mut labels = Labels::default();
        for number in [3, 1, 2] {
            labels.lives(&root(number), ProjectId::new(&format!("1:{number}:3")).ok().as_ref());
        }
        labels.rests(&root(2));
        labels.rests(&root(1));
        let written = serde_json::to_string(&labels.snapshot()).unwrap();
        let restored = Labels::restore(serde_json::from_str(&written).unwrap(), |of| *of == root(3));
        assert_eq!(restored.snapshot(), labels.snapshot());
        assert_eq!(restored.idle.values().collect::<Vec<_>>(), [&root(2), &root(1)]);
        assert_eq!((restored.weight, &restored.by_id), (labels.weight, &labels.by_id));
    }

    #[test]
    fn a_row_weighs_at_least_its_bytes() {
        let long = "x".repeat(63);
        let naming = Naming { label: Label::parse(&long).unwrap(), wish: Label::parse(&long).ok() };
        let root = ProjectPath::new(&"\u{1}".repeat(50)).unwrap();
        let id = ProjectId::new(&"f".repeat(64)).ok();
        let bytes = serde_json::to_string(&Row { root: root.clone(), naming, id }).unwrap().len();
        assert!(bytes < weight(&root), "{bytes} bytes");
    }
}
