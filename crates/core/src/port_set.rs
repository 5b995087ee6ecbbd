//! Sets of ports, and the free ones of a range.

use std::fmt;

use crate::port::{Port, PortRange};

/// Some ports of a range. A program's second port is often the next one, so whoever has a tenth one has room behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// All of them.
    Any,
    /// The first and every tenth after it.
    Tenth,
    /// The others.
    Between,
}

impl Spacing {
    /// The ports from `64 * word` up, a bit each, in a range that begins with `first`.
    const fn mask(self, word: usize, first: usize) -> u64 {
        // By how far the word begins behind a tenth port.
        const TENTHS: [u64; 10] = {
            let (mut masks, mut at) = ([0; 10], 0);
            while at < 640 {
                masks[at / 64] |= if (at / 64 + at % 64).is_multiple_of(10) { 1 << (at % 64) } else { 0 };
                at += 1;
            }
            masks
        };
        // Ten times the highest port is more than any `first`, and keeps the difference positive.
        let tenths = TENTHS[(word * 64 + 655_350 - first) % 10];
        match self {
            Self::Any => u64::MAX,
            Self::Tenth => tenths,
            Self::Between => !tenths,
        }
    }
}

/// A set of ports, one bit each: 8 KiB, whatever it holds.
#[derive(Clone)]
pub struct PortSet {
    words: Box<[u64; 1024]>,
    count: usize,
}

impl Default for PortSet {
    fn default() -> Self {
        Self { words: Box::new([0; 1024]), count: 0 }
    }
}

impl PortSet {
    /// Puts `port` in; true if it was not there.
    pub fn insert(&mut self, port: Port) -> bool {
        let (word, bit) = (port.index() / 64, 1 << (port.index() % 64));
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += usize::from(new);
        new
    }
    /// Takes `port` out; true if it was there.
    pub fn remove(&mut self, port: Port) -> bool {
        let (word, bit) = (port.index() / 64, 1 << (port.index() % 64));
        let there = self.words[word] & bit != 0;
        self.words[word] &= !bit;
        self.count -= usize::from(there);
        there
    }
    /// Whether `port` is in it.
    #[must_use]
    pub fn contains(&self, port: Port) -> bool {
        self.words[port.index() / 64] & (1 << (port.index() % 64)) != 0
    }
    /// How many ports it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }
    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
    /// Every port that is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        PortRange::ALL.ports().filter(|port| !self.contains(*port)).collect()
    }
    /// The ports of `range` at this spacing that are in none of `excluded`, ascending, 64 looked at in a step.
    pub fn outside<'a>(
        range: PortRange,
        spacing: Spacing,
        excluded: &'a [&'a PortSet],
    ) -> impl Iterator<Item = Port> + 'a {
        let (first, last) = (range.first().index(), range.last().index());
        (first / 64..=last / 64).flat_map(move |word| {
            let taken = excluded.iter().fold(0, |all, set| all | set.words[word]);
            let mut bits = !taken & spacing.mask(word, first);
            if word == first / 64 {
                bits &= u64::MAX << (first % 64);
            }
            if word == last / 64 {
                bits &= u64::MAX >> (63 - last % 64);
            }
            std::iter::from_fn(move || {
                let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                u16::try_from(word * 64 + bit).ok()
            })
            .filter_map(|number| Port::new(number).ok())
        })
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PortSet({} ports)", self.count)
    }
}

impl FromIterator<Port> for PortSet {
    fn from_iter<I: IntoIterator<Item = Port>>(ports: I) -> Self {
        let mut set = Self::default();
        for port in ports {
            set.insert(port);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    #[test]
    fn outside_gives_exactly_the_ports_in_no_set() {
        let (taken, never): (PortSet, PortSet) =
            ([port(101), port(128)].into_iter().collect(), [port(64)].into_iter().collect());
        let range = PortRange::new(port(60), port(200)).unwrap();
        let slow: Vec<_> = range.ports().filter(|&p| !taken.contains(p) && !never.contains(p)).collect();
        assert_eq!(PortSet::outside(range, Spacing::Any, &[&taken, &never]).collect::<Vec<_>>(), slow);
        let top = PortRange::new(port(65535), port(65535)).unwrap();
        assert_eq!(PortSet::outside(top, Spacing::Any, &[&taken]).count(), 1);
    }

    #[test]
    fn every_tenth_port_counts_from_the_first_of_the_range() {
        let none = PortSet::default();
        for first in (1..200).chain([3000, 12_345, 65_530, 65_535]) {
            let range = PortRange::new(port(first), port(first.saturating_add(300))).unwrap();
            let all = |spacing| PortSet::outside(range, spacing, &[&none]).collect::<Vec<_>>();
            let is_tenth = |at: &Port| (at.get() - first).is_multiple_of(10);
            assert_eq!(all(Spacing::Tenth), range.ports().filter(is_tenth).collect::<Vec<_>>(), "{first}");
            let between: Vec<_> = range.ports().filter(|at| !is_tenth(at)).collect();
            assert_eq!(all(Spacing::Between), between, "{first}");
        }
    }

    #[test]
    fn a_set_and_its_complement_are_all_ports() {
        let set: PortSet = [port(1), port(64), port(65535)].into_iter().collect();
        let rest = set.complement();
        assert_eq!(rest.len(), 65535 - 3);
        assert!(PortRange::ALL.ports().all(|port| set.contains(port) != rest.contains(port)));
    }

    #[test]
    fn a_set_counts_each_port_once() {
        let mut set = PortSet::default();
        assert!(set.insert(port(9)) && !set.insert(port(9)));
        assert_eq!(set.len(), 1);
        assert!(set.remove(port(9)) && !set.remove(port(9)) && set.is_empty());
    }
}
