//! What every command is given: where to print, and how to reach the daemon.

use styxy_client::{Client, Options, Start};
use styxy_core::api::{Code, Refusal};
use styxy_core::layout::Layout;

use crate::args::Global;
use crate::failure::Failure;
use crate::output::{Format, Output};

/// What every command is given.
pub(crate) struct Context {
    /// Where answers go.
    pub(crate) output: Output,
    autostart: Autostart,
}

/// Whether a daemon is started if none answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Autostart {
    /// As the environment says.
    FromEnvironment,
    /// Yes, because that is what the command is for.
    Always,
    /// No.
    Never,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Self {
        let format = if global.json { Format::Json } else { Format::Human };
        let autostart = if global.no_start { Autostart::Never } else { Autostart::FromEnvironment };
        Self { output: Output::new(format), autostart }
    }

    /// Asks the daemon one thing, or several.
    pub(crate) fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&Client) -> Result<T, styxy_client::Error>,
    ) -> Result<T, Failure> {
        ask_with(self.autostart, question)
    }
}

/// As [`Context::ask`], for a command that has its own mind about starting a daemon.
pub(crate) fn ask_with<T>(
    autostart: Autostart,
    question: impl AsyncFnOnce(&Client) -> Result<T, styxy_client::Error>,
) -> Result<T, Failure> {
    let client = Client::new(options(autostart)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| no_runtime(&error))?;
    Ok(runtime.block_on(question(&client))?)
}

/// Where the daemon's files are.
///
/// # Errors
/// There is no telling, because no home folder is set.
pub(crate) fn layout() -> Result<Layout, Failure> {
    Ok(Layout::new(options(Autostart::Never)?.home))
}

fn options(autostart: Autostart) -> Result<Options, Failure> {
    // Only a client that starts a daemon needs the program, and that one says so if it cannot be run.
    let program = std::env::current_exe().unwrap_or_else(|_| "styxy".into());
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
    Refusal::new(Code::DaemonUnreachable, format!("could not prepare to ask the daemon: {error}"))
        .hint("styxy doctor")
}
