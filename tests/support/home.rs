//! A daemon's folder of its own, and the daemon in it.

use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use styxy_core::api::{AllocateAnswer, AllocationsAnswer, Grant, Lease, State, StatusAnswer};
use styxy_core::handshake::DaemonFile;
use tempfile::TempDir;

use super::http::Way;
use super::ports::Ports;
use super::process::{alive, end};
#[cfg(unix)]
use super::process::{become_nobody, is_root};
use super::run::{Output, finish};
use super::wait::{eventually, until};

/// The service types of every [`Home`], by the offsets of their ranges in its block of ports.
pub(crate) mod sort {
    /// Twenty ports.
    pub(crate) const WEB: &str = "web";
    /// Twenty others.
    pub(crate) const API: &str = "api";
    /// Two ports.
    pub(crate) const TINY: &str = "tiny";
    /// One lease on the whole machine.
    pub(crate) const SOLO: &str = "solo";
    /// 32 ports.
    pub(crate) const RACE: &str = "race";
    /// More than a hundred.
    pub(crate) const MANY: &str = "many";

    pub(super) const ALL: [(&str, u16, u16); 6] =
        [(WEB, 1, 20), (API, 21, 40), (TINY, 41, 42), (SOLO, 43, 44), (RACE, 65, 96), (MANY, 97, 199)];
    /// In no range: what a test asks for by number, or what strangers listen on.
    pub(super) const SPARE: std::ops::RangeInclusive<u16> = 45..=64;
}

/// A folder for one daemon, a user's home beside it, and a project to work in. All of it goes when this is dropped:
/// the daemon first.
#[derive(Debug)]
pub(crate) struct Home {
    ports: Ports,
    top: TempDir,
    root: PathBuf,
    spare: AtomicU16,
}

impl Home {
    /// With a configuration that keeps it apart from everything else on the machine. No daemon runs.
    pub(crate) fn new() -> Self {
        Self::with(&json!({}))
    }

    /// As [`Home::new`], with `more` settings.
    pub(crate) fn with(more: &Value) -> Self {
        let home = Self::empty();
        home.configure(more);
        home
    }

    /// There is no folder yet, hence no configuration.
    pub(crate) fn empty() -> Self {
        let top = tempfile::Builder::new().prefix("styxy-").tempdir().unwrap();
        let real = real(top.path());
        fs::create_dir_all(real.join("project/.git")).unwrap();
        fs::create_dir(real.join("user")).unwrap();
        let root = real.join("home");
        Self { ports: Ports::claim(), top, root, spare: AtomicU16::new(*sort::SPARE.start()) }
    }

    /// Writes the configuration of [`Home::new`] with `more` settings.
    pub(crate) fn configure(&self, more: &Value) {
        let mut types = serde_json::Map::new();
        for (name, first, last) in sort::ALL {
            types.insert(name.to_owned(), json!({ "range": [self.ports.at(first), self.ports.at(last)] }));
        }
        types[sort::SOLO]["instance_behavior"] = json!("single");
        types[sort::API]["preferred_ports"] = json!([]);
        let mut config = json!({
            "listen_port": self.listen_port(), "overflow_range": null, "strict_service_types": true,
            "service_types": types,
        });
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        self.write_config(&config.to_string());
    }

    /// Puts `text` into `config.json`.
    pub(crate) fn write_config(&self, text: &str) {
        self.make_root();
        fs::write(self.root.join("config.json"), text).unwrap();
    }

    /// Makes the folder, as the daemon would.
    pub(crate) fn make_root(&self) {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&self.root).unwrap();
    }

    /// Keeps the daemon's files in another folder than the usual one.
    pub(crate) fn at(mut self, root: PathBuf) -> Self {
        self.root = root;
        self
    }

    /// `$STYXY_HOME`
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
    /// The folder that goes with the test; canonical.
    pub(crate) fn top(&self) -> PathBuf {
        real(self.top.path())
    }
    /// The worktree that commands run in.
    pub(crate) fn project(&self) -> PathBuf {
        self.top().join("project")
    }
    /// Another worktree.
    pub(crate) fn other_project(&self) -> PathBuf {
        let other = self.top().join("other");
        fs::create_dir_all(other.join(".git")).unwrap();
        other
    }

    /// Another worktree of the repository that [`Home::project`] is a checkout of, as git makes it.
    pub(crate) fn worktree(&self, path: &str) -> PathBuf {
        let worktree = path.split('/').fold(self.top(), |folder, name| folder.join(name));
        let name = worktree.file_name().unwrap().to_str().unwrap();
        let git = self.project().join(".git/worktrees").join(name);
        fs::create_dir_all(&worktree).unwrap();
        fs::create_dir_all(&git).unwrap();
        fs::write(worktree.join(".git"), format!("gitdir: {}\n", git.display())).unwrap();
        fs::write(git.join("commondir"), "../..\n").unwrap();
        fs::write(git.join("gitdir"), format!("{}/.git\n", worktree.display())).unwrap();
        fs::write(git.join("HEAD"), format!("ref: refs/heads/{name}\n")).unwrap();
        worktree
    }

    /// The port that the configuration asks for.
    pub(crate) fn listen_port(&self) -> u16 {
        self.ports.at(0)
    }
    /// A port that no service type has; another one each time.
    pub(crate) fn spare_port(&self) -> u16 {
        let offset = self.spare.fetch_add(1, Ordering::Relaxed);
        assert!(sort::SPARE.contains(&offset));
        self.ports.at(offset)
    }
    /// The range of one of the service types in [`sort`].
    pub(crate) fn range(&self, name: &str) -> std::ops::RangeInclusive<u16> {
        let (_, first, last) = sort::ALL.into_iter().find(|(known, ..)| *known == name).unwrap();
        self.ports.at(first)..=self.ports.at(last)
    }

    /// `program` in this home's environment and project, with nothing of the tests' own environment but PATH.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.project());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // Where qemu finds the C library of a program for another processor.
        command.envs(std::env::var_os("QEMU_LD_PREFIX").map(|libraries| ("QEMU_LD_PREFIX", libraries)));
        let user = self.top().join("user");
        command.env("HOME", &user).env("USERPROFILE", user).env("STYXY_HOME", &self.root);
        if cfg!(windows) {
            // Without the first one no program has sockets.
            let kept = ["SystemRoot", "COMSPEC", "PATHEXT", "TEMP", "USERNAME", "COMPUTERNAME"];
            command.envs(kept.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        // Whoever runs the tests may be an agent.
        command.env("STYXY_AGENT", "off");
        command.env("XDG_RUNTIME_DIR", self.top());
        command
    }

    /// `styxy` with these words, not yet run.
    pub(crate) fn styxy_command(&self, words: &[&str]) -> Command {
        let mut command = self.command(crate::support::program());
        command.args(words);
        command
    }

    /// Runs `styxy` with these words.
    #[track_caller]
    pub(crate) fn styxy(&self, words: &[&str]) -> Output {
        finish(&mut self.styxy_command(words))
    }

    /// Gives all of it to another user than root, if this is root.
    #[cfg(unix)]
    pub(crate) fn give_away(&self) {
        use std::os::unix::fs::{PermissionsExt, chown};
        if !is_root() {
            return;
        }
        let all = finish(Command::new("find").arg(self.top())).done();
        for path in all.stdout.lines() {
            chown(path, Some(65_534), Some(65_534)).unwrap();
        }
        fs::set_permissions(self.top(), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs `styxy` as a user who is not root: the one that [`Home::give_away`] gave it to, if this is root.
    #[cfg(unix)]
    #[track_caller]
    pub(crate) fn unprivileged(&self, words: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = self.styxy_command(words);
        command.envs(variables.iter().copied());
        if is_root() {
            become_nobody(&mut command);
        }
        finish(&mut command)
    }

    /// Runs `script` in a shell that finds `styxy` as `$STYXY`.
    #[cfg(unix)]
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = self.command("sh");
        command.args(["-c", script]).env("STYXY", crate::support::program());
        command
    }

    /// Starts the daemon, unless it runs, and says how it is.
    #[track_caller]
    pub(crate) fn start(&self) -> StatusAnswer {
        self.styxy(&["daemon", "start", "--json"]).done().wire()
    }

    /// How the daemon is, if it runs; starts none.
    #[track_caller]
    pub(crate) fn status(&self) -> Option<StatusAnswer> {
        let output = self.styxy(&["daemon", "status", "--json"]);
        match output.code {
            0 => Some(output.wire()),
            3 => None,
            code => panic!("{code}: {output:?}"),
        }
    }

    /// What the daemon says of itself in `daemon.json`.
    pub(crate) fn daemon_file(&self) -> Option<DaemonFile> {
        let json = fs::read(self.root.join("daemon.json")).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// kill -9 of the daemon, which has ended when this returns.
    #[track_caller]
    pub(crate) fn kill_daemon(&self) {
        let pid = self.daemon_file().expect("a daemon runs").pid.get();
        end(pid);
        let lock = fs::File::open(self.root.join("daemon.lock")).unwrap();
        // The lock goes with the process, also where nobody reaps it.
        until("the killed daemon lets go of its lock", || lock.try_lock_shared().is_ok());
    }

    /// The daemon's Unix socket; a daemon is started if none runs.
    #[track_caller]
    pub(crate) fn socket(&self) -> Way {
        let file = self.daemon_file().unwrap_or_else(|| {
            self.start();
            self.daemon_file().expect("daemon.json of a running daemon")
        });
        Way::Unix(file.socket.into())
    }
    /// The daemon on 127.0.0.1, by the configured port.
    pub(crate) fn tcp(&self) -> Way {
        Way::Tcp((Ipv4Addr::LOCALHOST, self.listen_port()).into())
    }
    /// As [`Home::tcp`], with the token, which only Linux does not ask for, where it has socket diagnostics. A daemon runs.
    pub(crate) fn trusted_tcp(&self) -> Way {
        self.trusted(Ipv4Addr::LOCALHOST)
    }
    /// The daemon on `::1`, by the configured port.
    pub(crate) fn tcp6(&self) -> Way {
        Way::Tcp((Ipv6Addr::LOCALHOST, self.listen_port()).into())
    }
    /// As [`Home::tcp6`], with the token. A daemon runs.
    pub(crate) fn trusted_tcp6(&self) -> Way {
        self.trusted(Ipv6Addr::LOCALHOST)
    }
    fn trusted(&self, address: impl Into<IpAddr>) -> Way {
        let token = fs::read_to_string(self.root.join("token")).unwrap();
        Way::Trusted((address, self.listen_port()).into(), token.trim_end().to_owned())
    }

    /// What `POST /allocate` grants for `request`.
    #[track_caller]
    pub(crate) fn allocate(&self, request: &Value) -> Grant {
        match self.socket().post("/allocate", request).ok() {
            AllocateAnswer::One(grant) => grant,
            AllocateAnswer::Group(group) => panic!("a group: {group:?}"),
        }
    }

    /// Every live lease.
    #[track_caller]
    pub(crate) fn leases(&self) -> Vec<Lease> {
        self.socket().get("/allocations").ok::<AllocationsAnswer>().allocations
    }

    /// The live lease that was granted.
    #[track_caller]
    pub(crate) fn lease_of(&self, grant: &Grant) -> Option<Lease> {
        self.leases().into_iter().find(|lease| Some(lease.lock_id) == grant.lock_id)
    }

    /// Waits until something listens on the port of what was granted, and gives the lease as it is then.
    #[track_caller]
    pub(crate) fn active(&self, grant: &Grant) -> Lease {
        eventually("the lease is active", || {
            self.lease_of(grant).filter(|lease| lease.state == State::Active)
        })
    }

    /// Waits until what was granted has ended.
    #[track_caller]
    pub(crate) fn ended(&self, grant: &Grant) {
        until("the lease ends", || self.lease_of(grant).is_none());
    }
}

/// The canonical form of `path`, as people and Styxy write it.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own place for it: they believe no code that they test"
)]
pub(crate) fn real(path: &Path) -> PathBuf {
    let path = path.canonicalize().unwrap();
    match path.to_str().and_then(|text| text.strip_prefix(r"\\?\")) {
        Some(plain) if cfg!(windows) => plain.into(),
        Some(_) | None => path,
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let pid = self.daemon_file().map(|file| file.pid.get());
        let stopped =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.styxy(&["daemon", "stop"]).code));
        if let Some(pid) = pid
            && !matches!(stopped, Ok(0))
            && alive(pid)
        {
            end(pid);
        }
    }
}
