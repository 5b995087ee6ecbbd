//! The packages of a workspace, where the root's script is a bare runner of theirs (R152).

use std::path::Path;

use styxy_client::Caller;
use styxy_core::project;

use super::super::stack::{Definition, Source};
use super::turbo::{Chosen, Workspace};
use super::{Found, Look, SCRIPT, made};
use crate::devserver::folder::{Folder, read};
use crate::devserver::inward::allowed_name;
use crate::devserver::monorepo::{self, Member, Root, Selection, unscoped};
use crate::devserver::package::Package;
use crate::devserver::workspace;

/// How many packages a workspace may have to be looked at.
const MOST: usize = 1000;

/// How many services one worktree has at most.
const SERVICES: usize = 64;

/// The packages that the root's script starts.
pub(super) fn find(here: &Caller, root: &Path, package: &Package) -> Look {
    if workspace::patterns(root).is_empty() || package.script(SCRIPT).is_none() {
        return Look::Nothing;
    }
    let around = Folder { root: Some(root), ..Folder::alone(root) };
    let selections = match monorepo::of_script(SCRIPT, &around) {
        Root::Own => return Look::Nothing,
        Root::More(why) => return Look::Unsure(why),
        Root::Bare(selections) => selections,
    };
    let packages = packages(root);
    if let Some(why) = obstacle(root, &packages, &selections) {
        return Look::Unsure(why);
    }
    let members: Vec<Member> = packages.iter().map(|package| member(root, package)).collect();
    let mut chosen: Vec<Chosen> = Vec::new();
    for (at, task) in selections.iter().flat_map(|selection| selection.of(&members)) {
        let is_new = !chosen.iter().any(|(other, name)| *other == at && name == task);
        if is_new && packages[at].script(task).is_some() {
            chosen.push((at, task.to_owned()));
        }
    }
    let is_turbo = selections.iter().any(|selection| selection.by == "turbo");
    let workspace = Workspace { root, packages: &packages, members: &members };
    if is_turbo {
        workspace.add_beside(&mut chosen);
    }
    if chosen.is_empty() {
        return Look::Unsure("no package has such a script".to_owned());
    }
    if chosen.len() > SERVICES {
        return Look::Unsure(format!("{} packages have such a script; allowed: {SERVICES}", chosen.len()));
    }
    let script = package.script(SCRIPT).unwrap_or_default();
    let mut reasons = vec![format!("the script {SCRIPT} is {script}, which starts these packages")];
    let mut services = of_packages(here, root, &packages, &chosen, &mut reasons);
    if is_turbo && services.len() == chosen.len() {
        let (first, after) = workspace.before(here, package, &chosen);
        for (service, after) in services.iter_mut().zip(after) {
            service.after = after;
        }
        let (first, why): (Vec<Definition>, Vec<String>) = first.into_iter().unzip();
        reasons.extend(why);
        services.splice(0..0, first);
    }
    Look::Found(Found { source: Source::Workspace(root.join(project::PACKAGE)), services, reasons })
}

/// The services of the packages in `chosen`, each with the name of its script, and a reason for each.
fn of_packages(
    here: &Caller,
    root: &Path,
    packages: &[Package],
    chosen: &[Chosen],
    reasons: &mut Vec<String>,
) -> Vec<Definition> {
    let labels = labels(root, packages, chosen);
    let mut services = Vec::new();
    for ((at, task), label) in chosen.iter().zip(labels) {
        let Some((service, reason)) = made::of_script(here, root, &packages[*at], task, &label) else {
            continue;
        };
        reasons.push(format!("{label}: {reason}"));
        services.push(service);
    }
    services
}

/// Every package with the script that people work with, whatever the root says: what `styxy init` proposes.
pub(super) fn all(here: &Caller, root: &Path) -> (Vec<Definition>, Vec<String>) {
    let packages = packages(root);
    let with = packages.iter().enumerate().filter(|(_, package)| package.script(SCRIPT).is_some());
    let chosen: Vec<Chosen> = with.map(|(at, _)| (at, SCRIPT.to_owned())).take(SERVICES).collect();
    let mut reasons = Vec::new();
    let services = of_packages(here, root, &packages, &chosen, &mut reasons);
    (services, reasons)
}

/// The packages that can be read; npm reports the others itself.
fn packages(root: &Path) -> Vec<Package> {
    let folders = workspace::folders(root, MOST).into_iter();
    folders.filter_map(|folder| Package::around(&folder).ok()).collect()
}

fn member(root: &Path, package: &Package) -> Member {
    Member {
        name: package.name().map(str::to_owned),
        path: below(root, package),
        needs: package.dependencies().map(str::to_owned).collect(),
    }
}

fn below(root: &Path, package: &Package) -> String {
    let relative = package.folder().strip_prefix(root).unwrap_or(package.folder());
    relative.to_string_lossy().replace('\\', "/")
}

/// What the packages are called: by their names without scopes; where two are called alike, by their folders; and with the script
/// where a package has several.
fn labels(root: &Path, packages: &[Package], chosen: &[Chosen]) -> Vec<String> {
    let short = |at: usize| {
        let package = &packages[at];
        let folder = package.folder().file_name().map(|name| name.to_string_lossy().into_owned());
        let name = package.name().map(|name| unscoped(name).to_owned()).or(folder);
        allowed_name(&name.unwrap_or_default())
    };
    let is_alone = |at: usize| chosen.iter().all(|(other, _)| *other == at || short(*other) != short(at));
    let label = |(at, task): &Chosen| {
        let base = if is_alone(*at) {
            short(*at)
        } else {
            allowed_name(&below(root, &packages[*at]).replace('/', "-"))
        };
        let first = chosen.iter().find(|(other, _)| other == at).is_none_or(|(_, name)| name == task);
        if first { base } else { format!("{base}-{}", allowed_name(task)) }
    };
    chosen.iter().map(label).collect()
}

/// What the runner would start that its packages' scripts do not say.
fn obstacle(root: &Path, packages: &[Package], selections: &[Selection]) -> Option<String> {
    let tasks = |by: &'static str| {
        let ours = selections.iter().filter(move |selection| selection.by == by);
        ours.flat_map(|selection| &selection.tasks)
    };
    for task in tasks("nx") {
        let mut files = packages.iter().map(|package| package.folder().join("project.json"));
        let quoted = format!("\"{}\"", task.name);
        if let Some(file) = files.find(|file| read(file).is_some_and(|text| text.contains(&quoted))) {
            let file = made::shown(file.strip_prefix(root).unwrap_or(&file));
            return Some(format!("{file} has a target {} of its own", task.name));
        }
    }
    None
}
