//! Where the campaign runs: in namespaces of its own for mounts, processes and the network, if the system permits.
//!
//! Four processes, each this program. The outer one makes a folder, and removes it at the end. It starts a shield, which
//! becomes `unshare`. That starts the init of the new namespace, which reaps orphans and starts the worker, which runs
//! the faults. When any of the first three ends, however it ends, the kernel ends everything in the namespace.
//!
//! Where that is not permitted the worker runs as it is, without tmpfs of its own, and the outer one kills what is left.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::mount::{MountFlags, mount};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, wait};

use crate::daemon::within;
use crate::report::say;

const ROLE: &str = "STYXY_CAMPAIGN_ROLE";
const TOP: &str = "STYXY_CAMPAIGN_TOP";
const SEALED: &str = "STYXY_CAMPAIGN_SEALED";

/// What `unshare` is asked for, first as root, then as anybody.
const WAYS: [&[&str]; 2] = [
    &["--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"],
    &["--user", "--map-root-user", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"],
];

/// Which of the four this process is.
pub(crate) enum Role {
    Outer,
    Shield,
    Init,
    Worker,
}

impl Role {
    pub(crate) fn of_this_process() -> Self {
        match std::env::var(ROLE).as_deref() {
            Ok("shield") => Self::Shield,
            Ok("init") => Self::Init,
            Ok("worker") => Self::Worker,
            _ => Self::Outer,
        }
    }
}

/// Whether the worker is in namespaces of its own.
pub(crate) fn is_sealed() -> bool {
    std::env::var_os(SEALED).is_some()
}

fn again(role: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(std::env::args_os().skip(1)).env(ROLE, role);
    command
}

/// The outer process: everything below it ends with it.
#[expect(clippy::disallowed_methods, reason = "the campaign runs on Unix")]
pub(crate) fn outer() -> io::Result<ExitCode> {
    let top = tempfile::Builder::new().prefix("styxy-campaign-").tempdir()?;
    let sealed = WAYS.into_iter().find(|way| {
        let tried = Command::new("unshare").args(*way).arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    });
    let mut command = if let Some(way) = sealed {
        let mut command = again("shield");
        command.env(SEALED, way.join(" "));
        command
    } else {
        say("no namespaces here (unshare): what needs them is skipped");
        set_child_subreaper(Some(rustix::process::getpid()))?;
        again("worker")
    };
    let child = command.env(TOP, top.path().canonicalize()?).spawn()?;
    let code = watch(child);
    kill_descendants();
    // The kernel may still be about to take the namespace's mounts down.
    let top = top.keep();
    let removed =
        || fs::remove_dir_all(&top).map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true);
    if within(Duration::from_secs(2), || removed().then_some(())).is_none() {
        say(&format!("{} could not be removed", top.display()));
    }
    Ok(code)
}

/// Waits for the child's end, or for a signal to end it.
fn watch(mut child: Child) -> ExitCode {
    use tokio::signal::unix::{SignalKind, signal};
    let pid = Pid::from_child(&child);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (send, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || send.send(child.wait()));
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    let status = runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt()).ok()?, signal(SignalKind::terminate()).ok()?);
        tokio::select! {
            status = ended => status.ok()?.ok(),
            _ = interrupt.recv() => None,
            _ = terminate.recv() => None,
        }
    });
    let Some(status) = status else {
        let _ = kill_process(pid, Signal::KILL);
        say("interrupted");
        return ExitCode::from(130);
    };
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// kill -9 of all that descends from this process: without a namespace, orphans come to it.
fn kill_descendants() {
    loop {
        let children = fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id()));
        let children = children.unwrap_or_default();
        let pids: Vec<Pid> = children
            .split_ascii_whitespace()
            .filter_map(|pid| pid.parse().ok().and_then(Pid::from_raw))
            .collect();
        if pids.is_empty() {
            return;
        }
        for pid in pids {
            let _ = kill_process(pid, Signal::KILL);
            // Its own children come to us with its end, and are killed in the next turn.
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

/// Becomes `unshare`, and is killed with the outer process.
pub(crate) fn shield() -> io::Error {
    let way = std::env::var(SEALED).unwrap_or_default();
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    let own = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    let mut command = Command::new("unshare");
    command.args(way.split(' ')).arg(own).args(std::env::args_os().skip(1)).env(ROLE, "init");
    command.exec()
}

/// The first process of the namespace: starts the worker, reaps everybody, and ends with the worker.
pub(crate) fn init() -> io::Result<ExitCode> {
    let worker = Pid::from_child(&again("worker").spawn()?);
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == worker => {
                let code = status.exit_status().and_then(|code| u8::try_from(code).ok());
                return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Before the faults: a loopback interface and a tmpfs, both of the namespace's own.
pub(crate) fn furnish() -> io::Result<()> {
    if is_sealed() {
        loopback_up()?;
        mount_tmpfs(&top(), "size=1g,mode=0700")?;
    }
    Ok(())
}

fn top() -> PathBuf {
    std::env::var_os(TOP).map_or_else(std::env::temp_dir, PathBuf::from)
}

/// Another folder for a row, with a short path as sockets need it.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let folder = top().join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
    crate::daemon::make_folder(&folder);
    folder
}

/// Mounts a tmpfs; only in the sandbox, where it is gone with the namespace.
pub(crate) fn mount_tmpfs(at: &Path, options: &str) -> io::Result<()> {
    let options = CString::new(options).map_err(io::Error::other)?;
    mount("tmpfs", at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
        .map_err(Into::into)
}

/// A new network namespace has a loopback interface that is down: `RTM_NEWLINK` for interface 1, with `IFF_UP`.
fn loopback_up() -> io::Result<()> {
    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, send, socket};
    let mut message = Vec::new();
    for half in [32_u32.to_ne_bytes(), (16_u32 | 0x5 << 16).to_ne_bytes(), 1_u32.to_ne_bytes(), [0; 4]] {
        message.extend(half);
    }
    for word in [0_u32, 1, 1, 1] {
        message.extend(word.to_ne_bytes());
    }
    let kernel = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    send(&kernel, &message, SendFlags::empty())?;
    let mut answer = [0; 256];
    let (read, _) = recv(&kernel, &mut answer, RecvFlags::empty())?;
    let error = answer[..read]
        .get(16..20)
        .and_then(|bytes| bytes.first_chunk())
        .map(|bytes| i32::from_ne_bytes(*bytes));
    match error {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::Error::other("the kernel did not answer")),
    }
}
