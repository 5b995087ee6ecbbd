//! `styxy uninstall`: undoes everything that Styxy has put on the machine for this user.

mod folder;
mod settings;

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use styxy_client::{Client, Error};
use styxy_core::api::{AllocationsQuery, Code, InstanceView, Lease, Refusal};
use styxy_core::layout::Layout;
use styxy_core::{Pid, with_causes};

use crate::here::agent_settings::change::Change;
use crate::here::context::{self, Autostart, Context};
use crate::here::installed::Installed;
use crate::here::login::Login;
use crate::here::stop::stop;
use crate::say::consent::{Consent, nothing_was_changed};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::{self, one_line};
use crate::up::ask;
use crate::up::kept::{self, Kept};
use folder::Folder;

/// Undo everything that Styxy has put on this machine for you
///
/// Takes Styxy's entries out of the agents' settings, removes the start at login, stops the daemon, and removes its folder with your
/// config.json. Shows all of that first, and asks. Servers keep running, but for the services of `styxy up`, which end. If agent
/// sessions, leases or such services still use Styxy, it only lists them and stops; --force does it all the same. The program stays, and the last line says how to remove it.
///
/// Entries that hooks install --project made in other checkouts stay, and do nothing without the program.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy uninstall
  styxy uninstall --dry-run       show what would be done
  styxy uninstall --yes           without confirmation, for scripts
  styxy uninstall --force --yes   also if leases are live"))]
pub(crate) struct Args {
    /// Uninstall although sessions or leases still use Styxy
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    consent: Consent,
}

/// Everything that is there.
struct Found {
    settings: Vec<Change>,
    login: Option<Login>,
    daemon: Daemon,
    folder: Option<Folder>,
    layout: Layout,
}

/// What is known of the daemon.
#[derive(Debug, Default)]
struct Daemon {
    /// Its process, or why it does not answer.
    runs: Option<Result<Pid, String>>,
    sessions: Vec<InstanceView>,
    leases: Vec<Lease>,
    /// The programs that run under the guard: `bash (4242)`. Without its files each new program would print an error.
    guarded: Vec<String>,
    /// The services that `styxy up` has started, by worktree.
    stacks: Vec<Kept>,
}

/// What was removed; with `--json` the answer.
#[derive(Debug, Default, Serialize)]
struct Answer {
    /// Files that were changed or removed, and the daemon's folder.
    removed: Vec<PathBuf>,
    /// Those that would be; with `--dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_remove: Option<Vec<PathBuf>>,
    /// What keeps it from being done without `--force`; with `--dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    blockers: Option<Blockers>,
    /// The program, which is still there.
    program: Option<PathBuf>,
    /// What removes it.
    remove_program: Option<String>,
}

/// Who still uses Styxy.
#[derive(Debug, Default, Serialize)]
struct Blockers {
    sessions: Vec<InstanceView>,
    leases: Vec<Lease>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stacks: Vec<Kept>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let found = Found::look()?;
        let users = (!self.force).then(|| found.daemon.users()).filter(|users| !users.is_empty());
        if found.is_something() && self.consent.is_dry() {
            let daemon = &found.daemon;
            let blockers = users.as_ref().map(|_| Blockers {
                sessions: daemon.sessions.clone(),
                leases: daemon.leases.clone(),
                stacks: daemon.stacks.clone(),
            });
            let answer = Answer {
                would_remove: Some(found.paths()),
                blockers: Some(blockers.unwrap_or_default()),
                ..Answer::of_program()
            };
            context.output.answer(&answer, |out| writeln!(out, "{}", found.plan(self.consent.will())))?;
            if let Some(users) = users {
                output::note(&format!("Only --force does it, because Styxy is still used:{users}"));
            }
            nothing_was_changed();
            return Ok(Exit::Done);
        }
        if found.is_something() {
            if let Some(users) = users {
                return Err(found.daemon.used(&users).into());
            }
            output::note(&found.plan(self.consent.will()));
            if !self.consent.is_given("Do all of this?", "styxy uninstall --yes")? {
                return Ok(Exit::Refused);
            }
            found.remove()?;
        }
        let removed = Answer { removed: found.paths(), ..Answer::of_program() };
        context.output.answer(&removed, |out| show(&removed, out))?;
        Ok(Exit::Done)
    }
}

impl Answer {
    /// Nothing, and what removes the program.
    fn of_program() -> Self {
        let program = styxy_client::own_program().ok();
        let remove_program = program.as_deref().and_then(|program| Installed::of(program).removal(program));
        Self { program, remove_program, ..Self::default() }
    }
}

fn show(removed: &Answer, out: &mut impl Write) -> io::Result<()> {
    match removed.removed.as_slice() {
        [] => writeln!(out, "Nothing of Styxy is here but the program.")?,
        _ => writeln!(out, "Nothing of Styxy is left but the program.")?,
    }
    match &removed.remove_program {
        Some(command) => writeln!(out, "To remove that too: {command}"),
        None => writeln!(out, "It is in a package manager's cache, and needs no removal."),
    }
}

impl Found {
    fn look() -> Result<Self, Failure> {
        let layout = context::layout()?;
        let login = match Login::for_removal() {
            // A file that Styxy did not make is not its to remove.
            Ok(login) if login.is_there().unwrap_or(false) => Some(login),
            Ok(_) | Err(_) => None,
        };
        let folder = Folder::look(&layout)?;
        let daemon = if folder.is_some() {
            context::ask_with(Autostart::Never, async |client| Ok(Daemon::ask(client).await))?
        } else {
            Daemon::default()
        };
        let daemon = Daemon { stacks: kept::all(&layout), ..daemon };
        #[cfg(target_os = "linux")]
        let daemon = Daemon { guarded: crate::here::guarded::users(&layout), ..daemon };
        Ok(Self { settings: settings::all()?, login, daemon, folder, layout })
    }

    fn is_something(&self) -> bool {
        !self.settings.is_empty() || self.login.is_some() || self.folder.is_some()
    }

    /// What `will` or would be done, a line for each thing.
    fn plan(&self, will: &str) -> String {
        let mut lines = vec![format!("This {will} be done:")];
        for settings in &self.settings {
            let what = if settings.is_left_over() { "remove" } else { "take Styxy's entries out of" };
            lines.push(format!("  {what} {}", settings.path.display()));
        }
        if let Some(login) = &self.login {
            lines.push(format!("  no longer start the daemon at login: remove {}", login.file.display()));
        }
        for kept in &self.daemon.stacks {
            lines.push(format!(
                "  end what styxy up has started in {}: {}",
                kept.root.display(),
                kept.names()
            ));
        }
        match &self.daemon.runs {
            Some(Ok(pid)) => lines.push(format!("  stop the daemon (pid {pid})")),
            Some(Err(why)) => lines.push(format!("  end the daemon, which does not answer: {why}")),
            None => {}
        }
        if let Some(folder) = &self.folder {
            let root = self.layout.root().display();
            let settings = if folder.own.iter().any(|name| name.as_os_str() == "config.json") {
                ", with your config.json"
            } else {
                ""
            };
            lines.push(if folder.foreign.is_empty() {
                format!("  remove {root}{settings}")
            } else {
                let names: Vec<_> = folder.foreign.iter().map(|name| name.display().to_string()).collect();
                format!(
                    "  remove Styxy's files from {root}{settings}; not Styxy's, and left there: {}",
                    names.join(", ")
                )
            });
        }
        lines.join("\n")
    }

    /// Everything, the daemon's own folder last: whatever might start a daemon goes before.
    fn remove(&self) -> Result<(), Failure> {
        self.settings.iter().try_for_each(settings::clean)?;
        if let Some(login) = &self.login {
            login.take()?;
        }
        end(&self.daemon.stacks)?;
        if self.daemon.runs.is_some() {
            context::ask_with(Autostart::Never, async |client| stop(client).await)?;
        }
        // The daemon takes some of its files with it, and may have made others.
        match Folder::look(&self.layout)? {
            Some(folder) => Ok(folder.remove(&self.layout)?),
            None => Ok(()),
        }
    }

    fn paths(&self) -> Vec<PathBuf> {
        let settings = self.settings.iter().map(|settings| settings.path.clone());
        let login = self.login.iter().map(|login| login.file.clone());
        let folder = self.folder.iter().map(|_| self.layout.root().to_owned());
        settings.chain(login).chain(folder).collect()
    }
}

/// Ends the services of all worktrees: without their keepers' files nobody would find them again.
fn end(stacks: &[Kept]) -> Result<(), Failure> {
    use crate::up::wire::{Hurry, State};
    for kept in stacks {
        let place = ask::place(&kept.root)?;
        let over = context::block_on(ask::end(&place, &kept.root, &[], Hurry::None))??;
        let left = over.into_iter().flatten().find(|view| view.state == State::Failed && view.pid.is_some());
        if let Some(view) = left {
            let error = format!("{} of {} has not ended", view.service, kept.root.display());
            return Err(Refusal::new(Code::Forbidden, error).hint("styxy down --now").into());
        }
    }
    Ok(())
}

impl Daemon {
    async fn ask(client: &Client) -> Self {
        let status = match client.running().await {
            Ok(None) => return Self::default(),
            Ok(Some(status)) => status,
            Err(error) => return Self { runs: Some(Err(with_causes(&error))), ..Self::default() },
        };
        // From another network namespace the daemon does not say.
        let leases = client.allocations(&AllocationsQuery::default()).await;
        let leases = leases.map(|answer| answer.allocations).unwrap_or_default();
        let sessions: Result<_, Error> = client.instances().await;
        let sessions = sessions.map(|answer| answer.instances).unwrap_or_default();
        Self { runs: Some(Ok(status.pid)), sessions, leases, ..Self::default() }
    }

    /// Who still uses it, a line for each; empty if nobody does.
    fn users(&self) -> String {
        let session = |session: &InstanceView| {
            let folder = session.working_directory.as_ref();
            let place = folder.map(|folder| format!(" in {}", one_line(folder.as_str()))).unwrap_or_default();
            format!("\n  session {}{place}", session.instance_id)
        };
        let lease = |lease: &Lease| {
            let place = lease.project_path.as_ref();
            let place = place.map(|path| format!(", {}", one_line(path.as_str()))).unwrap_or_default();
            format!("\n  {} {}: {}{place}", lease.port, facts::service(lease), one_line(&facts::who(lease)))
        };
        let guarded = self.guarded.iter().map(|program| format!("\n  {program} runs under the guard"));
        let stack = |kept: &Kept| {
            format!(
                "\n  services of styxy up in {}: {}",
                one_line(&kept.root.to_string_lossy()),
                kept.names()
            )
        };
        let stacks = self.stacks.iter().map(stack);
        self.sessions
            .iter()
            .map(session)
            .chain(self.leases.iter().map(lease))
            .chain(guarded)
            .chain(stacks)
            .collect()
    }

    /// That it is still used, and by whom.
    fn used(&self, users: &str) -> Refusal {
        Refusal::new(Code::Forbidden, format!("Styxy is still used, and nothing was changed:{users}"))
            .hint(match self.stacks.as_slice() {
                [] => "styxy uninstall --force   # servers keep running, without leases",
                _ => "styxy uninstall --force   # ends the services of styxy up; other servers keep running, without leases",
            })
            .detail("sessions", self.sessions.len())
            .detail("leases", self.leases.len())
            .detail("guarded", self.guarded.len())
            .detail("stacks", self.stacks.len())
    }
}

#[cfg(test)]
mod tests;
