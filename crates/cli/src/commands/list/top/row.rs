//! The rows of the screen, which can be selected.

use styxy_core::api::{RepositoryView, ServiceView, WorktreeView};
use styxy_core::{InstanceId, LockId, Port, WallTime};

/// Which row it is, also when it moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Id {
    Service { port: Port, lease: Option<LockId> },
    Session(InstanceId),
    Refusal { at: WallTime, message: String },
}

/// A service, where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'v> {
    pub(super) repository: &'v RepositoryView,
    pub(super) worktree: &'v WorktreeView,
    pub(super) service: &'v ServiceView,
}

impl Row<'_> {
    pub(super) fn id(&self) -> Id {
        Id::Service { port: self.service.port, lease: self.service.lock_id }
    }

    /// Whether what is shown of it has `word`, in whatever case.
    pub(super) fn has(&self, word: &str) -> bool {
        let Self { repository, worktree, service } = self;
        let process = service.process.iter();
        let texts = [
            repository.name.clone(),
            worktree.branch.clone(),
            worktree.path.as_ref().map(ToString::to_string),
            Some(service.port.to_string()),
            Some(service.state.as_str().to_owned()),
            service.name.clone(),
            service.instance_id.as_ref().map(ToString::to_string),
            service.stranger.as_ref().and_then(|stranger| stranger.process.clone()),
        ];
        let of_process = process.flat_map(|process| {
            [process.process.clone(), process.container.clone(), process.pid.map(|pid| pid.to_string())]
        });
        texts.into_iter().chain(of_process).flatten().any(|text| text.to_lowercase().contains(word))
    }
}
