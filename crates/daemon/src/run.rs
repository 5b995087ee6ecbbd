//! `styxy daemon run`: the process around [`serve`].

mod config;
mod error;
mod home;
mod lock;
mod log;
mod logfile;
mod report;
#[cfg(unix)]
mod socket;
mod tcp;

use std::fs;
#[cfg(windows)]
use std::path::Path;
use std::path::PathBuf;
use std::time::Instant;

use styxy_core::api::{API_VERSION, Listen, Refusal};
use styxy_core::config::Parsed;
use styxy_core::handshake::{DaemonFile, Handshake};
use styxy_core::layout::Layout;

use crate::serve::{Parts, serve};
use crate::{daemon, system, token, usage};

use error::{Cannot, StartError};
use lock::Held;
use report::Report;

/// How to run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The folder of the daemon's files.
    pub home: PathBuf,
    /// With or without the process that started it.
    pub mode: Mode,
}

/// With or without the process that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For a person or a supervisor: logs to standard error, ends with the terminal.
    Foreground,
    /// For a client: reports the start in one line on standard output, and keeps nothing of its starter.
    Detached,
}

/// Runs the daemon until it is asked to stop.
///
/// # Errors
/// Why it cannot start: another one runs, the configuration has a mistake, a file or the port is unavailable.
pub fn run(options: RunOptions) -> Result<(), Refusal> {
    let RunOptions { home, mode } = options;
    let result = start(&Layout::new(home), mode).map_err(Refusal::from);
    if let (Mode::Detached, Err(refusal)) = (mode, &result) {
        let _ = Report::to_starter().send(&Handshake::Refused { refusal: refusal.clone() });
    }
    result
}

fn start(layout: &Layout, mode: Mode) -> Result<(), StartError> {
    if mode == Mode::Detached {
        // Before anything is opened.
        system::detach().map_err(StartError::Detach)?;
    }
    home::open(layout)?;
    let Some(held) = lock::take(layout)? else { return lost(layout, mode) };
    let parsed = config::read(&layout.config())?;
    log::start(mode, parsed.config.log_level, layout);
    if let Err(error) = system::raise_descriptor_limit() {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
    runtime.map_err(StartError::Runtime)?.block_on(serve_held(held, parsed, mode))
}

/// Another daemon holds the lock. To a client that is as good as a start; to a person it is an error.
fn lost(layout: &Layout, mode: Mode) -> Result<(), StartError> {
    match mode {
        Mode::Detached => {
            let _ = Report::to_starter().send(&Handshake::Lost);
            Ok(())
        }
        Mode::Foreground => {
            let runs: Option<DaemonFile> =
                fs::read(layout.daemon_file()).ok().and_then(|json| serde_json::from_slice(&json).ok());
            let pid = runs.map(|daemon| daemon.pid);
            Err(StartError::AlreadyRuns { home: layout.root().to_owned(), pid })
        }
    }
}

async fn serve_held(held: Held, config: Parsed, mode: Mode) -> Result<(), StartError> {
    let layout = held.layout().clone();
    let tcp = tcp::bind(config.config.listen_port, usage::holder_of)?;
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
        token: Some(token::token(&token_path).map_err(Cannot::Write.at(&token_path))?),
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
    Ok(served?)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Resolves at SIGTERM or SIGINT.
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
