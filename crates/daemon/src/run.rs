//! `styxy daemon run`: the process around [`serve`].

mod config;
mod error;
mod inherited;
mod log;
mod logfile;
mod panics;
mod report;
mod tcp;

use std::path::PathBuf;
use std::time::Instant;

use styxy_core::api::{API_VERSION, Listen, Refusal};
use styxy_core::config::{LogLevel, Parsed};
pub use styxy_core::handshake::Mode;
use styxy_core::handshake::{DaemonFile, Handshake};
use styxy_core::layout::Layout;

use crate::descriptors::MINIMUM;
use crate::place::{Cannot, Held, Place};
use crate::serve::{Ended, Parts, serve};
use crate::{daemon, place, system, token, usage};

use error::StartError;
use report::Report;

/// How to run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The folder of the daemon's files.
    pub home: PathBuf,
    /// With or without the process that started it.
    pub mode: Mode,
}

/// Runs the daemon until it is asked to stop.
///
/// # Errors
/// Why it cannot start: another one runs, the configuration has a mistake, a file or the port is unavailable.
pub fn run(options: RunOptions) -> Result<(), Refusal> {
    let RunOptions { home, mode } = options;
    let result = start(&Layout::new(home), mode).map_err(Refusal::from);
    if let (Mode::Detached, Err(refusal)) = (mode, &result) {
        // Whoever started it may be gone or may not show it.
        tracing::error!(code = refusal.code.as_str(), error = refusal.error, "the daemon ends");
        let _ = Report::to_starter().send(&Handshake::Refused { refusal: refusal.clone() });
    }
    result
}

fn start(layout: &Layout, mode: Mode) -> Result<(), StartError> {
    // Without this no lease could have an owner.
    system::identify(daemon::own_pid()).map_err(StartError::Processes)?;
    if mode == Mode::Detached {
        // Before anything is opened.
        system::detach().map_err(StartError::Detach)?;
    }
    place::open(layout)?;
    panics::end_the_process(mode, layout.log());
    let held = place::take(layout).inspect_err(|_| log::start(mode, LogLevel::default(), layout))?;
    let Some(held) = held else { return lost(layout, mode) };
    let parsed = config::read(&layout.config());
    // Also a mistake in the settings is logged.
    let level = parsed.as_ref().map_or_else(|_| LogLevel::default(), |parsed| parsed.config.log_level);
    log::start(mode, level, layout);
    let parsed = parsed?;
    if let Err(error) = system::raise_limits() {
        tracing::warn!(%error, "a limit could not be raised");
    }
    let limit = system::descriptor_limit().soft;
    if let Some(limit) = limit.filter(|limit| *limit < MINIMUM) {
        return Err(StartError::Descriptors { limit });
    }
    system::keep_freed_memory();
    // No lease waits for a busy machine, or for what the door carries.
    if let Err(error) = system::prefer_this_thread() {
        tracing::debug!(%error, "the serving thread is scheduled as any other");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
    let runtime = runtime.map_err(StartError::Runtime)?;
    let ended = runtime.block_on(serve_held(held, parsed, mode));
    // What still looks for the holder of a socket need not be waited for.
    runtime.shutdown_background();
    match ended? {
        Ended::Stopped => Ok(()),
        Ended::Lost => Err(StartError::Lost { home: layout.root().to_owned() }),
    }
}

/// Another daemon holds the lock. To a client that is as good as a start, if the other one is this user's; to a person it
/// is an error.
fn lost(layout: &Layout, mode: Mode) -> Result<(), StartError> {
    place::check_holder(layout).inspect_err(|_| log::start(mode, LogLevel::default(), layout))?;
    match mode {
        Mode::Detached => {
            let _ = Report::to_starter().send(&Handshake::Lost);
            Ok(())
        }
        Mode::Foreground => {
            let pid = place::published(layout).map(|daemon| daemon.pid);
            Err(StartError::AlreadyRuns { home: layout.root().to_owned(), pid })
        }
    }
}

async fn serve_held(held: Held, config: Parsed, mode: Mode) -> Result<Ended, StartError> {
    let layout = held.layout().clone();
    let tcp = tcp::bind(config.config.listen_port, usage::holder_of)?;
    #[cfg(unix)]
    let place::Bound { listener: socket, path, note: elsewhere } = place::bind_any(&held)?;
    #[cfg(windows)]
    let path = PathBuf::from(layout.pipe());
    let listen = Listen { tcp: tcp.addresses(), socket: path.display().to_string() };
    let file = DaemonFile {
        pid: daemon::own_pid(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api_version: API_VERSION,
        tcp: listen.tcp.clone(),
        socket: listen.socket.clone(),
        machine: system::machine_name(),
        mode: Some(mode),
    };
    let token_path = layout.token();
    let token = token::token(&token_path).map_err(Cannot::Write.at(&token_path))?;
    #[cfg(target_os = "linux")]
    let guard = layout.guard_socket(path.parent().unwrap_or(layout.root()));
    #[cfg(unix)]
    let (place, sockets) = Place::new(held, file.clone(), path);
    #[cfg(windows)]
    let place = Place::new(held, file.clone(), path);
    let mut notes = tcp.notes;
    #[cfg(unix)]
    notes.extend(elsewhere);
    notes.extend(inherited::note(&system::inherited()));
    let parts = Parts {
        config,
        #[cfg(unix)]
        socket,
        #[cfg(unix)]
        sockets: Some(sockets),
        #[cfg(windows)]
        pipe: listen.socket.clone(),
        tcp: tcp.listeners,
        listen,
        notes,
        token: Some(token),
        #[cfg(target_os = "linux")]
        guard: Some(guard),
        layout,
        place: Some(place),
    };
    let begun = Instant::now();
    let ready = |notes: &[String]| {
        tracing::info!(pid = file.pid.get(), version = file.version, tcp = ?file.tcp, elapsed_us = micros(begun), "ready");
        if mode == Mode::Detached {
            let _ =
                Report::to_starter().send(&Handshake::Ready { daemon: file.clone(), notes: notes.to_vec() });
            let _ = system::let_go_of_output();
        }
    };
    let ended = serve(parts, ready, signalled()).await?;
    match ended {
        Ended::Stopped => tracing::info!("stopped"),
        Ended::Lost => tracing::warn!("ended without an answer: the folder is not this daemon's any more"),
    }
    Ok(ended)
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
        std::future::pending::<()>().await;
    }
}
