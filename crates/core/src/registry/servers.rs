//! The servers of one worktree by what they are called, and which numbers behind a name are taken.

use std::collections::BTreeMap;

use crate::label::Label;
use crate::names::LockId;

/// The live leases of one root that have a label.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Servers {
    by_label: BTreeMap<Label, LockId>,
    /// Of the labels that end in a number, which numbers, by what is in front of them.
    numbers: BTreeMap<Box<str>, Runs>,
}

impl Servers {
    pub(super) fn insert(&mut self, label: &Label, lock_id: LockId) {
        self.by_label.insert(label.clone(), lock_id);
        if let Some((stem, number)) = label.split() {
            self.numbers.entry(stem.into()).or_default().insert(number);
        }
    }

    pub(super) fn remove(&mut self, label: &Label) {
        self.by_label.remove(label);
        if let Some((stem, number)) = label.split()
            && let Some(runs) = self.numbers.get_mut(stem)
        {
            runs.remove(number);
            if runs.0.is_empty() {
                self.numbers.remove(stem);
            }
        }
    }

    pub(super) fn get(&self, label: &Label) -> Option<LockId> {
        self.by_label.get(label).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_label.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = LockId> {
        self.by_label.values().copied()
    }

    /// The last number of those that are taken without a gap from that of `label` on; none if that is free.
    pub(super) fn taken_to(&self, label: &Label) -> Option<usize> {
        let (stem, number) = label.split()?;
        self.numbers.get(stem)?.run(number).map(|(_, last)| last)
    }
}

/// A set of numbers: the first and the last of each run without a gap. A thousand servers of one name are one run, so the next free
/// number is found at once.
#[derive(Debug, Default, PartialEq)]
struct Runs(BTreeMap<usize, usize>);

impl Runs {
    /// The run that has `number`.
    fn run(&self, number: usize) -> Option<(usize, usize)> {
        let (first, last) = self.0.range(..=number).next_back()?;
        (*last >= number).then_some((*first, *last))
    }

    fn insert(&mut self, number: usize) {
        if self.run(number).is_some() {
            return;
        }
        let before = number.checked_sub(1).and_then(|before| self.run(before));
        let last = self.0.remove(&(number + 1)).unwrap_or(number);
        self.0.insert(before.map_or(number, |(first, _)| first), last);
    }

    fn remove(&mut self, number: usize) {
        let Some((first, last)) = self.run(number) else { return };
        self.0.remove(&first);
        if first < number {
            self.0.insert(first, number - 1);
        }
        if number < last {
            self.0.insert(number + 1, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_the_set_of_what_was_put_in_and_not_taken_out(changes in prop::collection::vec((any::<bool>(), 0usize..24), 0..200)) {
            let (mut runs, mut set) = (Runs::default(), BTreeSet::new());
            for (comes, number) in changes {
                if comes {
                    runs.insert(number);
                    set.insert(number);
                } else {
                    runs.remove(number);
                    set.remove(&number);
                }
                let all: Vec<usize> = runs.0.iter().flat_map(|(first, last)| *first..=*last).collect();
                prop_assert_eq!(&all, &set.iter().copied().collect::<Vec<_>>());
                // No two runs touch.
                prop_assert!(runs.0.values().all(|last| !set.contains(&(last + 1))));
            }
        }
    }
}
