//! What is answered to a request for a port: the lease, its names, and the one lease of a singleton (R15).

use crate::api::{Grant, State};
use crate::command::{Ask, Wish};
use crate::label::{HostName, Label};
use crate::lease::{Key, Lease, Naming, OfStack, Owner};
use crate::names::{LockId, ServiceType};
use crate::refusal::{Holder, Refusal};
use crate::time::Millis;

use super::allocate::Round;
use super::labels::Worktree;
use super::reuse::owned_by_line;
use super::view::who;

impl Round<'_> {
    /// The one live lease of a singleton service type, the oldest if a change of configuration left several.
    pub(super) fn singleton(&self, service: &ServiceType) -> Option<Lease> {
        let stands = |lock_id: &LockId| !self.displaced.contains(lock_id);
        let before = self.registry.indexes.of_singleton(service).filter(stands);
        let before = before.filter_map(|lock_id| self.registry.lease(lock_id));
        let made = self.made.iter().filter(|lease| lease.key.service == *service);
        before.chain(made).min_by_key(|lease| (lease.allocated_at.awake, lease.lock_id)).cloned()
    }

    pub(super) fn existing(&self, ask: &Ask, lease: &Lease) -> Result<Grant, Refusal> {
        let who = who(lease);
        if let Wish::Exact(port) = ask.wish
            && port != lease.port
        {
            let holder = Holder::Singleton { service: ask.service.clone(), elsewhere: lease.port, who };
            return Err(Refusal::PortUnavailable { port, holder });
        }
        let reason = format!("service type {} has one lease machine-wide, held by {who}", ask.service);
        let mut grant = self.answer(lease, Some(reason));
        grant.existing = true;
        grant.message =
            format!("Service '{}' only allows a single instance: port {}", ask.service, lease.port);
        Ok(grant)
    }

    /// What the worktree of this request is called from now on, if that is not what it is called already.
    pub(super) fn name_worktree(&mut self, ask: &Ask) -> Option<Naming> {
        let root = ask.project.as_ref()?;
        if self.named.iter().any(|(named, _)| named == root) {
            return None;
        }
        let worktree =
            Worktree { root, id: ask.project_id.as_ref(), wish: ask.label.as_ref(), gone: ask.gone.as_ref() };
        let labels = &self.registry.labels;
        let naming =
            labels.naming(worktree, |label| self.named.iter().any(|(_, named)| named.label == *label));
        let is_new = labels.of(root) != Some(&naming);
        is_new.then(|| {
            self.named.push((root.clone(), naming.clone()));
            naming
        })
    }

    /// What a new server of this key is called in its worktree.
    pub(super) fn server_label(&self, key: &Key) -> Option<Label> {
        let about = |label: &Label| {
            let mut here = self.made.iter().filter(|lease| lease.key.project == key.project);
            here.find(|lease| lease.label.as_ref() == Some(label)).map(|lease| &lease.key)
        };
        self.registry.server_label(key, &self.displaced, about)
    }

    fn host(&self, lease: &Lease) -> Option<HostName> {
        let root = lease.key.project.as_ref()?;
        let named = self.named.iter().find(|(named, _)| named == root).map(|(_, naming)| naming);
        let worktree = named.or_else(|| self.registry.labels.of(root))?.label.clone();
        // A server that goes to another port takes its name along: whoever is told of that port is told of that name.
        let first = lease.instead_of.and_then(|first| self.registry.lease(first)).unwrap_or(lease);
        Some(HostName { worktree, server: Some(first.label.clone()?) })
    }

    pub(super) fn answer(&self, lease: &Lease, reason: Option<String>) -> Grant {
        let host = self.host(lease);
        Grant {
            success: true,
            port: lease.port,
            lock_id: Some(lease.lock_id),
            service_type: lease.key.service.clone(),
            service_name: lease.key.name.clone(),
            state: if lease.listening.server().is_some() { State::Active } else { State::Granted },
            owner: self.registry.owner_view(lease),
            url: format!("http://localhost:{}", lease.port),
            named_url: host.as_ref().and_then(|host| self.registry.named_url(host)),
            host: host.map(|host| host.to_string()),
            reused: false,
            existing: false,
            reason,
            displaced_from: None,
            running: self.registry.running_beside(lease),
            message: format!("Port {} allocated for {} service", lease.port, lease.key.label()),
        }
    }
}

/// Whose a lease of the worktree's stack is from now on, if that changes (R68): of the session whose server takes it. `until` is
/// until when its port is promised to somebody who is told it now.
pub(super) fn of_stack(
    ask: &Ask,
    lease: &Lease,
    owner: &Owner,
    (now, until): (Millis, Millis),
) -> Option<OfStack> {
    if owned_by_line(ask, lease) || !(ask.stack || lease.stack) {
        return None;
    }
    let session = ask.process.as_ref().and(ask.instance_id.clone());
    // What waits for nobody's session says by its owner until when that is. A shell asks before each command: not each is noted.
    let is_stale = |told: Millis| told < now.midpoint(until);
    let is_told = matches!(owner, Owner::Instance(_)) && lease.told_until.is_none_or(is_stale);
    let is_changed = !lease.stack || lease.instance_id != session;
    let told_until = is_told.then_some(until);
    (is_changed || is_told).then_some(OfStack { session, told_until })
}
