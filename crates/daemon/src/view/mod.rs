//! What the live view shows: one look at everything, and the page that shows it in a browser.

pub(crate) mod page;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use styxy_core::api::ViewAnswer;
use styxy_core::order::{Order as _, map};
use styxy_core::view::{Place, Seen};
use styxy_core::{ProjectPath, checkout};

use crate::daemon::Daemon;
use crate::system::{self, Disk};
use crate::usage;

/// How long the names of all worktrees may take: one may lie on a network's disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same for one of them.
const EACH: Duration = Duration::from_millis(250);

/// Looks at everything. One look at a time: however many ask, they take one thread.
pub(crate) async fn look(daemon: &Daemon) -> ViewAnswer {
    let _alone = daemon.viewing.lock().await;
    daemon.follow().await;
    daemon.name_owners().await;
    daemon.refresh().await;
    let found = usage::of_all(daemon, daemon.sockets().unwrap_or_default()).await;
    let (leases, instances) = {
        let engine = daemon.engine();
        let registry = engine.registry();
        let leases = registry.leases().map(|lease| registry.view(lease)).collect();
        let instances = registry.instances().map(|instance| registry.instance_view(instance)).collect();
        (leases, instances)
    };
    let refusals = daemon.refusals.lock().unwrap_or_else(PoisonError::into_inner).of(None);
    let mut seen = Seen {
        leases,
        listeners: found.usages,
        memory: found.memory,
        places: BTreeMap::new(),
        instances,
        refusals,
    };
    let paths: Vec<ProjectPath> = seen.paths().cloned().collect();
    // An error means that the daemon is stopping: a panic would have ended it.
    seen.places = tokio::task::spawn_blocking(move || places(paths)).await.unwrap_or_default();
    seen.view(system::now().wall, env!("CARGO_PKG_VERSION"))
}

/// What the worktrees are called. Blocks, for up to [`PATIENCE`]; those that do not answer are left out.
fn places(mut paths: Vec<ProjectPath>) -> BTreeMap<ProjectPath, Place> {
    paths.order();
    paths.dedup();
    let deadline = Instant::now() + PATIENCE;
    let named = paths.into_iter().filter_map(|path| {
        let root = path.clone();
        let place =
            system::within(deadline.min(Instant::now() + EACH), move || place(Path::new(root.as_str())));
        Some((path, place??))
    });
    map(named)
}

/// None for `/`.
fn place(root: &Path) -> Option<Place> {
    Some(Place {
        repository: checkout::repository_folder(root, &Disk).to_string_lossy().into_owned(),
        name: checkout::repository_name(root, &Disk)?,
        branch: checkout::branch(root, &Disk),
    })
}
