//! Finds tools that ignore the port they were given, and tells the engine where they listen (R66).

use std::collections::{HashMap, HashSet};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use styxy_core::order::set;
use styxy_core::{Command, LockId, Millis, Owner, Pid, ProcessKey};
use uuid::Uuid;

use super::last_seen::{Sighting, Sockets};
use super::observe::one_of;
use super::{Daemon, Outcome};
use crate::system::{self, FamilySocket, ListeningSocket};

/// For how long an owner must have been silent when it is looked at, in milliseconds. What strays later is not found.
const TRIES: [Millis; 6] = [2_000, 4_000, 8_000, 16_000, 32_000, 56_000];
/// All leases are looked through this often at most, in milliseconds: there may be many thousands.
const PAUSE: Millis = 500;
/// How long one walk through the processes may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Since when owners are known on whose ports nobody ever listened, and how often each was looked at.
#[derive(Debug, Default)]
pub(super) struct Silences {
    known: HashMap<(LockId, ProcessKey), (Millis, usize)>,
    /// All leases are looked through no sooner than this.
    next: Millis,
}

impl Silences {
    /// Whether [`PAUSE`] has passed since this was last true.
    fn is_time(&mut self, now: Millis) -> bool {
        let is_time = now >= self.next;
        if is_time {
            self.next = now + PAUSE;
        }
        is_time
    }

    /// Those of `silent` that are to be looked at now. The others are forgotten, or wait.
    fn due(&mut self, silent: Vec<(LockId, ProcessKey)>, now: Millis) -> Vec<(LockId, ProcessKey)> {
        let known: HashSet<_> = silent.iter().copied().collect();
        self.known.retain(|of, _| known.contains(of));
        let mut is_due = |of: &(LockId, ProcessKey)| {
            let (since, done) = self.known.entry(*of).or_insert((now, 0));
            let passed = TRIES.iter().filter(|after| now.saturating_sub(*since) >= **after).count();
            std::mem::replace(done, passed) < passed
        };
        silent.into_iter().filter(|of| is_due(of)).collect()
    }
}

impl Daemon {
    /// Looks for the servers of owners that have been silent for some seconds. Costs nothing while there are none; else one
    /// walk through the processes, on another thread.
    pub(crate) async fn seek_strays(&self) -> Outcome {
        let now = system::now().awake;
        if !self.silences().is_time(now) {
            return Outcome::Unchanged;
        }
        let silent = self.engine().registry().never_heard().collect();
        let due = self.silences().due(silent, now);
        if due.is_empty() {
            return Outcome::Unchanged;
        }
        // A table that cannot be read says nothing.
        let Ok(sockets) = self.sockets() else { return Outcome::Unchanged };
        let found = self.find_strays(&due, &sockets).await;
        let mut outcome = Outcome::Unchanged;
        for (lock_id, owner) in due {
            let of_owner = || found.iter().filter(|socket| socket.head == owner.pid);
            let ports = set(of_owner().map(|socket| socket.port));
            // Of several ports none is known to be the server's.
            let (1, Some(port)) = (ports.len(), ports.first().copied()) else { continue };
            let Some(of_port) = sockets.get(&port) else { continue };
            let hints = of_owner().map(|socket| socket.holder).collect();
            let sighting = Sighting { hints, ..Sighting::on_unleased(port, of_port) };
            for identified in self.identify(vec![sighting]).await {
                let Some(listener) = one_of(identified.listeners) else { continue };
                let fresh_id = LockId::new(Uuid::new_v4());
                outcome = outcome.max(self.happens(&Command::Strayed { lock_id, port, listener, fresh_id }));
            }
        }
        outcome
    }

    fn silences(&self) -> MutexGuard<'_, Silences> {
        self.silences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the owners' families listen on, of what may be leased.
    async fn find_strays(&self, due: &[(LockId, ProcessKey)], sockets: &Sockets) -> Vec<FamilySocket> {
        let (open, others) = {
            let engine = self.engine();
            let registry = engine.registry();
            let open = sockets.iter().filter(|(port, _)| registry.may_stray_to(**port));
            let open: Vec<ListeningSocket> = open.flat_map(|(_, sockets)| sockets.clone()).collect();
            let owners = registry.leases().filter_map(|lease| match &lease.owner {
                Owner::Process(owner) => Some(owner.key.pid),
                Owner::Listener { process, .. } => process.as_ref().map(|process| process.key.pid),
                Owner::Instance(_) | Owner::Awaited { .. } => None,
            });
            // What this daemon listens on is nobody's, whoever started it.
            (open, set(owners.chain(Pid::new(std::process::id()))))
        };
        if open.is_empty() {
            return Vec::new();
        }
        let owners: Vec<ProcessKey> = due.iter().map(|(_, owner)| *owner).collect();
        let look_up = move || {
            let heads = set(owners.iter().filter(|owner| system::is_alive(owner)).map(|owner| owner.pid));
            let others = set(others.difference(&heads).copied());
            system::find_in_families(&heads, &others, &open, Instant::now() + PATIENCE)
        };
        // An error means that the daemon is stopping: a panic would have ended it.
        tokio::task::spawn_blocking(look_up).await.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_looked_at_six_times_in_a_minute_and_anew_after_it_was_heard() {
        let key = ProcessKey { pid: Pid::MIN, inode: None, started: 1 };
        let of = (LockId::new(Uuid::from_u128(1)), key);
        let mut silences = Silences::default();
        let mut tries = |silent: bool, at: std::ops::Range<Millis>| {
            let silent = || if silent { vec![of] } else { Vec::new() };
            at.filter(|second| !silences.due(silent(), second * 1000).is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(tries(true, 0..200), [2, 4, 8, 16, 32, 56]);
        assert!(tries(false, 200..201).is_empty());
        assert_eq!(tries(true, 201..204), [203]);
    }
}
