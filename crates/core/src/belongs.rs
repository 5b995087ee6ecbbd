//! Where a server belongs: to which worktree, or to none (R34).
//!
//! The server's own folder counts before its lease's, since a lease is only what was asked for; and a lease's path counts only
//! as long as the folder there is the one that it was asked for.

use std::path::Path;

use crate::api::{Lease, OwnerKind, SystemUsage};
use crate::names::{ProjectId, ProjectPath};
use crate::time::WallTime;

/// The variable by which `styxy up` marks what it starts: every process below a service inherits it.
pub const STACK: &str = "STYXY_UP";

/// The service that a mark names: `5c1f/web/18f2a` is of `web`. What is before it names the worktree, what is after it the start.
#[must_use]
pub fn service_of_mark(mark: &str) -> Option<&str> {
    mark.split('/').nth(1).filter(|label| !label.is_empty())
}

/// What is asked of the disk.
pub struct Disk<'a> {
    /// Whether something is at a path.
    pub is_there: &'a dyn Fn(&Path) -> bool,
    /// Which folder is at a path now, as far as the system says.
    pub id: &'a dyn Fn(&ProjectPath) -> Option<ProjectId>,
    /// Whether the folder at a path may have been there at a time.
    pub is_older: &'a dyn Fn(&ProjectPath, WallTime) -> bool,
    /// Whether a folder lies in a checkout or a project, and does not stand for itself.
    pub is_known: &'a dyn Fn(&Path) -> bool,
}

impl Disk<'_> {
    /// Whether the folder of the lease's project is still the one that it was asked for, as far as that is known: by the
    /// lease, else by the start of its server.
    fn stands(&self, project: &ProjectPath, id: Option<&ProjectId>, server: &SystemUsage) -> bool {
        if !(self.is_there)(Path::new(project.as_str())) {
            return false;
        }
        match (id, (self.id)(project)) {
            (Some(then), Some(now)) => *then == now,
            (None, _) | (_, None) => {
                server.started_at.is_none_or(|started| (self.is_older)(project, started))
            }
        }
    }
}

/// Where a server belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belongs {
    /// To this worktree, or folder.
    To(ProjectPath),
    /// To one that was deleted, as far as its name is known.
    ToDeleted(Option<ProjectPath>),
    /// There is no telling.
    Unknown,
}

impl Belongs {
    /// The worktree or folder, also if it was deleted.
    #[must_use]
    pub fn path(self) -> Option<ProjectPath> {
        match self {
            Self::To(path) => Some(path),
            Self::ToDeleted(path) => path,
            Self::Unknown => None,
        }
    }
}

/// The server's own folder, unless a lease that was asked for this very process says otherwise.
#[must_use]
pub fn belongs(usage: &SystemUsage, lease: Option<&Lease>, disk: &Disk) -> Belongs {
    let id = lease.and_then(|lease| lease.project_id.as_ref());
    let (leased, gone) = match lease.and_then(|lease| lease.project_path.clone()) {
        Some(project) if disk.stands(&project, id, usage) => (Some(project), None),
        gone => (None, gone),
    };
    let by_name = lease.is_some_and(|lease| {
        lease.owner.kind == OwnerKind::Process && usage.pid.is_some() && lease.owner.pid == usage.pid
    });
    let is_there = |path: &ProjectPath| (disk.is_there)(Path::new(path.as_str()));
    let folder = || usage.working_directory.as_deref().and_then(|folder| ProjectPath::new(folder).ok());
    if usage.working_directory_deleted == Some(true) {
        // A build may replace the folder it serves; the worktree around it stands, if the lease names it. It does not stand if
        // the deleted folder was that worktree itself.
        return match (leased, folder()) {
            (Some(project), folder) if folder.as_ref() != Some(&project) => Belongs::To(project),
            (_, folder) => Belongs::ToDeleted(folder),
        };
    }
    if let Some(container) = &usage.container {
        // Its engine's folder alone: a lease is only what was asked for, and the engine's program is nobody's.
        let folder = container.folder.as_deref().and_then(|folder| ProjectPath::new(folder).ok());
        return match usage.project_path.clone().or(folder) {
            Some(project) if is_there(&project) => Belongs::To(project),
            Some(project) => Belongs::ToDeleted(Some(project)),
            None => Belongs::Unknown,
        };
    }
    let project = match leased {
        Some(leased) if by_name || usage.project_path.is_none() && !is_elsewhere(&leased, folder(), disk) => {
            Some(leased)
        }
        Some(_) => usage.project_path.clone().or_else(folder),
        None => {
            let moved = || {
                folder().filter(|folder| gone.is_none() || id.is_some() && (disk.id)(folder).as_ref() == id)
            };
            usage.project_path.clone().or_else(moved).or(gone.clone())
        }
    };
    match project {
        Some(project) if gone.as_ref() == Some(&project) => Belongs::ToDeleted(Some(project)),
        Some(project) if is_there(&project) => Belongs::To(project),
        Some(project) => Belongs::ToDeleted(Some(project)),
        None => Belongs::Unknown,
    }
}

/// Whether a server in this folder, which lies in no project, is not in the project of its lease either: of two folders that
/// stand for themselves each has its own servers. A checkout's server may work anywhere.
fn is_elsewhere(leased: &ProjectPath, folder: Option<ProjectPath>, disk: &Disk) -> bool {
    let is_outside = |folder: &ProjectPath| !Path::new(folder.as_str()).starts_with(leased.as_str());
    folder.is_some_and(|folder| is_outside(&folder) && !(disk.is_known)(Path::new(leased.as_str())))
}

/// Whether a server works in another folder than those of `project`, which has leased its port.
#[must_use]
pub fn works_outside(usage: &SystemUsage, project: &ProjectPath) -> bool {
    let folder = usage.working_directory.as_deref().filter(|_| usage.working_directory_deleted != Some(true));
    folder.is_some_and(|folder| !Path::new(folder).starts_with(project.as_str()))
}
