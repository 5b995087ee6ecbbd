//! Which ports a key had before, when each port was last used (R17), and which key a label belongs to (R114). Kept across restarts,
//! bounded.
//!
//! A key without a project is nobody's in particular (R29): it has no ports, and a port that it gave up is everybody's last.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::label::Label;
use crate::lease::Key;
use crate::names::ProjectPath;
use crate::order::Order as _;
use crate::port::Port;
use crate::port_set::PortSet;
use crate::time::{Millis, Timestamp};

use super::quarantine::{About, Quarantine, is_within};

/// How many keys are remembered; the least recently used goes first.
const KEYS: usize = 4096;
/// How much they may weigh together: at least the bytes of their JSON. Only with very long paths are there fewer for it.
const WEIGHT: usize = 8 << 20;
/// What a key weighs with all its ports and without its path. A settled one is named twice.
const ENTRY: usize = 640;
/// How many ports one key remembers; the first ones had stay, as they are what its servers are known by.
const PORTS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Affinity {
    keys: HashMap<Key, Entry>,
    /// Keys by their last use, oldest first.
    order: BTreeMap<u64, Key>,
    next_use: u64,
    /// The ports that some key has affinity to, and how many keys each.
    wanted: PortSet,
    wants: HashMap<Port, u32>,
    last_use: HashMap<Port, Use>,
    quarantine: Quarantine,
    weight: usize,
    /// Whose a label in a host name is, of several keys of one root that would be called so: that of the first one.
    owners: HashMap<(ProjectPath, Label), Key>,
}

#[derive(Debug)]
struct Entry {
    /// In the order they were first had.
    ports: Vec<Port>,
    last_use: u64,
    /// Whether packages inherit nothing of it: a client that knows about packages has asked for this very key.
    is_settled: bool,
}

#[derive(Debug, Clone, Copy)]
struct Use {
    at: Millis,
    /// Whose; a hash is enough for a preference.
    key: u64,
    ended: bool,
}

/// What a snapshot keeps of it.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Remembered {
    /// Least recently used first.
    keys: Vec<(Key, Vec<Port>)>,
    /// By port. A list, since JSON has only texts for keys, and no text is a port.
    uses: Vec<(Port, Millis, u64, bool)>,
    /// Those of the keys that are settled. A daemon of 0.1.0 overlooks this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    settled: Vec<Key>,
    /// Those of the keys whose label is another one's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    apart: Vec<Key>,
}

impl Affinity {
    /// `key` was granted `port`.
    pub(super) fn used(&mut self, key: &Key, port: Port, at: Millis) {
        if key.project.is_some() {
            self.touch(key, &[port]);
            self.inherit(key, port);
        }
        self.note(port, Use { at, key: hash(key), ended: false });
    }

    fn note(&mut self, port: Port, last: Use) {
        if let Some(before) = self.last_use.insert(port, last).filter(|before| before.ended) {
            self.quarantine.leave(port, before.at);
        }
        if last.ended {
            self.quarantine.enter(port, last.at);
        }
    }

    /// A client that knows about packages has asked for `key`: packages inherit nothing of it from now on.
    pub(super) fn settled(&mut self, key: &Key) {
        if key.name.is_none()
            && let Some(entry) = self.keys.get_mut(key)
        {
            entry.is_settled = true;
        }
    }

    /// The ports that packages may inherit from `unnamed`, the key that they all had before they had their own: as far as
    /// no other key wants them.
    pub(super) fn heritable(&self, unnamed: &Key) -> impl Iterator<Item = Port> {
        let entry = self.keys.get(unnamed).filter(|entry| !entry.is_settled);
        let ports = entry.into_iter().flat_map(|entry| entry.ports.iter().copied());
        ports.filter(|port| self.wants.get(port) == Some(&1))
    }

    /// What a package has inherited is no longer there for another one.
    fn inherit(&mut self, key: &Key, port: Port) {
        let unnamed = Key { name: None, ..key.clone() };
        if key.name.is_some()
            && let Some(entry) = self.keys.get_mut(&unnamed).filter(|entry| !entry.is_settled)
            && let Some(index) = entry.ports.iter().position(|had| *had == port)
        {
            entry.ports.remove(index);
            unwant(&mut self.wanted, &mut self.wants, port);
        }
    }

    /// The project at `from` is at `to` now: its keys follow, with their ports before those that were had there.
    pub(super) fn moved(&mut self, from: &ProjectPath, to: &ProjectPath) {
        let keys = self.order.values().filter(|key| key.project.as_ref() == Some(from)).cloned();
        let mut keys: Vec<Key> = keys.collect();
        // Whoever had a label first has it there too.
        keys.order_by_key(|key| self.gives_way(key));
        for old in keys {
            let new = Key { project: Some(to.clone()), ..old.clone() };
            let (ours, theirs) = (self.forget(&old), self.forget(&new));
            let is_settled = [&ours, &theirs].into_iter().flatten().any(|entry| entry.is_settled);
            let ports: Vec<Port> =
                [ours, theirs].into_iter().flatten().flat_map(|entry| entry.ports).collect();
            self.touch(&new, &ports);
            if is_settled {
                self.settled(&new);
            }
        }
    }

    fn forget(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.keys.remove(key)?;
        self.order.remove(&entry.last_use);
        self.weight -= weight(key);
        if let Some(claim) = claim(key).filter(|claim| self.owners.get(claim) == Some(key)) {
            self.owners.remove(&claim);
        }
        for port in &entry.ports {
            unwant(&mut self.wanted, &mut self.wants, *port);
        }
        Some(entry)
    }

    /// The key that a server of this label belongs to, by what is remembered.
    pub(super) fn owner(&self, root: &ProjectPath, label: &Label) -> Option<&Key> {
        self.owners.get(&(root.clone(), label.clone()))
    }

    /// Whether the label of `key` is another key's, or was when this one came.
    pub(super) fn gives_way(&self, key: &Key) -> bool {
        let owner = claim(key).and_then(|claim| self.owners.get(&claim));
        owner.map_or_else(|| self.keys.contains_key(key), |owner| owner != key)
    }

    /// A lease of `key` on `port` ended.
    pub(super) fn gave_up(&mut self, key: &Key, port: Port, at: Millis) {
        self.note(port, Use { at, key: hash(key), ended: true });
    }

    /// The machine was restarted: its awake clock begins again.
    pub(super) fn forget_times(&mut self) {
        self.last_use.clear();
        self.quarantine = Quarantine::default();
    }

    /// The ports `key` had before, in order.
    pub(super) fn ports_of(&self, key: &Key) -> &[Port] {
        self.keys.get(key).map_or(&[], |entry| entry.ports.as_slice())
    }

    /// The ports that any key has affinity to.
    pub(super) const fn wanted(&self) -> &PortSet {
        &self.wanted
    }

    /// Whether others than `key` gave `port` up just now.
    pub(super) fn in_quarantine(&self, port: Port, key: &Key, now: Timestamp) -> bool {
        self.last_use.get(&port).is_some_and(|last| {
            let is_own = key.project.is_some() && last.key == hash(key);
            last.ended && is_within(last.at, now.awake) && !is_own
        })
    }

    /// The ports of which [`Self::in_quarantine`] says yes; those of [`Self::ports_of`] may be among them.
    pub(super) fn quarantine(&self, key: &Key, now: Timestamp) -> Cow<'_, PortSet> {
        // A key with fewer ports knows all that it gave up.
        let about = if self.ports_of(key).len() == PORTS { About::All } else { About::Passed };
        self.quarantine.ports(now.awake, about, |port| self.in_quarantine(port, key, now))
    }

    /// The key that had `port` last in this boot, if it is remembered.
    ///
    /// Looks through all keys: for a port of which [`Self::is_known`] says yes.
    pub(super) fn last_key(&self, port: Port) -> Option<&Key> {
        let last = self.last_use.get(&port)?;
        let had = self.keys.iter().filter(|(_, entry)| entry.ports.contains(&port));
        had.map(|(key, _)| key).find(|key| hash(key) == last.key)
    }

    /// Whether some key that is remembered had `port` in this boot.
    pub(super) fn is_known(&self, port: Port) -> bool {
        self.wanted.contains(port) && self.last_use.contains_key(&port)
    }

    /// For "least recently used first".
    pub(super) fn last_use(&self, port: Port) -> Millis {
        self.last_use.get(&port).map_or(0, |last| last.at)
    }

    fn touch(&mut self, key: &Key, ports: &[Port]) {
        if !self.keys.contains_key(key)
            && let Some(claim) = claim(key)
        {
            self.owners.entry(claim).or_insert_with(|| key.clone());
        }
        let entry = self.keys.entry(key.clone()).or_insert_with(|| {
            self.weight += weight(key);
            Entry { ports: Vec::new(), last_use: 0, is_settled: false }
        });
        self.order.remove(&entry.last_use);
        self.next_use += 1;
        entry.last_use = self.next_use;
        self.order.insert(self.next_use, key.clone());
        for port in ports {
            if entry.ports.contains(port) {
                continue;
            }
            if entry.ports.len() == PORTS
                && let Some(latest) = entry.ports.pop()
            {
                unwant(&mut self.wanted, &mut self.wants, latest);
            }
            entry.ports.push(*port);
            self.wanted.insert(*port);
            *self.wants.entry(*port).or_default() += 1;
        }
        while (self.keys.len() > KEYS || self.weight > WEIGHT)
            && let Some((_, oldest)) = self.order.pop_first()
            && self.forget(&oldest).is_some()
        {}
    }

    pub(super) fn snapshot(&self) -> Remembered {
        let keys = self.order.values().map(|key| (key.clone(), self.ports_of(key).to_vec())).collect();
        let row = |(port, last): (&Port, &Use)| (*port, last.at, last.key, last.ended);
        let mut uses: Vec<_> = self.last_use.iter().map(row).collect();
        uses.order();
        let settled =
            self.order.values().filter(|key| self.keys.get(key).is_some_and(|entry| entry.is_settled));
        let apart = self.order.values().filter(|key| self.gives_way(key));
        Remembered { keys, uses, settled: settled.cloned().collect(), apart: apart.cloned().collect() }
    }

    pub(super) fn restore(remembered: Remembered) -> Self {
        let mut affinity = Self::default();
        // Journals of 0.1.0 have keys without a project.
        let keys = || remembered.keys.iter().filter(|(key, _)| key.project.is_some());
        let apart: HashSet<&Key> = remembered.apart.iter().collect();
        for (key, _) in keys().filter(|(key, _)| !apart.contains(key)) {
            if let Some(claim) = claim(key) {
                affinity.owners.entry(claim).or_insert_with(|| key.clone());
            }
        }
        for (key, ports) in keys() {
            affinity.touch(key, ports);
        }
        for key in &remembered.settled {
            affinity.settled(key);
        }
        let uses = remembered.uses.into_iter();
        // As they came.
        let mut uses: Vec<_> = uses.map(|(port, at, key, ended)| (port, Use { at, key, ended })).collect();
        uses.order_by_key(|(_, last)| last.at);
        for (port, last) in uses {
            affinity.note(port, last);
        }
        affinity
    }
}

/// The label that `key` has a claim to.
fn claim(key: &Key) -> Option<(ProjectPath, Label)> {
    Some((key.project.clone()?, Label::of_service(key)))
}

/// At least the bytes of a key's JSON, with its ports.
fn weight(key: &Key) -> usize {
    ENTRY + 12 * key.project.as_ref().map_or(0, |project| project.as_str().len())
}

fn unwant(wanted: &mut PortSet, wants: &mut HashMap<Port, u32>, port: Port) {
    if let Some(count) = wants.get_mut(&port) {
        *count -= 1;
        if *count == 0 {
            wants.remove(&port);
            wanted.remove(port);
        }
    }
}

/// A hash that need only tell keys apart for some seconds.
fn hash(key: &Key) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{ServiceName, ServiceType};

    fn key(name: usize) -> Key {
        Key {
            project: ProjectPath::new("/w/app").ok(),
            service: ServiceType::new("dev").unwrap(),
            name: Some(ServiceName::new(&format!("n{name}")).unwrap()),
        }
    }

    #[test]
    fn the_least_recently_used_key_is_forgotten_and_its_port_wanted_by_nobody() {
        let mut affinity = Affinity::default();
        for index in 0..KEYS {
            affinity.used(&key(index), Port::new(1024 + u16::try_from(index).unwrap()).unwrap(), 0);
        }
        affinity.used(&key(0), Port::new(1024).unwrap(), 1);
        affinity.used(&key(KEYS), Port::new(9000).unwrap(), 2);
        assert_eq!(affinity.keys.len(), KEYS);
        assert!(
            affinity.ports_of(&key(1)).is_empty() && !affinity.wanted().contains(Port::new(1025).unwrap())
        );
        assert_eq!(affinity.ports_of(&key(0)), [Port::new(1024).unwrap()]);
    }

    #[test]
    fn a_key_that_had_many_ports_keeps_the_first() {
        let mut affinity = Affinity::default();
        for number in 3000..3100 {
            affinity.used(&key(0), Port::new(number).unwrap(), 0);
        }
        let ports = affinity.ports_of(&key(0));
        assert_eq!(
            (ports.len(), ports[0].get(), ports[14].get(), ports[15].get()),
            (PORTS, 3000, 3014, 3099)
        );
        assert_eq!(affinity.wanted().len(), PORTS);
    }

    #[test]
    fn a_key_without_a_project_has_no_ports_and_what_it_gave_up_is_everybodys_last() {
        let nobodys = Key { project: None, ..key(0) };
        let (mut affinity, port) = (Affinity::default(), Port::new(3000).unwrap());
        affinity.used(&nobodys, port, 0);
        assert!(affinity.ports_of(&nobodys).is_empty() && !affinity.wanted().contains(port));
        affinity.gave_up(&nobodys, port, 1);
        let now = Timestamp { awake: 2, wall: crate::time::WallTime(0) };
        assert!(affinity.in_quarantine(port, &nobodys, now) && affinity.in_quarantine(port, &key(0), now));
        let old = Remembered {
            keys: vec![(nobodys.clone(), vec![port]), (key(0), vec![port])],
            ..Remembered::default()
        };
        let restored = Affinity::restore(old);
        assert!(restored.ports_of(&nobodys).is_empty());
        assert_eq!(restored.ports_of(&key(0)), [port]);
    }

    #[test]
    fn a_snapshot_remembers_keys_ports_and_order() {
        let mut affinity = Affinity::default();
        for index in 0..40 {
            affinity.used(
                &key(index % 7),
                Port::new(2000 + u16::try_from(index).unwrap()).unwrap(),
                index as u64,
            );
        }
        let restored = Affinity::restore(affinity.snapshot());
        assert_eq!(restored.snapshot(), affinity.snapshot());
        assert_eq!(restored.wanted().len(), affinity.wanted().len());
    }
}
