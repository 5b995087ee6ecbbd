//! What every command gets: where to print, and how to reach the daemon.

use std::pin::{Pin, pin};
use std::time::Duration;

use styxy_client::{Client, Older, Options, Start};
use styxy_core::api::{Code, Refusal};
use styxy_core::layout::Layout;

use crate::here::older;
use crate::say::failure::Failure;
use crate::say::output::{Format, Output};

/// What every command gets.
#[derive(Clone)]
pub(crate) struct Context {
    /// Where answers are printed.
    pub(crate) output: Output,
    autostart: Autostart,
}

/// Whether a daemon is started if none answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Autostart {
    /// As the environment says.
    FromEnvironment,
    /// Always: that is what the command is for.
    Always,
    /// Never.
    Never,
}

impl Context {
    pub(crate) fn new(format: Format, autostart: Autostart) -> Self {
        Self { output: Output::new(format), autostart }
    }

    /// Asks the daemon one thing, or several. A daemon that is older than this command is replaced first (R70).
    pub(crate) fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&Client) -> Result<T, styxy_client::Error>,
    ) -> Result<T, Failure> {
        Ok(self.try_ask(question)??)
    }

    /// As [`Context::ask`]; the caller interprets the client's errors.
    ///
    /// # Errors
    /// It is unknown which daemon to ask.
    pub(crate) fn try_ask<T>(
        &self,
        question: impl AsyncFnOnce(&Client) -> Result<T, styxy_client::Error>,
    ) -> Result<Result<T, styxy_client::Error>, Failure> {
        renewed(self.autostart, question)
    }

    /// A client, for a command that asks several times. It takes the daemon as it is.
    ///
    /// # Errors
    /// It is unknown which daemon to ask.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(options(self.autostart)?)?)
    }

    /// The daemon that runs, if this command may replace it because it is older (R70).
    ///
    /// # Errors
    /// It is unknown which daemon.
    pub(crate) fn older(&self) -> Result<Option<Older>, Failure> {
        let client = self.client()?;
        Ok(run(client.older())?)
    }

    /// As [`try_ask`], but not if the daemon is older and this command may replace it (R70); for a command that cannot start
    /// one itself.
    ///
    /// # Errors
    /// It is unknown which daemon to ask.
    pub(crate) fn try_ask_unless_older<T>(
        &self,
        patience: Duration,
        question: impl AsyncFnOnce(&Client) -> Result<T, styxy_client::Error>,
    ) -> Result<Asked<T>, Failure> {
        let options = options(self.autostart)?;
        let patient = Client::new(Options { timeout: patience, start: Start::Never, ..options.clone() })?;
        let client = Client::new(options)?;
        Ok(run(async {
            match client.older().await {
                Some(older) => Asked::Older(older),
                None => Asked::Answered(question(&patient).await),
            }
        })?)
    }

    /// Whether the command may start a daemon.
    ///
    /// # Errors
    /// It is unknown which daemon.
    pub(crate) fn may_start(&self) -> Result<bool, Failure> {
        Ok(options(self.autostart)?.start == Start::Auto)
    }
}

/// What came of [`Context::try_ask_unless_older`].
pub(crate) enum Asked<T> {
    /// Nothing was asked.
    Older(Older),
    Answered(Result<T, styxy_client::Error>),
}

/// Asks a daemon that is not older than this command.
///
/// # Errors
/// It is unknown which daemon to ask.
pub(crate) fn renewed<T>(
    autostart: Autostart,
    question: impl AsyncFnOnce(&Client) -> Result<T, styxy_client::Error>,
) -> Result<Result<T, styxy_client::Error>, Failure> {
    let options = options(autostart)?;
    let layout = Layout::new(options.home.clone());
    let client = Client::new(options)?;
    let mut done = None;
    {
        let asked = pin!(async { done = Some(question(&client).await) });
        to_end(pin!(after_update(&client, &layout, asked)))?;
    }
    Ok(done.expect("it has run to its end"))
}

/// Asks the daemon as it is, for a command that decides by itself whether to start one.
pub(crate) fn ask_with<T>(
    autostart: Autostart,
    question: impl AsyncFnOnce(&Client) -> Result<T, styxy_client::Error>,
) -> Result<T, Failure> {
    let client = Client::new(options(autostart)?)?;
    Ok(run(question(&client))??)
}

/// Asks a running daemon, within `patience`, and starts none; the caller interprets its errors.
///
/// # Errors
/// It is unknown which daemon to ask.
pub(crate) fn try_ask<T>(
    patience: Duration,
    question: impl AsyncFnOnce(&Client) -> Result<T, styxy_client::Error>,
) -> Result<Result<T, styxy_client::Error>, Failure> {
    ask_within(patience, Autostart::Never, question)
}

/// A client of the daemon, for whoever asks it again and again.
///
/// # Errors
/// It is unknown which daemon to ask.
pub(crate) fn client(autostart: Autostart) -> Result<Client, Failure> {
    Ok(Client::new(options(autostart)?)?)
}

/// Like [`try_ask`], with the choice of starting a daemon.
///
/// # Errors
/// Those of [`try_ask`].
pub(crate) fn ask_within<T>(
    patience: Duration,
    autostart: Autostart,
    question: impl AsyncFnOnce(&Client) -> Result<T, styxy_client::Error>,
) -> Result<Result<T, styxy_client::Error>, Failure> {
    let client = Client::new(Options { timeout: patience, ..options(autostart)? })?;
    Ok(run(question(&client))?)
}

/// Runs `work` to its end, for a command that does more than ask the daemon once.
///
/// # Errors
/// The runtime cannot be built.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(run(work)?)
}

/// Runs `work` to its end.
fn run<T>(work: impl Future<Output = T>) -> Result<T, Refusal> {
    let mut done = None;
    to_end(pin!(async { done = Some(work.await) }))?;
    Ok(done.expect("it has run to its end"))
}

async fn after_update(client: &Client, layout: &Layout, asked: Pin<&mut dyn Future<Output = ()>>) {
    older::replace(client, layout).await;
    asked.await;
}

/// The code of a runtime is there once, and not for each of a hundred questions.
fn to_end(work: Pin<&mut dyn Future<Output = ()>>) -> Result<(), Refusal> {
    let built = room().and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build());
    built.map_err(|error| no_runtime(&error))?.block_on(work);
    Ok(())
}

/// Whether as many descriptors are left as a runtime and a connection need: a runtime that gets no socket for signals panics.
/// Where the limit is as usual, that is not tried.
///
/// # Errors
/// There are too few.
#[cfg(unix)]
fn room() -> std::io::Result<()> {
    use rustix::process::{Resource, getrlimit};
    use std::os::unix::net::UnixStream;
    const PAIRS: usize = 3;
    const USUAL: u64 = 256;
    if getrlimit(Resource::Nofile).current.is_none_or(|limit| limit >= USUAL) {
        return Ok(());
    }
    (0..PAIRS).map(|_| UnixStream::pair()).collect::<std::io::Result<Vec<_>>>().map(drop)
}

/// How many files this process may have open, if that is less than a daemon needs.
#[cfg(unix)]
pub(crate) fn low_limit() -> Option<u64> {
    const NEEDED: u64 = 32;
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    // The daemon raises its own limit as far as it may.
    limits.maximum.filter(|limit| *limit < NEEDED)
}

/// Handles are not scarce here.
#[cfg(not(unix))]
pub(crate) const fn low_limit() -> Option<u64> {
    None
}

/// Handles are not scarce here.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it fails on Unix")]
const fn room() -> std::io::Result<()> {
    Ok(())
}

/// Where the daemon's files are.
///
/// # Errors
/// It is unknown, because no home folder is set.
pub(crate) fn layout() -> Result<Layout, Failure> {
    Ok(Layout::new(options(Autostart::Never)?.home))
}

fn options(autostart: Autostart) -> Result<Options, Failure> {
    // Only a client that starts a daemon needs the program; its error says if it cannot be run.
    let program = styxy_client::own_program().unwrap_or_else(|_| "styxy".into());
    let mut options = Options::from_env(program, std::env::vars_os().collect())
        .map_err(|error| Failure::Usage(Box::new(error.refusal())))?;
    match autostart {
        Autostart::FromEnvironment => {}
        Autostart::Always => options.start = Start::Auto,
        Autostart::Never => options.start = Start::Never,
    }
    Ok(options)
}

fn no_runtime(error: &std::io::Error) -> Refusal {
    styxy_client::few_files(error).unwrap_or_else(|| {
        Refusal::new(Code::DaemonUnreachable, format!("could not prepare to ask the daemon: {error}"))
            .hint("styxy doctor")
    })
}

impl From<styxy_client::Error> for Failure {
    fn from(error: styxy_client::Error) -> Self {
        let is_start = matches!(error, styxy_client::Error::StartRefused(_));
        let refusal = error.refusal();
        if is_start { Self::of_start(refusal, Self::NoDaemon) } else { refusal.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, failed, snapshot};
    use std::io::ErrorKind;
    use std::sync::Arc;
    use styxy_client::{Error, Holder, Mute};
    use styxy_core::Pid;

    #[test]
    #[cfg_attr(windows, ignore = "the file has the commands of Unix")]
    fn without_an_answer_of_the_daemon_the_error_says_why_and_what_to_do() {
        let route = || "POST /allocate".to_owned();
        let after = Duration::from_secs(3);
        let path = |name: &str| format!("/home/ada/.styxy/{name}").into();
        let source = |kind: ErrorKind| Arc::new(std::io::Error::from(kind));
        let pid = Pid::new(42).unwrap();
        let stuck = |holder| Error::Stuck { lock: path("daemon.lock"), holder };
        let not_json = serde_json::from_str::<u8>("").unwrap_err();
        let errors = [
            ("no daemon runs", Error::NotRunning { place: path("") }),
            ("inside a sandbox", Error::Sandboxed { sandbox: styxy_client::Sandbox::Codex }),
            ("another user's", Error::NotOurs { path: path(""), owner: 0, ours: 1000 }),
            (
                "no connection",
                Error::Unreachable {
                    socket: path("styxy.sock"),
                    source: source(ErrorKind::ConnectionRefused),
                },
            ),
            ("no answer in time", Error::Silent { route: route(), after }),
            ("not JSON", Error::Unintelligible { route: route(), source: Arc::new(not_json) }),
            ("an older daemon", Error::OtherApi { theirs: 0, version: "0.0.1".to_owned() }),
            ("a newer daemon", Error::OtherApi { theirs: 2, version: "9.0.0".to_owned() }),
            (
                "no program",
                Error::NotStarted { daemon: "/usr/bin/styxy".into(), source: source(ErrorKind::NotFound) },
            ),
            ("it ended at once", Error::StartFailed { said: String::new() }),
            ("it says why", Error::StartFailed { said: "no space left".to_owned() }),
            ("it says nothing", Error::StartSilent { after }),
            (
                "it refuses",
                Error::StartRefused(
                    Refusal::new(Code::Forbidden, "others may look into it").hint("chmod 700 x"),
                ),
            ),
            ("it does not answer", stuck(Holder::Unknown)),
            ("its socket is gone", stuck(Holder::Process { pid, mute: Mute::NoSocket })),
            ("it is stopped", stuck(Holder::Process { pid, mute: Mute::Stopped })),
            ("its process does not answer", stuck(Holder::Process { pid, mute: Mute::Silent })),
            ("on another machine", stuck(Holder::Named { pid, machine: Some("hera".to_owned()) })),
            ("by its file only", stuck(Holder::Named { pid, machine: None })),
            ("killed while it starts", Error::StartKilled { signal: 9 }),
            ("it does not stop", Error::StillRunning { pid: 42, after }),
        ];
        snapshot!("no_answer", each(errors.map(|(title, error)| (title, failed(Failure::from(error))))));
    }
}
