//! The ports that were given up just now: for some seconds they are offered to others last (R17).

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::port::Port;
use crate::port_set::PortSet;
use crate::time::Millis;

/// For how long, in milliseconds.
const FOR: Millis = 15_000;

/// Whether a port that was given up `at` is in quarantine.
pub(super) const fn is_within(at: Millis, now: Millis) -> bool {
    now < at.saturating_add(FOR)
}

/// The ports in quarantine at the last change. There may be thousands: whoever seeks a port asks for the set.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    ports: PortSet,
    /// The same, by when they were given up.
    order: BTreeSet<(Millis, Port)>,
}

impl Quarantine {
    /// `port` was given up `at` this moment; what is over by then leaves.
    pub(super) fn enter(&mut self, port: Port, at: Millis) {
        while let Some((_, port)) = self.order.first().copied().filter(|(since, _)| !is_within(*since, at)) {
            self.order.pop_first();
            self.ports.remove(port);
        }
        self.order.insert((at, port));
        self.ports.insert(port);
    }

    /// `port`, which was given up `at` that moment, is used again.
    pub(super) fn leave(&mut self, port: Port, at: Millis) {
        if self.order.remove(&(at, port)) {
            self.ports.remove(port);
        }
    }

    /// The ports that are in quarantine now, as far as `is_in` agrees: it is asked about all of them, or else only about those whose
    /// time has passed since the last change.
    pub(super) fn ports(&self, now: Millis, about: About, is_in: impl Fn(Port) -> bool) -> Cow<'_, PortSet> {
        let mut ports = Cow::Borrowed(&self.ports);
        let in_doubt = |(at, _): &&(Millis, Port)| about == About::All || !is_within(*at, now);
        for (_, port) in self.order.iter().take_while(in_doubt).filter(|(_, port)| !is_in(*port)) {
            ports.to_mut().remove(*port);
        }
        ports
    }
}

/// Which ports are asked about, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    All,
    Passed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_in_it_until_it_is_used_again_or_its_time_has_passed() {
        let mut quarantine = Quarantine::default();
        let [first, second, third] = [3000, 3001, 3002].map(|number| Port::new(number).unwrap());
        let at = |quarantine: &Quarantine, now: Millis| {
            let is_in =
                |port: Port| quarantine.order.iter().any(|(at, of)| *of == port && is_within(*at, now));
            let ports = quarantine.ports(now, About::Passed, is_in);
            assert_eq!(ports.len(), quarantine.ports(now, About::All, is_in).len());
            [first, second, third].map(|port| ports.contains(port))
        };
        quarantine.enter(first, 0);
        quarantine.enter(second, 0);
        quarantine.enter(third, 10);
        assert_eq!(at(&quarantine, FOR - 1), [true, true, true]);
        assert_eq!(at(&quarantine, FOR), [false, false, true]);
        quarantine.leave(second, 0);
        assert_eq!(at(&quarantine, 1), [true, false, true]);
        quarantine.enter(second, FOR + 5);
        assert_eq!((quarantine.order.len(), quarantine.ports.len()), (2, 2), "what is over has left");
        assert_eq!(at(&quarantine, FOR + 5), [false, true, true]);
    }
}
