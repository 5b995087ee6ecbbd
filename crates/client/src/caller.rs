//! Where and for whom a command or a call runs.

use std::io;
use std::path::{Path, PathBuf};

use styxy_core::checkout::{self, Ground, Kinship, Place};
use styxy_core::project::Project;
use styxy_core::session::{self, Session, VARIABLES};
use styxy_core::{InstanceId, Invalid, ProjectId, ProjectPath, ServiceName, WallTime};
use styxy_os::disk::{self, Disk, canonical};

use crate::agents::Running;
use crate::project::{self, ProjectError, ProjectFile};

/// Where and for whom a command or a call runs: the folder, the checkout around it, the agent session.
///
/// It reads neither the environment nor the current folder: in a program that is not ours, threads differ in both.
#[derive(Debug, Clone)]
pub struct Caller {
    folder: Option<PathBuf>,
    place: Option<Place>,
    home: Option<PathBuf>,
    variables: [Option<String>; VARIABLES.len()],
    nearest: fn() -> Option<Running>,
}

/// Why it is unknown where or for whom a call runs.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The path cannot name a project: it is not text, or too long.
    #[error("the path {} is not Unicode, or longer than 4096 bytes", path.display())]
    InvalidPath {
        /// The path.
        path: PathBuf,
    },
    /// There is no such folder, or it may not be looked at.
    #[error("the folder {} was not found", given.display())]
    NoFolder {
        /// The folder, as it was given.
        given: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The environment names an agent session by what is not an instance id.
    #[error("the environment does not name an agent session")]
    InvalidSession {
        /// What is wrong with the name.
        source: Invalid,
    },
}

impl Caller {
    /// The environment variables that `env` is asked for.
    pub const VARIABLES: &[&str] = &VARIABLES;

    /// A caller in `folder`, the current one; none if it was deleted. `home` is the user's home folder, which is not a
    /// checkout, and `nearest` finds the agent that this process runs under: [`crate::agents::nearest`].
    pub fn new(
        folder: Option<&Path>,
        home: Option<PathBuf>,
        env: impl Fn(&str) -> Option<String>,
        nearest: fn() -> Option<Running>,
    ) -> Self {
        let home = home.filter(|home| !home.as_os_str().is_empty());
        let nowhere = Self { folder: None, place: None, home, variables: VARIABLES.map(env), nearest };
        folder.map(|folder| nowhere.at(folder)).unwrap_or(nowhere)
    }

    /// The same caller in another folder, which may be relative to this one's.
    #[must_use]
    pub fn at(&self, folder: &Path) -> Self {
        let folder = canonical(&self.absolute(folder)).ok();
        let place = folder.as_deref().and_then(|folder| checkout::place(folder, self.home(), &Disk));
        Self { folder, place, ..self.clone() }
    }

    /// The same caller with one of [`Caller::VARIABLES`] that is not set: an agent tells its hooks what its shells have in it.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        let known = VARIABLES.iter().position(|variable| *variable == name);
        if let Some(at) = known.filter(|at| self.variables[*at].as_deref().is_none_or(str::is_empty)) {
            self.variables[at] = value.map(str::to_owned);
        }
        self
    }

    /// The user's home folder.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The folder, canonical; none if it was deleted.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The root of the checkout around the folder, or outside of one of the project, which may be the folder itself (R29);
    /// canonical. None in a home folder and in `/`, where nothing is shared.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        self.place.as_ref().map(|place| place.root.as_path())
    }

    /// The root, if a version control system says that it is one.
    #[must_use]
    pub fn checkout(&self) -> Option<&Path> {
        self.place.as_ref().filter(|place| place.ground == Ground::Checkout).map(|place| place.root.as_path())
    }

    /// The root, if anything says that it is one: not a folder that stands for itself.
    #[must_use]
    pub fn known_root(&self) -> Option<&Path> {
        self.place.as_ref().filter(|place| place.ground != Ground::Folder).map(|place| place.root.as_path())
    }

    /// The root, or in a home folder and in `/` the folder itself.
    #[must_use]
    pub fn place(&self) -> Option<&Path> {
        self.root().or(self.folder())
    }

    /// The name that servers have by default in the folder's package (R60); none at the root, and outside of packages.
    #[must_use]
    pub fn package(&self) -> Option<ServiceName> {
        checkout::package(self.folder()?, self.root()?, &Disk)
    }

    /// Whether the folder is in a package that has no file of its own: what the project's file says is for all packages then.
    #[must_use]
    pub fn shares_file(&self) -> bool {
        let package = self
            .folder()
            .zip(self.root())
            .and_then(|(folder, root)| Some((folder, checkout::package_folder(folder, root, &Disk)?)));
        package.is_some_and(|(folder, package)| matches!(project::find(folder, Some(package)), Ok(None)))
    }

    /// The root as leases name it; none where there is none.
    pub fn project(&self) -> Result<Option<ProjectPath>, CallerError> {
        self.root().map(project_path).transpose()
    }

    /// The root around `folder` as leases name it; where there is none, the folder itself, which may be deleted.
    pub fn project_around(&self, folder: &Path) -> Result<ProjectPath, CallerError> {
        self.at(folder).root().map_or_else(|| self.project_named(folder), project_path)
    }

    /// `folder` as leases name it, which may be deleted: canonical if it exists.
    pub fn project_named(&self, folder: &Path) -> Result<ProjectPath, CallerError> {
        let absolute = self.absolute(folder);
        project_path(&canonical(&absolute).or_else(|_| std::path::absolute(&absolute)).unwrap_or(absolute))
    }

    /// `folder` as leases name it.
    ///
    /// # Errors
    /// There is no such folder, or leases cannot name it.
    pub fn project_at(&self, folder: &Path) -> Result<ProjectPath, CallerError> {
        let found = canonical(&self.absolute(folder));
        project_path(&found.map_err(|source| CallerError::NoFolder { given: folder.to_owned(), source })?)
    }

    /// The project's file that counts in the folder: the nearest one up to the root of the checkout.
    ///
    /// # Errors
    /// The nearest file cannot be read, or has a mistake.
    pub fn file(&self) -> Result<Option<Project>, ProjectError> {
        Ok(self.named_file()?.map(|file| file.project))
    }

    /// The same with its place, for whoever can tell the user what is wrong with it.
    ///
    /// # Errors
    /// As [`Caller::file`].
    pub fn named_file(&self) -> Result<Option<ProjectFile>, ProjectError> {
        self.folder().map_or(Ok(None), |folder| project::settled(folder, self.root()))
    }

    /// The agent session; none for a person's shell.
    ///
    /// # Errors
    /// The environment names one by what is not an instance id.
    pub fn session(&self) -> Result<Option<Session>, CallerError> {
        session::session(|name| self.variable(name), self.nearest)
            .map_err(|source| CallerError::InvalidSession { source })
    }

    /// The name of the agent session, which is cheaper to find out than its process.
    ///
    /// # Errors
    /// As [`Caller::session`].
    pub fn instance(&self) -> Result<Option<InstanceId>, CallerError> {
        session::instance(|name| self.variable(name), self.nearest)
            .map_err(|source| CallerError::InvalidSession { source })
    }

    /// Which folder is at this path now, as far as the system says.
    #[must_use]
    pub fn id_of(project: &ProjectPath) -> Option<ProjectId> {
        disk::id(Path::new(project.as_str()))
    }

    /// Whether the folder at this path may have been there at `then`: unless it is known to be younger, by more than a second,
    /// since clocks are set.
    #[must_use]
    pub fn is_older(project: &ProjectPath, then: WallTime) -> bool {
        let born = disk::born_ns(Path::new(project.as_str()));
        born.is_none_or(|born| born / 1_000_000 <= u128::from(then.0) + 1000)
    }

    /// Whether what runs in the folder with this name may have anything in common: not in the home folder and in `/`.
    pub(crate) fn may_share(&self, folder: &ProjectPath) -> bool {
        let folder = Path::new(folder.as_str());
        let home = self.home().and_then(|home| canonical(home).ok());
        folder.parent().is_some() && home.as_deref() != Some(folder)
    }

    /// How the checkout or folder `theirs` is related to the caller's; both are canonical.
    #[must_use]
    pub fn kinship(&self, theirs: &Path) -> Kinship {
        self.place().map_or(Kinship::Unrelated, |ours| checkout::kinship(ours, theirs, self.home(), &Disk))
    }

    /// Whether a deleted folder was in the caller's checkout, or in a worktree of its repository that git has a record of.
    #[must_use]
    pub fn had(&self, deleted: &Path) -> bool {
        self.place()
            .is_some_and(|ours| deleted.starts_with(ours) || checkout::is_recorded(ours, deleted, &Disk))
    }

    fn absolute(&self, folder: &Path) -> PathBuf {
        let folder = checkout::said(folder);
        self.folder().map_or_else(|| folder.to_path_buf(), |here| here.join(&folder))
    }

    fn variable(&self, name: &str) -> Option<String> {
        let index = VARIABLES.iter().position(|variable| *variable == name)?;
        self.variables[index].clone()
    }
}

fn project_path(path: &Path) -> Result<ProjectPath, CallerError> {
    let named = path.to_str().and_then(|text| ProjectPath::new(text).ok());
    named.ok_or_else(|| CallerError::InvalidPath { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::fs;

    use super::*;

    /// A folder with the checkout `app`, its worktree `app-fix`, and `plain`, which is none.
    struct Top(tempfile::TempDir);

    impl Top {
        fn new() -> Self {
            let top = Self(tempfile::tempdir().unwrap());
            for folder in ["app/.git/worktrees/fix", "app/web", "app-fix", "plain"] {
                fs::create_dir_all(top.at(folder)).unwrap();
            }
            let own = top.at("app/.git/worktrees/fix");
            fs::write(own.join("gitdir"), format!("{}/.git\n", top.at("app-fix").display())).unwrap();
            fs::write(top.at("app-fix/.git"), format!("gitdir: {}\n", own.display())).unwrap();
            top
        }
        fn at(&self, path: &str) -> PathBuf {
            let top = canonical(self.0.path()).unwrap();
            path.split('/').fold(top, |folder, name| folder.join(name))
        }
        fn caller(&self, folder: &str) -> Caller {
            self.caller_with(folder, &[])
        }
        fn caller_with(&self, folder: &str, env: &[(&str, &str)]) -> Caller {
            let set = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
            Caller::new(Some(&self.at(folder)), None, set, || None)
        }
    }

    fn named(path: &Path) -> ProjectPath {
        ProjectPath::new(path.to_str().unwrap()).unwrap()
    }

    #[test]
    fn a_caller_is_in_the_checkout_around_its_folder_and_outside_of_one_in_its_project() {
        let top = Top::new();
        let inside = top.caller("app/web");
        assert_eq!(inside.project().unwrap(), Some(named(&top.at("app"))));
        assert_eq!(inside.place(), Some(top.at("app").as_path()));
        let outside = top.caller("plain");
        assert_eq!(outside.project().unwrap(), Some(named(&top.at("plain"))));
        assert_eq!((outside.checkout(), outside.known_root()), (None, None));
        fs::write(top.at("plain/go.mod"), "").unwrap();
        let project = top.caller("plain");
        assert_eq!((project.checkout(), project.known_root()), (None, Some(top.at("plain").as_path())));
        let nowhere = top.caller("gone");
        assert_eq!((nowhere.place(), nowhere.file().unwrap()), (None, None));
    }

    #[test]
    #[cfg(unix)]
    fn a_symbolic_link_leads_to_the_same_checkout_and_to_the_same_home() {
        let top = Top::new();
        std::os::unix::fs::symlink(top.at("app"), top.at("link")).unwrap();
        assert_eq!(top.caller("link/web").root(), Some(top.at("app").as_path()));
        let home = Some(top.at("link"));
        let caller = |folder: &str| Caller::new(Some(&top.at(folder)), home.clone(), |_| None, || None);
        assert_eq!(caller("app/web").root(), Some(top.at("app/web").as_path()));
        assert_eq!((caller("app").root(), caller("app").project().unwrap()), (None, None));
        assert_eq!(caller("app").place(), Some(top.at("app").as_path()));
    }

    #[test]
    fn a_package_below_the_root_has_a_name() {
        let top = Top::new();
        assert_eq!(top.caller("app/web").package(), None);
        fs::write(top.at("app/web/package.json"), "{}").unwrap();
        assert_eq!(top.caller("app/web").package(), ServiceName::new("web").ok());
        assert_eq!(top.caller("app").package(), None);
    }

    #[test]
    fn another_folder_may_be_relative_to_the_callers() {
        let top = Top::new();
        let caller = top.caller("app/web");
        assert_eq!(caller.at(Path::new("../../app-fix")).root(), Some(top.at("app-fix").as_path()));
        assert_eq!(caller.project_at(Path::new("..")).unwrap(), named(&top.at("app")));
        assert_eq!(caller.project_at(Path::new(".")).unwrap(), named(&top.at("app/web")));
        assert_eq!(caller.project_named(Path::new("./gone")).unwrap(), named(&top.at("app/web/gone")));
        assert_eq!(caller.project_around(Path::new(".")).unwrap(), named(&top.at("app")));
        assert_eq!(caller.project_around(Path::new("../../plain")).unwrap(), named(&top.at("plain")));
        assert_eq!(caller.project_around(&top.at("plain/gone")).unwrap(), named(&top.at("plain/gone")));
    }

    #[test]
    fn what_keeps_a_folder_from_being_named_is_said_with_its_cause() {
        let top = Top::new();
        let error = top.caller("app").project_at(Path::new("gone")).unwrap_err();
        assert!(
            matches!(&error, CallerError::NoFolder { given, .. } if given == Path::new("gone")),
            "{error:?}"
        );
        assert!(error.source().is_some());
        let long = "x".repeat(5000);
        let error = top.caller("app").project_named(Path::new(&long)).unwrap_err();
        assert!(matches!(error, CallerError::InvalidPath { .. }), "{error:?}");
    }

    /// Other systems have no such paths.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_path_that_is_not_unicode_names_no_project() {
        use std::os::unix::ffi::OsStrExt as _;
        let top = Top::new();
        let strange = top.at("").join(std::ffi::OsStr::from_bytes(b"\xff"));
        fs::create_dir_all(strange.join(".git")).unwrap();
        let caller = top.caller("app").at(&strange);
        assert_eq!(caller.place(), Some(strange.as_path()));
        assert!(matches!(caller.project(), Err(CallerError::InvalidPath { .. })));
    }

    #[test]
    fn the_session_is_read_from_what_was_handed_over() {
        let top = Top::new();
        assert_eq!(top.caller("app").session().unwrap(), None);
        let session = top.caller_with("app", &[("CLAUDE_PID", "42")]).session().unwrap().unwrap();
        assert_eq!(
            (session.instance.as_str(), session.pid.map(styxy_core::Pid::get)),
            ("claude-42", Some(42))
        );
        let error = top.caller_with("app", &[("STYXY_INSTANCE", "a b")]).instance().unwrap_err();
        assert!(matches!(error, CallerError::InvalidSession { .. }) && error.source().is_some(), "{error:?}");
    }

    #[test]
    fn the_projects_file_counts_up_to_the_root_of_the_checkout() {
        let top = Top::new();
        let text = r#"{"services": {"dev": {"port": 3000}}}"#;
        fs::write(top.at(".styxy.json"), text).unwrap();
        assert_eq!(top.caller("app/web").file().unwrap(), None);
        fs::write(top.at("app/.styxy.json"), text).unwrap();
        assert!(top.caller("app/web").file().unwrap().is_some());
        assert!(top.caller("plain").at(&top.at("app/web")).file().unwrap().is_some());
    }

    #[test]
    fn worktrees_are_known_by_gits_files() {
        let top = Top::new();
        let caller = top.caller("app/web");
        assert_eq!(caller.kinship(&top.at("app")), Kinship::Same);
        assert_eq!(caller.kinship(&top.at("app-fix")), Kinship::Sibling);
        assert_eq!(caller.kinship(&top.at("plain")), Kinship::Unrelated);
        fs::remove_dir_all(top.at("app-fix")).unwrap();
        assert!(caller.had(&top.at("app-fix/web")) && caller.had(&top.at("app/gone")));
        assert!(!caller.had(&top.at("plain/gone")));
    }
}
