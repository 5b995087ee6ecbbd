//! Whether what a lease names still exists: a label ends with what it names (R63).

use std::collections::BTreeSet;
use std::path::Path;

use styxy_core::api::{CheckAnswer, Lease, OwnerKind};
use styxy_core::session::{self, Signs};
use styxy_core::{InstanceId, Pid, Port, ProjectId, ProjectPath};

use crate::{Caller, Client, Error, agents, process};

/// What is known of the sessions and servers on one port.
#[derive(Debug)]
pub struct Living {
    /// The registered sessions, all of which live.
    instances: BTreeSet<InstanceId>,
    /// The processes that listen on the port.
    listeners: Vec<u32>,
    /// What is asked of the disk.
    stands: fn(&ProjectPath, Option<&ProjectId>) -> bool,
}

impl Living {
    /// Asks about `port`.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub async fn on(client: &Client, port: Port) -> Result<Self, Error> {
        let found = client.check(port).await?;
        Self::around(client, &found).await
    }

    /// The same where it is known already what listens.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub async fn around(client: &Client, found: &CheckAnswer) -> Result<Self, Error> {
        let instances = client.instances().await?.instances;
        Ok(Self::of(instances.into_iter().map(|instance| instance.instance_id), found))
    }

    /// The same where the sessions that live are known too.
    #[must_use]
    pub fn of(sessions: impl IntoIterator<Item = InstanceId>, found: &CheckAnswer) -> Self {
        let listeners = found.listeners().filter_map(|usage| usage.pid);
        Self::known(sessions, listeners.map(Pid::get).collect(), stands)
    }

    /// What is known already: the sessions that live, what listens on the port, and how the disk answers ([`stands`]).
    #[must_use]
    pub fn known(
        sessions: impl IntoIterator<Item = InstanceId>,
        listeners: Vec<u32>,
        stands: fn(&ProjectPath, Option<&ProjectId>) -> bool,
    ) -> Self {
        Self { instances: sessions.into_iter().collect(), listeners, stands }
    }

    /// The project that the lease is for, if it is still there.
    #[must_use]
    pub fn project<'a>(&self, lease: &'a Lease) -> Option<&'a ProjectPath> {
        let project = lease.project_path.as_ref()?;
        (self.stands)(project, lease.project_id.as_ref()).then_some(project)
    }

    /// The session that the lease is for, if it lives.
    #[must_use]
    pub fn session<'a>(&self, lease: &'a Lease) -> Option<&'a InstanceId> {
        let owner = lease.owner.pid.filter(|_| lease.owner.kind == OwnerKind::Process);
        lease.instance_id.as_ref().filter(|id| session::lives(id, owner, self))
    }
}

impl Signs for Living {
    fn is_registered(&self, session: &InstanceId) -> bool {
        self.instances.contains(session)
    }
    fn runs(&self, process: Pid) -> bool {
        NamedProcess(process).lives()
    }
    fn is_server_under_agent(&self) -> bool {
        self.listeners.iter().any(|pid| agents::around(*pid).is_some())
    }
    /// Such as the agent's MCP server.
    fn runs_beside_server(&self, process: Pid) -> bool {
        let owner = process.get();
        let is_of_server =
            |pid: &u32| *pid == owner || agents::ancestors_of(*pid).any(|above| above == owner);
        !self.listeners.iter().any(is_of_server)
    }
}

/// The process that a session is called by.
#[must_use]
pub fn named_process(session: &InstanceId) -> Option<NamedProcess> {
    session::named_process(session).map(NamedProcess)
}

/// The process in a session's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedProcess(Pid);

impl NamedProcess {
    /// Whether it runs.
    #[must_use]
    pub fn lives(self) -> bool {
        process::runs(self.0)
    }
}

/// Whether the folder that a lease is for is still there: the same one, as far as that is known.
#[must_use]
pub fn stands(project: &ProjectPath, id: Option<&ProjectId>) -> bool {
    let now = || Caller::id_of(project);
    Path::new(project.as_str()).exists() && id.is_none_or(|then| now().is_none_or(|now| now == *then))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leases::tests::lease;
    use serde_json::json;

    fn of(session: &str, owner: u32) -> Lease {
        lease(3000, |wire| {
            wire["instance_id"] = json!(session);
            wire["owner"] = json!({"kind": "process", "pid": owner});
        })
    }

    /// A pid that no process has.
    const NEVER: u32 = 2_147_483_000;

    fn listening(pid: u32) -> Living {
        Living::known(InstanceId::new("registered"), vec![pid], |_, _| true)
    }

    #[test]
    fn a_session_lives_as_long_as_it_is_registered_or_its_process_runs() {
        let server = listening(NEVER);
        assert_eq!(server.session(&of(&format!("claude-{NEVER}"), NEVER)), None);
        assert!(server.session(&of(&format!("claude-{}", std::process::id()), NEVER)).is_some());
        assert!(server.session(&of("registered", NEVER)).is_some());
        assert_eq!(server.session(&of("reviewer", NEVER)), None, "nothing shows that it lives");
        assert_eq!(server.session(&lease(3000, |_| {})), None);
    }

    #[test]
    fn who_asked_for_a_lease_beside_its_server_keeps_the_session_alive() {
        assert!(listening(NEVER).session(&of("reviewer", 8)).is_some());
    }

    #[test]
    fn a_project_is_there_as_long_as_the_same_folder_is() {
        let folder = tempfile::tempdir().unwrap();
        let project = ProjectPath::new(folder.path().to_str().unwrap()).unwrap();
        let id = Caller::id_of(&project);
        assert!(stands(&project, None) && stands(&project, id.as_ref()));
        let other = ProjectId::new("1:2:3").unwrap();
        assert_eq!(stands(&project, Some(&other)), id.is_none());
        drop(folder);
        assert!(!stands(&project, None));
    }
}
