//! Which folder lies in which worktree, and how two are related: remembered for a second, since each answer costs a hundred looks at the
//! disk. Whether a folder is still there is never remembered: a server of a worktree that is being deleted is nobody's at once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use styxy_core::checkout::{self, Kinship};

use crate::system::Disk;

/// How long an answer counts.
const FRESH: Duration = Duration::from_secs(1);

/// What was asked in the last second.
pub(super) struct Grounds {
    pub(super) home: Option<PathBuf>,
    known: Mutex<Known>,
}

struct Known {
    since: Instant,
    roots: HashMap<PathBuf, Option<PathBuf>>,
    places: HashMap<PathBuf, Option<PathBuf>>,
    kinships: HashMap<(PathBuf, PathBuf), Kinship>,
}

impl Known {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            roots: HashMap::new(),
            places: HashMap::new(),
            kinships: HashMap::new(),
        }
    }
}

impl Grounds {
    pub(super) fn new() -> Self {
        Self { home: std::env::home_dir(), known: Mutex::new(Known::new()) }
    }

    /// The worktree, or project, in which `folder` is.
    pub(super) fn root(&self, folder: &Path) -> Option<PathBuf> {
        let mut known = self.fresh();
        let root = |folder: &PathBuf| checkout::root(folder, self.home.as_deref(), &Disk);
        known.roots.entry(folder.to_owned()).or_insert_with_key(root).clone()
    }

    /// The worktree, or project, in which `folder` is, or the folder itself; none in a home, and in `/`.
    pub(super) fn place(&self, folder: &Path) -> Option<PathBuf> {
        let mut known = self.fresh();
        let place = |folder: &PathBuf| checkout::place(folder, self.home.as_deref(), &Disk);
        let found = known.places.entry(folder.to_owned());
        found.or_insert_with_key(|folder| place(folder).map(|place| place.root)).clone()
    }

    pub(super) fn kinship(&self, ours: &Path, theirs: &Path) -> Kinship {
        let mut known = self.fresh();
        let kinship = |(ours, theirs): &(PathBuf, PathBuf)| {
            checkout::kinship(ours, theirs, self.home.as_deref(), &Disk)
        };
        *known.kinships.entry((ours.to_owned(), theirs.to_owned())).or_insert_with_key(kinship)
    }

    fn fresh(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.since.elapsed() > FRESH {
            *known = Known::new();
        }
        known
    }
}
