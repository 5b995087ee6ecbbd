//! Serving: from bound listeners to the last flush.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use styxy_core::api::{Code, Listen, Refusal};
use styxy_core::config::Parsed;
use styxy_core::layout::Layout;
use styxy_core::{Command, Port, Registry, with_causes};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::daemon::{About, Daemon, LastSeen};
use crate::descriptors::Descriptors;
use crate::door::{self, DoorThread};
use crate::engine::Engine;
use crate::http::{self, Local, Loopback};
use crate::journal::{Found, Journal, JournalError, Mode, Options};
use crate::place::Place;
use crate::replay::Replay;
use crate::system;
use crate::token::Token;
use crate::watches::Watches;
use crate::{background, policy};

/// How long requests in flight may take after the daemon was asked to stop. A client waits 3 s for the lock.
const STOP_TIMEOUT: Duration = Duration::from_millis(1500);

/// What a daemon is made of.
#[derive(Debug)]
pub struct Parts {
    /// Its files; the folder exists, and this process holds its lock.
    pub layout: Layout,
    /// What is configured.
    pub config: Parsed,
    /// The Unix socket, non-blocking.
    #[cfg(unix)]
    pub socket: std::os::unix::net::UnixListener,
    /// The named pipe's name.
    #[cfg(windows)]
    pub pipe: String,
    /// Loopback TCP, non-blocking, all on one port; may be empty.
    pub tcp: Vec<TcpListener>,
    /// Where it listens, as shown.
    pub listen: Listen,
    /// What a person should know about the start so far.
    pub notes: Vec<String>,
    /// What TCP clients must show where the system cannot name their user.
    pub token: Option<Token>,
    /// Where programs ask the guard; none for no guard.
    #[cfg(target_os = "linux")]
    pub guard: Option<std::path::PathBuf>,
    /// The lock of the folder, and what others find there; none in a test whose folder nobody else knows.
    pub place: Option<Place>,
    /// Listeners that replace `socket`, when its name is gone.
    #[cfg(unix)]
    pub sockets: Option<mpsc::UnboundedReceiver<std::os::unix::net::UnixListener>>,
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As it was asked to: everything is written down, and nothing tells others of this daemon any more.
    Stopped,
    /// The folder is gone, or another daemon's: nobody got another answer.
    Lost,
}

/// Why a daemon could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The journal cannot be opened.
    #[error("the journal cannot be opened")]
    Journal(#[from] JournalError),
    /// A listener or the system's table of sockets cannot be used.
    #[error("the system refused")]
    System(#[from] io::Error),
    /// The pipe cannot be made.
    #[cfg(windows)]
    #[error("{name} cannot be listened on")]
    Pipe {
        /// Its name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The boot could not be written to the journal.
    #[error("the start could not be written to the journal")]
    Start(#[source] Refusal),
}

impl From<ServeError> for Refusal {
    fn from(error: ServeError) -> Self {
        let hint = match &error {
            ServeError::Journal(JournalError::NewerFormat { .. }) => "npm install -g styxy@latest",
            ServeError::Journal(_) | ServeError::System(_) | ServeError::Start(_) => "styxy doctor",
            #[cfg(windows)]
            ServeError::Pipe { .. } => "styxy doctor",
        };
        Self::new(Code::StorageUnavailable, with_causes(&error)).hint(hint)
    }
}

/// What is different without the kernel's socket diagnostics.
fn without_diagnostics() -> Option<String> {
    let table = system::SocketTable::open().ok()?;
    let why = table.why_files()?;
    Some(format!(
        "this system has no socket diagnostics ({why}): listening sockets are read from /proc/net/tcp, a server that closes \
         its port without ending is noticed by the next sweep, and requests over TCP need the token"
    ))
}

/// What is different without handles on processes.
fn without_handles() -> Option<String> {
    let why = system::no_handles()?;
    Some(format!(
        "this system has no handles on processes (pidfd_open: {why}): their ends are looked for once a second"
    ))
}

/// Serves until `stop` resolves or a client asks it to end; then finishes what is in flight and flushes the journal.
///
/// `ready` is called once, with the notes for people, when every owner has been checked and requests are answered.
///
/// # Errors
/// Only before `ready`.
pub async fn serve(
    parts: Parts,
    ready: impl FnOnce(&[String]),
    stop: impl Future<Output = ()>,
) -> Result<Ended, ServeError> {
    let own = parts.tcp.iter().filter_map(|listener| listener.local_addr().ok());
    let policy =
        policy::policy(parts.config.config.clone(), own.filter_map(|address| Port::new(address.port()).ok()));

    let mut replay = Replay::new(policy.clone());
    let folds = Box::new(move || Box::new(Replay::new(policy.clone())) as Box<dyn crate::journal::Fold>);
    let opened = Journal::open(parts.layout.root(), Options::default(), &mut replay, folds)?;
    let mut notes = parts.notes;
    notes.extend(without_diagnostics().into_iter().chain(without_handles()));
    notes.extend(findings(&opened.found, &opened.journal, replay.skipped));
    for note in &notes {
        tracing::warn!("{note}");
    }

    let about = About {
        boot_id: system::boot_id(),
        layout: parts.layout,
        config: parts.config.config,
        from_file: parts.config.from_file,
        listen: parts.listen,
        notes,
        ready_at: Instant::now(),
        token: parts.token,
    };
    let (daemon, ended) = assemble(replay, opened.journal, parts.place, about)?;
    settle(&daemon, ended).await?;

    #[cfg(unix)]
    let local = Local::new(parts.socket, parts.sockets)?;
    #[cfg(windows)]
    let local = Local::open(&parts.pipe).map_err(|source| ServeError::Pipe { name: parts.pipe, source })?;
    #[cfg(target_os = "linux")]
    let _guard = parts.guard.and_then(|path| crate::guard::start(&daemon, &path));
    let servers = serve_on_all(local, parts.tcp, &daemon)?;
    // The replay of the journal needed more memory than its result does.
    system::give_back_memory();
    daemon.engine().publish();
    ready(&daemon.about.notes);
    // What the start has used stays resident else, for as long as the daemon runs.
    #[cfg(target_os = "linux")]
    system::let_go_of_code();

    tokio::select! {
        () = stop => daemon.stop(),
        () = daemon.stopping() => {}
    }
    tokio::select! {
        biased;
        () = daemon.lost() => return Ok(Ended::Lost),
        () = finish(servers, &daemon) => {}
    }
    daemon.engine().withdraw();
    Ok(Ended::Stopped)
}

/// The daemon over a replayed registry, without watches so far.
fn assemble(
    replay: Replay,
    journal: Journal,
    place: Option<Place>,
    about: About,
) -> Result<(Arc<Daemon>, mpsc::UnboundedReceiver<styxy_core::ProcessKey>), ServeError> {
    let (sender, ended) = mpsc::unbounded_channel();
    let registry: Registry = replay.registry;
    let last_seen = LastSeen::open(&registry)?;
    let descriptors = Descriptors::now();
    let engine =
        Engine::new(registry, journal, place, Watches::new(sender, descriptors.for_handles()), replay.feed);
    Ok((Arc::new(Daemon::new(engine, last_seen, descriptors, about)), ended))
}

/// Ends the leases whose owners ended while no daemon ran, before any request is answered; then starts what runs
/// beside the requests.
async fn settle(
    daemon: &Arc<Daemon>,
    mut ended: mpsc::UnboundedReceiver<styxy_core::ProcessKey>,
) -> Result<(), ServeError> {
    let resume = Command::Resume { boot_id: daemon.about.boot_id.clone() };
    daemon.handle(&resume).map_err(|error| ServeError::Start(error.into()))?;
    daemon.engine().follow_all();
    let mut gone = Vec::new();
    while let Ok(process) = ended.try_recv() {
        gone.push(process);
    }
    daemon.exited(&gone).await;
    daemon.refresh().await;
    if daemon.awaits_listeners() {
        daemon.listener_expected.notify_one();
    }
    background::start(daemon, ended);
    Ok(())
}

/// Answers requests on every listener, each in a task of its own.
fn serve_on_all(local: Local, tcp: Vec<TcpListener>, daemon: &Arc<Daemon>) -> io::Result<JoinSet<()>> {
    let (mut servers, router) = (JoinSet::new(), http::router(Arc::clone(daemon)));
    let door_thread = Arc::new(DoorThread::new(Arc::new(door::open(daemon)?), door::begins));
    servers.spawn(http::serve(local, router.clone(), Arc::clone(daemon), Arc::clone(&door_thread)));
    for listener in tcp {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let listener = Loopback::new(listener, Arc::clone(daemon));
        servers.spawn(http::serve(listener, router.clone(), Arc::clone(daemon), Arc::clone(&door_thread)));
    }
    Ok(servers)
}

/// Waits for the requests in flight, for [`STOP_TIMEOUT`] at most, and forces the journal to the disk.
async fn finish(mut servers: JoinSet<()>, daemon: &Daemon) {
    let all_ended = async { while servers.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_TIMEOUT, all_ended).await.is_err() {
        tracing::warn!("requests in flight were cut off at the stop");
    }
    if let Err(error) = daemon.engine().flush() {
        tracing::error!(error = %with_causes(&error), "the journal could not be flushed");
    }
}

/// What recovery of the journal saw that a person should know.
fn findings(found: &Found, journal: &Journal, skipped: usize) -> Vec<String> {
    let mut notes = Vec::new();
    for aside in &found.moved_aside {
        notes.push(format!("{} was moved to {}: {}", aside.from.display(), aside.to.display(), aside.why));
    }
    if let Some(torn) = &found.torn_tail {
        tracing::info!(?torn, "a record that was incomplete when the daemon ended was dropped");
    }
    if skipped > 0 {
        notes.push(format!("{skipped} journal records of a newer version were not understood and left out"));
    }
    if let Mode::Plain { why } = journal.health().mode {
        notes.push(format!("the journal is not mapped but appended to, which is slower: {why}"));
    }
    notes
}
