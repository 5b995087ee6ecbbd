//! Leases follow folders that are moved (R62): the kernel knows where each server works now.

use std::path::Path;
use std::time::{Duration, Instant};

use styxy_core::{Ask, ProcessKey, ProjectId, ProjectPath};

use super::{Daemon, Outcome};
use crate::system;

/// How long the servers that work elsewhere may be looked at.
const PATIENCE: Duration = Duration::from_millis(100);
/// So many servers are looked at in one go. With more, the rest follow when somebody asks in the new folder.
const MOST: usize = 1024;

/// A server that listens for a lease.
struct Server {
    process: ProcessKey,
    /// The folder of the lease, and where that was.
    id: ProjectId,
    project: ProjectPath,
}

impl Daemon {
    /// The folder of this id is at this path: what was leased for it elsewhere follows.
    pub(crate) fn found(&self, id: &ProjectId, at: &ProjectPath) -> Outcome {
        let places = self.engine().registry().other_places(id, at);
        // A folder that is still where it was has not moved: `at` is another name of it, such as a bind mount, or the path at
        // which a container has it. So rare that the file calls do no harm.
        let stays = |place: &ProjectPath| system::disk::id(Path::new(place.as_str())).as_ref() == Some(id);
        if places.is_empty() || places.iter().any(stays) {
            return Outcome::Unchanged;
        }
        self.happens(&styxy_core::Command::Found { id: id.clone(), at: at.clone() })
    }

    /// The worktree that has the label which this request wishes for, if its folder no longer exists. Asked once for each pair
    /// of worktrees that are called the same, so that the file call does no harm.
    pub(crate) fn gone_rival(&self, ask: &Ask) -> Option<ProjectPath> {
        let (root, label) = ask.project.as_ref().zip(ask.label.as_ref())?;
        let rival = self.engine().registry().rival(root, label).cloned()?;
        // Whatever else keeps it from being looked at: it may exist.
        matches!(Path::new(rival.as_str()).try_exists(), Ok(false)).then_some(rival)
    }

    /// Looks where the servers of leases work now, and lets the leases of folders that have moved follow.
    ///
    /// Takes about a microsecond for each server whose folder stayed, on another thread.
    pub(crate) async fn follow(&self) {
        let servers: Vec<Server> = {
            let engine = self.engine();
            let leases = engine.registry().leases().filter_map(|lease| {
                let process = lease.listening.server()?.key()?;
                let (id, project) = (lease.project_id.clone()?, lease.key.project.clone()?);
                Some(Server { process, id, project })
            });
            leases.take(MOST).collect()
        };
        if servers.is_empty() {
            return;
        }
        // An error means that the daemon is stopping: a panic would have ended it.
        let moved = tokio::task::spawn_blocking(move || moved(&servers)).await.unwrap_or_default();
        for (id, at) in moved {
            self.found(&id, &at);
        }
    }
}

/// Where the folders of those servers are now that do not work in their lease's project.
fn moved(servers: &[Server]) -> Vec<(ProjectId, ProjectPath)> {
    let deadline = Instant::now() + PATIENCE;
    let moved = servers.iter().filter_map(|server| {
        let folder = system::folder_of(server.process.pid)?;
        if folder.starts_with(Path::new(server.project.as_str())) {
            return None;
        }
        let details = system::describe(server.process.pid, deadline).ok()?;
        // The pid may be another process' by now, and a server may work anywhere.
        let found = details.place.found.filter(|_| details.identified.process.key == server.process)?;
        (found.0 == server.id).then_some(found)
    });
    moved.collect()
}
