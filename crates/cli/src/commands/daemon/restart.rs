//! `styxy daemon restart`: puts a new version or configuration in force, and loses nothing.

use std::cmp::Ordering;

use styxy_client::{Contact, Error, Stopped};
use styxy_core::api::{API_VERSION, Code, Refusal, StatusAnswer};

use crate::here::config_file;
use crate::here::context::{self, Autostart, Context};
use crate::say::daemon::briefly;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::version::{self, OURS};

/// Restart the daemon; leases are kept
///
/// It puts a changed config.json in force. One with a mistake is refused, and the old daemon goes on; so it does if
/// it is newer than this command.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon restart
  styxy config validate && styxy daemon restart"))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        config_file::read_or_default(&context::layout()?.config())?;
        let running = context::ask_with(Autostart::Never, async |client| match client.running().await {
            // A daemon that this client can no longer talk to is what a restart is for.
            Err(Error::OtherApi { theirs, .. }) if theirs < API_VERSION => Ok(None),
            other => other,
        })?;
        if let Some(refusal) = running.as_ref().and_then(newer) {
            return Err(refusal.into());
        }
        let (stopped, contact) = context::ask_with(Autostart::Always, async |client| {
            let stopped = client.stop().await?;
            Ok((stopped, client.connect().await?))
        })?;
        let what = match stopped {
            Stopped::WasRunning(_) => "restarted",
            Stopped::WasNot => "was not running; it started",
        };
        let (status, notes) = match contact {
            // Another client was quicker to start it; it is as new.
            Contact::Running(status) => (status, Vec::new()),
            Contact::Started { status, notes } => (status, notes),
        };
        context.output.answer(&status, |out| briefly(what, &status, &notes, out))?;
        Ok(Exit::Done)
    }
}

/// Why a newer daemon is left alone.
fn newer(running: &StatusAnswer) -> Option<Refusal> {
    let theirs = &running.version;
    (version::compare(theirs, OURS) == Ordering::Greater).then(|| {
        let error = format!(
            "the running daemon ({theirs}) is newer than this styxy ({OURS}), which would replace it"
        );
        Refusal::new(Code::Forbidden, error)
            .hint("npm install -g styxy@latest")
            .detail("rule", "version")
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
    fn only_a_newer_daemon_is_left_alone() {
        let of = |version: &str| newer(&status(|wire| wire["version"] = json!(version)));
        assert_eq!(of(OURS), None);
        assert_eq!(of("0.0.1"), None);
        snapshot!("restart_of_a_newer_daemon", failed(of("999.0.0").unwrap()).replace(OURS, "OURS"));
    }
}
