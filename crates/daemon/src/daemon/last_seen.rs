//! Which sockets listened on leased ports at the last look, and what a new look at the system's table says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::time::{Duration, Instant};

use styxy_core::order::Order as _;
use styxy_core::{Lease, Listening, Pid, Port, ProjectPath, Registry};

use crate::system::{ListeningSocket, SocketTable};

/// Listening sockets by port, in a fixed order, so that two looks can be compared.
pub(crate) type Sockets = BTreeMap<Port, Vec<ListeningSocket>>;

/// The system's table of listening sockets, and what it said about leased ports before.
#[derive(Debug)]
pub(crate) struct LastSeen {
    table: SocketTable,
    /// The sockets on each leased port that the engine knows about.
    leased: HashMap<Port, Vec<ListeningSocket>>,
    /// The sockets on each port without a lease that were offered to the engine for adoption.
    unleased: HashMap<Port, Vec<ListeningSocket>>,
    /// Since when the sockets are known of which more may come to be known.
    unnamed: HashMap<Port, (Vec<ListeningSocket>, Instant)>,
}

/// For how long an engine may take to know a container that it is starting: its listener comes first.
const NAMING: Duration = Duration::from_secs(15);

/// Which sockets a look asks about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ports<'a> {
    /// Those on any port that is leased or was had by a key, and that changed since the engine last learned of them.
    Changed,
    /// All on these leased ports, changed or not: who holds a socket may change while the socket stays.
    These(&'a BTreeSet<Port>),
}

/// What one look at the table says.
#[derive(Debug, Default)]
pub(super) struct Observation {
    /// Leased ports that somebody listened on, and nobody does now.
    pub(super) silent: Vec<Port>,
    /// Leased ports with the same sockets as before.
    pub(super) still: Vec<Port>,
    /// Sockets whose holders have to be looked up.
    pub(super) unidentified: Vec<Sighting>,
}

/// Somebody listens on a port that is leased, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) port: Port,
    pub(super) sockets: Vec<ListeningSocket>,
    /// The processes that most likely have the sockets: those of the lease.
    pub(super) hints: Vec<Pid>,
    /// The worktree of the lease.
    pub(super) project: Option<ProjectPath>,
    pub(super) claim: Claim,
}

/// What Styxy has to do with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// A lease covers it.
    Leased,
    /// A key had it, and no lease covers it.
    Unleased,
}

impl LastSeen {
    /// Begins with what `registry` knows: a leased port where somebody listened counts as changed.
    ///
    /// # Errors
    /// The system offers no table of sockets.
    pub(crate) fn open(registry: &Registry) -> io::Result<Self> {
        let known = registry.leases().filter(|lease| lease.listening != Listening::Nothing);
        Ok(Self {
            table: SocketTable::open()?,
            leased: known.map(|lease| (lease.port, Vec::new())).collect(),
            unleased: HashMap::new(),
            unnamed: HashMap::new(),
        })
    }

    /// Every listening socket of the machine. Takes about 50 µs.
    ///
    /// # Errors
    /// The table cannot be read now. That says nothing about who listens.
    pub(super) fn sockets(&mut self) -> io::Result<Sockets> {
        let mut by_port = Sockets::new();
        for mut socket in self.table.listening()? {
            // Where the table names processes, a socket has no number that lasts.
            socket.inode = socket.pid.map_or(socket.inode, |pid| pid.get().into());
            by_port.entry(socket.port).or_default().push(socket);
        }
        for sockets in by_port.values_mut() {
            sockets.order_by_key(|socket| (socket.inode, socket.address));
        }
        Ok(by_port)
    }

    /// What `sockets`, just read, say of `ports`.
    ///
    /// The answer stays the same until a socket opens or closes, a lease begins or ends, or the caller says with
    /// [`Self::remember`] or [`Self::forget`] that the engine has learned of it.
    pub(super) fn compare(
        &mut self,
        ports: Ports<'_>,
        sockets: &Sockets,
        registry: &Registry,
    ) -> Observation {
        let sighting = |lease: &Lease| Some(Sighting::on(lease, sockets.get(&lease.port)?));
        match ports {
            Ports::Changed => self.changes(sockets, registry),
            Ports::These(ports) => {
                let leases = ports.iter().filter_map(|port| registry.lease_on(*port));
                Observation { unidentified: leases.filter_map(sighting).collect(), ..Observation::default() }
            }
        }
    }

    fn changes(&mut self, sockets: &Sockets, registry: &Registry) -> Observation {
        self.leased.retain(|port, _| registry.leased_ports().contains(*port));
        self.unleased.retain(|port, _| sockets.contains_key(port) && registry.is_adoptable(*port));
        self.unnamed.retain(|port, _| registry.leased_ports().contains(*port));
        let silent = self.leased.keys().filter(|port| !sockets.contains_key(port)).copied();
        let mut seen = Observation { silent: silent.collect(), ..Observation::default() };
        for (port, sockets) in sockets {
            let Some(lease) = registry.lease_on(*port) else {
                if registry.is_adoptable(*port) && self.unleased.get(port) != Some(sockets) {
                    seen.unidentified.push(Sighting::on_unleased(*port, sockets));
                }
                continue;
            };
            // One socket more or less may mean another server, or a stranger beside it.
            if self.leased.get(port) == Some(sockets) {
                seen.still.push(*port);
            } else {
                seen.unidentified.push(Sighting::on(lease, sockets));
            }
        }
        seen
    }

    /// The engine has learned of these sockets: they are no change again until one of them opens or closes.
    pub(super) fn remember(&mut self, sighting: Sighting) {
        let seen = match sighting.claim {
            Claim::Leased => &mut self.leased,
            Claim::Unleased => &mut self.unleased,
        };
        seen.insert(sighting.port, sighting.sockets);
    }

    /// For how long these sockets are known whose container no engine names; none once that has been long enough.
    pub(super) fn unnamed_for(&mut self, sighting: &Sighting) -> Option<Duration> {
        let fresh = || (sighting.sockets.clone(), Instant::now());
        let known = self.unnamed.entry(sighting.port).or_insert_with(fresh);
        if known.0 != sighting.sockets {
            *known = fresh();
        }
        Some(known.1.elapsed()).filter(|age| *age < NAMING)
    }

    /// The engine has learned that nobody listens there.
    pub(super) fn forget(&mut self, port: Port) {
        self.leased.remove(&port);
    }
}

impl Sighting {
    /// Whether both are of the same sockets; a socket may have closed, and another one opened, between the two.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        (self.port, &self.sockets) == (other.port, &other.sockets)
    }

    pub(super) fn on(lease: &Lease, sockets: &[ListeningSocket]) -> Self {
        Self {
            port: lease.port,
            sockets: sockets.to_vec(),
            hints: lease.processes().map(|process| process.pid).collect(),
            project: lease.key.project.clone(),
            claim: Claim::Leased,
        }
    }

    pub(super) fn on_unleased(port: Port, sockets: &[ListeningSocket]) -> Self {
        let (hints, project) = (Vec::new(), None);
        Self { port, sockets: sockets.to_vec(), hints, project, claim: Claim::Unleased }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use styxy_core::config::Config;
    use styxy_core::{
        Allocation, AllocationMode, AnswerForm, Ask, Command, LockId, Occupancy, Reuse, ServiceType,
        Timestamp, WallTime, Wish,
    };
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp { awake: 0, wall: WallTime(0) };

    /// A registry with one lease, and its port.
    fn leased() -> (Registry, Port) {
        let mut registry = Registry::new(crate::policy(Config::default(), []));
        let ask = Ask {
            fresh_id: LockId::new(Uuid::new_v4()),
            behind: Vec::new(),
            service: ServiceType::new("dev").unwrap(),
            name: None,
            default_name: None,
            project: None,
            project_id: None,
            label: None,
            gone: None,
            door: styxy_core::DoorRules::default(),
            instance_id: None,
            stack: false,
            process: None,
            ancestors: Vec::new(),
            wish: Wish::Any,
            reuse: Reuse::Never,
        };
        let (form, mode) = (AnswerForm::One, AllocationMode::Grant);
        let allocate = Command::Allocate(Allocation { asks: vec![ask], form, request: None, mode });
        for event in registry.decide(&allocate, NOW, |_| Occupancy::Free).unwrap() {
            registry.apply(&event);
        }
        let port = registry.leases().next().unwrap().port;
        (registry, port)
    }

    fn listening(port: Port) -> Sockets {
        let (address, uid, pid) = (Ipv4Addr::LOCALHOST.into(), None, None);
        Sockets::from([(port, vec![ListeningSocket { port, address, inode: 7, uid, cookie: 7, pid }])])
    }

    #[test]
    fn new_sockets_on_a_leased_port_are_unidentified_until_they_are_remembered() {
        let (registry, port) = leased();
        let mut last_seen = LastSeen::open(&registry).unwrap();
        let sockets = listening(port);
        let first = last_seen.compare(Ports::Changed, &sockets, &registry);
        let again = last_seen.compare(Ports::Changed, &sockets, &registry);
        assert_eq!(first.unidentified, again.unidentified);
        last_seen.remember(again.unidentified.into_iter().next().unwrap());
        let known = last_seen.compare(Ports::Changed, &sockets, &registry);
        assert_eq!((known.still, known.unidentified), (vec![port], Vec::new()));
        let asked = last_seen.compare(Ports::These(&BTreeSet::from([port])), &sockets, &registry);
        assert_eq!(asked.unidentified, first.unidentified, "a port that is asked about is looked at again");
    }

    #[test]
    fn a_silence_that_the_engine_could_not_keep_is_reported_again() {
        let (registry, port) = leased();
        let mut last_seen = LastSeen::open(&registry).unwrap();
        let seen = last_seen.compare(Ports::Changed, &listening(port), &registry);
        last_seen.remember(seen.unidentified.into_iter().next().unwrap());
        for _ in 0..2 {
            let gone = last_seen.compare(Ports::Changed, &Sockets::new(), &registry);
            assert_eq!(gone.silent, [port]);
        }
        last_seen.forget(port);
        assert!(last_seen.compare(Ports::Changed, &Sockets::new(), &registry).silent.is_empty());
    }
}
