//! Where things are under `~/.styxy`. Paths only: nothing here looks at the disk.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::api;

/// The longest path a Unix socket may have, in bytes, its closing NUL included.
const SUN_PATH: usize = if cfg!(any(target_os = "linux", target_os = "android")) { 108 } else { 104 };

/// The files of one daemon, by their folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The files under `root`, most often what [`home`] answers.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }
    /// The folder itself; the journal's files are here, named `journal.*`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// What the user may set.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }
    /// The file whose exclusive lock makes a process the daemon.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join("daemon.lock")
    }
    /// Which daemon runs and where it listens: a [`crate::handshake::DaemonFile`].
    #[must_use]
    pub fn daemon_file(&self) -> PathBuf {
        self.root.join("daemon.json")
    }
    /// Says that a person stopped the daemon: it is not started again until somebody wants it.
    #[must_use]
    pub fn stopped(&self) -> PathBuf {
        self.root.join("daemon.stopped")
    }
    /// Which projects' files the user has allowed to set variables.
    #[must_use]
    pub fn allowed(&self) -> PathBuf {
        self.root.join("allowed.json")
    }
    /// What differs for one worktree from the compose files in `folder`.
    #[must_use]
    pub fn compose(&self, folder: &Path) -> PathBuf {
        self.root.join(format!("compose-{}.yaml", hash(folder)))
    }
    /// The folder of the logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
    /// The log being written; older ones are beside it, numbered.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.logs().join("daemon.log")
    }
    /// What proves a TCP client to be the user, where the system cannot tell.
    #[must_use]
    pub fn token(&self) -> PathBuf {
        self.root.join("token")
    }

    /// The socket: `styxy.sock` in the folder, or where that path is too long for a socket, a short one in `runtime`
    /// (see [`runtime_folder`]) named by a hash of the folder's path.
    ///
    /// A daemon started with another `runtime` may have chosen another path; its `daemon.json` names it.
    #[must_use]
    pub fn socket(&self, runtime: &Path) -> PathBuf {
        let own = self.root.join("styxy.sock");
        if own.as_os_str().len() < SUN_PATH { own } else { self.runtime_socket(runtime) }
    }

    /// The socket in `runtime`, for a folder whose path is too long for one, or whose file system has no sockets.
    #[must_use]
    pub fn runtime_socket(&self, runtime: &Path) -> PathBuf {
        runtime.join(format!("styxy-{}.sock", self.hash()))
    }

    /// The socket on which programs ask the guard: beside [`Self::socket`].
    #[must_use]
    pub fn guard_socket(&self, runtime: &Path) -> PathBuf {
        let own = self.root.join("guard.sock");
        if own.as_os_str().len() < SUN_PATH {
            own
        } else {
            runtime.join(format!("styxy-{}.guard", self.hash()))
        }
    }

    /// The folder of what the keepers of worktrees know, one folder for each.
    #[must_use]
    pub fn stacks(&self) -> PathBuf {
        self.root.join("up")
    }

    /// What the keeper of the worktree at `worktree` knows: its lock, its state and the logs of its services.
    #[must_use]
    pub fn stack(&self, worktree: &Path) -> PathBuf {
        self.stacks().join(hash(worktree))
    }

    /// The keeper's socket: in that folder, or where its path would be too long in `runtime`.
    #[must_use]
    pub fn stack_socket(&self, worktree: &Path, runtime: &Path) -> PathBuf {
        let own = self.stack(worktree).join("sock");
        if own.as_os_str().len() < SUN_PATH {
            own
        } else {
            runtime.join(format!("styxy-{}-{}.up", self.hash(), hash(worktree)))
        }
    }

    /// The name of the pipe that stands for that socket on Windows.
    #[must_use]
    pub fn stack_pipe(&self, worktree: &Path) -> String {
        format!(r"\\.\pipe\styxy-{}-{}.up", self.hash(), hash(worktree))
    }

    /// The folder of the libraries and the shell's file that the guard puts in front of programs.
    #[must_use]
    pub fn guard(&self) -> PathBuf {
        self.root.join("guard")
    }

    /// A short name for the folder, the same for everybody who spells its path alike.
    #[must_use]
    pub fn name(&self) -> String {
        format!("styxy-{}", self.hash())
    }

    /// The name of the pipe that stands for the socket on Windows.
    #[must_use]
    pub fn pipe(&self) -> String {
        format!(r"\\.\pipe\styxy-{}", self.hash())
    }

    fn hash(&self) -> String {
        hash(&self.root)
    }
}

/// See [`Layout::hash`].
fn hash(path: &Path) -> String {
    format!("{:016x}", fnv(path.as_os_str().as_encoded_bytes()))
}

/// FNV-1a: the same in every build and on every run, as `std`'s hashers are not.
#[must_use]
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Whether the name is one of a file that Styxy makes in its folder, or of `config.json` and what editors and the system
/// leave beside it.
#[must_use]
pub fn is_own_file(name: &OsStr) -> bool {
    const WHOLE: [&[u8]; 14] = [
        b"daemon.lock",
        b"daemon.json",
        b"daemon.json.new",
        b"daemon.stopped",
        b"logs",
        b"token",
        b"styxy.sock",
        b"guard.sock",
        b"guard",
        b"up",
        b"login.xml",
        b"doctor.try",
        b"doctor.sock",
        b".DS_Store",
    ];
    const BEGUN: [&[u8]; 5] = [b"config.json", b".config.json", b"journal.", b"allowed.json", b"compose-"];
    let name = name.as_encoded_bytes();
    WHOLE.contains(&name) || BEGUN.iter().any(|begin| name.starts_with(begin))
}

/// Why there is no telling where `~/.styxy` is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HomeError {
    /// Neither `STYXY_HOME` nor the home folder's variable is set.
    #[error("{HOME} is not set, so there is no telling where ~/.styxy is")]
    Unset,
    /// A relative path would be another folder for every caller.
    #[error("{variable} is not an absolute path: {}", found.display())]
    Relative {
        /// `STYXY_HOME` or the home folder's variable.
        variable: &'static str,
        /// What it holds.
        found: PathBuf,
    },
}

impl HomeError {
    /// As programs and people are told it.
    #[must_use]
    pub fn refusal(&self) -> api::Refusal {
        let refusal = api::Refusal::new(api::Code::InvalidRequest, self.to_string());
        match self {
            Self::Unset => refusal
                .detail("field", HOME)
                .hint(format!("{SET} {HOME}, or {}", elsewhere("a/folder/of/yours"))),
            Self::Relative { variable, found } => refusal
                .detail("field", *variable)
                .detail("found", found.to_string_lossy())
                .detail("allowed", "an absolute path")
                .hint(set(variable, "an/absolute/path")),
        }
    }
}

/// What to type, or on Windows to do, for files elsewhere: the folder of the example ends so, as in `a/folder/of/yours`.
#[must_use]
pub fn elsewhere(example: &str) -> String {
    set("STYXY_HOME", example)
}

/// The same for any variable. On Windows each shell has another command for it.
fn set(variable: &str, example: &str) -> String {
    if cfg!(windows) {
        format!(r"{SET} {variable} to C:\{}", example.replace('/', r"\"))
    } else {
        format!("{SET} {variable}=/{example}")
    }
}

const SET: &str = if cfg!(windows) { "set" } else { "export" };

/// The variable that holds the user's home folder.
pub const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// The folder of everything: `$STYXY_HOME`, else `.styxy` in the home folder. An empty variable counts as unset.
///
/// # Errors
/// Neither variable is set, or the one that counts is relative.
pub fn home(env: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, HomeError> {
    let absolute = |variable: &'static str| match env(variable).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) if Path::new(&value).is_absolute() => Ok(Some(PathBuf::from(value))),
        Some(value) => Err(HomeError::Relative { variable, found: value.into() }),
    };
    match absolute("STYXY_HOME")? {
        Some(root) => Ok(root),
        None => absolute(HOME)?.map(|home| home.join(".styxy")).ok_or(HomeError::Unset),
    }
}

/// A short folder that is the user's own, for sockets: `$XDG_RUNTIME_DIR/styxy`, else `$TMPDIR/styxy-UID`, else
/// `/tmp/styxy-UID`. It may not exist yet.
#[must_use]
pub fn runtime_folder(env: impl Fn(&str) -> Option<OsString>, uid: u32) -> PathBuf {
    let absolute = |variable: &str| env(variable).filter(|value| Path::new(value).is_absolute());
    if let Some(runtime) = absolute("XDG_RUNTIME_DIR") {
        return Path::new(&runtime).join("styxy");
    }
    let folder = format!("styxy-{uid}");
    // A long $TMPDIR (a test's, a sandbox's) would only move the trouble.
    let fits =
        |folder: &OsStr| folder.len() < SUN_PATH - "/styxy-0123456789/styxy-0123456789abcdef.sock".len();
    let temporary = absolute("TMPDIR").filter(|folder| fits(folder)).unwrap_or_else(|| "/tmp".into());
    Path::new(&temporary).join(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
    }

    #[test]
    #[cfg(unix)]
    fn styxy_home_wins_over_home_and_empty_counts_as_unset() {
        assert_eq!(home(env(&[("HOME", "/h"), ("STYXY_HOME", "/s")])).unwrap(), Path::new("/s"));
        assert_eq!(home(env(&[("HOME", "/h"), ("STYXY_HOME", "")])).unwrap(), Path::new("/h/.styxy"));
    }

    #[test]
    #[cfg(unix)]
    fn a_missing_or_relative_home_is_refused_with_what_to_type() {
        let unset = home(env(&[("HOME", "")])).unwrap_err();
        assert_eq!(unset, HomeError::Unset);
        let hint = unset.refusal().hint.unwrap();
        assert!(hint.contains("export HOME") && hint.contains("STYXY_HOME"), "{hint}");

        let relative = home(env(&[("HOME", "/h"), ("STYXY_HOME", "here")])).unwrap_err().refusal();
        assert_eq!(relative.details["field"], "STYXY_HOME");
        assert_eq!(relative.details["found"], "here");
        assert!(home(env(&[("HOME", "h")])).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_socket_lies_in_the_folder_as_long_as_the_system_takes_its_path() {
        let root = |length: usize| PathBuf::from(format!("/{}", "x".repeat(length - 1)));
        let longest = SUN_PATH - 1 - "/styxy.sock".len();
        let runtime = Path::new("/run/user/7");
        assert_eq!(Layout::new(root(longest)).socket(runtime), root(longest).join("styxy.sock"));
        let moved = Layout::new(root(longest + 1)).socket(runtime);
        assert!(moved.starts_with(runtime) && moved.as_os_str().len() < SUN_PATH, "{moved:?}");
        assert_ne!(moved, Layout::new(root(longest + 2)).socket(runtime));
    }

    #[test]
    fn the_files_of_a_folder_are_its_own() {
        let layout = Layout::new("/h".into());
        let files = [layout.config(), layout.lock(), layout.daemon_file(), layout.logs(), layout.token()];
        for path in files {
            assert!(is_own_file(path.file_name().unwrap()), "{path:?}");
        }
        for name in [
            "styxy.sock",
            "guard.sock",
            "guard",
            "journal.0000000001",
            "journal.0000000001.damaged-1",
            ".config.json.swp",
        ] {
            assert!(is_own_file(name.as_ref()), "{name}");
        }
        for name in ["", "package.json", ".git", "daemon", "logs2", ".bashrc", "my config.json"] {
            assert!(!is_own_file(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn the_hash_of_a_folder_never_changes() {
        // Two releases of Styxy must agree on it.
        assert_eq!(Layout::new("/home/ada/.styxy".into()).pipe(), r"\\.\pipe\styxy-d0e51ea2f5149894");
    }

    #[test]
    #[cfg(unix)]
    fn the_runtime_folder_is_short_and_the_users_own() {
        assert_eq!(
            runtime_folder(env(&[("XDG_RUNTIME_DIR", "/run/user/7")]), 7),
            Path::new("/run/user/7/styxy")
        );
        assert_eq!(runtime_folder(env(&[("XDG_RUNTIME_DIR", "run")]), 7), Path::new("/tmp/styxy-7"));
        assert_eq!(runtime_folder(env(&[("TMPDIR", "/var/t/")]), 7), Path::new("/var/t/styxy-7"));
        let long = format!("/{}", "t".repeat(90));
        assert_eq!(runtime_folder(env(&[("TMPDIR", &long)]), 7), Path::new("/tmp/styxy-7"));
    }
}
