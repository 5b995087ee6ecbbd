//! Where a worktree's services come from (R150): the project's own file, else what its scripts and its Procfile say.
//!
//! It reads files, and runs nothing but compose for `styxy init`. What it cannot be sure of it refuses, with a file that `styxy init` would write.

mod apps;
mod beside;
mod file;
mod launch;
mod made;
mod procfile;
pub(crate) mod propose;
mod turbo;
mod workspace;

use std::path::Path;

use styxy_client::Caller;
use styxy_core::api::{Code, Refusal};
use styxy_core::project::Wish;
use styxy_core::{ServiceName, project};

use self::file::{Unstarted, Written};
use super::stack::{Definition, Source, Stack};
use crate::devserver::package::{NoPackage, Package};
use crate::here::caller::deleted;
use crate::say::failure::Failure;
use crate::say::output;

/// The Procfile for development.
const DEV: &str = "Procfile.dev";

/// The script that starts what people work on.
pub(crate) const SCRIPT: &str = "dev";

/// Services, and why they are these: a sentence for each guess.
#[derive(Debug)]
struct Found {
    source: Source,
    services: Vec<Definition>,
    reasons: Vec<String>,
}

/// What came of a look at one source.
enum Look {
    Found(Found),
    /// It has none.
    Nothing,
    /// It has some, but which ones is not sure; the sentence says why.
    Unsure(String),
}

/// The services of the worktree whose root `here` is in.
///
/// # Errors
/// Nothing says what is to run, or not surely.
pub(crate) fn find(here: &Caller) -> Result<Stack, Failure> {
    found(here, output::warning)
}

/// The same for a hook, which no person reads.
///
/// # Errors
/// Those of [`find`].
pub(crate) fn find_silently(here: &Caller) -> Result<Stack, Failure> {
    found(here, |_| {})
}

fn found(here: &Caller, warn: fn(&str)) -> Result<Stack, Failure> {
    let root = here.root().ok_or_else(|| no_project(here))?.to_owned();
    let found = look_everywhere(here, &root, warn)?;
    found.ok_or_else(|| nothing(&root))
}

/// The labels of the worktree's services, which may be none; nothing where they are not sure, as with a mistake in the file.
pub(crate) fn labels(here: &Caller) -> Option<Vec<String>> {
    let found = look_everywhere(here, here.root()?, |_| {}).ok()?;
    let services = found.map(|stack| stack.services).unwrap_or_default();
    Some(services.into_iter().map(|service| service.label).collect())
}

/// What the project's file says, or else what is guessed; nothing if nothing is to run.
///
/// # Errors
/// The file has a mistake, or what is to run is not sure.
fn look_everywhere(here: &Caller, root: &Path, warn: fn(&str)) -> Result<Option<Stack>, Failure> {
    let Written { stack, idle } = file::read(here, warn)?;
    let at_root = here.at(root);
    let found = match stack {
        Some(stack) => Ok(Some(stack)),
        None => guessed(&at_root, root).map(|guess| {
            let stack = file::over(guess?, &idle);
            Some(Stack { services: settled(stack.services), ..stack })
        }),
    };
    // What is guessed may be called so too, and then something says how to start it.
    let stack = found.as_ref().ok().and_then(Option::as_ref);
    let services = stack.map(|stack| &*stack.services).unwrap_or_default();
    let is_missing = |one: &&Unstarted| services.iter().all(|service| service.label != one.label());
    idle.iter().filter(|one| one.is_odd).filter(is_missing).for_each(|one| warn(&one.said));
    found
}

/// A folder where nothing is shared has no services, and one that was deleted has none.
pub(crate) fn no_project(here: &Caller) -> Failure {
    let why = match here.folder() {
        Some(_) => "a home folder, or /, is not a project".to_owned(),
        None => deleted(),
    };
    Failure::usage(why, "cd into a project, and try again")
}

/// The services that are not named by the project's file.
fn guessed(here: &Caller, root: &Path) -> Result<Option<Stack>, Failure> {
    match look(here, root)? {
        Look::Found(Found { source, services, reasons }) => {
            let (root, services) = (root.to_owned(), settled(services));
            Ok(Some(Stack { root, source, services, peers: Vec::new(), reasons, idle: Vec::new() }))
        }
        Look::Unsure(why) => Err(unsure(here, root, &why)),
        Look::Nothing => Ok(None),
    }
}

/// Looks at one source after the other.
///
/// # Errors
/// `package.json` cannot be read.
fn look(here: &Caller, root: &Path) -> Result<Look, Failure> {
    let package = package_at(root)?;
    if let Some(found) = procfile::find(here, root, DEV) {
        return Ok(Look::Found(found));
    }
    let mut found = look_further(here, root, package.as_ref());
    if let Look::Found(found) = &mut found {
        // It was to come first.
        found.reasons.extend(procfile::remarks(root, DEV));
    }
    Ok(found)
}

/// Looks at what comes after the Procfile for development.
fn look_further(here: &Caller, root: &Path, package: Option<&Package>) -> Look {
    if let Some(package) = package {
        match workspace::find(here, root, package) {
            Look::Nothing => {}
            other => return other,
        }
        if let Some(found) = package.script(SCRIPT).and_then(|_| of_script(here, root, package)) {
            return Look::Found(found);
        }
    }
    let found = procfile::find(here, root, "Procfile").or_else(|| launch::find(here, root));
    found.map_or(Look::Nothing, Look::Found)
}

/// The package of the root itself; none if there is no manifest of scripts in it.
///
/// # Errors
/// Its `package.json` cannot be read.
pub(crate) fn package_at(root: &Path) -> Result<Option<Package>, Failure> {
    match Package::around(root) {
        // A package above the root is not the project's.
        Ok(package) => Ok(Some(package).filter(|package| package.folder() == root)),
        Err(NoPackage::Unreadable { file, why }) if file.parent() == Some(root) => {
            Err(Failure::usage(format!("{}: {why}", file.display()), "fix that file"))
        }
        Err(NoPackage::Unreadable { .. } | NoPackage::Missing) => Ok(None),
    }
}

/// The `dev` script of the only package.
fn of_script(here: &Caller, root: &Path, package: &Package) -> Option<Found> {
    let (service, reason) = made::of_script(here, root, package, SCRIPT, SCRIPT)?;
    Some(Found {
        source: Source::Script(root.join(project::PACKAGE)),
        services: vec![service],
        reasons: vec![format!("{SCRIPT}: {reason}")],
    })
}

/// No two services are called alike, and no two have one lease (R153).
fn settled(services: Vec<Definition>) -> Vec<Definition> {
    let mut all: Vec<Definition> = Vec::with_capacity(services.len());
    for mut service in services {
        let is_taken =
            |label: &str| all.iter().any(|other: &Definition| other.label.eq_ignore_ascii_case(label));
        if is_taken(&service.label) {
            let numbered = (2..).map(|number| format!("{}-{number}", service.label));
            service.label = numbered.into_iter().find(|label| !is_taken(label)).unwrap_or_default();
        }
        let same = |other: &Definition| {
            other.port != Wish::None && (&other.kind, &other.name) == (&service.kind, &service.name)
        };
        if service.port != Wish::None && all.iter().any(same) {
            service.name = ServiceName::new(&service.label).ok();
        }
        all.push(service);
    }
    all
}

/// The refusal where a script starts packages and does more, with what `styxy init` proposes.
fn unsure(here: &Caller, root: &Path, why: &str) -> Failure {
    let proposal = propose::services(here, root).map(|proposal| propose::text(root, &proposal.services));
    let error = format!(
        "which services are to run is not sure: the script {SCRIPT} of {} starts packages, but {why}",
        root.join(project::PACKAGE).display()
    );
    let refusal = Refusal::new(Code::InvalidRequest, error)
        .hint("styxy init proposes a file that says it; styxy init --write writes it")
        .detail("path", root.to_string_lossy());
    Failure::Usage(Box::new(match proposal {
        Ok(text) => refusal.detail("proposal", text),
        Err(_) => refusal,
    }))
}

fn nothing(root: &Path) -> Failure {
    let remarks = [procfile::remarks(root, DEV), procfile::remarks(root, "Procfile")].concat();
    let remarks = if remarks.is_empty() { String::new() } else { format!("; {}", remarks.join("; ")) };
    let error = format!(
        "{} does not say what is to run: it has no {} with a run, no process in a Procfile, no {SCRIPT} script, and no .claude/launch.json{remarks}",
        root.display(),
        project::FILE
    );
    let refusal = Refusal::new(Code::InvalidRequest, error)
        .hint(format!("styxy init, which looks at more files; or write {EXAMPLE} into {}", project::FILE))
        .detail("path", root.to_string_lossy());
    Failure::Usage(Box::new(refusal))
}

/// A file that a person may begin with.
pub(crate) const EXAMPLE: &str = r#"{"services": {"web": {"run": "npm start"}}}"#;

#[cfg(test)]
mod tests;
