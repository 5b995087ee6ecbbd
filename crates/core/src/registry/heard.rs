//! Who is heard on a leased port: its server, a stranger, or both. Everybody that listens there counts, on whichever address.

use crate::event::{EndReason, Fact};
use crate::lease::{Conflict, Lease, Listening, OfStack, Owner};
use crate::names::InstanceId;
use crate::port::Port;
use crate::process::{Listener, Process, ProcessKey};
use crate::time::Timestamp;

use super::Registry;
use super::lifecycle::{end, hear};

impl Registry {
    pub(super) fn heard(
        &self,
        port: Port,
        (listeners, sessions): (&[Listener], &[(ProcessKey, InstanceId)]),
        now: Timestamp,
    ) -> Vec<Fact> {
        let Some(lease) = self.lease_on(port) else { return Vec::new() };
        let stranger = listeners.iter().find(|listener| lease.is_strange(listener)).map(Conflict::with);
        if stranger.is_some() && lease.is_reserved() && server_of(lease, listeners).is_none() {
            // Nobody's server is in its way: it was only kept for one.
            return vec![end(lease, EndReason::Displaced)];
        }
        let mut facts = match (server_of(lease, listeners), &lease.listening) {
            (Some(server), _) => {
                heard_for_stack(lease, heard_server(lease, server), of_server(lease, server, sessions))
            }
            // The server closed unheard. A stranger beside it stays.
            (None, Listening::Server(_)) if stranger.is_some() => vec![self.server_gone(lease, now)],
            (None, _) => Vec::new(),
        };
        if !listeners.is_empty() && lease.conflict() != stranger.as_ref() {
            facts.push(Fact::Conflict { lock_id: lease.lock_id, by: stranger });
        }
        facts
    }

    /// The processes that own a lease and do not listen on its port themselves, in no order: [`Command::Renamed`] says what they
    /// are called now.
    ///
    /// Of each process one such lease is looked for. Changes only by [`Registry::apply`].
    ///
    /// [`Command::Renamed`]: crate::Command::Renamed
    pub fn silent_owners(&self) -> impl Iterator<Item = &Process> {
        let is_silent_owner = |lease: &Lease, process| match &lease.owner {
            Owner::Process(owner) => {
                let server = lease.listening.server().and_then(Listener::key);
                owner.key == process && server != Some(process)
            }
            Owner::Instance(_) | Owner::Awaited { .. } | Owner::Listener { .. } => false,
        };
        self.indexes.processes().filter_map(move |process| {
            let mut leases = self.indexes.leases_of(process).filter_map(|lock_id| self.lease(lock_id));
            leases.find(|lease| is_silent_owner(lease, process))?.owner.process()
        })
    }

    /// Leases whose owners are another program now are shown with that program's name.
    pub(super) fn renamed(&self, processes: &[Process]) -> Vec<Fact> {
        let of = |process: &Process| self.indexes.leases_of(process.key).collect::<Vec<_>>();
        let leases = processes.iter().flat_map(|now| of(now).into_iter().map(move |lock_id| (now, lock_id)));
        let renamed = leases.filter_map(|(now, lock_id)| match &self.lease(lock_id)?.owner {
            Owner::Process(owner) if owner.key == now.key && owner.name != now.name => Some(Fact::Passed {
                lock_id,
                owner: Owner::Process(now.clone()),
                project: None,
                worktree: None,
                door: None,
                stack: None,
            }),
            Owner::Process(_) | Owner::Instance(_) | Owner::Awaited { .. } | Owner::Listener { .. } => None,
        });
        renamed.collect()
    }
}

/// Which of `listeners` is the lease's server: its owner, then the one that is known, then one that could be identified.
pub(super) fn server_of<'a>(
    lease: &Lease,
    listeners: impl IntoIterator<Item = &'a Listener>,
) -> Option<&'a Listener> {
    let owner = lease.owner.process().map(|process| process.key);
    let known = lease.listening.server().and_then(Listener::key);
    let own = listeners.into_iter().filter(|listener| !lease.is_strange(listener));
    own.min_by_key(|listener| match listener.key() {
        key @ Some(_) if key == owner => 0,
        key @ Some(_) if key == known => 1,
        Some(_) => 2,
        None => 3,
    })
}

/// Of which session a server on a lease of the worktree's stack is that nobody asked a port for, if that changes (R68). A look that
/// cannot tell the process says nothing of it.
fn of_server(lease: &Lease, server: &Listener, sessions: &[(ProcessKey, InstanceId)]) -> Option<OfStack> {
    if !lease.stack || matches!(lease.owner, Owner::Process(_)) {
        return None;
    }
    let key = server.key()?;
    let session = sessions.iter().find(|(process, _)| *process == key).map(|(_, session)| session.clone());
    (session != lease.instance_id).then_some(OfStack { session, told_until: None })
}

/// What follows from a server, which is of a session from now on.
fn heard_for_stack(lease: &Lease, mut heard: Vec<Fact>, of: Option<OfStack>) -> Vec<Fact> {
    if of.is_none() || matches!(heard[..], [Fact::Seen(_)]) {
        return heard;
    }
    if let Some(Fact::Passed { stack, .. }) = heard.last_mut() {
        *stack = of;
        return heard;
    }
    let owner = match heard.first() {
        Some(Fact::Heard { owner: Some(owner), .. }) => owner.clone(),
        Some(_) | None => lease.owner.clone(),
    };
    let lock_id = lease.lock_id;
    heard.push(Fact::Passed { lock_id, owner, project: None, worktree: None, door: None, stack: of });
    heard
}

fn heard_server(lease: &Lease, listener: &Listener) -> Vec<Fact> {
    // A look-up that could not tell the process tells nothing new, unless it found a container.
    let is_told = |known: &Listener| listener.container.is_none() || listener.container == known.container;
    let same = |known: &Listener| match listener.key() {
        None => is_told(known),
        key @ Some(_) => known.key() == key,
    };
    if lease.listening.server().is_some_and(same) {
        return vec![Fact::Seen(vec![lease.lock_id])];
    }
    let lock_id = lease.lock_id;
    let listens = |process: Option<Process>| Owner::Listener { process, silent_until: None };
    match &lease.owner {
        Owner::Awaited { .. } => {
            let owner = listens(listener.process.clone());
            vec![
                hear(lease, listener.clone(), None),
                Fact::Passed { lock_id, owner, project: None, worktree: None, door: None, stack: None },
            ]
        }
        Owner::Listener { process, .. } => {
            let process = listener.process.clone().or_else(|| process.clone());
            vec![hear(lease, listener.clone(), Some(listens(process)))]
        }
        Owner::Process(owner) => {
            // A process that has become another program, as under `styxy run`, is called what it is now.
            let became =
                listener.process.as_ref().filter(|now| now.key == owner.key && now.name != owner.name);
            vec![hear(lease, listener.clone(), became.cloned().map(Owner::Process))]
        }
        Owner::Instance(_) => vec![hear(lease, listener.clone(), None)],
    }
}
