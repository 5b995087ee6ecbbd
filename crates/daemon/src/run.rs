//! `styxy daemon run`: the process around [`serve`].

mod home;
mod lock;
mod logfile;
mod report;
#[cfg(unix)]
mod socket;
mod tcp;

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use styxy_core::Port;
use styxy_core::api::{API_VERSION, Code, Listen, Refusal};
use styxy_core::config::{self, LogLevel, Parsed};
use styxy_core::handshake::{DaemonFile, Handshake};
use styxy_core::layout::Layout;

use crate::serve::{Parts, serve};
use crate::{daemon, system, token};

use home::unusable;
use lock::Held;
use logfile::LogFile;
use report::Report;

/// No configuration is larger than this, in bytes.
const LARGEST_CONFIG: u64 = 1024 * 1024;

/// How to run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The folder of the daemon's files.
    pub home: PathBuf,
    /// With or without whoever started it.
    pub mode: Mode,
}

/// With or without whoever started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For a person or a supervisor: logs to standard error, ends with the terminal.
    Foreground,
    /// For a client: tells the starter how the start went, in one line on standard output, and keeps nothing of it.
    Detached,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// Why it cannot start: another one runs, the configuration has a mistake, a file or the port cannot be had.
pub fn run(options: RunOptions) -> Result<(), Refusal> {
    let RunOptions { home, mode } = options;
    if mode == Mode::Detached {
        // Before anything is opened.
        system::detach().map_err(|error| Refusal::new(Code::StorageUnavailable, error.to_string()))?;
    }
    let result = start(&Layout::new(home), mode);
    if let (Mode::Detached, Err(refusal)) = (mode, &result) {
        let _ = Report::to_starter().send(&Handshake::Refused { refusal: refusal.clone() });
    }
    result
}

fn start(layout: &Layout, mode: Mode) -> Result<(), Refusal> {
    home::open(layout)?;
    let Some(held) = lock::take(layout)? else { return lost(layout, mode) };
    let parsed = read_config(&layout.config())?;
    log_to(mode, parsed.config.log_level, layout);
    if let Err(error) = system::raise_descriptor_limit() {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
    let runtime = runtime.map_err(|error| Refusal::new(Code::StorageUnavailable, error.to_string()))?;
    runtime.block_on(serve_held(held, parsed, mode))
}

/// Another daemon holds the lock.
fn lost(layout: &Layout, mode: Mode) -> Result<(), Refusal> {
    match mode {
        Mode::Detached => {
            let _ = Report::to_starter().send(&Handshake::Lost);
            Ok(())
        }
        Mode::Foreground => {
            let runs: Option<DaemonFile> =
                fs::read(layout.daemon_file()).ok().and_then(|json| serde_json::from_slice(&json).ok());
            let pid = runs.map(|daemon| format!(" (pid {})", daemon.pid)).unwrap_or_default();
            let error = format!("a daemon serves {} already{pid}", layout.root().display());
            Err(Refusal::new(Code::StorageUnavailable, error).hint("styxy daemon status"))
        }
    }
}

async fn serve_held(held: Held, config: Parsed, mode: Mode) -> Result<(), Refusal> {
    let layout = held.layout().clone();
    let tcp = tcp::bind(config.config.listen_port, name_holder)?;
    #[cfg(unix)]
    let path = socket::path(&layout);
    #[cfg(windows)]
    let path = layout.socket(Path::new(""));
    let listen = Listen { tcp: tcp.addresses(), socket: path.display().to_string() };
    let file = DaemonFile {
        pid: daemon::own_pid(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api_version: API_VERSION,
        tcp: listen.tcp.clone(),
        socket: listen.socket.clone(),
    };
    let token_path = layout.token();
    let parts = Parts {
        config,
        #[cfg(unix)]
        socket: socket::bind(&held, &path)?,
        #[cfg(windows)]
        pipe: listen.socket.clone(),
        tcp: tcp.listeners,
        listen,
        notes: tcp.notes,
        token: Some(
            token::token(&token_path).map_err(|error| unusable(&token_path, "cannot be written", &error))?,
        ),
        layout,
    };
    let begun = Instant::now();
    let ready = |notes: &[String]| {
        if let Err(error) = held.publish(&file) {
            tracing::error!(%error, "daemon.json could not be written");
        }
        tracing::info!(pid = file.pid.get(), version = file.version, tcp = ?file.tcp, elapsed_us = micros(begun), "ready");
        if mode == Mode::Detached {
            let _ =
                Report::to_starter().send(&Handshake::Ready { daemon: file.clone(), notes: notes.to_vec() });
            let _ = system::let_go_of_output();
        }
    };
    let served = serve(parts, ready, signalled()).await;
    let _ = held.withdraw(&path);
    tracing::info!("stopped");
    served.map_err(Refusal::from)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Resolves when the system or a person says stop.
#[cfg(unix)]
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let (terminated, interrupted) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    match (terminated, interrupted) {
        (Ok(mut terminated), Ok(mut interrupted)) => {
            tokio::select! { _ = terminated.recv() => {}, _ = interrupted.recv() => {} }
        }
        _ => std::future::pending().await,
    }
}

#[cfg(windows)]
async fn signalled() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// The configuration in force: the file's, or the built-in one if there is no file.
fn read_config(path: &Path) -> Result<Parsed, Refusal> {
    // A pipe in its place would be waited for, with the lock held.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let error = Refusal::new(Code::StorageUnavailable, format!("{} is not a file", path.display()));
        return Err(error.hint("move it away: a file belongs there, see styxy config init"));
    }
    let text = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Parsed::default()),
        Err(error) => return Err(unreadable(path, &error)),
        Ok(file) => {
            let mut text = String::new();
            file.take(LARGEST_CONFIG + 1)
                .read_to_string(&mut text)
                .map_err(|error| unreadable(path, &error))?;
            text
        }
    };
    config::parse(&text).map_err(|error| {
        let (line, column) = (error.line, error.column);
        let place = format!("{}:{line}:{column}", path.display());
        let mut refusal = Refusal::new(Code::InvalidRequest, format!("{place}: {}", error.message))
            .detail("path", path.display().to_string())
            .detail("line", line)
            .detail("column", column);
        refusal.hint = Some(error.hint.unwrap_or_else(|| "styxy config validate".to_owned()));
        refusal
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Refusal {
    unusable(path, "cannot be read", error)
}

/// Logs go to a bounded file, or to the terminal in the foreground.
fn log_to(mode: Mode, level: LogLevel, layout: &Layout) {
    use tracing_subscriber::filter::LevelFilter;
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let to = tracing_subscriber::fmt().with_max_level(level).with_target(false);
    // A second subscriber in one process (in tests) is refused, and the first stays.
    let _ = match mode {
        Mode::Detached => tracing::subscriber::set_global_default(
            to.with_ansi(false).with_writer(Mutex::new(LogFile::new(layout.log()))).finish(),
        ),
        Mode::Foreground => {
            let ansi = io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none();
            tracing::subscriber::set_global_default(to.with_ansi(ansi).with_writer(io::stderr).finish())
        }
    };
}

/// Who listens on `port`, for people.
fn name_holder(port: Port) -> Option<String> {
    let deadline = Instant::now() + Duration::from_millis(500);
    let sockets = system::SocketTable::open().ok()?.listening().ok()?;
    let socket = sockets.into_iter().find(|socket| socket.port == port)?;
    let pid = system::find_holder(&socket, &[], deadline).or(socket.pid);
    let details = pid.and_then(|pid| system::describe(pid, deadline).ok());
    Some(match (details, socket.uid) {
        (Some(details), _) => {
            let process = details.identified.process;
            format!("{} (pid {})", process.name, process.key.pid)
        }
        (None, Some(uid)) => format!("a process of user {uid}"),
        (None, None) => "another process".to_owned(),
    })
}
