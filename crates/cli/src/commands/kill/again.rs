//! What starts a server again after it was ended: a manager, a watcher, or the loop of a shell above it.

use std::thread;
use std::time::{Duration, Instant};

use styxy_client::agents;
use styxy_core::api::{Again, CheckAnswer, Code, Manager, Refusal, SystemUsage};
use styxy_core::{Pid, Port};

use super::left::PAUSE;
use crate::here::context::Context;
use crate::here::manager;
use crate::say::facts;
use crate::say::failure::Failure;

/// How long the port is looked at after its server has ended.
const SOON: Duration = Duration::from_millis(200);
/// The same if something above the server may start it at once: a server takes its time to listen.
const MANAGED: Duration = Duration::from_secs(2);

/// What is above the servers, as it was before they ended.
#[derive(Default)]
pub(super) struct Above {
    managers: Vec<Manager>,
    /// The pid and the name of each parent that is not itself ended.
    parents: Vec<(u32, String)>,
}

impl Above {
    /// What is above these servers and not among the processes that are ended.
    pub(super) fn of(servers: &[&SystemUsage], ended: &[u32]) -> Self {
        let managers = servers.iter().filter_map(|usage| manager::of(usage));
        let lives = |manager: &Manager| manager.pid.is_none_or(|pid| !ended.contains(&pid.get()));
        let parents = servers.iter().filter_map(|usage| manager::parent(usage));
        Self {
            managers: managers.filter(lives).collect(),
            parents: parents.filter(|(pid, _)| !ended.contains(pid)).collect(),
        }
    }

    /// With more parents, of which those that are ended do not count.
    pub(super) fn and(mut self, parents: Vec<(u32, String)>, ended: &[u32]) -> Self {
        self.parents.extend(parents.into_iter().filter(|(pid, _)| !ended.contains(pid)));
        self
    }

    /// The manager to name, if nothing listens now.
    pub(super) fn manager(&self) -> Option<&Manager> {
        self.managers.first()
    }

    /// Whether it makes no sense to end what listens again.
    pub(super) fn starts_at_once(&self, now: &CheckAnswer) -> bool {
        self.again(now).is_some_and(|manager| manager.again != Again::OnChange)
    }

    /// Looks once more: who listens again on a port that was free.
    pub(super) fn back(&self, context: &Context, port: Port) -> Result<Option<CheckAnswer>, Failure> {
        let is_managed = self.managers.iter().any(|manager| manager.again != Again::OnChange);
        let deadline = Instant::now() + if is_managed { MANAGED } else { SOON };
        loop {
            thread::sleep(PAUSE);
            let began = Instant::now();
            let now = context.ask(async |client| client.check(port).await)?;
            if now.system_usage.is_some() {
                return Ok(Some(now));
            }
            if began >= deadline {
                return Ok(None);
            }
        }
    }

    /// The manager that has started what listens now: one that was above the servers before.
    fn again(&self, now: &CheckAnswer) -> Option<&Manager> {
        let new = manager::of(now.system_usage.as_ref()?)?;
        let is_it = |old: &&Manager| (&old.name, old.pid, &old.unit) == (&new.name, new.pid, &new.unit);
        self.managers.iter().find(is_it)
    }

    /// Why the port is not free although `ended` have ended: they were started again.
    pub(super) fn started_again(&self, port: Port, now: &CheckAnswer, ended: &str) -> Option<Failure> {
        let usage = now.system_usage.as_ref()?;
        let new = facts::process(usage.process.as_deref(), usage.pid.map(Pid::get))?;
        if let Some(manager) = self.again(now) {
            let stop = manager.stop.clone();
            return Some(refused(port, ended, &facts::manager(manager), &new, stop));
        }
        let is_above = |pid: u32| self.parents.iter().find(|(parent, _)| *parent == pid);
        let nearest = manager::parent(usage).filter(|parent| self.parents.contains(parent));
        // What started the whole tree again is further up.
        let parent =
            nearest.or_else(|| agents::ancestors_of(usage.pid?.get()).find_map(is_above).cloned())?;
        let shown = facts::process(Some(&parent.1), Some(parent.0))?;
        Some(refused(port, ended, &shown, &new, Some(format!("kill {}", parent.0))))
    }
}

/// `above` has started the server again, as `new`.
pub(super) fn refused(port: Port, ended: &str, above: &str, new: &str, stop: Option<String>) -> Failure {
    let error = format!("{ended}, but {above} has started it again: {new} listens on port {port}");
    Refusal::new(Code::PortUnavailable, error)
        .hint(stop.unwrap_or_else(|| format!("styxy who {port}")))
        .detail("port", port.get())
        .into()
}

/// What the answer says of a manager that may start the server again.
pub(super) fn warning(manager: &Manager) -> String {
    let shown = facts::manager(manager);
    let said = match manager.again {
        Again::OnChange => format!("{shown} starts it again {}", facts::again(manager.again)),
        Again::AtOnce | Again::NextRound | Again::AsSet => format!("{shown} may start it again"),
    };
    let stop = manager.stop.as_ref().map(|stop| format!("; to prevent that: {stop}")).unwrap_or_default();
    format!(". {said}{stop}")
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use serde_json::json;
    use std::process::{Command, Stdio};

    #[test]
    fn what_a_parent_has_started_again_is_said_with_the_parent() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let usage = json!({"pid": child.id(), "process": "cat", "addresses": []});
        let wire = json!({"port": 3000, "available": false, "allocated_to": null, "system_usage": usage, "reason": null});
        let now: CheckAnswer = serde_json::from_value(wire).unwrap();
        let parent = manager::parent(now.system_usage.as_ref().unwrap()).expect("this test");
        let said = |above: &Above| {
            above.started_again(now.port, &now, "cat (7) has ended").map(Failure::into_refusal)
        };
        assert!(said(&Above::default()).is_none(), "another program has taken the port");
        let (pid, name) = parent.clone();
        assert_eq!(pid, std::process::id());
        let refusal = said(&Above { parents: vec![parent], ..Above::default() }).expect("its parent");
        let expected =
            format!("cat (7) has ended, but {name} ({pid}) has started it again: cat ({})", child.id());
        assert!(refusal.error.starts_with(&expected), "{}", refusal.error);
        assert_eq!(refusal.hint, Some(format!("kill {pid}")));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
