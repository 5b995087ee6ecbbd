//! `styxy daemon restart`: applies a new version or new settings, and loses nothing.

use std::cmp::Ordering;

use styxy_client::{Contact, Error, OURS, Sandbox};
use styxy_core::api::{API_VERSION, Code, Refusal, Rule, StatusAnswer};
use styxy_core::{version, with_causes};

use crate::here::config_file;
use crate::here::context::{self, Autostart, Context};
use crate::here::stop::{End, stop};
use crate::say::daemon::briefly;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Restart the daemon; leases are kept
///
/// Applies a changed config.json. If that has a mistake, or if the running daemon is newer than this command, the daemon
/// keeps running as it is. If it does not answer, the process that holds its lock is ended.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon restart
  styxy config validate && styxy daemon restart"))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        config_file::settings(&context::layout()?)?;
        let running = context::ask_with(Autostart::Never, async |client| match client.running().await {
            // Restarting is how to replace a daemon that this client cannot talk to.
            Err(Error::OtherApi { theirs, .. }) if theirs < API_VERSION => Ok(None),
            // So it is for one that does not answer.
            Err(Error::Stuck { .. } | Error::Silent { .. }) => Ok(None),
            other => other,
        })?;
        if let Some(refusal) = running.as_ref().and_then(newer) {
            return Err(refusal.into());
        }
        if let Some(sandbox) = Sandbox::around(|name| std::env::var_os(name)) {
            // The daemon outside is better than none.
            return Err(sandboxed(sandbox).into());
        }
        let (ended, contact) = context::ask_with(Autostart::Always, async |client| {
            let ended = stop(client).await?;
            Ok((ended, client.connect().await?))
        })?;
        let what = match ended {
            End::Stopped(_) => "restarted",
            End::WasNot => "was not running and was started",
            End::Ended { pid, why } => {
                output::note(&format!("note: {}; that process was ended", with_causes(&why)));
                &format!("was started in place of pid {pid}, and runs")
            }
        };
        let (status, notes) = match contact {
            // Another client started it first; it is just as new.
            Contact::Running(status) => (status, Vec::new()),
            Contact::Started { status, notes } => (status, notes),
        };
        context.output.answer(&status, |out| briefly(what, &status, &notes, out))?;
        Ok(Exit::Done)
    }
}

fn sandboxed(sandbox: Sandbox) -> Refusal {
    let error = format!("inside {sandbox} no daemon is started, since it would serve everybody from there");
    Refusal::new(Code::DaemonUnreachable, error).hint("run styxy daemon restart outside of the sandbox")
}

/// Why a newer daemon is not replaced.
fn newer(running: &StatusAnswer) -> Option<Refusal> {
    let theirs = &running.version;
    (version::compare(theirs, OURS) == Ordering::Greater).then(|| {
        let error = format!(
            "the running daemon ({theirs}) is newer than this styxy ({OURS}) and is not replaced by it"
        );
        Refusal::new(Code::Forbidden, error)
            .hint("npm install -g styxy@latest")
            .rule(Rule::Version)
            .detail("running", theirs.as_str())
            .detail("ours", OURS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::daemon::tests::status;
    use crate::say::shown::{failed, snapshot};
    use serde_json::json;

    #[test]
    fn only_a_newer_daemon_is_not_replaced() {
        let of = |version: &str| newer(&status(|wire| wire["version"] = json!(version)));
        assert_eq!(of(OURS), None);
        assert_eq!(of("0.0.1"), None);
        snapshot!("restart_of_a_newer_daemon", failed(of("999.0.0").unwrap()).replace(OURS, "OURS"));
    }
}
