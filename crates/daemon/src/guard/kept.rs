//! What `styxy up` keeps: the keeper of a worktree's services, and every process that it has started, whether it listens or not
//! (R139).

use std::path::{Path, PathBuf};

use styxy_core::Pid;
use styxy_core::belongs::{STACK, service_of_mark};
use styxy_core::printable::{one_line, tilde};

use super::grounds::Grounds;
use crate::system;

/// A process of a worktree's services.
pub(super) struct Kept {
    /// The root of that worktree.
    pub(super) root: PathBuf,
    /// The service that it is of; none for the keeper.
    service: Option<String>,
}

impl Kept {
    /// What this process is, if it is one.
    pub(super) fn of(pid: Pid, grounds: &Grounds) -> Option<Self> {
        if let Some(root) = kept_by(&system::command_line(pid)?) {
            return Some(Self { root, service: None });
        }
        let [mark] = system::variables(pid, [STACK]);
        let service = service_of_mark(&mark?)?.to_owned();
        let root = grounds.root(&system::folder_of(pid)?)?;
        Some(Self { root, service: Some(service) })
    }

    /// `keeps the services of ~/app2`
    pub(super) fn said(&self, home: Option<&Path>) -> String {
        let root = tilde(&self.root.to_string_lossy(), home);
        match &self.service {
            Some(service) => format!("is of the service {} of styxy up in {root}", one_line(service)),
            None => format!("keeps the services of {root}"),
        }
    }

    /// What ends it.
    pub(super) fn stop(&self) -> String {
        let service = self.service.as_ref().map(|service| format!(" {}", one_line(service)));
        let root = self.root.to_string_lossy().replace('\'', r"'\''");
        format!("styxy down{} --force -C '{root}'", service.unwrap_or_default())
    }
}

/// The worktree whose keeper has this command line: `styxy keeper --root /w/app`.
fn kept_by(line: &str) -> Option<PathBuf> {
    let mut words = line.split('\0');
    let is_styxy = words.next()?.rsplit('/').next() == Some("styxy");
    match [words.next()?, words.next()?] {
        ["keeper", "--root"] if is_styxy => words.next().map(PathBuf::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_is_known_by_its_words() {
        let of = |line: &str| kept_by(&line.replace(' ', "\0"));
        assert_eq!(of("/usr/bin/styxy keeper --root /w/app"), Some(PathBuf::from("/w/app")));
        for other in ["/usr/bin/styxy up", "vim keeper --root /w", "styxy keeper", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_kept_is_named_with_what_ends_it() {
        let kept = |service: Option<&str>| Kept {
            root: "/home/ada/it's".into(),
            service: service.map(str::to_owned),
        };
        let home = Some(Path::new("/home/ada"));
        assert_eq!(kept(None).said(home), "keeps the services of ~/it's");
        assert_eq!(kept(Some("css")).said(home), "is of the service css of styxy up in ~/it's");
        assert_eq!(kept(None).stop(), r"styxy down --force -C '/home/ada/it'\''s'");
        assert_eq!(kept(Some("css")).stop(), r"styxy down css --force -C '/home/ada/it'\''s'");
    }
}
