//! `styxy doctor`: finds present and future problems, and says what to do about them. It changes nothing.

mod daemon;
mod disk;
mod finding;
#[cfg(any(not(target_os = "linux"), test))]
mod folders;
mod hooks;
mod inherited;
#[cfg(windows)]
mod job;
mod journal;
mod machine;
#[cfg(any(windows, test))]
mod reserved;
mod settings;
mod trials;

use std::io::{self, Write};

use crate::here::context::{self, Context};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::printable;
use daemon::DaemonState;
use finding::{Finding, Verdict};

/// Find out what is wrong, and what to do about it
///
/// Exits 1 if something is wrong; warnings do not count. Tries what the daemon's start needs: a file, a lock and a socket in its
/// folder (on Windows a pipe), which are gone afterwards. Does not start the daemon, and changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy doctor
  styxy doctor --json | jq '.[] | select(.verdict != \"ok\")'"))]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let layout = context::layout()?;
        let parsed = crate::here::config_file::read_or_default(&layout.config());
        let config = parsed.as_ref().map(|parsed| &parsed.config).ok();
        let seen = DaemonState::look(context)?;

        let folder = settings::folder(layout.root());
        let mut findings = daemon::findings(&seen, config, folder.verdict);
        findings.push(settings::file(&layout.config(), &parsed));
        // A running daemon reports the state of its journal itself.
        let journal = match (&seen, folder.verdict) {
            (DaemonState::NotRunning, Verdict::Ok | Verdict::Warn) => Some(journal::on_disk(layout.root())),
            (DaemonState::NotRunning, Verdict::Wrong)
            | (DaemonState::Running { .. } | DaemonState::Broken(_), _) => None,
        };
        let is_ours = folder.verdict != Verdict::Wrong || seen.status().is_some();
        findings.push(folder);
        findings.extend(journal);
        findings.extend(is_ours.then(|| trials::folder(&layout)).flatten());
        findings.extend(disk::space(layout.root()));
        if let Some(config) = config {
            findings.extend(machine::ephemeral_overlap(config));
            #[cfg(windows)]
            findings.push(reserved::ranges(config));
        }
        let no_handles = styxy_daemon::system::no_handles();
        findings.push(machine::descriptors(seen.status(), no_handles.as_ref()));
        findings.push(machine::sockets());
        findings.push(trials::processes(no_handles.as_ref()));
        findings.extend(seen.status().and_then(|status| inherited::of(status.pid)));
        #[cfg(not(target_os = "linux"))]
        if seen.status().is_some() {
            findings.extend(closed_folders()?);
        }
        findings.extend(inherited::login());
        findings.extend(hooks::findings());
        // A daemon that runs in such a job says so in its notes.
        #[cfg(windows)]
        findings.extend(if seen.status().is_none() { job::around() } else { None });

        context.output.answer(&findings, |out| show(&findings, out))?;
        let wrong = findings.iter().any(|finding| finding.verdict == Verdict::Wrong);
        Ok(if wrong { Exit::Refused } else { Exit::Done })
    }
}

/// What the running daemon says of its listeners may have a folder in it that it could not read.
#[cfg(not(target_os = "linux"))]
fn closed_folders() -> Result<Option<Finding>, Failure> {
    let query = styxy_core::api::ScanQuery::default();
    context::ask_with(context::Autostart::Never, async |client| {
        // A daemon that no longer answers has its own line.
        let seen = client.scan(&query).await.ok();
        Ok(seen.and_then(|seen| folders::closed(&seen, std::env::home_dir().as_deref())))
    })
}

fn show(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    for Finding { check, verdict, message, hint } in findings {
        let style = verdict.style();
        writeln!(out, "{style}{:<5}{style:#}  {check:<width$}  {}", verdict.as_str(), printable(message))?;
        if let Some(hint) = hint {
            writeln!(out, "{:<5}  {:<width$}  to do: {}", "", "", printable(hint))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{plain, snapshot};

    /// The findings as a person sees them.
    pub(super) fn shown(findings: &[Finding]) -> String {
        plain(|out| show(findings, out))
    }

    #[test]
    fn each_finding_says_what_to_do() {
        let findings = [
            Finding::ok("daemon", "0.1.0 runs with pid 42"),
            Finding::warn("port", "9876 is held by a\u{1b}[2J", "styxy check 9876"),
            Finding::wrong("folder", "others may read it", "chmod 700 /home/ada/.styxy"),
        ];
        snapshot!("doctor", shown(&findings));
    }
}
