//! A daemon's folder, its commands, and the daemon in it: started, looked at, stopped, killed.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::clients::{Raw, Way};
use crate::processes::{self, Process};
use crate::sandbox;

/// No condition takes longer, on the slowest machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// The service type that every home has.
pub(crate) const SERVICE: &str = "web";
/// How many ports of it.
pub(crate) const PORTS: u16 = 900;
/// How many ports a home has, the daemon's own first.
const BLOCK: u16 = 1000;

/// A folder for one daemon, and everything around it. When it is dropped, all that runs in its environment is killed.
#[derive(Debug)]
pub(crate) struct Home {
    top: PathBuf,
    root: PathBuf,
    binary: PathBuf,
    first: u16,
    /// For every process of this home, beside the rest.
    more: Vec<(String, String)>,
}

/// The TCP port of a home's daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// Configured: if something has it, the daemon does not start.
    Fixed,
    /// As without a configuration: 9876, or the next free one.
    Any,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// None if a signal ended it, ours at the deadline included.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// A new folder with a configuration of its own and `more` keys. No daemon runs.
    pub(crate) fn new(port: Port, more: &Value) -> Self {
        let top = sandbox::folder();
        let root = top.join("home");
        make_folder(&root);
        Self::at(top, root, port, more)
    }

    /// In the folder `root`, which is there.
    pub(crate) fn at(top: PathBuf, root: PathBuf, port: Port, more: &Value) -> Self {
        let binary = program();
        let home = Self { top, root, binary, first: block(), more: Vec::new() };
        home.configure(port, more);
        home
    }

    /// With another program in the place of the usual one.
    pub(crate) fn with_binary(mut self, binary: PathBuf) -> Self {
        self.binary = binary;
        self
    }

    /// With a variable more for every process.
    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.more.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts other keys in the place of those in its configuration. The next start reads them.
    pub(crate) fn reconfigure(&self, more: &Value) {
        self.configure(Port::Fixed, more);
    }

    fn configure(&self, port: Port, more: &Value) {
        let mut config = json!({
            "overflow_range": null,
            "bind_ttl": 86_400,
            "service_types": { SERVICE: { "range": [self.first_port(), self.last_port()] } },
        });
        if port == Port::Fixed {
            config["listen_port"] = json!(self.first);
        }
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        fs::write(self.root.join("config.json"), config.to_string()).expect("the folder is ours");
    }

    /// `$STYXY_HOME`
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
    /// A folder beside it that goes with it.
    pub(crate) fn top(&self) -> &Path {
        &self.top
    }
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }
    /// The first port of the service type.
    pub(crate) fn first_port(&self) -> u16 {
        self.first + 1
    }
    /// The last port of the service type.
    pub(crate) fn last_port(&self) -> u16 {
        self.first + PORTS
    }
    /// A port that no service type has.
    pub(crate) fn spare_port(&self) -> u16 {
        self.first + PORTS + 1
    }

    /// `program` in this home's environment, with nothing of the campaign's own but PATH.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(&self.top);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.top).env("STYXY_HOME", &self.root).env("XDG_RUNTIME_DIR", &self.top);
        command.env("STYXY_AGENT", "off").env("NO_COLOR", "1");
        command.envs(self.more.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs `styxy` with these words to its end.
    pub(crate) fn styxy(&self, words: &[&str]) -> Finished {
        let mut command = self.command(&self.binary);
        command.args(words);
        finish(&mut command)
    }

    /// Starts the daemon, unless it runs, and gives its process.
    pub(crate) fn start(&self) -> Result<Process, String> {
        let said = self.styxy(&["daemon", "start", "--json"]);
        let status: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let pid = status["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        pid.map(Process).ok_or_else(|| format!("the daemon did not start: {said:?}"))
    }

    fn line(&self) -> String {
        format!("STYXY_HOME={}", self.root.display())
    }

    /// Every daemon of this home that runs or is about to.
    pub(crate) fn daemons(&self) -> Vec<Process> {
        let all = processes::of_environment(&self.line());
        let is_daemon =
            |(process, words): &(Process, String)| words.contains("daemon run") && process.lives();
        all.into_iter().filter(is_daemon).map(|(process, _)| process).collect()
    }

    /// kill -9 of every daemon of this home; they have ended when this returns.
    pub(crate) fn kill_daemons(&self) -> Vec<Process> {
        let daemons = self.daemons();
        for daemon in &daemons {
            daemon.signal(Signal::KILL);
        }
        for daemon in &daemons {
            until("a killed daemon ends", || !daemon.lives());
        }
        daemons
    }

    /// The folder of one of many checkouts.
    pub(crate) fn project(&self, number: usize) -> String {
        let folder = self.top.join(format!("project-{number}"));
        make_folder(&folder.join(".git"));
        folder.display().to_string()
    }

    /// The path of the daemon's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("styxy.sock")
    }

    /// A client of its socket.
    pub(crate) fn client(&self) -> Raw {
        Raw::socket(self.socket())
    }

    /// Where the daemon listens on 127.0.0.1, as its file says.
    pub(crate) fn tcp(&self) -> Option<Way> {
        let json = fs::read(self.root.join("daemon.json")).ok()?;
        let file: Value = serde_json::from_slice(&json).ok()?;
        let addresses = file["tcp"].as_array()?.iter().filter_map(|address| address.as_str()?.parse().ok());
        addresses.into_iter().find(std::net::SocketAddr::is_ipv4).map(Way::Tcp)
    }

    /// Finds the daemon by TCP, again for each connection.
    pub(crate) fn find_tcp(self: &Arc<Self>) -> Arc<dyn Fn() -> Option<Way> + Send + Sync> {
        let home = Arc::clone(self);
        Arc::new(move || home.tcp())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for process in processes::of_environment(&self.line()).into_keys() {
            process.signal(Signal::KILL);
        }
        // In the sandbox it goes with that anyway; a mount of the row's own may still be in it.
        let _ = fs::remove_dir_all(&self.top);
    }
}

/// The program under test: `STYXY_BINARY`, or the one that was built with the campaign.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("STYXY_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_styxy").into(), PathBuf::from)
}

/// A folder as the daemon makes it.
pub(crate) fn make_folder(path: &Path) {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).expect("the campaign's own folder");
}

/// The first of so many ports that nobody listens on.
fn block() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let first = 20_000 + NEXT.fetch_add(1, Ordering::Relaxed) % 12 * BLOCK;
        // Outside of the sandbox other programs have ports too; those are passed over one by one by the daemon.
        if TcpListener::bind((Ipv4Addr::LOCALHOST, first)).is_ok() {
            return first;
        }
    }
}

/// Runs a command to its end, or kills it at the deadline. Its output must be short: it is read when it has ended.
pub(crate) fn finish(command: &mut Command) -> Finished {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            return Finished { code: None, stdout: String::new(), stderr: format!("not run: {error}") };
        }
    };
    let late = !wait(&child, DEADLINE);
    if late {
        let _ = child.kill();
    }
    let code = child.wait().ok().and_then(|status| status.code());
    let mut finished = Finished { code, stdout: String::new(), stderr: String::new() };
    // A daemon that keeps its starter's output would be waited for here: that is a fault too, seen as a row that hangs.
    if let Some(mut stdout) = child.stdout.take() {
        let _ = stdout.read_to_string(&mut finished.stdout);
    }
    if let Some(mut stderr) = child.stderr.take() {
        let _ = stderr.read_to_string(&mut finished.stderr);
    }
    if late {
        finished.stderr.push_str(" (it did not end, and was killed)");
    }
    finished
}

/// Waits for the child's end by its handle; false if that does not come in time.
fn wait(child: &Child, patience: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let handle = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    let handle = handle.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let Some(handle) = handle else { return true };
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or_default();
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&left)) {
            Ok(ready) => return ready > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return true,
        }
    }
}

/// What `look` sees as soon as it sees something; none if it saw nothing within `patience`.
pub(crate) fn within<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until it is so.
///
/// # Panics
/// It never was, so the campaign itself cannot go on.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    assert!(within(DEADLINE, || is_so().then_some(())).is_some(), "never came true: {what}");
}
